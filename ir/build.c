// Every builder fills op, inputs and attribute, lets the SHAPE rule find type and shape, and appends. Only
// matmul and the identities (a cast to the same type, …) do more.
#include "ir/build.h"

#include "ir/shape_rules.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static NodeId append_shaped(Builder *b, Node n, Shape s, const NodeId *in, uint32_t n_in) {
  n.in = in;
  n.n_in = n_in;
  n.span = b->span;
  n.path = b->path;
  const char *why = shape_rule(b->g, &n, &s);
  if (why) fprintf(stderr, "nnc: %s: %s\n", op_name(n.op), why);
  assert(!why && "the builder's operands fit");
  n.shape = &s;
  return graph_add(b->g, n);
}

// The rule finds the shape.
static NodeId append(Builder *b, Node n, const NodeId *in, uint32_t n_in) {
  return append_shaped(b, n, (Shape){0}, in, n_in);
}

static const Node *node(const Builder *b, NodeId id) { return graph_node(b->g, id); }

NodeId b_ew(Builder *b, Op op, const NodeId *in, uint32_t n) {
  assert(op_is_scalar(op) && op != OP_CAST);
  return append(b, (Node){.op = op}, in, n);
}
NodeId b_ew1(Builder *b, Op op, NodeId x) { return b_ew(b, op, &x, 1); }
NodeId b_ew2(Builder *b, Op op, NodeId x, NodeId y) { return b_ew(b, op, (NodeId[]){x, y}, 2); }
NodeId b_ew3(Builder *b, Op op, NodeId x, NodeId y, NodeId z) { return b_ew(b, op, (NodeId[]){x, y, z}, 3); }

NodeId b_cast(Builder *b, NodeId x, DType to) {
  if (node(b, x)->dtype == to) return x;
  return append(b, (Node){.op = OP_CAST, .dtype = to}, &x, 1);
}

NodeId b_scalar(Builder *b, DType t, double v) {
  Scalar s;
  if (dtype_is_real(t))
    s.f = v;
  else
    s.i = dtype_wrap(t, (int64_t)v);
  return b_splat(b, t, (Shape){0}, s);
}

NodeId b_splat(Builder *b, DType t, Shape s, Scalar v) {
  Node n = {.op = OP_CONST, .dtype = t};
  n.attr.konst.data = arena_copy(b->g->arena, &v, sizeof v);
  n.attr.konst.count = 1;
  return append_shaped(b, n, s, NULL, 0);
}

NodeId b_tensor(Builder *b, DType t, Shape s, const Scalar *data, int64_t count) {
  assert(shape_static(&s) && shape_elements(&s, 0) == count);
  Node n = {.op = OP_CONST, .dtype = t};
  n.attr.konst.data = arena_copy(b->g->arena, data, (size_t)count * sizeof *data);
  n.attr.konst.count = count;
  return append_shaped(b, n, s, NULL, 0);
}

NodeId b_reshape(Builder *b, NodeId x, Shape s) {
  if (shape_eq(node(b, x)->shape, &s)) return x;
  return append_shaped(b, (Node){.op = OP_RESHAPE}, s, &x, 1);
}

NodeId b_transpose(Builder *b, NodeId x, const uint8_t *perm) {
  Node n = {.op = OP_TRANSPOSE};
  memcpy(n.attr.perm, perm, node(b, x)->shape->rank);
  return append(b, n, &x, 1);
}

NodeId b_broadcast(Builder *b, NodeId x, Shape s) {
  if (shape_eq(node(b, x)->shape, &s)) return x;
  return append_shaped(b, (Node){.op = OP_BROADCAST}, s, &x, 1);
}

NodeId b_slice(Builder *b, NodeId x, const Dim *start, const Dim *size, const int64_t *stride) {
  uint32_t rank = node(b, x)->shape->rank;
  Node n = {.op = OP_SLICE};
  Shape s = {.rank = rank};
  memcpy(s.d, size, rank * sizeof *size);
  n.attr.slice.start = arena_copy(b->g->arena, start, rank * sizeof *start);
  n.attr.slice.stride = arena_copy(b->g->arena, stride, rank * sizeof *stride);
  return append_shaped(b, n, s, &x, 1);
}

NodeId b_pad(Builder *b, NodeId x, const Dim *lo, const Dim *hi, const int64_t *interior, Scalar v) {
  uint32_t rank = node(b, x)->shape->rank;
  Node n = {.op = OP_PAD};
  n.attr.pad.lo = arena_copy(b->g->arena, lo, rank * sizeof *lo);
  n.attr.pad.hi = arena_copy(b->g->arena, hi, rank * sizeof *hi);
  n.attr.pad.interior = arena_copy(b->g->arena, interior, rank * sizeof *interior);
  n.attr.pad.value = v;
  return append(b, n, &x, 1);
}

NodeId b_concat(Builder *b, const NodeId *in, uint32_t n, uint32_t axis) {
  return append(b, (Node){.op = OP_CONCAT, .attr.axis = axis}, in, n);
}

NodeId b_reverse(Builder *b, NodeId x, uint32_t axes) {
  return append(b, (Node){.op = OP_REVERSE, .attr.axes = axes}, &x, 1);
}

NodeId b_gather(Builder *b, NodeId x, NodeId i, uint32_t axis, uint32_t batch) {
  return append(b, (Node){.op = OP_GATHER, .attr.gather = {axis, batch}}, (NodeId[]){x, i}, 2);
}

NodeId b_scatter_add(Builder *b, NodeId x, NodeId i, NodeId u, uint32_t axis, uint32_t batch) {
  return append(b, (Node){.op = OP_SCATTER_ADD, .attr.gather = {axis, batch}}, (NodeId[]){x, i, u}, 3);
}

NodeId b_iota(Builder *b, DType t, Shape s, uint32_t axis) {
  return append_shaped(b, (Node){.op = OP_IOTA, .dtype = t, .attr.axis = axis}, s, NULL, 0);
}

NodeId b_arg(Builder *b, Op op, NodeId x, uint32_t axis) {
  return append(b, (Node){.op = op, .dtype = DT_I32, .attr.axis = axis}, &x, 1);
}

NodeId b_reduce(Builder *b, Op op, NodeId x, uint32_t axes) {
  assert(op_kind(op) == KIND_REDUCE);
  return append(b, (Node){.op = op, .attr.axes = axes}, &x, 1);
}

NodeId b_along(Builder *b, Op op, NodeId x, uint32_t axis) {
  return append(b, (Node){.op = op, .attr.axis = axis}, &x, 1);
}

NodeId b_cholesky(Builder *b, NodeId x) { return append(b, (Node){.op = OP_CHOLESKY}, &x, 1); }

NodeId b_triangular_solve(Builder *b, NodeId l, NodeId x, bool upper) {
  return append(b, (Node){.op = OP_TRIANGULAR_SOLVE, .attr.upper = upper}, (NodeId[]){l, x}, 2);
}

NodeId b_dot(Builder *b, NodeId x, NodeId y, const Attr *attr) {
  return append(b, (Node){.op = OP_DOT, .attr.dot = attr->dot}, (NodeId[]){x, y}, 2);
}

NodeId b_conv(Builder *b, NodeId x, NodeId w, const ConvAttr *attr) {
  const ConvAttr *kept = arena_copy(b->g->arena, attr, sizeof *attr);
  return append(b, (Node){.op = OP_CONV, .attr.conv = kept}, (NodeId[]){x, w}, 2);
}

NodeId b_unwindow(Builder *b, Op op, const NodeId *in, uint32_t n, const WindowAttr *attr, Shape s) {
  const WindowAttr *kept = arena_copy(b->g->arena, attr, sizeof *attr);
  return append_shaped(b, (Node){.op = op, .attr.window = kept}, s, in, n);
}

NodeId b_window(Builder *b, Op op, const NodeId *in, uint32_t n, const WindowAttr *attr) {
  return b_unwindow(b, op, in, n, attr, (Shape){0}); // the rule finds it
}

NodeId b_input(Builder *b, InputRole role, uint32_t index, const char *name, DType t, Shape s) {
  Node n = {.op = OP_INPUT, .dtype = t};
  n.attr.input.role = role;
  n.attr.input.index = index;
  n.attr.input.name = name;
  return append_shaped(b, n, s, NULL, 0);
}

NodeId b_rand(Builder *b, Op op, DType t, Shape s, uint32_t site) {
  assert(op_kind(op) == KIND_RANDOM);
  return append_shaped(b, (Node){.op = op, .dtype = t, .attr.site = site}, s, NULL, 0);
}

NodeId b_read(Builder *b, uint32_t store, uint32_t version, DType t, Shape s, NodeId made_by) {
  assert((version == 0) == (made_by == NO_NODE));
  Node n = {.op = OP_READ, .dtype = t, .attr.store = {store, version}};
  return append_shaped(b, n, s, &made_by, made_by != NO_NODE);
}

NodeId b_write(Builder *b, uint32_t store, uint32_t version, NodeId value) {
  return append(b, (Node){.op = OP_WRITE, .attr.store = {store, version}}, &value, 1);
}

NodeId b_optimize(Builder *b, const OptimizeAttr *attr, const NodeId *in, uint32_t n) {
  OptimizeAttr *o = arena_copy(b->g->arena, attr, sizeof *attr);
  return append(b, (Node){.op = OP_OPTIMIZE, .dtype = b->real, .attr.optimize = o}, in, n);
}

NodeId b_assert(Builder *b, NodeId mask, const char *text) {
  return append(b, (Node){.op = OP_ASSERT, .attr.text = text}, &mask, 1);
}

NodeId b_stop_grad(Builder *b, NodeId x) { return append(b, (Node){.op = OP_STOP_GRAD}, &x, 1); }

NodeId b_custom_vjp(Builder *b, const NodeId *in, uint32_t n, const VjpAttr *vjp) {
  assert(n > 0 && vjp->rule->n_roots == n - 1);
  return append(b, (Node){.op = OP_CUSTOM_VJP, .attr.vjp = *vjp}, in, n);
}

NodeId b_grad(Builder *b, NodeId e, const NodeId *x, uint32_t n) {
  assert(node(b, e)->shape->rank == 0 && dtype_is_real(node(b, e)->dtype));
  NodeId *in = ARENA_ARRAY(b->g->arena, (size_t)n + 1, NodeId);
  in[0] = e;
  memcpy(in + 1, x, n * sizeof *x);
  return append(b, (Node){.op = OP_GRAD, .dtype = b->real}, in, n + 1);
}

NodeId b_proj(Builder *b, NodeId grad, uint32_t i, DType t, Shape s) {
  assert(node(b, grad)->op == OP_GRAD && i + 1 < node(b, grad)->n_in);
  return append_shaped(b, (Node){.op = OP_PROJ, .dtype = t, .attr.proj = i}, s, &grad, 1);
}

NodeId b_scan(Builder *b, const ScanAttr *attr, const NodeId *in, uint32_t n) {
  assert(n >= attr->n_carries + attr->n_sequences && attr->body->n_roots == attr->n_carries + attr->n_yields);
  ScanAttr *s = arena_copy(b->g->arena, attr, sizeof *attr);
  return append(b, (Node){.op = OP_SCAN, .dtype = b->real, .attr.scan = s}, in, n);
}

NodeId b_scan_result(Builder *b, NodeId scan, uint32_t k) {
  assert(node(b, scan)->op == OP_SCAN);
  Node n = {.op = OP_PROJ, .attr.proj = k};
  Shape s;
  scan_result(node(b, scan)->attr.scan, k, &n.dtype, &s);
  return append_shaped(b, n, s, &scan, 1);
}

NodeId b_copy(Builder *b, const Node *n, const NodeId *in) {
  return graph_add_copy(b->g, n, in);
}

// ---- matmul

// Where one leading axis of the result comes from: both operands (a batch axis of the DOT), one of them (a
// free axis; the other has no such axis, or a static 1, which is dropped).
typedef enum Side { BOTH, LEFT, RIGHT } Side;

typedef struct Matmul {
  uint32_t lead; // leading axes of the result
  Side side[MAX_RANK];
  bool drop_x[MAX_RANK], drop_y[MAX_RANK]; // static 1s of x, y, by their own axes
} Matmul;

static uint32_t leading(const Shape *s) { return s->rank > 2 ? s->rank - 2 : 0; }

static Side side_of(Dim x, bool has_x, Dim y, bool has_y) {
  if (!has_y) return LEFT;
  if (!has_x) return RIGHT;
  if (dim_eq(x, y)) return BOTH;
  return dim_is(x, 1) ? RIGHT : LEFT;
}

static Matmul plan_leading(const Shape *x, const Shape *y) {
  uint32_t lx = leading(x), ly = leading(y);
  Matmul m = {.lead = lx > ly ? lx : ly};
  for (uint32_t i = 0; i < m.lead; i++) { // i-th axis of the result; ix, iy wrap around where there is none
    uint32_t ix = i + lx - m.lead, iy = i + ly - m.lead;
    bool has_x = i + lx >= m.lead, has_y = i + ly >= m.lead;
    m.side[i] = side_of(has_x ? x->d[ix] : dim_of(1), has_x, has_y ? y->d[iy] : dim_of(1), has_y);
    if (has_x && m.side[i] == RIGHT) m.drop_x[ix] = true;
    if (has_y && m.side[i] == LEFT) m.drop_y[iy] = true;
  }
  return m;
}

static NodeId drop_axes(Builder *b, NodeId x, const bool *drop) {
  const Shape *s = node(b, x)->shape;
  Shape kept = {0};
  for (uint32_t i = 0; i < s->rank; i++)
    if (!drop[i]) kept.d[kept.rank++] = s->d[i];
  return b_reshape(b, x, kept);
}

// perm[result axis] = axis of the DOT, whose axes are batch, left free (leading, m), right free (leading, n).
static bool result_order(const Matmul *m, bool has_m, bool has_n, uint8_t *perm) {
  uint8_t count[3] = {0};
  for (uint32_t i = 0; i < m->lead; i++) count[m->side[i]]++;
  uint8_t next[3] = {0, count[BOTH], (uint8_t)(count[BOTH] + count[LEFT] + has_m)};
  uint8_t rank = 0;
  for (uint32_t i = 0; i < m->lead; i++) perm[rank++] = next[m->side[i]]++;
  if (has_m) perm[rank++] = next[LEFT];
  if (has_n) perm[rank++] = next[RIGHT];
  bool same = true;
  for (uint8_t i = 0; i < rank; i++) same = same && perm[i] == i;
  return same;
}

NodeId b_matmul(Builder *b, NodeId x, NodeId y) {
  Shape sx = *node(b, x)->shape, sy = *node(b, y)->shape, out;
  const char *why = NULL;
  bool fits = matmul_fits(&sx, &sy, &out, &why);
  assert(fits);
  Matmul m = plan_leading(&sx, &sy);
  NodeId kx = drop_axes(b, x, m.drop_x), ky = drop_axes(b, y, m.drop_y);
  Attr attr = {0};
  uint8_t ix = 0, iy = 0;
  for (uint32_t i = 0; i < m.lead; i++) {
    if (m.side[i] == BOTH) {
      attr.dot.lb[attr.dot.nb] = ix;
      attr.dot.rb[attr.dot.nb++] = iy;
    }
    ix += m.side[i] != RIGHT;
    iy += m.side[i] != LEFT;
  }
  attr.dot.nc = 1;
  attr.dot.lc[0] = (uint8_t)(node(b, kx)->shape->rank - 1);
  attr.dot.rc[0] = iy;
  NodeId d = b_dot(b, kx, ky, &attr);
  uint8_t perm[MAX_RANK] = {0};
  if (!result_order(&m, sx.rank > 1, sy.rank > 1, perm)) d = b_transpose(b, d, perm);
  assert(fits && shape_eq(node(b, d)->shape, &out));
  return d;
}

bool matmul_fits(const Shape *x, const Shape *y, Shape *out, const char **why) {
  if (x->rank == 0 || y->rank == 0) {
    *why = "a scalar has no matrix product";
    return false;
  }
  if (!dim_eq(x->d[x->rank - 1], y->d[y->rank > 1 ? y->rank - 2 : 0])) {
    *why = "the inner sizes differ";
    return false;
  }
  Shape lx = {.rank = leading(x)}, ly = {.rank = leading(y)};
  memcpy(lx.d, x->d, sizeof lx.d);
  memcpy(ly.d, y->d, sizeof ly.d);
  Shape r;
  if (!shape_broadcast(&lx, &ly, &r, NULL)) {
    *why = "the leading axes do not fit";
    return false;
  }
  if (x->rank > 1) r.d[r.rank++] = x->d[x->rank - 2];
  if (y->rank > 1) r.d[r.rank++] = y->d[y->rank - 1];
  *out = r;
  return true;
}
