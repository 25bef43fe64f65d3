// Statements of elementwise operations on reals and masks.
#include "tests/random/model.h"

#include <math.h>
#include <string.h>

const char *filled(Model *m, const char *form, const char *x, const char *y, const char *z) {
  StrBuf b = {0};
  for (const char *p = form; *p; p++) {
    if (*p == '%')
      sb_puts(&b, x);
    else if (*p == '$')
      sb_puts(&b, y);
    else if (*p == '@')
      sb_puts(&b, z);
    else if (*p == '~')
      sb_putc(&b, '%');
    else
      sb_putc(&b, *p);
  }
  const char *t = arena_strdup(m->arena, sb_text(&b));
  strbuf_free(&b);
  return t;
}

typedef struct UnaryRow {
  const char *form;
  double limit; // of the operand; 0: any
  double size;  // of the result; 0: of the operand, < 0: so many times the operand's
  bool kinked;  // it, or its derivative, jumps
  bool flat;    // no gradient goes through
} UnaryRow;

static const UnaryRow unary[] = {
    {"tanh(%)", 0, 1, false, false},
    {"sin(%)", 0, 1, false, false},
    {"cos(%)", 0, 1, false, false},
    {"sigmoid(%)", 0, 1, false, false},
    {"erf(%)", 0, 1, false, false},
    {"-%", 0, 0, false, false},
    {"exp(%)", 1.5, 4.5, false, false},
    {"exp(-abs(%))", 6, 1, true, false},
    {"expm1(%)", 1.5, 4.5, false, false},
    {"log(% * % + 0.3)", 0, 4, false, false},
    {"log(abs(%) + 0.4)", 0, 3, true, false},
    {"log1p(% * %)", 0, 4, false, false},
    {"log1p(0.9 * sin(%))", 0, 2.5, false, false},
    {"sqrt(% * % + 0.2)", 0, -1.5, false, false},
    {"abs(%)", 0, 0, true, false},
    {"square(%)", 2.4, 6, false, false},
    {"rsqrt(% * % + 0.5)", 0, 1.5, false, false},
    {"reciprocal(% * % + 0.7)", 0, 1.5, false, false},
    {"1.0 / (1.5 + sin(%))", 0, 2, false, false},
    {"2.0 / (1 + %**2)", 0, 2, false, false},
    {"softplus(%)", 0, -1.7, false, false},
    {"gelu(%)", 0, 0, false, false},
    {"gelu_tanh(%)", 0, 0, false, false},
    {"silu(%)", 0, 0, false, false},
    {"swish(%)", 0, 0, false, false},
    {"mish(%)", 0, 0, false, false},
    {"elu(%, 0.7)", 0, 0, true, false},
    {"selu(%)", 3, 4, true, false},
    {"celu(%, 0.6)", 0, 0, true, false},
    {"softsign(%)", 0, 1, true, false},
    {"relu(%)", 0, 0, true, false},
    {"relu6(%)", 0, 0, true, false},
    {"leaky_relu(%, 0.1)", 0, 0, true, false},
    {"hard_tanh(%)", 0, 1, true, false},
    {"hard_sigmoid(%)", 0, 1, true, false},
    {"hard_swish(%)", 0, 0, true, false},
    {"hard_sign(%)", 0, 1, true, true},
    {"log_sigmoid(%)", 0, -1.7, true, false},
    {"logit(0.1 + 0.8 * sigmoid(%))", 0, 2.5, false, false},
    {"% ** 2", 2.4, 6, false, false},
    {"% ** 3", 1.7, 5, false, false},
    {"(% * % + 0.8) ** -2", 0, 1.6, false, false},
    {"(0.5 + sigmoid(%)) ** 1.7", 0, 2, false, false},
    {"reverse_grad(%, 0.5)", 0, 0, false, false},
    {"clip(%, -0.73, 0.61)", 0, 0.73, true, false},
    {"floor(% * 3.0)", 2, 7, true, true},
    {"round(% * 2.0)", 2, 5, true, true},
    {"sign(%)", 0, 1, true, true},
    {"% // 0.3", 1.5, 6, true, true},
    {"% ~ 0.7", 0, 0.7, true, false},
    {"% + 0.0", 0, 0, false, false},
    {"% * 1.0", 0, 0, false, false},
    {"0.5 * (% + %)", 0, 0, false, false},
};

bool p_unary(Model *m) {
  const Value *x = pick(m, ANY_REAL, 0, 5);
  const UnaryRow *r = &unary[wheel(m, sizeof unary / sizeof *unary)];
  if (!x) return false;
  double limit = r->limit > 0 ? r->limit : INFINITY;
  const char *in = r->kinked ? use_off_kinks(m, x) : use_small(m, x, limit);
  if (r->kinked && x->size > limit) in = text(m, "(%.2g * %s)", limit / x->size, in);
  double size = r->size > 0 ? r->size : (r->size < 0 ? -r->size : 1) * fmin(limit, x->size) + 0.05;
  return let(m, REAL, x->s, size, r->flat ? 0 : x->reach, filled(m, r->form, in, "", ""));
}

typedef struct BinaryRow {
  const char *form;
  double a, b, ab, c; // size = a |x| + b |y| + ab |x| |y| + c
  bool kinked;
} BinaryRow;

static const BinaryRow binary[] = {
    {"% + $", 1, 1, 0, 0, false},
    {"% - $", 1, 1, 0, 0, false},
    {"% * $", 0, 0, 1, 0, false},
    {"% * $", 0, 0, 1, 0, false},
    {"% / ($ * $ + 0.6)", 1.7, 0, 0, 0, false},
    {"% / (1.3 + sin($))", 3.4, 0, 0, 0, false},
    {"max(%, $)", 1, 1, 0, 0, true},
    {"min(%, $)", 1, 1, 0, 0, true},
    {"(0.5 + sigmoid(%)) ** tanh($)", 0, 0, 0, 2, false},
    {"pow(% * % + 0.4, sin($))", 1, 0, 0, 2.6, false},
    {"% ~ (1.5 + sigmoid($))", 0, 0, 0, 2.5, true},
    {"0.3 * (% // (1.5 + sigmoid($)))", 1, 0, 0, 0, true},
    {"fma(%, $, 0.25)", 0, 0, 1, 0.25, false},
};

bool together(const Value *const *v, uint32_t n, Shape *s) {
  *s = v[0]->s;
  for (uint32_t i = 1; i < n; i++)
    if (!shape_broadcast(s, &v[i]->s, s, NULL)) return false;
  return fits(s) && s->rank <= 4;
}

bool p_binary(Model *m) {
  const Value *v[2] = {pick(m, ANY_REAL, 0, 4), pick(m, ANY_REAL, 0, 4)};
  const BinaryRow *r = &binary[wheel(m, sizeof binary / sizeof *binary)];
  Shape s;
  if (!v[0] || !v[1] || !together(v, 2, &s)) return false;
  const char *x = r->kinked ? use_off_kinks(m, v[0]) : use(m, v[0]), *y = use(m, v[1]);
  double size = r->a * v[0]->size + r->b * v[1]->size + r->ab * v[0]->size * v[1]->size + r->c;
  uint64_t reach = v[0]->reach | v[1]->reach;
  if (strstr(r->form, "//")) reach = 0;
  return let(m, REAL, s, size, reach, filled(m, r->form, x, y, ""));
}

bool p_ternary(Model *m) {
  const Value *c = pick(m, ANY_MASK, 0, 4), *v[3] = {pick(m, ANY_REAL, 0, 4), pick(m, ANY_REAL, 0, 4), c};
  Shape s;
  if (!v[0] || !v[1]) return false;
  double size = v[0]->size + v[1]->size;
  uint64_t reach = v[0]->reach | v[1]->reach;
  if (c && chance(m, 60)) {
    bool zero = chance(m, 20);
    if (zero) v[1] = v[0], reach = v[0]->reach;
    if (!together(v, 3, &s)) return false;
    const char *x = use(m, v[0]), *y = zero ? "0.0" : use(m, v[1]);
    return let(m, REAL, s, size, reach,
               text(m, "%s(%s, %s, %s)", chance(m, 50) ? "select" : "where", c->name, x, y));
  }
  v[2] = pick(m, ANY_REAL, 0, 4);
  if (!together(v, 3, &s)) return false;
  reach |= v[2]->reach;
  if (chance(m, 50))
    return let(m, REAL, s, v[0]->size * v[1]->size + v[2]->size, reach,
               text(m, "fma(%s, %s, %s)", use(m, v[0]), use(m, v[1]), use(m, v[2])));
  if (!same_shape(&v[0]->s, &v[1]->s) || !same_shape(&v[0]->s, &v[2]->s)) return false; // lerp declares [*s]
  return let(m, REAL, s, size + v[2]->size * size, reach,
             text(m, "lerp(%s, %s, %s)", use(m, v[0]), use(m, v[1]), use(m, v[2])));
}

bool p_compare(Model *m) {
  static const char *const ops[] = {"<", "<=", ">", ">=", "<", ">", "==", "!="};
  bool ints = chance(m, 30);
  const Value *v[2] = {pick(m, ints ? ANY_I32 : ANY_REAL, 0, 4), pick(m, ints ? ANY_I32 : ANY_REAL, 0, 4)};
  Shape s;
  if (!v[0] || !v[1]) return false;
  if (chance(m, 40)) {
    const char *number = ints ? text(m, "%u", below(m, 4)) : text(m, "0.2%u", 1371 + 2 * below(m, 300));
    return let(m, DT_MASK, v[0]->s, 1, 0,
               text(m, "%s %s %s", v[0]->name, ops[below(m, ints ? 8 : 6)], number));
  }
  if (!together(v, 2, &s)) return false;
  return let(m, DT_MASK, s, 1, 0,
             text(m, "%s %s %s", ints ? v[0]->name : use_off_kinks(m, v[0]), ops[below(m, ints ? 8 : 6)],
                  v[1]->name));
}

bool p_logic(Model *m) {
  const Value *v[2] = {pick(m, ANY_MASK, 0, 4), pick(m, ANY_MASK, 0, 4)};
  Shape s;
  if (!v[0] || !v[1]) return false;
  if (chance(m, 25)) return let(m, DT_MASK, v[0]->s, 1, 0, text(m, "not %s", v[0]->name));
  if (!together(v, 2, &s)) return false;
  return let(m, DT_MASK, s, 1, 0,
             text(m, "%s%s %s %s", chance(m, 20) ? "not " : "", v[0]->name, chance(m, 50) ? "and" : "or",
                  v[1]->name));
}

// What rules of passes/rules.def look for.
typedef struct BaitRow {
  const char *form; // % and $ reals, ! a mask
  bool flat, kinked;
} BaitRow;

static const BaitRow baits[] = {
    {"0.0 + %", false, false},
    {"% - 0.0", false, false},
    {"0.0 - %", false, false},
    {"1.0 * %", false, false},
    {"% * -1.0", false, false},
    {"% / 1.0", false, false},
    {"% / -1.0", false, false},
    {"fma(%, 1.0, $)", false, false},
    {"0.3 * fma(%, $, 0.0)", false, false},
    {"-(-%)", false, false},
    {"% + (-$)", false, false},
    {"% - (-$)", false, false},
    {"-(% - $)", false, false},
    {"0.3 * ((-%) * (-$))", false, false},
    {"(-%) / (-($ * $ + 0.7))", false, false},
    {"-(% * 0.3)", false, false},
    {"(-%) * 0.3", false, false},
    {"abs(-%)", false, true},
    {"abs(abs(%))", false, true},
    {"floor(floor(2.0 * %))", true, true},
    {"round(round(2.0 * %))", true, true},
    {"max(%, %)", false, false},
    {"min(%, %)", false, false},
    {"select(!, %, %)", false, false},
    {"select(not !, %, $)", false, false},
    {"select(!, select(!, %, $), 0.3)", false, false},
    {"select(!, 0.3, select(!, %, $))", false, false},
    {"select(zeros([1]) < 1.0, %, $)", false, false},
    {"select(zeros([1]) > 1.0, %, $)", false, false},
};

static const char *const mask_baits[] = {
    "not (not !)",
    "! and !",
    "! or !",
    "! and (zeros([1]) < 1.0)",
    "! and (zeros([1]) > 1.0)",
    "! or (zeros([1]) < 1.0)",
    "(zeros([1]) > 1.0) or !",
};

static const char *with_mask(Model *m, const char *form, const char *mask) {
  StrBuf b = {0};
  for (const char *p = form; *p; p++) *p == '!' ? sb_puts(&b, mask) : sb_putc(&b, *p);
  const char *t = arena_strdup(m->arena, sb_text(&b));
  strbuf_free(&b);
  return t;
}

bool p_bait(Model *m) {
  const Value *c = pick(m, ANY_MASK, 1, 4), *i = pick(m, ANY_INT, 0, 4), *v[3];
  Shape s;
  if (c && chance(m, 45)) return let(m, DT_MASK, c->s, 1, 0, with_mask(m, mask_baits[wheel(m, 7)], c->name));
  if (i && chance(m, 12))
    return let(m, DT_MASK, i->s, 1, 0, text(m, "not (%s %s 1)", i->name, chance(m, 50) ? "==" : "!="));
  if (i && i->t == DT_I32 && chance(m, 8))
    return let(m, DT_I32, i->s, 1, 0, text(m, "cast(cast(%s, i64), i32)", i->name));
  const BaitRow *r = &baits[wheel(m, sizeof baits / sizeof *baits)];
  v[0] = pick(m, ANY_REAL, 1, 4);
  if (v[0] && !c && strchr(r->form, '!'))
    c = let(m, DT_MASK, v[0]->s, 1, 0, text(m, "%s > 0.1%u", v[0]->name, 1371 + 2 * below(m, 300)));
  v[1] = strchr(r->form, '$') ? pick(m, ANY_REAL, 0, 4) : v[0];
  v[2] = strchr(r->form, '!') ? c : v[0];
  if (!v[0] || !v[1] || !v[2] || !together(v, 3, &s)) return false;
  const char *x = r->kinked ? use_off_kinks(m, v[0]) : v[0]->name;
  double size = v[0]->size + v[1]->size + 0.3 * v[0]->size * v[1]->size + 0.5;
  return let(m, REAL, s, size, r->flat ? 0 : v[0]->reach | v[1]->reach,
             filled(m, v[2] == c && c ? with_mask(m, r->form, c->name) : r->form, x, v[1]->name, ""));
}
