// The word somebody probably meant: for unknown names, options, passes.
#ifndef NNC_BASE_NEAREST_H
#define NNC_BASE_NEAREST_H

#include <stddef.h>

enum { NEAREST_DISTANCE = 3 };  // farther is not suggested (language.md, "Diagnostics")

// Insertions, deletions, substitutions and swaps of neighbours between two words; anything above
// NEAREST_DISTANCE is given as NEAREST_DISTANCE + 1.
unsigned edit_distance(const char *a, const char *b);

// Keep `best` (NULL at first) up to date while walking over candidates: the nearest within the limit that also
// keeps more than half of the word's letters (the dashes of an option are none); the first of equals.
typedef struct Nearest {
  const char *word, *best;
  unsigned distance;
} Nearest;
Nearest nearest_to(const char *word);
void nearest_try(Nearest *n, const char *candidate);

#endif
