// The run-time descriptor (nn_model.h) of a Program, made in memory: what codegen prints as a constant, for
// whoever runs the program without compiling it. Functions have no code: the caller sets `call` and
// `call_user`.
#ifndef NNC_DRIVER_DESCRIPTOR_H
#define NNC_DRIVER_DESCRIPTOR_H

#include "ir/program.h"
#include "nn_model.h"

// Stores lie in the arena in their order, each at a multiple of 64. Places are the nodes that may fault, by
// function and then by id.
nn_model *descriptor_make(const Program *p, const char *version, bool keep_subnormals, Arena *a);

// Number of elements where the dynamic size is n.
size_t elements(const Shape *s, int64_t n);
// An index from data or an integer division: its evaluation may stop the call.
bool node_may_fault(const Node *n);

#endif
