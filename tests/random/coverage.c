// Which names of the library occur in texts: its layers must, functions are counted.
#include "ir/base/embedded.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

int cover_library(const char *texts, bool verbose);

static int uses(const char *texts, const char *name, size_t len) {
  int n = 0;
  for (const char *p = texts; (p = strstr(p, name)); p += len) {
    char before = p == texts ? ' ' : p[-1], after = p[len];
    n += !isalnum((unsigned char)before) && before != '_' && !isalnum((unsigned char)after) && after != '_';
  }
  return n;
}

static int cover(const char *texts, const char *word, const char *line, bool verbose) {
  char name[128];
  bool layer = strcmp(word, "layer ") == 0;
  const char *at = line + strlen(word);
  size_t len = strcspn(at, "( ");
  if (strncmp(line, word, strlen(word)) != 0 || len >= sizeof name) return 0;
  memcpy(name, at, len);
  name[len] = '\0';
  int n = uses(texts, name, len);
  if (verbose) printf("%-18s %d%s\n", name, n, layer ? " (layer)" : "");
  if (n > 0 || !layer) return 0;
  printf("no model has the layer `%s`: add a row to tests/random/nets.c\n", name);
  return 1;
}

int cover_library(const char *texts, bool verbose) {
  int missing = 0;
  for (uint32_t i = 0; i < embedded_std.n; i++)
    for (const char *line = embedded_std.files[i].text; line; line = strchr(line, '\n')) {
      line += *line == '\n';
      missing += cover(texts, "layer ", line, verbose) + cover(texts, "fn ", line, verbose);
    }
  return missing;
}
