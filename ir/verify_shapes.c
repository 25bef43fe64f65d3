// The SHAPE column again, as predicates over finished nodes and written apart from shape_rules.c. Where that
// is simpler they look at concrete sizes: what is linear in N holds for all N if it holds for N = 1 and N =
// bound.
#include "ir/verify_shapes.h"

#include "ir/base/checked.h"

#include <stddef.h>

static const Node *in(const Graph *g, const Node *n, uint32_t i) { return graph_node(g, n->in[i]); }
static int64_t last_n(const Graph *g) { return g->symbol ? g->bound : 1; }

// The size of axis `from_end` of x, a static 1 beyond its rank.
static Dim trailing(const Shape *x, uint32_t from_end) {
  return from_end < x->rank ? x->d[x->rank - 1 - from_end] : dim_of(1);
}

// Every axis of the result is that of some operand, and every operand has it or a static 1.
static bool is_broadcast_of_inputs(const Graph *g, const Node *n) {
  uint32_t rank = 0;
  for (uint32_t i = 0; i < n->n_in; i++)
    if (in(g, n, i)->shape->rank > rank) rank = in(g, n, i)->shape->rank;
  if (rank != n->shape->rank) return false;
  for (uint32_t k = 0; k < rank; k++) {
    bool found = false;
    for (uint32_t i = 0; i < n->n_in; i++) {
      Dim d = trailing(in(g, n, i)->shape, k);
      if (dim_eq(d, trailing(n->shape, k)))
        found = true;
      else if (!dim_is(d, 1))
        return false;
    }
    if (!found) return false;
  }
  return true;
}

static bool types_are(const Graph *g, const Node *n, uint32_t first, DType t) {
  for (uint32_t i = first; i < n->n_in; i++)
    if (in(g, n, i)->dtype != t) return false;
  return true;
}

static const char *CHECK_SAME(const Graph *g, const Node *n) {
  if (!shape_eq(n->shape, in(g, n, 0)->shape)) return "the shape is not the operand's";
  if (n->dtype != in(g, n, 0)->dtype) return "the type is not the operand's";
  if (n->op == OP_REVERSE && n->attr.axes >= 1u << n->shape->rank) return "an axis beyond the rank";
  return NULL;
}

static const char *CHECK_BCAST(const Graph *g, const Node *n) {
  if (!is_broadcast_of_inputs(g, n)) return "the shape is not the broadcast of the operands'";
  return types_are(g, n, 0, n->dtype) ? NULL : "operands have different types";
}

static const char *CHECK_SELECT(const Graph *g, const Node *n) {
  if (in(g, n, 0)->dtype != DT_MASK) return "the condition is no mask";
  if (!is_broadcast_of_inputs(g, n)) return "the shape is not the broadcast of the operands'";
  return types_are(g, n, 1, n->dtype) ? NULL : "operands have different types";
}

static const char *CHECK_COMPARE(const Graph *g, const Node *n) {
  if (n->dtype != DT_MASK) return "a comparison gives a mask";
  if (!is_broadcast_of_inputs(g, n)) return "the shape is not the broadcast of the operands'";
  return types_are(g, n, 0, in(g, n, 0)->dtype) ? NULL : "operands have different types";
}

static const char *CHECK_LOGIC(const Graph *g, const Node *n) {
  if (n->dtype != DT_MASK || !types_are(g, n, 0, DT_MASK)) return "logic is on masks";
  return is_broadcast_of_inputs(g, n) ? NULL : "the shape is not the broadcast of the operands'";
}

static const char *CHECK_CAST(const Graph *g, const Node *n) {
  return shape_eq(n->shape, in(g, n, 0)->shape) ? NULL : "the shape is not the operand's";
}

// The product as a polynomial of N, by its value (modulo 2^64) at one point.
static uint64_t count_at(const Shape *s, uint64_t n) {
  uint64_t count = 1;
  for (uint32_t i = 0; i < s->rank; i++) count *= (uint64_t)s->d[i].a * n + (uint64_t)s->d[i].b;
  return count;
}

static const char *CHECK_RESHAPE(const Graph *g, const Node *n) {
  if (n->dtype != in(g, n, 0)->dtype) return "the type is not the operand's";
  for (uint64_t at = 1; at <= 2 * MAX_RANK + 1; at++)
    if (count_at(n->shape, at) != count_at(in(g, n, 0)->shape, at)) return "the number of elements differs";
  return NULL;
}

static const char *CHECK_TRANSPOSE(const Graph *g, const Node *n) {
  const Shape *x = in(g, n, 0)->shape;
  if (n->dtype != in(g, n, 0)->dtype || n->shape->rank != x->rank) return "type or rank differs";
  for (uint32_t axis = 0; axis < x->rank; axis++) {
    uint32_t times = 0;
    for (uint32_t i = 0; i < x->rank; i++) {
      if (n->attr.perm[i] != axis) continue;
      times++;
      if (!dim_eq(n->shape->d[i], x->d[axis])) return "an axis has the wrong size";
    }
    if (times != 1) return "perm is no permutation";
  }
  return NULL;
}

static const char *CHECK_BROADCAST(const Graph *g, const Node *n) {
  const Shape *x = in(g, n, 0)->shape;
  if (n->dtype != in(g, n, 0)->dtype) return "the type is not the operand's";
  if (x->rank > n->shape->rank) return "the rank shrinks";
  for (uint32_t k = 0; k < x->rank; k++)
    if (!dim_eq(trailing(x, k), trailing(n->shape, k)) && !dim_is(trailing(x, k), 1))
      return "an axis does not stretch";
  return NULL;
}

static const char *CHECK_SLICE(const Graph *g, const Node *n) {
  const Shape *x = in(g, n, 0)->shape;
  if (n->dtype != in(g, n, 0)->dtype || n->shape->rank != x->rank) return "type or rank differs";
  for (uint32_t i = 0; i < x->rank; i++) {
    if (n->attr.slice.stride[i] < 1) return "a stride below 1";
    for (int end = 0; end < 2; end++) {
      int64_t at = end ? last_n(g) : 1, last;
      int64_t start = dim_at(n->attr.slice.start[i], at), size = dim_at(n->shape->d[i], at);
      if (start < 0) return "it starts before the axis";
      if (!checked_mul(size - 1, n->attr.slice.stride[i], &last) || !checked_add(last, start, &last))
        return "the last index does not fit";
      if (last >= dim_at(x->d[i], at)) return "it leaves the axis";
    }
  }
  return NULL;
}

static const char *CHECK_PAD(const Graph *g, const Node *n) {
  const Shape *x = in(g, n, 0)->shape;
  if (n->dtype != in(g, n, 0)->dtype || n->shape->rank != x->rank) return "type or rank differs";
  for (uint32_t i = 0; i < x->rank; i++) {
    int64_t interior = n->attr.pad.interior[i];
    if (interior < 0) return "a negative interior";
    for (int end = 0; end < 2; end++) {
      int64_t at = end ? last_n(g) : 1, size = dim_at(x->d[i], at), inner;
      if (!checked_mul(size - 1, interior, &inner)) return "the size does not fit";
      int64_t pads = dim_at(n->attr.pad.lo[i], at) + dim_at(n->attr.pad.hi[i], at);
      if (dim_at(n->shape->d[i], at) != size + inner + pads) return "an axis has the wrong size";
    }
  }
  return NULL;
}

static const char *CHECK_CONCAT(const Graph *g, const Node *n) {
  Dim sum = dim_of(0);
  if (n->n_in == 0 || n->attr.axis >= n->shape->rank) return "no operand or no such axis";
  if (!types_are(g, n, 0, n->dtype)) return "operands have different types";
  for (uint32_t i = 0; i < n->n_in; i++) {
    const Shape *x = in(g, n, i)->shape;
    if (x->rank != n->shape->rank) return "the rank differs";
    for (uint32_t k = 0; k < x->rank; k++)
      if (k != n->attr.axis && !dim_eq(x->d[k], n->shape->d[k])) return "another axis differs";
    sum.a += x->d[n->attr.axis].a;
    sum.b += x->d[n->attr.axis].b;
  }
  return dim_eq(sum, n->shape->d[n->attr.axis]) ? NULL : "the sizes do not add up";
}

// `s` is x with `axis` replaced by i's axes behind the batch axes.
static const char *check_gathered(const Graph *g, const Node *n, const Shape *s) {
  const Shape *x = in(g, n, 0)->shape, *i = in(g, n, 1)->shape;
  uint32_t axis = n->attr.gather.axis, batch = n->attr.gather.batch;
  if (!dtype_is_int(in(g, n, 1)->dtype)) return "the index is no integer";
  if (axis >= x->rank || batch > axis || batch > i->rank) return "axis or batch out of range";
  uint32_t inner = i->rank - batch;
  if (s->rank != x->rank + inner - 1) return "the rank is wrong";
  for (uint32_t k = 0; k < batch; k++)
    if (!dim_eq(i->d[k], x->d[k])) return "batch axes differ";
  for (uint32_t k = 0; k < s->rank; k++) {
    Dim want = k < axis ? x->d[k] : k < axis + inner ? i->d[batch + k - axis] : x->d[k - inner + 1];
    if (!dim_eq(s->d[k], want)) return "an axis has the wrong size";
  }
  return NULL;
}

static const char *CHECK_GATHER(const Graph *g, const Node *n) {
  if (n->dtype != in(g, n, 0)->dtype) return "the type is not the operand's";
  return check_gathered(g, n, n->shape);
}

static const char *CHECK_SCATTER_ADD(const Graph *g, const Node *n) {
  if (!shape_eq(n->shape, in(g, n, 0)->shape)) return "the shape is not the operand's";
  if (n->dtype != in(g, n, 0)->dtype || n->dtype != in(g, n, 2)->dtype)
    return "operands have different types";
  return check_gathered(g, n, in(g, n, 2)->shape);
}

// What is left of x without the axes in `gone` is s.
static bool is_rest(const Shape *x, uint32_t gone, const Dim *s, uint32_t rank) {
  uint32_t k = 0;
  for (uint32_t i = 0; i < x->rank; i++) {
    if (gone & 1u << i) continue;
    if (k == rank || !dim_eq(s[k++], x->d[i])) return false;
  }
  return k == rank;
}

static const char *CHECK_ARG(const Graph *g, const Node *n) {
  const Shape *x = in(g, n, 0)->shape;
  if (n->attr.axis >= x->rank) return "no such axis";
  if (!dtype_is_int(n->dtype)) return "an index is an integer";
  return is_rest(x, 1u << n->attr.axis, n->shape->d, n->shape->rank) ? NULL : "the shape is wrong";
}

static const char *CHECK_REDUCE(const Graph *g, const Node *n) {
  const Node *x = in(g, n, 0);
  bool small = x->dtype == DT_I8 || x->dtype == DT_U8 || x->dtype == DT_I16;
  if (n->attr.axes >= 1u << x->shape->rank) return "no such axis";
  if (x->dtype == DT_MASK) return "a mask has no sum or maximum";
  if (n->dtype != (small && n->op == OP_SUM ? DT_I32 : x->dtype)) return "the type is wrong";
  return is_rest(x->shape, n->attr.axes, n->shape->d, n->shape->rank) ? NULL : "the shape is wrong";
}

static bool distinct_axes(const uint8_t *batch, uint32_t nb, const uint8_t *inner, uint32_t nc, uint32_t rank,
                          uint32_t *gone) {
  *gone = 0;
  for (uint32_t i = 0; i < nb + nc; i++) {
    uint8_t axis = i < nb ? batch[i] : inner[i - nb];
    if (axis >= rank || *gone & 1u << axis) return false;
    *gone |= 1u << axis;
  }
  return true;
}

static const char *CHECK_DOT(const Graph *g, const Node *n) {
  const Shape *x = in(g, n, 0)->shape, *y = in(g, n, 1)->shape;
  uint32_t nb = n->attr.dot.nb, nc = n->attr.dot.nc, left, right;
  if (n->dtype == DT_MASK || !types_are(g, n, 0, n->dtype)) return "types of operands";
  if (nb > MAX_RANK || nc > MAX_RANK) return "more axes than the rank";
  if (!distinct_axes(n->attr.dot.lb, nb, n->attr.dot.lc, nc, x->rank, &left) ||
      !distinct_axes(n->attr.dot.rb, nb, n->attr.dot.rc, nc, y->rank, &right))
    return "axes out of range or named twice";
  for (uint32_t i = 0; i < nc; i++)
    if (!dim_eq(x->d[n->attr.dot.lc[i]], y->d[n->attr.dot.rc[i]])) return "inner sizes differ";
  if (n->shape->rank != x->rank + y->rank - nb - 2 * nc) return "the rank is wrong";
  for (uint32_t i = 0; i < nb; i++)
    if (!dim_eq(n->shape->d[i], x->d[n->attr.dot.lb[i]]) || !dim_eq(n->shape->d[i], y->d[n->attr.dot.rb[i]]))
      return "batch axes differ";
  uint32_t free_left = x->rank - nb - nc, free_right = y->rank - nb - nc;
  if (!is_rest(x, left, n->shape->d + nb, free_left)) return "left axes are wrong";
  return is_rest(y, right, n->shape->d + nb + free_left, free_right) ? NULL : "right axes are wrong";
}

// The last window of every axis ends inside the padded input, and one more would not.
static const char *check_windows(const Graph *g, const Node *n, uint32_t axis) {
  const ConvAttr *c = n->attr.conv;
  uint32_t s = axis - 2;
  if (c->stride[s] <= 0 || c->lhs_dilation[s] <= 0 || c->rhs_dilation[s] <= 0) return "a step below 1";
  for (int end = 0; end < 2; end++) {
    int64_t at = end ? last_n(g) : 1, spread, reach, begin;
    int64_t x = dim_at(in(g, n, 0)->shape->d[axis], at), k = dim_at(in(g, n, 1)->shape->d[axis], at);
    int64_t out = dim_at(n->shape->d[axis], at);
    if (x < 1 || k < 1 || out < 1) return "an empty axis";
    if (!checked_mul(x - 1, c->lhs_dilation[s], &spread) || !checked_mul(k - 1, c->rhs_dilation[s], &reach) ||
        !checked_mul(out - 1, c->stride[s], &begin))
      return "a size does not fit";
    int64_t room = spread + c->lo[s] + c->hi[s] - reach - begin;
    if (room < 0) return "the last window leaves the input";
    if (room >= c->stride[s]) return "there is room for another window";
  }
  return NULL;
}

static const char *CHECK_CONV(const Graph *g, const Node *n) {
  const Shape *x = in(g, n, 0)->shape, *w = in(g, n, 1)->shape;
  int64_t groups = n->attr.conv->groups;
  if (n->dtype == DT_MASK || !types_are(g, n, 0, n->dtype)) return "types of operands";
  if (x->rank < 3 || x->rank > 5 || w->rank != x->rank || n->shape->rank != x->rank)
    return "the rank is wrong";
  if (groups < 1 || w->d[0].a % groups || w->d[0].b % groups) return "groups do not divide the outputs";
  if (x->d[1].a != w->d[1].a * groups || x->d[1].b != w->d[1].b * groups) return "the channels differ";
  if (!dim_eq(n->shape->d[0], x->d[0]) || !dim_eq(n->shape->d[1], w->d[0]))
    return "batch or channels are wrong";
  for (uint32_t i = 2; i < x->rank; i++) {
    const char *why = check_windows(g, n, i);
    if (why) return why;
  }
  return NULL;
}

// The windows of x, axis by axis: the last one ends inside the padded axis, and one more would not.
static const char *check_window_counts(const Graph *g, const Shape *x, const Shape *windows,
                                       const WindowAttr *w) {
  if (x->rank != windows->rank) return "the rank differs";
  for (uint32_t i = 0; i < x->rank; i++) {
    int64_t size = w->window[i], step = w->stride[i], begin, lo = w->lo[i], hi = w->hi[i];
    if (size < 1 || step < 1 || lo < 0 || hi < 0 || lo >= size || hi >= size)
      return "a window without elements";
    for (int end = 0; end < 2; end++) {
      int64_t at = end ? last_n(g) : 1, have = dim_at(x->d[i], at), count = dim_at(windows->d[i], at);
      if (!checked_mul(count - 1, step, &begin)) return "a size does not fit";
      int64_t room = have + lo + hi - size - begin;
      if (room < 0) return "the last window leaves the input";
      if (room >= step) return "there is room for another window";
    }
  }
  return NULL;
}

static const char *check_named(const Graph *g, const Node *n, const Shape *windows) {
  const Node *i = in(g, n, 1);
  return i->dtype == DT_I32 && shape_eq(i->shape, windows) ? NULL : "not one i32 index a window";
}

static const char *CHECK_WINDOW(const Graph *g, const Node *n) {
  const Node *x = in(g, n, 0);
  if (x->dtype == DT_MASK || n->dtype != (n->op == OP_ARGWINDOW ? DT_I32 : x->dtype))
    return "the type is wrong";
  const char *why = check_window_counts(g, x->shape, n->shape, n->attr.window);
  return !why && n->op == OP_SAMPLE ? check_named(g, n, n->shape) : why;
}

static const char *CHECK_UNWINDOW(const Graph *g, const Node *n) {
  const Node *x = in(g, n, 0);
  if (x->dtype == DT_MASK || n->dtype != x->dtype) return "the type is wrong";
  const char *why = check_window_counts(g, n->shape, x->shape, n->attr.window);
  return !why && n->op == OP_DESAMPLE ? check_named(g, n, x->shape) : why;
}

static const char *CHECK_CUMSUM(const Graph *g, const Node *n) {
  const Node *x = in(g, n, 0);
  bool small = x->dtype == DT_I8 || x->dtype == DT_I16 || x->dtype == DT_U8;
  if (x->dtype == DT_MASK || n->dtype != (small ? DT_I32 : x->dtype)) return "the type is not that of sums";
  if (n->attr.axis >= n->shape->rank) return "an axis beyond the rank";
  return shape_eq(n->shape, x->shape) ? NULL : "the shape is not the operand's";
}

static const char *CHECK_ARGSORT(const Graph *g, const Node *n) {
  const Node *x = in(g, n, 0);
  if (n->dtype != DT_I32 || x->dtype == DT_MASK) return "i32 indices of numbers";
  if (n->attr.axis >= n->shape->rank) return "an axis beyond the rank";
  return shape_eq(n->shape, x->shape) ? NULL : "the shape is not the operand's";
}

static bool square_matrices(const Node *x) {
  return (x->dtype == DT_F32 || x->dtype == DT_F64) && x->shape->rank >= 2 &&
         dim_eq(trailing(x->shape, 0), trailing(x->shape, 1));
}

static const char *CHECK_CHOLESKY(const Graph *g, const Node *n) {
  if (!square_matrices(in(g, n, 0))) return "not a square matrix of f32 or f64";
  return n->dtype == in(g, n, 0)->dtype && shape_eq(n->shape, in(g, n, 0)->shape)
             ? NULL
             : "not the type and shape of the operand";
}

static const char *CHECK_SOLVE(const Graph *g, const Node *n) {
  const Node *l = in(g, n, 0), *b = in(g, n, 1);
  if (!square_matrices(l)) return "not a square matrix of f32 or f64";
  if (!types_are(g, n, 0, n->dtype) || !shape_eq(n->shape, b->shape))
    return "not the type and shape of the right side";
  Shape want = *b->shape;
  if (want.rank < 2) return "the right side is no matrix";
  want.d[want.rank - 1] = want.d[want.rank - 2];
  return shape_eq(&want, l->shape) ? NULL : "the sizes differ";
}

static const char *CHECK_ATTR(const Graph *g, const Node *n) {
  (void)g;
  (void)n;
  return NULL;
}

static const char *(*const shape_checks[OP_COUNT])(const Graph *, const Node *) = {
#define OP(ID, name, arity, KIND, SHAPE, MF, MI, DERIV, DOMAIN) CHECK_##SHAPE,
#include "ir/ops.def"
#undef OP
};

static bool sizes_valid(const Graph *g, const Shape *s) {
  int64_t count = 1;
  bool empty = false;
  if (s->rank > MAX_RANK) return false;
  for (uint32_t i = 0; i < s->rank; i++) {
    int64_t big;
    if (s->d[i].a && !g->symbol) return false;
    if (!checked_mul(s->d[i].a, last_n(g), &big) || !checked_add(big, s->d[i].b, &big)) return false;
    if (big < 0 || dim_at(s->d[i], 1) < 0) return false;
    if (big == 0) empty = true;
  }
  for (uint32_t i = 0; i < s->rank && !empty; i++)
    if (!checked_mul(count, dim_at(s->d[i], last_n(g)), &count) || count > MAX_ELEMENTS) return false;
  return true;
}

const char *verify_shape(const Graph *g, const Node *n) {
  if (!sizes_valid(g, n->shape)) return "a size out of range";
  const char *why = shape_checks[n->op](g, n);
  if (why || !op_is_scalar(n->op)) return why;
  DType t = in(g, n, n->op == OP_SELECT ? 1 : 0)->dtype;
  bool computed = op_kind(n->op) == KIND_EW && n->op != OP_SELECT && n->op != OP_CAST;
  bool defined = (dtype_is_real(t) ? op_meaning_real(n->op) : op_meaning_int(n->op)) != NULL;
  return defined && !(computed && t == DT_MASK) ? NULL : "not defined for this type";
}
