// `nnc graph`: a program's functions as a picture, in DOT. Layers are clusters, nested as their instance
// paths are; a node tells its operation and its shape; numbers that stand in the source are left out.
#ifndef NNC_DRIVER_DRAW_H
#define NNC_DRIVER_DRAW_H

#include "driver/options.h"
#include "ir/base/strbuf.h"
#include "ir/program.h"

// Function `id` as a digraph; only what its results and effects depend on.
void draw_function(const Program *p, uint32_t id, StrBuf *out);

// The command: --function, or the first export, or the first step, to -o (else the standard output); as SVG,
// which the tool `dot` makes, where that name ends in .svg. Gives the exit code.
int draw(const Program *p, const Options *o, Arena *a);

#endif
