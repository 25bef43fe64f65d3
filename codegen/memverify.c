// The plan is replayed: buffers that hold something still wanted at the same time are laid over one another.
// Shares no code with the planner, not even the lifetimes: a buffer is wanted at time t when some step <= t
// touched it and some step >= t will.
#include "codegen/memplan.h"

#include <stdlib.h>
#include <string.h>

typedef struct Trace {
  const FnPlan *f;
  Arena *a;
  VEC(const uint32_t *) touched; // per executed step, the buffers it touches, ended by NO_BUFFER
  VEC(const Step *) steps;       // likewise
} Trace;

typedef struct Touched {
  Arena *a;
  VEC(uint32_t) list;
} Touched;

static void touch(void *user, uint32_t buffer, bool written) {
  Touched *t = user;
  (void)written;
  vec_push(t->a, &t->list, buffer);
}

static const uint32_t *touches(Trace *t, const Step *s) {
  Touched touched = {.a = t->a};
  plan_accesses(t->f, s, touch, &touched);
  touch(&touched, NO_BUFFER, false);
  return touched.list.data;
}

static void execute(Trace *t, const Sched *s) {
  if (s->kind == SCHED_STEP) {
    vec_push(t->a, &t->touched, touches(t, s->step));
    vec_push(t->a, &t->steps, s->step);
  }
  for (uint32_t i = 0; i < s->n; i++) execute(t, s->children[i]);
}

typedef struct Use {
  uint32_t buffer;
  uint64_t begin, end; // bytes of the arena
  size_t first, last;  // executed steps
} Use;

static int by_address(const void *x, const void *y) {
  const Use *a = x, *b = y;
  if (a->begin != b->begin) return a->begin < b->begin ? -1 : 1;
  return a->buffer < b->buffer ? -1 : a->buffer > b->buffer;
}

// Some expression in `seen` loads an element of the buffer other than the one at `place` (NULL: any at all).
static bool loads(const Kernel *k, const bool *seen, uint32_t buffer, const Put *place) {
  for (ExprId e = 0; e < k->pool->exprs.len; e++) {
    const Expr *x = pool_expr(k->pool, e);
    if (!seen[e] || x->kind != X_LOAD || x->number != buffer) continue;
    if (!place || x->rank != place->rank) return true;
    for (uint32_t i = 0; i < x->rank; i++)
      if (x->at[i] != place->at[i]) return true;
  }
  return false;
}

// `y` begins where `x` ends, at one address, in a kernel that reads of x just the element it then writes of
// y, and nothing of it afterwards.
static bool taken_over(const Trace *t, const Use *x, const Use *y) {
  if (x->last != y->first || x->begin != y->begin) return false;
  const Buffer *from = &t->f->buffers.data[x->buffer], *to = &t->f->buffers.data[y->buffer];
  const Step *s = t->steps.data[y->first];
  if (s->kind != STEP_KERNEL || from->dtype != to->dtype || !shape_eq(&from->shape, &to->shape)) return false;
  const Kernel *k = s->kernel;
  const Put *write = NULL;
  for (uint32_t i = 0; i < k->n_stores; i++) {
    const Put *put = &k->stores[i];
    if (put->buffer == x->buffer || (put->buffer == y->buffer && (write || put->add))) return false;
    if (put->buffer == y->buffer) write = put;
  }
  for (uint32_t i = 0; i < k->n_stores; i++)
    if (loads(k, store_marks(k, &k->stores[i], t->a), x->buffer, &k->stores[i] <= write ? write : NULL))
      return false;
  bool *seen = ARENA_ARRAY(t->a, k->pool->exprs.len, bool);
  if (k->is_dot) pool_mark(k->pool, k->dot.lhs, seen);
  if (k->is_dot) pool_mark(k->pool, k->dot.rhs, seen);
  return write && !loads(k, seen, x->buffer, NULL);
}

// In order of address each one meets only those that begin before it ends.
static const char *check_uses(const Trace *t, Use *uses, size_t n, Arena *a) {
  const FnPlan *f = t->f;
  if (n) qsort(uses, n, sizeof *uses, by_address);
  for (size_t i = 0; i < n; i++)
    for (size_t j = i + 1; j < n && uses[j].begin < uses[i].end; j++) {
      const Use *x = &uses[i], *y = &uses[j];
      bool together = x->first <= y->last && y->first <= x->last;
      bool store = f->buffers.data[x->buffer].kind == BUF_STORE;
      if (!together || taken_over(t, x, y) || taken_over(t, y, x)) continue;
      if (!store || !buffer_same_memory(&f->buffers.data[x->buffer], &f->buffers.data[y->buffer]))
        return arena_printf(a, "buffers %u and %u overlap while both are live", x->buffer, y->buffer);
    }
  return NULL;
}

const char *memverify(const FnPlan *f, const Sched *s, uint64_t base, uint64_t end, Arena *a) {
  Trace t = {.f = f, .a = a};
  execute(&t, s);
  uint32_t n = (uint32_t)f->buffers.len;
  size_t *first = ARENA_ARRAY(a, n, size_t), *last = ARENA_ARRAY(a, n, size_t);
  memset(first, 0xff, n * sizeof *first);
  for (size_t step = 0; step < t.touched.len; step++)
    for (const uint32_t *b = t.touched.data[step]; *b != NO_BUFFER; b++) {
      if (first[*b] == SIZE_MAX) first[*b] = step;
      last[*b] = step;
    }
  Use *uses = ARENA_ARRAY(a, n, Use);
  size_t n_uses = 0;
  for (uint32_t b = 0; b < n; b++) {
    const Buffer *x = &f->buffers.data[b];
    bool arena = x->kind == BUF_STORE ? !f->program->stores[x->id].constant : x->kind == BUF_SCRATCH;
    if (!arena || first[b] == SIZE_MAX) continue;
    if (x->offset % f->align) return arena_printf(a, "buffer %u is not aligned", b);
    bool inside = x->kind == BUF_STORE ? x->offset + x->bytes <= base
                                       : x->offset >= base && x->offset + x->bytes <= end;
    if (!inside) return arena_printf(a, "buffer %u leaves its part of the arena", b);
    if (x->bytes) uses[n_uses++] = (Use){b, x->offset, x->offset + x->bytes, first[b], last[b]};
  }
  return check_uses(&t, uses, n_uses, a);
}
