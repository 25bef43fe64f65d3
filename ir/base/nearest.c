// Damerau-Levenshtein (optimal string alignment) with three rows, over words of at most MAX letters.
#include "ir/base/nearest.h"

#include <stdbool.h>
#include <string.h>

enum { MAX = 64 };

static unsigned min2(unsigned a, unsigned b) { return a < b ? a : b; }

unsigned edit_distance(const char *a, const char *b) {
  size_t n = strlen(a), m = strlen(b);
  size_t gap = n > m ? n - m : m - n;
  if (n > MAX || m > MAX || gap > NEAREST_DISTANCE) return NEAREST_DISTANCE + 1;
  unsigned rows[3][MAX + 1];
  for (size_t j = 0; j <= m; j++) rows[0][j] = (unsigned)j;
  for (size_t i = 1; i <= n; i++) {
    unsigned *row = rows[i % 3], *above = rows[(i + 2) % 3], *above2 = rows[(i + 1) % 3];
    row[0] = (unsigned)i;
    for (size_t j = 1; j <= m; j++) {
      unsigned change = above[j - 1] + (a[i - 1] != b[j - 1]);
      row[j] = min2(change, min2(above[j], row[j - 1]) + 1);
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = min2(row[j], above2[j - 2] + 1);
    }
  }
  return min2(rows[n % 3][m], NEAREST_DISTANCE + 1);
}

Nearest nearest_to(const char *word) { return (Nearest){word, NULL, NEAREST_DISTANCE + 1}; }

static char lower(char c) { return (char)(c >= 'A' && c <= 'Z' ? c + 32 : c); }

static bool same_letters(const char *a, const char *b) { // `ReLU` and `relu`
  while (*a && lower(*a) == lower(*b)) a++, b++;
  return !*a && !*b;
}

void nearest_try(Nearest *n, const char *candidate) {
  unsigned d = same_letters(n->word, candidate) ? 0 : edit_distance(n->word, candidate);
  size_t letters = strlen(n->word + strspn(n->word, "-"));
  if (d < n->distance && 2 * d < letters) {
    n->best = candidate;
    n->distance = d;
  }
}
