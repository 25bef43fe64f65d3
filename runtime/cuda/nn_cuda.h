/* What an emitted .cu file includes and uses: kernels are launched through NN_LAUNCH, global memory is named
   through NN_PTR and NN_MEM, everything else goes through an nn_cuda. The same text compiles with nvcc, and with
   a plain C++ compiler where tests/cuda/harness.h stands in front (docs/CUDA.md). C++17; the part that the host's
   side implements (nn_device.h) is also C99 (MIT-0). */
#ifndef NN_CUDA_H
#define NN_CUDA_H

#include "nn_core.h"
#include "nn_model.h"
#include "nn_optim.h"

/* A pointer to global memory, and one made of an address and the number of elements that may be touched. The
   harness replaces both by checked ones. */
#ifndef NN_PTR
#define NN_PTR(type) type *
#define NN_MEM(type, address, count) ((type *)(address))
#endif

/* Launches kernel<<<grid, block, 0, stream>>>(...); a grid of 0, for an array without elements, launches nothing.
   Before a loop of a known number of rounds: its arrays are registers only when it is unrolled. */
#ifndef NN_LAUNCH
#define NN_LAUNCH(kernel, grid, block, stream, ...)                                    \
  do {                                                                                 \
    if ((grid) > 0) kernel<<<(unsigned)(grid), (unsigned)(block), 0, (stream)>>>(__VA_ARGS__); \
  } while (0)
#define NN_UNROLL _Pragma("unroll")
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef struct nn_cuda nn_cuda; /* a device at work: nn_device.h */

/* One emitted function: launches its kernels on d's stream, in order. args: inputs, then results and reports,
   all in device memory. Returns 0, or the status of the call that failed. */
typedef int (*nn_cuda_fn)(nn_cuda *d, size_t n, void *const *args);

/* The device side of a call. */
unsigned char *nn_cuda_arena(const nn_cuda *d);
nn_ctx *nn_cuda_ctx(const nn_cuda *d);          /* in device memory; kernels read n, step, seed, options … of it
                                                   and set its fault */
cudaStream_t nn_cuda_stream(const nn_cuda *d);
/* Device memory for what one step of an optimizer hands from kernel to kernel. */
#define NN_CUDA_SCRATCH_BYTES 256
void *nn_cuda_scratch(const nn_cuda *d);
/* After every launch: asks for its status; `what` is the kernel, `place` the line of the model. */
int nn_cuda_launched(nn_cuda *d, const char *what, const char *place);
int nn_cuda_copy(nn_cuda *d, void *to, const void *from, size_t bytes, const char *place); /* in device memory */

/* What the model has beside its descriptor: one function for each of its table, and arrays of constants, which
   are copied to the device when it is opened; nn_cuda_constant gives the i-th one's address there. */
typedef struct nn_cuda_array {
  const void *data;
  size_t bytes;
} nn_cuda_array;

typedef struct nn_cuda_program {
  const nn_model *model;
  const nn_cuda_fn *fns;
  const nn_cuda_array *constants;
  int n_constants;
} nn_cuda_program;

const void *nn_cuda_constant(const nn_cuda *d, int i);

/* The program's command line on a device. archs: what the text was compiled for, as __CUDA_ARCH_LIST__ has it,
   ascending, 0 at the end. */
int nn_cuda_run(const nn_cuda_program *p, const int *archs, int argc, char **argv);

#ifdef __cplusplus
}

static inline int nn_cuda_main(const nn_cuda_program *p, int argc, char **argv) {
#ifdef __CUDA_ARCH_LIST__
  static const int archs[] = {__CUDA_ARCH_LIST__, 0};
#else
  static const int archs[] = {0};
#endif
  return nn_cuda_run(p, archs, argc, argv);
}

/* A hyper-parameter: a number, or one in device memory that the step has computed. */
typedef struct nn_cuda_hyper {
  double value;
  const void *at; /* NULL: value */
  int is_f32;     /* at points to a float, else to a double */
} nn_cuda_hyper;
static inline nn_cuda_hyper nn_cuda_number(double v) { nn_cuda_hyper h = {v, NULL, 0}; return h; }
static inline nn_cuda_hyper nn_cuda_at(const float *p) { nn_cuda_hyper h = {0, p, 1}; return h; }
static inline nn_cuda_hyper nn_cuda_at(const double *p) { nn_cuda_hyper h = {0, p, 0}; return h; }

/* As the structs of nn_optim.h, in the same order. */
typedef struct nn_cuda_sgd {
  nn_cuda_hyper lr, momentum, decay, clip_norm;
  int nesterov;
} nn_cuda_sgd;
typedef struct nn_cuda_adam {
  nn_cuda_hyper lr, beta1, beta2, eps, decay, clip_norm;
} nn_cuda_adam;
typedef struct nn_cuda_adagrad {
  nn_cuda_hyper lr, eps, decay, clip_norm;
} nn_cuda_adagrad;
typedef struct nn_cuda_adadelta {
  nn_cuda_hyper lr, rho, eps, decay, clip_norm;
} nn_cuda_adadelta;
typedef struct nn_cuda_rmsprop {
  nn_cuda_hyper lr, rho, eps, momentum, decay, clip_norm;
} nn_cuda_rmsprop;

/* Optimizer steps on d's stream over a span table whose pointers are device addresses (nn_cuda_optim.h has their
   kernels): nn_cuda_sgd_step_f32(d, spans, n, &hyper, place) … and so on for adam, adagrad, adadelta, rmsprop, in
   f32 and f64. Return 0 or a status. */

#endif /* __cplusplus */
#endif
