/*
 * Starts PostgreSQL in its sandbox, waits for go, and runs a script as `psql -X -v ON_ERROR_STOP=1 -f` would.
 * Usage: paddock-psql POSTGRES PREPARED [SCRIPT [ARGUMENT…]]
 */
#define _GNU_SOURCE
#include "../shared/sql/buffer.h"
#include "../shared/sql/client.h"
#include "../shared/sql/script.h"
#include "../shared/sql/server.h"

#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

static struct server server;
static PGconn *connection;
static bool ending;
/* Where notices come from while a statement runs. */
static struct statement_place here;

static void on_notice(void *unused, const char *message) {
  (void)unused;
  say_where(here.file, here.line);
  fputs(message, stderr);
}

/* The server writes a line of its state there, and `ready` is the last. */
static bool is_ready(void) {
  char path[512], text[512];
  snprintf(path, sizeof path, "%s/postmaster.pid", server.data);
  FILE *file = fopen(path, "re");
  if (!file) return false;
  size_t length = fread(text, 1, sizeof text - 1, file);
  fclose(file);
  text[length] = 0;
  return strstr(text, "\nready") != NULL;
}

static void start(const char *postgres, const char *prepared) {
  copy_data(&server, prepared);
  char *command[] = {(char *)postgres, "-D", server.data, "-k", server.folder, NULL};
  start_server(&server, command);
  while (!is_ready()) wait_for_server(&server);
  const char *names[] = {"host", "dbname", "user", "client_encoding", "options", NULL};
  const char *values[] = {server.folder, "postgres", "postgres", "UTF8", "", NULL};
  connection = PQconnectdbParams(names, values, 0);
  if (PQstatus(connection) != CONNECTION_OK) {
    fprintf(stderr, "the database server does not answer: %s", PQerrorMessage(connection));
    exit(1);
  }
  PQsetNoticeProcessor(connection, on_notice, NULL);
}

struct type {
  Oid oid;
  const char *name;
  enum json_kind json;
  bool right;
};

static const struct type types[] = {
    {16, "boolean", AS_BOOLEAN, false},   {17, "bytea", AS_TEXT, false},   {18, "\"char\"", AS_TEXT, false},
    {19, "name", AS_TEXT, false},         {20, "bigint", AS_NUMBER, true}, {21, "smallint", AS_NUMBER, true},
    {23, "integer", AS_NUMBER, true},     {25, "text", AS_TEXT, false},    {26, "oid", AS_NUMBER, true},
    {28, "xid", AS_NUMBER, true},         {29, "cid", AS_NUMBER, true},    {114, "json", AS_TEXT, false},
    {700, "real", AS_NUMBER, true},       {701, "double precision", AS_NUMBER, true},
    {790, "money", AS_TEXT, true},        {1042, "character", AS_TEXT, false},
    {1043, "character varying", AS_TEXT, false}, {1082, "date", AS_TEXT, false},
    {1083, "time without time zone", AS_TEXT, false}, {1114, "timestamp without time zone", AS_TEXT, false},
    {1184, "timestamp with time zone", AS_TEXT, false}, {1186, "interval", AS_TEXT, false},
    {1700, "numeric", AS_TEXT, true},     {2950, "uuid", AS_TEXT, false},  {3802, "jsonb", AS_TEXT, false},
};

/* Types of extensions and of the script itself are asked for. */
static char *ask_type(Oid oid) {
  char number[16];
  const char *values[] = {number};
  snprintf(number, sizeof number, "%u", oid);
  PGresult *result = PQexecParams(connection, "SELECT pg_catalog.format_type($1::pg_catalog.oid, NULL)", 1, NULL, values,
                                  NULL, NULL, 0);
  bool known = PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) == 1;
  char *name = strdup(known ? PQgetvalue(result, 0, 0) : "unknown");
  PQclear(result);
  return name;
}

static const char *cell_of(const struct result_set *set, size_t row, size_t column, size_t *length) {
  const PGresult *result = set->source;
  if (PQgetisnull(result, (int)row, (int)column)) return NULL;
  *length = (size_t)PQgetlength(result, (int)row, (int)column);
  return PQgetvalue(result, (int)row, (int)column);
}

static struct column *columns_of(const PGresult *result, int count) {
  struct column *columns = allocate((size_t)count, sizeof *columns);
  for (int c = 0; c < count; c++) {
    columns[c].name = PQfname(result, c);
    for (size_t t = 0; t < sizeof types / sizeof *types; t++)
      if (types[t].oid == PQftype(result, c)) {
        columns[c].type = types[t].name;
        columns[c].json = types[t].json;
        columns[c].right = types[t].right;
      }
  }
  return columns;
}

/* Only once the connection is free again: types may have to be asked for. */
static bool show_rows(const PGresult *result) {
  int count = PQnfields(result);
  struct column *columns = columns_of(result, count);
  char **asked = allocate((size_t)count, sizeof *asked);
  for (int c = 0; c < count; c++)
    if (!columns[c].type) columns[c].type = asked[c] = ask_type(PQftype(result, c));
  struct result_set set = {columns, (size_t)count, (size_t)PQntuples(result), cell_of, result};
  const char *command = PQcmdStatus((PGresult *)result);
  bool well = note_result(&here, command, &set);
  print_psql_table(stdout, &set);
  if (!strncmp(command, "INSERT", 6) || !strncmp(command, "UPDATE", 6) || !strncmp(command, "DELETE", 6)) puts(command);
  for (int c = 0; c < count; c++) free(asked[c]);
  free(asked);
  free(columns);
  return well;
}

static void copy_out(void) {
  char *line;
  for (int length; (length = PQgetCopyData(connection, &line, 0)) > 0; PQfreemem(line)) fwrite(line, 1, (size_t)length, stdout);
}

/* The data are the lines after the statement, up to \. */
static void copy_in(struct script *script) {
  const char *line;
  size_t length;
  bool begun = false;
  while (next_data_line(&script->splitter, &line, &length)) {
    size_t text = length;
    while (text > 0 && (line[text - 1] == '\n' || line[text - 1] == '\r')) text--;
    /* The rest of the statement's own line. */
    bool blank = !begun && strspn(line, " \t\r") >= text;
    begun = true;
    if (blank) continue;
    if (text == 2 && !memcmp(line, "\\.", 2)) break;
    if (PQputCopyData(connection, line, (int)length) != 1) break;
  }
  PQputCopyEnd(connection, NULL);
}

/* A server that ends says so first: only what comes behind its last words shows that it is gone. */
static bool is_last_word(const PGresult *result) {
  const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
  return severity && (!strcmp(severity, "FATAL") || !strcmp(severity, "PANIC"));
}

static void say_error(const PGresult *result, const char *text) {
  long line = here.line;
  const char *position = PQresultErrorField(result, PG_DIAG_STATEMENT_POSITION);
  long characters = position ? strtol(position, NULL, 10) : 0;
  for (const char *at = text; *at && characters > 1; at++) {
    if (((unsigned char)at[0] & 0xc0) == 0x80) continue;
    line += *at == '\n';
    characters--;
  }
  say_where(here.file, line);
  fputs(PQresultErrorMessage(result), stderr);
}

/* Keeps the last result with rows until the server is done with the statement. */
static bool take_result(struct script *script, PGresult *result, const char *text, PGresult **rows) {
  switch (PQresultStatus(result)) {
    case PGRES_TUPLES_OK:
      *rows = result;
      return true;
    case PGRES_COMMAND_OK:
      if (*PQcmdStatus(result)) puts(PQcmdStatus(result));
      break;
    case PGRES_EMPTY_QUERY: break;
    case PGRES_COPY_OUT: copy_out(); break;
    case PGRES_COPY_IN: copy_in(script); break;
    default:
      say_error(result, text);
      ending = is_last_word(result);
      PQclear(result);
      return false;
  }
  PQclear(result);
  return true;
}

bool run_statement(struct script *script, const struct piece *piece, const char *text, long number) {
  here = (struct statement_place){number, script->file, piece->line};
  PGresult *rows = NULL;
  bool well = PQsendQuery(connection, text) == 1;
  for (PGresult *result; well && (result = PQgetResult(connection));) well = take_result(script, result, text, &rows);
  for (PGresult *result; ending && (result = PQgetResult(connection));) PQclear(result);
  if (PQstatus(connection) != CONNECTION_OK) {
    say_where(here.file, here.line);
    fputs("error: the database server has ended or closed the connection\n", stderr);
    tell_server_log(&server);
    return false;
  }
  if (rows) {
    well = show_rows(rows) && well;
    PQclear(rows);
  }
  return well;
}

int main(int count, char **arguments) {
  const struct client client = {"paddock-psql POSTGRES PREPARED [SCRIPT]", POSTGRESQL, start};
  run_client(&client, count, arguments);
}
