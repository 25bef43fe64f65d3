/* A loop of a train block: see nn_run_loop.h. (MIT-0) */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include "nn_run_loop.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

uint64_t nn_looper_epoch(const nn_looper *l) { return (uint64_t)l->r->s->c.epoch + 1; }

static nn_event nn_looper_event(const nn_looper *l, const char *event) {
  nn_event v;
  memset(&v, 0, sizeof v);
  v.event = event;
  v.train = l->r->train->name;
  v.phase = l->r->phase;
  v.epoch = nn_looper_epoch(l);
  v.step = (uint64_t)l->r->s->c.step;
  v.values = l->means.values;
  v.n_values = l->means.n_values;
  return v;
}

/* ---- one step */

static int nn_looper_not_finite(nn_looper *l, const char *name) {
  if (*name) return nn_fail(l->r->e, NN_EXIT_DIVERGED, "training diverged: `%s` is not finite", name);
  return nn_fail(l->r->e, NN_EXIT_DIVERGED, "training diverged: the loss is not finite");
}

/* Outputs named "" are the losses; without any, all reports are judged. One that is not made is 0. */
static int nn_looper_check(nn_looper *l) {
  const nn_function *f = l->means.f;
  int i;
  for (i = 0; i < f->n_out; i++)
    if (f->out[i].use == NN_USE_VALUE && (!f->out[i].name[0] || !l->means.n_losses) &&
        !isfinite(nn_feed_output(&l->feed, i)))
      return nn_looper_not_finite(l, f->out[i].name);
  return 0;
}

static int nn_looper_too_small(nn_looper *l, size_t n) {
  return nn_fail(l->r->e, NN_EXIT_CONTENT,
                 "a batch of %zu example%s is left at the end of the epoch, but a step needs at least %zu"
                 " (drop_last leaves it out)",
                 n, n == 1 ? "" : "s", l->means.f->min_n);
}

/* `before`: steps that began earlier and are not taken yet. */
static int nn_looper_note(nn_looper *l, int before) {
  const nn_runner *r = l->r;
  return nn_note(r->e, "in train `%s`%s%s, epoch %llu, step %llu", r->train->name, r->phase ? ", phase " : "",
                 r->phase ? r->phase : "", (unsigned long long)nn_looper_epoch(l),
                 (unsigned long long)r->s->c.step + (unsigned)before + 1);
}

static int nn_looper_fill(nn_looper *l, size_t n, void **args) {
  if (l->loop->n_streams) return nn_feed_next(&l->feed, n, args);
  if (l->means.f->n_in) {
    int32_t i = (int32_t)(l->loop->first + (int64_t)l->taken + l->running);
    memcpy(args[0], &i, sizeof i);
  }
  return 0;
}

/* The first half of a step: its batch. A backend begins to compute. */
static int nn_looper_begin(nn_looper *l, size_t n) {
  void **args = l->running ? l->feed.spare : l->feed.args;
  if (n < l->means.f->min_n) return nn_looper_too_small(l, n);
  if (nn_looper_fill(l, n, args) || nn_call_start(l->r->s, l->loop->step, n, args))
    return nn_looper_note(l, l->running);
  l->batch[l->running++] = n;
  return 0;
}

/* With `accumulate`: the step that the group of batches makes, if it is complete. Their reports become means.
 */
static int nn_looper_apply(nn_looper *l) {
  if (l->summed < l->loop->accumulate && l->taken < l->batches) return 0;
  if (nn_run_plain(l->r, l->loop->apply, NULL)) return nn_looper_note(l, 0);
  nn_means_finish(&l->group);
  l->summed = 0;
  return 0;
}

/* The second half of the oldest step that began: its results. */
static int nn_looper_end(nn_looper *l) {
  nn_runner *r = l->r;
  size_t n = l->batch[0];
  nn_event v;
  if (nn_call_finish(r->s, l->loop->step, n, l->feed.args)) {
    nn_feed_blame(&l->feed, n, l->running > 1 ? l->batch[1] : 0);
    return nn_looper_note(l, 0);
  }
  if (nn_looper_check(l)) {
    nn_feed_doubt(&l->feed, n, l->running > 1 ? l->batch[1] : 0);
    return nn_looper_note(l, 0);
  }
  r->s->c.batch_count++;
  l->taken++;
  l->progress.samples += n;
  nn_means_add(&l->means, &l->feed, n);
  if (l->loop->apply >= 0) {
    if (!l->summed++) nn_means_reset(&l->group);
    nn_means_add(&l->group, &l->feed, n);
  }
  l->batch[0] = l->batch[1];
  if (--l->running) nn_feed_swap(&l->feed);
  if (l->loop->apply >= 0 && nn_looper_apply(l)) return r->e->code;
  if (l->summed) return 0;
  r->s->c.step++;
  if (r->keep) r->keep->steps++;
  l->done++;
  l->progress.step++;
  v = nn_looper_event(l, "step");
  if (l->loop->apply >= 0) v.values = l->group.values;
  nn_logger_event(r->log, &v);
  nn_logger_step(r->log, &v, &l->progress);
  return 0;
}

static int nn_looper_end_all(nn_looper *l) {
  while (l->running)
    if (nn_looper_end(l)) return l->r->e->code;
  return 0;
}

/* ---- one epoch */

/* How many batches this epoch has: fewer where --steps ends the loop in it. */
static uint64_t nn_looper_count(nn_looper *l) {
  uint64_t most = l->r->o->steps, before = l->done - l->progress.step, batches;
  if (!most || most - before > l->progress.steps) return l->batches;
  l->last = 1;
  batches = (most - before) * (uint64_t)l->loop->accumulate;
  return batches < l->batches ? batches : l->batches;
}

/* A checkpoint, where one is due after the steps that began. */
static int nn_looper_checkpoint(nn_looper *l) {
  nn_runner *r = l->r;
  if (!r->keep || l->summed || !nn_checkpoints_due(r->keep, r->keep->steps + (uint64_t)l->running)) return 0;
  return nn_looper_end_all(l) ? r->e->code : nn_run_checkpoint(r);
}

/* One batch at a time; where a backend computes, one begins while the one before is at work. Who asks to stop
   waits for the step of a group. */
static int nn_looper_steps(nn_looper *l) {
  const nn_runner *r = l->r;
  const nn_stream *first = l->loop->n_streams ? &l->feed.streams[0] : NULL;
  size_t left = first ? first->set->n - first->at : 0;
  uint64_t i, batches = nn_looper_count(l);
  int ahead = l->feed.spare != NULL, stopped = 0;
  for (i = l->taken; i < batches && !stopped; i++) {
    size_t n = left && left < l->feed.batch ? left : l->feed.batch;
    if ((n < l->means.f->min_n || !nn_feed_may_ahead(&l->feed, n)) && nn_looper_end_all(l)) return r->e->code;
    if (nn_looper_begin(l, n) || (l->running > ahead && nn_looper_end(l))) return r->e->code;
    left -= left ? n : 0;
    stopped = r->o->stop && *r->o->stop && !l->summed;
    if (nn_looper_checkpoint(l)) return r->e->code;
  }
  if (nn_looper_end_all(l)) return r->e->code;
  if (stopped) return nn_run_interrupted(l->r);
  nn_means_finish(&l->means);
  return 0;
}

static int nn_looper_evals(nn_looper *l) {
  for (l->eval = l->eval < 0 ? 0 : l->eval; l->eval < l->loop->n_evals; l->eval++) {
    const nn_eval *ev = &l->loop->evals[l->eval];
    if (!l->last && ev->every > 1 && l->progress.epoch % (uint64_t)ev->every) continue;
    if (nn_run_eval(l->r, ev, nn_looper_epoch(l), &l->watch)) return l->r->e->code;
  }
  l->eval = -1;
  return 0;
}

/* The epoch's event: the means over its steps, then what the `then` block reports. */
static int nn_looper_report(nn_looper *l) {
  nn_runner *r = l->r;
  nn_event v = nn_looper_event(l, "epoch");
  int n_then = l->loop->then >= 0 ? nn_report_count(&r->s->m->fns[l->loop->then]) : 0;
  nn_value *values = (nn_value *)nn_alloc((size_t)(l->means.n_values + n_then), sizeof *values);
  if (!values) return nn_fail_memory(r->e);
  memcpy(values, l->means.values, (size_t)l->means.n_values * sizeof *values);
  if (l->loop->then >= 0 && nn_run_plain(r, l->loop->then, values + l->means.n_values))
    nn_note(r->e, "in a `then` block");
  else {
    v.values = values;
    v.n_values = l->means.n_values + n_then;
    nn_logger_event(r->log, &v);
    nn_logger_epoch(r->log, &v, &l->progress);
  }
  free(values);
  return r->e->code;
}

static void nn_looper_begin_epoch(nn_looper *l) {
  l->progress.epoch++;
  l->progress.step = l->taken = 0;
  l->last = l->progress.epoch == l->progress.epochs;
  nn_feed_epoch(&l->feed, (uint32_t)(l->progress.epoch - 1));
  nn_means_reset(&l->means);
}

static int nn_looper_one_epoch(nn_looper *l) {
  nn_runner *r = l->r;
  if (!l->goes_on) nn_looper_begin_epoch(l);
  l->goes_on = 0;
  if (l->eval < 0 && (nn_looper_steps(l) || nn_looper_report(l))) return r->e->code;
  if (nn_looper_evals(l)) return r->e->code;
  r->s->c.epoch++;
  nn_logger_flush(r->log);
  return 0;
}

/* ---- the loop */

static int nn_looper_open(nn_looper *l) {
  nn_runner *r = l->r;
  const nn_loop *loop = l->loop;
  if (nn_feed_open(&l->feed, r->s, loop->step, loop->streams, loop->n_streams, loop->inputs, loop->batch,
                   !r->o->no_shuffle) ||
      nn_means_open(&l->means, &r->s->m->fns[loop->step], r->e) ||
      nn_means_open(&l->group, &r->s->m->fns[loop->step], r->e) || nn_watch_open(&l->watch, r->s, loop) ||
      (r->s->m->backend && loop->apply < 0 && nn_feed_ahead(&l->feed)))
    return r->e->code;
  l->progress.epochs = r->o->epochs ? r->o->epochs : (uint64_t)(loop->epochs > 0 ? loop->epochs : 0);
  if (loop->n_streams) {
    size_t n = l->feed.streams[0].set->n, batch = l->feed.batch;
    l->batches = loop->drop_last ? n / batch : n / batch + (n % batch != 0);
    if (!l->batches)
      return nn_fail(r->e, NN_EXIT_CONTENT,
                     "train `%s` would run zero steps: data `%s` has %zu example%s, less than one "
                     "batch of %zu, and drop_last is set",
                     r->train->name, l->feed.streams[0].set->d->label, n, n == 1 ? "" : "s", batch);
  } else
    l->batches = (uint64_t)(loop->count > 0 ? loop->count : 0);
  l->progress.steps = (l->batches + (uint64_t)loop->accumulate - 1) / (uint64_t)loop->accumulate;
  if (!l->progress.steps || !l->progress.epochs)
    return nn_fail(r->e, NN_EXIT_CONTENT, "train `%s` would run zero steps", r->train->name);
  nn_logger_loop(r->log, l->means.n_values);
  return 0;
}

/* Stops early when the watched report got no better, or when --steps is reached. */
static int nn_looper_ends(const nn_looper *l) {
  return l->last || (l->watch.patience && l->watch.worse >= l->watch.patience);
}

/* What all steps share. Stores may have changed since the loop before, and a checkpoint doesn't hold it. */
static int nn_looper_invariant(nn_looper *l) {
  if (l->loop->invariant < 0) return 0;
  return nn_run_plain(l->r, l->loop->invariant, NULL) ? nn_looper_note(l, 0) : 0;
}

int nn_run_loop(nn_runner *r, const nn_plan_item *item) {
  nn_looper l;
  memset(&l, 0, sizeof l);
  l.r = r;
  l.loop = item->loop;
  l.eval = -1;
  r->loop = &l;
  if (!nn_looper_open(&l) && !nn_looper_resume(&l) && !nn_looper_invariant(&l))
    while (!nn_looper_one_epoch(&l) && !nn_looper_ends(&l)) {
    }
  if (!r->e->code && l.watch.patience && !l.watch.seen)
    nn_fail(r->e, NN_EXIT_CONTENT,
            "train `%s`: patience watches `%s`, but no eval reported a number by this name", r->train->name,
            l.watch.name);
  r->loop = NULL;
  nn_watch_close(&l.watch, r->s);
  nn_means_close(&l.means);
  nn_means_close(&l.group);
  nn_feed_close(&l.feed);
  return r->e->code;
}
