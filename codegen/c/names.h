// Names and strings of a model in C text: nothing a user writes can become code. Strings are escaped byte by
// byte, comments get printable text without anything that could end them, identifiers are prefixed and
// reduced to C's letters.
#ifndef NNC_CODEGEN_C_NAMES_H
#define NNC_CODEGEN_C_NAMES_H

#include "ir/base/arena.h"
#include "ir/base/strbuf.h"
#include "ir/base/vec.h"

#include <stdbool.h>

// A string literal; "NULL" for NULL.
void put_string(StrBuf *out, const char *s);
// Text inside /* */.
void put_comment(StrBuf *out, const char *s);
// [A-Za-z0-9_]+ after a prefix; other bytes become _xx.
const char *mangle(Arena *a, const char *prefix, const char *s);
// A name that C and C++ let a program use: letters and digits, no keyword, no macro of the usual headers.
const char *c_identifier(Arena *a, const char *s);
bool c_is_identifier(const char *s);

// Names of one scope: a name that is taken gets _2, _3, … at its end.
typedef struct Names {
  Arena *a;
  VEC(const char *) taken;
} Names;
const char *names_take(Names *n, const char *wanted);

#endif
