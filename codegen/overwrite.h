// Memory taken over in place: a kernel that reads a dying buffer only at the place it writes may write there.
#ifndef NNC_CODEGEN_OVERWRITE_H
#define NNC_CODEGEN_OVERWRITE_H

#include "codegen/plan.h"

// The store `to` of kernel k may write over the scratch buffer `in`, if no later step reads `in`. Both hold
// tensors of one type and shape.
bool kernel_overwrites(const FnPlan *f, const Kernel *k, const Put *to, uint32_t in);

// Gives each scratch buffer that may take over a dying one's memory the same `memory`. The order of steps is
// final by now.
void overwrite_buffers(FnPlan *f);

#endif
