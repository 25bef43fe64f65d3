/* What a checkpoint says before the position: see nn_checkpoint.h. (MIT-0) */
#ifndef NN_CHECKPOINT_BODY_H
#define NN_CHECKPOINT_BODY_H

#include "nn_checkpoint.h"

/* Identity, settings, stores, progress. */
void nn_body_write(nn_checkpoints *c, const nn_session *s, nn_pack *k);
/* Identity, settings and stores, compared with the model; what is left in *k is the progress. */
int nn_body_read(nn_checkpoints *c, nn_pack *k, const char *name, nn_err *e);
/* The progress, compared with the session's data sets. */
int nn_body_progress(nn_checkpoints *c, nn_session *s, nn_pack *k);
/* Whether a checkpoint holds it: what a loop computes again when it goes on is left out. */
int nn_store_is_saved(const nn_store *t);
/* What a file that is whole and still can't be read is. */
int nn_body_wrong(const char *name, nn_err *e);

#endif
