extern char **environ;
int main(int argc, char **argv) {
  for (char **pair = environ; *pair; pair++) printf("environment: %s\n", *pair);
  for (int i = 0; i < argc; i++) printf("argument: %s\n", argv[i]);
  char line[4096];
  const char *files[] = {"/proc/self/status", "/proc/self/limits", "/proc/self/cgroup", "/proc/self/comm"};
  for (unsigned i = 0; i < sizeof files / sizeof *files; i++) {
    FILE *file = fopen(files[i], "r");
    while (fgets(line, sizeof line, file))
      if (strncmp(line, "Vm", 2) && strncmp(line, "Rss", 3) && strncmp(line, "FDSize", 6) && !strstr(line, "voluntary"))
        printf("%s: %s", files[i], line);
    fclose(file);
  }
  for (int fd = 0; fd < 1024; fd++)
    if (fcntl(fd, F_GETFD) >= 0) printf("descriptor: %d %o\n", fd, fcntl(fd, F_GETFL));
  for (int number = 1; number < 65; number++) {
    struct sigaction action;
    if (sigaction(number, NULL, &action) == 0 && action.sa_handler != SIG_DFL) printf("signal: %d\n", number);
  }
  printf("ids: %d %d %d %d\n", getpid(), getppid(), getsid(0), getpgrp());
  fflush(stdout);
  raise(SIGSEGV);
}
