// Loops: a body of random statements over elements of sequences, carries and the number of the iteration.
#include "tests/random/model.h"

#include <string.h>

enum { MAX_LOOPS = 2, MAX_SEQUENCES = 3, MAX_CARRIES = 3, MAX_YIELDS = 3 };

typedef struct Scan {
  uint32_t axis;
  Dim length;
  int64_t begin;     // of a range
  int64_t recompute; // 0: no
  uint32_t n_sequences, n_carries, n_yields;
  uint32_t sequences[MAX_SEQUENCES]; // values outside
  uint32_t carries[MAX_CARRIES];     // likewise: the first ones
  const char *first[MAX_CARRIES];    // they as text
  uint32_t elements, inside;         // the first element's value in the body, the first carry's
  uint64_t next[MAX_CARRIES];        // reach of what the carries become
  Value yields[MAX_YIELDS];
} Scan;

// Values of one length along one axis, or a range.
static void choose_sequences(Model *m, Scan *s) {
  const Value *x = pick(m, ANY_VALUE, 1, 4);
  if (!x || chance(m, 35)) {
    s->length = !m->symbol || chance(m, 60) ? dim_of(chance(m, 35) ? 4 + below(m, 6) : 1 + below(m, 4))
                                            : (Dim){1 + below(m, 2), 0};
    s->begin = chance(m, 30) ? 1 + below(m, 3) : 0;
    return;
  }
  s->axis = below(m, x->s.rank);
  s->length = x->s.d[s->axis];
  s->sequences[s->n_sequences++] = (uint32_t)(x - m->v);
  for (uint32_t tries = 0; tries < 4 && s->n_sequences < MAX_SEQUENCES; tries++) {
    const Value *y = pick(m, ANY_VALUE, s->axis + 1, 4);
    if (y && y != x && dim_eq(y->s.d[s->axis], s->length))
      s->sequences[s->n_sequences++] = (uint32_t)(y - m->v);
  }
}

// Where it does something: two blocks of k iterations fit, and k divides a dynamic length up to something
// fixed. Lengths that leave a rest are rare, and taken more often.
static void choose_recompute(Model *m, Scan *s) {
  int64_t most = s->length.a ? s->length.a : s->length.b / 2;
  if (most < 2 || !chance(m, s->length.b % 2 ? 90 : 50)) return;
  s->recompute = s->length.a ? most : 2 + below(m, (uint32_t)most - 1);
}

static void choose_carries(Model *m, Scan *s) {
  for (uint32_t k = s->recompute ? 1 + below(m, MAX_CARRIES) : below(m, MAX_CARRIES + 1); k-- > 0;) {
    const Value *x = pick(m,
                          chance(m, 75)   ? ANY_REAL
                          : chance(m, 50) ? ANY_INT
                          : chance(m, 50) ? ANY_MASK
                                          : ANY_NARROW,
                          0, 3);
    if (!x) continue;
    s->first[s->n_carries] = x->t == REAL ? use_small(m, x, 1.5) : x->name;
    s->carries[s->n_carries++] = (uint32_t)(x - m->v);
  }
}

// "(a, b) in (x, y), axis = 1; h = h0": declares what the body sees.
static const char *head(Model *m, Scan *s) {
  const char *names = "", *of = "", *carries = "", *options = "";
  s->elements = m->n;
  for (uint32_t k = 0; k < s->n_sequences; k++) {
    const Value x = m->v[s->sequences[k]];
    Value *e = declare(m, fresh(m, "e"), x.t, without_axis(x.s, s->axis), x.size);
    e->given = x.given;
    names = text(m, "%s%s%s", names, k ? ", " : "", e->name);
    of = text(m, "%s%s%s", of, k ? ", " : "", x.name);
  }
  if (s->n_sequences > 1) names = text(m, "(%s)", names), of = text(m, "(%s)", of);
  if (s->n_sequences == 0) {
    Dim end = {s->length.a, s->length.b + s->begin};
    names = declare(m, fresh(m, "k"), DT_I32, scalar_shape(), DIM_BOUND)->name;
    of = text(m, "%d..%s", (int)s->begin, t_dim(m, end));
  }
  s->inside = m->n;
  for (uint32_t k = 0; k < s->n_carries; k++) {
    const Value *first = &m->v[s->carries[k]];
    Value *h = declare(m, fresh(m, "h"), first->t, first->s, 1.5);
    h->given = false;
    carries = text(m, "%s%s%s = %s", carries, k ? ", " : "; ", h->name, s->first[k]);
  }
  if (s->axis > 0) options = text(m, ", axis = %u", s->axis);
  if (chance(m, 40)) options = text(m, "%s, reverse = true", options);
  if (s->recompute) options = text(m, "%s, recompute = %d", options, (int)s->recompute);
  return text(m, "%s in %s%s%s", names, of, options, carries);
}

// What the body computed and no statement has used, so that little of it is dead; or any value.
static const Value *left(Model *m, const Scan *s, Kind kind) {
  for (uint32_t i = m->n; i-- > s->inside + s->n_carries;)
    if (!m->v[i].used && (kind == ANY_VALUE || (kind == ANY_REAL && m->v[i].t == REAL))) {
      m->v[i].used = true;
      return &m->v[i];
    }
  return pick(m, kind, 0, 4);
}

// What a carry becomes, and the reach of that.
static const char *next_of(Model *m, const Scan *s, const Value *h, uint64_t *reach) {
  const Value *v = left(m, s, h->t == REAL ? ANY_REAL : h->t == DT_MASK ? ANY_MASK : ANY_INT);
  bool alike = v && v->t == h->t && same_shape(&v->s, &h->s);
  if (h->t == DT_MASK) return alike ? text(m, "%s != %s", h->name, v->name) : text(m, "not %s", h->name);
  if (dtype_is_real(h->t) && h->t != REAL) return text(m, "1 - 0.5 * %s", h->name);
  if (h->t != REAL) return text(m, "%s * 3 + %s", h->name, alike ? v->name : "1");
  *reach = h->reach | v->reach;
  const char *more = alike ? v->name : text(m, "mean(%s)", v->name);
  // One in two depends on which iteration this is.
  const Value *e = &m->v[s->elements + below(m, s->n_sequences ? s->n_sequences : 1)];
  if (e->t == REAL && e->size < 10 && chance(m, 50)) {
    *reach |= e->reach;
    more = text(m, "%s * mean(%s)", more, e->name);
  } else if (e->t == DT_I32 && e->s.rank == 0 && chance(m, 50)) {
    more = text(m, "%s + 0.1 * cast(%s %% 8, real)", more, e->name);
  }
  return text(m, "sin(0.5 * %s + %s)", h->name, more);
}

static void finish(Model *m, Scan *s) {
  const char *next = "";
  for (uint32_t k = 0; k < s->n_carries; k++) {
    const Value *h = &m->v[s->inside + k];
    next = text(m, "%s%s%s = %s", next, k ? ", " : "", h->name, next_of(m, s, h, &s->next[k]));
  }
  for (uint32_t k = 0; k < 1 + below(m, MAX_YIELDS); k++) {
    const Value *y = left(m, s, ANY_VALUE);
    Shape stacked;
    if (!y || y->s.rank < s->axis) continue;
    stacked = with_axis(y->s, s->axis, s->length);
    if (!fits(&stacked)) continue;
    s->yields[s->n_yields] = *y;
    s->yields[s->n_yields++].s = stacked;
    statement(m, "yield %s;", y->name);
  }
  if (s->n_carries > 0) statement(m, "next %s;", next);
}

// What a value of the body reaches outside: through elements and carries to what these come from.
static uint64_t outside(const Model *m, const Scan *s, uint64_t reach) {
  for (uint64_t before = 0; before != reach;) {
    before = reach;
    for (uint32_t k = 0; k < s->n_sequences; k++)
      if (reach >> (s->elements + k) & 1) reach |= m->v[s->sequences[k]].reach;
    for (uint32_t k = 0; k < s->n_carries; k++)
      if (reach >> (s->inside + k) & 1) reach |= m->v[s->carries[k]].reach | s->next[k];
  }
  return reach & (((uint64_t)1 << s->elements) - 1);
}

bool p_scan(Model *m) {
  if (m->loops == MAX_LOOPS || m->n + 16 > MAX_VALUES) return false;
  StrBuf body = {0}, *around = m->body;
  Scan s = {0};
  uint32_t n = m->n, n_extra = m->n_extra;
  choose_sequences(m, &s);
  bool effect = m->effects && chance(m, 10); // it only writes states
  choose_recompute(m, &s);
  if (!effect) choose_carries(m, &s);
  m->body = &body;
  m->loops++;
  const char *h = head(m, &s);
  statements(m, 1 + below(m, 5));
  if (effect) p_update(m);
  if (!effect) finish(m, &s);
  m->body = around;
  m->loops--;
  m->n = n, m->n_extra = n_extra;
  for (uint32_t k = 0; k < s.n_yields; k++) s.yields[k].reach = outside(m, &s, s.yields[k].reach);
  const char *names = "", *results[MAX_YIELDS + MAX_CARRIES];
  uint32_t n_results = s.n_yields + s.n_carries;
  for (uint32_t k = 0; k < n_results; k++)
    names = text(m, "%s%s%s", names, k ? ", " : "", results[k] = fresh(m, "r"));
  bool writes = n_results == 0 && strstr(sb_text(&body), "update ");
  if (writes) names = "_";
  if (n_results > 0 || writes)
    statement(m, n_results <= 1 ? "let %s = scan(%s) {\n%s    };" : "let (%s) = scan(%s) {\n%s    };", names,
              h, sb_text(&body));
  strbuf_free(&body);
  for (uint32_t k = 0; k < n_results; k++) {
    bool yield = k < s.n_yields;
    uint32_t carry = k - s.n_yields;
    const Value *y = yield ? &s.yields[k] : &m->v[s.carries[carry]];
    if (yield)
      let(m, y->t, y->s, y->size, y->reach, results[k]);
    else
      let(m, y->t, y->s, 1.5, outside(m, &s, (uint64_t)1 << (s.inside + carry)), results[k]);
  }
  const Value *last = n_results > 0 ? &m->v[m->n - 1] : NULL;
  if (last && last->t == REAL && chance(m, s.recompute ? 90 : 40)) gradient_of(m, last);
  return n_results > 0 || writes;
}
