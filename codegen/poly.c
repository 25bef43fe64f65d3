// Coefficient arithmetic. The sizes of a program are bounded by MAX_ELEMENTS at the bound of N (the builder
// checks it), so the coefficients stay far below 2^63.
#include "codegen/poly.h"

#include <assert.h>
#include <string.h>

Poly poly_of(int64_t k) { return (Poly){.c = {k}}; }

Poly poly_dim(Dim d) { return (Poly){.c = {d.b, d.a}}; }

Poly poly_add(Poly x, Poly y) {
  for (int i = 0; i <= MAX_RANK; i++) x.c[i] += y.c[i];
  return x;
}

Poly poly_sub(Poly x, Poly y) {
  for (int i = 0; i <= MAX_RANK; i++) x.c[i] -= y.c[i];
  return x;
}

Poly poly_mul(Poly x, Poly y) {
  Poly r = {0};
  for (int i = 0; i <= MAX_RANK; i++)
    for (int j = 0; x.c[i] != 0 && j <= MAX_RANK; j++)
      if (y.c[j] != 0) {
        assert(i + j <= MAX_RANK);
        r.c[i + j] += x.c[i] * y.c[j];
      }
  return r;
}

bool poly_eq(const Poly *x, const Poly *y) { return memcmp(x, y, sizeof *x) == 0; }

bool poly_static(const Poly *x) {
  for (int i = 1; i <= MAX_RANK; i++)
    if (x->c[i] != 0) return false;
  return true;
}

bool poly_is(const Poly *x, int64_t k) { return x->c[0] == k && poly_static(x); }

int64_t poly_at(const Poly *x, int64_t n) {
  int64_t r = 0;
  for (int i = MAX_RANK; i >= 0; i--) r = r * n + x->c[i];
  return r;
}

static int degree(const Poly *x) {
  int d = MAX_RANK;
  while (d > 0 && x->c[d] == 0) d--;
  return d;
}

bool poly_div(Poly x, Poly d, Poly *q) {
  int dd = degree(&d);
  Poly r = {0};
  if (d.c[dd] == 0) return false;
  for (int i = degree(&x); i >= dd; i--) {
    if (x.c[i] % d.c[dd] != 0) return false;
    int64_t k = x.c[i] / d.c[dd];
    r.c[i - dd] = k;
    for (int j = 0; j <= dd; j++) x.c[i - dd + j] -= k * d.c[j];
  }
  if (!poly_is(&x, 0)) return false;
  *q = r;
  return true;
}

// A line is looked at in both ends; beyond that, no negative coefficient after N = M + 1 is enough.
bool poly_nonnegative(const Poly *x, int64_t bound) {
  if (degree(x) <= 1) return x->c[0] + x->c[1] >= 0 && x->c[0] + x->c[1] * bound >= 0;
  Poly s = {0}, power = poly_of(1), step = {.c = {1, 1}};
  for (int i = 0; i <= degree(x); i++) {
    s = poly_add(s, poly_mul(poly_of(x->c[i]), power));
    if (i < degree(x)) power = poly_mul(power, step);
  }
  for (int i = 0; i <= MAX_RANK; i++)
    if (s.c[i] < 0) return false;
  return true;
}
