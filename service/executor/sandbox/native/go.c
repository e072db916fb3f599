/* See go.h. */
#define _GNU_SOURCE
#include "go.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "inside.h"

#define MAX_MESSAGE (64u << 20)

/* What has come over the control socket and was not asked for yet: a whole small message takes one system call. */
static char arrived[64 << 10];
static size_t arrived_at, arrived_end;

/* At least one byte. */
static size_t fill(void) {
  while (arrived_at == arrived_end) {
    ssize_t got = read(CONTROL, arrived, sizeof arrived);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) _exit(0); /* the executor let go of this sandbox */
    arrived_at = 0;
    arrived_end = (size_t)got;
  }
  return arrived_end - arrived_at;
}

static void take(void *to, size_t length) {
  for (size_t at = 0; at < length;) {
    size_t piece = fill();
    if (piece > length - at) piece = length - at;
    memcpy((char *)to + at, arrived + arrived_at, piece);
    arrived_at += piece;
    at += piece;
  }
}

const char *next_field(char **at, char *end) {
  char *start = *at;
  char *nul = start < end ? memchr(start, 0, (size_t)(end - start)) : NULL;
  if (!nul) {
    errno = EBADMSG;
    fail("message");
  }
  *at = nul + 1;
  return start;
}

static char *take_block(uint32_t length) {
  char *block = length > 0 && length <= MAX_MESSAGE ? malloc(length) : NULL;
  if (!block) {
    errno = EMSGSIZE;
    fail("message");
  }
  take(block, length);
  return block;
}

static void make_folders_of(char *name) {
  for (char *slash = strchr(name + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
    *slash = 0;
    if (mkdir(name, 0755) < 0 && errno != EEXIST) fail("files");
    *slash = '/';
  }
}

/* Into the working folder, where nobody else has been yet: a name that is there already came twice. */
static void receive_file(void) {
  struct {
    uint32_t name_length, executable;
    uint64_t size;
  } about;
  take(&about, sizeof about);
  char *name = take_block(about.name_length);
  if (name[about.name_length - 1] != 0) fail("message");
  make_folders_of(name);
  int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
  if (fd < 0) fail("files");
  for (uint64_t left = about.size; left > 0;) {
    size_t piece = fill();
    if (piece > left) piece = (size_t)left;
    ssize_t put = write(fd, arrived + arrived_at, piece);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) fail("files");
    arrived_at += (size_t)put;
    left -= (uint64_t)put;
  }
  if (about.executable && fchmod(fd, 0755) < 0) fail("files");
  close(fd);
  free(name);
}

void receive_files(void) {
  uint32_t count;
  take(&count, sizeof count);
  for (uint32_t i = 0; i < count; i++) receive_file();
}

char *read_go(char **end) {
  uint32_t length;
  take(&length, sizeof length);
  char *message = take_block(length);
  *end = message + length;
  return message;
}
