// What an iteration computes of captured operands alone is the same in every one: it is computed before the
// loop and captured. The elaborator does so for what is written; this is for what derivatives add. Views
// stay: they cost nothing where they are read.
#include "ir/base/vec.h"
#include "ir/build.h"
#include "passes/live.h"
#include "passes/passes.h"

typedef struct Hoist {
  const Graph *body;
  uint32_t captured; // the first operand that is
  bool *same;        // by node: in every iteration
  VEC(NodeId) out;   // those that go, in order
} Hoist;

static bool is_view(Op op) {
  return op == OP_RESHAPE || op == OP_TRANSPOSE || op == OP_BROADCAST || op == OP_SLICE || op == OP_REVERSE;
}

static bool is_same(const Hoist *h, const Node *n) {
  if (n->op == OP_INPUT)
    return n->attr.input.role == IN_ARG ? n->attr.input.index >= h->captured
                                        : n->attr.input.role != IN_ITERATION;
  bool same = op_kind(n->op) != KIND_RANDOM && n->op != OP_SCAN && n->op != OP_PROJ;
  for (uint32_t i = 0; i < n->n_in; i++) same = same && h->same[n->in[i]];
  return same;
}

static bool goes(const Hoist *h, NodeId id) {
  const Node *n = graph_node(h->body, id);
  return h->same[id] && n->op != OP_INPUT && n->op != OP_CONST && !is_view(n->op) && n->n_in > 0;
}

static void find(Hoist *h, Arena *a) {
  bool *live = ARENA_ARRAY(a, h->body->len, bool);
  h->same = ARENA_ARRAY(a, h->body->len, bool);
  for (NodeId id = 0; id < h->body->len; id++) h->same[id] = is_same(h, graph_node(h->body, id));
  for (uint32_t i = 0; i < h->body->n_roots; i++) live[h->body->roots[i]] = true;
  for (NodeId id = h->body->len; id-- > 0;) {
    const Node *n = graph_node(h->body, id);
    if (!live[id]) continue;
    if (goes(h, id)) {
      vec_push(a, &h->out, id);
      continue;
    }
    for (uint32_t i = 0; i < n->n_in; i++) live[n->in[i]] = true;
  }
}

// A node of the body in the graph around it, of which `operand` are the loop's operands.
static NodeId outside(const Hoist *h, NodeId id, Builder *b, const NodeId *operand, NodeId *map) {
  const Node *n = graph_node(h->body, id);
  if (map[id] != NO_NODE) return map[id];
  if (n->op == OP_INPUT && n->attr.input.role == IN_ARG) return map[id] = operand[n->attr.input.index];
  NodeId *in = ARENA_ARRAY(b->g->own, n->n_in, NodeId);
  for (uint32_t i = 0; i < n->n_in; i++) in[i] = outside(h, n->in[i], b, operand, map);
  return map[id] = b_copy(b, n, in);
}

static Graph *body_without(const Hoist *h, uint32_t n_in, Arena *a) {
  Graph *g = graph_like(h->body, a);
  Builder b = {.g = g, .path = ""};
  NodeId *map = no_nodes(g->own, h->body->len);
  for (size_t i = 0; i < h->out.len; i++) {
    const Node *n = graph_node(h->body, h->out.data[i]);
    map[h->out.data[i]] = b_input(&b, IN_ARG, n_in + (uint32_t)i, NULL, n->dtype, *n->shape);
  }
  for (NodeId id = 0; id < h->body->len; id++) {
    const Node *n = graph_node(h->body, id);
    if (map[id] != NO_NODE) continue;
    NodeId *in = ARENA_ARRAY(g->own, n->n_in, NodeId);
    for (uint32_t i = 0; i < n->n_in; i++) in[i] = map[n->in[i]];
    map[id] = b_copy(&b, n, in);
  }
  map_roots(g, h->body, map);
  return g;
}

static NodeId copy_loop(const Node *n, const NodeId *in, Builder *b) {
  Arena *own = b->g->own;
  const ScanAttr *s = n->attr.scan;
  Hoist h = {.body = s->body, .captured = s->n_carries + s->n_sequences};
  find(&h, own);
  if (h.out.len == 0) return b_copy(b, n, in);
  NodeId *map = no_nodes(own, s->body->len), *operand = ARENA_ARRAY(own, n->n_in + h.out.len, NodeId);
  for (uint32_t i = 0; i < n->n_in; i++) operand[i] = in[i];
  for (size_t i = 0; i < h.out.len; i++) operand[n->n_in + i] = outside(&h, h.out.data[i], b, in, map);
  ScanAttr t = *s;
  t.body = body_without(&h, n->n_in, b->g->arena);
  b->span = n->span;
  b->path = n->path;
  return b_scan(b, &t, operand, n->n_in + (uint32_t)h.out.len);
}

Graph *pass_hoist(const Graph *g, Arena *a) {
  Graph *out = graph_like(g, a);
  Builder b = {.g = out};
  NodeId *map = no_nodes(out->own, g->len);
  for (NodeId id = 0; id < g->len; id++) {
    const Node *n = graph_node(g, id);
    NodeId *in = ARENA_ARRAY(out->own, n->n_in, NodeId);
    for (uint32_t i = 0; i < n->n_in; i++) in[i] = map[n->in[i]];
    map[id] = n->op == OP_SCAN ? copy_loop(n, in, &b) : b_copy(&b, n, in);
  }
  map_roots(out, g, map);
  Graph *live = live_copy(out, NULL, a);
  graph_drop(out);
  return live;
}
