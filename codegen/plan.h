// What becomes of one function: its buffers, and the steps that are executed, in order.
#ifndef NNC_CODEGEN_PLAN_H
#define NNC_CODEGEN_PLAN_H

#include "codegen/kernel.h"
#include "ir/program.h"

typedef enum BufferKind {
  BUF_INPUT,  // args[id]; of a loop's body: what its operand `id` stands for
  BUF_OUTPUT, // args[n_inputs + id]; `id` counts results and reports; of a body: an element of its yield `id`
  BUF_CARRY,  // of a body: its carry `id`, read and, at the end of an iteration, written
  BUF_STORE,  // store `id`: the persistent part of the arena
  BUF_CONST,  // the elements of a CONST node
  BUF_SCRATCH // the rest of the arena, planned by lifetime
} BufferKind;

typedef struct Buffer {
  BufferKind kind;
  uint32_t id;
  DType dtype;
  Shape shape;
  NodeId node;     // whose value it holds; NO_NODE: a store's memory
  bool dense;      // strides are those of n, as at the interface; else those of the bound
  uint32_t memory; // SCRATCH: the buffer whose memory it takes over (overwrite.c); else its own number
  uint64_t offset; // STORE, SCRATCH: bytes into the arena (memplan)
  uint64_t bytes;  // at the bound
} Buffer;

typedef enum StepKind { STEP_KERNEL, STEP_OPTIMIZE, STEP_COPY, STEP_LOOP } StepKind;

typedef struct Loop Loop;

// A schedule is a tree of sequences and steps (schedule.h); these are its leaves.
typedef struct Step {
  StepKind kind;
  Kernel *kernel;
  Loop *loop;            // LOOP
  NodeId node;           // OPTIMIZE, LOOP
  const uint32_t *parts; // OPTIMIZE: the parameters of the node that are updated, ascending
  uint32_t n_parts;
  uint32_t dst, src; // COPY: buffers
  bool can_fault;
} Step;

static inline uint64_t round_up(uint64_t x, uint32_t align) { return (x + align - 1) / align * align; }

typedef struct FnPlan {
  const Program *program;
  const Function *fn;
  const Loop *loop; // this is its body; NULL: a function
  uint32_t align;   // of buffers in memory
  Arena *a;
  VEC(Buffer) buffers;
  VEC(Step) steps;
  uint32_t *buffer_of;                 // of each node whose value is stored, else NO_BUFFER
  uint32_t *leaf_of;                   // the memory an INPUT, READ or CONST stands for
  uint64_t scratch_begin, scratch_end; // of the arena, set by memplan
} FnPlan;

#define NO_BUFFER UINT32_MAX

// A SCAN as a step: its body is planned as a function of its own, whose arguments are memory of the plan
// around it. The carries lie where the loop's results are wanted; they hold the first values before the loop
// begins (kernels before it), and each iteration writes the next ones in their place.
struct Loop {
  const FnPlan *outer;
  FnPlan *body;
  struct Sched *sched;
  NodeId node;              // the SCAN, of the outer graph
  const uint32_t *operands; // buffers of the outer plan: the carries, the sequences, what is captured
  const uint32_t *yields;   // likewise
  uint32_t workspace;       // the outer buffer that is the body's scratch memory, NO_BUFFER: it needs none
  uint32_t depth;           // loops around it
  uint32_t number;          // of its function in the emitted file
};

static inline const ScanAttr *loop_attr(const Loop *l) {
  return graph_node(l->outer->fn->g, l->node)->attr.scan;
}
// Whether the operand is cut into elements, one an iteration.
static inline bool loop_is_sequence(const Loop *l, uint32_t operand) {
  const ScanAttr *s = loop_attr(l);
  return operand >= s->n_carries && operand < s->n_carries + s->n_sequences;
}
// The outer buffer behind an argument of the body; NO_BUFFER for its own memory.
uint32_t loop_outside(const Loop *l, const Buffer *b);

// Two buffers that share memory by intent: the same argument, store or constant.
bool buffer_same_memory(const Buffer *x, const Buffer *y);
// Calls visit for each buffer that a step reads or writes, perhaps more than once. What an optimizer call
// writes (parameters, slots, counts) are stores, not buffers.
void plan_accesses(const FnPlan *f, const Step *s, void (*visit)(void *user, uint32_t buffer, bool written),
                   void *user);
// The kernel reads this memory at the place only that `to` writes, and not after it: `to` may write there.
bool kernel_owns_place(const FnPlan *f, const Kernel *k, const Put *to, const Buffer *memory);
// Puts a step before the one at position `at`.
void plan_insert(FnPlan *f, size_t at, Step s);
// Element strides: of the bound in the arena, polynomials of n where it is dense.
void buffer_strides(const Buffer *b, int64_t bound, Poly *strides);
// From the first element to behind the last one.
Poly buffer_extent(const Buffer *b, int64_t bound);
// Elements of equal numbers lie in equal places.
bool buffer_same_layout(const Buffer *x, const Buffer *y);
// Adds a scratch buffer; its memory is its own.
uint32_t plan_scratch(FnPlan *f, Buffer b);
// The memory that holds the node's value: its buffer, or the leaf's. NO_BUFFER: it is computed where it is
// used.
uint32_t plan_memory_of(const FnPlan *f, NodeId v);
static inline int64_t plan_bound(const FnPlan *f) { return f->fn->g->symbol ? f->fn->g->bound : 1; }
// Of an array, at the bound.
uint64_t plan_bytes(const FnPlan *f, const Shape *s, DType t);

#endif
