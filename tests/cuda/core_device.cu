// runtime/core as device code: every function of it that a kernel may call is called from one.
// tests/run/cuda_core.sh compiles this for each architecture, and asks that no NN_INLINE function of the
// headers is missing here.
#include "nn_core.h"
#include "nn_math.h"
#include "nn_random.h"
#include "nn_optim.h"
#include "nn_rows.h"
#include "nn_linalg.h"

// By what they take: lists of the functions.
// clang-format off
#define UNARY_F32(F) F(nn_signf) F(nn_roundf) F(nn_expf) F(nn_expm1f) F(nn_tanhf) F(nn_sigmoidf) \
  F(nn_logf) F(nn_log1pf) F(nn_erff) F(nn_sinf) F(nn_cosf) F(nn_exp_qf)
#define UNARY_F64(F) F(nn_sign) F(nn_round) F(nn_exp) F(nn_expm1) F(nn_tanh) F(nn_sigmoid) F(nn_log) \
  F(nn_log1p) F(nn_erf) F(nn_sin) F(nn_cos) F(nn_exp_q) F(nn_sin_nearf) F(nn_cos_nearf)
#define BINARY_F32(F) F(nn_maxf) F(nn_minf) F(nn_modf) F(nn_floordivf) F(nn_powf) F(nn_log_edgesf) \
  F(nn_scalef)
#define BINARY_F64(F) F(nn_max) F(nn_min) F(nn_mod) F(nn_floordiv) F(nn_pow) F(nn_log_edges) F(nn_scale) \
  F(nn_exp_pair) F(nn_sin_near) F(nn_cos_near) F(nn_clip_scale)
#define TERNARY_F32(F) F(nn_fmaf) F(nn_log_sumf)
#define TERNARY_F64(F) F(nn_fma) F(nn_log_sum) F(nn_pow_edges)
#define UNARY_INT(F) F(nn_wrap_i32) F(nn_wrap_i16) F(nn_wrap_i8) F(nn_wrap_u8) F(nn_ineg) F(nn_iabs) \
  F(nn_isign)
#define BINARY_INT(F) F(nn_iadd) F(nn_isub) F(nn_imul) F(nn_imax) F(nn_imin) F(nn_ifloordiv) F(nn_imod)
#define FROM_F32(F) F(nn_f32_to_i64) F(nn_f32_to_i32) F(nn_f32_to_i16) F(nn_f32_to_i8) F(nn_f32_to_u8) \
  F(nn_f32_to_f16) F(nn_f32_to_bf16)
#define FROM_F64(F) F(nn_f64_to_i64) F(nn_f64_to_i32) F(nn_f64_to_i16) F(nn_f64_to_i8) F(nn_f64_to_u8) \
  F(nn_f64_to_f16) F(nn_f64_to_bf16)
#define FROM_HALF(F) F(nn_f16_to_f32) F(nn_f16_to_f64) F(nn_bf16_to_f32) F(nn_bf16_to_f64)
// clang-format on

__global__ void reals_f32(const float *x, float *y) {
#define CALL(f) *y++ = f(x[0]);
  UNARY_F32(CALL)
#undef CALL
#define CALL(f) *y++ = f(x[0], x[1]);
  BINARY_F32(CALL)
#undef CALL
#define CALL(f) *y++ = f(x[0], x[1], x[2]);
  TERNARY_F32(CALL)
#undef CALL
  const nn_pairf sum = nn_two_sumf(x[0], x[1]), half = nn_half_expm1f(x[0]);
  const nn_splitf split = nn_split_f32(x[0]);
  *y++ = sum.hi + sum.lo + half.hi + half.lo + split.k + split.m;
  *y++ = nn_self(x[0] > x[1], x[2], x[3]);
  *y++ = nn_nan_mark_f32(x[0], 7);
  nn_nan_rows_f32(y, 2, 1, 3, 2, 7);
  *y = nn_from_bits_f32(nn_bits_f32(x[0]) ^ 1u);
}

__global__ void reals_f64(const double *x, double *y) {
#define CALL(f) *y++ = f(x[0]);
  UNARY_F64(CALL)
#undef CALL
#define CALL(f) *y++ = f(x[0], x[1]);
  BINARY_F64(CALL)
#undef CALL
#define CALL(f) *y++ = f(x[0], x[1], x[2]);
  TERNARY_F64(CALL)
#undef CALL
  const nn_pair pairs[] = {nn_two_sum(x[0], x[1]), nn_fast_sum(x[0], x[1]), nn_two_mul(x[0], x[1]),
                           nn_half_expm1(x[0]), nn_log_pair(x[0])};
  for (const nn_pair &p : pairs) *y++ = p.hi + p.lo;
  const nn_angle angles[] = {nn_reduce(x[0]), nn_reducef(x[0]), nn_reduce_large(x[0])};
  for (const nn_angle &a : angles) *y++ = a.hi + a.lo + a.quadrant;
  const nn_split split = nn_split_f64(x[0]);
  *y++ = nn_sel(x[0] > x[1], split.k, split.m);
  *y++ = nn_nan_place(nn_nan_mark_f64(x[0], 7));
  nn_nan_rows_f64(y, 2, 1, 3, 2, 7);
  *y = nn_from_bits_f64(nn_bits_f64(x[0]) ^ 1u);
}

__global__ void integers(nn_ctx *c, const int64_t *x, int64_t *y) {
#define CALL(f) *y++ = f(x[0]);
  UNARY_INT(CALL)
#undef CALL
#define CALL(f) *y++ = f(x[0], x[1]);
  BINARY_INT(CALL)
#undef CALL
  *y++ =
      nn_wrap_i64((uint64_t)x[0]) + nn_isel(x[0] > 0, x[1], x[2]) + (int64_t)nn_shift_even((uint64_t)x[0], 3);
  *y++ = nn_least(x[0], x[1]) + nn_inside(x[0], x[1]) + nn_inside32((int32_t)x[0], (int32_t)x[1]);
  *y = nn_index(c, x[0], x[1], 3) + nn_divisor(c, x[0], 4) + nn_assert(c, x[0] < x[1], 6);
  if (x[0] < 0) nn_fault_set(c, NN_NOT_FINITE, 5, 0, 0);
}

__global__ void casts(const float *x, const double *z, const uint16_t *h, int64_t *y, double *w) {
#define CALL(f) *y++ = f(x[0]);
  FROM_F32(CALL)
#undef CALL
#define CALL(f) *y++ = f(z[0]);
  FROM_F64(CALL)
#undef CALL
#define CALL(f) *w++ = f(h[0]);
  FROM_HALF(CALL)
#undef CALL
}

__global__ void draws(uint64_t seed, uint32_t step, const char *path, float *y, double *z, uint32_t *w) {
  const uint64_t e = blockIdx.x * blockDim.x + threadIdx.x;
  const uint32_t site = nn_site_at(nn_fnv1a(path), step);
  const nn_words b = nn_philox_round(nn_philox(seed, 1, 2, step, site), seed, 3);
  y[0] = nn_randf(seed, 0, step, site, e) + nn_uniformf(nn_word(b, e));
  y[1] = nn_randnf(seed, 0, step, site, e) + nn_normalf(b.w[0], b.w[1], 1);
  nn_rand4f(seed, 0, step, site, e, y + 2);
  nn_randn4f(seed, 0, step, site, e, y + 6);
  z[0] = nn_rand(seed, 0, step, site, e) + nn_uniform(b.w[2]) + nn_philox_double(seed, 0, step, site, 1);
  z[1] = nn_randn(seed, 0, step, site, e) + nn_normal(b.w[2], b.w[3], 0);
  nn_rand4(seed, 0, step, site, e, z + 2);
  nn_randn4(seed, 0, step, site, e, z + 6);
  z[10] = nn_turn(b.w[0], 0, w);
  w[1] = nn_rand_words(seed, 0, step, site, e).w[0];
}

#define ROWS(T, type, total)                                                                                 \
  __global__ void rows_##T(const type *x, total *y, int32_t *order, ptrdiff_t n) {                           \
    nn_cumsum_##T(y, 1, x, 1, n);                                                                            \
    nn_argsort_##T(order, 1, x, 1, n);                                                                       \
    nn_sift_##T(order, 1, x, 1, nn_before_##T(x, 1, 0, 1), n);                                               \
  }
ROWS(u8, uint8_t, int32_t)
ROWS(i8, int8_t, int32_t)
ROWS(i16, int16_t, int32_t)
ROWS(i32, int32_t, int32_t)
ROWS(i64, int64_t, int64_t)
ROWS(f32, float, float)
ROWS(f64, double, double)

#define LINALG(T, type)                                                                                      \
  __global__ void linalg_##T(const type *a, type *l, type *x, ptrdiff_t n) {                                 \
    nn_cholesky_##T(l, n, 1, a, n, 1, n);                                                                    \
    nn_lower_solve_##T(x, 1, l, n, 1, a, 1, n);                                                              \
    nn_upper_solve_##T(x, 1, l, 1, n, a, 1, n);                                                              \
  }
LINALG(f32, float)
LINALG(f64, double)

#define OPTIM(T, type)                                                                                       \
  __global__ void optim_##T(const nn_span_##T *spans, size_t n, const void *hyper, double clip_norm,         \
                            size_t *tiles) {                                                                 \
    const size_t i = blockIdx.x * blockDim.x + threadIdx.x;                                                  \
    const type clip = nn_clip_##T(spans, n, clip_norm);                                                      \
    *tiles = nn_optim_begin_##T(spans, n) + nn_optim_tiles_of(n);                                            \
    nn_sgd_span_##T(spans, hyper, clip, i, i + 1);                                                           \
    nn_adam_span_##T(spans, hyper, clip, i, i + 1);                                                          \
    nn_adagrad_span_##T(spans, hyper, clip, i, i + 1);                                                       \
    nn_adadelta_span_##T(spans, hyper, clip, i, i + 1);                                                      \
    nn_rmsprop_span_##T(spans, hyper, clip, i, i + 1);                                                       \
  }
OPTIM(f32, float)
OPTIM(f64, double)

__global__ void lanes(double *lane) { *lane = nn_lanes_sum(lane); }
