// One function per name of the SHAPE column. A size a*N + b is linear in N, so what must hold for every N in
// 1..bound is looked at for N = 1 and N = bound only.
#include "ir/shape_rules.h"

#include "ir/base/checked.h"

#include <stddef.h>
#include <string.h>

static const Node *input(const Graph *g, const Node *n, uint32_t i) { return graph_node(g, n->in[i]); }

DType sum_dtype(DType t) { return t == DT_U8 || t == DT_I8 || t == DT_I16 ? DT_I32 : t; }

static bool at(Dim d, int64_t n, int64_t *out) {
  int64_t r;
  return checked_mul(d.a, n, &r) && checked_add(r, d.b, out);
}

static bool nonnegative(const Graph *g, Dim d) {
  int64_t first, last;
  return at(d, 1, &first) && at(d, g->symbol ? g->bound : 1, &last) && first >= 0 && last >= 0;
}

bool dim_valid(const Graph *g, Dim d) { return (dim_static(d) || g->symbol) && nonnegative(g, d); }

bool shape_valid(const Graph *g, const Shape *s) {
  int64_t count = 1;
  bool empty = false, fits = true;
  for (uint32_t i = 0; i < s->rank; i++) {
    int64_t size;
    if (!dim_valid(g, s->d[i]) || !at(s->d[i], g->symbol ? g->bound : 1, &size)) return false;
    empty |= size == 0;
    fits = fits && checked_mul(count, size, &count) && count <= MAX_ELEMENTS;
  }
  return s->rank <= MAX_RANK && (fits || empty);
}

static const char *RULE_SAME(const Graph *g, Node *n, Shape *to) {
  *to = *input(g, n, 0)->shape;
  n->dtype = input(g, n, 0)->dtype;
  if (n->op == OP_REVERSE && n->attr.axes >> to->rank) return "no such axis";
  return NULL;
}

// Common shape of the inputs from `first` on; their type goes to n->dtype.
static const char *broadcast_inputs(const Graph *g, Node *n, uint32_t first, Shape *to) {
  *to = *input(g, n, 0)->shape;
  n->dtype = input(g, n, first)->dtype;
  for (uint32_t i = 1; i < n->n_in; i++) {
    if (i >= first && input(g, n, i)->dtype != n->dtype) return "operands have different types";
    if (!shape_broadcast(to, input(g, n, i)->shape, to, NULL)) return "shapes do not fit";
  }
  return NULL;
}

static const char *RULE_BCAST(const Graph *g, Node *n, Shape *to) { return broadcast_inputs(g, n, 0, to); }

static const char *RULE_SELECT(const Graph *g, Node *n, Shape *to) {
  if (input(g, n, 0)->dtype != DT_MASK) return "the condition is no mask";
  return broadcast_inputs(g, n, 1, to);
}

static const char *RULE_COMPARE(const Graph *g, Node *n, Shape *to) {
  const char *why = broadcast_inputs(g, n, 0, to);
  n->dtype = DT_MASK;
  return why;
}

static const char *RULE_LOGIC(const Graph *g, Node *n, Shape *to) {
  const char *why = broadcast_inputs(g, n, 0, to);
  return !why && n->dtype != DT_MASK ? "operand is no mask" : why;
}

static const char *RULE_CAST(const Graph *g, Node *n, Shape *to) {
  *to = *input(g, n, 0)->shape;
  return n->dtype < DT_COUNT ? NULL : "no such type";
}

// The coefficients of the product of all sizes as a polynomial of N, modulo 2^64: a valid shape's are far
// smaller.
static void count_polynomial(const Shape *s, uint64_t c[MAX_RANK + 1]) {
  memset(c, 0, (MAX_RANK + 1) * sizeof *c);
  c[0] = 1;
  for (uint32_t i = 0; i < s->rank; i++)
    for (uint32_t k = i + 2; k-- > 0;)
      c[k] = c[k] * (uint64_t)s->d[i].b + (k ? c[k - 1] * (uint64_t)s->d[i].a : 0);
}

bool reshape_fits(const Shape *x, const Shape *y) {
  uint64_t a[MAX_RANK + 1], b[MAX_RANK + 1];
  count_polynomial(x, a);
  count_polynomial(y, b);
  return memcmp(a, b, sizeof a) == 0;
}

static const char *RULE_RESHAPE(const Graph *g, Node *n, Shape *to) {
  n->dtype = input(g, n, 0)->dtype;
  return reshape_fits(input(g, n, 0)->shape, to) ? NULL : "the number of elements differs";
}

static const char *RULE_TRANSPOSE(const Graph *g, Node *n, Shape *to) {
  const Shape *x = input(g, n, 0)->shape;
  n->dtype = input(g, n, 0)->dtype;
  *to = (Shape){.rank = x->rank};
  unsigned seen = 0;
  for (uint32_t i = 0; i < x->rank; i++) {
    if (n->attr.perm[i] >= x->rank) return "no such axis";
    seen |= 1u << n->attr.perm[i];
    to->d[i] = x->d[n->attr.perm[i]];
  }
  return seen == (1u << x->rank) - 1 ? NULL : "an axis is missing";
}

static const char *RULE_BROADCAST(const Graph *g, Node *n, Shape *to) {
  n->dtype = input(g, n, 0)->dtype;
  return shape_broadcasts_to(input(g, n, 0)->shape, to) ? NULL : "the shape does not stretch so";
}

// start + (size - 1) * stride <= last index of the axis, for every N.
static bool slice_inside(const Graph *g, Dim axis, Dim start, Dim size, int64_t stride) {
  Dim last, room;
  if (stride < 1 || !nonnegative(g, start) || !nonnegative(g, size)) return false;
  if (dim_is(size, 0)) return dim_sub(axis, start, &room) && nonnegative(g, room);
  if (!dim_sub(size, dim_of(1), &last) || !dim_mul(last, dim_of(stride), &last)) return false;
  if (!dim_add(last, start, &last) || !dim_sub(axis, last, &room)) return false;
  return dim_sub(room, dim_of(1), &room) && nonnegative(g, room);
}

static const char *RULE_SLICE(const Graph *g, Node *n, Shape *to) {
  const Shape *x = input(g, n, 0)->shape;
  n->dtype = input(g, n, 0)->dtype;
  if (to->rank != x->rank) return "the rank differs";
  for (uint32_t i = 0; i < x->rank; i++)
    if (!slice_inside(g, x->d[i], n->attr.slice.start[i], to->d[i], n->attr.slice.stride[i]))
      return "the slice leaves its axis";
  return NULL;
}

// size + (size - 1) * interior + lo + hi. Linear also where the axis is empty (a dynamic size may be 0 for
// some N), so that the transpose of a strided slice always exists.
static bool padded(Dim size, Dim lo, Dim hi, int64_t interior, Dim *out) {
  Dim between;
  if (interior < 0 || !dim_sub(size, dim_of(1), &between)) return false;
  if (!dim_mul(between, dim_of(interior), &between) || !dim_add(size, between, out)) return false;
  return dim_add(*out, lo, out) && dim_add(*out, hi, out);
}

static const char *RULE_PAD(const Graph *g, Node *n, Shape *to) {
  const Shape *x = input(g, n, 0)->shape;
  n->dtype = input(g, n, 0)->dtype;
  *to = (Shape){.rank = x->rank};
  for (uint32_t i = 0; i < x->rank; i++)
    if (!padded(x->d[i], n->attr.pad.lo[i], n->attr.pad.hi[i], n->attr.pad.interior[i], &to->d[i]))
      return "the padded size does not fit";
  return NULL;
}

static const char *RULE_CONCAT(const Graph *g, Node *n, Shape *to) {
  uint32_t axis = n->attr.axis;
  if (n->n_in == 0) return "nothing to concatenate";
  *to = *input(g, n, 0)->shape;
  n->dtype = input(g, n, 0)->dtype;
  if (axis >= to->rank) return "no such axis";
  for (uint32_t i = 1; i < n->n_in; i++) {
    Shape s = *input(g, n, i)->shape, expected = *to;
    if (input(g, n, i)->dtype != n->dtype) return "operands have different types";
    if (s.rank != to->rank || !dim_add(to->d[axis], s.d[axis], &to->d[axis]))
      return "shapes do not fit";
    expected.d[axis] = s.d[axis];
    if (!shape_eq(&s, &expected)) return "shapes do not fit";
  }
  return NULL;
}

static const char *gather_shape(const Graph *g, const Node *n, Shape *out) {
  const Shape *x = input(g, n, 0)->shape, *i = input(g, n, 1)->shape;
  uint32_t axis = n->attr.gather.axis, batch = n->attr.gather.batch;
  if (!dtype_is_int(input(g, n, 1)->dtype)) return "the index is no integer";
  if (axis >= x->rank || batch > axis || batch > i->rank) return "no such axis";
  if (x->rank - 1 + i->rank - batch > MAX_RANK) return "too many axes";
  for (uint32_t k = 0; k < batch; k++)
    if (!dim_eq(x->d[k], i->d[k])) return "batch axes differ";
  *out = (Shape){0};
  for (uint32_t k = 0; k < axis; k++) out->d[out->rank++] = x->d[k];
  for (uint32_t k = batch; k < i->rank; k++) out->d[out->rank++] = i->d[k];
  for (uint32_t k = axis + 1; k < x->rank; k++) out->d[out->rank++] = x->d[k];
  return NULL;
}

static const char *RULE_GATHER(const Graph *g, Node *n, Shape *to) {
  n->dtype = input(g, n, 0)->dtype;
  return gather_shape(g, n, to);
}

static const char *RULE_SCATTER_ADD(const Graph *g, Node *n, Shape *to) {
  Shape u;
  *to = *input(g, n, 0)->shape;
  n->dtype = input(g, n, 0)->dtype;
  if (input(g, n, 2)->dtype != n->dtype) return "operands have different types";
  const char *why = gather_shape(g, n, &u);
  if (why) return why;
  return shape_eq(&u, input(g, n, 2)->shape) ? NULL : "the update has not the gather's shape";
}

static const char *RULE_ATTR(const Graph *g, Node *n, Shape *to) {
  (void)g;
  if (n->op == OP_IOTA && n->attr.axis >= to->rank) return "no such axis";
  return n->dtype < DT_COUNT ? NULL : "no such type";
}

static void remove_axes(const Shape *x, uint32_t axes, Shape *out) {
  *out = (Shape){0};
  for (uint32_t i = 0; i < x->rank; i++)
    if (!(axes >> i & 1)) out->d[out->rank++] = x->d[i];
}

static const char *RULE_ARG(const Graph *g, Node *n, Shape *to) {
  const Shape *x = input(g, n, 0)->shape;
  if (n->attr.axis >= x->rank) return "no such axis";
  if (!dtype_is_int(n->dtype)) return "an index is an integer";
  if (dim_is(x->d[n->attr.axis], 0)) return "no element to choose";
  remove_axes(x, 1u << n->attr.axis, to);
  return NULL;
}

static const char *RULE_REDUCE(const Graph *g, Node *n, Shape *to) {
  const Node *x = input(g, n, 0);
  if (n->attr.axes >> x->shape->rank) return "no such axis";
  if (x->dtype == DT_MASK) return "a mask has no sum or maximum";
  n->dtype = n->op == OP_SUM ? sum_dtype(x->dtype) : x->dtype;
  for (uint32_t i = 0; n->op != OP_SUM && i < x->shape->rank; i++)
    if (n->attr.axes >> i & 1 && dim_is(x->shape->d[i], 0)) return "no element to choose";
  remove_axes(x->shape, n->attr.axes, to);
  return NULL;
}

static bool is_half(DType t) { return t == DT_F16 || t == DT_BF16; }

static const char *RULE_CUMSUM(const Graph *g, Node *n, Shape *to) {
  const Node *x = input(g, n, 0);
  if (n->attr.axis >= x->shape->rank) return "no such axis";
  if (x->dtype == DT_MASK || is_half(x->dtype)) return "no sums of this type";
  *to = *x->shape;
  n->dtype = sum_dtype(x->dtype);
  return NULL;
}

static const char *RULE_ARGSORT(const Graph *g, Node *n, Shape *to) {
  const Node *x = input(g, n, 0);
  if (n->attr.axis >= x->shape->rank) return "no such axis";
  if (x->dtype == DT_MASK || is_half(x->dtype)) return "no order of this type";
  *to = *x->shape;
  n->dtype = DT_I32;
  return NULL;
}

static const char *square(const Node *x) {
  uint32_t r = x->shape->rank;
  if (!dtype_is_real(x->dtype) || is_half(x->dtype)) return "a matrix of f32 or f64";
  return r >= 2 && dim_eq(x->shape->d[r - 2], x->shape->d[r - 1]) ? NULL : "the matrix is not square";
}

static const char *RULE_CHOLESKY(const Graph *g, Node *n, Shape *to) {
  *to = *input(g, n, 0)->shape;
  n->dtype = input(g, n, 0)->dtype;
  return square(input(g, n, 0));
}

static const char *RULE_SOLVE(const Graph *g, Node *n, Shape *to) {
  const Node *l = input(g, n, 0), *b = input(g, n, 1);
  const char *why = square(l);
  if (why) return why;
  *to = *b->shape;
  n->dtype = b->dtype;
  if (l->dtype != b->dtype) return "operands have different types";
  if (l->shape->rank != b->shape->rank) return "the ranks differ";
  for (uint32_t i = 0; i + 1 < l->shape->rank; i++) // the last of these: as many rows
    if (!dim_eq(l->shape->d[i], b->shape->d[i])) return "the sizes differ";
  return NULL;
}

// Marks the axes named by `list`; false when one is out of range or named twice.
static bool mark_axes(const Shape *s, const uint8_t *list, uint32_t n, uint32_t *marks) {
  for (uint32_t i = 0; i < n; i++) {
    if (list[i] >= s->rank || *marks >> list[i] & 1) return false;
    *marks |= 1u << list[i];
  }
  return true;
}

static const char *RULE_DOT(const Graph *g, Node *n, Shape *to) {
  const Node *x = input(g, n, 0), *y = input(g, n, 1);
  uint32_t left = 0, right = 0, nb = n->attr.dot.nb, nc = n->attr.dot.nc;
  if (x->dtype != y->dtype) return "operands have different types";
  if (x->dtype == DT_MASK) return "a mask has no product";
  if (nb > MAX_RANK || nc > MAX_RANK || nb + nc > x->shape->rank || nb + nc > y->shape->rank)
    return "no such axis";
  if (x->shape->rank + y->shape->rank - nb - 2 * nc > MAX_RANK) return "too many axes";
  if (!mark_axes(x->shape, n->attr.dot.lb, nb, &left) || !mark_axes(x->shape, n->attr.dot.lc, nc, &left) ||
      !mark_axes(y->shape, n->attr.dot.rb, nb, &right) || !mark_axes(y->shape, n->attr.dot.rc, nc, &right))
    return "no such axis";
  Shape s = {0}, free_l, free_r;
  for (uint32_t i = 0; i < nb; i++) {
    s.d[s.rank++] = x->shape->d[n->attr.dot.lb[i]];
    if (!dim_eq(x->shape->d[n->attr.dot.lb[i]], y->shape->d[n->attr.dot.rb[i]])) return "batch axes differ";
  }
  for (uint32_t i = 0; i < nc; i++)
    if (!dim_eq(x->shape->d[n->attr.dot.lc[i]], y->shape->d[n->attr.dot.rc[i]])) return "inner sizes differ";
  remove_axes(x->shape, left, &free_l);
  remove_axes(y->shape, right, &free_r);
  for (uint32_t i = 0; i < free_l.rank; i++) s.d[s.rank++] = free_l.d[i];
  for (uint32_t i = 0; i < free_r.rank; i++) s.d[s.rank++] = free_r.d[i];
  *to = s;
  n->dtype = x->dtype;
  return NULL;
}

// Both dilated extents, less one: (size - 1) * dilation.
static bool dilated(Dim size, int64_t dilation, Dim *out) {
  return dim_sub(size, dim_of(1), out) && dim_mul(*out, dim_of(dilation), out);
}

const char *conv_size(const Graph *g, Dim x, Dim k, const ConvAttr *c, uint32_t axis, Dim *out) {
  Dim span, reach, steps, one = dim_of(1);
  if (c->stride[axis] < 1 || c->lhs_dilation[axis] < 1 || c->rhs_dilation[axis] < 1)
    return "strides and dilations are at least 1";
  if (!dim_sub(x, one, &span) || !nonnegative(g, span)) return "the input is empty";
  if (!dim_sub(k, one, &span) || !nonnegative(g, span)) return "the kernel is empty";
  if (!dilated(x, c->lhs_dilation[axis], &span) || !dim_add(span, dim_of(c->lo[axis]), &span) ||
      !dim_add(span, dim_of(c->hi[axis]), &span) || !dilated(k, c->rhs_dilation[axis], &reach) ||
      !dim_sub(span, reach, &steps))
    return "the size does not fit";
  if (!nonnegative(g, steps)) return "the kernel is larger than its padded input";
  if (dim_static(steps))
    steps.b /= c->stride[axis];
  else if (!dim_div(steps, dim_of(c->stride[axis]), &steps))
    return "the stride does not divide the size for every N";
  return dim_add(steps, one, out) ? NULL : "the size does not fit";
}

static const char *RULE_CONV(const Graph *g, Node *n, Shape *to) {
  const Node *x = input(g, n, 0), *w = input(g, n, 1);
  const ConvAttr *c = n->attr.conv;
  Dim channels, part;
  if (x->dtype != w->dtype) return "operands have different types";
  if (x->dtype == DT_MASK) return "a mask has no product";
  if (x->shape->rank != w->shape->rank || x->shape->rank < 3 || x->shape->rank > 2 + MAX_SPATIAL)
    return "x is [B, c, ...] and W [out, c / groups, k...], with 1 to 3 spatial axes";
  if (c->groups < 1 || !dim_div(w->shape->d[0], dim_of(c->groups), &part))
    return "groups do not divide the outputs";
  if (!dim_mul(w->shape->d[1], dim_of(c->groups), &channels) || !dim_eq(channels, x->shape->d[1]))
    return "the channels differ";
  *to = (Shape){.rank = x->shape->rank, .d = {x->shape->d[0], w->shape->d[0]}};
  n->dtype = x->dtype;
  for (uint32_t i = 2; i < to->rank; i++) {
    const char *why = conv_size(g, x->shape->d[i], w->shape->d[i], c, i - 2, &to->d[i]);
    if (why) return why;
  }
  return NULL;
}

const char *window_count(const Graph *g, Dim x, const WindowAttr *w, uint32_t axis, Dim *out) {
  int64_t window = w->window[axis], lo = w->lo[axis], hi = w->hi[axis];
  Dim one = dim_of(1), room;
  if (window < 1 || w->stride[axis] < 1) return "windows and strides are at least 1";
  if (lo < 0 || hi < 0 || lo >= window || hi >= window) return "the padding is smaller than the window";
  if (!dim_sub(x, one, &room) || !nonnegative(g, room)) return "the input is empty";
  if (!dim_add(x, dim_of(lo), &room) || !dim_add(room, dim_of(hi), &room) ||
      !dim_sub(room, dim_of(window), &room))
    return "the size does not fit";
  if (!nonnegative(g, room)) return "the window is larger than its padded input";
  if (dim_static(room))
    room.b /= w->stride[axis];
  else if (!dim_div(room, dim_of(w->stride[axis]), &room))
    return "the stride does not divide the size for every N";
  return dim_add(room, one, out) ? NULL : "the size does not fit";
}

static const char *windows_of(const Graph *g, const Shape *x, const WindowAttr *w, Shape *out) {
  out->rank = x->rank;
  for (uint32_t i = 0; i < x->rank; i++) {
    bool whole = w->window[i] == 1 && w->stride[i] == 1 && w->lo[i] == 0 && w->hi[i] == 0;
    const char *why = whole ? NULL : window_count(g, x->d[i], w, i, &out->d[i]);
    if (whole) out->d[i] = x->d[i];
    if (why) return why;
  }
  return NULL;
}

static const char *RULE_WINDOW(const Graph *g, Node *n, Shape *to) {
  const Node *x = input(g, n, 0);
  n->dtype = n->op == OP_ARGWINDOW ? DT_I32 : x->dtype;
  if (x->dtype == DT_MASK) return "a mask has no sum or maximum";
  const char *why = windows_of(g, x->shape, n->attr.window, to);
  if (why || n->op != OP_SAMPLE) return why;
  const Node *i = input(g, n, 1);
  return i->dtype == DT_I32 && shape_eq(i->shape, to) ? NULL : "one i32 index a window";
}

static const char *RULE_UNWINDOW(const Graph *g, Node *n, Shape *to) {
  const Node *x = input(g, n, 0);
  Shape windows = {0};
  n->dtype = x->dtype;
  if (x->dtype == DT_MASK) return "a mask has no sum";
  const char *why = windows_of(g, to, n->attr.window, &windows);
  if (why) return why;
  if (!shape_eq(&windows, x->shape)) return "the operand has not one element a window";
  if (n->op != OP_DESAMPLE) return NULL;
  const Node *i = input(g, n, 1);
  return i->dtype == DT_I32 && shape_eq(i->shape, x->shape) ? NULL : "one i32 index a window";
}

static const char *(*const rules[OP_COUNT])(const Graph *, Node *, Shape *) = {
#define OP(ID, name, arity, KIND, SHAPE, MF, MI, DERIV, DOMAIN) RULE_##SHAPE,
#include "ir/ops.def"
#undef OP
};

bool op_defined(Op op, DType t) {
  if (t == DT_MASK && op_kind(op) == KIND_EW) return op == OP_SELECT || op == OP_CAST;
  return (dtype_is_real(t) ? op_meaning_real(op) : op_meaning_int(op)) != NULL;
}

const char *shape_rule(const Graph *g, Node *n, Shape *to) {
  int arity = op_arity(n->op);
  if (arity >= 0 && n->n_in != (uint32_t)arity) return "wrong number of operands";
  const char *why = rules[n->op](g, n, to);
  if (why) return why;
  if (op_is_scalar(n->op) && !op_defined(n->op, input(g, n, n->op == OP_SELECT ? 1 : 0)->dtype))
    return "not defined for this type";
  return shape_valid(g, to) ? NULL : "the size does not fit";
}
