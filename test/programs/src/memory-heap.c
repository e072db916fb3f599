int main(void) {
  for (long i = 0; i < 2048; i++) {
    char *p = malloc(1 << 20);
    if (!p) { printf("malloc refused at %ld MiB\n", i); return 3; }
    memset(p, (int)i | 1, 1 << 20);
  }
  broken("memory", "2 GiB kept");
  return 0;
}
