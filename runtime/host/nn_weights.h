/* Weights between files and stores. (MIT-0)

   --weights fills every parameter and state by path and shape, converting between float types; the message of
   a failure lists every difference (missing, extra, of another shape or type). `load` and `save` items name
   their stores; a file that ends in .npy holds the one store of the item. */
#ifndef NN_WEIGHTS_H
#define NN_WEIGHTS_H

#include "nn_session.h"

/* All parameters and states of the model; `partial`: missing ones are accepted and named. */
int nn_weights_load(nn_session *s, const char *path, int partial);
int nn_weights_save(nn_session *s, const char *path);

/* A `load` looks below the output folder first, then below the data folder; a `save` goes below the output
 * folder. */
int nn_weights_load_item(nn_session *s, const nn_file *file);
int nn_weights_save_item(nn_session *s, const nn_file *file);

#endif
