// Calls the C compiler ($CC, else cc) on emitted text.
#ifndef NNC_DRIVER_CC_H
#define NNC_DRIVER_CC_H

#include "driver/options.h"
#include "driver/reproducer.h"
#include "driver/words.h"

// The host runtime, compiled when nnc was built, to link programs with; NULL where that may not be for this
// compiler
// ($CC is none of this machine's usual ones, or has arguments) or it is gone. The text must then hold the
// runtime.
const char *cc_runtime(const Options *o, Arena *a);

// The libraries that decode pictures, as far as nnc was built with them.
void cc_picture_libraries(Words *v, Arena *a);

// Compiles the text to an executable or object file at `path`. A compiler that rejects our text is
// a bug of nnc: `r` is completed and written, exit code 70. A compiler that is missing, that knows no such
// --cpu, or that can't compile anything is said plainly. `pictures`: the program reads some.
int cc_compile(const Options *o, bool pictures, Text c, const char *path, Reproducer *r, Arena *a);

#endif
