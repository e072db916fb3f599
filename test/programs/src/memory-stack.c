static volatile long depth;
__attribute__((noinline)) static long down(long n) {
  volatile char block[65536];
  block[n & 65535] = (char)n;
  depth = n;
  if (n > 32768) return n; /* own bound: 2 GiB */
  return down(n + 1) + block[0];
}
int main(void) {
  long r = down(1);
  broken("stack", "2 GiB of stack");
  return r == 0;
}
