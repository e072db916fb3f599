#include <sys/ioctl.h>
#include <termios.h>
int main(void) {
  char c = 'x';
  int fds[] = { 0, 1, 2, open("/dev/tty", O_RDWR), open("/dev/console", O_RDWR), open("/dev/pts/0", O_RDWR) };
  const char *names[] = { "stdin", "stdout", "stderr", "tty", "console", "pts0" };
  for (int i = 0; i < 6; i++) {
    char what[64];
    snprintf(what, sizeof what, "tiocsti_%s", names[i]);
    errno = 0;
    if (ioctl(fds[i], TIOCSTI, &c) == 0) broken(what, "injected"); else held(what, strerror(errno));
    char arg[] = { 3, 0 };
    if (ioctl(fds[i], TIOCLINUX, arg) == 0) broken("tioclinux", names[i]);
    /* The high half of the request is ignored by the kernel, so a filter on 64 bits would be passed by. */
    if (syscall(SYS_ioctl, fds[i], 0xffffffff00000000ull | TIOCSTI, &c) == 0) broken(what, "injected with high bits");
    if (isatty(fds[i] < 0 ? 99 : fds[i])) broken(what, "is a terminal");
  }
  int master = posix_openpt(O_RDWR | O_NOCTTY);
  if (master < 0) held("own_pty", strerror(errno));
  else {
    grantpt(master);
    unlockpt(master);
    char *name = ptsname(master);
    int slave = name ? open(name, O_RDWR) : -1;
    setsid();
    if (slave >= 0) ioctl(slave, TIOCSCTTY, 0);
    if (slave >= 0 && ioctl(slave, TIOCSTI, &c) == 0) broken("own_pty", "TIOCSTI works on a terminal of its own");
    else held("own_pty", strerror(errno));
  }
  printf("\033]0;title\007\033[2J\033[31mred\r\b\n");
  return 0;
}
