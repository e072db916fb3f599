#define _GNU_SOURCE
#include "server.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void __attribute__((noreturn)) fail(const char *what, const char *name) {
  fprintf(stderr, "the database server cannot be started: %s %s: %s\n", what, name, strerror(errno));
  exit(1);
}

static void copy_file(const char *from, const char *to) {
  char bytes[1 << 16];
  int source = open(from, O_RDONLY | O_CLOEXEC), target = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (source < 0) fail("open", from);
  if (target < 0) fail("create", to);
  for (;;) {
    ssize_t got = read(source, bytes, sizeof bytes);
    if (got < 0) fail("read", from);
    if (got == 0) break;
    if (write(target, bytes, (size_t)got) != got) fail("write", to);
  }
  close(source);
  close(target);
}

static void copy_files(const char *from, const char *to) {
  char source[1024], target[1024];
  DIR *folder = opendir(from);
  if (!folder) {
    /* A preparation keeps files only: a folder without any is not there. */
    if (errno == ENOENT) return;
    fail("open", from);
  }
  for (struct dirent *entry; (entry = readdir(folder));) {
    if (entry->d_type == DT_DIR) continue;
    snprintf(source, sizeof source, "%s/%s", from, entry->d_name);
    snprintf(target, sizeof target, "%s/%s", to, entry->d_name);
    copy_file(source, target);
  }
  closedir(folder);
}

void copy_data(struct server *server, const char *prepared) {
  const char *temporary = getenv("TMPDIR");
  char list[512], name[256], from[512], to[512];
  snprintf(server->folder, sizeof server->folder, "%s/.paddock", temporary && *temporary ? temporary : "/tmp");
  snprintf(server->data, sizeof server->data, "%s/data", server->folder);
  snprintf(server->log, sizeof server->log, "%s/log", server->folder);
  if (mkdir(server->folder, 0700) < 0) fail("mkdir", server->folder);
  snprintf(list, sizeof list, "%s/folders", prepared);
  FILE *folders = fopen(list, "re");
  if (!folders) fail("open", list);
  while (fgets(name, sizeof name, folders)) {
    name[strcspn(name, "\n")] = 0;
    snprintf(from, sizeof from, "%s/%s", prepared, name);
    snprintf(to, sizeof to, "%s/%s", server->folder, name);
    if (mkdir(to, 0700) < 0) fail("mkdir", to);
    copy_files(from, to);
  }
  fclose(folders);
}

void start_server(struct server *server, char *const *command) {
  server->pid = fork();
  if (server->pid < 0) fail("fork", command[0]);
  if (server->pid > 0) return;
  prctl(PR_SET_PDEATHSIG, SIGQUIT);
  setsid();
  int log = open(server->log, O_WRONLY | O_CREAT | O_APPEND, 0600);
  /* Standard output and error are the script's own, and they have to end with it. */
  if (log < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0) _exit(126);
  close_range(3, ~0u, 0);
  execv(command[0], command);
  dprintf(2, "cannot start %s: %s\n", command[0], strerror(errno));
  _exit(127);
}

void tell_server_log(const struct server *server) {
  char words[2049];
  int log = open(server->log, O_RDONLY | O_CLOEXEC);
  if (log < 0) return;
  off_t size = lseek(log, 0, SEEK_END);
  ssize_t got = pread(log, words, sizeof words - 1, size > 2048 ? size - 2048 : 0);
  close(log);
  if (got <= 0) return;
  words[got] = 0;
  fprintf(stderr, "its last words:\n%s", words);
}

void wait_for_server(struct server *server) {
  if (waitpid(server->pid, NULL, WNOHANG) == server->pid) {
    fputs("the database server has ended while starting\n", stderr);
    tell_server_log(server);
    exit(1);
  }
  nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
}
