// Between lexer.l and tokens.c only: what the scanner's actions call.
#ifndef NNC_FRONTEND_SCAN_H
#define NNC_FRONTEND_SCAN_H

#include "frontend/tokens.h"

typedef struct Scanner {
  Scanned *out;
  Arena *arena;
  Intern *names;
  uint32_t source;
  bool is_std;
  const char *text;
  size_t len;
  uint32_t begin, end; // of the lexeme
  TokenValue value;
  StrBuf doc;           // of the ## comments since the last token
  Problem unsaid;       // one beyond MAX_PROBLEMS
  bool foreign_comment; // complained about already
  bool unterminated;    // the lexeme is a string without its closing quote
  bool binary;          // not text: scanning stops
} Scanner;

// Each gives the kind of the token, with `value` set.
int scan_word(Scanner *s, int kind);
int scan_int(Scanner *s);
int scan_float(Scanner *s);
int scan_string(Scanner *s, uint32_t skip); // quotes of `skip` bytes on both sides
// The same with a complaint.
int scan_bad_number(Scanner *s, const char *label, int kind);
int scan_unterminated(Scanner *s);
// How much of a line that begins with a quote is the string: not the signs that end the statement.
size_t scan_unterminated_length(const char *text, size_t n);
int scan_foreign(Scanner *s, int kind, const char *instead); // another language's spelling of `kind`
int scan_invalid(Scanner *s);
// `//` or a slash and a star where no operand stands before: a comment of another language. One complaint a
// file.
bool scan_foreign_comment(Scanner *s);
void scan_doc(Scanner *s);
// True when the token before ends an operand, so that `.5` after it is no number.
bool scan_after_operand(const Scanner *s);

#endif
