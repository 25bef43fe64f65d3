// Scalars, casts and operations as C. The meaning of an operation is its text in ops.def, with operands for a
// b c and the primitives' names for the type from prims.def.
#include "codegen/c/emit.h"

#include <assert.h>
#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Prim {
  const char *name, *f32, *f64, *integer;
} Prim;

static const Prim prims[] = {
#define PRIM(NAME, arity, f32, f64, integer) {#NAME, f32, f64, integer},
#include "ir/prims.def"
#undef PRIM
};

static const char *fewest_digits(Arena *a, DType t, double v) {
  char text[40];
  if (v < 1e9 && v == floor(v)) return arena_printf(a, "%.1f", v);
  for (int digits = 1; digits <= 17; digits++) {
    snprintf(text, sizeof text, "%.*g", digits, v);
    if (t == DT_F64 ? strtod(text, NULL) == v : strtof(text, NULL) == (float)v) break;
  }
  return arena_printf(a, strpbrk(text, ".e") ? "%s" : "%s.0", text);
}

const char *text_real(Arena *a, DType t, double v) {
  const char *suffix = t == DT_F64 ? "" : "f";
  if (isnan(v)) return t == DT_F64 ? "((double)NAN)" : "NAN";
  if (t != DT_F64) v = (double)(float)v;
  const char *digits =
      isinf(v) ? (t == DT_F64 ? "((double)INFINITY)" : "INFINITY") : fewest_digits(a, t, fabs(v));
  if (isinf(v)) suffix = "";
  return signbit(v) ? arena_printf(a, "(-%s%s)", digits, suffix) : arena_printf(a, "%s%s", digits, suffix);
}

const char *text_int(Arena *a, DType t, int64_t v) {
  if (v == INT64_MIN) return "INT64_MIN";
  if (v == INT32_MIN && t == DT_I32) return "INT32_MIN";
  bool wide = v > INT32_MAX || v < -(int64_t)INT32_MAX;
  const char *digits = wide ? arena_printf(a, "INT64_C(%" PRId64 ")", v < 0 ? -v : v)
                            : arena_printf(a, "%" PRId64, v < 0 ? -v : v);
  return v < 0 ? arena_printf(a, "(-%s)", digits) : digits;
}

static const char *power_text(Arena *a, int64_t k, int power) {
  const char *s = k == 1 ? "" : arena_printf(a, "%" PRId64 " * ", k);
  for (int i = 0; i < power; i++) s = arena_printf(a, "%s%sn", s, i ? " * " : "");
  return s;
}

const char *text_poly(Arena *a, const Poly *p) {
  if (poly_static(p)) return text_int(a, DT_I64, p->c[0]);
  const char *s = "";
  int terms = 0;
  for (int i = MAX_RANK; i > 0; i--) {
    if (p->c[i] == 0) continue;
    int64_t k = p->c[i] < 0 ? -p->c[i] : p->c[i];
    const char *sign = p->c[i] < 0 ? (terms ? " - " : "-") : terms ? " + " : "";
    s = arena_printf(a, "%s%s%s", s, sign, power_text(a, k, i));
    terms++;
  }
  if (p->c[0] != 0)
    s = arena_printf(a, "%s %c %" PRId64, s, p->c[0] < 0 ? '-' : '+', p->c[0] < 0 ? -p->c[0] : p->c[0]);
  return strcmp(s, "n") == 0 ? s : arena_printf(a, "(%s)", s);
}

const char *text_ctype(DType t) {
  if (t == DT_F16 || t == DT_BF16) return "float";
  return t == DT_MASK ? "int" : dtype_ctype(t);
}

// Parentheses that enclose the whole text.
static bool enclosed(const char *s) {
  size_t n = strlen(s);
  int depth = 0;
  if (n < 2 || s[0] != '(' || s[n - 1] != ')') return false;
  for (size_t i = 0; i < n; i++) {
    depth += (s[i] == '(') - (s[i] == ')');
    if (depth == 0 && i + 1 < n) return false;
  }
  return true;
}

const char *text_bare(Arena *a, const char *s) {
  return enclosed(s) ? arena_strndup(a, s + 1, strlen(s) - 2) : s;
}

// Whether an operator with spaces around it, one of `signs` ("" for any), stands outside of all brackets.
static bool has_operator(const char *s, const char *signs) {
  int depth = 0;
  for (; *s; s++) {
    depth += (*s == '(' || *s == '[') - (*s == ')' || *s == ']');
    if (depth == 0 && *s == ' ' && (!*signs || (strchr(signs, s[1]) && s[2] == ' '))) return true;
  }
  return false;
}

const char *text_primary(Arena *a, const char *s) {
  return *s == '-' || has_operator(s, "") ? arena_printf(a, "(%s)", s) : s;
}

const char *text_factor(Arena *a, const char *s) {
  return *s == '-' || has_operator(s, "+-") ? arena_printf(a, "(%s)", s) : s;
}

const char *text_plus(Arena *a, const char *array, const char *offset) {
  return arena_printf(a, "%s + %s", array, text_factor(a, text_bare(a, offset)));
}

const char *text_operand(Arena *a, Text x) { return x.primary ? x.s : arena_printf(a, "(%s)", x.s); }

static const char *half(Arena *a, DType t, const char *from, const char *x) {
  const char *name = dtype_name(t);
  return arena_printf(a, "nn_%s_to_f32(nn_%s_to_%s(%s))", name, from, name, x);
}

static bool is_half(DType t) { return t == DT_F16 || t == DT_BF16; }

const char *text_load(Arena *a, DType t, const char *element) {
  return is_half(t) ? arena_printf(a, "nn_%s_to_f32(%s)", dtype_name(t), element) : element;
}

const char *text_store(Arena *a, DType t, Text x) {
  const char *value = t == DT_MASK ? text_operand(a, x) : x.s;
  if (is_half(t)) return arena_printf(a, "nn_f32_to_%s(%s)", dtype_name(t), value);
  return t == DT_MASK ? arena_printf(a, "(uint8_t)%s", value) : value;
}

static Text call(Arena *a, const char *fn, const char *x) {
  return (Text){arena_printf(a, "%s(%s)", fn, x), true};
}

static Text c_cast(Arena *a, const char *type, Text x) {
  return (Text){arena_printf(a, "(%s)%s", type, text_operand(a, x)), true};
}

Text text_cast(Arena *a, DType from, DType to, Text x) {
  bool from_real = dtype_is_real(from);
  const char *single = from == DT_F64 ? "f64" : "f32";
  if (from == to) return x;
  if (to == DT_MASK)
    return (Text){arena_printf(a, "%s != %s", text_operand(a, x), from_real ? "0.0f" : "0"), false};
  if (is_half(to)) {
    if (!from_real) return (Text){half(a, to, "f64", c_cast(a, "double", x).s), true};
    return (Text){half(a, to, single, x.s), true};
  }
  if (dtype_is_real(to)) return is_half(from) && to == DT_F32 ? x : c_cast(a, text_ctype(to), x);
  if (from_real) return call(a, arena_printf(a, "nn_%s_to_%s", single, dtype_name(to)), x.s);
  bool widens = from == DT_MASK || to == DT_I64 || (dtype_bytes(to) > dtype_bytes(from));
  if (widens) return c_cast(a, dtype_ctype(to), x);
  return call(a, arena_printf(a, "nn_wrap_%s", dtype_name(to)), c_cast(a, "int64_t", x).s);
}

// ---- meanings

static const char *primitive(const char *name, size_t n, DType t) {
  for (size_t i = 0; i < sizeof prims / sizeof *prims; i++)
    if (strlen(prims[i].name) == n && memcmp(prims[i].name, name, n) == 0)
      return t == DT_F64 ? prims[i].f64 : dtype_is_real(t) ? prims[i].f32 : prims[i].integer;
  assert(!"a meaning names a primitive of prims.def");
  return "";
}

// The meaning with operands in place of a b c; "(a)" loses its parentheses where the operand needs none.
static const char *substitute(Arena *a, const char *meaning, DType t, const Text *in) {
  StrBuf s = {0};
  for (const char *p = meaning; *p;) {
    bool call = p > meaning && isalnum((unsigned char)p[-1]); // here a parenthesis holds arguments
    if (isalpha((unsigned char)*p)) {
      size_t n = 1;
      while (isalnum((unsigned char)p[n])) n++;
      if (n > 1)
        sb_puts(&s, primitive(p, n, t));
      else
        sb_puts(&s, in[*p - 'a'].s);
      p += n;
    } else if (!call && p[0] == '(' && p[1] >= 'a' && p[1] <= 'c' && p[2] == ')') {
      sb_puts(&s, text_operand(a, in[p[1] - 'a']));
      p += 3;
    } else {
      sb_putc(&s, *p++);
    }
  }
  const char *text = enclosed(sb_text(&s)) && meaning[0] == '(' ? arena_strndup(a, s.text + 1, s.len - 2)
                                                                : arena_strdup(a, sb_text(&s));
  strbuf_free(&s);
  return text;
}

static Text choice(Arena *a, const Text *in) {
  return (Text){
      arena_printf(a, "%s ? %s : %s", text_operand(a, in[0]), text_operand(a, in[1]), text_operand(a, in[2])),
      false};
}

// Integers are computed in 64 bits (without sign where they may wrap) and wrapped to their type. A choice is
// of its operands, so it needs no wrapping; C would widen those of narrow types.
static Text integer_op(Arena *a, Op op, DType t, const Text *in, const char *place) {
  if (op == OP_SELECT && (t == DT_I32 || t == DT_I64)) return choice(a, in);
  const char *meaning = op_meaning_int(op);
  bool arithmetic = meaning[0] == '(';
  const char *as = arithmetic && t == DT_I64 ? "uint64_t" : "int64_t";
  Text wide[3];
  for (int i = 0; i < op_arity(op); i++) wide[i] = op == OP_SELECT && i == 0 ? in[0] : c_cast(a, as, in[i]);
  if (place) wide[1] = (Text){arena_printf(a, "nn_divisor(c, %s, %s)", wide[1].s, place), true};
  const char *s = substitute(a, meaning, t, wide);
  if (t == DT_I64) return arithmetic ? call(a, "nn_wrap_i64", s) : (Text){s, true};
  return call(a, arena_printf(a, "nn_wrap_%s", dtype_name(t)), s);
}

Text text_op(Arena *a, Op op, DType operand, DType result, const Text *in, const char *place) {
  bool real = dtype_is_real(operand);
  if (op == OP_CAST) return text_cast(a, operand, result, in[0]);
  if (op == OP_ASSERT) return (Text){arena_printf(a, "nn_assert(c, %s, %s)", in[0].s, place), true};
  if (real) {
    const char *meaning = op_meaning_real(op);
    Text x = {substitute(a, meaning, operand, in), meaning[0] != '('};
    return is_half(result) ? (Text){half(a, result, "f32", x.s), true} : x;
  }
  if (op_kind(op) == KIND_EW && result != DT_MASK) return integer_op(a, op, result, in, place);
  const char *meaning = op_meaning_int(op); // comparisons, logic, choices between masks
  if (op == OP_SELECT) return choice(a, in);
  return (Text){substitute(a, meaning, DT_I64, in), meaning[0] != '('};
}
