/* Which tensor of a weights' file fills which store: the file of `load … with map = "vgg.map"`. (MIT-0)

   A line names a store by its path and the tensor it takes, which may be transposed: axis i of the store is
   then axis p_i of the tensor. A word that begins with `#`
   begins a comment; words are set apart by spaces or tabs.

     # from PyTorch: a linear layer keeps [out, in]
     net.dense_0.W <- classifier.0.weight transpose 1 0
     net.dense_0.b <- classifier.0.bias */
#ifndef NN_MAP_H
#define NN_MAP_H

#include "nn_array.h"

typedef struct nn_map_line {
  char *store, *source; /* inside the map's text */
  int perm[NN_MAX_RANK];
  int n_perm;                                /* 0: not transposed */
  size_t line, store_at, source_at, perm_at; /* line and columns, from 1 */
} nn_map_line;

typedef struct nn_map {
  const char *path;
  nn_map_line *lines;
  size_t n;
  nn_bytes text;
} nn_map;

/* `path` must outlive the map. Every failure names line and column. */
int nn_map_read(nn_map *m, const char *path, nn_err *e);
void nn_map_free(nn_map *m);

/* The dims of what a tensor of `rank` gives to the line's store; 0, and an error, where its order is none of
   the tensor's axes. */
int nn_map_dims(const nn_map *m, const nn_map_line *l, int rank, const int64_t *dims, int64_t *out,
                nn_err *e);

#endif
