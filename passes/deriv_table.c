// The DERIV column of ops.def as data: each entry is an expression tree over the inputs a b c, the result y
// and its cotangent dy, or the function that builds it. The names of the column are macros of this file only.
#include "passes/autodiff.h"

static const Expr leaf[] = {{.kind = X_A}, {.kind = X_B}, {.kind = X_C}, {.kind = X_Y}, {.kind = X_DY}};

#define a (&leaf[0])
#define b (&leaf[1])
#define c (&leaf[2])
#define y (&leaf[3])
#define dy (&leaf[4])
#define K(v) (&(const Expr){.kind = X_NUMBER, .number = (v)})
#define E1(o, p) (&(const Expr){.kind = X_OP, .op = (o), .in = {p}})
#define E2(o, p, q) (&(const Expr){.kind = X_OP, .op = (o), .in = {p, q}})
#define E3(o, p, q, r) (&(const Expr){.kind = X_OP, .op = (o), .in = {p, q, r}})

#define NEG(p) E1(OP_NEG, p)
#define COS(p) E1(OP_COS, p)
#define SIN(p) E1(OP_SIN, p)
#define EXP(p) E1(OP_EXP, p)
#define LOG(p) E1(OP_LOG, p)
#define SIGN(p) E1(OP_SIGN, p)
#define ADD(p, q) E2(OP_ADD, p, q)
#define SUB(p, q) E2(OP_SUB, p, q)
#define MUL(p, q) E2(OP_MUL, p, q)
#define DIV(p, q) E2(OP_DIV, p, q)
#define POW(p, q) E2(OP_POW, p, q)
#define FLOORDIV(p, q) E2(OP_FLOORDIV, p, q)
#define EQ(p, q) E2(OP_EQ, p, q)
#define GT(p, q) E2(OP_GT, p, q)
#define LT(p, q) E2(OP_LT, p, q)
#define AND(p, q) E2(OP_AND, p, q)
#define SELECT(p, q, r) E3(OP_SELECT, p, q, r)
// The share of one side of max and min: all, or half of a tie.
#define TIE(wins, ties) SELECT(wins, K(1.0), SELECT(ties, K(0.5), K(0.0)))

#define NOGRAD NULL
#define D_NONE                                                                                               \
  { .kind = DERIV_NONE }
#define D_ZERO                                                                                               \
  { .kind = DERIV_ZERO }
#define D1(p)                                                                                                \
  {                                                                                                          \
    .kind = DERIV_EXPR, .in = { p }                                                                          \
  }
#define D2(p, q)                                                                                             \
  {                                                                                                          \
    .kind = DERIV_EXPR, .in = { p, q }                                                                       \
  }
#define D3(p, q, r)                                                                                          \
  {                                                                                                          \
    .kind = DERIV_EXPR, .in = { p, q, r }                                                                    \
  }
#define D_LOOP                                                                                               \
  { .kind = DERIV_LOOP }
#define D_RULE(f)                                                                                            \
  { .kind = DERIV_RULE, .rule = f }

const Derivative derivative_table[OP_COUNT] = {
#define OP(ID, name, arity, KIND, SHAPE, MF, MI, DERIV, DOMAIN) [OP_##ID] = DERIV,
#include "ir/ops.def"
#undef OP
};
