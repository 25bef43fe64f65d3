// Operations on whole rows and matrices: running sums, order, triangular factors and systems.
#include "ir/eval_impl.h"

#include <math.h>

// A row along an axis: its elements are `stride` apart.
typedef struct Rows {
  int64_t before, size, stride; // rows: before * stride
} Rows;

static Rows rows_of(const Eval *e, const Shape *shape, uint32_t axis) {
  Sizes s = eval_sizes(e, shape);
  Rows r = {1, s.d[axis], s.stride[axis]};
  for (uint32_t i = 0; i < axis; i++) r.before *= s.d[i];
  return r;
}

// Where row number i begins.
static int64_t row_begin(const Rows *r, int64_t i) {
  return i / r->stride * r->size * r->stride + i % r->stride;
}

void eval_cumsum(Eval *e, NodeId id, const Node *n, Scalar *out) {
  (void)id;
  Rows r = rows_of(e, n->shape, n->attr.axis);
  for (int64_t i = 0; i < r.before * r.stride; i++) {
    const Scalar *x = eval_value(e, n, 0) + row_begin(&r, i);
    Scalar *y = out + row_begin(&r, i), sum = {.i = 0};
    for (int64_t k = 0; k < r.size; k++) {
      Scalar v = x[k * r.stride];
      if (dtype_is_real(n->dtype)) {
        sum.f = k == 0 ? v.f : sum.f + v.f;
        y[k * r.stride] = eval_real(e, n->dtype, sum.f);
      } else {
        sum.i = (int64_t)((uint64_t)sum.i + (uint64_t)v.i);
        y[k * r.stride].i = dtype_wrap(n->dtype, sum.i);
      }
    }
  }
}

// a stands behind b: it is larger, or NaN and b is a number.
static bool behind(DType t, Scalar a, Scalar b) {
  if (!dtype_is_real(t)) return a.i > b.i;
  return a.f > b.f || (isnan(a.f) && !isnan(b.f));
}

// By insertion: equals keep their order.
void eval_argsort(Eval *e, NodeId id, const Node *n, Scalar *out) {
  (void)id;
  Rows r = rows_of(e, n->shape, n->attr.axis);
  DType t = eval_in(e, n, 0)->dtype;
  for (int64_t i = 0; i < r.before * r.stride; i++) {
    const Scalar *x = eval_value(e, n, 0) + row_begin(&r, i);
    Scalar *y = out + row_begin(&r, i);
    for (int64_t k = 0; k < r.size; k++) {
      int64_t at = k;
      for (; at > 0 && behind(t, x[y[(at - 1) * r.stride].i * r.stride], x[k * r.stride]); at--)
        y[at * r.stride] = y[(at - 1) * r.stride];
      y[at * r.stride].i = k;
    }
  }
}

// False: not positive definite.
static bool factor(const Scalar *a, Scalar *l, int64_t n) {
  for (int64_t j = 0; j < n; j++)
    for (int64_t i = j; i < n; i++) {
      double s = a[i * n + j].f;
      for (int64_t k = 0; k < j; k++) s -= l[i * n + k].f * l[j * n + k].f;
      if (i == j && !(s > 0)) return false;
      l[i * n + j].f = i == j ? sqrt(s) : s / l[j * n + j].f;
    }
  return true;
}

void eval_cholesky(Eval *e, NodeId id, const Node *n, Scalar *out) {
  (void)id;
  int64_t size = eval_sizes(e, n->shape).d[n->shape->rank - 1], count = eval_count(e, n->shape);
  const Scalar *a = eval_value(e, n, 0);
  for (int64_t at = 0; at < count; at += size * size) {
    bool definite = factor(a + at, out + at, size);
    for (int64_t i = 0; i < size; i++)
      for (int64_t j = 0; j <= i; j++) {
        Scalar *x = &out[at + i * size + j];
        *x = eval_real(e, n->dtype, definite ? x->f : NAN);
      }
  }
}

// One column; the equations from the last one up for an upper triangle.
static void substitute(const Scalar *l, const Scalar *b, Scalar *x, int64_t n, int64_t columns, bool upper) {
  for (int64_t step = 0; step < n; step++) {
    int64_t i = upper ? n - 1 - step : step;
    double s = b[i * columns].f;
    for (int64_t done = 0; done < step; done++) {
      int64_t k = upper ? n - 1 - done : done;
      s -= l[i * n + k].f * x[k * columns].f;
    }
    x[i * columns].f = s / l[i * n + i].f;
  }
}

void eval_triangular_solve(Eval *e, NodeId id, const Node *n, Scalar *out) {
  (void)id;
  Sizes s = eval_sizes(e, n->shape);
  int64_t size = s.d[s.rank - 2], columns = s.d[s.rank - 1], count = eval_count(e, n->shape);
  const Scalar *l = eval_value(e, n, 0), *b = eval_value(e, n, 1);
  for (int64_t at = 0; at < count; at += size * columns, l += size * size)
    for (int64_t j = 0; j < columns; j++)
      substitute(l, b + at + j, out + at + j, size, columns, n->attr.upper);
  for (int64_t i = 0; i < count; i++) out[i] = eval_real(e, n->dtype, out[i].f);
}
