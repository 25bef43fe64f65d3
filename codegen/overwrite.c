// In place means one pointer in the emitted kernel, not two that happen to be equal, so a C compiler sees
// that an element is read before it is written and needs no check for overlap.
#include "codegen/overwrite.h"

bool kernel_overwrites(const FnPlan *f, const Kernel *k, const Put *to, uint32_t in) {
  if (to->buffer == NO_BUFFER || to->buffer == in || to->add) return false;
  const Buffer *x = &f->buffers.data[in], *y = &f->buffers.data[to->buffer];
  if (x->kind != BUF_SCRATCH || y->kind != BUF_SCRATCH) return false;
  if (x->dtype != y->dtype || !shape_eq(&x->shape, &y->shape)) return false;
  for (uint32_t i = 0; i < k->n_stores; i++) {
    const Put *s = &k->stores[i];
    if (s != to && (s->buffer == to->buffer || s->buffer == in)) return false;
  }
  return kernel_owns_place(f, k, to, x);
}

typedef struct Ends { // times of a buffer's first and last access
  uint32_t *first, *last, time;
} Ends;

// The buffers last used at each time, in the order of their numbers: first[time], then next[buffer].
typedef struct Dying {
  uint32_t *first, *next;
} Dying;

static void access(void *user, uint32_t buffer, bool written) {
  Ends *e = user;
  (void)written;
  if (e->first[buffer] == NO_BUFFER) e->first[buffer] = e->time;
  e->last[buffer] = e->time;
}

static Dying dying_at(const FnPlan *f, const Ends *e, Arena *a) {
  uint32_t n = (uint32_t)f->buffers.len, n_times = (uint32_t)f->steps.len;
  Dying d = {ARENA_ARRAY(a, n_times, uint32_t), ARENA_ARRAY(a, n, uint32_t)};
  for (uint32_t t = 0; t < n_times; t++) d.first[t] = NO_BUFFER;
  for (uint32_t b = n; b-- > 0;) {
    if (e->first[b] == NO_BUFFER) continue;
    d.next[b] = d.first[e->last[b]];
    d.first[e->last[b]] = b;
  }
  return d;
}

void overwrite_buffers(FnPlan *f) {
  Arena *a = arena_new();
  uint32_t n = (uint32_t)f->buffers.len;
  Ends e = {.first = ARENA_ARRAY(a, n, uint32_t), .last = ARENA_ARRAY(a, n, uint32_t)};
  bool *taken = ARENA_ARRAY(a, n, bool);
  for (uint32_t b = 0; b < n; b++) e.first[b] = NO_BUFFER;
  for (e.time = 0; e.time < f->steps.len; e.time++) plan_accesses(f, &f->steps.data[e.time], access, &e);
  Dying dying = dying_at(f, &e, a);
  for (uint32_t t = 0; t < f->steps.len; t++) {
    const Step *s = &f->steps.data[t];
    for (uint32_t i = 0; s->kind == STEP_KERNEL && i < s->kernel->n_stores; i++) {
      const Put *to = &s->kernel->stores[i];
      if (to->buffer == NO_BUFFER || e.first[to->buffer] != t) continue;
      for (uint32_t in = dying.first[t]; in != NO_BUFFER; in = dying.next[in]) {
        if (e.first[in] == t || taken[in] || !kernel_overwrites(f, s->kernel, to, in)) continue;
        taken[in] = true;
        f->buffers.data[to->buffer].memory = f->buffers.data[in].memory;
        break;
      }
    }
  }
  arena_free(a);
}
