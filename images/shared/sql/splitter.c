#define _GNU_SOURCE
#include "splitter.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

void start_splitting(struct splitter *splitter, enum dialect dialect, const char *text, size_t length) {
  *splitter = (struct splitter){.dialect = dialect, .text = text, .length = length, .line = 1, .delimiter = ";"};
  /* Editors on Windows put a byte order mark in front. */
  if (length >= 3 && !memcmp(text, "\xef\xbb\xbf", 3)) splitter->at = 3;
}

static int byte_at(const struct splitter *s, size_t at) { return at < s->length ? (unsigned char)s->text[at] : 0; }
static bool is_word_start(int byte) { return isalpha(byte) || byte == '_' || byte >= 0x80; }
static bool is_word(int byte) { return is_word_start(byte) || isdigit(byte) || byte == '$'; }

static long line_of(struct splitter *s, size_t at) {
  for (; s->counted < at; s->counted++) s->line += s->text[s->counted] == '\n';
  return s->line;
}

static size_t end_of_line(const struct splitter *s, size_t at) {
  const char *found = at < s->length ? memchr(s->text + at, '\n', s->length - at) : NULL;
  return found ? (size_t)(found - s->text) : s->length;
}

/* All skip_… take the position of the first byte and return that after the last; the end of the text where it is open. */
static size_t skip_quoted(const struct splitter *s, size_t at, bool backslashes) {
  char quote = s->text[at++];
  for (; at < s->length; at++) {
    if (backslashes && s->text[at] == '\\') at++;
    else if (s->text[at] == quote) {
      if (byte_at(s, at + 1) != quote) return at + 1;
      at++;
    }
  }
  return s->length;
}

static size_t skip_block_comment(const struct splitter *s, size_t at) {
  int depth = 0;
  for (; at + 1 < s->length; at++) {
    const char *two = s->text + at;
    if (two[0] == '/' && two[1] == '*' && (s->dialect == POSTGRESQL || depth == 0)) depth++, at++;
    else if (two[0] == '*' && two[1] == '/') {
      at++;
      if (--depth == 0) return at + 1;
    }
  }
  return s->length;
}

static bool is_line_comment(const struct splitter *s, size_t at) {
  int first = byte_at(s, at), second = byte_at(s, at + 1), third = byte_at(s, at + 2);
  if (s->dialect == POSTGRESQL) return first == '-' && second == '-';
  /* Of two dashes MariaDB wants a blank after them: 5--3 is 8. */
  return first == '#' || (first == '-' && second == '-' && (third == 0 || isspace(third) || iscntrl(third)));
}

/* MariaDB runs what stands in such comments. */
static bool is_executable(const struct splitter *s, size_t at) {
  return s->dialect == MARIADB && (byte_at(s, at + 2) == '!' || (byte_at(s, at + 2) == 'M' && byte_at(s, at + 3) == '!'));
}

static size_t skip_comment(const struct splitter *s, size_t at) {
  if (is_line_comment(s, at)) return end_of_line(s, at);
  return byte_at(s, at) == '/' && byte_at(s, at + 1) == '*' ? skip_block_comment(s, at) : at;
}

/* $$…$$ and $tag$…$tag$; the same position where it is no such quote. */
static size_t skip_dollars(const struct splitter *s, size_t at) {
  size_t end = at + 1;
  if (!isdigit(byte_at(s, end)))
    while (is_word(byte_at(s, end)) && s->text[end] != '$') end++;
  if (byte_at(s, end) != '$') return at;
  size_t tag = end + 1 - at;
  const char *close = memmem(s->text + end + 1, s->length - end - 1, s->text + at, tag);
  return close ? (size_t)(close - s->text) + tag : s->length;
}

/* Whether a name is one that decides where an SQL-standard function body (BEGIN ATOMIC … END) begins and ends. */
struct body {
  int names;
  char first[4];
  int depth;
};

static bool is(const char *word, size_t length, const char *name) {
  return length == strlen(name) && !strncasecmp(word, name, length);
}

static void note_name(struct body *body, const char *word, size_t length, int parentheses) {
  static const char *const known[] = {"create", "function", "procedure", "or", "replace"};
  if (body->names < 4) {
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
      if (is(word, length, known[i])) body->first[body->names] = known[i][0];
    body->names++;
  }
  const char *f = body->first;
  bool routine = f[0] == 'c' && (f[1] == 'f' || f[1] == 'p' || (f[1] == 'o' && f[2] == 'r' && (f[3] == 'f' || f[3] == 'p')));
  if (!routine || parentheses > 0) return;
  if (is(word, length, "begin")) body->depth++;
  else if (is(word, length, "case") && body->depth > 0) body->depth++;
  else if (is(word, length, "end") && body->depth > 0) body->depth--;
}

static struct piece piece_of(struct splitter *s, enum piece_kind kind, size_t start, size_t end) {
  while (end > start && isspace((unsigned char)s->text[end - 1])) end--;
  return (struct piece){.kind = kind, .text = s->text + start, .length = end - start, .line = line_of(s, start)};
}

/* Returns the position after the quote or comment that begins there; the same where none does. */
static size_t skip_opaque(const struct splitter *s, size_t at, bool backslashes) {
  switch (byte_at(s, at)) {
    case '\'': return skip_quoted(s, at, backslashes || s->dialect == MARIADB);
    case '"': return skip_quoted(s, at, s->dialect == MARIADB);
    case '`': return s->dialect == MARIADB ? skip_quoted(s, at, false) : at;
    case '$': return s->dialect == POSTGRESQL ? skip_dollars(s, at) : at;
    default: return skip_comment(s, at);
  }
}

static struct piece postgresql_statement(struct splitter *s, size_t start) {
  struct body body = {0};
  int parentheses = 0;
  size_t at = start;
  while (at < s->length) {
    int byte = byte_at(s, at);
    if (is_word_start(byte)) {
      size_t word = at;
      while (is_word(byte_at(s, at))) at++;
      size_t length = at - word;
      if (byte_at(s, at) == '\'' && length == 1 && (byte == 'e' || byte == 'E')) at = skip_quoted(s, at, true);
      else note_name(&body, s->text + word, length, parentheses);
      continue;
    }
    size_t after = skip_opaque(s, at, false);
    if (after > at) {
      at = after;
      continue;
    }
    /* A parameter, $1: a dollar after it begins no quote. */
    if (byte == '$')
      while (isdigit(byte_at(s, at + 1))) at++;
    if (byte == '(') parentheses++;
    if (byte == ')' && parentheses > 0) parentheses--;
    if (byte == ';' && parentheses == 0 && body.depth == 0) {
      s->at = at + 1;
      return piece_of(s, STATEMENT, start, at);
    }
    if (byte == '\\') {
      s->at = end_of_line(s, at);
      return piece_of(s, MISPLACED_COMMAND, at, s->at);
    }
    at++;
  }
  s->at = s->length;
  return piece_of(s, STATEMENT, start, s->length);
}

/* USE, SOURCE and DELIMITER need no delimiter of their own: their line ends them. */
static bool begins_with(const struct splitter *s, size_t at, const char *word) {
  size_t length = strlen(word);
  return at + length <= s->length && !strncasecmp(s->text + at, word, length) &&
         (at + length == s->length || isspace((unsigned char)s->text[at + length]));
}

static bool at_delimiter(const struct splitter *s, size_t at) {
  size_t length = strlen(s->delimiter);
  return at + length <= s->length && !memcmp(s->text + at, s->delimiter, length);
}

static struct piece line_statement(struct splitter *s, size_t start) {
  size_t end = end_of_line(s, start), length = strlen(s->delimiter);
  for (size_t at = start; at < end; at++) {
    if (!at_delimiter(s, at)) continue;
    s->at = at + length;
    return piece_of(s, STATEMENT, start, at);
  }
  s->at = end;
  return piece_of(s, STATEMENT, start, end);
}

static struct piece mariadb_statement(struct splitter *s, size_t start) {
  if (begins_with(s, start, "use")) return line_statement(s, start);
  for (size_t at = start; at < s->length;) {
    if (at_delimiter(s, at)) {
      s->at = at + strlen(s->delimiter);
      return piece_of(s, STATEMENT, start, at);
    }
    if (s->text[at] == '\\') {
      int next = byte_at(s, at + 1);
      bool ends = next == 'g' || next == 'G';
      s->at = ends ? at + 2 : end_of_line(s, at);
      struct piece piece = piece_of(s, ends ? STATEMENT : MISPLACED_COMMAND, ends ? start : at, ends ? at : s->at);
      piece.vertical = next == 'G';
      return piece;
    }
    size_t after = skip_opaque(s, at, false);
    at = after > at ? after : at + 1;
  }
  s->at = s->length;
  return piece_of(s, STATEMENT, start, s->length);
}

static bool set_delimiter(struct splitter *s, size_t at) {
  size_t end = end_of_line(s, at), length = 0;
  while (at < end && isspace((unsigned char)s->text[at])) at++;
  while (at + length < end && !isspace((unsigned char)s->text[at + length])) length++;
  if (length == 0 || length >= sizeof s->delimiter || memchr(s->text + at, 0, length)) return false;
  memcpy(s->delimiter, s->text + at, length);
  s->delimiter[length] = 0;
  s->at = end;
  return true;
}

struct piece next_piece(struct splitter *s) {
  for (;;) {
    while (isspace(byte_at(s, s->at))) s->at++;
    size_t after = is_executable(s, s->at) ? s->at : skip_comment(s, s->at);
    if (after > s->at) {
      s->at = after;
    } else if (s->at >= s->length) {
      return (struct piece){.kind = THE_END};
    } else if (s->dialect == MARIADB && begins_with(s, s->at, "delimiter") && set_delimiter(s, s->at + 9)) {
      continue;
    } else if (s->dialect == POSTGRESQL ? s->text[s->at] == ';' : at_delimiter(s, s->at)) {
      s->at += s->dialect == POSTGRESQL ? 1 : strlen(s->delimiter);
    } else if (s->text[s->at] == '\\' || (s->dialect == MARIADB && (begins_with(s, s->at, "source") || begins_with(s, s->at, "delimiter")))) {
      size_t start = s->at;
      s->at = end_of_line(s, start);
      return piece_of(s, COMMAND, start, s->at);
    } else {
      return s->dialect == POSTGRESQL ? postgresql_statement(s, s->at) : mariadb_statement(s, s->at);
    }
  }
}

bool next_data_line(struct splitter *s, const char **line, size_t *length) {
  if (s->at >= s->length) return false;
  size_t end = end_of_line(s, s->at);
  if (end < s->length) end++;
  *line = s->text + s->at;
  *length = end - s->at;
  s->at = end;
  return true;
}
