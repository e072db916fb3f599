#include "stack.h"

static int items[10], count;
void push(int value) { items[count++] = value; }
int pop(void) { return items[--count]; }
