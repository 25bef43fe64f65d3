// Costs come by step and path (cost.h), memory from lifetimes; both are added up by path.
#include "codegen/report.h"

#include "codegen/dump.h"
#include "codegen/memplan.h"
#include "codegen/plan_program.h"
#include "ir/base/intern.h"
#include "ir/base/map.h"

typedef struct Gather {
  const FnPlan *f;
  ReportFn *r;
  ReportStep *steps;
  VEC(ReportLayer) layers;
  Intern *paths;
  Map at; // of an interned path in `layers`
  Arena *a;
} Gather;

static ReportLayer *layer_at(Gather *g, const char *path) {
  uint32_t i;
  path = intern(g->paths, path ? path : "");
  if (!map_get(&g->at, map_key(path), &i)) {
    i = (uint32_t)g->layers.len;
    map_put(g->a, &g->at, map_key(path), i);
    vec_push(g->a, &g->layers, ((ReportLayer){.path = path}));
  }
  return &g->layers.data[i];
}

static void take_share(void *user, const Step *s, const char *path, const Cost *c) {
  Gather *g = user;
  cost_add(&g->steps[s - g->f->steps.data].cost, c);
  cost_add(&layer_at(g, path)->cost, c);
  cost_add(&g->r->cost, c);
}

// ---- steps

static NodeId node_of(const FnPlan *f, const Step *s) {
  if (s->kind == STEP_KERNEL) return s->kernel->node;
  if (s->kind == STEP_OPTIMIZE || s->kind == STEP_LOOP) return s->node;
  NodeId v = f->buffers.data[s->dst].node;
  return v != NO_NODE ? v : f->buffers.data[s->src].node;
}

static ReportStep describe(const FnPlan *f, const Step *s) {
  NodeId v = node_of(f, s);
  const Node *n = v != NO_NODE ? graph_node(f->fn->g, v) : NULL;
  ReportStep r = {.kind = "copy", .what = "copy", .path = n && n->path ? n->path : ""};
  if (n) r.span = n->span;
  if (s->kind == STEP_KERNEL) r.kind = "kernel", r.what = kernel_kind(s->kernel);
  if (s->kind == STEP_LOOP) r.kind = "loop", r.what = op_name(n->op);
  if (s->kind == STEP_OPTIMIZE) r.kind = "optimizer", r.what = optimizer_info(n->attr.optimize->kind)->name;
  return r;
}

// ---- memory

// Times of the schedule to steps: a loop or a guard takes none of its own.
static void step_times(const Sched *s, const FnPlan *f, uint32_t *step_at) {
  if (s->kind == SCHED_STEP) step_at[s->begin] = (uint32_t)(s->step - f->steps.data);
  for (uint32_t i = 0; i < s->n; i++) step_times(s->children[i], f, step_at);
}

static int64_t planned_bytes(const FnPlan *f, const Buffer *b) {
  return (int64_t)round_up(b->bytes, f->align);
}

static const char *buffer_path(const FnPlan *f, const Buffer *b) {
  return b->node != NO_NODE ? graph_node(f->fn->g, b->node)->path : "";
}

// Lifetimes for the sum of live bytes: where a kernel writes over a dying buffer the two count once, as the
// new one.
static const Lifetime *distinct_lives(const FnPlan *f, const Sched *s, Arena *a) {
  Lifetime *lives = schedule_lifetimes(f, s, a);
  for (uint32_t i = 0; i < f->buffers.len; i++) {
    const Buffer *x = &f->buffers.data[i];
    for (uint32_t j = 0; x->kind == BUF_SCRATCH && lives[i].used && j < f->buffers.len; j++) {
      const Buffer *y = &f->buffers.data[j];
      if (j == i || y->kind != BUF_SCRATCH || !lives[j].used || y->memory != x->memory) continue;
      if (lives[j].first == lives[i].last && lives[i].first < lives[i].last) {
        lives[i].last--;
        break;
      }
    }
  }
  return lives;
}

static void gather_memory(Gather *g, const Sched *s) {
  const FnPlan *f = g->f;
  const Lifetime *lives = distinct_lives(f, s, g->a);
  int64_t *change = ARENA_ARRAY(g->a, (size_t)s->end + 2, int64_t), alive = 0;
  uint32_t *step_at = ARENA_ARRAY(g->a, (size_t)s->end + 1, uint32_t), peak_time = 0;
  step_times(s, f, step_at);
  for (uint32_t i = 0; i < f->buffers.len; i++) {
    const Buffer *b = &f->buffers.data[i];
    if (b->kind != BUF_SCRATCH || !lives[i].used) continue;
    change[lives[i].first] += planned_bytes(f, b);
    change[lives[i].last + 1] -= planned_bytes(f, b);
    layer_at(g, buffer_path(f, b))->scratch_bytes += planned_bytes(f, b);
  }
  for (uint32_t t = 0; t < s->end; t++) {
    alive += change[t];
    g->steps[step_at[t]].live_bytes = alive;
    if (alive > g->r->bound_bytes) g->r->bound_bytes = alive, peak_time = t;
  }
  if (s->end > 0) g->r->peak = step_at[peak_time];
  for (uint32_t i = 0; i < f->buffers.len; i++) {
    const Buffer *b = &f->buffers.data[i];
    if (b->kind == BUF_SCRATCH && lives[i].used && lives[i].first <= peak_time && peak_time <= lives[i].last)
      layer_at(g, buffer_path(f, b))->peak_bytes += planned_bytes(f, b);
  }
  g->r->scratch_bytes = (int64_t)(f->scratch_end - f->scratch_begin);
}

// ---- parameters

static void mark_stores(const FnPlan *f, const Lifetime *lives, bool *used) {
  for (size_t i = 0; i < f->buffers.len; i++)
    if (f->buffers.data[i].kind == BUF_STORE && lives[i].used) used[f->buffers.data[i].id] = true;
  for (size_t i = 0; i < f->steps.len; i++) {
    if (f->steps.data[i].kind != STEP_OPTIMIZE) continue;
    const OptimizeAttr *o = graph_node(f->fn->g, f->steps.data[i].node)->attr.optimize;
    for (uint32_t k = 0; k < o->n; k++) used[o->stores[k]] = true;
  }
}

static void gather_parameters(Gather *g, const Sched *s) {
  const Program *p = g->f->program;
  bool *used = ARENA_ARRAY(g->a, p->n_stores, bool);
  mark_stores(g->f, schedule_lifetimes(g->f, s, g->a), used);
  for (uint32_t i = 0; i < p->n_stores; i++) {
    if (!used[i] || p->stores[i].kind != STORE_PARAM) continue;
    int64_t count = shape_elements(&p->stores[i].shape, 1);
    layer_at(g, store_path(&p->stores[i], g->a))->parameters += count;
    g->r->parameters += count;
  }
}

static ReportFn report_function(const FnPlan *f, const Sched *s, int64_t n, Arena *a) {
  const Graph *graph = f->fn->g;
  ReportFn r = {.fn = f->fn, .n = !graph->symbol ? 1 : n == 0 || n > graph->bound ? graph->bound : n};
  Gather g = {.f = f, .r = &r, .paths = intern_new(a), .a = a};
  g.steps = ARENA_ARRAY(a, f->steps.len, ReportStep);
  for (size_t i = 0; i < f->steps.len; i++) g.steps[i] = describe(f, &f->steps.data[i]);
  function_cost(f, s, r.n, take_share, &g);
  gather_memory(&g, s);
  gather_parameters(&g, s);
  r.steps = g.steps;
  r.n_steps = (uint32_t)f->steps.len;
  r.layers = g.layers.data;
  r.n_layers = (uint32_t)g.layers.len;
  return r;
}

Report codegen_report(const Program *p, bool device, int64_t n, Arena *a) {
  ProgramPlan plan = plan_program(p, device ? DEVICE_ALIGN : ARENA_ALIGN, a);
  plan_slots(&plan);
  ReportFn *fns = ARENA_ARRAY(a, p->n_fns, ReportFn);
  for (uint32_t i = 0; i < p->n_fns; i++) fns[i] = report_function(plan.plans[i], plan.scheds[i], n, a);
  return (Report){.program = p,
                  .store_bytes = (int64_t)(plan.store_bytes + plan.slot_bytes),
                  .arena_bytes = (int64_t)plan.arena_bytes,
                  .fns = fns};
}
