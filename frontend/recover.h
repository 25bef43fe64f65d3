// What the generated parser calls: the next token, and where to go on after a syntax error.
#ifndef NNC_FRONTEND_RECOVER_H
#define NNC_FRONTEND_RECOVER_H

#include "frontend/parser.h"

int nn_yylex(NN_YYSTYPE *value, Span *at, Parser *p);
void nn_yyerror(Span *at, Parser *p, const char *message);

// Index of the first token of the innermost item (declaration, member, statement) that token `i` belongs to.
uint32_t item_start(const Parser *p, uint32_t i);
// The token at which the list that holds the item goes on after an error at `i`; *need_semi: it is no `;`.
uint32_t item_end(const Parser *p, uint32_t item, uint32_t i, bool *need_semi);
// Plans how the parser goes on after an error at token `i`: sets next and inject. `said`: the item has its
// error already, what else is wrong with it is a consequence.
void resynchronise(Parser *p, uint32_t i, bool said);
// True when the token can only begin an item, never continue an expression.
bool begins_item(const Token *tokens, uint32_t i);

#endif
