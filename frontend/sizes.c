// Sizes from expressions: `x: [B, 2 * n]` binds n, if nothing has it yet, as `[B, n]` does.
#include "frontend/sema.h"

typedef struct Search {
  bool (*is_new)(void *of, const Expr *name);
  void *of;
  const Expr *found;
  bool several;
} Search;

static void search(Search *s, const Expr *x) {
  if (x->kind == EX_BINARY && (x->u.bin.op == BIN_ADD || x->u.bin.op == BIN_SUB || x->u.bin.op == BIN_MUL)) {
    search(s, x->u.bin.left);
    search(s, x->u.bin.right);
  } else if (x->kind == EX_UNARY && x->u.un.op == UN_NEG) {
    search(s, x->u.un.operand);
  } else if (x->kind == EX_NAME && s->is_new(s->of, x)) {
    s->several |= s->found && s->found->u.name != x->u.name;
    s->found = x;
  }
}

const Expr *size_to_bind(const Expr *x, bool (*is_new)(void *of, const Expr *name), void *of) {
  Search s = {.is_new = is_new, .of = of};
  search(&s, x);
  return s.several ? NULL : s.found;
}

// x as a * name + b, which a Dim holds as well as a * N + b. False: an error was given.
static bool linear(Elab *e, const Expr *x, const Expr *name, Dim *out) {
  if (x->kind == EX_NAME && x->u.name == name->u.name) return *out = (Dim){1, 0}, true;
  Dim l, r;
  BinOp op = x->kind == EX_BINARY ? x->u.bin.op : BIN_POW;
  bool ok = false;
  if (x->kind == EX_UNARY && x->u.un.op == UN_NEG) {
    if (!linear(e, x->u.un.operand, name, &r)) return false;
    ok = dim_sub(dim_of(0), r, out);
  } else if (op == BIN_ADD || op == BIN_SUB || op == BIN_MUL) {
    if (!linear(e, x->u.bin.left, name, &l) || !linear(e, x->u.bin.right, name, &r)) return false;
    ok = op == BIN_ADD ? dim_add(l, r, out) : op == BIN_SUB ? dim_sub(l, r, out) : dim_mul(l, r, out);
  } else {
    Value v = eval(e, x);
    if (v.kind == V_INT) return *out = dim_of(v.u.i), true;
    if (v.kind == V_POISON) return false;
    Diag *g =
        err(e, DIAG_E0202, x->span, "beside `%s`, which is bound here, static ints may stand", name->u.name);
    diag_label(g, "this is %s", v_describe(e, v));
    return false;
  }
  if (ok) return true;
  Diag *g = err(e, DIAG_E0211, x->span, "this size is not of the form a * %s + b", name->u.name);
  diag_note(g, "`%s` is bound here; a name alone in its place takes any size", name->u.name);
  return false;
}

SizeMatch size_solve(Elab *e, const Expr *x, const Expr *name, Dim size, Dim *out) {
  Dim l, rest;
  if (!linear(e, x, name, &l)) return SIZE_BAD;
  bool ok = l.a != 0 && dim_sub(size, dim_of(l.b), &rest) && dim_div(rest, dim_of(l.a), out);
  return ok && out->a >= 0 && dim_at(*out, 1) >= 0 ? SIZE_OK : SIZE_DIFFERS;
}
