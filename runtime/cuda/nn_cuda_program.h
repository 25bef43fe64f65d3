/* What the emitted text of a program includes beside runtime/core: its functions work on the nn_cuda of
   nn_device.h, its `main` hands all it has to nn_cuda_run. C++17, the part that the host's side implements also
   C99 (MIT-0). */
#ifndef NN_CUDA_PROGRAM_H
#define NN_CUDA_PROGRAM_H

#include "nn_cuda.h"
#include "nn_model.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One emitted function: launches its kernels on d's stream, in order. args: inputs, then results and reports,
   all in device memory. Returns 0, or the status of the call that failed. */
typedef int (*nn_cuda_fn)(nn_cuda *d, size_t n, void *const *args);

/* The device side of a call: see nn_cuda.h. */
unsigned char *nn_cuda_arena(const nn_cuda *d);
nn_ctx *nn_cuda_ctx(const nn_cuda *d);
cudaStream_t nn_cuda_stream(const nn_cuda *d);
void *nn_cuda_scratch(const nn_cuda *d);
int nn_cuda_launched(nn_cuda *d, const char *what, const char *place);
int nn_cuda_copy(nn_cuda *d, void *to, const void *from, size_t bytes, const char *place);

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
#endif

#endif
