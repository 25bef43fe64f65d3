// Open addressing over FNV-1a; the table lives in the arena it was made with.
#include "ir/base/intern.h"

#include <stdint.h>
#include <string.h>

typedef struct Entry {
  const char *text;
  uint32_t hash, len;
} Entry;

struct Intern {
  Arena *arena;
  Entry *slots;
  size_t used, cap;
};

Intern *intern_new(Arena *a) {
  Intern *t = ARENA_NEW(a, Intern);
  t->arena = a;
  t->cap = 256;
  t->slots = ARENA_ARRAY(a, t->cap, Entry);
  return t;
}

static uint32_t fnv1a(const char *s, size_t n) {
  uint32_t h = 2166136261u;
  for (size_t i = 0; i < n; i++) h = (h ^ (unsigned char)s[i]) * 16777619u;
  return h;
}

static Entry *find(Entry *slots, size_t cap, uint32_t h, const char *s, size_t n) {
  for (size_t i = h & (cap - 1);; i = (i + 1) & (cap - 1)) {
    Entry *e = &slots[i];
    if (!e->text || (e->hash == h && e->len == n && memcmp(e->text, s, n) == 0)) return e;
  }
}

static void grow(Intern *t) {
  size_t cap = t->cap * 2;
  Entry *slots = ARENA_ARRAY(t->arena, cap, Entry);
  for (size_t i = 0; i < t->cap; i++) {
    const Entry *e = &t->slots[i];
    if (e->text) *find(slots, cap, e->hash, e->text, e->len) = *e;
  }
  t->slots = slots;
  t->cap = cap;
}

const char *intern_n(Intern *t, const char *s, size_t n) {
  if (2 * t->used >= t->cap) grow(t);
  uint32_t h = fnv1a(s, n);
  Entry *e = find(t->slots, t->cap, h, s, n);
  if (!e->text) {
    *e = (Entry){arena_strndup(t->arena, s, n), h, (uint32_t)n};
    t->used++;
  }
  return e->text;
}

const char *intern(Intern *t, const char *s) { return intern_n(t, s, strlen(s)); }
