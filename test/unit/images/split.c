/* Shows the pieces that a script on standard input is cut into, one JSON-like line each. Usage: split postgresql|mariadb */
#include "../../../images/shared/sql/splitter.h"

#include <stdio.h>
#include <string.h>

int main(int count, char **arguments) {
  static char text[1 << 20];
  static const char *const kinds[] = {"end", "statement", "command", "misplaced"};
  if (count != 2) return 2;
  size_t length = fread(text, 1, sizeof text, stdin);
  struct splitter splitter;
  start_splitting(&splitter, strcmp(arguments[1], "mariadb") ? POSTGRESQL : MARIADB, text, length);
  for (;;) {
    struct piece piece = next_piece(&splitter);
    if (piece.kind == THE_END) return 0;
    printf("%s %ld%s %.*s%c", kinds[piece.kind], piece.line, piece.vertical ? " vertical" : "", (int)piece.length,
           piece.text, 0);
  }
}
