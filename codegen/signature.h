// What the text of a kernel is made of. Kernels of equal signatures differ only in the numbers that are slots
// of the text (constants, random sites, places of faults) and in the memory that its parameters stand for:
// one text does for all of them.
#ifndef NNC_CODEGEN_SIGNATURE_H
#define NNC_CODEGEN_SIGNATURE_H

#include "codegen/plan.h"

typedef struct Signature {
  const uint64_t *words;
  uint32_t n_words;
  uint64_t hash;
  const ExprId *exprs;     // in the order they are met; kernels of equal signatures meet the same ones
  const uint32_t *buffers; // likewise
  uint32_t n_exprs, n_buffers;
} Signature;

Signature kernel_signature(const FnPlan *f, const Kernel *k, Arena *a);
Signature signature_copy(const Signature *s, Arena *a);
bool signature_eq(const Signature *x, const Signature *y);

#endif
