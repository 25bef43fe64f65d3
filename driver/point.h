// Where `nnc test --gradients` looks at gradients: the stores as they are initialised from seed 0, the
// parameters then moved a little each, because at the values they often begin with (zeros, ones) much is zero
// or in a tie that is not so in training; a batch of the model's data, or drawn inputs where its files aren't
// there; draws of one call.
#ifndef NNC_DRIVER_POINT_H
#define NNC_DRIVER_POINT_H

#include "driver/options.h"
#include "ir/program.h"

#include "nn_session.h"

typedef struct Points {
  const Program *p; // after the passes
  const nn_model *m;
  nn_session session;
  nn_err error;
  Scalar **initial, **moved; // the stores
  double *options;
  const char *no_data; // why a batch was drawn; NULL: none was
  bool data_given;     // --data: a file that can't be read is an error
} Points;

typedef struct Point {
  const Points *all;
  FnKind kind;
  int64_t n; // the dynamic size
  const Scalar **inputs;
  uint32_t n_inputs;
  const char *from; // "4 examples of mnist"
  bool moved;       // the parameters are
} Point;

// 0, or the exit code of what is said.
int points_open(Points *s, const Program *p, const Options *o, Arena *a);
void points_close(Points *s);

// For function `fn`, whose graph before the passes is g; *status: not 0 where data that were asked for can't
// be had.
Point point_of(Points *s, uint32_t fn, const Graph *g, int *status, Arena *a);

// Evaluates a graph made of the function's; the stores stay as they are. `more`: arguments after the
// function's.
bool point_eval(const Point *at, const Graph *g, const Scalar *const *more, uint32_t n_more, Scalar **roots,
                Arena *a);

// The i-th number of sequence `sequence`, in [0, 1).
double point_draw(uint32_t sequence, uint32_t i);

#endif
