/* Running a train block: its plan, or just its evals. (MIT-0)

   `step` and `epoch` of the context count what is completed since the enclosing train or phase began, the
   steps of its phases too;
   batch_count counts every executed batch of steps and evals. An epoch is: the steps, the `then` block, the
   evals whose turn it is; then `epoch` grows. With `accumulate` a step is a group of batches, then `apply`;
   its reports are the means over the group. With a limit on steps the epoch in which it is reached is the
   last one. Reports of steps and evals are averaged weighted by examples; those of `finish` stand as they
   are. `patience` copies all stores at each best value of the watched report and puts parameters and states
   back when the loop ends. A loss that is not finite ends the program with exit 4: a step's outputs named ""
   are its losses; a step that has none is judged by all its reports. Where a backend computes, a step begins
   before the results of the one before are taken (but where steps are groups); what is told, and what ends
   the training, is the same (runtime/cuda/README.md).

   A checkpoint is made between two steps, or two batches of an eval: its position is the item of the plan and
   how far that is, the loop's part and then the eval's. Each part is read back by the one that wrote it, when
   the run has come there again. */
#ifndef NN_RUN_H
#define NN_RUN_H

#include "nn_checkpoint.h"
#include "nn_feed.h"
#include "nn_logger.h"

#include <signal.h>

typedef struct nn_run_options {
  uint64_t epochs, steps; /* instead of the model's; 0: not given */
  int no_shuffle;
  const volatile sig_atomic_t
      *stop; /* the signal that asks to stop after this step, 0: none; NULL: nobody asks */
} nn_run_options;

typedef struct nn_began { /* what the train has completed when an item of it begins */
  uint64_t steps, epochs;
} nn_began;

typedef struct nn_runner {
  nn_session *s;
  nn_logger *log;
  const nn_run_options *o;
  const nn_train *train;
  const char *phase; /* of the running item */
  nn_err *e;
  nn_checkpoints *keep;   /* NULL: none are written */
  int resuming;           /* the position was not read to its end yet */
  int block, item;        /* of the run's train blocks, and of the block */
  nn_began *began;        /* of the block's items, up to the running one */
  struct nn_looper *loop; /* at work; NULL: none */
  struct nn_evaluation *eval;
} nn_runner;

/* Goes on where the checkpoint was made, whose stores are restored: the next nn_run_train, of block `block`,
   begins there. */
int nn_run_resume(nn_runner *r);
/* Writes one, of where the run stands now. */
int nn_run_checkpoint(nn_runner *r);
/* After a step, or a batch of an eval, at which a signal asks to stop: writes a checkpoint, and gives the
   exit code of the signal. */
int nn_run_interrupted(nn_runner *r);
/* Reads all data the block needs, so that mistakes there show before training. */
int nn_run_load_data(nn_runner *r, const nn_train *t);
int nn_run_train(nn_runner *r, const nn_train *t);
/* Every eval of the block, once, in order; how many there were goes to *n. */
int nn_run_evals(nn_runner *r, const nn_train *t, int *n);
/* Marks, by store, what these evals read. */
void nn_run_evals_need(const nn_model *m, const nn_train *t, unsigned char *needs);

#endif
