// Which of the ready steps is taken is asked once a step, and thousands may be ready (the updates of all
// parameters, from the end). So they lie in two heaps, one for when some raise the peak no further, one for
// when all do. What a step makes and leaves behind only gets less: it is then put in once more, and the older
// entry no longer counts.
#include "codegen/order_impl.h"

#include <assert.h>

typedef struct Entry {
  int64_t key[2]; // as it was when the entry was made
  uint32_t rank;  // smaller: earlier in the program's order; from the end, later
  uint32_t step;
} Entry;

typedef VEC(Entry) Heap;

typedef struct Greedy {
  Order *o;
  bool forward;
  uint32_t *missing; // of each step: steps that must still come before it
  uint32_t *left;    // of each buffer: steps that will still touch it
  bool *live;
  bool *ready;           // of each step: nothing is missing and it was not taken
  int64_t *made, *freed; // of each step, were it taken now: bytes that begin and end to be live
  Numbers *users;        // of each buffer: the steps that touch it
  Heap by_kept;          // of ready steps: bytes more that stay afterwards
  Heap by_made;          // of ready steps: bytes more at once, then bytes more that stay
  uint64_t used, peak;
} Greedy;

// ---- heaps

static bool before(const Entry *x, const Entry *y) {
  for (int i = 0; i < 2; i++)
    if (x->key[i] != y->key[i]) return x->key[i] < y->key[i];
  return x->rank < y->rank;
}

static void put(Heap *h, Entry e, Arena *a) {
  vec_push(a, h, e);
  size_t i = h->len - 1;
  for (; i > 0 && before(&e, &h->data[(i - 1) / 2]); i = (i - 1) / 2) h->data[i] = h->data[(i - 1) / 2];
  h->data[i] = e;
}

static void drop_top(Heap *h) {
  Entry e = h->data[--h->len];
  size_t i = 0;
  for (size_t child = 1; child < h->len; child = 2 * i + 1) {
    if (child + 1 < h->len && before(&h->data[child + 1], &h->data[child])) child++;
    if (!before(&h->data[child], &e)) break;
    h->data[i] = h->data[child];
    i = child;
  }
  h->data[i] = e;
}

static Entry kept_entry(const Greedy *g, uint32_t step) {
  uint32_t rank = g->forward ? step : g->o->n - 1 - step;
  return (Entry){{g->made[step] - g->freed[step], 0}, rank, step};
}

static Entry made_entry(const Greedy *g, uint32_t step) {
  Entry e = kept_entry(g, step);
  return (Entry){{g->made[step], e.key[0]}, e.rank, step};
}

static bool counts(const Greedy *g, const Entry *e, Entry now) {
  return g->ready[e->step] && e->key[0] == now.key[0] && e->key[1] == now.key[1];
}

static void put_ready(Greedy *g, uint32_t step) {
  if (!g->ready[step]) return;
  put(&g->by_kept, kept_entry(g, step), g->o->a);
  put(&g->by_made, made_entry(g, step), g->o->a);
}

static void become_ready(Greedy *g, uint32_t step) {
  g->ready[step] = true;
  put_ready(g, step);
}

// ---- what becomes of the memory

static void become_live(Greedy *g, uint32_t b) {
  if (g->live[b]) return;
  g->live[b] = true;
  g->used += g->o->bytes[b];
  for (size_t i = 0; i < g->users[b].len; i++) {
    g->made[g->users[b].data[i]] -= (int64_t)g->o->bytes[b];
    put_ready(g, g->users[b].data[i]);
  }
}

// One step fewer will touch the buffer: the last one frees it.
static void touched(Greedy *g, uint32_t b) {
  if (--g->left[b] == 0) g->used -= g->o->bytes[b];
  if (g->left[b] != 1) return;
  for (size_t i = 0; i < g->users[b].len; i++) {
    g->freed[g->users[b].data[i]] += (int64_t)g->o->bytes[b];
    put_ready(g, g->users[b].data[i]);
  }
}

static void take(Greedy *g, uint32_t step) {
  const Item *item = &g->o->items[step];
  g->ready[step] = false;
  for (size_t i = 0; i < item->buffers.len; i++) become_live(g, item->buffers.data[i]);
  if (g->used > g->peak) g->peak = g->used;
  for (size_t i = 0; i < item->buffers.len; i++) touched(g, item->buffers.data[i]);
  const Numbers *next = g->forward ? &item->after : &item->before;
  for (size_t i = 0; i < next->len; i++)
    if (--g->missing[next->data[i]] == 0) become_ready(g, next->data[i]);
}

// ---- the choice

static bool fits(const Greedy *g, uint32_t step) { return g->used + (uint64_t)g->made[step] <= g->peak; }

static uint32_t choose(Greedy *g) {
  Heap *kept = &g->by_kept, *made = &g->by_made;
  while (kept->len && !counts(g, kept->data, kept_entry(g, kept->data->step))) drop_top(kept);
  while (made->len && !counts(g, made->data, made_entry(g, made->data->step))) drop_top(made);
  assert(kept->len > 0 && "dependencies follow the program's order");
  if (fits(g, kept->data->step)) return kept->data->step;
  if (!fits(g, made->data->step)) return made->data->step;
  const Entry *best = NULL; // of those that fit
  for (size_t i = 0; i < kept->len; i++) {
    const Entry *e = &kept->data[i];
    if (best && !before(e, best)) continue;
    if (fits(g, e->step) && counts(g, e, kept_entry(g, e->step))) best = e;
  }
  return best->step;
}

void order_greedy(Order *o, bool forward, uint32_t *sequence) {
  Greedy g = {.o = o, .forward = forward};
  g.missing = ARENA_ARRAY(o->a, o->n, uint32_t);
  g.left = ARENA_ARRAY(o->a, o->n_buffers, uint32_t);
  g.live = ARENA_ARRAY(o->a, o->n_buffers, bool);
  g.ready = ARENA_ARRAY(o->a, o->n, bool);
  g.made = ARENA_ARRAY(o->a, o->n, int64_t);
  g.freed = ARENA_ARRAY(o->a, o->n, int64_t);
  g.users = ARENA_ARRAY(o->a, o->n_buffers, Numbers);
  for (uint32_t i = 0; i < o->n; i++) {
    const Item *item = &o->items[i];
    g.missing[i] = (uint32_t)(forward ? item->before.len : item->after.len);
    for (size_t k = 0; k < item->buffers.len; k++) {
      uint32_t b = item->buffers.data[k];
      g.left[b]++;
      g.made[i] += (int64_t)o->bytes[b];
      vec_push(o->a, &g.users[b], i);
    }
  }
  for (uint32_t b = 0; b < o->n_buffers; b++)
    if (g.left[b] == 1) g.freed[g.users[b].data[0]] += (int64_t)o->bytes[b];
  for (uint32_t i = 0; i < o->n; i++)
    if (g.missing[i] == 0) become_ready(&g, i);
  for (uint32_t done = 0; done < o->n; done++) {
    uint32_t step = choose(&g);
    take(&g, step);
    sequence[forward ? done : o->n - 1 - done] = step;
  }
}
