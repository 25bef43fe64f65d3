// Nodes with buffers are taken in order of their ids. Each joins the latest kernel that may take it, if that
// saves a pass over memory; otherwise it opens a new one at the end. Optimizer calls wait until something
// reads what they wrote, so that reads of older versions come first; a read that would come too late is
// turned into a copy made early, and everything is done again.
#include "codegen/fuse.h"
#include "codegen/faults.h"
#include "codegen/loop.h"
#include "codegen/lower.h"
#include "codegen/order.h"
#include "codegen/overwrite.h"

#include <assert.h>

enum { MAX_STORES = 24, SMALL_WORK = 8192, FEW_ROWS = 8, LOOK_BACK = 12, LOOK_AHEAD = 64 };

typedef struct Group { // a step in the making
  StepKind kind;
  NodeId node; // OPTIMIZE, LOOP
  VEC(NodeId) nodes;
  uint32_t n_lead;
  Shape shape;              // of the first node: its first n_lead sizes are the parallel axes
  const WindowAttr *window; // CONV: of the windows in its epilogue, NULL: none;
  Shape windows;            // then the shape of what is computed once a window
  uint64_t work;
  bool closed; // takes no other node
  bool is_dot;
  VEC(NodeId) loads; // what it reads, leaves and nodes with buffers
} Group;

typedef struct Fuse {
  FnPlan *f;
  const Graph *g;
  Arena *a;
  Selection s;
  bool *copied;
  bool again; // a read was found that must be copied
  VEC(Group) groups;
  VEC(uint32_t) updates; // those of `groups` that are optimizer calls
  uint32_t *group_of;    // of nodes with buffers and of OPTIMIZE; UINT32_MAX: none yet
  Group *reads;          // of nodes with buffers: what their values are loaded from
  uint32_t *stamp, now;  // visited marks of the dependency walk
} Fuse;

#define NOWHERE UINT32_MAX

static const Node *node(const Fuse *u, NodeId v) { return graph_node(u->g, v); }

// ---- buffers

static uint32_t add_buffer(Fuse *u, BufferKind kind, uint32_t id, NodeId v) {
  const Node *n = node(u, v);
  Buffer b = {.id = id, .dtype = n->dtype, .shape = *n->shape, .node = v};
  b.bytes = plan_bytes(u->f, n->shape, n->dtype);
  uint32_t buffer = plan_scratch(u->f, b);
  u->f->buffers.data[buffer].kind = kind;
  return buffer;
}

// Memory of the caller, or of the plan around a loop.
static void from_outside(Fuse *u, uint32_t buffer) {
  const Loop *l = u->f->loop;
  Buffer *b = &u->f->buffers.data[buffer];
  b->dense = !l || l->outer->buffers.data[loop_outside(l, b)].dense;
}

static uint32_t output_number(const Function *f, uint32_t root) {
  uint32_t id = 0;
  for (uint32_t i = 0; i < root; i++) id += f->roots[i].kind != ROOT_EFFECT;
  return id;
}

static void leaf_buffer(Fuse *u, NodeId v) {
  const Node *n = node(u, v);
  if (n->op == OP_INPUT && n->attr.input.role == IN_ARG) {
    bool carry = u->f->loop && n->attr.input.index < loop_attr(u->f->loop)->n_carries;
    u->f->leaf_of[v] = add_buffer(u, carry ? BUF_CARRY : BUF_INPUT, n->attr.input.index, v);
    from_outside(u, u->f->leaf_of[v]);
  } else if (n->op == OP_CONST && n->attr.konst.count != 1)
    u->f->leaf_of[v] = add_buffer(u, BUF_CONST, v, v);
  else if (n->op == OP_READ)
    u->f->leaf_of[v] = add_buffer(u, BUF_STORE, n->attr.store.id, v);
}

// ---- dependencies

// The nodes whose memory v's value is read from: leaves and nodes with buffers.
static void collect(Fuse *u, NodeId v, bool self, Group *to) {
  v = lower_resolve(u->g, v);
  if (u->stamp[v] == u->now) return;
  u->stamp[v] = u->now;
  const Node *n = node(u, v);
  bool leaf = n->op == OP_READ || n->op == OP_INPUT || n->op == OP_CONST;
  if (!self && (leaf || u->s.has_buffer[v])) {
    if (n->op != OP_CONST) vec_push(u->a, &to->loads, v);
    return;
  }
  if (leaf) { // a copy: it reads the leaf's own memory
    vec_push(u->a, &to->loads, v);
    return;
  }
  for (uint32_t i = 0; i < n->n_in; i++) collect(u, n->in[i], false, to);
}

static Group dependencies(Fuse *u, NodeId v) {
  Group d = {0};
  u->now++;
  collect(u, v, true, &d);
  return d;
}

// v reads x's own memory, not a copy of it.
static bool plain_read(const Fuse *u, NodeId v, NodeId x) {
  return node(u, x)->op == OP_READ && (x == v || !u->s.has_buffer[x]);
}

// The first position at which v may read x.
static uint32_t available(const Fuse *u, NodeId v, NodeId x) {
  if (plain_read(u, v, x)) return node(u, x)->n_in > 0 ? u->group_of[node(u, x)->in[0]] + 1 : 0;
  return x != v && u->group_of[x] != NOWHERE ? u->group_of[x] : 0;
}

// An optimizer call placed before `position` has overwritten the version that v reads.
static bool stale(const Fuse *u, NodeId v, NodeId x, uint32_t position) {
  const Node *n = node(u, x);
  if (!plain_read(u, v, x)) return false;
  for (uint32_t i = 0; i < u->updates.len && u->updates.data[i] < position; i++) {
    const OptimizeAttr *o = node(u, u->groups.data[u->updates.data[i]].node)->attr.optimize;
    for (uint32_t p = 0; p < o->n; p++)
      if (o->stores[p] == n->attr.store.id && o->versions[p] >= n->attr.store.version) return true;
  }
  return false;
}

// ---- grouping

static uint32_t shared_prefix(const Group *k, const Shape *s) {
  uint32_t n = 0;
  while (n < k->n_lead && n < s->rank && dim_eq(k->shape.d[n], s->d[n])) n++;
  return n;
}

static bool has(const NodeId *list, size_t n, NodeId v) {
  for (size_t i = 0; i < n; i++)
    if (list[i] == v) return true;
  return false;
}

// Reads what the kernel computes, or an array that it reads too.
static bool related(const Fuse *u, const Group *k, const Group *d, bool *reads) {
  bool shares = false;
  *reads = false;
  for (size_t i = 0; i < d->loads.len; i++) {
    NodeId x = d->loads.data[i];
    *reads = *reads || has(k->nodes.data, k->nodes.len, x);
    shares = shares || (node(u, x)->shape->rank > 0 && has(k->loads.data, k->loads.len, x));
  }
  return shares || *reads;
}

static Kernel *build(Fuse *u, const Group *k, NodeId extra, uint32_t n_lead, Arena *a) {
  NodeId *nodes = ARENA_ARRAY(a, k->nodes.len + 1, NodeId);
  uint32_t n = 0;
  for (size_t i = 0; i < k->nodes.len; i++) nodes[n++] = k->nodes.data[i];
  if (extra != NO_NODE) nodes[n++] = extra;
  return lower_kernel(u->f, u->s.has_buffer, nodes, n, n_lead, a);
}

static bool buildable(Fuse *u, const Group *k, NodeId extra, uint32_t n_lead) {
  Arena *scratch = arena_new();
  Kernel *made = build(u, k, extra, n_lead, scratch);
  bool ok = made && index_vars(made->pool->index) <= MAX_VARS - 2 * MAX_RANK;
  arena_free(scratch);
  return ok;
}

// Some later node reads both v and what the kernel computes: in one kernel it will join them there.
static bool partners(const Fuse *u, const Group *k, NodeId v) {
  for (NodeId w = v + 1; w < u->g->len && w < v + LOOK_AHEAD; w++) {
    const Group *d = &u->reads[w];
    if (!u->s.live[w] || !u->s.has_buffer[w] || !has(d->loads.data, d->loads.len, v)) continue;
    for (size_t i = 0; i < k->nodes.len; i++)
      if (has(d->loads.data, d->loads.len, k->nodes.data[i])) return true;
  }
  return false;
}

// v are windows of what k, a convolution, computes, and fit into its epilogue.
static bool takes_windows(const Fuse *u, const Group *k, NodeId v) {
  const Node *n = node(u, v);
  if (!op_is_window(n->op) || node(u, k->nodes.data[0])->op != OP_CONV) return false;
  if (k->window && memcmp(k->window, n->attr.window, sizeof *k->window) != 0) return false;
  return shape_eq(node(u, n->in[0])->shape, &k->shape) && lower_window_taps(&k->shape, n->attr.window) > 0;
}

// How many axes stay parallel when v joins k; NOWHERE: it may not, or gains nothing. Rows are never given up
// for a node that is computed as a whole; a small node may join a kernel that has no rows (`serial`).
static uint32_t joined_lead(Fuse *u, const Group *k, NodeId v, const Group *d, bool serial) {
  const Shape *s = node(u, v)->shape;
  bool reads, close = related(u, k, d, &reads);
  uint32_t lead = shared_prefix(k, s);
  bool same = lead == k->n_lead && lead == s->rank;
  if (k->closed || k->nodes.len >= MAX_STORES) return NOWHERE;
  if (same && lead > 0 && !close && (k->is_dot || !reads)) close = partners(u, k, v), reads = close;
  if (k->is_dot) {
    bool fits = op_is_window(node(u, v)->op) ? takes_windows(u, k, v)
                                             : same || (k->window && shape_eq(&k->windows, s));
    return reads && fits ? k->shape.rank : NOWHERE;
  }
  if (same) return close || lead == 0 ? lead : NOWHERE;
  if (!close) return NOWHERE;
  if (lead == 0) return serial && k->n_lead == 0 && u->s.work[v] <= SMALL_WORK ? 0 : NOWHERE;
  Shape rows = {.rank = lead};
  memcpy(rows.d, s->d, lead * sizeof *rows.d);
  bool small = k->work + u->s.work[v] <= SMALL_WORK;
  return small || shape_elements(&rows, plan_bound(u->f)) >= FEW_ROWS ? lead : NOWHERE;
}

static void join(Fuse *u, uint32_t at, NodeId v, const Group *d, uint32_t lead) {
  Group *k = &u->groups.data[at];
  if (k->is_dot && op_is_window(node(u, v)->op)) {
    k->window = node(u, v)->attr.window;
    k->windows = *node(u, v)->shape;
  }
  vec_push(u->a, &k->nodes, v);
  for (size_t i = 0; i < d->loads.len; i++) vec_push(u->a, &k->loads, d->loads.data[i]);
  k->n_lead = lead;
  k->work += u->s.work[v];
  u->group_of[v] = at;
}

static bool join_some(Fuse *u, NodeId v, const Group *d, uint32_t earliest, bool serial) {
  uint32_t n = (uint32_t)u->groups.len;
  for (uint32_t at = n; at-- > earliest && at + LOOK_BACK >= n;) {
    Group *k = &u->groups.data[at];
    if (k->kind != STEP_KERNEL) continue;
    uint32_t lead = joined_lead(u, k, v, d, serial);
    bool current = true;
    for (size_t i = 0; i < d->loads.len; i++) current = current && !stale(u, v, d->loads.data[i], at);
    if (lead == NOWHERE || !current || !buildable(u, k, v, lead)) continue;
    join(u, at, v, d, lead);
    return true;
  }
  return false;
}

static bool is_scattering(const Fuse *u, const Node *n) {
  return n->op == OP_SCATTER_ADD && !lower_scatter_is_select(u->g, n);
}

static void open_kernel(Fuse *u, NodeId v, const Group *d) {
  const Node *n = node(u, v);
  Group k = {.kind = STEP_KERNEL, .shape = *n->shape, .n_lead = n->shape->rank};
  k.is_dot = op_kind(n->op) == KIND_DOT;
  if (is_scattering(u, n)) {
    k.closed = true;
    k.n_lead = n->attr.gather.axis;
  }
  if (op_kind(n->op) == KIND_ROWS) k.closed = true; // its parallel axes are its own
  vec_push(u->a, &u->groups, k);
  join(u, (uint32_t)u->groups.len - 1, v, d, k.n_lead);
}

static void place_optimize(Fuse *u, NodeId v) {
  if (u->group_of[v] != NOWHERE) return;
  Group k = {.kind = STEP_OPTIMIZE, .node = v, .closed = true};
  vec_push(u->a, &u->updates, (uint32_t)u->groups.len);
  u->group_of[v] = (uint32_t)u->groups.len;
  vec_push(u->a, &u->groups, k);
}

static void place(Fuse *u, NodeId v) {
  const Group d = u->reads[v];
  uint32_t earliest = 0;
  for (size_t i = 0; i < d.loads.len; i++) {
    NodeId x = d.loads.data[i];
    if (plain_read(u, v, x) && node(u, x)->n_in > 0) place_optimize(u, node(u, x)->in[0]);
    if (available(u, v, x) > earliest) earliest = available(u, v, x);
  }
  bool loop = node(u, v)->op == OP_SCAN;
  OpKind kind = op_kind(node(u, v)->op);
  bool opens = loop || kind == KIND_DOT || kind == KIND_ROWS || is_scattering(u, node(u, v));
  if (!opens && (join_some(u, v, &d, earliest, false) || join_some(u, v, &d, earliest, true))) return;
  for (size_t i = 0; i < d.loads.len; i++)
    if (stale(u, v, d.loads.data[i], (uint32_t)u->groups.len)) u->copied[d.loads.data[i]] = u->again = true;
  if (!loop) {
    open_kernel(u, v, &d);
    return;
  }
  u->group_of[v] = (uint32_t)u->groups.len;
  vec_push(u->a, &u->groups, ((Group){.kind = STEP_LOOP, .node = v, .closed = true}));
}

// What steps compute: the nodes with buffers, but for a loop's results, and loops.
static bool is_placed(const Fuse *u, NodeId v) {
  if (!u->s.live[v] || node(u, v)->op == OP_PROJ) return false;
  return u->s.has_buffer[v] || node(u, v)->op == OP_SCAN;
}

// Two that ask for one result of a loop have one buffer.
static uint32_t same_result(const Fuse *u, NodeId v) {
  const Node *n = node(u, v);
  if (n->op != OP_PROJ) return NO_BUFFER;
  for (NodeId x = n->in[0] + 1; x < v; x++)
    if (node(u, x)->op == OP_PROJ && node(u, x)->in[0] == n->in[0] && node(u, x)->attr.proj == n->attr.proj)
      if (u->f->buffer_of[x] != NO_BUFFER) return u->f->buffer_of[x];
  return NO_BUFFER;
}

static void prepare(Fuse *u) {
  FnPlan *f = u->f;
  u->again = false;
  u->s = select_buffers(f->fn, u->copied, u->a);
  u->group_of = ARENA_ARRAY(u->a, u->g->len, uint32_t);
  u->stamp = ARENA_ARRAY(u->a, u->g->len, uint32_t);
  u->groups.len = u->updates.len = f->buffers.len = u->now = 0;
  for (NodeId v = 0; v < u->g->len; v++) {
    f->buffer_of[v] = f->leaf_of[v] = NO_BUFFER;
    u->group_of[v] = NOWHERE;
    if (!u->s.live[v]) continue;
    leaf_buffer(u, v);
    if (!u->s.has_buffer[v]) continue;
    f->buffer_of[v] = same_result(u, v);
    if (f->buffer_of[v] == NO_BUFFER) f->buffer_of[v] = add_buffer(u, BUF_SCRATCH, v, v);
  }
  for (uint32_t i = u->g->n_roots; i-- > 0;) { // the first of several results of one value holds it
    NodeId v = lower_resolve(u->g, u->g->roots[i]);
    if (f->fn->roots[i].kind == ROOT_EFFECT) continue;
    Buffer *b = &f->buffers.data[f->buffer_of[v]];
    b->kind = BUF_OUTPUT;
    b->id = output_number(f->fn, i);
    from_outside(u, f->buffer_of[v]);
  }
}

static void group_nodes(Fuse *u) {
  u->reads = ARENA_ARRAY(u->a, u->g->len, Group);
  for (NodeId v = 0; v < u->g->len; v++)
    if (is_placed(u, v)) u->reads[v] = dependencies(u, v);
  for (NodeId v = 0; v < u->g->len && !u->again; v++) {
    if (is_placed(u, v)) place(u, v);
    if (u->s.live[v] && node(u, v)->op == OP_PROJ) u->group_of[v] = u->group_of[node(u, v)->in[0]];
  }
  for (NodeId v = 0; v < u->g->len && !u->again; v++)
    if (u->s.live[v] && node(u, v)->op == OP_OPTIMIZE) place_optimize(u, v);
}

// ---- steps

static void all_parts(const Fuse *u, Step *s) {
  uint32_t n = node(u, s->node)->attr.optimize->n, *parts = ARENA_ARRAY(u->a, n, uint32_t);
  for (uint32_t i = 0; i < n; i++) parts[i] = i;
  s->parts = parts;
  s->n_parts = n;
}

static void add_step(Fuse *u, const Group *k) {
  FnPlan *f = u->f;
  if (k->kind == STEP_LOOP) {
    plan_loop(f, u->s.has_buffer, k->node);
    return;
  }
  Step s = {.kind = k->kind, .node = k->node};
  if (k->kind == STEP_OPTIMIZE) all_parts(u, &s);
  if (k->kind == STEP_KERNEL) {
    s.kernel = build(u, k, NO_NODE, k->n_lead, u->a);
    assert(s.kernel && "a kernel that could be built a moment ago");
    s.can_fault = kernel_can_fault(s.kernel);
  }
  vec_push(u->a, &f->steps, s);
}

FnPlan *fuse_function(const Program *p, const Function *fn, uint32_t align, Arena *a) {
  return fuse_body(p, fn, NULL, align, a);
}

FnPlan *fuse_body(const Program *p, const Function *fn, const Loop *loop, uint32_t align, Arena *a) {
  FnPlan *f = ARENA_NEW(a, FnPlan);
  Fuse u = {.f = f, .g = fn->g, .a = a};
  *f = (FnPlan){.program = p, .fn = fn, .loop = loop, .align = align, .a = a};
  f->buffer_of = ARENA_ARRAY(a, fn->g->len, uint32_t);
  f->leaf_of = ARENA_ARRAY(a, fn->g->len, uint32_t);
  u.copied = ARENA_ARRAY(a, fn->g->len, bool);
  do {
    prepare(&u);
    group_nodes(&u);
  } while (u.again); // each time another read is copied, so this ends
  for (size_t i = 0; i < u.groups.len; i++) add_step(&u, &u.groups.data[i]);
  if (!loop) check_early(f); // a body's with its function's
  place_writes(f, u.s.has_buffer);
  drop_stores(f);
  order_steps(f);
  overwrite_buffers(f);
  return f;
}
