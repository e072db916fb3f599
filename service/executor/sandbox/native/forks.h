#ifndef PADDOCK_FORKS_H
#define PADDOCK_FORKS_H

/*
 * Is the fork server from here on. Returns only in processes that are to become a program, already in their sandbox,
 * where they were asked for as forks of the caller; see paddock-forks.c.
 */
void serve(int (*fork_process)(void));

#endif
