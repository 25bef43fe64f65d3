// One walk from the roots backwards marks, one forwards copies.
#include "passes/live.h"

#include "ir/build.h"
#include "passes/passes.h"

NodeId *no_nodes(Arena *a, size_t n) {
  NodeId *ids = ARENA_ARRAY(a, n, NodeId);
  for (size_t i = 0; i < n; i++) ids[i] = NO_NODE;
  return ids;
}

void map_roots(Graph *to, const Graph *g, const NodeId *map) {
  NodeId *roots = ARENA_ARRAY(to->own, g->n_roots, NodeId);
  for (uint32_t i = 0; i < g->n_roots; i++) roots[i] = g->roots[i] == NO_NODE ? NO_NODE : map[g->roots[i]];
  graph_set_roots(to, roots, g->n_roots);
}

static const NodeId *themselves(const Graph *g, Arena *a) {
  NodeId *ids = ARENA_ARRAY(a, g->len, NodeId);
  for (NodeId id = 0; id < g->len; id++) ids[id] = id;
  return ids;
}

static const Node *in_place(const Graph *g, const Node *const *instead, NodeId id) {
  return instead && instead[id] ? instead[id] : graph_node(g, id);
}

static bool *mark_live(const Graph *g, const NodeId *same, const Node *const *instead, Arena *a) {
  bool *live = ARENA_ARRAY(a, g->len, bool);
  for (uint32_t i = 0; i < g->n_roots; i++)
    if (g->roots[i] != NO_NODE) live[same[g->roots[i]]] = true;
  for (NodeId id = g->len; id-- > 0;) {
    const Node *n = in_place(g, instead, id);
    if (n->op == OP_WRITE || n->op == OP_OPTIMIZE) live[id] = true;
    for (uint32_t i = 0; i < n->n_in && live[id]; i++) live[same[n->in[i]]] = true;
  }
  return live;
}

const bool *live_nodes(const Graph *g, Arena *a) { return mark_live(g, themselves(g, a), NULL, a); }

static Graph *copy(const Graph *g, const NodeId *same, const Node *const *instead, Arena *a) {
  Graph *out = graph_like(g, a);
  Builder b = {.g = out};
  Arena *scratch = arena_new();
  if (!same) same = themselves(g, scratch);
  bool *live = mark_live(g, same, instead, scratch);
  NodeId *map = no_nodes(scratch, g->len), *in = NULL;
  uint32_t room = 0;
  for (NodeId id = 0; id < g->len; id++) {
    const Node *n = in_place(g, instead, id);
    if (same[id] != id) map[id] = map[same[id]];
    if (!live[id] || same[id] != id) continue;
    if (n->n_in > room) in = ARENA_ARRAY(scratch, room = 2 * n->n_in, NodeId);
    for (uint32_t i = 0; i < n->n_in; i++) in[i] = map[same[n->in[i]]];
    map[id] = b_copy(&b, n, in);
  }
  map_roots(out, g, map);
  arena_free(scratch);
  return out;
}

Graph *live_copy(const Graph *g, const NodeId *same, Arena *a) { return copy(g, same, NULL, a); }

Graph *live_copy_with(const Graph *g, const Node *const *instead, Arena *a) {
  return copy(g, NULL, instead, a);
}

void change_bodies(Graph *g, Graph *(*change)(const Graph *body, void *user, Arena *a), void *user,
                   Arena *a) {
  for (NodeId id = 0; id < g->len; id++) {
    if (graph_node(g, id)->op != OP_SCAN) continue;
    ScanAttr *s = arena_copy(g->arena, graph_node(g, id)->attr.scan, sizeof *s);
    Graph *body = change(s->body, user, a);
    change_bodies(body, change, user, a);
    graph_adopt(g, body);
    s->body = body;
    graph_change(g, id)->attr.scan = s;
  }
}

Graph *pass_dce(const Graph *g, Arena *a) { return live_copy(g, NULL, a); }
