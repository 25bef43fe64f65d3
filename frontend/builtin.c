// The functions that can't be written in .nn: core operations and questions of the static stage. One row each
// in the table at the end; the signature is its `params` text.
#include "frontend/sema.h"

#include "frontend/builtins.h"

enum { MAX_BUILTIN_PARAMS = 8 };

typedef struct Sig {
  const char *names[MAX_BUILTIN_PARAMS];
  bool required[MAX_BUILTIN_PARAMS];
  uint32_t n, positional;
} Sig;

static Sig signature(Elab *e, const char *text) {
  Sig s = {0};
  while (*text) {
    char mark = *text == '?' || *text == '=' ? *text++ : 0;
    const char *end = text;
    while (*end && *end != ' ') end++;
    s.names[s.n] = intern_n(e->names, text, (size_t)(end - text));
    s.required[s.n] = mark == 0;
    if (mark != '=') s.positional = s.n + 1;
    s.n++;
    text = *end ? end + 1 : end;
  }
  return s;
}

Value call_builtin(Elab *e, const Builtin *b, Args *args, const Expr *call, Span span) {
  if (!b->params) {
    diag_note(err(e, DIAG_E0605, span, "an optimizer can't be made here"),
              "inside `train … { }` write `let opt = %s(…);`", b->name);
    return v_poison();
  }
  Sig s = signature(e, b->params);
  Value v[MAX_BUILTIN_PARAMS];
  Span spans[MAX_BUILTIN_PARAMS];
  if (!bind_names(e, b->name, s.names, s.required, s.n, s.positional, args, span, v, spans))
    return v_poison();
  if (args->any_poison) return v_poison();
  BuiltinCall c = {b, call, span, v, spans};
  e->fn->b.span = user_span(e, span);
  return b->run(e, &c);
}

// ---- helpers shared by the builtins

bool arg_int(Elab *e, const BuiltinCall *c, uint32_t i, int64_t dflt, int64_t *out) {
  *out = dflt;
  if (c->v[i].kind == V_ABSENT) return true;
  if (c->v[i].kind == V_INT) return *out = c->v[i].u.i, true;
  diag_label(err(e, DIAG_E0202, c->spans[i], "`%s` wants a static int", c->fn->name), "this is %s",
             v_describe(e, c->v[i]));
  return false;
}

bool arg_bool(Elab *e, const BuiltinCall *c, uint32_t i, bool dflt, bool *out) {
  *out = dflt;
  if (c->v[i].kind == V_ABSENT) return true;
  if (c->v[i].kind == V_BOOL) return *out = c->v[i].u.b, true;
  diag_label(err(e, DIAG_E0202, c->spans[i], "`%s` wants a static bool", c->fn->name), "this is %s",
             v_describe(e, c->v[i]));
  return false;
}

// An axis, negative from the end; `extra` 1 when one past the last is allowed (a new axis).
bool check_axis(Elab *e, int64_t axis, uint32_t rank, uint32_t extra, Span at, uint32_t *out) {
  int64_t n = (int64_t)rank + extra, k = axis < 0 ? axis + n : axis;
  if (k >= 0 && k < n) return *out = (uint32_t)k, true;
  diag_label(err(e, DIAG_E0210, at, "there is no axis %lld", (long long)axis), "the tensor has rank %u",
             rank);
  return false;
}

bool arg_axis(Elab *e, const BuiltinCall *c, uint32_t i, int64_t dflt, uint32_t rank, uint32_t *out) {
  int64_t a;
  return arg_int(e, c, i, dflt, &a) && check_axis(e, a, rank, 0, c->spans[i], out);
}

bool arg_axes(Elab *e, const BuiltinCall *c, uint32_t i, uint32_t rank, uint32_t *mask) {
  Value v = c->v[i];
  *mask = 0;
  if (v.kind == V_INT) v = v_list(e, V_LIST, &v, 1);
  if (v.kind != V_LIST) {
    diag_label(err(e, DIAG_E0202, c->spans[i], "an axis is an int or a list of ints"), "this is %s",
               v_describe(e, v));
    return false;
  }
  for (uint32_t k = 0; k < v.u.list.len; k++) {
    uint32_t a;
    if (v.u.list.data[k].kind != V_INT) {
      diag_label(err(e, DIAG_E0202, c->spans[i], "an axis is an int or a list of ints"), "it holds %s",
                 v_describe(e, v.u.list.data[k]));
      return false;
    }
    if (!check_axis(e, v.u.list.data[k].u.i, rank, 0, c->spans[i], &a)) return false;
    if (*mask >> a & 1) {
      diag_label(err(e, DIAG_E0210, c->spans[i], "an axis is named twice"), "axis %u", a);
      return false;
    }
    *mask |= 1u << a;
  }
  return true;
}

NodeId arg_node(Elab *e, const BuiltinCall *c, uint32_t i) {
  return to_node(e, c->v[i], DT_COUNT, c->spans[i]);
}

// ---- elementwise

static Value bi_unary(Elab *e, const BuiltinCall *c) {
  return ew_unary(e, (Op)c->fn->data, c->v[0], c->spans[0], c->span);
}

static Value static_pair(Elab *e, const BuiltinCall *c, Op op) {
  Value a = c->v[0], b = c->v[1];
  if (op == OP_POW) {
    Expr x = {.span = c->span};
    return binary(e, BIN_POW, a, b, &x);
  }
  bool first = op == OP_MAX ? v_number(a) >= v_number(b) : v_number(a) <= v_number(b);
  if (a.kind == V_INT && b.kind == V_INT) return first ? a : b;
  return v_float(first ? v_number(a) : v_number(b));
}

static Value bi_binary(Elab *e, const BuiltinCall *c) {
  Op op = (Op)c->fn->data;
  if (v_is_number(c->v[0]) && v_is_number(c->v[1])) return static_pair(e, c, op);
  if (op == OP_POW) {
    Expr x = {.span = c->span};
    return binary(e, BIN_POW, c->v[0], c->v[1], &x);
  }
  return ew_binary(e, op, c->v[0], c->v[1], c->span, c->fn->name);
}

// max and min: of two values, or a reduction of one.
static Value bi_extremum(Elab *e, const BuiltinCall *c) {
  bool is_max = c->fn->data == OP_MAX;
  if (c->v[1].kind == V_ABSENT) return reduce_call(e, c, is_max ? OP_RMAX : OP_RMIN, false);
  for (int i = 2; i < 5; i++)
    if (c->v[i].kind != V_ABSENT) {
      err(e, DIAG_E0207, c->spans[i], "`%s` of two values has no axis", c->fn->name);
      return v_poison();
    }
  return bi_binary(e, c);
}

static Value bi_select(Elab *e, const BuiltinCall *c) {
  Value cond = c->v[0];
  if (cond.kind == V_BOOL) return cond.u.b ? c->v[1] : c->v[2];
  NodeId m = to_node(e, cond, DT_COUNT, c->spans[0]), n[2];
  if (m == NO_NODE) return v_poison();
  if (node_of(e, m)->dtype != DT_MASK) {
    diag_label(err(e, DIAG_E0204, c->spans[0], "`%s` chooses by a mask", c->fn->name), "this is %s",
               v_describe(e, cond));
    return v_poison();
  }
  if (!unify(e, c->v + 1, n, 2, false, c->span, c->fn->name)) return v_poison();
  const Shape *s[3] = {node_of(e, m)->shape, node_of(e, n[0])->shape, node_of(e, n[1])->shape};
  Shape ab, all;
  unsigned axis;
  bool values_meet = shape_broadcast(s[1], s[2], &ab, &axis);
  if (!values_meet || !shape_broadcast(s[0], &ab, &all, &axis)) {
    Diag *g = err(e, DIAG_E0203, c->span, "shapes do not fit in `%s`", c->fn->name);
    diag_label(g, "%s, %s and %s", shape_text(e, s[0]), shape_text(e, s[1]), shape_text(e, s[2]));
    axis_note(e, g, values_meet ? s[0] : s[1], values_meet ? &ab : s[2], axis);
    return v_poison();
  }
  if (!check_elements(e, &all, c->span)) return v_poison();
  return v_tensor(e, b_ew3(&e->fn->b, OP_SELECT, m, n[0], n[1]));
}

static Value bi_fma(Elab *e, const BuiltinCall *c) {
  NodeId n[3];
  if (!unify(e, c->v, n, 3, false, c->span, "fma")) return v_poison();
  Shape ab, all;
  unsigned axis;
  const Node *x = node_of(e, n[0]);
  if (x->dtype == DT_MASK) {
    diag_label(err(e, DIAG_E0204, c->span, "`fma` does not exist for masks"), "convert with `cast(x, real)`");
    return v_poison();
  }
  if (!shape_broadcast(x->shape, node_of(e, n[1])->shape, &ab, &axis) ||
      !shape_broadcast(&ab, node_of(e, n[2])->shape, &all, &axis)) {
    diag_label(err(e, DIAG_E0203, c->span, "shapes do not fit in `fma`"), "%s, %s and %s",
               tensor_text(e, n[0]), tensor_text(e, n[1]), tensor_text(e, n[2]));
    return v_poison();
  }
  return v_tensor(e, b_ew3(&e->fn->b, OP_FMA, n[0], n[1], n[2]));
}

static Value bi_cast(Elab *e, const BuiltinCall *c) {
  if (c->v[1].kind != V_DTYPE) {
    diag_label(err(e, DIAG_E0202, c->spans[1], "`cast` wants an element type"), "this is %s",
               v_describe(e, c->v[1]));
    return v_poison();
  }
  DType t = c->v[1].u.dtype.t;
  if (c->v[0].kind == V_INT && dtype_is_real(t))
    return v_tensor(e, b_scalar(&e->fn->b, t, (double)c->v[0].u.i));
  NodeId n = arg_node(e, c, 0);
  if (n == NO_NODE) return v_poison();
  if (t == DT_MASK && node_of(e, n)->dtype != DT_MASK) {
    diag_label(err(e, DIAG_E0204, c->span, "numbers are not cast to masks"), "compare instead: `x != 0`");
    return v_poison();
  }
  return v_tensor(e, b_cast(&e->fn->b, n, t));
}

// ---- static stage

static Value bi_len(Elab *e, const BuiltinCall *c) {
  Value v = c->v[0];
  if (v_is_list(v)) return v_int(v.u.list.len);
  if (v.kind == V_STR) return v_int((int64_t)strlen(v.u.s));
  if (v.kind == V_TENSOR && node_of(e, v.u.node)->shape->rank > 0)
    return v_dim(e, node_of(e, v.u.node)->shape->d[0]);
  diag_label(err(e, DIAG_E0202, c->spans[0], "`len` wants a list"), "this is %s", v_describe(e, v));
  return v_poison();
}

static Value bi_zip(Elab *e, const BuiltinCall *c) {
  Value a = c->v[0], b = c->v[1];
  bool lists = v_is_list(a) && v_is_list(b);
  if (lists && a.u.list.len != b.u.list.len && may_grow(e)) return v_poison();
  if (!lists || a.u.list.len != b.u.list.len) {
    diag_label(err(e, DIAG_E0202, c->span, "`zip` wants two lists of one length"), "%s and %s",
               v_describe(e, a), v_describe(e, b));
    return v_poison();
  }
  Value out = v_list(e, V_LIST, a.u.list.data, a.u.list.len);
  for (uint32_t i = 0; i < a.u.list.len; i++) {
    Value pair[2] = {a.u.list.data[i], b.u.list.data[i]};
    out.u.list.data[i] = v_list(e, V_TUPLE, pair, 2);
  }
  return out;
}

// Whether a number is known when the program is compiled, for the library.
static Value bi_is_static(Elab *e, const BuiltinCall *c) {
  const Value *v = &c->v[0];
  if (v_is_number(*v)) return v_bool(true);
  if (v->kind == V_DIM || v->kind == V_TENSOR) return v_bool(false);
  diag_label(err(e, DIAG_E0202, c->spans[0], "`is_static` wants a number"), "this is %s", v_describe(e, *v));
  return v_poison();
}

static bool any_unapplied(Value v) {
  if (v.kind == V_INSTANCE) return !instance_applied(v.u.inst.inst);
  for (uint32_t i = 0; v.kind == V_LIST && i < v.u.list.len; i++)
    if (any_unapplied(v.u.list.data[i])) return true;
  return false;
}

// In the first pass the list may lack what is applied later: its length and elements are asked for in the
// next.
static Value bi_params(Elab *e, const BuiltinCall *c) {
  StoreRefs refs;
  if (!list_stores(e, c->v[0], c->spans[0], true, &refs, "`params`")) return v_poison();
  if (e->pass == 0 && any_unapplied(c->v[0])) return e->rerun = true, v_poison();
  Values out = {0};
  for (size_t i = 0; i < refs.len; i++) vec_push(e->a, &out, v_store(refs.data[i]));
  return v_list(e, V_LIST, out.data, (uint32_t)out.len);
}

static Value bi_per_axis(Elab *e, const BuiltinCall *c) {
  int64_t n;
  if (!arg_int(e, c, 1, 1, &n)) return v_poison();
  Value v = c->v[0];
  if (v.kind != V_LIST) v = v_list(e, V_LIST, &v, 1);
  if (v.u.list.len == (uint64_t)n) return v;
  if (v.u.list.len != 1 || n < 0 || n > MAX_RANK) {
    diag_label(err(e, DIAG_E0203, c->spans[0], "one value per axis is wanted"), "%u for %lld axes",
               v.u.list.len, (long long)n);
    return v_poison();
  }
  Values out = {0};
  for (int64_t i = 0; i < n; i++) vec_push(e->a, &out, v.u.list.data[0]);
  return v_list(e, V_LIST, out.data, (uint32_t)out.len);
}

static Value bi_inference(Elab *e, const BuiltinCall *c) {
  Value v = c->v[0];
  if (v.kind == V_INSTANCE) return v.u.inst.inference = true, v;
  diag_label(err(e, DIAG_E0202, c->spans[0], "`inference` wants a layer"), "this is %s", v_describe(e, v));
  return v_poison();
}

static Value bi_another(Elab *e, const BuiltinCall *c) {
  Value v = c->v[0];
  if (v.kind == V_INSTANCE && diags_has_error(e->diags, user_span(e, v.u.inst.inst->span))) return v_poison();
  if (v.kind == V_INSTANCE) return another_instance(e, v, c->call, c->span);
  diag_label(err(e, DIAG_E0202, c->spans[0], "`another` wants a layer"), "this is %s", v_describe(e, v));
  return v_poison();
}

static Value bi_npy(Elab *e, const BuiltinCall *c) {
  if (c->v[0].kind == V_STR) return (Value){.kind = V_NPY, .u.s = c->v[0].u.s};
  diag_label(err(e, DIAG_E0202, c->spans[0], "`npy` wants a file name"), "this is %s",
             v_describe(e, c->v[0]));
  return v_poison();
}

// The shape of a value as a list of sizes.
static Value bi_shape(Elab *e, const BuiltinCall *c) {
  NodeId n = arg_node(e, c, 0);
  if (n == NO_NODE) return v_poison();
  Shape s = *node_of(e, n)->shape;
  return shape_value(e, &s, 0, s.rank);
}

static const Builtin table[] = {
    {"pow", "x y", bi_binary, OP_POW},
    {"max", "x ?y =axis =keep =keepdim", bi_extremum, OP_MAX},
    {"min", "x ?y =axis =keep =keepdim", bi_extremum, OP_MIN},
    {"select", "c a b", bi_select, 0},
    {"where", "c a b", bi_select, 0},
    {"fma", "a b c", bi_fma, 0},
    {"cast", "x type", bi_cast, 0},
    {"len", "list", bi_len, 0},
    {"zip", "a b", bi_zip, 0},
    {"is_static", "n", bi_is_static, 0},
    {"params", "layer", bi_params, 0},
    {"per_axis", "v n", bi_per_axis, 0},
    {"inference", "layer", bi_inference, 0},
    {"another", "layer", bi_another, 0},
    {"npy", "path", bi_npy, 0},
    {"shape_of", "x", bi_shape, 0},
};

typedef VEC(const Builtin *) BuiltinList;

static void list_rows(BuiltinList *l, const Builtin *rows, size_t n, Arena *a) {
  for (size_t i = 0; i < n; i++) vec_push(a, l, &rows[i]);
}

static void list_row(BuiltinList *l, Builtin row, Arena *a) {
  Builtin *b = ARENA_NEW(a, Builtin);
  *b = row;
  vec_push(a, l, b);
}

// Every elementwise operation of one input is a function by its name: a row of ops.def is enough.
static void list_unary(BuiltinList *l, Arena *a) {
  for (int op = 0; op < OP_COUNT; op++)
    if (op_kind((Op)op) == KIND_EW && op_arity((Op)op) == 1 && op != OP_CAST)
      list_row(l, (Builtin){op_name((Op)op), "x", bi_unary, op}, a);
}

static void list_optimizers(BuiltinList *l, Arena *a) {
  static const struct {
    const char *name;
    int kind;
  } optimizers[] = {
#define OPTIMIZER(ID, name, slots, hypers) {name, OPTIM_##ID},
#include "ir/optim.def"
#undef OPTIMIZER
      {"AdamW", OPTIM_ADAM}};
  for (size_t i = 0; i < sizeof optimizers / sizeof *optimizers; i++)
    list_row(l, (Builtin){optimizers[i].name, NULL, NULL, optimizers[i].kind}, a);
}

const Builtin *const *builtins_list(Arena *a, uint32_t *n) {
  BuiltinList l = {0};
  static const Builtin *(*const themes[])(uint32_t *) = {reduce_builtins, shape_builtins,  conv_builtins,
                                                         rows_builtins,   tensor_builtins, test_builtins};
  list_unary(&l, a);
  list_rows(&l, table, sizeof table / sizeof *table, a);
  for (size_t i = 0; i < sizeof themes / sizeof *themes; i++) {
    uint32_t n_rows;
    const Builtin *rows = themes[i](&n_rows);
    list_rows(&l, rows, n_rows, a);
  }
  list_optimizers(&l, a);
  *n = (uint32_t)l.len;
  return l.data;
}

void builtins_define(Elab *e, Scope *s) {
  BuiltinList l = {0};
  uint32_t n;
  const Builtin *const *have = builtins_list(e->a, &n);
  for (uint32_t i = 0; i < n; i++) vec_push(e->a, &l, have[i]);
  for (size_t i = 0; i < l.len; i++)
    scope_bind(e, s, intern(e->names, l.data[i]->name), (Value){.kind = V_BUILTIN, .u.builtin = l.data[i]},
               (Span){0});
}
