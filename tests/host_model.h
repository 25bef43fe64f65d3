// A model written by hand for the tests of the runtime: linear regression y = w . x + b by gradient descent.
// Its functions are what nnc would emit, its descriptor names rows of numbers that lie in the test.
#ifndef HOST_MODEL_H
#define HOST_MODEL_H

#include <math.h>
#include <string.h>

#include "nn_model.h"

// Stores in the arena: W f32[2] at 0, b f32 at 8, hits f32 (of the eval) at 12.
static float *host_f32(nn_ctx *c, size_t offset) { return (float *)(void *)(c->arena + offset); }

static int host_init(nn_ctx *c, size_t n, void *const *args) {
  (void)n, (void)args;
  host_f32(c, 0)[0] = 0.5f;
  host_f32(c, 0)[1] = -0.5f;
  *host_f32(c, 8) = (float)(c->seed % 100) / 100;
  return 0;
}

// One step: mean squared error over n examples, W -= lr dW, b -= lr db. lr is the option.
static int host_step(nn_ctx *c, size_t n, void *const *args) {
  const float *x = args[0], *y = args[1];
  float *W = host_f32(c, 0), *b = host_f32(c, 8), loss = 0, g0 = 0, g1 = 0, gb = 0;
  for (size_t i = 0; i < n; i++) {
    float d = W[0] * x[2 * i] + W[1] * x[2 * i + 1] + *b - y[i];
    loss += d * d / (float)n;
    g0 += 2 * d * x[2 * i] / (float)n;
    g1 += 2 * d * x[2 * i + 1] / (float)n;
    gb += 2 * d / (float)n;
  }
  *(float *)args[2] = loss;
  *(float *)args[3] = (float)n;
  if (y[0] > 1e6f) nn_fault_set(c, NN_FAULT_INDEX, 0, 12, 10);
  if (c->fault.status) return c->fault.status;
  W[0] -= (float)c->options[0] * g0;
  W[1] -= (float)c->options[0] * g1;
  *b -= (float)c->options[0] * gb;
  return 0;
}

static int host_eval_init(nn_ctx *c, size_t n, void *const *args) {
  (void)n, (void)args;
  *host_f32(c, 12) = 0;
  return 0;
}

static int host_eval(nn_ctx *c, size_t n, void *const *args) {
  const float *x = args[0], *y = args[1], *W = host_f32(c, 0);
  float err = 0;
  for (size_t i = 0; i < n; i++)
    err += fabsf(W[0] * x[2 * i] + W[1] * x[2 * i + 1] + *host_f32(c, 8) - y[i]) / (float)n;
  *host_f32(c, 12) += (float)n;
  *(float *)args[2] = err;
  return 0;
}

static int host_finish(nn_ctx *c, size_t n, void *const *args) {
  (void)n;
  *(float *)args[0] = *host_f32(c, 12);
  return 0;
}

static int host_apply(nn_ctx *c, size_t n, void *const *args) {
  const float *x = args[0], *W = host_f32(c, 0);
  for (size_t i = 0; i < n; i++)
    ((float *)args[1])[i] = W[0] * x[2 * i] + W[1] * x[2 * i + 1] + *host_f32(c, 8);
  return 0;
}

// prepare: y = x0 + 2 x1 + 3, in one example
static int host_prepare(nn_ctx *c, size_t n, void *const *args) {
  (void)c, (void)n;
  const float *x = args[0];
  *(float *)args[1] = x[0] + 2 * x[1] + 3;
  return 0;
}

static const int64_t host_one[] = {1}, host_zero[] = {0}, host_two[] = {2}, host_n2_a[] = {1, 0},
                     host_n2_b[] = {0, 2};
static const nn_store host_stores[] = {{"net.W", NN_PARAM, NN_F32, 1, host_two, 2, 0, NULL},
                                       {"net.b", NN_PARAM, NN_F32, 0, NULL, 1, 8, NULL},
                                       {"hits", NN_EVAL_STATE, NN_F32, 0, NULL, 1, 12, NULL}};
static const nn_arg host_xy[] = {{"x", NN_F32, 2, host_n2_a, host_n2_b, NN_USE_VALUE},
                                 {"y", NN_F32, 1, host_one, host_zero, NN_USE_VALUE}};
static const nn_arg host_step_out[] = {{"loss", NN_F32, 0, NULL, NULL, NN_USE_VALUE},
                                       {"size", NN_F32, 0, NULL, NULL, NN_USE_VALUE}};
static const nn_arg host_eval_out[] = {{"err", NN_F32, 0, NULL, NULL, NN_USE_VALUE}};
static const nn_arg host_finish_out[] = {{"seen", NN_F32, 0, NULL, NULL, NN_USE_VALUE}};
static const nn_arg host_row[] = {{"x", NN_F32, 1, host_zero, host_two, NN_USE_VALUE}};
static const nn_arg host_row_out[] = {{"y", NN_F32, 0, NULL, NULL, NN_USE_VALUE}};
static const int host_reads[] = {0, 1, 2}; // W, b, hits
static const nn_function host_fns[] = {
    {"init", host_init, 0, 0, NULL, NULL, 0, 1, NULL, 0},
    {"fit_step", host_step, 2, 2, host_xy, host_step_out, 4, 1, host_reads, 2},
    {"fit_eval", host_eval, 2, 1, host_xy, host_eval_out, 3, 1, host_reads, 3},
    {"fit_eval_init", host_eval_init, 0, 0, NULL, NULL, 0, 1, NULL, 0},
    {"fit_finish", host_finish, 0, 1, NULL, host_finish_out, 0, 1, host_reads + 2, 1},
    {"apply", host_apply, 1, 1, host_xy, host_xy + 1, 8, 1, host_reads, 2},
    {"prepare_points", host_prepare, 1, 1, host_row, host_row_out, 0, 1, NULL, 0},
};
// Ten points of the plane; their y is computed.
static const double host_rows[] = {0, 0, 0, 1, 1, 0, 1, 1, 2, 0, 2, 1, 0, 2, 1, 2, 2, 2, -1, 1};
static const nn_source host_sources[] = {{.kind = NN_SRC_ROWS,
                                          .field = "x",
                                          .dtype = NN_F32,
                                          .rank = 1,
                                          .dims = host_two,
                                          .count = 2,
                                          .rows = host_rows,
                                          .n_rows = 10}};
static const nn_field host_fields[] = {{"x", NN_F32, 1, host_two, 2, 0, 0}, {"y", NN_F32, 0, NULL, 1, -1, 0}};
static const nn_data host_data[] = {{"points", "points", host_sources, 1, host_fields, 2, 6, 1, 1}};
static const int host_streams[] = {0}, host_eval_inputs[] = {0, 1}, host_exports[] = {5},
                 host_saved[] = {0, 1};
static const char *const host_saved_names[] = {"net.W", "net.b"};
static const nn_stream_field host_inputs[] = {{0, 0}, {0, 1}};
static const nn_eval host_evals[] = {{.name = "points",
                                      .data = 0,
                                      .fn = 2,
                                      .init = 3,
                                      .finish = 4,
                                      .batch = 3,
                                      .every = 2,
                                      .inputs = host_eval_inputs}};
static const nn_loop host_loop = {.epochs = 3,
                                  .batch = 4,
                                  .streams = host_streams,
                                  .n_streams = 1,
                                  .inputs = host_inputs,
                                  .step = 1,
                                  .then = -1,
                                  .accumulate = 1,
                                  .apply = -1,
                                  .invariant = -1,
                                  .evals = host_evals,
                                  .n_evals = 1};
static const nn_file host_file = {"net.safetensors", host_saved, host_saved_names, 2, 0, NULL};
static const nn_plan_item host_items[] = {{.kind = NN_PLAN_LOOP, .since = 0, .loop = &host_loop},
                                          {.kind = NN_PLAN_SAVE, .since = 0, .file = &host_file}};
static const nn_train host_trains[] = {{"fit", 1, 7, host_items, 2}};
static const nn_option host_options[] = {{"lr", 0.1}};
static const nn_place host_places[] = {{"model.nn:3:4", "`pick`: index into axis 1 of [B, 10]", -1}};
static const nn_model host_model = {.name = "line",
                                    .version = "0",
                                    .real = NN_F32,
                                    .arena_bytes = 64,
                                    .stores = host_stores,
                                    .n_stores = 3,
                                    .fns = host_fns,
                                    .n_fns = 7,
                                    .init = 0,
                                    .exports = host_exports,
                                    .n_exports = 1,
                                    .data = host_data,
                                    .n_data = 1,
                                    .trains = host_trains,
                                    .n_trains = 1,
                                    .options = host_options,
                                    .n_options = 1,
                                    .places = host_places,
                                    .n_places = 1,
                                    .flush_subnormals = 1};

#endif
