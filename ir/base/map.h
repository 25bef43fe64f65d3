// A map from 64-bit keys (pointers, hashes) to small numbers. Zero is an empty one; it grows in the arena of the caller.
#ifndef NNC_BASE_MAP_H
#define NNC_BASE_MAP_H

#include "ir/base/arena.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct Map {
  uint64_t *keys;
  uint32_t *values; // plus one; 0: free
  uint32_t used, cap;
} Map;

bool map_get(const Map *m, uint64_t key, uint32_t *value);
void map_put(Arena *a, Map *m, uint64_t key, uint32_t value); // value < UINT32_MAX; replaces

static inline uint64_t map_key(const void *p) { return (uint64_t)(uintptr_t)p; }

#endif
