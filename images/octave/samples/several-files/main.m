addpath("lib");
printf("%d %d\n", double_of(21), triple(7));
