// Operations on whole rows and matrices: cumsum, argsort, take_along, cholesky, triangular_solve.
#include "frontend/builtins.h"

#include <string.h>

static Value no_such_type(Elab *e, const BuiltinCall *c, uint32_t i, NodeId n, const char *help) {
  Diag *g = err(e, DIAG_E0204, c->spans[i], "`%s` does not exist for %s", c->fn->name,
                dtype_name(node_of(e, n)->dtype));
  diag_label(g, "this is %s", tensor_text(e, n));
  diag_note(g, "convert with `cast(x, %s)`", help);
  return v_poison();
}

static bool is_half(DType t) { return t == DT_F16 || t == DT_BF16; }

// cumsum(x, axis), argsort(x, axis). Of half precision in f32, as all arithmetic.
static Value bi_rows(Elab *e, const BuiltinCall *c) {
  NodeId n = arg_node(e, c, 0);
  uint32_t axis;
  if (n == NO_NODE) return v_poison();
  if (node_of(e, n)->shape->rank == 0) {
    diag_label(err(e, DIAG_E0203, c->spans[0], "`%s` goes along an axis", c->fn->name), "this is a scalar");
    return v_poison();
  }
  if (!arg_axis(e, c, 1, -1, node_of(e, n)->shape->rank, &axis)) return v_poison();
  DType t = node_of(e, n)->dtype;
  if (t == DT_MASK) return no_such_type(e, c, 0, n, "i32");
  NodeId y = b_along(&e->fn->b, (Op)c->fn->data, is_half(t) ? b_cast(&e->fn->b, n, DT_F32) : n, axis);
  return v_tensor(e, is_half(t) && c->fn->data == OP_CUMSUM ? b_cast(&e->fn->b, y, t) : y);
}

// take_along(x: [*s, n], i: i32[*s, k]) -> [*s, k]: of each row the elements that its indices name
static Value bi_take_along(Elab *e, const BuiltinCall *c) {
  NodeId x = arg_node(e, c, 0), i = to_node(e, c->v[1], DT_I32, c->spans[1]);
  if (x == NO_NODE || i == NO_NODE || !is_index(e, i, c->spans[1], c->fn->name)) return v_poison();
  Shape xs = *node_of(e, x)->shape, is = *node_of(e, i)->shape, rows = xs;
  bool fits = xs.rank > 0 && is.rank == xs.rank;
  if (fits) rows.d[rows.rank - 1] = is.d[is.rank - 1];
  if (!fits || !shape_eq(&rows, &is)) {
    Diag *g = err(e, DIAG_E0203, c->span, "shapes do not fit in `%s`", c->fn->name);
    diag_label(g, "%s by %s", shape_text(e, &xs), shape_text(e, &is));
    diag_note(g, "all axes but the last are the same");
    return v_poison();
  }
  return v_tensor(e, b_gather(&e->fn->b, x, i, xs.rank - 1, xs.rank - 1));
}

// True when n is a matrix, or several, of equal sides.
static bool square(Elab *e, const BuiltinCall *c, NodeId n) {
  const Shape *s = node_of(e, n)->shape;
  DType t = node_of(e, n)->dtype;
  if (!dtype_is_real(t)) return no_such_type(e, c, 0, n, "real"), false;
  if (is_half(t)) return no_such_type(e, c, 0, n, "f32"), false;
  if (s->rank < 2) {
    Diag *g = err(e, DIAG_E0203, c->spans[0], "`%s` wants a matrix", c->fn->name);
    diag_label(g, "this is %s", tensor_text(e, n));
    diag_note(g, "its last two axes are rows and columns; those before them count matrices");
    return false;
  }
  Dim rows = s->d[s->rank - 2], columns = s->d[s->rank - 1];
  if (dim_eq(rows, columns)) return true;
  Diag *g = err(e, DIAG_E0203, c->spans[0], "`%s` wants a square matrix", c->fn->name);
  diag_label(g, "this is %s", tensor_text(e, n));
  diag_note(g, "%s rows, %s columns", dim_text(e, rows), dim_text(e, columns));
  return false;
}

static Value bi_cholesky(Elab *e, const BuiltinCall *c) {
  NodeId n;
  if (!unify(e, c->v, &n, 1, true, c->spans[0], c->fn->name) || !square(e, c, n)) return v_poison();
  return v_tensor(e, b_cholesky(&e->fn->b, n));
}

// The leading axes of both sides, broadcast.
static bool common_batch(Elab *e, const BuiltinCall *c, NodeId *pair) {
  Shape l = *node_of(e, pair[0])->shape, b = *node_of(e, pair[1])->shape, batch;
  Shape lb = {.rank = l.rank - 2}, bb = {.rank = b.rank - 2};
  memcpy(lb.d, l.d, lb.rank * sizeof *lb.d);
  memcpy(bb.d, b.d, bb.rank * sizeof *bb.d);
  bool rows = dim_eq(l.d[l.rank - 1], b.d[b.rank - 2]);
  if (!rows || !shape_broadcast(&lb, &bb, &batch, NULL)) {
    Diag *g = err(e, DIAG_E0203, c->span, "shapes do not fit in `%s`", c->fn->name);
    if (rows)
      diag_note(g, "the axes before the last two do not broadcast");
    else
      diag_note(g, "%s equations, %s rows of right sides", dim_text(e, l.d[l.rank - 1]),
                dim_text(e, b.d[b.rank - 2]));
    diag_label(g, "%s and %s", shape_text(e, &l), shape_text(e, &b));
    return false;
  }
  for (int k = 0; k < 2; k++) {
    const Shape *s = k ? &b : &l;
    Shape to = batch;
    to.d[to.rank++] = s->d[s->rank - 2];
    to.d[to.rank++] = s->d[s->rank - 1];
    if (!check_elements(e, &to, c->span)) return false;
    if (!shape_eq(&to, s)) pair[k] = b_broadcast(&e->fn->b, pair[k], to);
  }
  return true;
}

// triangular_solve(L, B, lower): B is a matrix of right sides, or one vector (numpy's solve)
static Value bi_triangular_solve(Elab *e, const BuiltinCall *c) {
  NodeId pair[2];
  bool lower;
  if (!arg_bool(e, c, 2, true, &lower)) return v_poison();
  if (!unify(e, c->v, pair, 2, true, c->span, c->fn->name) || !square(e, c, pair[0])) return v_poison();
  Builder *b = &e->fn->b;
  Shape s = *node_of(e, pair[1])->shape;
  if (s.rank == 0) {
    Diag *g = err(e, DIAG_E0203, c->spans[1], "`%s` wants right sides [n, m], or one [n]", c->fn->name);
    diag_label(g, "this is %s", tensor_text(e, pair[1]));
    return v_poison();
  }
  bool vector = s.rank == 1;
  if (vector) pair[1] = b_reshape(b, pair[1], (Shape){2, {s.d[0], dim_of(1)}});
  if (!common_batch(e, c, pair)) return v_poison();
  NodeId x = b_triangular_solve(b, pair[0], pair[1], !lower);
  Shape out = *node_of(e, x)->shape;
  if (vector) out.rank--;
  return v_tensor(e, b_reshape(b, x, out));
}

static const Builtin table[] = {
    {"take_along", "x i", bi_take_along, 0},
    {"cumsum", "x axis", bi_rows, OP_CUMSUM},
    {"argsort", "x ?axis", bi_rows, OP_ARGSORT},
    {"cholesky", "A", bi_cholesky, 0},
    {"triangular_solve", "L B ?lower", bi_triangular_solve, 0},
};

const Builtin *rows_builtins(uint32_t *n) {
  *n = sizeof table / sizeof *table;
  return table;
}
