/*
 * The child of a start request: from its arguments to bubblewrap. See paddock-launch.c for the arguments.
 */
#ifndef PADDOCK_START_H
#define PADDOCK_START_H

/* What the launcher made for this sandbox: placed at 3, 5 and 6. */
struct own_ends {
  int control, out, err;
};

/* Never returns: becomes bubblewrap, or says on its control socket why not and exits with 125. */
void start(int argc, char **argv, const struct own_ends *ends) __attribute__((noreturn));

#endif
