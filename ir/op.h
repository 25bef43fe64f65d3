// The operations: enum and the facts about each, expanded from ops.def.
#ifndef NNC_IR_OP_H
#define NNC_IR_OP_H

#include <stdbool.h>

typedef enum Op {
#define OP(ID, name, arity, KIND, SHAPE, MF, MI, DERIV, DOMAIN) OP_##ID,
#include "ir/ops.def"
#undef OP
  OP_COUNT
} Op;

typedef enum OpKind {
  KIND_EW, KIND_CMP, KIND_LOGIC, KIND_SHAPE, KIND_INDEX, KIND_REDUCE,
  KIND_DOT, KIND_ROWS, KIND_LEAF, KIND_RANDOM, KIND_LOOP, KIND_EFFECT, KIND_AD
} OpKind;

const char *op_name(Op op);
int op_arity(Op op);  // -1: any
OpKind op_kind(Op op);
// The scalar meaning as text over a b c and primitives; NULL where there is none.
const char *op_meaning_real(Op op);
const char *op_meaning_int(Op op);
// False: the result carries no gradient (comparisons, draws, leaves, effects).
bool op_differentiable(Op op);
static inline bool op_is_scalar(Op op) {  // one output element from one element of each input
  return op_kind(op) == KIND_EW || op_kind(op) == KIND_CMP || op_kind(op) == KIND_LOGIC;
}

// One element for each window of the operand.
static inline bool op_is_window(Op op) { return op == OP_BOX || op == OP_ARGWINDOW || op == OP_SAMPLE; }

typedef enum Optimizer {
#define OPTIMIZER(ID, name, slots, hypers) OPTIM_##ID,
#include "ir/optim.def"
#undef OPTIMIZER
  OPTIM_COUNT
} Optimizer;

typedef enum HyperKind { HYPER_REAL, HYPER_FRACTION, HYPER_MOMENTUM, HYPER_FLAG } HyperKind;  // see optim.def

enum { MAX_HYPERS = 8, MAX_SLOTS = 2 };
typedef struct HyperInfo {
  const char *name;
  HyperKind kind;
  double dflt;
} HyperInfo;
typedef struct OptimizerInfo {
  const char *name;
  unsigned slots;
  HyperInfo hyper[MAX_HYPERS + 1];  // ends with a NULL name
} OptimizerInfo;
const OptimizerInfo *optimizer_info(Optimizer kind);

#endif
