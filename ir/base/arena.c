// A chain of blocks, each bigger than what is asked of it; nothing is ever
// moved or freed before the whole arena is.
#include "ir/base/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Block {
  struct Block *next;
  size_t used, size;
  alignas(max_align_t) unsigned char data[];
} Block;

struct Arena {
  Block *head;
  size_t total;
};

enum { BLOCK_BYTES = 64 * 1024 };

_Noreturn void out_of_memory(void) {
  fputs("nnc: error: out of memory\n", stderr);
  exit(3);
}

Arena *arena_new(void) {
  Arena *a = calloc(1, sizeof *a);
  if (!a) out_of_memory();
  return a;
}

void arena_free(Arena *a) {
  if (!a) return;
  for (Block *b = a->head, *next; b; b = next) {
    next = b->next;
    free(b);
  }
  free(a);
}

static Block *block_for(Arena *a, size_t size) {
  if (a->head && a->head->size - a->head->used >= size) return a->head;
  size_t bytes = size > BLOCK_BYTES ? size : BLOCK_BYTES;
  if (bytes > SIZE_MAX - sizeof(Block)) out_of_memory();
  Block *b = calloc(1, sizeof *b + bytes);
  if (!b) out_of_memory();
  b->size = bytes;
  b->next = a->head;
  a->head = b;
  return b;
}

void *arena_alloc(Arena *a, size_t size) {
  const size_t align = alignof(max_align_t);
  if (size > SIZE_MAX - align) out_of_memory();
  size = (size + align - 1) / align * align;
  Block *b = block_for(a, size);
  void *p = b->data + b->used;
  b->used += size;
  a->total += size;
  return p;
}

void *arena_array(Arena *a, size_t count, size_t size) {
  if (size && count > SIZE_MAX / size) out_of_memory();
  return arena_alloc(a, count * size);
}

void *arena_copy(Arena *a, const void *src, size_t size) {
  void *p = arena_alloc(a, size);
  if (size) memcpy(p, src, size);
  return p;
}

char *arena_strndup(Arena *a, const char *s, size_t n) {
  char *p = arena_alloc(a, n + 1);
  memcpy(p, s, n);
  p[n] = '\0';
  return p;
}

char *arena_strdup(Arena *a, const char *s) { return arena_strndup(a, s, strlen(s)); }

char *arena_printf(Arena *a, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  int n = vsnprintf(NULL, 0, fmt, ap);
  va_end(ap);
  if (n < 0) n = 0;
  char *p = arena_alloc(a, (size_t)n + 1);
  va_start(ap, fmt);
  vsnprintf(p, (size_t)n + 1, fmt, ap);
  va_end(ap);
  return p;
}

size_t arena_used(const Arena *a) { return a->total; }
