// Every function of a program planned: kernels, order, memory. What is emitted and what is reported are both
// read off this, so they agree.
#ifndef NNC_CODEGEN_PLAN_PROGRAM_H
#define NNC_CODEGEN_PLAN_PROGRAM_H

#include "codegen/schedule.h"

typedef struct ProgramPlan {
  const Program *program;
  uint32_t align; // of stores and buffers
  FnPlan **plans; // one per function
  Sched **scheds;
  uint64_t *store_offsets;
  uint64_t store_bytes; // where every function's scratch begins
  uint64_t arena_bytes; // enough for every function
  uint64_t slot_bytes;  // of it, what optimizers keep: behind all else (plan_slots)
} ProgramPlan;

// The graphs must be free of GRAD, PROJ and CUSTOM_VJP. Every memory plan is verified.
ProgramPlan plan_program(const Program *p, uint32_t align, Arena *a);
// Gives the slots and counts of optimizers their places, at the arena's end: who only calls exports needs none of them.
void plan_slots(ProgramPlan *plan);

#endif
