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

static void access(void *user, uint32_t buffer, bool written) {
  Ends *e = user;
  (void)written;
  if (e->first[buffer] == NO_BUFFER) e->first[buffer] = e->time;
  e->last[buffer] = e->time;
}

void overwrite_buffers(FnPlan *f) {
  Arena *a = arena_new();
  uint32_t n = (uint32_t)f->buffers.len;
  Ends e = {.first = ARENA_ARRAY(a, n, uint32_t), .last = ARENA_ARRAY(a, n, uint32_t)};
  bool *taken = ARENA_ARRAY(a, n, bool);
  for (uint32_t b = 0; b < n; b++) e.first[b] = NO_BUFFER;
  for (e.time = 0; e.time < f->steps.len; e.time++) plan_accesses(f, &f->steps.data[e.time], a, access, &e);
  for (uint32_t t = 0; t < f->steps.len; t++) {
    const Step *s = &f->steps.data[t];
    for (uint32_t i = 0; s->kind == STEP_KERNEL && i < s->kernel->n_stores; i++) {
      const Put *to = &s->kernel->stores[i];
      if (to->buffer == NO_BUFFER || e.first[to->buffer] != t) continue;
      for (uint32_t in = 0; in < n; in++) {
        bool dies = e.first[in] < t && e.last[in] == t && !taken[in];
        if (!dies || !kernel_overwrites(f, s->kernel, to, in)) continue;
        taken[in] = true;
        f->buffers.data[to->buffer].memory = f->buffers.data[in].memory;
        break;
      }
    }
  }
  arena_free(a);
}
