// ops.def's meanings, expanded to one C function a row for reals and one for integers, applied element by
// element with numpy's implicit broadcasting.
#include "ir/eval_impl.h"
#include "ir/eval_prims.h"

#include <stdint.h>

// Arithmetic on integers is unsigned, so that it wraps; comparisons see signed values.
typedef uint64_t INT_EW;
typedef int64_t INT_CMP, INT_LOGIC, INT_SHAPE, INT_INDEX, INT_REDUCE, INT_DOT, INT_ROWS, INT_LEAF, INT_RANDOM,
    INT_LOOP, INT_EFFECT, INT_AD;

#define NONE 0
#define OP(ID, name, arity, KIND, SHAPE, MF, MI, DERIV, DOMAIN)                                              \
  static double real_##ID(double a, double b, double c) {                                                    \
    (void)a, (void)b, (void)c;                                                                               \
    return MF;                                                                                               \
  }                                                                                                          \
  static int64_t int_##ID(int64_t left, int64_t middle, int64_t right) {                                     \
    INT_##KIND a = (INT_##KIND)left, b = (INT_##KIND)middle, c = (INT_##KIND)right;                          \
    (void)a, (void)b, (void)c;                                                                               \
    return (int64_t)(MI);                                                                                    \
  }
#include "ir/ops.def"
#undef OP

typedef struct Meaning {
  double (*real)(double, double, double);
  int64_t (*integer)(int64_t, int64_t, int64_t);
} Meaning;

static const Meaning meanings[OP_COUNT] = {
#define OP(ID, name, arity, KIND, SHAPE, MF, MI, DERIV, DOMAIN) {real_##ID, int_##ID},
#include "ir/ops.def"
#undef OP
};

double eval_scalar_real(Op op, double a, double b, double c) { return meanings[op].real(a, b, c); }
int64_t eval_scalar_int(Op op, int64_t a, int64_t b, int64_t c) { return meanings[op].integer(a, b, c); }

// One walk over the result with an offset into each operand, 0 stride along stretched axes.
static Walk walk_operands(const Eval *e, const Node *n) {
  Sizes out = eval_sizes(e, n->shape);
  Walk w = {.rank = out.rank, .views = n->n_in};
  for (uint32_t i = 0; i < out.rank; i++) w.d[i] = out.d[i];
  for (uint32_t v = 0; v < n->n_in; v++) {
    const Shape *s = eval_in(e, n, v)->shape;
    Sizes x = eval_sizes(e, s);
    for (uint32_t i = 0; i < x.rank; i++)
      w.stride[v][out.rank - x.rank + i] = dim_is(s->d[i], 1) ? 0 : x.stride[i];
  }
  return w;
}

static double as_real(DType t, Scalar v) { return dtype_is_real(t) ? v.f : (double)v.i; }

static void elementwise_real(Eval *e, const Node *n, Scalar *out) {
  Walk w = walk_operands(e, n);
  const Scalar *x[3] = {0};
  DType t[3] = {0};
  for (uint32_t v = 0; v < n->n_in; v++) {
    x[v] = eval_value(e, n, v);
    t[v] = eval_in(e, n, v)->dtype;
  }
  int64_t count = eval_count(e, n->shape);
  for (int64_t i = 0; i < count; i++, walk_next(&w)) {
    double arg[3] = {0};
    for (uint32_t v = 0; v < n->n_in; v++) arg[v] = as_real(t[v], x[v][w.at[v]]);
    double r = meanings[n->op].real(arg[0], arg[1], arg[2]);
    if (n->dtype == DT_MASK)
      out[i].i = r != 0;
    else
      out[i] = eval_real(e, n->dtype, r);
  }
}

static void elementwise_int(Eval *e, NodeId id, const Node *n, Scalar *out) {
  Walk w = walk_operands(e, n);
  const Scalar *x[3] = {0};
  bool divides = n->op == OP_FLOORDIV || n->op == OP_MOD;
  for (uint32_t v = 0; v < n->n_in; v++) x[v] = eval_value(e, n, v);
  int64_t count = eval_count(e, n->shape);
  for (int64_t i = 0; i < count; i++, walk_next(&w)) {
    int64_t arg[3] = {0};
    for (uint32_t v = 0; v < n->n_in; v++) arg[v] = x[v][w.at[v]].i;
    if (divides && arg[1] == 0) eval_fault(e, id, EVAL_FAULT_DIVISION, 0, 0);
    out[i].i = dtype_wrap(n->dtype, meanings[n->op].integer(arg[0], arg[1], arg[2]));
  }
}

void eval_elementwise(Eval *e, NodeId id, const Node *n, Scalar *out) {
  if (dtype_is_real(eval_in(e, n, n->op == OP_SELECT ? 1 : 0)->dtype))
    elementwise_real(e, n, out);
  else
    elementwise_int(e, id, n, out);
}

// ---- cast

static int64_t saturate(double v, DType to) {
  static const struct {
    double low, high; // both exact
    int64_t min, max;
  } range[DT_COUNT] = {
      [DT_I8] = {-128, 127, INT8_MIN, INT8_MAX},
      [DT_I16] = {-32768, 32767, INT16_MIN, INT16_MAX},
      [DT_I32] = {-0x1p31, 0x1p31 - 1, INT32_MIN, INT32_MAX},
      [DT_I64] = {-0x1p63, 0x1p63, INT64_MIN, INT64_MAX},
      [DT_U8] = {0, 255, 0, UINT8_MAX},
  };
  if (isnan(v)) return 0;
  if (v <= range[to].low) return range[to].min;
  if (v >= range[to].high) return range[to].max;
  return (int64_t)v;
}

Scalar eval_cast(DType from, DType to, Scalar v) {
  bool real = dtype_is_real(from);
  if (to == DT_MASK) return (Scalar){.i = real ? v.f != 0 : v.i != 0};
  if (dtype_is_real(to)) {
    // i64 to f32 is rounded once, not by way of double.
    if (!real && to == DT_F32) return (Scalar){.f = (double)(float)v.i};
    if (!real) return (Scalar){.f = eval_round(to, (double)v.i)};
    return (Scalar){.f = eval_round(to, v.f)};
  }
  return (Scalar){.i = real ? saturate(v.f, to) : dtype_wrap(to, v.i)};
}

void eval_cast_node(Eval *e, NodeId id, const Node *n, Scalar *out) {
  (void)id;
  const Scalar *x = eval_value(e, n, 0);
  DType from = eval_in(e, n, 0)->dtype;
  // Without rounding every real type is f64.
  DType to = dtype_is_real(n->dtype) && !e->env->rounded ? DT_F64 : n->dtype;
  int64_t count = eval_count(e, n->shape);
  for (int64_t i = 0; i < count; i++) out[i] = eval_cast(from, to, x[i]);
}
