// What a test exercised, for tests/coverage.sh: a line `kind name` in the file that NNC_COVERAGE_FILE names.
#ifndef NNC_TESTS_COVERAGE_H
#define NNC_TESTS_COVERAGE_H

#include <stdio.h>
#include <stdlib.h>

static inline void covered(const char *kind, const char *name) {
  const char *path = getenv("NNC_COVERAGE_FILE");
  FILE *f = path ? fopen(path, "a") : NULL;
  if (!f) return;
  fprintf(f, "%s %s\n", kind, name);
  fclose(f);
}

#endif
