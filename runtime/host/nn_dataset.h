/* The examples of one data block, in memory. (MIT-0)

   A data set is read once, when it is first needed: each source becomes an array [n, example…] of the field's
   type, `split` already applied. Checked: the file's shape, that its type may be converted, that all sources
   have the same number of examples, that there is one. Limit: fewer than 2^32 examples.
   Computed fields are the results of the model's `prepare` for one example. They are kept for all examples
   when `prepare` draws nothing and they need at most 2 GiB; otherwise it runs for each example of each batch,
   its draws keyed by (seed, epoch, example), `example` being the index in the data set after the split.

   Parts of a split are consecutive examples of its permutation, those of a text consecutive windows.

   The permutation of n (language.md, "Data"): for i = n-1 … 1 swap i with floor(u * (i + 1)), u the Philox
   double of key = seed, counter = (i, epoch, 0, FNV-1a of the data's name). */
#ifndef NN_DATASET_H
#define NN_DATASET_H

#include "nn_session.h"

typedef struct nn_dataset {
  const nn_data *d;
  uint32_t n;             /* examples */
  unsigned char **source; /* [n_sources]: the examples; see nn_dataset_row */
  unsigned char **kept;   /* [n_fields]: computed fields of all examples, or NULL */
  const nn_function *prepare_fn;
  void **prepare_args; /* of `prepare`: rows of the sources, then arrays for its results */
  int nan_told;        /* an eval has warned of a NaN in it */
} nn_dataset;

/* The data set of m->data[index], read now if it wasn't yet. */
int nn_dataset_get(nn_session *s, int index, nn_dataset **out);
void nn_dataset_free(nn_dataset *set);

/* Where an example of source k begins; windows of a text may overlap. */
unsigned char *nn_dataset_row(const nn_dataset *set, int k, uint32_t example);

/* Runs `prepare` for one example; its results lie in prepare_args, after the inputs. */
int nn_dataset_prepare(nn_session *s, nn_dataset *set, uint32_t example, uint32_t epoch);

void nn_permutation(uint64_t seed, uint32_t epoch, const char *name, uint32_t *order, uint32_t n);

#endif
