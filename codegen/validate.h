// Whether emitted C is C, and emitted CUDA C++: libclang parses the text before any compiler sees it. An
// error it finds is a bug of nnc, never of the model.
//
// libclang is loaded here, when there is a text to validate, and not linked: its start costs more than the
// rest of nnc. Where it was missing when nnc was built, or is missing now, nothing is checked and the verdict
// says why.
#ifndef NNC_CODEGEN_VALIDATE_H
#define NNC_CODEGEN_VALIDATE_H

#include "ir/base/arena.h"
#include "ir/base/embedded.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VALIDATE_NO_OFFSET SIZE_MAX

typedef struct Verdict {
  const char *unchecked;     // why nothing was checked; NULL: the text was parsed
  uint32_t errors, warnings; // warnings only for the flags that ask for them
  const char *first;         // "model.c:12:3: error: …", the first error, else the first warning; or NULL
  size_t offset;    // the byte of the text where that is; VALIDATE_NO_OFFSET: in no place of the text
  const char *said; // everything, a line each; "" for a clean text
} Verdict;

// Parses `text` as C99 under the name `model.c`. `runtime` holds the headers that it includes
// ("core/nn_core.h"), which are read from memory. `flags` are more arguments for clang ("-Wall"), NULL at the
// end; NULL: no warnings.
Verdict validate_c(const char *text, size_t len, const EmbeddedFiles *runtime, const char *const *flags,
                   Arena *a);

// The same for CUDA: C++17 under the name `model.cu`, where the words of CUDA stand for what their types are
// and a launch is a call, so that a kernel's arguments are checked ("libc/cuda_stub.h" of libc.h).
Verdict validate_cuda(const char *text, size_t len, const EmbeddedFiles *runtime, const char *const *flags,
                      Arena *a);

// For `nnc --version`: "libclang (Debian clang version 14.0.6)", or "none: " and why.
const char *validate_version(Arena *a);

#endif
