/*
 * What the launcher holds of one sandbox, or of a fork server, and how it tells the executor of it. The frames are
 * described in paddock-launch.c.
 */
#ifndef PADDOCK_BOX_H
#define PADDOCK_BOX_H

#include <stdint.h>
#include <sys/types.h>

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
  int gone;    /* go was sent */
  int streams; /* output is wanted as it comes */
  int dead;
  struct box *next;
};

extern struct box *boxes;
extern int epoll;

/* Ends the launcher, and with it every sandbox: for what can only go wrong where nothing goes any more. */
void die(const char *what) __attribute__((noreturn));

void tell(char kind, uint32_t id, const char *payload, size_t size);
void tell_process(const struct box *box);
/* Writes what was told. */
void flush(void);

struct box *find(uint32_t id);
/* With ends of its own, watched; a negative one is not there. */
struct box *add_box(uint32_t id, enum kind kind, const int fds[PARTS]);
void close_part(struct box *box, enum part part);
void watch_outputs(struct box *box);
int outputs_open(const struct box *box);

/* What to do when a part can be read; 1 where more may come. */
int read_output(struct box *box, enum part part);
int read_control(struct box *box);
void box_died(struct box *box);
void end_if_silent(struct box *box);

/* Whether there is a program whose output is looked at only now and then. */
int anything_to_scan(void);
void scan_outputs(void);
/* After a batch of events: none of them points to what is freed here. */
void forget_dead(void);

#endif
