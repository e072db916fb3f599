/* argv[1]: "fail" exits 1 once fork is refused, "insist" goes on; "detach" makes every child a session of its own. */
int main(int argc, char **argv) {
  const char *mode = argc > 1 ? argv[1] : "fail";
  long *count = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  time_t end = time(0) + 6; /* own bound: 6 s and 3,000 processes */
  pid_t first = getpid();
  while (time(0) < end && *count < 3000) {
    pid_t child = fork();
    if (child < 0) {
      if (getpid() == first && strcmp(mode, "insist")) {
        printf("fork refused after %ld\n", *count);
        return 1;
      }
      continue;
    }
    if (child == 0) {
      __sync_fetch_and_add(count, 1);
      if (!strcmp(mode, "detach")) setsid();
    }
  }
  if (*count >= 3000) broken("fork bomb", "3,000 processes");
  return 1;
}
