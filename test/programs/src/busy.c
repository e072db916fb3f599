/* argv[1]: how many processes are busy. */
int main(int argc, char **argv) {
  int n = argc > 1 ? atoi(argv[1]) : 1;
  time_t end = time(0) + 15;
  for (int i = 1; i < n; i++)
    if (fork() == 0) break;
  while (time(0) < end) for (volatile int i = 0; i < 1000000; i++) ;
  broken("time limit", "15 s of CPU");
  return 0;
}
