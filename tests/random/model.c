#include "tests/random/model.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

// ---- draws

uint32_t below(Model *m, uint32_t n) {
  m->state = m->state * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(m->state >> 33) % n;
}
bool chance(Model *m, uint32_t percent) { return below(m, 100) < percent; }
uint32_t wheel(Model *m, uint32_t n) { return chance(m, 50) ? below(m, n) : m->turn++ % n; }
double decimal(Model *m, double lo, double hi) {
  return round((lo + (hi - lo) * (below(m, 1001) / 1000.0)) * 100) / 100;
}

// ---- text

const char *text(Model *m, const char *fmt, ...) {
  StrBuf b = {0};
  va_list ap;
  va_start(ap, fmt);
  sb_vprintf(&b, fmt, ap);
  va_end(ap);
  const char *t = arena_strdup(m->arena, sb_text(&b));
  strbuf_free(&b);
  return t;
}

void statement(Model *m, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  sb_puts(m->body, "    ");
  sb_vprintf(m->body, fmt, ap);
  sb_puts(m->body, "\n");
  va_end(ap);
}

const char *t_dim(Model *m, Dim d) {
  if (dim_static(d)) return text(m, "%d", (int)d.b);
  const char *s = d.a == 1 ? m->symbol : text(m, "%d * %s", (int)d.a, m->symbol);
  return d.b == 0 ? s : text(m, "%s %c %d", s, d.b < 0 ? '-' : '+', (int)(d.b < 0 ? -d.b : d.b));
}

const char *t_shape(Model *m, const Shape *s) {
  const char *t = "";
  for (uint32_t i = 0; i < s->rank; i++) t = text(m, "%s%s%s", t, i ? ", " : "", t_dim(m, s->d[i]));
  return text(m, "[%s]", t);
}

const char *t_list(Model *m, const int64_t *v, uint32_t n) {
  const char *t = "";
  for (uint32_t i = 0; i < n; i++) t = text(m, "%s%s%d", t, i ? ", " : "", (int)v[i]);
  return text(m, "[%s]", t);
}

const char *t_type(Model *m, DType t, const Shape *s) {
  if (t != REAL) return text(m, "%s%s", dtype_name(t), s->rank ? t_shape(m, s) : "");
  return s->rank ? t_shape(m, s) : "real";
}

const char *fresh(Model *m, const char *stem) { return text(m, "%s%u", stem, m->n_names++); }
const char *global(Model *m, const char *stem) { return text(m, "%s_%s%u", m->prefix, stem, m->n_names++); }

// ---- shapes

Shape scalar_shape(void) { return (Shape){0}; }

Shape without_axis(Shape s, uint32_t axis) {
  for (uint32_t i = axis; i + 1 < s.rank; i++) s.d[i] = s.d[i + 1];
  s.d[--s.rank] = (Dim){0};
  return s;
}

Shape with_axis(Shape s, uint32_t axis, Dim d) {
  for (uint32_t i = s.rank++; i > axis; i--) s.d[i] = s.d[i - 1];
  s.d[axis] = d;
  return s;
}

bool same_shape(const Shape *x, const Shape *y) {
  if (x->rank != y->rank) return false;
  for (uint32_t i = 0; i < x->rank; i++)
    if (!dim_eq(x->d[i], y->d[i])) return false;
  return true;
}

bool fits(const Shape *s) {
  for (uint32_t i = 0; i < s->rank; i++)
    if (dim_at(s->d[i], 1) < 1 || s->d[i].a < 0) return false;
  return s->rank <= 5 && shape_elements(s, DIM_BOUND) <= LARGEST;
}

bool static_axis(const Value *v, uint32_t axis, int64_t least) {
  return dim_static(v->s.d[axis]) && v->s.d[axis].b >= least;
}

Dim some_dim(Model *m) {
  static const Dim dims[] = {{0, 1}, {0, 2}, {0, 3}, {0, 4}, {0, 5}, {0, 7}, {1, 0}, {1, 0}, {1, 1}, {2, 0}};
  return dims[below(m, m->symbol ? 10 : 6)];
}

// ---- values

Value *declare(Model *m, const char *name, DType t, Shape s, double size) {
  assert(m->n < MAX_VALUES);
  Value *v = &m->v[m->n];
  *v = (Value){.name = name, .t = t, .s = s, .size = size, .given = true, .target = t == REAL};
  v->reach = t == REAL ? (uint64_t)1 << m->n : 0;
  m->n++;
  return v;
}

// Beyond this, sums of products would lose digits and exponentials would leave the range.
static const double LARGE = 6;

static const char *made_small(Model *m, const char *expr, double *size) {
  switch (below(m, 3)) {
  case 0: *size = 1; return text(m, "tanh(%s)", expr);
  case 1: *size = 1; return text(m, "sin(%s)", expr);
  default: {
    double c = *size > 60 ? 0.01 : 0.1;
    *size *= c;
    if (*size <= LARGE) return text(m, "%.2f * (%s)", c, expr);
    *size = 1;
    return text(m, "sin(%.2f * (%s))", c, expr);
  }
  }
}

Value *let(Model *m, DType t, Shape s, double size, uint64_t reach, const char *expr) {
  if (m->n == MAX_VALUES || !fits(&s)) return NULL;
  if (t == REAL && size > LARGE) expr = made_small(m, expr, &size);
  Value *v = declare(m, fresh(m, "v"), t, s, size);
  v->reach |= dtype_is_real(t) ? reach : 0;
  v->given = false;
  statement(m, "let %s: %s = %s;", v->name, t_type(m, t, &s), expr);
  return v;
}

static bool of_kind(const Value *v, Kind kind) {
  switch (kind) {
  case ANY_REAL: return v->t == REAL;
  case ANY_NARROW: return v->t != REAL && dtype_is_real(v->t);
  case ANY_I32: return v->t == DT_I32;
  case ANY_MASK: return v->t == DT_MASK;
  case ANY_INT: return !dtype_is_real(v->t) && v->t != DT_MASK;
  default: return true;
  }
}

const Value *pick(Model *m, Kind kind, uint32_t lo, uint32_t hi) {
  uint32_t found[MAX_VALUES], n = 0;
  for (uint32_t i = 0; i < m->n; i++)
    if (of_kind(&m->v[i], kind) && m->v[i].s.rank >= lo && m->v[i].s.rank <= hi) found[n++] = i;
  if (n == 0) return NULL;
  uint32_t newest = n < 8 ? n : 8;
  Value *v = &m->v[found[chance(m, 60) ? n - 1 - below(m, newest) : below(m, n)]];
  v->used = true; // or nearly: the production may find no use for it
  return v;
}

uint32_t sinks(const Model *m, uint32_t given, const Value **v, uint32_t most) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < m->n_extra && n < most; i++) v[n++] = &m->extra[i];
  for (uint32_t i = m->n; i-- > given && n < most;)
    if (!m->v[i].used) v[n++] = &m->v[i];
  return n;
}

const char *literal(Model *m, DType t, const Shape *s, uint32_t axis) {
  if (axis == s->rank)
    return t == REAL      ? text(m, "%.2f", decimal(m, -1, 1))
           : t == DT_MASK ? (chance(m, 50) ? "true" : "false")
                          : text(m, "%u", below(m, 4));
  const char *r = "";
  for (int64_t i = 0; i < s->d[axis].b; i++)
    r = text(m, "%s%s%s", r, i ? ", " : "", literal(m, t, s, axis + 1));
  return text(m, "[%s]", r);
}

const char *use(Model *m, const Value *v) {
  static const char *const wraps[] = {"tanh(%s)", "(-%s)", "sin(%s)", "(%s |> cos)", "sigmoid(%s)"};
  if (v->t != REAL || chance(m, 80)) return v->name;
  StrBuf b = {0};
  const char *w = wraps[below(m, 5)], *hole = strstr(w, "%s");
  sb_putn(&b, w, (size_t)(hole - w));
  sb_puts(&b, v->name);
  sb_puts(&b, hole + 2);
  const char *t = arena_strdup(m->arena, sb_text(&b));
  strbuf_free(&b);
  return t;
}

const char *use_small(Model *m, const Value *v, double limit) {
  if (v->size <= limit) return use(m, v);
  return text(m, "(%.3g * %s)", limit / v->size * 0.95 + 0.001, v->name);
}

const char *use_off_kinks(Model *m, const Value *v) {
  if (v->given && chance(m, 50)) return v->name;
  return text(m, "(%s %c 0.0%u)", v->name, chance(m, 50) ? '+' : '-', 1371 + 2 * below(m, 300));
}

const char *use_apart(Model *m, const Value *v) {
  const char *t = v->name;
  if (v->given && chance(m, 60)) return t;
  for (uint32_t i = 0; i < v->s.rank; i++)
    t = text(m, "%s + along(0.1%u * sin(1.3 * cast(iota(%s), real) + 0.7), %s, axis = %u)", t,
             1371 + 2 * below(m, 300), t_dim(m, v->s.d[i]), v->name, i);
  return text(m, "(%s)", t);
}

typedef struct InitRow {
  const char *make;
  uint32_t least_rank;
  bool square, ties; // equal elements, which are not told apart by rounding
} InitRow;

static const InitRow inits[] = {
    {"normal(0.5)", 0, false, false},           {"uniform(-0.6, 0.7)", 0, false, false},
    {"truncated_normal(0.4)", 0, false, false}, {"glorot_uniform()", 2, false, false},
    {"glorot_normal()", 2, false, false},       {"he_normal()", 2, false, false},
    {"he_uniform()", 2, false, false},          {"lecun_normal()", 2, false, false},
    {"lecun_uniform()", 2, false, false},       {"orthogonal()", 2, false, false},
    {"constant(0.3)", 0, false, true},          {"identity()", 2, true, true},
    {"sparse_normal(0.6, 0.9)", 2, true, true},
};

static const InitRow *some_init(Model *m, const Shape *s) {
  for (;;) {
    const InitRow *r = &inits[below(m, sizeof inits / sizeof *inits)];
    bool square = s->rank == 2 && dim_eq(s->d[0], s->d[1]) && s->d[0].b > 2;
    if (s->rank >= r->least_rank && (square || !r->square)) return r;
  }
}

const Value *parameter(Model *m, Shape s) {
  for (uint32_t i = 0; i < s.rank; i++)
    if (!dim_static(s.d[i])) return NULL;
  if (m->n == MAX_VALUES || !fits(&s) || m->pure) return NULL;
  const InitRow *init = some_init(m, &s);
  const char *name = m->layer ? fresh(m, "P") : global(m, "P");
  const char *with = chance(m, 15) ? " with lr = 0.5, decay = 0.0" : "";
  sb_printf(m->layer ? m->ground : &m->top, "%sparam %s: %s = %s%s;\n", m->layer ? "    " : "", name,
            t_type(m, REAL, &s), init->make, with);
  Value *v = declare(m, name, REAL, s, 1.5);
  v->given = !init->ties;
  return v;
}
