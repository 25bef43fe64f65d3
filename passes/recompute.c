// `recompute = k`: the derivative saves the carries of every k-th iteration only and computes those between
// again. The loop becomes one over blocks of k iterations, whose body is a loop over a block, and one over
// the rest of the elements, the first ones, where k does not divide the length. The derivative of these has
// it by itself: the loop over blocks saves the carries that each block begins with, and its derivative runs a
// block's loop again before its way back.
#include "passes/autodiff.h"

#include "passes/live.h"

#include <string.h>

typedef struct Split {
  Walk *w;
  const ScanAttr *s;
  uint32_t captured, n_in, n_results;
  int64_t k, rest; // iterations of a block; before the first one
  Dim blocks;
} Split;

static bool has_room(const ScanAttr *s) { // two axes stand in front of what is yielded
  for (uint32_t i = 0; i < s->n_yields; i++)
    if (graph_node(s->body, s->body->roots[s->n_carries + i])->shape->rank + 2 > MAX_RANK) return false;
  return true;
}

static int64_t floor_mod(int64_t a, int64_t k) { return (a % k + k) % k; }

// A dynamic length is a multiple of k up to something fixed: frontend/loop.c sees to it.
bool scan_splits(const ScanAttr *s) {
  int64_t k = s->recompute;
  if (k <= 1 || s->part || s->length.a % k != 0 || !has_room(s)) return false;
  return !dim_static(s->length) || s->length.b / k >= 2; // one block saves nothing
}

static const ScanPart *part(const Split *p, int64_t first, int64_t step, bool within) {
  ScanPart own = {p->s->length, first, step, within};
  return arena_copy(p->w->b.g->arena, &own, sizeof own);
}

// Elements `from`, `from` + 1, … of x, so many.
static NodeId elements(Builder *b, NodeId x, int64_t from, Dim many) {
  Shape s = *graph_node(b->g, x)->shape;
  Dim start[MAX_RANK] = {{0, from}};
  int64_t stride[MAX_RANK];
  for (uint32_t i = 0; i < s.rank; i++) stride[i] = 1;
  if (from == 0 && dim_eq(s.d[0], many)) return x;
  s.d[0] = many;
  return b_slice(b, x, start, s.d, stride);
}

// [q k, …] as [q, k, …]
static NodeId in_blocks(const Split *p, NodeId x) {
  Shape s = *walk_node(p->w, x)->shape;
  memmove(s.d + 2, s.d + 1, (s.rank - 1) * sizeof *s.d);
  s.d[0] = p->blocks;
  s.d[1] = (Dim){0, p->k};
  s.rank++;
  return b_reshape(&p->w->b, x, s);
}

static NodeId out_of_blocks(const Split *p, NodeId x) {
  Shape s = *walk_node(p->w, x)->shape;
  s.d[1] = (Dim){p->blocks.a * p->k, p->blocks.b * p->k};
  memmove(s.d, s.d + 1, --s.rank * sizeof *s.d);
  return b_reshape(&p->w->b, x, s);
}

// The loop's body inside of a block: what it knows as its iteration's number is that of the block on top.
static Graph *body_in_block(const Split *p) {
  const Graph *body = p->s->body;
  Graph *out = graph_like(body, p->w->b.g->arena);
  Builder b = {.g = out, .real = p->w->b.real, .path = ""};
  NodeId *map = no_nodes(out->own, body->len), first = NO_NODE;
  for (NodeId id = 0; id < body->len; id++) {
    const Node *n = graph_node(body, id);
    NodeId *in = ARENA_ARRAY(out->own, n->n_in, NodeId);
    for (uint32_t i = 0; i < n->n_in; i++) in[i] = map[n->in[i]];
    map[id] = b_copy(&b, n, in);
    if (n->op != OP_INPUT || n->attr.input.role != IN_ITERATION) continue;
    if (first == NO_NODE) first = b_input(&b, IN_ARG, p->n_in, "first", DT_I32, (Shape){0});
    map[id] = b_ew2(&b, OP_ADD, first, map[id]);
  }
  map_roots(out, body, map);
  return out;
}

// The body of the loop over blocks.
static Graph *block_body(const Split *p, const NodeId *operand) {
  Graph *g = graph_beside(p->w->b.g, p->w->b.g->symbol, p->w->b.g->bound);
  Builder b = {.g = g, .real = p->w->b.real, .span = p->w->b.span, .path = ""};
  NodeId *in = ARENA_ARRAY(g->own, (size_t)p->n_in + 1, NodeId),
         *roots = ARENA_ARRAY(g->own, p->n_results, NodeId);
  ScanAttr inner = *p->s;
  inner.body = body_in_block(p);
  inner.length = (Dim){0, p->k};
  inner.recompute = 0;
  inner.part = part(p, 0, 1, true);
  ScanAttr outer = {.n_carries = p->s->n_carries, .n_sequences = p->s->n_sequences};
  for (uint32_t i = 0; i < p->n_in; i++) {
    const Node *x = walk_node(p->w, operand[i]);
    in[i] = b_input(&b, IN_ARG, i, NULL, x->dtype, scan_argument(&outer, i, x->shape));
  }
  NodeId number = b_input(&b, IN_ITERATION, 0, "block", DT_I32, (Shape){0});
  number = b_ew2(&b, OP_MUL, number, b_scalar(&b, DT_I32, (double)p->k));
  in[p->n_in] = b_ew2(&b, OP_ADD, number, b_scalar(&b, DT_I32, (double)p->rest));
  NodeId scan = b_scan(&b, &inner, in, p->n_in + 1);
  for (uint32_t i = 0; i < p->n_results; i++) // carries, then yields
    roots[i] = b_scan_result(&b, scan, i < p->s->n_carries ? p->s->n_yields + i : i - p->s->n_carries);
  graph_set_roots(g, roots, p->n_results);
  return g;
}

// Appends one of the two loops; *carry are what it begins with and, afterwards, ends with.
static NodeId *append_loop(const Split *p, const ScanAttr *s, NodeId *in, NodeId *results) {
  NodeId scan = saved_scan(p->w, s, in, p->n_in);
  for (uint32_t i = 0; i < p->n_results; i++) results[i] = b_scan_result(&p->w->b, scan, saved_result(s, i));
  memcpy(in, results + p->s->n_yields, p->s->n_carries * sizeof *in);
  return results;
}

static void run_rest(const Split *p, const NodeId *operand, NodeId *carries, NodeId *results) {
  if (p->rest == 0) return;
  NodeId *in = arena_copy(p->w->b.g->own, operand, p->n_in * sizeof *in);
  memcpy(in, carries, p->s->n_carries * sizeof *in);
  for (uint32_t i = p->s->n_carries; i < p->captured; i++)
    in[i] = elements(&p->w->b, in[i], 0, (Dim){0, p->rest});
  ScanAttr s = *p->s;
  s.length = (Dim){0, p->rest};
  s.recompute = 0;
  s.part = part(p, 0, 1, false);
  append_loop(p, &s, in, results);
  memcpy(carries, in, p->s->n_carries * sizeof *in);
}

static void run_blocks(const Split *p, const NodeId *operand, NodeId *carries, NodeId *results) {
  NodeId *in = arena_copy(p->w->b.g->own, operand, p->n_in * sizeof *in);
  memcpy(in, carries, p->s->n_carries * sizeof *in);
  Dim many = {p->blocks.a * p->k, p->blocks.b * p->k};
  for (uint32_t i = p->s->n_carries; i < p->captured; i++)
    in[i] = in_blocks(p, elements(&p->w->b, in[i], p->rest, many));
  ScanAttr s = *p->s;
  s.body = block_body(p, in);
  s.length = p->blocks;
  s.part = part(p, p->rest, p->k, false);
  append_loop(p, &s, in, results);
  memcpy(carries, in, p->s->n_carries * sizeof *in);
  for (uint32_t i = 0; i < p->s->n_yields; i++) results[i] = out_of_blocks(p, results[i]);
}

NodeId *split_scan(Walk *w, const ScanAttr *s, const NodeId *in, uint32_t n) {
  int64_t k = s->recompute, rest = floor_mod(s->length.b, k);
  Split p = {.w = w, .s = s, .n_in = n, .k = k, .rest = rest};
  p.captured = s->n_carries + s->n_sequences;
  p.n_results = s->n_yields + s->n_carries;
  p.blocks = (Dim){s->length.a / k, (s->length.b - rest) / k};
  Arena *a = w->b.g->own;
  NodeId *carries = arena_copy(a, in, s->n_carries * sizeof *carries);
  NodeId *first = ARENA_ARRAY(a, p.n_results, NodeId), *blocks = ARENA_ARRAY(a, p.n_results, NodeId);
  if (!s->reverse) run_rest(&p, in, carries, first);
  run_blocks(&p, in, carries, blocks);
  if (s->reverse) run_rest(&p, in, carries, first);
  for (uint32_t i = 0; i < s->n_yields && rest > 0; i++)
    blocks[i] = b_concat(&w->b, (NodeId[]){first[i], blocks[i]}, 2, 0);
  memcpy(blocks + s->n_yields, carries, s->n_carries * sizeof *carries);
  return blocks;
}
