// Calls nvcc ($NVCC, else nvcc, else that of /usr/local/cuda) on emitted CUDA text, with the sources of
// runtime/cuda and the host runtime.
#ifndef NNC_DRIVER_NVCC_H
#define NNC_DRIVER_NVCC_H

#include "driver/options.h"
#include "driver/reproducer.h"
#include "ir/base/strbuf.h"

// As cc_compile: nvcc missing, too old or failing is said plainly (exit 3), an architecture that it does not
// know is the command line's mistake (exit 2), a text that it rejects is ours (exit 70).
int nvcc_compile(const Options *o, Text cu, const char *path, Reproducer *r, Arena *a);

// The comment by which -S says how its text is compiled.
void nvcc_comment(const Options *o, StrBuf *out, Arena *a);
// The same for a library, as the end of a comment.
const char *nvcc_library_comment(const Options *o, Arena *a);

#endif
