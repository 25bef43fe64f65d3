// `nnc fmt`: the files given, laid out in place; of none, or `-`, the standard input to the standard output.
// A file with syntax errors stays as it is, one that needs no change is not written. --check writes nothing:
// the names of the files that would change go to the standard output, the exit code is 4.
#ifndef NNC_DRIVER_FMT_H
#define NNC_DRIVER_FMT_H

#include "driver/options.h"

// All files are looked at; the code is that of the first that could not be read, understood or written.
int fmt(const Options *o, Arena *a);

#endif
