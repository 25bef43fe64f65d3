// `nnc --interpret model.nn -- train --data …`: the emitted program's command line with the interpreter in
// place of the emitted functions. The same host runtime reads data, shuffles, loops and saves; so what
// differs between this and the compiled program is exactly code generation. tests/equivalence.c compares the
// two call by call.
#ifndef NNC_DRIVER_INTERPRET_H
#define NNC_DRIVER_INTERPRET_H

#include "ir/program.h"
#include "nn_model.h"

// The descriptor of a program whose functions are run by ir/eval (real as the program has it). Stores are
// laid out in the arena in their order, each at a multiple of 64.
const nn_model *interpret_model(const Program *p, const char *version, bool keep_subnormals, Arena *a);

// n values as they lie in memory to the interpreter's. (DType and nn_dtype have the same order.)
void interpret_load(Scalar *to, DType t, const unsigned char *from, size_t n);

// Runs nn_main over it; `name` is argv[0]. Gives its exit code.
int interpret(const Program *p, const char *version, bool keep_subnormals, const char *name, int argc,
              char **argv);

#endif
