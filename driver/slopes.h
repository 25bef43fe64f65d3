// A gradient against differences of the expression it is of (passes/probe.h), in the interpreter in f64.
//
// Of each target (of some, where that takes too long) elements are moved, half of them those with the largest
// gradients, and then all of its elements, and all of all targets, along random directions. (f(x + h) - f(x -
// h)) / 2h is first formed with h = 1e-5, and where that disagrees, since there is a bend or a jump between,
// with smaller ones; no step agrees with a wrong gradient. A bend or jump at x itself is a *kink*: the slopes
// to both sides stay apart however small the step is, and the gradient lies between them.
#ifndef NNC_DRIVER_SLOPES_H
#define NNC_DRIVER_SLOPES_H

#include "driver/point.h"
#include "passes/probe.h"

typedef struct Slope { // one target's, or that along directions through all
  uint32_t compared, kinks, wrong;
  int64_t at;   // the worst: which element, -1: along a direction
  double error; // relative; right: at most 1e-5
  double gradient, numeric;
} Slope;

typedef struct Slopes {
  const char *fault; // what stopped the evaluation; NULL: nothing
  Slope *target;     // by target of the probe
  Slope all;
  double *largest; // by target: the largest of the magnitudes of its gradient
  bool flat;       // no difference is other than zero
} Slopes;

typedef struct Effort {
  uint32_t elements; // most of one target
  uint32_t every;    // each how-many-th target is looked at on its own; all are together
} Effort;

Slopes slopes_compare(const Point *at, const Probe *probe, Effort effort, Arena *a);

#endif
