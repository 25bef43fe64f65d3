/* What the stand-in for the CUDA runtime library offers besides CUDA's calls. The harness hands it launches.
 */
#ifndef NN_RUNTIME_STANDIN_H
#define NN_RUNTIME_STANDIN_H

#include "cuda_runtime.h"

#ifdef __cplusplus
extern "C" {
#endif
/* The harness works with the stand-in and without it. */
#ifdef NN_CUDA_HARNESS
#define NN_STANDIN_WEAK __attribute__((weak))
#else
#define NN_STANDIN_WEAK
#endif

/* A launch: run(data) as often as it is played, drop(data) once at the end. data == NULL: the harness refuses
 * it. */
typedef struct nn_standin_job {
  void (*run)(void *data);
  void (*drop)(void *data);
  void *data;
} nn_standin_job;
cudaError_t nn_standin_launch(const char *kernel, unsigned grid, unsigned block, cudaStream_t stream,
                              nn_standin_job job) NN_STANDIN_WEAK;

/* Whether address .. address + bytes lies inside one allocation of cudaMalloc. */
int nn_standin_is_device(const void *address, size_t bytes) NN_STANDIN_WEAK;

#ifdef __cplusplus
}
#endif
#endif
