// Arithmetic of sizes a*N + b, every step checked; broadcasting aligns trailing axes and stretches
// only a static 1.
#include "ir/shape.h"

#include "ir/base/checked.h"

#include <inttypes.h>

bool dim_add(Dim x, Dim y, Dim *out) {
  Dim r;
  if (!checked_add(x.a, y.a, &r.a) || !checked_add(x.b, y.b, &r.b)) return false;
  *out = r;
  return true;
}

bool dim_sub(Dim x, Dim y, Dim *out) {
  Dim r;
  if (!checked_sub(x.a, y.a, &r.a) || !checked_sub(x.b, y.b, &r.b)) return false;
  *out = r;
  return true;
}

bool dim_mul(Dim x, Dim y, Dim *out) {
  if (!dim_static(x) && !dim_static(y)) return false;
  Dim dynamic = dim_static(x) ? y : x;
  int64_t factor = dim_static(x) ? x.b : y.b;
  Dim r;
  if (!checked_mul(dynamic.a, factor, &r.a) || !checked_mul(dynamic.b, factor, &r.b)) return false;
  *out = r;
  return true;
}

// x = q y with an integer q, or both coefficients of x divisible by a static y.
bool dim_div(Dim x, Dim y, Dim *out) {
  if (dim_static(y)) {
    if (y.b == 0 || (y.b == -1 && (x.a == INT64_MIN || x.b == INT64_MIN))) return false;
    if (x.a % y.b != 0 || x.b % y.b != 0) return false;
    *out = (Dim){x.a / y.b, x.b / y.b};
    return true;
  }
  if ((y.a == -1 && x.a == INT64_MIN) || x.a % y.a != 0) return false;
  int64_t q = x.a / y.a, b;
  if (!checked_mul(q, y.b, &b) || b != x.b) return false;
  *out = dim_of(q);
  return true;
}

bool shape_eq(const Shape *x, const Shape *y) {
  if (x->rank != y->rank) return false;
  for (uint32_t i = 0; i < x->rank; i++)
    if (!dim_eq(x->d[i], y->d[i])) return false;
  return true;
}

bool shape_static(const Shape *s) {
  for (uint32_t i = 0; i < s->rank; i++)
    if (!dim_static(s->d[i])) return false;
  return true;
}

bool shape_count(const Shape *s, Dim *out) {
  Dim n = dim_of(1);
  for (uint32_t i = 0; i < s->rank; i++)
    if (!dim_mul(n, s->d[i], &n)) return false;
  *out = n;
  return true;
}

int64_t shape_elements(const Shape *s, int64_t n) {
  int64_t count = 1;
  for (uint32_t i = 0; i < s->rank; i++) count *= dim_at(s->d[i], n);
  return count;
}

Shape shape_at(const Shape *s, int64_t n) {
  Shape r = {.rank = s->rank};
  for (uint32_t i = 0; i < s->rank; i++) r.d[i] = dim_of(dim_at(s->d[i], n));
  return r;
}

bool shape_broadcast(const Shape *x, const Shape *y, Shape *out, unsigned *axis) {
  Shape r = {.rank = x->rank > y->rank ? x->rank : y->rank};
  for (uint32_t i = 0; i < r.rank; i++) {
    Dim dx = i < x->rank ? x->d[x->rank - 1 - i] : dim_of(1);
    Dim dy = i < y->rank ? y->d[y->rank - 1 - i] : dim_of(1);
    if (!dim_eq(dx, dy) && !dim_is(dx, 1) && !dim_is(dy, 1)) {
      if (axis) *axis = i;
      return false;
    }
    r.d[r.rank - 1 - i] = dim_is(dx, 1) ? dy : dx;
  }
  *out = r;
  return true;
}

bool shape_broadcasts_to(const Shape *x, const Shape *to) {
  Shape r;
  return shape_broadcast(x, to, &r, NULL) && shape_eq(&r, to);
}

void dim_print(StrBuf *b, Dim d, const char *symbol) {
  if (!symbol) symbol = "N";
  if (d.a == 0) {
    sb_printf(b, "%" PRId64, d.b);
    return;
  }
  if (d.a == -1)
    sb_putc(b, '-');
  else if (d.a != 1)
    sb_printf(b, "%" PRId64 "*", d.a);
  sb_puts(b, symbol);
  if (d.b > 0) sb_printf(b, " + %" PRId64, d.b);
  if (d.b < 0) sb_printf(b, " - %" PRIu64, 0 - (uint64_t)d.b);
}

void shape_print(StrBuf *b, const Shape *s, const char *symbol) {
  sb_putc(b, '[');
  for (uint32_t i = 0; i < s->rank; i++) {
    if (i) sb_puts(b, ", ");
    dim_print(b, s->d[i], symbol);
  }
  sb_putc(b, ']');
}
