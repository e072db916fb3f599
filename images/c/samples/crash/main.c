#include <stdio.h>

int main(void) {
  puts("before");
  fflush(stdout);
  volatile int *nowhere = 0;
  *nowhere = 1;
}
