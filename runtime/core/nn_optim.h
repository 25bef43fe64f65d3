/* Optimizers: one call updates all parameters of one `minimize`. MIT-0.

   A call takes a table of spans, in path order. Elements are updated in the type of the parameters, each
   without regard to its neighbours, so how parameters are grouped into spans never changes a bit; scalars
   (1 - beta^t, lr times its multiplier) are formed in double and rounded once.

     clip   g := s g,  s = min(1, clip_norm / norm), norm = the Euclidean norm of all gradients of the call,
            before decay and multipliers. Squares are summed in double in 16 lanes: element i, counted through
            the spans in their order, goes to lane i % 16; the lanes are then added pairwise, 8 4 2 1 apart.
     SGD    g := g + decay w;  v := momentum v + g;  w := w - lr (nesterov ? g + momentum v : v)
            (Sutskever et al. 2013, in PyTorch's form). momentum = 0: slot[0] may be NULL.
     Adam   m := beta1 m + (1 - beta1) g;  v := beta2 v + (1 - beta2) g^2;  w := w - lr decay w
            w := w - lr / (1 - beta1^t)  m / (sqrt(v) / sqrt(1 - beta2^t) + eps)
            (Kingma and Ba 2015, algorithm 1; decoupled decay of Loshchilov and Hutter 2019, algorithm 2).
            slot[0] = m, slot[1] = v.
     Adagrad   g := g + decay w;  s := s + g^2;  w := w - lr g / (sqrt(s) + eps)
               (Duchi et al. 2011). slot[0] = s.
     Adadelta  g := g + decay w;  v := rho v + (1 - rho) g^2;  d := sqrt(s + eps) / sqrt(v + eps) g;
               s := rho s + (1 - rho) d^2;  w := w - lr d
               (Zeiler 2012, algorithm 1). slot[0] = v, slot[1] = s.
     RMSprop   g := g + decay w;  s := rho s + (1 - rho) g^2;  v := momentum v + g / (sqrt(s) + eps);
               w := w - lr v
               (Tieleman and Hinton 2012, in PyTorch's form). slot[0] = s, slot[1] = v; momentum = 0: slot[1]
               may be NULL.

   t is the span's update count, which the call increments first. lr is multiplied by the span's lr_mult (the
   whole step, decoupled decay too), decay by its decay_mult. clip_norm <= 0: off. Gradients are only read. */
#ifndef NN_OPTIM_H
#define NN_OPTIM_H

#include "nn_math.h"

typedef struct nn_span_f32 {
  float *w;
  const float *g;
  float *slot[2]; /* NULL where the optimizer has none */
  int32_t *count; /* updates so far; NULL: not counted (not for Adam) */
  size_t n;
  float lr_mult, decay_mult;
} nn_span_f32;

typedef struct nn_span_f64 {
  double *w;
  const double *g;
  double *slot[2];
  int32_t *count;
  size_t n;
  double lr_mult, decay_mult;
} nn_span_f64;

typedef struct nn_sgd {
  double lr, momentum, decay, clip_norm;
  int nesterov;
} nn_sgd;

typedef struct nn_adam {
  double lr, beta1, beta2, eps, decay, clip_norm;
} nn_adam;

typedef struct nn_adagrad {
  double lr, eps, decay, clip_norm;
} nn_adagrad;

typedef struct nn_adadelta {
  double lr, rho, eps, decay, clip_norm;
} nn_adadelta;

typedef struct nn_rmsprop {
  double lr, rho, eps, momentum, decay, clip_norm;
} nn_rmsprop;

/* Adds the pairs 8, 4, 2 and 1 apart. */
NN_INLINE double nn_lanes_sum(double lane[16]) {
  int width, i;
  for (width = 8; width > 0; width /= 2)
    for (i = 0; i < width; i++) lane[i] += lane[i + width];
  return lane[0];
}

/* min(1, clip / norm); a NaN norm gives NaN. */
NN_INLINE double nn_clip_scale(double sum_of_squares, double clip) {
  double norm = sqrt(sum_of_squares);
  return norm <= clip ? 1.0 : clip / norm;
}

/* Elements of a span updated by one call of the kernel; threads take whole tiles. */
#define NN_OPTIM_TILE 4096u
NN_INLINE size_t nn_optim_tiles_of(size_t n) { return n / NN_OPTIM_TILE + (n % NN_OPTIM_TILE != 0); }

/* nn_sgd_step_f32, nn_adam_step_f32 … and the same in f64. */
#define NN_REAL float
#define NN_SPAN nn_span_f32
#define NN_OF(name) name##_f32
#define NN_FMA_OF nn_fmaf
#define NN_SQRT_OF sqrtf
#include "nn_optim_real.inc"
#undef NN_REAL
#undef NN_SPAN
#undef NN_OF
#undef NN_FMA_OF
#undef NN_SQRT_OF

#define NN_REAL double
#define NN_SPAN nn_span_f64
#define NN_OF(name) name##_f64
#define NN_FMA_OF nn_fma
#define NN_SQRT_OF sqrt
#include "nn_optim_real.inc"
#undef NN_REAL
#undef NN_SPAN
#undef NN_OF
#undef NN_FMA_OF
#undef NN_SQRT_OF

#endif
