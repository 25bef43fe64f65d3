// The derivative of a loop is a loop that runs the other way. Each iteration begins with what the forward one
// began with (the saved carries), computes it again and hands cotangents on: those of the carries are
// carried, those of what is captured are carried as sums, those of the sequences' elements are yielded. Its
// body is made of the forward body and a GRAD, which is expanded with everything else: so derivatives of
// derivatives are by the same rule.
#include "passes/autodiff.h"

#include "ir/base/vec.h"
#include "passes/live.h"

#include <string.h>

NodeId saved_scan(Walk *w, const ScanAttr *s, const NodeId *in, uint32_t n) {
  if (s->saved || s->n_carries == 0) return b_scan(&w->b, s, in, n);
  Arena *a = w->b.g->arena;
  Graph *body = graph_like(s->body, a);
  Builder b = {.g = body, .real = w->b.real, .path = ""};
  NodeId *args = no_nodes(a, s->n_carries), *roots = ARENA_ARRAY(a, s->body->n_roots + s->n_carries, NodeId);
  for (NodeId id = 0; id < s->body->len; id++) {
    const Node *node = graph_node(s->body, id);
    b_copy(&b, node, node->in);
    if (node->op == OP_INPUT && node->attr.input.role == IN_ARG && node->attr.input.index < s->n_carries)
      args[node->attr.input.index] = id;
  }
  for (uint32_t k = 0; k < s->n_carries; k++) {
    const Node *x = graph_node(w->b.g, in[k]);
    if (args[k] == NO_NODE) args[k] = b_input(&b, IN_ARG, k, NULL, x->dtype, *x->shape);
  }
  memcpy(roots, s->body->roots, s->body->n_roots * sizeof *roots);
  memcpy(roots + s->body->n_roots, args, s->n_carries * sizeof *roots);
  graph_set_roots(body, roots, s->body->n_roots + s->n_carries);
  ScanAttr saved = *s;
  saved.body = body;
  saved.n_yields += s->n_carries;
  saved.saved = true;
  return b_scan(&w->b, &saved, in, n);
}

uint32_t saved_result(const ScanAttr *s, uint32_t k) {
  return s->saved || k < s->n_yields ? k : k + s->n_carries;
}

// ---- the loop that runs back

typedef struct Back {
  Walk *w;
  Node forward; // the scan
  const ScanAttr *s;
  const NodeId *of_results; // cotangents
  const bool *wanted;       // operands
  const NodeId *so_far;     // what is captured: cotangents that have arrived, on which the sums go on
  uint32_t captured;        // the first operand that is
  ScanAttr loop;
  Builder b;      // of its body
  VEC(NodeId) in; // its operands, in the order of the body's arguments
  // In the body; NO_NODE: none. By carry, yield and operand of the forward loop.
  NodeId *d_carry, *d_yield, *sum, *arg;
} Back;

// Another argument of the body, which stands for `operand`.
static NodeId argument(Back *k, NodeId operand, const Shape *s) {
  NodeId id = b_input(&k->b, IN_ARG, (uint32_t)k->in.len, NULL, walk_node(k->w, operand)->dtype, *s);
  vec_push(k->w->b.g->own, &k->in, operand);
  return id;
}

static NodeId whole(Back *k, NodeId operand) {
  return argument(k, operand, walk_node(k->w, operand)->shape);
}

static NodeId element(Back *k, NodeId sequence) {
  Shape s = *walk_node(k->w, sequence)->shape;
  memmove(s.d, s.d + 1, --s.rank * sizeof *s.d);
  return argument(k, sequence, &s);
}

// The cotangent of a result, whole; NO_NODE: zero.
static NodeId cotangent(const Back *k, uint32_t result) {
  DType t;
  Shape s;
  if (k->of_results[result] == NO_NODE) return NO_NODE;
  scan_result(k->s, result, &t, &s);
  return cot_exact(k->w, k->of_results[result], s);
}

static NodeId zeros(const Back *k, uint32_t operand) {
  const Node *x = walk_node(k->w, k->forward.in[operand]);
  return b_splat(&k->w->b, x->dtype, *x->shape, (Scalar){0});
}

static NodeId begin_sum(const Back *k, uint32_t operand) {
  NodeId c = k->so_far[operand];
  return c == NO_NODE ? zeros(k, operand)
                      : cot_exact(k->w, c, *walk_node(k->w, k->forward.in[operand])->shape);
}

// Cotangents of the forward carries, and sums for what is captured.
static void make_carries(Back *k) {
  for (uint32_t i = 0; i < k->s->n_carries; i++) {
    if (!dtype_is_real(walk_node(k->w, k->forward.in[i])->dtype)) continue;
    NodeId d = cotangent(k, k->s->n_yields + i);
    k->d_carry[i] = whole(k, d == NO_NODE ? zeros(k, i) : d);
  }
  for (uint32_t i = k->captured; i < k->forward.n_in; i++)
    if (k->wanted[i]) k->sum[i] = whole(k, begin_sum(k, i));
  k->loop.n_carries = (uint32_t)k->in.len;
}

// What the forward iterations began with and saw, and cotangents of what they yielded.
static void make_sequences(Back *k, NodeId scan) {
  uint32_t n_saved = k->s->saved ? k->s->n_carries : 0, first_saved = k->s->n_yields - n_saved;
  for (uint32_t i = 0; i < n_saved; i++)
    k->arg[i] = element(k, b_scan_result(&k->w->b, scan, first_saved + i));
  for (uint32_t i = k->s->n_carries; i < k->captured; i++) k->arg[i] = element(k, k->forward.in[i]);
  for (uint32_t i = 0; i < k->s->n_yields; i++) {
    NodeId d = cotangent(k, i);
    if (d != NO_NODE) k->d_yield[i] = element(k, d);
  }
  k->loop.n_sequences = (uint32_t)k->in.len - k->loop.n_carries;
}

// ---- its body

// Adds <x, dx> to *e.
static void add_product(Back *k, NodeId x, NodeId dx, NodeId *e) {
  if (dx == NO_NODE) return;
  const Node *n = graph_node(k->b.g, x);
  NodeId t = b_reduce(&k->b, OP_SUM, b_ew2(&k->b, OP_MUL, x, dx), (1u << n->shape->rank) - 1);
  if (*e == NO_NODE)
    *e = t;
  else
    *e = b_ew2(&k->b, OP_ADD, *e, b_cast(&k->b, t, graph_node(k->b.g, *e)->dtype));
}

// The forward body over the arguments; gives the roots.
static NodeId *copy_body(Back *k) {
  const Graph *body = k->s->body;
  Arena *a = k->w->b.g->own;
  NodeId *map = no_nodes(a, body->len), *roots = ARENA_ARRAY(a, body->n_roots, NodeId);
  for (NodeId id = 0; id < body->len; id++) {
    const Node *n = graph_node(body, id);
    NodeId *in = ARENA_ARRAY(a, n->n_in, NodeId);
    for (uint32_t i = 0; i < n->n_in; i++) in[i] = map[n->in[i]];
    bool arg = n->op == OP_INPUT && n->attr.input.role == IN_ARG;
    map[id] = arg ? k->arg[n->attr.input.index] : b_copy(&k->b, n, in);
  }
  for (uint32_t i = 0; i < body->n_roots; i++) roots[i] = map[body->roots[i]];
  return roots;
}

// <results, cotangents> of one iteration. The sums come last, so that they are what the cotangents of
// captured operands begin with: each term is added to them as it arrives, whatever the loops in between.
static NodeId products(Back *k) {
  NodeId e = NO_NODE, *roots = copy_body(k);
  for (uint32_t i = 0; i < k->s->n_carries; i++) add_product(k, roots[i], k->d_carry[i], &e);
  for (uint32_t i = 0; i < k->s->n_yields; i++) add_product(k, roots[k->s->n_carries + i], k->d_yield[i], &e);
  for (uint32_t i = k->captured; i < k->forward.n_in; i++) add_product(k, k->arg[i], k->sum[i], &e);
  return e;
}

static bool is_sequence(const Back *k, uint32_t operand) {
  return operand >= k->s->n_carries && operand < k->captured;
}

// The operands that e is differentiated by: carries always, for they lead to the iterations before.
static uint32_t list_targets(const Back *k, uint32_t *operand) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < k->forward.n_in; i++)
    if (i < k->s->n_carries ? k->d_carry[i] != NO_NODE : k->wanted[i]) operand[n++] = i;
  return n;
}

// The body's roots: carries, in the order of the arguments, then the cotangents of elements.
static void make_roots(Back *k, NodeId e, const uint32_t *operand, uint32_t n) {
  Arena *a = k->w->b.g->own;
  NodeId *x = ARENA_ARRAY(a, n, NodeId), *roots = ARENA_ARRAY(a, n, NodeId);
  uint32_t carry = 0, yield = k->loop.n_carries;
  for (uint32_t j = 0; j < n; j++) x[j] = k->arg[operand[j]];
  NodeId grad = b_grad(&k->b, e, x, n);
  for (uint32_t j = 0; j < n; j++) {
    const Node *t = graph_node(k->b.g, x[j]);
    NodeId d = b_proj(&k->b, grad, j, t->dtype, *t->shape);
    roots[is_sequence(k, operand[j]) ? yield++ : carry++] = d;
  }
  k->loop.n_yields = yield - k->loop.n_carries;
  graph_set_roots(k->b.g, roots, n);
}

NodeId *scan_cotangents(Walk *w, NodeId scan, const NodeId *of_results, const bool *wanted,
                        const NodeId *so_far) {
  Arena *a = w->b.g->own;
  Back k = {
      .w = w, .forward = *walk_node(w, scan), .of_results = of_results, .wanted = wanted, .so_far = so_far};
  const ScanAttr *s = k.s = k.forward.attr.scan;
  uint32_t n_in = k.forward.n_in;
  k.captured = s->n_carries + s->n_sequences;
  k.b = (Builder){.g = graph_beside(w->b.g, w->b.g->symbol, w->b.g->bound),
                  .real = w->b.real,
                  .span = w->b.span,
                  .path = ""};
  k.d_carry = no_nodes(a, s->n_carries);
  k.d_yield = no_nodes(a, s->n_yields);
  k.sum = no_nodes(a, n_in);
  k.arg = no_nodes(a, n_in);
  k.loop = (ScanAttr){
      .body = k.b.g, .length = s->length, .reverse = !s->reverse, .recompute = s->recompute, .part = s->part};
  make_carries(&k);
  make_sequences(&k, scan);
  for (uint32_t i = k.captured; i < n_in; i++) k.arg[i] = whole(&k, k.forward.in[i]);
  NodeId e = products(&k), *result = no_nodes(a, n_in);
  uint32_t *operand = ARENA_ARRAY(a, n_in, uint32_t), n = list_targets(&k, operand);
  make_roots(&k, e, operand, n);
  NodeId back = saved_scan(w, &k.loop, k.in.data, (uint32_t)k.in.len);
  uint32_t yield = 0, carry = k.loop.n_yields;
  for (uint32_t j = 0; j < n; j++) {
    uint32_t r = is_sequence(&k, operand[j]) ? yield++ : carry++;
    result[operand[j]] = b_scan_result(&w->b, back, saved_result(&k.loop, r));
  }
  return result;
}
