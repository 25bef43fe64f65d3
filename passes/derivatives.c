// Derivatives of structural operations, each from the cotangent dy of result y to input i. Compressed axes
// (autodiff.h) stay compressed wherever the rule allows it.
#include "passes/autodiff.h"

#include <assert.h>
#include <string.h>

static Shape shape_of(const Walk *w, NodeId id) { return *walk_node(w, id)->shape; }
static NodeId input(const Walk *w, NodeId y, uint32_t i) { return walk_node(w, y)->in[i]; }

// dy with y's rank, missing axes as ones.
static NodeId full_rank(Walk *w, NodeId dy, NodeId y) { return cot_expand(w, dy, shape_of(w, y), 0); }

static Dim minus(Dim x, Dim y) {
  Dim r = {0};
  bool ok = dim_sub(x, y, &r);
  assert(ok && "sizes of a checked graph subtract");
  (void)ok;
  return r;
}

NodeId d_cast(Walk *w, NodeId y, NodeId dy, uint32_t i) {
  DType t = walk_node(w, input(w, y, i))->dtype;
  return b_cast(&w->b, dy, t); // the walk only meets casts between real types
}

NodeId d_reshape(Walk *w, NodeId y, NodeId dy, uint32_t i) {
  Dim one;
  Shape s = shape_of(w, dy);
  if (shape_count(&s, &one) && dim_is(one, 1)) return cot_reshape(w, dy, (Shape){0});
  dy = cot_exact(w, dy, shape_of(w, y));
  return b_reshape(&w->b, dy, shape_of(w, input(w, y, i)));
}

NodeId d_transpose(Walk *w, NodeId y, NodeId dy, uint32_t i) {
  (void)i;
  if (shape_of(w, dy).rank == 0) return dy;
  uint8_t inverse[MAX_RANK] = {0};
  const Node *n = walk_node(w, y);
  for (uint8_t k = 0; k < n->shape->rank; k++) inverse[n->attr.perm[k]] = k;
  return b_transpose(&w->b, full_rank(w, dy, y), inverse);
}

// The walk sums what was stretched, as for every elementwise operation.
NodeId d_broadcast(Walk *w, NodeId y, NodeId dy, uint32_t i) {
  (void)w, (void)y, (void)i;
  return dy;
}

// What a slice leaves out has cotangent zero; axes taken whole may stay compressed.
NodeId d_slice(Walk *w, NodeId y, NodeId dy, uint32_t i) {
  const Node *n = walk_node(w, y);
  Shape x = shape_of(w, n->in[i]), s = *n->shape;
  const Dim *start = n->attr.slice.start;
  const int64_t *stride = n->attr.slice.stride;
  Dim lo[MAX_RANK] = {0}, hi[MAX_RANK] = {0};
  int64_t interior[MAX_RANK] = {0};
  uint32_t cut = 0;
  for (uint32_t k = 0; k < s.rank; k++) {
    if (dim_is(s.d[k], 0)) return NO_NODE;
    if (dim_eq(s.d[k], x.d[k]) && stride[k] == 1) continue;
    cut |= 1u << k;
    // start + (size - 1) * stride + 1 + hi = the input's size
    Dim last;
    bool ok = dim_mul(minus(s.d[k], dim_of(1)), dim_of(stride[k]), &last);
    assert(ok), (void)ok;
    lo[k] = start[k];
    hi[k] = minus(minus(minus(x.d[k], start[k]), last), dim_of(1));
    interior[k] = stride[k] - 1;
  }
  dy = cot_expand(w, dy, s, cut);
  return cut ? b_pad(&w->b, dy, lo, hi, interior, (Scalar){0}) : dy;
}

static bool negative(Dim d) { return d.b < 0 || d.a < 0; }

// Undoes the margins (a negative one is refilled with zeros), then takes every (interior + 1)-th element.
NodeId d_pad(Walk *w, NodeId y, NodeId dy, uint32_t i) {
  const Node *n = walk_node(w, y);
  Shape x = shape_of(w, n->in[i]), out = {.rank = x.rank};
  Dim lo[MAX_RANK] = {0}, hi[MAX_RANK] = {0}, start[MAX_RANK] = {0};
  int64_t none[MAX_RANK] = {0}, stride[MAX_RANK] = {0};
  uint32_t refilled = 0;
  for (uint32_t k = 0; k < x.rank; k++)
    if (negative(n->attr.pad.lo[k]) || negative(n->attr.pad.hi[k])) refilled |= 1u << k;
  dy = cot_expand(w, dy, *n->shape, refilled);
  n = walk_node(w, y);
  Shape have = shape_of(w, dy);
  bool cuts = false;
  for (uint32_t k = 0; k < x.rank; k++) {
    bool whole = dim_eq(have.d[k], n->shape->d[k]); // else constant along k, and so is the result
    stride[k] = whole ? n->attr.pad.interior[k] + 1 : 1;
    out.d[k] = whole ? x.d[k] : dim_of(1);
    if (refilled >> k & 1) {
      lo[k] = minus(dim_of(0), n->attr.pad.lo[k]);
      hi[k] = minus(dim_of(0), n->attr.pad.hi[k]);
    } else if (whole) {
      start[k] = n->attr.pad.lo[k];
    }
    cuts |= stride[k] != 1 || !dim_is(start[k], 0) || (!(refilled >> k & 1) && !dim_eq(out.d[k], have.d[k]));
  }
  if (refilled) dy = b_pad(&w->b, dy, lo, hi, none, (Scalar){0});
  return cuts ? b_slice(&w->b, dy, start, out.d, stride) : dy;
}

NodeId d_concat(Walk *w, NodeId y, NodeId dy, uint32_t i) {
  const Node *n = walk_node(w, y);
  uint32_t axis = n->attr.axis;
  Shape s = *n->shape, size = shape_of(w, n->in[i]);
  Dim start[MAX_RANK] = {0};
  int64_t stride[MAX_RANK];
  for (uint32_t k = 0; k < i; k++) {
    bool ok = dim_add(start[axis], shape_of(w, n->in[k]).d[axis], &start[axis]);
    assert(ok), (void)ok;
  }
  dy = full_rank(w, dy, y);
  Shape have = shape_of(w, dy);
  if (!dim_eq(have.d[axis], s.d[axis])) return dy; // constant along the axis
  for (uint32_t k = 0; k < s.rank; k++) stride[k] = 1;
  have.d[axis] = size.d[axis];
  return b_slice(&w->b, dy, start, have.d, stride);
}

NodeId d_reverse(Walk *w, NodeId y, NodeId dy, uint32_t i) {
  (void)i;
  uint32_t axes = walk_node(w, y)->attr.axes;
  dy = full_rank(w, dy, y);
  Shape have = shape_of(w, dy);
  for (uint32_t k = 0; k < have.rank; k++)
    if (dim_is(have.d[k], 1)) axes &= ~(1u << k);
  return axes ? b_reverse(&w->b, dy, axes) : dy;
}

// One index a row (labels, chosen actions): each element knows by comparison whether it was picked, so
// nothing is scattered and dy stays compressed. The forward gather, of which the loss is made, checks the
// index.
static NodeId d_pick(Walk *w, Node n, Node x, NodeId dy) {
  uint32_t axis = n.attr.gather.axis;
  Shape row = {.rank = x.shape->rank}, column = row, at_axis = row;
  bool scalar = shape_of(w, dy).rank == 0;
  if (!scalar) dy = cot_expand(w, dy, *n.shape, 0);
  for (uint32_t k = 0; k < row.rank; k++) {
    if (!scalar) at_axis.d[k] = k == axis ? dim_of(1) : shape_of(w, dy).d[k - (k > axis)];
    row.d[k] = k < n.attr.gather.batch ? x.shape->d[k] : dim_of(1);
    column.d[k] = k == axis ? x.shape->d[k] : dim_of(1);
  }
  NodeId index = b_reshape(&w->b, n.in[1], row);
  NodeId iota = b_iota(&w->b, walk_node(w, index)->dtype, column, axis);
  NodeId picked = b_ew2(&w->b, OP_EQ, iota, index);
  if (!scalar) dy = cot_reshape(w, dy, at_axis);
  return b_ew3(&w->b, OP_SELECT, picked, dy, b_scalar(&w->b, x.dtype, 0));
}

NodeId d_gather(Walk *w, NodeId y, NodeId dy, uint32_t i) {
  Node n = *walk_node(w, y), x = *walk_node(w, n.in[i]);
  if (walk_node(w, n.in[1])->shape->rank == n.attr.gather.batch) return d_pick(w, n, x, dy);
  NodeId zeros = b_splat(&w->b, x.dtype, *x.shape, (Scalar){0});
  dy = cot_exact(w, dy, *n.shape);
  return b_scatter_add(&w->b, zeros, n.in[1], dy, n.attr.gather.axis, n.attr.gather.batch);
}

NodeId d_scatter_add(Walk *w, NodeId y, NodeId dy, uint32_t i) {
  if (i == 0) return dy;
  Node n = *walk_node(w, y);
  dy = cot_exact(w, dy, *n.shape);
  return b_gather(&w->b, dy, n.in[1], n.attr.gather.axis, n.attr.gather.batch);
}

// t, of the shape of reduction y or compressed, with the reduced axes of x put back as ones.
static NodeId keep_dims(Walk *w, NodeId t, NodeId y) {
  Shape have = shape_of(w, t), s = {0};
  const Node *n = walk_node(w, y);
  Shape x = shape_of(w, n->in[0]);
  if (have.rank == 0) return t;
  uint32_t missing = n->shape->rank - have.rank, from = 0;
  s.rank = x.rank;
  for (uint32_t k = 0; k < x.rank; k++) {
    bool reduced = n->attr.axes >> k & 1;
    s.d[k] = reduced || from < missing ? dim_of(1) : have.d[from - missing];
    from += !reduced;
  }
  return cot_reshape(w, t, s);
}

NodeId d_sum(Walk *w, NodeId y, NodeId dy, uint32_t i) {
  (void)i;
  return keep_dims(w, dy, y);
}

// All elements equal to the extremum share its cotangent equally.
NodeId d_rmax(Walk *w, NodeId y, NodeId dy, uint32_t i) {
  Builder *b = &w->b;
  Node n = *walk_node(w, y);
  NodeId equal = b_ew2(b, OP_EQ, n.in[i], keep_dims(w, y, y));
  NodeId count = b_reduce(b, OP_SUM, b_cast(b, equal, n.dtype), n.attr.axes);
  NodeId share = cot_op(w, OP_DIV, (NodeId[]){keep_dims(w, dy, y), keep_dims(w, count, y)}, 2);
  return b_ew3(b, OP_SELECT, equal, share, cot_number(w, n.dtype, 0));
}

// ---- windows: each operation and its transpose are one another's derivative

NodeId d_box(Walk *w, NodeId y, NodeId dy, uint32_t i) {
  Node n = *walk_node(w, y);
  dy = cot_exact(w, dy, *n.shape);
  return b_unwindow(&w->b, OP_DEBOX, &dy, 1, n.attr.window, shape_of(w, n.in[i]));
}

NodeId d_debox(Walk *w, NodeId y, NodeId dy, uint32_t i) {
  (void)i;
  Node n = *walk_node(w, y);
  dy = cot_exact(w, dy, *n.shape);
  return b_window(&w->b, OP_BOX, &dy, 1, n.attr.window);
}

NodeId d_sample(Walk *w, NodeId y, NodeId dy, uint32_t i) {
  Node n = *walk_node(w, y);
  dy = cot_exact(w, dy, *n.shape);
  return b_unwindow(&w->b, OP_DESAMPLE, (NodeId[]){dy, n.in[1]}, 2, n.attr.window, shape_of(w, n.in[i]));
}

NodeId d_desample(Walk *w, NodeId y, NodeId dy, uint32_t i) {
  (void)i;
  Node n = *walk_node(w, y);
  dy = cot_exact(w, dy, *n.shape);
  return b_window(&w->b, OP_SAMPLE, (NodeId[]){dy, n.in[1]}, 2, n.attr.window);
}

// ---- dot: with result axes [batch, lhs free, rhs free], dx contracts dy and the other operand over the
// other's free axes.
typedef struct Side {
  NodeId id;
  uint32_t n_batch, n_contract, n_free;
  uint8_t batch[MAX_RANK], contract[MAX_RANK], free[MAX_RANK];
} Side;

static Side side_of(const Walk *w, const Node *n, uint32_t i) {
  Side s = {.id = n->in[i], .n_batch = n->attr.dot.nb, .n_contract = n->attr.dot.nc};
  const uint8_t *batch = i ? n->attr.dot.rb : n->attr.dot.lb, *contract = i ? n->attr.dot.rc : n->attr.dot.lc;
  uint32_t taken = 0;
  for (uint32_t k = 0; k < s.n_batch; k++) taken |= 1u << (s.batch[k] = batch[k]);
  for (uint32_t k = 0; k < s.n_contract; k++) taken |= 1u << (s.contract[k] = contract[k]);
  uint32_t rank = shape_of(w, s.id).rank;
  for (uint8_t k = 0; k < rank; k++)
    if (!(taken >> k & 1)) s.free[s.n_free++] = k;
  return s;
}

// Position of axis x among those of the other operand in ascending order: where dot puts it.
static uint32_t order_among(const uint8_t *axes, uint32_t n, uint8_t x) {
  uint32_t r = 0;
  for (uint32_t k = 0; k < n; k++) r += axes[k] < x;
  return r;
}

static bool is_identity(const uint8_t *perm, uint32_t n) {
  for (uint32_t k = 0; k < n; k++)
    if (perm[k] != k) return false;
  return true;
}

// perm[k] of input x's axis k in dot(dy, other) or dot(other, dy): batch, then this side's free axes (from
// dy) and its contracted ones (from other), in the order of the operands.
static void result_axes(const Side *x, const Side *other, bool dy_first, uint8_t *perm) {
  uint32_t free_at = x->n_batch + (dy_first ? 0 : x->n_contract);
  uint32_t contract_at = x->n_batch + (dy_first ? x->n_free : 0);
  for (uint32_t k = 0; k < x->n_batch; k++) perm[x->batch[k]] = (uint8_t)k;
  for (uint32_t k = 0; k < x->n_free; k++) perm[x->free[k]] = (uint8_t)(free_at + k);
  for (uint32_t k = 0; k < x->n_contract; k++)
    perm[x->contract[k]] =
        (uint8_t)(contract_at + order_among(other->contract, other->n_contract, other->contract[k]));
}

NodeId d_dot(Walk *w, NodeId y, NodeId dy, uint32_t i) {
  Node n = *walk_node(w, y);
  Side x = side_of(w, &n, i), other = side_of(w, &n, 1 - i);
  dy = cot_exact(w, dy, *n.shape);
  // Either order of the operands gives the same sums: take the one that needs no transpose, if one does.
  uint8_t perm[MAX_RANK];
  uint32_t rank = shape_of(w, x.id).rank;
  bool dy_first = i == 0;
  result_axes(&x, &other, dy_first, perm);
  if (!is_identity(perm, rank)) {
    result_axes(&x, &other, !dy_first, perm);
    if (is_identity(perm, rank))
      dy_first = !dy_first;
    else
      result_axes(&x, &other, dy_first, perm);
  }

  Attr attr = {0};
  attr.dot.nb = (uint8_t)x.n_batch;
  attr.dot.nc = (uint8_t)other.n_free;
  uint8_t *db = dy_first ? attr.dot.lb : attr.dot.rb, *ob = dy_first ? attr.dot.rb : attr.dot.lb;
  uint8_t *dc = dy_first ? attr.dot.lc : attr.dot.rc, *oc = dy_first ? attr.dot.rc : attr.dot.lc;
  uint32_t other_at = x.n_batch + (i == 0 ? x.n_free : 0); // where the other's free axes lie in dy
  for (uint8_t k = 0; k < x.n_batch; k++) db[k] = k, ob[k] = other.batch[k];
  for (uint8_t k = 0; k < other.n_free; k++) dc[k] = (uint8_t)(other_at + k), oc[k] = other.free[k];
  NodeId r = dy_first ? b_dot(&w->b, dy, other.id, &attr) : b_dot(&w->b, other.id, dy, &attr);
  return is_identity(perm, rank) ? r : b_transpose(&w->b, r, perm);
}
