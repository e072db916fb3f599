/*
 * What comes over the control socket with go: the program's files, and the message. Its form is in inside.h. Whatever is
 * wrong with it ends this process, with a word on the control socket; where that has ended, without one.
 */
#ifndef PADDOCK_GO_H
#define PADDOCK_GO_H

/* Writes the files into the working folder. */
void receive_files(void);

/* The message; `*end` is behind its last byte. */
char *read_go(char **end);

/* The next string of it; `*at` is moved behind its NUL. */
const char *next_field(char **at, char *end);

#endif
