#include "client.h"
#include "script.h"
#include "warm.h"

#include <locale.h>
#include <stdio.h>
#include <unistd.h>

static int results = -1;

_Noreturn void run_client(const struct client *client, int count, char **arguments) {
  bool ahead = started_ahead();
  if (count < (ahead ? 3 : 4)) {
    fprintf(stderr, "usage: %s\n", client->usage);
    _exit(2);
  }
  setlocale(LC_CTYPE, "C.UTF-8");
  client->start(arguments[1], arguments[2]);
  const char *entry = count > 3 ? arguments[3] : NULL;
  int more = count > 4 ? count - 4 : 0;
  if (ahead) {
    struct go go = wait_for_go();
    entry = go.entry;
    more = (int)go.argument_count;
  }
  results = open_results();
  bool well = run_script(client->dialect, entry, 0, more);
  fflush(stdout);
  /* The sandbox ends with this process: to take leave of the server would only take time. */
  _exit(well ? 0 : 1);
}

bool note_result(const struct statement_place *place, const char *command, const struct result_set *set) {
  if (results < 0 || write_result(results, place, command, set)) return true;
  say_where(place->file, place->line);
  fputs("error: the result does not fit into the scratch space\n", stderr);
  return false;
}
