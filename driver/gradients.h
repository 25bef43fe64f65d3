// `nnc test --gradients`: every gradient of a model, of `minimize` and of `grad(…)`, against differences.
#ifndef NNC_DRIVER_GRADIENTS_H
#define NNC_DRIVER_GRADIENTS_H

#include "driver/options.h"
#include "ir/program.h"

// `p`: after the passes; `written`: by function, its graph before them. Gives the exit code: EXIT_FAILED
// where a gradient is wrong.
int gradients_check(const Program *p, const Graph *const *written, const Options *o, Arena *a);

#endif
