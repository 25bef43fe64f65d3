// Buffers of one memory (overwrite.c) are one block. Blocks are placed one after the other, each at the
// lowest offset where nothing lies that lives at one time with it. How good the result is depends on the
// sequence: some are tried, then the block on top of the best result is placed first, again and again, until
// the plan is as small as the largest set alive or the tries are used up.
#include "codegen/memplan.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static bool is_slot(const Store *s) { return s->kind == STORE_SLOT || s->kind == STORE_COUNT; }

static uint64_t place_stores(const Program *p, uint32_t align, bool slots, uint64_t *offsets, uint64_t at) {
  for (uint32_t i = 0; i < p->n_stores; i++) {
    if (p->stores[i].constant || is_slot(&p->stores[i]) != slots) continue;
    offsets[i] = at;
    int64_t count = shape_elements(&p->stores[i].shape, 1);
    at += round_up((uint64_t)(count > 1 ? count : 1) * dtype_bytes(p->stores[i].dtype), align);
  }
  return at;
}

uint64_t memplan_stores(const Program *p, uint32_t align, uint64_t *offsets) {
  for (uint32_t i = 0; i < p->n_stores; i++) offsets[i] = UINT64_MAX; // no place yet: memverify finds its use
  return place_stores(p, align, false, offsets, 0);
}

uint64_t memplan_slots(const Program *p, uint32_t align, uint64_t *offsets, uint64_t at) {
  return place_stores(p, align, true, offsets, at);
}

typedef struct Block {
  uint64_t bytes, offset;
  uint32_t first, last; // times
  uint32_t number;      // by first appearance
} Block;

typedef struct Blocks {
  Block *data;
  uint32_t n;
  uint32_t *of; // of each buffer, NO_BUFFER: not scratch, or never used
} Blocks;

static Blocks blocks_of(const FnPlan *f, const Sched *s, Arena *a) {
  const Lifetime *lives = schedule_lifetimes(f, s, a);
  uint32_t n = (uint32_t)f->buffers.len;
  Blocks b = {.data = ARENA_ARRAY(a, n, Block), .of = ARENA_ARRAY(a, n, uint32_t)};
  uint32_t *by_memory = ARENA_ARRAY(a, n, uint32_t); // of a buffer: the block of its memory + 1
  for (uint32_t i = 0; i < n; i++) {
    const Buffer *x = &f->buffers.data[i];
    b.of[i] = NO_BUFFER;
    if (x->kind != BUF_SCRATCH || !lives[i].used) continue;
    if (by_memory[x->memory] == 0) {
      b.data[b.n] = (Block){round_up(x->bytes, f->align), 0, lives[i].first, lives[i].last, b.n};
      by_memory[x->memory] = ++b.n;
    }
    Block *block = &b.data[by_memory[x->memory] - 1];
    b.of[i] = by_memory[x->memory] - 1;
    if (round_up(x->bytes, f->align) > block->bytes) block->bytes = round_up(x->bytes, f->align);
    if (lives[i].first < block->first) block->first = lives[i].first;
    if (lives[i].last > block->last) block->last = lives[i].last;
  }
  return b;
}

static uint64_t most_alive(const Blocks *b, const Sched *s, Arena *a) {
  int64_t *change = ARENA_ARRAY(a, s->end + 2, int64_t), live = 0, most = 0;
  for (uint32_t i = 0; i < b->n; i++) {
    change[b->data[i].first] += (int64_t)b->data[i].bytes;
    change[b->data[i].last + 1] -= (int64_t)b->data[i].bytes;
  }
  for (uint32_t t = 0; t <= s->end; t++) {
    live += change[t];
    if (live > most) most = live;
  }
  return (uint64_t)most;
}

uint64_t memplan_alive(const FnPlan *f, const Sched *s) {
  Arena *a = arena_new();
  Blocks b = blocks_of(f, s, a);
  uint64_t most = most_alive(&b, s, a);
  arena_free(a);
  return most;
}

// ---- placing in a sequence

static bool meet(const Block *x, const Block *y) { return x->first <= y->last && y->first <= x->last; }

typedef struct Placing {
  Block **sequence, **placed; // placed: by offset
  uint32_t n;
  Block *top; // the block that ends last
} Placing;

// Returns the end; offsets are counted from 0.
static uint64_t place(Placing *p) {
  uint64_t end = 0;
  p->top = NULL;
  for (uint32_t i = 0; i < p->n; i++) {
    Block *x = p->sequence[i];
    uint64_t at = 0;
    for (uint32_t k = 0; k < i; k++) {
      const Block *y = p->placed[k];
      if (y->offset >= at + x->bytes) break;
      if (y->offset + y->bytes > at && meet(x, y)) at = y->offset + y->bytes;
    }
    x->offset = at;
    uint32_t k = i;
    for (; k > 0 && p->placed[k - 1]->offset > at; k--) p->placed[k] = p->placed[k - 1];
    p->placed[k] = x;
    if (!p->top || at + x->bytes > end) end = at + x->bytes, p->top = x;
  }
  return end;
}

#define COMPARE(a, b)                                                                                        \
  if ((a) != (b)) return (a) < (b) ? -1 : 1

static int larger_first(const void *x, const void *y) {
  const Block *a = *(Block *const *)x, *b = *(Block *const *)y;
  COMPARE(b->bytes, a->bytes);
  COMPARE(a->number, b->number);
  return 0;
}

static int longer_first(const void *x, const void *y) {
  const Block *a = *(Block *const *)x, *b = *(Block *const *)y;
  COMPARE(b->last - b->first, a->last - a->first);
  return larger_first(x, y);
}

static int heavier_first(const void *x, const void *y) { // bytes times duration
  const Block *a = *(Block *const *)x, *b = *(Block *const *)y;
  double u = (double)a->bytes * (a->last - a->first + 1), v = (double)b->bytes * (b->last - b->first + 1);
  COMPARE(v, u);
  return larger_first(x, y);
}

static int earlier_first(const void *x, const void *y) {
  const Block *a = *(Block *const *)x, *b = *(Block *const *)y;
  COMPARE(a->first, b->first);
  return larger_first(x, y);
}

// ---- in the order of time

static int ends_first(const void *x, const void *y) {
  const Block *a = *(Block *const *)x, *b = *(Block *const *)y;
  COMPARE(a->last, b->last);
  COMPARE(a->number, b->number);
  return 0;
}

typedef struct Hole {
  uint64_t begin, end;
} Hole;

typedef struct Holes { // among the blocks alive, by address; all above `end` is free
  Hole *data;
  uint32_t n;
  uint64_t end;
} Holes;

static void give_back(Holes *h, Hole freed) {
  if (freed.begin == freed.end) return;
  uint32_t at = h->n;
  while (at > 0 && h->data[at - 1].begin > freed.begin) at--;
  bool before = at > 0 && h->data[at - 1].end == freed.begin;
  bool after = at < h->n && h->data[at].begin == freed.end;
  if (before && after) {
    h->data[at - 1].end = h->data[at].end;
    memmove(h->data + at, h->data + at + 1, (--h->n - at) * sizeof *h->data);
  } else if (before) {
    h->data[at - 1].end = freed.end;
  } else if (after) {
    h->data[at].begin = freed.begin;
  } else {
    memmove(h->data + at + 1, h->data + at, (h->n++ - at) * sizeof *h->data);
    h->data[at] = freed;
  }
  if (h->n && h->data[h->n - 1].end == h->end) h->end = h->data[--h->n].begin;
}

static uint64_t lowest_place(Holes *h, uint64_t bytes) {
  uint32_t at = 0;
  while (at < h->n && h->data[at].end - h->data[at].begin < bytes) at++;
  if (at == h->n) return (h->end += bytes) - bytes;
  uint64_t begin = h->data[at].begin;
  h->data[at].begin += bytes;
  if (h->data[at].begin == h->data[at].end)
    memmove(h->data + at, h->data + at + 1, (--h->n - at) * sizeof *h->data);
  return begin;
}

// As place() would in this order; here only what is alive is looked at. Of a long program most blocks have one size,
// and then no plan is smaller.
static uint64_t place_in_time(Placing *p, Arena *a) {
  Holes h = {.data = ARENA_ARRAY(a, p->n + 1, Hole)};
  uint64_t end = 0;
  memcpy(p->placed, p->sequence, p->n * sizeof *p->placed);
  qsort(p->sequence, p->n, sizeof *p->sequence, earlier_first);
  qsort(p->placed, p->n, sizeof *p->placed, ends_first);
  for (uint32_t i = 0, over = 0; i < p->n; i++) {
    Block *x = p->sequence[i];
    for (; p->placed[over]->last < x->first; over++)
      give_back(&h, (Hole){p->placed[over]->offset, p->placed[over]->offset + p->placed[over]->bytes});
    x->offset = lowest_place(&h, x->bytes);
    if (x->offset + x->bytes > end) end = x->offset + x->bytes;
  }
  return end;
}

// ---- the best of some sequences

enum { WORK = 8000000 }; // comparisons of two blocks, some milliseconds

static void to_front(Placing *p, Block *x) {
  uint32_t at = 0;
  while (p->sequence[at] != x) at++;
  memmove(p->sequence + 1, p->sequence, at * sizeof *p->sequence);
  p->sequence[0] = x;
}

// Leaves the best offsets found in the blocks.
static uint64_t place_well(Blocks *b, uint64_t least, Arena *a) {
  static int (*const sequences[])(const void *, const void *) = {larger_first, heavier_first, longer_first,
                                                                 earlier_first};
  Placing p = {.n = b->n};
  p.sequence = ARENA_ARRAY(a, b->n, Block *);
  p.placed = ARENA_ARRAY(a, b->n, Block *);
  uint64_t *offsets = ARENA_ARRAY(a, b->n, uint64_t), best = UINT64_MAX;
  uint64_t one = (uint64_t)b->n * b->n / 4 + 1, tries = WORK / one + 1;
  for (uint32_t k = 0; k < b->n; k++) p.sequence[k] = &b->data[k];
  if (one > WORK && place_in_time(&p, a) <= least) return least;
  for (uint32_t i = 0; i < sizeof sequences / sizeof *sequences && best > least && tries > 0; i++) {
    for (uint32_t k = 0; k < b->n; k++) p.sequence[k] = &b->data[k];
    if (b->n) qsort(p.sequence, b->n, sizeof *p.sequence, sequences[i]);
    for (uint32_t round = 0; round <= b->n && tries > 0; round++, tries--) {
      uint64_t end = place(&p);
      if (end < best) {
        best = end;
        for (uint32_t k = 0; k < b->n; k++) offsets[k] = b->data[k].offset;
      }
      if (best <= least || !p.top || p.sequence[0] == p.top) break;
      to_front(&p, p.top);
    }
  }
  for (uint32_t k = 0; k < b->n; k++) b->data[k].offset = offsets[k];
  return best;
}

// Bodies of loops were planned before: their memory is a buffer of the plan around them.
static void move_scratch(FnPlan *f, uint64_t by) {
  for (uint32_t i = 0; i < f->buffers.len; i++)
    if (f->buffers.data[i].kind == BUF_SCRATCH) f->buffers.data[i].offset += by;
  f->scratch_begin += by;
  f->scratch_end += by;
  for (uint32_t i = 0; i < f->steps.len; i++)
    if (f->steps.data[i].kind == STEP_LOOP) move_scratch(f->steps.data[i].loop->body, by);
}

static void place_bodies(FnPlan *f) {
  for (uint32_t i = 0; i < f->steps.len; i++) {
    const Loop *l = f->steps.data[i].loop;
    if (f->steps.data[i].kind != STEP_LOOP || l->workspace == NO_BUFFER) continue;
    move_scratch(l->body, f->buffers.data[l->workspace].offset - l->body->scratch_begin);
  }
}

uint64_t memplan_scratch(FnPlan *f, const Sched *s, const uint64_t *stores, uint64_t base) {
  Arena *a = arena_new();
  Blocks b = blocks_of(f, s, a);
  uint64_t end = base + place_well(&b, most_alive(&b, s, a), a);
  for (uint32_t i = 0; i < f->buffers.len; i++) {
    Buffer *x = &f->buffers.data[i];
    if (x->kind == BUF_STORE) x->offset = stores[x->id];
    if (b.of[i] != NO_BUFFER) x->offset = base + b.data[b.of[i]].offset;
  }
  f->scratch_begin = base;
  f->scratch_end = end;
  place_bodies(f);
  arena_free(a);
  return end;
}
