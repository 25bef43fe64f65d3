/* Checkpoints of a run at work: where it stands, and how it goes on from there: see nn_run.h. (MIT-0) */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include "nn_checkpoint_body.h"
#include "nn_run_loop.h"

#include <limits.h>

static void nn_run_walk(nn_runner *r, nn_pack *k) {
  uint64_t block = (uint64_t)r->block, item = (uint64_t)r->item;
  nn_pack_upto(k, &block, r->keep->set.n);
  nn_pack_upto(k, &item, INT_MAX);
  r->block = (int)block;
  r->item = (int)item;
}

static void nn_began_walk(nn_runner *r, nn_pack *k) {
  const uint64_t most = UINT64_C(1) << 53; /* a double counts so far */
  int i;
  for (i = 0; i <= r->item; i++) {
    nn_pack_upto(k, &r->began[i].steps, most);
    nn_pack_upto(k, &r->began[i].epochs, most);
    if (i && (r->began[i].steps < r->began[i - 1].steps || r->began[i].epochs < r->began[i - 1].epochs))
      k->bad = 1;
  }
}

void nn_looper_walk(nn_looper *l, nn_pack *k) {
  uint64_t eval = (uint64_t)(l->eval + 1);
  nn_pack_upto(k, &l->progress.epoch, l->progress.epochs);
  nn_pack_upto(k, &l->progress.step, l->progress.steps);
  nn_pack_upto(k, &l->taken, l->batches);
  nn_pack_u64(k, &l->done);
  nn_pack_upto(k, &eval, (uint64_t)l->loop->n_evals);
  nn_feed_walk(&l->feed, k);
  nn_means_walk(&l->means, k);
  nn_watch_walk(&l->watch, k);
  l->eval = (int)eval - 1;
}

/* ---- writing */

int nn_run_checkpoint(nn_runner *r) {
  nn_pack k;
  nn_logger_publish(r->log); /* what was told before it is not told again */
  if (nn_checkpoint_begin(r->keep, r->s, &k)) return r->e->code;
  if (!k.to) return 0;
  nn_run_walk(r, &k);
  nn_began_walk(r, &k);
  nn_logger_walk(r->log, &k);
  if (r->loop) nn_looper_walk(r->loop, &k);
  if (r->eval) nn_evaluation_walk(r->eval, &k);
  return nn_checkpoint_end(r->keep, &k, r->e);
}

int nn_run_interrupted(nn_runner *r) {
  nn_checkpoints *c = r->keep;
  int code = 128 + *r->o->stop, saved = c && !r->eval && c->has_saved && c->saved == c->steps;
  if (c && !saved && nn_run_checkpoint(r)) return r->e->code;
  if (r->eval)
    nn_fail(r->e, code, "interrupted in eval `%s`", r->eval->ev->name);
  else
    nn_fail(r->e, code, "interrupted after epoch %llu, step %llu",
            (unsigned long long)nn_looper_epoch(r->loop), (unsigned long long)r->s->c.step);
  if (c && c->diverged)
    nn_note(r->e, "no checkpoint was written: `%s` holds a number that is not finite", c->diverged);
  else if (c)
    nn_note(r->e, "`train --resume` goes on from here: %s", c->path);
  return code;
}

/* ---- resuming */

int nn_run_resume(nn_runner *r) {
  const nn_run_settings *set = &r->keep->set;
  nn_pack *k = &r->keep->rest;
  const nn_train *t;
  nn_run_walk(r, k);
  if (k->bad || (uint64_t)r->block >= set->n) return nn_body_wrong(r->keep->used, r->e);
  t = &r->s->m->trains[set->first + (uint64_t)r->block];
  if (r->item >= t->n_items ||
      (t->items[r->item].kind != NN_PLAN_LOOP && t->items[r->item].kind != NN_PLAN_EVAL))
    return nn_body_wrong(r->keep->used, r->e);
  if (nn_run_began_open(r, t)) return r->e->code;
  nn_began_walk(r, k);
  nn_logger_walk(r->log, k);
  if (k->bad) {
    nn_run_began_close(r);
    return nn_body_wrong(r->keep->used, r->e);
  }
  r->resuming = 1;
  return 0;
}

int nn_looper_resume(nn_looper *l) {
  nn_runner *r = l->r;
  nn_pack *k = &r->keep->rest;
  if (!r->resuming) return 0;
  nn_looper_walk(l, k);
  if (l->progress.step > l->done || !l->progress.epoch) k->bad = 1;
  l->last = l->progress.epoch == l->progress.epochs || (r->o->steps && l->done >= r->o->steps);
  l->goes_on = 1;
  if (l->eval >= 0 && !k->bad) return 0; /* what is left is the eval's */
  r->resuming = 0;
  return nn_checkpoints_resumed(r->keep, r->e);
}
