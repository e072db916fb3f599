/* Prepended to every C program of the suite. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
static inline void held(const char *what, const char *detail) { printf("held: %s (%s)\n", what, detail); fflush(stdout); }
static inline void broken(const char *what, const char *detail) { printf("BROKEN: %s (%s)\n", what, detail); fflush(stdout); }
/* Its own bound: a sandbox that fails to hold a program must not hang the machine. */
__attribute__((constructor)) static void own_bound(void) { alarm(30); }
#line 1 "program.c"
