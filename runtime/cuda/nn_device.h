/* The host's side of a CUDA program: one device, its memory, and the calls under way on it. (MIT-0)

   Memory is allocated once, on the device and, pinned, on the host:

     device   arena | constants | scratch | landing 0 | landing 1 | results | control | inputs
     pinned   in 0 | in 1 | out 0 | out 1

   The arena is the model's: stores, then scratch of its functions; `scratch` is the optimizers'. `control` is
   the nn_ctx that kernels get, and the values of the options; a call's results lie right before it and its
   inputs right after, so that one copy sends the control block with the inputs and one brings it back, with
   the fault, behind the results. Each function has its arguments at fixed addresses, in places that its
   largest n needs: a captured graph stays valid.

   Two calls can be under way, each with a slot: `in` is what the host fills, `landing` where a second stream
   copies it while the call before is still computing, `out` what comes back. */
#ifndef NN_DEVICE_H
#define NN_DEVICE_H

#include <cuda_runtime_api.h>

#include "nn_cuda_program.h"
#include "nn_session.h"

enum { NN_CUDA_ALIGN = 512, NN_CUDA_SLOTS = 2 };

typedef struct nn_cuda_slot {
  unsigned char *in, *out; /* pinned */
  unsigned char *landing;  /* on the device */
  cudaEvent_t sent, done;  /* `in` has landed; `out` is there */
  cudaEvent_t first, last; /* --time: around the launches */
  int function;
  size_t n;
} nn_cuda_slot;

typedef struct nn_cuda_graph { /* the launches of one function for one n */
  int function;
  size_t n;
  cudaGraphExec_t exec;
} nn_cuda_graph;

typedef struct nn_cuda_list { /* microseconds */
  double *us;
  size_t n, room;
} nn_cuda_list;

typedef struct nn_cuda_times { /* of one function's calls: nn_device_time.c */
  nn_cuda_list device, period;
} nn_cuda_times;

struct nn_cuda {
  const nn_cuda_program *p;
  const nn_model *m; /* p's, with a backend */
  const int *archs;
  uint64_t number; /* --device */
  int no_graph;    /* --no-graph */
  int timed;       /* --time */
  nn_err *e;
  char name[256]; /* of the device; "" before it is found */
  int major, minor;
  unsigned char *memory, *pinned;
  unsigned char *constants, *scratch;
  nn_ctx *control;
  void **args; /* of the running call: device addresses */
  cudaStream_t stream, copies;
  nn_cuda_slot slots[NN_CUDA_SLOTS];
  uint64_t begun, ended; /* calls */
  int newer;             /* the device's stores are newer than the arena's */
  nn_cuda_graph *graphs;
  size_t n_graphs, graphs_room;
  nn_cuda_times *times; /* one for each function, with --time */
  int last;             /* the function of the last call that ended, and when that was */
  double last_end;
};

/* 0, or the exit code and an error that names the call, what CUDA says, and for some failures what to do. */
int nn_cuda_check(nn_cuda *d, cudaError_t status, const char *call);

/* The device that --device names: it exists, and the program was compiled for it. */
int nn_cuda_find(nn_cuda *d);
int nn_cuda_open(void *user, struct nn_err *e);
void nn_cuda_close(void *user);
/* Bytes that the model needs on the device. */
size_t nn_cuda_needs(const nn_cuda *d);
/* Bytes of the control block, and of all options. */
size_t nn_cuda_control_bytes(const nn_model *m);
size_t nn_cuda_option_bytes(const nn_model *m);
/* Bytes that arguments take on the device, each in a place for size n. */
size_t nn_cuda_room(const nn_arg *a, int count, size_t n);
/* The size that the places of a function's arguments are for. */
size_t nn_cuda_largest(const nn_function *f);

/* --time; without it these do nothing. `mark` records an event before and after the launches, `take` reads
   both when the call has ended. */
int nn_cuda_time_open(nn_cuda *d);
int nn_cuda_time_mark(nn_cuda *d, cudaEvent_t event);
int nn_cuda_time_take(nn_cuda *d, const nn_cuda_slot *s);
void nn_cuda_time_close(nn_cuda *d);

/* Of nn_backend. */
int nn_cuda_start(void *user, nn_ctx *c, int function, size_t n, void *const *args);
int nn_cuda_finish(void *user, nn_ctx *c, void *const *args);
int nn_cuda_fetch(void *user, nn_ctx *c);
int nn_cuda_send(void *user, nn_ctx *c);

#endif
