/* What kernels and the functions that launch them are made of: kernels are launched through NN_LAUNCH, global
   memory is named through NN_PTR and NN_MEM. The same text compiles with nvcc, and with a plain C++ compiler
   where tests/cuda/harness.h stands in front (docs/CUDA.md). MIT-0.

   All else goes through an nn_cuda: what a call has of its device. A program's is in nn_device.h, a library's
   in nn_cuda_library.h; for emitted functions both give

     nn_cuda_arena     the model's memory
     nn_cuda_ctx       the control block, in device memory: kernels read n, step, seed, options ... of it and
                       set its fault
     nn_cuda_stream    where all is launched
     nn_cuda_scratch   NN_CUDA_SCRATCH_BYTES of device memory for what one step of an optimizer hands from
                       kernel to kernel
     nn_cuda_constant  the i-th constant array, in device memory
     nn_cuda_launched  after every launch: asks for its status; `what` is the kernel, `place` the line of the
                       model. 0 or not
     nn_cuda_copy      a copy in device memory */
#ifndef NN_CUDA_H
#define NN_CUDA_H

#include "nn_core.h"

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

typedef struct nn_cuda nn_cuda;

#define NN_CUDA_SCRATCH_BYTES 256

#endif
