// Constructors of the tree, one a node kind that is built in more than one place.
#include "frontend/ast_build.h"

void *list_grow_(Arena *a, void *data, uint32_t len, size_t elem) {
  void *p = arena_array(a, len ? 2 * (size_t)len : 4, elem);
  if (len) memcpy(p, data, len * elem);
  return p;
}

// One error for a tree that is too high: the parser stops, so no walker ever sees it whole.
static void limit_height(Parser *p, const Expr *e) {
  if (e->height <= MAX_HEIGHT || p->stopped) return;
  Diag *g = diag_error(p->diags, DIAG_E0801, e->span, "this expression is nested too deeply");
  diag_label(g, "more than %d operations inside one another", MAX_HEIGHT);
  p->stopped = true;
}

void expr_over(Parser *p, Expr *e, const Expr *child) {
  if (child && child->height >= e->height) e->height = child->height + 1;
  limit_height(p, e);
  if (e->height > p->height) p->height = e->height;
}

Expr *expr_new(Parser *p, ExprKind kind, Span at, const Expr *child, const Expr *other) {
  Expr *e = ARENA_NEW(p->arena, Expr);
  e->kind = kind;
  e->span = at;
  e->height = 1;
  expr_over(p, e, child);
  expr_over(p, e, other);
  return e;
}

Expr *expr_error(Parser *p, Span at) { return expr_new(p, EX_ERROR, at, NULL, NULL); }

Expr *expr_binary(Parser *p, BinOp op, Expr *left, Expr *right, Span op_span, Span at) {
  Expr *e = expr_new(p, EX_BINARY, at, left, right);
  e->u.bin.op = op;
  e->u.bin.left = left;
  e->u.bin.right = right;
  e->u.bin.op_span = op_span;
  return e;
}

Expr *expr_unary(Parser *p, UnOp op, Expr *operand, Span at) {
  if (op == UN_NEG && operand->kind == EX_INT && operand->u.i.value == INT64_MIN && operand->u.i.too_big) {
    operand->u.i.too_big = false; // the one int whose digits alone are too large
    operand->span = at;
    return operand;
  }
  Expr *e = expr_new(p, EX_UNARY, at, operand, NULL);
  e->u.un.op = op;
  e->u.un.operand = operand;
  return e;
}

Expr *expr_name(Parser *p, Name n) {
  Expr *e = expr_new(p, EX_NAME, n.span, NULL, NULL);
  e->u.name = n.text;
  return e;
}

Expr *expr_list(Parser *p, ExprKind kind, ExprList items, Span at) {
  Expr *e = expr_new(p, kind, at, NULL, NULL);
  e->u.list = items;
  for (uint32_t i = 0; i < items.len; i++) expr_over(p, e, items.data[i]);
  return e;
}

Expr *expr_call(Parser *p, Expr *callee, ArgList args, Span at) {
  Expr *e = expr_new(p, EX_CALL, at, callee, NULL);
  e->u.call.callee = callee;
  e->u.call.args = args;
  for (uint32_t i = 0; i < args.len; i++) expr_over(p, e, args.data[i].value);
  return e;
}

Expr *expr_index(Parser *p, Expr *base, SubList subs, Span at) {
  Expr *e = expr_new(p, EX_INDEX, at, base, NULL);
  e->u.index.base = base;
  e->u.index.subs = subs.data;
  e->u.index.n = subs.len;
  for (uint32_t i = 0; i < subs.len; i++) {
    expr_over(p, e, subs.data[i].index);
    expr_over(p, e, subs.data[i].from);
    expr_over(p, e, subs.data[i].to);
    expr_over(p, e, subs.data[i].step);
  }
  return e;
}

ExprList exprs_before(Parser *p, Expr *first, ExprList rest) {
  ExprList l = {0};
  LIST_ADD(p, l, first);
  for (uint32_t i = 0; i < rest.len; i++) LIST_ADD(p, l, rest.data[i]);
  return l;
}

Expr *expr_scan(Parser *p, uint32_t outer, Pattern *pattern, Range in, NamedList options, NamedList carries,
                StmtList body, Span at) {
  Expr *e = ARENA_NEW(p->arena, Expr);
  e->kind = EX_SCAN;
  e->span = at;
  e->height = p->height + 1; // everything built since `scan` lies inside it
  e->u.scan.pattern = pattern;
  e->u.scan.in = in;
  e->u.scan.options = options;
  e->u.scan.carries = carries;
  e->u.scan.body = body;
  if (outer > p->height) p->height = outer;
  expr_over(p, e, NULL);
  return e;
}

Expr *expr_rearrange(Parser *p, const Name *how, Expr *operand, Type *result, NamedList sizes, Span at) {
  Expr *e = expr_new(p, how ? EX_REDUCE : EX_REARRANGE, at, operand, NULL);
  e->u.rearr.operand = operand;
  e->u.rearr.result = result;
  e->u.rearr.sizes = sizes;
  for (uint32_t i = 0; i < sizes.len; i++) expr_over(p, e, sizes.data[i].value);
  if (how) {
    e->u.rearr.how = how->text;
    e->u.rearr.how_span = how->span;
  }
  return e;
}

// The ## comments before a byte; the table is in the order of the text.
static const char *doc_at(const Scanned *s, uint32_t byte) {
  size_t low = 0, high = s->docs.len;
  while (low < high) {
    size_t mid = low + (high - low) / 2;
    if (s->docs.data[mid].before < byte)
      low = mid + 1;
    else
      high = mid;
  }
  return low < s->docs.len && s->docs.data[low].before == byte ? s->docs.data[low].text : NULL;
}

Stmt *stmt_new(Parser *p, StmtKind kind, Span at) {
  Stmt *s = ARENA_NEW(p->arena, Stmt);
  s->kind = kind;
  s->span = at;
  s->doc = doc_at(p->scanned, at.begin);
  return s;
}

Stmt *stmt_let(Parser *p, StmtKind kind, Pattern *pattern, Type *type, Expr *value, Span at) {
  Stmt *s = stmt_new(p, kind, at);
  s->u.let.pattern = pattern;
  s->u.let.type = type;
  s->u.let.value = value;
  return s;
}

Stmt *stmt_let_error(Parser *p, Name name, Span at) {
  return stmt_let(p, ST_LET, pattern_name(p, name), NULL, expr_error(p, at), at);
}

Stmt *stmt_assign(Parser *p, StmtKind kind, Expr *target, Expr *value, Span at) {
  Stmt *s = stmt_new(p, kind, at);
  s->u.assign.target = target;
  s->u.assign.value = value;
  return s;
}

Stmt *stmt_store(Parser *p, StmtKind kind, Name name, Type *type, Expr *init, NamedList with, Span at) {
  Stmt *s = stmt_new(p, kind, at);
  s->u.store.name = name;
  s->u.store.type = type;
  s->u.store.init = init;
  s->u.store.with = with;
  return s;
}

// A function whose head has a bracket that is never closed declares something else than is meant.
Stmt *stmt_fn(Parser *p, StmtKind kind, FnDecl fn, Span at) {
  Span head = fn.ret ? span_join(fn.params.span, fn.ret->span) : fn.params.span;
  if (head_torn(p, head)) return stmt_let_error(p, fn.name, at);
  Stmt *s = stmt_new(p, kind, at);
  s->u.fn = fn;
  return s;
}

// A condition that recovery dropped drops the whole statement: which branch would run is unknown.
Stmt *stmt_if(Parser *p, Expr *cond, StmtList then, const StmtList *otherwise, Span at) {
  if (cond->kind == EX_ERROR) return stmt_new(p, ST_ERROR, at);
  Stmt *s = stmt_new(p, ST_IF, at);
  s->u.cond.cond = cond;
  s->u.cond.then = then;
  s->u.cond.has_else = otherwise != NULL;
  if (otherwise) s->u.cond.otherwise = *otherwise;
  return s;
}

Stmt *stmt_for(Parser *p, LoopHead head, StmtList body, Span at) {
  if (!head.pattern) return stmt_new(p, ST_ERROR, at);
  Stmt *s = stmt_new(p, ST_FOR, at);
  s->u.loop.pattern = head.pattern;
  s->u.loop.in = head.in;
  s->u.loop.body = body;
  return s;
}

Stmt *stmt_value(Parser *p, StmtKind kind, Expr *value, Span at) {
  Stmt *s = stmt_new(p, kind, at);
  s->u.value = value;
  return s;
}

Stmt *stmt_assert(Parser *p, Expr *cond, Expr *message, Span at) {
  Stmt *s = stmt_new(p, ST_ASSERT, at);
  s->u.assertion.cond = cond;
  s->u.assertion.message = message;
  return s;
}

Stmt *stmt_field(Parser *p, StmtKind kind, Name name, Type *type, Expr *value, Span at) {
  if (!type) return stmt_let_error(p, name, at); // the type could not be read
  Stmt *s = stmt_new(p, kind, at);
  s->u.field.name = name;
  s->u.field.type = type;
  s->u.field.value = value;
  return s;
}

Stmt *stmt_setting(Parser *p, Name name, Expr *value, Span at) {
  Stmt *s = stmt_new(p, ST_SETTING, at);
  s->u.setting.name = name;
  s->u.setting.value = value;
  return s;
}

Stmt *stmt_file(Parser *p, StmtKind kind, Expr *target, Expr *file, Expr *as, NamedList with, Span at) {
  Stmt *s = stmt_new(p, kind, at);
  s->u.file.target = target;
  s->u.file.file = file;
  s->u.file.as = as;
  s->u.file.with = with;
  return s;
}

Stmt *stmt_each(Parser *p, LoopHead head, StmtList body, const StmtList *then, Span at) {
  if (!head.pattern) return stmt_new(p, ST_ERROR, at);
  Stmt *s = stmt_new(p, ST_EACH, at);
  s->u.each.pattern = head.pattern;
  s->u.each.in = head.in;
  s->u.each.body = body;
  s->u.each.has_then = then != NULL;
  if (then) s->u.each.then = *then;
  return s;
}

Stmt *stmt_eval(Parser *p, Pattern *pattern, Expr *data, Expr *every, StmtList body, Span at) {
  Stmt *s = stmt_new(p, ST_EVAL, at);
  s->u.eval.pattern = pattern;
  s->u.eval.data = data;
  s->u.eval.every = every;
  s->u.eval.body = body;
  return s;
}

StmtList list_of(Parser *p, Stmt *s) {
  StmtList l = {.span = s->span};
  LIST_ADD(p, l, s);
  return l;
}

Type *type_new(Parser *p, TypeKind kind, Span at) {
  Type *t = ARENA_NEW(p->arena, Type);
  t->kind = kind;
  t->span = at;
  return t;
}

Pattern *pattern_name(Parser *p, Name n) {
  Pattern *q = ARENA_NEW(p->arena, Pattern);
  q->span = n.span;
  q->name = n.text;
  return q;
}

Pattern *pattern_tuple(Parser *p, PatternList items, Span at) {
  Pattern *q = ARENA_NEW(p->arena, Pattern);
  q->span = at;
  q->items = items.data;
  q->len = items.len;
  return q;
}
