// Statements that write states or check something.
#include "tests/random/model.h"

// A new state, of x's shape without dynamic axes, and a value of x for it.
static const char *state_for(Model *m, const Value *x, Shape *s, const char **value) {
  const char *name = global(m, "s");
  *value = x->name;
  for (uint32_t i = s->rank; i-- > 0;)
    if (!dim_static(s->d[i])) {
      *s = without_axis(*s, i);
      *value = text(m, "mean(%s, axis = %u)", *value, i);
    }
  sb_printf(&m->top, "state %s: %s = %s;\n", name, t_type(m, REAL, s),
            chance(m, 50) ? "zeros()" : "normal(0.4)");
  return name;
}

// Statements and an update in some calls only, of a state that is read again. (Masks of numbers near zero
// would differ by rounding.)
bool p_when(Model *m) {
  if (!m->effects || m->n + 12 > MAX_VALUES) return false;
  StrBuf body = {0}, *around = m->body;
  uint32_t before = m->n, n_extra = m->n_extra;
  const char *n = global(m, "c"), *value;
  m->body = &body;
  statements(m, below(m, 4));
  const Value *x = pick(m, ANY_REAL, 0, 3);
  Shape s = x ? x->s : scalar_shape();
  const char *name = x ? state_for(m, x, &s, &value) : "";
  m->body = around;
  m->n = before, m->n_extra = n_extra;
  if (x) {
    sb_printf(&m->top, "state %s: i32 = 0;\n", n);
    statement(m, "when %s %% 2 == %u {\n%s    update %s = 0.5 * %s + %s; }", n, below(m, 2), sb_text(&body),
              name, name, value);
    if (chance(m, 50)) statement(m, "when %s > 0 { when %s < 2 { update %s = sin(%s); } }", n, n, name, name);
    statement(m, "update %s = %s + 1;", n, n);
  }
  strbuf_free(&body);
  return x && let(m, REAL, s, 15, 0, text(m, "%s + 0.0", name));
}

// What always holds; its faults would be those of the numbers. Functions and layers may be applied in loops,
// where it can't stand.
bool p_assert(Model *m) {
  const Value *x = pick(m, ANY_REAL, 0, 3);
  if (!x || m->called || m->layer) return false;
  statement(m, "assert %s < 1e30 or %s >= 1e30, \"a number\";", x->name, x->name);
  return true;
}

// A state of this body, written and read again.
bool p_update(Model *m) {
  const Value *x = pick(m, ANY_REAL, 0, 3);
  if (!m->effects || !x || m->n + 3 > MAX_VALUES) return false;
  if (chance(m, 20)) {
    const char *n = global(m, "c");
    sb_printf(&m->top, "state %s: i32 = 1;\n", n);
    statement(m, "update %s = %s + 1;", n, n);
    return let(m, DT_I32, scalar_shape(), 1, 0, text(m, "%s * 2", n));
  }
  Shape s = x->s;
  const char *value, *name = state_for(m, x, &s, &value);
  if (chance(m, 40)) let(m, REAL, s, 2 * x->size, 0, text(m, "%s * 1.0", name)); // as it was
  statement(m, "update %s = 0.5 * %s + %s;", name, name, value);
  if (chance(m, 30)) statement(m, "update %s = tanh(%s);", name, name);
  return let(m, REAL, s, 2 * x->size + 1, 0, text(m, "%s + 0.0", name));
}
