/*
 * How a waiting program is told to go (docs/adding-a-runtime.md): descriptor 3 is a stream socket, one byte R says that
 * it is ready, and one message holds the entry, the arguments and the environment.
 */
#pragma once
#include <stdbool.h>

/* Whether this program was started ahead. */
bool started_ahead(void);

struct go {
  const char *entry;
  long argument_count;
};

/* Says that the program is ready and waits. Ends the program where it is not needed any more. */
struct go wait_for_go(void);
