/* The nn_cuda of a library (nn_cuda.h): one call on the caller's stream, in the caller's memory. Its text
   goes into the library, as far as it is used (driver/core_text.c). C++17 (MIT-0).

   Nothing here waits but nn_cuda_wait and nn_cuda_ask. What fails first is kept, with its name and the line
   of the model; after that nothing more is queued.

   An arena on the device:

     control block | options and losses | arrays that never change | the model's memory

   The control block is the nn_ctx that kernels get, and behind it the scratch memory of optimizers. It is
   written by a kernel, which carries the values with its launch: so nothing is read of the host's memory once
   a call has returned, and a fault stays until `anew`. */
#ifndef NN_CUDA_LIBRARY_H
#define NN_CUDA_LIBRARY_H

#include "nn_cuda.h"

#define NN_CUDA_CONTROL_BYTES 256

/* An array of the library that lies `at` bytes behind the arena's beginning once it is initialised. */
typedef struct nn_cuda_array {
  const void *data;
  size_t bytes, at;
} nn_cuda_array;

struct nn_cuda {
  unsigned char *arena;
  size_t model; /* where the model's memory begins in it */
  const nn_cuda_array *arrays;
  cudaStream_t stream;
  nn_ctx values; /* for the control block */
  cudaError_t error;
  const char *what, *place; /* what failed: a call of CUDA, or a kernel and its line of the model */
};

static inline unsigned char *nn_cuda_arena(const nn_cuda *d) { return d->arena + d->model; }
static inline nn_ctx *nn_cuda_ctx(const nn_cuda *d) { return (nn_ctx *)(void *)d->arena; }
static inline cudaStream_t nn_cuda_stream(const nn_cuda *d) { return d->stream; }
static inline void *nn_cuda_scratch(const nn_cuda *d) { return d->arena + NN_CUDA_CONTROL_BYTES; }
static inline const void *nn_cuda_constant(const nn_cuda *d, size_t i) { return d->arena + d->arrays[i].at; }

/* Whether it, or what was asked before, failed. What is reported here is not left pending. */
static inline int nn_cuda_failed(nn_cuda *d, cudaError_t status, const char *what, const char *place) {
  if (status != cudaSuccess) (void)cudaGetLastError();
  if (d->error == cudaSuccess && status != cudaSuccess) {
    d->error = status;
    d->what = what;
    d->place = place;
  }
  return d->error != cudaSuccess;
}

static inline int nn_cuda_launched(nn_cuda *d, const char *what, const char *place) {
  return nn_cuda_failed(d, cudaGetLastError(), what, place);
}

static inline int nn_cuda_copy(nn_cuda *d, void *to, const void *from, size_t bytes, const char *place) {
  return nn_cuda_failed(d, cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, d->stream),
                        "cudaMemcpyAsync", place);
}

/* An error of CUDA that somebody else made and nobody asked for: a launch would report it as its own. That a
   stream or an event is not ready is none. */
static inline int nn_cuda_pending(void) {
  if (cudaPeekAtLastError() == cudaErrorNotReady) (void)cudaGetLastError();
  return cudaPeekAtLastError() != cudaSuccess;
}

/* ---- the arena and the host's memory: `at` counts from the arena's beginning */
static inline void nn_cuda_clear(nn_cuda *d, size_t at, size_t bytes) {
  if (d->error == cudaSuccess && bytes)
    nn_cuda_failed(d, cudaMemsetAsync(d->arena + at, 0, bytes, d->stream), "cudaMemsetAsync", "");
}

static inline void nn_cuda_send(nn_cuda *d, size_t at, const void *from, size_t bytes) {
  if (d->error == cudaSuccess && bytes)
    nn_cuda_failed(d, cudaMemcpyAsync(d->arena + at, from, bytes, cudaMemcpyHostToDevice, d->stream),
                   "cudaMemcpyAsync", "");
}

static inline void nn_cuda_fetch(nn_cuda *d, void *to, size_t at, size_t bytes) {
  if (d->error == cudaSuccess && bytes)
    nn_cuda_failed(d, cudaMemcpyAsync(to, d->arena + at, bytes, cudaMemcpyDeviceToHost, d->stream),
                   "cudaMemcpyAsync", "");
}

/* Waits also after a failure: what was queued before it may still read or write the caller's memory. */
static inline void nn_cuda_wait(nn_cuda *d) {
  nn_cuda_failed(d, cudaStreamSynchronize(d->stream), "cudaStreamSynchronize", "");
}

/* The fault of the calls so far. */
static inline nn_fault nn_cuda_ask(nn_cuda *d) {
  nn_fault f = {0, 0, 0, 0};
  nn_cuda_fetch(d, &f, offsetof(nn_ctx, fault), sizeof f);
  nn_cuda_wait(d);
  return f;
}

static inline void nn_cuda_send_arrays(nn_cuda *d, size_t n) {
  for (size_t i = 0; i < n; i++) nn_cuda_send(d, d->arrays[i].at, d->arrays[i].data, d->arrays[i].bytes);
}

/* ---- the control block */
static __global__ void nn_cuda_control_kernel(nn_ctx *c, const nn_ctx values, int anew) {
  const nn_fault before = c->fault;
  *c = values;
  if (!anew) c->fault = before;
}

static inline void nn_cuda_control(nn_cuda *d, size_t n, int anew) {
  static_assert(sizeof(nn_ctx) <= NN_CUDA_CONTROL_BYTES, "there is room for the control block");
  if (d->error != cudaSuccess) return;
  d->values.arena = nn_cuda_arena(d);
  d->values.n = n;
  NN_LAUNCH(nn_cuda_control_kernel, 1, 1, d->stream, nn_cuda_ctx(d), d->values, anew);
  nn_cuda_launched(d, "nn_cuda_control_kernel", "");
}

/* A function of the model; its arguments are in device memory. */
static inline void nn_cuda_call(nn_cuda *d, int (*fn)(nn_cuda *d, size_t n, void *const *args), size_t n,
                                void *const *args) {
  nn_cuda_control(d, n, 0);
  if (d->error == cudaSuccess) fn(d, n, args);
}

/* ---- losses */
template <class T> static __global__ void nn_cuda_judge_kernel(nn_ctx *c, const T *x) {
  if (c->fault.status == NN_OK && *x - *x != 0) nn_fault_set(c, NN_NOT_FINITE, UINT32_MAX, 0, 0);
}

/* A loss that is not finite is a fault. */
template <class T> static inline void nn_cuda_judge(nn_cuda *d, const T *x) {
  if (d->error != cudaSuccess) return;
  NN_LAUNCH(nn_cuda_judge_kernel<T>, 1, 1, d->stream, nn_cuda_ctx(d), x);
  nn_cuda_launched(d, "nn_cuda_judge_kernel", "");
}

#endif
