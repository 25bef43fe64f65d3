// Loops: the body is a graph of its own, evaluated once an iteration.
#include "ir/eval_impl.h"

#include <string.h>

// The elements of operand k that iteration i sees.
static const Scalar *element(const Eval *e, const Node *n, uint32_t k, int64_t i) {
  const Shape *s = eval_in(e, n, k)->shape;
  Sizes sizes = eval_sizes(e, s);
  return eval_value(e, n, k) + i * sizes.stride[0];
}

static int64_t root_count(const Eval *body, uint32_t root) {
  return eval_count(body, graph_node(body->g, body->g->roots[root])->shape);
}

// The results of an iteration to where they stand.
static void keep(Eval *e, const ScanAttr *s, const Eval *body, int64_t i, Scalar **carries, Scalar **yields) {
  for (uint32_t k = 0; k < s->n_carries; k++) {
    size_t bytes = (size_t)root_count(body, k) * sizeof(Scalar);
    carries[k] = arena_copy(e->scratch, body->value[body->g->roots[k]], bytes);
  }
  for (uint32_t k = 0; k < s->n_yields; k++) {
    int64_t count = root_count(body, s->n_carries + k);
    memcpy(yields[k] + i * count, body->value[body->g->roots[s->n_carries + k]],
           (size_t)count * sizeof(Scalar));
  }
}

static void run(Eval *e, const Node *n, int64_t i, int64_t bound, Scalar **carries, Scalar **yields) {
  const ScanAttr *s = n->attr.scan;
  Arena *scratch = arena_new();
  const Scalar **inputs = ARENA_ARRAY(scratch, n->n_in, const Scalar *);
  for (uint32_t k = 0; k < n->n_in; k++)
    inputs[k] = k < s->n_carries                    ? carries[k]
                : k < s->n_carries + s->n_sequences ? element(e, n, k, i)
                                                    : eval_value(e, n, k);
  Eval body = {.g = s->body, .env = e->env, .inputs = inputs, .scratch = scratch, .index = i};
  body.iteration = (uint32_t)scan_draw(s, e->iteration, i, bound);
  eval_nodes(&body);
  if (e->env->status == EVAL_OK) keep(e, s, &body, i, carries, yields);
  arena_free(scratch);
}

void eval_scan(Eval *e, NodeId id, const Node *n, Scalar *out) {
  (void)out;
  const ScanAttr *s = n->attr.scan;
  int64_t length = dim_at(s->length, e->env->n), bound = e->g->symbol ? e->g->bound : 1;
  Scalar **results = ARENA_ARRAY(e->scratch, (size_t)s->n_yields + s->n_carries, Scalar *);
  for (uint32_t k = 0; k < s->n_yields; k++) {
    DType t;
    Shape shape;
    scan_result(s, k, &t, &shape);
    results[k] = ARENA_ARRAY(e->scratch, (size_t)eval_count(e, &shape), Scalar);
  }
  Scalar **carries = results + s->n_yields;
  for (uint32_t k = 0; k < s->n_carries; k++) carries[k] = e->value[n->in[k]];
  for (int64_t t = 0; t < length && e->env->status == EVAL_OK; t++)
    run(e, n, s->reverse ? length - 1 - t : t, bound, carries, results);
  if (e->env->status != EVAL_OK) e->env->fault_node = id; // of this graph
  e->results[id] = results;
}

void eval_proj(Eval *e, NodeId id, const Node *n, Scalar *out) {
  (void)id;
  memcpy(out, e->results[n->in[0]][n->attr.proj], (size_t)eval_count(e, n->shape) * sizeof *out);
}
