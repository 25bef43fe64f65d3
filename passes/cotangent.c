// Cotangents in compressed form. Axes are counted from the end here, as broadcasting aligns them: `at(s, k)`
// is the k-th size from the end, 1 beyond the rank.
#include "passes/autodiff.h"

#include <assert.h>
#include <math.h>
#include <string.h>

static Dim at(const Shape *s, uint32_t k) { return k < s->rank ? s->d[s->rank - 1 - k] : dim_of(1); }

NodeId cot_number(Walk *w, DType t, double v) { return b_scalar(&w->b, t, v); }

// The value of a real constant whose elements are all equal.
static bool is_number(const Walk *w, NodeId id, double *v) {
  const Node *n = walk_node(w, id);
  if (n->op != OP_CONST || n->attr.konst.count != 1 || !dtype_is_real(n->dtype)) return false;
  *v = n->attr.konst.data[0].f;
  return true;
}

static bool is_value(const Walk *w, NodeId id, double v) {
  double x;
  return is_number(w, id, &x) && x == v;
}

// x op y rounded once to t, where that is what the program would compute.
static bool fold_number(Op op, DType t, double x, double y, double *r) {
  if (t != DT_F32 && t != DT_F64) return false;
  switch (op) {
  case OP_ADD: *r = t == DT_F32 ? (float)x + (float)y : x + y; break;
  case OP_SUB: *r = t == DT_F32 ? (float)x - (float)y : x - y; break;
  case OP_MUL: *r = t == DT_F32 ? (float)x * (float)y : x * y; break;
  case OP_DIV: *r = t == DT_F32 ? (float)x / (float)y : x / y; break;
  default: return false;
  }
  return *r == 0 || isnormal(*r); // subnormals are the run time's to flush or keep
}

static NodeId binary(Walk *w, Op op, NodeId x, NodeId y) {
  double u, v, r;
  DType t = walk_node(w, x)->dtype;
  if (is_number(w, x, &u) && is_number(w, y, &v) && fold_number(op, t, u, v, &r)) return cot_number(w, t, r);
  switch (op) {
  case OP_MUL:
    if (is_value(w, x, 1)) return y;
    if (is_value(w, y, 1)) return x;
    if (is_value(w, x, -1)) return cot_op(w, OP_NEG, &y, 1);
    if (is_value(w, y, -1)) return cot_op(w, OP_NEG, &x, 1);
    break;
  case OP_DIV:
    if (is_value(w, y, 1)) return x;
    break;
  case OP_ADD:
    if (is_value(w, x, 0)) return y;
    if (is_value(w, y, 0)) return x;
    break;
  case OP_SUB:
    if (is_value(w, y, 0)) return x;
    break;
  default: break;
  }
  return b_ew2(&w->b, op, x, y);
}

NodeId cot_op(Walk *w, Op op, const NodeId *in, uint32_t n) {
  double v;
  if (n == 2) return binary(w, op, in[0], in[1]);
  if (op == OP_NEG && is_number(w, in[0], &v)) return cot_number(w, walk_node(w, in[0])->dtype, -v);
  return b_ew(&w->b, op, in, n);
}

static Shape without_leading_ones(Shape s) {
  Shape r = {0};
  uint32_t skip = 0;
  while (skip < s.rank && dim_is(s.d[skip], 1)) skip++;
  r.rank = s.rank - skip;
  memcpy(r.d, s.d + skip, r.rank * sizeof *r.d);
  return r;
}

NodeId cot_reshape(Walk *w, NodeId c, Shape s) {
  Shape have = without_leading_ones(*walk_node(w, c)->shape), want = without_leading_ones(s);
  bool fits = walk_node(w, c)->shape->rank <= s.rank && shape_eq(&have, &want);
  return fits ? c : b_reshape(&w->b, c, want);
}

// The last `rank` axes of s; those before them are ones.
static Shape last_axes(Shape s, uint32_t rank) {
  if (s.rank <= rank) return s;
  memmove(s.d, s.d + s.rank - rank, rank * sizeof *s.d);
  s.rank = rank;
  return s;
}

// The size d as a real scalar.
static NodeId size_number(Walk *w, DType t, Dim d) {
  if (dim_static(d)) return cot_number(w, t, (double)d.b);
  if (w->batch == NO_NODE) w->batch = b_input(&w->b, IN_BATCH, 0, w->b.g->symbol, w->b.real, (Shape){0});
  NodeId n = w->batch;
  if (d.a != 1) n = binary(w, OP_MUL, n, cot_number(w, w->b.real, (double)d.a));
  if (d.b != 0) n = binary(w, OP_ADD, n, cot_number(w, w->b.real, (double)d.b));
  return b_cast(&w->b, n, t);
}

// x does not vary along these axes of a tensor of this rank.
static bool constant_along(const Walk *w, NodeId x, uint32_t axes, uint32_t rank) {
  const Shape *s = walk_node(w, x)->shape;
  for (uint32_t k = 0; k < s->rank; k++)
    if (axes >> (rank - 1 - k) & 1 && !dim_is(at(s, k), 1)) return false;
  return true;
}

// x with ones in place of the axes, for what does not vary along them.
static NodeId without_axes(Walk *w, NodeId x, uint32_t axes, uint32_t rank) {
  const Shape *s = walk_node(w, x)->shape;
  Shape kept = {0};
  for (uint32_t i = 0; i < s->rank; i++)
    if (!(axes >> (rank - s->rank + i) & 1)) kept.d[kept.rank++] = s->d[i];
  return b_reshape(&w->b, x, kept);
}

// The operand of a product that does not vary along these axes while the other one has the whole shape; -1:
// none. Scalars don't count: a product with one is most often stored, and its other factor is not.
static int factor_of(const Walk *w, const Node *n, uint32_t axes) {
  for (int i = 0; n->op == OP_MUL && i < 2; i++) {
    const Node *factor = walk_node(w, n->in[i]), *rest = walk_node(w, n->in[1 - i]);
    if (!shape_eq(rest->shape, n->shape) || factor->shape->rank == 0) continue;
    if (constant_along(w, n->in[i], axes, n->shape->rank)) return i;
  }
  return -1;
}

// What is added up may be used many times over: seen as a tree, sixty doublings are 2^60 terms. So many operations are
// looked at; a sum of more is taken as it is.
enum { MAX_TERMS = 1000 };

// A sum that was made before: in a long product each factor's derivative wants those of all that stand before it.
static uint64_t sum_key(NodeId t, uint32_t axes) { return (uint64_t)t << MAX_RANK | axes; }

static NodeId known_sum(const Walk *w, NodeId t, uint32_t axes) {
  NodeId sum;
  return map_get(&w->sums, sum_key(t, axes), &sum) ? sum : NO_NODE;
}

static NodeId keep_sum(Walk *w, NodeId t, uint32_t axes, NodeId sum) {
  map_put(w->b.g->own, &w->sums, sum_key(t, axes), sum);
  return sum;
}

// A factor comes out of the sum of t, or of everything t is the sum of. What has none, or too many terms to tell, is
// not looked at again: in a long sum of sums the derivative of each is of all before it.
static bool has_factor(Walk *w, NodeId t, uint32_t axes, uint32_t rank, uint32_t *left) {
  const Node *n = walk_node(w, t);
  NodeId known = known_sum(w, t, axes);
  uint32_t seen;
  bool has;
  if (known != NO_NODE) return walk_node(w, known)->op != OP_SUM;
  if (n->shape->rank != rank || *left == 0 || map_get(&w->whole, sum_key(t, axes), &seen)) return false;
  --*left;
  if (n->op == OP_NEG)
    has = has_factor(w, n->in[0], axes, rank, left);
  else if (n->op == OP_ADD || n->op == OP_SUB)
    has = has_factor(w, n->in[0], axes, rank, left) && has_factor(w, n->in[1], axes, rank, left);
  else
    has = factor_of(w, n, axes) >= 0;
  if (!has) map_put(w->b.g->own, &w->whole, sum_key(t, axes), 0);
  return has;
}

static NodeId sum_within(Walk *w, NodeId t, uint32_t axes, uint32_t *left);

// The sum of t, of which has_factor holds: it does of what t is the sum of, too.
static NodeId sum_of_products(Walk *w, NodeId t, uint32_t axes, uint32_t *left) {
  const Node n = *walk_node(w, t);
  int factor = factor_of(w, &n, axes);
  NodeId in[2], known = known_sum(w, t, axes);
  if (known != NO_NODE) return known;
  if (factor >= 0) {
    in[0] = without_axes(w, n.in[factor], axes, n.shape->rank);
    in[1] = sum_within(w, n.in[1 - factor], axes, left);
    return keep_sum(w, t, axes, cot_op(w, OP_MUL, in, 2));
  }
  for (uint32_t i = 0; i < n.n_in; i++) in[i] = sum_of_products(w, n.in[i], axes, left);
  return keep_sum(w, t, axes, cot_op(w, n.op, in, n.n_in));
}

static NodeId sum_within(Walk *w, NodeId t, uint32_t axes, uint32_t *left) {
  NodeId known = known_sum(w, t, axes);
  if (known != NO_NODE) return known;
  if (has_factor(w, t, axes, walk_node(w, t)->shape->rank, left)) return sum_of_products(w, t, axes, left);
  return keep_sum(w, t, axes, b_reduce(&w->b, OP_SUM, t, axes));
}

// The sum of t over axes. A tensor that does not vary along them comes out of the sum, so that what is left
// is often a sum that is wanted anyway: in the derivative of a normalisation by its mean, all of them are.
static NodeId sum_over(Walk *w, NodeId t, uint32_t axes) {
  uint32_t left = MAX_TERMS;
  return sum_within(w, t, axes, &left);
}

NodeId cot_unbroadcast(Walk *w, NodeId t, Shape from, Shape to) {
  Shape have = *walk_node(w, t)->shape, kept = {.rank = have.rank};
  uint32_t axes = 0, n_times = 0;
  Dim times[MAX_RANK]; // sizes of summed axes along which t is constant
  for (uint32_t k = 0; k < from.rank; k++) {
    Dim full = at(&from, k);
    bool stretched = !dim_eq(at(&to, k), full), whole = k < have.rank && dim_eq(at(&have, k), full);
    if (dim_is(full, 0)) return NO_NODE;
    if (stretched && whole) axes |= 1u << (have.rank - 1 - k);
    if (stretched && !whole) times[n_times++] = full;
    if (k < have.rank) kept.d[have.rank - 1 - k] = stretched ? dim_of(1) : at(&have, k);
  }
  if (axes) t = sum_over(w, t, axes);
  t = cot_reshape(w, t, last_axes(kept, to.rank));
  for (uint32_t i = 0; i < n_times; i++)
    t = binary(w, OP_MUL, t, size_number(w, walk_node(w, t)->dtype, times[i]));
  return t;
}

NodeId cot_expand(Walk *w, NodeId c, Shape s, uint32_t axes) {
  Shape have = *walk_node(w, c)->shape, want = {.rank = s.rank};
  bool stretches = false;
  for (uint32_t k = 0; k < s.rank; k++) {
    uint32_t i = s.rank - 1 - k;
    want.d[i] = axes >> i & 1 ? s.d[i] : at(&have, k);
    stretches |= !dim_eq(want.d[i], at(&have, k));
  }
  const Node *n = walk_node(w, c);
  if (n->op == OP_CONST && n->attr.konst.count == 1)
    return b_splat(&w->b, n->dtype, want, n->attr.konst.data[0]);
  return stretches ? b_broadcast(&w->b, c, want) : b_reshape(&w->b, c, want);
}

NodeId cot_exact(Walk *w, NodeId c, Shape s) { return cot_expand(w, c, s, UINT32_MAX); }
