extern char **environ;
int main(void) {
  for (char **e = environ; *e; e++) printf("env %s\n", *e);
  FILE *f = fopen("/proc/self/environ", "r");
  int c;
  while (f && (c = fgetc(f)) != EOF) putchar(c ? c : '\n');
  held("environment", "printed");
  return 0;
}
