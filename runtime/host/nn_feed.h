/* Batches: what a step or an eval is given. (MIT-0)

   A stream walks over a data set in the order of the epoch's permutation (or of the file); at the end it
   begins anew with its next epoch, so that it can be longer than the set. A feed fills the input arrays of
   one function with the next n examples of its streams, field by field. */
#ifndef NN_FEED_H
#define NN_FEED_H

#include "nn_dataset.h"
#include "nn_pack.h"

typedef struct nn_stream {
  nn_dataset *set;
  uint32_t *order; /* NULL: as in the file */
  uint32_t at;     /* next position in the order */
  uint32_t epoch;  /* from 0 */
} nn_stream;

typedef struct nn_feed {
  nn_session *s;
  int function;
  nn_stream *streams;
  int n_streams;
  const nn_stream_field *inputs; /* for each input of the function */
  void **args;                   /* inputs, then outputs, sized for a whole batch */
  void **spare;                  /* as args, for the batch after it; NULL: nobody is ahead */
  size_t batch;                  /* largest n of a call */
} nn_feed;

/* The streams of `data` (indices of m->data); `shuffle` 0: never, whatever the data says.
   n_streams 0: no data, and the arrays are for n = 1. */
int nn_feed_open(nn_feed *f, nn_session *s, int function, const int *data, int n_streams,
                 const nn_stream_field *inputs, int64_t batch, int shuffle);
void nn_feed_close(nn_feed *f);

/* Begins an epoch: the first stream at its start; the others go on where they were. */
void nn_feed_epoch(nn_feed *f, uint32_t epoch);
/* Where the streams stand, written or read back. */
void nn_feed_walk(nn_feed *f, nn_pack *k);
/* Fills the inputs of `args` or `spare` with the next n examples. */
int nn_feed_next(nn_feed *f, size_t n, void **args);
/* Makes `spare`, so that a batch may be filled while the one in `args` is at work. */
int nn_feed_ahead(nn_feed *f);
/* May the next n examples be filled now, with a batch at work? Not where that would call the model, nor where a
   stream begins anew and nn_feed_blame could no longer say which examples the batch had. */
int nn_feed_may_ahead(const nn_feed *f, size_t n);
/* Exchanges `args` and `spare`. */
void nn_feed_swap(nn_feed *f);
/* The value of the k-th output, a real scalar. */
double nn_feed_output(const nn_feed *f, int k);
/* After a fault: adds which example held the offending value, when an integer field of the batch shows it. `later`:
   how many examples were filled after that batch. */
void nn_feed_blame(nn_feed *f, size_t n, size_t later);
/* After a loss that is not finite: adds which example of the batch held such a number already. */
void nn_feed_doubt(nn_feed *f, size_t n, size_t later);
/* Is a NaN in the inputs of this batch, the last one filled? Then `t` gets which example holds the first. */
int nn_feed_nan(const nn_feed *f, size_t n, nn_text *t);

#endif
