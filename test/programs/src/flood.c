/* argv[1]: stdout, stderr, both or forks. Own bound: 1 GiB. */
int main(int argc, char **argv) {
  static char block[65536];
  memset(block, 'x', sizeof block);
  const char *mode = argc > 1 ? argv[1] : "stdout";
  if (!strcmp(mode, "forks")) for (int i = 0; i < 3; i++) if (fork() == 0) break;
  for (int i = 0; i < 16384; i++) {
    if (strcmp(mode, "stderr")) if (write(1, block, sizeof block) < 0) return 4;
    if (!strcmp(mode, "stderr") || !strcmp(mode, "both")) if (write(2, block, sizeof block) < 0) return 4;
  }
  return 0;
}
