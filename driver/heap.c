// Arenas come and go with every pass: what they give back is kept for the next one, not returned to the
// system page by page. The first of it comes in large pages, where there are any: a few faults instead of
// thousands.
#define _DEFAULT_SOURCE // madvise
#include "driver/heap.h"

#include <stdlib.h>

#ifdef __GLIBC__
#include <malloc.h>
#include <stdint.h>
#include <sys/mman.h>

enum { FIRST = 24 << 20, LARGE_PAGE = 2 << 20 };

void heap_prepare(void) {
  mallopt(M_MMAP_THRESHOLD, 32 << 20); // its largest
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
  char *first = malloc(FIRST); // the heap's address space, not touched yet
  if (!first) return;
  madvise(first + (LARGE_PAGE - (uintptr_t)first % LARGE_PAGE) % LARGE_PAGE, FIRST - LARGE_PAGE,
          MADV_HUGEPAGE);
  free(first);
}
#else
void heap_prepare(void) {}
#endif
