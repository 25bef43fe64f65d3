// Each function checks what the pattern could not, and builds the replacement; NO_NODE: the rule doesn't
// apply. n is the node to replace, its inputs lie in b->g.
#include "passes/rule_fns.h"

#include "passes/fold.h"

#include <math.h>
#include <string.h>

static const Node *node(const Builder *b, NodeId id) { return graph_node(b->g, id); }

// ---- numbers

// x / c = x * (1 / c) where 1 / c is exact and normal: c a power of two.
NodeId rule_mul_by_inverse(Builder *b, const Node *n, const NodeId *var) {
  double c = node(b, var[1])->attr.konst.data[0].f;
  int exponent;
  if (!dtype_is_real(n->dtype) || !isfinite(c) || fabs(frexp(c, &exponent)) != 0.5) return NO_NODE;
  if (exponent < -10 || exponent > 10) return NO_NODE; // inside the normal range of every type
  if (exponent == 1) return NO_NODE;                   // 1 and -1 have rules of their own
  return b_ew2(b, OP_MUL, var[0], b_scalar(b, n->dtype, 1 / c));
}

// |-x| = |x|, but for what is never negative: of an u8 -x is another number.
NodeId rule_abs_of_either(Builder *b, const Node *n, const NodeId *var) {
  return n->dtype == DT_U8 ? NO_NODE : b_ew1(b, OP_ABS, var[0]);
}

NodeId rule_same_type(Builder *b, const Node *n, const NodeId *var) {
  return node(b, var[0])->dtype == n->dtype ? var[0] : NO_NODE;
}

// Every value of `from` is one of `to`.
static bool widens(DType from, DType to) {
  static const struct {
    bool real;
    int digits, exponent; // binary digits of the integers held exactly, exponent range
  } type[DT_COUNT] = {
      [DT_F32] = {true, 24, 8},  [DT_F64] = {true, 53, 11}, [DT_F16] = {true, 11, 5},
      [DT_BF16] = {true, 8, 8},  [DT_I8] = {false, 7, 0},   [DT_I16] = {false, 15, 0},
      [DT_I32] = {false, 31, 0}, [DT_I64] = {false, 63, 0}, [DT_U8] = {false, 8, 0},
      [DT_MASK] = {false, 1, 0},
  };
  if (from == to) return true;
  if (to == DT_MASK) return false;
  if (type[from].real)
    return type[to].real && type[to].digits >= type[from].digits && type[to].exponent >= type[from].exponent;
  if (to == DT_U8) return from == DT_MASK;
  if (to == DT_F16 && type[from].digits > 11) return false;
  return type[to].digits >= type[from].digits;
}

NodeId rule_cast_directly(Builder *b, const Node *n, const NodeId *var) {
  DType between = node(b, n->in[0])->dtype;
  return widens(node(b, var[0])->dtype, between) ? b_cast(b, var[0], n->dtype) : NO_NODE;
}

// ---- shapes

NodeId rule_same_shape(Builder *b, const Node *n, const NodeId *var) {
  return shape_eq(node(b, var[0])->shape, n->shape) ? var[0] : NO_NODE;
}

NodeId rule_reshape(Builder *b, const Node *n, const NodeId *var) { return b_reshape(b, var[0], *n->shape); }

NodeId rule_broadcast(Builder *b, const Node *n, const NodeId *var) {
  return b_broadcast(b, var[0], *n->shape);
}

static Shape without_leading_ones(Shape s) {
  Shape r = {0};
  uint32_t skip = 0;
  while (skip < s.rank && dim_is(s.d[skip], 1)) skip++;
  r.rank = s.rank - skip;
  memcpy(r.d, s.d + skip, r.rank * sizeof *r.d);
  return r;
}

static bool differ_in_leading_ones(const Shape *x, const Shape *y) {
  Shape p = without_leading_ones(*x), q = without_leading_ones(*y);
  return shape_eq(&p, &q);
}

NodeId rule_only_ones_added(Builder *b, const Node *n, const NodeId *var) {
  const Shape *x = node(b, var[0])->shape;
  return differ_in_leading_ones(x, n->shape) && !shape_eq(x, n->shape) ? b_reshape(b, var[0], *n->shape)
                                                                         : NO_NODE;
}

static bool in_order(const uint8_t *perm, uint32_t rank) {
  for (uint32_t i = 0; i < rank; i++)
    if (perm[i] != i) return false;
  return true;
}

NodeId rule_axes_in_order(Builder *b, const Node *n, const NodeId *var) {
  (void)b;
  return in_order(n->attr.perm, n->shape->rank) ? var[0] : NO_NODE;
}

NodeId rule_only_ones_moved(Builder *b, const Node *n, const NodeId *var) {
  uint8_t last = 0;
  for (uint32_t i = 0; i < n->shape->rank; i++) {
    if (dim_is(n->shape->d[i], 1)) continue;
    if (n->attr.perm[i] < last) return NO_NODE;
    last = n->attr.perm[i];
  }
  return in_order(n->attr.perm, n->shape->rank) ? NO_NODE : b_reshape(b, var[0], *n->shape);
}

NodeId rule_transpose_once(Builder *b, const Node *n, const NodeId *var) {
  uint8_t perm[MAX_RANK] = {0};
  const Node *inner = node(b, n->in[0]);
  for (uint32_t i = 0; i < n->shape->rank; i++) perm[i] = inner->attr.perm[n->attr.perm[i]];
  return b_transpose(b, var[0], perm);
}

// inner: x[s + t i]; outer takes i = s' + t' k: x[s + t s' + t t' k]
NodeId rule_slice_once(Builder *b, const Node *n, const NodeId *var) {
  const Attr *outer = &n->attr, *inner = &node(b, n->in[0])->attr;
  Dim start[MAX_RANK];
  int64_t stride[MAX_RANK];
  for (uint32_t i = 0; i < n->shape->rank; i++) {
    Dim t = dim_of(inner->slice.stride[i]), step;
    if (!dim_mul(outer->slice.start[i], t, &start[i]) ||
        !dim_add(start[i], inner->slice.start[i], &start[i]) ||
        !dim_mul(t, dim_of(outer->slice.stride[i]), &step))
      return NO_NODE;
    stride[i] = step.b;
  }
  return b_slice(b, var[0], start, n->shape->d, stride);
}

NodeId rule_no_margin(Builder *b, const Node *n, const NodeId *var) {
  (void)b;
  for (uint32_t i = 0; i < n->shape->rank; i++)
    if (!dim_is(n->attr.pad.lo[i], 0) || !dim_is(n->attr.pad.hi[i], 0) || n->attr.pad.interior[i])
      return NO_NODE;
  return var[0];
}

static bool only_ones(const Shape *s, uint32_t axes) {
  for (uint32_t i = 0; i < s->rank; i++)
    if (axes >> i & 1 && !dim_is(s->d[i], 1)) return false;
  return true;
}

NodeId rule_no_axis_reversed(Builder *b, const Node *n, const NodeId *var) {
  (void)b;
  return only_ones(n->shape, n->attr.axes) ? var[0] : NO_NODE;
}

NodeId rule_reverse_once(Builder *b, const Node *n, const NodeId *var) {
  uint32_t axes = n->attr.axes ^ node(b, n->in[0])->attr.axes;
  return axes ? b_reverse(b, var[0], axes) : var[0];
}

NodeId rule_no_axis_reduced(Builder *b, const Node *n, const NodeId *var) {
  const Node *x = node(b, var[0]);
  return x->dtype == n->dtype && only_ones(x->shape, n->attr.axes) ? b_reshape(b, var[0], *n->shape)
                                                                    : NO_NODE;
}

// ---- stretching

static NodeId same_operation(Builder *b, const Node *n, const NodeId *in) {
  return n->op == OP_CAST ? b_cast(b, in[0], n->dtype) : b_ew(b, n->op, in, n->n_in);
}

NodeId rule_broadcast_late(Builder *b, const Node *n, const NodeId *var) {
  (void)var;
  NodeId in[3];
  bool any = false;
  for (uint32_t i = 0; i < n->n_in; i++) {
    const Node *x = node(b, n->in[i]);
    in[i] = x->op == OP_BROADCAST ? x->in[0] : n->in[i];
    any |= in[i] != n->in[i];
  }
  return any ? same_operation(b, n, in) : NO_NODE;
}

NodeId rule_drop_leading_ones(Builder *b, const Node *n, const NodeId *var) {
  (void)var;
  NodeId in[3];
  bool any = false;
  Shape s = {0};
  for (uint32_t i = 0; i < n->n_in; i++) {
    const Node *x = node(b, n->in[i]);
    bool drop = x->op == OP_RESHAPE && x->shape->rank > node(b, x->in[0])->shape->rank &&
                differ_in_leading_ones(x->shape, node(b, x->in[0])->shape);
    in[i] = drop ? x->in[0] : n->in[i];
    any |= drop;
    if (!shape_broadcast(&s, node(b, in[i])->shape, &s, NULL)) return NO_NODE;
  }
  return any && shape_eq(&s, n->shape) ? same_operation(b, n, in) : NO_NODE;
}

// ---- products

// Renames the axes of one side of a dot by the transpose that makes its operand; false where its free axes
// would change their order.
static bool through_transpose(const Builder *b, const Node *n, uint32_t side, uint8_t *batch,
                              uint8_t *contract) {
  const uint8_t *perm = node(b, n->in[side])->attr.perm;
  uint32_t taken = 0, rank = node(b, n->in[side])->shape->rank;
  for (uint32_t i = 0; i < n->attr.dot.nb; i++) taken |= 1u << batch[i];
  for (uint32_t i = 0; i < n->attr.dot.nc; i++) taken |= 1u << contract[i];
  int last = -1;
  for (uint32_t i = 0; i < rank; i++) {
    if (taken >> i & 1) continue;
    if (perm[i] < last) return false;
    last = perm[i];
  }
  for (uint32_t i = 0; i < n->attr.dot.nb; i++) batch[i] = perm[batch[i]];
  for (uint32_t i = 0; i < n->attr.dot.nc; i++) contract[i] = perm[contract[i]];
  return true;
}

NodeId rule_dot_left(Builder *b, const Node *n, const NodeId *var) {
  Attr attr = n->attr;
  if (!through_transpose(b, n, 0, attr.dot.lb, attr.dot.lc)) return NO_NODE;
  return b_dot(b, var[0], var[1], &attr);
}

NodeId rule_dot_right(Builder *b, const Node *n, const NodeId *var) {
  Attr attr = n->attr;
  if (!through_transpose(b, n, 1, attr.dot.rb, attr.dot.rc)) return NO_NODE;
  return b_dot(b, var[0], var[1], &attr);
}

// A transpose that does nothing but put the right operand's free axes first: y . x. The sums are the same.
NodeId rule_dot_exchanged(Builder *b, const Node *n, const NodeId *var) {
  const Attr *dot = &node(b, n->in[0])->attr;
  uint32_t nb = dot->dot.nb, free_x = node(b, var[0])->shape->rank - nb - dot->dot.nc;
  uint32_t free_y = n->shape->rank - nb - free_x;
  if (free_x == 0 || free_y == 0) return NO_NODE;
  for (uint32_t i = 0; i < n->shape->rank; i++) {
    uint32_t from = i < nb ? i : i < nb + free_y ? i + free_x : i - free_y;
    if (n->attr.perm[i] != from) return NO_NODE;
  }
  Attr attr = {0};
  attr.dot.nb = dot->dot.nb;
  attr.dot.nc = dot->dot.nc;
  memcpy(attr.dot.lb, dot->dot.rb, sizeof attr.dot.lb);
  memcpy(attr.dot.rb, dot->dot.lb, sizeof attr.dot.rb);
  memcpy(attr.dot.lc, dot->dot.rc, sizeof attr.dot.lc);
  memcpy(attr.dot.rc, dot->dot.lc, sizeof attr.dot.rc);
  return b_dot(b, var[1], var[0], &attr);
}
