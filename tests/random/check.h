// What a random model must survive. Each check runs in a process of its own, so that a crash or a hang is a
// failure like any other.
#ifndef NNC_TESTS_RANDOM_CHECK_H
#define NNC_TESTS_RANDOM_CHECK_H

#include "ir/program.h"
#include "passes/rewrite.h"

#include <stdbool.h>

enum { MAX_BUILDS = 8, MAX_WHY = 4000 };

typedef enum Outcome {
  FINE,
  REJECTED, // the front end has errors
  DIFFERS,  // values, or a graph that is not valid
  DIED      // a crash, an assertion, a sanitizer, time
} Outcome;

// Shared with the process of a check.
typedef struct Report {
  Outcome outcome;
  char why[MAX_WHY]; // for people; names the function or store, whose name begins with the model's prefix
  char kind[200];    // of failure: a reduced text shows the same
  char at[200];      // what was running
  uint64_t ops[OP_COUNT];
  uint32_t rules[RULE_COUNT]; // how often each fired
  uint64_t slopes;            // gradients compared with differences
  uint64_t hoisted;           // values computed before a loop
} Report;

// How the C text is made a shared object: the command gets " -o SO FILE" behind it.
typedef struct Build {
  const char *command;
  bool cuda; // the CUDA text, for the harness
} Build;

typedef struct Check {
  DType real;
  const Build *builds; // none: the interpreter and the passes
  uint32_t n_builds;
  const char *folder; // for texts and objects
  unsigned seconds;   // for one call
} Check;

// Runs the check on a text of one or more models. The report stays until the next call.
const Report *check_text(const Check *c, const char *text);

// ---- what the process does

// NULL: *why has the diagnostics.
Program *front_end(const char *text, DType real, Report *r, Arena *a);
void check_passes(Program *p, Report *r, Arena *a);
// `without`: the program of the same text without `recompute`.
void check_recompute(const Program *p, const Program *without, Report *r, Arena *a);
void check_slopes(const Program *p, const Function *f, Scalar *const *stores, int64_t n, Report *r);
void check_builds(Program *p, const Check *c, Report *r, Arena *a);
// `kind`: what a reduced text must still show.
void differs(Report *r, const char *kind, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

// ---- reduce.c
// The smallest text found in so many seconds that still fails in the same way; the caller frees it.
char *reduce(const Check *c, const char *text, double seconds);

#endif
