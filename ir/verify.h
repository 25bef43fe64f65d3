// Checks every invariant of a graph: ids, arities, types, shapes, attributes, roots, and the versions of
// stores. The shape conditions are written as predicates over finished nodes, apart from shape_rules.c, so a
// mistake must be made twice to pass. Runs after every pass in tests; a failure is a bug of the compiler.
#ifndef NNC_IR_VERIFY_H
#define NNC_IR_VERIFY_H

#include "ir/base/strbuf.h"
#include "ir/program.h"

typedef enum VerifyFlags {
  VERIFY_ANY = 0,
  VERIFY_NO_AD = 1 // after autodiff: neither GRAD, PROJ nor CUSTOM_VJP
} VerifyFlags;

// False with one line a broken invariant in *why: "%12 mul: operands have different types".
bool graph_verify(const Graph *g, unsigned flags, StrBuf *why);
// Also what only the program knows: inputs, stores, root kinds.
bool function_verify(const Program *p, const Function *f, unsigned flags, StrBuf *why);
bool program_verify(const Program *p, unsigned flags, StrBuf *why);

#endif
