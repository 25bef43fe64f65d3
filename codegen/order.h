// The order of execution, chosen for memory. Steps may run in any order that keeps what they read and write;
// between the first write of a scratch buffer and its last read its bytes are taken. The order wanted is one
// whose largest set of live buffers is small.
//
// Optimizer calls without clipping are elementwise, so each parameter is a step of its own here: its update
// may follow its gradient at once, and the gradient's memory is free again. Afterwards updates are put
// together again wherever that costs no memory, so that a step has few calls.
#ifndef NNC_CODEGEN_ORDER_H
#define NNC_CODEGEN_ORDER_H

#include "codegen/plan.h"

// Reorders f->steps.
void order_steps(FnPlan *f);

// The gradients of an OPTIMIZE node are scaled to a norm, all of them together.
bool optimizer_clips(const FnPlan *f, NodeId v);

// ---- for its tests
typedef struct Order Order;
// What must come before what among the steps of a plan, and the memory they take.
Order *order_new(const FnPlan *f, Arena *a);
uint32_t order_length(const Order *o);
// Step i must run before step j, and nothing else says so: an edge of the graph of dependencies.
bool order_edge(const Order *o, uint32_t i, uint32_t j);
// The largest set of live scratch buffers, in bytes, when the steps run in this sequence.
uint64_t order_peak(Order *o, const uint32_t *sequence);

#endif
