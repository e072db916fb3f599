#ifndef PADDOCK_PYTHON_PROGRAM_H
#define PADDOCK_PYTHON_PROGRAM_H

#include <stdio.h>

/* Whether this process is a Python that has all that is needed of it. */
int python_is_ready(void);

/*
 * To be called where Python opens its program's file: is the fork server from here on, and in each child runs the program
 * and ends. Never returns. `fork_process` and `open_file` are libc's.
 */
void serve_python(const char *path, int (*fork_process)(void), FILE *(*open_file)(const char *, const char *))
    __attribute__((noreturn));

#endif
