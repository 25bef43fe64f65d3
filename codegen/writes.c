// Stores are written last. A kernel writes into a store directly when that cannot be told from a copy at the
// end: no later step reads the old value, its own iterations read no other place of it, and nothing after it
// can fault.
#include "codegen/fuse.h"
#include "codegen/loop.h"
#include "codegen/lower.h"

#include <string.h>

static const Node *node(const FnPlan *f, NodeId v) { return graph_node(f->fn->g, v); }

static bool optimizes(const OptimizeAttr *o, uint32_t store) {
  for (uint32_t i = 0; i < o->n; i++)
    if (o->stores[i] == store) return true;
  return false;
}

// The version of `store` that the function leaves.
static uint32_t last_version(const FnPlan *f, uint32_t store) {
  uint32_t last = 0;
  for (uint32_t i = 0; i < f->fn->g->n_roots; i++) {
    const Node *n = node(f, f->fn->g->roots[i]);
    if (n->op == OP_WRITE && n->attr.store.id == store && n->attr.store.version + 1 > last)
      last = n->attr.store.version + 1;
    for (uint32_t p = 0; n->op == OP_OPTIMIZE && p < n->attr.optimize->n; p++)
      if (n->attr.optimize->stores[p] == store && n->attr.optimize->versions[p] + 1 > last)
        last = n->attr.optimize->versions[p] + 1;
  }
  return last;
}

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

static Put *store_of(const FnPlan *f, NodeId v, size_t *step) {
  for (size_t i = 0; i < f->steps.len; i++) {
    if (f->steps.data[i].kind != STEP_KERNEL) continue;
    Kernel *k = f->steps.data[i].kernel;
    for (uint32_t s = 0; s < k->n_stores; s++)
      if (k->stores[s].node == v && k->stores[s].buffer == f->buffer_of[v]) {
        *step = i;
        return &k->stores[s];
      }
  }
  return NULL;
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
  plan_accesses(t->f, &t->f->steps.data[step], t->f->a, note_touch, t);
  return t->found;
}

// The last step that reads each store from its own memory; SIZE_MAX: none.
typedef struct Readers {
  const FnPlan *f;
  size_t *last, step; // of the steps before `step`
} Readers;

static void note_store(void *user, uint32_t buffer, bool written) {
  Readers *r = user;
  const Buffer *b = &r->f->buffers.data[buffer];
  if (!written && b->kind == BUF_STORE) r->last[b->id] = r->step;
}

static void find_readers(Readers *r) {
  const FnPlan *f = r->f;
  if (!r->last) r->last = ARENA_ARRAY(f->a, f->program->n_stores, size_t);
  if (r->step == 0) memset(r->last, 0xff, f->program->n_stores * sizeof *r->last);
  for (; r->step < f->steps.len; r->step++)
    plan_accesses(f, &f->steps.data[r->step], f->a, note_store, r);
}

// The kernel may compute the value into this memory: it and what comes after it in the kernel read no other
// place of it.
static bool keeps_place(const FnPlan *f, size_t step, const Put *to, const Buffer *memory) {
  const Kernel *k = f->steps.data[step].kernel;
  for (uint32_t i = 0; i < k->n_stores; i++)
    if (k->stores[i].buffer == to->buffer && k->stores[i].add) return false;
  return kernel_owns_place(f, k, to, memory);
}

static bool may_write_directly(Readers *r, size_t step, const Put *to, uint32_t store) {
  const FnPlan *f = r->f;
  find_readers(r);
  if (r->last[store] != SIZE_MAX && r->last[store] > step) return false;
  for (size_t i = 0; i < f->steps.len; i++) {
    const Step *s = &f->steps.data[i];
    if (s->kind == STEP_OPTIMIZE && optimizes(node(f, s->node)->attr.optimize, store)) return false;
    if (i >= step && s->can_fault) return false;
  }
  return keeps_place(f, step, to, &(Buffer){.kind = BUF_STORE, .id = store});
}

static uint32_t new_buffer(FnPlan *f, Buffer b) {
  vec_push(f->a, &f->buffers, b);
  return (uint32_t)f->buffers.len - 1;
}

// A copy at the end, as most are, leaves the readers that were found valid.
static void copy_at(FnPlan *f, Readers *r, size_t at, NodeId value, uint32_t store) {
  if (at < r->step) r->step = 0;
  Buffer b = f->buffers.data[f->buffer_of[value]];
  b.kind = BUF_STORE;
  b.id = store;
  b.node = NO_NODE;
  plan_insert(f, at, (Step){.kind = STEP_COPY, .dst = new_buffer(f, b), .src = f->buffer_of[value]});
}

static void place_write(FnPlan *f, Readers *r, const Node *w) {
  NodeId v = lower_resolve(f->fn->g, w->in[0]);
  uint32_t store = w->attr.store.id;
  size_t step = 0, call = optimizer_of(f, store, w->attr.store.version + 1);
  if (call != SIZE_MAX) {
    copy_at(f, r, call, v, store);
    return;
  }
  if (w->attr.store.version + 1 < last_version(f, store)) return;
  const Put *to = store_of(f, v, &step);
  Buffer *b = &f->buffers.data[f->buffer_of[v]];
  if (to && b->kind == BUF_SCRATCH && may_write_directly(r, step, to, store)) {
    b->kind = BUF_STORE;
    b->id = store;
  } else {
    copy_at(f, r, f->steps.len, v, store);
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
static void place_carry(FnPlan *f, const bool *has_buffer, uint32_t k) {
  NodeId v = lower_resolve(f->fn->g, f->fn->g->roots[k]);
  if (f->buffer_of[v] == NO_BUFFER) return; // it stays as it is
  size_t step = 0, last = f->steps.len;
  Buffer *b = &f->buffers.data[f->buffer_of[v]], carry = *b;
  carry.kind = BUF_CARRY;
  carry.id = k;
  carry.dense = f->loop->outer->buffers.data[f->loop->operands[k]].dense;
  const Put *to = store_of(f, v, &step);
  Touch t = {.f = f, .memory = &carry};
  while (last > 0 && !touches(&t, last - 1)) last--;
  if (to && b->kind == BUF_SCRATCH && last <= step + 1 && keeps_place(f, step, to, &carry))
    *b = carry;
  else
    plan_insert(f, f->steps.len, plan_copy(f, has_buffer, v, new_buffer(f, carry)));
}

void place_writes(FnPlan *f, const bool *has_buffer) {
  const Graph *g = f->fn->g;
  Readers r = {.f = f};
  uint32_t out = 0;
  for (uint32_t i = 0; i < g->n_roots; i++) {
    if (f->fn->roots[i].kind == ROOT_EFFECT) continue;
    NodeId v = lower_resolve(g, g->roots[i]);
    const Buffer *b = &f->buffers.data[f->buffer_of[v]];
    if (b->id != out) second_result(f, has_buffer, v, out);
    out++;
  }
  for (uint32_t i = 0; i < g->n_roots; i++)
    if (node(f, g->roots[i])->op == OP_WRITE) place_write(f, &r, node(f, g->roots[i]));
  for (uint32_t k = 0; f->loop && k < loop_attr(f->loop)->n_carries; k++) place_carry(f, has_buffer, k);
}

static void note_read(void *user, uint32_t buffer, bool written) {
  bool *used = user;
  if (!written) used[buffer] = true;
}

static void drop_unread(Kernel *k, const bool *used) {
  uint32_t kept = 0;
  for (uint32_t s = 0; s < k->n_stores; s++)
    if (k->stores[s].buffer == NO_BUFFER || used[k->stores[s].buffer]) k->stores[kept++] = k->stores[s];
  k->n_stores = kept;
}

void drop_stores(FnPlan *f) {
  bool *used = ARENA_ARRAY(f->a, f->buffers.len, bool);
  size_t kept = 0;
  for (size_t i = 0; i < f->buffers.len; i++) {
    const Buffer *b = &f->buffers.data[i]; // an assertion is there for its faults
    used[i] = b->kind != BUF_SCRATCH || (b->node != NO_NODE && node(f, b->node)->op == OP_ASSERT);
  }
  for (size_t i = 0; i < f->steps.len; i++) plan_accesses(f, &f->steps.data[i], f->a, note_read, used);
  for (size_t i = 0; i < f->steps.len; i++) {
    const Step s = f->steps.data[i];
    if (s.kind == STEP_KERNEL) drop_unread(s.kernel, used);
    if (s.kind != STEP_KERNEL || s.kernel->n_stores > 0) f->steps.data[kept++] = s;
  }
  f->steps.len = kept;
}
