// Values to nodes. Static numbers adapt to the type of the tensor they meet; element types never mix
// otherwise. Shapes broadcast by numpy's rule; what does not fit is said with both shapes and the axis.
#include "frontend/sema.h"

#include <math.h>

const Node *node_of(const Elab *e, NodeId n) { return graph_node(e->fn->b.g, n); }

static Builder *at_place(Elab *e, Span at) {
  e->fn->b.span = user_span(e, at);
  return &e->fn->b;
}

// Whether a constant of the top level has this value: `option width = -8;` is one mistake, however many
// shapes it gets into.
bool said_of_constant(Elab *e, int64_t value) {
  for (size_t i = 0; i < e->top->names.len; i++) {
    const Binding *b = e->top->names.data[i];
    bool constant = b->decl && (b->decl->kind == ST_LET || b->decl->kind == ST_OPTION);
    if (constant && b->state == 2 && b->v.kind == V_INT && b->v.u.i == value)
      return !first_time(e, "constant %lld", (long long)value);
  }
  return false;
}

Diag *negative_size(Elab *e, Dim size, Span at) {
  if (said_of_constant(e, size.b)) return NULL;
  return err(e, DIAG_E0211, at, "a size can't be negative");
}

static void too_many_elements(Elab *e, const Shape *s, Span at) {
  int64_t most = 0;
  for (uint32_t i = 0; i < s->rank; i++)
    if (s->d[i].b > most) most = s->d[i].b;
  if (said_of_constant(e, most)) return;
  diag_label(err(e, DIAG_E0804, at, "a tensor of more than 2^40 elements"), "%s", shape_text(e, s));
}

bool check_elements(Elab *e, const Shape *s, Span at) {
  int64_t n = 1;
  int64_t bound = e->fn->b.g->symbol ? e->fn->b.g->bound : 1;
  for (uint32_t i = 0; i < s->rank; i++) {
    int64_t d = dim_at(s->d[i], bound);
    if (d < 0 || dim_at(s->d[i], 1) < 0) {
      diag_label(negative_size(e, s->d[i], at), "%s", shape_text(e, s));
      return false;
    }
    if (d != 0 && n > MAX_ELEMENTS / d) {
      too_many_elements(e, s, at);
      return false;
    }
    n *= d;
  }
  return true;
}

NodeId role_node(Elab *e, InputRole role, uint32_t index) {
  Ctx *c = e->fn;
  NodeId *slot;
  if (role == IN_OPTION) {
    while (c->options.len <= index) vec_push(e->a, &c->options, NO_NODE);
    slot = &c->options.data[index];
  } else {
    slot = role == IN_STEP ? &c->step : role == IN_EPOCH ? &c->epoch : &c->batch;
  }
  if (*slot != NO_NODE) return *slot;
  static const char *const names[] = {"arg", "step", "epoch", "option", "batch"};
  const char *name = role == IN_OPTION  ? e->options.data[index].name
                     : role == IN_BATCH ? c->b.g->symbol
                                        : names[role];
  return *slot = b_input(&c->b, role, index, name, e->real, (Shape){0});
}

NodeId dim_node(Elab *e, Dim d, DType t) {
  Builder *b = &e->fn->b;
  if (dim_static(d)) return b_scalar(b, t, (double)d.b);
  NodeId n = role_node(e, IN_BATCH, 0);
  if (t != e->real) n = b_cast(b, n, t);
  if (d.a != 1) n = b_ew2(b, OP_MUL, n, b_scalar(b, t, (double)d.a));
  if (d.b != 0) n = b_ew2(b, OP_ADD, n, b_scalar(b, t, (double)d.b));
  return n;
}

// ---- constants from lists

typedef struct Leaves {
  Shape shape;
  VEC(Value) v;
  bool floats, bools, bad;
} Leaves;

static void collect(Elab *e, Value v, uint32_t depth, Leaves *l) {
  if (v.kind == V_LIST) {
    if (depth >= MAX_RANK) {
      l->bad = true;
      return;
    }
    if (l->shape.rank == depth && l->v.len == 0) l->shape.d[l->shape.rank++] = dim_of(v.u.list.len);
    if (depth >= l->shape.rank || !dim_is(l->shape.d[depth], v.u.list.len)) l->bad = true;
    for (uint32_t i = 0; i < v.u.list.len && !l->bad; i++) collect(e, v.u.list.data[i], depth + 1, l);
    return;
  }
  if (depth != l->shape.rank || !(v_is_number(v) || v.kind == V_BOOL)) {
    l->bad = true;
    return;
  }
  l->floats |= v.kind == V_FLOAT;
  l->bools |= v.kind == V_BOOL;
  vec_push(e->a, &l->v, v);
}

static bool int_fits(DType t, int64_t v) { return dtype_wrap(t, v) == v; }

static bool int_range(Elab *e, DType t, int64_t v, Span at) {
  if (dtype_is_real(t) || int_fits(t, v)) return true;
  diag_label(err(e, DIAG_E0302, at, "%lld does not fit %s", (long long)v, dtype_name(t)), "out of range");
  return false;
}

// A nested rectangular list of numbers as a constant. t == DT_COUNT: i32 for ints, else real.
NodeId const_node(Elab *e, Value list, DType t, Span at) {
  if (v_has_poison(list)) return NO_NODE;
  Leaves l = {0};
  collect(e, list, 0, &l);
  if (l.bad || (l.bools && l.floats)) {
    Diag *g = err(e, DIAG_E0214, at, "this list is no constant tensor");
    diag_label(g, "a nested rectangular list of numbers is wanted");
    diag_note(g, "tensors are joined by `stack(list)` or `concat(list, axis = 0)`");
    return NO_NODE;
  }
  if (t == DT_COUNT) t = l.bools ? DT_MASK : l.floats ? e->real : DT_I32;
  if ((l.floats && !dtype_is_real(t)) || l.bools != (t == DT_MASK)) {
    diag_label(err(e, DIAG_E0204, at, "these numbers can't become %s", dtype_name(t)),
               l.bools    ? "a list of bools"
               : l.floats ? "a list with floats"
                          : "a list of ints");
    return NO_NODE;
  }
  Scalar *data = ARENA_ARRAY(e->a, l.v.len, Scalar);
  for (size_t i = 0; i < l.v.len; i++) {
    Value v = l.v.data[i];
    if (dtype_is_real(t))
      data[i].f = v_number(v);
    else
      data[i].i = v.kind == V_BOOL ? v.u.b : v.u.i;
    if (v.kind == V_INT && !int_range(e, t, v.u.i, at)) return NO_NODE;
  }
  return b_tensor(at_place(e, at), t, l.shape, data, (int64_t)l.v.len);
}

static NodeId no_mask(Elab *e, Value v, Span at) {
  Diag *g = err(e, DIAG_E0204, at, "a number can't become a mask");
  diag_label(g, "%s beside a mask", v_describe(e, v));
  diag_note(g, "a mask becomes numbers with `cast(x, real)`; `select(c, a, b)` chooses by it");
  return NO_NODE;
}

static bool no_integer(Elab *e, Value v, DType t, Span at) {
  diag_label(err(e, DIAG_E0204, at, "a float can't become %s", dtype_name(t)), "%s", v_describe(e, v));
  return false;
}

static NodeId no_tensor(Elab *e, Value v, Span at) {
  if (v_has_poison(v) || v.kind == V_ABSENT) return NO_NODE;
  Diag *g = err(e, DIAG_E0202, at, "a tensor or a number is wanted here");
  diag_label(g, "this is %s", v_describe(e, v));
  remedy(e, g, v);
  return NO_NODE;
}

NodeId to_node(Elab *e, Value v, DType hint, Span at) {
  switch (v.kind) {
  case V_TENSOR:
  case V_STORE:
  case V_ROLE:
  case V_THUNK:
    v = rvalue(e, v, at);
    return v.kind == V_TENSOR ? v.u.node : v.kind == V_POISON ? NO_NODE : to_node(e, v, hint, at);
  case V_INT: {
    DType t = hint == DT_COUNT ? DT_I32 : hint;
    Scalar s;
    if (t == DT_MASK) return no_mask(e, v, at);
    if (!int_range(e, t, v.u.i, at)) return NO_NODE;
    if (dtype_is_real(t))
      s.f = (double)v.u.i;
    else
      s.i = v.u.i;
    return b_splat(at_place(e, at), t, (Shape){0}, s);
  }
  case V_FLOAT: {
    DType t = hint == DT_COUNT ? e->real : hint;
    if (t == DT_MASK) return no_mask(e, v, at);
    if (!dtype_is_real(t)) return no_integer(e, v, t, at), NO_NODE;
    return b_scalar(at_place(e, at), t, v.u.f);
  }
  case V_BOOL:
    if (hint != DT_COUNT && hint != DT_MASK) return no_tensor(e, v, at);
    return b_scalar(at_place(e, at), DT_MASK, v.u.b);
  case V_DIM:
    if (rvalue(e, v, at).kind == V_POISON) return NO_NODE;
    at_place(e, at);
    return dim_node(e, v.u.dim, hint == DT_COUNT ? DT_I32 : hint);
  case V_LIST: return const_node(e, v, hint, at);
  default: return no_tensor(e, v, at);
  }
}

NodeId to_real(Elab *e, Value v, Span at) {
  NodeId n = to_node(e, v, e->real, at);
  if (n == NO_NODE || dtype_is_real(node_of(e, n)->dtype)) return n;
  Diag *g = err(e, DIAG_E0204, at, "a real tensor is wanted here");
  diag_label(g, "this is %s", v_describe(e, v));
  diag_note(g, "element types are converted only by `cast(x, real)`");
  return NO_NODE;
}

static bool has_float(Value v) {
  if (v.kind == V_FLOAT) return true;
  for (uint32_t i = 0; v.kind == V_LIST && i < v.u.list.len; i++)
    if (has_float(v.u.list.data[i])) return true;
  return false;
}

// Of two types the one that loses less.
static DType wider(DType a, DType b) {
  if (a == DT_MASK || b == DT_MASK) return a == DT_MASK ? b : a;
  if (dtype_is_real(a) != dtype_is_real(b)) return dtype_is_real(a) ? a : b;
  return dtype_bytes(b) > dtype_bytes(a) ? b : a;
}

// One element type for all operands: that of the tensors among them; static ones adapt.
bool unify(Elab *e, const Value *v, NodeId *out, uint32_t n, bool reals, Span at, const char *name) {
  DType t = DT_COUNT;
  uint32_t first = 0;
  bool floats = reals, bools = false;
  for (uint32_t i = 0; i < n; i++) {
    if (v_has_poison(v[i])) return false;
    floats |= has_float(v[i]);
    bools |= v[i].kind == V_BOOL;
    if (v[i].kind != V_TENSOR) continue;
    if (captured_elsewhere(e, v[i], at)) return false;
    DType ti = node_of(e, v[i].u.node)->dtype;
    if (t == DT_COUNT) t = ti, first = i;
    if (ti == t) continue;
    Diag *g = err(e, DIAG_E0204, at, "element types do not mix in `%s`", name);
    diag_label(g, "%s and %s", tensor_text(e, v[first].u.node), tensor_text(e, v[i].u.node));
    diag_note(g, "convert one with `cast(x, %s)`", dtype_name(wider(t, ti)));
    return false;
  }
  if (t == DT_COUNT) t = bools ? DT_MASK : floats ? e->real : DT_I32;
  for (uint32_t i = 0; i < n; i++)
    if ((out[i] = to_node(e, v[i], t, at)) == NO_NODE) return false;
  return true;
}

static bool type_allows(Elab *e, Op op, NodeId x, Span at, const char *name) {
  DType t = node_of(e, x)->dtype;
  OpKind k = op_kind(op);
  bool ok = dtype_is_real(t) ? k != KIND_LOGIC && op_meaning_real(op) : op_meaning_int(op) != NULL;
  if (t == DT_MASK)
    ok = k == KIND_LOGIC || op == OP_EQ || op == OP_NE || op == OP_SELECT;
  else if (k == KIND_LOGIC)
    ok = false;
  if (ok) return true;
  Diag *g = err(e, DIAG_E0204, at, "`%s` does not exist for %s", name, dtype_name(t));
  diag_label(g, "this is %s", tensor_text(e, x));
  if (k == KIND_LOGIC)
    diag_note(g, "a number becomes a mask by a comparison: `x != 0`");
  else if (op == OP_DIV)
    diag_note(g, "integers are divided with `//`; or `cast(x, real)` first");
  else if (t == DT_MASK)
    diag_note(g, "a mask becomes numbers with `cast(x, real)`, or chooses with `select(c, a, b)`");
  else
    diag_note(g, "convert with `cast(x, real)`");
  return false;
}

void axis_note(Elab *e, Diag *g, const Shape *a, const Shape *b, unsigned axis) {
  if (axis >= a->rank || axis >= b->rank) return;
  Dim da = a->d[a->rank - 1 - axis], db = b->d[b->rank - 1 - axis];
  diag_note(g, "counted from the end, axis %u is %s here and %s there; trailing axes align and a 1 stretches",
            axis, dim_text(e, da), dim_text(e, db));
  size_origin(e, g, da);
  size_origin(e, g, db);
}

static bool shapes_meet(Elab *e, NodeId x, NodeId y, Shape *out, Span at, const char *name) {
  unsigned axis = 0;
  const Node *a = node_of(e, x), *b = node_of(e, y);
  if (shape_broadcast(a->shape, b->shape, out, &axis)) return true;
  Diag *g = err(e, DIAG_E0203, at, "shapes do not fit in `%s`", name);
  diag_label(g, "%s and %s", shape_text(e, a->shape), shape_text(e, b->shape));
  axis_note(e, g, a->shape, b->shape, axis);
  return false;
}

Value ew_unary(Elab *e, Op op, Value v, Span at, Span whole) {
  if (v.kind == V_POISON) return v;
  if (v_is_number(v) && op != OP_NOT) return static_unary_math(e, op, v, at);
  bool reals = !op_meaning_int(op);
  NodeId n;
  if (!unify(e, &v, &n, 1, reals, at, op_name(op))) return v_poison();
  if (!type_allows(e, op, n, at, op == OP_NEG ? "-" : op_name(op))) return v_poison();
  return v_tensor(e, b_ew1(at_place(e, whole), op, n));
}

Value ew_binary(Elab *e, Op op, Value a, Value b, Span at, const char *name) {
  NodeId n[2];
  Shape s;
  Value v[2] = {a, b};
  for (int i = 0; i < 2 && op_kind(op) == KIND_LOGIC; i++)
    if (v[i].kind == V_TENSOR && v[i].ctx == e->fn->serial && !type_allows(e, op, v[i].u.node, at, name))
      return v_poison();
  if (!unify(e, v, n, 2, op == OP_DIV || op == OP_POW, at, name)) return v_poison();
  if (!type_allows(e, op, n[0], at, name) || !shapes_meet(e, n[0], n[1], &s, at, name)) return v_poison();
  if (!check_elements(e, &s, at)) return v_poison();
  return v_tensor(e, b_ew2(at_place(e, at), op, n[0], n[1]));
}

// x ** n by repeated multiplication, so that its derivative is n x^(n-1) everywhere: where n < 0 of 1 / x,
// as 1 / (x x) has the derivative 0 * inf at 0.
static Value int_power(Elab *e, Value x, int64_t n, Span at) {
  NodeId base = to_node(e, x, e->real, at);
  if (base == NO_NODE || !type_allows(e, OP_MUL, base, at, "**")) return v_poison();
  DType t = node_of(e, base)->dtype;
  Builder *b = at_place(e, at);
  if (n < 0 && !dtype_is_real(t)) {
    Diag *g = err(e, DIAG_E0204, at, "a negative power of integers");
    diag_label(g, "the base is %s", v_describe(e, x));
    diag_note(g, "convert it with `cast(x, real)`");
    return v_poison();
  }
  if (n > 1024 || n < -1024) return ew_binary(e, OP_POW, x, v_float((double)n), at, "**");
  Scalar one = {0};
  if (dtype_is_real(t))
    one.f = 1;
  else
    one.i = 1;
  if (n == 0) return v_tensor(e, b_splat(b, t, *node_of(e, base)->shape, one));
  NodeId sq = n > 0 ? base : b_ew2(b, OP_DIV, b_splat(b, t, (Shape){0}, one), base), r = NO_NODE;
  for (uint64_t k = (uint64_t)(n < 0 ? -n : n); k; k >>= 1) {
    if (k & 1) r = r == NO_NODE ? sq : b_ew2(b, OP_MUL, r, sq);
    if (k > 1) sq = b_ew2(b, OP_MUL, sq, sq);
  }
  return v_tensor(e, r);
}

static void inner_sizes(Elab *e, Diag *g, const Shape *x, const Shape *y) {
  if (!x->rank || !y->rank) return;
  Dim a = x->d[x->rank - 1], b = y->d[y->rank > 1 ? y->rank - 2 : 0];
  if (dim_eq(a, b)) return;
  diag_note(g, "the last axis of the left side is %s, the %s of the right side %s", dim_text(e, a),
            y->rank > 1 ? "last but one" : "only axis", dim_text(e, b));
  size_origin(e, g, a);
  size_origin(e, g, b);
}

static Value matmul(Elab *e, Value a, Value b, Span at) {
  NodeId n[2];
  Shape s;
  const char *why = NULL;
  Value v[2] = {a, b};
  if (!unify(e, v, n, 2, false, at, "@")) return v_poison();
  const Node *x = node_of(e, n[0]), *y = node_of(e, n[1]);
  if (x->dtype == DT_MASK) return type_allows(e, OP_MUL, n[0], at, "@"), v_poison();
  if (!matmul_fits(x->shape, y->shape, &s, &why)) {
    Diag *g = err(e, DIAG_E0203, at, "shapes do not fit in `@`");
    diag_label(g, "%s @ %s", shape_text(e, x->shape), shape_text(e, y->shape));
    diag_note(g, "%s", why);
    inner_sizes(e, g, x->shape, y->shape);
    return v_poison();
  }
  if (!check_elements(e, &s, at)) return v_poison();
  return v_tensor(e, b_matmul(at_place(e, at), n[0], n[1]));
}

// What makes one operand unfit by itself is said at that operand; `other` may give the element type.
static bool operand_fits(Elab *e, Value v, Value other, Span at) {
  static const ValueKind kinds[] = {V_TENSOR, V_INT,   V_FLOAT, V_BOOL, V_LIST,
                                    V_DIM,    V_STORE, V_ROLE,  V_THUNK};
  bool number = false;
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) number |= v.kind == kinds[i];
  if (!number) return no_tensor(e, v, at), false;
  if (!v_is_number(v) || other.kind != V_TENSOR || other.ctx != e->fn->serial) return true;
  DType t = node_of(e, other.u.node)->dtype;
  if (t == DT_MASK) return no_mask(e, v, at), false;
  return v.kind == V_FLOAT ? dtype_is_real(t) || no_integer(e, v, t, at) : int_range(e, t, v.u.i, at);
}

static bool holds_zero(Value v) {
  for (uint32_t i = 0; v.kind == V_LIST && i < v.u.list.len; i++)
    if (holds_zero(v.u.list.data[i])) return true;
  return v.kind == V_INT && v.u.i == 0;
}

// Integers of a tensor, by zeros that are known: it would be a fault of every run.
static bool divides_by_zero(Elab *e, BinOp op, Value a, Value b, Span at) {
  if ((op != BIN_FLOORDIV && op != BIN_MOD) || !holds_zero(b) || a.kind != V_TENSOR) return false;
  if (a.ctx != e->fn->serial || dtype_is_real(node_of(e, a.u.node)->dtype)) return false;
  diag_label(err(e, DIAG_E0303, at, "division by zero"), "of %s", v_describe(e, a));
  return true;
}

Value binary(Elab *e, BinOp op, Value a, Value b, const Expr *x) {
  static const Op ops[] = {[BIN_OR] = OP_OR,   [BIN_AND] = OP_AND,    [BIN_EQ] = OP_EQ,
                           [BIN_NE] = OP_NE,   [BIN_LT] = OP_LT,      [BIN_GT] = OP_GT,
                           [BIN_LE] = OP_LE,   [BIN_GE] = OP_GE,      [BIN_ADD] = OP_ADD,
                           [BIN_SUB] = OP_SUB, [BIN_MUL] = OP_MUL,    [BIN_DIV] = OP_DIV,
                           [BIN_MOD] = OP_MOD, [BIN_MATMUL] = OP_DOT, [BIN_FLOORDIV] = OP_FLOORDIV,
                           [BIN_POW] = OP_POW};
  if (a.kind == V_POISON || b.kind == V_POISON) return v_poison();
  Value s = static_binary(e, op, a, b, x);
  if (s.kind != V_ABSENT) return s;
  if (x->kind == EX_BINARY && (!operand_fits(e, a, op == BIN_POW ? a : b, x->u.bin.left->span) ||
                               !operand_fits(e, b, op == BIN_POW ? b : a, x->u.bin.right->span)))
    return v_poison();
  if (divides_by_zero(e, op, a, b, x->span)) return v_poison();
  if (op == BIN_MATMUL) return matmul(e, a, b, x->span);
  if (op == BIN_POW && b.kind == V_INT) return int_power(e, a, b.u.i, x->span);
  return ew_binary(e, ops[op], a, b, x->span, bin_text(op));
}

// n stretched to s; an error names `what`.
NodeId broadcast_to(Elab *e, NodeId n, const Shape *s, Span at, const char *what) {
  const Node *x = node_of(e, n);
  if (shape_eq(x->shape, s)) return n;
  if (shape_broadcasts_to(x->shape, s)) return b_broadcast(at_place(e, at), n, *s);
  Diag *g = err(e, DIAG_E0203, at, "shapes do not fit: %s", what);
  diag_label(g, "%s does not stretch to %s", shape_text(e, x->shape), shape_text(e, s));
  return NO_NODE;
}
