// The one place where sizes are added and multiplied: false when the result
// does not fit, and then *out is left alone.
#ifndef NNC_BASE_CHECKED_H
#define NNC_BASE_CHECKED_H

#include <stdbool.h>
#include <stdint.h>

static inline bool checked_add(int64_t a, int64_t b, int64_t *out) {
  if (b > 0 ? a > INT64_MAX - b : a < INT64_MIN - b) return false;
  *out = a + b;
  return true;
}

static inline bool checked_sub(int64_t a, int64_t b, int64_t *out) {
  if (b < 0 ? a > INT64_MAX + b : a < INT64_MIN + b) return false;
  *out = a - b;
  return true;
}

static inline bool checked_mul(int64_t a, int64_t b, int64_t *out) {
  if (a > 0 ? (b > 0 ? a > INT64_MAX / b : b < INT64_MIN / a)
            : (b > 0 ? a < INT64_MIN / b : a != 0 && b < INT64_MAX / a))
    return false;
  *out = a * b;
  return true;
}

// Of numbers that are not negative, for what only has to be known as very much: INT64_MAX where it does not fit.
static inline int64_t saturated_add(int64_t a, int64_t b) {
  int64_t r;
  return checked_add(a, b, &r) ? r : INT64_MAX;
}

static inline int64_t saturated_mul(int64_t a, int64_t b) {
  int64_t r;
  return checked_mul(a, b, &r) ? r : INT64_MAX;
}

#endif
