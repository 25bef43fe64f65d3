// The CPU harness: makes the text of a .cu file compile with a C++17 compiler, and runs its kernels so that
// mistakes show (README.md). Included before the text: g++ -include harness.h -x c++ model.cu
#ifndef NN_CUDA_HARNESS
#define NN_CUDA_HARNESS 1

// First, and as in nn_core.h, which a library's text has in it: functions with other options are not inlined into
// those after it.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("fp-contract=off", "no-trapping-math", "tree-vectorize", "vect-cost-model=dynamic")
#endif

#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <numeric>
#include <tuple>
#include <utility>

#include <csignal>
#include <type_traits>
#include <ucontext.h>
#include <vector>
#include <sys/mman.h>
#include <unistd.h>

#include "cuda_runtime.h"
#include "harness_pointer.h"
#include "runtime_standin.h"

// Every object that is loaded has a harness of its own, as it has shared memory of its own.
#pragma GCC visibility push(hidden)

#include "harness_fiber.h"

// ---- the words of CUDA that kernels use ----

#define __global__
#define __device__
#define __host__
#define __constant__
#define __launch_bounds__(...)
#define NN_UNROLL
#define __forceinline__ inline __attribute__((always_inline))

struct uint3 {
  unsigned x, y, z;
};
struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned a = 1, unsigned b = 1, unsigned c = 1) : x(a), y(b), z(c) {}
};
inline uint3 threadIdx, blockIdx;
inline dim3 blockDim, gridDim;

inline int atomicCAS(int *p, int compare, int value) {
  int old = *p;
  if (old == compare) *p = value;
  return old;
}

#define __syncthreads() nn_harness_barrier(__FILE__, __LINE__)

// ---- the order of threads and blocks ----

enum nn_harness_orders { NN_HARNESS_FORWARD, NN_HARNESS_REVERSE, NN_HARNESS_SHUFFLED };
inline uint64_t nn_harness_seed = 1; // of the shuffled order

// NN_HARNESS_ORDER=forward, reverse, shuffled or shuffled:SEED; forward where it is not set.
inline int nn_harness_order_of(const char *text) {
  if (!text || strcmp(text, "forward") == 0) return NN_HARNESS_FORWARD;
  if (strcmp(text, "reverse") == 0) return NN_HARNESS_REVERSE;
  if (strncmp(text, "shuffled", 8) == 0) {
    if (text[8] == ':') nn_harness_seed = strtoull(text + 9, nullptr, 10);
    return NN_HARNESS_SHUFFLED;
  }
  fprintf(stderr, "harness: NN_HARNESS_ORDER is forward, reverse, shuffled or shuffled:SEED, not %s\n", text);
  exit(99);
}
inline int nn_harness_order = nn_harness_order_of(getenv("NN_HARNESS_ORDER"));

// A permutation of 0 .. n - 1 without a table: i * step + start, where step and n have no common divisor.
struct nn_harness_permutation {
  uint64_t n, step = 1, start = 0;
  uint64_t operator()(uint64_t i) const { return (uint64_t)(((unsigned __int128)i * step + start) % n); }
};

inline uint64_t nn_harness_random(uint64_t *state) { // SplitMix64
  uint64_t z = *state += 0x9E3779B97F4A7C15u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

inline nn_harness_permutation nn_harness_blocks(uint64_t n, uint64_t *state) {
  if (nn_harness_order == NN_HARNESS_FORWARD) return {n};
  if (nn_harness_order == NN_HARNESS_REVERSE) return {n, n - 1, n - 1};
  nn_harness_permutation p = {n, nn_harness_random(state) % n, nn_harness_random(state) % n};
  while (std::gcd(p.step, n) != 1) p.step++;
  return p;
}

// ---- a block at work ----

enum { NN_HARNESS_MAX_BLOCK = 1024 };

struct nn_harness_block {
  const char *kernel = nullptr; // name; NULL: no kernel runs
  void (*threads)(void *body);  // runs threads until nn_harness_next says no
  void *body;
  uint32_t n;       // threads
  uint32_t at;      // which of them runs, by its place in `order`
  uint32_t waiting; // how many have come to the barrier
  bool started;     // all have begun: a barrier has been passed
  const char *file; // of the barrier they wait at
  int line;
  uint32_t order[NN_HARNESS_MAX_BLOCK];
  nn_harness_fiber *fiber[NN_HARNESS_MAX_BLOCK]; // of the waiting ones, by place
  nn_harness_fiber *idle[NN_HARNESS_MAX_BLOCK];
  uint32_t n_idle;
};
inline nn_harness_block nn_harness_b;

inline void nn_harness_where() {
  if (!nn_harness_b.kernel) return;
  fprintf(stderr, "harness: in kernel %s, block %u of %u, thread %u of %u\n", nn_harness_b.kernel, blockIdx.x,
          gridDim.x, threadIdx.x, blockDim.x);
}

[[noreturn]] inline void nn_harness_fail(const char *format, ...) {
  va_list args;
  va_start(args, format);
  fflush(stdout);
  nn_harness_where();
  fprintf(stderr, "harness: error: ");
  vfprintf(stderr, format, args);
  fprintf(stderr, "\n");
  va_end(args);
  _exit(99);
}

#include "harness_race.h"
#include "harness_shared.h"

// A sanitizer that ends the run says where, too.
extern "C" void __sanitizer_set_death_callback(void (*callback)(void))
    __attribute__((weak, visibility("default")));

NN_HARNESS_OWN inline nn_harness_fiber *nn_harness_idle_fiber() {
  nn_harness_block &b = nn_harness_b;
  return b.n_idle > 0 ? b.idle[--b.n_idle] : nn_harness_fiber_new();
}

[[noreturn]] __attribute__((cold, noinline)) inline void nn_harness_left(uint32_t ended, const char *file,
                                                                         int line) {
  nn_harness_fail("thread %u has ended, and others wait at the barrier of %s:%d", ended, file, line);
}

// The running thread has come to a barrier: the next one goes on, or all have come and the first one does.
NN_HARNESS_OWN __attribute__((noinline)) inline void nn_harness_barrier(const char *file, int line) {
  nn_harness_block &b = nn_harness_b;
  if (!b.kernel) nn_harness_fail("__syncthreads() outside of a kernel, in %s:%d", file, line);
  if (b.waiting != b.at) nn_harness_left(b.order[b.at - 1], file, line);
  if (b.at == 0) {
    b.file = file;
    b.line = line;
  } else if (b.line != line || strcmp(b.file, file) != 0) {
    nn_harness_fail("this thread waits at the barrier of %s:%d, and thread %u at that of %s:%d", file, line,
                    b.order[0], b.file, b.line);
  }
  b.fiber[b.at] = nn_harness_current;
  b.waiting++;
  if (++b.at == b.n) {
    b.at = b.waiting = 0;
    b.started = true;
    nn_harness_race_interval(false);
  }
  nn_harness_fiber *next = b.started ? b.fiber[b.at] : nn_harness_idle_fiber();
  threadIdx.x = b.order[b.at];
  if (next != nn_harness_current) nn_harness_switch(next);
}

// The running thread has ended: whether another is to run in its place, on the same fiber.
NN_HARNESS_OWN inline bool nn_harness_next() {
  nn_harness_block &b = nn_harness_b;
  if (b.waiting) nn_harness_left(threadIdx.x, b.file, b.line);
  if (++b.at == b.n || b.started) return false;
  threadIdx.x = b.order[b.at];
  return true;
}

NN_HARNESS_OWN inline void nn_harness_fiber_loop() {
  nn_harness_block &b = nn_harness_b;
  for (;;) {
    b.threads(b.body);
    b.idle[b.n_idle++] = nn_harness_current;
    if (b.at == b.n) {
      nn_harness_switch(&nn_harness_main);
    } else {
      threadIdx.x = b.order[b.at];
      nn_harness_switch(b.fiber[b.at]);
    }
  }
}

// ---- launches ----

inline const char *nn_harness_bad_launch(unsigned grid, unsigned block) {
  if (grid > 0x7FFFFFFFu) return "a grid has at most 2^31 - 1 blocks";
  if (block == 0 || block > NN_HARNESS_MAX_BLOCK) return "a block has 1 to 1024 threads";
  return nullptr;
}

inline void nn_harness_run(const char *kernel, nn_harness_kernel *k, unsigned grid, unsigned block,
                           void (*threads)(void *), void *body) {
  nn_harness_block &b = nn_harness_b;
  if (__sanitizer_set_death_callback) __sanitizer_set_death_callback(nn_harness_where);
  static uint64_t launches;
  uint64_t state = nn_harness_seed + 0x632BE59BD9B4E019u * ++launches;
  b.kernel = kernel;
  b.threads = threads;
  b.body = body;
  b.n = block;
  for (uint32_t i = 0; i < block; i++)
    b.order[i] = nn_harness_order == NN_HARNESS_REVERSE ? block - 1 - i : i;
  if (nn_harness_order == NN_HARNESS_SHUFFLED) {
    for (uint32_t i = block; i > 1; i--) std::swap(b.order[i - 1], b.order[nn_harness_random(&state) % i]);
  }
  nn_harness_permutation blocks = nn_harness_blocks(grid, &state);
  gridDim = dim3(grid);
  blockDim = dim3(block);
  nn_harness_shared_open(k);
  nn_harness_race_launch();
  for (uint64_t i = 0; i < grid; i++) {
    blockIdx.x = (unsigned)blocks(i);
    nn_harness_shared_poison(k);
    nn_harness_race_interval(true);
    b.at = b.waiting = 0;
    b.started = false;
    threadIdx.x = b.order[0];
    nn_harness_race_watch(true);
    nn_harness_switch(nn_harness_idle_fiber());
    nn_harness_race_watch(false);
  }
  b.kernel = nullptr;
}

// A launch with its arguments: types as the kernel takes them, values as they are now.
template <class Kernel> struct nn_harness_arguments;
template <class... P> struct nn_harness_arguments<void(P...)> {
  static std::tuple<P...> of(P... p) { return std::tuple<P...>(std::move(p)...); }
};

template <class Call, class Arguments> struct nn_harness_job {
  const char *kernel;
  unsigned grid, block;
  Call call; // of a type of its own for each launch in the text: its kernel is inlined, and its pages are its
             // own
  Arguments arguments;
  static inline nn_harness_kernel pages;

  static void threads(void *job) {
    const nn_harness_job *j = static_cast<const nn_harness_job *>(job);
    do std::apply(j->call, j->arguments);
    while (nn_harness_next());
  }
  static void run(void *job) {
    nn_harness_job *j = static_cast<nn_harness_job *>(job);
    nn_harness_run(j->kernel, &pages, j->grid, j->block, threads, job);
  }
  static void drop(void *job) { delete static_cast<nn_harness_job *>(job); }
};

template <class Call, class Arguments>
void nn_harness_launch(const char *kernel, unsigned grid, unsigned block, cudaStream_t stream, Call call,
                       Arguments arguments) {
  typedef nn_harness_job<Call, Arguments> Job;
  if (nn_harness_b.kernel) nn_harness_fail("a kernel launches %s", kernel);
  const char *bad = nn_harness_bad_launch(grid, block);
  if (nn_standin_launch) {
    Job *job = bad ? nullptr : new Job{kernel, grid, block, call, std::move(arguments)};
    nn_standin_launch(kernel, grid, block, stream, {Job::run, Job::drop, job});
  } else if (bad) {
    nn_harness_fail("%s<<<%u, %u>>>: %s", kernel, grid, block, bad);
  } else {
    Job job{kernel, grid, block, call, std::move(arguments)};
    Job::run(&job);
  }
}

#pragma GCC visibility pop

// To the stand-in's stream where it is linked, else it runs now. A grid of 0 launches nothing, as nn_cuda.h
// has it.
#define NN_LAUNCH(kernel, grid, block, stream, ...)                                                          \
  do {                                                                                                       \
    if ((grid) > 0)                                                                                          \
      nn_harness_launch(                                                                                     \
          #kernel, (unsigned)(grid), (unsigned)(block), (stream),                                            \
          [](const auto &...nn_harness_x) { kernel(nn_harness_x...); },                                      \
          nn_harness_arguments<decltype(kernel)>::of(__VA_ARGS__));                                          \
  } while (0)
#define NN_UNROLL

#endif
