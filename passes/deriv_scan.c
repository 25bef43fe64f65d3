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
    if (args[k] == NO_NODE) args[k] = b_input(&b, IN_ARG, k, NULL, x->dtype, x->shape);
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
  NodeId scan;
  const ScanAttr *s;
  Node forward; // the scan
  const NodeId *of_results;
  const bool *wanted;                                    // operands
  uint32_t n_carries, n_sequences, n_yields, n_captured; // of the forward loop, without what is saved
  Builder b;                                             // of the body
  VEC(NodeId) in; // operands of the loop, in the order of the body's arguments
} Back;

static bool is_real(const Back *k, uint32_t operand) {
  return dtype_is_real(walk_node(k->w, k->forward.in[operand])->dtype);
}

// Another argument of the body, which stands for `operand`.
static NodeId argument(Back *k, NodeId operand, const Shape *s) {
  NodeId id = b_input(&k->b, IN_ARG, (uint32_t)k->in.len, NULL, walk_node(k->w, operand)->dtype, *s);
  vec_push(k->w->b.g->own, &k->in, operand);
  return id;
}

static NodeId whole(Back *k, NodeId operand) {
  return argument(k, operand, &walk_node(k->w, operand)->shape);
}

static NodeId element(Back *k, NodeId sequence) {
  Shape s = walk_node(k->w, sequence)->shape;
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
  return b_splat(&k->w->b, x->dtype, x->shape, (Scalar){0});
}

// Adds <x, dx> to *e.
static void add_product(Back *k, NodeId x, NodeId dx, NodeId *e) {
  const Node *n = graph_node(k->b.g, x);
  NodeId t = b_reduce(&k->b, OP_SUM, b_ew2(&k->b, OP_MUL, x, dx), (1u << n->shape.rank) - 1);
  if (*e == NO_NODE)
    *e = t;
  else
    *e = b_ew2(&k->b, OP_ADD, *e, b_cast(&k->b, t, graph_node(k->b.g, *e)->dtype));
}

// The forward body over these arguments.
static NodeId *copy_body(Back *k, const NodeId *args) {
  const Graph *body = k->s->body;
  NodeId *map = no_nodes(k->w->b.g->own, body->len);
  for (NodeId id = 0; id < body->len; id++) {
    const Node *n = graph_node(body, id);
    NodeId *in = ARENA_ARRAY(k->w->b.g->own, n->n_in, NodeId);
    for (uint32_t i = 0; i < n->n_in; i++) in[i] = map[n->in[i]];
    bool arg = n->op == OP_INPUT && n->attr.input.role == IN_ARG;
    map[id] = arg ? args[n->attr.input.index] : b_copy(&k->b, n, in);
  }
  return map;
}

NodeId *scan_cotangents(Walk *w, NodeId scan, const NodeId *of_results, const bool *wanted) {
  Arena *a = w->b.g->own;
  Back k = {.w = w, .scan = scan, .forward = *walk_node(w, scan), .of_results = of_results, .wanted = wanted};
  const ScanAttr *s = k.s = k.forward.attr.scan;
  uint32_t n_in = k.forward.n_in, first_captured = s->n_carries + s->n_sequences;
  uint32_t n_yields = s->n_yields - (s->saved ? s->n_carries : 0);
  NodeId *result = no_nodes(a, n_in);
  k.b =
      (Builder){.g = graph_new(w->b.g->arena, w->b.g->symbol, w->b.g->bound), .real = w->b.real, .path = ""};
  k.b.span = w->b.span;
  // Carries: cotangents of the forward carries, sums for what is captured.
  NodeId *d_carry = no_nodes(a, s->n_carries), *sum = no_nodes(a, n_in), *args = no_nodes(a, n_in);
  for (uint32_t i = 0; i < s->n_carries; i++) {
    if (!is_real(&k, i)) continue;
    NodeId d = cotangent(&k, s->n_yields + i);
    d_carry[i] = whole(&k, d == NO_NODE ? zeros(&k, i) : d);
  }
  for (uint32_t i = first_captured; i < n_in; i++)
    if (wanted[i]) sum[i] = whole(&k, zeros(&k, i));
  uint32_t n_carries = (uint32_t)k.in.len;
  // Sequences: the saved carries, the forward sequences, cotangents of what was yielded.
  NodeId *d_yield = no_nodes(a, s->n_yields);
  for (uint32_t i = 0; i < s->n_carries; i++) args[i] = element(&k, b_scan_result(&w->b, scan, n_yields + i));
  for (uint32_t i = s->n_carries; i < first_captured; i++) args[i] = element(&k, k.forward.in[i]);
  for (uint32_t i = 0; i < s->n_yields; i++) {
    NodeId d = cotangent(&k, i);
    if (d != NO_NODE) d_yield[i] = element(&k, d);
  }
  uint32_t n_sequences = (uint32_t)k.in.len - n_carries;
  for (uint32_t i = first_captured; i < n_in; i++) args[i] = whole(&k, k.forward.in[i]);
  // The body: <results, cotangents> differentiated by the arguments.
  const NodeId *map = copy_body(&k, args);
  NodeId e = NO_NODE;
  for (uint32_t i = 0; i < s->n_carries; i++)
    if (d_carry[i] != NO_NODE) add_product(&k, map[s->body->roots[i]], d_carry[i], &e);
  for (uint32_t i = 0; i < s->n_yields; i++)
    if (d_yield[i] != NO_NODE) add_product(&k, map[s->body->roots[s->n_carries + i]], d_yield[i], &e);
  if (e == NO_NODE) return result;
  NodeId *x = ARENA_ARRAY(a, n_in, NodeId), *roots = ARENA_ARRAY(a, n_in, NodeId);
  uint32_t *of = ARENA_ARRAY(a, n_in, uint32_t), n_x = 0, n_roots = 0;
  for (uint32_t i = 0; i < n_in; i++) {
    bool carried = i < s->n_carries && d_carry[i] != NO_NODE;
    if (!carried && !(i >= s->n_carries && wanted[i])) continue;
    of[n_x] = i;
    x[n_x++] = args[i];
  }
  NodeId grad = b_grad(&k.b, e, x, n_x);
  ScanAttr back = {.body = k.b.g, .length = s->length, .n_carries = n_carries, .n_sequences = n_sequences};
  back.reverse = !s->reverse;
  for (int yields = 0; yields < 2; yields++)
    for (uint32_t j = 0; j < n_x; j++) {
      uint32_t i = of[j];
      if ((i >= s->n_carries && i < first_captured) != (yields == 1)) continue;
      const Node *t = graph_node(k.b.g, x[j]);
      NodeId d = b_proj(&k.b, grad, j, t->dtype, t->shape);
      if (sum[i] != NO_NODE) d = b_ew2(&k.b, OP_ADD, sum[i], d);
      roots[n_roots++] = d;
      back.n_yields += (uint32_t)yields;
    }
  graph_set_roots(k.b.g, roots, n_roots);
  NodeId loop = saved_scan(w, &back, k.in.data, (uint32_t)k.in.len);
  uint32_t carry = 0, yield = 0;
  for (uint32_t j = 0; j < n_x; j++) {
    bool yielded = of[j] >= s->n_carries && of[j] < first_captured;
    uint32_t r = yielded ? yield++ : back.n_yields + carry++;
    result[of[j]] = b_scan_result(&w->b, loop, saved_result(&back, r));
  }
  return result;
}
