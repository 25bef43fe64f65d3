// The text goes in on the standard input; what the compiler says is kept, never shown as if it were the
// user's mistake. When it fails, two small trials tell whose fault it is: an empty program without --cpu,
// then with.
#define _POSIX_C_SOURCE 200809L
#include "driver/cc.h"

#include "driver/exit_codes.h"
#include "driver/output.h"
#include "driver/spawn.h"
#include "driver/words.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef NN_ZLIB // found when nnc was configured: programs read .gz data too
static const bool with_zlib = true;
#else
static const bool with_zlib = false;
#endif

// cc, gcc, clang, gcc-12, clang-14: compilers of this machine for this machine.
static bool is_usual(const char *cc) {
  static const char *const names[] = {"cc", "gcc", "clang"};
  const char *slash = strrchr(cc, '/'), *base = slash ? slash + 1 : cc;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    size_t n = strlen(names[i]);
    if (strncmp(base, names[i], n) != 0) continue;
    const char *rest = base + n;
    if (*rest == 0 || (rest[0] == '-' && rest[1] && rest[1 + strspn(rest + 1, "0123456789")] == 0))
      return true;
  }
  return false;
}

const char *cc_runtime(const Options *o, Arena *a) {
  Words v = {.n = 0};
  words_add_tool(&v, "CC", "cc", a);
  bool fits = o->emit == EMIT_EXECUTABLE && v.n == 1 && is_usual(v.words[0]);
  return fits && access(NNC_PROGRAM_RUNTIME, R_OK) == 0 ? NNC_PROGRAM_RUNTIME : NULL;
}

void cc_picture_libraries(Words *v, Arena *a) {
  (void)v, (void)a;
#ifdef NN_PNG
  words_add(v, "-lpng", a);
#endif
#ifdef NN_JPEG
  words_add(v, "-ljpeg", a);
#endif
}

static Words command(const Options *o, bool pictures, bool with_cpu, const char *path, Arena *a) {
  Words v = {.n = 0};
  const char *cpu = o->cpu ? o->cpu : "native";
  words_add_tool(&v, "CC", "cc", a);
  words_add(&v, o->cc_level, a);
  if (with_cpu && strcmp(cpu, "baseline") != 0) words_add(&v, arena_printf(a, "-march=%s", cpu), a);
  if (o->emit == EMIT_OBJECT) words_add(&v, "-c", a);
  bool zlib = with_zlib && o->emit != EMIT_OBJECT; // whoever links an object need not have it
  if (zlib) words_add(&v, "-DNN_ZLIB", a);
  pictures &= o->emit != EMIT_OBJECT;
#ifdef NN_PNG
  if (pictures) words_add(&v, "-DNN_PNG", a);
#endif
#ifdef NN_JPEG
  if (pictures) words_add(&v, "-DNN_JPEG", a);
#endif
  words_add(&v, "-x", a);
  words_add(&v, "c", a);
  words_add(&v, "-", a);
  words_add(&v, "-o", a);
  words_add(&v, path, a);
  const char *runtime = cc_runtime(o, a);
  if (runtime) {
    words_add(&v, "-x", a), words_add(&v, "none", a);
    if (pictures) words_add(&v, NNC_PROGRAM_PICTURES, a);
    words_add(&v, runtime, a);
  }
  if (pictures) cc_picture_libraries(&v, a);
  if (o->emit != EMIT_OBJECT) words_add(&v, "-lm", a);
  if (zlib) words_add(&v, "-lz", a);
  return v;
}

static bool compiles_nothing(const Options *o, bool pictures, bool with_cpu, const char *path, Arena *a) {
  static const char empty[] = "int main(void) { return 0; }\n";
  Words v = command(o, pictures, with_cpu, path, a);
  StrBuf said = {0};
  int status = spawn_run(v.words, empty, sizeof empty - 1, &said);
  strbuf_free(&said);
  return status != 0;
}

static int failed(const Options *o, bool pictures, const char *temp, Text c, const StrBuf *said,
                  const Words *v, Reproducer *r, Arena *a) {
  if (compiles_nothing(o, pictures, false, temp, a))
    return complain(EXIT_SYSTEM, "the C compiler `%s` fails, even on an empty program", v->words[0]);
  if (compiles_nothing(o, pictures, true, temp, a))
    return complain(EXIT_USAGE, "the C compiler `%s` knows no --cpu=%s", v->words[0],
                    o->cpu ? o->cpu : "native");
  r->what = "the C compiler does not accept the emitted text";
  r->emitted = c;
  r->tool = (Text){sb_text(said), said->len};
  return reproducer_write(r);
}

int cc_compile(const Options *o, bool pictures, Text c, const char *path, Reproducer *r, Arena *a) {
  Words v = command(o, pictures, true, path, a);
  if (o->dry_run) return words_show(&v), EXIT_DONE;
  Output out;
  int status = output_begin(&out, path, o->input, a);
  if (status != EXIT_DONE) return status;
  v = command(o, pictures, true, out.temp, a);
  if (o->verbose) words_show(&v);
  StrBuf said = {0};
  int code = spawn_run(v.words, c.text, c.len, &said);
  if (code == 0) {
    if (o->verbose && said.len) fputs(sb_text(&said), stderr);
    status = output_commit(&out);
  } else {
    if (code < 0)
      status = complain(EXIT_SYSTEM, "can't run the C compiler `%s`: %s; install gcc or clang, or set CC",
                        v.words[0], strerror(errno));
    else if (code > 128)
      status = complain(EXIT_SYSTEM, "the C compiler `%s` was ended by signal %d", v.words[0], code - 128);
    else
      status = failed(o, pictures, out.temp, c, &said, &v, r, a);
    output_drop(&out);
  }
  strbuf_free(&said);
  return status;
}
