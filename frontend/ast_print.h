// The syntax tree as text, for --dump-ast and tests of the parser: a line a statement with its place and its
// nesting, expressions as (head operand …).
#ifndef NNC_FRONTEND_AST_PRINT_H
#define NNC_FRONTEND_AST_PRINT_H

#include "frontend/ast.h"
#include "ir/base/strbuf.h"

void ast_print(const File *f, const SourceMap *sources, StrBuf *out);
void ast_print_expr(const Expr *e, StrBuf *out);

#endif
