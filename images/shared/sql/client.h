/* What the clients of all databases have in common: the way from being started ahead to the script's exit code. */
#pragma once
#include "result-set.h"
#include "splitter.h"

struct client {
  /* What is said where arguments are missing. */
  const char *usage;
  enum dialect dialect;
  /* Starts the server's program on a copy of the prepared data, and connects; ends the program where that fails. */
  void (*start)(const char *program, const char *prepared);
};

/* SERVER PREPARED [SCRIPT [ARGUMENT…]]; started ahead, script and arguments come later. Ends the program. */
_Noreturn void run_client(const struct client *client, int count, char **arguments);

/* Notes a statement's rows as JSON where that was possible at the start. False, and said, where they do not fit. */
bool note_result(const struct statement_place *place, const char *command, const struct result_set *set);
