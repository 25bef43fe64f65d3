// What a checkpoint depends on: the parts of a program, each with a hash of all that makes it compute what it
// does. Names, comments, places in the source and the order of declarations that changes nothing are not in
// it; stores aren't either, which a checkpoint has by name, type and shape.
#ifndef NNC_IR_PARTS_H
#define NNC_IR_PARTS_H

#include "ir/program.h"

typedef struct Part {
  const char *what; // "function `fit_step`", "data `mnist`", "train `fit`"
  uint64_t hash;
} Part;

// Of a program that the passes have been over.
const Part *program_parts(const Program *p, uint32_t *n, Arena *a);

#endif
