// Keeps a copy of every checkpoint: the n-th one that gets its name goes to $KEEP/n. The linker sends rename here.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);

static void keep(const char *path, const char *folder) {
  static int n;
  char name[4096];
  int c;
  snprintf(name, sizeof name, "%s/%d", folder, ++n);
  FILE *in = fopen(path, "rb"), *out = fopen(name, "wb");
  if (!in || !out) abort();
  while ((c = getc(in)) != EOF) putc(c, out);
  fclose(in);
  if (fclose(out)) abort();
}

int __wrap_rename(const char *from, const char *to) {
  int code = __real_rename(from, to);
  const char *dot = strrchr(to, '.'), *folder = getenv("KEEP");
  if (!code && folder && dot && !strcmp(dot, ".ckpt")) keep(to, folder);
  return code;
}
