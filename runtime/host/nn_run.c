/* Running a train block: see nn_run.h. (MIT-0)
   A table gives the function of each kind of plan item. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include "nn_run.h"

#include "nn_run_loop.h"
#include "nn_weights.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A NaN that no loss and no report shows. */
static int nn_run_check_stores(nn_runner *r, const nn_train *t) {
  const nn_model *m = r->s->m;
  int i;
  size_t k;
  if (nn_stores_fetch(r->s)) return r->e->code;
  for (i = 0; i < m->n_stores; i++) {
    const nn_store *store = &m->stores[i];
    const unsigned char *p = nn_store_data(r->s, store);
    if (!nn_store_is_weight(store) || nn_types[store->dtype].kind != 'f') continue;
    for (k = 0; k < store->count; k++)
      if (isnan(nn_get_real(store->dtype, p + k * nn_types[store->dtype].size))) {
        nn_logger_clear(r->log);
        fprintf(stderr, "warning: `%s` holds NaN\n  = note: at the end of train `%s`\n", store->name,
                t->name);
        if (!m->trap_nan)
          fprintf(stderr, "  = note: compiled with `nnc -ftrap-nan` it stops at the operation that makes the first NaN\n");
        return 0;
      }
  }
  return 0;
}

static int nn_run_item_eval(nn_runner *r, const nn_plan_item *item) {
  if (nn_run_eval(r, item->eval, (uint64_t)r->s->c.epoch, NULL)) return r->e->code;
  nn_logger_flush(r->log);
  return 0;
}

static int nn_run_item_save(nn_runner *r, const nn_plan_item *item) {
  return nn_weights_save_item(r->s, item->file);
}
static int nn_run_item_load(nn_runner *r, const nn_plan_item *item) {
  return nn_weights_load_item(r->s, item->file);
}

static int nn_run_item_update(nn_runner *r, const nn_plan_item *item) {
  return nn_run_plain(r, item->fn, NULL) ? nn_note(r->e, "in an `update` of train `%s`", r->train->name) : 0;
}

static const struct nn_run_kind {
  int (*run)(nn_runner *r, const nn_plan_item *item);
} nn_run_kinds[] = {
    {nn_run_loop}, {nn_run_item_eval}, {nn_run_item_save}, {nn_run_item_load}, {nn_run_item_update}};

/* An item begins: `step` and `epoch` are what was completed since its train or phase began. */
static void nn_run_count(nn_runner *r) {
  const nn_plan_item *item = &r->train->items[r->item];
  nn_began *now = &r->began[r->item];
  nn_ctx *c = &r->s->c;
  now->steps = now->epochs = 0;
  if (r->item) {
    const nn_began *from = &r->began[item[-1].since];
    now->steps = from->steps + (uint64_t)c->step;
    now->epochs = from->epochs + (uint64_t)c->epoch;
  }
  c->step = (double)(now->steps - r->began[item->since].steps);
  c->epoch = (double)(now->epochs - r->began[item->since].epochs);
}

static int nn_run_items(nn_runner *r, const nn_train *t) {
  for (; r->item < t->n_items; r->item++) {
    const nn_plan_item *item = &t->items[r->item];
    if (!r->resuming) nn_run_count(r);
    r->phase = item->phase;
    if (nn_run_kinds[item->kind].run(r, item)) return r->e->code;
  }
  return 0;
}

/* All that the train has completed. */
static void nn_run_done(nn_runner *r, const nn_train *t) {
  const nn_began *from = t->n_items ? &r->began[t->items[t->n_items - 1].since] : NULL;
  nn_event v;
  memset(&v, 0, sizeof v);
  v.event = "done";
  v.train = t->name;
  v.epoch = from ? from->epochs + (uint64_t)r->s->c.epoch : 0;
  v.step = from ? from->steps + (uint64_t)r->s->c.step : 0;
  nn_logger_event(r->log, &v);
}

int nn_run_began_open(nn_runner *r, const nn_train *t) {
  r->began = (nn_began *)nn_alloc((size_t)t->n_items, sizeof *r->began);
  return r->began ? 0 : nn_fail_memory(r->e);
}

void nn_run_began_close(nn_runner *r) {
  free(r->began);
  r->began = NULL;
}

int nn_run_train(nn_runner *r, const nn_train *t) {
  r->train = t;
  if (!r->resuming) {
    r->item = 0;
    if (nn_run_began_open(r, t)) return r->e->code;
  }
  if (!nn_run_items(r, t)) nn_run_done(r, t);
  nn_run_began_close(r);
  return r->e->code ? r->e->code : nn_run_check_stores(r, t);
}

static int nn_run_loop_data(nn_runner *r, const nn_loop *loop) {
  nn_dataset *set;
  int i;
  for (i = 0; i < loop->n_streams; i++)
    if (nn_dataset_get(r->s, loop->streams[i], &set)) return r->e->code;
  for (i = 0; i < loop->n_evals; i++)
    if (nn_dataset_get(r->s, loop->evals[i].data, &set)) return r->e->code;
  return 0;
}

int nn_run_load_data(nn_runner *r, const nn_train *t) {
  nn_dataset *set;
  int i;
  for (i = 0; i < t->n_items; i++) {
    const nn_plan_item *item = &t->items[i];
    if (item->kind == NN_PLAN_LOOP && nn_run_loop_data(r, item->loop)) return r->e->code;
    if (item->kind == NN_PLAN_EVAL && nn_dataset_get(r->s, item->eval->data, &set)) return r->e->code;
  }
  return 0;
}

int nn_run_evals(nn_runner *r, const nn_train *t, int *n) {
  int i, k;
  r->train = t;
  r->s->c.step = r->s->c.epoch = 0;
  for (i = 0; i < t->n_items; i++) {
    const nn_plan_item *item = &t->items[i];
    r->phase = item->phase;
    if (item->kind == NN_PLAN_EVAL && (++*n, nn_run_item_eval(r, item))) return r->e->code;
    for (k = 0; item->kind == NN_PLAN_LOOP && k < item->loop->n_evals; k++) {
      ++*n;
      if (nn_run_eval(r, &item->loop->evals[k], 0, NULL)) return r->e->code;
      nn_logger_flush(r->log);
    }
  }
  return 0;
}

static void nn_eval_needs(const nn_model *m, const nn_eval *ev, unsigned char *needs) {
  nn_function_needs(m, m->data[ev->data].prepare, needs);
  nn_function_needs(m, ev->init, needs);
  nn_function_needs(m, ev->fn, needs);
  nn_function_needs(m, ev->finish, needs);
}

void nn_run_evals_need(const nn_model *m, const nn_train *t, unsigned char *needs) {
  int i, k;
  for (i = 0; i < t->n_items; i++) {
    const nn_plan_item *item = &t->items[i];
    if (item->kind == NN_PLAN_EVAL) nn_eval_needs(m, item->eval, needs);
    for (k = 0; item->kind == NN_PLAN_LOOP && k < item->loop->n_evals; k++)
      nn_eval_needs(m, &item->loop->evals[k], needs);
  }
}
