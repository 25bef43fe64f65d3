// Nodes in chunks that never move; reachability is two marks in one backward walk: "a cotangent arrives" and
// "depends on x".
#include "ir/graph.h"

#include <assert.h>
#include <string.h>

Graph *graph_new(Arena *a, const char *symbol, int64_t bound) {
  Graph *g = ARENA_NEW(a, Graph);
  *g = (Graph){.arena = a, .own = a, .shapes = shape_set_new(a), .symbol = symbol, .bound = bound};
  return g;
}

Graph *graph_beside(const Graph *g, const char *symbol, int64_t bound) {
  Graph *to = ARENA_NEW(g->arena, Graph);
  *to = (Graph){.arena = g->arena, .own = g->arena, .shapes = g->shapes, .symbol = symbol, .bound = bound};
  return to;
}

static void add_chunk(Graph *g) {
  if (g->n_chunks == g->cap_chunks) {
    g->cap_chunks = g->cap_chunks ? 2 * g->cap_chunks : 4;
    assert(g->cap_chunks <= NO_NODE / NODES_A_CHUNK && "more nodes than ids");
    Node **chunk = ARENA_ARRAY(g->own, g->cap_chunks, Node *);
    if (g->n_chunks) memcpy(chunk, g->chunk, g->n_chunks * sizeof(Node *));
    g->chunk = chunk;
  }
  g->chunk[g->n_chunks++] = arena_raw(g->own, NODES_A_CHUNK, sizeof(Node));
}

Graph *graph_like(const Graph *g, Arena *a) {
  Graph *to = ARENA_NEW(a, Graph);
  *to = (Graph){
      .arena = a, .own = arena_child(a), .shapes = g->shapes, .symbol = g->symbol, .bound = g->bound};
  return to;
}

void graph_drop(Graph *g) {
  assert(g->own != g->arena);
  arena_free(g->own);
  *g = (Graph){0};
}

void graph_adopt(Graph *g, Graph *body) {
  assert(body->own != body->arena);
  arena_move(body->own, g->own);
}

NodeId graph_add_copy(Graph *g, const Node *n, const NodeId *in) {
  for (uint32_t i = 0; i < n->n_in; i++) assert(in[i] < g->len && "an input precedes its user");
  if (g->len == g->n_chunks * NODES_A_CHUNK) add_chunk(g);
  Node *to = graph_change(g, g->len);
  *to = *n;
  to->in = arena_copy(g->own, in, n->n_in * sizeof *in);
  if (!to->path) to->path = "";
  return g->len++;
}

NodeId graph_add(Graph *g, Node n) {
  n.shape = shape_set_one(g->shapes, n.shape);
  return graph_add_copy(g, &n, n.in);
}

void graph_set_roots(Graph *g, const NodeId *roots, uint32_t n) {
  g->roots = arena_copy(g->own, roots, n * sizeof *roots);
  g->n_roots = n;
}

// True when the cotangent of n's result goes on to its input i.
static bool edge_carries(const Graph *g, const Node *n, uint32_t i) {
  if (n->op == OP_PROJ) return true;
  if (n->op == OP_GRAD) return i == 0; // a gradient depends on what its e depends on
  if (!op_differentiable(n->op) || !dtype_is_real(graph_node(g, n->in[i])->dtype)) return false;
  if (n->op == OP_CUSTOM_VJP) return i > 0 && n->attr.vjp.rule->roots[i - 1] != NO_NODE;
  return true;
}

// The targets of a gradient only mark nodes: it is not computed from them.
static uint32_t operands(const Node *n) { return n->op == OP_GRAD ? 1 : n->n_in; }

// Which nodes from x on depend on it.
typedef struct Dependence {
  NodeId x;
  bool *at;
} Dependence;

static bool depends(const Dependence *d, NodeId id) { return id >= d->x && d->at[id - d->x]; }

// The input of n that depends on x and takes no cotangent; NO_NODE: there is none, or another one goes on to
// x.
static NodeId blocked_input(const Graph *g, NodeId id, const Dependence *d) {
  const Node *n = graph_node(g, id);
  for (uint32_t i = 0; i < operands(n); i++)
    if (depends(d, n->in[i]) && edge_carries(g, n, i)) return NO_NODE;
  for (uint32_t i = 0; i < operands(n); i++)
    if (depends(d, n->in[i])) return n->in[i];
  return NO_NODE;
}

Arrivals graph_arrivals(const Graph *g, NodeId e, NodeId first, Arena *a) {
  if (first > e) first = e;
  bool *at = ARENA_ARRAY(a, (size_t)(e - first) + 1, bool);
  at[e - first] = true;
  for (NodeId id = e; id > first; id--) {
    if (!at[id - first]) continue;
    const Node *n = graph_node(g, id);
    for (uint32_t i = 0; i < n->n_in; i++)
      if (n->in[i] >= first && edge_carries(g, n, i)) at[n->in[i] - first] = true;
  }
  return (Arrivals){first, e, at};
}

static bool is_by(const Reach *r, const NodeId *x, uint32_t n) {
  return r->x && r->n == n && !memcmp(r->x, x, n * sizeof *x);
}

static bool has_reached(const Reach *r, NodeId id) { return id >= r->first && r->at.data[id - r->first]; }

bool graph_reaches(Reach *r, const Graph *g, NodeId e, const NodeId *x, uint32_t n, Arena *a) {
  if (n == 0) return false;
  if (!is_by(r, x, n)) {
    r->x = arena_copy(a, x, n * sizeof *x);
    r->n = n;
    r->first = x[0];
    for (uint32_t i = 1; i < n; i++)
      if (x[i] < r->first) r->first = x[i];
    r->at.len = 0;
  }
  if (e < r->first) return false;
  NodeId known = r->first + (NodeId)r->at.len;
  for (NodeId id = known; id <= e; id++) vec_push(a, &r->at, false);
  for (uint32_t i = 0; i < n; i++)
    if (x[i] >= known && x[i] <= e) r->at.data[x[i] - r->first] = true;
  for (NodeId id = known; id <= e; id++) {
    const Node *node = graph_node(g, id);
    for (uint32_t i = 0; i < node->n_in; i++)
      if (has_reached(r, node->in[i]) && edge_carries(g, node, i)) r->at.data[id - r->first] = true;
  }
  return has_reached(r, e);
}

// The node nearest to e, among those a cotangent of e arrives at, where all ways on to x end. Where they end
// because an operand is no real (an index, a mask) the operation that made it so is named.
NodeId graph_cut(const Graph *g, const Arrivals *r, NodeId x) {
  if (x > r->e) return NO_NODE;
  Dependence d = {x, ARENA_ARRAY(g->arena, (size_t)(r->e - x) + 1, bool)};
  d.at[0] = true;
  for (NodeId id = x + 1; id <= r->e; id++) {
    const Node *n = graph_node(g, id);
    for (uint32_t i = 0; i < operands(n); i++) d.at[id - x] |= depends(&d, n->in[i]);
  }
  for (NodeId id = r->e; id > x; id--) {
    if (!graph_arrives(r, id) || !depends(&d, id)) continue;
    NodeId cut = id, in = blocked_input(g, id, &d);
    if (in == NO_NODE) continue;
    while (in != x && in != NO_NODE && !dtype_is_real(graph_node(g, in)->dtype)) {
      cut = in;
      in = blocked_input(g, cut, &d);
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
  *shape = *root->shape;
  if (!yielded) return;
  shape->d[0] = s->length;
  for (uint32_t i = 0; i < root->shape->rank; i++) shape->d[i + 1] = root->shape->d[i];
  shape->rank = root->shape->rank + 1;
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
