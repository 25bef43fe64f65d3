// What the derivative of a loop computes again and the loop has computed already: products, and what comes
// from systems and sorts, are yielded by the loop instead; so are values that it yields anyway where they are
// made of such. All else is cheaper computed again from the carries.
//
// A node of the backward body is one of the forward body where it is the same operation of the same things:
// its arguments stand for elements of what the forward loop yields, for the same sequences and captured
// operands.
#include "ir/base/vec.h"
#include "ir/build.h"
#include "passes/live.h"

#include "ir/base/checked.h"
#include "passes/passes.h"

#include <string.h>

typedef struct Use { // node `own` of a body is what node `node` of loop `loop`'s body is
  NodeId own, loop, node;
} Use;

typedef struct Loops {
  const Graph *g;
  struct {
    VEC(NodeId) kept; // of its body: new yields
    VEC(Use) uses;
  } * of; // by node
} Loops;

static bool dear(Op op) {
  return op == OP_DOT || op == OP_CONV || op == OP_CHOLESKY || op == OP_TRIANGULAR_SOLVE || op == OP_ARGSORT;
}

static bool is_argument(const Node *n, uint32_t k) {
  return n->op == OP_INPUT && n->attr.input.role == IN_ARG && n->attr.input.index == k;
}

static NodeId find_argument(const Graph *body, uint32_t k) {
  for (NodeId id = 0; id < body->len; id++)
    if (is_argument(graph_node(body, id), k)) return id;
  return NO_NODE;
}

// What argument k of the backward body is in the forward one.
static NodeId argument_in(const Graph *g, const Node *back, const Node *forward, NodeId loop, uint32_t k) {
  const ScanAttr *b = back->attr.scan, *f = forward->attr.scan;
  uint32_t captured = b->n_carries + b->n_sequences, f_captured = f->n_carries + f->n_sequences;
  if (k < b->n_carries) return NO_NODE;
  const Node *x = graph_node(g, back->in[k]);
  if (k < captured && x->op == OP_PROJ && x->in[0] == loop && x->attr.proj < f->n_yields)
    return f->body->roots[f->n_carries + x->attr.proj];
  uint32_t from = k < captured ? f->n_carries : f_captured, to = k < captured ? f_captured : forward->n_in;
  for (uint32_t i = from; i < to; i++)
    if (forward->in[i] == back->in[k]) return find_argument(f->body, i);
  return NO_NODE;
}

static NodeId equal_node(const Graph *body, const Node *n, const Graph *of, const NodeId *same) {
  uint32_t rank = n->n_in ? graph_node(of, n->in[0])->shape->rank : 0;
  for (uint32_t i = 0; i < n->n_in; i++)
    if (same[n->in[i]] == NO_NODE) return NO_NODE;
  for (NodeId id = 0; id < body->len; id++) {
    const Node *m = graph_node(body, id);
    bool equal = m->op == n->op && m->n_in == n->n_in;
    for (uint32_t i = 0; i < n->n_in && equal; i++) equal = m->in[i] == same[n->in[i]];
    if (equal && same_but_inputs(m, n, rank)) return id;
  }
  return NO_NODE;
}

// By node of the backward body.
static NodeId *match(const Graph *g, const Node *back, NodeId loop, Arena *a) {
  const Node *forward = graph_node(g, loop);
  const Graph *b = back->attr.scan->body, *f = forward->attr.scan->body;
  NodeId *same = no_nodes(a, b->len);
  for (NodeId id = 0; id < b->len; id++) {
    const Node *n = graph_node(b, id);
    if (n->op == OP_INPUT && n->attr.input.role == IN_ARG)
      same[id] = argument_in(g, back, forward, loop, n->attr.input.index);
    else if (n->op != OP_SCAN && n->op != OP_PROJ)
      same[id] = equal_node(f, n, b, same);
  }
  return same;
}

static bool yields(const ScanAttr *s, NodeId node) {
  for (uint32_t i = 0; i < s->n_yields; i++)
    if (s->body->roots[s->n_carries + i] == node) return true;
  return false;
}

// One value an iteration is a tensor.
static bool stacks(const Graph *g, const ScanAttr *s, const Shape *shape) {
  int64_t count;
  return shape->rank < MAX_RANK &&
         checked_mul(shape_elements(shape, g->bound), dim_at(s->length, g->bound), &count) &&
         count <= MAX_ELEMENTS;
}

static void keep(Loops *l, NodeId back, Use u) {
  Arena *a = l->g->own;
  vec_push(a, &l->of[back].uses, u);
  if (yields(graph_node(l->g, u.loop)->attr.scan, u.node)) return;
  for (size_t i = 0; i < l->of[u.loop].kept.len; i++)
    if (l->of[u.loop].kept.data[i] == u.node) return;
  vec_push(a, &l->of[u.loop].kept, u.node);
}

static void choose(Loops *l, NodeId back, NodeId loop, bool *used) {
  Arena *a = l->g->own;
  const Graph *body = graph_node(l->g, back)->attr.scan->body;
  const ScanAttr *f = graph_node(l->g, loop)->attr.scan;
  NodeId *same = match(l->g, graph_node(l->g, back), loop, a);
  bool *heavy = ARENA_ARRAY(a, body->len, bool), *live = ARENA_ARRAY(a, body->len, bool);
  for (NodeId id = 0; id < body->len; id++) {
    const Node *n = graph_node(body, id);
    heavy[id] = dear(n->op);
    for (uint32_t i = 0; i < n->n_in; i++) heavy[id] |= heavy[n->in[i]];
  }
  for (uint32_t i = 0; i < body->n_roots; i++) live[body->roots[i]] = true;
  for (NodeId id = body->len; id-- > 0;) {
    const Node *n = graph_node(body, id);
    if (!live[id] || used[id]) continue;
    bool known = same[id] != NO_NODE && heavy[id] && stacks(l->g, f, graph_node(f->body, same[id])->shape);
    used[id] = known && (dear(n->op) || yields(f, same[id]));
    if (used[id]) keep(l, back, (Use){id, loop, same[id]});
    for (uint32_t i = 0; i < n->n_in && !used[id]; i++) live[n->in[i]] = true;
  }
}

static bool is_pair(const ScanAttr *f, const ScanAttr *b) {
  return dim_eq(f->length, b->length) && !f->recompute && !b->recompute;
}

static void find_uses(Loops *l, NodeId back) {
  const Node *n = graph_node(l->g, back);
  const ScanAttr *s = n->attr.scan;
  bool *used = ARENA_ARRAY(l->g->own, s->body->len, bool);
  NodeId seen = NO_NODE;
  for (uint32_t k = s->n_carries; k < s->n_carries + s->n_sequences; k++) {
    const Node *x = graph_node(l->g, n->in[k]);
    if (x->op != OP_PROJ || x->in[0] == seen || graph_node(l->g, x->in[0])->op != OP_SCAN) continue;
    const ScanAttr *f = graph_node(l->g, x->in[0])->attr.scan;
    if (x->attr.proj >= f->n_yields || !is_pair(f, s)) continue;
    seen = x->in[0];
    choose(l, back, seen, used);
  }
}

// ---- the loops with what they keep and use

static Graph *body_of(const Loops *l, NodeId id, Arena *a) {
  const ScanAttr *s = graph_node(l->g, id)->attr.scan;
  Graph *out = graph_like(s->body, a);
  Builder b = {.g = out, .path = ""};
  uint32_t captured = s->n_carries + s->n_sequences, n_uses = (uint32_t)l->of[id].uses.len;
  uint32_t n_kept = (uint32_t)l->of[id].kept.len;
  NodeId *map = no_nodes(out->own, s->body->len);
  for (uint32_t i = 0; i < n_uses; i++) {
    NodeId own = l->of[id].uses.data[i].own;
    const Node *n = graph_node(s->body, own);
    map[own] = b_input(&b, IN_ARG, captured + i, NULL, n->dtype, *n->shape);
  }
  for (NodeId k = 0; k < s->body->len; k++) {
    if (map[k] != NO_NODE) continue;
    Node n = *graph_node(s->body, k);
    NodeId *in = ARENA_ARRAY(out->own, n.n_in, NodeId);
    for (uint32_t i = 0; i < n.n_in; i++) in[i] = map[n.in[i]];
    if (n.op == OP_INPUT && n.attr.input.role == IN_ARG && n.attr.input.index >= captured)
      n.attr.input.index += n_uses;
    map[k] = b_copy(&b, &n, in);
  }
  NodeId *roots = ARENA_ARRAY(out->own, (size_t)s->body->n_roots + n_kept, NodeId);
  for (uint32_t i = 0; i < s->body->n_roots; i++) roots[i] = map[s->body->roots[i]];
  for (uint32_t i = 0; i < n_kept; i++) roots[s->body->n_roots + i] = map[l->of[id].kept.data[i]];
  graph_set_roots(out, roots, s->body->n_roots + n_kept);
  return out;
}

// The number of the yield that is node `node` of the body of loop `id`.
static uint32_t yield_of(const Loops *l, NodeId id, NodeId node) {
  const ScanAttr *s = graph_node(l->g, id)->attr.scan;
  uint32_t k = 0;
  while (k < s->n_yields && s->body->roots[s->n_carries + k] != node) k++;
  for (size_t i = 0; k >= s->n_yields && l->of[id].kept.data[i] != node; i++) k++;
  return k;
}

static NodeId copy_loop(const Loops *l, NodeId id, Builder *b, const NodeId *map) {
  const Node *n = graph_node(l->g, id);
  ScanAttr s = *n->attr.scan;
  uint32_t n_uses = (uint32_t)l->of[id].uses.len, captured = s.n_carries + s.n_sequences;
  NodeId *in = ARENA_ARRAY(b->g->own, (size_t)n->n_in + n_uses, NodeId);
  for (uint32_t i = 0; i < n->n_in; i++) in[i < captured ? i : i + n_uses] = map[n->in[i]];
  b->span = n->span;
  b->path = n->path;
  for (uint32_t i = 0; i < n_uses; i++) {
    const Use *u = &l->of[id].uses.data[i];
    in[captured + i] = b_scan_result(b, map[u->loop], yield_of(l, u->loop, u->node));
  }
  s.body = body_of(l, id, b->g->arena);
  s.n_sequences += n_uses;
  s.n_yields += (uint32_t)l->of[id].kept.len;
  s.saved = s.saved && l->of[id].kept.len == 0;
  return b_scan(b, &s, in, n->n_in + n_uses);
}

Graph *pass_save(const Graph *g, Arena *a) {
  Graph *out = graph_like(g, a);
  Builder b = {.g = out};
  Loops l = {.g = g};
  l.of = arena_array(g->own, g->len, sizeof *l.of);
  bool any = false;
  for (NodeId id = 0; id < g->len; id++) {
    if (graph_node(g, id)->op != OP_SCAN) continue;
    find_uses(&l, id);
    any = any || l.of[id].uses.len;
  }
  if (!any) return live_copy(g, NULL, a);
  NodeId *map = no_nodes(out->own, g->len);
  for (NodeId id = 0; id < g->len; id++) {
    Node n = *graph_node(g, id);
    if (l.of[id].uses.len + l.of[id].kept.len > 0) {
      map[id] = copy_loop(&l, id, &b, map);
      continue;
    }
    NodeId *in = ARENA_ARRAY(out->own, n.n_in, NodeId);
    for (uint32_t i = 0; i < n.n_in; i++) in[i] = map[n.in[i]];
    const Node *loop = n.op == OP_PROJ ? graph_node(g, n.in[0]) : NULL;
    if (loop && loop->op == OP_SCAN && n.attr.proj >= loop->attr.scan->n_yields)
      n.attr.proj += (uint32_t)l.of[n.in[0]].kept.len;
    map[id] = b_copy(&b, &n, in);
  }
  map_roots(out, g, map);
  Graph *live = live_copy(out, NULL, a);
  graph_drop(out);
  return live;
}
