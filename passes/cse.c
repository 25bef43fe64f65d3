// Common subexpressions: a table of the nodes kept so far, looked up by content. Only pure nodes are merged;
// a draw is pure, being a function of its site and shape, and a read of one version of a store too.
#include "passes/live.h"
#include "passes/passes.h"

#include <string.h>

static bool mergeable(Op op) {
  return op != OP_WRITE && op != OP_OPTIMIZE && op != OP_ASSERT &&
         (op_kind(op) != KIND_AD || op == OP_STOP_GRAD);
}

// Bit for bit the same with its inputs exchanged (max and min are not: of two zeros either may come).
static bool commutes(Op op) {
  return op == OP_ADD || op == OP_MUL || op == OP_EQ || op == OP_NE || op == OP_AND || op == OP_OR;
}

typedef struct Table {
  const Graph *g;
  const NodeId *same; // representative of every node before the one looked up; NULL: itself
  NodeId *slots;
  uint32_t mask;
} Table;

static NodeId same_as(const Table *t, NodeId id) { return t->same ? t->same[id] : id; }

static void inputs_of(const Table *t, const Node *n, NodeId in[2]) {
  for (uint32_t i = 0; i < 2 && i < n->n_in; i++) in[i] = same_as(t, n->in[i]);
  if (n->n_in == 2 && commutes(n->op) && in[0] > in[1]) {
    NodeId first = in[0];
    in[0] = in[1];
    in[1] = first;
  }
}

static uint32_t mix(uint32_t h, uint64_t v) {
  for (; v; v >>= 8) h = (h ^ (uint32_t)(v & 255)) * 16777619u;
  return h * 31;
}

static uint32_t mix_dims(uint32_t h, const Dim *d, uint32_t n) {
  for (uint32_t i = 0; i < n; i++) h = mix(mix(h, (uint64_t)d[i].a), (uint64_t)d[i].b);
  return h;
}

// What thousands of nodes may differ in alone: the draws of parameters, the rows of a list, the elements of a tensor,
// the results of a loop.
static uint32_t mix_attr(uint32_t h, const Node *n) {
  switch (n->op) {
  case OP_CONST:
    for (int64_t i = 0; i < n->attr.konst.count; i++) h = mix(h, (uint64_t)n->attr.konst.data[i].i);
    return h;
  case OP_SLICE: return mix_dims(h, n->attr.slice.start, n->shape->rank);
  case OP_PAD: return mix_dims(mix_dims(h, n->attr.pad.lo, n->shape->rank), n->attr.pad.hi, n->shape->rank);
  case OP_READ:
  case OP_WRITE: return mix(mix(h, n->attr.store.id), n->attr.store.version);
  case OP_OPTIMIZE:
    for (uint32_t i = 0; i < n->attr.optimize->n; i++)
      h = mix(mix(h, n->attr.optimize->stores[i]), n->attr.optimize->counts[i]);
    return h;
  case OP_RAND:
  case OP_RANDN: return mix(h, n->attr.site);
  case OP_INPUT: return mix(mix(h, n->attr.input.role), n->attr.input.index);
  case OP_PROJ: return mix(h, n->attr.proj);
  case OP_SCAN: return mix(h, n->attr.scan->body->len);
  default: return h;
  }
}

static uint32_t hash(const Table *t, const Node *n) {
  NodeId in[2] = {0};
  uint32_t h = mix(mix(mix(2166136261u, n->op), n->dtype), n->n_in);
  h = mix_dims(h, n->shape->d, n->shape->rank);
  inputs_of(t, n, in);
  h = mix(mix(h, in[0]), in[1]);
  for (uint32_t i = 2; i < n->n_in; i++) h = mix(h, same_as(t, n->in[i]));
  return mix_attr(h, n);
}

static bool same_bytes(const void *x, const void *y, size_t n) { return n == 0 || !memcmp(x, y, n); }

static bool same_dims(const Dim *x, const Dim *y, uint32_t n) {
  for (uint32_t i = 0; i < n; i++)
    if (!dim_eq(x[i], y[i])) return false;
  return true;
}

static bool same_dot(const Attr *x, const Attr *y) {
  return x->dot.nb == y->dot.nb && x->dot.nc == y->dot.nc && same_bytes(x->dot.lb, y->dot.lb, x->dot.nb) &&
         same_bytes(x->dot.rb, y->dot.rb, x->dot.nb) && same_bytes(x->dot.lc, y->dot.lc, x->dot.nc) &&
         same_bytes(x->dot.rc, y->dot.rc, x->dot.nc);
}

static bool same_conv(const ConvAttr *x, const ConvAttr *y, uint32_t spatial) {
  size_t n = spatial * sizeof *x->stride;
  return x->groups == y->groups && same_bytes(x->stride, y->stride, n) && same_bytes(x->lo, y->lo, n) &&
         same_bytes(x->hi, y->hi, n) && same_bytes(x->lhs_dilation, y->lhs_dilation, n) &&
         same_bytes(x->rhs_dilation, y->rhs_dilation, n);
}

static bool same_window(const WindowAttr *x, const WindowAttr *y, uint32_t rank) {
  size_t n = rank * sizeof *x->window;
  return same_bytes(x->window, y->window, n) && same_bytes(x->stride, y->stride, n) &&
         same_bytes(x->lo, y->lo, n) && same_bytes(x->hi, y->hi, n);
}

static bool same_node(const Table *t, const Node *m, const Node *n);

static bool same_part(const ScanPart *x, const ScanPart *y) {
  if (!x || !y) return x == y;
  return dim_eq(x->whole, y->whole) && x->first == y->first && x->step == y->step && x->within == y->within;
}

static bool same_loop(const ScanAttr *x, const ScanAttr *y) {
  return dim_eq(x->length, y->length) && x->reverse == y->reverse && x->n_carries == y->n_carries &&
         x->n_sequences == y->n_sequences && same_part(x->part, y->part) && graph_same(x->body, y->body);
}

static bool same_optimize(const OptimizeAttr *x, const OptimizeAttr *y) {
  size_t n = x->n * sizeof *x->stores;
  return x->kind == y->kind && x->n_hyper == y->n_hyper && x->flags == y->flags &&
         x->uses_momentum == y->uses_momentum && x->guarded == y->guarded && x->n == y->n &&
         same_bytes(x->stores, y->stores, n) && same_bytes(x->versions, y->versions, n) &&
         same_bytes(x->counts, y->counts, n) &&
         same_bytes(x->slots, y->slots, n * optimizer_info(x->kind)->slots);
}

static bool same_attr(const Node *m, const Node *n, uint32_t rank) {
  const Attr *x = &m->attr, *y = &n->attr;
  switch (n->op) {
  case OP_TRANSPOSE: return same_bytes(x->perm, y->perm, rank);
  case OP_SLICE:
    return same_dims(x->slice.start, y->slice.start, rank) &&
           same_bytes(x->slice.stride, y->slice.stride, rank * sizeof *x->slice.stride);
  case OP_PAD:
    return same_dims(x->pad.lo, y->pad.lo, rank) && same_dims(x->pad.hi, y->pad.hi, rank) &&
           same_bytes(x->pad.interior, y->pad.interior, rank * sizeof *x->pad.interior) &&
           same_bytes(&x->pad.value, &y->pad.value, sizeof x->pad.value);
  case OP_CONCAT:
  case OP_IOTA:
  case OP_ARGMAX:
  case OP_CUMSUM:
  case OP_ARGSORT:
  case OP_ARGMIN: return x->axis == y->axis;
  case OP_TRIANGULAR_SOLVE: return x->upper == y->upper;
  case OP_SUM:
  case OP_RMAX:
  case OP_RMIN:
  case OP_REVERSE: return x->axes == y->axes;
  case OP_GATHER:
  case OP_SCATTER_ADD: return x->gather.axis == y->gather.axis && x->gather.batch == y->gather.batch;
  case OP_DOT: return same_dot(x, y);
  case OP_BOX:
  case OP_DEBOX:
  case OP_ARGWINDOW:
  case OP_SAMPLE:
  case OP_DESAMPLE: return same_window(x->window, y->window, rank);
  case OP_CONV: return same_conv(x->conv, y->conv, rank - 2);
  case OP_CONST:
    return x->konst.count == y->konst.count &&
           same_bytes(x->konst.data, y->konst.data, (size_t)x->konst.count * sizeof *x->konst.data);
  case OP_READ:
  case OP_WRITE: return x->store.id == y->store.id && x->store.version == y->store.version;
  case OP_OPTIMIZE: return same_optimize(x->optimize, y->optimize);
  case OP_ASSERT: return !strcmp(x->text, y->text);
  case OP_RAND:
  case OP_RANDN: return x->site == y->site;
  case OP_SCAN: return same_loop(x->scan, y->scan);
  case OP_PROJ: return x->proj == y->proj;
  case OP_INPUT: return x->input.role == y->input.role && x->input.index == y->input.index;
  default: return true; // no attribute, or one that the shape tells
  }
}

bool same_but_inputs(const Node *m, const Node *n, uint32_t rank) {
  return m->op == n->op && m->dtype == n->dtype && m->n_in == n->n_in && shape_eq(m->shape, n->shape) &&
         same_attr(m, n, rank);
}

static bool same_node(const Table *t, const Node *m, const Node *n) {
  NodeId p[2] = {0}, q[2] = {0};
  if (!same_but_inputs(m, n, n->n_in ? graph_node(t->g, n->in[0])->shape->rank : 0)) return false;
  inputs_of(t, m, p);
  inputs_of(t, n, q);
  if (p[0] != q[0] || p[1] != q[1]) return false;
  for (uint32_t i = 2; i < n->n_in; i++)
    if (same_as(t, m->in[i]) != same_as(t, n->in[i])) return false;
  return true;
}

uint64_t graph_hash(const Graph *g) {
  Table t = {.g = g};
  uint64_t h = g->len;
  for (NodeId id = 0; id < g->len; id++) h = (h ^ hash(&t, graph_node(g, id))) * UINT64_C(0x100000001b3);
  return h;
}

bool graph_same(const Graph *x, const Graph *y) {
  Table t = {.g = x};
  if (x->len != y->len || x->n_roots != y->n_roots ||
      !same_bytes(x->roots, y->roots, x->n_roots * sizeof *x->roots))
    return false;
  for (NodeId id = 0; id < x->len; id++)
    if (!same_node(&t, graph_node(x, id), graph_node(y, id))) return false;
  return true;
}

// The first node equal to `id`, itself if there was none.
static NodeId look_up(Table *t, NodeId id) {
  const Node *n = graph_node(t->g, id);
  uint32_t at = hash(t, n) & t->mask;
  for (; t->slots[at] != NO_NODE; at = (at + 1) & t->mask)
    if (same_node(t, graph_node(t->g, t->slots[at]), n)) return t->slots[at];
  t->slots[at] = id;
  return id;
}

Graph *pass_cse(const Graph *g, Arena *a) {
  uint32_t size = 16;
  while (size < 2 * g->len) size *= 2;
  Arena *scratch = arena_new();
  NodeId *same = ARENA_ARRAY(scratch, g->len, NodeId);
  Table t = {.g = g, .same = same, .slots = no_nodes(scratch, size), .mask = size - 1};
  for (NodeId id = 0; id < g->len; id++) same[id] = mergeable(graph_node(g, id)->op) ? look_up(&t, id) : id;
  Graph *out = live_copy(g, same, a);
  arena_free(scratch);
  return out;
}
