// The verifier's view of shapes and types.
#ifndef NNC_IR_VERIFY_SHAPES_H
#define NNC_IR_VERIFY_SHAPES_H

#include "ir/graph.h"

// NULL, or what is wrong with type, shape or the attributes they follow from. The operands precede n, and
// their number is right.
const char *verify_shape(const Graph *g, const Node *n);

#endif
