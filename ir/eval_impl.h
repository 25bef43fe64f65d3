// Shared by the files of the interpreter only.
#ifndef NNC_IR_EVAL_IMPL_H
#define NNC_IR_EVAL_IMPL_H

#include "ir/eval.h"

typedef struct Versions {
  Scalar **value; // by version; [0] is the store itself
  uint32_t len, cap;
} Versions;

typedef struct Eval {
  const Graph *g;
  EvalEnv *env;
  const Scalar *const *inputs;
  Scalar **value;     // by node
  Scalar ***results;  // of SCAN, by node: what PROJ gives
  uint32_t iteration; // of the scans around, as draws count it
  int64_t index;      // of the innermost scan's iteration
  Versions *versions; // by store
  Arena *scratch;
} Eval;

// Fills `out` (elements of n, zeroed) from the operands' values.
typedef void EvalFn(Eval *e, NodeId id, const Node *n, Scalar *out);

EvalFn eval_elementwise, eval_cast_node;
EvalFn eval_reshape, eval_transpose, eval_broadcast, eval_slice, eval_pad, eval_concat, eval_reverse;
EvalFn eval_gather, eval_scatter_add, eval_arg, eval_reduce, eval_dot, eval_conv;
EvalFn eval_box, eval_debox, eval_argwindow, eval_sample, eval_desample;
EvalFn eval_cumsum, eval_argsort, eval_cholesky, eval_triangular_solve;
EvalFn eval_rand, eval_randn;
EvalFn eval_optimize;
EvalFn eval_scan, eval_proj;

// Every node of g; inputs and draws are e's.
void eval_nodes(Eval *e);

static inline const Node *eval_in(const Eval *e, const Node *n, uint32_t i) {
  return graph_node(e->g, n->in[i]);
}
static inline const Scalar *eval_value(const Eval *e, const Node *n, uint32_t i) {
  return e->value[n->in[i]];
}
static inline int64_t eval_count(const Eval *e, const Shape *s) { return shape_elements(s, e->env->n); }

// Sizes of a shape at the running n, and its row-major strides.
typedef struct Sizes {
  uint32_t rank;
  int64_t d[MAX_RANK], stride[MAX_RANK];
} Sizes;
Sizes eval_sizes(const Eval *e, const Shape *s);

// Walks the index space `d` in row-major order, up to three offsets with it.
typedef struct Walk {
  uint32_t rank, views;
  int64_t d[MAX_RANK], index[MAX_RANK];
  int64_t stride[3][MAX_RANK], at[3];
} Walk;
void walk_next(Walk *w);

// v in n's type: rounded (in rounded mode) or wrapped.
Scalar eval_real(const Eval *e, DType t, double v);
void eval_fault(Eval *e, NodeId id, EvalStatus status, int64_t value, int64_t bound);

Scalar *eval_version(Eval *e, uint32_t store, uint32_t version);
void eval_set_version(Eval *e, uint32_t store, uint32_t version, Scalar *value);

#endif
