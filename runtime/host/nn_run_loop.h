/* A loop of a train block at work: epochs of steps, with what follows each. (MIT-0) */
#ifndef NN_RUN_LOOP_H
#define NN_RUN_LOOP_H

#include "nn_run_eval.h"

typedef struct nn_looper {
  nn_runner *r;
  const nn_loop *loop;
  nn_feed feed;
  nn_means means;
  nn_means group; /* of the batches that make the next step (accumulate) */
  nn_watch watch;
  nn_progress progress;
  uint64_t batches, taken; /* of an epoch; those of this one whose results are there */
  int64_t summed;          /* batches since the last step (accumulate); a checkpoint has none */
  uint64_t done;           /* steps of this loop, over all epochs */
  size_t batch[2];         /* examples of the steps that began and are not taken yet, oldest first */
  int running;             /* how many those are */
  int last;                /* this epoch is the last one */
  int eval;                /* the one at work; -1: in the steps */
  int goes_on;             /* in the middle of an epoch, where a checkpoint was made */
} nn_looper;

/* r->began, for the items of this train. */
int nn_run_began_open(nn_runner *r, const nn_train *t);
void nn_run_began_close(nn_runner *r);

/* Runs it as an item of the plan. */
int nn_run_loop(nn_runner *r, const nn_plan_item *item);

uint64_t nn_looper_epoch(const nn_looper *l);
/* Where it stands, written or read back. */
void nn_looper_walk(nn_looper *l, nn_pack *k);
/* Goes on in the middle of an epoch, where the run is resumed. */
int nn_looper_resume(nn_looper *l);

#endif
