// Values and static arithmetic. Ints are 64 bit and overflow is an error; `/` gives a float; `//` and `%`
// floor; sizes that depend on the dynamic symbol stay of the form a*N + b or become run-time scalars.
#include "frontend/sema.h"

#include "ir/eval.h"

#include "ir/base/checked.h"

#include <math.h>

Value v_poison(void) { return (Value){.kind = V_POISON}; }
Value v_void(void) { return (Value){.kind = V_VOID}; }
Value v_int(int64_t i) { return (Value){.kind = V_INT, .u.i = i}; }
Value v_float(double f) { return (Value){.kind = V_FLOAT, .u.f = f}; }
Value v_bool(bool b) { return (Value){.kind = V_BOOL, .u.b = b}; }
Value v_str(const char *s) { return (Value){.kind = V_STR, .u.s = s}; }
Value v_store(StoreRef *s) { return (Value){.kind = V_STORE, .u.store = s}; }

Value v_dim(const Elab *e, Dim d) {
  if (dim_static(d)) return v_int(d.b);
  return (Value){.kind = V_DIM, .ctx = e->fn->serial, .u.dim = d};
}

Value v_tensor(const Elab *e, NodeId n) {
  if (n == NO_NODE) return v_poison();
  return (Value){.kind = V_TENSOR, .ctx = e->fn->serial, .u.read = {n, 0}};
}

Value v_list(Elab *e, ValueKind kind, const Value *data, uint32_t len) {
  Value v = {.kind = kind};
  e->n_static += len;
  v.u.list.data = arena_copy(e->a, data, len * sizeof *data);
  v.u.list.len = len;
  return v;
}

// Layers, or lists of them, with `training` false.
Value as_inference(Elab *e, Value v) {
  if (v.kind == V_INSTANCE) v.u.inst.inference = true;
  if (v.kind != V_LIST) return v;
  v = v_list(e, V_LIST, v.u.list.data, v.u.list.len);
  for (uint32_t i = 0; i < v.u.list.len; i++) v.u.list.data[i] = as_inference(e, v.u.list.data[i]);
  return v;
}

bool v_is_number(Value v) { return v.kind == V_INT || v.kind == V_FLOAT; }
bool v_is_list(Value v) { return v.kind == V_LIST || v.kind == V_TUPLE; }
double v_number(Value v) { return v.kind == V_INT ? (double)v.u.i : v.u.f; }

bool v_as_dim(Value v, Dim *out) {
  if (v.kind == V_INT) return *out = dim_of(v.u.i), true;
  if (v.kind == V_DIM) return *out = v.u.dim, true;
  return false;
}

bool v_graph_bound(Value v) {
  if (v.kind == V_TENSOR || v.kind == V_DIM) return true;
  if (v.kind != V_LIST && v.kind != V_TUPLE) return false;
  for (uint32_t i = 0; i < v.u.list.len; i++)
    if (v_graph_bound(v.u.list.data[i])) return true;
  return false;
}

bool v_has_poison(Value v) {
  if (v.kind == V_POISON) return true;
  if (v.kind != V_LIST && v.kind != V_TUPLE) return false;
  for (uint32_t i = 0; i < v.u.list.len; i++)
    if (v_has_poison(v.u.list.data[i])) return true;
  return false;
}

bool v_list_of_ints(Value v) {
  if (v.kind != V_LIST) return false;
  for (uint32_t i = 0; i < v.u.list.len; i++)
    if (v.u.list.data[i].kind != V_INT && v.u.list.data[i].kind != V_DIM) return false;
  return true;
}

static bool lists_equal(Value a, Value b) {
  if (a.u.list.len != b.u.list.len) return false;
  for (uint32_t i = 0; i < a.u.list.len; i++)
    if (!v_equal(a.u.list.data[i], b.u.list.data[i])) return false;
  return true;
}

bool v_equal(Value a, Value b) {
  if (a.kind != b.kind) return v_is_number(a) && v_is_number(b) && v_number(a) == v_number(b);
  switch (a.kind) {
  case V_INT: return a.u.i == b.u.i;
  case V_FLOAT: return a.u.f == b.u.f;
  case V_BOOL: return a.u.b == b.u.b;
  case V_STR: return strcmp(a.u.s, b.u.s) == 0;
  case V_DTYPE: return a.u.dtype.t == b.u.dtype.t;
  case V_DIM: return dim_eq(a.u.dim, b.u.dim) && a.ctx == b.ctx;
  case V_TENSOR: return a.u.node == b.u.node && a.ctx == b.ctx;
  case V_FN:
    return a.u.fn == b.u.fn || (a.u.fn->decl && a.u.fn->decl == b.u.fn->decl && a.u.fn->self == b.u.fn->self);
  case V_BUILTIN: return a.u.builtin == b.u.builtin;
  case V_LAYER:
  case V_DATA:
  case V_DIMDECL: return a.u.decl == b.u.decl;
  case V_MODULE: return a.u.module == b.u.module;
  case V_INSTANCE: return a.u.inst.inst == b.u.inst.inst;
  case V_STORE: return a.u.store == b.u.store;
  case V_OPTIMIZER: return a.u.opt == b.u.opt;
  case V_LIST:
  case V_TUPLE: return lists_equal(a, b);
  default: return true;
  }
}

const char *dim_text(const Elab *e, Dim d) {
  StrBuf b = {0};
  dim_print(&b, d, e->fn->b.g->symbol);
  char *t = arena_strdup(e->a, sb_text(&b));
  strbuf_free(&b);
  return t;
}

const char *shape_text(const Elab *e, const Shape *s) {
  StrBuf b = {0};
  shape_print(&b, s, e->fn->b.g->symbol);
  char *t = arena_strdup(e->a, sb_text(&b));
  strbuf_free(&b);
  return t;
}

const char *tensor_text(const Elab *e, NodeId n) {
  const Node *x = node_of(e, n);
  return arena_printf(e->a, "%s%s", dtype_name(x->dtype), x->shape->rank ? shape_text(e, x->shape) : "");
}

static const char *const kind_words[] = {[V_POISON] = "nothing",
                                         [V_ABSENT] = "nothing",
                                         [V_VOID] = "no value",
                                         [V_INT] = "a static int",
                                         [V_FLOAT] = "a static float",
                                         [V_BOOL] = "a static bool",
                                         [V_STR] = "a string",
                                         [V_DTYPE] = "an element type",
                                         [V_LIST] = "a list",
                                         [V_TUPLE] = "a tuple",
                                         [V_DIM] = "a size",
                                         [V_TENSOR] = "a tensor",
                                         [V_FN] = "a function",
                                         [V_BUILTIN] = "a function",
                                         [V_LAYER] = "a layer type",
                                         [V_INSTANCE] = "a layer",
                                         [V_STORE] = "a parameter or state",
                                         [V_OPTIMIZER] = "an optimizer",
                                         [V_DATA] = "a data block",
                                         [V_RECORD] = "the examples of a batch",
                                         [V_THUNK] = "a run-time scalar",
                                         [V_ROLE] = "a run-time scalar",
                                         [V_NPY] = "an initialiser",
                                         [V_SIZE] = "a size that is not bound yet",
                                         [V_DIMDECL] = "a dynamic size",
                                         [V_MODULE] = "an imported file"};

const char *v_describe(const Elab *e, Value v) {
  switch (v.kind) {
  case V_TENSOR:
    if (v.ctx != e->fn->serial) return "a tensor";
    return node_of(e, v.u.node)->shape->rank
               ? tensor_text(e, v.u.node)
               : arena_printf(e->a, "a scalar tensor (%s)", tensor_text(e, v.u.node));
  case V_INT: return arena_printf(e->a, "the static int %lld", (long long)v.u.i);
  case V_FLOAT: {
    const char *t = arena_printf(e->a, "%g", v.u.f);
    bool whole = strspn(t, "-0123456789") == strlen(t); // 3.0, not the int 3
    return arena_printf(e->a, "the static float %s%s", t, whole ? ".0" : "");
  }
  case V_BOOL: return v.u.b ? "true" : "false";
  case V_LIST: return v.u.list.len ? arena_printf(e->a, "a list of %u", v.u.list.len) : "an empty list";
  case V_TUPLE: return arena_printf(e->a, "a tuple of %u", v.u.list.len);
  case V_DIM:
    return v.ctx == e->fn->serial ? arena_printf(e->a, "the size %s", dim_text(e, v.u.dim)) : "a size";
  case V_FN: return v.u.fn->name ? arena_printf(e->a, "the function `%s`", v.u.fn->name) : "a lambda";
  case V_BUILTIN: return arena_printf(e->a, "the function `%s`", v.u.builtin->name);
  case V_LAYER: return arena_printf(e->a, "the layer type `%s`", v.u.decl->u.layer.name.text);
  case V_INSTANCE: return arena_printf(e->a, "a layer (%s)", v.u.inst.inst->type->u.layer.name.text);
  default: return kind_words[v.kind];
  }
}

const char *bin_text(BinOp op) {
  static const char *const text[] = {
      [BIN_OR] = "or", [BIN_AND] = "and",  [BIN_EQ] = "==",       [BIN_NE] = "!=",
      [BIN_LT] = "<",  [BIN_GT] = ">",     [BIN_LE] = "<=",       [BIN_GE] = ">=",
      [BIN_ADD] = "+", [BIN_SUB] = "-",    [BIN_MUL] = "*",       [BIN_DIV] = "/",
      [BIN_MOD] = "%", [BIN_MATMUL] = "@", [BIN_FLOORDIV] = "//", [BIN_POW] = "**"};
  return text[op];
}

static int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b != 0 && (a < 0) != (b < 0)); }

static Value overflow(Elab *e, const Expr *x) {
  diag_label(err(e, DIAG_E0302, x->span, "static integer overflow"), "the result does not fit 64 bits");
  return v_poison();
}

static Value int_pow(Elab *e, int64_t a, int64_t n, const Expr *x) {
  if (n < 0) {
    if (a == 0) return err(e, DIAG_E0303, x->span, "zero to a negative power"), v_poison();
    return v_float(pow((double)a, (double)n));
  }
  int64_t r = 1;
  if (a == 0 || a == 1) return v_int(n == 0 ? 1 : a);
  if (a == -1) return v_int(n % 2 ? -1 : 1);
  for (int64_t i = 0; i < n; i++)
    if (!checked_mul(r, a, &r)) return overflow(e, x);
  return v_int(r);
}

static Value by_zero(Elab *e, const Expr *x) {
  diag_label(err(e, DIAG_E0303, x->span, "division by zero"), "the right side is 0");
  return v_poison();
}

static Value int_binary(Elab *e, BinOp op, int64_t a, int64_t b, const Expr *x) {
  int64_t r = 0;
  switch (op) {
  case BIN_ADD: return checked_add(a, b, &r) ? v_int(r) : overflow(e, x);
  case BIN_SUB: return checked_sub(a, b, &r) ? v_int(r) : overflow(e, x);
  case BIN_MUL: return checked_mul(a, b, &r) ? v_int(r) : overflow(e, x);
  case BIN_DIV: return b == 0 ? by_zero(e, x) : v_float((double)a / (double)b);
  case BIN_FLOORDIV:
    if (b == 0) return by_zero(e, x);
    return a == INT64_MIN && b == -1 ? overflow(e, x) : v_int(floor_div(a, b));
  case BIN_MOD:
    if (b == 0) return by_zero(e, x);
    return b == -1 ? v_int(0) : v_int(a - b * floor_div(a, b));
  case BIN_POW: return int_pow(e, a, b, x);
  default: return v_poison();
  }
}

static Value float_binary(Elab *e, BinOp op, double a, double b, const Expr *x) {
  switch (op) {
  case BIN_ADD: return v_float(a + b);
  case BIN_SUB: return v_float(a - b);
  case BIN_MUL: return v_float(a * b);
  case BIN_DIV: return b == 0 ? by_zero(e, x) : v_float(a / b);
  case BIN_FLOORDIV: return b == 0 ? by_zero(e, x) : v_float(eval_scalar_real(OP_FLOORDIV, a, b, 0));
  case BIN_MOD: return b == 0 ? by_zero(e, x) : v_float(eval_scalar_real(OP_MOD, a, b, 0));
  case BIN_POW: return v_float(pow(a, b));
  default: return v_poison();
  }
}

static bool compare_truth(BinOp op, double c) {
  switch (op) {
  case BIN_EQ: return c == 0;
  case BIN_NE: return c != 0;
  case BIN_LT: return c < 0;
  case BIN_GT: return c > 0;
  case BIN_LE: return c <= 0;
  default: return c >= 0;
  }
}

// A static comparison of sizes must have one truth for every N in 1..bound. The difference is linear.
static Value dim_compare(Elab *e, BinOp op, Dim a, Dim b, const Expr *x) {
  Dim d;
  if (!dim_sub(a, b, &d)) return overflow(e, x);
  double lo = (double)dim_at(d, 1), hi = (double)dim_at(d, e->fn->b.g->bound);
  bool at_lo = compare_truth(op, lo), at_hi = compare_truth(op, hi), same = at_lo == at_hi;
  if ((op == BIN_EQ || op == BIN_NE) && d.a != 0) {
    int64_t root = -d.b / d.a;
    bool hit = -d.b % d.a == 0 && root >= 1 && root <= e->fn->b.g->bound;
    same = !hit || e->fn->b.g->bound == 1;
  }
  if (same) return v_bool(at_lo);
  Diag *g = err(e, DIAG_E0304, x->span, "this comparison is true for some sizes and false for others");
  diag_label(g, "%s %s %s, for 1 <= %s <= %lld", dim_text(e, a), bin_text(op), dim_text(e, b),
             e->fn->b.g->symbol, (long long)e->fn->b.g->bound);
  return v_poison();
}

static Value dim_arith(Elab *e, BinOp op, Dim a, Dim b, const Expr *x) {
  Dim d;
  bool ok = false;
  switch (op) {
  case BIN_ADD: ok = dim_add(a, b, &d); break;
  case BIN_SUB: ok = dim_sub(a, b, &d); break;
  case BIN_MUL: ok = dim_mul(a, b, &d); break;
  case BIN_FLOORDIV:
  case BIN_MOD:
    if (dim_is(b, 0)) return by_zero(e, x);
    if (dim_static(b) && a.a % b.b == 0) { // exact in N, so the floor is the constant's
      d = op == BIN_MOD ? dim_of(a.b - b.b * floor_div(a.b, b.b)) : (Dim){a.a / b.b, floor_div(a.b, b.b)};
      ok = true;
    } else if (dim_eq(a, b)) {
      d = dim_of(op == BIN_MOD ? 0 : 1);
      ok = true;
    }
    break;
  default: break;
  }
  const int64_t most_a = (int64_t)1 << 30, most_b = (int64_t)1 << 61; // a * N + b never overflows: N < 2^31
  if (ok && (d.a > most_a || d.a < -most_a || d.b > most_b || d.b < -most_b)) return overflow(e, x);
  if (ok) return v_dim(e, d);
  Diag *g = err(e, DIAG_E0211, x->span, "this size is not of the form a * %s + b", e->fn->b.g->symbol);
  diag_label(g, "%s %s %s", dim_text(e, a), bin_text(op), dim_text(e, b));
  diag_note(g, "a size may be multiplied by a static int and divided where it comes out even");
  return v_poison();
}

static bool is_compare(BinOp op) { return op >= BIN_EQ && op <= BIN_GE; }

static Value mismatch(Elab *e, BinOp op, Value a, Value b, const Expr *x) {
  Diag *g = err(e, DIAG_E0202, x->span, "`%s` does not work on these values", bin_text(op));
  diag_label(g, "%s %s %s", v_describe(e, a), bin_text(op), v_describe(e, b));
  return v_poison();
}

static Value str_binary(Elab *e, BinOp op, Value a, Value b, const Expr *x) {
  size_t bytes = (a.kind == V_STR ? strlen(a.u.s) : 0) + (b.kind == V_STR ? strlen(b.u.s) : 0);
  if (op == BIN_ADD) e->n_static += (uint32_t)bytes / 16;
  if (op == BIN_ADD && bytes > MAX_STRING) {
    diag_label(err(e, DIAG_E0805, x->span, "a string of more than %d bytes", MAX_STRING), "too long");
    return v_poison();
  }
  if (op == BIN_ADD && a.kind == V_STR && b.kind == V_STR)
    return v_str(arena_printf(e->a, "%s%s", a.u.s, b.u.s));
  if (op == BIN_ADD && a.kind == V_STR && b.kind == V_INT)
    return v_str(arena_printf(e->a, "%s%lld", a.u.s, (long long)b.u.i));
  if (op == BIN_ADD && a.kind == V_INT && b.kind == V_STR)
    return v_str(arena_printf(e->a, "%lld%s", (long long)a.u.i, b.u.s));
  if (is_compare(op) && a.kind == V_STR && b.kind == V_STR)
    return v_bool(compare_truth(op, strcmp(a.u.s, b.u.s)));
  return mismatch(e, op, a, b, x);
}

// Both operands static (numbers, sizes, bools, strings, lists); V_ABSENT: not a static operation.
Value static_binary(Elab *e, BinOp op, Value a, Value b, const Expr *x) {
  if (a.kind == V_STR || b.kind == V_STR) return str_binary(e, op, a, b, x);
  if (a.kind == V_LIST && b.kind == V_LIST && (op == BIN_EQ || op == BIN_NE))
    return v_bool(lists_equal(a, b) == (op == BIN_EQ));
  if (v_is_list(a) && v_is_list(b) && op == BIN_ADD) {
    uint32_t n = a.u.list.len + b.u.list.len;
    if (n > MAX_LIST)
      return err(e, DIAG_E0805, x->span, "a list of more than %d elements", MAX_LIST), v_poison();
    e->n_static += n;
    Value v = {.kind = V_LIST, .u.list = {ARENA_ARRAY(e->a, n, Value), n}};
    for (uint32_t i = 0; i < n; i++)
      v.u.list.data[i] = i < a.u.list.len ? a.u.list.data[i] : b.u.list.data[i - a.u.list.len];
    return v;
  }
  if (a.kind == V_BOOL && b.kind == V_BOOL) {
    if (op == BIN_EQ || op == BIN_NE) return v_bool((a.u.b == b.u.b) == (op == BIN_EQ));
    if (op == BIN_AND) return v_bool(a.u.b && b.u.b);
    if (op == BIN_OR) return v_bool(a.u.b || b.u.b);
    return mismatch(e, op, a, b, x);
  }
  Dim da, db;
  bool dims = v_as_dim(a, &da) && v_as_dim(b, &db);
  if (dims && a.kind == V_INT && b.kind == V_INT) {
    if (is_compare(op)) return v_bool(compare_truth(op, a.u.i < b.u.i ? -1 : a.u.i > b.u.i));
    return op == BIN_MATMUL || op <= BIN_AND ? mismatch(e, op, a, b, x) : int_binary(e, op, a.u.i, b.u.i, x);
  }
  if (dims) {
    if (is_compare(op)) return dim_compare(e, op, da, db, x);
    if (op == BIN_ADD || op == BIN_SUB || op == BIN_MUL || op == BIN_FLOORDIV || op == BIN_MOD)
      return dim_arith(e, op, da, db, x);
    return (Value){.kind = V_ABSENT}; // a run-time scalar
  }
  if (v_is_number(a) && v_is_number(b)) {
    if (is_compare(op)) {
      double p = v_number(a), q = v_number(b);
      return v_bool(op == BIN_NE ? p != q : p == p && q == q && compare_truth(op, p < q ? -1 : p > q));
    }
    return op == BIN_MATMUL || op <= BIN_AND ? mismatch(e, op, a, b, x)
                                             : float_binary(e, op, v_number(a), v_number(b), x);
  }
  return (Value){.kind = V_ABSENT};
}

static Value too_large(Elab *e, double v, Span at) {
  diag_label(err(e, DIAG_E0302, at, "this number does not fit an int"), "%g", v);
  return v_poison();
}

// Mathematical functions of static numbers: the meaning of ops.def, in f64 or on ints.
Value static_unary_math(Elab *e, Op op, Value x, Span at) {
  double v = v_number(x);
  if (x.kind == V_INT && op_meaning_int(op)) {
    if (x.u.i == INT64_MIN && (op == OP_NEG || op == OP_ABS)) return too_large(e, -v, at);
    return v_int(eval_scalar_int(op, x.u.i, 0, 0));
  }
  double r = eval_scalar_real(op, v, 0, 0);
  if (op != OP_FLOOR && op != OP_ROUND) return v_float(r);
  return fabs(r) < 9e18 ? v_int((int64_t)r) : too_large(e, r, at);
}
