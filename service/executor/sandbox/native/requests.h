#ifndef PADDOCK_REQUESTS_H
#define PADDOCK_REQUESTS_H

#include <signal.h>
#include <sys/resource.h>

/*
 * Reads one request of the executor and does it; see paddock-launch.c. `blocked` are the signals and `files` the limit
 * that are the launcher's own, and no sandbox's.
 */
void serve_request(const sigset_t *blocked, const struct rlimit *files);

#endif
