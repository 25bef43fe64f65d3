/* Weights between files and stores. (MIT-0)

   --weights fills parameters and states by path and shape, converting between float types; the message of a
   failure lists every difference (missing, extra, of another shape or type). A file for `train` has them all;
   `predict` and `eval` take any part of the program's stores that holds what they read, such as the file of a
   `save` item for one of several models. `load` and `save` items name their stores; a file that ends in .npy
   holds the one store of the item. A map (nn_map.h) gives stores the tensors of other names and orders. */
#ifndef NN_WEIGHTS_H
#define NN_WEIGHTS_H

#include "nn_session.h"

/* `needs` marks the stores without which nothing can run (others may be missing, slots of optimizers may be
   there); NULL: the file has all parameters and states and nothing else. `partial`: what is missed is
   accepted and named. */
int nn_weights_load(nn_session *s, const char *path, const unsigned char *needs, int partial);
int nn_weights_save(nn_session *s, const char *path);

/* A `load` looks below the output folder first, then below the data folder; a `save` goes below the output
 * folder. */
int nn_weights_load_item(nn_session *s, const nn_file *file);
int nn_weights_save_item(nn_session *s, const nn_file *file);

#endif
