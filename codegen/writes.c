// Stores are written last. A kernel writes into a store directly when that cannot be told from a copy at the
// end: no later step reads the old value, its own iterations read no other place of it, and nothing after it
// can fault.
#include "codegen/fuse.h"
#include "codegen/loop.h"
#include "codegen/lower.h"

#include <string.h>

static const Node *node(const FnPlan *f, NodeId v) { return graph_node(f->fn->g, v); }

// The optimizer call that reads this version of the store; SIZE_MAX: none.
static size_t optimizer_of(const FnPlan *f, uint32_t store, uint32_t version) {
  for (size_t i = 0; i < f->steps.len; i++) {
    if (f->steps.data[i].kind != STEP_OPTIMIZE) continue;
    const OptimizeAttr *o = node(f, f->steps.data[i].node)->attr.optimize;
    for (uint32_t p = 0; p < o->n; p++)
      if (o->stores[p] == store && o->versions[p] == version) return i;
  }
  return SIZE_MAX;
}

// Whether a step reads, or writes, some memory.
typedef struct Touch {
  const FnPlan *f;
  const Buffer *memory;
  bool written, found;
} Touch;

static void note_touch(void *user, uint32_t buffer, bool written) {
  Touch *t = user;
  if (written == t->written && buffer_same_memory(&t->f->buffers.data[buffer], t->memory)) t->found = true;
}

static bool touches(Touch *t, size_t step) {
  t->found = false;
  plan_accesses(t->f, &t->f->steps.data[step], note_touch, t);
  return t->found;
}

// What is asked of every store or node, found once.
typedef struct Facts {
  const FnPlan *f;
  bool *optimized;   // of each store: an optimizer call steps it
  uint32_t *version; // the one that the function leaves
  size_t step;       // what follows is known of the steps before this one:
  size_t *last;      // the last that reads a store from its own memory; SIZE_MAX: none
  size_t *maker;     // of a node: the kernel that stores it in its buffer; SIZE_MAX: none
  size_t faulting;   // after the last that can fault
} Facts;

static void note_version(Facts *k, uint32_t store, uint32_t written) {
  if (written + 1 > k->version[store]) k->version[store] = written + 1;
}

static Facts facts_of(const FnPlan *f) {
  Facts k = {.f = f};
  const Graph *g = f->fn->g;
  k.optimized = ARENA_ARRAY(f->a, f->program->n_stores, bool);
  k.version = ARENA_ARRAY(f->a, f->program->n_stores, uint32_t);
  k.last = ARENA_ARRAY(f->a, f->program->n_stores, size_t);
  k.maker = ARENA_ARRAY(f->a, g->len, size_t);
  for (uint32_t i = 0; i < g->n_roots; i++) {
    const Node *n = node(f, g->roots[i]);
    if (n->op == OP_WRITE) note_version(&k, n->attr.store.id, n->attr.store.version);
    for (uint32_t p = 0; n->op == OP_OPTIMIZE && p < n->attr.optimize->n; p++) {
      note_version(&k, n->attr.optimize->stores[p], n->attr.optimize->versions[p]);
      k.optimized[n->attr.optimize->stores[p]] = true;
    }
  }
  return k;
}

static void note_store(void *user, uint32_t buffer, bool written) {
  Facts *k = user;
  const Buffer *b = &k->f->buffers.data[buffer];
  if (!written && b->kind == BUF_STORE) k->last[b->id] = k->step;
}

static void note_step(Facts *k, const Step *s) {
  plan_accesses(k->f, s, note_store, k);
  if (s->can_fault) k->faulting = k->step + 1;
  for (uint32_t i = 0; s->kind == STEP_KERNEL && i < s->kernel->n_stores; i++) {
    const Put *to = &s->kernel->stores[i];
    if (to->node != NO_NODE && to->buffer == k->f->buffer_of[to->node] && k->maker[to->node] == SIZE_MAX)
      k->maker[to->node] = k->step;
  }
}

static void find_steps(Facts *k) {
  const FnPlan *f = k->f;
  if (k->step == 0) {
    memset(k->last, 0xff, f->program->n_stores * sizeof *k->last);
    memset(k->maker, 0xff, f->fn->g->len * sizeof *k->maker);
    k->faulting = 0;
  }
  for (; k->step < f->steps.len; k->step++) note_step(k, &f->steps.data[k->step]);
}

static Put *store_of(Facts *k, NodeId v, size_t *step) {
  find_steps(k);
  *step = k->maker[v];
  if (*step == SIZE_MAX) return NULL;
  Kernel *kernel = k->f->steps.data[*step].kernel;
  uint32_t i = 0;
  while (kernel->stores[i].node != v || kernel->stores[i].buffer != k->f->buffer_of[v]) i++;
  return &kernel->stores[i];
}

// The kernel may compute the value into this memory: it and what comes after it in the kernel read no other
// place of it.
static bool keeps_place(const FnPlan *f, size_t step, const Put *to, const Buffer *memory) {
  const Kernel *k = f->steps.data[step].kernel;
  for (uint32_t i = 0; i < k->n_stores; i++)
    if (k->stores[i].buffer == to->buffer && k->stores[i].add) return false;
  return kernel_owns_place(f, k, to, memory);
}

static bool may_write_directly(const Facts *k, size_t step, const Put *to, uint32_t store) {
  if (k->last[store] != SIZE_MAX && k->last[store] > step) return false;
  if (k->optimized[store] || k->faulting > step) return false;
  return keeps_place(k->f, step, to, &(Buffer){.kind = BUF_STORE, .id = store});
}

static uint32_t new_buffer(FnPlan *f, Buffer b) {
  vec_push(f->a, &f->buffers, b);
  return (uint32_t)f->buffers.len - 1;
}

// A copy at the end, as most are, leaves what was found valid.
static void copy_at(FnPlan *f, Facts *k, size_t at, NodeId value, uint32_t store) {
  if (at < k->step) k->step = 0;
  Buffer b = f->buffers.data[f->buffer_of[value]];
  b.kind = BUF_STORE;
  b.id = store;
  b.node = NO_NODE;
  plan_insert(f, at, (Step){.kind = STEP_COPY, .dst = new_buffer(f, b), .src = f->buffer_of[value]});
}

static void place_write(FnPlan *f, Facts *k, const Node *w) {
  NodeId v = lower_resolve(f->fn->g, w->in[0]);
  uint32_t store = w->attr.store.id;
  size_t step = 0, call = k->optimized[store] ? optimizer_of(f, store, w->attr.store.version + 1) : SIZE_MAX;
  if (call != SIZE_MAX) {
    copy_at(f, k, call, v, store);
    return;
  }
  if (w->attr.store.version + 1 < k->version[store]) return;
  const Put *to = store_of(k, v, &step);
  Buffer *b = &f->buffers.data[f->buffer_of[v]];
  if (to && b->kind == BUF_SCRATCH && may_write_directly(k, step, to, store)) {
    b->kind = BUF_STORE;
    b->id = store;
  } else {
    copy_at(f, k, f->steps.len, v, store);
  }
}

// A second result of one value is copied from the first one.
static void second_result(FnPlan *f, const bool *has_buffer, NodeId v, uint32_t id) {
  size_t step = f->steps.len;
  Touch t = {.f = f, .memory = &f->buffers.data[f->buffer_of[v]], .written = true};
  while (step > 0 && !touches(&t, step - 1)) step--;
  Buffer b = f->buffers.data[f->buffer_of[v]];
  b.kind = BUF_OUTPUT;
  b.id = id;
  if (f->loop) b.dense = f->loop->outer->buffers.data[loop_outside(f->loop, &b)].dense;
  plan_insert(f, step, plan_copy(f, has_buffer, v, new_buffer(f, b)));
}

// The next value of a carry. (After a fault nobody reads it.)
static void place_carry(FnPlan *f, Facts *known, const bool *has_buffer, uint32_t k) {
  NodeId v = lower_resolve(f->fn->g, f->fn->g->roots[k]);
  if (f->buffer_of[v] == NO_BUFFER) return; // it stays as it is
  size_t step = 0, last = f->steps.len;
  Buffer *b = &f->buffers.data[f->buffer_of[v]], carry = *b;
  carry.kind = BUF_CARRY;
  carry.id = k;
  carry.dense = f->loop->outer->buffers.data[f->loop->operands[k]].dense;
  const Put *to = store_of(known, v, &step);
  Touch t = {.f = f, .memory = &carry};
  while (last > 0 && !touches(&t, last - 1)) last--;
  if (to && b->kind == BUF_SCRATCH && last <= step + 1 && keeps_place(f, step, to, &carry))
    *b = carry;
  else
    plan_insert(f, f->steps.len, plan_copy(f, has_buffer, v, new_buffer(f, carry)));
}

void place_writes(FnPlan *f, const bool *has_buffer) {
  const Graph *g = f->fn->g;
  uint32_t out = 0;
  for (uint32_t i = 0; i < g->n_roots; i++) {
    if (f->fn->roots[i].kind == ROOT_EFFECT) continue;
    NodeId v = lower_resolve(g, g->roots[i]);
    const Buffer *b = &f->buffers.data[f->buffer_of[v]];
    if (b->id != out) second_result(f, has_buffer, v, out);
    out++;
  }
  Facts known = facts_of(f); // after the results, whose copies stand between the steps
  for (uint32_t i = 0; i < g->n_roots; i++)
    if (node(f, g->roots[i])->op == OP_WRITE) place_write(f, &known, node(f, g->roots[i]));
  for (uint32_t k = 0; f->loop && k < loop_attr(f->loop)->n_carries; k++)
    place_carry(f, &known, has_buffer, k);
}

static void note_read(void *user, uint32_t buffer, bool written) {
  bool *used = user;
  if (!written) used[buffer] = true;
}

static void drop_unread(Kernel *k, const bool *used, Arena *a) {
  uint32_t kept = 0;
  for (uint32_t s = 0; s < k->n_stores; s++)
    if (k->stores[s].buffer == NO_BUFFER || used[k->stores[s].buffer]) k->stores[kept++] = k->stores[s];
  if (kept == k->n_stores) return;
  k->n_stores = kept;
  kernel_find_loads(k, a);
}

void drop_stores(FnPlan *f) {
  bool *used = ARENA_ARRAY(f->a, f->buffers.len, bool);
  size_t kept = 0;
  for (size_t i = 0; i < f->buffers.len; i++) {
    const Buffer *b = &f->buffers.data[i]; // an assertion is there for its faults
    used[i] = b->kind != BUF_SCRATCH || (b->node != NO_NODE && node(f, b->node)->op == OP_ASSERT);
  }
  for (size_t i = 0; i < f->steps.len; i++) plan_accesses(f, &f->steps.data[i], note_read, used);
  for (size_t i = 0; i < f->steps.len; i++) {
    const Step s = f->steps.data[i];
    if (s.kind == STEP_KERNEL) drop_unread(s.kernel, used, f->a);
    if (s.kind != STEP_KERNEL || s.kernel->n_stores > 0) f->steps.data[kept++] = s;
  }
  f->steps.len = kept;
}
