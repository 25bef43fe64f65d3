// Open addressing at no more than half full, with Fibonacci hashing.
#include "ir/base/map.h"

static uint32_t slot_of(const Map *m, uint64_t key) {
  uint32_t i = (uint32_t)((key * 0x9E3779B97F4A7C15u) >> 32) & (m->cap - 1);
  while (m->values[i] && m->keys[i] != key) i = (i + 1) & (m->cap - 1);
  return i;
}

bool map_get(const Map *m, uint64_t key, uint32_t *value) {
  uint32_t i = m->cap ? slot_of(m, key) : 0;
  if (!m->cap || !m->values[i]) return false;
  *value = m->values[i] - 1;
  return true;
}

static void grow(Arena *a, Map *m) {
  Map n = {.used = m->used, .cap = m->cap ? 2 * m->cap : 32};
  n.keys = ARENA_ARRAY(a, n.cap, uint64_t);
  n.values = ARENA_ARRAY(a, n.cap, uint32_t);
  for (uint32_t i = 0; i < m->cap; i++) {
    if (!m->values[i]) continue;
    uint32_t k = slot_of(&n, m->keys[i]);
    n.keys[k] = m->keys[i];
    n.values[k] = m->values[i];
  }
  *m = n;
}

void map_put(Arena *a, Map *m, uint64_t key, uint32_t value) {
  if (2 * m->used >= m->cap) grow(a, m);
  uint32_t i = slot_of(m, key);
  m->used += !m->values[i];
  m->keys[i] = key;
  m->values[i] = value + 1;
}
