/*
 * paddock-init: the first process inside a sandbox (pid 1 of its pid namespace). It starts the warm program ahead,
 * waits for the executor's go, starts or releases the program, and reports exactly how it ended: bubblewrap alone
 * reports a signal as 128+n, which a program can also exit with. When it exits, the kernel kills all the rest.
 *
 *   paddock-init [WARM_COMMAND ARG...]      descriptor 3: a stream socket to the executor; 5 and 6: the outputs
 *
 * It says     ready\n
 *             exit CODE SIGNAL WALL_US USER_US SYSTEM_US MAXRSS_KIB\n
 *             error STEP ERRNO\n
 * It is told  one message: a 4-byte little-endian length, then NUL-terminated strings:
 *             mode ("warm" or "exec"), open files, file bytes, CPU seconds, processes, data bytes (rlimits;
 *             0: leave), working folder, and then
 *             exec: number of arguments, the arguments (the command first), the environment
 *             warm: what is handed to the warm program as it is, with a length of its own in front
 * The warm program has its own socket as descriptor 3 and writes one byte to it when it is ready.
 *
 * The program runs as the same user and could disturb this process only through the kernel's own interfaces (ptrace,
 * /proc/1/mem), which the seccomp filter and PR_SET_DUMPABLE refuse; all it would win is lying about its own status.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CONTROL 3
/* The program's outputs, as the launcher left them (4 was the seccomp program, which bubblewrap has read). */
#define STDOUT_ARRIVED 5
#define STDERR_ARRIVED 6
#define MAX_MESSAGE (64u << 20)
/* Twice the usual: recursion is what students try. Threads get as much address space each. */
#define STACK_BYTES (16u << 20)

static void fail(const char *step) {
  dprintf(CONTROL, "error %s %d\n", step, errno);
  _exit(125);
}

static void read_all(int fd, char *buffer, size_t length) {
  while (length > 0) {
    ssize_t got = read(fd, buffer, length);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) _exit(0); /* the executor let go of this sandbox */
    buffer += got;
    length -= (size_t)got;
  }
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

static const char *next_field(char **at, char *end) {
  char *start = *at;
  char *nul = start < end ? memchr(start, 0, (size_t)(end - start)) : NULL;
  if (!nul) {
    errno = EBADMSG;
    fail("message");
  }
  *at = nul + 1;
  return start;
}

static void limit(pid_t pid, __rlimit_resource_t what, const char *text) {
  unsigned long long value = strtoull(text, NULL, 10);
  if (value == 0) return;
  /* Soft below hard for CPU: the program gets SIGXCPU, which tells a time limit from somebody's SIGKILL. */
  struct rlimit lower = {.rlim_cur = value, .rlim_max = what == RLIMIT_CPU ? value + 2 : value};
  if (prlimit(pid, what, &lower, NULL) < 0) fail("rlimit");
}

/* In a child: the outputs become its own. The first process itself keeps none, so that they end with the program. */
static void take_outputs(void) {
  if (dup2(STDOUT_ARRIVED, 1) < 0 || dup2(STDERR_ARRIVED, 2) < 0) _exit(125);
  close(STDOUT_ARRIVED);
  close(STDERR_ARRIVED);
}

static pid_t start_warm(char **argv, int *channel) {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) fail("socketpair");
  pid_t pid = fork();
  if (pid < 0) fail("fork");
  if (pid == 0) {
    setsid();
    take_outputs();
    /* dup2 onto the same number keeps close-on-exec, so both cases are made explicit. */
    if (pair[1] == CONTROL) fcntl(CONTROL, F_SETFD, 0);
    else if (dup2(pair[1], CONTROL) < 0) _exit(125);
    execvp(argv[0], argv);
    dprintf(2, "cannot start %s: %s\n", argv[0], strerror(errno));
    _exit(125);
  }
  close(pair[1]);
  *channel = pair[0];
  char byte;
  ssize_t got;
  while ((got = read(pair[0], &byte, 1)) < 0 && errno == EINTR) {
  }
  if (got != 1) {
    errno = ECHILD;
    fail("warm");
  }
  return pid;
}

static pid_t start_program(char *at, char *end, const char *folder, const char *limits[5]) {
  long count = strtol(next_field(&at, end), NULL, 10);
  char **argv = calloc((size_t)count + 1, sizeof *argv);
  if (count < 1 || !argv) fail("arguments");
  for (long i = 0; i < count; i++) argv[i] = (char *)next_field(&at, end);
  size_t pairs = 0;
  for (char *p = at; p < end; p++) pairs += *p == 0;
  char **env = calloc(pairs + 1, sizeof *env);
  if (!env) fail("environment");
  for (size_t i = 0; i < pairs; i++) env[i] = (char *)next_field(&at, end);

  pid_t pid = fork();
  if (pid < 0) fail("fork");
  if (pid > 0) return pid;
  setsid();
  take_outputs();
  limit(0, RLIMIT_NOFILE, limits[0]);
  limit(0, RLIMIT_FSIZE, limits[1]);
  limit(0, RLIMIT_CPU, limits[2]);
  limit(0, RLIMIT_NPROC, limits[3]);
  limit(0, RLIMIT_DATA, limits[4]);
  if (chdir(folder) < 0) fail("chdir");
  environ = env;
  execvpe(argv[0], argv, env);
  dprintf(2, "cannot start %s: %s\n", argv[0], strerror(errno));
  _exit(errno == ENOENT ? 127 : 126);
}

static long long micros(struct timeval t) { return (long long)t.tv_sec * 1000000 + t.tv_usec; }

int main(int argc, char **argv) {
  struct rlimit none = {0, 0}, stack = {STACK_BYTES, STACK_BYTES};
  (void)argc;
  prctl(PR_SET_DUMPABLE, 0);
  fcntl(CONTROL, F_SETFD, FD_CLOEXEC);
  /* 1 and 2 are the control socket under other numbers, for bubblewrap's complaints. */
  int null = open("/dev/null", O_WRONLY);
  if (null < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0) fail("null");
  if (null > 2) close(null);
  if (setrlimit(RLIMIT_CORE, &none) < 0 || setrlimit(RLIMIT_STACK, &stack) < 0) fail("rlimit");

  int channel = -1;
  pid_t main_pid = -1;
  if (argv[1]) main_pid = start_warm(argv + 1, &channel);
  if (write_all(CONTROL, "ready\n", 6) < 0) _exit(0);

  uint32_t length;
  read_all(CONTROL, (char *)&length, sizeof length);
  if (length == 0 || length > MAX_MESSAGE) {
    errno = EMSGSIZE;
    fail("message");
  }
  char *message = malloc(length);
  if (!message) fail("message");
  read_all(CONTROL, message, length);
  char *at = message, *end = message + length;
  const char *mode = next_field(&at, end), *limits[5], *folder;
  for (int i = 0; i < 5; i++) limits[i] = next_field(&at, end);
  folder = next_field(&at, end);

  struct timespec before, after;
  clock_gettime(CLOCK_MONOTONIC, &before);
  if (!strcmp(mode, "warm")) {
    if (main_pid < 0) {
      errno = EINVAL;
      fail("mode");
    }
    limit(main_pid, RLIMIT_NOFILE, limits[0]);
    limit(main_pid, RLIMIT_FSIZE, limits[1]);
    limit(main_pid, RLIMIT_CPU, limits[2]);
    limit(main_pid, RLIMIT_NPROC, limits[3]);
    limit(main_pid, RLIMIT_DATA, limits[4]);
    uint32_t rest = (uint32_t)(end - at);
    if (write_all(channel, (char *)&rest, sizeof rest) == 0) write_all(channel, at, rest);
    close(channel);
  } else {
    main_pid = start_program(at, end, folder, limits);
  }
  close(STDOUT_ARRIVED);
  close(STDERR_ARRIVED);

  for (;;) {
    int status;
    struct rusage usage;
    pid_t pid = wait4(-1, &status, 0, &usage);
    if (pid < 0 && errno == EINTR) continue;
    if (pid < 0) fail("wait");
    if (pid != main_pid) continue;
    clock_gettime(CLOCK_MONOTONIC, &after);
    long long wall = (after.tv_sec - before.tv_sec) * 1000000LL + (after.tv_nsec - before.tv_nsec) / 1000;
    dprintf(CONTROL, "exit %d %d %lld %lld %lld %ld\n", WIFEXITED(status) ? WEXITSTATUS(status) : -1,
            WIFSIGNALED(status) ? WTERMSIG(status) : 0, wall, micros(usage.ru_utime), micros(usage.ru_stime),
            usage.ru_maxrss);
    _exit(0);
  }
}
