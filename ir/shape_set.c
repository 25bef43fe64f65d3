// A table of pointers by hash, at most half full.
#include "ir/shape_set.h"

enum { FIRST_ROOM = 16 };

struct ShapeSet {
  Arena *arena;
  const Shape **slots;
  uint32_t used, room;
};

ShapeSet *shape_set_new(Arena *a) {
  ShapeSet *t = ARENA_NEW(a, ShapeSet);
  t->arena = a;
  return t;
}

static uint32_t hash(const Shape *s) {
  uint64_t h = s->rank;
  for (uint32_t i = 0; i < s->rank; i++) {
    h = (h ^ (uint64_t)s->d[i].a) * UINT64_C(0x9e3779b97f4a7c15);
    h = (h ^ h >> 29 ^ (uint64_t)s->d[i].b) * UINT64_C(0xbf58476d1ce4e5b9);
  }
  return (uint32_t)(h >> 32);
}

static const Shape **slot_of(const ShapeSet *t, const Shape *s) {
  uint32_t at = hash(s) & (t->room - 1);
  while (t->slots[at] && !shape_eq(t->slots[at], s)) at = (at + 1) & (t->room - 1);
  return &t->slots[at];
}

static void grow(ShapeSet *t) {
  ShapeSet old = *t;
  t->room = old.room ? 2 * old.room : FIRST_ROOM;
  t->slots = ARENA_ARRAY(t->arena, t->room, const Shape *);
  for (uint32_t i = 0; i < old.room; i++)
    if (old.slots[i]) *slot_of(t, old.slots[i]) = old.slots[i];
}

const Shape *shape_set_one(ShapeSet *t, const Shape *s) {
  if (2 * t->used >= t->room) grow(t);
  const Shape **at = slot_of(t, s);
  if (!*at) {
    *at = arena_copy(t->arena, s, sizeof *s);
    t->used++;
  }
  return *at;
}
