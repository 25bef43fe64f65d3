// Kernels for people: one line per store, in the notation of mathematics. For --dump-ir=after:fuse and for
// the comments of emitted kernels.
#ifndef NNC_CODEGEN_DUMP_H
#define NNC_CODEGEN_DUMP_H

#include "codegen/plan.h"
#include "ir/base/strbuf.h"

typedef struct DumpNames {
  void *user;
  // Appends the name of a buffer, a constant.
  void (*buffer)(void *user, uint32_t buffer, StrBuf *out);
  void (*constant)(void *user, DType t, Scalar v, StrBuf *out);
  const char *indent;
} DumpNames;

void dump_kernel(const FnPlan *f, const Kernel *k, const DumpNames *names, StrBuf *out);
// A buffer by the name of what it holds: "net.dense_0.W", "pixels", "out.loss", else the node, "%12".
void dump_buffer(const FnPlan *f, uint32_t buffer, StrBuf *out);
// The iteration of a loop with so many loops around it: "t", "t_1", ...
void dump_iteration(uint32_t depth, StrBuf *out);
// "dot", "reduce", "scatter" or "map".
const char *kernel_kind(const Kernel *k);

#endif
