// The plan is replayed: buffers that hold something still wanted at the same time are laid over one another.
// Shares no code with the planner, not even the lifetimes: a buffer is wanted at time t when some step <= t
// touched it and some step >= t will. A loop is replayed twice, so what it carries over is found.
#include "codegen/lower.h"
#include "codegen/memplan.h"

#include <stdlib.h>
#include <string.h>

typedef struct Trace {
  const FnPlan *f;
  Arena *a;
  VEC(const uint32_t *) touched; // per executed step, the buffers it touches, ended by NO_BUFFER
} Trace;

static const uint32_t *touches(Trace *t, const Step *s) {
  VEC(uint32_t) list = {0};
  if (s->kind == STEP_COPY) {
    vec_push(t->a, &list, s->src);
    vec_push(t->a, &list, s->dst);
  }
  for (uint32_t i = 0; s->kind == STEP_KERNEL && i < s->kernel->n_stores; i++)
    if (s->kernel->stores[i].buffer != NO_BUFFER) vec_push(t->a, &list, s->kernel->stores[i].buffer);
  const bool *seen = s->kind == STEP_KERNEL ? kernel_marks(s->kernel, t->a) : NULL;
  for (ExprId e = 0; seen && e < s->kernel->pool->exprs.len; e++)
    if (seen[e] && pool_expr(s->kernel->pool, e)->kind == X_LOAD)
      vec_push(t->a, &list, pool_expr(s->kernel->pool, e)->number);
  const Node *n = s->kind == STEP_OPTIMIZE ? graph_node(t->f->fn->g, s->node) : NULL;
  for (uint32_t i = 0; n && i < n->n_in; i++) {
    uint32_t b = t->f->buffer_of[lower_resolve(t->f->fn->g, n->in[i])];
    if (b != NO_BUFFER) vec_push(t->a, &list, b);
  }
  vec_push(t->a, &list, NO_BUFFER);
  return list.data;
}

static void execute(Trace *t, const Sched *s) {
  if (s->kind == SCHED_STEP) vec_push(t->a, &t->touched, touches(t, s->step));
  for (int round = 0; round < (s->kind == SCHED_LOOP ? 2 : 1); round++)
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

// In order of address each one meets only those that begin before it ends.
static const char *check_uses(const FnPlan *f, Use *uses, size_t n, Arena *a) {
  if (n) qsort(uses, n, sizeof *uses, by_address);
  for (size_t i = 0; i < n; i++)
    for (size_t j = i + 1; j < n && uses[j].begin < uses[i].end; j++) {
      const Use *x = &uses[i], *y = &uses[j];
      bool together = x->first <= y->last && y->first <= x->last;
      if (together && !buffer_same_memory(&f->buffers.data[x->buffer], &f->buffers.data[y->buffer]))
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
    if (x->offset % ARENA_ALIGN) return arena_printf(a, "buffer %u is not aligned", b);
    bool inside = x->kind == BUF_STORE ? x->offset + x->bytes <= base
                                       : x->offset >= base && x->offset + x->bytes <= end;
    if (!inside) return arena_printf(a, "buffer %u leaves its part of the arena", b);
    if (x->bytes) uses[n_uses++] = (Use){b, x->offset, x->offset + x->bytes, first[b], last[b]};
  }
  return check_uses(f, uses, n_uses, a);
}
