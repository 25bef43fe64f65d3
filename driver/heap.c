// Arenas come and go with every pass: what they give back is kept for the next one, not returned to the
// system page by page. The first of it comes in large pages, where there are any: a few faults instead of
// thousands. libclang works in a thread of its own, which shares this heap.
#define _DEFAULT_SOURCE // madvise, sbrk
#include "driver/heap.h"

#include <stdlib.h>

#ifdef __GLIBC__
#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

enum { FIRST = 96 << 20, LARGE_PAGE = 2 << 20 };

void heap_prepare(void) {
  mallopt(M_MMAP_THRESHOLD, 32 << 20); // its largest
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
  mallopt(M_ARENA_MAX, 1);
  mallopt(M_TOP_PAD, FIRST); // the heap grows by so much: address space, not touched yet
  char *first = malloc(LARGE_PAGE);
  uintptr_t begin = ((uintptr_t)first + LARGE_PAGE - 1) / LARGE_PAGE * LARGE_PAGE, end = (uintptr_t)sbrk(0);
  bool grown = first && begin < end && end - begin <= 2 * (uintptr_t)FIRST; // else malloc is another one
  if (grown) madvise((void *)begin, end - begin, MADV_HUGEPAGE);
  mallopt(M_TOP_PAD, 4 << 20);
  free(first);
}
#else
void heap_prepare(void) {}
#endif
