int main(void) {
  int made = 0;
  for (; made < 3000; made++) {
    pid_t child = fork();
    if (child == 0) _exit(0);
    if (child < 0) { printf("fork refused after %d zombies\n", made); return 1; }
  }
  broken("zombies", "3,000 of them");
  return 0;
}
