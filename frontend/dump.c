// A walk that prints; every kind of node has one row or one case, in the order of ast.h.
#include "frontend/dump.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void dump_stmts(const StmtList *l, unsigned indent, StrBuf *out);

static const char *const binary_names[] = {
    "or", "and", "==", "!=", "<", ">", "<=", ">=", "+", "-", "*", "/", "%", "@", "//", "**"};
static const char *const static_names[] = {"int", "float", "bool", "str", "fn", "layer"};

static void dump_string(const char *s, size_t n, StrBuf *out) {
  sb_putc(out, '"');
  for (size_t i = 0; i < n; i++) {
    unsigned char c = (unsigned char)s[i];
    if (c == '"' || c == '\\')
      sb_printf(out, "\\%c", c);
    else if (c < 0x20 || c >= 0x7F)
      sb_printf(out, "\\x%02x", c);
    else
      sb_putc(out, (char)c);
  }
  sb_putc(out, '"');
}

static void dump_opt(const Expr *e, StrBuf *out) {
  if (e)
    ast_dump_expr(e, out);
  else
    sb_putc(out, '_');
}

static void dump_exprs(const ExprList *l, StrBuf *out) {
  for (uint32_t i = 0; i < l->len; i++) {
    sb_putc(out, ' ');
    ast_dump_expr(l->data[i], out);
  }
}

// Up to three operands; NULL: none.
static void dump_parts(const Expr *a, const Expr *b, const Expr *c, StrBuf *out) {
  const Expr *const parts[] = {a, b, c};
  for (int i = 0; i < 3; i++) {
    if (!parts[i]) continue;
    sb_putc(out, ' ');
    ast_dump_expr(parts[i], out);
  }
}

static void dump_named(const NamedList *l, StrBuf *out) {
  for (uint32_t i = 0; i < l->len; i++) {
    sb_printf(out, " %s", l->data[i].name.text);
    if (!l->data[i].value) continue;
    sb_putc(out, '=');
    ast_dump_expr(l->data[i].value, out);
  }
}

static void dump_pattern(const Pattern *q, StrBuf *out) {
  if (q->name) {
    sb_puts(out, q->name);
    return;
  }
  sb_putc(out, '(');
  for (uint32_t i = 0; i < q->len; i++) {
    if (i) sb_putc(out, ' ');
    dump_pattern(q->items[i], out);
  }
  sb_putc(out, ')');
}

static void dump_range(const Range *r, StrBuf *out) {
  ast_dump_expr(r->from, out);
  if (!r->to) return;
  sb_puts(out, "..");
  ast_dump_expr(r->to, out);
}

static void dump_dim(const DimSpec *d, StrBuf *out) {
  if (d->kind == DIM_EXPR)
    ast_dump_expr(d->expr, out);
  else
    sb_printf(out, "%s%s", d->kind == DIM_STAR ? "*" : "...", d->kind == DIM_STAR ? d->name : "");
}

static void dump_type(const Type *t, StrBuf *out) {
  switch (t->kind) {
  case TY_STATIC: sb_puts(out, static_names[t->st]); return;
  case TY_LIST: sb_printf(out, "[%s]", static_names[t->st]); return;
  case TY_TUPLE:
    sb_putc(out, '(');
    for (uint32_t i = 0; i < t->items.len; i++) {
      if (i) sb_putc(out, ' ');
      dump_type(t->items.data[i], out);
    }
    sb_putc(out, ')');
    return;
  case TY_TENSOR: break;
  }
  sb_puts(out, t->is_real ? "real" : dtype_name(t->dtype));
  if (!t->has_shape) return;
  sb_putc(out, '[');
  for (uint32_t i = 0; i < t->n_dims; i++) {
    if (i) sb_putc(out, ' ');
    dump_dim(&t->dims[i], out);
  }
  sb_putc(out, ']');
}

static void dump_sub(const Sub *s, StrBuf *out) {
  sb_putc(out, ' ');
  if (s->kind == SUB_INDEX) {
    ast_dump_expr(s->index, out);
  } else if (s->kind == SUB_ELLIPSIS) {
    sb_puts(out, "...");
  } else {
    sb_puts(out, "(slice ");
    dump_opt(s->from, out);
    sb_putc(out, ' ');
    dump_opt(s->to, out);
    sb_putc(out, ' ');
    dump_opt(s->step, out);
    sb_putc(out, ')');
  }
}

static void dump_args(const ArgList *l, StrBuf *out) {
  for (uint32_t i = 0; i < l->len; i++) {
    sb_putc(out, ' ');
    if (l->data[i].name) sb_printf(out, "%s=", l->data[i].name);
    ast_dump_expr(l->data[i].value, out);
  }
}

// Statements on the line of the expression they are in.
static void dump_inline(const StmtList *l, StrBuf *out) {
  StrBuf lines = {0};
  dump_stmts(l, 0, &lines);
  sb_puts(out, " {");
  for (const char *c = sb_text(&lines); *c; c++) sb_putc(out, *c == '\n' ? (c[1] ? ' ' : '}') : *c);
  if (!lines.len) sb_putc(out, '}');
  strbuf_free(&lines);
}

static void dump_scan(const Expr *e, StrBuf *out) {
  sb_puts(out, "scan ");
  dump_pattern(e->u.scan.pattern, out);
  sb_putc(out, ' ');
  dump_range(&e->u.scan.in, out);
  dump_named(&e->u.scan.options, out);
  sb_putc(out, ';');
  dump_named(&e->u.scan.carries, out);
  dump_inline(&e->u.scan.body, out);
}

// The shortest of 15 to 17 digits that gives the same number back.
static void dump_float(double v, StrBuf *out) {
  char digits[32];
  for (int n = 15; n <= 17; n++) {
    snprintf(digits, sizeof digits, "%.*g", n, v);
    if (strtod(digits, NULL) == v) break;
  }
  size_t from = out->len;
  sb_puts(out, digits);
  if (!strpbrk(out->text + from, ".e")) sb_puts(out, ".0");
}

static bool dump_leaf(const Expr *e, StrBuf *out) {
  switch (e->kind) {
  case EX_INT: sb_printf(out, e->u.i.too_big ? "<too big>" : "%lld", (long long)e->u.i.value); return true;
  case EX_FLOAT: dump_float(e->u.f, out); return true;
  case EX_STR: dump_string(e->u.str.text, e->u.str.len, out); return true;
  case EX_BOOL: sb_puts(out, e->u.b ? "true" : "false"); return true;
  case EX_NAME: sb_puts(out, e->u.name); return true;
  case EX_DTYPE: sb_puts(out, e->u.dtype.is_real ? "real" : dtype_name(e->u.dtype.type)); return true;
  case EX_ERROR: sb_puts(out, "<error>"); return true;
  default: return false;
  }
}

static void dump_node(const Expr *e, StrBuf *out) {
  switch (e->kind) {
  case EX_TUPLE: sb_puts(out, "tuple"), dump_exprs(&e->u.list, out); break;
  case EX_LIST: sb_puts(out, "list"), dump_exprs(&e->u.list, out); break;
  case EX_COMPREHENSION:
    sb_puts(out, "each ");
    dump_pattern(e->u.comp.pattern, out);
    sb_putc(out, ' ');
    dump_range(&e->u.comp.in, out);
    sb_putc(out, ' ');
    ast_dump_expr(e->u.comp.value, out);
    break;
  case EX_IF:
    sb_puts(out, "if");
    dump_parts(e->u.cond.cond, e->u.cond.then, e->u.cond.otherwise, out);
    break;
  case EX_LAMBDA:
    sb_puts(out, "fn (");
    for (uint32_t i = 0; i < e->u.lambda.params.len; i++)
      sb_printf(out, "%s%s", i ? " " : "", e->u.lambda.params.data[i].text);
    sb_puts(out, ") ");
    ast_dump_expr(e->u.lambda.body, out);
    break;
  case EX_PIPE:
    sb_puts(out, e->u.pipe.right->in_parens ? "|>()" : "|>");
    dump_parts(e->u.pipe.left, e->u.pipe.right, NULL, out);
    break;
  case EX_BINARY:
    sb_puts(out, binary_names[e->u.bin.op]);
    dump_parts(e->u.bin.left, e->u.bin.right, NULL, out);
    break;
  case EX_UNARY:
    sb_puts(out, e->u.un.op == UN_NEG ? "neg " : "not ");
    ast_dump_expr(e->u.un.operand, out);
    break;
  case EX_CALL:
    sb_puts(out, "call ");
    ast_dump_expr(e->u.call.callee, out);
    dump_args(&e->u.call.args, out);
    break;
  case EX_INDEX:
    sb_puts(out, "index ");
    ast_dump_expr(e->u.index.base, out);
    for (uint32_t i = 0; i < e->u.index.n; i++) dump_sub(&e->u.index.subs[i], out);
    break;
  case EX_MEMBER:
    sb_puts(out, ". ");
    ast_dump_expr(e->u.member.base, out);
    sb_printf(out, " %s", e->u.member.name.text);
    break;
  case EX_SCAN: dump_scan(e, out); break;
  case EX_EINSUM:
    sb_puts(out, "einsum");
    dump_exprs(&e->u.einsum.operands, out);
    sb_puts(out, " -> ");
    dump_type(e->u.einsum.result, out);
    break;
  case EX_REARRANGE:
  case EX_REDUCE:
    sb_printf(out, "%s%s ", e->kind == EX_REDUCE ? "reduce " : "rearrange",
              e->kind == EX_REDUCE ? e->u.rearr.how : "");
    ast_dump_expr(e->u.rearr.operand, out);
    sb_puts(out, " -> ");
    dump_type(e->u.rearr.result, out);
    dump_named(&e->u.rearr.sizes, out);
    break;
  default: break;
  }
}

void ast_dump_expr(const Expr *e, StrBuf *out) {
  if (dump_leaf(e, out)) return;
  sb_putc(out, '(');
  dump_node(e, out);
  sb_putc(out, ')');
}

// -- statements ---------------------------------------------------------------------------------------

static void dump_params(const ParamList *l, StrBuf *out) {
  sb_puts(out, " (");
  for (uint32_t i = 0; i < l->len; i++) {
    const Param *q = &l->data[i];
    sb_printf(out, "%s%s: ", i ? ", " : "", q->name.text);
    dump_type(q->type, out);
    if (!q->dflt) continue;
    sb_puts(out, " = ");
    ast_dump_expr(q->dflt, out);
  }
  sb_putc(out, ')');
}

static void dump_ret(const Type *t, StrBuf *out) {
  if (!t) return;
  sb_puts(out, " -> ");
  dump_type(t, out);
}

static void dump_body(const Expr *expr, const StmtList *body, unsigned indent, StrBuf *out) {
  if (expr) {
    sb_putc(out, ' ');
    ast_dump_expr(expr, out);
    sb_putc(out, '\n');
  } else {
    sb_putc(out, '\n');
    dump_stmts(body, indent + 1, out);
  }
}

static void dump_typed(const char *name, const Type *t, const Expr *value, StrBuf *out) {
  if (name) sb_printf(out, " %s", name);
  if (t) {
    sb_puts(out, ": ");
    dump_type(t, out);
  }
  sb_putc(out, ' ');
  dump_opt(value, out);
}

static void dump_with(const NamedList *l, StrBuf *out) {
  if (l->len) sb_puts(out, " with");
  dump_named(l, out);
}

static const char *const stmt_names[] = {[ST_IMPORT] = "import",
                                         [ST_OPTION] = "option",
                                         [ST_DIM] = "dim",
                                         [ST_LET] = "let",
                                         [ST_VAR] = "var",
                                         [ST_FN_DECL] = "fn",
                                         [ST_VJP] = "vjp",
                                         [ST_LAYER_SHORT] = "layer",
                                         [ST_LAYER_LONG] = "layer",
                                         [ST_MODEL] = "model",
                                         [ST_PARAM] = "param",
                                         [ST_STATE] = "state",
                                         [ST_DATA] = "data",
                                         [ST_TRAIN] = "train",
                                         [ST_EXPORT] = "export",
                                         [ST_TEST] = "test",
                                         [ST_ASSIGN] = "set",
                                         [ST_FOR] = "for",
                                         [ST_IF] = "if",
                                         [ST_WHEN] = "when",
                                         [ST_RETURN] = "return",
                                         [ST_YIELD] = "yield",
                                         [ST_NEXT] = "next",
                                         [ST_UPDATE] = "update",
                                         [ST_MINIMIZE] = "minimize",
                                         [ST_REPORT] = "report",
                                         [ST_FINISH] = "finish",
                                         [ST_PRINT] = "print",
                                         [ST_ASSERT] = "assert",
                                         [ST_FIELD_FROM] = "from",
                                         [ST_FIELD_COMPUTED] = "field",
                                         [ST_SETTING] = "setting",
                                         [ST_LOAD] = "load",
                                         [ST_SAVE] = "save",
                                         [ST_PHASE] = "phase",
                                         [ST_EACH] = "each",
                                         [ST_EVAL] = "eval",
                                         [ST_ERROR] = "<error>"};

// Statements that end on their line.
static bool dump_line(const Stmt *s, StrBuf *out) {
  switch (s->kind) {
  case ST_IMPORT:
    sb_putc(out, ' ');
    ast_dump_expr(s->u.import.path, out);
    sb_printf(out, " %s", s->u.import.as.text);
    return true;
  case ST_OPTION: dump_typed(s->u.option.name.text, s->u.option.type, s->u.option.value, out); return true;
  case ST_DIM: dump_typed(s->u.dim.name.text, NULL, s->u.dim.bound, out); return true;
  case ST_LET:
  case ST_VAR:
    sb_putc(out, ' ');
    dump_pattern(s->u.let.pattern, out);
    dump_typed(NULL, s->u.let.type, s->u.let.value, out);
    return true;
  case ST_MODEL: dump_typed(s->u.model.name.text, NULL, s->u.model.value, out); return true;
  case ST_PARAM:
  case ST_STATE:
    dump_typed(s->u.store.name.text, s->u.store.type, s->u.store.init, out);
    dump_with(&s->u.store.with, out);
    return true;
  case ST_ASSIGN:
  case ST_UPDATE: dump_parts(s->u.assign.target, s->u.assign.value, NULL, out); return true;
  case ST_RETURN:
  case ST_YIELD: dump_parts(s->u.value, NULL, NULL, out); return true;
  case ST_NEXT: dump_named(&s->u.next, out); return true;
  case ST_REPORT: dump_named(&s->u.report, out); return true;
  case ST_PRINT: dump_args(&s->u.print, out); return true;
  case ST_MINIMIZE:
    sb_putc(out, ' ');
    ast_dump_expr(s->u.minimize.loss, out);
    sb_puts(out, " over");
    dump_exprs(&s->u.minimize.over, out);
    if (s->u.minimize.except.len) sb_puts(out, " except");
    dump_exprs(&s->u.minimize.except, out);
    sb_puts(out, " using ");
    ast_dump_expr(s->u.minimize.optimizer, out);
    return true;
  case ST_ASSERT: dump_parts(s->u.assertion.cond, s->u.assertion.message, NULL, out); return true;
  case ST_FIELD_FROM:
  case ST_FIELD_COMPUTED:
    dump_typed(s->u.field.name.text, s->u.field.type, s->u.field.value, out);
    return true;
  case ST_SETTING: dump_typed(s->u.setting.name.text, NULL, s->u.setting.value, out); return true;
  case ST_LOAD:
  case ST_SAVE:
    dump_parts(s->u.file.target, s->u.file.file, s->u.file.as, out);
    dump_with(&s->u.file.with, out);
    return true;
  case ST_ERROR: return true;
  default: return false;
  }
}

static void dump_else(const char *word, const StmtList *l, unsigned indent, StrBuf *out) {
  sb_printf(out, "%*s%s\n", (int)(2 * indent), "", word);
  dump_stmts(l, indent + 1, out);
}

static void dump_loop(const Pattern *q, const Range *in, const Expr *every, StrBuf *out) {
  sb_putc(out, ' ');
  dump_pattern(q, out);
  sb_putc(out, ' ');
  dump_range(in, out);
  if (every) {
    sb_puts(out, " every ");
    ast_dump_expr(every, out);
  }
}

// Statements with a body.
static void dump_block(const Stmt *s, unsigned indent, StrBuf *out) {
  switch (s->kind) {
  case ST_FN_DECL:
  case ST_VJP:
  case ST_EXPORT:
    sb_printf(out, " %s", s->u.fn.name.text);
    dump_params(&s->u.fn.params, out);
    dump_ret(s->u.fn.ret, out);
    dump_body(s->u.fn.expr, &s->u.fn.body, indent, out);
    return;
  case ST_LAYER_SHORT:
  case ST_LAYER_LONG:
    sb_printf(out, " %s", s->u.layer.name.text);
    dump_params(&s->u.layer.attrs, out);
    if (s->kind == ST_LAYER_SHORT) dump_params(&s->u.layer.inputs, out);
    dump_ret(s->u.layer.ret, out);
    dump_body(s->u.layer.expr, &s->u.layer.body, indent, out);
    return;
  case ST_DATA:
    sb_printf(out, " %s", s->u.data.name.text);
    dump_params(&s->u.data.params, out);
    dump_body(NULL, &s->u.data.items, indent, out);
    return;
  case ST_TRAIN:
  case ST_PHASE:
    sb_printf(out, " %s", s->u.train.name.text);
    dump_body(NULL, &s->u.train.items, indent, out);
    return;
  case ST_TEST:
    sb_putc(out, ' ');
    ast_dump_expr(s->u.test.title, out);
    dump_body(NULL, &s->u.test.body, indent, out);
    return;
  case ST_FOR:
    dump_loop(s->u.loop.pattern, &s->u.loop.in, NULL, out);
    dump_body(NULL, &s->u.loop.body, indent, out);
    return;
  case ST_IF:
  case ST_WHEN:
    sb_putc(out, ' ');
    ast_dump_expr(s->u.cond.cond, out);
    dump_body(NULL, &s->u.cond.then, indent, out);
    if (s->u.cond.has_else) dump_else("else", &s->u.cond.otherwise, indent, out);
    return;
  case ST_FINISH: dump_body(NULL, &s->u.block, indent, out); return;
  case ST_EACH:
    dump_loop(s->u.each.pattern, &s->u.each.in, NULL, out);
    dump_body(NULL, &s->u.each.body, indent, out);
    if (s->u.each.has_then) dump_else("then", &s->u.each.then, indent, out);
    return;
  case ST_EVAL:
    dump_loop(s->u.eval.pattern, &(Range){s->u.eval.data, NULL, s->span}, s->u.eval.every, out);
    dump_body(NULL, &s->u.eval.body, indent, out);
    return;
  default: sb_putc(out, '\n');
  }
}

static void dump_stmts(const StmtList *l, unsigned indent, StrBuf *out) {
  for (uint32_t i = 0; i < l->len; i++) {
    const Stmt *s = l->data[i];
    if (s->doc) {
      sb_printf(out, "%*sdoc ", (int)(2 * indent), "");
      dump_string(s->doc, strlen(s->doc), out);
      sb_putc(out, '\n');
    }
    sb_printf(out, "%*s%s", (int)(2 * indent), "", stmt_names[s->kind]);
    if (dump_line(s, out))
      sb_putc(out, '\n');
    else
      dump_block(s, indent, out);
  }
}

void ast_dump(const File *f, StrBuf *out) { dump_stmts(&f->decls, 0, out); }
