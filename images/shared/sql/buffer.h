/* Bytes that grow at the end. Where there is no memory left the program ends: it could not even say so in order. */
#pragma once
#include <stddef.h>

struct buffer {
  char *data; /* always ends with a NUL that length does not count, once anything was added */
  size_t length, room;
};

void add_bytes(struct buffer *to, const char *bytes, size_t length);
void add_text(struct buffer *to, const char *text);
void add_char(struct buffer *to, char byte);
void add_spaces(struct buffer *to, size_t count);
void add_format(struct buffer *to, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Keeps the room for what comes next. */
void clear_buffer(struct buffer *buffer);
void free_buffer(struct buffer *buffer);
/* Never returns NULL. */
void *allocate(size_t count, size_t size);
