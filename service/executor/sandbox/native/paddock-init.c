/*
 * paddock-init: the first process of a sandbox that has a bubblewrap of its own. It starts the warm program ahead, waits
 * for go, starts or releases the program, and reports exactly how it ended: bubblewrap alone reports a signal as 128+n,
 * which a program can also exit with. When it exits, the kernel kills all the rest. What it speaks stands in inside.h.
 *
 *   paddock-init [WARM_COMMAND ARG...]
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "inside.h"

static int fork_process(void) { return fork(); }

int main(int argc, char **argv) {
  prctl(PR_SET_DUMPABLE, 0);
  fcntl(CONTROL, F_SETFD, FD_CLOEXEC);
  /* 1 and 2 are the control socket under other numbers, for bubblewrap's complaints. */
  int null = open("/dev/null", O_WRONLY);
  if (null < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0) fail("null");
  if (null > 2) close(null);
  set_common_limits();
  be_first_process(argc > 1 ? A_COMMAND : NOTHING, argv + 1, fork_process);
}
