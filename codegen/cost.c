// Nodes are counted by their shapes, kernels by their expressions: one that depends on the variables i and j
// is evaluated once for each i and j, whatever other loops stand around it.
#include "codegen/cost.h"

#include "codegen/order.h"
#include "codegen/schedule.h"
#include "ir/base/checked.h"

#include <string.h>

void cost_add(Cost *sum, const Cost *x) {
  sum->macs = saturated_add(sum->macs, x->macs);
  sum->flops = saturated_add(sum->flops, x->flops);
  sum->bytes_read = saturated_add(sum->bytes_read, x->bytes_read);
  sum->bytes_written = saturated_add(sum->bytes_written, x->bytes_written);
  sum->kernels = saturated_add(sum->kernels, x->kernels);
  sum->launches = saturated_add(sum->launches, x->launches);
  sum->copies = saturated_add(sum->copies, x->copies);
}

static int64_t flops_of(Op op) { return op == OP_CAST ? 0 : op == OP_FMA ? 2 : 1; }

// ---- nodes

static int64_t elements(const Graph *g, NodeId v, int64_t n) {
  return shape_elements(graph_node(g, v)->shape, n);
}

static int64_t node_macs(const Graph *g, NodeId v, int64_t n) {
  const Node *x = graph_node(g, v);
  int64_t depth = 1;
  if (x->op == OP_DOT) {
    const Shape *s = graph_node(g, x->in[0])->shape;
    for (uint32_t i = 0; i < x->attr.dot.nc; i++)
      depth = saturated_mul(depth, dim_at(s->d[x->attr.dot.lc[i]], n));
  } else { // CONV: the kernel without its output channels
    const Shape *w = graph_node(g, x->in[1])->shape;
    for (uint32_t i = 1; i < w->rank; i++) depth = saturated_mul(depth, dim_at(w->d[i], n));
  }
  return saturated_mul(elements(g, v, n), depth);
}

static int64_t window_size(const Node *x) {
  int64_t size = 1;
  for (uint32_t i = 0; i < x->shape->rank; i++) size = saturated_mul(size, x->attr.window->window[i]);
  return size;
}

// Of all iterations.
static Cost scan_cost(const ScanAttr *s, int64_t n) {
  Cost c = {0};
  for (NodeId v = 0; v < s->body->len; v++) {
    Cost x = node_cost(s->body, v, n);
    cost_add(&c, &x);
  }
  c.macs = saturated_mul(c.macs, dim_at(s->length, n));
  c.flops = saturated_mul(c.flops, dim_at(s->length, n));
  return c;
}

Cost node_cost(const Graph *g, NodeId v, int64_t n) {
  const Node *x = graph_node(g, v);
  Cost c = {0};
  if (x->op == OP_SCAN) return scan_cost(x->attr.scan, n);
  if (op_kind(x->op) == KIND_DOT) c.macs = node_macs(g, v, n), c.flops = saturated_mul(2, c.macs);
  if (x->n_in == 0 || !dtype_is_real(graph_node(g, x->in[x->n_in - 1])->dtype)) return c;
  if (op_is_scalar(x->op)) c.flops = saturated_mul(flops_of(x->op), elements(g, v, n));
  if (op_kind(x->op) == KIND_REDUCE || x->op == OP_ARGMAX || x->op == OP_ARGMIN)
    c.flops = elements(g, x->in[0], n);
  if (x->op == OP_BOX || x->op == OP_ARGWINDOW) c.flops = saturated_mul(window_size(x), elements(g, v, n));
  if (x->op == OP_DEBOX) c.flops = saturated_mul(window_size(x), elements(g, x->in[0], n));
  if (x->op == OP_SCATTER_ADD) c.flops = elements(g, x->in[2], n);
  return c;
}

int64_t graph_macs(const Graph *g, int64_t n) {
  int64_t macs = 0;
  for (NodeId v = 0; v < g->len; v++) macs = saturated_add(macs, node_cost(g, v, n).macs);
  return macs;
}

// ---- kernels

enum { DEVICE_SPANS = 56 }; // NN_CUDA_SPANS of runtime/cuda/nn_cuda_optim.h

typedef struct Walk {
  const FnPlan *f;
  Arena *a; // for one step at a time
  int64_t n, repeat;
  const Step *loop; // of the function, that the step belongs to; NULL: none
  int64_t *loaded;  // elements of each buffer that the step has read so far
  CostShare *share;
  void *user;
} Walk;

static void walk(Walk *w, const Sched *s);

// How many values the variables of `free` take together.
static int64_t points(const Walk *w, const Kernel *k, uint64_t free) {
  int64_t r = 1;
  for (VarId v = 0; v < index_vars(k->pool->index); v++) {
    Poly extent = index_extent(k->pool->index, v);
    if (free >> v & 1) r = saturated_mul(r, poly_at(&extent, w->n));
  }
  return r;
}

static int64_t bytes_of(const Buffer *b, int64_t count) {
  return saturated_mul(count, (int64_t)dtype_bytes(b->dtype));
}

// Of an array that is read in several places only what was not counted yet, and never more than it has.
static int64_t load_bytes(Walk *w, const Kernel *k, const Expr *e) {
  const Buffer *b = &w->f->buffers.data[e->number];
  int64_t all = shape_elements(&b->shape, w->n), more = points(w, k, e->free);
  for (uint32_t i = 0; i < k->n_stores; i++)
    if (k->stores[i].buffer == e->number && !k->stores[i].add) return 0; // made in the same iteration
  if (more > all - w->loaded[e->number]) more = all - w->loaded[e->number];
  w->loaded[e->number] += more;
  return bytes_of(b, more);
}

static bool on_reals(const Pool *p, const Expr *e) {
  return dtype_is_real(e->dtype) || (e->n_in > 0 && dtype_is_real(pool_expr(p, e->in[e->n_in - 1])->dtype));
}

static Cost expr_cost(Walk *w, const Kernel *k, const Expr *e) {
  Cost c = {0};
  if (e->kind == X_LOAD) c.bytes_read = load_bytes(w, k, e);
  if (e->kind == X_OP && on_reals(k->pool, e))
    c.flops = saturated_mul(flops_of((Op)e->op), points(w, k, e->free));
  if (e->kind == X_REDUCE && on_reals(k->pool, e)) {
    uint64_t all = pool_expr(k->pool, e->in[0])->free | e->free;
    for (uint32_t i = 0; i < e->n_vars; i++) all |= (uint64_t)1 << e->vars[i];
    c.flops = points(w, k, all);
  }
  return c;
}

static uint64_t lead_bits(const Kernel *k) {
  uint64_t r = 0;
  for (uint32_t i = 0; i < k->n_lead; i++) r |= (uint64_t)1 << k->lead[i];
  return r;
}

// The contraction itself, and what its operands read.
static Cost dot_cost(Walk *w, const Kernel *k, bool *seen) {
  Cost c = {0};
  uint64_t all = lead_bits(k) & ~((uint64_t)1 << k->dot.group); // columns, not groups of them
  all |= (uint64_t)1 << k->dot.m | (uint64_t)1 << k->dot.n | (uint64_t)1 << k->dot.k;
  c.macs = points(w, k, all);
  c.flops = saturated_mul(2, c.macs);
  pool_mark(k->pool, k->dot.lhs, seen);
  pool_mark(k->pool, k->dot.rhs, seen);
  for (ExprId e = 0; e < k->pool->exprs.len; e++) {
    const Expr *x = pool_expr(k->pool, e);
    if (!seen[e] || (x->kind == X_OP && x->op == OP_SELECT))
      continue; // the zeros of margins are chosen for free
    Cost its = expr_cost(w, k, x);
    cost_add(&c, &its);
  }
  return c;
}

// One store, and what it computes that no store before it has.
static Cost put_cost(Walk *w, const Kernel *k, const Put *s, bool *seen) {
  Cost c = {0};
  uint64_t loops = lead_bits(k);
  for (uint32_t i = 0; i < s->n_inner; i++) loops |= (uint64_t)1 << s->inner[i];
  bool *before = arena_copy(w->a, seen, k->pool->exprs.len * sizeof *seen);
  pool_mark(k->pool, s->value, seen);
  for (uint32_t i = 0; i < s->rank; i++) pool_mark_index(k->pool, s->at[i], seen);
  for (ExprId e = 0; e < k->pool->exprs.len; e++) {
    if (!seen[e] || before[e]) continue;
    Cost x = expr_cost(w, k, pool_expr(k->pool, e));
    cost_add(&c, &x);
  }
  if (s->buffer == NO_BUFFER) return c;
  const Buffer *b = &w->f->buffers.data[s->buffer];
  int64_t count = points(w, k, loops), all = shape_elements(&b->shape, w->n);
  if (s->add && dtype_is_real(b->dtype)) c.flops = saturated_add(c.flops, count);
  c.bytes_written = bytes_of(b, count < all ? count : all);
  if (s->add) c.bytes_read = saturated_add(c.bytes_read, c.bytes_written);
  return c;
}

static void give(Walk *w, const Step *s, const char *path, Cost c) {
  c.macs = saturated_mul(c.macs, w->repeat);
  c.flops = saturated_mul(c.flops, w->repeat);
  c.bytes_read = saturated_mul(c.bytes_read, w->repeat);
  c.bytes_written = saturated_mul(c.bytes_written, w->repeat);
  c.launches = saturated_mul(c.launches, w->repeat);
  c.copies = saturated_mul(c.copies, w->repeat);
  w->share(w->user, w->loop ? w->loop : s, path ? path : "", &c);
}

static const char *path_of(const Walk *w, NodeId v) { return graph_node(w->f->fn->g, v)->path; }

static void kernel_cost(Walk *w, const Step *s) {
  const Kernel *k = s->kernel;
  bool *seen = ARENA_ARRAY(w->a, k->pool->exprs.len, bool);
  memset(w->loaded, 0, w->f->buffers.len * sizeof *w->loaded);
  Cost first = {0};
  if (k->is_dot) first = dot_cost(w, k, seen);
  first.kernels = first.launches = 1;
  give(w, s, path_of(w, k->node), first);
  for (uint32_t i = 0; i < k->n_stores; i++)
    give(w, s, path_of(w, k->stores[i].node), put_cost(w, k, &k->stores[i], seen));
}

static void copy_cost(Walk *w, const Step *s) {
  const Buffer *b = &w->f->buffers.data[s->dst];
  int64_t bytes = bytes_of(b, shape_elements(&b->shape, w->n));
  NodeId v = b->node != NO_NODE ? b->node : w->f->buffers.data[s->src].node;
  give(w, s, v != NO_NODE ? path_of(w, v) : "",
       (Cost){.bytes_read = bytes, .bytes_written = bytes, .copies = 1});
}

// One for each DEVICE_SPANS parameters, and as many before them where something is counted or clipped.
static int64_t optimize_launches(const FnPlan *f, const Step *s) {
  const OptimizeAttr *o = graph_node(f->fn->g, s->node)->attr.optimize;
  bool begins = optimizer_clips(f, s->node);
  for (uint32_t i = 0; i < s->n_parts; i++) begins |= o->counts[s->parts[i]] != UINT32_MAX;
  return (1 + begins) * ((s->n_parts + DEVICE_SPANS - 1) / DEVICE_SPANS);
}

// Parameter and slots are read and written, the gradient is read.
static void optimize_cost(Walk *w, const Step *s) {
  const OptimizeAttr *o = graph_node(w->f->fn->g, s->node)->attr.optimize;
  uint32_t slots = optimizer_info(o->kind)->slots;
  give(w, s, path_of(w, s->node), (Cost){.launches = optimize_launches(w->f, s)});
  for (uint32_t part = 0; part < s->n_parts; part++) {
    uint32_t i = s->parts[part];
    const Store *p = &w->f->program->stores[o->stores[i]];
    int64_t bytes = saturated_mul(shape_elements(&p->shape, 1), (int64_t)dtype_bytes(p->dtype)), arrays = 1;
    for (uint32_t k = 0; k < slots; k++) arrays += o->slots[i * slots + k] != UINT32_MAX;
    Cost c = {.bytes_read = saturated_mul(arrays + 1, bytes), .bytes_written = saturated_mul(arrays, bytes)};
    give(w, s, store_path(p, w->a), c);
  }
}

static void loop_cost(const Walk *w, const Step *s) {
  int64_t length = dim_at(loop_attr(s->loop)->length, w->n);
  if (length <= 0) return; // a range that ends before it begins
  Arena *a = arena_new();
  Walk body = *w;
  body.f = s->loop->body;
  body.repeat = saturated_mul(w->repeat, length);
  body.loop = w->loop ? w->loop : s;
  body.loaded = ARENA_ARRAY(a, body.f->buffers.len, int64_t);
  walk(&body, s->loop->sched);
  arena_free(a);
}

static void step_cost(Walk *w, const Step *s) {
  w->a = arena_new();
  if (s->kind == STEP_KERNEL) kernel_cost(w, s);
  if (s->kind == STEP_COPY) copy_cost(w, s);
  if (s->kind == STEP_OPTIMIZE) optimize_cost(w, s);
  if (s->kind == STEP_LOOP) loop_cost(w, s);
  arena_free(w->a);
}

static void walk(Walk *w, const Sched *s) {
  if (s->kind == SCHED_STEP) step_cost(w, s->step);
  for (uint32_t i = 0; i < s->n; i++) walk(w, s->children[i]);
}

void function_cost(const FnPlan *f, const Sched *s, int64_t n, CostShare *share, void *user) {
  Arena *a = arena_new();
  Walk w = {.f = f, .n = n, .repeat = 1, .share = share, .user = user};
  w.loaded = ARENA_ARRAY(a, f->buffers.len, int64_t);
  walk(&w, s);
  arena_free(a);
}

const char *store_path(const Store *s, Arena *a) {
  size_t end = strcspn(s->name, ":");
  while (end > 0 && s->name[end - 1] != '.') end--;
  return end > 0 ? arena_strndup(a, s->name, end - 1) : "";
}
