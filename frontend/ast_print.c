// Two walks: expressions and types go on one line, statements one to a line below their block.
// It only reads the tree, so a dump shows exactly what the parser made.
#include "frontend/ast_print.h"

#include <inttypes.h>

static const char *const bin_ops[] = {
    "or", "and", "==", "!=", "<", ">", "<=", ">=", "+", "-", "*", "/", "%", "@", "//", "**"};
static const char *const static_types[] = {"int", "float", "bool", "str", "fn", "layer"};

static void print_type(const Type *t, StrBuf *out);

// " name expr" for what may be missing.
static void print_opt(const char *before, const Expr *e, StrBuf *out) {
  if (!e) return;
  sb_puts(out, before);
  ast_print_expr(e, out);
}

static void print_pattern(const Pattern *p, StrBuf *out) {
  if (p->name) {
    sb_puts(out, p->name);
    return;
  }
  sb_putc(out, '(');
  for (uint32_t i = 0; i < p->len; i++) {
    if (i) sb_puts(out, ", ");
    print_pattern(p->items[i], out);
  }
  sb_putc(out, ')');
}

static void print_range(const Range *r, StrBuf *out) {
  ast_print_expr(r->from, out);
  print_opt("..", r->to, out);
}

static void print_exprs(const ExprList *l, StrBuf *out) {
  for (uint32_t i = 0; i < l->len; i++) print_opt(" ", l->data[i], out);
}

static void print_named(const NamedList *l, StrBuf *out) {
  for (uint32_t i = 0; i < l->len; i++) {
    sb_printf(out, " %s", l->data[i].name.text);
    print_opt("=", l->data[i].value, out);
  }
}

static void print_args(const ArgList *l, StrBuf *out) {
  for (uint32_t i = 0; i < l->len; i++) {
    sb_putc(out, ' ');
    if (l->data[i].name) sb_printf(out, "%s=", l->data[i].name);
    ast_print_expr(l->data[i].value, out);
  }
}

static void print_params(const ParamList *l, StrBuf *out) {
  sb_putc(out, '(');
  for (uint32_t i = 0; i < l->len; i++) {
    sb_printf(out, "%s%s", i ? ", " : "", l->data[i].name.text);
    if (l->data[i].type) sb_puts(out, ": "), print_type(l->data[i].type, out);
    print_opt(" = ", l->data[i].dflt, out);
  }
  sb_putc(out, ')');
}

static void print_string(const char *s, uint32_t len, StrBuf *out) {
  sb_putc(out, '"');
  for (uint32_t i = 0; i < len; i++) {
    unsigned char c = (unsigned char)s[i];
    if (c < 32 || c == '"' || c == '\\')
      sb_printf(out, "\\x%02x", c);
    else
      sb_putc(out, (char)c);
  }
  sb_putc(out, '"');
}

static void print_sub(const Sub *s, StrBuf *out) {
  sb_putc(out, ' ');
  if (s->kind == SUB_ELLIPSIS) sb_puts(out, "...");
  if (s->kind == SUB_INDEX) ast_print_expr(s->index, out);
  if (s->kind != SUB_SLICE) return;
  print_opt("", s->from, out);
  sb_puts(out, "..");
  print_opt("", s->to, out);
  print_opt(" by ", s->step, out);
}

static void print_stmts(const StmtList *l, int depth, const SourceMap *sources, StrBuf *out);

static void print_scan(const Expr *e, StrBuf *out) {
  sb_puts(out, "(scan ");
  print_pattern(e->u.scan.pattern, out);
  sb_puts(out, " in ");
  print_range(&e->u.scan.in, out);
  print_named(&e->u.scan.options, out);
  sb_putc(out, ';');
  print_named(&e->u.scan.carries, out);
  sb_printf(out, " {%u statements})", e->u.scan.body.len);
}

void ast_print_expr(const Expr *e, StrBuf *out) {
  switch (e->kind) {
  case EX_INT: sb_printf(out, "%" PRId64, e->u.i.value); return;
  case EX_FLOAT: sb_printf(out, "%.17g", e->u.f); return;
  case EX_STR: print_string(e->u.str.text, e->u.str.len, out); return;
  case EX_BOOL: sb_puts(out, e->u.b ? "true" : "false"); return;
  case EX_NAME: sb_puts(out, e->u.name); return;
  case EX_DTYPE: sb_puts(out, e->u.dtype.is_real ? "real" : dtype_name(e->u.dtype.type)); return;
  case EX_TUPLE: sb_puts(out, "(tuple"), print_exprs(&e->u.list, out); break;
  case EX_LIST: sb_puts(out, "(list"), print_exprs(&e->u.list, out); break;
  case EX_COMPREHENSION:
    sb_puts(out, "(list-of ");
    ast_print_expr(e->u.comp.value, out);
    sb_puts(out, " for ");
    print_pattern(e->u.comp.pattern, out);
    sb_puts(out, " in ");
    print_range(&e->u.comp.in, out);
    break;
  case EX_IF:
    print_opt("(if ", e->u.cond.cond, out);
    print_opt(" ", e->u.cond.then, out);
    print_opt(" ", e->u.cond.otherwise, out);
    break;
  case EX_LAMBDA:
    sb_puts(out, "(fn (");
    for (uint32_t i = 0; i < e->u.lambda.params.len; i++)
      sb_printf(out, "%s%s", i ? ", " : "", e->u.lambda.params.data[i].text);
    print_opt(") ", e->u.lambda.body, out);
    break;
  case EX_PIPE: print_opt("(|> ", e->u.pipe.left, out), print_opt(" ", e->u.pipe.right, out); break;
  case EX_BINARY:
    sb_printf(out, "(%s", bin_ops[e->u.bin.op]);
    print_opt(" ", e->u.bin.left, out), print_opt(" ", e->u.bin.right, out);
    break;
  case EX_UNARY: print_opt(e->u.un.op == UN_NEG ? "(- " : "(not ", e->u.un.operand, out); break;
  case EX_CALL: print_opt("(call ", e->u.call.callee, out), print_args(&e->u.call.args, out); break;
  case EX_INDEX:
    print_opt("(index ", e->u.index.base, out);
    for (uint32_t i = 0; i < e->u.index.n; i++) print_sub(&e->u.index.subs[i], out);
    break;
  case EX_MEMBER:
    print_opt("(. ", e->u.member.base, out), sb_printf(out, " %s", e->u.member.name.text);
    break;
  case EX_SCAN: print_scan(e, out); return;
  case EX_EINSUM:
    sb_puts(out, "(einsum"), print_exprs(&e->u.einsum.operands, out);
    sb_puts(out, " -> "), print_type(e->u.einsum.result, out);
    break;
  case EX_REARRANGE:
  case EX_REDUCE:
    sb_printf(out, "(%s ", e->kind == EX_REDUCE ? e->u.rearr.how : "rearrange");
    ast_print_expr(e->u.rearr.operand, out);
    sb_puts(out, " -> "), print_type(e->u.rearr.result, out);
    print_named(&e->u.rearr.sizes, out);
    break;
  case EX_ERROR: sb_puts(out, "(error"); break;
  }
  sb_putc(out, ')');
}

static void print_dims(const Type *t, StrBuf *out) {
  sb_putc(out, '[');
  for (uint32_t i = 0; i < t->n_dims; i++) {
    const DimSpec *d = &t->dims[i];
    if (i) sb_puts(out, ", ");
    if (d->kind == DIM_EXPR) ast_print_expr(d->expr, out);
    if (d->kind == DIM_STAR) sb_printf(out, "*%s", d->name);
    if (d->kind == DIM_ELLIPSIS) sb_puts(out, "...");
  }
  sb_putc(out, ']');
}

static void print_type(const Type *t, StrBuf *out) {
  switch (t->kind) {
  case TY_STATIC: sb_puts(out, static_types[t->st]); break;
  case TY_LIST: sb_printf(out, "[%s]", static_types[t->st]); break;
  case TY_TENSOR:
    sb_puts(out, t->is_real ? "real" : dtype_name(t->dtype));
    if (t->has_shape) print_dims(t, out);
    break;
  case TY_TUPLE:
    sb_putc(out, '(');
    for (uint32_t i = 0; i < t->items.len; i++) {
      if (i) sb_puts(out, ", ");
      print_type(t->items.data[i], out);
    }
    sb_putc(out, ')');
    break;
  }
}

static void print_result(const Type *t, const Expr *e, StrBuf *out) {
  if (t) sb_puts(out, " -> "), print_type(t, out);
  print_opt(" = ", e, out);
}

// What a statement's line says; *inner is the block below it, *other a second one. Declarations first: false
// when it is none of them.
static bool print_declaration(const Stmt *s, const StmtList **inner, StrBuf *out) {
  switch (s->kind) {
  case ST_IMPORT:
    print_opt("import ", s->u.import.path, out), sb_printf(out, " as %s", s->u.import.as.text);
    break;
  case ST_OPTION:
    sb_printf(out, "option %s", s->u.option.name.text), print_result(NULL, s->u.option.value, out);
    break;
  case ST_DIM: sb_printf(out, "dim %s", s->u.dim.name.text), print_opt(" <= ", s->u.dim.bound, out); break;
  case ST_LET:
  case ST_VAR:
    sb_puts(out, s->kind == ST_LET ? "let " : "var ");
    print_pattern(s->u.let.pattern, out);
    if (s->u.let.type) sb_puts(out, ": "), print_type(s->u.let.type, out);
    print_opt(" = ", s->u.let.value, out);
    break;
  case ST_FN_DECL:
  case ST_VJP:
  case ST_EXPORT:
    sb_printf(out, "%s %s",
              s->kind == ST_VJP      ? "vjp"
              : s->kind == ST_EXPORT ? "export fn"
                                     : "fn",
              s->u.fn.name.text);
    print_params(&s->u.fn.params, out);
    print_result(s->u.fn.ret, s->u.fn.expr, out);
    *inner = &s->u.fn.body;
    break;
  case ST_LAYER_SHORT:
  case ST_LAYER_LONG:
    sb_printf(out, "layer %s", s->u.layer.name.text);
    print_params(&s->u.layer.attrs, out);
    if (s->kind == ST_LAYER_SHORT) print_params(&s->u.layer.inputs, out);
    print_result(s->u.layer.ret, s->u.layer.expr, out);
    *inner = &s->u.layer.body;
    break;
  case ST_MODEL:
    sb_printf(out, "model %s", s->u.model.name.text), print_opt(" = ", s->u.model.value, out);
    break;
  case ST_PARAM:
  case ST_STATE:
    sb_printf(out, "%s %s: ", s->kind == ST_PARAM ? "param" : "state", s->u.store.name.text);
    if (s->u.store.type) print_type(s->u.store.type, out);
    print_opt(" = ", s->u.store.init, out);
    if (s->u.store.with.len) sb_puts(out, " with"), print_named(&s->u.store.with, out);
    break;
  case ST_DATA:
    sb_printf(out, "data %s", s->u.data.name.text), print_params(&s->u.data.params, out);
    *inner = &s->u.data.items;
    break;
  case ST_TRAIN:
  case ST_PHASE:
    sb_printf(out, "%s %s", s->kind == ST_TRAIN ? "train" : "phase", s->u.train.name.text);
    *inner = &s->u.train.items;
    break;
  case ST_TEST: print_opt("test ", s->u.test.title, out), *inner = &s->u.test.body; break;
  default: return false;
  }
  return true;
}

static void print_item(const Stmt *s, const StmtList **inner, const StmtList **other, StrBuf *out) {
  switch (s->kind) {
  case ST_ASSIGN:
  case ST_UPDATE:
    print_opt(s->kind == ST_UPDATE ? "update " : "assign ", s->u.assign.target, out);
    print_opt(" = ", s->u.assign.value, out);
    break;
  case ST_FOR:
    sb_puts(out, "for "), print_pattern(s->u.loop.pattern, out), sb_puts(out, " in ");
    print_range(&s->u.loop.in, out);
    *inner = &s->u.loop.body;
    break;
  case ST_IF:
  case ST_WHEN:
    print_opt(s->kind == ST_IF ? "if " : "when ", s->u.cond.cond, out);
    *inner = &s->u.cond.then;
    if (s->u.cond.has_else) *other = &s->u.cond.otherwise;
    break;
  case ST_RETURN: sb_puts(out, "return"), print_opt(" ", s->u.value, out); break;
  case ST_YIELD: sb_puts(out, "yield"), print_opt(" ", s->u.value, out); break;
  case ST_NEXT: sb_puts(out, "next"), print_named(&s->u.next, out); break;
  case ST_MINIMIZE:
    print_opt("minimize ", s->u.minimize.loss, out);
    sb_puts(out, " over"), print_exprs(&s->u.minimize.over, out);
    if (s->u.minimize.except.len) sb_puts(out, " except"), print_exprs(&s->u.minimize.except, out);
    print_opt(" using ", s->u.minimize.optimizer, out);
    break;
  case ST_REPORT: sb_puts(out, "report"), print_named(&s->u.report, out); break;
  case ST_FINISH: sb_puts(out, "finish"), *inner = &s->u.block; break;
  case ST_PRINT: sb_puts(out, "print"), print_args(&s->u.print, out); break;
  case ST_ASSERT:
    print_opt("assert ", s->u.assertion.cond, out), print_opt(" ", s->u.assertion.message, out);
    break;
  case ST_FIELD_FROM:
  case ST_FIELD_COMPUTED:
    sb_printf(out, "field %s: ", s->u.field.name.text);
    if (s->u.field.type) print_type(s->u.field.type, out);
    print_opt(s->kind == ST_FIELD_FROM ? " from " : " = ", s->u.field.value, out);
    break;
  case ST_SETTING:
    sb_printf(out, "set %s", s->u.setting.name.text), print_opt(" = ", s->u.setting.value, out);
    break;
  case ST_LOAD:
  case ST_SAVE:
    print_opt(s->kind == ST_LOAD ? "load " : "save ", s->u.file.target, out);
    print_opt(s->kind == ST_LOAD ? " from " : " to ", s->u.file.file, out);
    print_opt(" as ", s->u.file.as, out);
    if (s->u.file.with.len) sb_puts(out, " with"), print_named(&s->u.file.with, out);
    break;
  case ST_EACH:
    sb_puts(out, "each "), print_pattern(s->u.each.pattern, out), sb_puts(out, " in ");
    print_range(&s->u.each.in, out);
    *inner = &s->u.each.body;
    if (s->u.each.has_then) *other = &s->u.each.then;
    break;
  case ST_EVAL:
    sb_puts(out, "eval "), print_pattern(s->u.eval.pattern, out), print_opt(" in ", s->u.eval.data, out);
    print_opt(" every ", s->u.eval.every, out);
    *inner = &s->u.eval.body;
    break;
  default: sb_puts(out, "error"); break;
  }
}

static void print_stmts(const StmtList *l, int depth, const SourceMap *sources, StrBuf *out) {
  for (uint32_t i = 0; i < l->len; i++) {
    const Stmt *s = l->data[i];
    const StmtList *inner = NULL, *other = NULL;
    unsigned line, col;
    source_position(sources, s->span.source, s->span.begin, &line, &col);
    sb_printf(out, "%4u:%-3u %*s", line, col, 2 * depth, "");
    if (!print_declaration(s, &inner, out)) print_item(s, &inner, &other, out);
    sb_putc(out, '\n');
    if (inner) print_stmts(inner, depth + 1, sources, out);
    if (!other) continue;
    sb_printf(out, "%8s %*s%s\n", "", 2 * depth, "", s->kind == ST_EACH ? "then" : "else");
    print_stmts(other, depth + 1, sources, out);
  }
}

void ast_print(const File *f, const SourceMap *sources, StrBuf *out) {
  print_stmts(&f->decls, 0, sources, out);
}
