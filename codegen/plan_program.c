// Functions are planned one after the other; they share the stores and use the rest of the arena in turn.
#include "codegen/plan_program.h"

#include "codegen/fuse.h"
#include "codegen/memplan.h"

#include <assert.h>
#include <stdio.h>

ProgramPlan plan_program(const Program *p, uint32_t align, Arena *a) {
  ProgramPlan r = {.program = p,
                   .align = align,
                   .plans = ARENA_ARRAY(a, p->n_fns, FnPlan *),
                   .scheds = ARENA_ARRAY(a, p->n_fns, Sched *),
                   .store_offsets = ARENA_ARRAY(a, p->n_stores, uint64_t)};
  uint64_t base = memplan_stores(p, align, r.store_offsets);
  r.store_bytes = r.arena_bytes = base;
  for (uint32_t i = 0; i < p->n_fns; i++) {
    r.plans[i] = fuse_function(p, &p->fns[i], align, a);
    r.scheds[i] = schedule_function(r.plans[i], a);
    uint64_t end = memplan_scratch(r.plans[i], r.scheds[i], r.store_offsets, base);
    const char *wrong = memverify(r.plans[i], r.scheds[i], base, end, a);
    if (wrong) fprintf(stderr, "nnc: memory plan of %s: %s\n", p->fns[i].name, wrong);
    assert(!wrong && "a memory plan never lets two live buffers overlap");
    if (end > r.arena_bytes) r.arena_bytes = end;
  }
  return r;
}

void plan_slots(ProgramPlan *plan) {
  uint64_t end = memplan_slots(plan->program, plan->align, plan->store_offsets, plan->arena_bytes);
  plan->slot_bytes = end - plan->arena_bytes;
  plan->arena_bytes = end > 0 ? end : plan->align;
}
