// Kernels from nodes: their stores in order, the contraction or scatter they begin with, and whether one
// iteration can do all of it.
#include "codegen/lower_impl.h"

#include <assert.h>

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
  if (s->n_inner != shape->rank - l->n_axes || s->add) return false;
  for (uint32_t i = 0; i < s->n_inner; i++) {
    Poly want = poly_dim(shape->d[l->n_axes + i]), have = index_extent(l->p->index, s->inner[i]);
    if (!poly_eq(&want, &have)) return false;
  }
  return true;
}

// Where element `tap` of the window at hand stands in the convolution's result.
static void lead_tap(Lower *l, uint32_t rank, uint32_t tap, IndexId *out) {
  IndexPool *p = l->p->index;
  memcpy(out, l->lead, rank * sizeof *out);
  for (uint32_t i = rank; l->window && i-- > 2;) {
    uint32_t size = (uint32_t)l->window->window[i];
    out[i] = index_add(p, index_scale(p, l->lead[i], poly_of(size)), index_const(p, tap % size));
    tap /= size;
  }
}

static void lead_index(Lower *l, Put *s) { memcpy(s->at, l->lead, l->n_axes * sizeof *s->at); }

static ExprId own_value(Lower *l, NodeId v, const IndexId *at) {
  l->defining = v;
  ExprId e = lower_value(l, v, at);
  l->defining = NO_NODE;
  return e;
}

// In the epilogue of a convolution with windows what has its shape is computed for every element of the
// window.
static void add_taps(Lower *l, NodeId v) {
  const Node *n = node(l, v);
  for (uint32_t tap = 0; tap < l->k->dot.taps; tap++) {
    Put s = {.buffer = l->f->buffer_of[v], .node = v, .rank = n->shape->rank};
    lead_tap(l, s.rank, tap, s.at);
    s.value = own_value(l, v, s.at);
    if (reduces(l, s.value)) l->impossible = true;
    vec_push(l->a, &l->stores, s);
  }
}

static void add_store(Lower *l, NodeId v) {
  const Node *n = node(l, v);
  Put s = {.buffer = l->f->buffer_of[v], .node = v, .rank = n->shape->rank};
  s.n_inner = n->shape->rank - l->n_axes;
  lead_index(l, &s);
  const Put *last = l->stores.len ? &l->stores.data[l->stores.len - 1] : NULL;
  bool share = last && same_inner(l, last, n->shape);
  for (;;) {
    for (uint32_t i = 0; i < s.n_inner; i++) {
      s.inner[i] = share ? last->inner[i] : lower_new_var(l, poly_dim(n->shape->d[l->n_axes + i]));
      s.at[l->n_axes + i] = index_var(l->p->index, s.inner[i]);
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
  uint32_t axis = n->attr.gather.axis, batch = n->attr.gather.batch, rest = i->shape->rank - batch;
  Put copy = {.buffer = l->f->buffer_of[v], .node = v, .rank = n->shape->rank};
  copy.n_inner = n->shape->rank - l->n_axes;
  Put add = {.buffer = copy.buffer, .node = v, .rank = copy.rank, .add = true};
  add.n_inner = u->shape->rank - l->n_axes;
  lead_index(l, &copy);
  for (uint32_t j = 0; j < copy.n_inner; j++)
    copy.at[l->n_axes + j] = lower_fresh(l, n->shape->d[l->n_axes + j], &copy.inner[j]);
  copy.value = lower_value(l, n->in[0], copy.at);
  IndexId from[MAX_RANK], where[MAX_RANK];
  for (uint32_t j = 0; j < u->shape->rank; j++)
    from[j] = j < l->n_axes ? copy.at[j] : lower_fresh(l, u->shape->d[j], &add.inner[j - l->n_axes]);
  for (uint32_t k = 0; k < i->shape->rank; k++) where[k] = from[k < batch ? k : axis + k - batch];
  for (uint32_t k = 0; k < n->shape->rank; k++)
    add.at[k] = k < axis ? from[k] : k > axis ? from[k - 1 + rest] : 0;
  add.at[axis] = lower_checked(l, v, n->in[1], where, n->shape->d[axis]);
  add.value = lower_value(l, n->in[2], from);
  vec_push(l->a, &l->stores, copy);
  vec_push(l->a, &l->stores, add);
  l->group = (uint32_t)l->stores.len;
}

// ---- contractions

static void operand_index(Lower *l, NodeId v, const uint8_t *batch, const uint8_t *contract, const Attr *at,
                          uint32_t first_free, const IndexId *k, IndexId *out) {
  const Shape *s = node(l, v)->shape;
  for (uint32_t axis = 0; axis < s->rank; axis++) {
    bool found = false;
    for (uint32_t i = 0; i < at->dot.nb; i++)
      if (batch[i] == axis) out[axis] = index_var(l->p->index, l->k->lead[i]), found = true;
    for (uint32_t i = 0; i < at->dot.nc; i++)
      if (contract[i] == axis) out[axis] = k[i], found = true;
    if (!found) out[axis] = index_var(l->p->index, l->k->lead[first_free++]);
  }
}

// The stores of the contraction's elements.
static void add_accumulator(Lower *l, NodeId v) {
  const Node *n = node(l, v);
  const Dot *d = &l->k->dot;
  uint64_t free = (uint64_t)1 << d->m | (uint64_t)1 << d->group;
  for (uint32_t i = 0; i < l->k->n_lead; i++) free |= (uint64_t)1 << l->k->lead[i];
  for (uint32_t tap = 0; tap < d->taps; tap++) {
    Put s = {.buffer = l->f->buffer_of[v], .node = v, .rank = n->shape->rank};
    lead_tap(l, s.rank, tap, s.at);
    s.value = lower_mark(l, v, x_acc(l->p, n->dtype, tap, free));
    vec_push(l->a, &l->stores, s);
  }
}

// Rows are the last free axis of the left side, columns that of the right one; without columns the sides
// change places, which changes no bit of a product.
static void add_dot(Lower *l, NodeId v) {
  const Node *n = node(l, v);
  const Attr *at = &n->attr;
  const Shape *x = node(l, n->in[0])->shape, *y = node(l, n->in[1])->shape;
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
  d->n = d->group = left || right ? l->k->lead[n->shape->rank - 1] : lower_new_var(l, poly_of(1));
  d->taps = 1;
  IndexId k[MAX_RANK], a[MAX_RANK], b[MAX_RANK];
  lower_delinear(l, index_var(l->p->index, d->k), &inner, k);
  operand_index(l, n->in[0], at->dot.lb, at->dot.lc, at, at->dot.nb, k, a);
  operand_index(l, n->in[1], at->dot.rb, at->dot.rc, at, at->dot.nb + left, k, b);
  ExprId lhs = lower_value(l, n->in[0], a), rhs = lower_value(l, n->in[1], b);
  d->lhs = right ? lhs : rhs;
  d->rhs = right ? rhs : lhs;
  add_accumulator(l, v);
}

// ---- convolutions

enum { MANY_COLUMNS = 256 };

// Columns are the positions of the output, of one image or, where these fill blocks of 16 badly, of all
// images; rows the output channels of a group; the depth is (channel, kernel position).
static bool columns_by_image(const Shape *s, Poly positions) {
  return !poly_static(&positions) || positions.c[0] % 16 == 0 || positions.c[0] >= MANY_COLUMNS ||
         dim_is(s->d[0], 1);
}

uint32_t lower_window_taps(const Shape *conv, const WindowAttr *w) {
  int64_t taps = 1;
  for (uint32_t i = 0; i < conv->rank; i++) {
    int64_t size = w->window[i];
    bool exact = dim_static(conv->d[i]) && conv->d[i].b % size == 0;
    if (w->stride[i] != size || w->lo[i] || w->hi[i] || (size > 1 && (i < 2 || !exact))) return 0;
    if (size > MAX_GROUP || (taps *= size) > MAX_GROUP) return 0;
  }
  return taps > 1 && (taps & (taps - 1)) == 0 ? (uint32_t)taps : 0;
}

// A column is an element of the result: in row-major order or, with windows, window by window.
static void column_index(Lower *l, IndexId column, const Shape *windows) {
  IndexPool *p = l->p->index;
  IndexId tap[MAX_RANK];
  Shape window = {.rank = windows->rank};
  if (!l->window) {
    lower_delinear(l, column, windows, l->column + 2);
    return;
  }
  Poly taps = poly_of(l->k->dot.taps);
  for (uint32_t i = 0; i < window.rank; i++) window.d[i] = dim_of(l->window->window[i + 2]);
  lower_delinear(l, index_div(p, column, taps), windows, l->column + 2);
  lower_delinear(l, index_mod(p, column, taps), &window, tap);
  for (uint32_t i = 0; i < window.rank; i++) {
    IndexId begin = index_scale(p, l->column[i + 2], poly_of(window.d[i].b));
    l->column[i + 2] = index_add(p, begin, tap[i]);
  }
}

// The parallel loops of a kernel that a convolution opens.
static void lead_conv(Lower *l, const Node *n) {
  const Shape *s = n->shape;
  Shape space = {.rank = s->rank - 2}; // of windows, if there are any
  uint32_t taps = l->window ? lower_window_taps(s, l->window) : 1;
  Poly groups_of_columns = poly_of(1);
  for (uint32_t i = 0; i < space.rank; i++) {
    space.d[i] = l->window ? dim_of(s->d[i + 2].b / l->window->window[i + 2]) : s->d[i + 2];
    groups_of_columns = poly_mul(groups_of_columns, poly_dim(space.d[i]));
  }
  Poly positions = poly_mul(groups_of_columns, poly_of(taps));
  bool by_image = columns_by_image(s, positions);
  Poly groups = poly_of(n->attr.conv->groups), rows;
  bool even = poly_div(poly_dim(s->d[1]), groups, &rows);
  assert(even && "groups divide the output channels"), (void)even;
  Kernel *k = l->k;
  if (by_image) k->lead[k->n_lead++] = lower_new_var(l, poly_dim(s->d[0]));
  k->lead[k->n_lead++] = lower_new_var(l, groups);
  k->lead[k->n_lead++] = k->dot.m = lower_new_var(l, rows);
  Poly n_groups = by_image ? groups_of_columns : poly_mul(poly_dim(s->d[0]), groups_of_columns);
  k->dot.taps = taps;
  k->lead[k->n_lead++] = k->dot.group = k->dot.n = lower_new_var(l, n_groups);
  if (taps > 1) k->dot.n = lower_new_var(l, poly_mul(n_groups, poly_of(taps)));
  IndexId window = index_var(l->p->index, k->dot.group), image = index_var(l->p->index, k->lead[0]);
  IndexId column = index_var(l->p->index, k->dot.n);
  l->n_axes = s->rank;
  l->lead[0] = by_image ? image : index_div(l->p->index, window, groups_of_columns);
  l->column[0] = by_image ? image : index_div(l->p->index, column, positions);
  IndexId group = index_var(l->p->index, k->lead[by_image]);
  l->lead[1] =
      index_add(l->p->index, index_scale(l->p->index, group, rows), index_var(l->p->index, k->dot.m));
  lower_delinear(l, by_image ? window : index_mod(l->p->index, window, groups_of_columns), &space,
                 l->lead + 2);
  column_index(l, by_image ? column : index_mod(l->p->index, column, positions), &space);
}

// The input element under output position `out` and kernel position `k` of a spatial axis: its index, in *x,
// is clamped where it may lie outside; the mask says whether it is there.
static ExprId under(Lower *l, const Node *n, uint32_t axis, IndexId k, IndexId *x) {
  IndexPool *p = l->p->index;
  const ConvAttr *c = n->attr.conv;
  uint32_t s = axis - 2;
  Poly size = poly_dim(node(l, n->in[0])->shape->d[axis]), step = poly_of(c->lhs_dilation[s]);
  Poly span = poly_add(poly_mul(poly_sub(size, poly_of(1)), step), poly_of(1));
  IndexId at =
      index_add(p, index_scale(p, l->column[axis], poly_of(c->stride[s])),
                index_add(p, index_scale(p, k, poly_of(c->rhs_dilation[s])), index_const(p, -c->lo[s])));
  ExprId inside = x_inside(l->p, at, span);
  at = index_clamp(p, at, span);
  *x = index_div(p, at, step);
  return lower_both(l, inside, x_inside(l->p, index_mod(p, at, step), poly_of(1)));
}

static void add_conv(Lower *l, NodeId v) {
  const Node *n = node(l, v);
  const Shape *w = node(l, n->in[1])->shape;
  IndexPool *p = l->p->index;
  Shape depth = {.rank = w->rank - 1};
  Poly steps = poly_of(1);
  for (uint32_t i = 0; i < depth.rank; i++) {
    depth.d[i] = w->d[i + 1];
    steps = poly_mul(steps, poly_dim(depth.d[i]));
  }
  Dot *d = &l->k->dot;
  d->dtype = n->dtype;
  d->k = lower_new_var(l, steps);
  IndexId k[MAX_RANK], x[MAX_RANK], weight[MAX_RANK] = {l->lead[1]};
  lower_delinear(l, index_var(p, d->k), &depth, k);
  memcpy(weight + 1, k, depth.rank * sizeof *k);
  // lead is [image,] group, row, column
  IndexId group = index_var(p, l->k->lead[l->k->n_lead - 3]);
  x[0] = l->column[0];
  x[1] = index_add(p, index_scale(p, group, poly_dim(w->d[1])), k[0]);
  ExprId inside = x_const(l->p, DT_MASK, (Scalar){.i = 1});
  for (uint32_t i = 2; i < n->shape->rank; i++)
    inside = lower_both(l, inside, under(l, n, i, k[i - 1], &x[i]));
  d->lhs = lower_value(l, n->in[1], weight);
  d->rhs = x_select(l->p, inside, lower_value(l, n->in[0], x), x_const(l->p, n->dtype, (Scalar){0}));
  add_accumulator(l, v);
}

// ---- rows

// The axes of the result along which its elements are computed together.
static uint32_t row_axes(const Node *n) {
  uint32_t rank = n->shape->rank;
  if (n->op == OP_CHOLESKY) return 3u << (rank - 2);
  return n->op == OP_TRIANGULAR_SOLVE ? 1u << (rank - 2) : 1u << n->attr.axis;
}

// The other axes are the parallel loops.
static void lead_rows(Lower *l, const Node *n) {
  uint32_t rows = row_axes(n);
  l->n_axes = n->shape->rank;
  for (uint32_t i = 0; i < n->shape->rank; i++) {
    if (rows >> i & 1) continue;
    VarId v = l->k->lead[l->k->n_lead++] = lower_new_var(l, poly_dim(n->shape->d[i]));
    l->lead[i] = index_var(l->p->index, v);
  }
}

// An operand's element: where the iteration stands, and variables of its own along the axes `rows`.
static ExprId row_operand(Lower *l, NodeId v, uint32_t rows, VarId *vars, uint32_t *n_vars) {
  const Shape *s = node(l, v)->shape;
  IndexId at[MAX_RANK];
  for (uint32_t i = 0; i < s->rank; i++) {
    at[i] = l->lead[i];
    if (rows >> i & 1) at[i] = lower_fresh(l, s->d[i], &vars[(*n_vars)++]);
  }
  return lower_value(l, v, at);
}

static void add_rows(Lower *l, NodeId v) {
  const Node *n = node(l, v);
  uint32_t rows = row_axes(n), n_vars = 0;
  Put s = {.buffer = l->f->buffer_of[v], .node = v, .rank = n->shape->rank};
  VarId vars[MAX_RANK];
  ExprId in[2];
  for (uint32_t i = 0; i < s.rank; i++)
    s.at[i] = rows >> i & 1 ? lower_fresh(l, n->shape->d[i], &s.inner[s.n_inner++]) : l->lead[i];
  bool solves = n->op == OP_TRIANGULAR_SOLVE; // a matrix, and a column of right sides
  in[0] = row_operand(l, n->in[0], solves ? 3u << (s.rank - 2) : rows, vars, &n_vars);
  if (solves) in[1] = row_operand(l, n->in[1], rows, vars, &n_vars);
  s.value = x_rows(l->p, n->op, n->dtype, in, n->n_in, vars, n_vars, solves && n->attr.upper,
                   n->trap ? v : NO_NODE);
  vec_push(l->a, &l->stores, s);
}

static Lower begin(const FnPlan *f, const bool *has_buffer, NodeId first) {
  const Graph *g = f->fn->g;
  Arena *a = arena_new();
  Lower l = {.f = f, .g = g, .a = a, .has_buffer = has_buffer, .defining = NO_NODE};
  l.k = ARENA_NEW(a, Kernel);
  l.p = l.k->pool = pool_new(a, g->symbol ? g->bound : 1);
  l.k->node = first;
  index_const(l.p->index, 0); // index 0 is zero
  return l;
}

// The first n axes are parallel loops.
static void lead_axes(Lower *l, const Shape *s, uint32_t n) {
  l->n_axes = l->k->n_lead = n;
  for (uint32_t i = 0; i < n; i++) {
    l->k->lead[i] = lower_new_var(l, poly_dim(s->d[i]));
    l->lead[i] = index_var(l->p->index, l->k->lead[i]);
  }
}

static Kernel *end(Lower *l, Arena *a) {
  Kernel *k = NULL;
  if (!l->impossible) {
    l->k->stores = l->stores.data;
    l->k->n_stores = (uint32_t)l->stores.len;
    kernel_find_loads(l->k, l->a);
    k = kernel_copy(l->k, a);
  }
  arena_free(l->a);
  return k;
}

Kernel *lower_kernel(const FnPlan *f, const bool *has_buffer, const NodeId *nodes, uint32_t n,
                     uint32_t n_lead, Arena *a) {
  Lower l = begin(f, has_buffer, nodes[0]);
  const Node *first = node(&l, nodes[0]);
  l.k->is_dot = op_kind(first->op) == KIND_DOT;
  l.k->dot.taps = 1;
  for (uint32_t i = 1; i < n && first->op == OP_CONV; i++)
    if (op_is_window(node(&l, nodes[i])->op)) l.window = node(&l, nodes[i])->attr.window;
  if (first->op == OP_CONV)
    lead_conv(&l, first);
  else if (op_kind(first->op) == KIND_ROWS)
    lead_rows(&l, first);
  else
    lead_axes(&l, first->shape, n_lead);
  for (uint32_t i = 0; i < n && !l.impossible; i++) {
    const Node *x = node(&l, nodes[i]);
    if (x->op == OP_DOT)
      add_dot(&l, nodes[i]);
    else if (x->op == OP_CONV)
      add_conv(&l, nodes[i]);
    else if (op_kind(x->op) == KIND_ROWS)
      add_rows(&l, nodes[i]);
    else if (x->op == OP_SCATTER_ADD && !lower_scatter_is_select(l.g, x))
      add_scatter(&l, nodes[i]);
    else if (l.window && shape_eq(x->shape, first->shape))
      add_taps(&l, nodes[i]);
    else
      add_store(&l, nodes[i]);
  }
  return end(&l, a);
}

// One of the kernel's parallel axes.
static IndexId lead_axis(Lower *l, Dim extent) {
  VarId v = l->k->lead[l->k->n_lead++] = lower_new_var(l, poly_dim(extent));
  return index_var(l->p->index, v);
}

// Outermost first.
static void lead_iterations(Lower *l, const Loop *loop) {
  if (!loop) return;
  lead_iterations(l, loop->outer->loop);
  l->iteration[loop->depth] = lead_axis(l, loop_attr(loop)->length);
}

Kernel *lower_index_check(const FnPlan *f, const FnPlan *of, NodeId v, const FnPlan *in, NodeId indices,
                          bool *certain, Arena *a) {
  NodeId here = v; // where f's graph has it
  for (const FnPlan *p = of; p != f; p = p->loop->outer) here = p->loop->node;
  Lower l = begin(in, NULL, here);
  const Node *n = graph_node(of->fn->g, v);
  const Shape *i = node(&l, indices)->shape;
  IndexId at[MAX_RANK] = {0};
  lead_iterations(&l, in->loop);
  for (uint32_t k = 0; k < i->rank; k++) at[k] = lead_axis(&l, i->d[k]);
  l.p->places = of;
  Dim size = graph_node(of->fn->g, n->in[0])->shape->d[n->attr.gather.axis];
  Put check = {.buffer = NO_BUFFER, .node = here};
  ExprId value = lower_value(&l, indices, at);
  *certain = lower_certain(&l, value, size);
  check.value = x_check(l.p, value, poly_dim(size), v);
  vec_push(l.a, &l.stores, check);
  return end(&l, a);
}

Kernel *lower_copy(const FnPlan *f, const bool *has_buffer, NodeId v, uint32_t to, Arena *a) {
  v = lower_resolve(f->fn->g, v);
  Lower l = begin(f, has_buffer, v);
  const Shape *s = node(&l, v)->shape;
  lead_axes(&l, s, s->rank);
  Put copy = {.buffer = to, .node = v, .rank = s->rank};
  memcpy(copy.at, l.lead, s->rank * sizeof *copy.at);
  copy.value = lower_value(&l, v, l.lead);
  vec_push(l.a, &l.stores, copy);
  return end(&l, a);
}
