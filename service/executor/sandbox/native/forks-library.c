/*
 * paddock-forks.so: the fork server inside an interpreter, by LD_PRELOAD. It takes the place of two functions of libc:
 *
 *   fork    An interpreter that calls it when it is ready becomes the fork server: the first call does not return there.
 *           It returns 0 in each process that is to become a program, already in its sandbox, and what the interpreter
 *           itself does after a fork (locks, thread state, random seeds) does the rest.
 *   fopen   Python is left to start completely; it becomes the fork server when it opens the program's file, and what
 *           follows is in python-program.c.
 *
 * That the library is there tells the variable PADDOCK_FORKS=1, which the interpreter should take away. Once a process is
 * a program, both are libc's own again.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "forks.h"
#include "inside.h"
#include "python-program.h"

#define EXPORTED __attribute__((visibility("default")))
#define PYTHON_PROGRAM "/work/main.py"

typedef FILE *open_file(const char *, const char *);
static int (*libc_fork)(void);
static open_file *libc_fopen;
static int armed;

__attribute__((constructor)) static void arm(void) {
  int type = 0;
  socklen_t size = sizeof type;
  unsetenv("LD_PRELOAD");
  libc_fork = (int (*)(void))dlsym(RTLD_NEXT, "fork");
  libc_fopen = (open_file *)dlsym(RTLD_NEXT, "fopen64");
  if (getsockopt(CONTROL, SOL_SOCKET, SO_TYPE, &type, &size) < 0 || type != SOCK_SEQPACKET) return;
  set_common_limits();
  setenv("PADDOCK_FORKS", "1", 1);
  armed = 1;
}

EXPORTED pid_t fork(void) {
  if (!armed) return libc_fork();
  armed = 0;
  serve(libc_fork, THE_CALLER);
  return 0;
}

EXPORTED FILE *fopen64(const char *path, const char *mode) {
  if (armed && !strcmp(path, PYTHON_PROGRAM) && python_is_ready()) {
    armed = 0;
    serve_python(path, libc_fork, libc_fopen);
  }
  return libc_fopen(path, mode);
}
