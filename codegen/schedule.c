// Times are numbered by a walk of the tree.
#include "codegen/schedule.h"

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
  Lifetime *lives;
  uint32_t time;
} Walk;

static void access(void *user, uint32_t buffer, bool written) {
  Walk *w = user;
  uint32_t time = w->time;
  (void)written;
  Lifetime *l = &w->lives[buffer];
  if (!l->used) *l = (Lifetime){.used = true, .first = time, .last = time};
  if (time > l->last) l->last = time;
}

static void walk(Walk *w, const Sched *s) {
  w->time = s->begin;
  if (s->kind == SCHED_STEP) plan_accesses(w->f, s->step, access, w);
  for (uint32_t i = 0; i < s->n; i++) walk(w, s->children[i]);
}

Lifetime *schedule_lifetimes(const FnPlan *f, const Sched *s, Arena *a) {
  Walk w = {.f = f, .lives = ARENA_ARRAY(a, f->buffers.len, Lifetime)};
  walk(&w, s);
  return w.lives;
}
