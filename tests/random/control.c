// Statements with functions, layers and what is unrolled.
#include "tests/random/model.h"

#include <string.h>

static const char *body_of(Model *m, const char *a) {
  switch (below(m, 4)) {
  case 0: return text(m, "%s * tanh(%s)", a, a);
  case 1: return text(m, "sin(%s) + 0.3 * %s", a, a);
  case 2: return text(m, "%s / (1.0 + %s * %s)", a, a, a);
  default: return text(m, "0.5 * (%s - cos(%s))", a, a);
  }
}

bool p_lambda(Model *m) {
  const Value *x = pick(m, ANY_REAL, 0, 4);
  if (!x) return false;
  if (chance(m, 40)) { // with a rule of its own for the derivative
    const char *f = global(m, "r");
    sb_printf(&m->top, "fn %s(x: [*s]) -> [*s] = %s;\nvjp %s(x: [*s], y: [*s], dy: [*s]) = %s;\n", f,
              body_of(m, "x"), f, chance(m, 50) ? "dy * cos(x)" : "dy * (1.0 - y * 0.1) + 0.05 * dy * dy");
    return let(m, REAL, x->s, 1.5 * x->size + 1, x->reach,
               text(m, "%s(%s) + 0.2 * %s(sin(%s))", f, x->name, f, x->name));
  }
  const char *f = fresh(m, "fn_");
  statement(m, "let %s = fn(a) => %s;", f, body_of(m, "a"));
  return let(m, REAL, x->s, 3 * x->size + 2, x->reach,
             text(m, "%s(%s) - (%s |> %s)", f, use(m, x), x->name, f));
}

bool p_loop(Model *m) {
  const Value *x = pick(m, ANY_REAL, 0, 4), *y = pick(m, ANY_REAL, 0, 4);
  Shape s;
  if (!x || !y || !shape_broadcast(&x->s, &y->s, &s, NULL) || !same_shape(&s, &x->s)) return false;
  const char *h = fresh(m, "h");
  statement(m, "var %s = %s;", h, x->name);
  if (chance(m, 50))
    statement(m, "for i in 0..%u { %s = sin(%s + 0.1 * (i + 1) * %s); }", 2 + below(m, 3), h, h, y->name);
  else
    statement(m, "for c in [0.3, -0.7] { if c > 0.0 { %s = tanh(%s * c - %s); } else { %s = %s * c; } }", h,
              h, y->name, h, h);
  return let(m, REAL, x->s, 1 + x->size, x->reach | y->reach, h);
}

bool p_choice(Model *m) {
  const Value *x = pick(m, ANY_REAL, 0, 4);
  if (!x) return false;
  return let(m, REAL, x->s, x->size + 0.1, x->reach,
             text(m, "if training then %s else 0.1 + %s", use_small(m, x, 4), use(m, x)));
}

// ---- functions and layers

typedef struct DefArgument {
  DType t;
  uint32_t rank;
  Dim d[4];
} DefArgument;

static const DefArgument arguments[] = {
    {REAL, 2, {{1, 0}, {0, 4}}},
    {REAL, 1, {{1, 0}}},
    {REAL, 3, {{1, 0}, {0, 4}, {0, 6}}},
    {REAL, 1, {{0, 4}}},
    {REAL, 4, {{1, 0}, {0, 2}, {0, 5}, {0, 4}}},
    {REAL, 0, {{0}}},
    {DT_I32, 1, {{1, 0}}},
    {DT_MASK, 1, {{1, 0}}},
};

void new_def(Model *m) {
  StrBuf body = {0};
  if (m->n_defs == MAX_DEFS) return;
  Def d = {.name = global(m, "D"), .layer = chance(m, 50), .n = 1 + below(m, 3)};
  Net outer[MAX_NETS];
  uint32_t nets = m->n_nets;
  memcpy(outer, m->nets, sizeof outer);
  m->n = m->n_extra = 0;
  m->n_nets = d.layer ? 0 : nets;
  m->body = m->ground = &body;
  m->symbol = "B";
  m->layer = d.layer, m->called = !d.layer;
  const char *args = "";
  for (uint32_t i = 0; i < d.n; i++) {
    const DefArgument *a = &arguments[i ? below(m, 8) : below(m, 3)];
    Shape s = {.rank = a->rank};
    for (uint32_t k = 0; k < a->rank; k++) s.d[k] = a->d[k];
    const char *name = fresh(m, "x");
    declare(m, name, a->t, s, 1.5);
    m->v[m->n - 1].given = false;
    d.in_t[i] = a->t, d.in[i] = s;
    args = text(m, "%s%s%s: %s", args, i ? ", " : "", name, t_type(m, a->t, &s));
  }
  uint32_t given = m->n;
  statements(m, 3 + below(m, 5));
  if (m->n > given && m->v[m->n - 1].t == REAL) {
    Value *v = &m->v[m->n - 1];
    const Value *other[4];
    const char *also = "";
    v->used = true;
    for (uint32_t k = sinks(m, given, other, 4); k-- > 0;)
      if (other[k]->t == REAL)
        also = text(m, "%s + 0.1 * sum(sin(%s))", also, other[k]->name), v->reach |= other[k]->reach;
    d.out = v->s, d.through = v->reach & (((uint64_t)1 << d.n) - 1);
    sb_printf(&m->top, "%s %s%s(%s) -> %s {\n%s    return sin(%s%s);\n}\n", d.layer ? "layer" : "fn", d.name,
              d.layer ? "()" : "", args, t_type(m, v->t, &v->s), sb_text(&body), v->name, also);
    m->defs[m->n_defs++] = d;
  }
  m->layer = m->called = false;
  if (d.layer) memcpy(m->nets, outer, sizeof outer), m->n_nets = nets; // its own are not seen outside
  strbuf_free(&body);
}

// Arguments that agree on B.
static bool matches(const Value *v, DType t, const Shape *s, Dim *B, bool *bound) {
  if (v->t != t || v->s.rank != s->rank) return false;
  Dim b = *B;
  bool has = *bound;
  for (uint32_t i = 0; i < s->rank; i++) {
    if (dim_static(s->d[i])) {
      if (!dim_eq(s->d[i], v->s.d[i])) return false;
    } else if (!has) {
      b = v->s.d[i], has = true;
    } else if (!dim_eq(b, v->s.d[i])) {
      return false;
    }
  }
  *B = b, *bound = has;
  return true;
}

bool p_call(Model *m) {
  if (m->n_defs == 0 || m->loops > 1) return false; // it may hold loops itself
  const Def *d = &m->defs[below(m, m->n_defs)];
  Dim B = {0};
  bool bound = false;
  const char *args = "", *again = "";
  uint64_t reach = 0;
  for (uint32_t i = 0; i < d->n; i++) {
    const Value *v = NULL;
    uint32_t start = below(m, m->n);
    for (uint32_t k = 0; k < m->n && !v; k++) {
      const Value *x = &m->v[(start + k) % m->n];
      if (matches(x, d->in_t[i], &d->in[i], &B, &bound)) v = x;
    }
    if (!v) return false;
    const char *arg = v->t == REAL ? use_small(m, v, 1.5) : v->name;
    args = text(m, "%s%s%s", args, i ? ", " : "", arg);
    again = text(m, "%s%s%s", again, i ? ", " : "", v->t == REAL ? text(m, "cos(%s)", v->name) : v->name);
    if (d->through >> i & 1) reach |= v->reach;
  }
  Shape s = d->out;
  for (uint32_t i = 0; i < s.rank; i++) {
    Dim at;
    if (!dim_static(s.d[i]) &&
        (!dim_mul(B, dim_of(s.d[i].a), &at) || !dim_add(at, dim_of(s.d[i].b), &s.d[i])))
      return false;
  }
  if (!fits(&s)) return false;
  const char *f = d->layer ? instance(m, text(m, "%s()", d->name)) : d->name;
  if (chance(m, 40)) let(m, REAL, s, 1, reach, text(m, "%s(%s)", f, again));
  return let(m, REAL, s, 1, reach, text(m, "%s(%s)", f, args));
}
