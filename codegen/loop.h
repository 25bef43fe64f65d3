// Loops: a SCAN becomes a step whose body is planned as a function of its own (Loop in plan.h).
#ifndef NNC_CODEGEN_LOOP_H
#define NNC_CODEGEN_LOOP_H

#include "codegen/plan.h"

// Appends to the plan the kernels that give the carries of this SCAN their first values, and the loop itself.
void plan_loop(FnPlan *f, const bool *has_buffer, NodeId scan);
// "The value of v, to this buffer of its shape" as a step: a copy, or a kernel where the elements lie
// otherwise or v has no memory.
Step plan_copy(FnPlan *f, const bool *has_buffer, NodeId v, uint32_t to);

#endif
