// What the work of a program costs, counted and not measured.
//
//   MACs    multiply-adds of contractions (DOT, CONV): elements of the result times depth. Zeros of margins,
//           and those that a dilation puts between elements, are multiplied as any element is, so they count.
//   FLOPs   two a multiply-add; one for any other operation on reals, whatever it is (exp as a sum, a
//           comparison, an element of a reduction); none for casts, indices, draws and optimizers.
//   launches  what a GPU is given to run: kernels, and those of an optimizer's call.
//   bytes   every array once for each kernel that reads or writes it, of it only the elements that are
//           reached: what must move if nothing stays in a cache from one kernel to the next.
//
// Everything is counted at one value n of the function's dynamic size. Numbers that don't fit stay at
// INT64_MAX.
#ifndef NNC_CODEGEN_COST_H
#define NNC_CODEGEN_COST_H

#include "ir/program.h"

typedef struct Cost {
  int64_t macs, flops, bytes_read, bytes_written;
  int64_t kernels;          // functions called; copies and optimizer calls are none
  int64_t launches, copies; // on a device, as often as loops repeat them
} Cost;

void cost_add(Cost *sum, const Cost *x);

// Of a node as it is written, before anything is fused: `macs` and `flops` only.
Cost node_cost(const Graph *g, NodeId v, int64_t n);
// Of all nodes of a graph: its multiply-adds.
int64_t graph_macs(const Graph *g, int64_t n);

// Calls share(user, step, path, cost) for the parts of every step, in order: a part is what one instance of a
// layer takes of a step. A contraction belongs to the layer of its node, an expression to the layer whose
// value it is stored for, an update to the layer of the parameter. What a loop repeats counts as
// often, and belongs to the loop's step.
struct FnPlan;
struct Sched;
struct Step;
typedef void CostShare(void *user, const struct Step *s, const char *path, const Cost *c);
void function_cost(const struct FnPlan *f, const struct Sched *s, int64_t n, CostShare *share, void *user);

// "net.dense_0" of the store "net.dense_0.W" or "net.dense_0.W:opt.0": whose it is; "" where it is no
// layer's.
const char *store_path(const Store *s, Arena *a);

#endif
