#define _GNU_SOURCE
#include "buffer.h"
#include "result-set.h"

#include <stdlib.h>
#include <string.h>
#include <wchar.h>

/* Columns on a terminal; `shown` gets the text with what cannot be shown written out, as psql does. */
static size_t show_text(struct buffer *shown, const char *text, size_t length) {
  size_t width = 0;
  mbstate_t state = {0};
  for (size_t at = 0; at < length;) {
    unsigned char byte = (unsigned char)text[at];
    wchar_t letter;
    if (byte == '\t') {
      size_t spaces = 8 - width % 8;
      add_spaces(shown, spaces);
      width += spaces, at++;
    } else if (byte == '\r') {
      add_text(shown, "\\r");
      width += 2, at++;
    } else if (byte < 0x20 || byte == 0x7f) {
      add_format(shown, "\\x%02X", byte);
      width += 4, at++;
    } else {
      size_t size = mbrtowc(&letter, text + at, length - at, &state);
      if (size == 0 || size > length) state = (mbstate_t){0}, size = 1, letter = L'?';
      int columns = wcwidth(letter);
      if (columns < 0) add_format(shown, "\\u%04X", (unsigned)letter);
      else add_bytes(shown, text + at, size);
      width += columns < 0 ? 6 : (size_t)columns;
      at += size;
    }
  }
  return width;
}

struct line {
  size_t start, length, width;
};

/* A cell as lines in one buffer that all cells share. */
struct cell {
  size_t first, count;
};

struct lines {
  struct buffer text;
  struct line *all;
  size_t count, room;
};

static void add_line(struct lines *lines, const char *text, size_t length) {
  if (lines->count == lines->room) {
    size_t room = lines->room ? lines->room * 2 : 256;
    struct line *all = allocate(room, sizeof *all);
    if (lines->count) memcpy(all, lines->all, lines->count * sizeof *all);
    free(lines->all);
    lines->all = all;
    lines->room = room;
  }
  struct line *line = &lines->all[lines->count++];
  line->start = lines->text.length;
  line->width = show_text(&lines->text, text, length);
  line->length = lines->text.length - line->start;
}

static struct cell add_cell(struct lines *lines, const char *text, size_t length) {
  struct cell cell = {.first = lines->count};
  for (;;) {
    const char *end = length > 0 ? memchr(text, '\n', length) : NULL;
    size_t here = end ? (size_t)(end - text) : length;
    add_line(lines, text, here);
    if (!end) break;
    text += here + 1;
    length -= here + 1;
  }
  cell.count = lines->count - cell.first;
  return cell;
}

static size_t widest(const struct lines *lines, struct cell cell, size_t width) {
  for (size_t i = cell.first; i < cell.first + cell.count; i++)
    if (lines->all[i].width > width) width = lines->all[i].width;
  return width;
}

static void put_spaces(FILE *to, size_t count) { fprintf(to, "%*s", (int)count, ""); }

static void put_line(FILE *to, const struct lines *lines, const struct line *line) {
  fwrite(lines->text.data + line->start, 1, line->length, to);
}

static void put_heads(FILE *to, const struct lines *lines, const struct cell *heads, const size_t *widths, size_t columns) {
  for (size_t c = 0; c < columns; c++) {
    const struct line *line = &lines->all[heads[c].first];
    size_t left = widths[c] > line->width ? widths[c] - line->width : 0;
    fputc(' ', to);
    put_spaces(to, left / 2);
    put_line(to, lines, line);
    put_spaces(to, (left + 1) / 2);
    fputs(c + 1 < columns ? " |" : " ", to);
  }
  fputc('\n', to);
  for (size_t c = 0; c < columns; c++) {
    for (size_t i = 0; i < widths[c] + 2; i++) fputc('-', to);
    if (c + 1 < columns) fputc('+', to);
  }
  fputs(columns == 0 ? "--\n" : "\n", to);
}

/* A cell of several lines goes on below itself, which a + at its end says. */
static void put_row(FILE *to, const struct lines *lines, const struct cell *cells, const size_t *widths,
                    const struct result_set *set) {
  size_t height = 1;
  for (size_t c = 0; c < set->column_count; c++)
    if (cells[c].count > height) height = cells[c].count;
  for (size_t number = 0; number < height; number++) {
    for (size_t c = 0; c < set->column_count; c++) {
      bool last = c + 1 == set->column_count, here = number < cells[c].count, more = number + 1 < cells[c].count;
      const struct line *line = here ? &lines->all[cells[c].first + number] : NULL;
      size_t space = widths[c] - (line ? line->width : 0);
      fputc(' ', to);
      if (line && set->columns[c].right) put_spaces(to, space);
      if (line) put_line(to, lines, line);
      if ((!line && !last) || (line && !set->columns[c].right && (!last || more))) put_spaces(to, space);
      if (more) fputc('+', to);
      else if (!last) fputc(' ', to);
      if (!last) fputc('|', to);
    }
    fputc('\n', to);
  }
}

void print_psql_table(FILE *to, const struct result_set *set) {
  size_t columns = set->column_count, count = columns * set->row_count;
  struct lines lines = {0};
  struct cell *heads = allocate(columns, sizeof *heads), *cells = allocate(count, sizeof *cells);
  size_t *widths = allocate(columns, sizeof *widths);
  for (size_t c = 0; c < columns; c++) {
    size_t here = lines.count;
    heads[c] = add_cell(&lines, set->columns[c].name, strlen(set->columns[c].name));
    heads[c].first = here;
    widths[c] = widest(&lines, heads[c], 0);
  }
  for (size_t i = 0; i < count; i++) {
    size_t length = 0;
    const char *text = set->cell(set, i / columns, i % columns, &length);
    cells[i] = add_cell(&lines, text ? text : "", text ? length : 0);
    widths[i % columns] = widest(&lines, cells[i], widths[i % columns]);
  }
  put_heads(to, &lines, heads, widths, columns);
  for (size_t row = 0; columns > 0 && row < set->row_count; row++) put_row(to, &lines, cells + row * columns, widths, set);
  fprintf(to, set->row_count == 1 ? "(%zu row)\n\n" : "(%zu rows)\n\n", set->row_count);
  free_buffer(&lines.text);
  free(lines.all);
  free(heads);
  free(cells);
  free(widths);
}

/* As MariaDB's client counts: beyond the first plane only the ideographs of the second and third are wide. */
static size_t cells_wide(const char *text, size_t length) {
  size_t width = 0;
  mbstate_t state = {0};
  for (size_t at = 0; at < length;) {
    wchar_t letter;
    size_t size = mbrtowc(&letter, text + at, length - at, &state);
    if (size == 0 || size > length) {
      state = (mbstate_t){0};
      at++, width++;
      continue;
    }
    int columns = letter > 0xffff ? 1 + (letter >= 0x20000 && letter <= 0x3fffd) : wcwidth(letter);
    width += columns < 0 ? 1 : (size_t)columns;
    at += size;
  }
  return width;
}

static void put_rule(FILE *to, const size_t *widths, size_t columns) {
  for (size_t c = 0; c < columns; c++) {
    fputc('+', to);
    for (size_t i = 0; i < widths[c] + 2; i++) fputc('-', to);
  }
  fputs("+\n", to);
}

static void put_sized(FILE *to, const char *text, size_t length, size_t width, bool right) {
  size_t shown = cells_wide(text, length), space = width > shown ? width - shown : 0;
  fputc(' ', to);
  if (right) put_spaces(to, space);
  for (size_t i = 0; i < length; i++) fputc(text[i] ? text[i] : ' ', to);
  if (!right) put_spaces(to, space);
  fputs(" |", to);
}

/* Widths count bytes, as those of MariaDB's own client do. */
void print_mariadb_table(FILE *to, const struct result_set *set) {
  if (set->row_count == 0) return;
  size_t columns = set->column_count, length;
  size_t *widths = allocate(columns, sizeof *widths);
  for (size_t c = 0; c < columns; c++) {
    widths[c] = strlen(set->columns[c].name);
    for (size_t row = 0; row < set->row_count; row++)
      if (set->cell(set, row, c, &length) && length > widths[c]) widths[c] = length;
    if (set->columns[c].nullable && widths[c] < 4) widths[c] = 4;
  }
  put_rule(to, widths, columns);
  fputc('|', to);
  for (size_t c = 0; c < columns; c++) put_sized(to, set->columns[c].name, strlen(set->columns[c].name), widths[c], false);
  fputc('\n', to);
  put_rule(to, widths, columns);
  for (size_t row = 0; row < set->row_count; row++) {
    fputc('|', to);
    for (size_t c = 0; c < columns; c++) {
      const char *text = set->cell(set, row, c, &length);
      put_sized(to, text ? text : "NULL", text ? length : 4, widths[c], set->columns[c].right);
    }
    fputc('\n', to);
  }
  put_rule(to, widths, columns);
  free(widths);
}

void print_mariadb_vertical(FILE *to, const struct result_set *set) {
  size_t widest_name = 0, length;
  for (size_t c = 0; c < set->column_count; c++)
    if (strlen(set->columns[c].name) > widest_name) widest_name = strlen(set->columns[c].name);
  for (size_t row = 0; row < set->row_count; row++) {
    fprintf(to, "*************************** %zu. row ***************************\n", row + 1);
    for (size_t c = 0; c < set->column_count; c++) {
      const char *text = set->cell(set, row, c, &length);
      fprintf(to, "%*s: ", (int)widest_name, set->columns[c].name);
      fwrite(text ? text : "NULL", 1, text ? length : 4, to);
      fputc('\n', to);
    }
  }
}
