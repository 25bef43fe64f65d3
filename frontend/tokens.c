// Drives the flex scanner over a source and gives each lexeme its meaning: numbers are converted,
// escapes resolved, words interned; what is wrong becomes a Problem at its byte.
#include "frontend/tokens.h"
#include "frontend/scan.h"
#include "frontend/parser.h"
#include "ir/base/utf8.h"

#ifndef YY_TYPEDEF_YY_SCANNER_T
#define YY_TYPEDEF_YY_SCANNER_T
typedef void *yyscan_t;
#endif
#include "frontend/lexer.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

int nn_yyscan(yyscan_t scanner);

bool ends_operand(int kind) {
  static const int kinds[] = {T_IDENT, T_INTLIT, T_FLOATLIT, T_STRLIT, T_BOOL, T_DTYPE, T_STYPE, ')', ']'};
  for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
    if (kinds[i] == kind) return true;
  return false;
}

bool scan_after_operand(const Scanner *s) {
  const TokenVec *t = &s->out->tokens;
  return t->len && ends_operand(t->data[t->len - 1].kind) && t->data[t->len - 1].end == s->begin;
}

static Problem *problem(Scanner *s, DiagCode code, uint32_t begin, uint32_t end, const char *message) {
  Problem p = {
      .at = s->begin, .code = code, .span = {s->source, begin, end}, .message = message, .always = true};
  if (s->out->problems.len >= MAX_PROBLEMS) {
    s->unsaid = p;
    return &s->unsaid;
  }
  vec_push(s->arena, &s->out->problems, p);
  return &s->out->problems.data[s->out->problems.len - 1];
}

static const char *lexeme(const Scanner *s) {
  return arena_strndup(s->arena, s->text + s->begin, s->end - s->begin);
}

static bool before_bracket(const Scanner *s) {
  bool comment = false;
  uint32_t i = s->end;
  for (; i < s->len && (comment || isspace((unsigned char)s->text[i]) || s->text[i] == '#'); i++)
    comment = s->text[i] == '#' || (comment && s->text[i] != '\n');
  return i < s->len && s->text[i] == '[';
}

int scan_word(Scanner *s, int kind) {
  static const struct {
    const char *word;
    StaticType type;
  } static_types[] = {{"int", ST_INT}, {"float", ST_FLOAT}, {"bool", ST_BOOL}, {"str", ST_STR}};
  const char *word = intern_n(s->names, s->text + s->begin, s->end - s->begin);
  // The library's own: a parameter of any element type.
  if (kind == T_IDENT && s->is_std && strcmp(word, "any") == 0 && before_bracket(s)) {
    s->value.dtype.type = DT_ANY;
    return T_DTYPE;
  }
  if (kind == T_BOOL) {
    s->value.b = word[0] == 't';
  } else if (kind == T_STYPE) {
    for (size_t i = 0; i < 4; i++)
      if (strcmp(word, static_types[i].word) == 0) s->value.st = static_types[i].type;
  } else if (kind == T_DTYPE) {
    s->value.dtype.is_real = strcmp(word, "real") == 0;
    for (int t = 0; t < DT_COUNT; t++)
      if (strcmp(word, dtype_name((DType)t)) == 0) s->value.dtype.type = (DType)t;
  } else {
    s->value.word = word;
  }
  return kind;
}

// True when the token before is a sign: a `-` with no operand before it.
static bool after_sign(const Scanner *s) {
  const TokenVec *t = &s->out->tokens;
  return t->len && t->data[t->len - 1].kind == '-' &&
         (t->len == 1 || !ends_operand(t->data[t->len - 2].kind));
}

int scan_int(Scanner *s) {
  static const uint64_t least = (uint64_t)INT64_MAX + 1; // with a sign before it
  uint64_t v = 0;
  bool too_big = false;
  for (uint32_t i = s->begin; i < s->end; i++) {
    uint64_t digit = (uint64_t)(s->text[i] - '0');
    if (v > (least - digit) / 10) too_big = true;
    if (!too_big) v = v * 10 + digit;
  }
  too_big |= v == least && !after_sign(s);
  s->value.i.value = v < least ? (int64_t)v : INT64_MIN;
  s->value.i.too_big = too_big || v == least; // `expr_unary` takes the sign in
  if (too_big) {
    Problem *p = problem(s, DIAG_E0104, s->begin, s->end, "this integer does not fit into 64 bits");
    p->label = "the greatest is 9223372036854775807";
  }
  return T_INTLIT;
}

int scan_float(Scanner *s) {
  s->value.f = strtod(lexeme(s), NULL);
  if (isinf(s->value.f)) {
    s->value.f = 0.0;
    Problem *p = problem(s, DIAG_E0104, s->begin, s->end, "this number does not fit into 64-bit floats");
    p->label = "the greatest is about 1.8e308";
  }
  return T_FLOATLIT;
}

int scan_bad_number(Scanner *s, const char *label, int kind) {
  Problem *p =
      problem(s, DIAG_E0103, s->begin, s->end, arena_printf(s->arena, "`%s` is not a number", lexeme(s)));
  p->label = label;
  p->covers =
      lexeme(s)[strlen(lexeme(s)) - 1] == '.'; // `seed = 1. epochs = 3;`: the dot is another sign's slip
  s->value = (TokenValue){0};
  if (kind == T_INTLIT) s->value.i.too_big = true; // no value: nothing more is said about it
  return kind;
}

static int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// The escape at `at` (a backslash): appends its byte, gives its length.
static uint32_t escape(Scanner *s, uint32_t at, uint32_t end, char **to) {
  static const char names[] = "nt\\\"", bytes[] = "\n\t\\\"";
  char c = at + 1 < end ? s->text[at + 1] : '\0';
  const char *known = c ? strchr(names, c) : NULL;
  if (known) {
    *(*to)++ = bytes[known - names];
    return 2;
  }
  if (c == 'x' && at + 3 < end && hex_digit(s->text[at + 2]) >= 0 && hex_digit(s->text[at + 3]) >= 0) {
    *(*to)++ = (char)(hex_digit(s->text[at + 2]) * 16 + hex_digit(s->text[at + 3]));
    return 4;
  }
  uint32_t n = 1 + (at + 1 < end ? utf8_next(s->text + at + 1, end - at - 1).bytes : 0);
  Problem *p =
      problem(s, DIAG_E0106, at, at + n, c == 'x' ? "`\\x` takes two hexadecimal digits" : "unknown escape");
  p->label = "strings take `\\n` `\\t` `\\\\` `\\\"` `\\xNN`";
  return n;
}

int scan_string(Scanner *s, uint32_t skip) {
  uint32_t at = s->begin + skip, end = s->end - skip;
  char *text = arena_alloc(s->arena, end - at + 1), *to = text;
  while (at < end) {
    if (s->text[at] == '\\')
      at += escape(s, at, end, &to);
    else
      *to++ = s->text[at++];
  }
  s->value.str.text = text;
  s->value.str.len = (uint32_t)(to - text);
  return T_STRLIT;
}

size_t scan_unterminated_length(const char *text, size_t n) {
  while (n > 1 && strchr("()[]{},; \t\r", text[n - 1])) n--;
  return n;
}

int scan_unterminated(Scanner *s) {
  Problem *p = problem(s, DIAG_E0105, s->begin, s->end, "this string has no closing `\"`");
  p->label = "a string ends on its line";
  p->covers = true;
  s->unterminated = true;
  s->value.str.text = "";
  s->value.str.len = 0;
  return T_STRLIT;
}

int scan_foreign(Scanner *s, int kind, const char *instead) {
  const char *text = lexeme(s);
  Problem *p;
  if (kind == T_STRLIT) {
    p = problem(s, DIAG_E0115, s->begin, s->end, "strings stand in double quotes");
    p->label = "write \"…\"";
  } else if (kind == T_INVALID) {
    p = problem(s, DIAG_E0115, s->begin, s->end, arena_printf(s->arena, "there is no `%s`", text));
    p->label =
        instead ? instead : arena_printf(s->arena, "write `x = x %.*s …;`", (int)strlen(text) - 1, text);
    p->covers = true;
    p->always = false;
  } else {
    p = problem(s, DIAG_E0115, s->begin, s->end,
                arena_printf(s->arena, "`%s` is written `%s`", text, instead));
    p->label = arena_printf(s->arena, "write `%s`", instead);
  }
  return kind;
}

bool scan_foreign_comment(Scanner *s) {
  const TokenVec *t = &s->out->tokens;
  int before = t->len ? t->data[t->len - 1].kind : ';';
  if (before != ';' && before != '{' && before != '}') return false;
  if (!s->foreign_comment) {
    Problem *p =
        problem(s, DIAG_E0115, s->begin, s->end, arena_printf(s->arena, "`%s` is not a comment", lexeme(s)));
    p->label = "comments begin with `#`";
  }
  s->foreign_comment = true;
  return true;
}

int scan_invalid(Scanner *s) {
  unsigned char c = (unsigned char)s->text[s->begin];
  Utf8 u = utf8_next(s->text + s->begin, s->len - s->begin);
  if (c < 0x20 || c == 0x7F || !u.valid) {
    s->out->problems.len = 0;
    Problem *p = problem(s, DIAG_E0116, s->begin, s->begin + 1, "this is not a text file");
    p->label = arena_printf(s->arena, "byte 0x%02x", c);
    p->covers = true;
    s->binary = true;
    return T_INVALID;
  }
  const char *text = lexeme(s);
  size_t n = s->out->problems.len;
  if (n && s->out->problems.data[n - 1].span.end == s->begin) { // more of the same
    s->out->problems.data[n - 1].covers = true;
    return T_INVALID;
  }
  Problem *p =
      problem(s, DIAG_E0101, s->begin, s->end, arena_printf(s->arena, "`%s` can't stand here", text));
  p->label = c >= 0x80   ? "outside of strings and comments the text is ASCII"
             : c == '\'' ? "`transpose(x)` transposes; strings stand in double quotes"
                         : "no token begins with this character";
  p->covers = true;
  p->always = false;
  return T_INVALID;
}

void scan_doc(Scanner *s) {
  uint32_t from = s->begin + 2;
  if (from < s->end && s->text[from] == ' ') from++;
  uint32_t to = s->end;
  while (to > from && (s->text[to - 1] == '\r' || s->text[to - 1] == ' ')) to--;
  if (s->doc.len) sb_putc(&s->doc, '\n');
  sb_putn(&s->doc, s->text + from, to - from);
}

static void attach_doc(Scanner *s) {
  if (!s->doc.len) return;
  Doc d = {s->begin, arena_strdup(s->arena, sb_text(&s->doc))};
  vec_push(s->arena, &s->out->docs, d);
  strbuf_free(&s->doc);
}

// Follows lines from token to token.
typedef struct Lines {
  uint32_t at, begin, indent;
  bool fresh; // no token yet on this line
} Lines;

static void place(Lines *l, const char *text, Token *t) {
  for (; l->at < t->begin; l->at++)
    if (text[l->at] == '\n') {
      l->begin = l->at + 1;
      l->fresh = true;
    }
  t->column = t->begin - l->begin + 1;
  t->first_on_line = l->fresh;
  if (l->fresh) l->indent = t->column;
  l->fresh = false;
  t->indent = l->indent;
}

Scanned *scan_source(uint32_t id, const Source *source, Intern *names, Arena *a) {
  Scanner s = {
      .out = ARENA_NEW(a, Scanned), .arena = a, .names = names, .source = id, .is_std = source->is_std};
  s.text = source->text;
  s.len = source->len;
  yyscan_t flex;
  if (nn_yylex_init_extra(&s, &flex) != 0) out_of_memory();
  static const char bom[] = "\xEF\xBB\xBF";
  if (s.len >= 3 && memcmp(s.text, bom, 3) == 0) s.end = 3;
  nn_yy_scan_bytes(s.text + s.end, (int)(s.len - s.end), flex);
  Lines lines = {.fresh = true};
  vec_reserve(a, &s.out->tokens, s.len / 4 + 16); // prose has fewer, memory not used costs nothing
  for (int kind = 1; kind != 0;) {
    s.value = (TokenValue){0};
    s.unterminated = false;
    kind = nn_yyscan(flex);
    if (kind == 0 || s.binary) {
      kind = 0;
      s.begin = s.end = s.binary ? s.begin : (uint32_t)s.len;
    }
    attach_doc(&s);
    Token t = {.kind = kind, .begin = s.begin, .end = s.end, .partner = NO_TOKEN, .value = s.value};
    t.unterminated = s.unterminated;
    place(&lines, s.text, &t);
    vec_push(a, &s.out->tokens, t);
  }
  nn_yylex_destroy(flex);
  strbuf_free(&s.doc);
  if (s.binary) { // of a file that is no text nothing is parsed
    s.out->tokens.data[0] = s.out->tokens.data[s.out->tokens.len - 1];
    s.out->tokens.len = 1;
  }
  return s.out;
}

static int by_place(const void *a, const void *b) {
  const Problem *p = a, *q = b;
  if (p->at != q->at) return p->at < q->at ? -1 : 1;
  return p->order < q->order ? -1 : p->order > q->order;
}

void sort_problems(Scanned *s) {
  for (size_t i = 0; i < s->problems.len; i++) s->problems.data[i].order = (uint32_t)i;
  if (s->problems.len) qsort(s->problems.data, s->problems.len, sizeof(Problem), by_place);
}
