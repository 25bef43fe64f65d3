// Program to C text: graphs -> kernels (fuse) -> schedule -> memory plan -> text.
#ifndef NNC_CODEGEN_CODEGEN_H
#define NNC_CODEGEN_CODEGEN_H

#include "ir/base/strbuf.h"
#include "ir/base/vec.h"
#include "ir/program.h"

// Which bytes of the text were made for which place of the model: each entry holds from its byte to the next.
typedef struct TextPlace {
  size_t begin;
  Span span;
} TextPlace;

typedef struct TextMap {
  Arena *arena;
  VEC(TextPlace) places;
} TextMap;

// The place that the text's byte `offset` was made for; {0} where it belongs to none.
Span text_map_at(const TextMap *m, size_t offset);

// What an emitted library is beside the program's functions (embedding.md).
typedef struct LibraryOptions {
  const char *prefix; // the name of its type, a C identifier; all other names begin with it and _
  const char *file;   // the name of its files, without ending
  const unsigned char *const *values; // by store: the value `init` gives it, elements of its type; NULL: made
                                      // by the program's `init`, or zero. Constant stores have one.
  const char *weights_header;         // of the safetensors file of its parameters and states, in order
  size_t weights_header_len;
  bool weights_in_file; // `init` gives no values: `load` must come before all else
  bool cuda;            // of a CUDA library: the source is PREFIX.cu
  const char *compiled; // how that is compiled: a comment at its top; "" for C
} LibraryOptions;

typedef struct LibraryText {
  StrBuf header, source, weights; // PREFIX.h, PREFIX.c, PREFIX_weights.c; weights empty: not needed
  uint64_t ram, flash;            // bytes of the arena; of constant data
} LibraryText;

typedef struct CodegenOptions {
  const char *nnc_version;
  const LibraryOptions *library; // codegen_library's; NULL: a program
  bool program;                  // with descriptor and main(); false: the functions only
  bool tests;                    // that main() runs the functions as tests (nn_test.h)
  bool keep_subnormals;          // -fsubnormals
  TextMap *map;                  // filled; NULL: not wanted
  unsigned break_place; // for tests: the text of this entry of the map (1: the first) is made wrong; 0: none
  bool every_text; // for tests: each kernel's text is made, also where another one's is known to be the same
} CodegenOptions;

// The model as one C file that includes "nn_core.h", "nn_math.h", "nn_dot.h", "nn_random.h", "nn_optim.h",
// "nn_rows.h", "nn_linalg.h" and, for a program, "nn_model.h". (`--standalone` is made by the driver, which puts the
// runtime's text in place of the includes.) The graphs must be free of GRAD, PROJ and CUSTOM_VJP.
void codegen_c(const Program *p, const CodegenOptions *o, StrBuf *out);

// Likewise as one CUDA file (docs/CUDA.md), which also includes "nn_cuda_program.h" and "nn_cuda_optim.h".
void codegen_cuda(const Program *p, const CodegenOptions *o, StrBuf *out);

// The program as an embeddable library; all its functions become part of it (passes/subset.h makes it small).
// The source includes the header and those of runtime/core.
void codegen_library(const Program *p, const CodegenOptions *o, LibraryText *out);

// --dump-ir=after:fuse of one function, or of all (fn NULL): the kernels, one paragraph each.
void codegen_dump_kernels(const Program *p, const Function *fn, StrBuf *out);

#endif
