// The part of a program that some of its exports and train blocks need, as a program of its own: their
// functions, the stores these touch, and of `init` what gives these stores their first values.
#ifndef NNC_PASSES_SUBSET_H
#define NNC_PASSES_SUBSET_H

#include "ir/program.h"

typedef struct Selected {
  const bool *functions; // by function: exports and tests that are wanted
  const bool *trains; // by train block; of its plan the loops and updates stay: evals and files are a host's
  const bool *known;  // by store: its first value is known when compiling, so `init` need not make it
  bool in_arena;      // what is known comes at run time all the same: no store is constant
} Selected;

typedef struct Subset {
  Program *program;       // init: NO_FUNCTION when it has nothing to do
  const uint32_t *stores; // for each of its stores the number it had
  const bool *written;    // for each of its stores: a function other than `init` writes it
} Subset;

#define NO_FUNCTION UINT32_MAX

Subset program_subset(const Program *p, const Selected *s, Arena *a);

#endif
