#ifndef PADDOCK_PYTHON_END_H
#define PADDOCK_PYTHON_END_H

#include <stdio.h>

/*
 * Runs Python's program and ends the process. Returns where this is no Python that has been prepared for it, or where
 * there is no such file: then it is as if it had not been called. `open_file` is libc's fopen.
 */
void run_python_program(const char *path, FILE *(*open_file)(const char *, const char *));

#endif
