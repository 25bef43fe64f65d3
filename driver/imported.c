// A file is what stat says it is, so one that has two names is read once.
#define _POSIX_C_SOURCE 200809L
#include "driver/imported.h"

#include "driver/exit_codes.h"
#include "driver/source.h"

#include <string.h>
#include <sys/stat.h>

static const char *identity(const char *path, Arena *a) {
  struct stat st;
  if (stat(path, &st) != 0) return "";
  return arena_printf(a, "%llu:%llu", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
}

static const char *beside(const char *from, const char *path, Arena *a) {
  const char *slash = strrchr(from, '/');
  return slash ? arena_printf(a, "%.*s/%s", (int)(slash - from), from, path) : path;
}

// In the reproducer's folder: "/blocks.nn", and for a second one "/2_blocks.nn".
static const char *kept_name(const Imported *im, const char *path) {
  const char *base = strrchr(path, '/');
  base = base ? base + 1 : path;
  const char *name = arena_printf(im->arena, "/%s", base);
  bool taken = strcmp(name, "/model.nn") == 0;
  for (size_t i = 0; i < im->texts.len; i++) taken |= strcmp(im->texts.data[i].name, name) == 0;
  return taken ? arena_printf(im->arena, "/%zu_%s", im->texts.len + 2, base) : name;
}

static Text keep(Imported *im, const char *path, const char *id, Text t) {
  NamedText named = {kept_name(im, path), t};
  vec_push(im->arena, &im->paths, path);
  vec_push(im->arena, &im->identities, id);
  vec_push(im->arena, &im->texts, named);
  im->bug->imported = im->texts.data;
  im->bug->n_imported = im->texts.len;
  return t;
}

static const Text *kept(const Imported *im, const char *id) {
  for (size_t i = 0; i < im->texts.len; i++)
    if (strcmp(im->identities.data[i], id) == 0) return &im->texts.data[i].text;
  return NULL;
}

// The file's text, once.
static Found read_once(Imported *im, const char *path) {
  Found f = {.name = path, .identity = identity(path, im->arena)};
  const Text *old = kept(im, f.identity);
  Text t = {0};
  int status;
  if (!old) f.problem = source_problem(path, &t, &status, im->arena);
  if (f.problem) return f;
  t = old ? *old : keep(im, path, f.identity, t);
  f.text = t.text;
  f.len = t.len;
  return f;
}

static Found find(void *user, const char *path, const char *from) {
  Imported *im = user;
  Arena *a = im->arena;
  uint32_t n = *path == '/' ? 1 : 1 + im->o->n_folders;
  const char **looked = ARENA_ARRAY(a, n, const char *);
  struct stat st;
  if (!*path) return (Found){.problem = "a file has a name"};
  for (uint32_t i = 0; i < n; i++) {
    looked[i] = i > 0          ? arena_printf(a, "%s/%s", im->o->folders[i - 1], path)
                : *path == '/' ? path
                               : beside(from, path, a);
    if (stat(looked[i], &st) == 0) return read_once(im, looked[i]);
  }
  return (Found){.problem = "there is no such file", .looked = looked, .n_looked = n};
}

Loader imported_loader(Imported *im) {
  const char *own = identity(im->o->input, im->arena);
  return (Loader){find, im, own};
}

int imported_spares(const Imported *im, const char *path) {
  if (!path || strcmp(path, "-") == 0) return EXIT_DONE;
  const char *out = identity(path, im->arena);
  if (*out && kept(im, out))
    return complain(EXIT_USAGE,
                    "the output %s would overwrite a file that the model imports; name another with -o",
                    path);
  return EXIT_DONE;
}

const char *imported_list(const Imported *im) {
  const char *s = "";
  for (size_t i = 0; i < im->paths.len; i++) s = arena_printf(im->arena, "%s %s", s, im->paths.data[i]);
  return s;
}
