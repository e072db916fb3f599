#include "buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void __attribute__((noreturn)) no_memory(void) {
  dprintf(2, "there is not enough memory for the result\n");
  _exit(1);
}

void *allocate(size_t count, size_t size) {
  void *memory = calloc(count > 0 ? count : 1, size);
  if (!memory) no_memory();
  return memory;
}

static void make_room(struct buffer *to, size_t more) {
  if (to->room - to->length > more) return;
  size_t room = to->room < 256 ? 256 : to->room;
  while (room - to->length <= more) room *= 2;
  char *data = realloc(to->data, room);
  if (!data) no_memory();
  to->data = data;
  to->room = room;
}

void add_bytes(struct buffer *to, const char *bytes, size_t length) {
  make_room(to, length);
  memcpy(to->data + to->length, bytes, length);
  to->length += length;
  to->data[to->length] = 0;
}

void add_text(struct buffer *to, const char *text) { add_bytes(to, text, strlen(text)); }

void add_char(struct buffer *to, char byte) { add_bytes(to, &byte, 1); }

void add_spaces(struct buffer *to, size_t count) {
  make_room(to, count);
  memset(to->data + to->length, ' ', count);
  to->length += count;
  to->data[to->length] = 0;
}

void add_format(struct buffer *to, const char *format, ...) {
  char text[512];
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  if (length < 0) return;
  if ((size_t)length < sizeof text) {
    add_bytes(to, text, (size_t)length);
    return;
  }
  make_room(to, (size_t)length);
  va_start(arguments, format);
  vsnprintf(to->data + to->length, (size_t)length + 1, format, arguments);
  va_end(arguments);
  to->length += (size_t)length;
}

void clear_buffer(struct buffer *buffer) { buffer->length = 0; }

void free_buffer(struct buffer *buffer) {
  free(buffer->data);
  *buffer = (struct buffer){0};
}
