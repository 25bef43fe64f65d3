// How a kernel runs on a GPU (docs/CUDA.md): the bodies of __global__ functions for the kernels of kernel.h.
// Expressions, indices and stores are C's (codegen/c); here are the loops around them. Every number is formed
// in the order that kernel.h states, so the bits are those of the C text.
#ifndef NNC_CODEGEN_CUDA_SCHEDULE_H
#define NNC_CODEGEN_CUDA_SCHEDULE_H

#include "codegen/c/emit.h"

enum {
  THREADS = 128,
  LARGEST_BLOCK = 256
}; // of a block: one iteration a thread; at most, one iteration a block

// ---- loops.c: one thread, or one block, an iteration of the parallel loops
void cuda_loops(Emit *e, StrBuf *body, Launch *launch);
// ---- scatter.c: updates in order, one thread for each element beside the axis that indices choose in
bool cuda_is_scatter(const Kernel *k);
void cuda_scatter(Emit *e, StrBuf *body, Launch *launch);
// ---- dot.c: contractions by tiles in shared memory
void cuda_dot(Emit *e, StrBuf *body, Launch *launch);
// ---- reduce.c
void cuda_reduce(Emit *e, ExprId x, Block *b);

// The product of the extents as C; "1" for none.
const char *cuda_product(Emit *e, const VarId *vars, uint32_t n);
// The variables of b as digits of `number`, the last one lowest. Those of extent 1 have no name.
void cuda_digits(Emit *e, const char *number, const VarId *vars, uint32_t n, Block *b);
// "const size_t t = …" and a return for threads beyond `total`; the launch of so many threads.
void cuda_one_each(Emit *e, Block *top, const char *total, Launch *launch);
// Elements that a reduction combines where n is largest.
int64_t cuda_reduced(Emit *e, const Expr *x);

#endif
