// Every function of a program planned: kernels, order, memory. What is emitted and what is reported are both
// read off this, so they agree.
#ifndef NNC_CODEGEN_PLAN_PROGRAM_H
#define NNC_CODEGEN_PLAN_PROGRAM_H

#include "codegen/schedule.h"

typedef struct ProgramPlan {
  const Program *program;
  FnPlan **plans; // one per function
  Sched **scheds;
  uint64_t *store_offsets;
  uint64_t store_bytes; // where every function's scratch begins
  uint64_t arena_bytes; // enough for every function
} ProgramPlan;

// The graphs must be free of GRAD, PROJ and CUSTOM_VJP. Every memory plan is verified.
ProgramPlan plan_program(const Program *p, Arena *a);

#endif
