// Times are numbered by a walk of the tree. An access inside a loop to a buffer that was written before the
// loop counts until the loop's end, because the next iteration makes it again.
#include "codegen/schedule.h"

#include "codegen/lower.h"

static uint32_t number(Sched *s, uint32_t time) {
  s->begin = time;
  if (s->kind == SCHED_STEP) time++;
  for (uint32_t i = 0; i < s->n; i++) time = number(s->children[i], time);
  return s->end = time;
}

Sched *schedule_function(const FnPlan *f, Arena *a) {
  Sched *root = ARENA_NEW(a, Sched);
  root->kind = SCHED_SEQUENCE;
  root->n = (uint32_t)f->steps.len;
  root->children = ARENA_ARRAY(a, root->n, Sched *);
  for (uint32_t i = 0; i < root->n; i++) {
    root->children[i] = ARENA_NEW(a, Sched);
    *root->children[i] = (Sched){.kind = SCHED_STEP, .step = &f->steps.data[i]};
  }
  number(root, 0);
  return root;
}

void schedule_walk(const Sched *s, void (*visit)(void *user, const Step *step), void *user) {
  if (s->kind == SCHED_STEP) visit(user, s->step);
  for (uint32_t i = 0; i < s->n; i++) schedule_walk(s->children[i], visit, user);
}

typedef struct Walk {
  const FnPlan *f;
  Arena *a;
  Lifetime *lives;
  const Sched *loop; // the outermost loop around the step, NULL: none
} Walk;

static void access(Walk *w, uint32_t buffer, uint32_t time) {
  Lifetime *l = &w->lives[buffer];
  if (!l->used) *l = (Lifetime){.used = true, .first = time, .last = time};
  if (time > l->last) l->last = time;
  if (w->loop && l->first < w->loop->begin && w->loop->end - 1 > l->last) l->last = w->loop->end - 1;
}

static void access_step(Walk *w, const Step *s, uint32_t time) {
  const Graph *g = w->f->fn->g;
  if (s->kind == STEP_COPY) {
    access(w, s->src, time);
    access(w, s->dst, time);
  } else if (s->kind == STEP_OPTIMIZE) {
    for (uint32_t i = 0; i < graph_node(g, s->node)->n_in; i++) {
      NodeId v = lower_resolve(g, graph_node(g, s->node)->in[i]);
      if (w->f->buffer_of[v] != NO_BUFFER) access(w, w->f->buffer_of[v], time);
    }
  } else {
    const bool *seen = kernel_marks(s->kernel, w->a);
    for (ExprId e = 0; e < s->kernel->pool->exprs.len; e++)
      if (seen[e] && pool_expr(s->kernel->pool, e)->kind == X_LOAD)
        access(w, pool_expr(s->kernel->pool, e)->number, time);
    for (uint32_t i = 0; i < s->kernel->n_stores; i++)
      if (s->kernel->stores[i].buffer != NO_BUFFER) access(w, s->kernel->stores[i].buffer, time);
  }
}

static void walk(Walk *w, const Sched *s) {
  if (s->kind == SCHED_STEP) access_step(w, s->step, s->begin);
  if (s->kind == SCHED_GUARD) access(w, s->mask, s->begin);
  bool outermost = s->kind == SCHED_LOOP && !w->loop;
  if (outermost) w->loop = s;
  for (uint32_t i = 0; i < s->n; i++) walk(w, s->children[i]);
  if (outermost) w->loop = NULL;
}

Lifetime *schedule_lifetimes(const FnPlan *f, const Sched *s, Arena *a) {
  Walk w = {.f = f, .a = a, .lives = ARENA_ARRAY(a, f->buffers.len, Lifetime)};
  walk(&w, s);
  return w.lives;
}
