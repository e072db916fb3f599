/* See box.h. */
#define _GNU_SOURCE
#include "box.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define HEADER 9
#define CHUNK (64u << 10)
/* Output that is not wanted as it comes is held back up to this much, and told with the end. */
#define MAX_HELD (256u << 10)
#define MAX_COMPLAINT 2000
/* What a scan finds of a program that is better listened to. */
#define BUSY (32u << 10)

struct box *boxes;
int epoll = -1;
static char answers[4 * CHUNK];
static size_t answered;

void die(const char *what) {
  dprintf(2, "paddock-launch: %s: %s\n", what, strerror(errno));
  exit(125);
}

void flush(void) {
  for (size_t at = 0; at < answered;) {
    ssize_t put = write(1, answers + at, answered - at);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) exit(0); /* the executor is gone */
    at += (size_t)put;
  }
  answered = 0;
}

void tell(char kind, uint32_t id, const char *payload, size_t size) {
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

void tell_process(const struct box *box) {
  uint32_t pid = (uint32_t)box->pid;
  tell('P', box->id, (char *)&pid, sizeof pid);
}

struct box *find(uint32_t id) {
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

struct box *add_box(uint32_t id, enum kind kind, const int fds[PARTS]) {
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

void close_part(struct box *box, enum part part) {
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

int outputs_open(const struct box *box) { return box->fds[OUT_END] >= 0 || box->fds[ERR_END] >= 0; }

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

/* One that ended before it could say which process it is: that nothing of it is open any more is all there is to see. */
void end_if_silent(struct box *box) {
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
int read_output(struct box *box, enum part part) {
  static char bytes[CHUNK];
  ssize_t got = read(box->fds[part], bytes, sizeof bytes);
  if (got < 0 && (errno == EINTR || errno == EAGAIN)) return errno == EINTR;
  if (got > 0) output_came(box, part, bytes, (size_t)got);
  else output_ended(box, part);
  return got > 0;
}

void watch_outputs(struct box *box) {
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
void scan_outputs(void) {
  for (struct box *box = boxes; box; box = box->next) {
    if (!box->gone || box->streams || box->dead) continue;
    for (enum part part = OUT_END; part <= ERR_END; part++)
      if (!box->watched[part] && drain(box, part)) watch(box, part);
  }
}

int anything_to_scan(void) {
  const struct box *box = boxes;
  while (box && (!box->gone || box->streams || box->dead || !outputs_open(box))) box = box->next;
  return box != NULL;
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
int read_control(struct box *box) {
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
void box_died(struct box *box) {
  if (box->dead) return;
  box->dead = 1;
  drain_outputs(box);
  while (box->fds[CONTROL_END] >= 0 && read_control(box)) {
  }
  tell_all_held(box);
  tell('D', box->id, NULL, 0);
}

void forget_dead(void) {
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
