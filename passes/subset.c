// Functions are marked, their graphs mark the stores, then everything is copied with new numbers. A graph is
// copied with what its kept roots need; in `init`, where a write is left out, its value stands for what reads
// it.
#include "passes/subset.h"

#include "ir/build.h"
#include "passes/live.h"

typedef struct Renumber {
  const Program *p;
  Arena *a;
  bool *keep, *used, *written; // functions; stores
  uint32_t *fn, *store;        // new numbers
} Renumber;

// ---- what is needed

static bool reads_computed(const DataSet *d, const Program *p, const PlanLoop *l, uint32_t stream) {
  for (uint32_t i = 0; i < p->fns[l->step].n_inputs; i++)
    if (l->inputs[i].stream == stream && d->fields[l->inputs[i].field].source < 0) return true;
  return false;
}

static void mark_loop(Renumber *r, const PlanLoop *l) {
  r->keep[l->step] = true;
  if (l->then >= 0) r->keep[l->then] = true;
  if (l->apply >= 0) r->keep[l->apply] = true;
  for (uint32_t i = 0; i < l->n_streams; i++) {
    const DataSet *d = &r->p->data[l->streams[i]];
    if (d->prepare >= 0 && reads_computed(d, r->p, l, i)) r->keep[d->prepare] = true;
  }
}

static void mark_functions(Renumber *r, const Selected *s) {
  for (uint32_t i = 0; i < r->p->n_fns; i++) r->keep[i] = s->functions[i];
  for (uint32_t t = 0; t < r->p->n_trains; t++)
    for (uint32_t i = 0; s->trains[t] && i < r->p->trains[t].n_items; i++) {
      const PlanItem *item = &r->p->trains[t].items[i];
      if (item->kind == PLAN_LOOP) mark_loop(r, &item->u.loop);
      if (item->kind == PLAN_UPDATE) r->keep[item->u.fn] = true;
    }
}

static void use(Renumber *r, uint32_t store, bool write) {
  if (store == UINT32_MAX) return;
  r->used[store] = true;
  r->written[store] |= write;
}

static uint32_t slots_of(const OptimizeAttr *o) { return o->n * optimizer_info(o->kind)->slots; }

static void mark_stores(Renumber *r, const Graph *g) {
  for (NodeId v = 0; v < g->len; v++) {
    const Node *n = graph_node(g, v);
    if (n->op == OP_READ || n->op == OP_WRITE) use(r, n->attr.store.id, n->op == OP_WRITE);
    if (n->op != OP_OPTIMIZE) continue;
    const OptimizeAttr *o = n->attr.optimize;
    for (uint32_t i = 0; i < o->n; i++) use(r, o->stores[i], true), use(r, o->counts[i], true);
    for (uint32_t i = 0; i < slots_of(o); i++) use(r, o->slots[i], true);
  }
}

// ---- graphs

static const uint32_t *renumbered(const Renumber *r, const uint32_t *stores, uint32_t n) {
  uint32_t *to = ARENA_ARRAY(r->a, n, uint32_t);
  for (uint32_t i = 0; i < n; i++) to[i] = stores[i] == UINT32_MAX ? UINT32_MAX : r->store[stores[i]];
  return to;
}

static void renumber_node(const Renumber *r, Node *n) {
  if (n->op == OP_READ || n->op == OP_WRITE) n->attr.store.id = r->store[n->attr.store.id];
  if (n->op != OP_OPTIMIZE) return;
  OptimizeAttr o = *n->attr.optimize;
  o.stores = renumbered(r, o.stores, o.n);
  o.counts = renumbered(r, o.counts, o.n);
  o.slots = renumbered(r, o.slots, slots_of(&o));
  n->attr.optimize = arena_copy(r->a, &o, sizeof o);
}

// The node that stands for v where the write of a store that is not `wanted` was left out.
static NodeId stand_in(const Graph *g, const bool *wanted, NodeId v) {
  for (;;) {
    const Node *n = graph_node(g, v);
    bool effect = n->op == OP_WRITE || (n->op == OP_READ && n->n_in > 0);
    if (!effect || wanted[n->attr.store.id]) return v;
    v = n->in[0];
  }
}

static Graph *copy_graph(const Renumber *r, const Graph *g, const bool *wanted) {
  Graph *out = graph_like(g, r->a);
  Builder b = {.g = out};
  NodeId *map = no_nodes(r->a, g->len);
  bool *live = ARENA_ARRAY(r->a, g->len, bool);
  NodeId *roots = ARENA_ARRAY(r->a, g->n_roots, NodeId);
  uint32_t n_roots = 0;
  for (uint32_t i = 0; i < g->n_roots; i++)
    live[g->roots[i]] = stand_in(g, wanted, g->roots[i]) == g->roots[i];
  for (NodeId v = g->len; v-- > 0;)
    for (uint32_t i = 0; live[v] && i < graph_node(g, v)->n_in; i++)
      live[stand_in(g, wanted, graph_node(g, v)->in[i])] = true;
  for (NodeId v = 0; v < g->len; v++) {
    if (!live[v]) continue;
    Node n = *graph_node(g, v);
    NodeId *in = ARENA_ARRAY(r->a, n.n_in, NodeId);
    for (uint32_t i = 0; i < n.n_in; i++) in[i] = map[stand_in(g, wanted, n.in[i])];
    renumber_node(r, &n);
    map[v] = b_copy(&b, &n, in);
  }
  for (uint32_t i = 0; i < g->n_roots; i++)
    if (stand_in(g, wanted, g->roots[i]) == g->roots[i]) roots[n_roots++] = map[g->roots[i]];
  graph_set_roots(out, roots, n_roots);
  return out;
}

// `init` with the writes of the wanted stores only; all its roots are effects. NULL: none is left.
static Function *make_init(Renumber *r, const bool *known) {
  Function *f = ARENA_NEW(r->a, Function);
  bool *wanted = ARENA_ARRAY(r->a, r->p->n_stores, bool);
  *f = r->p->fns[r->p->init];
  for (uint32_t i = 0; i < r->p->n_stores; i++) wanted[i] = r->used[i] && !known[i];
  f->g = copy_graph(r, f->g, wanted);
  RootInfo *roots = ARENA_ARRAY(r->a, f->g->n_roots, RootInfo);
  for (uint32_t i = 0; i < f->g->n_roots; i++) roots[i] = (RootInfo){.kind = ROOT_EFFECT};
  f->roots = roots;
  return f->g->n_roots ? f : NULL;
}

static void copy_functions(Renumber *r, Program *to, const bool *known) {
  bool *all = ARENA_ARRAY(r->a, r->p->n_stores, bool);
  Function *fns = ARENA_ARRAY(r->a, r->p->n_fns, Function);
  for (uint32_t i = 0; i < r->p->n_stores; i++) all[i] = true;
  to->init = NO_FUNCTION;
  to->n_fns = 0;
  for (uint32_t i = 0; i < r->p->n_fns; i++) {
    Function *init = i == r->p->init ? make_init(r, known) : NULL;
    if (!r->keep[i] && !init) continue;
    if (init) to->init = to->n_fns;
    Function *f = &fns[r->fn[i] = to->n_fns++];
    *f = init ? *init : r->p->fns[i];
    if (!init) f->g = copy_graph(r, f->g, all);
  }
  to->fns = fns;
}

// ---- data and plan

static void copy_data(const Renumber *r, Program *to) {
  DataSet *data = ARENA_ARRAY(r->a, r->p->n_data, DataSet);
  for (uint32_t i = 0; i < r->p->n_data; i++) {
    data[i] = r->p->data[i];
    int32_t f = data[i].prepare;
    data[i].prepare = f >= 0 && r->keep[f] ? (int32_t)r->fn[f] : -1;
  }
  to->data = data;
}

static void copy_trains(const Renumber *r, Program *to, const bool *wanted) {
  Train *trains = ARENA_ARRAY(r->a, r->p->n_trains, Train);
  to->n_trains = 0;
  for (uint32_t t = 0; t < r->p->n_trains; t++) {
    if (!wanted[t]) continue;
    Train *train = &trains[to->n_trains++];
    *train = r->p->trains[t];
    PlanItem *items = ARENA_ARRAY(r->a, train->n_items, PlanItem);
    uint32_t n = 0, *before = ARENA_ARRAY(r->a, train->n_items, uint32_t); // by item: those kept before it
    for (uint32_t i = 0; i < train->n_items; i++) {
      PlanItem item = train->items[i];
      before[i] = n;
      if (item.kind != PLAN_LOOP && item.kind != PLAN_UPDATE) continue;
      item.since = before[item.since];
      if (item.kind == PLAN_UPDATE) item.u.fn = r->fn[item.u.fn];
      if (item.kind == PLAN_LOOP) {
        item.u.loop.step = r->fn[item.u.loop.step];
        if (item.u.loop.then >= 0) item.u.loop.then = (int32_t)r->fn[item.u.loop.then];
        if (item.u.loop.apply >= 0) item.u.loop.apply = (int32_t)r->fn[item.u.loop.apply];
        item.u.loop.n_evals = 0;
      }
      items[n++] = item;
    }
    train->items = items;
    train->n_items = n;
  }
  to->trains = trains;
}

static void copy_tests(const Renumber *r, Program *to) {
  Test *tests = ARENA_ARRAY(r->a, r->p->n_tests, Test);
  to->n_tests = 0;
  for (uint32_t i = 0; i < r->p->n_tests; i++) {
    if (!r->keep[r->p->tests[i].fn]) continue;
    Test *t = &tests[to->n_tests++];
    *t = r->p->tests[i];
    t->fn = r->fn[t->fn];
  }
  to->tests = tests;
}

Subset program_subset(const Program *p, const Selected *s, Arena *a) {
  Renumber r = {.p = p, .a = a};
  Program *to = ARENA_NEW(a, Program);
  *to = *p;
  r.keep = ARENA_ARRAY(a, p->n_fns, bool);
  r.fn = ARENA_ARRAY(a, p->n_fns, uint32_t);
  r.used = ARENA_ARRAY(a, p->n_stores, bool);
  r.written = ARENA_ARRAY(a, p->n_stores, bool);
  r.store = ARENA_ARRAY(a, p->n_stores, uint32_t);
  mark_functions(&r, s);
  for (uint32_t i = 0; i < p->n_fns; i++)
    if (r.keep[i]) mark_stores(&r, p->fns[i].g);
  Store *stores = ARENA_ARRAY(a, p->n_stores, Store);
  uint32_t *from = ARENA_ARRAY(a, p->n_stores, uint32_t);
  bool *written = ARENA_ARRAY(a, p->n_stores, bool);
  to->n_stores = 0;
  for (uint32_t i = 0; i < p->n_stores; i++) {
    if (!r.used[i]) continue;
    uint32_t id = r.store[i] = to->n_stores++;
    from[id] = i;
    written[id] = r.written[i];
    stores[id] = p->stores[i];
    stores[id].constant = s->known[i] && !r.written[i] && !s->in_arena;
  }
  to->stores = stores;
  copy_functions(&r, to, s->known);
  copy_data(&r, to);
  copy_trains(&r, to, s->trains);
  copy_tests(&r, to);
  return (Subset){to, from, written};
}
