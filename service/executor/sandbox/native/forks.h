#ifndef PADDOCK_FORKS_H
#define PADDOCK_FORKS_H

#include "inside.h"

/*
 * Is the fork server from here on. Returns only in processes that are to become a program, already in their sandbox,
 * where they were asked for as forks of the caller; see paddock-forks.c.
 * `copies` is how those wait for go: THE_CALLER or THE_CALLER_ALONE.
 */
void serve(int (*fork_process)(void), enum ahead copies);

#endif
