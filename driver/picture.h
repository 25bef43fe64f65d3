// A function as a picture, in DOT. Layers are clusters, nested as their instance paths are, or one box when
// they are closed; a box tells its operation and its shape. Numbers that stand in the source are left out,
// derivatives are one box between the loss and the optimizer.
#ifndef NNC_DRIVER_PICTURE_H
#define NNC_DRIVER_PICTURE_H

#include "ir/base/strbuf.h"
#include "ir/program.h"

// Function `id` as a digraph; only what its results and effects depend on. Layers at `depth` are closed; 0
// opens as much as can be looked at: everything; or all layers that hold others; or those less and less deep.
void picture(const Program *p, uint32_t id, uint32_t depth, StrBuf *out);

#endif
