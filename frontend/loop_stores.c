// Stores that the body of a scan updates: each is a carry, which begins as the store is before the loop, and
// the store is written once, after it. Which they are shows when the body is elaborated; then everything is
// elaborated once more, and the loop, known by its place, begins with them.
#include "frontend/loop.h"

#include <assert.h>

// The calls and static loop indices that lead to the expression, from the function on.
static uint64_t place_of(const Elab *e, const Loop *l) {
  uint64_t h = (uint64_t)l->fn->kind << 32 ^ l->fn->span.begin ^ (uint64_t)l->fn->span.source << 40;
  const void *place = l->x;
  for (const Frame *f = e->frame; f; place = f->call, f = f->up) {
    h = (h ^ (uint64_t)(uintptr_t)place) * 0x100000001B3u, h ^= h >> 29;
    for (size_t i = 0; i < f->loops.len; i++)
      h = (h ^ (uint64_t)f->loops.data[i]) * 0x100000001B3u, h ^= h >> 29;
  }
  return h;
}

void loop_find_stores(Elab *e, Loop *l) {
  l->place = place_of(e, l);
  for (size_t i = 0; i < e->loop_writes.len; i++) {
    const LoopWrite *w = &e->loop_writes.data[i];
    if (w->place != l->place) continue;
    NodeId before = store_read(e, w->store, l->x->span);
    if (before != NO_NODE) vec_push(e->a, &l->stores, ((LoopStore){w->store, before, false}));
  }
}

void loop_enter_stores(Elab *e, Loop *l) {
  for (size_t i = 0; i < l->stores.len; i++)
    store_state(e, l->stores.data[i].ref->id)->read = l->carry[l->n_named + i];
}

void loop_leave_stores(Elab *e, Loop *l) {
  for (size_t i = 0; i < l->stores.len; i++) {
    StoreState *s = store_state(e, l->stores.data[i].ref->id);
    l->next[l->n_named + i] = s->read;
    s->read = l->stores.data[i].before;
  }
}

void loop_write_stores(Elab *e, const Loop *l, const NodeId *last) {
  for (size_t i = 0; i < l->stores.len; i++)
    if (l->stores.data[i].written) store_set(e, l->stores.data[i].ref, last[i]);
}

static void note_write(Elab *e, Loop *l, StoreRef *r) {
  for (size_t i = 0; i < l->stores.len; i++)
    if (l->stores.data[i].ref == r) {
      l->stores.data[i].written = true;
      return;
    }
  for (size_t i = 0; i < e->loop_writes.len; i++)
    if (e->loop_writes.data[i].place == l->place && e->loop_writes.data[i].store == r) return;
  assert(e->pass + 1 < MAX_PASSES); // what the first pass does not reach the second does
  vec_push(e->a, &e->loop_writes, ((LoopWrite){l->place, r}));
  e->rerun = true;
}

bool loop_takes_write(Elab *e, StoreRef *r) {
  Loop *l = e->loop;
  for (; l && l->fn == e->fn; l = l->up) note_write(e, l, r);
  return e->loop && e->loop->fn == e->fn;
}
