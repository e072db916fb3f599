/* See inside.h. */
#define _GNU_SOURCE
#include "inside.h"

#include "go.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Twice the usual: recursion is what students try. Threads get as much address space each. */
#define STACK_BYTES (16u << 20)
#define ENDS_WELL (SIGRTMAX - 1)

void fail(const char *step) {
  dprintf(CONTROL, "error %s %d\n", step, errno);
  _exit(125);
}

void set_common_limits(void) {
  struct rlimit none = {0, 0}, stack = {STACK_BYTES, STACK_BYTES};
  if (setrlimit(RLIMIT_CORE, &none) < 0 || setrlimit(RLIMIT_STACK, &stack) < 0) fail("rlimit");
}

static int write_all(int fd, const char *buffer, size_t length) {
  while (length > 0) {
    ssize_t put = send(fd, buffer, length, MSG_NOSIGNAL);
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return -1;
    buffer += put;
    length -= (size_t)put;
  }
  return 0;
}

static void limit(pid_t pid, __rlimit_resource_t what, const char *text) {
  unsigned long long value = strtoull(text, NULL, 10);
  if (value == 0) return;
  /* Soft below hard for CPU: the program gets SIGXCPU, which tells a time limit from somebody's SIGKILL. */
  struct rlimit lower = {.rlim_cur = value, .rlim_max = what == RLIMIT_CPU ? value + 2 : value};
  if (prlimit(pid, what, &lower, NULL) < 0) fail("rlimit");
}

static void limit_all(pid_t pid, const char *limits[5]) {
  limit(pid, RLIMIT_NOFILE, limits[0]);
  limit(pid, RLIMIT_FSIZE, limits[1]);
  limit(pid, RLIMIT_CPU, limits[2]);
  limit(pid, RLIMIT_NPROC, limits[3]);
  limit(pid, RLIMIT_DATA, limits[4]);
}

/* In a child: the outputs become its own. The first process itself keeps none, so that they end with the program. */
static void take_outputs(void) {
  if (dup2(STDOUT_ARRIVED, 1) < 0 || dup2(STDERR_ARRIVED, 2) < 0) _exit(125);
  close(STDOUT_ARRIVED);
  close(STDERR_ARRIVED);
}

/* What never gets ready ends when the launcher lets go: of a forked one it knows no process to kill before it has spoken. */
static void wait_until_warm(int channel) {
  struct pollfd ends[2] = {{.fd = channel, .events = POLLIN}, {.fd = CONTROL}};
  char byte;
  while (poll(ends, 2, -1) < 0 && errno == EINTR) {
  }
  if (ends[0].revents == 0) _exit(0);
  if (read(channel, &byte, 1) != 1) {
    errno = ECHILD;
    fail("warm");
  }
}

/* Returns 0 in the child with THE_CALLER. */
static pid_t start_ahead(enum ahead ahead, char *const *command, int (*fork_process)(void), int *channel) {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) fail("socketpair");
  pid_t pid = fork_process();
  if (pid < 0) fail("fork");
  if (pid == 0) {
    setsid();
    take_outputs();
    /* The other end and the control socket must not stay open here: a forked program goes through no exec. */
    close(pair[0]);
    if (pair[1] == CONTROL) fcntl(CONTROL, F_SETFD, 0);
    else if (dup2(pair[1], CONTROL) < 0) _exit(125);
    if (pair[1] != CONTROL) close(pair[1]);
    if (ahead == THE_CALLER) {
      /* As after an exec: its own /proc is its own to look at. The first process has set this off. */
      prctl(PR_SET_DUMPABLE, 1);
      return 0;
    }
    execvp(command[0], command);
    dprintf(2, "cannot start %s: %s\n", command[0], strerror(errno));
    _exit(125);
  }
  close(pair[1]);
  *channel = pair[0];
  wait_until_warm(pair[0]);
  return pid;
}

static pid_t start_program(char *at, char *end, const char *folder, const char *limits[5], int (*fork_process)(void)) {
  long count = strtol(next_field(&at, end), NULL, 10);
  char **argv = calloc((size_t)count + 1, sizeof *argv);
  if (count < 1 || !argv) fail("arguments");
  for (long i = 0; i < count; i++) argv[i] = (char *)next_field(&at, end);
  size_t pairs = 0;
  for (char *p = at; p < end; p++) pairs += *p == 0;
  char **env = calloc(pairs + 1, sizeof *env);
  if (!env) fail("environment");
  for (size_t i = 0; i < pairs; i++) env[i] = (char *)next_field(&at, end);

  pid_t pid = fork_process();
  if (pid < 0) fail("fork");
  if (pid > 0) return pid;
  setsid();
  take_outputs();
  limit_all(0, limits);
  if (chdir(folder) < 0) fail("chdir");
  environ = env;
  execvpe(argv[0], argv, env);
  dprintf(2, "cannot start %s: %s\n", argv[0], strerror(errno));
  _exit(errno == ENOENT ? 127 : 126);
}

static long long micros(struct timeval t) { return (long long)t.tv_sec * 1000000 + t.tv_usec; }

static void say_end(const char *word, int code, int by_signal, const struct timespec *since, const struct rusage *usage) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  long long wall = (now.tv_sec - since->tv_sec) * 1000000LL + (now.tv_nsec - since->tv_nsec) / 1000;
  char line[128];
  int length = snprintf(line, sizeof line, "%s %d %d %lld %lld %lld %ld\n", word, code, by_signal, wall,
                        micros(usage->ru_utime), micros(usage->ru_stime), usage->ru_maxrss);
  write_all(CONTROL, line, (size_t)length);
}

static void report_end_of(pid_t program, const struct timespec *since) {
  for (;;) {
    int status;
    struct rusage usage;
    pid_t pid = wait4(-1, &status, 0, &usage);
    if (pid < 0 && errno == EINTR) continue;
    if (pid < 0) fail("wait");
    if (pid != program) continue;
    if (since->tv_sec == 0) return; /* it never got to be the program, and has said why */
    say_end("exit", WIFEXITED(status) ? WEXITSTATUS(status) : -1, WIFSIGNALED(status) ? WTERMSIG(status) : 0, since,
            &usage);
    return;
  }
}

/* Both are blocked in the first process, and so kept for it: without a handler it would get neither. */
static void set_of_ends(sigset_t *set) {
  sigemptyset(set);
  sigaddset(set, SIGCHLD);
  sigaddset(set, ENDS_WELL);
}

void end_well(void) { kill(1, ENDS_WELL); }

/*
 * The program's end, or its word that it ends. Only the kernel can have written a signal's sender where its code is
 * SI_USER, so nobody but the program can say it; and it can end with 0 whenever it likes anyway.
 */
static void wait_for_end_of(pid_t program, const struct timespec *since) {
  static const struct rusage unknown;
  sigset_t ends;
  siginfo_t info;
  set_of_ends(&ends);
  for (;;) {
    int number = sigwaitinfo(&ends, &info);
    if (number == SIGCHLD) {
      siginfo_t child = {0};
      if (waitid(P_PID, (id_t)program, &child, WEXITED | WNOHANG | WNOWAIT) == 0 && child.si_pid == program)
        return report_end_of(program, since);
      /* The program's orphans are ours to reap, but not the program. */
      while (waitid(P_ALL, 0, &child, WEXITED | WNOHANG | WNOWAIT) == 0 && child.si_pid > 0 && child.si_pid != program)
        waitpid(child.si_pid, NULL, 0);
    } else if (number == ENDS_WELL && info.si_code == SI_USER && info.si_pid == program && since->tv_sec != 0) {
      return say_end("ends", 0, 0, since, &unknown);
    }
  }
}

/*
 * A forked interpreter has handlers of its own. Without any, no signal from inside reaches the first process of a pid
 * namespace; with one, a program can keep it busy until a limit on CPU time ends it.
 */
static void drop_handlers(void) {
  for (int number = 1; number < SIGRTMIN; number++) signal(number, SIG_DFL);
}

/* When the program started, told by itself to the first process; gone from its memory before anything of the user's. */
static struct timespec *told_start;

char *take_go(size_t *length) {
  receive_files();
  char *end, *at = read_go(&end);
  const char *limits[5];
  next_field(&at, end);
  for (int i = 0; i < 5; i++) limits[i] = next_field(&at, end);
  next_field(&at, end);
  limit_all(0, limits);
  clock_gettime(CLOCK_MONOTONIC, told_start);
  munmap(told_start, sizeof *told_start);
  close(CONTROL);
  /* As after an exec: its own /proc is its own to look at. */
  if (prctl(PR_SET_DUMPABLE, 1) < 0) _exit(125);
  *length = (size_t)(end - at);
  return at;
}

/* Returns in the child. */
static void be_first_process_alone(int (*fork_process)(void)) {
  told_start = mmap(NULL, sizeof *told_start, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (told_start == MAP_FAILED) fail("shared");
  sigset_t ends;
  set_of_ends(&ends);
  sigprocmask(SIG_BLOCK, &ends, NULL);
  pid_t program = fork_process();
  if (program < 0) fail("fork");
  if (program == 0) {
    sigprocmask(SIG_UNBLOCK, &ends, NULL);
    setsid();
    take_outputs();
    return;
  }
  close(STDOUT_ARRIVED);
  close(STDERR_ARRIVED);
  drop_handlers();
  if (write_all(CONTROL, "ready\n", 6) < 0) _exit(0);
  wait_for_end_of(program, told_start);
  _exit(0);
}

void be_first_process(enum ahead ahead, char *const *command, int (*fork_process)(void)) {
  if (ahead == THE_CALLER_ALONE) {
    be_first_process_alone(fork_process);
    return;
  }
  int channel = -1;
  pid_t program = -1;
  if (ahead != NOTHING) {
    program = start_ahead(ahead, command, fork_process, &channel);
    if (program == 0) return;
  }
  drop_handlers();
  if (write_all(CONTROL, "ready\n", 6) < 0) _exit(0);

  receive_files();
  char *end, *at = read_go(&end);
  const char *mode = next_field(&at, end), *limits[5], *folder;
  for (int i = 0; i < 5; i++) limits[i] = next_field(&at, end);
  folder = next_field(&at, end);

  struct timespec started;
  clock_gettime(CLOCK_MONOTONIC, &started);
  if (!strcmp(mode, "warm")) {
    if (program < 0) {
      errno = EINVAL;
      fail("mode");
    }
    limit_all(program, limits);
    uint32_t rest = (uint32_t)(end - at);
    if (write_all(channel, (char *)&rest, sizeof rest) == 0) write_all(channel, at, rest);
    close(channel);
  } else {
    program = start_program(at, end, folder, limits, fork_process);
  }
  close(STDOUT_ARRIVED);
  close(STDERR_ARRIVED);
  report_end_of(program, &started);
  _exit(0);
}
