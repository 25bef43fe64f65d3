// Between the files of the formatter only. In the order of their work:
//   fmt_read.c      the tokens and comments of a source, and where its lines end
//   fmt_classify.c  what each token is; the space before it; what a line break before it costs
//   fmt_breaks.c    which line breaks of the author stay, which are added whatever the width
//   fmt_lines.c     lines that are too long; the column of every line
//   fmt_align.c     columns that the author lined up
//   fmt.c           all of it, and the text
#ifndef NNC_FRONTEND_FMT_IMPL_H
#define NNC_FRONTEND_FMT_IMPL_H

#include "frontend/fmt.h"
#include "frontend/tokens.h"

enum { FMT_NO_BREAK = UINT16_MAX };

typedef struct FmtComment {
  uint32_t begin, end;   // bytes, without white space at the end
  uint32_t line, column; // in the source, from 0, in characters
  bool alone;            // nothing stands before it on its line
  bool blank;            // an empty line is before it
} FmtComment;

typedef struct FmtToken {
  int kind;
  uint32_t begin, end, width;
  uint32_t line, column;         // in the source, from 0, in characters
  uint32_t partner;              // of a bracket; NO_TOKEN
  uint32_t comments, n_comments; // those before it
  bool newline, blank; // before it in the source, leaving out its comments: a line ends; an empty line

  bool item;     // begins a declaration, statement or other item of a block; the end of the file does too
  bool operand;  // ends an operand
  bool keyword;  // of a word that can also be a name: it is none here
  bool binary;   // an operator between operands
  bool block;    // a `{` or `}` around items that ends an item; false for the body of a scan
  uint8_t space; // before it when it does not begin a line
  uint16_t cost; // of a line break before it; FMT_NO_BREAK

  bool breaks, blank_before; // it begins a line; after an empty one
  bool one_line;             // of a `{`: its block is on one line
  uint32_t chain;            // of a `{`: that of the `else` that follows; NO_TOKEN
  uint32_t next_item;        // of an item that shares its line: the item after it; NO_TOKEN
  uint32_t column_out;       // of the tokens that begin a line, and of the others once lines are known
  uint32_t pad;              // more spaces before it
} FmtToken;

// What becomes one line: tokens and the comment after them, or a comment alone.
typedef struct FmtLine {
  uint32_t first, end;  // tokens
  uint32_t comment;     // NO_TOKEN
  uint32_t column;      // of the first thing on it
  uint32_t comment_pad; // more spaces before the comment
  uint32_t shift;       // sum of the pads so far
  bool blank;           // an empty line is before it
} FmtLine;

typedef struct Fmt {
  Arena *arena;
  const char *text;
  FmtToken *tokens; // the last is T_YYEOF
  uint32_t n;
  VEC(FmtComment) comments;
  VEC(FmtLine) lines;
} Fmt;

void fmt_read(Fmt *f, const Scanned *s);
void fmt_classify(Fmt *f);
void fmt_breaks(Fmt *f);
// The block at `open` gets a line for each item, and so do those of its `else`.
void fmt_expand(Fmt *f, uint32_t open);
void fmt_lines(Fmt *f);
void fmt_align(Fmt *f);

#endif
