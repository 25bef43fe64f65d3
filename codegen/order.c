// Candidates are the program's own order and two greedy ones (from the beginning, from the end); the best is
// improved by moving single steps as far as they go. All of it is bounded by a count of work, never by time.
#include "codegen/order_impl.h"

#include "codegen/lower.h"
#include "codegen/memplan.h"
#include "codegen/overwrite.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { WORK = 6000000 }; // element visits, a few milliseconds

// ---- dependencies

typedef struct Resource { // a piece of memory
  uint32_t writer;        // the last step that wrote it, NO_BUFFER: none
  Numbers readers;        // since then
} Resource;

typedef struct Build {
  Order *o;
  Resource *resources; // buffers, then stores, then outputs, then carries
  uint32_t step;
  bool writes_store;
} Build;

static void edge(Order *o, uint32_t from, uint32_t to) {
  if (from == NO_BUFFER || from == to) return;
  const Numbers *known = &o->items[to].before;
  for (size_t i = 0; i < known->len; i++)
    if (known->data[i] == from) return;
  vec_push(o->a, &o->items[from].after, to);
  vec_push(o->a, &o->items[to].before, from);
}

static void touch(Build *b, uint32_t resource, bool written) {
  Resource *r = &b->resources[resource];
  edge(b->o, r->writer, b->step);
  if (!written) {
    vec_push(b->o->a, &r->readers, b->step);
    return;
  }
  for (size_t i = 0; i < r->readers.len; i++) edge(b->o, r->readers.data[i], b->step);
  r->readers.len = 0;
  r->writer = b->step;
}

static void touch_store(Build *b, uint32_t store, bool written) {
  if (store == UINT32_MAX) return;
  b->writes_store = b->writes_store || written;
  touch(b, b->o->n_buffers + store, written);
}

static void access(void *user, uint32_t buffer, bool written) {
  Build *b = user;
  Order *o = b->o;
  const Buffer *x = &o->f->buffers.data[buffer];
  if (x->kind == BUF_STORE) {
    touch_store(b, x->id, written);
  } else if (x->kind == BUF_OUTPUT) {
    touch(b, o->n_buffers + o->f->program->n_stores + x->id, written);
  } else if (x->kind == BUF_CARRY) {
    touch(b, o->n_buffers + o->f->program->n_stores + o->f->fn->g->n_roots + x->id, written);
  } else if (x->kind == BUF_SCRATCH) {
    Item *item = &o->items[b->step];
    bool known = false;
    for (size_t i = 0; i < item->buffers.len; i++) known = known || item->buffers.data[i] == buffer;
    if (!known) vec_push(o->a, &item->buffers, buffer);
    touch(b, buffer, written);
  }
}

static void access_stores(Build *b, const Step *s) {
  if (s->kind != STEP_OPTIMIZE) return;
  const OptimizeAttr *o = graph_node(b->o->f->fn->g, s->node)->attr.optimize;
  uint32_t slots = optimizer_info(o->kind)->slots;
  for (uint32_t i = 0; i < s->n_parts; i++) {
    uint32_t p = s->parts[i];
    touch_store(b, o->stores[p], true);
    touch_store(b, o->counts[p], true);
    for (uint32_t k = 0; k < slots; k++) touch_store(b, o->slots[p * slots + k], true);
  }
}

// The buffers a kernel may write over, because it reads them at the written place only.
static void find_pairs(Order *o, uint32_t step) {
  const FnPlan *f = o->f;
  const Step *s = &f->steps.data[step];
  if (s->kind != STEP_KERNEL) return;
  for (uint32_t i = 0; i < s->kernel->n_stores; i++)
    for (size_t j = 0; j < o->items[step].buffers.len; j++)
      if (kernel_overwrites(f, s->kernel, &s->kernel->stores[i], o->items[step].buffers.data[j]))
        vec_push(o->a, &o->pairs,
                 ((Pair){step, s->kernel->stores[i].buffer, o->items[step].buffers.data[j]}));
}

Order *order_new(const FnPlan *f, Arena *a) {
  Order *o = ARENA_NEW(a, Order);
  uint32_t n = (uint32_t)f->steps.len, n_buffers = (uint32_t)f->buffers.len;
  *o = (Order){.f = f, .a = a, .n = n, .n_buffers = n_buffers};
  o->items = ARENA_ARRAY(a, n, Item);
  o->bytes = ARENA_ARRAY(a, n_buffers, uint64_t);
  o->first = ARENA_ARRAY(a, n_buffers, uint32_t);
  o->last = ARENA_ARRAY(a, n_buffers, uint32_t);
  o->takes = ARENA_ARRAY(a, n_buffers, bool);
  o->gives = ARENA_ARRAY(a, n_buffers, bool);
  o->position = ARENA_ARRAY(a, n, uint32_t);
  o->live = ARENA_ARRAY(a, n + 1, int64_t);
  for (uint32_t b = 0; b < n_buffers; b++)
    if (f->buffers.data[b].kind == BUF_SCRATCH) o->bytes[b] = round_up(f->buffers.data[b].bytes, f->align);
  Build build = {.o = o};
  uint32_t n_resources = n_buffers + f->program->n_stores + f->fn->g->n_roots + f->fn->n_inputs;
  build.resources = ARENA_ARRAY(a, n_resources, Resource);
  for (uint32_t i = 0; i < n_resources; i++) build.resources[i].writer = NO_BUFFER;
  // Faults are found in the program's order, and what was written before one is found stays as it was.
  uint32_t fault = NO_BUFFER;
  Numbers writers = {0}; // of stores, since the last fault
  for (uint32_t i = 0; i < n; i++) {
    const Step *s = &f->steps.data[i];
    build.step = i;
    build.writes_store = false;
    plan_accesses(f, s, access, &build);
    access_stores(&build, s);
    find_pairs(o, i);
    if (s->can_fault || build.writes_store) edge(o, fault, i);
    if (build.writes_store) vec_push(a, &writers, i);
    if (!s->can_fault) continue;
    for (size_t k = 0; k < writers.len; k++) edge(o, writers.data[k], i);
    writers.len = 0;
    fault = i;
  }
  return o;
}

uint32_t order_length(const Order *o) { return o->n; }

bool order_edge(const Order *o, uint32_t i, uint32_t j) {
  for (size_t k = 0; k < o->items[i].after.len; k++)
    if (o->items[i].after.data[k] == j) return true;
  return false;
}

// ---- the memory of a sequence

uint64_t order_peak(Order *o, const uint32_t *sequence) {
  int64_t *change = o->live; // of live bytes, until the sum at the end
  memset(o->first, 0xff, o->n_buffers * sizeof *o->first);
  memset(o->takes, 0, o->n_buffers * sizeof *o->takes);
  memset(o->gives, 0, o->n_buffers * sizeof *o->gives);
  memset(change, 0, (o->n + 1) * sizeof *change);
  for (uint32_t at = 0; at < o->n; at++) {
    const Numbers *list = &o->items[sequence[at]].buffers;
    o->position[sequence[at]] = at;
    for (size_t i = 0; i < list->len; i++) {
      uint32_t b = list->data[i];
      if (o->first[b] == NO_BUFFER) o->first[b] = at;
      o->last[b] = at;
    }
  }
  for (uint32_t b = 0; b < o->n_buffers; b++) {
    if (o->first[b] == NO_BUFFER) continue;
    change[o->first[b]] += (int64_t)o->bytes[b];
    change[o->last[b] + 1] -= (int64_t)o->bytes[b];
  }
  for (size_t i = 0; i < o->pairs.len; i++) {
    const Pair *p = &o->pairs.data[i];
    uint32_t at = o->position[p->step];
    if (o->first[p->out] != at || o->last[p->in] != at || o->takes[p->out] || o->gives[p->in]) continue;
    o->takes[p->out] = o->gives[p->in] = true;
    change[at] -= (int64_t)o->bytes[p->in];
    change[at + 1] += (int64_t)o->bytes[p->in];
  }
  int64_t live = 0, peak = 0;
  o->total = 0;
  for (uint32_t at = 0; at < o->n; at++) {
    live += change[at];
    o->live[at] = live;
    o->total += (uint64_t)live;
    if (live > peak) peak = live;
  }
  return (uint64_t)peak;
}

// ---- improvement

static void move(Order *o, uint32_t *sequence, uint32_t from, uint32_t to) {
  uint32_t step = sequence[from];
  if (to > from)
    memmove(sequence + from, sequence + from + 1, (to - from) * sizeof *sequence);
  else
    memmove(sequence + to + 1, sequence + to, (from - to) * sizeof *sequence);
  sequence[to] = step;
  for (uint32_t at = from < to ? from : to; at <= from || at <= to; at++) o->position[sequence[at]] = at;
}

// As late (or as early) as its neighbours in the graph allow.
static uint32_t farthest(const Order *o, uint32_t step, bool late) {
  const Numbers *list = late ? &o->items[step].after : &o->items[step].before;
  uint32_t to = late ? o->n - 1 : 0;
  for (size_t i = 0; i < list->len; i++) {
    uint32_t at = o->position[list->data[i]];
    if (late && at - 1 < to) to = at - 1;
    if (!late && at + 1 > to) to = at + 1;
  }
  return to;
}

static uint64_t cost_of_one(const Order *o) {
  uint64_t visits = o->n + 2 * (uint64_t)o->n_buffers + o->pairs.len;
  for (uint32_t i = 0; i < o->n; i++) visits += o->items[i].buffers.len;
  return visits;
}

static void improve(Order *o, uint32_t *sequence) {
  uint64_t one = cost_of_one(o), tries = WORK / (one ? one : 1);
  uint64_t peak = order_peak(o, sequence), total = o->total;
  for (bool better = true; better;) {
    better = false;
    for (uint32_t turn = 0; turn < 2 * o->n; turn++) {
      uint32_t step = turn / 2, from = o->position[step], to = farthest(o, step, turn % 2 == 0);
      if (to == from) continue;
      if (tries-- == 0) return;
      move(o, sequence, from, to);
      uint64_t now = order_peak(o, sequence);
      if (now < peak || (now == peak && o->total < total)) {
        better = better || now < peak;
        peak = now, total = o->total;
      } else {
        move(o, sequence, to, from);
      }
    }
  }
}

// ---- updates

static bool follows(const Order *o, uint32_t step, uint32_t after) {
  const Numbers *list = &o->items[step].after;
  for (size_t i = 0; i < list->len; i++)
    if (list->data[i] == after) return true;
  return false;
}

static const Step *step_at(const Order *o, uint32_t step) { return &o->f->steps.data[step]; }

static bool same_optimizer(const Step *x, const Step *y) {
  return x->kind == STEP_OPTIMIZE && y->kind == STEP_OPTIMIZE && x->node == y->node;
}

// Bytes that end to be live at a position.
static int64_t dying(const Order *o, uint32_t step, uint32_t at) {
  const Numbers *list = &o->items[step].buffers;
  int64_t bytes = 0;
  for (size_t i = 0; i < list->len; i++)
    if (o->last[list->data[i]] == at && !o->gives[list->data[i]]) bytes += (int64_t)o->bytes[list->data[i]];
  return bytes;
}

// Whether a step between the update at `at` and `to` is the last one to touch what the update touches.
static bool dies_between(const Order *o, uint32_t step, uint32_t at, uint32_t to) {
  const Numbers *list = &o->items[step].buffers;
  for (size_t i = 0; i < list->len; i++)
    if (o->last[list->data[i]] > at && o->last[list->data[i]] < to) return true;
  return false;
}

// Moves the update at `at` to stand before the step at `to`, if no position then holds more than `peak`: what
// it alone keeps alive lives on until there, the steps between come one position earlier.
static void delay(Order *o, uint32_t *sequence, uint32_t at, uint32_t to, int64_t peak) {
  uint32_t update = sequence[at];
  int64_t kept = dying(o, update, at), there = o->live[to - 1] - dying(o, sequence[to - 1], to - 1) + kept;
  if (dies_between(o, update, at, to)) return;
  for (uint32_t p = at + 1; p < to; p++)
    if (o->live[p] + kept > peak) return;
  const Numbers *own = &o->items[update].buffers;
  for (size_t i = 0; i < own->len; i++)
    if (o->last[own->data[i]] == at) o->last[own->data[i]] = to - 1;
  for (uint32_t p = at + 1; p < to; p++) {
    const Numbers *list = &o->items[sequence[p]].buffers;
    o->live[p - 1] = o->live[p] + kept;
    for (size_t i = 0; i < list->len; i++) {
      uint32_t b = list->data[i];
      if (o->first[b] == p) o->first[b] = p - 1;
      if (o->last[b] == p) o->last[b] = p - 1;
    }
  }
  o->live[to - 1] = there;
  move(o, sequence, at, to - 1);
}

// From the end: an update waits for the next one of its optimizer where that costs no memory.
static void gather_updates(Order *o, uint32_t *sequence) {
  int64_t peak = (int64_t)order_peak(o, sequence);
  for (uint32_t at = o->n; at-- > 0;) {
    const Step *s = step_at(o, sequence[at]);
    if (s->kind != STEP_OPTIMIZE) continue;
    uint32_t to = at + 1;
    while (to < o->n && !same_optimizer(s, step_at(o, sequence[to])) &&
           !follows(o, sequence[at], sequence[to]))
      to++;
    if (to >= o->n || to == at + 1 || !same_optimizer(s, step_at(o, sequence[to]))) continue;
    delay(o, sequence, at, to, peak);
  }
}

static int by_number(const void *x, const void *y) {
  uint32_t a = *(const uint32_t *)x, b = *(const uint32_t *)y;
  return (a > b) - (a < b);
}

// Neighbouring updates of one optimizer become one call.
static void join_updates(FnPlan *f) {
  size_t kept = 0;
  for (size_t i = 0, next; i < f->steps.len; i = next) {
    Step s = f->steps.data[i];
    Numbers parts = {0};
    for (next = i; next < f->steps.len && (next == i || same_optimizer(&s, &f->steps.data[next])); next++)
      for (uint32_t k = 0; k < f->steps.data[next].n_parts; k++)
        vec_push(f->a, &parts, f->steps.data[next].parts[k]);
    if (parts.len > 1) qsort(parts.data, parts.len, sizeof *parts.data, by_number);
    s.parts = parts.data;
    s.n_parts = (uint32_t)parts.len;
    f->steps.data[kept++] = s;
  }
  f->steps.len = kept;
}

bool optimizer_clips(const FnPlan *f, NodeId v) {
  const Node *n = graph_node(f->fn->g, v);
  const OptimizerInfo *info = optimizer_info(n->attr.optimize->kind);
  for (uint32_t i = 0, real = 0; info->hyper[i].name; i++) {
    if (info->hyper[i].kind == HYPER_FLAG) continue;
    const Node *value = graph_node(f->fn->g, lower_resolve(f->fn->g, n->in[real++]));
    if (strcmp(info->hyper[i].name, "clip_norm") == 0)
      return value->op != OP_CONST || value->attr.konst.data[0].f != 0;
  }
  return false;
}

static void split_updates(FnPlan *f) {
  VEC(Step) steps = {0};
  for (size_t i = 0; i < f->steps.len; i++) {
    Step s = f->steps.data[i];
    bool whole = s.kind != STEP_OPTIMIZE || optimizer_clips(f, s.node);
    for (uint32_t k = 0; k < (whole ? 1 : s.n_parts); k++) {
      Step one = s;
      if (!whole) one.parts += k, one.n_parts = 1;
      vec_push(f->a, &steps, one);
    }
  }
  f->steps.data = steps.data;
  f->steps.len = steps.len;
  f->steps.cap = steps.cap;
}

void order_steps(FnPlan *f) {
  split_updates(f);
  Arena *a = arena_new();
  Order *o = order_new(f, a);
  uint32_t *best = ARENA_ARRAY(a, o->n, uint32_t), *other = ARENA_ARRAY(a, o->n, uint32_t);
  for (uint32_t i = 0; i < o->n; i++) best[i] = i;
  uint64_t program = order_peak(o, best), peak = program;
  for (int forward = 0; forward < 2; forward++) {
    order_greedy(o, forward, other);
    uint64_t p = order_peak(o, other);
    if (p < peak) memcpy(best, other, o->n * sizeof *best), peak = p;
  }
  memcpy(other, best, o->n * sizeof *best);
  improve(o, other);
  if (order_peak(o, other) < peak) memcpy(best, other, o->n * sizeof *best);
  gather_updates(o, best);
  Step *steps = ARENA_ARRAY(f->a, o->n, Step);
  for (uint32_t i = 0; i < o->n; i++) steps[i] = f->steps.data[best[i]];
  if (o->n) memcpy(f->steps.data, steps, o->n * sizeof *steps);
  arena_free(a);
  join_updates(f);
}
