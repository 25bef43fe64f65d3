// A model file of the project through frontend and passes: for tests of what comes after. (A file of its own,
// because frontend and codegen each have an Expr.)
#ifndef NNC_TESTS_COMPILE_MODEL_H
#define NNC_TESTS_COMPILE_MODEL_H

#include "ir/program.h"

// `path` is relative to the project, `more` is text behind the file's. Ends the process when it has errors.
Program *compile_model(const char *path, const char *more, Arena *a);

#endif
