/* "leave" makes one of each kind under fixed names; "look" finds none of them. Also prints what it sees at all. */
#include <mqueue.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <semaphore.h>
#define KEY 0x70616464
static void count(const char *path) {
  FILE *f = fopen(path, "r");
  char line[512];
  int lines = -1;
  if (!f) { held(path, strerror(errno)); return; }
  while (fgets(line, sizeof line, f)) lines++;
  fclose(f);
  snprintf(line, sizeof line, "%d", lines);
  if (lines > 0) broken(path, line); else held(path, line);
}
int main(int argc, char **argv) {
  int leave = argc > 1 && !strcmp(argv[1], "leave");
  int flags = leave ? IPC_CREAT | 0666 : 0;
#define SEE(what, ok) do { if (leave) printf("left %s: %s\n", what, (ok) ? "yes" : strerror(errno)); else if (ok) broken(what, "found"); else held(what, strerror(errno)); } while (0)
  SEE("sysv_shm", shmget(KEY, 4096, flags) >= 0);
  SEE("sysv_sem", semget(KEY, 1, flags) >= 0);
  SEE("sysv_msg", msgget(KEY, flags) >= 0);
  SEE("posix_shm", shm_open("/paddock-attack", leave ? O_CREAT | O_RDWR : O_RDONLY, 0666) >= 0);
  SEE("posix_mq", mq_open("/paddock-attack", leave ? O_CREAT | O_RDWR : O_RDONLY, 0666, (void *)0) != (mqd_t)-1);
  SEE("posix_sem", sem_open("/paddock-attack", leave ? O_CREAT : 0, 0666, 0) != SEM_FAILED);
  SEE("file_tmp", open("/tmp/paddock-attack", leave ? O_CREAT | O_RDWR : O_RDONLY, 0666) >= 0);
  SEE("file_work", open("/work/paddock-attack", leave ? O_CREAT | O_RDWR : O_RDONLY, 0666) >= 0);
  if (!leave) { count("/proc/sysvipc/shm"); count("/proc/sysvipc/sem"); count("/proc/sysvipc/msg"); }
  return 0;
}
