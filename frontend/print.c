// `print("text", x);`: each tensor becomes an output of the function, and so does the end of the line;
// whoever calls the function prints them (runtime/host/nn_print.h). Static values are part of the text.
#include "frontend/sema.h"

typedef struct Line {
  Elab *e;
  StrBuf text; // since the last tensor
  bool begun, ok, kept;
} Line;

static bool may_print(Elab *e, const Stmt *s) {
  static const char *const never[] = {
      [FN_INIT] = "an initial value is made before anything runs",
      [FN_EVAL_INIT] = "an initial value is made before anything runs",
      [FN_PREPARE] = "the fields of an example are made by the reader",
      [FN_TEST] = NULL,
  };
  const char *why = NULL;
  if (e->fn->what == CTX_RULE)
    why = "a vjp rule has no effects";
  else if (e->fn->what == CTX_SCRATCH)
    why = "nothing runs here";
  else if (e->fn->kind < FN_TEST)
    why = never[e->fn->kind];
  if (!why) return outside_loops(e, s->span, "`print`", "yield what is printed, and print it after the loop");
  diag_label(err(e, DIAG_E0610, s->span, "`print` can't stand here"), "%s", why);
  return false;
}

static void put_text(Line *l, const char *text) {
  sb_printf(&l->text, "%s%s", l->begun ? " " : "", text);
  l->begun = true;
}

static void put_node(Line *l, NodeId n) {
  if (n == NO_NODE) {
    l->ok = false;
    return;
  }
  if (l->begun) sb_putc(&l->text, ' ');
  l->begun = true;
  if (l->kept) add_root(l->e, l->e->fn, n, ROOT_PRINTED, arena_strdup(l->e->a, sb_text(&l->text)));
  strbuf_free(&l->text);
  l->text = (StrBuf){0};
}

static void put(Line *l, Value v, Span at) {
  Arena *a = l->e->a;
  switch (v.kind) {
  case V_POISON: l->ok = false; break;
  case V_STR: put_text(l, v.u.s); break;
  case V_BOOL: put_text(l, v.u.b ? "true" : "false"); break;
  case V_INT: put_text(l, arena_printf(a, "%lld", (long long)v.u.i)); break;
  case V_FLOAT: put_text(l, arena_printf(a, "%.17g", v.u.f)); break;
  case V_LIST:
  case V_TUPLE:
    for (uint32_t i = 0; i < v.u.list.len; i++) put(l, v.u.list.data[i], at);
    break;
  case V_DIM:
  case V_STORE:
  case V_ROLE:
  case V_THUNK:
  case V_TENSOR: put_node(l, to_node(l->e, v, v.kind == V_DIM ? DT_I32 : DT_COUNT, at)); break;
  default:
    diag_label(err(l->e, DIAG_E0202, at, "`print` takes strings, numbers and tensors"), "this is %s",
               v_describe(l->e, v));
    l->ok = false;
  }
}

// "h = ": a tensor's own name, unless a text stands before it.
static void put_name(Line *l, const Expr *x, Value v, bool after_text) {
  bool named = x->kind == EX_NAME && !after_text && v.kind != V_STR && v.kind != V_POISON;
  if (!named) return;
  put_text(l, x->u.name);
  sb_puts(&l->text, " =");
}

void exec_print(Elab *e, const Stmt *s) {
  Line l = {.e = e, .ok = true};
  bool may = may_print(e, s), after_text = false;
  l.kept = may && e->fn->kind != FN_TEST && !e->opt->library;
  for (uint32_t i = 0; i < s->u.print.len; i++) {
    const Arg *arg = &s->u.print.data[i];
    if (arg->name) {
      err(e, DIAG_E0207, arg->name_span, "`print` has no argument `%s`", arg->name);
      continue;
    }
    Value v = eval(e, arg->value);
    put_name(&l, arg->value, v, after_text);
    put(&l, v, arg->value->span);
    after_text = v.kind == V_STR;
  }
  if (may && e->opt->library)
    diag_label(warn(e, DIAG_W0603, NULL, s->span, "`print` is left out of a library"),
               "a library neither reads nor writes");
  if (l.kept && l.ok) {
    NodeId mask = e->fn->guard == NO_NODE ? b_scalar(&e->fn->b, DT_MASK, 1) : e->fn->guard;
    add_root(e, e->fn, mask, ROOT_LINE, arena_strdup(e->a, sb_text(&l.text)));
  }
  strbuf_free(&l.text);
}
