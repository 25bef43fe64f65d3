// A model written by hand for the tests of runtime/cuda, as nnc would emit it: y = w . x + b + shift[kind] by
// gradient descent. With LINE_CPU the same numbers are computed by functions of the host, so that a program
// on the processor says what a program on a device must say. LINE_DRAWS: `prepare` runs for each example of
// each batch.
#ifdef LINE_CPU
#include "nn_core.h"
extern "C" {
#include "nn_model.h"
}
#define __device__
#define NN_PTR(type) type *
#define NN_MEM(type, address, count) ((type *)(address))
#else
#include "nn_cuda_program.h"
#endif

// ---- memory: W f32[2] at 0, b at 8, hits (of the eval) at 12, shift f32[3] at 64; scratch: residuals f32[4]
// at 128
enum { W_AT = 0, B_AT = 8, HITS_AT = 12, SHIFT_AT = 64, SCRATCH_AT = 128, ROWS = 3 };

// ---- what both targets compute

static __device__ void line_fault(nn_ctx *c, int64_t value, int64_t bound) {
#ifdef LINE_CPU
  nn_fault_set(c, NN_FAULT_INDEX, 0, value, bound);
#else
  if (atomicCAS(&c->fault.status, 0, (int)NN_FAULT_INDEX) != 0) return;
  c->fault.place = 0;
  c->fault.value = value;
  c->fault.bound = bound;
#endif
}

static __device__ float line_guess(nn_ctx *c, NN_PTR(const float) W, NN_PTR(const float) b,
                                   NN_PTR(const float) shift, NN_PTR(const float) x, int32_t kind) {
  bool inside = kind >= 0 && kind < ROWS;
  if (!inside) line_fault(c, kind, ROWS);
  return W[0] * x[0] + W[1] * x[1] + b[0] + shift[inside ? kind : 0];
}

static __device__ void line_update(nn_ctx *c, NN_PTR(float) W, NN_PTR(float) b, NN_PTR(const float) x,
                                   NN_PTR(const float) d, NN_PTR(float) loss, NN_PTR(float) size) {
  const float n = (float)c->n, lr = (float)(c->options[0] / (1 + c->step / 8));
  float sum = 0, g0 = 0, g1 = 0, gb = 0;
  for (size_t i = 0; i < c->n; i++) {
    sum += d[i] * d[i];
    g0 += 2 * d[i] * x[2 * i];
    g1 += 2 * d[i] * x[2 * i + 1];
    gb += 2 * d[i];
  }
  loss[0] = sum / n;
  size[0] = n;
  W[0] -= lr * (g0 / n);
  W[1] -= lr * (g1 / n);
  b[0] -= lr * (gb / n);
}

static __device__ void line_error(nn_ctx *c, NN_PTR(const float) d, NN_PTR(float) hits, NN_PTR(float) error) {
  float sum = 0;
  for (size_t i = 0; i < c->n; i++) sum += d[i] < 0 ? -d[i] : d[i];
  hits[0] += (float)c->n;
  error[0] = sum / (float)c->n;
}

static const float line_shift[ROWS] = {0, 1, 2};

static __device__ void line_fill(nn_ctx *c, NN_PTR(float) W, NN_PTR(float) b, NN_PTR(float) shift,
                                 NN_PTR(const float) values) {
  W[0] = 0.5f;
  W[1] = -0.5f;
  b[0] = (float)(c->seed % 100) / 100;
  for (int i = 0; i < ROWS; i++) shift[i] = values[i];
}

// ---- functions, in the order of line_fns

#ifdef LINE_CPU

static float *line_at(nn_ctx *c, size_t at) { return (float *)(c->arena + at); }

static void line_residuals(nn_ctx *c, size_t n, void *const *args) {
  const float *x = (const float *)args[0], *y = (const float *)args[1];
  for (size_t i = 0; i < n; i++)
    line_at(c, SCRATCH_AT)[i] = line_guess(c, line_at(c, W_AT), line_at(c, B_AT), line_at(c, SHIFT_AT),
                                           x + 2 * i, ((const int32_t *)args[2])[i]) -
                                y[i];
}

static int fn_init(nn_ctx *c, size_t, void *const *) {
  return line_fill(c, line_at(c, W_AT), line_at(c, B_AT), line_at(c, SHIFT_AT), line_shift), 0;
}
static int fn_fit_step(nn_ctx *c, size_t n, void *const *args) {
  line_residuals(c, n, args);
  if (c->fault.status) return c->fault.status;
  line_update(c, line_at(c, W_AT), line_at(c, B_AT), (const float *)args[0], line_at(c, SCRATCH_AT),
              (float *)args[3], (float *)args[4]);
  return 0;
}
static int fn_fit_eval(nn_ctx *c, size_t n, void *const *args) {
  line_residuals(c, n, args);
  line_error(c, line_at(c, SCRATCH_AT), line_at(c, HITS_AT), (float *)args[3]);
  return c->fault.status;
}
static int fn_fit_eval_init(nn_ctx *c, size_t, void *const *) { return *line_at(c, HITS_AT) = 0, 0; }
static int fn_fit_finish(nn_ctx *c, size_t, void *const *args) {
  return *(float *)args[0] = *line_at(c, HITS_AT), 0;
}
static int fn_apply(nn_ctx *c, size_t n, void *const *args) {
  for (size_t i = 0; i < n; i++)
    ((float *)args[2])[i] = line_guess(c, line_at(c, W_AT), line_at(c, B_AT), line_at(c, SHIFT_AT),
                                       (const float *)args[0] + 2 * i, ((const int32_t *)args[1])[i]);
  return c->fault.status;
}
static int fn_prepare(nn_ctx *, size_t, void *const *args) {
  const float *x = (const float *)args[0];
  return *(float *)args[2] = x[0] + 2 * x[1] + 3 + (float)*(const int32_t *)args[1], 0;
}
#define LINE_FN(f) f

#else

#define LINE_X(a) NN_MEM(const float, a, 2 * n)
#define LINE_MEM(at, count) NN_MEM(float, nn_cuda_arena(d) + (at), count)

struct k0_args { // y: residuals are wanted, else NULL
  NN_PTR(const float) W;
  NN_PTR(const float) b;
  NN_PTR(const float) shift;
  NN_PTR(const float) x;
  NN_PTR(const float) y;
  NN_PTR(const int32_t) kind;
  NN_PTR(float) out;
};
static __global__ void k0_guess(nn_ctx *c, const k0_args a) {
  const size_t i = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= c->n) return;
  const float guess = line_guess(c, a.W, a.b, a.shift, a.x + 2 * i, a.kind[i]);
  a.out[i] = a.y ? guess - a.y[i] : guess;
}

struct k1_args {
  NN_PTR(float) W;
  NN_PTR(float) b;
  NN_PTR(const float) x;
  NN_PTR(const float) d;
  NN_PTR(float) loss;
  NN_PTR(float) size;
};
static __global__ void k1_update(nn_ctx *c, const k1_args a) {
  line_update(c, a.W, a.b, a.x, a.d, a.loss, a.size);
}

struct k2_args {
  NN_PTR(const float) d;
  NN_PTR(float) hits;
  NN_PTR(float) error;
};
static __global__ void k2_error(nn_ctx *c, const k2_args a) { line_error(c, a.d, a.hits, a.error); }

struct k3_args {
  NN_PTR(float) W;
  NN_PTR(float) b;
  NN_PTR(float) shift;
  NN_PTR(const float) values;
};
static __global__ void k3_fill(nn_ctx *c, const k3_args a) { line_fill(c, a.W, a.b, a.shift, a.values); }

struct k4_args {
  NN_PTR(float) out;
  NN_PTR(const float) in; // NULL: zero
};
static __global__ void k4_copy(nn_ctx *, const k4_args a) { a.out[0] = a.in ? a.in[0] : 0; }

struct k5_args {
  NN_PTR(const float) x;
  NN_PTR(const int32_t) kind;
  NN_PTR(float) y;
};
static __global__ void k5_prepare(nn_ctx *, const k5_args a) {
  a.y[0] = a.x[0] + 2 * a.x[1] + 3 + (float)a.kind[0];
}

static int line_guesses(nn_cuda *d, size_t n, const void *x, const void *y, const void *kind, void *out,
                        const char *place) {
  const k0_args a = {LINE_MEM(W_AT, 2),
                     LINE_MEM(B_AT, 1),
                     LINE_MEM(SHIFT_AT, 3),
                     LINE_X(x),
                     y ? NN_MEM(const float, y, n) : NULL,
                     NN_MEM(const int32_t, kind, n),
                     NN_MEM(float, out, n)};
  NN_LAUNCH(k0_guess, (n + 1) / 2, 2, nn_cuda_stream(d), nn_cuda_ctx(d), a);
  return nn_cuda_launched(d, "k0_guess", place);
}

static int fn_init(nn_cuda *d, size_t, void *const *) {
  const k3_args a = {LINE_MEM(W_AT, 2), LINE_MEM(B_AT, 1), LINE_MEM(SHIFT_AT, 3),
                     NN_MEM(const float, nn_cuda_constant(d, 0), ROWS)};
  NN_LAUNCH(k3_fill, 1, 1, nn_cuda_stream(d), nn_cuda_ctx(d), a);
  return nn_cuda_launched(d, "k3_fill", "line.nn:1:1");
}
static int fn_fit_step(nn_cuda *d, size_t n, void *const *args) {
  int status = line_guesses(d, n, args[0], args[1], args[2], nn_cuda_arena(d) + SCRATCH_AT, "line.nn:2:3");
  if (status) return status;
  const k1_args a = {LINE_MEM(W_AT, 2),       LINE_MEM(B_AT, 1),         LINE_X(args[0]),
                     LINE_MEM(SCRATCH_AT, n), NN_MEM(float, args[3], 1), NN_MEM(float, args[4], 1)};
  NN_LAUNCH(k1_update, 1, 1, nn_cuda_stream(d), nn_cuda_ctx(d), a);
  return nn_cuda_launched(d, "k1_update", "line.nn:2:4");
}
static int fn_fit_eval(nn_cuda *d, size_t n, void *const *args) {
  int status = line_guesses(d, n, args[0], args[1], args[2], nn_cuda_arena(d) + SCRATCH_AT, "line.nn:3:3");
  if (status) return status;
  const k2_args a = {LINE_MEM(SCRATCH_AT, n), LINE_MEM(HITS_AT, 1), NN_MEM(float, args[3], 1)};
  NN_LAUNCH(k2_error, 1, 1, nn_cuda_stream(d), nn_cuda_ctx(d), a);
  return nn_cuda_launched(d, "k2_error", "line.nn:3:4");
}
static int line_copy(nn_cuda *d, void *to, const void *from) {
  const k4_args a = {NN_MEM(float, to, 1), from ? NN_MEM(const float, from, 1) : NULL};
  NN_LAUNCH(k4_copy, 1, 1, nn_cuda_stream(d), nn_cuda_ctx(d), a);
  return nn_cuda_launched(d, "k4_copy", "line.nn:4:1");
}
static int fn_fit_eval_init(nn_cuda *d, size_t, void *const *) {
  return line_copy(d, nn_cuda_arena(d) + HITS_AT, NULL);
}
static int fn_fit_finish(nn_cuda *d, size_t, void *const *args) {
  return nn_cuda_copy(d, args[0], nn_cuda_arena(d) + HITS_AT, 4, "line.nn:4:2");
}
static int fn_apply(nn_cuda *d, size_t n, void *const *args) {
  return line_guesses(d, n, args[0], NULL, args[1], args[2], "line.nn:5:1");
}
static int fn_prepare(nn_cuda *d, size_t, void *const *args) {
  const k5_args a = {NN_MEM(const float, args[0], 2), NN_MEM(const int32_t, args[1], 1),
                     NN_MEM(float, args[2], 1)};
  NN_LAUNCH(k5_prepare, 1, 1, nn_cuda_stream(d), nn_cuda_ctx(d), a);
  return nn_cuda_launched(d, "k5_prepare", "line.nn:6:1");
}
#define LINE_FN(f) NULL

#endif

// ---- the descriptor

static const int64_t line_one[] = {1}, line_zero[] = {0}, line_two[] = {2}, line_rows[] = {ROWS},
                     line_n2_a[] = {1, 0}, line_n2_b[] = {0, 2};
static const nn_store line_stores[] = {{"net.W", NN_PARAM, NN_F32, 1, line_two, 2, W_AT, NULL},
                                       {"net.b", NN_PARAM, NN_F32, 0, NULL, 1, B_AT, NULL},
                                       {"hits", NN_EVAL_STATE, NN_F32, 0, NULL, 1, HITS_AT, NULL},
                                       {"net.shift", NN_PARAM, NN_F32, 1, line_rows, ROWS, SHIFT_AT, NULL}};
static const nn_arg line_xyk[] = {{"x", NN_F32, 2, line_n2_a, line_n2_b, NN_USE_VALUE},
                                  {"y", NN_F32, 1, line_one, line_zero, NN_USE_VALUE},
                                  {"kind", NN_I32, 1, line_one, line_zero, NN_USE_VALUE}};
static const nn_arg line_xk[] = {{"x", NN_F32, 2, line_n2_a, line_n2_b, NN_USE_VALUE},
                                 {"kind", NN_I32, 1, line_one, line_zero, NN_USE_VALUE}};
static const nn_arg line_step_out[] = {{"loss", NN_F32, 0, NULL, NULL, NN_USE_VALUE}, {"size", NN_F32, 0, NULL, NULL, NN_USE_VALUE}};
static const nn_arg line_eval_out[] = {{"err", NN_F32, 0, NULL, NULL, NN_USE_VALUE}};
static const nn_arg line_finish_out[] = {{"seen", NN_F32, 0, NULL, NULL, NN_USE_VALUE}};
static const nn_arg line_row[] = {{"x", NN_F32, 1, line_zero, line_two, NN_USE_VALUE}, {"kind", NN_I32, 0, NULL, NULL, NN_USE_VALUE}};
static const nn_arg line_row_out[] = {{"y", NN_F32, 0, NULL, NULL, NN_USE_VALUE}};
static const int line_reads[] = {0, 1, 3}, line_hits[] = {2}; // W, b, shift
static const nn_function line_fns[] = {
    {"init", LINE_FN(fn_init), 0, 0, NULL, NULL, 0, 1, NULL, 0},
    {"fit_step", LINE_FN(fn_fit_step), 3, 2, line_xyk, line_step_out, 4, 1, line_reads, 3},
    {"fit_eval", LINE_FN(fn_fit_eval), 3, 1, line_xyk, line_eval_out, 3, 1, line_reads, 3},
    {"fit_eval_init", LINE_FN(fn_fit_eval_init), 0, 0, NULL, NULL, 0, 1, NULL, 0},
    {"fit_finish", LINE_FN(fn_fit_finish), 0, 1, NULL, line_finish_out, 0, 1, line_hits, 1},
    {"apply", LINE_FN(fn_apply), 2, 1, line_xk, line_xyk + 1, 8, 1, line_reads, 3},
    {"prepare_points", LINE_FN(fn_prepare), 2, 1, line_row, line_row_out, 0, 1, NULL, 0},
};
// points.csv: x0, x1, kind. y is computed.
static const int32_t line_columns_x[] = {0, 1}, line_columns_kind[] = {2};
static const nn_source line_sources[] = {{NN_SRC_CSV, "x", "points.csv", NN_F32, 1, line_two, 2,
                                          line_columns_x, NULL, 2, 0, ',', NULL, 0, NULL, 0, 0, 0, 0, NULL, 0},
                                         {NN_SRC_CSV, "kind", "points.csv", NN_I32, 0, NULL, 1,
                                          line_columns_kind, NULL, 1, 0, ',', NULL, 0, NULL, 0, 0, 0, 0, NULL, 0}};
static const nn_field line_fields[] = {{"x", NN_F32, 1, line_two, 2, 0, 0},
                                       {"kind", NN_I32, 0, NULL, 1, 1, 0},
                                       {"y", NN_F32, 0, NULL, 1, -1, 0}};
#ifdef LINE_DRAWS
enum { LINE_PURE = 0 };
#else
enum { LINE_PURE = 1 };
#endif
static const nn_data line_data[] = {{"points", "points", line_sources, 2, line_fields, 3, 6, 1, LINE_PURE}};
static const int line_streams[] = {0}, line_eval_inputs[] = {0, 2, 1}, line_exports[] = {5},
                 line_saved[] = {0, 1};
static const char *const line_saved_names[] = {"net.W", "net.b"};
static const nn_stream_field line_inputs[] = {{0, 0}, {0, 2}, {0, 1}};
static const nn_eval line_evals[] = {{"points", 0, 2, 3, 4, 3, 1, line_eval_inputs}};
// Ten examples in batches of four: a full batch is followed by a smaller one. The best weights are kept.
static const nn_loop line_loop = {4, 4,  0,          0, 0, line_streams, 1, line_inputs,
                                  1, -1, line_evals, 1, 3, "err",        0, 1, -1, -1};
static const nn_file line_file = {"net.safetensors", line_saved, line_saved_names, 2, 0, NULL};
static const nn_plan_item line_items[] = {{NN_PLAN_LOOP, NULL, 0, &line_loop, NULL, NULL, -1},
                                          {NN_PLAN_SAVE, NULL, 0, NULL, NULL, &line_file, -1},
                                          {NN_PLAN_LOAD, NULL, 0, NULL, NULL, &line_file, -1},
                                          {NN_PLAN_LOOP, "more", 0, &line_loop, NULL, NULL, -1}};
static const nn_train line_trains[] = {{"fit", 1, 7, line_items, 4}};
static const nn_option line_options[] = {{"lr", 0.05}};
static const nn_place line_places[] = {{"line.nn:2:3", "`shift`: index into axis 0 of [3]", 2}};
static const nn_model line_model = {"line",      "0",
                                    NN_F32,      SCRATCH_AT + 64,
                                    line_stores, 4,
                                    line_fns,    7,
                                    0,           line_exports,
                                    1,           line_data,
                                    1,           line_trains,
                                    1,           line_options,
                                    1,           line_places,
                                    1,           NULL,
                                    0,           1,
                                    0,           NULL,
                                    NULL,        NULL};

#ifdef LINE_CPU
int main(int argc, char **argv) { return nn_main(&line_model, argc, argv); }
#else
static const nn_cuda_fn line_cuda[] = {fn_init,       fn_fit_step, fn_fit_eval, fn_fit_eval_init,
                                       fn_fit_finish, fn_apply,    fn_prepare};
static const nn_cuda_array line_constants[] = {{line_shift, sizeof line_shift}};
static const nn_cuda_program line_program = {&line_model, line_cuda, line_constants, 1};
int main(int argc, char **argv) { return nn_cuda_main(&line_program, argc, argv); }
#endif
