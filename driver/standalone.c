// Copies line by line; an include of a file of the runtime becomes that file's text the first time and
// nothing afterwards; an .inc is a template and is copied each time. No two files of the runtime share a
// static name (tests/run/standalone.sh).
#include "driver/standalone.h"

#include "ir/base/embedded.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

enum { MAX_FILES = 96 };

// What the runtime's files begin with; once, at the top, is enough.
static const char posix[] = "#define _POSIX_C_SOURCE 200809L\n";

typedef struct Joiner {
  StrBuf *out;
  bool done[MAX_FILES]; // parallel to embedded_runtime.files
} Joiner;

static const char *base_name(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

static bool ends_with(const char *s, const char *end) {
  size_t n = strlen(s), m = strlen(end);
  return n >= m && strcmp(s + n - m, end) == 0;
}

// The index of the runtime's file that `line` includes, -1: the line is no such include.
static int included_file(const char *line, size_t len) {
  static const char lead[] = "#include \"";
  if (len < sizeof lead || memcmp(line, lead, sizeof lead - 1) != 0) return -1;
  const char *name = line + sizeof lead - 1, *end = memchr(name, '"', len - (sizeof lead - 1));
  for (uint32_t i = 0; end && i < embedded_runtime.n; i++) {
    const char *b = base_name(embedded_runtime.files[i].name);
    if (strlen(b) == (size_t)(end - name) && memcmp(b, name, strlen(b)) == 0) return (int)i;
  }
  return -1;
}

static void join_file(Joiner *j, uint32_t i);

static void join_text(Joiner *j, const char *text, size_t len) {
  for (const char *p = text, *end = text + len; p < end;) {
    const char *nl = memchr(p, '\n', (size_t)(end - p)), *next = nl ? nl + 1 : end;
    int file = included_file(p, (size_t)(next - p));
    if (file >= 0)
      join_file(j, (uint32_t)file);
    else if (strncmp(p, posix, strlen(posix)) != 0)
      sb_putn(j->out, p, (size_t)(next - p));
    p = next;
  }
}

static void join_file(Joiner *j, uint32_t i) {
  const EmbeddedFile *f = &embedded_runtime.files[i];
  if (j->done[i]) return;
  j->done[i] = !ends_with(f->name, ".inc");
  sb_printf(j->out, "/* ======== %s ======== */\n", f->name);
  join_text(j, f->text, f->len);
  sb_putc(j->out, '\n');
}

static void licence(Joiner *j) {
  const EmbeddedFile *f = &embedded_runtime.files[0];
  assert(strcmp(f->name, "LICENSE") == 0);
  j->done[0] = true;
  sb_printf(j->out,
            "/* nnc's runtime and, below it, the model. Both are yours under these terms:\n\n%.*s*/\n",
            (int)f->len, f->text);
}

void standalone_text(Text model, bool host, StrBuf *out) {
  Joiner j = {.out = out};
  assert(embedded_runtime.n <= MAX_FILES);
  sb_printf(out, "#ifndef _POSIX_C_SOURCE\n%s#endif\n", posix);
  sb_puts(out, "#ifdef __clang__ /* a model calls some of the runtime's functions */\n"
               "#pragma clang diagnostic ignored \"-Wunused-function\"\n#endif\n");
  licence(&j);
  for (uint32_t i = 0; host && i < embedded_runtime.n; i++) {
    const char *name = embedded_runtime.files[i].name;
    if (strncmp(name, "host/", 5) == 0 && ends_with(name, ".c")) join_file(&j, i);
  }
  sb_puts(out, "/* ======== the model ======== */\n");
  join_text(&j, model.text, model.len);
}
