#include <sys/shm.h>
int main(void) {
  for (int i = 0; i < 512; i++) {
    int id = shmget(IPC_PRIVATE, 4 << 20, IPC_CREAT | 0600);
    if (id < 0) { printf("shmget refused at %d MiB: %s\n", 4 * i, strerror(errno)); return 3; }
    char *p = shmat(id, 0, 0);
    if (p == (char *)-1) { printf("shmat refused\n"); return 3; }
    memset(p, 1, 4 << 20);
    shmdt(p);
  }
  broken("sysv memory", "2 GiB of SysV shared memory");
  return 0;
}
