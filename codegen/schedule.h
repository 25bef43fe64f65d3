// The order of execution as a tree: sequences and steps: kernel calls, loops, optimizer calls, copies. What
// `when` guards is no branch of it: a written value is chosen, an optimizer call looks at its own mask.
// Flattened it gives the times that lifetimes are intervals of; a loop is one step.
#ifndef NNC_CODEGEN_SCHEDULE_H
#define NNC_CODEGEN_SCHEDULE_H

#include "codegen/plan.h"

typedef enum SchedKind { SCHED_SEQUENCE, SCHED_STEP } SchedKind;

typedef struct Sched {
  SchedKind kind;
  const Step *step;        // STEP
  struct Sched **children; // of the others
  uint32_t n;
  uint32_t begin, end; // times: begin <= t < end
} Sched;

// The steps of a plan in order, with times.
Sched *schedule_function(const FnPlan *f, Arena *a);

typedef struct Lifetime {
  bool used;
  uint32_t first, last; // times of the first write and the last access, both included
} Lifetime;

// One per buffer of the plan.
Lifetime *schedule_lifetimes(const FnPlan *f, const Sched *s, Arena *a);

// Calls visit(user, step) in order of execution.
void schedule_walk(const Sched *s, void (*visit)(void *user, const Step *step), void *user);

#endif
