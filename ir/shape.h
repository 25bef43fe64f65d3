// Sizes and shapes. A size is a*N + b: N is the one dynamic symbol of the
// function it belongs to (1 <= N <= the graph's bound); a == 0 is static.
// Equality of sizes is equality of (a, b).
#ifndef NNC_IR_SHAPE_H
#define NNC_IR_SHAPE_H

#include "ir/base/strbuf.h"

#include <stdbool.h>
#include <stdint.h>

enum { MAX_RANK = 8 };
// Limit on the elements of one tensor (at the bound of a dynamic size).
#define MAX_ELEMENTS ((int64_t)1 << 40)

typedef struct Dim {
  int64_t a, b;
} Dim;

typedef struct Shape {
  uint32_t rank;
  Dim d[MAX_RANK];
} Shape;

static inline Dim dim_of(int64_t n) { return (Dim){0, n}; }
static inline bool dim_static(Dim d) { return d.a == 0; }
static inline bool dim_eq(Dim x, Dim y) { return x.a == y.a && x.b == y.b; }
static inline bool dim_is(Dim d, int64_t n) { return d.a == 0 && d.b == n; }
static inline int64_t dim_at(Dim d, int64_t n) { return d.a * n + d.b; }
// False when the result is no longer a*N + b, or overflows.
bool dim_add(Dim x, Dim y, Dim *out);
bool dim_sub(Dim x, Dim y, Dim *out);
bool dim_mul(Dim x, Dim y, Dim *out);
bool dim_div(Dim x, Dim y, Dim *out);  // exact only

bool shape_eq(const Shape *x, const Shape *y);
bool shape_static(const Shape *s);
// Product of the sizes as a*N + b; false when it is not of that form or overflows.
bool shape_count(const Shape *s, Dim *out);
// Number of elements at N = n (all sizes static: any n). Callers pass shapes that were built by
// the builder, which keeps every product below MAX_ELEMENTS at the bound.
int64_t shape_elements(const Shape *s, int64_t n);
Shape shape_at(const Shape *s, int64_t n);

// Numpy's rule: trailing axes align, a static 1 stretches; a dynamic size never counts as 1.
// False: they don't fit, and *axis (counted from the end, 0 = last) says where.
bool shape_broadcast(const Shape *x, const Shape *y, Shape *out, unsigned *axis);
// True when x stretches to exactly `to`.
bool shape_broadcasts_to(const Shape *x, const Shape *to);

// "[B, 3, 2*B + 1]" with the symbol's name (NULL: "N"); "[]" for a scalar.
void shape_print(StrBuf *b, const Shape *s, const char *symbol);
void dim_print(StrBuf *b, Dim d, const char *symbol);

#endif
