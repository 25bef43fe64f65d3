/* The optimizers of nn_optim.h on a device: an element is updated by the same function as on the CPU, so the
   bits are the same. C++17 (MIT-0).

   Before the updates one block counts them and, with clip_norm > 0, leaves the scale of the gradients in d's
   scratch memory, where the updates read it (nn_cuda_begin; left out where there is neither). Then one kernel
   updates: one thread an element; in large models a thread has up to 16, so that what is formed from
   hyper-parameters and count, Adam's powers, costs little.

   The span table goes with the launch, by value: it needs no memory and no copy, is part of a captured graph,
   and is read through the constant cache. NN_CUDA_SPANS fit into the 4096 bytes that every device takes; more
   spans are more launches. After a fault nothing is counted or updated.

   A step is nn_cuda_sgd_step_f32(d, spans, n, &hyper, guard, place) ... and so on for adam, adagrad, adadelta, rmsprop,
   in f32 and f64, over a span table whose pointers are device addresses; it returns 0 or a status. Where `guard`, a
   mask in device memory or NULL, is false, nothing is counted or updated. Included after what has the functions of an
   nn_cuda (nn_cuda.h). Kernels and steps are templates of a number that means nothing, so that only what a program
   uses is compiled. */
#ifndef NN_CUDA_OPTIM_H
#define NN_CUDA_OPTIM_H

#include "nn_cuda.h"
#include "nn_optim.h"

/* A hyper-parameter: a number, or one in device memory that the step has computed. */
typedef struct nn_cuda_hyper {
  double value;
  const void *at; /* NULL: value */
  int is_f32;     /* at points to a float, else to a double */
} nn_cuda_hyper;
static inline nn_cuda_hyper nn_cuda_number(double v) { nn_cuda_hyper h = {v, NULL, 0}; return h; }
static inline nn_cuda_hyper nn_cuda_at_f32(const float *p) { nn_cuda_hyper h = {0, p, 1}; return h; }
static inline nn_cuda_hyper nn_cuda_at_f64(const double *p) { nn_cuda_hyper h = {0, p, 0}; return h; }

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

enum {
  NN_CUDA_SPANS = 56,
  NN_CUDA_OPTIM_BLOCK = 256, /* threads */
  NN_CUDA_OPTIM_EACH = 16,   /* elements of a thread at most, */
  NN_CUDA_OPTIM_FULL = 4096, /* but one while there are fewer blocks than this */
  NN_CUDA_SQUARES = 2048     /* of the norm, at a time */
};

/* Some spans of a step, cut into tiles: one for each block of an update. */
template <class Span> struct nn_cuda_spans {
  Span span[NN_CUDA_SPANS];
  uint32_t first[NN_CUDA_SPANS + 1]; /* the first tile of each; first[n]: how many there are */
  uint32_t n, tile;                  /* spans; elements of a tile */
};

template <class Span> static inline uint32_t nn_cuda_tile(const Span *spans, size_t n) {
  size_t s, all = 0, each;
  for (s = 0; s < n; s++) all += spans[s].n;
  each = 1 + all / ((size_t)NN_CUDA_OPTIM_BLOCK * NN_CUDA_OPTIM_FULL);
  if (each > NN_CUDA_OPTIM_EACH) each = NN_CUDA_OPTIM_EACH;
  return (uint32_t)each * NN_CUDA_OPTIM_BLOCK;
}

template <class Span>
static inline nn_cuda_spans<Span> nn_cuda_take(const Span *spans, size_t n, uint32_t tile) {
  nn_cuda_spans<Span> t = {};
  t.tile = tile;
  for (; t.n < n && t.n < NN_CUDA_SPANS; t.n++) {
    t.span[t.n] = spans[t.n];
    t.first[t.n + 1] = t.first[t.n] + (uint32_t)((spans[t.n].n + tile - 1) / tile);
  }
  return t;
}

static __device__ inline double nn_cuda_value(const nn_cuda_hyper &h) {
  return !h.at ? h.value : h.is_f32 ? (double)*(const float *)h.at : *(const double *)h.at;
}

static __device__ inline int nn_cuda_passes(const uint8_t *guard) { return !guard || *guard; }

/* ---- before the updates */

/* What is in d's scratch memory. */
typedef struct nn_cuda_clip {
  double scale;    /* of all gradients */
  double lane[16]; /* of the sum of squares: from one launch to the next */
} nn_cuda_clip;

/* A launch's place among those of a step. */
typedef struct nn_cuda_turn {
  int first, last;
  uint32_t before; /* elements of the spans before, modulo 16 */
} nn_cuda_turn;

template <class Span>
static inline nn_cuda_turn nn_cuda_turn_after(nn_cuda_turn turn, const nn_cuda_spans<Span> &t) {
  uint32_t s;
  for (s = 0; s < t.n; s++) turn.before += (uint32_t)(t.span[s].n % 16u);
  return {0, turn.last, turn.before % 16u};
}

template <class Span> static inline int nn_cuda_counts(const Span *spans, size_t n) {
  size_t s;
  for (s = 0; s < n && !spans[s].count; s++) {
  }
  return s < n;
}

/* nn_clip's sum: element i, counted through the spans, goes to lane i % 16, in order. All threads square, 16
   add. No two spans have one count. */
template <class Span>
static __device__ inline void nn_cuda_begin(const nn_cuda_spans<Span> &t, const nn_cuda_hyper &norm,
                                            nn_cuda_clip *clip, nn_cuda_turn turn, double *square) {
  static_assert(sizeof(nn_cuda_clip) <= NN_CUDA_SCRATCH_BYTES, "the scratch memory holds a norm");
  const uint32_t me = threadIdx.x;
  uint32_t at = turn.before;
  double lane = 0.0;
  if (me < t.n && t.span[me].count) ++*t.span[me].count;
  if (!clip) return;
  if (me < 16 && !turn.first) lane = clip->lane[me];
  for (uint32_t s = 0; s < t.n; s++) {
    const size_t n = t.span[s].n;
    for (size_t from = 0; from < n; from += NN_CUDA_SQUARES) {
      uint32_t size = NN_CUDA_SQUARES;
      if (n - from < size) size = (uint32_t)(n - from);
      for (uint32_t i = me; i < size; i += NN_CUDA_OPTIM_BLOCK) {
        const double g = (double)t.span[s].g[from + i];
        square[i] = g * g;
      }
      __syncthreads();
      if (me < 16)
        for (uint32_t i = (me - at) % 16u; i < size; i += 16) lane += square[i];
      at += size;
      __syncthreads();
    }
  }
  if (!turn.last) {
    if (me < 16) clip->lane[me] = lane;
    return;
  }
  if (me < 16) square[me] = lane;
  __syncthreads();
  if (me == 0) {
    const double most = nn_cuda_value(norm);
    clip->scale = most > 0.0 ? nn_clip_scale(nn_lanes_sum(square), most) : 1.0;
  }
}

#define NN_CUDA_BEGIN(T)                                                                                     \
  template <int = 0>                                                                                         \
  static __global__ void nn_cuda_begin_##T(const nn_ctx *c, const nn_cuda_spans<nn_span_##T> t,              \
                                           const nn_cuda_hyper norm, nn_cuda_clip *clip,                     \
                                           const nn_cuda_turn turn, const uint8_t *guard) {                  \
    __shared__ double square[NN_CUDA_SQUARES];                                                               \
    if (c->fault.status != NN_OK || !nn_cuda_passes(guard)) return;                                          \
    nn_cuda_begin(t, norm, clip, turn, square);                                                              \
  }                                                                                                          \
  /* *scale: where the updates find the scale of the gradients; NULL: nowhere, it is 1. */                   \
  template <int = 0>                                                                                         \
  static inline int nn_cuda_begin_step_##T(nn_cuda *d, const nn_span_##T *spans, size_t n,                   \
                                           const nn_cuda_hyper &norm, const uint8_t *guard,                  \
                                           const char *place, const double **scale) {                        \
    nn_cuda_clip *clip = norm.at || norm.value > 0.0 ? (nn_cuda_clip *)nn_cuda_scratch(d) : NULL;            \
    nn_cuda_turn turn = {1, 0, 0};                                                                           \
    *scale = clip ? &clip->scale : NULL;                                                                     \
    if (!clip && !nn_cuda_counts(spans, n)) return 0;                                                        \
    for (size_t s = 0; s < n; s += NN_CUDA_SPANS) {                                                          \
      const nn_cuda_spans<nn_span_##T> t = nn_cuda_take(spans + s, n - s, NN_CUDA_OPTIM_BLOCK);              \
      turn.last = n - s <= NN_CUDA_SPANS;                                                                    \
      NN_LAUNCH(nn_cuda_begin_##T<0>, 1, NN_CUDA_OPTIM_BLOCK, nn_cuda_stream(d), nn_cuda_ctx(d), t, norm,    \
                clip, turn, guard);                                                                          \
      const int status = nn_cuda_launched(d, "nn_cuda_begin_" #T, place);                                    \
      if (status) return status;                                                                             \
      turn = nn_cuda_turn_after(turn, t);                                                                    \
    }                                                                                                        \
    return 0;                                                                                                \
  }
NN_CUDA_BEGIN(f32)
NN_CUDA_BEGIN(f64)
#undef NN_CUDA_BEGIN

/* ---- the updates */
static __device__ inline nn_sgd nn_cuda_read_sgd(const nn_cuda_sgd &h) {
  return {nn_cuda_value(h.lr), nn_cuda_value(h.momentum), nn_cuda_value(h.decay), 0.0, h.nesterov};
}
static __device__ inline nn_adam nn_cuda_read_adam(const nn_cuda_adam &h) {
  return {nn_cuda_value(h.lr),  nn_cuda_value(h.beta1), nn_cuda_value(h.beta2),
          nn_cuda_value(h.eps), nn_cuda_value(h.decay), 0.0};
}
static __device__ inline nn_adagrad nn_cuda_read_adagrad(const nn_cuda_adagrad &h) {
  return {nn_cuda_value(h.lr), nn_cuda_value(h.eps), nn_cuda_value(h.decay), 0.0};
}
static __device__ inline nn_adadelta nn_cuda_read_adadelta(const nn_cuda_adadelta &h) {
  return {nn_cuda_value(h.lr), nn_cuda_value(h.rho), nn_cuda_value(h.eps), nn_cuda_value(h.decay), 0.0};
}
static __device__ inline nn_rmsprop nn_cuda_read_rmsprop(const nn_cuda_rmsprop &h) {
  return {nn_cuda_value(h.lr),       nn_cuda_value(h.rho),   nn_cuda_value(h.eps),
          nn_cuda_value(h.momentum), nn_cuda_value(h.decay), 0.0};
}

/* The span of a tile: the last one that begins there or before and is not empty. */
template <class Span>
static __device__ inline uint32_t nn_cuda_span_of(const nn_cuda_spans<Span> &t, uint32_t tile) {
  uint32_t low = 0, high = t.n; /* first[low] <= tile < first[high] */
  while (high - low > 1) {
    const uint32_t middle = (low + high) / 2;
    if (t.first[middle] <= tile)
      low = middle;
    else
      high = middle;
  }
  return low;
}

/* The kernel and the step of an optimizer. The count is read once, so that what depends on it is formed
   before the loop. */
#define NN_CUDA_OPTIMIZER(name, T, real)                                                                     \
  template <int = 0>                                                                                         \
  static __global__ void nn_cuda_##name##_##T(const nn_ctx *c, const nn_cuda_spans<nn_span_##T> t,           \
                                              const nn_cuda_##name hyper, const double *scale,               \
                                              const uint8_t *guard) {                                        \
    if (c->fault.status != NN_OK || !nn_cuda_passes(guard)) return;                                          \
    const uint32_t s = nn_cuda_span_of(t, blockIdx.x);                                                       \
    nn_span_##T p = t.span[s];                                                                               \
    int32_t count = p.count ? *p.count : 0;                                                                  \
    const nn_##name h = nn_cuda_read_##name(hyper);                                                          \
    const real clip = scale ? (real)*scale : (real)1.0;                                                      \
    const size_t from = (size_t)(blockIdx.x - t.first[s]) * t.tile;                                          \
    const size_t to = p.n - from < t.tile ? p.n : from + t.tile;                                             \
    p.count = &count;                                                                                        \
    for (size_t i = from + threadIdx.x; i < to; i += NN_CUDA_OPTIM_BLOCK)                                    \
      nn_##name##_span_##T(&p, &h, clip, i, i + 1);                                                          \
  }                                                                                                          \
  template <int = 0>                                                                                         \
  static inline int nn_cuda_##name##_step_##T(nn_cuda *d, const nn_span_##T *spans, size_t n,                \
                                              const nn_cuda_##name *h, const uint8_t *guard,                 \
                                              const char *place) {                                           \
    const double *scale;                                                                                     \
    int status = nn_cuda_begin_step_##T(d, spans, n, h->clip_norm, guard, place, &scale);                    \
    const uint32_t tile = nn_cuda_tile(spans, n);                                                            \
    for (size_t s = 0; s < n && !status; s += NN_CUDA_SPANS) {                                               \
      const nn_cuda_spans<nn_span_##T> t = nn_cuda_take(spans + s, n - s, tile);                             \
      static_assert(sizeof(nn_ctx *) + sizeof t + sizeof *h + sizeof scale + sizeof guard <= 4096,           \
                    "a kernel's arguments");                                                                 \
      if (t.first[t.n] == 0) continue;                                                                       \
      NN_LAUNCH(nn_cuda_##name##_##T<0>, t.first[t.n], NN_CUDA_OPTIM_BLOCK, nn_cuda_stream(d),               \
                nn_cuda_ctx(d), t, *h, scale, guard);                                                        \
      status = nn_cuda_launched(d, "nn_cuda_" #name "_" #T, place);                                          \
    }                                                                                                        \
    return status;                                                                                           \
  }
NN_CUDA_OPTIMIZER(sgd, f32, float)
NN_CUDA_OPTIMIZER(sgd, f64, double)
NN_CUDA_OPTIMIZER(adam, f32, float)
NN_CUDA_OPTIMIZER(adam, f64, double)
NN_CUDA_OPTIMIZER(adagrad, f32, float)
NN_CUDA_OPTIMIZER(adagrad, f64, double)
NN_CUDA_OPTIMIZER(adadelta, f32, float)
NN_CUDA_OPTIMIZER(adadelta, f64, double)
NN_CUDA_OPTIMIZER(rmsprop, f32, float)
NN_CUDA_OPTIMIZER(rmsprop, f64, double)
#undef NN_CUDA_OPTIMIZER

#endif
