/* See start.h. */
#define _GNU_SOURCE
#include "start.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_LIST 64

static void __attribute__((noreturn)) fail(const char *what, const char *name) {
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

static int high(int fd) {
  int moved = fcntl(fd, F_DUPFD_CLOEXEC, 10);
  if (moved < 0) fail("fcntl", NULL);
  close(fd);
  return moved;
}

static int open_high(const char *path, int flags) {
  int fd = open(path, flags | O_CLOEXEC);
  if (fd < 0) fail("open", path);
  return high(fd);
}

/*
 * The user namespace of a fork server: its root is `uid` outside, and the uids from 1 on are `first` and those after it,
 * for the sandboxes it makes. Such a map is written from outside, by a process that is still root there.
 */
static void range_user_namespace(uid_t uid, const char *first, const char *count) {
  int ready[2], status;
  char map[128], path[64], byte = 0;
  if (pipe2(ready, O_CLOEXEC) < 0) fail("pipe", NULL);
  pid_t self = getpid(), writer = fork();
  if (writer < 0) fail("fork", NULL);
  if (writer == 0) {
    close(ready[1]);
    if (read(ready[0], &byte, 1) != 1) _exit(1);
    snprintf(map, sizeof map, "0 %u 1\n1 %s %s", uid, first, count);
    snprintf(path, sizeof path, "/proc/%d/uid_map", self);
    write_file(path, map);
    snprintf(path, sizeof path, "/proc/%d/gid_map", self);
    write_file(path, map);
    _exit(0);
  }
  if (unshare(CLONE_NEWUSER) < 0) fail("unshare", "user namespace");
  if (write(ready[1], &byte, 1) != 1) fail("write", "pipe");
  if (waitpid(writer, &status, 0) < 0 || status != 0) fail("map", first);
  close(ready[0]);
  close(ready[1]);
}

static void become(uid_t uid) {
  if (setgroups(0, NULL) < 0) fail("setgroups", NULL);
  if (setresgid(uid, uid, uid) < 0) fail("setresgid", NULL);
  if (setresuid(uid, uid, uid) < 0) fail("setresuid", NULL);
}

/* What a start request asks for; where a list ends, its count is. */
struct wanted {
  const char *stage, *bytes, *inodes, *uid, *seccomp, *input, *range_first, *range_count;
  const char *joins[MAX_LIST], *sources[MAX_LIST], *names[MAX_LIST], *targets[MAX_LIST], *links[MAX_LIST];
  char *env[MAX_LIST + 1];
  int join_count, show_count, link_count, env_count;
};

/* Returns the index of the command. */
static int parse(int argc, char **argv, struct wanted *w) {
  int i = 0;
  for (; i < argc && strcmp(argv[i], "--") != 0; i++) {
    if (i + 1 >= argc) break;
    if (!strcmp(argv[i], "--stage")) w->stage = argv[++i];
    else if (!strcmp(argv[i], "--scratch-bytes")) w->bytes = argv[++i];
    else if (!strcmp(argv[i], "--scratch-inodes")) w->inodes = argv[++i];
    else if (!strcmp(argv[i], "--uid")) w->uid = argv[++i];
    else if (!strcmp(argv[i], "--seccomp")) w->seccomp = argv[++i];
    else if (!strcmp(argv[i], "--stdin")) w->input = argv[++i];
    else if (!strcmp(argv[i], "--env") && w->env_count < MAX_LIST) w->env[w->env_count++] = argv[++i];
    else if (!strcmp(argv[i], "--join") && w->join_count < MAX_LIST) w->joins[w->join_count++] = argv[++i];
    else if (!strcmp(argv[i], "--range") && i + 2 < argc) {
      w->range_first = argv[++i];
      w->range_count = argv[++i];
    } else if (!strcmp(argv[i], "--show") && i + 2 < argc && w->show_count < MAX_LIST) {
      w->sources[w->show_count] = argv[++i];
      w->names[w->show_count++] = argv[++i];
    } else if (!strcmp(argv[i], "--link") && i + 2 < argc && w->link_count < MAX_LIST) {
      w->targets[w->link_count] = argv[++i];
      w->links[w->link_count++] = argv[++i];
    } else {
      errno = EINVAL;
      fail("argument", argv[i]);
    }
  }
  if (!w->stage || !w->bytes || !w->inodes || !w->uid || !w->seccomp || !w->input || i + 1 >= argc) {
    errno = EINVAL;
    fail("usage", "see the comment in paddock-launch.c");
  }
  return i + 1;
}

static void mount_stage(const struct wanted *w, uid_t uid) {
  char options[128];
  if (unshare(CLONE_NEWNS) < 0) fail("unshare", "mount namespace");
  if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) fail("mount", "private");
  snprintf(options, sizeof options, "size=%s,nr_inodes=%s,mode=0755", w->bytes, w->inodes);
  if (mount("paddock", w->stage, "tmpfs", MS_NOSUID | MS_NODEV, options) < 0) fail("mount tmpfs", w->stage);
  make_dir(w->stage, "work", 0755, uid);
  make_dir(w->stage, "tmp", 01777, uid);
  make_dir(w->stage, "shm", 01777, uid);
  make_dir(w->stage, "mnt", 0755, (uid_t)-1);
  for (int j = 0; j < w->show_count; j++) show(w->stage, w->sources[j], w->names[j]);
  for (int j = 0; j < w->link_count; j++) {
    char path[4096];
    snprintf(path, sizeof path, "%s/mnt/%s", w->stage, w->links[j]);
    if (symlink(w->targets[j], path) < 0) fail("symlink", path);
  }
}

void start(int argc, char **argv, const struct own_ends *ends) {
  struct wanted w = {0};
  /* Above 9 first, so that placing one never closes another. */
  int channel = high(ends->control), out = high(ends->out), err = high(ends->err);
  place(channel, 1);
  place(channel, 2);
  int command = parse(argc, argv, &w);
  int filter = open_high(w.seccomp, O_RDONLY), in = open_high(w.input, O_RDONLY);
  place(in, 0);
  place(channel, 3);
  place(filter, 4);
  place(out, 5);
  place(err, 6);

  for (int j = 0; j < w.join_count; j++) write_file(w.joins[j], "0");

  int own = strcmp(w.uid, "self") == 0;
  uid_t uid = own ? (uid_t)-1 : (uid_t)strtoul(w.uid, NULL, 10);
  if (uid == 0) {
    errno = EINVAL;
    fail("uid", w.uid);
  }
  if (own) own_user_namespace();
  mount_stage(&w, uid);
  if (w.range_first && !own) range_user_namespace(uid, w.range_first, w.range_count);
  if (!own) become(w.range_first ? 0 : uid);
  /* Nothing else that the executor holds gets in. */
  if (close_range(7, ~0u, 0) < 0) fail("close_range", NULL);
  execve(argv[command], argv + command, w.env);
  fail("exec", argv[command]);
}
