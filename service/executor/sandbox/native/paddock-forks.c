/*
 * paddock-forks: the fork server. It stands in a bubblewrap sandbox of its own, as root of a user namespace that has no
 * right outside, and makes sandboxes by forking itself: each with fresh mount, pid, ipc, net, uts, cgroup and user
 * namespaces, scratch space, cgroup and host uid. It never reads anything of a user's: requests come from the executor.
 *
 * Built twice. As a program it makes sandboxes that start their program by exec. As a library (forks-library.c) it does
 * so inside a started interpreter, and its sandboxes start as copies of that.
 *
 * Descriptor 3 is a SOCK_SEQPACKET socket to the launcher, 4 the seccomp program. It says `serving\n` once, and is told
 * one message a sandbox, NUL-terminated strings:
 *
 *   UID BYTES INODES AHEAD COUNT ARG... NAME=VALUE...
 *
 *   UID     the uid of this user namespace that the sandbox gets; 0: the server's own (an executor that is not root)
 *   BYTES, INODES   of its scratch space
 *   AHEAD   what is started ahead: nothing, command (COUNT arguments, then its environment), caller
 *
 * with these descriptors: the sandbox's control socket, its input, its two outputs, and the cgroup.procs to write itself
 * into. From there on the control socket is spoken as inside.h says.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "forks.h"
#include "inside.h"

#define FILTER 4
#define MAX_REQUEST (128u << 10)
#define MAX_FIELDS 1024
#define MAX_DESCRIPTORS 16
/* Descriptors that come with a request must not land on the numbers where they go in the end. */
#define FIRST_FREE 16
/* What the program sees itself as, whatever it is outside. */
#define INSIDE_ID 1000
#define LAST_CAPABILITY 63

struct request {
  uid_t uid;
  const char *bytes, *inodes;
  enum ahead ahead;
  char **command, **environment;
  int descriptors[MAX_DESCRIPTORS];
  int descriptor_count;
};

static char buffer[MAX_REQUEST];
static char *fields[MAX_FIELDS + 2];
static struct sock_filter filter[4096];
static unsigned short filter_length;
static int own_pid_namespace = -1;

static void write_text(const char *path, const char *text, const char *step) {
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0 || write(fd, text, strlen(text)) < 0) fail(step);
  close(fd);
}

static void join_cgroups(const struct request *request) {
  for (int i = 4; i < request->descriptor_count; i++)
    if (write(request->descriptors[i], "0", 1) < 0) fail("cgroup");
}

static void place_descriptors(const struct request *request) {
  const int *from = request->descriptors;
  if (dup2(from[1], 0) < 0 || dup2(FILTER, 1) < 0 || dup2(FILTER, 2) < 0 ||
      dup2(from[2], STDOUT_ARRIVED) < 0 || dup2(from[3], STDERR_ARRIVED) < 0)
    fail("dup");
  close(FILTER); /* /dev/null by now */
  if (close_range(7, ~0u, 0) < 0) fail("closerange");
  fcntl(CONTROL, F_SETFD, FD_CLOEXEC);
}

static void make_folder(const char *path, mode_t mode, uid_t owner) {
  if (mkdir(path, mode) < 0 || chown(path, owner, owner) < 0 || chmod(path, mode) < 0) fail("folder");
}

/* One file system of the given size behind all that can be written, staged where /tmp will be. */
static void mount_scratch(const struct request *request) {
  char options[128];
  snprintf(options, sizeof options, "size=%s,nr_inodes=%s,mode=0755", request->bytes, request->inodes);
  if (mount("paddock", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, options) < 0) fail("tmpfs");
  make_folder("/tmp/work", 0755, request->uid);
  make_folder("/tmp/shm", 01777, request->uid);
  make_folder("/tmp/tmp", 01777, request->uid);
  if (mount("/tmp/work", "/work", NULL, MS_BIND, NULL) < 0 || mount("/tmp/shm", "/dev/shm", NULL, MS_BIND, NULL) < 0 ||
      mount("/tmp/tmp", "/tmp", NULL, MS_BIND, NULL) < 0)
    fail("bind");
}

static void enter_namespaces(const struct request *request) {
  if (unshare(CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWCGROUP) < 0) fail("unshare");
  mount_scratch(request);
  if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0) fail("proc");
  if (mount("devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=620") < 0)
    fail("devpts");
  /* Programs talk to themselves over loopback, as they do everywhere. */
  struct ifreq loopback = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &loopback) < 0) fail("loopback");
  close(fd);
}

/*
 * The other namespaces stay the server's own, so that nothing inside has a right over them. In the sandbox's user
 * namespace there is one user, without any capability, who cannot get one.
 */
static void give_up_rights(const struct request *request) {
  char map[64];
  uid_t uid = request->uid;
  if (uid != 0 && (setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0)) fail("uid");
  /* A change of uid has made /proc/self root's, where the map is to be written. */
  if (prctl(PR_SET_DUMPABLE, 1) < 0) fail("dumpable");
  if (unshare(CLONE_NEWUSER) < 0) fail("userns");
  write_text("/proc/self/setgroups", "deny", "setgroups");
  snprintf(map, sizeof map, "%d %u 1", INSIDE_ID, uid);
  write_text("/proc/self/uid_map", map, "uidmap");
  write_text("/proc/self/gid_map", map, "gidmap");
  if (prctl(PR_SET_DUMPABLE, 0) < 0) fail("dumpable");

  for (int capability = 0; capability <= LAST_CAPABILITY; capability++)
    if (prctl(PR_CAPBSET_DROP, capability) < 0) {
      if (errno != EINVAL) fail("bounding");
      break; /* beyond the last one */
    }
  if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0) fail("ambient");
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct none[2] = {{0, 0, 0}, {0, 0, 0}};
  if (syscall(SYS_capset, &header, none) < 0) fail("capset");
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) fail("nonewprivs");
  struct sock_fprog program = {.len = filter_length, .filter = filter};
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0) fail("seccomp");
}

/* In the child, the first process of a new pid namespace. Returns in a process that is to become the program. */
static void become_sandbox(const struct request *request, int (*fork_process)(void)) {
  sigset_t none;
  sigemptyset(&none);
  signal(SIGCHLD, SIG_DFL);
  sigprocmask(SIG_SETMASK, &none, NULL);
  umask(022);
  /* From here on what fails is told to the one who waits for this sandbox. */
  if (dup2(request->descriptors[0], CONTROL) < 0) _exit(125);
  join_cgroups(request);
  setsid();
  enter_namespaces(request);
  place_descriptors(request);
  give_up_rights(request);
  if (chdir("/work") < 0) fail("chdir");
  if (request->ahead == A_COMMAND) environ = request->environment;
  be_first_process(request->ahead, request->command, fork_process);
}

static void read_filter(void) {
  size_t length = 0;
  ssize_t got;
  while ((got = read(FILTER, (char *)filter + length, sizeof filter - length)) > 0) length += (size_t)got;
  /* Running without a filter is never a silent choice. */
  if (got < 0 || length == 0 || length == sizeof filter || length % sizeof *filter != 0) {
    errno = EINVAL;
    fail("filter");
  }
  filter_length = (unsigned short)(length / sizeof *filter);
}

static void get_ready(void) {
  if (prctl(PR_SET_DUMPABLE, 0) < 0) fail("dumpable");
  read_filter();
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null < 0 || dup3(null, FILTER, O_CLOEXEC) < 0) fail("null");
  for (int fd = FILTER + 1; fd < FIRST_FREE; fd++)
    if (fcntl(fd, F_GETFD) < 0 && dup3(null, fd, O_CLOEXEC) < 0) fail("null");
  own_pid_namespace = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
  if (own_pid_namespace < 0) fail("pidns");
  /* Reaps the sandboxes' first processes by itself. */
  signal(SIGCHLD, SIG_IGN);
}

/* Returns 0 where the launcher is gone. */
static int receive(struct request *request) {
  char space[CMSG_SPACE(sizeof(int) * MAX_DESCRIPTORS)];
  struct iovec body = {.iov_base = buffer, .iov_len = sizeof buffer};
  struct msghdr message = {.msg_iov = &body, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space};
  ssize_t length;
  while ((length = recvmsg(CONTROL, &message, MSG_CMSG_CLOEXEC)) < 0 && errno == EINTR) {
  }
  if (length <= 0 || (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) || buffer[length - 1] != 0) return 0;
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  if (!header || header->cmsg_type != SCM_RIGHTS) return 0;
  request->descriptor_count = (int)((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
  memcpy(request->descriptors, CMSG_DATA(header), sizeof(int) * (size_t)request->descriptor_count);

  int count = 0;
  for (char *at = buffer; at < buffer + length && count < MAX_FIELDS; at += strlen(at) + 1) fields[count++] = at;
  fields[count] = NULL;
  long arguments = count < 5 ? -1 : strtol(fields[4], NULL, 10);
  if (request->descriptor_count < 4 || arguments < 0 || 5 + arguments > count) return 0;
  request->uid = (uid_t)strtoul(fields[0], NULL, 10);
  request->bytes = fields[1];
  request->inodes = fields[2];
  request->ahead = !strcmp(fields[3], "caller") ? THE_CALLER : !strcmp(fields[3], "command") ? A_COMMAND : NOTHING;
  /* The environment begins where the arguments end: a NULL between them, the strings stay where they are. */
  request->command = fields + 5;
  request->environment = fields + 5 + arguments;
  if (request->ahead == A_COMMAND) {
    memmove(request->environment + 1, request->environment, sizeof *fields * (size_t)(count - 5 - arguments + 1));
    *request->environment++ = NULL;
  }
  return 1;
}

void serve(int (*fork_process)(void), enum ahead copies) {
  struct request request;
  get_ready();
  if (write(CONTROL, "serving\n", 8) < 0) _exit(0);
  while (receive(&request)) {
    /* The namespace is for the next child alone: afterwards children are to be born in the server's own again. */
    int pid = unshare(CLONE_NEWPID) < 0 ? -1 : fork_process();
    if (pid == 0) {
      if (request.ahead == THE_CALLER) request.ahead = copies;
      become_sandbox(&request, fork_process);
      return;
    }
    int failed = errno;
    if (setns(own_pid_namespace, CLONE_NEWPID) < 0) _exit(1);
    if (pid < 0) dprintf(request.descriptors[0], "error fork %d\n", failed);
    for (int i = 0; i < request.descriptor_count; i++) close(request.descriptors[i]);
  }
  _exit(0);
}

#ifndef AS_LIBRARY
static int fork_process(void) { return fork(); }

int main(void) {
  set_common_limits();
  serve(fork_process, NOTHING); /* copies of this would have nothing to become */
}
#endif
