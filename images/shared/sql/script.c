#define _GNU_SOURCE
#include "script.h"

#include "buffer.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MOST_INCLUDED 32

static long statements;

void say_where(const char *file, long line) {
  fflush(stdout);
  fprintf(stderr, "%s:%ld: ", file, line);
}

static bool read_all(const char *file, struct buffer *into) {
  char bytes[1 << 16];
  /* The same file for all: opening it anew may not be permitted, and would start at its beginning. */
  int from = strcmp(file, "/dev/stdin") ? open(file, O_RDONLY | O_CLOEXEC) : dup(0);
  if (from < 0) return false;
  for (;;) {
    ssize_t got = read(from, bytes, sizeof bytes);
    if (got <= 0) {
      int reason = errno;
      close(from);
      errno = reason;
      return got == 0;
    }
    add_bytes(into, bytes, (size_t)got);
  }
}

/* The next word of a command's line, quotes taken away; NULL at the end. */
static char *next_word(char **at) {
  while (isspace((unsigned char)**at)) ++*at;
  if (!**at) return NULL;
  char *word = *at, *to = word;
  while (**at && !isspace((unsigned char)**at)) {
    if (**at != '\'') {
      *to++ = *(*at)++;
      continue;
    }
    for (++*at; **at; *to++ = *(*at)++)
      if (**at == '\'' && *++*at != '\'') break;
  }
  if (**at) ++*at;
  *to = 0;
  return word;
}

static void echo(char *words) {
  bool newline = true, first = true;
  for (char *word; (word = next_word(&words));) {
    if (first && newline && !strcmp(word, "-n")) {
      newline = false;
      continue;
    }
    if (!first) putchar(' ');
    fputs(word, stdout);
    first = false;
  }
  if (newline) putchar('\n');
}

static bool include(struct script *script, char *words, bool relative, long line, enum dialect dialect) {
  char *file = next_word(&words), *path = NULL;
  size_t length = file ? strlen(file) : 0;
  if (length > 0 && file[length - 1] == ';' && dialect == MARIADB) file[length - 1] = 0;
  const char *slash = strrchr(script->file, '/');
  if (file && relative && slash && file[0] != '/') {
    if (asprintf(&path, "%.*s/%s", (int)(slash - script->file), script->file, file) < 0) return false;
    file = path;
  }
  bool well = false;
  if (!file || !*file) {
    say_where(script->file, line);
    fputs("error: a file name is missing\n", stderr);
  } else if (script->depth >= MOST_INCLUDED) {
    say_where(script->file, line);
    fprintf(stderr, "error: %s is included more than %d deep\n", file, MOST_INCLUDED);
  } else {
    errno = 0;
    if (access(file, R_OK) < 0 && strcmp(file, "/dev/stdin")) {
      say_where(script->file, line);
      fprintf(stderr, "error: %s: %s\n", file, strerror(errno));
    } else {
      well = run_script(dialect, file, script->depth + 1, 0);
    }
  }
  free(path);
  return well;
}

static bool run_command(struct script *script, const struct piece *piece, enum dialect dialect) {
  char *line = strndup(piece->text, piece->length), *rest = line;
  char *name = line ? next_word(&rest) : NULL;
  bool well = false;
  if (dialect == POSTGRESQL && name && !strcmp(name, "\\echo")) {
    echo(rest);
    well = true;
  } else if (dialect == POSTGRESQL && name && (!strcmp(name, "\\i") || !strcmp(name, "\\include"))) {
    well = include(script, rest, false, piece->line, dialect);
  } else if (dialect == POSTGRESQL && name && (!strcmp(name, "\\ir") || !strcmp(name, "\\include_relative"))) {
    well = include(script, rest, true, piece->line, dialect);
  } else if (dialect == MARIADB && name && (!strcmp(name, "\\.") || !strcasecmp(name, "source"))) {
    well = include(script, rest, false, piece->line, dialect);
  } else if (dialect == MARIADB && name && !strcasecmp(name, "delimiter")) {
    say_where(script->file, piece->line);
    fputs("error: DELIMITER is to be followed by the delimiter\n", stderr);
  } else {
    say_where(script->file, piece->line);
    fprintf(stderr, "error: %s is not supported; there are %s\n", name ? name : "this command",
            dialect == POSTGRESQL ? "\\i, \\ir and \\echo" : "SOURCE, \\., DELIMITER, \\g and \\G");
  }
  free(line);
  return well;
}

static bool run_piece(struct script *script, const struct piece *piece, enum dialect dialect) {
  if (piece->kind == COMMAND) return run_command(script, piece, dialect);
  if (piece->kind == MISPLACED_COMMAND) {
    say_where(script->file, piece->line);
    fprintf(stderr, "error: %.*s stands inside a statement\n", (int)piece->length, piece->text);
    return false;
  }
  if (memchr(piece->text, 0, piece->length)) {
    say_where(script->file, piece->line);
    fputs("error: the statement holds a NUL byte\n", stderr);
    return false;
  }
  char *text = strndup(piece->text, piece->length);
  bool well = text && run_statement(script, piece, text, ++statements);
  free(text);
  fflush(stdout);
  return well;
}

bool run_script(enum dialect dialect, const char *file, int depth, int argument_count) {
  struct buffer text = {0};
  struct script script = {.file = file, .depth = depth};
  if (argument_count > 0) {
    fprintf(stderr, "%s: error: a script takes no arguments\n", file);
    return false;
  }
  bool well = read_all(file, &text);
  if (!well) fprintf(stderr, "%s: error: it cannot be read: %s\n", file, strerror(errno));
  start_splitting(&script.splitter, dialect, text.data ? text.data : "", text.length);
  while (well) {
    struct piece piece = next_piece(&script.splitter);
    if (piece.kind == THE_END) break;
    well = run_piece(&script, &piece, dialect);
  }
  fflush(stdout);
  free_buffer(&text);
  return well;
}
