// Loops without what nobody reads: results that are not asked for (most carries that were saved for a
// derivative), carries that only keep themselves alive, operands that the body does not use. Constants from
// outside are copied into the body, where they are known.
#include "ir/build.h"
#include "passes/live.h"
#include "passes/passes.h"

// The PROJs of each node: the last found, then the one before it.
typedef struct Results {
  NodeId *first, *next;
} Results;

typedef struct Loop {
  Graph *g; // the SCAN is its node `id`
  NodeId id;
  const Results *results;
  const ScanAttr *s;
  bool *result;  // by number: asked for
  bool *operand; // by number: used
  bool *live;    // of the body
} Loop;

static bool is_argument(const Node *n) { return n->op == OP_INPUT && n->attr.input.role == IN_ARG; }

// The constant that an argument stands for in all iterations; NULL: none.
static const Node *constant(const Loop *l, uint32_t argument) {
  if (argument < l->s->n_carries + l->s->n_sequences) return NULL;
  const Node *n = graph_node(l->g, graph_node(l->g, l->id)->in[argument]);
  return n->op == OP_CONST ? n : NULL;
}

// Marks what the root needs; true where an operand is used that was not before.
static bool need_root(Loop *l, uint32_t root) {
  const Graph *body = l->s->body;
  bool more = false;
  l->live[body->roots[root]] = true;
  for (NodeId id = body->roots[root] + 1; id-- > 0;) {
    const Node *n = graph_node(body, id);
    if (!l->live[id]) continue;
    for (uint32_t i = 0; i < n->n_in; i++) l->live[n->in[i]] = true;
    if (!is_argument(n) || l->operand[n->attr.input.index] || constant(l, n->attr.input.index)) continue;
    more = l->operand[n->attr.input.index] = true;
  }
  return more;
}

static void find_needs(Loop *l) {
  const ScanAttr *s = l->s;
  for (NodeId id = l->results->first[l->id]; id != NO_NODE; id = l->results->next[id])
    l->result[graph_node(l->g, id)->attr.proj] = true;
  for (uint32_t k = 0; k < s->n_carries; k++) l->operand[k] = l->result[s->n_yields + k];
  for (uint32_t k = 0; k < s->n_yields; k++)
    if (l->result[k]) need_root(l, s->n_carries + k);
  for (bool more = true; more;) { // a carry that is used must be computed
    more = false;
    for (uint32_t k = 0; k < s->n_carries; k++)
      if (l->operand[k]) more = need_root(l, k) || more;
  }
}

// The number that each kept one gets.
static uint32_t renumber(const bool *kept, uint32_t n, uint32_t first, uint32_t *number) {
  for (uint32_t i = 0; i < n; i++)
    if (kept[i]) number[i] = first++;
  return first;
}

static Graph *trimmed_body(const Loop *l, const uint32_t *number) {
  const Graph *body = l->s->body;
  Graph *out = graph_like(body, l->g->arena);
  Builder b = {.g = out, .path = ""};
  NodeId *map = no_nodes(l->g->own, body->len), *roots = ARENA_ARRAY(l->g->own, body->n_roots, NodeId);
  uint32_t n_roots = 0;
  for (NodeId id = 0; id < body->len; id++) {
    if (!l->live[id]) continue;
    Node n = *graph_node(body, id);
    NodeId *in = ARENA_ARRAY(l->g->own, n.n_in, NodeId);
    for (uint32_t i = 0; i < n.n_in; i++) in[i] = map[n.in[i]];
    if (is_argument(&n) && constant(l, n.attr.input.index)) {
      map[id] = b_copy(&b, constant(l, n.attr.input.index), NULL);
      continue;
    }
    if (is_argument(&n)) n.attr.input.index = number[n.attr.input.index];
    map[id] = b_copy(&b, &n, in);
  }
  for (uint32_t k = 0; k < body->n_roots; k++) {
    bool carry = k < l->s->n_carries;
    if (carry ? l->operand[k] : l->result[k - l->s->n_carries]) roots[n_roots++] = map[body->roots[k]];
  }
  graph_set_roots(out, roots, n_roots);
  return out;
}

static void trim(Graph *g, NodeId id, const Results *results) {
  Node *n = graph_change(g, id);
  const ScanAttr *s = n->attr.scan;
  Loop l = {.g = g, .id = id, .results = results, .s = s};
  uint32_t n_results = s->n_yields + s->n_carries, sequences = s->n_carries,
           captured = sequences + s->n_sequences;
  l.result = ARENA_ARRAY(g->own, n_results, bool);
  l.operand = ARENA_ARRAY(g->own, n->n_in, bool);
  l.live = ARENA_ARRAY(g->own, s->body->len, bool);
  find_needs(&l);
  uint32_t *operand = ARENA_ARRAY(g->own, n->n_in, uint32_t),
           *result = ARENA_ARRAY(g->own, n_results, uint32_t);
  ScanAttr *t = arena_copy(g->arena, s, sizeof *t);
  t->n_carries = renumber(l.operand, s->n_carries, 0, operand);
  uint32_t end = renumber(l.operand + sequences, s->n_sequences, t->n_carries, operand + sequences);
  t->n_sequences = end - t->n_carries;
  uint32_t n_in = renumber(l.operand + captured, n->n_in - captured, end, operand + captured);
  t->n_yields = renumber(l.result, s->n_yields, 0, result);
  renumber(l.operand, s->n_carries, t->n_yields, result + s->n_yields);
  t->body = trimmed_body(&l, operand);
  t->saved = false;
  NodeId *in = ARENA_ARRAY(g->own, n_in, NodeId);
  for (uint32_t i = 0; i < n->n_in; i++)
    if (l.operand[i]) in[operand[i]] = n->in[i];
  n->in = in;
  n->n_in = n_in;
  n->attr.scan = t;
  for (NodeId p = results->first[id]; p != NO_NODE; p = results->next[p])
    graph_change(g, p)->attr.proj = result[graph_node(g, p)->attr.proj];
}

Graph *pass_loops(const Graph *g, Arena *a) {
  Graph *out = live_copy(g, NULL, a);
  Arena *scratch = arena_new();
  Results r = {no_nodes(scratch, out->len), no_nodes(scratch, out->len)};
  for (NodeId id = out->len; id-- > 0;) {
    const Node *n = graph_node(out, id);
    if (n->op == OP_PROJ) {
      r.next[id] = r.first[n->in[0]];
      r.first[n->in[0]] = id;
    }
    if (n->op == OP_SCAN) trim(out, id, &r);
  }
  arena_free(scratch);
  return out;
}
