// The library's functions are looked up by name, in one table. All files, the C library's headers among them,
// are in memory, in a folder that does not exist, so that nothing of the machine is ever included. A text
// with errors is our fault only where a trivial program has none: otherwise it is this libclang that can't
// work.
#include "codegen/validate.h"

#ifdef NNC_LIBCLANG
#include "codegen/libc.h"
#include "ir/base/strbuf.h"

#include <clang-c/Index.h>
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#define FOLDER "/nnc-emitted/"
enum { MAX_ARGS = 32 };

typedef struct Language {
  const char *file;        // what the text is called
  const char *const *args; // NULL at the end
} Language;

static const char *const c_args[] = {"-std=c99", NULL};
static const char *const cuda_args[] = {"-x",       "c++",         "-std=c++17", "-I" FOLDER "cuda",
                                        "-include", "cuda_stub.h", NULL};
static const Language c_language = {"model.c", c_args}, cuda_language = {"model.cu", cuda_args};

#define FUNCTIONS(X)                                                                                         \
  X(CXIndex, createIndex, (int, int))                                                                        \
  X(void, disposeIndex, (CXIndex))                                                                           \
  X(enum CXErrorCode, parseTranslationUnit2,                                                                 \
    (CXIndex, const char *, const char *const *, int, struct CXUnsavedFile *, unsigned, unsigned,            \
     CXTranslationUnit *))                                                                                   \
  X(void, disposeTranslationUnit, (CXTranslationUnit))                                                       \
  X(unsigned, getNumDiagnostics, (CXTranslationUnit))                                                        \
  X(CXDiagnostic, getDiagnostic, (CXTranslationUnit, unsigned))                                              \
  X(void, disposeDiagnostic, (CXDiagnostic))                                                                 \
  X(enum CXDiagnosticSeverity, getDiagnosticSeverity, (CXDiagnostic))                                        \
  X(CXSourceLocation, getDiagnosticLocation, (CXDiagnostic))                                                 \
  X(CXString, formatDiagnostic, (CXDiagnostic, unsigned))                                                    \
  X(unsigned, defaultDiagnosticDisplayOptions, (void))                                                       \
  X(void, getExpansionLocation, (CXSourceLocation, CXFile *, unsigned *, unsigned *, unsigned *))            \
  X(CXString, getFileName, (CXFile))                                                                         \
  X(CXString, getClangVersion, (void))                                                                       \
  X(const char *, getCString, (CXString))                                                                    \
  X(void, disposeString, (CXString))

typedef struct Clang {
  void *library;
#define X(result, name, params) result(*name) params;
  FUNCTIONS(X)
#undef X
} Clang;

// NULL, or why there is no libclang.
static const char *clang_open(Clang *clang, Arena *a) {
  clang->library = dlopen(NNC_LIBCLANG, RTLD_LAZY | RTLD_LOCAL);
  if (!clang->library) return arena_strdup(a, dlerror());
  void *p;
#define X(result, name, params)                                                                              \
  if (!(p = dlsym(clang->library, "clang_" #name))) return NNC_LIBCLANG " has no clang_" #name;              \
  memcpy(&clang->name, &p, sizeof p);
  FUNCTIONS(X)
#undef X
  return NULL;
}

static const char *take_string(const Clang *clang, CXString s, Arena *a) {
  const char *text = clang->getCString(s);
  const char *copy = arena_strdup(a, text ? text : "");
  clang->disposeString(s);
  return copy;
}

// ---- what it says

// Without the folder, which means nothing to whoever reads the message.
static const char *plain(const char *text, Arena *a) {
  char *copy = arena_strdup(a, text), *p = copy;
  while ((p = strstr(p, FOLDER))) memmove(p, p + strlen(FOLDER), strlen(p + strlen(FOLDER)) + 1);
  return copy;
}

static size_t offset_in_text(const Clang *clang, const char *text_file, CXDiagnostic d, Arena *a) {
  CXFile file;
  unsigned line, column, offset;
  clang->getExpansionLocation(clang->getDiagnosticLocation(d), &file, &line, &column, &offset);
  bool here = file && strcmp(take_string(clang, clang->getFileName(file), a), text_file) == 0;
  return here ? offset : VALIDATE_NO_OFFSET;
}

static void take_diagnostic(const Clang *clang, const char *text_file, CXDiagnostic d, Verdict *v,
                            StrBuf *said, Arena *a) {
  bool error = clang->getDiagnosticSeverity(d) >= CXDiagnostic_Error;
  bool warning = clang->getDiagnosticSeverity(d) == CXDiagnostic_Warning;
  CXString s = clang->formatDiagnostic(d, clang->defaultDiagnosticDisplayOptions());
  const char *text = plain(take_string(clang, s, a), a);
  sb_printf(said, "%s\n", text);
  if (error ? v->errors == 0 : warning && v->errors == 0 && v->warnings == 0) {
    v->first = text;
    v->offset = offset_in_text(clang, text_file, d, a);
  }
  v->errors += error;
  v->warnings += warning;
}

// ---- parsing

static Verdict parse(const Clang *clang, const char *const *args, int n_args, struct CXUnsavedFile *files,
                     unsigned n_files, Arena *a) {
  Verdict v = {.offset = VALIDATE_NO_OFFSET, .said = ""};
  CXIndex index = clang->createIndex(0, 0);
  CXTranslationUnit unit = NULL;
  enum CXErrorCode code = clang->parseTranslationUnit2(index, files[0].Filename, args, n_args, files, n_files,
                                                       CXTranslationUnit_None, &unit);
  if (code != CXError_Success) {
    v.errors = 1;
    v.first = v.said = code == CXError_Crashed ? "libclang crashes on it" : "libclang can't parse it";
  } else {
    StrBuf said = {0};
    for (unsigned i = 0; i < clang->getNumDiagnostics(unit); i++) {
      CXDiagnostic d = clang->getDiagnostic(unit, i);
      take_diagnostic(clang, files[0].Filename, d, &v, &said, a);
      clang->disposeDiagnostic(d);
    }
    v.said = arena_strndup(a, sb_text(&said), said.len);
    strbuf_free(&said);
  }
  if (unit) clang->disposeTranslationUnit(unit);
  clang->disposeIndex(index);
  return v;
}

static int arguments(const char **args, const Language *language, const char *const *flags) {
  static const char *const always[] = {"-nostdinc", "-isystem" FOLDER "libc", "-I" FOLDER "core",
                                       "-I" FOLDER "host"};
  int n = 0;
  for (size_t i = 0; i < sizeof always / sizeof *always; i++) args[n++] = always[i];
  for (const char *const *arg = language->args; *arg; arg++) args[n++] = *arg;
  // Not -w, which would silence what is an error here, too.
  if (!flags) args[n++] = "-Wno-everything", args[n++] = "-Werror=implicit-function-declaration";
  for (; flags && *flags && n < MAX_ARGS; flags++) args[n++] = *flags;
  return n;
}

static void add_file(struct CXUnsavedFile *files, unsigned *n, const char *name, const char *text, size_t len,
                     Arena *a) {
  files[(*n)++] = (struct CXUnsavedFile){arena_printf(a, FOLDER "%s", name), text, (unsigned long)len};
}

static Verdict parse_text(const Clang *clang, const Language *language, const char *text, size_t len,
                          const EmbeddedFiles *runtime, const char *const *flags, Arena *a) {
  const EmbeddedFiles *const folders[] = {&libc_headers, runtime};
  const char *args[MAX_ARGS];
  struct CXUnsavedFile *files = ARENA_ARRAY(a, 1 + libc_headers.n + runtime->n, struct CXUnsavedFile);
  unsigned n = 0;
  add_file(files, &n, language->file, text, len, a);
  for (int f = 0; f < 2; f++)
    for (uint32_t i = 0; i < folders[f]->n; i++)
      add_file(files, &n, folders[f]->files[i].name, folders[f]->files[i].text, folders[f]->files[i].len, a);
  return parse(clang, args, arguments(args, language, flags), files, n, a);
}

// NULL where a program that is surely right is accepted.
static const char *cant_parse_anything(const Clang *clang, Arena *a) {
  static const char trivial[] = "#include <math.h>\n#include <stddef.h>\n#include <stdint.h>\n"
                                "#include <string.h>\nint main(void) { return 0; }\n";
  Verdict v = parse_text(clang, &c_language, trivial, sizeof trivial - 1, &(EmbeddedFiles){0}, NULL, a);
  return v.errors ? arena_printf(a, "libclang can't parse a trivial program: %s", v.first) : NULL;
}

static Verdict validate(const Language *language, const char *text, size_t len, const EmbeddedFiles *runtime,
                        const char *const *flags, Arena *a) {
  Clang clang;
  const char *why = clang_open(&clang, a);
  if (why) return (Verdict){.unchecked = why, .offset = VALIDATE_NO_OFFSET, .said = ""};
  Verdict v = parse_text(&clang, language, text, len, runtime, flags, a);
  if (v.errors) v.unchecked = cant_parse_anything(&clang, a);
  return v;
}

const char *validate_version(Arena *a) {
  Clang clang;
  const char *why = clang_open(&clang, a);
  if (!why) why = cant_parse_anything(&clang, a);
  if (why) return arena_printf(a, "none: %s", why);
  return arena_printf(a, "libclang (%s)", take_string(&clang, clang.getClangVersion(), a));
}

#else

typedef int Language;
static const Language c_language, cuda_language;
static const char absent[] = "nnc was built without libclang";

static Verdict validate(const Language *language, const char *text, size_t len, const EmbeddedFiles *runtime,
                        const char *const *flags, Arena *a) {
  (void)language, (void)text, (void)len, (void)runtime, (void)flags, (void)a;
  return (Verdict){.unchecked = absent, .offset = VALIDATE_NO_OFFSET, .said = ""};
}

const char *validate_version(Arena *a) { return arena_printf(a, "none: %s", absent); }

#endif

Verdict validate_c(const char *text, size_t len, const EmbeddedFiles *runtime, const char *const *flags,
                   Arena *a) {
  return validate(&c_language, text, len, runtime, flags, a);
}

Verdict validate_cuda(const char *text, size_t len, const EmbeddedFiles *runtime, const char *const *flags,
                      Arena *a) {
  return validate(&cuda_language, text, len, runtime, flags, a);
}
