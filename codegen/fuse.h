// Groups the nodes of a function into kernels: decides which nodes get buffers (select.c), puts nodes with
// buffers into kernels, and orders kernels, optimizer calls and copies.
#ifndef NNC_CODEGEN_FUSE_H
#define NNC_CODEGEN_FUSE_H

#include "codegen/plan.h"

// `align`: of buffers in memory.
FnPlan *fuse_function(const Program *p, const Function *f, uint32_t align, Arena *a);
// Likewise the body of a loop, whose operands have memory in the plan around it.
FnPlan *fuse_body(const Program *p, const Function *f, const Loop *loop, uint32_t align, Arena *a);

// ---- select.c
typedef struct Selection {
  bool *live;       // reached from a root
  bool *has_buffer; // becomes a store of some kernel; else it is inlined, or is no computation (a leaf)
  uint64_t *work;   // about how many operations one evaluation of all its elements takes, at the bound
} Selection;

// `copied` (may be NULL): reads that must be copied before their store is written.
Selection select_buffers(const Function *f, const bool *copied, Arena *a);

// ---- writes.c
// Puts the values of WRITEs into their stores, and the next carries of a loop's body into their places: by
// the kernel that computes them where nothing reads the old value later and no fault can follow, else by a
// copy at the end.
void place_writes(FnPlan *f, const bool *has_buffer);
// Drops stores of values that only their own iteration reads, and kernels of which nothing is left.
void drop_stores(FnPlan *f);

#endif
