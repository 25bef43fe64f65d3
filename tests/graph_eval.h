// Values of test graphs by the interpreter, on inputs drawn from a fixed sequence.
#ifndef NNC_TESTS_GRAPH_EVAL_H
#define NNC_TESTS_GRAPH_EVAL_H

#include "ir/eval.h"

#include <assert.h>
#include <math.h>

enum { EVAL_MAX_INPUTS = 16, EVAL_N = 3 }; // the dynamic size in all of these tests

typedef struct EvalInputs {
  Scalar *value[EVAL_MAX_INPUTS];
  int64_t count[EVAL_MAX_INPUTS];
} EvalInputs;

static inline uint32_t draw(uint64_t *state) {
  *state = *state * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(*state >> 33);
}

static inline double draw_real(uint64_t *state) { return (draw(state) % 20001) / 10000.0 - 1; }

static inline Scalar draw_value(DType t, bool special, uint64_t *state) {
  static const double corners[] = {0, -0.0, INFINITY, -INFINITY, NAN, 1, -1, 0.5};
  if (t == DT_MASK) return (Scalar){.i = draw(state) % 2};
  if (!dtype_is_real(t)) return (Scalar){.i = (int64_t)(draw(state) % 3)};
  if (special && draw(state) % 3 == 0) return (Scalar){.f = corners[draw(state) % 8]};
  double v = draw_real(state);
  return (Scalar){.f = t == DT_F64 ? v : (double)(float)v};
}

// One array for each argument of g. `special`: zeros, infinities and NaN among them.
static inline EvalInputs draw_inputs(const Graph *g, bool special, uint64_t seed, Arena *a) {
  EvalInputs in = {0};
  for (NodeId id = 0; id < g->len; id++) {
    const Node *n = graph_node(g, id);
    if (n->op != OP_INPUT || n->attr.input.role != IN_ARG) continue;
    uint32_t k = n->attr.input.index;
    assert(k < EVAL_MAX_INPUTS);
    if (in.value[k]) continue;
    uint64_t state = seed * 1000 + k;
    in.count[k] = shape_elements(n->shape, EVAL_N);
    in.value[k] = ARENA_ARRAY(a, (size_t)in.count[k], Scalar);
    for (int64_t e = 0; e < in.count[k]; e++) in.value[k][e] = draw_value(n->dtype, special, &state);
  }
  return in;
}

static inline Scalar **values_of(const Graph *g, const EvalInputs *in, bool rounded, Arena *a) {
  EvalEnv env = {.n = EVAL_N, .rounded = rounded, .seed = 1};
  Scalar **roots = ARENA_ARRAY(a, g->n_roots, Scalar *);
  const Scalar *inputs[EVAL_MAX_INPUTS];
  for (int k = 0; k < EVAL_MAX_INPUTS; k++) inputs[k] = in->value[k];
  bool ok = eval_graph(g, &env, inputs, roots, a);
  assert(ok && "the tests' graphs have no faults");
  (void)ok;
  return roots;
}

// Equal but for the sign of a zero; NaN equals NaN.
static inline bool same_value(DType t, Scalar x, Scalar y) {
  if (!dtype_is_real(t)) return x.i == y.i;
  return x.f == y.f || (isnan(x.f) && isnan(y.f));
}

// The first root and element in which g and h differ on the same inputs; false: none.
static inline bool values_differ(const Graph *g, const Graph *h, const EvalInputs *in, uint32_t *root,
                                 int64_t *at, Arena *a) {
  Scalar **x = values_of(g, in, true, a), **y = values_of(h, in, true, a);
  for (*root = 0; *root < g->n_roots; ++*root) {
    const Node *n = graph_node(g, g->roots[*root]);
    int64_t count = shape_elements(n->shape, EVAL_N);
    for (*at = 0; *at < count; ++*at)
      if (!same_value(n->dtype, x[*root][*at], y[*root][*at])) return true;
  }
  return false;
}

#endif
