// The naive interpreter: what a graph means. It is the oracle of the tests, so it shares no shape, gradient,
// fusion or kernel code with what it checks; only the scalar meanings of ops.def are common, and those are
// compared with a reference table.
//
// Real values are computed in f64. In `rounded` mode (eval32) every result is rounded to its node's type:
// f32, f16 and bf16 to nearest even, f64 left alone. Reductions and products are summed in f64 in index order
// and rounded once at the end. Integers wrap.
//
// Graphs must be free of GRAD (an assertion); CUSTOM_VJP has the value of its first operand.
#ifndef NNC_IR_EVAL_H
#define NNC_IR_EVAL_H

#include "ir/program.h"

typedef enum EvalMode {
  EVAL_CALL,   // counter of a draw: (element / 4, scan iteration, batch_count, site)
  EVAL_INIT,   // (element / 4, scan iteration, 2^32 - 1, site)
  EVAL_PREPARE // (element / 4, example, epoch_count, site)
} EvalMode;

typedef enum EvalStatus { EVAL_OK, EVAL_FAULT_INDEX, EVAL_FAULT_DIVISION, EVAL_FAULT_ASSERT } EvalStatus;

typedef struct EvalEnv {
  bool rounded; // eval32
  EvalMode mode;
  int64_t n; // the dynamic size
  uint64_t seed;
  uint32_t batch_count;          // batches executed since the program began
  uint32_t example, epoch_count; // prepare
  double step, epoch;
  const double *options;
  // Values of the stores by id, row-major; written when the call ends without a fault. NULL entries: not
  // read.
  Scalar **stores;
  const Store *table;
  uint32_t n_stores;
  uint32_t trap_place; // nodes that have a number in Node.trap: what NaNs of number 1 carry (nn_nan_mark_f64)
  // Set by a fault (the first one in id order); the stores are then as before.
  EvalStatus status;
  NodeId fault_node;
  int64_t fault_value, fault_bound; // EVAL_FAULT_INDEX: the index met, and the size of its axis
} EvalEnv;

// inputs[k]: elements of argument k, row-major. roots[i] (room for g->n_roots; may be NULL): the values of
// root i in `a`, for a WRITE what it wrote, for OPTIMIZE NULL. False on a fault.
bool eval_graph(const Graph *g, EvalEnv *env, const Scalar *const *inputs, Scalar **roots, Arena *a);

// The same with the mode that belongs to the function's kind.
bool eval_function(const Function *f, EvalEnv *env, const Scalar *const *inputs, Scalar **roots, Arena *a);

// One zeroed array for every store.
Scalar **eval_stores_new(const Store *table, uint32_t n, Arena *a);

// To nearest even in the type's precision and range; the identity for f64.
double eval_round(DType t, double v);
// cast(v) as the language says: real to integer truncates and saturates, NaN gives 0; to mask: not equal
// zero.
Scalar eval_cast(DType from, DType to, Scalar v);

// The scalar meaning of an elementwise row of ops.def in f64, or on 64-bit integers (which wrap; division by
// zero gives 0): what the static stage of the language computes with, too.
double eval_scalar_real(Op op, double a, double b, double c);
int64_t eval_scalar_int(Op op, int64_t a, int64_t b, int64_t c);

#endif
