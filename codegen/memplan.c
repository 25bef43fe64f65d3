// First fit by size: the largest buffer first, each at the lowest offset where nothing that lives at one time
// with it lies.
#include "codegen/memplan.h"

#include <assert.h>
#include <stdlib.h>

static uint64_t round_up(uint64_t x) { return (x + ARENA_ALIGN - 1) / ARENA_ALIGN * ARENA_ALIGN; }

static bool is_slot(const Store *s) { return s->kind == STORE_SLOT || s->kind == STORE_COUNT; }

static uint64_t place_stores(const Program *p, bool slots, uint64_t *offsets, uint64_t at) {
  for (uint32_t i = 0; i < p->n_stores; i++) {
    if (p->stores[i].constant || is_slot(&p->stores[i]) != slots) continue;
    offsets[i] = at;
    int64_t count = shape_elements(&p->stores[i].shape, 1);
    at += round_up((uint64_t)(count > 1 ? count : 1) * dtype_bytes(p->stores[i].dtype));
  }
  return at;
}

uint64_t memplan_stores(const Program *p, uint64_t *offsets) {
  for (uint32_t i = 0; i < p->n_stores; i++) offsets[i] = UINT64_MAX; // no place yet: memverify finds its use
  return place_stores(p, false, offsets, 0);
}

uint64_t memplan_slots(const Program *p, uint64_t *offsets, uint64_t at) {
  return place_stores(p, true, offsets, at);
}

typedef struct Item {
  uint32_t buffer;
  uint64_t bytes;
} Item;

static int larger_first(const void *x, const void *y) {
  const Item *a = x, *b = y;
  if (a->bytes != b->bytes) return a->bytes < b->bytes ? 1 : -1;
  return a->buffer < b->buffer ? -1 : a->buffer > b->buffer;
}

static bool meet(const Lifetime *x, const Lifetime *y) { return x->first <= y->last && y->first <= x->last; }

// The lowest offset where `bytes` fit between the placed buffers that live at the same time.
static uint64_t lowest(const FnPlan *f, const Lifetime *lives, const Item *placed, size_t n, Item x,
                       uint64_t base) {
  uint64_t at = base;
  for (bool moved = true; moved;) {
    moved = false;
    for (size_t i = 0; i < n; i++) {
      const Buffer *b = &f->buffers.data[placed[i].buffer];
      if (!meet(&lives[placed[i].buffer], &lives[x.buffer])) continue;
      if (at < b->offset + placed[i].bytes && b->offset < at + x.bytes) {
        at = b->offset + placed[i].bytes;
        moved = true;
      }
    }
  }
  return at;
}

uint64_t memplan_scratch(FnPlan *f, const Sched *s, const uint64_t *stores, uint64_t base) {
  Lifetime *lives = schedule_lifetimes(f, s, f->a);
  Item *items = ARENA_ARRAY(f->a, f->buffers.len, Item);
  size_t n = 0;
  uint64_t end = base;
  for (uint32_t i = 0; i < f->buffers.len; i++) {
    Buffer *b = &f->buffers.data[i];
    if (b->kind == BUF_STORE) b->offset = stores[b->id];
    if (b->kind == BUF_SCRATCH && lives[i].used) items[n++] = (Item){i, round_up(b->bytes)};
  }
  if (n) qsort(items, n, sizeof *items, larger_first);
  for (size_t i = 0; i < n; i++) {
    Buffer *b = &f->buffers.data[items[i].buffer];
    b->offset = lowest(f, lives, items, i, items[i], base);
    if (b->offset + items[i].bytes > end) end = b->offset + items[i].bytes;
  }
  f->scratch_begin = base;
  f->scratch_end = end;
  return end;
}
