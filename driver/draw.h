// `nnc graph`: a function of a program as a picture.
#ifndef NNC_DRIVER_DRAW_H
#define NNC_DRIVER_DRAW_H

#include "driver/options.h"
#include "ir/program.h"

// --function, or the first export, or the first step, to -o (else the standard output); as SVG, which the
// tool `dot` makes, where that name ends in .svg. Gives the exit code.
int draw(const Program *p, const Options *o, Arena *a);

#endif
