// Text to AST. Errors go to diags (several per file); the tree returned is then partial, with EX_ERROR
// and ST_ERROR where something was dropped, so that elaboration may go on and find independent mistakes.
#ifndef NNC_FRONTEND_PARSE_H
#define NNC_FRONTEND_PARSE_H

#include "frontend/ast.h"
#include "ir/base/intern.h"

File *parse_source(uint32_t source, const SourceMap *sources, Intern *names, Diags *diags, Arena *a);

#endif
