// The marks of one gradient are those of the next one by the same targets, up to where that one's e comes later.
#include "passes/reverse.h"

static bool is_by(const Reverse *r, const NodeId *x, uint32_t n) {
  return r->a && r->n == n && (n == 0 || !memcmp(r->x, x, n * sizeof *x));
}

static void begin_by(Reverse *r, const Graph *g, const NodeId *x, uint32_t n) {
  arena_free(r->a);
  *r = (Reverse){.a = arena_child(g->own), .n = n, .first = NO_NODE};
  r->x = arena_copy(r->a, x, n * sizeof *x);
  for (uint32_t i = 0; i < n; i++)
    if (x[i] < r->first) r->first = x[i];
}

static void mark_until(Reverse *r, const Graph *g, NodeId e) {
  NodeId known = r->first + (NodeId)r->at.len;
  size_t len = (size_t)(e - r->first) + 1;
  if (len > r->at.cap) vec_reserve(r->a, &r->at, len > 2 * r->at.cap ? len : 2 * r->at.cap);
  while (r->at.len < len) vec_push(r->a, &r->at, ((Arrival){.cot = NO_NODE, .link = NO_NODE}));
  for (uint32_t i = 0; i < r->n; i++)
    if (r->x[i] >= known && r->x[i] <= e && dtype_is_real(graph_node(g, r->x[i])->dtype))
      reverse_at(r, r->x[i])->wanted = true;
  for (NodeId id = known; id <= e; id++) {
    const Node *n = graph_node(g, id);
    bool *wanted = &reverse_at(r, id)->wanted;
    for (uint32_t i = 0; i < n->n_in && !*wanted; i++)
      *wanted = reverse_wants(r, n->in[i]) && passes_to(g, n, i);
  }
}

void reverse_begin(Reverse *r, const Graph *g, NodeId e, const NodeId *x, uint32_t n) {
  if (!is_by(r, x, n)) begin_by(r, g, x, n);
  if (e >= r->first && e - r->first >= r->at.len) mark_until(r, g, e);
}

void reverse_end(Reverse *r) {
  for (size_t i = 0; i < r->visited.len; i++) {
    Arrival *at = reverse_at(r, r->visited.data[i]);
    at->cot = at->link = NO_NODE;
  }
  r->visited.len = 0;
}

void reverse_wait(Reverse *r, NodeId x) {
  vec_push(r->a, &r->waiting, x);
  NodeId *heap = r->waiting.data;
  size_t at = r->waiting.len - 1;
  for (; at > 0 && heap[(at - 1) / 2] < x; at = (at - 1) / 2) heap[at] = heap[(at - 1) / 2];
  heap[at] = x;
}

static NodeId take_largest(Reverse *r) {
  NodeId *heap = r->waiting.data, largest = heap[0], last = heap[--r->waiting.len];
  size_t at = 0, len = r->waiting.len;
  for (size_t child; (child = 2 * at + 1) < len; at = child) {
    if (child + 1 < len && heap[child + 1] > heap[child]) child++;
    if (heap[child] <= last) break;
    heap[at] = heap[child];
  }
  heap[at] = last;
  return largest;
}

NodeId reverse_next(Reverse *r) {
  if (r->waiting.len == 0) return NO_NODE;
  NodeId x = take_largest(r);
  while (r->waiting.len && r->waiting.data[0] == x) take_largest(r);
  vec_push(r->a, &r->visited, x);
  return x;
}
