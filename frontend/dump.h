// The tree as text, for --dump-ast and golden tests: one line a statement, blocks indented, expressions as
// S-expressions: `(let y (call Dense 10))`. Stable: a change of this text is a change of the tree.
#ifndef NNC_FRONTEND_DUMP_H
#define NNC_FRONTEND_DUMP_H

#include "frontend/ast.h"
#include "ir/base/strbuf.h"

void ast_dump(const File *f, StrBuf *out);
// One expression, on one line; what scan holds is in braces.
void ast_dump_expr(const Expr *e, StrBuf *out);

#endif
