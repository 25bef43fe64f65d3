// A node is the same in every step when all it depends on is. Where such a node meets one that is not, its
// value is kept, or what it is computed of where that is smaller; views stay in the step, they cost nothing
// there.
#include "passes/invariant.h"

#include "ir/base/checked.h"
#include "ir/base/vec.h"
#include "ir/build.h"
#include "passes/live.h"

const InvariantLimits invariant_limits = {1024, 8, (int64_t)64 << 20};

// ---- work

static int64_t elements(const Graph *g, NodeId id) { return shape_elements(graph_node(g, id)->shape, 1); }

static int64_t contraction_depth(const Graph *g, const Node *n) {
  int64_t depth = 1;
  if (n->op == OP_DOT) {
    const Shape *s = graph_node(g, n->in[0])->shape;
    for (uint32_t i = 0; i < n->attr.dot.nc; i++)
      depth = saturated_mul(depth, dim_at(s->d[n->attr.dot.lc[i]], 1));
  } else { // CONV: the kernel without its output channels
    const Shape *w = graph_node(g, n->in[1])->shape;
    for (uint32_t i = 1; i < w->rank; i++) depth = saturated_mul(depth, dim_at(w->d[i], 1));
  }
  return depth;
}

static int64_t node_work(const Graph *g, NodeId id) {
  enum { ROW = 8 }; // a sort, a solution: more than it has elements, whatever the row
  const Node *n = graph_node(g, id);
  int64_t work = 0;
  switch (op_kind(n->op)) {
  case KIND_DOT: return saturated_mul(2, saturated_mul(elements(g, id), contraction_depth(g, n)));
  case KIND_ROWS: return saturated_mul(ROW, elements(g, id));
  case KIND_REDUCE:
  case KIND_INDEX:
    for (uint32_t i = 0; i < n->n_in; i++) work = saturated_add(work, elements(g, n->in[i]));
    return work;
  case KIND_LOOP:
    for (NodeId k = 0; k < n->attr.scan->body->len; k++)
      work = saturated_add(work, node_work(n->attr.scan->body, k));
    return saturated_mul(work, dim_at(n->attr.scan->length, 1));
  default: return op_is_scalar(n->op) ? elements(g, id) : 0;
  }
}

// ---- what is the same

typedef struct Hoist {
  const Graph *g;
  const Store *stores;
  const StoreUse *uses; // by the functions of the loop
  const InvariantLimits *limits;
  bool *same, *seen; // by node: in every step; looked at
  uint32_t *counted; // by node: the last value in whose work it was counted
  uint32_t n_counted;
  bool *kept;             // by node
  VEC(NodeId) out, stack; // those that are kept; count_work's
  int64_t bytes;          // of the program
  Arena *a;
} Hoist;

static bool dims_static(const Dim *d, uint32_t rank) {
  for (uint32_t i = 0; i < rank; i++)
    if (!dim_static(d[i])) return false;
  return true;
}

static bool sizes_static(const Node *n) {
  uint32_t rank = n->shape->rank;
  if (!shape_static(n->shape)) return false;
  if (n->op == OP_SLICE) return dims_static(n->attr.slice.start, rank);
  if (n->op == OP_PAD) return dims_static(n->attr.pad.lo, rank) && dims_static(n->attr.pad.hi, rank);
  return n->op != OP_SCAN || dim_static(n->attr.scan->length);
}

static bool input_same(InputRole role, bool body) {
  return role == IN_OPTION || (body && (role == IN_ARG || role == IN_ITERATION));
}

// A node of a loop's body, if the loop's operands are the same.
static bool same_in_body(const Graph *g) {
  for (NodeId id = 0; id < g->len; id++) {
    const Node *n = graph_node(g, id);
    if (!sizes_static(n) || op_kind(n->op) == KIND_RANDOM) return false;
    if (n->op == OP_INPUT && !input_same(n->attr.input.role, true)) return false;
    if (n->op == OP_SCAN && !same_in_body(n->attr.scan->body)) return false;
  }
  return true;
}

static bool is_same(const Hoist *h, const Node *n) {
  if (!sizes_static(n) || op_kind(n->op) == KIND_RANDOM) return false;
  if (n->op == OP_INPUT) return input_same(n->attr.input.role, false);
  if (n->op == OP_READ)
    return n->n_in == 0 && !h->uses[n->attr.store.id].written &&
           h->stores[n->attr.store.id].kind != STORE_EVAL_STATE;
  if (op_kind(n->op) == KIND_EFFECT) return false;
  if (n->op == OP_SCAN && !same_in_body(n->attr.scan->body)) return false;
  for (uint32_t i = 0; i < n->n_in; i++)
    if (!h->same[n->in[i]]) return false;
  return true;
}

// ---- what is kept

static bool is_view(Op op) {
  return op == OP_RESHAPE || op == OP_TRANSPOSE || op == OP_BROADCAST || op == OP_SLICE || op == OP_REVERSE;
}

// What would be kept in the place of a value: elements of its operands that are computed.
static int64_t operand_elements(const Hoist *h, const Node *n) {
  const Graph *g = h->g;
  int64_t sum = 0;
  for (uint32_t i = 0; i < n->n_in; i++) {
    NodeId in = n->in[i];
    while (is_view(graph_node(g, in)->op)) in = graph_node(g, in)->in[0];
    if (graph_node(g, in)->n_in > 0 && !h->kept[in]) sum = saturated_add(sum, elements(g, in));
  }
  return sum;
}

// The work of what a value depends on; what is kept already costs nothing more.
static int64_t count_work(Hoist *h, NodeId id) {
  int64_t work = 0;
  h->n_counted++;
  h->stack.len = 0;
  vec_push(h->a, &h->stack, id);
  while (h->stack.len > 0) {
    NodeId at = h->stack.data[--h->stack.len];
    const Node *n = graph_node(h->g, at);
    if (h->kept[at] || h->counted[at] == h->n_counted) continue;
    h->counted[at] = h->n_counted;
    work = saturated_add(work, node_work(h->g, at));
    for (uint32_t i = 0; i < n->n_in; i++) vec_push(h->a, &h->stack, n->in[i]);
  }
  return work;
}

static bool worth(Hoist *h, NodeId id) {
  const Node *n = graph_node(h->g, id);
  int64_t size = elements(h->g, id), work;
  if (n->n_in == 0 || n->op == OP_SCAN || is_view(n->op)) return false;
  if (op_is_scalar(n->op) && operand_elements(h, n) < size) return false;
  if (saturated_mul(size, (int64_t)dtype_bytes(n->dtype)) > h->limits->bytes - h->bytes) return false;
  work = count_work(h, id);
  return work >= h->limits->least && work >= saturated_mul(h->limits->each, size);
}

static void keep(Hoist *h, NodeId id) {
  h->kept[id] = true;
  h->bytes += elements(h->g, id) * (int64_t)dtype_bytes(graph_node(h->g, id)->dtype);
  vec_push(h->a, &h->out, id);
}

// Keeps the value, or what is worth it of what it depends on.
static void consider(Hoist *h, NodeId id) {
  VEC(NodeId) left = {0};
  vec_push(h->a, &left, id);
  while (left.len > 0) {
    NodeId at = left.data[--left.len];
    const Node *n = graph_node(h->g, at);
    if (h->seen[at]) continue;
    h->seen[at] = true;
    if (worth(h, at)) {
      keep(h, at);
      continue;
    }
    for (uint32_t i = n->n_in; i-- > 0;) vec_push(h->a, &left, n->in[i]);
  }
}

static void find(Hoist *h) {
  const Graph *g = h->g;
  bool *meets = ARENA_ARRAY(h->a, g->len, bool); // one that is not the same, or is a root
  h->same = ARENA_ARRAY(h->a, g->len, bool);
  h->seen = ARENA_ARRAY(h->a, g->len, bool);
  h->kept = ARENA_ARRAY(h->a, g->len, bool);
  h->counted = ARENA_ARRAY(h->a, g->len, uint32_t);
  for (NodeId id = 0; id < g->len; id++) {
    const Node *n = graph_node(g, id);
    h->same[id] = is_same(h, n);
    for (uint32_t i = 0; i < n->n_in && !h->same[id]; i++) meets[n->in[i]] = true;
  }
  for (uint32_t i = 0; i < g->n_roots; i++) meets[g->roots[i]] = true;
  for (NodeId id = 0; id < g->len; id++)
    if (meets[id] && h->same[id]) consider(h, id);
}

// ---- the two functions

static Graph *graph_before(const Hoist *h, uint32_t first) {
  const Graph *g = h->g;
  Graph *out = graph_new(h->a, NULL, 1);
  Builder b = {.g = out};
  NodeId *map = no_nodes(h->a, g->len), *roots = ARENA_ARRAY(h->a, h->out.len, NodeId);
  bool *needed = ARENA_ARRAY(h->a, g->len, bool);
  for (size_t i = 0; i < h->out.len; i++) needed[h->out.data[i]] = true;
  for (NodeId id = g->len; id-- > 0;)
    for (uint32_t i = 0; needed[id] && i < graph_node(g, id)->n_in; i++)
      needed[graph_node(g, id)->in[i]] = true;
  for (NodeId id = 0; id < g->len; id++) {
    const Node *n = graph_node(g, id);
    if (!needed[id]) continue;
    NodeId *in = ARENA_ARRAY(h->a, n->n_in, NodeId);
    for (uint32_t i = 0; i < n->n_in; i++) in[i] = map[n->in[i]];
    map[id] = b_copy(&b, n, in);
  }
  for (uint32_t i = 0; i < h->out.len; i++) {
    const Node *n = graph_node(g, h->out.data[i]);
    b.span = n->span;
    b.path = n->path;
    roots[i] = b_write(&b, first + i, 0, map[h->out.data[i]]);
  }
  graph_set_roots(out, roots, (uint32_t)h->out.len);
  return out;
}

static Graph *graph_of_step(const Hoist *h, uint32_t first) {
  const Graph *g = h->g;
  Graph *out = graph_like(g, h->a);
  Builder b = {.g = out};
  NodeId *map = no_nodes(out->own, g->len);
  for (uint32_t i = 0; i < h->out.len; i++) {
    const Node *n = graph_node(g, h->out.data[i]);
    b.span = n->span;
    b.path = n->path;
    map[h->out.data[i]] = b_read(&b, first + i, 0, n->dtype, *n->shape, NO_NODE);
  }
  for (NodeId id = 0; id < g->len; id++) {
    const Node *n = graph_node(g, id);
    if (map[id] != NO_NODE) continue;
    NodeId *in = ARENA_ARRAY(out->own, n->n_in, NodeId);
    for (uint32_t i = 0; i < n->n_in; i++) in[i] = map[n->in[i]];
    map[id] = b_copy(&b, n, in);
  }
  map_roots(out, g, map);
  Graph *live = live_copy(out, NULL, h->a);
  graph_drop(out);
  return live;
}

// ---- the program

static void add_uses(const Program *p, int32_t fn, StoreUse *uses) {
  if (fn >= 0) graph_store_uses(p->fns[fn].g, uses);
}

static void add_uses_of_loop(const Program *p, const PlanLoop *l, StoreUse *uses) {
  add_uses(p, (int32_t)l->step, uses);
  add_uses(p, l->apply, uses);
  add_uses(p, l->then, uses);
  for (uint32_t i = 0; i < l->n_evals; i++) {
    add_uses(p, l->evals[i].init, uses);
    add_uses(p, (int32_t)l->evals[i].fn, uses);
    add_uses(p, l->evals[i].finish, uses);
  }
}

// By the functions of all loops that have this step.
static StoreUse *uses_of_step(const Program *p, uint32_t step, Arena *a) {
  StoreUse *uses = ARENA_ARRAY(a, p->n_stores, StoreUse);
  for (uint32_t t = 0; t < p->n_trains; t++)
    for (uint32_t i = 0; i < p->trains[t].n_items; i++) {
      const PlanItem *item = &p->trains[t].items[i];
      if (item->kind == PLAN_LOOP && item->u.loop.step == step) add_uses_of_loop(p, &item->u.loop, uses);
    }
  return uses;
}

static const char *name_before(const Program *p, const char *step, Arena *a) {
  const char *name = arena_printf(a, "%s_invariant", step);
  for (uint32_t i = 0; i < p->n_fns; i++)
    if (!strcmp(p->fns[i].name, name)) return name_before(p, name, a);
  return name;
}

static void add_stores(Program *p, const Hoist *h, const char *fn, Arena *a) {
  Store *stores = ARENA_ARRAY(a, p->n_stores + h->out.len, Store);
  if (p->n_stores) memcpy(stores, p->stores, p->n_stores * sizeof *stores);
  for (size_t i = 0; i < h->out.len; i++) {
    const Node *n = graph_node(h->g, h->out.data[i]);
    stores[p->n_stores++] = (Store){.name = arena_printf(a, "%s:%zu", fn, i),
                                    .kind = STORE_INVARIANT,
                                    .dtype = n->dtype,
                                    .shape = *n->shape,
                                    .lr_mult = 1,
                                    .decay_mult = 1,
                                    .span = n->span};
  }
  p->stores = stores;
}

static int32_t add_function(Program *p, const char *name, Graph *g, Span span, Arena *a) {
  Function *fns = ARENA_ARRAY(a, p->n_fns + 1, Function);
  RootInfo *roots = ARENA_ARRAY(a, g->n_roots, RootInfo);
  memcpy(fns, p->fns, p->n_fns * sizeof *fns);
  for (uint32_t i = 0; i < g->n_roots; i++) roots[i] = (RootInfo){.kind = ROOT_EFFECT};
  fns[p->n_fns] = (Function){.name = name, .kind = FN_INVARIANT, .g = g, .roots = roots, .span = span};
  p->fns = fns;
  return (int32_t)p->n_fns++;
}

// The FN_INVARIANT of a step, -1 where nothing is kept; adds to the bytes of the program.
static int32_t hoist_step(Program *p, uint32_t fn, const InvariantLimits *limits, int64_t *bytes, Arena *a) {
  Function *step = &p->fns[fn];
  Hoist h = {.g = step->g, .stores = p->stores, .limits = limits, .bytes = *bytes, .a = a};
  h.uses = uses_of_step(p, fn, a);
  find(&h);
  if (h.out.len == 0) return -1;
  const char *name = name_before(p, step->name, a);
  uint32_t first = p->n_stores;
  step->g = graph_of_step(&h, first);
  add_stores(p, &h, name, a);
  *bytes = h.bytes;
  return add_function(p, name, graph_before(&h, first), step->span, a);
}

void program_hoist(Program *p, const InvariantLimits *limits, Arena *a) {
  Train *trains = ARENA_ARRAY(a, p->n_trains, Train);
  bool *done = ARENA_ARRAY(a, p->n_fns, bool); // by step: its function is known
  int32_t *invariant = ARENA_ARRAY(a, p->n_fns, int32_t);
  int64_t bytes = 0;
  for (uint32_t t = 0; t < p->n_trains; t++) {
    trains[t] = p->trains[t];
    PlanItem *items = ARENA_ARRAY(a, trains[t].n_items, PlanItem);
    for (uint32_t i = 0; i < trains[t].n_items; i++) {
      items[i] = trains[t].items[i];
      if (items[i].kind != PLAN_LOOP) continue;
      uint32_t step = items[i].u.loop.step;
      if (!done[step]) invariant[step] = hoist_step(p, step, limits, &bytes, a);
      done[step] = true;
      items[i].u.loop.invariant = invariant[step];
    }
    trains[t].items = items;
  }
  p->trains = trains;
}
