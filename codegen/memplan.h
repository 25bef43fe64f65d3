// One arena: stores first, for the whole program, then a region that every function uses for its scratch,
// planned by lifetimes; what only optimizers touch comes last, so that a caller who never trains can leave it
// out. Offsets are multiples of the target's alignment. memverify.c checks the result on its own terms.
#ifndef NNC_CODEGEN_MEMPLAN_H
#define NNC_CODEGEN_MEMPLAN_H

#include "codegen/schedule.h"

enum {
  ARENA_ALIGN = 64,  // of stores and scratch on a CPU
  DEVICE_ALIGN = 512 // on a GPU
};

// Offset of each store but the slots and counts of optimizers; returns the bytes of them all. Constant stores
// have no place.
uint64_t memplan_stores(const Program *p, uint32_t align, uint64_t *offsets);
// Likewise the slots and counts, from `at`; returns their end.
uint64_t memplan_slots(const Program *p, uint32_t align, uint64_t *offsets, uint64_t at);
// Sets `offset` of the function's store and scratch buffers; scratch begins at `base`. Returns the end.
uint64_t memplan_scratch(FnPlan *f, const Sched *s, const uint64_t *stores, uint64_t base);
// Bytes of the largest set of scratch buffers that are live at one time, each rounded up to its alignment: no
// plan for this order takes less.
uint64_t memplan_alive(const FnPlan *f, const Sched *s);

// NULL, or what is wrong: two buffers that live at one time overlap, one leaves the arena, or is misaligned.
// Takes nothing from the planner but the offsets.
const char *memverify(const FnPlan *f, const Sched *s, uint64_t base, uint64_t end, Arena *a);

#endif
