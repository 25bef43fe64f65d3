// A chain of blocks, each bigger than what is asked of it; nothing is ever moved or freed before the whole
// arena is. Blocks start small and double, for many arenas live for one kernel only.
#include "ir/base/arena.h"

#include "ir/base/format.h"

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
  Arena *children, *next, **link; // link: what points to this one among its parent's children
};

enum { FIRST_BLOCK = 2 * 1024, LARGEST_BLOCK = 64 * 1024 };

_Noreturn void out_of_memory(void) {
  fputs("nnc: error: out of memory\n", stderr);
  exit(3);
}

Arena *arena_new(void) {
  Arena *a = calloc(1, sizeof *a);
  if (!a) out_of_memory();
  return a;
}

static void leave(Arena *a) {
  if (a->link) *a->link = a->next;
  if (a->next) a->next->link = a->link;
}

void arena_move(Arena *a, Arena *parent) {
  leave(a);
  a->next = parent->children;
  a->link = &parent->children;
  if (a->next) a->next->link = &a->next;
  parent->children = a;
}

Arena *arena_child(Arena *parent) {
  Arena *a = arena_new();
  arena_move(a, parent);
  return a;
}

void arena_free(Arena *a) {
  if (!a) return;
  while (a->children) arena_free(a->children);
  leave(a);
  for (Block *b = a->head, *next; b; b = next) {
    next = b->next;
    free(b);
  }
  free(a);
}

static Block *block_for(Arena *a, size_t size) {
  if (a->head && a->head->size - a->head->used >= size) return a->head;
  size_t bytes = a->total < FIRST_BLOCK ? FIRST_BLOCK : a->total < LARGEST_BLOCK ? a->total : LARGEST_BLOCK;
  if (bytes < size) bytes = size;
  if (bytes > SIZE_MAX - sizeof(Block)) out_of_memory();
  Block *b = malloc(sizeof *b + bytes);
  if (!b) out_of_memory();
  b->size = bytes;
  b->used = 0;
  b->next = a->head;
  a->head = b;
  return b;
}

// Of any content: the caller writes all of it.
static void *take(Arena *a, size_t size) {
  const size_t align = alignof(max_align_t);
  if (size > SIZE_MAX - align) out_of_memory();
  size = (size + align - 1) / align * align;
  Block *b = block_for(a, size);
  void *p = b->data + b->used;
  b->used += size;
  a->total += size;
  return p;
}

void *arena_alloc(Arena *a, size_t size) {
  void *p = take(a, size);
  memset(p, 0, size);
  return p;
}

void *arena_raw(Arena *a, size_t count, size_t size) {
  if (size && count > SIZE_MAX / size) out_of_memory();
  return take(a, count * size);
}

void *arena_array(Arena *a, size_t count, size_t size) {
  void *p = arena_raw(a, count, size);
  memset(p, 0, count * size);
  return p;
}

void *arena_copy(Arena *a, const void *src, size_t size) {
  void *p = take(a, size);
  if (size) memcpy(p, src, size);
  return p;
}

char *arena_strndup(Arena *a, const char *s, size_t n) {
  if (n == SIZE_MAX) out_of_memory();
  char *p = take(a, n + 1);
  memcpy(p, s, n);
  p[n] = '\0';
  return p;
}

char *arena_strdup(Arena *a, const char *s) { return arena_strndup(a, s, strlen(s)); }

// Most texts fit into what is left of the block.
char *arena_printf(Arena *a, const char *fmt, ...) {
  va_list ap;
  char *left = a->head ? (char *)a->head->data + a->head->used : NULL;
  size_t room = a->head ? a->head->size - a->head->used : 0;
  va_start(ap, fmt);
  size_t n = format_text(left, room, fmt, ap);
  va_end(ap);
  char *p = take(a, n + 1);
  if (p == left) return p;
  va_start(ap, fmt);
  format_text(p, n + 1, fmt, ap);
  va_end(ap);
  return p;
}

size_t arena_used(const Arena *a) { return a->total; }
