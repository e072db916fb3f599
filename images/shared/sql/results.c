#define _GNU_SOURCE
#include "buffer.h"
#include "result-set.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER ".paddock"
#define FILE_NAME FOLDER "/result-sets.json"
/* Above this a double does not hold every whole number: JavaScript's Number.MAX_SAFE_INTEGER. */
#define MOST_EXACT 9007199254740991ll

/* The length of the UTF-8 character that starts there, 0 where none does. */
static size_t character_at(const unsigned char *at, size_t left) {
  if (at[0] < 0x80) return 1;
  size_t length = at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : 2;
  if (at[0] < 0xc2 || at[0] > 0xf4 || left < length) return 0;
  for (size_t i = 1; i < length; i++)
    if ((at[i] & 0xc0) != 0x80) return 0;
  if ((at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] > 0x9f)) return 0;
  if ((at[0] == 0xf0 && at[1] < 0x90) || (at[0] == 0xf4 && at[1] > 0x8f)) return 0;
  return length;
}

static void add_string(struct buffer *to, const char *text, size_t length) {
  add_char(to, '"');
  for (size_t at = 0; at < length;) {
    unsigned char byte = (unsigned char)text[at];
    size_t size = character_at((const unsigned char *)text + at, length - at);
    if (size == 0) {
      add_text(to, "\xef\xbf\xbd");
      size = 1;
    } else if (byte == '"' || byte == '\\') {
      add_char(to, '\\');
      add_char(to, text[at]);
    } else if (byte < 0x20) {
      add_format(to, "\\u%04x", byte);
    } else {
      add_bytes(to, text + at, size);
    }
    at += size;
  }
  add_char(to, '"');
}

/* Whether the text is a JSON number that a double holds: no NaN, no leading zero of ZEROFILL, no large whole number. */
static bool is_exact_number(const char *text, size_t length) {
  const char *digits = text + (length > 0 && text[0] == '-');
  size_t left = length - (size_t)(digits - text);
  if (left == 0 || digits[0] < '0' || digits[0] > '9' || length > 40) return false;
  if (digits[0] == '0' && left > 1 && digits[1] != '.' && digits[1] != 'e') return false;
  if (strspn(digits, "0123456789") < left) return true;
  errno = 0;
  long long value = strtoll(text, NULL, 10);
  return errno == 0 && value <= MOST_EXACT && value >= -MOST_EXACT;
}

static void add_value(struct buffer *to, const struct column *column, const char *text, size_t length) {
  if (!text) add_text(to, "null");
  else if (column->json == AS_BOOLEAN) add_text(to, text[0] == 't' ? "true" : "false");
  else if (column->json == AS_NUMBER && is_exact_number(text, length)) add_bytes(to, text, length);
  else add_string(to, text, length);
}

int open_results(void) {
  if (mkdir(FOLDER, 0700) < 0 && errno != EEXIST) return -1;
  if (unlink(FILE_NAME) < 0 && errno != ENOENT) return -1;
  int results = open(FILE_NAME, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (results >= 0 && pwrite(results, "[]", 2, 0) != 2) {
    close(results);
    return -1;
  }
  return results;
}

bool write_result(int results, const struct statement_place *place, const char *command, const struct result_set *set) {
  struct buffer json = {0};
  off_t end = lseek(results, 0, SEEK_END);
  add_format(&json, "%s{\"statement\":%ld,\"file\":", end > 2 ? "," : "", place->statement);
  add_string(&json, place->file, strlen(place->file));
  add_format(&json, ",\"line\":%ld,\"command\":", place->line);
  add_string(&json, command, strlen(command));
  add_text(&json, ",\"columns\":[");
  for (size_t c = 0; c < set->column_count; c++) {
    add_text(&json, c > 0 ? ",{\"name\":" : "{\"name\":");
    add_string(&json, set->columns[c].name, strlen(set->columns[c].name));
    add_text(&json, ",\"type\":");
    add_string(&json, set->columns[c].type, strlen(set->columns[c].type));
    add_char(&json, '}');
  }
  add_text(&json, "],\"rows\":[");
  for (size_t row = 0; row < set->row_count; row++) {
    add_text(&json, row > 0 ? ",[" : "[");
    for (size_t c = 0; c < set->column_count; c++) {
      size_t length = 0;
      const char *text = set->cell(set, row, c, &length);
      if (c > 0) add_char(&json, ',');
      add_value(&json, &set->columns[c], text, length);
    }
    add_char(&json, ']');
  }
  add_format(&json, "],\"rowCount\":%zu}]", set->row_count);
  ssize_t put = pwrite(results, json.data, json.length, end - 1);
  bool whole = put == (ssize_t)json.length;
  /* What was there before is whole without it. */
  if (!whole && (ftruncate(results, end) < 0 || pwrite(results, "]", 1, end - 1) != 1)) whole = false;
  free_buffer(&json);
  return whole;
}
