// Interned strings: equal text gives the equal pointer, so names compare with ==.
#ifndef NNC_BASE_INTERN_H
#define NNC_BASE_INTERN_H

#include "ir/base/arena.h"

typedef struct Intern Intern;

Intern *intern_new(Arena *a);
const char *intern_n(Intern *t, const char *s, size_t n);
const char *intern(Intern *t, const char *s);

#endif
