// The abstract syntax tree. Grammar actions only construct it; every node has the byte span of its text.
// Names are interned (compare with ==). Lists are arena arrays.
#ifndef NNC_FRONTEND_AST_H
#define NNC_FRONTEND_AST_H

#include "ir/base/arena.h"
#include "ir/base/diag.h"
#include "ir/dtype.h"

typedef struct Expr Expr;
typedef struct Stmt Stmt;
#define DT_ANY DT_COUNT // in the library's signatures: any[*s]

typedef struct Type Type;

typedef struct Name { const char *text; Span span; } Name;
typedef struct NameList { Name *data; uint32_t len; } NameList;
typedef struct ExprList { Expr **data; uint32_t len; } ExprList;
typedef struct StmtList { Stmt **data; uint32_t len; Span span; } StmtList;
typedef struct TypeList { Type **data; uint32_t len; } TypeList;

// A pattern is a name ("_" discards) or a tuple of patterns.
typedef struct Pattern {
  Span span;
  const char *name;            // NULL: a tuple
  struct Pattern **items;
  uint32_t len;
} Pattern;

typedef struct Named { Name name; Expr *value; } Named;     // k = v
typedef struct NamedList { Named *data; uint32_t len; } NamedList;
typedef struct Arg { const char *name; Span name_span; Expr *value; } Arg;  // name NULL: positional
typedef struct ArgList { Arg *data; uint32_t len; Span span; } ArgList;

// `in` part of for, each, comprehension, scan: an expression (to NULL) or a range a..b.
typedef struct Range { Expr *from, *to; Span span; } Range;

typedef enum BinOp {
  BIN_OR, BIN_AND, BIN_EQ, BIN_NE, BIN_LT, BIN_GT, BIN_LE, BIN_GE, BIN_ADD, BIN_SUB, BIN_MUL, BIN_DIV,
  BIN_MOD, BIN_MATMUL, BIN_FLOORDIV, BIN_POW
} BinOp;
typedef enum UnOp { UN_NEG, UN_NOT } UnOp;

typedef enum SubKind { SUB_INDEX, SUB_SLICE, SUB_ELLIPSIS } SubKind;
typedef struct Sub {
  SubKind kind;
  Span span;
  Expr *index;             // SUB_INDEX
  Expr *from, *to, *step;  // SUB_SLICE, each may be NULL
} Sub;

typedef enum ExprKind {
  EX_INT, EX_FLOAT, EX_STR, EX_BOOL, EX_NAME,
  EX_DTYPE,      // an element type as a value: cast(x, i32)
  EX_TUPLE,      // (a, b)
  EX_LIST,       // [a, b]
  EX_COMPREHENSION,  // [e for p in src]
  EX_IF, EX_LAMBDA, EX_PIPE, EX_BINARY, EX_UNARY, EX_CALL, EX_INDEX, EX_MEMBER,
  EX_SCAN, EX_EINSUM, EX_REARRANGE, EX_REDUCE,
  EX_ERROR       // stands where recovery dropped something; elaborates to nothing, silently
} ExprKind;

struct Expr {
  ExprKind kind;
  Span span;
  uint32_t height;  // of the tree below, at most MAX_HEIGHT of ast_build.h: bounds every walker's recursion
  bool in_parens;   // written as (e): `x |> (f(a))` applies the value of f(a)
  union {
    struct { int64_t value; bool too_big; } i;
    double f;
    struct { const char *text; uint32_t len; } str;  // escapes resolved
    bool b;
    const char *name;                       // EX_NAME
    struct { bool is_real; DType type; } dtype;  // `real` keeps is_real
    ExprList list;                          // EX_TUPLE EX_LIST
    struct { Expr *value; Pattern *pattern; Range in; } comp;
    struct { Expr *cond, *then, *otherwise; } cond;
    struct { NameList params; Expr *body; } lambda;
    struct { Expr *left, *right; } pipe;
    struct { BinOp op; Expr *left, *right; Span op_span; } bin;
    struct { UnOp op; Expr *operand; } un;
    struct { Expr *callee; ArgList args; } call;
    struct { Expr *base; Sub *subs; uint32_t n; } index;
    struct { Expr *base; Name name; } member;
    struct { Pattern *pattern; Range in; NamedList options, carries; StmtList body; } scan;
    struct { ExprList operands; Type *result; } einsum;             // operands are EX_INDEX with labels
    struct { Expr *operand; Type *result; NamedList sizes; const char *how; Span how_span; } rearr;  // REARRANGE, REDUCE (how)
  } u;
};

typedef enum TypeKind {
  TY_STATIC,   // int float bool str fn layer
  TY_LIST,     // [int] …
  TY_TENSOR,   // element type and/or shape
  TY_TUPLE
} TypeKind;
typedef enum StaticType { ST_INT, ST_FLOAT, ST_BOOL, ST_STR, ST_FN, ST_LAYER } StaticType;
typedef enum DimKind { DIM_EXPR, DIM_STAR, DIM_ELLIPSIS } DimKind;
typedef struct DimSpec { DimKind kind; Span span; Expr *expr; const char *name; } DimSpec;

struct Type {
  TypeKind kind;
  Span span;
  StaticType st;          // TY_STATIC, TY_LIST's element
  bool is_real;           // TY_TENSOR: `real` or no element type
  DType dtype;            // TY_TENSOR: otherwise; DT_ANY
  bool has_shape;         // false: a scalar
  DimSpec *dims;
  uint32_t n_dims;
  TypeList items;         // TY_TUPLE
};

typedef struct Param { Name name; Type *type; Expr *dflt; Span span; } Param;  // dflt NULL: required
typedef struct ParamList { Param *data; uint32_t len; Span span; } ParamList;

// Statements of every kind of block: declarations, members, train items, data items, function statements.
typedef enum StmtKind {
  ST_IMPORT, ST_OPTION, ST_DIM, ST_LET, ST_VAR, ST_FN_DECL, ST_VJP, ST_LAYER_SHORT, ST_LAYER_LONG, ST_MODEL,
  ST_PARAM, ST_STATE, ST_DATA, ST_TRAIN, ST_EXPORT, ST_TEST,
  ST_ASSIGN, ST_FOR, ST_IF, ST_WHEN, ST_RETURN, ST_YIELD, ST_NEXT, ST_UPDATE, ST_MINIMIZE, ST_REPORT, ST_FINISH,
  ST_PRINT, ST_ASSERT,
  ST_FIELD_FROM, ST_FIELD_COMPUTED, ST_SETTING,  // data items; ST_SETTING also `epochs = 3;` in train
  ST_LOAD, ST_SAVE, ST_PHASE, ST_EACH, ST_EVAL,
  ST_ERROR
} StmtKind;

typedef struct FnDecl {
  Name name;
  ParamList params;
  Type *ret;          // NULL: none
  Expr *expr;         // `= e;`, or NULL and body
  StmtList body;
} FnDecl;

struct Stmt {
  StmtKind kind;
  Span span;
  const char *doc;    // text of the ## comments before it, NULL
  union {
    struct { Expr *path; Name as; } import;
    struct { Name name; Type *type; Expr *value; } option;
    struct { Name name; Expr *bound; } dim;
    struct { Pattern *pattern; Type *type; Expr *value; } let;           // LET VAR
    FnDecl fn;                                                           // FN_DECL VJP EXPORT
    struct { Name name; ParamList attrs, inputs; Type *ret; Expr *expr; StmtList body; } layer;  // both forms; LONG: body = members
    struct { Name name; Expr *value; } model;
    struct { Name name; Type *type; Expr *init; NamedList with; } store;  // PARAM STATE
    struct { Name name; ParamList params; StmtList items; } data;
    struct { Name name; StmtList items; } train;                         // TRAIN PHASE
    struct { Expr *title; StmtList body; } test;
    struct { Expr *target, *value; } assign;                             // ASSIGN UPDATE
    struct { Pattern *pattern; Range in; StmtList body; } loop;          // FOR
    struct { Expr *cond; StmtList then, otherwise; bool has_else; } cond; // IF, WHEN
    Expr *value;                                                         // RETURN YIELD
    NamedList next;
    struct { Expr *loss; ExprList over, except; Expr *optimizer; } minimize;
    NamedList report;                                                    // value NULL: the name itself
    StmtList block;                                                      // FINISH
    ArgList print;
    struct { Expr *cond; Expr *message; } assertion;                     // message NULL or EX_STR
    struct { Name name; Type *type; Expr *value; } field;                // FIELD_FROM FIELD_COMPUTED
    struct { Name name; Expr *value; } setting;
    struct { Expr *target, *file, *as; NamedList with; } file;           // LOAD SAVE
    struct { Pattern *pattern; Range in; StmtList body, then; bool has_then; } each;
    struct { Pattern *pattern; Expr *data, *every; StmtList body; } eval;
  } u;
};

typedef struct File {
  uint32_t source;
  StmtList decls;
  const char **lost; // identifiers in the text that syntax errors dropped: no use of one is "unknown"
  uint32_t n_lost;
  uint32_t n_nameless; // declarations whose name is missing: so many unknown names are theirs
  bool cut_off; // the text ends in the middle of an item
} File;

#endif
