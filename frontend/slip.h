// The slips people make in syntax, each a function that recognises its own at a syntax error and says how it
// is written: false where it is another.
#ifndef NNC_FRONTEND_SLIP_H
#define NNC_FRONTEND_SLIP_H

#include "frontend/ast_build.h"
#include "frontend/recover.h"

typedef struct Context {
  Parser *p;
  const Token *t;      // all tokens
  uint32_t i, item;    // of the error, and of the first token of the item it is in
  const int *expected; // token codes
  int n;
} Context;

static inline bool expects(const Context *c, int kind) {
  for (int k = 0; k < c->n; k++)
    if (c->expected[k] == kind) return true;
  return false;
}

static inline Span span_of(const Context *c, uint32_t i) {
  return (Span){c->p->source, c->t[i].begin, c->t[i].end};
}

static inline const char *text_of(const Context *c, uint32_t begin, uint32_t end) {
  const Source *s = source_get(diags_sources(c->p->diags), c->p->source);
  return arena_strndup(c->p->arena, s->text + begin, end - begin);
}

static inline const char *word(const Context *c, uint32_t i) {
  return text_of(c, c->t[i].begin, c->t[i].end);
}

static inline bool one_of(int kind, const int *kinds, size_t n) {
  for (size_t k = 0; k < n; k++)
    if (kinds[k] == kind) return true;
  return false;
}
#define IS_ONE_OF(kind, ...)                                                                                 \
  one_of((kind), (const int[]){__VA_ARGS__}, sizeof((int[]){__VA_ARGS__}) / sizeof(int))

static inline bool is_operator(int kind) {
  return IS_ONE_OF(kind, '+', '-', '*', '/', '%', '@', T_FLOORDIV, T_POW, T_EQ, T_NE, '<', '>', T_LE, T_GE,
                   T_AND, T_OR);
}

// The last token of a kind before the error, at its depth and in its item; NO_TOKEN when there is none.
static inline uint32_t before_error(const Context *c, int kind) {
  for (uint32_t i = c->i; i > c->item;) {
    i--;
    const Token *t = &c->t[i];
    if (t->kind == kind) return i;
    if (IS_ONE_OF(t->kind, ')', ']', '}') && t->partner != NO_TOKEN)
      i = t->partner;
    else if (IS_ONE_OF(t->kind, '(', '[', '{'))
      return NO_TOKEN;
  }
  return NO_TOKEN;
}

// The innermost bracket that is open at the error, within its item.
static inline uint32_t open_bracket(const Context *c) {
  for (uint32_t i = c->i; i > c->item;) {
    i--;
    const Token *t = &c->t[i];
    if (IS_ONE_OF(t->kind, ')', ']', '}') && t->partner != NO_TOKEN)
      i = t->partner;
    else if (IS_ONE_OF(t->kind, '(', '[', '{'))
      return i;
  }
  return NO_TOKEN;
}

// The `{` around the item that begins at i, plus one; 0 at top level.
static inline uint32_t enclosing_brace(const Context *c, uint32_t i) {
  while (i > 0) {
    i--;
    if (c->t[i].kind == '{') return i + 1;
    if (c->t[i].kind == '}' && c->t[i].partner != NO_TOKEN) i = c->t[i].partner;
  }
  return 0;
}

// slip_own.c: .nn's own words
bool slip_report_without_name(Context *c);
bool slip_keyword_as_name(Context *c);
bool slip_function_after_pipe(Context *c);
bool slip_else_of_when(Context *c);
bool slip_assignment_as_condition(Context *c);
bool slip_operator_after_pipe(Context *c);
bool slip_bare_tuple(Context *c);
bool slip_misspelt_word(Context *c);
bool slip_parameter_without_type(Context *c);
bool slip_unused_value(Context *c);
bool slip_eval_of_range(Context *c);

// slip_foreign.c: what other languages have
bool slip_typed_declaration(Context *c);
bool slip_arrow_without_fn(Context *c);
bool slip_static_type_used(Context *c);
bool slip_if_with_braces(Context *c);
bool slip_chained_comparison(Context *c);
bool slip_for_of_c(Context *c);
bool slip_elementwise(Context *c);
bool slip_foreign_word(Context *c);
bool slip_foreign_type(Context *c);
bool slip_static_elements(Context *c);
bool slip_function_without_fn(Context *c);
bool slip_block_colon(Context *c);
bool slip_choice_after_value(Context *c);
bool slip_labels_in_string(Context *c);
bool slip_formatted_string(Context *c);
bool slip_import_without_file(Context *c);
bool slip_colon(Context *c);

// slip_misplaced.c: items that stand elsewhere
bool slip_consequence_of_misplaced(Context *c);
bool slip_assignment_at_top(Context *c);
bool slip_misplaced(Context *c);

#endif
