// Functions are compared in order with those kept so far that have the same hash, then everything that names one gets
// its new number.
#include "passes/share.h"

#include "ir/base/map.h"
#include "passes/live.h"

#include <string.h>

static bool from_train(FnKind k) {
  return k == FN_STEP || k == FN_APPLY || k == FN_THEN || k == FN_EVAL || k == FN_FINISH ||
         k == FN_EVAL_INIT || k == FN_UPDATE;
}

static bool same_name(const char *x, const char *y) { return x && y ? !strcmp(x, y) : x == y; }

static bool same_span(Span x, Span y) { return x.source == y.source && x.begin == y.begin && x.end == y.end; }

// Memory is planned, and draws in nested loops are counted, at the bound: batches of another size are another function.
static bool same_signature(const Function *f, const Function *g) {
  if (f->g->bound != g->g->bound) return false;
  if (f->kind != g->kind || f->n_inputs != g->n_inputs || f->g->n_roots != g->g->n_roots) return false;
  for (uint32_t i = 0; i < f->n_inputs; i++) {
    const FnInput *x = &f->inputs[i], *y = &g->inputs[i];
    if (!same_name(x->name, y->name) || x->dtype != y->dtype || !shape_eq(&x->shape, &y->shape)) return false;
  }
  for (uint32_t i = 0; i < f->g->n_roots; i++)
    if (f->roots[i].kind != g->roots[i].kind || !same_name(f->roots[i].name, g->roots[i].name)) return false;
  return true;
}

// Faults say where they arose, so functions that differ in nothing else are two.
static bool same_places(const Graph *x, const Graph *y) {
  for (NodeId id = 0; id < x->len; id++) {
    const Node *m = graph_node(x, id), *n = graph_node(y, id);
    if (!same_span(m->span, n->span) || !same_name(m->path, n->path)) return false;
    if (m->op == OP_SCAN && !same_places(m->attr.scan->body, n->attr.scan->body)) return false;
  }
  return true;
}

static bool same_function(const Function *f, const Function *g) {
  return from_train(f->kind) && same_span(f->span, g->span) && same_signature(f, g) &&
         graph_same(f->g, g->g) && same_places(f->g, g->g);
}

// ---- numbers

static int32_t renumbered(const uint32_t *to, int32_t fn) { return fn < 0 ? fn : (int32_t)to[fn]; }

static void renumber_eval(const uint32_t *to, PlanEval *e) {
  e->fn = to[e->fn];
  e->init = renumbered(to, e->init);
  e->finish = renumbered(to, e->finish);
}

static void renumber_item(const uint32_t *to, PlanItem *item, Arena *a) {
  if (item->kind == PLAN_UPDATE) item->u.fn = to[item->u.fn];
  if (item->kind == PLAN_EVAL) renumber_eval(to, &item->u.eval);
  if (item->kind != PLAN_LOOP) return;
  PlanLoop *l = &item->u.loop;
  l->step = to[l->step];
  l->then = renumbered(to, l->then);
  l->apply = renumbered(to, l->apply);
  PlanEval *evals = ARENA_ARRAY(a, l->n_evals, PlanEval);
  for (uint32_t i = 0; i < l->n_evals; i++) {
    evals[i] = l->evals[i];
    renumber_eval(to, &evals[i]);
  }
  l->evals = evals;
}

static void renumber(Program *p, const uint32_t *to, Arena *a) {
  DataSet *data = ARENA_ARRAY(a, p->n_data, DataSet);
  Train *trains = ARENA_ARRAY(a, p->n_trains, Train);
  Test *tests = ARENA_ARRAY(a, p->n_tests, Test);
  p->init = to[p->init];
  for (uint32_t i = 0; i < p->n_data; i++) {
    data[i] = p->data[i];
    data[i].prepare = renumbered(to, data[i].prepare);
  }
  for (uint32_t t = 0; t < p->n_trains; t++) {
    trains[t] = p->trains[t];
    PlanItem *items = ARENA_ARRAY(a, trains[t].n_items, PlanItem);
    for (uint32_t i = 0; i < trains[t].n_items; i++) {
      items[i] = trains[t].items[i];
      renumber_item(to, &items[i], a);
    }
    trains[t].items = items;
  }
  for (uint32_t i = 0; i < p->n_tests; i++) {
    tests[i] = p->tests[i];
    tests[i].fn = to[tests[i].fn];
  }
  p->data = data;
  p->trains = trains;
  p->tests = tests;
}

// Of the first n functions, the one that is the same as f; n: none. last: of those with a hash the last one, before: of
// each the one before it with the same.
static uint32_t find_same(const Function *fns, uint32_t n, const Function *f, Map *last, uint32_t *before,
                          Arena *a) {
  uint64_t hash = graph_hash(f->g);
  uint32_t at = UINT32_MAX;
  map_get(last, hash, &at);
  before[n] = at;
  for (; at != UINT32_MAX; at = before[at])
    if (same_function(&fns[at], f)) return at;
  map_put(a, last, hash, n);
  return n;
}

void program_share(Program *p, Arena *a) {
  uint32_t *to = ARENA_ARRAY(a, p->n_fns, uint32_t), *before = ARENA_ARRAY(a, p->n_fns, uint32_t), n = 0;
  Function *fns = ARENA_ARRAY(a, p->n_fns, Function);
  Map last = {0};
  for (uint32_t i = 0; i < p->n_fns; i++) {
    to[i] = find_same(fns, n, &p->fns[i], &last, before, a);
    if (to[i] == n) fns[n++] = p->fns[i];
  }
  if (n == p->n_fns) return;
  p->fns = fns;
  p->n_fns = n;
  renumber(p, to, a);
}
