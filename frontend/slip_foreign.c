// Slips of those who know other languages.
#include "frontend/slip.h"

// `def f(x) { … }`, `while c { … }`: a name followed by another.
bool slip_foreign_word(Context *c) {
  static const struct {
    const char *word, *instead;
  } words[] = {
      {"def", "`fn`"},
      {"func", "`fn`"},
      {"function", "`fn`"},
      {"fun", "`fn`"},
      {"class", "`layer`"},
      {"struct", "`layer`"},
      {"module", "`layer`"},
      {"dataset", "`data`"},
      {"training", "`train`"},
      {"use", "`import \"file.nn\" as name;`"},
      {"include", "`import \"file.nn\" as name;`"},
      {"require", "`import \"file.nn\" as name;`"},
      {"const", "`let`"},
      {"val", "`let`"},
      {"auto", "`let`"},
      {"mut", "`var`"},
      {"new", "the call alone"},
      {"is", "`==`"},
      {"elif", "`else if`"},
      {"elsif", "`else if`"},
      {"elseif", "`else if`"},
      {"lambda", "`fn(x) => …`"},
      {"while", "`for` or `scan`"},
      {"foreach", "`for`"},
      {"yields", "`yield`"},
      {"finally", "`finish`"},
      {"optimize", "`minimize`"},
      {"maximize", "`minimize` of the negative"},
  };
  uint32_t i =
      c->i == c->item || c->t[c->i - 1].kind != T_IDENT || strcmp(word(c, c->i), "is") == 0 ? c->i : c->i - 1;
  if (c->t[i].kind != T_IDENT) return false;
  const char *name = word(c, i);
  for (size_t k = 0; k < sizeof words / sizeof words[0]; k++) {
    if (strcmp(words[k].word, name) != 0) continue;
    Diag *g = diag_error(c->p->diags, DIAG_E0115, span_of(c, i), "there is no `%s`", name);
    diag_label(g, "in .nn this is %s", words[k].instead);
    return true;
  }
  return false;
}

// `x: float32[n]`
bool slip_foreign_type(Context *c) {
  static const struct {
    const char *word, *instead;
  } types[] = {
      {"float16", "f16"},   {"bfloat16", "bf16"}, {"float32", "f32"}, {"float64", "f64"}, {"double", "f64"},
      {"int8", "i8"},       {"int16", "i16"},     {"int32", "i32"},   {"int64", "i64"},   {"uint8", "u8"},
      {"boolean", "bool"},  {"string", "str"},    {"String", "str"},  {"integer", "int"}, {"number", "float"},
      {"Tensor", "[n, m]"}, {"tensor", "[n, m]"}, {"list", "[int]"},  {"Callable", "fn"},
  };
  if (c->t[c->i].kind != T_IDENT || !expects(c, T_DTYPE)) return false;
  for (size_t k = 0; k < sizeof types / sizeof types[0]; k++) {
    if (strcmp(types[k].word, word(c, c->i)) != 0) continue;
    Diag *g = diag_error(c->p->diags, DIAG_E0115, span_of(c, c->i), "there is no `%s`", types[k].word);
    diag_label(g, "in .nn this is `%s`", types[k].instead);
    return true;
  }
  return false;
}

// `float[n]`, `bool[n]`: static types are no element types
bool slip_static_elements(Context *c) {
  if (c->t[c->i].kind != '[' || c->i == c->item || c->t[c->i - 1].kind != T_STYPE) return false;
  const char *name = word(c, c->i - 1);
  bool is_bool = strcmp(name, "bool") == 0;
  if (!is_bool && strcmp(name, "float") != 0 && strcmp(name, "int") != 0) return false;
  Diag *g = diag_error(c->p->diags, DIAG_E0115, span_of(c, c->i - 1),
                       "`%s` is a static type, not of elements", name);
  diag_label(g, "write `%s`", is_bool ? "mask[…]" : *name == 'i' ? "i32[…]" : "[…]` or `f32[…]");
  return true;
}

// `float(x)`, `cast(x, float)`
bool slip_static_type_used(Context *c) {
  if (c->t[c->i].kind != T_STYPE || !expects(c, T_INTLIT)) return false;
  const char *name = word(c, c->i);
  bool call = c->t[c->i + 1].kind == '(';
  if (!call && (c->i == 0 || c->t[c->i - 1].kind != ',')) return false;
  Diag *g = diag_error(c->p->diags, DIAG_E0115, span_of(c, c->i),
                       call ? "there is no `%s(…)`" : "`%s` is a static type, not of elements", name);
  const char *elements = *name == 'i' ? "i32" : *name == 'b' ? "mask" : "real";
  if (*name == 's')
    diag_label(g, "write `\"\" + n`");
  else if (*name == 'b' && call)
    diag_label(g, "write `x != 0`");
  else
    diag_label(g, call ? "write `cast(x, %s)`" : "write `%s`", elements);
  return true;
}

// `encode(x: [n]) -> [m] { … }` in a layer
bool slip_function_without_fn(Context *c) {
  uint32_t open = c->item + 1;
  if (c->t[c->i].kind != ':' || c->t[c->item].kind != T_IDENT || c->t[open].kind != '(') return false;
  if (open_bracket(c) != open || c->t[open].partner == NO_TOKEN) return false;
  if (!IS_ONE_OF(c->t[c->t[open].partner + 1].kind, T_ARROW, '{', '=')) return false;
  const char *name = word(c, c->item);
  Diag *g = diag_error(c->p->diags, DIAG_E0102, span_of(c, c->item), "a function begins with `fn`");
  diag_label(g, "write `fn %s(…)`", name);
  LIST_ADD(c->p, c->p->lost, c->t[c->item].value.word);
  return true;
}

// `for i in x:`, `if c:`
bool slip_block_colon(Context *c) {
  if (c->t[c->i].kind != ':' || !expects(c, '{')) return false;
  if (c->t[c->item].kind == T_DATA && c->i == c->item + 2) return false; // `data dpart: str) {`
  if (expects(c, T_ARROW) && IS_ONE_OF(c->t[c->i + 1].kind, '[', '(', T_DTYPE, T_STYPE)) {
    Diag *g = diag_error(c->p->diags, DIAG_E0115, span_of(c, c->i), "the type of a result stands after `->`");
    diag_label(g, "write `->`");
    return true;
  }
  diag_label(diag_error(c->p->diags, DIAG_E0115, span_of(c, c->i), "no block begins with `:`"),
             "blocks stand in `{ … }`");
  return true;
}

// `int n = 3;`
bool slip_typed_declaration(Context *c) {
  uint32_t i = c->item;
  if (!IS_ONE_OF(c->t[i].kind, T_STYPE, T_DTYPE) || c->t[i + 1].kind != T_IDENT || c->i > i + 1) return false;
  Diag *g = diag_error(c->p->diags, DIAG_E0115, span_of(c, i), "no declaration begins with a type");
  diag_label(g, "write `let %s = …;`", word(c, i + 1));
  return true;
}

// `x => 2.0 * x`
bool slip_arrow_without_fn(Context *c) {
  if (c->t[c->i].kind != T_FATARROW || c->i == c->item) return false;
  diag_label(
      diag_error(c->p->diags, DIAG_E0115, span_of(c, c->i), "a function without a name begins with `fn`"),
      "write `fn(x) => …`");
  return true;
}

// `a if c else b`
bool slip_choice_after_value(Context *c) {
  if (c->t[c->i].kind != T_IF || c->i == c->item || !ends_operand(c->t[c->i - 1].kind)) return false;
  Diag *g = diag_error(c->p->diags, DIAG_E0115, span_of(c, c->i), "the value of an `if` follows it");
  diag_label(g, "write `if c then a else b`");
  return true;
}

// `einsum("ij,jk->ik", a, b)`
bool slip_labels_in_string(Context *c) {
  uint32_t open = open_bracket(c);
  if (open == NO_TOKEN || open == 0 || c->t[open - 1].kind != T_EINSUM || c->t[open + 1].kind != T_STRLIT)
    return false;
  Diag *g = diag_error(c->p->diags, DIAG_E0115, span_of(c, open + 1), "labels stand at their operands");
  diag_label(g, "as in `einsum(a[b, i, k], w[k, j] -> [b, i, j])`");
  return true;
}

// `f"loss {x}"`
bool slip_formatted_string(Context *c) {
  const Token *t = &c->t[c->i];
  if (t->kind != T_STRLIT || c->i == c->item || c->t[c->i - 1].kind != T_IDENT) return false;
  if (c->t[c->i - 1].end != t->begin) return false;
  Diag *g = diag_error(c->p->diags, DIAG_E0115, span_of(c, c->i - 1), "no letter stands before a string");
  diag_label(g, "`print(\"loss\", x)` and `\"part_\" + 3` put values and strings together");
  return true;
}

// `import torch`
bool slip_import_without_file(Context *c) {
  if (c->i == c->item || c->t[c->i - 1].kind != T_IMPORT || c->t[c->i].kind != T_IDENT) return false;
  Diag *g = diag_error(c->p->diags, DIAG_E0102, span_of(c, c->i), "an import names a file");
  diag_label(g, "as in `import \"blocks.nn\" as blocks;`");
  return true;
}

// `x[1:3]`, `f(a: 1)`
bool slip_colon(Context *c) {
  if (c->t[c->i].kind != ':') return false;
  uint32_t open = open_bracket(c);
  if (open == NO_TOKEN || c->t[open].kind == '{') return false;
  bool slice = c->t[open].kind == '[';
  if (slice && !expects(c, ']') && !expects(c, T_DOTDOT) && c->t[c->i - 1].kind != '[') return false;
  Diag *g = diag_error(c->p->diags, DIAG_E0115, span_of(c, c->i), "there is no `:` here");
  diag_label(g, slice ? "slices are written `a..b`" : "named arguments are written `name = value`");
  return true;
}

// `for (i = 0; i < n; i++) {`
bool slip_for_of_c(Context *c) {
  uint32_t open = c->item + 1;
  if (c->t[c->item].kind != T_FOR || c->t[open].kind != '(' || c->t[c->i].kind != '=') return false;
  if (open_bracket(c) != open) return false;
  Diag *g = diag_error(c->p->diags, DIAG_E0115, span_of(c, c->i), "a `for` runs over a range or a list");
  diag_label(g, "write `for i in 0..n { … }`");
  return true;
}

// `a .* b`
bool slip_elementwise(Context *c) {
  if (!IS_ONE_OF(c->t[c->i].kind, '*', '/', T_POW) || c->i == c->item || c->t[c->i - 1].kind != '.')
    return false;
  Diag *g = diag_error(c->p->diags, DIAG_E0115, span_of(c, c->i - 1), "no operator begins with `.`");
  diag_label(g, "`%s` works on each element", word(c, c->i));
  return true;
}

// `a < b < c`
bool slip_chained_comparison(Context *c) {
  if (!IS_ONE_OF(c->t[c->i].kind, '<', '>', T_LE, T_GE, T_EQ, T_NE) || !expects(c, T_AND)) return false;
  Diag *g = diag_error(c->p->diags, DIAG_E0117, span_of(c, c->i), "comparisons do not chain");
  diag_label(g, "write `a %s b and b %s c`", word(c, c->i), word(c, c->i));
  return true;
}

// `x = if c { a } else { b }`
bool slip_if_with_braces(Context *c) {
  if (c->t[c->i].kind != '{') return false;
  uint32_t at = before_error(c, T_IF);
  if (at == NO_TOKEN || at == c->item || c->t[at - 1].kind == T_ELSE) return false;
  Diag *g = diag_error(c->p->diags, DIAG_E0113, span_of(c, at), "an `if` in an expression has no braces");
  diag_label(g, "write `if c then a else b`");
  return true;
}
