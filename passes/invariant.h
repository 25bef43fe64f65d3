// Work that is the same in every step of a training loop goes before the loop. No pass: it makes functions
// and stores of a program whose graphs went through the passes.
#ifndef NNC_PASSES_INVARIANT_H
#define NNC_PASSES_INVARIANT_H

#include "ir/program.h"

// What is worth a store. An elementwise operation counts one for each of its elements, a contraction two for
// each multiply-add, a reduction one for each element that it reads.
typedef struct InvariantLimits {
  int64_t least, each; // operations that a value takes: in all, and for each of its elements
  int64_t bytes;       // of all values that the program keeps
} InvariantLimits;

extern const InvariantLimits invariant_limits; // 1,024, 8, 64 MiB

// What a step computes of stores that no function of its loop writes, of constants and of the options of
// --set is computed by an FN_INVARIANT, which writes it to STORE_INVARIANTs that the step reads instead.
void program_hoist(Program *p, const InvariantLimits *limits, Arena *a);

#endif
