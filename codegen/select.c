// Which nodes get buffers. A buffer is wanted where a value leaves the function, where many read what is dear
// to compute, and where a kernel template asks for one; everything else is computed where it is used. A
// buffer that turns out to be read only by the iteration that computes it is dropped again by fuse.c.
#include "codegen/fuse.h"
#include "codegen/lower.h"

#include <string.h>

// Relative costs of one scalar operation; the rest costs 1.
static const uint8_t op_cost[OP_COUNT] = {
    [OP_EXP] = 12,     [OP_LOG] = 12,     [OP_LOG1P] = 14, [OP_EXPM1] = 14, [OP_TANH] = 16,
    [OP_SIGMOID] = 14, [OP_SIN] = 14,     [OP_COS] = 14,   [OP_POW] = 30,   [OP_SQRT] = 4,
    [OP_DIV] = 4,      [OP_FLOORDIV] = 8, [OP_MOD] = 8,    [OP_RAND] = 30,  [OP_RANDN] = 50,
};

enum {
  SHARED_COST = 8,   // used twice and dearer than this: a buffer
  REPEATED_COST = 6, // dearer than this and read by more iterations than it has elements: a buffer
  INLINE_LIMIT = 96, // no expression gets dearer
  MAX_HOSTED = 4     // reductions inlined into one elementwise chain
};

typedef struct Select {
  const Graph *g;
  Arena *a;
  Selection s;
  uint32_t *uses;   // consumers, over pass-throughs
  uint64_t *cost;   // of one element where it is inlined
  uint32_t *hosted; // reductions that moved their buffer down to this node
  NodeId *consumer; // the last one seen
} Select;

static NodeId in(const Select *s, const Node *n, uint32_t i) { return lower_resolve(s->g, n->in[i]); }

static bool is_effect(Op op) { return op == OP_WRITE || op == OP_OPTIMIZE; }

// Inputs precede users, so one walk from the end reaches everything.
static void mark_live(Select *s) {
  for (uint32_t i = 0; i < s->g->n_roots; i++) s->s.live[s->g->roots[i]] = true;
  for (NodeId v = s->g->len; v-- > 0;)
    for (uint32_t i = 0; s->s.live[v] && i < graph_node(s->g, v)->n_in; i++)
      s->s.live[graph_node(s->g, v)->in[i]] = true;
}

static int64_t elements(const Select *s, const Shape *shape) {
  return shape_elements(shape, s->g->symbol ? s->g->bound : 1);
}

static bool is_leaf(const Node *n) { return n->op == OP_INPUT || n->op == OP_READ || n->op == OP_CONST; }
static bool is_view(Op op) {
  return op == OP_RESHAPE || op == OP_TRANSPOSE || op == OP_BROADCAST || op == OP_SLICE || op == OP_REVERSE;
}

static void want(Select *s, NodeId v) { s->s.has_buffer[v] = true; }

// Operands of templates are loads: what is computed under their index maps gets a buffer.
static void want_load(Select *s, NodeId v) {
  v = lower_resolve(s->g, v);
  while (is_view(graph_node(s->g, v)->op)) v = in(s, graph_node(s->g, v), 0);
  if (!is_leaf(graph_node(s->g, v))) want(s, v);
}

// Its size along some axis is 0 for some N: a clamped index would have nothing to read in it.
static bool may_be_empty(const Select *s, const Shape *x) {
  for (uint32_t i = 0; i < x->rank; i++) {
    int64_t first = dim_at(x->d[i], 1), last = dim_at(x->d[i], s->g->symbol ? s->g->bound : 1);
    if ((first <= 0 || last <= 0) && !dim_is(x->d[i], 0)) return true;
  }
  return false;
}

// Rows are read where they lie if their elements are evenly spaced, as those of a reshape need not be, and
// not backwards: gcc 12 at -O1 (-fivopts) makes wrong code of negative strides that it knows.
static bool is_even(Op op) { return is_view(op) && op != OP_RESHAPE && op != OP_REVERSE; }

static void want_rows(Select *s, NodeId v) {
  v = lower_resolve(s->g, v);
  while (is_even(graph_node(s->g, v)->op)) v = in(s, graph_node(s->g, v), 0);
  if (!is_leaf(graph_node(s->g, v))) want(s, v);
}

// It lies in memory that kernels and loops can be given.
static bool has_memory(const Node *n) {
  if (n->op == OP_INPUT) return n->attr.input.role == IN_ARG;
  return n->op == OP_READ || (n->op == OP_CONST && n->attr.konst.count != 1);
}

static void want_of_inputs(Select *s, const Node *n) {
  switch (n->op) {
  case OP_CUMSUM:
  case OP_ARGSORT:
  case OP_CHOLESKY:
  case OP_TRIANGULAR_SOLVE:
    for (uint32_t i = 0; i < n->n_in; i++) want_rows(s, n->in[i]);
    break;
  case OP_DOT:
  case OP_CONV:
    want_load(s, n->in[0]);
    want_load(s, n->in[1]);
    break;
  case OP_GATHER:
    want_load(s, n->in[0]);
    if (may_be_empty(s, graph_node(s->g, in(s, n, 0))->shape)) want(s, in(s, n, 0));
    break;
  case OP_PAD:
  case OP_CONCAT:
    for (uint32_t i = 0; i < n->n_in; i++)
      if (may_be_empty(s, graph_node(s->g, in(s, n, i))->shape)) want(s, in(s, n, i));
    break;
  case OP_OPTIMIZE:
    for (uint32_t i = 0; i < n->n_in; i++)
      if (i >= n->attr.optimize->n_hyper || graph_node(s->g, in(s, n, i))->op != OP_CONST)
        want(s, in(s, n, i));
    break;
  case OP_WRITE: want(s, in(s, n, 0)); break;
  case OP_SCAN: // the first carries are computed where the loop keeps them
    for (uint32_t i = n->attr.scan->n_carries; i < n->n_in; i++)
      if (!has_memory(graph_node(s->g, in(s, n, i)))) want(s, in(s, n, i));
    break;
  default: break;
  }
}

static bool makes_buffer(const Select *s, NodeId v) {
  const Node *n = graph_node(s->g, v);
  return lower_is_template(s->g, n) || op_kind(n->op) == KIND_REDUCE || n->op == OP_ARGMAX ||
         n->op == OP_ARGMIN;
}

// A contraction or reduction with one reader that is elementwise and of its shape leaves the buffer to it:
// bias and activation become the epilogue, the division of a mean part of the sum's kernel.
static NodeId chain_end(Select *s, NodeId v) {
  for (;;) {
    NodeId c = s->consumer[v];
    if (s->uses[v] != 1 || c == NO_NODE || (s->s.has_buffer[v] && !makes_buffer(s, v))) return v;
    const Node *n = graph_node(s->g, c);
    if (!op_is_scalar(n->op) || !shape_eq(n->shape, graph_node(s->g, v)->shape)) return v;
    if (s->hosted[c] >= MAX_HOSTED) return v;
    s->hosted[c] += 1 + s->hosted[v];
    v = c;
  }
}

static bool is_taps(Op op) { return op_is_window(op) || op == OP_DEBOX || op == OP_DESAMPLE; }

// Reads of its operand for one element.
static uint64_t taps(const Node *n) {
  const WindowAttr *w = n->attr.window;
  uint64_t count = 1;
  for (uint32_t i = 0; i < n->shape->rank && n->op != OP_SAMPLE; i++) {
    bool back = n->op == OP_DEBOX || n->op == OP_DESAMPLE;
    count *= (uint64_t)(back ? (w->window[i] - 1) / w->stride[i] + 1 : w->window[i]);
  }
  return count;
}

static uint64_t own_cost(const Node *n) {
  if (is_taps(n->op)) return taps(n) * (n->op == OP_BOX ? 2 : 4);
  return op_cost[n->op] ? op_cost[n->op] : is_view(n->op) ? 0 : 1;
}

static uint64_t inline_cost(const Select *s, NodeId v) {
  const Node *n = graph_node(s->g, v);
  uint64_t cost = own_cost(n);
  if (n->op == OP_READ) return 1;
  for (uint32_t i = 0; i < n->n_in; i++) {
    NodeId x = in(s, n, i);
    cost += s->s.has_buffer[x] ? 1 : s->cost[x];
  }
  return cost;
}

// Reductions and contractions read each element of their input so often.
static uint64_t fold(const Select *s, const Node *n) {
  int64_t whole = 1, part = elements(s, n->shape);
  if (n->op == OP_CONV)
    whole = elements(s, graph_node(s->g, n->in[1])->shape) /
            (dim_at(n->shape->d[1], 1) + (dim_at(n->shape->d[1], 1) == 0));
  else if (n->op == OP_DOT)
    for (uint32_t i = 0; i < n->attr.dot.nc; i++)
      whole *= dim_at(graph_node(s->g, n->in[0])->shape->d[n->attr.dot.lc[i]], s->g->bound);
  else if (n->n_in > 0 && part > 0)
    whole = elements(s, graph_node(s->g, n->in[0])->shape) / part;
  return whole > 1 ? (uint64_t)whole : 1;
}

// Reads v at more places than v has elements.
static bool repeats(const Select *s, const Node *reader, NodeId v) {
  int64_t have = elements(s, graph_node(s->g, v)->shape);
  return have > 1 && elements(s, reader->shape) > have;
}

// Where a shared or repeated computation is best kept: under index maps and casts to a wider type.
static NodeId under_views(const Select *s, NodeId v) {
  for (;;) {
    const Node *n = graph_node(s->g, v);
    bool widens = n->op == OP_CAST && dtype_bytes(graph_node(s->g, n->in[0])->dtype) < dtype_bytes(n->dtype);
    if (!is_view(n->op) && !widens) return v;
    v = in(s, n, 0);
  }
}

static void share(Select *s, NodeId v) {
  v = under_views(s, v);
  if (!is_leaf(graph_node(s->g, v))) want(s, v);
}

// Its inlined operands lead to a reduction or contraction of its own shape.
static bool follows_rows(const Select *s, NodeId v, const Shape *shape) {
  const Node *n = graph_node(s->g, v);
  for (uint32_t i = 0; i < n->n_in; i++) {
    NodeId x = in(s, n, i);
    if (!shape_eq(graph_node(s->g, x)->shape, shape)) continue;
    if (s->s.has_buffer[x] ? makes_buffer(s, x) : follows_rows(s, x, shape)) return true;
  }
  return false;
}

// The mean of a loss: the losses of the rows belong to the kernel that has the rows.
static void keep_rows(Select *s, const Node *n) {
  NodeId x = in(s, n, 0);
  const Shape *shape = graph_node(s->g, x)->shape;
  if (op_kind(n->op) != KIND_REDUCE || n->shape->rank != 0 || shape->rank != 1 || s->s.has_buffer[x]) return;
  if (op_is_scalar(graph_node(s->g, x)->op) && follows_rows(s, x, shape)) want(s, x);
}

static void choose(Select *s, NodeId v) {
  const Node *n = graph_node(s->g, v);
  if (n->op == OP_SCAN || n->op == OP_PROJ) return;
  if (op_kind(n->op) == KIND_REDUCE) keep_rows(s, n);
  if (makes_buffer(s, v)) {
    NodeId end = lower_is_template(s->g, n) ? v : chain_end(s, v);
    want(s, end);
    if (op_kind(n->op) == KIND_DOT) want(s, chain_end(s, v));
  }
  for (uint32_t i = 0; i < n->n_in && !is_effect(n->op); i++) {
    NodeId x = in(s, n, i);
    bool guarded = n->op == OP_PAD || n->op == OP_CONCAT || (is_taps(n->op) && taps(n) > 1);
    if (!s->s.has_buffer[x] && s->cost[x] > REPEATED_COST && (guarded || repeats(s, n, x))) share(s, x);
  }
  s->cost[v] = inline_cost(s, v);
  if (s->uses[v] > 1 && s->cost[v] > SHARED_COST && !s->s.has_buffer[v]) share(s, v);
  if (s->cost[v] > INLINE_LIMIT && !is_effect(n->op)) share(s, v);
  s->s.work[v] = s->cost[v] * fold(s, n) * (uint64_t)elements(s, n->shape);
}

// The root of a loop's body that is a carry as it was.
static bool keeps_carry(const Function *f, uint32_t root) {
  const Node *n = graph_node(f->g, lower_resolve(f->g, f->g->roots[root]));
  return f->roots[root].kind == ROOT_EFFECT && n->op == OP_INPUT && n->attr.input.role == IN_ARG &&
         n->attr.input.index == root;
}

Selection select_buffers(const Function *f, const bool *copied, Arena *a) {
  const Graph *g = f->g;
  Select s = {.g = g, .a = a};
  s.s.live = ARENA_ARRAY(a, g->len, bool);
  s.s.has_buffer = ARENA_ARRAY(a, g->len, bool);
  s.s.work = ARENA_ARRAY(a, g->len, uint64_t);
  s.uses = ARENA_ARRAY(a, g->len, uint32_t);
  s.cost = ARENA_ARRAY(a, g->len, uint64_t);
  s.hosted = ARENA_ARRAY(a, g->len, uint32_t);
  s.consumer = ARENA_ARRAY(a, g->len, NodeId);
  for (NodeId v = 0; v < g->len; v++) s.consumer[v] = NO_NODE;
  mark_live(&s);
  for (uint32_t i = 0; i < g->n_roots; i++) {
    if (is_effect(graph_node(g, g->roots[i])->op) || keeps_carry(f, i)) continue;
    want(&s, lower_resolve(g, g->roots[i]));
    s.uses[lower_resolve(g, g->roots[i])]++;
  }
  for (NodeId v = 0; v < g->len; v++) {
    const Node *n = graph_node(g, v);
    if (!s.s.live[v]) continue;
    if ((copied && copied[v]) || n->op == OP_PROJ) want(&s, v);
    if ((lower_resolve(g, v) != v && n->op != OP_WRITE) || n->op == OP_READ) continue;
    for (uint32_t i = 0; i < n->n_in; i++) {
      NodeId x = in(&s, n, i);
      if (s.consumer[x] == v) continue;
      s.uses[x]++;
      s.consumer[x] = v;
    }
    want_of_inputs(&s, n);
  }
  for (NodeId v = 0; v < g->len; v++)
    if (s.s.live[v] && lower_resolve(g, v) == v) choose(&s, v);
  return s.s;
}
