// What is kept of a failure that is nnc's own: a folder with the source, the command line and, where there is
// one, the emitted text and what the C compiler said about it. Plus the guard that turns a failed assertion
// or a crash into such a folder and exit code 70.
#ifndef NNC_DRIVER_REPRODUCER_H
#define NNC_DRIVER_REPRODUCER_H

#include <stdbool.h>
#include <stddef.h>

typedef struct Text {
  const char *text;
  size_t len;
} Text;

typedef struct NamedText {
  const char *name; // "/blocks.nn"
  Text text;
} NamedText;

typedef struct Reproducer {
  int argc;
  char **argv;
  const char *what; // "the emitted C does not compile"
  Text source;      // model.nn
  const NamedText *imported;
  size_t n_imported;
  Text emitted; // model.c
  bool is_cuda; // model.cu
  Text tool;    // compiler.txt
} Reproducer;

// Writes `nnc-bug-1` (2, …) in the current folder, else in /tmp, says so on stderr, gives EXIT_BUG.
// Only calls that a signal handler may make.
int reproducer_write(const Reproducer *r);

// From here on SIGABRT (a failed assertion), SIGSEGV, SIGBUS, SIGFPE and SIGILL end in reproducer_write(r).
void reproducer_guard(const Reproducer *r);

#endif
