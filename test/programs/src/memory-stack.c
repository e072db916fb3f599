static volatile long depth;
__attribute__((noinline)) static long down(long n) {
  volatile char block[65536];
  block[n & 65535] = (char)n;
  depth = n;
  if (n > 32768) return n; /* own bound: 2 GiB */
  return down(n + 1) + block[0];
}
int main(int argc, char **argv) {
  struct rlimit all;
  getrlimit(RLIMIT_STACK, &all);
  all.rlim_cur = all.rlim_max;
  if (argc > 1) setrlimit(RLIMIT_STACK, &all); /* any argument: as much stack as it may give itself */
  (void)argv;
  long r = down(1);
  broken("stack", "2 GiB of stack");
  return r == 0;
}
