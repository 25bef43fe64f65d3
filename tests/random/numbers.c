// Statements on integers, narrow floats and casts.
#include "tests/random/model.h"

// One integer in, one out.
bool p_integer(Model *m) {
  static const char *const forms[] = {"-%",        "abs(%)", "sign(%)",   "% ~ 3",    "% // 2",
                                      "% * % - 7", "% + 1",  "max(%, 1)", "min(%, 2)"};
  const Value *x = pick(m, ANY_INT, 0, 4);
  if (!x) return false;
  return let(m, x->t, x->s, 1, 0, filled(m, forms[below(m, 9)], x->name, "", ""));
}

bool p_int_binary(Model *m) {
  static const char *const forms[] = {"% + $",           "% - $",     "% * $",     "% // ($ ~ 3 + 1)",
                                      "% ~ ($ ~ 4 + 1)", "max(%, $)", "min(%, $)", "fma(%, $, 3)"};
  const Value *v[3] = {pick(m, ANY_INT, 0, 4), pick(m, ANY_INT, 0, 4), pick(m, ANY_MASK, 0, 4)};
  Shape s;
  if (!v[0] || !v[1] || v[0]->t != v[1]->t) return false;
  if (v[2] && chance(m, 20)) {
    if (!together(v, 3, &s)) return false;
    return let(m, v[0]->t, s, 1, 0, text(m, "select(%s, %s, %s)", v[2]->name, v[0]->name, v[1]->name));
  }
  if (!together(v, 2, &s)) return false;
  return let(m, v[0]->t, s, 1, 0, filled(m, forms[below(m, 8)], v[0]->name, v[1]->name, ""));
}

bool p_cast(Model *m) {
  static const DType ints[] = {DT_I32, DT_I32, DT_I8, DT_U8, DT_I16, DT_I64};
  const Value *x = pick(m, ANY_VALUE, 0, 4);
  if (!x) return false;
  DType t = ints[below(m, 6)];
  const char *type = dtype_name(t);
  if (x->t == REAL) return let(m, t, x->s, 1, 0, text(m, "cast(%s * 3.0, %s)", use_off_kinks(m, x), type));
  if (x->t == DT_MASK && chance(m, 50)) return let(m, t, x->s, 1, 0, text(m, "cast(%s, %s)", x->name, type));
  if (x->t == DT_MASK || dtype_is_real(x->t))
    return let(m, REAL, x->s, x->size, 0, text(m, "cast(%s, real)", x->name));
  if (chance(m, 40) && t != x->t) return let(m, t, x->s, 1, 0, text(m, "cast(%s, %s)", x->name, type));
  if (chance(m, 15)) return let(m, DT_MASK, x->s, 1, 0, text(m, "%s != 0", x->name));
  return let(m, REAL, x->s, 1.5, 0, text(m, "0.3 * cast(%s %% 5, real)", x->name));
}

typedef struct NarrowRow {
  const char *form; // % the value, of the type that stands for $
  bool exact;       // back ends agree on its rounding
  bool row;         // it gives one number for each element of the first axis
} NarrowRow;

static const NarrowRow narrows[] = {
    {"% * 0.5", true, false},
    {"max(%, -%)", true, false},
    {"1 - %", true, false},
    {"select(% > 0.2137, %, cast(0.5, $))", true, false},
    {"cast(cast(%, bf16), $) - cast(cast(%, f16), $)", true, false},
    {"max(%, keep = 0)", true, true},
    {"0.5 * % + 0.5 * sin(%)", false, false},
    {"% * tanh(%)", false, false},
    {"% / (abs(%) + 1)", false, false},
    {"mean(% * %, keep = 0)", false, true},
};

// What narrow floats are made of: reals, or, where back ends round these differently, small integers.
static bool narrowed(Model *m) {
  static const DType types[] = {DT_F16, DT_BF16, DT_F32};
  DType t = types[below(m, 3)];
  const Value *x = pick(m, m->narrow ? ANY_REAL : ANY_INT, 0, 4);
  if (!x) return false;
  const char *of = m->narrow ? use(m, x) : text(m, "%s %% 9", x->name);
  return let(m, t, x->s, m->narrow ? x->size : 8, x->reach, text(m, "cast(%s, %s)", of, dtype_name(t)));
}

// In another float type, and back.
bool p_narrow(Model *m) {
  const Value *x = pick(m, ANY_NARROW, 0, 4);
  if (!x || chance(m, 30)) return narrowed(m);
  if (chance(m, 30)) return let(m, REAL, x->s, x->size, x->reach, text(m, "cast(%s, real)", x->name));
  const NarrowRow *r = &narrows[below(m, sizeof narrows / sizeof *narrows)];
  if ((!r->exact && !m->narrow) || (r->row && x->s.rank < 2)) return false;
  return let(m, x->t, r->row ? (Shape){1, {x->s.d[0]}} : x->s, x->size + 1, x->reach,
             filled(m, r->form, x->name, dtype_name(x->t), ""));
}

// Products of integers wrap in their own type.
bool p_int_products(Model *m) {
  const Value *x = pick(m, ANY_INT, 1, 2);
  if (!x) return false;
  const char *v = x->name;
  Dim n = x->s.d[0];
  Shape square = {2, {n, n}};
  return let(m, x->t, square, 1, 0,
             x->s.rank == 1  ? text(m, "einsum(%s[i], %s[j] -> [i, j])", v, v)
             : chance(m, 50) ? text(m, "%s @ transpose(%s)", v, v)
                             : text(m, "einsum(%s[i, k], %s[j, k] -> [i, j])", v, v));
}

// A constant by name: of the body, where gradients by it are asked for, or at top level, where each use
// computes it.
bool p_constant(Model *m) {
  static const char *const made[] = {"0.7 * ones(%)", "0.4 * randn(%)", "rand(%) + 0.3",
                                     "cos(0.9 * ones(%))"};
  Shape s = {.rank = 1 + below(m, 2)};
  for (uint32_t i = 0; i < s.rank; i++) s.d[i] = dim_of(1 + below(m, 4));
  if (chance(m, 40)) return let(m, REAL, s, 1, 0, literal(m, REAL, &s, 0));
  if (chance(m, 10)) return let(m, DT_I32, scalar_shape(), 1, 0, text(m, "cast(%u, i32)", below(m, 4)));
  if (chance(m, 20)) return let(m, DT_I32, s, 1, 0, literal(m, DT_I32, &s, 0));
  const char *name = global(m, "C");
  if (chance(m, 40))
    sb_printf(&m->top, "let %s: %s = %s;\n", name, t_type(m, REAL, &s), literal(m, REAL, &s, 0));
  else
    sb_printf(&m->top, "let %s = %s;\n", name, filled(m, made[below(m, 4)], t_shape(m, &s), "", ""));
  Value *v = declare(m, name, REAL, s, 1.5);
  v->target = v->given = false;
  return true;
}
