/* See requests.h. */
#define _GNU_SOURCE
#include "requests.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "box.h"
#include "start.h"

#define HEADER 9
#define MAX_FIELDS 1024
#define MAX_REQUEST (1u << 30)
#define MAX_JOINS 8

static void read_exactly(char *bytes, size_t length) {
  while (length > 0) {
    ssize_t got = read(0, bytes, length);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) exit(0); /* the executor is gone, and every sandbox goes with this process */
    bytes += got;
    length -= (size_t)got;
  }
}

static int split(char *bytes, size_t length, char **fields) {
  int count = 0;
  for (char *at = bytes; at < bytes + length && count < MAX_FIELDS; at += strlen(at) + 1) fields[count++] = at;
  fields[count] = NULL;
  return count;
}

/* Programs open /dev/stdout again, which asks for permission on the pipe itself: the sandbox's group gets it. */
static void make_output(int pair[2], gid_t group) {
  if (pipe2(pair, O_CLOEXEC) < 0) die("pipe2");
  if (group != (gid_t)-1 && fchown(pair[1], (uid_t)-1, group) < 0) die("fchown");
  if (fchmod(pair[1], 0620) < 0) die("fchmod");
  if (fcntl(pair[0], F_SETFL, O_NONBLOCK) < 0) die("fcntl");
}

static void refuse(uint32_t id, const char *what) {
  char line[256];
  int length = snprintf(line, sizeof line, "%s: %s\n", what, strerror(errno));
  tell('X', id, line, (size_t)length);
  tell('D', id, NULL, 0);
}

static const char *argument(char **fields, int count, const char *name) {
  for (int i = 0; i + 1 < count && strcmp(fields[i], "--") != 0; i++)
    if (!strcmp(fields[i], name)) return fields[i + 1];
  return NULL;
}

static void request_start(uint32_t id, char *bytes, size_t length, const sigset_t *mask, const struct rlimit *files) {
  char *fields[MAX_FIELDS + 1];
  int control[2], out[2] = {-1, -1}, err[2] = {-1, -1}, count = split(bytes, length, fields);
  enum kind kind = argument(fields, count, "--range") ? SERVER : PLAIN;
  const char *uid = argument(fields, count, "--uid");
  gid_t group = uid && strcmp(uid, "self") != 0 ? (gid_t)strtoul(uid, NULL, 10) : (gid_t)-1;
  int type = kind == SERVER ? SOCK_SEQPACKET : SOCK_STREAM;
  if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, control) < 0) die("socketpair");
  make_output(out, group);
  make_output(err, group);
  pid_t pid = fork();
  if (pid == 0) {
    struct own_ends ends = {control[1], out[1], err[1]};
    sigprocmask(SIG_UNBLOCK, mask, NULL);
    signal(SIGPIPE, SIG_DFL);
    setrlimit(RLIMIT_NOFILE, files);
    start(count, fields, &ends);
  }
  close(control[1]);
  close(out[1]);
  close(err[1]);
  if (pid < 0) {
    refuse(id, "fork");
    close(control[0]);
    close(out[0]);
    close(err[0]);
    return;
  }
  const int fds[PARTS] = {control[0], out[0], err[0], -1};
  struct box *box = add_box(id, kind, fds);
  box->pid = pid;
  tell_process(box);
}

static int send_with(int socket, const char *bytes, size_t length, const int *descriptors, int count) {
  char space[CMSG_SPACE(sizeof(int) * (4 + MAX_JOINS))] = {0};
  struct iovec body = {.iov_base = (char *)bytes, .iov_len = length};
  struct msghdr message = {.msg_iov = &body, .msg_iovlen = 1, .msg_control = space};
  message.msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)count);
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int) * (size_t)count);
  memcpy(CMSG_DATA(header), descriptors, sizeof(int) * (size_t)count);
  /* A server that does not read is not waited for. */
  return sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -1 : 0;
}

static void request_fork(uint32_t id, char *bytes, size_t length) {
  char *fields[MAX_FIELDS + 1], *end = bytes + length;
  int count = split(bytes, length, fields), joins = count < 4 ? -1 : atoi(fields[3]);
  struct box *server = count < 4 ? NULL : find((uint32_t)strtoul(fields[0], NULL, 10));
  errno = ESRCH;
  if (joins < 0 || joins > MAX_JOINS || 4 + joins >= count || !server || server->kind != SERVER ||
      server->fds[CONTROL_END] < 0)
    return refuse(id, "fork server");
  int control[2], out[2], err[2], on = 1, given[4 + MAX_JOINS], ok = 1;
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, control) < 0) die("socketpair");
  if (setsockopt(control[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof on) < 0) die("setsockopt");
  gid_t group = (gid_t)strtol(fields[2], NULL, 10);
  make_output(out, group);
  make_output(err, group);
  given[0] = control[1];
  given[1] = open(fields[1], O_RDONLY | O_CLOEXEC);
  given[2] = out[1];
  given[3] = err[1];
  for (int i = 0; i < joins; i++) given[4 + i] = open(fields[4 + i], O_WRONLY | O_CLOEXEC);
  for (int i = 0; i < 4 + joins; i++) ok = ok && given[i] >= 0;
  char *rest = fields[4 + joins];
  ok = ok && send_with(server->fds[CONTROL_END], rest, (size_t)(end - rest), given, 4 + joins) == 0;
  int failed = errno;
  for (int i = 0; i < 4 + joins; i++)
    if (given[i] >= 0) close(given[i]);
  if (!ok) {
    close(control[0]);
    close(out[0]);
    close(err[0]);
    errno = failed;
    return refuse(id, "fork request");
  }
  const int fds[PARTS] = {control[0], out[0], err[0], -1};
  add_box(id, FORKED, fds);
}

static void request_go(uint32_t id, const char *bytes, size_t length) {
  struct box *box = find(id);
  uint64_t wanted;
  if (!box || box->fds[CONTROL_END] < 0 || length < 9) return;
  memcpy(&wanted, bytes + 1, sizeof wanted);
  box->gone = 1;
  box->streams = bytes[0] == 1;
  if (box->streams) watch_outputs(box);
  box->wanted[OUT_END] = box->wanted[ERR_END] = wanted;
  for (size_t at = 9; at < length;) {
    ssize_t put = send(box->fds[CONTROL_END], bytes + at, length - at, MSG_NOSIGNAL);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return; /* its end tells */
    at += (size_t)put;
  }
}

/* A child of ours is not reaped before its end was told, so its pid is its own; bubblewrap's only child is the first
 * process of the pid namespace, and takes everything inside along. */
static void kill_child(pid_t monitor) {
  char path[64], text[64];
  snprintf(path, sizeof path, "/proc/%d/task/%d/children", monitor, monitor);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t got = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
  if (fd >= 0) close(fd);
  text[got > 0 ? got : 0] = 0;
  pid_t first = (pid_t)strtol(text, NULL, 10);
  kill(first > 1 ? first : monitor, SIGKILL);
}

static void request_kill(uint32_t id) {
  struct box *box = find(id);
  if (!box || box->dead) return;
  if (box->kind != FORKED) kill_child(box->pid);
  else if (box->fds[PROCESS] >= 0) syscall(SYS_pidfd_send_signal, box->fds[PROCESS], SIGKILL, NULL, 0);
  else {
    close_part(box, CONTROL_END); /* not there yet: it ends when it finds nobody to talk to */
    watch_outputs(box);
  }
  end_if_silent(box);
}

void serve_request(const sigset_t *mask, const struct rlimit *files) {
  char header[HEADER];
  uint32_t length, id;
  read_exactly(header, sizeof header);
  memcpy(&length, header, 4);
  memcpy(&id, header + 5, 4);
  if (length > MAX_REQUEST) exit(1);
  char *payload = malloc(length + 1);
  if (!payload) die("malloc");
  read_exactly(payload, length);
  payload[length] = 0;
  if (header[4] == 'S') request_start(id, payload, length, mask, files);
  else if (header[4] == 'F') request_fork(id, payload, length);
  else if (header[4] == 'G') request_go(id, payload, length);
  else if (header[4] == 'K') request_kill(id);
  else exit(1);
  free(payload);
}
