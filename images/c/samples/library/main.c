#include <math.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int compare(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }

static void *work(void *value) {
  *(int *)value *= 2;
  return NULL;
}

int main(void) {
  int numbers[] = {3, 1, 2}, value = 21;
  qsort(numbers, 3, sizeof *numbers, compare);
  printf("%d %.3f %s %lld\n", numbers[0], sqrt(2), strstr("hello", "ll"), (long long)INT64_MAX);
  pthread_t thread;
  pthread_create(&thread, NULL, work, &value);
  pthread_join(thread, NULL);
  printf("%d\n", value);
  char *memory = malloc(1 << 20);
  memset(memory, 1, 1 << 20);
  free(memory);
}
