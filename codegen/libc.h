// What emitted text may use of the C library and of CUDA, as headers for its validation: so that no header of the machine
// plays a part, whichever library it has, and none of the thousand declarations of a real <math.h> are read.
#ifndef NNC_CODEGEN_LIBC_H
#define NNC_CODEGEN_LIBC_H

#include "ir/base/embedded.h"

extern const EmbeddedFiles libc_headers;

#endif
