// Kernels from nodes: their stores in order, the contraction or scatter they begin with, and whether one
// iteration can do all of it.
#include "codegen/lower_impl.h"

static const Node *node(const Lower *l, NodeId v) { return graph_node(l->g, v); }

// ---- stores

// A reduction in an epilogue would be done again for every element.
static bool reduces(const Lower *l, ExprId e) {
  bool *seen = ARENA_ARRAY(l->a, l->p->exprs.len, bool);
  pool_mark(l->p, e, seen);
  for (ExprId i = 0; i < l->p->exprs.len; i++)
    if (seen[i] && pool_expr(l->p, i)->kind == X_REDUCE) return true;
  return false;
}

// Whether e reads what a store of the current loop group writes: it must then wait for the whole loop.
static bool reads_group(const Lower *l, ExprId e) {
  bool *seen = ARENA_ARRAY(l->a, l->p->exprs.len, bool);
  pool_mark(l->p, e, seen);
  for (ExprId i = 0; i < l->p->exprs.len; i++) {
    if (!seen[i] || pool_expr(l->p, i)->kind != X_LOAD) continue;
    for (uint32_t s = l->group; s < l->stores.len; s++)
      if (l->stores.data[s].buffer == pool_expr(l->p, i)->number) return true;
  }
  return false;
}

static bool same_inner(const Lower *l, const Put *s, const Shape *shape) {
  if (s->n_inner != shape->rank - l->k->n_lead || s->add) return false;
  for (uint32_t i = 0; i < s->n_inner; i++) {
    Poly want = poly_dim(shape->d[l->k->n_lead + i]), have = index_extent(l->p->index, s->inner[i]);
    if (!poly_eq(&want, &have)) return false;
  }
  return true;
}

static void lead_index(Lower *l, Put *s) {
  for (uint32_t i = 0; i < l->k->n_lead; i++) s->at[i] = index_var(l->p->index, l->k->lead[i]);
}

static ExprId own_value(Lower *l, NodeId v, const IndexId *at) {
  l->defining = v;
  ExprId e = lower_value(l, v, at);
  l->defining = NO_NODE;
  return e;
}

static void add_store(Lower *l, NodeId v) {
  const Node *n = node(l, v);
  Put s = {.buffer = l->f->buffer_of[v], .node = v, .rank = n->shape.rank};
  s.n_inner = n->shape.rank - l->k->n_lead;
  lead_index(l, &s);
  const Put *last = l->stores.len ? &l->stores.data[l->stores.len - 1] : NULL;
  bool share = last && same_inner(l, last, &n->shape);
  for (;;) {
    for (uint32_t i = 0; i < s.n_inner; i++) {
      s.inner[i] = share ? last->inner[i] : lower_new_var(l, poly_dim(n->shape.d[l->k->n_lead + i]));
      s.at[l->k->n_lead + i] = index_var(l->p->index, s.inner[i]);
    }
    s.value = own_value(l, v, s.at);
    if (!share || l->impossible || !reads_group(l, s.value)) break;
    share = false;
  }
  if (!share) l->group = (uint32_t)l->stores.len;
  if (l->k->is_dot && reduces(l, s.value)) l->impossible = true;
  vec_push(l->a, &l->stores, s);
}

// x is copied, then every update is added, in row-major order of the indices.
static void add_scatter(Lower *l, NodeId v) {
  const Node *n = node(l, v);
  const Node *u = node(l, n->in[2]), *i = node(l, n->in[1]);
  uint32_t axis = n->attr.gather.axis, batch = n->attr.gather.batch, rest = i->shape.rank - batch;
  Put copy = {.buffer = l->f->buffer_of[v], .node = v, .rank = n->shape.rank};
  copy.n_inner = n->shape.rank - l->k->n_lead;
  Put add = {.buffer = copy.buffer, .node = v, .rank = copy.rank, .add = true};
  add.n_inner = u->shape.rank - l->k->n_lead;
  lead_index(l, &copy);
  for (uint32_t j = 0; j < copy.n_inner; j++)
    copy.at[l->k->n_lead + j] = lower_fresh(l, n->shape.d[l->k->n_lead + j], &copy.inner[j]);
  copy.value = lower_value(l, n->in[0], copy.at);
  IndexId from[MAX_RANK], where[MAX_RANK];
  for (uint32_t j = 0; j < u->shape.rank; j++)
    from[j] = j < l->k->n_lead ? copy.at[j] : lower_fresh(l, u->shape.d[j], &add.inner[j - l->k->n_lead]);
  for (uint32_t k = 0; k < i->shape.rank; k++) where[k] = from[k < batch ? k : axis + k - batch];
  for (uint32_t k = 0; k < n->shape.rank; k++)
    add.at[k] = k < axis ? from[k] : k > axis ? from[k - 1 + rest] : 0;
  add.at[axis] = lower_checked(l, v, n->in[1], where, n->shape.d[axis]);
  add.value = lower_value(l, n->in[2], from);
  vec_push(l->a, &l->stores, copy);
  vec_push(l->a, &l->stores, add);
  l->group = (uint32_t)l->stores.len;
}

// ---- contractions

static void operand_index(Lower *l, NodeId v, const uint8_t *batch, const uint8_t *contract, const Attr *at,
                          uint32_t first_free, const IndexId *k, IndexId *out) {
  const Shape *s = &node(l, v)->shape;
  for (uint32_t axis = 0; axis < s->rank; axis++) {
    bool found = false;
    for (uint32_t i = 0; i < at->dot.nb; i++)
      if (batch[i] == axis) out[axis] = index_var(l->p->index, l->k->lead[i]), found = true;
    for (uint32_t i = 0; i < at->dot.nc; i++)
      if (contract[i] == axis) out[axis] = k[i], found = true;
    if (!found) out[axis] = index_var(l->p->index, l->k->lead[first_free++]);
  }
}

// Rows are the last free axis of the left side, columns that of the right one; without columns the sides
// change places, which changes no bit of a product.
static void add_dot(Lower *l, NodeId v) {
  const Node *n = node(l, v);
  const Attr *at = &n->attr;
  const Shape *x = &node(l, n->in[0])->shape, *y = &node(l, n->in[1])->shape;
  uint32_t left = x->rank - at->dot.nb - at->dot.nc, right = y->rank - at->dot.nb - at->dot.nc;
  Shape inner = {.rank = at->dot.nc};
  Poly depth = poly_of(1);
  for (uint32_t i = 0; i < inner.rank; i++) {
    inner.d[i] = x->d[at->dot.lc[i]];
    depth = poly_mul(depth, poly_dim(inner.d[i]));
  }
  Dot *d = &l->k->dot;
  d->dtype = n->dtype;
  d->k = lower_new_var(l, depth);
  d->m = left && right ? l->k->lead[at->dot.nb + left - 1] : lower_new_var(l, poly_of(1));
  d->n = left || right ? l->k->lead[n->shape.rank - 1] : lower_new_var(l, poly_of(1));
  IndexId k[MAX_RANK], a[MAX_RANK], b[MAX_RANK];
  lower_delinear(l, index_var(l->p->index, d->k), &inner, k);
  operand_index(l, n->in[0], at->dot.lb, at->dot.lc, at, at->dot.nb, k, a);
  operand_index(l, n->in[1], at->dot.rb, at->dot.rc, at, at->dot.nb + left, k, b);
  ExprId lhs = lower_value(l, n->in[0], a), rhs = lower_value(l, n->in[1], b);
  d->lhs = right ? lhs : rhs;
  d->rhs = right ? rhs : lhs;
  Put s = {.buffer = l->f->buffer_of[v], .node = v, .rank = n->shape.rank};
  uint64_t free = (uint64_t)1 << d->m | (uint64_t)1 << d->n;
  lead_index(l, &s);
  for (uint32_t i = 0; i < l->k->n_lead; i++) free |= (uint64_t)1 << l->k->lead[i];
  s.value = x_acc(l->p, n->dtype, free);
  vec_push(l->a, &l->stores, s);
}

static Lower begin(const FnPlan *f, const bool *has_buffer, NodeId first, Arena *a) {
  const Graph *g = f->fn->g;
  Lower l = {.f = f, .g = g, .a = a, .has_buffer = has_buffer, .defining = NO_NODE};
  l.k = ARENA_NEW(a, Kernel);
  l.p = l.k->pool = pool_new(a, g->symbol ? g->bound : 1);
  l.k->node = first;
  index_const(l.p->index, 0); // index 0 is zero
  return l;
}

static Kernel *end(Lower *l) {
  if (l->impossible) return NULL;
  l->k->stores = l->stores.data;
  l->k->n_stores = (uint32_t)l->stores.len;
  return l->k;
}

Kernel *lower_kernel(const FnPlan *f, const bool *has_buffer, const NodeId *nodes, uint32_t n,
                     uint32_t n_lead, Arena *a) {
  Lower l = begin(f, has_buffer, nodes[0], a);
  const Node *first = node(&l, nodes[0]);
  l.k->n_lead = n_lead;
  l.k->is_dot = first->op == OP_DOT;
  for (uint32_t i = 0; i < n_lead; i++) l.k->lead[i] = lower_new_var(&l, poly_dim(first->shape.d[i]));
  for (uint32_t i = 0; i < n && !l.impossible; i++) {
    const Node *x = node(&l, nodes[i]);
    if (x->op == OP_DOT)
      add_dot(&l, nodes[i]);
    else if (x->op == OP_SCATTER_ADD && !lower_scatter_is_select(l.g, x))
      add_scatter(&l, nodes[i]);
    else
      add_store(&l, nodes[i]);
  }
  return end(&l);
}

Kernel *lower_index_check(const FnPlan *f, const bool *has_buffer, NodeId v, Arena *a) {
  Lower l = begin(f, has_buffer, v, a);
  const Node *n = node(&l, v);
  const Shape *i = &node(&l, n->in[1])->shape;
  IndexId at[MAX_RANK] = {0};
  l.k->n_lead = i->rank;
  for (uint32_t k = 0; k < i->rank; k++) at[k] = lower_fresh(&l, i->d[k], &l.k->lead[k]);
  Put check = {.buffer = NO_BUFFER, .node = v};
  l.defining = lower_resolve(l.g, n->in[1]); // computed here, even if it has a buffer later
  check.value = lower_check(&l, v, n->in[1], at, node(&l, n->in[0])->shape.d[n->attr.gather.axis]);
  vec_push(l.a, &l.stores, check);
  return end(&l);
}
