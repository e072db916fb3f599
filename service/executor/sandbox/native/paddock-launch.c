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
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "start.h"

#define MAX_FIELDS 1024
#define MAX_REQUEST (1u << 30)
#define MAX_JOINS 8
#define HEADER 9
#define CHUNK (64u << 10)
/* Output that is not wanted as it comes is held back up to this much, and told with the end. */
#define MAX_HELD (256u << 10)
#define MAX_COMPLAINT 2000
#define SCAN_MS 10
#define BUSY (32u << 10)

enum part { CONTROL_END, OUT_END, ERR_END, PROCESS, PARTS };
enum kind { PLAIN, SERVER, FORKED };

struct box;
struct watch {
  struct box *box;
  enum part part;
};

/* One sandbox, or a fork server. */
struct box {
  uint32_t id;
  enum kind kind;
  pid_t pid; /* of a forked one 0 until it has spoken */
  int fds[PARTS]; /* -1 once closed */
  struct watch watches[PARTS];
  int watched[PARTS];
  uint64_t wanted[PARTS];
  char *held[PARTS];
  size_t held_size[PARTS];
  int gone, streams, dead; /* go was sent; output is wanted as it comes */
  struct box *next;
};

static struct box *boxes;
static int epoll = -1;
static char answers[4 * CHUNK];
static size_t answered;

static void die(const char *what) {
  dprintf(2, "paddock-launch: %s: %s\n", what, strerror(errno));
  exit(125);
}

/* ---- to the executor ---- */

static void flush(void) {
  for (size_t at = 0; at < answered;) {
    ssize_t put = write(1, answers + at, answered - at);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) exit(0); /* the executor is gone */
    at += (size_t)put;
  }
  answered = 0;
}

static void tell(char kind, uint32_t id, const char *payload, size_t size) {
  for (size_t at = 0; at == 0 || at < size;) {
    size_t piece = size - at > CHUNK ? CHUNK : size - at;
    uint32_t length = (uint32_t)piece;
    if (answered + HEADER + piece > sizeof answers) flush();
    memcpy(answers + answered, &length, 4);
    answers[answered + 4] = kind;
    memcpy(answers + answered + 5, &id, 4);
    if (piece > 0) memcpy(answers + answered + HEADER, payload + at, piece);
    answered += HEADER + piece;
    at += piece;
    if (size == 0) return;
  }
}

static void tell_process(const struct box *box) {
  uint32_t pid = (uint32_t)box->pid;
  tell('P', box->id, (char *)&pid, sizeof pid);
}

/* ---- sandboxes ---- */

static struct box *find(uint32_t id) {
  struct box *box = boxes;
  while (box && box->id != id) box = box->next;
  return box;
}

static void watch(struct box *box, enum part part) {
  if (box->watched[part] || box->fds[part] < 0) return;
  box->watched[part] = 1;
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = &box->watches[part]};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, box->fds[part], &event) < 0) die("epoll_ctl");
}

static struct box *add_box(uint32_t id, enum kind kind, const int fds[PARTS]) {
  struct box *box = calloc(1, sizeof *box);
  if (!box) die("calloc");
  box->id = id;
  box->kind = kind;
  for (int part = 0; part < PARTS; part++) {
    box->fds[part] = fds[part];
    box->watches[part] = (struct watch){box, (enum part)part};
    if (part != OUT_END && part != ERR_END) watch(box, (enum part)part);
  }
  /* Until go this is only for complaints. */
  box->streams = 1;
  box->wanted[OUT_END] = box->wanted[ERR_END] = MAX_COMPLAINT;
  box->next = boxes;
  boxes = box;
  return box;
}

static void close_part(struct box *box, enum part part) {
  if (box->fds[part] < 0) return;
  /* Closing alone does not end the watching: a child of ours on its way to its exec has this open as well. */
  if (box->watched[part]) epoll_ctl(epoll, EPOLL_CTL_DEL, box->fds[part], NULL);
  close(box->fds[part]);
  box->fds[part] = -1;
}

static void tell_held(struct box *box, enum part part) {
  static const char kinds[] = "XOE";
  if (box->held_size[part] > 0) tell(kinds[part], box->id, box->held[part], box->held_size[part]);
  box->held_size[part] = 0;
}

/* Everything that was held back, in the order in which the executor can make sense of it. */
static void tell_all_held(struct box *box) {
  tell_held(box, OUT_END);
  tell_held(box, ERR_END);
  tell_held(box, CONTROL_END);
}

static void hold(struct box *box, enum part part, const char *bytes, size_t size) {
  char *grown = realloc(box->held[part], box->held_size[part] + size);
  if (!grown) die("realloc");
  memcpy(grown + box->held_size[part], bytes, size);
  box->held[part] = grown;
  box->held_size[part] += size;
}

static int outputs_open(const struct box *box) { return box->fds[OUT_END] >= 0 || box->fds[ERR_END] >= 0; }

static void output_came(struct box *box, enum part part, const char *bytes, size_t size) {
  /* One byte too many tells that there was more; what comes after that is of no interest to anybody. */
  uint64_t most = box->wanted[part] + 1;
  size_t kept = size > most ? (size_t)most : size;
  if (kept == 0) return;
  int over = kept == most;
  box->wanted[part] = over ? (uint64_t)-1 : box->wanted[part] - kept; /* -1: `most` is 0 from here on */
  hold(box, part, bytes, kept);
  if (box->streams || over || box->held_size[part] > MAX_HELD) tell_held(box, part);
}

static void box_died(struct box *box);

/* One that ended before it could say which process it is: that nothing of it is open any more is all there is to see. */
static void end_if_silent(struct box *box) {
  if (box->kind == FORKED && box->fds[PROCESS] < 0 && box->fds[CONTROL_END] < 0 && !outputs_open(box)) box_died(box);
}

static void output_ended(struct box *box, enum part part) {
  close_part(box, part);
  tell_held(box, part);
  tell(part == OUT_END ? 'o' : 'e', box->id, NULL, 0);
  if (!outputs_open(box)) tell_all_held(box);
  end_if_silent(box);
}

/* Reads what there is of an output; 1 where more may come. */
static int read_output(struct box *box, enum part part) {
  static char bytes[CHUNK];
  ssize_t got = read(box->fds[part], bytes, sizeof bytes);
  if (got < 0 && (errno == EINTR || errno == EAGAIN)) return errno == EINTR;
  if (got > 0) output_came(box, part, bytes, (size_t)got);
  else output_ended(box, part);
  return got > 0;
}

static void watch_outputs(struct box *box) {
  watch(box, OUT_END);
  watch(box, ERR_END);
}

/* All that is there now; 1 where that was so much that the next is better not waited for. */
static int drain(struct box *box, enum part part) {
  size_t before = box->held_size[part];
  while (box->fds[part] >= 0 && read_output(box, part)) {
  }
  return box->held_size[part] - before > BUSY || box->held_size[part] < before;
}

static void drain_outputs(struct box *box) {
  drain(box, OUT_END);
  drain(box, ERR_END);
}

/*
 * To be woken by each line that a program prints costs more than the line. Output that nobody waits for stays in its pipe
 * until the program has ended or a scan comes by; a program that fills the pipe meanwhile is listened to from then on.
 */
static void scan_outputs(void) {
  for (struct box *box = boxes; box; box = box->next) {
    if (!box->gone || box->streams || box->dead) continue;
    for (enum part part = OUT_END; part <= ERR_END; part++)
      if (!box->watched[part] && drain(box, part)) watch(box, part);
  }
}

/* The program is done, although it still holds its output open: what is there by now is all there is. */
static void end_outputs(struct box *box) {
  drain_outputs(box);
  for (enum part part = OUT_END; part <= ERR_END; part++)
    if (box->fds[part] >= 0) output_ended(box, part);
}

/* A forked sandbox's first words carry its process; it says no more until go, so it is alive when it is looked up. */
static void learn_process(struct box *box, const struct msghdr *message) {
  struct cmsghdr *header = CMSG_FIRSTHDR(message);
  if (box->pid > 0 || !header || header->cmsg_type != SCM_CREDENTIALS) return;
  struct ucred sender;
  memcpy(&sender, CMSG_DATA(header), sizeof sender);
  if (sender.pid <= 1) return;
  box->pid = sender.pid;
  box->fds[PROCESS] = (int)syscall(SYS_pidfd_open, box->pid, 0);
  if (box->fds[PROCESS] < 0) return; /* gone already: the end of the socket tells */
  watch(box, PROCESS);
  tell_process(box);
}

/* 1 where more may come. */
static int read_control(struct box *box) {
  char bytes[4096], space[CMSG_SPACE(sizeof(struct ucred))];
  struct iovec body = {.iov_base = bytes, .iov_len = sizeof bytes};
  struct msghdr message = {.msg_iov = &body, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space};
  ssize_t got = recvmsg(box->fds[CONTROL_END], &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (got < 0 && (errno == EINTR || errno == EAGAIN)) return errno == EINTR;
  if (got > 0) {
    if (box->kind == FORKED) learn_process(box, &message);
    hold(box, CONTROL_END, bytes, (size_t)got);
    int exits = got >= 5 && memcmp(bytes, "exit ", 5) == 0;
    if (got >= 5 && memcmp(bytes, "ends ", 5) == 0) end_outputs(box);
    /* Its exit is told together with the rest of its output; where others still hold that open, with their death. */
    if (exits) drain_outputs(box);
    if (box->streams || !exits || !outputs_open(box)) tell_held(box, CONTROL_END);
    return 1;
  }
  close_part(box, CONTROL_END);
  if (box->kind == FORKED && box->fds[PROCESS] < 0) watch_outputs(box);
  end_if_silent(box);
  return 0;
}

/* Nothing inside is alive: the last of what it said is there to be read. */
static void box_died(struct box *box) {
  if (box->dead) return;
  box->dead = 1;
  drain_outputs(box);
  while (box->fds[CONTROL_END] >= 0 && read_control(box)) {
  }
  tell_all_held(box);
  tell('D', box->id, NULL, 0);
}

/* After a batch of events: none of them points to what is freed here. */
static void forget_dead(void) {
  for (struct box **at = &boxes; *at;) {
    struct box *box = *at;
    if (!box->dead) {
      at = &box->next;
      continue;
    }
    *at = box->next;
    for (int part = 0; part < PARTS; part++) {
      close_part(box, (enum part)part);
      free(box->held[part]);
    }
    free(box);
  }
}

/* ---- requests ---- */

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

static void serve_request(const sigset_t *mask, const struct rlimit *files) {
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

/* ---- the loop ---- */

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

static int anything_to_scan(void) {
  const struct box *box = boxes;
  while (box && (!box->gone || box->streams || box->dead || !outputs_open(box))) box = box->next;
  return box != NULL;
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
