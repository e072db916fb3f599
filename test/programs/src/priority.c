#include <sys/prctl.h>
struct sched_attr_ { unsigned size, policy; unsigned long long flags; int nice; unsigned prio; unsigned long long runtime, deadline, period; };
#define TRY(what, call) do { errno = 0; long r = (long)(call); if (r == -1) held(what, strerror(errno)); else broken(what, "accepted"); } while (0)
static long raise_limit(int which) {
  struct rlimit now;
  if (getrlimit(which, &now)) return -1;
  if (now.rlim_max == RLIM_INFINITY) return 0;
  struct rlimit more = { now.rlim_max + 1, now.rlim_max + 1 };
  return setrlimit(which, &more);
}
int main(void) {
  TRY("nice", setpriority(PRIO_PROCESS, 0, -5));
  struct sched_param fifo = { .sched_priority = 10 };
  TRY("sched_fifo", sched_setscheduler(0, SCHED_FIFO, &fifo));
  TRY("sched_rr", sched_setscheduler(0, SCHED_RR, &fifo));
  struct sched_attr_ deadline = { sizeof deadline, 6, 0, 0, 0, 10000000, 30000000, 30000000 };
  TRY("sched_deadline", syscall(SYS_sched_setattr, 0, &deadline, 0));
  TRY("ioprio_rt", syscall(SYS_ioprio_set, 1, 0, (1 << 13) | 0));
  TRY("rlimit_fsize", raise_limit(RLIMIT_FSIZE));
  TRY("rlimit_nofile", raise_limit(RLIMIT_NOFILE));
  TRY("rlimit_core", raise_limit(RLIMIT_CORE));
  TRY("rlimit_cpu", raise_limit(RLIMIT_CPU));
  struct rlimit any = { 1 << 20, 1 << 20 };
  TRY("prlimit_pid1", getpid() == 1 ? -1 : prlimit(1, RLIMIT_NOFILE, &any, 0));
  int fd = open("/proc/self/oom_score_adj", O_WRONLY);
  TRY("oom_score_adj", fd < 0 ? -1 : write(fd, "-1000", 5));
  fd = open("/proc/self/autogroup", O_WRONLY);
  TRY("autogroup", fd < 0 ? -1 : write(fd, "-20", 3));
  cpu_set_t before, all;
  CPU_ZERO(&all);
  sched_getaffinity(0, sizeof before, &before);
  held("affinity", CPU_COUNT(&before) > 0 ? "read" : "none");
  return 0;
}
