// Folding of one node: the constant it is, computed as the program would compute it.
#ifndef NNC_PASSES_FOLD_H
#define NNC_PASSES_FOLD_H

#include "ir/build.h"

// The constant equal to n, whose inputs are in b->g; NO_NODE where there is none or its bits are not known
// here (exp and the like are the runtime's, subnormals are flushed or kept by a flag).
NodeId fold_node(Builder *b, const Node *n);

#endif
