// The words of a syntax error: what stands at the token, what was expected, and the slips people make.
#ifndef NNC_FRONTEND_SYNTAX_ERROR_H
#define NNC_FRONTEND_SYNTAX_ERROR_H

#include "frontend/ast_build.h"

// Reports the error at the last token delivered, unless it follows from one already reported, and
// resynchronises. `expected` are token codes.
void syntax_error(Parser *p, const int *expected, int n);

#endif
