#include <stdio.h>
#include "lib/stack.h"

int main(void) {
  push(1);
  push(2);
  printf("%d %d\n", pop(), 0);
}
