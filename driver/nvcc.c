// nvcc reads no standard input: the text goes into a folder of its own, which is removed afterwards. As in
// cc.c, two small trials tell whose fault a failure is: an empty program without --cuda-arch, then with.
#define _XOPEN_SOURCE 700
#include "driver/nvcc.h"

#include "driver/exit_codes.h"
#include "driver/output.h"
#include "driver/spawn.h"
#include "driver/words.h"

#include "ir/base/embedded.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OLDEST = 12 }; // the first nvcc that makes what runtime/cuda calls

#define USUAL_NVCC "/usr/local/cuda/bin/nvcc" // where NVIDIA's packages put it, often not in PATH
#define INSTALL                                                                                              \
  "install the CUDA toolkit, version 12 or newer (https://developer.nvidia.com/cuda-downloads), or set NVCC"

static bool in_path(const char *tool, Arena *a) {
  for (const char *p = getenv("PATH"); p && *p;) {
    size_t n = strcspn(p, ":");
    if (access(arena_printf(a, "%.*s/%s", (int)n, p, tool), X_OK) == 0) return true;
    p += n + (p[n] == ':');
  }
  return false;
}

static void add_nvcc(Words *v, Arena *a) {
  bool usual = !in_path("nvcc", a) && access(USUAL_NVCC, X_OK) == 0;
  words_add_tool(v, "NVCC", usual ? USUAL_NVCC : "nvcc", a);
}

// What decides about numbers, and for which devices.
static void add_target(Words *v, const Options *o, bool with_arch, Arena *a) {
  words_add(v, "-std=c++17", a);
  words_add(v, o->cc_level, a);
  words_add(v, "-fmad=false", a);
  words_add(v, o->keep_subnormals ? "-ftz=false" : "-ftz=true", a);
  const char *arch = o->cuda_arch ? o->cuda_arch : "sm_80";
  for (const char *p = arch; with_arch && *p;) {
    size_t n = strcspn(p, ",");
    int len = (int)n - 3;
    words_add(v, "-gencode", a);
    words_add(v,
              p[n] ? arena_printf(a, "arch=compute_%.*s,code=sm_%.*s", len, p + 3, len, p + 3)
                   : arena_printf(a, "arch=compute_%s,code=[sm_%s,compute_%s]", p + 3, p + 3, p + 3),
              a);
    p += n + (p[n] == ',');
  }
}

// The runtime's sources below `folder` ("cuda/").
static void add_sources(Words *v, const char *folder, Arena *a) {
  for (uint32_t i = 0; i < embedded_runtime.n; i++) {
    const char *name = embedded_runtime.files[i].name, *dot = strrchr(name, '.');
    if (strncmp(name, folder, strlen(folder)) == 0 && dot && strcmp(dot, ".c") == 0)
      words_add(v, arena_printf(a, NNC_RUNTIME_DIR "/%s", name), a);
  }
}

static Words command(const Options *o, const char *text, const char *path, Arena *a) {
  Words v = {.n = 0};
  add_nvcc(&v, a);
  add_target(&v, o, true, a);
  words_add(&v, "-I" NNC_RUNTIME_DIR "/core", a);
  words_add(&v, "-I" NNC_RUNTIME_DIR "/host", a);
  words_add(&v, "-I" NNC_RUNTIME_DIR "/cuda", a);
  if (o->emit == EMIT_OBJECT) words_add(&v, "-c", a);
  words_add(&v, text, a);
  if (o->emit != EMIT_OBJECT) {
    add_sources(&v, "cuda/", a);
    if (access(NNC_PROGRAM_RUNTIME, R_OK) == 0) {
      words_add(&v, NNC_PROGRAM_RUNTIME, a);
#ifdef NN_ZLIB
      words_add(&v, "-lz", a);
#endif
    } else
      add_sources(&v, "host/", a);
    words_add(&v, "-lm", a);
  }
  words_add(&v, "-o", a);
  words_add(&v, path, a);
  return v;
}

void nvcc_comment(const Options *o, StrBuf *out, Arena *a) {
  Words v = {.n = 0};
  add_target(&v, o, true, a);
  sb_puts(out, "/* R=$(nnc --print=runtime-dir); nvcc");
  for (int i = 0; i < v.n; i++) sb_printf(out, " %s", v.words[i]);
  sb_puts(out, " \\\n   THIS.cu -I$R/core -I$R/host -I$R/cuda $R/cuda/nn_*.c $R/host/nn_*.c -lm */\n");
}

const char *nvcc_library_comment(const Options *o, Arena *a) {
  Words v = {.n = 0};
  const char *line = ".\n   nvcc";
  add_target(&v, o, true, a);
  for (int i = 0; i < v.n; i++) line = arena_printf(a, "%s %s", line, v.words[i]);
  return arena_printf(a, "%s -c THIS.cu", line);
}

// ---- nvcc itself

// The first line that says what is wrong, or the last one.
static const char *complaint(const StrBuf *said, Arena *a) {
  const char *text = arena_strndup(a, sb_text(said), said->len), *last = "it says nothing";
  for (const char *p = text; *p;) {
    size_t n = strcspn(p, "\n");
    if (n) last = arena_strndup(a, p, n);
    if (strstr(last, "error") || strstr(last, "fatal")) break;
    p += n + (p[n] == '\n');
  }
  return last;
}

// It is there, and new enough.
static int is_usable(Arena *a) {
  Words v = {.n = 0};
  StrBuf said = {0};
  add_nvcc(&v, a);
  words_add(&v, "--version", a);
  int code = spawn_run(v.words, "", 0, &said), status = EXIT_DONE;
  const char *release = strstr(sb_text(&said), "release ");
  if (code < 0)
    status =
        complain(EXIT_SYSTEM, "can't run the CUDA compiler `%s`: %s; " INSTALL, v.words[0], strerror(errno));
  else if (code != 0 || !release)
    status = complain(EXIT_SYSTEM, "`%s --version` gives no version: %s", v.words[0], complaint(&said, a));
  else if (strtol(release + 8, NULL, 10) < OLDEST)
    status = complain(EXIT_SYSTEM, "the CUDA compiler `%s` is too old, release %.*s; " INSTALL, v.words[0],
                      (int)strcspn(release + 8, ", \n"), release + 8);
  strbuf_free(&said);
  return status;
}

// ---- the text in a folder

typedef struct Folder {
  const char *path, *text, *empty;
} Folder;

static bool put_file(const char *path, const char *text, size_t len) {
  FILE *f = fopen(path, "wb");
  if (!f) return false;
  bool whole = fwrite(text, 1, len, f) == len;
  return fclose(f) == 0 && whole;
}

static Folder folder_name(const char *path, Arena *a) {
  return (Folder){path, arena_printf(a, "%s/model.cu", path), arena_printf(a, "%s/empty.cu", path)};
}

static const char *folder_pattern(Arena *a) {
  const char *tmp = getenv("TMPDIR");
  return arena_printf(a, "%s/nnc-XXXXXX", tmp && *tmp ? tmp : "/tmp");
}

static void folder_remove(const Folder *f) {
  unlink(f->text);
  unlink(f->empty);
  rmdir(f->path);
}

static int folder_make(Folder *f, Text cu, Arena *a) {
  static const char empty[] = "int main() { return 0; }\n";
  char *path = arena_strdup(a, folder_pattern(a));
  if (!mkdtemp(path)) return complain(EXIT_SYSTEM, "%s: %s", path, strerror(errno));
  *f = folder_name(path, a);
  if (put_file(f->text, cu.text, cu.len) && put_file(f->empty, empty, sizeof empty - 1)) return EXIT_DONE;
  int status = complain(EXIT_SYSTEM, "%s: can't be written: %s", path, strerror(errno));
  folder_remove(f);
  return status;
}

// ---- compiling

static bool fails_on_nothing(const Options *o, bool with_arch, const Folder *f, const char *path,
                             const char **why, Arena *a) {
  Words v = {.n = 0};
  StrBuf said = {0};
  add_nvcc(&v, a);
  add_target(&v, o, with_arch, a);
  words_add(&v, f->empty, a);
  words_add(&v, "-o", a);
  words_add(&v, path, a);
  int code = spawn_run(v.words, "", 0, &said);
  *why = complaint(&said, a);
  strbuf_free(&said);
  return code != 0;
}

static int failed(const Options *o, const Folder *f, const char *temp, Text cu, const StrBuf *said,
                  const Words *v, Reproducer *r, Arena *a) {
  const char *why;
  if (fails_on_nothing(o, false, f, temp, &why, a))
    return complain(EXIT_SYSTEM, "the CUDA compiler `%s` fails, even on an empty program: %s", v->words[0],
                    why);
  if (fails_on_nothing(o, true, f, temp, &why, a))
    return complain(EXIT_USAGE, "the CUDA compiler `%s` knows no --cuda-arch=%s: %s", v->words[0],
                    o->cuda_arch ? o->cuda_arch : "sm_80", why);
  r->what = "nvcc does not accept the emitted text";
  r->emitted = cu;
  r->tool = (Text){sb_text(said), said->len};
  return reproducer_write(r);
}

static int compile_in(const Options *o, const Folder *f, Text cu, const char *temp, Reproducer *r, Arena *a) {
  Words v = command(o, f->text, temp, a);
  StrBuf said = {0};
  if (o->verbose) words_show(&v);
  int code = spawn_run(v.words, "", 0, &said), status = EXIT_DONE;
  if (code == 0) {
    if (o->verbose && said.len) fputs(sb_text(&said), stderr);
  } else if (code < 0)
    status = complain(EXIT_SYSTEM, "can't run the CUDA compiler `%s`: %s", v.words[0], strerror(errno));
  else if (code > 128)
    status = complain(EXIT_SYSTEM, "the CUDA compiler `%s` was ended by signal %d", v.words[0], code - 128);
  else
    status = failed(o, f, temp, cu, &said, &v, r, a);
  strbuf_free(&said);
  return status;
}

int nvcc_compile(const Options *o, Text cu, const char *path, Reproducer *r, Arena *a) {
  if (o->dry_run) {
    Words v = command(o, folder_name(folder_pattern(a), a).text, path, a);
    return words_show(&v), EXIT_DONE;
  }
  int status = is_usable(a);
  if (status == EXIT_DONE && access(NNC_RUNTIME_DIR "/cuda", R_OK) != 0)
    status = complain(EXIT_SYSTEM, NNC_RUNTIME_DIR "/cuda: %s; programs are made with it", strerror(errno));
  Output out;
  if (status == EXIT_DONE) status = output_begin(&out, path, o->input, a);
  if (status != EXIT_DONE) return status;
  Folder f;
  status = folder_make(&f, cu, a);
  if (status == EXIT_DONE) {
    status = compile_in(o, &f, cu, out.temp, r, a);
    folder_remove(&f);
  }
  if (status != EXIT_DONE) return output_drop(&out), status;
  return output_commit(&out);
}
