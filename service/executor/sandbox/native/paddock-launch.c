/*
 * paddock-launch: a small process of the executor's that starts sandboxes for it and carries what they say. Starting
 * them from Node would copy Node's page tables each time and hold its event loop until the new program runs; listening
 * to each from Node would cost three sockets a sandbox and a turn of the event loop for every line. This process is
 * tiny: its fork is cheap, and it tells the executor of a program's whole end in one piece.
 *
 * Both directions are frames: 4 bytes length of the payload, 1 byte kind, 4 bytes number of the sandbox, little-endian;
 * then the payload. Requests on descriptor 0 (strings are NUL-terminated):
 *
 *   S  start a process of its own in bubblewrap. Strings, see start.c:
 *        --stage DIR --scratch-bytes N --scratch-inodes N --uid N|self --seccomp PATH --stdin PATH [--range FIRST COUNT]
 *        [--join FILE]... [--show SOURCE NAME]... [--link TARGET NAME]... [--env NAME=VALUE]... -- bwrap ARG...
 *        --join   a cgroup.procs (v1: one a controller) to write itself into, before anything else
 *        --stage  a directory; in a mount namespace of its own (nothing is ever mounted on the host, so nothing can be
 *                 left behind) it becomes a tmpfs of the given size and inode count with work/, tmp/ and shm/ for the
 *                 program and mnt/NAME for each --show: a host path bound read-only, also one the sandbox's user could
 *                 not reach by itself; --link puts a symbolic link there
 *        --uid    the host uid and gid to become; "self" makes a user namespace instead, for an executor that is not
 *                 root
 *        --range  makes it a fork server: a user namespace with that uid as root and COUNT further uids, and a
 *                 SOCK_SEQPACKET control socket. "0 0" for one with a single uid, which bubblewrap then makes
 *        The control socket is descriptor 3, the seccomp program 4; the program's outputs are 5 and 6, where
 *        bubblewrap's outer process lets go of them: if it held them, output would end only with it.
 *   F  fork: the strings SERVER (number), STDIN, GROUP (of the outputs), COUNT and as many cgroup.procs; what follows
 *      goes to the fork server as it is (paddock-forks.c)
 *   G  go: 1 byte: 1 where output is wanted as it comes, 8 bytes: how much of each output, then what goes to the
 *      sandbox's control socket as it is
 *   K  kill the whole sandbox; of no effect once its end was told
 *
 * Answers on descriptor 1:
 *
 *   P  4 bytes: a process of the sandbox, as the host counts: bubblewrap's outer one, or the first inside of a forked one
 *   X  what it said on the control socket
 *   O  E  output (one byte more than wanted where there was more);  o  e  its end
 *   D  dead: nothing inside is alive any more. The last word on a sandbox
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "box.h"
#include "requests.h"

#define SCAN_MS 10

static void reap(int signals) {
  struct signalfd_siginfo info;
  while (read(signals, &info, sizeof info) > 0) {
  }
  for (;;) {
    pid_t pid = waitpid(-1, NULL, WNOHANG);
    if (pid <= 0) return;
    struct box *box = boxes;
    while (box && (box->kind == FORKED || box->pid != pid || box->dead)) box = box->next;
    if (box) box_died(box);
  }
}

static int64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void handle(struct watch *watched) {
  struct box *box = watched->box;
  if (box->fds[watched->part] < 0) return; /* closed by an event before this one */
  if (watched->part == PROCESS) box_died(box);
  else if (watched->part == CONTROL_END) read_control(box);
  else read_output(box, watched->part);
}

int main(void) {
  struct epoll_event events[64];
  struct rlimit files, most;
  sigset_t mask;
  pid_t parent = getppid();
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent) return 1;
  /* What bubblewrap leaves when it is killed first comes here to be reaped, not to whatever is pid 1. */
  if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0) die("prctl");
  if (getrlimit(RLIMIT_NOFILE, &files) < 0) die("getrlimit");
  most = (struct rlimit){files.rlim_max, files.rlim_max};
  setrlimit(RLIMIT_NOFILE, &most);
  signal(SIGPIPE, SIG_IGN);
  sigemptyset(&mask);
  sigaddset(&mask, SIGCHLD);
  if (sigprocmask(SIG_BLOCK, &mask, NULL) < 0) die("sigprocmask");
  int signals = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
  epoll = epoll_create1(EPOLL_CLOEXEC);
  if (signals < 0 || epoll < 0) die("epoll");
  struct watch request_watch = {0}, signal_watch = {0};
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = &request_watch};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, 0, &event) < 0) die("epoll_ctl");
  event.data.ptr = &signal_watch;
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, signals, &event) < 0) die("epoll_ctl");
  for (int64_t scanned = 0;;) {
    int count = epoll_wait(epoll, events, 64, anything_to_scan() ? SCAN_MS : -1);
    if (count < 0 && errno != EINTR) die("epoll_wait");
    for (int i = 0; i < count; i++) {
      if (events[i].data.ptr == &request_watch) serve_request(&mask, &files);
      else if (events[i].data.ptr == &signal_watch) reap(signals);
      else handle(events[i].data.ptr);
    }
    if (now_ms() - scanned >= SCAN_MS) {
      scan_outputs();
      scanned = now_ms();
    }
    flush();
    forget_dead();
  }
}
