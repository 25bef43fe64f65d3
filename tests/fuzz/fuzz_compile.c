// The whole of `nnc check` on any bytes, in this process: parse, elaborate, passes (each verified), codegen
// to text. It may find errors; it may not crash, trip an assertion, hang or leak.
// A libFuzzer target (cmake -DNNC_FUZZ=ON with clang); tests/fuzz/mutate.c is the driver the tests use.
#include "codegen/codegen.h"
#include "frontend/elaborate.h"
#include "frontend/parse.h"
#include "ir/base/embedded.h"
#include "passes/passes.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void compile(Program *p, Arena *a) {
  StrBuf text = {0};
  passes_run(p, &(PassOptions){.verify = true}, a);
  codegen_c(p, &(CodegenOptions){.nnc_version = "fuzz", .program = true}, &text);
  strbuf_free(&text);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size) {
  Arena *a = arena_new();
  SourceMap *sources = source_map_new(a);
  Intern *names = intern_new(a);
  Diags *diags = diags_new(a, sources);
  const File **std_files = ARENA_ARRAY(a, embedded_std.n, const File *);
  for (uint32_t i = 0; i < embedded_std.n; i++) {
    const EmbeddedFile *f = &embedded_std.files[i];
    std_files[i] =
        parse_source(source_add(sources, f->name, f->text, f->len, true), sources, names, diags, a);
  }
  const char *text = arena_strndup(a, (const char *)data, size);
  File *user = parse_source(source_add(sources, "fuzz.nn", text, size, false), sources, names, diags, a);
  ElaborateOptions options = {.real = DT_F32, .checks = true};
  Program *p = elaborate(user, std_files, embedded_std.n, sources, names, &options, diags, a);
  if (!p != (diags_errors(diags) > 0)) abort(); // no program exactly when there are errors
  StrBuf out = {0};
  diags_print_text(diags, &out, false);
  diags_print_json(diags, &out);
  strbuf_free(&out);
  if (p) compile(p, a);
  arena_free(a);
  return 0;
}
