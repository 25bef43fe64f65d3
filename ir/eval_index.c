// Operations that move, choose or combine elements by index: shape changes, gather and scatter, reductions
// and the general dot product.
#include "ir/eval_impl.h"

#include <math.h>
#include <string.h>

// ---- shape

void eval_reshape(Eval *e, NodeId id, const Node *n, Scalar *out) {
  (void)id;
  memcpy(out, eval_value(e, n, 0), (size_t)eval_count(e, n->shape) * sizeof *out);
}

// out[index] = x[start + index . stride]
static void copy_view(Eval *e, const Node *n, int64_t start, const int64_t *stride, Scalar *out) {
  Sizes s = eval_sizes(e, n->shape);
  const Scalar *x = eval_value(e, n, 0);
  Walk w = {.rank = s.rank, .views = 1, .at = {start}};
  for (uint32_t i = 0; i < s.rank; i++) {
    w.d[i] = s.d[i];
    w.stride[0][i] = stride[i];
  }
  int64_t count = eval_count(e, n->shape);
  for (int64_t i = 0; i < count; i++, walk_next(&w)) out[i] = x[w.at[0]];
}

void eval_transpose(Eval *e, NodeId id, const Node *n, Scalar *out) {
  (void)id;
  Sizes x = eval_sizes(e, eval_in(e, n, 0)->shape);
  int64_t stride[MAX_RANK];
  for (uint32_t i = 0; i < x.rank; i++) stride[i] = x.stride[n->attr.perm[i]];
  copy_view(e, n, 0, stride, out);
}

void eval_broadcast(Eval *e, NodeId id, const Node *n, Scalar *out) {
  (void)id;
  const Shape *s = eval_in(e, n, 0)->shape;
  Sizes x = eval_sizes(e, s);
  int64_t stride[MAX_RANK] = {0};
  for (uint32_t i = 0; i < x.rank; i++)
    stride[n->shape->rank - x.rank + i] = dim_is(s->d[i], 1) ? 0 : x.stride[i];
  copy_view(e, n, 0, stride, out);
}

void eval_slice(Eval *e, NodeId id, const Node *n, Scalar *out) {
  (void)id;
  Sizes x = eval_sizes(e, eval_in(e, n, 0)->shape);
  int64_t stride[MAX_RANK], start = 0;
  for (uint32_t i = 0; i < x.rank; i++) {
    stride[i] = x.stride[i] * n->attr.slice.stride[i];
    start += x.stride[i] * dim_at(n->attr.slice.start[i], e->env->n);
  }
  copy_view(e, n, start, stride, out);
}

void eval_reverse(Eval *e, NodeId id, const Node *n, Scalar *out) {
  (void)id;
  Sizes x = eval_sizes(e, n->shape);
  int64_t start = 0;
  for (uint32_t i = 0; i < x.rank; i++)
    if (n->attr.axes >> i & 1) {
      start += x.stride[i] * (x.d[i] - 1);
      x.stride[i] = -x.stride[i];
    }
  copy_view(e, n, start, x.stride, out);
}

// Element i of x stands at lo + i (interior + 1) of each axis, where that is inside.
void eval_pad(Eval *e, NodeId id, const Node *n, Scalar *out) {
  (void)id;
  Sizes x = eval_sizes(e, eval_in(e, n, 0)->shape), s = eval_sizes(e, n->shape);
  const Scalar *from = eval_value(e, n, 0);
  int64_t count = eval_count(e, n->shape), n_in = eval_count(e, eval_in(e, n, 0)->shape);
  Scalar fill = n->attr.pad.value;
  if (dtype_is_real(n->dtype)) fill = eval_real(e, n->dtype, fill.f);
  for (int64_t i = 0; i < count; i++) out[i] = fill;
  Walk w = {.rank = x.rank};
  memcpy(w.d, x.d, sizeof w.d);
  for (int64_t i = 0; i < n_in; i++, walk_next(&w)) {
    int64_t to = 0;
    bool inside = true;
    for (uint32_t k = 0; k < x.rank; k++) {
      int64_t at = dim_at(n->attr.pad.lo[k], e->env->n) + w.index[k] * (n->attr.pad.interior[k] + 1);
      inside = inside && at >= 0 && at < s.d[k];
      to += at * s.stride[k];
    }
    if (inside) out[to] = from[i];
  }
}

// A shape seen as [before][axis][after].
typedef struct Split {
  int64_t before, size, after;
} Split;

static Split split_at(const Eval *e, const Shape *shape, uint32_t axis) {
  Sizes s = eval_sizes(e, shape);
  Split r = {1, s.d[axis], s.stride[axis]};
  for (uint32_t i = 0; i < axis; i++) r.before *= s.d[i];
  return r;
}

void eval_concat(Eval *e, NodeId id, const Node *n, Scalar *out) {
  (void)id;
  Split whole = split_at(e, n->shape, n->attr.axis);
  int64_t done = 0;
  for (uint32_t k = 0; k < n->n_in; k++) {
    Split part = split_at(e, eval_in(e, n, k)->shape, n->attr.axis);
    const Scalar *x = eval_value(e, n, k);
    size_t run = (size_t)(part.size * part.after);
    for (int64_t i = 0; i < whole.before; i++)
      memcpy(out + (i * whole.size + done) * whole.after, x + i * (int64_t)run, run * sizeof *out);
    done += part.size;
  }
}

// ---- gather, scatter

// x as [batch][before][size][after], the index as [batch][indices].
typedef struct Gathering {
  int64_t batch, before, size, after, indices;
} Gathering;

static Gathering gathering(const Eval *e, const Node *n) {
  Split x = split_at(e, eval_in(e, n, 0)->shape, n->attr.gather.axis);
  Gathering r = {.batch = 1, .size = x.size, .after = x.after, .indices = 1};
  Sizes i = eval_sizes(e, eval_in(e, n, 1)->shape);
  for (uint32_t k = 0; k < i.rank; k++) *(k < n->attr.gather.batch ? &r.batch : &r.indices) *= i.d[k];
  r.before = r.batch ? x.before / r.batch : 0;
  return r;
}

// False: an index outside; nothing may be read.
static bool indices_inside(Eval *e, NodeId id, const Node *n, int64_t size) {
  const Scalar *index = eval_value(e, n, 1);
  int64_t count = eval_count(e, eval_in(e, n, 1)->shape);
  for (int64_t i = 0; i < count; i++)
    if (index[i].i < 0 || index[i].i >= size) {
      eval_fault(e, id, EVAL_FAULT_INDEX, index[i].i, size);
      return false;
    }
  return true;
}

// Calls for every index: `slice` is the offset in x, `piece` that in the gathered tensor, `after` elements
// each.
static void for_slices(const Gathering *r, const Scalar *index, Scalar *x, Scalar *gathered,
                       void (*use)(Scalar *slice, Scalar *piece, int64_t after, DType t), DType t) {
  for (int64_t b = 0; b < r->batch; b++)
    for (int64_t p = 0; p < r->before; p++)
      for (int64_t k = 0; k < r->indices; k++) {
        int64_t row = b * r->before + p;
        int64_t slice = (row * r->size + index[b * r->indices + k].i) * r->after;
        use(x + slice, gathered + (row * r->indices + k) * r->after, r->after, t);
      }
}

static void take(Scalar *slice, Scalar *piece, int64_t after, DType t) {
  (void)t;
  memcpy(piece, slice, (size_t)after * sizeof *piece);
}

static void give(Scalar *slice, Scalar *piece, int64_t after, DType t) {
  for (int64_t i = 0; i < after; i++) {
    if (dtype_is_real(t))
      slice[i].f += piece[i].f;
    else
      slice[i].i = dtype_wrap(t, (int64_t)((uint64_t)slice[i].i + (uint64_t)piece[i].i));
  }
}

void eval_gather(Eval *e, NodeId id, const Node *n, Scalar *out) {
  Gathering r = gathering(e, n);
  if (!indices_inside(e, id, n, r.size)) return;
  for_slices(&r, eval_value(e, n, 1), e->value[n->in[0]], out, take, n->dtype);
}

void eval_scatter_add(Eval *e, NodeId id, const Node *n, Scalar *out) {
  Gathering r = gathering(e, n);
  if (!indices_inside(e, id, n, r.size)) return;
  int64_t count = eval_count(e, n->shape);
  memcpy(out, eval_value(e, n, 0), (size_t)count * sizeof *out);
  for_slices(&r, eval_value(e, n, 1), out, e->value[n->in[2]], give, n->dtype);
  for (int64_t i = 0; i < count && dtype_is_real(n->dtype); i++) out[i] = eval_real(e, n->dtype, out[i].f);
}

// ---- reductions

// True when v comes before best: larger (ARGMAX) or smaller; the first NaN before everything.
static bool better(Op op, DType t, Scalar v, Scalar best) {
  if (!dtype_is_real(t)) return op == OP_ARGMAX ? v.i > best.i : v.i < best.i;
  if (isnan(v.f) || isnan(best.f)) return !isnan(best.f);
  return op == OP_ARGMAX ? v.f > best.f : v.f < best.f;
}

void eval_arg(Eval *e, NodeId id, const Node *n, Scalar *out) {
  (void)id;
  Split s = split_at(e, eval_in(e, n, 0)->shape, n->attr.axis);
  const Scalar *x = eval_value(e, n, 0);
  DType t = eval_in(e, n, 0)->dtype;
  for (int64_t p = 0; p < s.before; p++)
    for (int64_t q = 0; q < s.after; q++) {
      const Scalar *row = x + p * s.size * s.after + q;
      int64_t best = 0;
      for (int64_t k = 1; k < s.size; k++)
        if (better(n->op, t, row[k * s.after], row[best * s.after])) best = k;
      out[p * s.after + q].i = best;
    }
}

static Scalar combine(Op op, DType t, Scalar acc, Scalar v) {
  if (op == OP_SUM) {
    if (dtype_is_real(t)) return (Scalar){.f = acc.f + v.f};
    return (Scalar){.i = (int64_t)((uint64_t)acc.i + (uint64_t)v.i)};
  }
  return better(op == OP_RMAX ? OP_ARGMAX : OP_ARGMIN, t, v, acc) ? v : acc;
}

// What the reduction of nothing gives, and where every one starts.
static Scalar start_value(Op op, DType t) {
  if (op == OP_SUM) return dtype_is_real(t) ? (Scalar){.f = 0} : (Scalar){.i = 0};
  if (dtype_is_real(t)) return (Scalar){.f = op == OP_RMAX ? -INFINITY : INFINITY};
  return (Scalar){.i = op == OP_RMAX ? INT64_MIN : INT64_MAX};
}

void eval_reduce(Eval *e, NodeId id, const Node *n, Scalar *out) {
  (void)id;
  Sizes x = eval_sizes(e, eval_in(e, n, 0)->shape), s = eval_sizes(e, n->shape);
  const Scalar *v = eval_value(e, n, 0);
  DType t = eval_in(e, n, 0)->dtype;
  int64_t count = eval_count(e, n->shape), n_in = eval_count(e, eval_in(e, n, 0)->shape);
  Walk w = {.rank = x.rank, .views = 1};
  memcpy(w.d, x.d, sizeof w.d);
  for (uint32_t i = 0, kept = 0; i < x.rank; i++)
    if (!(n->attr.axes >> i & 1)) w.stride[0][i] = s.stride[kept++];
  for (int64_t i = 0; i < count; i++) out[i] = start_value(n->op, t);
  for (int64_t i = 0; i < n_in; i++, walk_next(&w)) out[w.at[0]] = combine(n->op, t, out[w.at[0]], v[i]);
  for (int64_t i = 0; i < count; i++) {
    if (dtype_is_real(t))
      out[i] = eval_real(e, n->dtype, out[i].f);
    else
      out[i].i = dtype_wrap(n->dtype, out[i].i);
  }
}

// ---- dot

typedef struct Offsets {
  int64_t *at, count;
} Offsets;

// Offsets of all index combinations of the listed axes, the last axis fastest.
static Offsets offsets_of(Eval *e, const Sizes *s, const uint8_t *axes, uint32_t n) {
  Walk w = {.rank = n, .views = 1};
  Offsets r = {.count = 1};
  for (uint32_t i = 0; i < n; i++) {
    w.d[i] = s->d[axes[i]];
    w.stride[0][i] = s->stride[axes[i]];
    r.count *= w.d[i];
  }
  r.at = ARENA_ARRAY(e->scratch, (size_t)r.count, int64_t);
  for (int64_t i = 0; i < r.count; i++, walk_next(&w)) r.at[i] = w.at[0];
  return r;
}

static Offsets free_offsets(Eval *e, const Sizes *s, const uint8_t *batch, uint32_t nb, const uint8_t *inner,
                            uint32_t nc) {
  uint8_t axes[MAX_RANK];
  uint32_t n = 0;
  for (uint8_t axis = 0; axis < s->rank; axis++)
    if (!memchr(batch, axis, nb) && !memchr(inner, axis, nc)) axes[n++] = axis;
  return offsets_of(e, s, axes, n);
}

static Scalar dot_one(DType t, const Scalar *x, const int64_t *xk, const Scalar *y, const int64_t *yk,
                      int64_t k) {
  double f = 0;
  uint64_t i = 0;
  if (dtype_is_real(t)) {
    for (int64_t j = 0; j < k; j++) f += x[xk[j]].f * y[yk[j]].f;
    return (Scalar){.f = f};
  }
  for (int64_t j = 0; j < k; j++) i += (uint64_t)x[xk[j]].i * (uint64_t)y[yk[j]].i;
  return (Scalar){.i = dtype_wrap(t, (int64_t)i)};
}

void eval_dot(Eval *e, NodeId id, const Node *n, Scalar *out) {
  (void)id;
  Sizes sx = eval_sizes(e, eval_in(e, n, 0)->shape), sy = eval_sizes(e, eval_in(e, n, 1)->shape);
  const Scalar *x = eval_value(e, n, 0), *y = eval_value(e, n, 1);
  uint32_t nb = n->attr.dot.nb, nc = n->attr.dot.nc;
  Offsets bx = offsets_of(e, &sx, n->attr.dot.lb, nb), by = offsets_of(e, &sy, n->attr.dot.rb, nb);
  Offsets kx = offsets_of(e, &sx, n->attr.dot.lc, nc), ky = offsets_of(e, &sy, n->attr.dot.rc, nc);
  Offsets fx = free_offsets(e, &sx, n->attr.dot.lb, nb, n->attr.dot.lc, nc);
  Offsets fy = free_offsets(e, &sy, n->attr.dot.rb, nb, n->attr.dot.rc, nc);
  for (int64_t b = 0; b < bx.count; b++)
    for (int64_t i = 0; i < fx.count; i++)
      for (int64_t j = 0; j < fy.count; j++) {
        Scalar r =
            dot_one(n->dtype, x + bx.at[b] + fx.at[i], kx.at, y + by.at[b] + fy.at[j], ky.at, kx.count);
        *out++ = dtype_is_real(n->dtype) ? eval_real(e, n->dtype, r.f) : r;
      }
}
