// libFuzzer: any bytes parse without harm, and what comes out can be walked.
//   cmake -S . -B build/fuzz -DNNC_FUZZ=ON -DCMAKE_C_COMPILER=clang
//   -DCMAKE_C_FLAGS=-fsanitize=fuzzer-no-link,address,undefined cmake --build build/fuzz --target fuzz_parse
//   build/fuzz/tests/fuzz_parse -max_len=4096 tests/examples
#include "frontend/dump.h"
#include "frontend/parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  Arena *a = arena_new();
  SourceMap *sources = source_map_new(a);
  Diags *diags = diags_new(a, sources);
  uint32_t source = source_add(sources, "fuzz.nn", (const char *)data, size, false);
  StrBuf out = {0};
  ast_dump(parse_source(source, sources, intern_new(a), diags, a), &out);
  diags_print_text(diags, &out, true);
  diags_print_json(diags, &out);
  strbuf_free(&out);
  arena_free(a);
  return 0;
}
