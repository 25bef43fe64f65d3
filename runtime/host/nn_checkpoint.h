/* Checkpoints: a run's whole state in a file, so that it goes on from there as if it had never stopped.
   (MIT-0)

   NAME.ckpt below the output folder is the newest, NAME.ckpt.old the one before. A new one is written under a
   temporary name and synced; then the newest becomes the old one and the new one the newest: at every moment
   there is a whole one, once there was one. The file:

     "nnc checkpoint 1"                        16 bytes, then what nn_pack.h writes:
     identity   nnc's version; the parts of the model (nn_part) with their hashes
     settings   what the command line said: seed, epochs, …; the values of --set
     stores     name, kind, type, shape, bytes of each
     progress   examples of each data set; counters of the context; steps of the run
     position   of the plan (nn_run.c): item, loop, streams, sums of the epoch, patience, eval
     length of the file, hash of all before     16 bytes

   A file that isn't whole is never looked into further. One that is whole but of another model, or of a run
   with other settings or data, is an error that says what differs. */
#ifndef NN_CHECKPOINT_H
#define NN_CHECKPOINT_H

#include "nn_pack.h"
#include "nn_session.h"

typedef struct nn_run_settings { /* what makes a run this run */
  uint64_t seed, epochs, steps, no_shuffle;
  uint64_t every;    /* steps from one checkpoint to the next, 0: only when a signal stops the run */
  uint64_t first, n; /* train blocks */
} nn_run_settings;

typedef struct nn_checkpoints { /* of one run */
  const nn_model *m;
  char *path, *older;
  nn_run_settings set;
  uint64_t steps; /* of the whole run */
  uint64_t saved; /* `steps` at the last one, where `has_saved` */
  int has_saved;
  int broken;           /* `path` is there and not whole: it must not take the old one's place */
  const char *diverged; /* the parameter for which none was written */
  int tidy;             /* what killed processes left of it is gone */
  nn_out out;           /* of the one being written */
  /* resuming */
  nn_bytes bytes;               /* the whole file */
  const char *used;             /* its name; NULL: not resuming */
  const unsigned char **stores; /* of each store of the model, in `bytes` */
  const unsigned char *options; /* the doubles of --set */
  nn_pack rest;                 /* what was not read yet */
} nn_checkpoints;

int nn_checkpoints_open(nn_checkpoints *c, const nn_model *m, const char *folder, nn_err *e);
void nn_checkpoints_close(nn_checkpoints *c);

/* --resume: finds the newest whole one, and takes settings and stores from it. A damaged newest is a warning.
 */
int nn_checkpoints_find(nn_checkpoints *c, nn_err *e);
/* The same of a file's bytes, which it owns then. */
int nn_checkpoint_parse(nn_checkpoints *c, nn_bytes *b, const char *name, nn_err *e);
/* Fills the session's stores and counters; its data is loaded. `rest` is at the position. */
int nn_checkpoints_restore(nn_checkpoints *c, nn_session *s);
/* After the position was read: it was all there. */
int nn_checkpoints_resumed(nn_checkpoints *c, nn_err *e);

/* Is one due when the run has done so many steps? */
int nn_checkpoints_due(const nn_checkpoints *c, uint64_t steps);
/* Writing one: begin, the position into *k, end. Where a parameter isn't finite none is written: begin gives
   0 and leaves k->to NULL, and `diverged` says which. */
int nn_checkpoint_begin(nn_checkpoints *c, nn_session *s, nn_pack *k);
int nn_checkpoint_end(nn_checkpoints *c, nn_pack *k, nn_err *e);

#endif
