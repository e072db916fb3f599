/*
 * The first process inside a sandbox (pid 1 of its pid namespace), however the sandbox was made: what it does once it
 * stands there. Used by paddock-init (a sandbox of its own bubblewrap) and by paddock-forks (one that was forked).
 *
 * Descriptor 3 is a stream socket to the launcher, 5 and 6 are the program's outputs, 0 its input. Over the socket
 *
 * it says     ready\n
 *             exit CODE SIGNAL WALL_US USER_US SYSTEM_US MAXRSS_KIB\n
 *             ends (the same)\n     where nothing is left to it but to end: its output is complete, although still open
 *             error STEP ERRNO\n
 * it is told  first the program's files: a 4-byte number of them (all numbers are little-endian), and for each: 4 bytes
 *             length of its name with the NUL, 4 bytes 1 where it is executable, 8 bytes size, the name, the content.
 *             They are written here, by the sandbox's own user: outside there may be nobody who can (a root that the
 *             file system's user namespace does not know), and links cannot be followed anywhere else.
 *             Then one message: a 4-byte length, then NUL-terminated strings:
 *             mode ("warm" or "exec"), open files, file bytes, CPU seconds, processes, data bytes (rlimits;
 *             0: leave), working folder, and then
 *             exec: number of arguments, the arguments (the command first), the environment
 *             warm: what is handed to the warm program as it is, with a length of its own in front
 *
 * The warm program has a socket of its own as descriptor 3 and writes one byte to it when it is ready. The program runs
 * as the same user and could disturb the first process only through the kernel's own interfaces (ptrace, /proc/1/mem),
 * which the seccomp filter and PR_SET_DUMPABLE refuse; all it would win is lying about its own status.
 */
#ifndef PADDOCK_INSIDE_H
#define PADDOCK_INSIDE_H

#include <stddef.h>

#define CONTROL 3
#define STDOUT_ARRIVED 5
#define STDERR_ARRIVED 6

/* What is started ahead. */
enum ahead {
  NOTHING,
  A_COMMAND, /* a command, by exec */
  THE_CALLER, /* a fork of this very process, which returns to its caller */
  THE_CALLER_ALONE /* the same, and it calls take_go() instead of waiting at descriptor 3: one process less to wake */
};

/* Says on the control socket what failed, and ends this process. */
void fail(const char *step) __attribute__((noreturn));

/* One core limit and one stack limit for all. */
void set_common_limits(void);

/*
 * Waits for go, in the process that is to become the program: writes the files, sets the limits, and lets go of all that
 * is not the program's. Returns what is handed to a warm program, `*length` bytes.
 */
char *take_go(size_t *length);

/*
 * To be called by a program of THE_CALLER_ALONE that has nothing left to do but to end with status 0: what the kernel
 * still has to take apart of it then is waited for by nobody. Whoever else calls it has ended the program likewise.
 */
void end_well(void);

/*
 * From here to the end of the sandbox. Returns only with THE_CALLER and THE_CALLER_ALONE, in the process that is to become the program.
 * `fork_process` makes a process: a library that takes fork's place has another one than a plain program.
 */
void be_first_process(enum ahead ahead, char *const *command, int (*fork_process)(void));

#endif
