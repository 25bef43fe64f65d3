// What the grammar's actions call to build the tree, and the parser's state. Internal to parsing.
//
// Every expression counts its height, so that the recursion of whoever walks the tree is bounded:
// MAX_HEIGHT levels of expressions (a scan counts what its body holds), MAX_BRACKETS of blocks.
#ifndef NNC_FRONTEND_AST_BUILD_H
#define NNC_FRONTEND_AST_BUILD_H

#include "frontend/ast.h"
#include "frontend/tokens.h"

enum { MAX_HEIGHT = 1000 };

typedef struct Parser {
  Arena *arena;
  Diags *diags;
  uint32_t source;
  Scanned *scanned;
  File *file;
  uint32_t next;    // index of the token to deliver
  uint32_t last;    // index of the last one delivered
  int inject;       // a token of recovery to deliver first; 0: none
  uint32_t resumed; // where recovery went on: an item begins there
  size_t next_problem;
  uint32_t cut;           // where the item begins that is cut off, which was said; NO_TOKEN: none is
  uint32_t covered;       // byte of the last covering problem reported, plus one; 0: none
  const char *misused[8]; // keywords already reported as misused names
  uint32_t n_misused;
  uint32_t misplaced_in; // the `{` of a block of which more is misplaced for one reason; 0: none
  int misplaced;         // the first of it
  struct {
    const char **data;
    uint32_t len;
  } lost;          // see File
  uint32_t n_nameless;
  uint32_t height; // greatest of the expressions built since the enclosing scan began
  bool stopped;    // nothing more is delivered or reported
} Parser;

typedef struct SubList {
  Sub *data;
  uint32_t len;
} SubList;
typedef struct DimList {
  DimSpec *data;
  uint32_t len;
} DimList;
typedef struct PatternList {
  Pattern **data;
  uint32_t len;
} PatternList;
typedef struct LoopHead { // pattern NULL: dropped by recovery
  Pattern *pattern;
  Range in;
} LoopHead;

// Appends to a {data, len} list; its room doubles at powers of two, so none need be kept.
#define LIST_ADD(p, list, ...)                                                                               \
  do {                                                                                                       \
    if ((list).len == 0 || ((list).len >= 4 && ((list).len & ((list).len - 1)) == 0))                        \
      (list).data = list_grow_((p)->arena, (list).data, (list).len, sizeof *(list).data);                    \
    (list).data[(list).len++] = (__VA_ARGS__);                                                               \
  } while (0)
void *list_grow_(Arena *a, void *data, uint32_t len, size_t elem);

// `child` and `other` (NULL allowed) are the highest parts; lists go through expr_over.
Expr *expr_new(Parser *p, ExprKind kind, Span at, const Expr *child, const Expr *other);
void expr_over(Parser *p, Expr *e, const Expr *child);
Expr *expr_binary(Parser *p, BinOp op, Expr *left, Expr *right, Span op_span, Span at);
Expr *expr_unary(Parser *p, UnOp op, Expr *operand, Span at);
Expr *expr_name(Parser *p, Name n);
Expr *expr_list(Parser *p, ExprKind kind, ExprList items, Span at);
Expr *expr_call(Parser *p, Expr *callee, ArgList args, Span at);
Expr *expr_index(Parser *p, Expr *base, SubList subs, Span at);
Expr *expr_error(Parser *p, Span at);
// `outer` is the height of what was built before the scan began.
Expr *expr_scan(Parser *p, uint32_t outer, Pattern *pattern, Range in, NamedList options, NamedList carries,
                StmtList body, Span at);
Expr *expr_rearrange(Parser *p, const Name *how, Expr *operand, Type *result, NamedList sizes, Span at);
// (first, rest…) as one list.
ExprList exprs_before(Parser *p, Expr *first, ExprList rest);

// A closing bracket that brackets.c put in: nobody knows what was meant to be inside.
// A parenthesis in this text has no partner: what the text means is not known.
// Whether a bracket is never closed in it: what it declares can't be told.
bool head_torn(const Parser *p, Span at);
bool unbalanced(const Parser *p, Span at);
static inline bool absent(Span closing) { return closing.begin == closing.end; }

static inline Span span_join(Span first, Span last) { return (Span){first.source, first.begin, last.end}; }

Stmt *stmt_new(Parser *p, StmtKind kind, Span at);
// `let NAME = <error>;`: a declaration whose head could not be read still defines its name.
Stmt *stmt_fn(Parser *p, StmtKind kind, FnDecl fn, Span at);
Stmt *stmt_let_error(Parser *p, Name name, Span at);
Stmt *stmt_let(Parser *p, StmtKind kind, Pattern *pattern, Type *type, Expr *value, Span at);
Stmt *stmt_assign(Parser *p, StmtKind kind, Expr *target, Expr *value, Span at);
Stmt *stmt_store(Parser *p, StmtKind kind, Name name, Type *type, Expr *init, NamedList with, Span at);
Stmt *stmt_if(Parser *p, Expr *cond, StmtList then, const StmtList *otherwise, Span at);
Stmt *stmt_for(Parser *p, LoopHead head, StmtList body, Span at);
Stmt *stmt_value(Parser *p, StmtKind kind, Expr *value, Span at);
Stmt *stmt_assert(Parser *p, Expr *cond, Expr *message, Span at);
Stmt *stmt_field(Parser *p, StmtKind kind, Name name, Type *type, Expr *value, Span at);
Stmt *stmt_setting(Parser *p, Name name, Expr *value, Span at);
Stmt *stmt_file(Parser *p, StmtKind kind, Expr *target, Expr *file, Expr *as, NamedList with, Span at);
Stmt *stmt_each(Parser *p, LoopHead head, StmtList body, const StmtList *then, Span at);
Stmt *stmt_eval(Parser *p, Pattern *pattern, Expr *data, Expr *every, StmtList body, Span at);
StmtList list_of(Parser *p, Stmt *s);

Type *type_new(Parser *p, TypeKind kind, Span at);
Pattern *pattern_name(Parser *p, Name n);
Pattern *pattern_tuple(Parser *p, PatternList items, Span at);

#endif
