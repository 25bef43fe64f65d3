// Everything is interned: atoms and sums live in tables, so equality is equality of ids and the work of
// simplification is done once, when an expression is made.
#include "codegen/index.h"

#include "ir/base/vec.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct IndexPool {
  Arena *a;
  int64_t bound;
  VEC(Poly) extents; // of the variables
  VEC(Atom) atoms;
  VEC(uint64_t) atom_free;
  VEC(Index) sums;
  bool has_values; // some atom is the value of an expression
};

IndexPool *index_pool_new(Arena *a, int64_t bound) {
  IndexPool *p = ARENA_NEW(a, IndexPool);
  p->a = a;
  p->bound = bound < 1 ? 1 : bound;
  vec_push(a, &p->atoms, ((Atom){.kind = ATOM_ONE}));
  vec_push(a, &p->atom_free, 0);
  return p;
}

IndexPool *index_pool_copy(const IndexPool *p, Arena *a) {
  IndexPool *copy = arena_copy(a, p, sizeof *p);
  copy->a = a;
  vec_own(a, &copy->extents);
  vec_own(a, &copy->atoms);
  vec_own(a, &copy->atom_free);
  vec_own(a, &copy->sums);
  for (size_t i = 0; i < copy->sums.len; i++) {
    Index *x = &copy->sums.data[i];
    x->terms = arena_copy(a, x->terms, x->n * sizeof *x->terms);
  }
  return copy;
}

// Arrays that grow meanwhile leave their old memory as it was.
const IndexPool *index_for_a_while(IndexPool *p, Arena *scratch) {
  const IndexPool *before = arena_copy(scratch, p, sizeof *p);
  p->a = scratch;
  return before;
}

void index_forget(IndexPool *p, const IndexPool *before) { *p = *before; }

const Index *index_get(const IndexPool *p, IndexId i) { return &p->sums.data[i]; }
const Atom *index_atom(const IndexPool *p, uint32_t atom) { return &p->atoms.data[atom]; }
bool index_has_values(const IndexPool *p) { return p->has_values; }

int64_t index_bound(const IndexPool *p) { return p->bound; }
uint32_t index_sums(const IndexPool *p) { return (uint32_t)p->sums.len; }
uint32_t index_vars(const IndexPool *p) { return (uint32_t)p->extents.len; }
Poly index_extent(const IndexPool *p, VarId v) { return p->extents.data[v]; }

VarId index_new_var(IndexPool *p, Poly extent) {
  assert(p->extents.len < MAX_VARS);
  vec_push(p->a, &p->extents, extent);
  return (VarId)p->extents.len - 1;
}

// Pools belong to one kernel and stay small, so a search from the end is the table.
static uint32_t atom(IndexPool *p, AtomKind kind, uint32_t arg, Poly d, uint64_t free) {
  for (uint32_t i = (uint32_t)p->atoms.len; i-- > 0;) {
    const Atom *x = &p->atoms.data[i];
    if (x->kind == kind && x->arg == arg && poly_eq(&x->d, &d)) return i;
  }
  vec_push(p->a, &p->atoms, ((Atom){.kind = kind, .arg = arg, .d = d}));
  vec_push(p->a, &p->atom_free, free);
  return (uint32_t)p->atoms.len - 1;
}

static bool same_terms(const Term *x, const Term *y, uint32_t n) {
  for (uint32_t i = 0; i < n; i++)
    if (x[i].atom != y[i].atom || !poly_eq(&x[i].coef, &y[i].coef)) return false;
  return true;
}

static IndexId intern_sum(IndexPool *p, const Term *terms, uint32_t n) {
  for (uint32_t i = (uint32_t)p->sums.len; i-- > 0;)
    if (p->sums.data[i].n == n && same_terms(p->sums.data[i].terms, terms, n)) return i;
  Index x = {.n = n, .terms = arena_copy(p->a, terms, n * sizeof *terms)};
  for (uint32_t i = 0; i < n; i++) x.free |= p->atom_free.data[terms[i].atom];
  vec_push(p->a, &p->sums, x);
  return (IndexId)p->sums.len - 1;
}

static IndexId one_term(IndexPool *p, uint32_t atom_id, Poly coef) {
  Term t = {.atom = atom_id, .coef = coef};
  return intern_sum(p, &t, poly_is(&coef, 0) ? 0 : 1);
}

IndexId index_poly(IndexPool *p, Poly k) { return one_term(p, 0, k); }
IndexId index_const(IndexPool *p, int64_t k) { return index_poly(p, poly_of(k)); }

IndexId index_var(IndexPool *p, VarId v) {
  if (poly_is(&p->extents.data[v], 1)) return index_const(p, 0);
  return one_term(p, atom(p, ATOM_VAR, v, p->extents.data[v], (uint64_t)1 << v), poly_of(1));
}

IndexId index_value(IndexPool *p, uint32_t expr, Poly bound, uint64_t free) {
  p->has_values = true;
  return one_term(p, atom(p, ATOM_VALUE, expr, bound, free), poly_of(1));
}

// c * (e % d) with c * d * (e / d) beside it is c * e. Gives the sum without the pair; false: no such pair.
static bool recombine(IndexPool *p, const Term *t, uint32_t n, IndexId *out) {
  for (uint32_t i = 0; i < n; i++) {
    const Atom m = p->atoms.data[t[i].atom];
    if (m.kind != ATOM_MOD) continue;
    Poly want = poly_mul(t[i].coef, m.d);
    for (uint32_t j = 0; j < n; j++) {
      const Atom *q = &p->atoms.data[t[j].atom];
      if (q->kind != ATOM_DIV || q->arg != m.arg || !poly_eq(&q->d, &m.d) || !poly_eq(&t[j].coef, &want))
        continue;
      Term *rest = ARENA_ARRAY(p->a, n, Term);
      uint32_t k = 0;
      for (uint32_t r = 0; r < n; r++)
        if (r != i && r != j) rest[k++] = t[r];
      *out = index_add(p, intern_sum(p, rest, k), index_scale(p, m.arg, t[i].coef));
      return true;
    }
  }
  return false;
}

IndexId index_add(IndexPool *p, IndexId x, IndexId y) {
  const Index a = p->sums.data[x], b = p->sums.data[y];
  Term *t = ARENA_ARRAY(p->a, (size_t)a.n + b.n + 1, Term);
  uint32_t n = 0, i = 0, j = 0;
  while (i < a.n || j < b.n) {
    Term next;
    if (j == b.n || (i < a.n && a.terms[i].atom < b.terms[j].atom))
      next = a.terms[i++];
    else if (i == a.n || b.terms[j].atom < a.terms[i].atom)
      next = b.terms[j++];
    else {
      next = (Term){.atom = a.terms[i].atom, .coef = poly_add(a.terms[i].coef, b.terms[j].coef)};
      i++, j++;
    }
    if (!poly_is(&next.coef, 0)) t[n++] = next;
  }
  IndexId whole;
  return recombine(p, t, n, &whole) ? whole : intern_sum(p, t, n);
}

IndexId index_scale(IndexPool *p, IndexId x, Poly k) {
  const Index a = p->sums.data[x];
  if (poly_is(&k, 0)) return index_const(p, 0);
  Term *t = ARENA_ARRAY(p->a, (size_t)a.n + 1, Term);
  for (uint32_t i = 0; i < a.n; i++) t[i] = (Term){a.terms[i].atom, poly_mul(a.terms[i].coef, k)};
  return intern_sum(p, t, a.n);
}

IndexId index_part(IndexPool *p, IndexId x, uint64_t vars, bool dependent) {
  const Index a = p->sums.data[x];
  Term *t = ARENA_ARRAY(p->a, (size_t)a.n + 1, Term);
  uint32_t n = 0;
  for (uint32_t i = 0; i < a.n; i++)
    if (((p->atom_free.data[a.terms[i].atom] & vars) != 0) == dependent) t[n++] = a.terms[i];
  return intern_sum(p, t, n);
}

static bool range(const IndexPool *p, IndexId x, Poly *lo, Poly *hi);

// Largest value of an atom (the least is 0, but of ONE). False: not known.
static bool atom_max(const IndexPool *p, const Atom *a, Poly *max) {
  if (a->kind != ATOM_DIV) {
    *max = poly_sub(a->d, poly_of(1));
    return true;
  }
  Poly lo, hi, q;
  if (!range(p, a->arg, &lo, &hi)) return false;
  if (poly_static(&hi) && poly_static(&a->d)) {
    *max = poly_of(hi.c[0] / a->d.c[0]);
    return true;
  }
  if (!poly_div(poly_add(hi, poly_of(1)), a->d, &q)) return false;
  *max = poly_sub(q, poly_of(1));
  return true;
}

static bool range(const IndexPool *p, IndexId x, Poly *lo, Poly *hi) {
  const Index *s = &p->sums.data[x];
  *lo = *hi = poly_of(0);
  for (uint32_t i = 0; i < s->n; i++) {
    const Poly k = s->terms[i].coef, minus = poly_sub(poly_of(0), k);
    const Atom *a = &p->atoms.data[s->terms[i].atom];
    Poly max = poly_of(1);
    if (a->kind == ATOM_ONE) {
      *lo = poly_add(*lo, k);
      *hi = poly_add(*hi, k);
    } else if (!atom_max(p, a, &max)) {
      return false;
    } else if (poly_nonnegative(&k, p->bound)) {
      *hi = poly_add(*hi, poly_mul(k, max));
    } else if (poly_nonnegative(&minus, p->bound)) {
      *lo = poly_add(*lo, poly_mul(k, max));
    } else {
      return false;
    }
  }
  return true;
}

bool index_inside(const IndexPool *p, IndexId x, Poly d) {
  Poly lo, hi;
  if (!range(p, x, &lo, &hi)) return false;
  Poly room = poly_sub(poly_sub(d, poly_of(1)), hi);
  return poly_nonnegative(&lo, p->bound) && poly_nonnegative(&room, p->bound);
}

// x = d * quotient + rest, where the quotient takes every term that d divides.
static void split(IndexPool *p, IndexId x, Poly d, IndexId *quotient, IndexId *rest) {
  const Index s = p->sums.data[x];
  Term *q = ARENA_ARRAY(p->a, (size_t)s.n + 1, Term), *r = ARENA_ARRAY(p->a, (size_t)s.n + 1, Term);
  uint32_t nq = 0, nr = 0;
  for (uint32_t i = 0; i < s.n; i++) {
    Poly k;
    if (poly_div(s.terms[i].coef, d, &k))
      q[nq++] = (Term){s.terms[i].atom, k};
    else
      r[nr++] = s.terms[i];
  }
  *quotient = intern_sum(p, q, nq);
  *rest = intern_sum(p, r, nr);
}

static bool at_least_zero(const IndexPool *p, IndexId x) {
  Poly lo, hi;
  return range(p, x, &lo, &hi) && poly_nonnegative(&lo, p->bound);
}

IndexId index_div(IndexPool *p, IndexId x, Poly d) {
  IndexId q, r;
  split(p, x, d, &q, &r);
  if (index_inside(p, r, d)) return q;
  if (!at_least_zero(p, r)) q = index_const(p, 0), r = x;
  return index_add(p, q, one_term(p, atom(p, ATOM_DIV, r, d, p->sums.data[r].free), poly_of(1)));
}

IndexId index_mod(IndexPool *p, IndexId x, Poly d) {
  IndexId q, r;
  split(p, x, d, &q, &r);
  if (index_inside(p, r, d)) return r;
  if (!at_least_zero(p, r)) r = x;
  return one_term(p, atom(p, ATOM_MOD, r, d, p->sums.data[r].free), poly_of(1));
}

IndexId index_clamp(IndexPool *p, IndexId x, Poly d) {
  if (index_inside(p, x, d)) return x;
  return one_term(p, atom(p, ATOM_CLAMP, x, d, p->sums.data[x].free), poly_of(1));
}

bool index_is_var(const IndexPool *p, IndexId x, VarId *v) {
  const Index *s = &p->sums.data[x];
  if (s->n != 1 || !poly_is(&s->terms[0].coef, 1)) return false;
  const Atom *a = &p->atoms.data[s->terms[0].atom];
  *v = a->arg;
  return a->kind == ATOM_VAR;
}

Poly index_coef(const IndexPool *p, IndexId x, VarId v) {
  const Index *s = &p->sums.data[x];
  for (uint32_t i = 0; i < s->n; i++) {
    const Atom *a = &p->atoms.data[s->terms[i].atom];
    if (a->kind == ATOM_VAR && a->arg == v) return s->terms[i].coef;
  }
  return poly_of(0);
}
