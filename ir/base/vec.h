// A growing array in an arena: VEC(int) v = {0}; vec_push(arena, &v, 3);
// Growth copies; old storage stays in the arena until it is freed, which
// doubles the memory at worst and keeps pointers into old storage readable.
#ifndef NNC_BASE_VEC_H
#define NNC_BASE_VEC_H

#include "ir/base/arena.h"

#include <stddef.h>
#include <string.h>

#define VEC(T) \
  struct {     \
    T *data;   \
    size_t len, cap; \
  }

static inline void *vec_grow_(Arena *a, void *data, size_t len, size_t *cap, size_t elem) {
  size_t n = *cap ? 2 * *cap : 8;
  void *p = arena_array(a, n, elem);
  if (len) memcpy(p, data, len * elem);
  *cap = n;
  return p;
}

#define vec_push(a, v, x)                                                                     \
  do {                                                                                        \
    if ((v)->len == (v)->cap)                                                                 \
      (v)->data = vec_grow_((a), (v)->data, (v)->len, &(v)->cap, sizeof *(v)->data);          \
    (v)->data[(v)->len++] = (x);                                                              \
  } while (0)

#endif
