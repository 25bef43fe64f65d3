// A program on a device, as the stand-in should find it right: three batches through a captured graph, each
// copied in by a second stream while the one before is at work. Named mistakes are planted;
// run/cuda_harness.sh runs it with each of them, and failing at each call. Exit codes: 0 right numbers, 1
// wrong ones, 3 a call failed and was reported.
#include "nn_cuda.h"

#include <cstdio>
#include <cstring>

enum { N = 1000, BATCHES = 3 };

struct step_args {
  NN_PTR(const float) x;
  NN_PTR(float) y;
  ptrdiff_t n;
};
// y = 2 y + x
static __global__ void step(const step_args a) {
  ptrdiff_t i = (ptrdiff_t)blockIdx.x * blockDim.x + threadIdx.x;
  if (i < a.n) a.y[i] = 2 * a.y[i] + a.x[i];
}

struct program {
  float *x[2], *y, *in[2], *out; // x, y on the device, in and out pinned
  cudaStream_t work, copies;
  cudaEvent_t copied[2], used[2];
  cudaGraph_t graph;
  cudaGraphExec_t exec[2];
};

static const char *mistake = "";
static bool has(const char *name) { return strcmp(mistake, name) == 0; }

static cudaError_t failed(cudaError_t e, const char *call) {
  fprintf(stderr, "error: %s: %s\n", call, cudaGetErrorName(e));
  return e;
}
#define TRY(call, ...)                                                                                       \
  do {                                                                                                       \
    cudaError_t status = call(__VA_ARGS__);                                                                  \
    if (status != cudaSuccess) return failed(status, #call);                                                 \
  } while (0)

static cudaError_t set_up(program *p) {
  cudaDeviceProp properties;
  size_t available, total;
  int count;
  TRY(cudaGetDeviceCount, &count);
  TRY(cudaGetDeviceProperties, &properties, 0);
  TRY(cudaSetDevice, 0);
  TRY(cudaMemGetInfo, &available, &total);
  TRY(cudaMalloc, (void **)&p->y, N * sizeof(float));
  TRY(cudaMallocHost, (void **)&p->out, N * sizeof(float));
  TRY(cudaStreamCreateWithFlags, &p->work, cudaStreamNonBlocking);
  TRY(cudaStreamCreateWithFlags, &p->copies, cudaStreamNonBlocking);
  for (int i = 0; i < 2; i++) {
    TRY(cudaMalloc, (void **)&p->x[i], N * sizeof(float));
    TRY(cudaMallocHost, (void **)&p->in[i], N * sizeof(float));
    TRY(cudaEventCreateWithFlags, &p->copied[i], cudaEventDisableTiming);
    TRY(cudaEventCreateWithFlags, &p->used[i],
        has("time_not_kept") ? cudaEventDisableTiming : cudaEventDefault);
  }
  return cudaSuccess;
}

static cudaError_t capture(program *p, int i) {
  step_args a = {NN_MEM(const float, p->x[i], N), NN_MEM(float, p->y, N), N};
  TRY(cudaStreamBeginCapture, p->work, cudaStreamCaptureModeThreadLocal);
  NN_LAUNCH(step, (N + 63) / 64, 64, p->work, a);
  cudaError_t launched = has("no_status") ? cudaSuccess : cudaGetLastError();
  if (has("sync_in_capture")) (void)cudaStreamSynchronize(p->work);
  cudaError_t ended = cudaStreamEndCapture(p->work, &p->graph);
  if (launched != cudaSuccess) return failed(launched, "cudaLaunchKernel");
  if (ended != cudaSuccess) return failed(ended, "cudaStreamEndCapture");
  TRY(cudaGraphInstantiate, &p->exec[i], p->graph, 0);
  cudaGraph_t graph = p->graph;
  p->graph = NULL;
  TRY(cudaGraphDestroy, graph);
  return cudaSuccess;
}

static cudaError_t compute(program *p) {
  for (int i = 0; i < 2; i++) {
    cudaError_t e = capture(p, i);
    if (e != cudaSuccess) return e;
  }
  TRY(cudaMemsetAsync, p->y, 0, N * sizeof(float), p->work);
  if (has("second_memset"))
    TRY(cudaMemset, p->y, 0, N * sizeof(float)); // of the default stream: ordered with nothing
  static float pageable[N];                      // what it holds is read at the call: one is enough
  for (int b = 0; b < BATCHES; b++) {
    int i = b % 2;
    float *in = has("pageable") ? pageable : p->in[i];
    // The buffer was last copied from two batches ago, and the device's was last read then.
    if (b >= 2 && !has("in_reused") && !has("pageable")) TRY(cudaEventSynchronize, p->copied[i]);
    for (int k = 0; k < N; k++) in[k] = (float)(k + b);
    if (b >= 2 && !has("used_not_waited")) TRY(cudaStreamWaitEvent, p->copies, p->used[i], 0);
    TRY(cudaMemcpyAsync, p->x[i], in, N * sizeof(float), cudaMemcpyHostToDevice, p->copies);
    TRY(cudaEventRecord, p->copied[i], p->copies);
    if (!has("copied_not_waited")) TRY(cudaStreamWaitEvent, p->work, p->copied[i], 0);
    TRY(cudaGraphLaunch, p->exec[i], p->work);
    TRY(cudaEventRecord, p->used[i], p->work);
  }
  if (has("plain_copy") || has("default_stream")) { // the default stream waits for no stream of this program
    if (has("plain_copy")) TRY(cudaDeviceSynchronize);
    TRY(cudaMemcpy, p->out, p->y, N * sizeof(float), cudaMemcpyDeviceToHost);
    return cudaSuccess;
  }
  enum cudaMemcpyKind kind = has("wrong_way") ? cudaMemcpyHostToDevice : cudaMemcpyDeviceToHost;
  TRY(cudaMemcpyAsync, p->out, p->y, (N + (has("copy_over") ? 1 : 0)) * sizeof(float), kind, p->work);
  float ms = 0;
  if (has("time_too_early")) TRY(cudaEventElapsedTime, &ms, p->used[1], p->used[0]);
  if (!has("no_synchronize")) TRY(cudaStreamSynchronize, p->work);
  if (!has("no_synchronize")) TRY(cudaEventElapsedTime, &ms, p->used[1], p->used[0]);
  if (has("host_reads_device")) printf("%g\n", p->y[1]);
  return cudaSuccess;
}

static cudaError_t tear_down(program *p) {
  cudaError_t first = cudaSuccess;
#define FREE(call, handle)                                                                                   \
  do {                                                                                                       \
    cudaError_t status = (handle) ? call(handle) : cudaSuccess;                                              \
    if (first == cudaSuccess && status != cudaSuccess) first = failed(status, #call);                        \
  } while (0)
  FREE(cudaGraphDestroy, p->graph);
  for (int i = 0; i < 2; i++) {
    if (!has("leak_exec")) FREE(cudaGraphExecDestroy, p->exec[i]);
    if (!has("leak_event")) FREE(cudaEventDestroy, p->copied[i]);
    FREE(cudaEventDestroy, p->used[i]);
    if (!has("leak_pinned")) FREE(cudaFreeHost, p->in[i]);
    FREE(cudaFree, p->x[i]);
  }
  FREE(cudaStreamDestroy, p->work);
  if (!has("leak_stream")) FREE(cudaStreamDestroy, p->copies);
  FREE(cudaFreeHost, p->out);
  if (!has("leak_device")) FREE(cudaFree, p->y);
  if (has("free_twice")) FREE(cudaFree, p->x[0]);
  return first;
}

int main(int argc, char **argv) {
  static float out[N];
  program p = {};
  if (argc > 1) mistake = argv[1];
  cudaError_t e = set_up(&p);
  if (e == cudaSuccess) e = compute(&p);
  if (e == cudaSuccess) memcpy(out, p.out, sizeof out);
  cudaError_t freed = tear_down(&p);
  if (e != cudaSuccess || freed != cudaSuccess) return 3;
  for (int k = 0; k < N; k++) {
    float y = 0;
    for (int b = 0; b < BATCHES; b++) y = 2 * y + (float)(k + b);
    if (out[k] != y) {
      printf("element %d is %g and should be %g\n", k, out[k], y);
      return 1;
    }
  }
  return 0;
}
