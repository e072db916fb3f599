/* Runs a script and the files it includes; what a statement is to the server is each client's own. */
#pragma once
#include "result-set.h"
#include "splitter.h"

struct script {
  struct splitter splitter;
  const char *file;
  int depth;
};

/* Where a message is about: FILE:LINE, on standard error. */
void say_where(const char *file, long line);
/* False where something failed; the message is said. */
bool run_script(enum dialect dialect, const char *file, int depth, int argument_count);

/* The client's: runs one statement, prints and notes what comes back, says what went wrong. */
bool run_statement(struct script *script, const struct piece *piece, const char *text, long number);
