// A program's functions by their names and signatures, for the commands that look inside.
#ifndef NNC_DRIVER_FUNCTIONS_H
#define NNC_DRIVER_FUNCTIONS_H

#include "ir/base/strbuf.h"
#include "ir/program.h"

// EXIT_DONE; or EXIT_USAGE, where the message names the one that was meant or lists them all.
int function_named(const Program *p, const char *name, uint32_t *id);

// "classify(x: f32[N, 4]) -> f32[N, 3]"
void function_signature(const Function *f, StrBuf *out);

#endif
