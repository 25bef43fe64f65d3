// A walk of everything that the kernel uses, in one fixed order. Expressions, indices, variables and buffers
// are numbered as they are met: what is met again is its number. Every word says what the next ones are, so
// equal words are equal kernels.
#include "codegen/signature.h"

typedef struct Walk {
  const FnPlan *f;
  const Pool *p;
  Arena *a;
  VEC(uint64_t) words;
  VEC(ExprId) exprs;
  VEC(uint32_t) buffers;
  uint32_t *expr, *index; // number + 1 by id; 0: not met
  uint32_t n_index;
  uint32_t var[MAX_VARS], n_vars;
} Walk;

static void put(Walk *w, uint64_t word) { vec_push(w->a, &w->words, word); }

static void put_poly(Walk *w, const Poly *p) {
  uint32_t degree = MAX_RANK;
  while (degree > 0 && p->c[degree] == 0) degree--;
  put(w, degree);
  for (uint32_t i = 0; i <= degree; i++) put(w, (uint64_t)p->c[i]);
}

static void put_var(Walk *w, VarId v) {
  bool met = w->var[v] != 0;
  if (!met) w->var[v] = ++w->n_vars;
  put(w, w->var[v]);
  if (met) return;
  Poly extent = index_extent(w->p->index, v);
  put_poly(w, &extent);
}

static void put_vars(Walk *w, const VarId *v, uint32_t n) {
  put(w, n);
  for (uint32_t i = 0; i < n; i++) put_var(w, v[i]);
}

static void put_set(Walk *w, uint64_t vars) {
  VarId v[MAX_VARS];
  uint32_t n = 0;
  for (VarId i = 0; i < MAX_VARS; i++)
    if (vars >> i & 1) v[n++] = i;
  put_vars(w, v, n);
}

static void put_buffer(Walk *w, uint32_t buffer) {
  uint32_t i = 0, same = 0;
  while (i < w->buffers.len && w->buffers.data[i] != buffer) i++;
  put(w, i);
  if (i < w->buffers.len) return;
  const Buffer *b = &w->f->buffers.data[buffer];
  while (same < i && !buffer_same_memory(&w->f->buffers.data[w->buffers.data[same]], b)) same++;
  put(w, same);
  put(w, (uint64_t)b->dense << 24 | (uint64_t)b->kind << 16 | (uint64_t)b->dtype << 8 | b->shape.rank);
  for (uint32_t k = 0; k < b->shape.rank; k++) {
    put(w, (uint64_t)b->shape.d[k].a);
    put(w, (uint64_t)b->shape.d[k].b);
  }
  vec_push(w->a, &w->buffers, buffer);
}

static void put_expr(Walk *w, ExprId e);

static void put_index(Walk *w, IndexId i) {
  bool met = w->index[i] != 0;
  if (!met) w->index[i] = ++w->n_index;
  put(w, w->index[i]);
  if (met) return;
  const Index x = *index_get(w->p->index, i);
  put(w, x.n);
  for (uint32_t t = 0; t < x.n; t++) {
    const Atom a = *index_atom(w->p->index, x.terms[t].atom);
    put_poly(w, &x.terms[t].coef);
    put(w, a.kind);
    switch (a.kind) {
    case ATOM_ONE: break;
    case ATOM_VAR: put_var(w, a.arg); break;
    case ATOM_VALUE: put_expr(w, a.arg), put_poly(w, &a.d); break;
    case ATOM_DIV:
    case ATOM_MOD:
    case ATOM_CLAMP: put_index(w, a.arg), put_poly(w, &a.d); break;
    }
  }
}

// What of an expression is neither an operand nor an index.
static void put_attributes(Walk *w, const Expr *x) {
  switch (x->kind) {
  case X_CONST: // others are slots
    if (x->dtype == DT_MASK) put(w, (uint64_t)x->value.i);
    break;
  case X_LOAD: put_buffer(w, x->number); break;
  case X_INSIDE:
  case X_CHECK: put_poly(w, &x->bound); break;
  case X_CTX: put(w, (uint64_t)x->role << 32 | x->number); break;
  case X_ROWS: put(w, (uint64_t)x->value.i << 1 | (x->number != NO_NODE)); break;
  case X_ACC: put(w, x->number), put_set(w, x->free); break;
  case X_OP: put(w, expr_can_fault(w->p, x)); break;
  case X_MARK:
  case X_INDEX:
  case X_RAND:
  case X_REDUCE: break;
  }
}

static void put_expr(Walk *w, ExprId e) {
  const Expr *x = pool_expr(w->p, e);
  bool met = w->expr[e] != 0;
  if (!met) {
    vec_push(w->a, &w->exprs, e);
    w->expr[e] = (uint32_t)w->exprs.len;
  }
  put(w, w->expr[e]);
  if (met) return;
  put(w, (uint64_t)x->kind << 32 | (uint64_t)x->dtype << 24 | (uint64_t)x->op << 16 | (uint64_t)x->rank << 8 |
             x->n_in);
  put_attributes(w, x);
  for (uint32_t i = 0; i < x->n_in; i++) put_expr(w, x->in[i]);
  for (uint32_t i = 0; i < expr_indices(x); i++) put_index(w, x->at[i]);
  put_vars(w, x->vars, x->n_vars);
}

static void put_store(Walk *w, const Put *s) {
  put(w, (uint64_t)(s->buffer != NO_BUFFER) << 1 | s->add);
  if (s->buffer != NO_BUFFER) put_buffer(w, s->buffer);
  put_vars(w, s->inner, s->n_inner);
  put(w, s->rank);
  for (uint32_t i = 0; i < s->rank; i++) put_index(w, s->at[i]);
  put_expr(w, s->value);
}

static void put_dot(Walk *w, const Kernel *k) {
  const Dot *d = &k->dot;
  put(w,
      (uint64_t)d->taps << 16 | (uint64_t)d->dtype << 8 | w->f->buffers.data[w->f->buffer_of[k->node]].dtype);
  put_vars(w, (VarId[]){d->m, d->n, d->k, d->group}, 4);
  put_expr(w, d->lhs);
  put_expr(w, d->rhs);
}

Signature kernel_signature(const FnPlan *f, const Kernel *k, Arena *a) {
  Walk w = {.f = f, .p = k->pool, .a = a};
  w.expr = ARENA_ARRAY(a, k->pool->exprs.len, uint32_t);
  w.index = ARENA_ARRAY(a, index_sums(k->pool->index), uint32_t);
  vec_reserve(a, &w.words, 256);
  put(&w, (uint64_t)index_bound(k->pool->index));
  put(&w, (uint64_t)f->fn->kind << 2 | (uint64_t)(f->loop != NULL) << 1 | k->is_dot);
  put_vars(&w, k->lead, k->n_lead);
  if (k->is_dot) put_dot(&w, k);
  put(&w, k->n_stores);
  for (uint32_t i = 0; i < k->n_stores; i++) put_store(&w, &k->stores[i]);
  Signature s = {w.words.data,   (uint32_t)w.words.len, 1469598103934665603u,   w.exprs.data,
                 w.buffers.data, (uint32_t)w.exprs.len, (uint32_t)w.buffers.len};
  for (uint32_t i = 0; i < s.n_words; i++)
    s.hash = (s.hash ^ s.words[i]) * 1099511628211u, s.hash ^= s.hash >> 29;
  return s;
}

Signature signature_copy(const Signature *s, Arena *a) {
  Signature copy = *s;
  copy.words = arena_copy(a, s->words, s->n_words * sizeof *s->words);
  copy.exprs = arena_copy(a, s->exprs, s->n_exprs * sizeof *s->exprs);
  copy.buffers = arena_copy(a, s->buffers, s->n_buffers * sizeof *s->buffers);
  return copy;
}

bool signature_eq(const Signature *x, const Signature *y) {
  return x->hash == y->hash && x->n_words == y->n_words &&
         memcmp(x->words, y->words, x->n_words * sizeof *x->words) == 0;
}
