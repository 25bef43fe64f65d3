/* The context every emitted function gets, and the few types of the runtime core.
   C99, also valid C++17; libc and libm only, no heap, no stdio (MIT-0). */
#ifndef NN_CORE_H
#define NN_CORE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __FAST_MATH__
#error "emitted code relies on IEEE arithmetic: compile it without -ffast-math"
#endif

/* A multiply and an add are never joined but by nn_fma, so that every compiler gives the same bits. The rest
   lets gcc put selects and loops of any length into vectors at -O2; it changes no value. */
#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#elif defined(__GNUC__) && !defined(__CUDACC__)
#pragma GCC optimize("fp-contract=off", "no-trapping-math", "tree-vectorize", "vect-cost-model=dynamic")
#endif

/* A function of the core. A CUDA compiler makes it for host and device; what takes the address of a function
   is `static inline`, the host's alone. */
#ifdef __CUDACC__
#define NN_INLINE static __host__ __device__ inline
#else
#define NN_INLINE static inline
#endif

/* C99's restrict, which C++ does not have: distinct arrays of the arena never overlap. */
#if defined(__GNUC__)
#define NN_RESTRICT __restrict
#else
#define NN_RESTRICT
#endif

typedef enum nn_status {
  NN_OK = 0,
  NN_FAULT_INDEX,    /* an index outside its axis: fault.value, fault.bound */
  NN_FAULT_DIVISION, /* integer division by zero */
  NN_NOT_FINITE,     /* a loss that is not finite */
  NN_FAULT_ASSERT    /* an assertion of the model does not hold */
} nn_status;

typedef struct nn_fault {
  int status;     /* nn_status of the first fault, NN_OK: none */
  uint32_t place; /* index in the model's table of places, see nn_model.h */
  int64_t value;  /* the index met */
  int64_t bound;  /* it must lie in 0 .. bound - 1 */
} nn_fault;

struct nn_ctx;
/* A kernel works on tiles lo <= t < hi; `args` is its own const struct. */
typedef void (*nn_kernel)(struct nn_ctx *c, const void *args, size_t lo, size_t hi);

typedef struct nn_ctx {
  unsigned char *arena; /* stores first, then scratch; aligned to 64 */
  size_t n;             /* the dynamic size of the running call */
  uint64_t seed;
  uint32_t batch_count; /* counter "step" of random draws: batches executed since the program began */
  uint32_t example, epoch_count; /* prepare only: draws are keyed by (seed, epoch, example) */
  double step, epoch;            /* completed steps and epochs of the enclosing train or phase */
  const double *options;         /* run-time options (--set), in the program's order */
  nn_fault fault;
  void (*par)(struct nn_ctx *c, nn_kernel k, const void *args, size_t tiles); /* NULL: serial */
  void *user; /* par's own, or the interpreter's */
} nn_ctx;

/* The one door through which kernels run. */
static inline void nn_run(nn_ctx *c, nn_kernel k, const void *args, size_t tiles) {
  if (c->par)
    c->par(c, k, args, tiles);
  else
    k(c, args, 0, tiles);
}

/* Records the first fault of a call; later ones are consequences. On a device threads meet faults at once. */
NN_INLINE void nn_fault_set(nn_ctx *c, int status, uint32_t place, int64_t value, int64_t bound) {
#ifdef __CUDA_ARCH__
  const int before = atomicCAS(&c->fault.status, NN_OK, status);
#else
  const int before = c->fault.status;
#endif
  if (before == NN_OK) {
    c->fault.status = status;
    c->fault.place = place;
    c->fault.value = value;
    c->fault.bound = bound;
  }
}

/* An index that came from data: itself, or a fault and 0. */
NN_INLINE ptrdiff_t nn_index(nn_ctx *c, int64_t i, int64_t bound, uint32_t place) {
  if (i >= 0 && i < bound) return (ptrdiff_t)i;
  nn_fault_set(c, NN_FAULT_INDEX, place, i, bound);
  return 0;
}

/* A divisor: itself, and a fault when it is 0. */
NN_INLINE int64_t nn_divisor(nn_ctx *c, int64_t d, uint32_t place) {
  if (d == 0) nn_fault_set(c, NN_FAULT_DIVISION, place, 0, 0);
  return d;
}

/* An element of an asserted mask: itself, and a fault when it is false. */
NN_INLINE uint8_t nn_assert(nn_ctx *c, int holds, uint32_t place) {
  if (!holds) nn_fault_set(c, NN_FAULT_ASSERT, place, 0, 0);
  return holds != 0;
}

/* How many neighbours of a type an inner loop runs over at once, at most 16: one vector of the target. No result
   depends on it. */
#if defined(__AVX512F__)
#define NN_VECTOR_BYTES 64
#elif defined(__AVX__)
#define NN_VECTOR_BYTES 32
#else
#define NN_VECTOR_BYTES 16
#endif
#define NN_LANES(type) ((ptrdiff_t)(NN_VECTOR_BYTES / sizeof(type) < 16 ? NN_VECTOR_BYTES / sizeof(type) : 16))

/* The smaller one; the index in 0 .. size - 1 that is nearest to i. */
NN_INLINE ptrdiff_t nn_least(ptrdiff_t a, ptrdiff_t b) { return a < b ? a : b; }
NN_INLINE ptrdiff_t nn_inside(ptrdiff_t i, ptrdiff_t size) {
  if (i >= size) i = size - 1;
  return i > 0 ? i : 0;
}
/* The same in 32 bits, where a vector holds twice as many. */
NN_INLINE int32_t nn_inside32(int32_t i, int32_t size) {
  if (i >= size) i = size - 1;
  return i > 0 ? i : 0;
}

#endif
