// One function per kind of node, reached through a table by operation. Values are memoised by (node, index),
// so a node wanted twice at one index is one expression.
#include "codegen/lower_impl.h"

#include <assert.h>

typedef ExprId (*Rule)(Lower *l, NodeId v, const IndexId *at);

static const Node *node(const Lower *l, NodeId v) { return graph_node(l->g, v); }

NodeId lower_resolve(const Graph *g, NodeId v) {
  for (;;) {
    const Node *n = graph_node(g, v);
    bool written = n->op == OP_READ && n->n_in > 0 && graph_node(g, n->in[0])->op == OP_WRITE;
    if (!written && n->op != OP_WRITE && n->op != OP_STOP_GRAD) return v;
    v = n->in[0];
  }
}

VarId lower_new_var(Lower *l, Poly extent) {
  if (index_vars(l->p->index) < MAX_VARS) return index_new_var(l->p->index, extent);
  l->impossible = true;
  return 0;
}

IndexId lower_fresh(Lower *l, Dim extent, VarId *v) {
  *v = lower_new_var(l, poly_dim(extent));
  return index_var(l->p->index, *v);
}

// -ftrap-nan: a NaN of this value is v's, unless it came from elsewhere.
ExprId lower_mark(Lower *l, NodeId v, ExprId value) {
  if (!node(l, v)->trap || pool_expr(l->p, value)->kind == X_CONST) return value;
  return x_mark(l->p, value, v);
}

// ---- elementwise

// The index of an operand of shape `from` under numpy's broadcasting to `to`.
static void broadcast_index(Lower *l, const Shape *from, const Shape *to, const IndexId *at, IndexId *out) {
  for (uint32_t i = 0; i < from->rank; i++)
    out[i] = dim_is(from->d[i], 1) ? index_const(l->p->index, 0) : at[i + to->rank - from->rank];
}

// The runtime's functions give a NaN of their own for one of an operand, whose place would be lost.
static ExprId keep_nan(Lower *l, const Node *n, const ExprId *in, ExprId value) {
  ExprId nan = value;
  for (uint32_t i = n->n_in; i-- > 0;)
    nan = x_select(l->p, x_op(l->p, OP_NE, DT_MASK, (ExprId[]){in[i], in[i]}, 2, 0), in[i], nan);
  return x_select(l->p, x_op(l->p, OP_EQ, DT_MASK, (ExprId[]){value, value}, 2, 0), value, nan);
}

static ExprId lower_scalar(Lower *l, NodeId v, const IndexId *at) {
  const Node *n = node(l, v);
  ExprId in[3];
  assert(n->n_in <= 3);
  for (uint32_t i = 0; i < n->n_in; i++) {
    IndexId sub[MAX_RANK] = {0};
    broadcast_index(l, node(l, n->in[i])->shape, n->shape, at, sub);
    in[i] = lower_value(l, n->in[i], sub);
  }
  ExprId value = x_op(l->p, n->op, n->dtype, in, n->n_in, op_can_fault(n->op, n->dtype) ? v : 0);
  return n->trap && op_meaning_real(n->op)[0] != '(' ? keep_nan(l, n, in, value) : value;
}

// ---- index maps

static IndexId offset(Lower *l, IndexId x, Dim by, int sign) {
  Poly k = poly_dim(by);
  return index_add(l->p->index, x, index_poly(l->p->index, sign > 0 ? k : poly_sub(poly_of(0), k)));
}

static IndexId linear(Lower *l, const Shape *s, const IndexId *at) {
  IndexId sum = index_const(l->p->index, 0);
  Poly stride = poly_of(1);
  for (uint32_t i = s->rank; i-- > 0;) {
    sum = index_add(l->p->index, sum, index_scale(l->p->index, at[i], stride));
    if (i > 0) stride = poly_mul(stride, poly_dim(s->d[i]));
  }
  return sum;
}

void lower_delinear(Lower *l, IndexId at, const Shape *s, IndexId *out) {
  for (uint32_t i = s->rank; i-- > 0;) {
    if (dim_is(s->d[i], 0)) at = index_const(l->p->index, 0); // nothing is ever read
    out[i] = i == 0 || dim_is(s->d[i], 0) ? at : index_mod(l->p->index, at, poly_dim(s->d[i]));
    if (i > 0 && !dim_is(s->d[i], 0)) at = index_div(l->p->index, at, poly_dim(s->d[i]));
  }
}

// The shortest runs of axes with equal products that begin at *i and *j; all that is left when there are
// none.
static void match_axes(const Shape *from, const Shape *to, uint32_t *i, uint32_t *j) {
  Poly px = poly_of(1);
  for (uint32_t a = *i; a < from->rank; a++) {
    px = poly_mul(px, poly_dim(from->d[a]));
    Poly py = poly_of(1);
    for (uint32_t b = *j; b < to->rank; b++) {
      py = poly_mul(py, poly_dim(to->d[b]));
      if (!poly_eq(&px, &py)) continue;
      *i = a + 1, *j = b + 1;
      return;
    }
  }
  *i = from->rank, *j = to->rank;
}

static Shape part(const Shape *s, uint32_t begin, uint32_t end) {
  Shape r = {.rank = end - begin};
  memcpy(r.d, s->d + begin, r.rank * sizeof *r.d);
  return r;
}

// Runs of axes with equal products are mapped on their own, so most reshapes need no division at all.
static ExprId lower_reshape(Lower *l, NodeId v, const IndexId *at) {
  const Node *n = node(l, v);
  const Shape *from = node(l, n->in[0])->shape, *to = n->shape;
  IndexId sub[MAX_RANK] = {0};
  uint32_t i = 0, j = 0;
  while (i < from->rank && j < to->rank) {
    uint32_t i0 = i, j0 = j;
    match_axes(from, to, &i, &j);
    Shape x = part(from, i0, i), y = part(to, j0, j);
    lower_delinear(l, linear(l, &y, at + j0), &x, sub + i0);
  }
  for (; i < from->rank; i++) sub[i] = index_const(l->p->index, 0); // what is left has one element
  return lower_value(l, n->in[0], sub);
}

static ExprId lower_transpose(Lower *l, NodeId v, const IndexId *at) {
  const Node *n = node(l, v);
  IndexId sub[MAX_RANK] = {0};
  for (uint32_t i = 0; i < n->shape->rank; i++) sub[n->attr.perm[i]] = at[i];
  return lower_value(l, n->in[0], sub);
}

static ExprId lower_broadcast(Lower *l, NodeId v, const IndexId *at) {
  const Node *n = node(l, v);
  IndexId sub[MAX_RANK] = {0};
  broadcast_index(l, node(l, n->in[0])->shape, n->shape, at, sub);
  return lower_value(l, n->in[0], sub);
}

static ExprId lower_slice(Lower *l, NodeId v, const IndexId *at) {
  const Node *n = node(l, v);
  IndexId sub[MAX_RANK] = {0};
  for (uint32_t i = 0; i < n->shape->rank; i++)
    sub[i] = offset(l, index_scale(l->p->index, at[i], poly_of(n->attr.slice.stride[i])),
                    n->attr.slice.start[i], 1);
  return lower_value(l, n->in[0], sub);
}

static ExprId lower_reverse(Lower *l, NodeId v, const IndexId *at) {
  const Node *n = node(l, v);
  IndexId sub[MAX_RANK] = {0};
  for (uint32_t i = 0; i < n->shape->rank; i++) {
    IndexId back = index_scale(l->p->index, at[i], poly_of(-1));
    Poly last = poly_sub(poly_dim(n->shape->d[i]), poly_of(1));
    sub[i] = n->attr.axes >> i & 1 ? index_add(l->p->index, back, index_poly(l->p->index, last)) : at[i];
  }
  return lower_value(l, n->in[0], sub);
}

ExprId lower_both(Lower *l, ExprId x, ExprId y) {
  if (pool_expr(l->p, x)->kind == X_CONST) return pool_expr(l->p, x)->value.i ? y : x;
  if (pool_expr(l->p, y)->kind == X_CONST) return pool_expr(l->p, y)->value.i ? x : y;
  return x_op(l->p, OP_AND, DT_MASK, (ExprId[]){x, y}, 2, 0);
}

// Outside, the operand's index is clamped: something is read and not used, so no branch is needed.
static ExprId lower_pad(Lower *l, NodeId v, const IndexId *at) {
  const Node *n = node(l, v);
  const Shape *from = node(l, n->in[0])->shape;
  ExprId inside = x_const(l->p, DT_MASK, (Scalar){.i = 1}), fill = x_const(l->p, n->dtype, n->attr.pad.value);
  IndexId sub[MAX_RANK] = {0};
  for (uint32_t i = 0; i < n->shape->rank; i++) {
    Poly size = poly_dim(from->d[i]), step = poly_of(n->attr.pad.interior[i] + 1);
    Poly span = poly_add(poly_mul(poly_sub(size, poly_of(1)), step), poly_of(1));
    if (dim_is(from->d[i], 0)) return fill;
    IndexId x = offset(l, at[i], n->attr.pad.lo[i], -1);
    inside = lower_both(l, inside, x_inside(l->p, x, span));
    x = index_clamp(l->p->index, x, span);
    inside = lower_both(l, inside, x_inside(l->p, index_mod(l->p->index, x, step), poly_of(1)));
    sub[i] = index_div(l->p->index, x, step);
  }
  const Expr *c = pool_expr(l->p, inside);
  if (c->kind == X_CONST && c->value.i == 0) return fill;
  return x_select(l->p, inside, lower_value(l, n->in[0], sub), fill);
}

static ExprId lower_concat(Lower *l, NodeId v, const IndexId *at) {
  const Node *n = node(l, v);
  uint32_t axis = n->attr.axis;
  Poly end = poly_dim(n->shape->d[axis]);
  ExprId result = NO_EXPR;
  for (uint32_t i = n->n_in; i-- > 0;) {
    Dim size = node(l, n->in[i])->shape->d[axis];
    Poly begin = poly_sub(end, poly_dim(size));
    if (!dim_is(size, 0)) {
      IndexId sub[MAX_RANK] = {0};
      memcpy(sub, at, sizeof(IndexId) * n->shape->rank);
      sub[axis] = index_add(l->p->index, at[axis], index_poly(l->p->index, poly_sub(poly_of(0), begin)));
      sub[axis] = index_clamp(l->p->index, sub[axis], poly_dim(size));
      ExprId here = lower_value(l, n->in[i], sub);
      result = result == NO_EXPR ? here : x_select(l->p, x_inside(l->p, at[axis], end), here, result);
    }
    end = begin;
  }
  return result != NO_EXPR ? result : x_const(l->p, n->dtype, (Scalar){0});
}

// ---- indexing by data

bool lower_certain(Lower *l, ExprId value, Dim size) {
  const Expr *x = pool_expr(l->p, value);
  return x->kind == X_INDEX && index_inside(l->p->index, x->at[0], poly_dim(size));
}

IndexId lower_checked(Lower *l, NodeId v, NodeId indices, const IndexId *at, Dim size) {
  ExprId value = lower_value(l, indices, at);
  if (lower_certain(l, value, size)) return pool_expr(l->p, value)->at[0];
  ExprId e = x_check(l->p, value, poly_dim(size), v);
  return index_value(l->p->index, e, poly_dim(size), pool_expr(l->p, e)->free);
}

static ExprId lower_gather(Lower *l, NodeId v, const IndexId *at) {
  const Node *n = node(l, v);
  const Shape *x = node(l, n->in[0])->shape, *i = node(l, n->in[1])->shape;
  uint32_t axis = n->attr.gather.axis, batch = n->attr.gather.batch, rest = i->rank - batch;
  IndexId where[MAX_RANK] = {0}, sub[MAX_RANK] = {0};
  for (uint32_t k = 0; k < i->rank; k++) where[k] = at[k < batch ? k : axis + k - batch];
  for (uint32_t k = 0; k < x->rank; k++) sub[k] = k < axis ? at[k] : k > axis ? at[k - 1 + rest] : 0;
  sub[axis] = lower_checked(l, v, n->in[1], where, x->d[axis]);
  return lower_value(l, n->in[0], sub);
}

bool lower_scatter_is_select(const Graph *g, const Node *n) {
  return graph_node(g, n->in[1])->shape->rank == n->attr.gather.batch;
}

bool lower_is_template(const Graph *g, const Node *n) {
  OpKind kind = op_kind(n->op);
  return kind == KIND_DOT || kind == KIND_ROWS || (n->op == OP_SCATTER_ADD && !lower_scatter_is_select(g, n));
}

// One update per row: x + (index == position ? u : 0).
static ExprId lower_scatter(Lower *l, NodeId v, const IndexId *at) {
  const Node *n = node(l, v);
  uint32_t axis = n->attr.gather.axis;
  IndexId sub[MAX_RANK] = {0};
  for (uint32_t k = 0, j = 0; k < n->shape->rank; k++)
    if (k != axis) sub[j++] = at[k];
  IndexId to = lower_checked(l, v, n->in[1], at, n->shape->d[axis]);
  IndexId distance = index_add(l->p->index, at[axis], index_scale(l->p->index, to, poly_of(-1)));
  Expr same = {.kind = X_INSIDE, .dtype = DT_MASK, .at = {distance}, .bound = poly_of(1)};
  ExprId zero = x_const(l->p, n->dtype, (Scalar){0});
  ExprId chosen = x_select(l->p, pool_add(l->p, &same), lower_value(l, n->in[2], sub), zero);
  ExprId x = lower_value(l, n->in[0], at);
  if (x == zero) return chosen;
  return x_op(l->p, OP_ADD, n->dtype, (ExprId[]){x, chosen}, 2, 0);
}

// ---- reductions

static ExprId lower_reduce(Lower *l, NodeId v, const IndexId *at) {
  const Node *n = node(l, v);
  const Shape *x = node(l, n->in[0])->shape;
  bool arg = n->op == OP_ARGMAX || n->op == OP_ARGMIN;
  uint32_t axes = arg ? 1u << n->attr.axis : n->attr.axes, n_vars = 0;
  IndexId sub[MAX_RANK] = {0};
  VarId vars[MAX_RANK];
  for (uint32_t i = 0, j = 0; i < x->rank; i++)
    sub[i] = axes >> i & 1 ? lower_fresh(l, x->d[i], &vars[n_vars++]) : at[j++];
  ExprId body = lower_value(l, n->in[0], sub);
  if (!arg && pool_expr(l->p, body)->dtype != n->dtype) body = x_op(l->p, OP_CAST, n->dtype, &body, 1, 0);
  return x_reduce(l->p, n->op, n->dtype, body, vars, n_vars);
}

// ---- leaves

static ExprId lower_const(Lower *l, NodeId v, const IndexId *at) {
  const Node *n = node(l, v);
  if (n->attr.konst.count == 1) return x_const(l->p, n->dtype, n->attr.konst.data[0]);
  return x_load(l->p, n->dtype, l->f->leaf_of[v], at, n->shape->rank);
}

static ExprId lower_iota(Lower *l, NodeId v, const IndexId *at) {
  return x_index(l->p, node(l, v)->dtype, at[node(l, v)->attr.axis]);
}

// An argument of a loop's body, where it stands for no memory: what the loop is given, at the iteration's
// element.
static ExprId lower_operand(Lower *l, const Node *n, const IndexId *at) {
  const Loop *loop = l->f->loop;
  const FnPlan *f = l->f;
  const Graph *g = l->g;
  IndexId sub[MAX_RANK] = {0};
  bool element = loop_is_sequence(loop, n->attr.input.index);
  if (element) sub[0] = l->iteration[loop->depth];
  memcpy(sub + element, at, n->shape->rank * sizeof *at);
  l->f = loop->outer;
  l->g = l->f->fn->g;
  ExprId e = lower_value(l, graph_node(l->g, loop->node)->in[n->attr.input.index], sub);
  l->f = f;
  l->g = g;
  return e;
}

static ExprId lower_input(Lower *l, NodeId v, const IndexId *at) {
  const Node *n = node(l, v);
  if (!l->has_buffer && l->f->loop && n->attr.input.role == IN_ARG) return lower_operand(l, n, at);
  if (!l->has_buffer && n->attr.input.role == IN_ITERATION)
    return x_index(l->p, n->dtype, l->iteration[l->f->loop->depth]);
  if (n->attr.input.role != IN_ARG) return x_ctx(l->p, n->dtype, n->attr.input.role, n->attr.input.index);
  return x_load(l->p, n->dtype, l->f->leaf_of[v], at, n->shape->rank);
}

static ExprId lower_read(Lower *l, NodeId v, const IndexId *at) {
  return x_load(l->p, node(l, v)->dtype, l->f->leaf_of[v], at, node(l, v)->shape->rank);
}

static ExprId lower_rand(Lower *l, NodeId v, const IndexId *at) {
  const Node *n = node(l, v);
  return x_rand(l->p, n->op, n->dtype, n->attr.site, linear(l, n->shape, at));
}

static const Rule rules[OP_COUNT] = {
    [OP_RESHAPE] = lower_reshape,
    [OP_TRANSPOSE] = lower_transpose,
    [OP_BROADCAST] = lower_broadcast,
    [OP_SLICE] = lower_slice,
    [OP_PAD] = lower_pad,
    [OP_CONCAT] = lower_concat,
    [OP_REVERSE] = lower_reverse,
    [OP_GATHER] = lower_gather,
    [OP_SCATTER_ADD] = lower_scatter,
    [OP_BOX] = lower_box,
    [OP_DEBOX] = lower_debox,
    [OP_ARGWINDOW] = lower_argwindow,
    [OP_SAMPLE] = lower_sample,
    [OP_DESAMPLE] = lower_desample,
    [OP_IOTA] = lower_iota,
    [OP_CONST] = lower_const,
    [OP_INPUT] = lower_input,
    [OP_ARGMAX] = lower_reduce,
    [OP_ARGMIN] = lower_reduce,
    [OP_SUM] = lower_reduce,
    [OP_RMAX] = lower_reduce,
    [OP_RMIN] = lower_reduce,
    [OP_RAND] = lower_rand,
    [OP_RANDN] = lower_rand,
    [OP_READ] = lower_read,
    [OP_ASSERT] = lower_scalar,
};

// ---- values

// The store of v at this index, else any store of v, else NULL.
static const Put *stored(const Lower *l, NodeId v, const IndexId *at, bool *here) {
  const Put *found = NULL;
  for (uint32_t i = 0; i < l->stores.len; i++) {
    const Put *s = &l->stores.data[i];
    if (s->node != v || s->add) continue;
    *here = memcmp(s->at, at, s->rank * sizeof *at) == 0;
    if (*here) return s;
    found = found ? found : s;
  }
  return found;
}

// The value of a node that has a buffer: what this iteration has just computed, or a load. Of what the kernel
// itself stores, an iteration may read its own part only.
static ExprId from_buffer(Lower *l, NodeId v, const IndexId *at) {
  bool here = false;
  uint32_t rank = node(l, v)->shape->rank;
  const Put *s = stored(l, v, at, &here);
  if (s) {
    bool scattered = s + 1 < l->stores.data + l->stores.len && s[1].add && s[1].buffer == s->buffer;
    if (!scattered && here) return s->value;
    if (l->k->is_dot || memcmp(s->at, at, l->n_axes * sizeof *at) != 0) l->impossible = true;
  }
  return x_load(l->p, node(l, v)->dtype, l->f->buffer_of[v], at, rank);
}

ExprId lower_value(Lower *l, NodeId v, const IndexId *at) {
  v = lower_resolve(l->g, v);
  if (l->impossible) return x_const(l->p, node(l, v)->dtype, (Scalar){0});
  const Node *n = node(l, v);
  Memo m = {.g = l->g, .node = v};
  for (uint32_t i = 0; i < n->shape->rank; i++)
    m.at[i] = dim_is(n->shape->d[i], 1) ? index_const(l->p->index, 0) : at[i];
  // A constant that is a result too is not read back from there: nothing says when it was written.
  if (v != l->defining && l->has_buffer && l->has_buffer[v] && n->op != OP_CONST)
    return from_buffer(l, v, m.at);
  for (uint32_t i = (uint32_t)l->memo.len; i-- > 0;)
    if (l->memo.data[i].g == l->g && l->memo.data[i].node == v &&
        memcmp(l->memo.data[i].at, m.at, sizeof m.at) == 0)
      return l->memo.data[i].value;
  NodeId outer = l->defining;
  l->defining = NO_NODE;
  Rule rule = op_is_scalar(n->op) ? lower_scalar : rules[n->op];
  assert(rule && "the passes left a node that has no kernel form");
  m.value = lower_mark(l, v, rule(l, v, m.at));
  l->defining = outer;
  vec_push(l->a, &l->memo, m);
  return m.value;
}
