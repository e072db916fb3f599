/*
 * Starts MariaDB in its sandbox, waits for go, and runs a script as `mariadb --table < SCRIPT` would.
 * Usage: paddock-mariadb MARIADBD PREPARED [SCRIPT [ARGUMENT…]]
 */
#define _GNU_SOURCE
#include "../shared/sql/buffer.h"
#include "../shared/sql/client.h"
#include "../shared/sql/script.h"
#include "../shared/sql/server.h"

#include <ctype.h>
#include <errmsg.h>
#include <mysql.h>
#include <mysqld_error.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The character set of bytes that are no text. */
#define BINARY 63

static struct server server;
static MYSQL *connection;

static void start(const char *mariadbd, const char *prepared) {
  copy_data(&server, prepared);
  char configuration[512], data[512], socket[512], temporary[512], pid[512];
  snprintf(configuration, sizeof configuration, "--defaults-file=%s/server.cnf", prepared);
  snprintf(data, sizeof data, "--datadir=%s", server.data);
  snprintf(socket, sizeof socket, "--socket=%s/socket", server.folder);
  snprintf(temporary, sizeof temporary, "--tmpdir=%s", server.folder);
  snprintf(pid, sizeof pid, "--pid-file=%s/pid", server.folder);
  char *command[] = {(char *)mariadbd, configuration, data, socket, temporary, pid, NULL};
  start_server(&server, command);
  for (const char *path = socket + strlen("--socket=");;) {
    connection = mysql_init(NULL);
    mysql_options(connection, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    unsigned int local = 1;
    mysql_options(connection, MYSQL_OPT_LOCAL_INFILE, &local);
    unsigned long flags = CLIENT_MULTI_RESULTS;
    if (access(path, F_OK) == 0 && mysql_real_connect(connection, NULL, "root", NULL, "test", 0, path, flags)) return;
    unsigned error = mysql_errno(connection);
    if (error != 0 && error != CR_CONNECTION_ERROR) {
      fprintf(stderr, "the database server does not answer: %s\n", mysql_error(connection));
      exit(1);
    }
    mysql_close(connection);
    wait_for_server(&server);
  }
}

static const char *type_of(const MYSQL_FIELD *field) {
  bool binary = field->charsetnr == BINARY;
  MARIADB_CONST_STRING format = {0};
  if (mariadb_field_attr(&format, field, MARIADB_FIELD_ATTR_FORMAT_NAME) == 0 && format.length == 4 &&
      !memcmp(format.str, "json", 4))
    return "json";
  switch (field->type) {
    case MYSQL_TYPE_TINY: return "tinyint";
    case MYSQL_TYPE_SHORT: return "smallint";
    case MYSQL_TYPE_INT24: return "mediumint";
    case MYSQL_TYPE_LONG: return "int";
    case MYSQL_TYPE_LONGLONG: return "bigint";
    case MYSQL_TYPE_FLOAT: return "float";
    case MYSQL_TYPE_DOUBLE: return "double";
    case MYSQL_TYPE_DECIMAL:
    case MYSQL_TYPE_NEWDECIMAL: return "decimal";
    case MYSQL_TYPE_BIT: return "bit";
    case MYSQL_TYPE_DATE:
    case MYSQL_TYPE_NEWDATE: return "date";
    case MYSQL_TYPE_TIME: return "time";
    case MYSQL_TYPE_DATETIME: return "datetime";
    case MYSQL_TYPE_TIMESTAMP: return "timestamp";
    case MYSQL_TYPE_YEAR: return "year";
    case MYSQL_TYPE_ENUM: return "enum";
    case MYSQL_TYPE_SET: return "set";
    case MYSQL_TYPE_NULL: return "null";
    case MYSQL_TYPE_STRING:
      if (field->flags & ENUM_FLAG) return "enum";
      if (field->flags & SET_FLAG) return "set";
      return binary ? "binary" : "char";
    case MYSQL_TYPE_VARCHAR:
    case MYSQL_TYPE_VAR_STRING: return binary ? "varbinary" : "varchar";
    case MYSQL_TYPE_GEOMETRY: return "geometry";
    default: return binary ? "blob" : "text";
  }
}

static bool is_number(enum enum_field_types type) {
  switch (type) {
    case MYSQL_TYPE_TINY:
    case MYSQL_TYPE_SHORT:
    case MYSQL_TYPE_INT24:
    case MYSQL_TYPE_LONG:
    case MYSQL_TYPE_LONGLONG:
    case MYSQL_TYPE_FLOAT:
    case MYSQL_TYPE_DOUBLE:
    case MYSQL_TYPE_YEAR: return true;
    default: return false;
  }
}

/* All cells of a result: MYSQL_RES tells the lengths of its present row only. */
struct cells {
  const char **texts;
  unsigned long *lengths;
};

static const char *cell_of(const struct result_set *set, size_t row, size_t column, size_t *length) {
  const struct cells *cells = set->source;
  size_t at = row * set->column_count + column;
  *length = cells->lengths[at];
  return cells->texts[at];
}

static struct cells cells_of(MYSQL_RES *result, size_t columns, size_t rows) {
  struct cells cells = {allocate(rows * columns, sizeof *cells.texts), allocate(rows * columns, sizeof *cells.lengths)};
  for (size_t row = 0; row < rows; row++) {
    MYSQL_ROW fetched = mysql_fetch_row(result);
    const unsigned long *lengths = mysql_fetch_lengths(result);
    for (size_t c = 0; fetched && c < columns; c++) {
      cells.texts[row * columns + c] = fetched[c];
      cells.lengths[row * columns + c] = fetched[c] ? lengths[c] : 0;
    }
  }
  return cells;
}

/* The statement's first word and the number of rows, in the manner of PostgreSQL: MariaDB has no such word. */
static void name_command(char *name, size_t size, const char *text, size_t rows) {
  size_t length = 0;
  while (text[length] && !isalpha((unsigned char)text[length])) text++;
  for (; isalpha((unsigned char)text[length]) && length < 32; length++) name[length] = (char)toupper((unsigned char)text[length]);
  snprintf(name + length, size - length, "%s%zu", length > 0 ? " " : "", rows);
}

static bool show_rows(MYSQL_RES *result, const struct piece *piece, const char *text, const struct statement_place *here) {
  size_t columns = mysql_num_fields(result), rows = mysql_num_rows(result);
  const MYSQL_FIELD *fields = mysql_fetch_fields(result);
  struct column *about = allocate(columns, sizeof *about);
  for (size_t c = 0; c < columns; c++) {
    bool number = is_number(fields[c].type);
    bool decimal = fields[c].type == MYSQL_TYPE_NEWDECIMAL || fields[c].type == MYSQL_TYPE_DECIMAL;
    about[c] = (struct column){
        .name = fields[c].name,
        .type = type_of(&fields[c]),
        .json = number ? AS_NUMBER : AS_TEXT,
        .right = number || decimal || fields[c].type == MYSQL_TYPE_NULL,
        .nullable = !(fields[c].flags & NOT_NULL_FLAG),
    };
  }
  struct cells cells = cells_of(result, columns, rows);
  struct result_set set = {about, columns, rows, cell_of, &cells};
  char command[64];
  name_command(command, sizeof command, text, rows);
  bool well = note_result(here, command, &set);
  if (piece->vertical) print_mariadb_vertical(stdout, &set);
  else print_mariadb_table(stdout, &set);
  free(cells.texts);
  free(cells.lengths);
  free(about);
  return well;
}

static bool say_error(const struct statement_place *here) {
  unsigned error = mysql_errno(connection);
  say_where(here->file, here->line);
  fprintf(stderr, "ERROR %u (%s): %s\n", error, mysql_sqlstate(connection), mysql_error(connection));
  if (error == CR_SERVER_GONE_ERROR || error == CR_SERVER_LOST || error == ER_SERVER_SHUTDOWN ||
      error == ER_CONNECTION_KILLED) {
    fputs("the database server has ended or closed the connection\n", stderr);
    tell_server_log(&server);
  }
  return false;
}

bool run_statement(struct script *script, const struct piece *piece, const char *text, long number) {
  const struct statement_place here = {number, script->file, piece->line};
  if (mysql_real_query(connection, text, strlen(text)) != 0) return say_error(&here);
  /* A procedure may return several. */
  for (int more = 0; more == 0;) {
    MYSQL_RES *result = mysql_store_result(connection);
    if (!result && mysql_field_count(connection) > 0) return say_error(&here);
    bool well = !result || show_rows(result, piece, text, &here);
    if (result) mysql_free_result(result);
    if (!well) return false;
    unsigned warnings = mysql_warning_count(connection);
    /* Their text would take a statement, which ROW_COUNT() and its like would then speak of. */
    if (warnings > 0) {
      say_where(here.file, here.line);
      fprintf(stderr, "%u warning%s (SHOW WARNINGS tells)\n", warnings, warnings == 1 ? "" : "s");
    }
    more = mysql_next_result(connection);
    if (more > 0) return say_error(&here);
  }
  return true;
}

int main(int count, char **arguments) {
  const struct client client = {"paddock-mariadb MARIADBD PREPARED [SCRIPT]", MARIADB, start};
  run_client(&client, count, arguments);
}
