int main(void) {
  static char block[1 << 16];
  int fd = open("big", O_CREAT | O_WRONLY, 0600);
  for (int i = 0; i < 16384; i++)
    if (write(fd, block, sizeof block) < 0) { printf("refused: %s\n", strerror(errno)); return 1; }
  broken("file size", "1 GiB");
  return 0;
}
