// What becomes of one function: its buffers, and the steps that are executed, in order.
#ifndef NNC_CODEGEN_PLAN_H
#define NNC_CODEGEN_PLAN_H

#include "codegen/kernel.h"
#include "ir/program.h"

typedef enum BufferKind {
  BUF_INPUT,  // args[id], dense in n
  BUF_OUTPUT, // args[n_inputs + id], dense in n; `id` counts results and reports
  BUF_STORE,  // store `id`: the persistent part of the arena
  BUF_CONST,  // the elements of a CONST node
  BUF_SCRATCH // the rest of the arena, planned by lifetime; strides are those of the bound
} BufferKind;

typedef struct Buffer {
  BufferKind kind;
  uint32_t id;
  DType dtype;
  Shape shape;
  NodeId node;     // whose value it holds; NO_NODE: a store's memory
  NodeId memory;   // SCRATCH: the node whose buffer's memory it takes over (overwrite.c); else `node`
  uint64_t offset; // STORE, SCRATCH: bytes into the arena (memplan)
  uint64_t bytes;  // at the bound
} Buffer;

typedef enum StepKind { STEP_KERNEL, STEP_OPTIMIZE, STEP_COPY } StepKind;

// A schedule is a tree of sequences, loops, guards and steps (schedule.h); these are its leaves.
typedef struct Step {
  StepKind kind;
  Kernel *kernel;
  NodeId node;           // OPTIMIZE
  const uint32_t *parts; // OPTIMIZE: the parameters of the node that are updated, ascending
  uint32_t n_parts;
  uint32_t dst, src; // COPY: buffers
  bool can_fault;
} Step;

static inline uint64_t round_up(uint64_t x, uint32_t align) { return (x + align - 1) / align * align; }

typedef struct FnPlan {
  const Program *program;
  const Function *fn;
  uint32_t align; // of buffers in memory
  Arena *a;
  VEC(Buffer) buffers;
  VEC(Step) steps;
  uint32_t *buffer_of;                 // of each node whose value is stored, else NO_BUFFER
  uint32_t *leaf_of;                   // the memory an INPUT, READ or CONST stands for
  uint64_t scratch_begin, scratch_end; // of the arena, set by memplan
} FnPlan;

#define NO_BUFFER UINT32_MAX

// Two buffers that share memory by intent: the same argument, store or constant.
bool buffer_same_memory(const Buffer *x, const Buffer *y);
// Calls visit for each buffer that a step reads or writes, perhaps more than once. What an optimizer call
// writes (parameters, slots, counts) are stores, not buffers.
void plan_accesses(const FnPlan *f, const Step *s, Arena *a,
                   void (*visit)(void *user, uint32_t buffer, bool written), void *user);
// The kernel reads this memory at the place only that `to` writes, and not after it: `to` may write there.
bool kernel_owns_place(const FnPlan *f, const Kernel *k, const Put *to, const Buffer *memory);
// Puts a step before the one at position `at`.
void plan_insert(FnPlan *f, size_t at, Step s);
// Element strides: at the bound in the arena, polynomials of n at the interface.
void buffer_strides(const Buffer *b, int64_t bound, Poly *strides);

#endif
