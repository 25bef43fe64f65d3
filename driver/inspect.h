// Looking inside: --dump-ast, --dump-ir, --time-passes, --print. Dumps go to the standard output,
// times to stderr.
#ifndef NNC_DRIVER_INSPECT_H
#define NNC_DRIVER_INSPECT_H

#include "driver/options.h"
#include "frontend/ast.h"
#include "ir/program.h"

enum { MAX_STAGES = 64 };

typedef struct Inspect {
  const Options *o;
  double last; // when the running stage began, seconds
  struct {
    const char *name;
    double seconds;
  } stages[MAX_STAGES];
  uint32_t n_stages;
} Inspect;

// EXIT_USAGE when a dump names no pass.
int inspect_begin(Inspect *in, const Options *o, Arena *a);
void inspect_ast(const Inspect *in, const File *user);
// The time since the last call belongs to `stage`.
void inspect_stage(Inspect *in, const char *stage);
// Prints all functions when a dump after elaboration is wanted.
void inspect_elaborated(const Inspect *in, const Program *p);
// Likewise the kernels, after:fuse.
void inspect_kernels(const Inspect *in, const Program *p);
// PassOptions.observe, with the Inspect as user.
void inspect_pass(void *user, const char *pass, bool after, const Program *p, const Function *f);
void inspect_end(const Inspect *in); // the table of times

void inspect_print(const char *what, Arena *a);

#endif
