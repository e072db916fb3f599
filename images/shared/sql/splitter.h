/* Cuts a script into what the server gets, one statement at a time, and what is meant for the client. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

enum dialect { POSTGRESQL, MARIADB };

enum piece_kind {
  THE_END,
  STATEMENT,
  /* \i, \echo, source: the rest of its line belongs to it. */
  COMMAND,
  /* A backslash command where a statement has begun that has not ended. */
  MISPLACED_COMMAND,
};

struct piece {
  enum piece_kind kind;
  /* Without the delimiter, and without comments and white space around it. */
  const char *text;
  size_t length;
  /* Where it starts in the file, from 1. */
  long line;
  /* MariaDB's \G: one line for each column. */
  bool vertical;
};

struct splitter {
  enum dialect dialect;
  const char *text;
  size_t length;
  size_t at;
  /* Lines are counted up to here. */
  size_t counted;
  long line;
  char delimiter[17];
};

void start_splitting(struct splitter *splitter, enum dialect dialect, const char *text, size_t length);
struct piece next_piece(struct splitter *splitter);
/* A line of data after a statement such as COPY … FROM STDIN, its newline included; false at the end. */
bool next_data_line(struct splitter *splitter, const char **line, size_t *length);
