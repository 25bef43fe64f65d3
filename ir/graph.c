// Nodes in one growing array; reachability is two marks in one backward walk: "a cotangent arrives" and
// "depends on x".
#include "ir/graph.h"

#include <assert.h>
#include <string.h>

Graph *graph_new(Arena *a, const char *symbol, int64_t bound) {
  Graph *g = ARENA_NEW(a, Graph);
  g->arena = g->own = a;
  g->symbol = symbol;
  g->bound = bound;
  return g;
}

static void set_capacity(Graph *g, uint32_t cap) {
  Node *nodes = arena_raw(g->own, cap, sizeof *nodes);
  if (g->len) memcpy(nodes, g->nodes, g->len * sizeof *nodes);
  g->nodes = nodes;
  g->cap = cap;
}

static void grow(Graph *g) {
  uint32_t cap = g->cap ? 2 * g->cap : 16; // the rule of a custom gradient is small
  assert(cap > g->cap && "more nodes than ids");
  set_capacity(g, cap);
}

void graph_reserve(Graph *g, uint32_t n) {
  if (n > g->cap) set_capacity(g, n);
}

Graph *graph_like(const Graph *g, Arena *a) {
  Graph *to = graph_new(a, g->symbol, g->bound);
  to->own = arena_child(a);
  graph_reserve(to, g->len);
  return to;
}

void graph_drop(Graph *g) {
  assert(g->own != g->arena);
  arena_free(g->own);
  *g = (Graph){0};
}

NodeId graph_add(Graph *g, Node n) {
  for (uint32_t i = 0; i < n.n_in; i++) assert(n.in[i] < g->len && "an input precedes its user");
  if (g->len == g->cap) grow(g);
  n.in = arena_copy(g->own, n.in, n.n_in * sizeof *n.in);
  if (!n.path) n.path = "";
  g->nodes[g->len] = n;
  return g->len++;
}

void graph_set_roots(Graph *g, const NodeId *roots, uint32_t n) {
  g->roots = arena_copy(g->own, roots, n * sizeof *roots);
  g->n_roots = n;
}

// True when the cotangent of n's result goes on to its input i.
static bool edge_carries(const Graph *g, const Node *n, uint32_t i) {
  if (n->op == OP_PROJ) return true;
  if (n->op == OP_GRAD) return i == 0; // a gradient depends on what its e depends on
  if (!op_differentiable(n->op) || !dtype_is_real(g->nodes[n->in[i]].dtype)) return false;
  if (n->op == OP_CUSTOM_VJP) return i > 0 && n->attr.vjp.rule->roots[i - 1] != NO_NODE;
  return true;
}

// The targets of a gradient only mark nodes: it is not computed from them.
static uint32_t operands(const Node *n) { return n->op == OP_GRAD ? 1 : n->n_in; }

// The input of n that depends on x and takes no cotangent; NO_NODE: all that depend on x take it.
static NodeId blocked_input(const Graph *g, const Node *n, const bool *depends) {
  for (uint32_t i = 0; i < operands(n); i++)
    if (depends[n->in[i]] && !edge_carries(g, n, i)) return n->in[i];
  return NO_NODE;
}

const bool *graph_arrivals(const Graph *g, NodeId e, Arena *a) {
  bool *arrives = ARENA_ARRAY(a, (size_t)e + 1, bool);
  arrives[e] = true;
  for (NodeId id = e; id > 0; id--) {
    if (!arrives[id]) continue;
    const Node *n = &g->nodes[id];
    for (uint32_t i = 0; i < n->n_in; i++)
      if (edge_carries(g, n, i)) arrives[n->in[i]] = true;
  }
  return arrives;
}

// The node nearest to e, among those a cotangent of e arrives at, where a way on to x ends. Where it ends
// because an operand is no real (an index, a mask) the operation that made it so is named.
NodeId graph_cut(const Graph *g, const bool *arrives, NodeId e, NodeId x) {
  if (x > e) return NO_NODE;
  bool *depends = ARENA_ARRAY(g->arena, (size_t)e + 1, bool);
  depends[x] = true;
  for (NodeId id = x + 1; id <= e; id++)
    for (uint32_t i = 0; i < operands(&g->nodes[id]); i++) depends[id] |= depends[g->nodes[id].in[i]];
  for (NodeId id = e; id > x; id--) {
    if (!arrives[id] || !depends[id]) continue;
    NodeId cut = id, in = blocked_input(g, &g->nodes[id], depends);
    if (in == NO_NODE) continue;
    while (in != x && in != NO_NODE && !dtype_is_real(g->nodes[in].dtype)) {
      cut = in;
      in = blocked_input(g, &g->nodes[cut], depends);
    }
    return cut;
  }
  return NO_NODE;
}

Shape scan_argument(const ScanAttr *s, uint32_t k, const Shape *operand) {
  Shape element = {0};
  if (k < s->n_carries || k >= s->n_carries + s->n_sequences) return *operand;
  for (uint32_t i = 1; i < operand->rank; i++) element.d[element.rank++] = operand->d[i];
  return element;
}

void scan_result(const ScanAttr *s, uint32_t k, DType *t, Shape *shape) {
  bool yielded = k < s->n_yields;
  const Node *root = graph_node(s->body, s->body->roots[yielded ? s->n_carries + k : k - s->n_yields]);
  *t = root->dtype;
  *shape = root->shape;
  if (!yielded) return;
  shape->d[0] = s->length;
  for (uint32_t i = 0; i < root->shape.rank; i++) shape->d[i + 1] = root->shape.d[i];
  shape->rank = root->shape.rank + 1;
}

int64_t scan_draw(const ScanAttr *s, int64_t outer, int64_t i, int64_t bound) {
  if (!s->part) return outer * dim_at(s->length, bound) + i;
  int64_t scale = s->part->within ? 1 : dim_at(s->part->whole, bound);
  return outer * scale + s->part->first + s->part->step * i;
}

bool graph_draws(const Graph *g) {
  for (NodeId v = 0; v < g->len; v++) {
    const Node *n = graph_node(g, v);
    if (op_kind(n->op) == KIND_RANDOM || (n->op == OP_SCAN && graph_draws(n->attr.scan->body))) return true;
  }
  return false;
}

uint32_t graph_argument_of(const Graph *g, NodeId v) {
  for (;;) {
    const Node *n = graph_node(g, v);
    switch (n->op) {
    case OP_INPUT: return n->attr.input.role == IN_ARG ? n->attr.input.index : UINT32_MAX;
    case OP_CAST:
    case OP_RESHAPE:
    case OP_TRANSPOSE:
    case OP_BROADCAST:
    case OP_SLICE:
    case OP_REVERSE: v = n->in[0]; break;
    default: return UINT32_MAX;
    }
  }
}

// An update count, like the slots, has no versions: a step reads what the last one left.
static void optimize_uses(const OptimizeAttr *o, StoreUse *uses) {
  uint32_t slots = optimizer_info(o->kind)->slots;
  for (uint32_t i = 0; i < o->n; i++) {
    uses[o->stores[i]].written = true;
    uses[o->stores[i]].read |= o->versions[i] == 0;
    uses[o->counts[i]] = (StoreUse){true, true};
    for (uint32_t k = i * slots; k < (i + 1) * slots; k++)
      if (o->slots[k] != UINT32_MAX) uses[o->slots[k]] = (StoreUse){true, true};
  }
}

void graph_store_uses(const Graph *g, StoreUse *uses) {
  for (NodeId id = 0; id < g->len; id++) {
    const Node *n = graph_node(g, id);
    if (n->op == OP_READ && n->attr.store.version == 0) uses[n->attr.store.id].read = true;
    if (n->op == OP_WRITE) uses[n->attr.store.id].written = true;
    if (n->op == OP_OPTIMIZE) optimize_uses(n->attr.optimize, uses);
  }
}
