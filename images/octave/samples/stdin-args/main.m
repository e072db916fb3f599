numbers = fscanf(stdin, "%d");
printf("%d\n", sum(numbers));
arguments = argv();
for i = 1:numel(arguments)
  printf("[%s]\n", arguments{i});
end
