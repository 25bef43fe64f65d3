// The scanner's side of parsing: a source becomes an array of tokens before the grammar sees any.
// An array, because good messages and recovery look around: brackets are matched over the whole file
// (brackets.c), a dropped statement is skipped to its balanced end (recover.c).
//
// What is wrong with a token is noted as a Problem at its byte and reported when the parser gets there,
// so that errors come out in the order of the text.
#ifndef NNC_FRONTEND_TOKENS_H
#define NNC_FRONTEND_TOKENS_H

#include "frontend/ast.h"
#include "ir/base/intern.h"
#include "ir/base/vec.h"

enum { MAX_SOURCE_BYTES = 1 << 20 };
enum { MAX_BRACKETS = 200 };  // open at a time
enum { MAX_PROBLEMS = 2000 }; // kept; many more than are ever shown

#define NO_TOKEN UINT32_MAX

typedef union TokenValue {
  const char *word; // names and all words, interned
  struct {
    int64_t value;
    bool too_big;
  } i;
  double f;
  struct {
    const char *text;
    uint32_t len;
  } str;
  bool b;
  StaticType st;
  struct {
    bool is_real;
    DType type;
  } dtype;
} TokenValue;

typedef struct Token {
  int kind; // T_… of the generated parser.h, or the character
  uint32_t begin, end;
  uint32_t column;  // 1-based column in bytes
  uint32_t indent;  // column of the first token of its line
  uint32_t partner; // of a bracket: index of the other one
  bool first_on_line;
  bool inserted;      // by brackets.c: it stands for text that is missing
  bool unterminated;  // a string without its closing quote
  bool in_expression; // a `{` or `}` of scan's body, after which the expression goes on
  TokenValue value;
} Token;

typedef VEC(Token) TokenVec;

typedef struct Problem {
  uint32_t at;    // byte where it is reported
  uint32_t order; // among those of the same byte
  DiagCode code;
  Span span, also;
  const char *message, *label, *also_label, *note, *help; // all but the message may be NULL
  bool always; // reported even inside a statement that is dropped for another mistake
  bool covers; // a syntax error in the same statement is its consequence
  bool torn;    // the statement goes on in the next line, perhaps
  bool settled; // and repaired: what was meant is known
  bool fatal;   // nothing after it is read
} Problem;

typedef VEC(Problem) ProblemVec;

typedef struct Doc {
  uint32_t before; // byte at which the documented token begins
  const char *text;
} Doc;

typedef struct Scanned {
  TokenVec tokens; // ends with the token T_YYEOF
  ProblemVec problems;
  VEC(Doc) docs;
} Scanned;

// The tokens of a source, brackets matched and repaired.
Scanned *scan_source(uint32_t id, const Source *source, Intern *names, Arena *a);
// Gives a bracket the kind that is meant where its partner is of another (bracket_kinds.c).
void repair_kinds(Scanned *s, uint32_t source, Arena *a);
// Matches brackets, sets `partner`; where one is missing inserts it, drops what was never opened, adds
// a missing `;` at the end of a line, and the forgotten `()` of `layer X(x: [n]) { return … }`.
void repair_brackets(Scanned *s, uint32_t source, const char *text, Arena *a);
// Orders problems by place.
void sort_problems(Scanned *s);
// True for a token that ends an operand: a name, a literal, a closing parenthesis.
bool ends_operand(int kind);

#endif
