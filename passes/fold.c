// Constants of operations whose result has one possible bit pattern: + - * / sqrt, comparisons, select,
// casts, and the shape operations of splats. The scalar meaning is ops.def's column, evaluated in the node's
// type.
#include "passes/fold.h"

#include "ir/eval.h"
#include "ir/eval_prims.h"
#include "passes/live.h"
#include "passes/passes.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { FOLD_MAX_ELEMENTS = 1024 };

#define NONE 0

// Operations that are exact or correctly rounded everywhere. FMA is not among them: it may be fused or not.
static const bool exact[OP_COUNT] = {
    [OP_NEG] = true, [OP_SQRT] = true,   [OP_ABS] = true, [OP_SIGN] = true, [OP_FLOOR] = true,
    [OP_ADD] = true, [OP_SUB] = true,    [OP_MUL] = true, [OP_DIV] = true,  [OP_MAX] = true,
    [OP_MIN] = true, [OP_SELECT] = true, [OP_EQ] = true,  [OP_NE] = true,   [OP_LT] = true,
    [OP_LE] = true,  [OP_GT] = true,     [OP_GE] = true,  [OP_AND] = true,  [OP_OR] = true,
    [OP_NOT] = true,
};

// In double: for f32 one rounding more, which changes no + - * / sqrt of f32 values (53 >= 2 * 24 + 2).
static double real_value(Op op, double a, double b, double c) {
  switch (op) { // only rows of `exact` come here
#define OP(ID, name, arity, KIND, SHAPE, MF, MI, DERIV, DOMAIN)                                              \
  case OP_##ID:                                                                                              \
    return (MF);
#include "ir/ops.def"
#undef OP
  default: return 0;
  }
}

static int64_t int_value(Op op, int64_t a, int64_t b, int64_t c) {
  switch (op) {
#define OP(ID, name, arity, KIND, SHAPE, MF, MI, DERIV, DOMAIN)                                              \
  case OP_##ID:                                                                                              \
    return (MI);
#include "ir/ops.def"
#undef OP
  default: return 0;
  }
}

static bool subnormal(DType t, double v) {
  return v != 0 && fabs(v) < (t == DT_F32 ? (double)FLT_MIN : DBL_MIN);
}

// The value a real constant has at run time; false where that is not certain.
static bool round_real(DType t, double v, double *out) {
  if (t != DT_F32 && t != DT_F64) return false;
  *out = t == DT_F32 ? (double)(float)v : v;
  return !subnormal(t, *out);
}

static bool small(int64_t v) { return v <= (int64_t)1 << 31 && v >= -((int64_t)1 << 31); }

static bool fold_real(Op op, DType t, DType result, const Scalar *in, uint32_t n, Scalar *out) {
  double v[3] = {0};
  for (uint32_t i = 0; i < n; i++) {
    if (op == OP_SELECT && i == 0)
      v[i] = in[i].i != 0;
    else if (!round_real(t, in[i].f, &v[i]))
      return false;
  }
  double r = real_value(op, v[0], v[1], v[2]);
  if (result == DT_MASK) {
    out->i = r != 0;
    return true;
  }
  return round_real(result, r, &out->f);
}

static bool fold_cast(DType from, DType to, Scalar in, Scalar *out) {
  if (dtype_is_real(from) ? !round_real(from, in.f, &in.f) : !small(in.i)) return false;
  *out = eval_cast(from, to, in);
  return !dtype_is_real(to) || round_real(to, out->f, &out->f);
}

// Types: of the operands (SELECT: of its last two) and of the result.
static bool fold_element(const Node *n, DType t, const Scalar *in, Scalar *out) {
  if (n->op == OP_CAST) return fold_cast(t, n->dtype, in[0], out);
  if (dtype_is_real(t)) return fold_real(n->op, t, n->dtype, in, n->n_in, out);
  for (uint32_t i = 0; i < n->n_in; i++)
    if (!small(in[i].i)) return false;
  Scalar v[3] = {{0}};
  memcpy(v, in, n->n_in * sizeof *in);
  out->i = dtype_wrap(n->dtype, int_value(n->op, v[0].i, v[1].i, v[2].i));
  return true;
}

// Where element `at` (row-major in `to`) of the result lies in an operand of shape s.
static int64_t element_of(const Shape *s, const Shape *to, int64_t at) {
  int64_t r = 0, stride = 1;
  for (uint32_t k = 0; k < to->rank; k++) {
    int64_t size = to->d[to->rank - 1 - k].b, i = at % size;
    at /= size;
    if (k >= s->rank || dim_is(s->d[s->rank - 1 - k], 1)) continue;
    r += i * stride;
    stride *= size;
  }
  return r;
}

static NodeId fold_elementwise(Builder *b, const Node *n) {
  DType t = graph_node(b->g, n->in[n->op == OP_SELECT ? 1 : 0])->dtype;
  bool splat = true;
  for (uint32_t i = 0; i < n->n_in; i++) splat = splat && graph_node(b->g, n->in[i])->attr.konst.count == 1;
  if (!splat && (!shape_static(n->shape) || shape_elements(n->shape, 0) > FOLD_MAX_ELEMENTS))
    return NO_NODE;
  int64_t count = splat ? 1 : shape_elements(n->shape, 0);
  Scalar *values = ARENA_ARRAY(b->g->arena, (size_t)count, Scalar);
  for (int64_t e = 0; e < count; e++) {
    Scalar in[3];
    for (uint32_t i = 0; i < n->n_in; i++) {
      const Node *x = graph_node(b->g, n->in[i]);
      in[i] = x->attr.konst.data[x->attr.konst.count == 1 ? 0 : element_of(x->shape, n->shape, e)];
    }
    if (!fold_element(n, t, in, &values[e])) return NO_NODE;
  }
  return splat ? b_splat(b, n->dtype, *n->shape, values[0]) : b_tensor(b, n->dtype, *n->shape, values, count);
}

NodeId fold_node(Builder *b, const Node *n) {
  if (n->n_in == 0) return NO_NODE;
  for (uint32_t i = 0; i < n->n_in; i++)
    if (graph_node(b->g, n->in[i])->op != OP_CONST) return NO_NODE;
  if (exact[n->op] || n->op == OP_CAST) return fold_elementwise(b, n);
  const Node *x = graph_node(b->g, n->in[0]);
  switch (n->op) {
  case OP_RESHAPE:
    if (x->attr.konst.count > 1)
      return b_tensor(b, n->dtype, *n->shape, x->attr.konst.data, x->attr.konst.count);
    return b_splat(b, n->dtype, *n->shape, x->attr.konst.data[0]);
  case OP_TRANSPOSE:
  case OP_BROADCAST:
  case OP_SLICE:
  case OP_REVERSE:
    return x->attr.konst.count > 1 ? NO_NODE : b_splat(b, n->dtype, *n->shape, x->attr.konst.data[0]);
  default: return NO_NODE;
  }
}

// Only what is constant is made, beside the graph.
Graph *pass_fold(const Graph *g, Arena *a) {
  Builder b = {.g = graph_like(g, a)};
  Arena *own = b.g->own;
  NodeId *map = no_nodes(own, g->len); // of constants
  const Node **instead = ARENA_ARRAY(own, g->len, const Node *);
  for (NodeId id = 0; id < g->len; id++) {
    Node n = *graph_node(g, id);
    if (n.op == OP_CONST) map[id] = b_copy(&b, &n, NULL);
    NodeId in[3];
    bool constant = n.n_in > 0 && n.n_in <= 3;
    for (uint32_t i = 0; i < n.n_in && constant; i++) {
      in[i] = map[n.in[i]];
      constant = in[i] != NO_NODE;
    }
    if (!constant) continue;
    n.in = in;
    b.span = n.span;
    b.path = n.path;
    map[id] = fold_node(&b, &n);
    if (map[id] != NO_NODE) instead[id] = graph_node(b.g, map[id]);
  }
  Graph *out = live_copy_with(g, instead, a);
  graph_drop(b.g);
  return out;
}
