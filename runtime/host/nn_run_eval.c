/* One eval: see nn_run_eval.h. (MIT-0)
   Sums are kept in double whatever the model's type: a mean over many batches must not depend on it. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include "nn_run_eval.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int nn_is_report(const nn_function *f, int i, int *reported) {
  int next = i + 1 < f->n_out && f->out[i + 1].use == NN_USE_REPORTED;
  *reported = next ? i + 1 : -1;
  return f->out[i].use == NN_USE_VALUE && f->out[i].name[0];
}

int nn_report_count(const nn_function *f) {
  int i, n = 0, reported;
  for (i = 0; i < f->n_out; i++) n += nn_is_report(f, i, &reported);
  return n;
}

/* What a function reports, without what it is. */
static void nn_name_reports(const nn_function *f, nn_value *values) {
  int i, reported, k = 0;
  for (i = 0; i < f->n_out; i++) {
    if (!nn_is_report(f, i, &reported)) continue;
    values[k].name = f->out[i].name;
    values[k++].digits = f->out[i].dtype == NN_F64 ? 17 : 9;
  }
}

/* The reports of a call, out of its outputs. */
static void nn_reports(const nn_function *f, void *const *out, nn_value *values) {
  int i, reported, k = 0;
  nn_name_reports(f, values);
  for (i = 0; i < f->n_out; i++) {
    nn_value *v = &values[k];
    if (!nn_is_report(f, i, &reported)) continue;
    k++;
    v->value = nn_get_real(f->out[i].dtype, out[i]);
    v->left_out = reported >= 0 && !*(const unsigned char *)out[reported];
  }
}

int nn_means_open(nn_means *a, const nn_function *f, nn_err *e) {
  int i;
  memset(a, 0, sizeof *a);
  a->f = f;
  a->n_values = nn_report_count(f);
  a->sums = (double *)nn_alloc((size_t)a->n_values, sizeof *a->sums);
  a->weights = (double *)nn_alloc((size_t)a->n_values, sizeof *a->weights);
  a->values = (nn_value *)nn_alloc((size_t)a->n_values, sizeof *a->values);
  if (!a->sums || !a->weights || !a->values) return nn_fail_memory(e);
  nn_name_reports(f, a->values); /* a run that goes on from a checkpoint may have no call left to name them */
  for (i = 0; i < f->n_out; i++) a->n_losses += !f->out[i].name[0];
  return 0;
}

void nn_means_close(nn_means *a) {
  free(a->sums);
  free(a->weights);
  free(a->values);
  memset(a, 0, sizeof *a);
}

void nn_means_reset(nn_means *a) {
  int i;
  for (i = 0; i < a->n_values; i++) a->sums[i] = a->weights[i] = 0;
}

void nn_means_add(nn_means *a, const nn_feed *feed, size_t n) {
  int i;
  nn_reports(a->f, feed->args + a->f->n_in, a->values);
  for (i = 0; i < a->n_values; i++) {
    if (a->values[i].left_out) continue;
    a->sums[i] += (double)n * a->values[i].value;
    a->weights[i] += (double)n;
  }
}

void nn_means_walk(nn_means *a, nn_pack *k) {
  nn_pack_bytes(k, a->sums, (size_t)a->n_values * sizeof *a->sums);
  nn_pack_bytes(k, a->weights, (size_t)a->n_values * sizeof *a->weights);
}

void nn_means_finish(nn_means *a) {
  int i;
  for (i = 0; i < a->n_values; i++) {
    a->values[i].left_out = a->weights[i] == 0;
    a->values[i].value = a->weights[i] ? a->sums[i] / a->weights[i] : 0;
  }
}

int nn_run_plain(nn_runner *r, int function, nn_value *values) {
  const nn_function *f = &r->s->m->fns[function];
  void **args = nn_args_new(f, 1);
  int code = args ? nn_call(r->s, function, 1, args) : nn_fail_memory(r->e);
  if (!code && values) nn_reports(f, args + f->n_in, values);
  nn_args_free(f, args);
  return code;
}

/* ---- patience */

int nn_watch_open(nn_watch *w, nn_session *s, const nn_loop *loop) {
  memset(w, 0, sizeof *w);
  if (loop->patience <= 0) return 0;
  w->name = loop->watch ? loop->watch : "loss";
  w->mode_max = loop->mode_max;
  w->patience = loop->patience;
  w->bytes = nn_stores_bytes(s->m);
  w->copy = (unsigned char *)nn_alloc(w->bytes, 1);
  return w->copy ? 0 : nn_fail_memory(s->e);
}

void nn_watch_walk(nn_watch *w, nn_pack *k) {
  uint64_t worse = (uint64_t)w->worse, seen = (uint64_t)w->seen;
  if (!w->patience) return;
  nn_pack_upto(k, &worse, INT64_MAX);
  nn_pack_upto(k, &seen, 1);
  nn_pack_real(k, &w->best);
  if (seen) nn_pack_bytes(k, w->copy, w->bytes);
  w->worse = (int64_t)worse;
  w->seen = (int)seen;
}

void nn_watch_close(nn_watch *w, nn_session *s) {
  int i;
  if (w->copy && w->seen && !s->e->code && !nn_stores_fetch(s)) {
    for (i = 0; i < s->m->n_stores; i++) {
      const nn_store *t = &s->m->stores[i];
      if (nn_store_is_weight(t))
        memcpy(nn_store_data(s, t), w->copy + t->offset, t->count * nn_types[t->dtype].size);
    }
    nn_stores_send(s);
  }
  free(w->copy);
  memset(w, 0, sizeof *w);
}

static void nn_watch_look(nn_watch *w, nn_session *s, const nn_event *v) {
  int i;
  for (i = 0; w && w->patience && i < v->n_values; i++) {
    double x = v->values[i].value;
    if (v->values[i].left_out || strcmp(v->values[i].name, w->name)) continue;
    if (x == x && (!w->seen || (w->mode_max ? x > w->best : x < w->best))) {
      w->seen = 1;
      w->best = x;
      w->worse = 0;
      if (nn_stores_fetch(s)) return;
      memcpy(w->copy, s->c.arena, w->bytes);
    } else
      w->worse++;
  }
}

/* ---- the eval */

void nn_evaluation_walk(nn_evaluation *v, nn_pack *k) {
  uint32_t all = v->feed.streams[0].set->n;
  uint64_t left = v->left;
  nn_pack_upto(k, &left, all);
  nn_means_walk(&v->means, k);
  v->left = (size_t)left;
  if (!k->to) v->feed.streams[0].at = all - (uint32_t)left;
}

/* A loss that is NaN ends a training; an accuracy only counts a NaN among its inputs as a miss. So the data are looked at,
   and once is enough. */
static void nn_eval_warn_nan(nn_runner *r, const nn_evaluation *v, size_t n) {
  nn_dataset *set = v->feed.streams[0].set;
  nn_text t;
  memset(&t, 0, sizeof t);
  if (!set->nan_told && nn_feed_nan(&v->feed, n, &t)) {
    set->nan_told = 1;
    nn_logger_clear(r->log);
    fprintf(stderr,
            "warning: %s\n  = note: in eval `%s`, whose reports count it as it is\n"
            "  = help: mend the file, or give the field a computed one: `clean: … = select(x == x, x, 0.0);`\n",
            t.s ? t.s : "a number of the data is NaN", v->ev->name);
  }
  nn_text_free(&t);
}

static int nn_eval_batches(nn_runner *r, nn_evaluation *v) {
  size_t min_n = r->s->m->fns[v->ev->fn].min_n;
  while (v->left) {
    size_t n = v->left < v->feed.batch ? v->left : v->feed.batch;
    if (n < min_n)
      return nn_fail(r->e, NN_EXIT_CONTENT,
                     "eval `%s`: a batch of %zu example%s is left, but it needs at least %zu", v->ev->name, n,
                     n == 1 ? "" : "s", min_n);
    if (nn_feed_next(&v->feed, n, v->feed.args)) return r->e->code;
    nn_eval_warn_nan(r, v, n);
    if (nn_call(r->s, v->ev->fn, n, v->feed.args)) {
      nn_feed_blame(&v->feed, n, 0);
      return r->e->code;
    }
    r->s->c.batch_count++;
    nn_means_add(&v->means, &v->feed, n);
    v->left -= n;
    if (r->o->stop && *r->o->stop) return nn_run_interrupted(r);
  }
  nn_means_finish(&v->means);
  return 0;
}

/* At its first batch; or where a checkpoint was made. */
static int nn_eval_begin(nn_runner *r, nn_evaluation *v) {
  r->eval = v;
  v->left = v->feed.streams[0].set->n;
  if (r->resuming) {
    nn_evaluation_walk(v, &r->keep->rest);
    r->resuming = 0;
    return nn_checkpoints_resumed(r->keep, r->e);
  }
  nn_feed_epoch(&v->feed, 0);
  if ((v->ev->init >= 0 && nn_run_plain(r, v->ev->init, NULL)) || nn_eval_states_init(r->s, v->ev->fn))
    return r->e->code;
  return v->ev->finish < 0 ? 0 : nn_eval_states_init(r->s, v->ev->finish);
}

/* The means, then what `finish` reports, as one event. */
static int nn_eval_report(nn_runner *r, const nn_eval *ev, uint64_t epoch, const nn_means *means,
                          nn_watch *watch) {
  int i, n_finish = ev->finish >= 0 ? nn_report_count(&r->s->m->fns[ev->finish]) : 0;
  nn_value *values = (nn_value *)nn_alloc((size_t)(means->n_values + n_finish), sizeof *values);
  nn_event v;
  if (!values) return nn_fail_memory(r->e);
  for (i = 0; i < means->n_values; i++) values[i] = means->values[i];
  if (ev->finish < 0 || !nn_run_plain(r, ev->finish, values + means->n_values)) {
    memset(&v, 0, sizeof v);
    v.event = "eval";
    v.train = r->train->name;
    v.phase = r->phase;
    v.eval = ev->name;
    v.epoch = epoch;
    v.step = (uint64_t)r->s->c.step;
    v.values = values;
    v.n_values = means->n_values + n_finish;
    nn_logger_event(r->log, &v);
    nn_logger_eval(r->log, &v);
    nn_watch_look(watch, r->s, &v);
  }
  free(values);
  return r->e->code;
}

int nn_run_eval(nn_runner *r, const nn_eval *ev, uint64_t epoch, nn_watch *watch) {
  const nn_function *f = &r->s->m->fns[ev->fn];
  nn_stream_field *inputs = (nn_stream_field *)nn_alloc((size_t)f->n_in, sizeof *inputs);
  nn_evaluation v;
  int i;
  memset(&v, 0, sizeof v);
  v.ev = ev;
  if (!inputs) return nn_fail_memory(r->e);
  for (i = 0; i < f->n_in; i++) inputs[i].field = ev->inputs[i];
  if (!nn_feed_open(&v.feed, r->s, ev->fn, &ev->data, 1, inputs, ev->batch, 0) &&
      !nn_means_open(&v.means, f, r->e) && !nn_eval_begin(r, &v) && !nn_eval_batches(r, &v))
    nn_eval_report(r, ev, epoch, &v.means, watch);
  if (r->e->code && r->e->code < 128 && r->s->c.fault.status) nn_note(r->e, "in eval `%s`", ev->name);
  r->eval = NULL;
  nn_means_close(&v.means);
  nn_feed_close(&v.feed);
  free(inputs);
  return r->e->code;
}
