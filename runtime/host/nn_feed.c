/* Batches: see nn_feed.h. (MIT-0)
   Every example of a batch is copied field by field, from the source, from the kept results of `prepare`, or
   from `prepare` run for this example now. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include "nn_feed.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void nn_stream_start(const nn_session *s, nn_stream *t, uint32_t epoch) {
  t->at = 0;
  t->epoch = epoch;
  if (t->order) nn_permutation(s->c.seed, epoch, t->set->d->name, t->order, t->set->n);
}

static uint32_t nn_stream_next(const nn_session *s, nn_stream *t) {
  if (t->at == t->set->n) nn_stream_start(s, t, t->epoch + 1);
  t->at++;
  return t->order ? t->order[t->at - 1] : t->at - 1;
}

int nn_feed_open(nn_feed *f, nn_session *s, int function, const int *data, int n_streams,
                 const nn_stream_field *inputs, int64_t batch, int shuffle) {
  int i;
  memset(f, 0, sizeof *f);
  f->s = s;
  f->function = function;
  f->n_streams = n_streams;
  f->inputs = inputs;
  f->batch = n_streams && batch > 0 ? (size_t)batch : 1;
  f->streams = (nn_stream *)nn_alloc((size_t)n_streams, sizeof *f->streams);
  if (!f->streams) return nn_fail_memory(s->e);
  for (i = 0; i < n_streams; i++) {
    nn_stream *t = &f->streams[i];
    if (nn_dataset_get(s, data[i], &t->set)) return s->e->code;
    if (shuffle && t->set->d->shuffle && !(t->order = (uint32_t *)nn_alloc(t->set->n, sizeof *t->order)))
      return nn_fail_memory(s->e);
    nn_stream_start(s, t, 0);
  }
  f->args = nn_args_new(&s->m->fns[function], f->batch);
  return f->args ? 0 : nn_fail(s->e, NN_EXIT_SYSTEM, "out of memory for batches of %zu", f->batch);
}

int nn_feed_ahead(nn_feed *f) {
  f->spare = nn_args_new(&f->s->m->fns[f->function], f->batch);
  return f->spare ? 0 : nn_fail(f->s->e, NN_EXIT_SYSTEM, "out of memory for batches of %zu", f->batch);
}

void nn_feed_swap(nn_feed *f) {
  void **args = f->args;
  f->args = f->spare;
  f->spare = args;
}

void nn_feed_close(nn_feed *f) {
  int i;
  for (i = 0; f->streams && i < f->n_streams; i++) free(f->streams[i].order);
  free(f->streams);
  if (f->args) nn_args_free(&f->s->m->fns[f->function], f->args);
  if (f->spare) nn_args_free(&f->s->m->fns[f->function], f->spare);
  memset(f, 0, sizeof *f);
}

void nn_feed_epoch(nn_feed *f, uint32_t epoch) {
  if (f->n_streams) nn_stream_start(f->s, &f->streams[0], epoch);
}

void nn_feed_walk(nn_feed *f, nn_pack *k) {
  int i;
  for (i = 0; i < f->n_streams; i++) {
    nn_stream *t = &f->streams[i];
    uint64_t epoch = t->epoch, at = t->at;
    nn_pack_upto(k, &epoch, UINT32_MAX);
    nn_pack_upto(k, &at, t->set->n);
    if (k->to) continue;
    nn_stream_start(f->s, t, (uint32_t)epoch);
    t->at = (uint32_t)at;
  }
}

/* Is any input from stream k a computed field that isn't kept? */
static int nn_feed_computes(const nn_feed *f, int k) {
  const nn_function *fn = &f->s->m->fns[f->function];
  const nn_dataset *set = f->streams[k].set;
  int i;
  for (i = 0; i < fn->n_in; i++)
    if (f->inputs[i].stream == k && set->d->fields[f->inputs[i].field].source < 0 &&
        !set->kept[f->inputs[i].field])
      return 1;
  return 0;
}

static const unsigned char *nn_feed_field(const nn_dataset *set, int field, uint32_t example, size_t size) {
  const nn_field *d = &set->d->fields[field];
  if (d->source >= 0) return nn_dataset_row(set, d->source, example);
  if (set->kept[field]) return set->kept[field] + example * size;
  return (const unsigned char *)set->prepare_args[set->prepare_fn->n_in + d->result];
}

int nn_feed_may_ahead(const nn_feed *f, size_t n) {
  int k;
  for (k = 0; k < f->n_streams; k++)
    if (nn_feed_computes(f, k) || n > f->streams[k].set->n - f->streams[k].at) return 0;
  return 1;
}

static int nn_feed_stream(nn_feed *f, int k, size_t n, void **args) {
  const nn_function *fn = &f->s->m->fns[f->function];
  nn_stream *t = &f->streams[k];
  int i, computes = nn_feed_computes(f, k);
  size_t row;
  for (row = 0; row < n; row++) {
    uint32_t example = nn_stream_next(f->s, t);
    if (computes && nn_dataset_prepare(f->s, t->set, example, t->epoch)) return f->s->e->code;
    for (i = 0; i < fn->n_in; i++)
      if (f->inputs[i].stream == k) {
        const nn_field *d = &t->set->d->fields[f->inputs[i].field];
        size_t size = d->count * nn_types[d->dtype].size;
        memcpy((unsigned char *)args[i] + row * size,
               nn_feed_field(t->set, f->inputs[i].field, example, size), size);
      }
  }
  return 0;
}

int nn_feed_next(nn_feed *f, size_t n, void **args) {
  int k;
  for (k = 0; k < f->n_streams; k++)
    if (nn_feed_stream(f, k, n, args)) return f->s->e->code;
  return 0;
}

double nn_feed_output(const nn_feed *f, int k) {
  const nn_function *fn = &f->s->m->fns[f->function];
  return nn_get_real(fn->out[k].dtype, f->args[fn->n_in + k]);
}

static const nn_field *nn_feed_input(const nn_feed *f, int i) {
  return &f->streams[f->inputs[i].stream].set->d->fields[f->inputs[i].field];
}

static const unsigned char *nn_feed_element(const nn_feed *f, int i, size_t k) {
  return (const unsigned char *)f->args[i] + k * nn_types[nn_feed_input(f, i)->dtype].size;
}

/* Which example of the batch in `args` holds a value: element k of input i. Empty where it is of the stream's last
   epoch, whose order is gone. */
static void nn_feed_say(const nn_feed *f, int i, size_t k, size_t n, size_t later, const char *value, nn_text *t) {
  const nn_stream *from = &f->streams[f->inputs[i].stream];
  const nn_field *d = nn_feed_input(f, i);
  size_t back = n - k / d->count + later, at = from->at - back;
  const char *path = d->source >= 0 ? from->set->d->sources[d->source].path : NULL;
  if (from->at < back) return;
  nn_text_addf(t, "`%s` of example %u of data `%s` is %s%s%s", d->name,
               (unsigned)(from->order ? from->order[at] : (uint32_t)at), from->set->d->label, value,
               d->source < 0 ? ", computed in the data block"
               : path        ? ", from "
                             : "",
               path ? path : "");
}

static void nn_feed_note(const nn_feed *f, int i, size_t k, size_t n, size_t later, const char *value) {
  nn_text t;
  memset(&t, 0, sizeof t);
  nn_feed_say(f, i, k, n, later, value, &t);
  if (t.s) nn_note(f->s->e, "%s", t.s);
  nn_text_free(&t);
}

void nn_feed_blame(nn_feed *f, size_t n, size_t later) {
  const nn_model *m = f->s->m;
  const nn_fault *fault = &f->s->c.fault;
  int i = fault->place < (uint32_t)m->n_places ? m->places[fault->place].input : -1;
  const nn_field *d;
  char value[24];
  size_t k;
  if (fault->status != NN_FAULT_INDEX || !f->n_streams || i < 0 || i >= m->fns[f->function].n_in) return;
  d = nn_feed_input(f, i);
  if (nn_types[d->dtype].kind == 'f') return;
  for (k = 0; k < n * d->count; k++)
    if (nn_get_int(d->dtype, nn_feed_element(f, i, k)) == fault->value) {
      snprintf(value, sizeof value, "%lld", (long long)fault->value);
      nn_feed_note(f, i, k, n, later, value);
      return;
    }
}

void nn_feed_doubt(nn_feed *f, size_t n, size_t later) {
  int i;
  size_t k;
  for (i = 0; f->n_streams && i < f->s->m->fns[f->function].n_in; i++) {
    const nn_field *d = nn_feed_input(f, i);
    for (k = 0; nn_types[d->dtype].kind == 'f' && k < n * d->count; k++) {
      double x = nn_get_real(d->dtype, nn_feed_element(f, i, k));
      if (isfinite(x)) continue;
      nn_feed_note(f, i, k, n, later, isnan(x) ? "NaN" : "infinite");
      return;
    }
  }
}

int nn_feed_nan(const nn_feed *f, size_t n, nn_text *t) {
  int i;
  for (i = 0; i < f->s->m->fns[f->function].n_in; i++) {
    const nn_field *d = nn_feed_input(f, i);
    size_t k = nn_find_nan(d->dtype, f->args[i], n * d->count);
    if (k == n * d->count) continue;
    nn_feed_say(f, i, k, n, 0, "NaN", t);
    return 1;
  }
  return 0;
}
