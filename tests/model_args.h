// Elements of a model's arguments and stores: for tests that run a model's functions side by side.
#ifndef NNC_TESTS_MODEL_ARGS_H
#define NNC_TESTS_MODEL_ARGS_H

#include "nn_model.h"

static inline size_t dtype_size(int t) { // bytes of an nn_dtype
  static const size_t size[] = {4, 8, 2, 2, 1, 2, 4, 8, 1, 1};
  return size[t];
}

static inline size_t arg_count(const nn_arg *a, size_t n) {
  size_t count = 1;
  for (int i = 0; i < a->rank; i++) count *= (size_t)(a->dims_a[i] * (int64_t)n + a->dims_b[i]);
  return count;
}

#endif
