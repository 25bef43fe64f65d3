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

static inline void *vec_room_(Arena *a, void *data, size_t len, size_t *cap, size_t n, size_t elem) {
  if (n <= *cap) return data;
  void *p = arena_raw(a, n, elem);
  if (len) memcpy(p, data, len * elem);
  *cap = n;
  return p;
}

// Room for n elements in all.
#define vec_reserve(a, v, n) \
  ((v)->data = vec_room_((a), (v)->data, (v)->len, &(v)->cap, (n), sizeof *(v)->data))

// Its elements in memory of their own, with no room to spare.
#define vec_own(a, v) \
  ((v)->data = arena_copy((a), (v)->data, (v)->len * sizeof *(v)->data), (v)->cap = (v)->len)

#define vec_push(a, v, x)                                                                     \
  do {                                                                                        \
    if ((v)->len == (v)->cap)                                                                 \
      vec_reserve((a), (v), (v)->cap ? 2 * (v)->cap : 8);                                     \
    (v)->data[(v)->len++] = (x);                                                              \
  } while (0)

#endif
