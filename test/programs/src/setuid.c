/* A setuid file of its own making and every setuid program in sight give nothing. */
#include <dirent.h>
#include <sys/statvfs.h>
static int exec_as(const char *path, char *const argv[], char *out, size_t size) {
  int p[2];
  if (pipe(p)) return -1;
  pid_t child = fork();
  if (child == 0) {
    dup2(p[1], 1); dup2(p[1], 2); close(p[0]);
    int null = open("/dev/null", O_RDONLY); dup2(null, 0);
    execv(path, argv);
    _exit(127);
  }
  close(p[1]);
  ssize_t n = read(p[0], out, size - 1);
  out[n < 0 ? 0 : n] = 0;
  int status;
  waitpid(child, &status, 0);
  close(p[0]);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
int main(int argc, char **argv) {
  char out[512];
  if (argc > 1 && !strcmp(argv[1], "who")) { printf("%d %d %d", geteuid(), getegid(), (int)getuid()); return 0; }
  const char *places[] = { "/work", "/tmp", "/dev/shm" };
  for (int i = 0; i < 3; i++) {
    char path[64], what[96];
    snprintf(path, sizeof path, "%s/suid", places[i]);
    int in = open("/proc/self/exe", O_RDONLY), to = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0755);
    static char buf[1 << 16];
    ssize_t n;
    while ((n = read(in, buf, sizeof buf)) > 0) if (write(to, buf, n) < 0) break;
    close(in); close(to);
    chown(path, 0, 0);
    chmod(path, 06755);
    struct statvfs v;
    snprintf(what, sizeof what, "nosuid_%s", places[i]);
    if (!statvfs(path, &v) && (v.f_flag & ST_NOSUID)) held(what, "nosuid"); else broken(what, "mounted without nosuid");
    char *args[] = { path, "who", 0 };
    exec_as(path, args, out, sizeof out);
    snprintf(what, sizeof what, "own_%s", places[i]);
    int e = -1, g = -1, u = -1;
    if (sscanf(out, "%d %d %d", &e, &g, &u) == 3 && (e != (int)getuid() || g == 0)) broken(what, out); else held(what, out);
  }
  const char *tools[][4] = { { "/usr/bin/su", "-c", "id", 0 }, { "/usr/bin/sudo", "-n", "id", 0 }, { "/usr/bin/mount", "-t", "tmpfs", 0 }, { "/usr/bin/pkexec", "id", 0, 0 } };
  for (int i = 0; i < 4; i++) {
    char *args[] = { (char *)tools[i][0], (char *)tools[i][1], (char *)tools[i][2], 0 };
    exec_as(tools[i][0], args, out, sizeof out);
    if (strstr(out, "uid=0")) broken(tools[i][0], out); else held(tools[i][0], "nothing gained");
  }
  return 0;
}
