/* The database server of this sandbox: a copy of the prepared data, and a process that listens on a socket beside it. */
#pragma once
#include <stdbool.h>
#include <sys/types.h>

struct server {
  pid_t pid;
  char folder[256];
  char data[288];
  char log[288];
};

/*
 * Copies `prepared`/data to the scratch space; `prepared`/folders names its folders, parents first.
 * Ends the program with a message where that fails.
 */
void copy_data(struct server *server, const char *prepared);
/* `command` ends with NULL. What the server says goes to its log. */
void start_server(struct server *server, char *const *command);
/* Waits a moment; ends the program with the server's last words where it is gone. */
void wait_for_server(struct server *server);
/* Its last words, on standard error. */
void tell_server_log(const struct server *server);
