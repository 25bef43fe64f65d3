// Whatever is not a readable text file is said here, so that the scanner sees only text.
#define _POSIX_C_SOURCE 200809L
#include "driver/source.h"

#include "driver/exit_codes.h"
#include "driver/options.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const char *problem(int *status, int code, const char *text) { return *status = code, text; }

static const char *read_all(FILE *f, const char *path, Text *out, int *status, Arena *a) {
  char *text = NULL;
  size_t len = 0, cap = 0;
  for (;;) {
    if (len == cap) {
      size_t more = cap ? 2 * cap : 1 << 14;
      char *grown = arena_alloc(a, more + 1);
      if (len) memcpy(grown, text, len);
      text = grown;
      cap = more;
    }
    size_t n = fread(text + len, 1, cap - len, f);
    if (n == 0) break;
    len += n;
    if (len > MAX_READ_BYTES)
      return problem(
          status, EXIT_SOURCE,
          arena_printf(a, "%s is longer than a source may be (%d MiB)", path, MAX_READ_BYTES >> 20));
  }
  if (ferror(f))
    return problem(status, EXIT_SYSTEM, arena_printf(a, "can't read %s: %s", path, strerror(errno)));
  text[len] = 0;
  *out = (Text){text, len};
  return NULL;
}

// Control characters other than white space stand in no text.
static const char *must_be_text(const char *path, Text t, int *status, Arena *a) {
  for (size_t i = 0; i < t.len; i++) {
    unsigned char c = (unsigned char)t.text[i];
    if (c < 32 && !(c >= 9 && c <= 13))
      return problem(status, EXIT_SOURCE,
                     arena_printf(a, "%s is not a text file: byte %zu is 0x%02x", path, i, c));
  }
  return NULL;
}

const char *source_problem(const char *path, Text *out, int *status, Arena *a) {
  struct stat st;
  if (stat(path, &st) != 0)
    return problem(status, EXIT_SYSTEM, arena_printf(a, "can't open %s: %s", path, strerror(errno)));
  if (S_ISDIR(st.st_mode))
    return problem(status, EXIT_SYSTEM, arena_printf(a, "can't read %s: it is a folder, not a model", path));
  FILE *f = fopen(path, "rb");
  if (!f) return problem(status, EXIT_SYSTEM, arena_printf(a, "can't open %s: %s", path, strerror(errno)));
  const char *why = read_all(f, path, out, status, a);
  fclose(f);
  return why ? why : must_be_text(path, *out, status, a);
}

int source_read(const char *path, Text *out, Arena *a) {
  int status = EXIT_DONE;
  const char *why = source_problem(path, out, &status, a);
  return why ? complain(status, "%s", why) : EXIT_DONE;
}

int source_read_stdin(Text *out, Arena *a) {
  int status = EXIT_DONE;
  const char *why = read_all(stdin, "the standard input", out, &status, a);
  if (!why) why = must_be_text("the standard input", *out, &status, a);
  return why ? complain(status, "%s", why) : EXIT_DONE;
}
