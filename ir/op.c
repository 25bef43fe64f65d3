// Every fact is a column of ops.def; here each column becomes one array. Text columns are kept as they
// stand in the table, NONE as NULL.
#include "ir/op.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

typedef struct OpRow {
  const char *name;
  int arity;
  OpKind kind;
  const char *real, *integer, *derivative;
} OpRow;

static const OpRow rows[OP_COUNT] = {
#define OP(ID, name, arity, KIND, SHAPE, MF, MI, DERIV, DOMAIN) {#name, arity, KIND_##KIND, #MF, #MI, #DERIV},
#include "ir/ops.def"
#undef OP
};

static const char *or_null(const char *column) { return strcmp(column, "NONE") == 0 ? NULL : column; }

const char *op_name(Op op) { return rows[op].name; }
int op_arity(Op op) { return rows[op].arity; }
OpKind op_kind(Op op) { return rows[op].kind; }
const char *op_meaning_real(Op op) { return or_null(rows[op].real); }
const char *op_meaning_int(Op op) { return or_null(rows[op].integer); }
bool op_differentiable(Op op) { return strcmp(rows[op].derivative, "D_NONE") != 0; }

const OptimizerInfo *optimizer_info(Optimizer kind) {
  static const OptimizerInfo table[OPTIM_COUNT] = {
#define HYPER(name, kind, dflt) {#name, HYPER_##kind, dflt},
#define OPTIMIZER(ID, name, slots, hypers) {name, slots, {hypers}},
#include "ir/optim.def"
#undef OPTIMIZER
#undef HYPER
  };
  return &table[kind];
}
