// One message for a syntax error.
#include "frontend/syntax_error.h"
#include "frontend/recover.h"

// A syntax error in an item that already has a problem of brackets, strings or signs is its consequence.
static bool follows_from_problem(const Parser *p, uint32_t item, uint32_t i) {
  const Token *t = p->scanned->tokens.data;
  if (p->covered > t[item].begin) return true;
  for (uint32_t k = item; k <= i; k++)
    if (t[k].inserted) return true;
  return false;
}

void syntax_error(Parser *p, const int *expected, int n) {
  (void)expected, (void)n;
  if (p->stopped) return;
  uint32_t i = p->last;
  if (!follows_from_problem(p, item_start(p, i), i)) {
    const Token *t = &p->scanned->tokens.data[i];
    Span at = {p->source, t->begin, t->end};
    diag_error(p->diags, DIAG_E0102, at, "this can't stand here");
    if (diags_full(p->diags)) p->stopped = true;
  }
  resynchronise(p, i);
}
