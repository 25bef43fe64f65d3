// Polynomials in N, the function's dynamic size: extents, strides and offsets of arrays. Sizes are a*N + b
// (ir/shape.h); their products, the strides of arrays that are dense in N, have higher powers.
#ifndef NNC_CODEGEN_POLY_H
#define NNC_CODEGEN_POLY_H

#include "ir/shape.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct Poly {
  int64_t c[MAX_RANK + 1]; // sum of c[i] * N^i
} Poly;

Poly poly_of(int64_t k);
Poly poly_dim(Dim d);
Poly poly_add(Poly x, Poly y);
Poly poly_sub(Poly x, Poly y);
Poly poly_mul(Poly x, Poly y);
bool poly_eq(const Poly *x, const Poly *y);
bool poly_is(const Poly *x, int64_t k);
bool poly_static(const Poly *x);
int64_t poly_at(const Poly *x, int64_t n);
// Exact division of polynomials; false when a remainder is left.
bool poly_div(Poly x, Poly d, Poly *q);
// Certainly >= 0 for every N in 1..bound; false also means "can't tell".
bool poly_nonnegative(const Poly *x, int64_t bound);

#endif
