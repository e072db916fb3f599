/*
 * paddock-launch: a small process of the executor's that starts sandboxes for it. Starting them from Node would copy
 * Node's page tables each time and hold its event loop until the new program runs; this process is tiny, so its fork
 * is cheap. The child then does what has to happen before bubblewrap, in itself, so that nothing races: it joins the
 * cgroup, makes the scratch space, gives up root, and becomes bubblewrap.
 *
 * Requests on descriptor 0, each a 4-byte little-endian length and then NUL-terminated strings:
 *
 *   start NAME --stage DIR --scratch-bytes N --scratch-inodes N --uid N|self --control PATH --seccomp PATH
 *         --stdin PATH --stdout PATH --stderr PATH
 *         [--join FILE]... [--show SOURCE NAME]... [--link TARGET NAME]... [--env NAME=VALUE]... -- bwrap ARG...
 *   kill PID       the whole sandbox; of no effect once its end was told
 *
 * Answers on descriptor 1, a line each: `started NAME PID`, `ended PID`. A sandbox has ended when bubblewrap has, which
 * waits for its pid namespace; what it said before, if it could not start, is on the control socket.
 *
 * --join   a cgroup.procs (v1: one a controller) to write itself into, before anything else
 * --stage  a directory; in a mount namespace of its own (nothing is ever mounted on the host, so nothing can be left
 *          behind) it becomes a tmpfs of the given size and inode count with work/, tmp/ and shm/ for the program and
 *          mnt/NAME for each --show: a host path bound read-only, also one the sandbox's user could not reach by itself;
 *          --link puts a symbolic link there
 * --uid    the host uid and gid to become; "self" makes a user namespace instead, for an executor that is not root
 * --control  a listening unix socket to connect to: descriptor 3 of the sandbox, and where bubblewrap complains. The
 *          seccomp program is descriptor 4; the program's outputs are 5 and 6, where bubblewrap's outer process lets go
 *          of them: if it held them, output would end only with it.
 *
 * Any failure is one line on descriptor 2 and exit status 125: a sandbox never starts with a part missing.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_LIST 64
#define MAX_FIELDS 1024
#define MAX_REQUEST (1u << 20)

static void fail(const char *what, const char *name) {
  dprintf(2, "paddock-launch: %s %s: %s\n", what, name ? name : "", strerror(errno));
  _exit(125);
}

static void write_file(const char *path, const char *text) {
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) fail("open", path);
  if (write(fd, text, strlen(text)) < 0) fail("write", path);
  close(fd);
}

static void make_dir(const char *base, const char *name, mode_t mode, uid_t uid) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", base, name);
  if (mkdir(path, mode) < 0) fail("mkdir", path);
  if (uid != (uid_t)-1 && chown(path, uid, uid) < 0) fail("chown", path);
  if (chmod(path, mode) < 0) fail("chmod", path);
}

static void show(const char *stage, const char *source, const char *name) {
  char target[4096];
  struct stat st;
  if (stat(source, &st) < 0) fail("stat", source);
  snprintf(target, sizeof target, "%s/mnt/%s", stage, name);
  if (S_ISDIR(st.st_mode)) {
    if (mkdir(target, 0755) < 0) fail("mkdir", target);
  } else {
    int fd = open(target, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644);
    if (fd < 0) fail("create", target);
    close(fd);
  }
  /* No read-only remount here: bubblewrap's --ro-bind of mnt/ does that for everything below it. */
  if (mount(source, target, NULL, MS_BIND | MS_REC, NULL) < 0) fail("bind", source);
}

static void own_user_namespace(void) {
  char map[64];
  uid_t uid = getuid();
  gid_t gid = getgid();
  if (unshare(CLONE_NEWUSER) < 0) fail("unshare", "user namespace");
  write_file("/proc/self/setgroups", "deny");
  snprintf(map, sizeof map, "%u %u 1", uid, uid);
  write_file("/proc/self/uid_map", map);
  snprintf(map, sizeof map, "%u %u 1", gid, gid);
  write_file("/proc/self/gid_map", map);
}

static void place(int fd, int as) {
  if (fd == as) {
    if (fcntl(fd, F_SETFD, 0) < 0) fail("fcntl", NULL);
  } else if (dup2(fd, as) < 0) {
    fail("dup2", NULL);
  }
}

/* Opened above 9 first, so that placing one never closes another. */
static int open_high(const char *path, int flags) {
  int fd = open(path, flags | O_CLOEXEC);
  if (fd < 0) fail("open", path);
  int high = fcntl(fd, F_DUPFD_CLOEXEC, 10);
  if (high < 0) fail("fcntl", path);
  close(fd);
  return high;
}

static int connect_high(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address.sun_path) {
    errno = ENAMETOOLONG;
    fail("control", path);
  }
  strcpy(address.sun_path, path);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) fail("socket", path);
  if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0) fail("connect", path);
  int high = fcntl(fd, F_DUPFD_CLOEXEC, 10);
  if (high < 0) fail("fcntl", path);
  close(fd);
  return high;
}

/* The child: from the arguments of a start request to bubblewrap. Never returns. */
static void start(int argc, char **argv) {
  const char *stage = NULL, *bytes = NULL, *inodes = NULL, *uid_text = NULL, *control = NULL, *seccomp = NULL;
  const char *streams[3] = {NULL, NULL, NULL};
  const char *joins[MAX_LIST], *sources[MAX_LIST], *names[MAX_LIST], *targets[MAX_LIST], *links[MAX_LIST];
  char *env[MAX_LIST + 1];
  int join_count = 0, show_count = 0, link_count = 0, env_count = 0, i = 0;

  for (; i < argc && strcmp(argv[i], "--") != 0; i++) {
    if (i + 1 >= argc) break;
    if (!strcmp(argv[i], "--stage")) stage = argv[++i];
    else if (!strcmp(argv[i], "--scratch-bytes")) bytes = argv[++i];
    else if (!strcmp(argv[i], "--scratch-inodes")) inodes = argv[++i];
    else if (!strcmp(argv[i], "--uid")) uid_text = argv[++i];
    else if (!strcmp(argv[i], "--control")) control = argv[++i];
    else if (!strcmp(argv[i], "--seccomp")) seccomp = argv[++i];
    else if (!strcmp(argv[i], "--stdin")) streams[0] = argv[++i];
    else if (!strcmp(argv[i], "--stdout")) streams[1] = argv[++i];
    else if (!strcmp(argv[i], "--stderr")) streams[2] = argv[++i];
    else if (!strcmp(argv[i], "--env") && env_count < MAX_LIST) env[env_count++] = argv[++i];
    else if (!strcmp(argv[i], "--join") && join_count < MAX_LIST) joins[join_count++] = argv[++i];
    else if (!strcmp(argv[i], "--show") && i + 2 < argc && show_count < MAX_LIST) {
      sources[show_count] = argv[++i];
      names[show_count++] = argv[++i];
    } else if (!strcmp(argv[i], "--link") && i + 2 < argc && link_count < MAX_LIST) {
      targets[link_count] = argv[++i];
      links[link_count++] = argv[++i];
    } else {
      errno = EINVAL;
      fail("argument", argv[i]);
    }
  }
  env[env_count] = NULL;
  if (!stage || !bytes || !inodes || !uid_text || !control || !seccomp || !streams[0] || !streams[1] || !streams[2] ||
      i + 1 >= argc) {
    errno = EINVAL;
    fail("usage", "see the comment in paddock-launch.c");
  }

  int channel = connect_high(control), filter = open_high(seccomp, O_RDONLY), in = open_high(streams[0], O_RDONLY);
  int out = open_high(streams[1], O_WRONLY), err = open_high(streams[2], O_WRONLY);
  place(channel, 1);
  place(channel, 2);
  place(in, 0);
  place(channel, 3);
  place(filter, 4);
  place(out, 5);
  place(err, 6);

  for (int j = 0; j < join_count; j++) write_file(joins[j], "0");

  int own = strcmp(uid_text, "self") == 0;
  uid_t uid = own ? (uid_t)-1 : (uid_t)strtoul(uid_text, NULL, 10);
  if (uid == 0) {
    errno = EINVAL;
    fail("uid", uid_text);
  }
  if (own) own_user_namespace();
  if (unshare(CLONE_NEWNS) < 0) fail("unshare", "mount namespace");
  if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) fail("mount", "private");

  char options[128];
  snprintf(options, sizeof options, "size=%s,nr_inodes=%s,mode=0755", bytes, inodes);
  if (mount("paddock", stage, "tmpfs", MS_NOSUID | MS_NODEV, options) < 0) fail("mount tmpfs", stage);
  make_dir(stage, "work", 0755, uid);
  make_dir(stage, "tmp", 01777, uid);
  make_dir(stage, "shm", 01777, uid);
  make_dir(stage, "mnt", 0755, (uid_t)-1);
  for (int j = 0; j < show_count; j++) show(stage, sources[j], names[j]);
  for (int j = 0; j < link_count; j++) {
    char path[4096];
    snprintf(path, sizeof path, "%s/mnt/%s", stage, links[j]);
    if (symlink(targets[j], path) < 0) fail("symlink", path);
  }

  if (!own) {
    if (setgroups(0, NULL) < 0) fail("setgroups", NULL);
    if (setresgid(uid, uid, uid) < 0) fail("setresgid", uid_text);
    if (setresuid(uid, uid, uid) < 0) fail("setresuid", uid_text);
  }
  /* Nothing else that the executor holds gets in. */
  if (close_range(7, ~0u, 0) < 0) fail("close_range", NULL);
  execve(argv[i + 1], argv + i + 1, env);
  fail("exec", argv[i + 1]);
}

static void read_exactly(char *buffer, size_t length) {
  while (length > 0) {
    ssize_t got = read(0, buffer, length);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) exit(0); /* the executor is gone, and every sandbox goes with this process */
    buffer += got;
    length -= (size_t)got;
  }
}

/* A child of ours is not reaped before its end was told, so its pid is its own; bubblewrap's only child is the first
 * process of the pid namespace, and takes everything inside along. */
static void kill_sandbox(pid_t monitor) {
  char path[64], text[64];
  siginfo_t info = {0};
  if (waitid(P_PID, (id_t)monitor, &info, WEXITED | WNOHANG | WNOWAIT) < 0) return; /* no child of ours any more */
  if (info.si_pid == monitor) return;
  snprintf(path, sizeof path, "/proc/%d/task/%d/children", monitor, monitor);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t got = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
  if (fd >= 0) close(fd);
  text[got > 0 ? got : 0] = 0;
  pid_t first = (pid_t)strtol(text, NULL, 10);
  kill(first > 1 ? first : monitor, SIGKILL);
}

static void serve_request(const sigset_t *mask) {
  static char buffer[MAX_REQUEST];
  char *fields[MAX_FIELDS + 1];
  uint32_t length;
  int count = 0;
  read_exactly((char *)&length, sizeof length);
  if (length == 0 || length > sizeof buffer) exit(1);
  read_exactly(buffer, length);
  for (char *at = buffer; at < buffer + length && count < MAX_FIELDS; at += strlen(at) + 1) fields[count++] = at;
  fields[count] = NULL;
  buffer[length - 1] = 0;
  if (count == 2 && !strcmp(fields[0], "kill")) {
    kill_sandbox((pid_t)strtol(fields[1], NULL, 10));
  } else if (count > 2 && !strcmp(fields[0], "start")) {
    pid_t pid = fork();
    if (pid == 0) {
      sigprocmask(SIG_UNBLOCK, mask, NULL);
      start(count - 2, fields + 2);
    }
    dprintf(1, "started %s %d\n", fields[1], pid);
  } else {
    exit(1);
  }
}

static void reap(int signals) {
  struct signalfd_siginfo info;
  while (read(signals, &info, sizeof info) > 0) {
  }
  for (;;) {
    pid_t pid = waitpid(-1, NULL, WNOHANG);
    if (pid <= 0) return;
    dprintf(1, "ended %d\n", pid);
  }
}

int main(void) {
  sigset_t mask;
  pid_t parent = getppid();
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent) return 1;
  /* What bubblewrap leaves when it is killed first comes here to be reaped, not to whatever is pid 1. */
  if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0) fail("prctl", NULL);
  sigemptyset(&mask);
  sigaddset(&mask, SIGCHLD);
  if (sigprocmask(SIG_BLOCK, &mask, NULL) < 0) fail("sigprocmask", NULL);
  int signals = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
  if (signals < 0) fail("signalfd", NULL);
  struct pollfd polled[2] = {{.fd = 0, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
  for (;;) {
    if (poll(polled, 2, -1) < 0 && errno != EINTR) fail("poll", NULL);
    if (polled[1].revents) reap(signals);
    if (polled[0].revents) serve_request(&mask);
  }
}
