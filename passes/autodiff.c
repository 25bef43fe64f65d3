// Expands GRAD: copies the graph node by node; at a GRAD it walks back from e over the nodes between e and
// the targets, adding each node's contributions to the cotangents of its inputs by the DERIV column.
// What a GRAD needs is already expanded when it is met, so inner ones come first by themselves.
#include "passes/autodiff.h"

#include "passes/live.h"
#include "passes/passes.h"

#include <assert.h>

// ---- the reverse walk

bool passes_to(const Graph *g, const Node *n, uint32_t i) {
  if (n->op == OP_PROJ) return dtype_is_real(n->dtype);
  const Derivative *d = &derivative_table[n->op];
  if (d->kind == DERIV_NONE || d->kind == DERIV_ZERO) return false;
  if (d->kind == DERIV_EXPR && !d->in[i]) return false;
  if (n->op == OP_CUSTOM_VJP && (i == 0 || n->attr.vjp.rule->roots[i - 1] == NO_NODE)) return false;
  return dtype_is_real(n->dtype) && dtype_is_real(graph_node(g, n->in[i])->dtype);
}

static NodeId expand_expr(Walk *w, const Expr *x, NodeId y, NodeId dy) {
  const Node *n = walk_node(w, y);
  switch (x->kind) {
  case X_A: return n->in[0];
  case X_B: return n->in[1];
  case X_C: return n->in[2];
  case X_Y: return y;
  case X_DY: return dy;
  case X_NUMBER: return cot_number(w, n->dtype, x->number);
  case X_OP: break;
  }
  NodeId in[3];
  uint32_t arity = (uint32_t)op_arity(x->op);
  for (uint32_t i = 0; i < arity; i++) in[i] = expand_expr(w, x->in[i], y, dy);
  return cot_op(w, x->op, in, arity);
}

static NodeId contribution(Walk *w, NodeId y, NodeId dy, uint32_t i) {
  Node n = *walk_node(w, y);
  const Derivative *d = &derivative_table[n.op];
  NodeId t = d->kind == DERIV_RULE ? d->rule(w, y, dy, i) : expand_expr(w, d->in[i], y, dy);
  if (t == NO_NODE || !(op_is_scalar(n.op) || n.op == OP_BROADCAST)) return t;
  return cot_unbroadcast(w, t, *n.shape, *walk_node(w, n.in[i])->shape);
}

static void add_to(Walk *w, NodeId *sum, NodeId t) {
  *sum = *sum == NO_NODE ? t : cot_op(w, OP_ADD, (NodeId[]){*sum, t}, 2);
}

static void arrive(Walk *w, Reverse *r, NodeId x, NodeId t) {
  assert(shape_broadcasts_to(walk_node(w, t)->shape, walk_node(w, x)->shape));
  if (reverse_at(r, x)->cot == NO_NODE) reverse_wait(r, x);
  add_to(w, &reverse_at(r, x)->cot, t);
}

// Its loop hands on what has arrived at its results, all of which come after it. Nothing is to be handed on
// where the result is itself a target and the loop depends on none.
static void wait_for_loop(const Walk *w, Reverse *r, NodeId result) {
  NodeId scan = walk_node(w, result)->in[0];
  if (!reverse_wants(r, scan)) return;
  Arrival *at = reverse_at(r, scan);
  if (at->link == NO_NODE) reverse_wait(r, scan);
  reverse_at(r, result)->link = at->link;
  at->link = result;
}

static void propagate_scan(Walk *w, Reverse *r, NodeId scan) {
  Node n = *walk_node(w, scan);
  const ScanAttr *s = n.attr.scan;
  Arena *a = w->b.g->own;
  NodeId *of_results = no_nodes(a, (size_t)s->n_yields + s->n_carries);
  bool *of_operands = ARENA_ARRAY(a, n.n_in, bool);
  for (NodeId id = reverse_at(r, scan)->link; id != NO_NODE; id = reverse_at(r, id)->link)
    add_to(w, &of_results[walk_node(w, id)->attr.proj], reverse_at(r, id)->cot);
  w->b.span = n.span;
  w->b.path = n.path;
  NodeId *so_far = no_nodes(a, n.n_in);
  for (uint32_t i = 0; i < n.n_in; i++) {
    of_operands[i] = reverse_wants(r, n.in[i]) && passes_to(w->b.g, &n, i);
    if (!of_operands[i] || i < s->n_carries + s->n_sequences) continue;
    so_far[i] = reverse_at(r, n.in[i])->cot;
    reverse_at(r, n.in[i])->cot = NO_NODE; // it comes back with the loop's own
  }
  const NodeId *t = scan_cotangents(w, scan, of_results, of_operands, so_far);
  for (uint32_t i = 0; i < n.n_in; i++)
    if (of_operands[i] && t[i] != NO_NODE) arrive(w, r, n.in[i], t[i]);
}

static void propagate(Walk *w, Reverse *r, NodeId y) {
  Node n = *walk_node(w, y);
  NodeId dy = reverse_at(r, y)->cot;
  w->b.span = n.span;
  w->b.path = n.path;
  for (uint32_t i = 0; i < n.n_in; i++) {
    NodeId x = n.in[i];
    if (!reverse_wants(r, x) || !passes_to(w->b.g, &n, i)) continue;
    NodeId t = contribution(w, y, dy, i);
    if (t == NO_NODE) continue;
    arrive(w, r, x, t);
  }
}

static void visit(Walk *w, Reverse *r, NodeId id) {
  Op op = walk_node(w, id)->op;
  if (op == OP_PROJ)
    wait_for_loop(w, r, id);
  else if (derivative_table[op].kind == DERIV_LOOP)
    propagate_scan(w, r, id);
  else if (reverse_at(r, id)->cot != NO_NODE)
    propagate(w, r, id);
}

static bool is_over(Walk *w, Span grad) {
  DerivedLimit *l = w->limit;
  if (!l->over && w->b.g->len > l->nodes) l->over = true, l->at = grad;
  return l->over;
}

// de/dx for each target, of the target's shape. The rule of a node on the way may have gradients of its own:
// theirs is another walk.
static NodeId *gradients(Walk *w, NodeId e, const NodeId *x, uint32_t n) {
  Reverse r = w->reverse;
  w->reverse = (Reverse){0};
  reverse_begin(&r, w->b.g, e, x, n);
  NodeId *result = ARENA_ARRAY(w->b.g->own, n, NodeId);
  Builder at_grad = w->b;
  if (reverse_wants(&r, e) && !is_over(w, at_grad.span))
    arrive(w, &r, e, cot_number(w, walk_node(w, e)->dtype, 1));
  for (NodeId id; (id = reverse_next(&r)) != NO_NODE && !is_over(w, at_grad.span);) visit(w, &r, id);
  w->b.span = at_grad.span;
  w->b.path = at_grad.path;
  for (uint32_t i = 0; i < n; i++) {
    const Node *t = walk_node(w, x[i]);
    NodeId d = x[i] <= e ? reverse_at(&r, x[i])->cot : NO_NODE;
    result[i] = d != NO_NODE ? cot_exact(w, d, *t->shape) : b_splat(&w->b, t->dtype, *t->shape, (Scalar){0});
  }
  reverse_end(&r);
  arena_free(w->reverse.a);
  w->reverse = r;
  return result;
}

// ---- the copy

// A node of its own with x's value: a gradient may be a node that was there before (with e = a * b,
// de/da is b), and a target is meant by its identity. drop_marks removes it.
static NodeId mark(Walk *w, NodeId x) {
  Node n = *walk_node(w, x);
  n.op = OP_RESHAPE;
  n.in = &x;
  n.n_in = 1;
  n.attr = (Attr){0};
  return graph_add(w->b.g, n);
}

static bool *targets_of(const Graph *g, Arena *a) {
  bool *is_target = ARENA_ARRAY(a, g->len, bool);
  for (NodeId id = 0; id < g->len; id++)
    if (graph_node(g, id)->op == OP_GRAD)
      for (uint32_t i = 1; i < graph_node(g, id)->n_in; i++) is_target[graph_node(g, id)->in[i]] = true;
  return is_target;
}

// Nodes that the e of some GRAD depends on.
static bool *differentiated(const Graph *g, Arena *a) {
  bool *is = ARENA_ARRAY(a, g->len, bool);
  for (NodeId id = g->len; id-- > 0;) {
    const Node *n = graph_node(g, id);
    if (n->op == OP_GRAD) is[n->in[0]] = true;
    for (uint32_t i = 0; i < n->n_in && is[id]; i++) is[n->in[i]] = true;
  }
  return is;
}

// Appends g's nodes; map[id] is where node id went, and is kept where the caller has set it.
static void append(Walk *w, const Graph *g, NodeId *map) {
  Arena *a = w->b.g->own;
  bool *is_target = targets_of(g, a), *needed = differentiated(g, a);
  NodeId **results = ARENA_ARRAY(a, g->len, NodeId *); // of GRADs, and of loops that became two
  const char *caller = w->b.path;
  NodeId *in = NULL;
  uint32_t room = 0;
  for (NodeId id = 0; id < g->len; id++) {
    const Node *n = graph_node(g, id);
    if (map[id] != NO_NODE) continue;
    if (n->op == OP_PROJ && results[n->in[0]]) {
      NodeId r = results[n->in[0]][n->attr.proj];
      map[id] = is_target[id] ? mark(w, r) : r;
      continue;
    }
    if (n->n_in > room) in = ARENA_ARRAY(a, room = 2 * n->n_in, NodeId);
    for (uint32_t i = 0; i < n->n_in; i++) in[i] = map[n->in[i]];
    w->b.span = n->span;
    w->b.path = *n->path ? n->path : caller;
    if (n->op == OP_GRAD)
      results[id] = gradients(w, in[0], in + 1, n->n_in - 1);
    else if (n->op == OP_SCAN && needed[id] && scan_splits(n->attr.scan))
      results[id] = split_scan(w, n->attr.scan, in, n->n_in);
    else if (n->op == OP_SCAN)
      map[id] = saved_scan(w, n->attr.scan, in, n->n_in);
    else if (n->op == OP_PROJ)
      map[id] = b_scan_result(&w->b, in[0], saved_result(graph_node(g, n->in[0])->attr.scan, n->attr.proj));
    else
      map[id] = b_copy(&w->b, n, in);
  }
}

// The cotangent enters the rule, of which a copy goes into the graph; y is the node itself, so that the
// derivative of the rule is by the rule again.
NodeId d_custom_vjp(Walk *w, NodeId y, NodeId dy, uint32_t i) {
  if (w->vjp_of == y && w->vjp_dy == dy) return w->vjp_x[i - 1];
  Builder here = w->b;
  NodeId whole = cot_exact(w, dy, *walk_node(w, y)->shape);
  Node n = *walk_node(w, y);
  const Graph *rule = n.attr.vjp.rule;
  uint32_t n_x = n.n_in - 1;
  assert(rule->n_roots == n_x);
  NodeId *map = no_nodes(w->b.g->own, rule->len), *x = ARENA_ARRAY(w->b.g->own, n_x, NodeId);
  for (NodeId id = 0; id < rule->len; id++) {
    const Node *r = graph_node(rule, id);
    if (r->op != OP_INPUT || r->attr.input.role != IN_ARG) continue;
    uint32_t k = r->attr.input.index;
    map[id] = k < n_x ? n.in[k + 1] : k == n_x ? y : whole;
  }
  append(w, rule, map);
  w->b.span = here.span;
  w->b.path = here.path;
  for (uint32_t k = 0; k < n_x; k++) x[k] = rule->roots[k] == NO_NODE ? NO_NODE : map[rule->roots[k]];
  w->vjp_of = y;
  w->vjp_dy = dy;
  w->vjp_x = x;
  return x[i - 1];
}

// ---- what only differentiation needed

// The input that node n stands for once all gradients are expanded; NO_NODE: itself.
static NodeId stands_for(const Graph *g, const Node *n) {
  if (n->op == OP_STOP_GRAD || n->op == OP_CUSTOM_VJP) return n->in[0];
  if (n->op == OP_RESHAPE && shape_eq(n->shape, graph_node(g, n->in[0])->shape)) return n->in[0];
  return NO_NODE;
}

static Graph *expand(const Graph *g, DerivedLimit *limit, Arena *a);

// Bodies of loops are expanded last: until then derivatives of derivatives are made of them.
static void expand_bodies(Graph *g, DerivedLimit *limit, Arena *a) {
  for (NodeId id = 0; id < g->len; id++) {
    if (graph_node(g, id)->op != OP_SCAN) continue;
    ScanAttr *s = arena_copy(g->arena, graph_node(g, id)->attr.scan, sizeof *s);
    Graph *body = expand(s->body, limit, a);
    graph_adopt(g, body);
    s->body = body;
    graph_change(g, id)->attr.scan = s;
  }
}

static Graph *drop_marks(const Graph *g, Arena *a) {
  NodeId *same = ARENA_ARRAY(g->own, g->len, NodeId);
  for (NodeId id = 0; id < g->len; id++) {
    NodeId s = stands_for(g, graph_node(g, id));
    same[id] = s == NO_NODE ? id : same[s];
  }
  return live_copy(g, same, a);
}

// The program's one float type: what a size becomes as a number.
static DType real_of(const Graph *g) {
  for (NodeId id = 0; id < g->len; id++)
    if (graph_node(g, id)->op == OP_INPUT && dtype_is_real(graph_node(g, id)->dtype) &&
        graph_node(g, id)->attr.input.role != IN_ARG)
      return graph_node(g, id)->dtype;
  for (NodeId id = 0; id < g->len; id++)
    if (graph_node(g, id)->op == OP_GRAD) return graph_node(g, graph_node(g, id)->in[0])->dtype;
  return DT_F32;
}

static Graph *with_gradients(const Graph *g, DerivedLimit *limit, Arena *a) {
  Graph *out = graph_like(g, a);
  Walk w = {
      .b = {.g = out, .real = real_of(g), .path = ""}, .vjp_of = NO_NODE, .batch = NO_NODE, .limit = limit};
  NodeId *map = no_nodes(out->own, g->len);
  append(&w, g, map);
  map_roots(out, g, map);
  limit->nodes -= out->len < limit->nodes ? out->len : limit->nodes;
  return out;
}

static Graph *without_marks(Graph *g, DerivedLimit *limit, Arena *a) {
  if (limit->over) return g;
  Graph *out = drop_marks(g, a);
  graph_drop(g);
  expand_bodies(out, limit, a);
  return out;
}

static Graph *expand(const Graph *g, DerivedLimit *limit, Arena *a) {
  return without_marks(with_gradients(g, limit, a), limit, a);
}

static bool has_grad(const Graph *g) {
  for (NodeId id = 0; id < g->len; id++) {
    const Node *n = graph_node(g, id);
    if (n->op == OP_GRAD || (n->op == OP_SCAN && has_grad(n->attr.scan->body))) return true;
  }
  return false;
}

Graph *autodiff_within(const Graph *g, uint32_t *nodes, Span *too_large, Arena *a) {
  DerivedLimit limit = {.nodes = *nodes};
  Graph *out;
  if (has_grad(g)) {
    Graph *ruled = with_composite_rules(g, a), *whole = with_gradients(ruled, &limit, a);
    graph_drop(ruled);
    out = without_marks(whole, &limit, a);
  } else {
    out = expand(g, &limit, a);
  }
  *nodes = limit.nodes;
  *too_large = limit.at;
  return limit.over ? NULL : out;
}

Graph *pass_autodiff(const Graph *g, Arena *a) {
  uint32_t any = UINT32_MAX;
  Span nowhere;
  return autodiff_within(g, &any, &nowhere, a);
}
