/* The rows of one statement, wherever they come from, and the two ways they are shown: text and JSON. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

enum json_kind { AS_TEXT, AS_NUMBER, AS_BOOLEAN };

struct column {
  const char *name;
  const char *type;
  enum json_kind json;
  /* Numbers stand at the right of their column. */
  bool right;
  /* MariaDB's client leaves room for the word NULL. */
  bool nullable;
};

struct result_set {
  const struct column *columns;
  size_t column_count, row_count;
  /* NULL for SQL's NULL. */
  const char *(*cell)(const struct result_set *set, size_t row, size_t column, size_t *length);
  const void *source;
};

/* As psql and `mariadb --table` print it, to the byte. */
void print_psql_table(FILE *to, const struct result_set *set);
void print_mariadb_table(FILE *to, const struct result_set *set);
void print_mariadb_vertical(FILE *to, const struct result_set *set);

struct statement_place {
  /* Its number among the statements of the whole script, from 1. */
  long statement;
  const char *file;
  long line;
};

/* Opens .paddock/result-sets.json in the working folder, an empty array. -1 where that cannot be done. */
int open_results(void);
/* The file is a whole JSON array after each call: a script that is stopped later loses nothing. */
bool write_result(int results, const struct statement_place *place, const char *command, const struct result_set *set);
