/*
 * paddock-launch: what has to happen between the executor's spawn and bubblewrap's start, done in the child itself so
 * that nothing races: join the cgroup, make the scratch space, give up root. Then it becomes bubblewrap.
 *
 *   paddock-launch --stage DIR --scratch-bytes N --scratch-inodes N --uid N|self
 *                  [--join FILE]... [--show SOURCE NAME]... [--link TARGET NAME]... -- bwrap ARG...
 *
 * --join   a cgroup.procs (v1: one a controller) to write itself into, before anything else
 * --stage  a directory; in a mount namespace of its own (nothing is ever mounted on the host, so nothing can be left
 *          behind) it becomes a tmpfs of the given size and inode count with work/, tmp/ and shm/ for the program and
 *          mnt/NAME for each --show: a host path bound read-only, also one the sandbox's user could not reach by itself;
 *          --link puts a symbolic link there
 * --uid    the host uid and gid to become; "self" makes a user namespace instead, for an executor that is not root
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
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_LIST 64

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

int main(int argc, char **argv) {
  const char *stage = NULL, *bytes = NULL, *inodes = NULL, *uid_text = NULL;
  const char *joins[MAX_LIST], *sources[MAX_LIST], *names[MAX_LIST], *targets[MAX_LIST], *links[MAX_LIST];
  int join_count = 0, show_count = 0, link_count = 0, i = 1;

  for (; i < argc && strcmp(argv[i], "--") != 0; i++) {
    if (i + 1 >= argc) break;
    if (!strcmp(argv[i], "--stage")) stage = argv[++i];
    else if (!strcmp(argv[i], "--scratch-bytes")) bytes = argv[++i];
    else if (!strcmp(argv[i], "--scratch-inodes")) inodes = argv[++i];
    else if (!strcmp(argv[i], "--uid")) uid_text = argv[++i];
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
  if (!stage || !bytes || !inodes || !uid_text || i + 1 >= argc) {
    errno = EINVAL;
    fail("usage", "see the comment in paddock-launch.c");
  }

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
  /* 0 to 2 are the program's, 3 the control socket, 4 the seccomp filter: nothing else the executor holds gets in. */
  if (close_range(5, ~0u, 0) < 0) fail("close_range", NULL);
  execv(argv[i + 1], argv + i + 1);
  fail("exec", argv[i + 1]);
}
