int main(void) {
  sigset_t all;
  for (int s = 1; s < 65; s++) signal(s, SIG_IGN);
  sigfillset(&all);
  sigprocmask(SIG_BLOCK, &all, 0);
  time_t end = time(0) + 15;
  printf("deaf\n");
  fflush(stdout);
  while (time(0) < end) usleep(100000);
  broken("time limit", "15 s");
  return 0;
}
