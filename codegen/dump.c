// Reductions and what is used more than once get a line of their own before the stores.
#include "codegen/dump.h"

#include "codegen/codegen.h"
#include "codegen/fuse.h"
#include "codegen/lower.h"
#include "codegen/memplan.h"
#include "ir/print.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { LONG_LINE = 400 };

typedef struct Dump {
  const FnPlan *f;
  const Kernel *k;
  const Pool *p;
  const DumpNames *names;
  StrBuf *out;
  uint32_t *uses;
  uint32_t *named; // expression to number + 1
  uint32_t n_named;
  char var[MAX_VARS][8];
  bool var_known[MAX_VARS];
  uint32_t n_loops, n_sums;
  size_t line; // where the current line begins
} Dump;

const char *kernel_kind(const Kernel *k) {
  if (k->is_dot) return "dot";
  const bool *seen = kernel_marks(k, k->pool->a);
  for (uint32_t i = 0; i < k->n_stores; i++) {
    if (k->stores[i].add) return "scatter";
    if (put_is_rows(k->pool, &k->stores[i])) return op_name((Op)pool_expr(k->pool, k->stores[i].value)->op);
  }
  for (ExprId e = 0; e < k->pool->exprs.len; e++)
    if (seen[e] && pool_expr(k->pool, e)->kind == X_REDUCE) return "reduce";
  return "map";
}

static void name_var(Dump *d, VarId v, bool sum) {
  static const char loops[] = "ijkluvwz", sums[] = "rsde";
  uint32_t n = sum ? d->n_sums++ : d->n_loops++, len = sum ? 4 : 8;
  char letter = sum ? sums[n % len] : loops[n % len];
  if (d->var_known[v]) return;
  d->var_known[v] = true;
  if (n < len)
    snprintf(d->var[v], sizeof d->var[v], "%c", letter);
  else
    snprintf(d->var[v], sizeof d->var[v], "%c%u", letter, (n / len + 1) % 100);
}

static void dump_poly(Dump *d, const Poly *p) {
  const char *symbol = d->f->fn->g->symbol ? d->f->fn->g->symbol : "N";
  bool any = false;
  for (int i = MAX_RANK; i >= 0; i--) {
    if (p->c[i] == 0 && !(i == 0 && !any)) continue;
    if (any) sb_puts(d->out, p->c[i] < 0 ? " - " : " + ");
    int64_t k = any && p->c[i] < 0 ? -p->c[i] : p->c[i];
    if (i == 0 || k != 1) sb_printf(d->out, "%" PRId64 "%s", k, i ? "*" : "");
    for (int j = 0; j < i; j++) sb_printf(d->out, "%s%s", j ? "*" : "", symbol);
    any = true;
  }
}

// The least precedence of an operator that stands without parentheses: anything, sums, products, none.
enum { ALONE, SUM = 2, PRODUCT, OPERAND };
static void dump_expr(Dump *d, ExprId e, int level);

static void dump_index(Dump *d, IndexId i, int level);

// "r / 5", or clamp(r, 5)
static void dump_divided(Dump *d, const Atom *a) {
  bool whole = poly_static(&a->d) || a->kind == ATOM_CLAMP;
  if (a->kind == ATOM_CLAMP) sb_puts(d->out, "clamp(");
  dump_index(d, a->arg, a->kind == ATOM_CLAMP ? ALONE : PRODUCT);
  sb_puts(d->out, a->kind == ATOM_DIV ? " / " : a->kind == ATOM_MOD ? " % " : ", ");
  if (!whole) sb_puts(d->out, "(");
  dump_poly(d, &a->d);
  if (a->kind == ATOM_CLAMP || !whole) sb_puts(d->out, ")");
}

static void dump_term(Dump *d, const Poly *coef, const Atom *a) {
  bool once = poly_is(coef, 1), quotient = a->kind == ATOM_DIV || a->kind == ATOM_MOD;
  if (a->kind == ATOM_ONE || !once) dump_poly(d, coef);
  if (a->kind == ATOM_ONE) return;
  if (!once) sb_puts(d->out, quotient ? "*(" : "*");
  if (a->kind == ATOM_VAR)
    sb_puts(d->out, d->var[a->arg]);
  else if (a->kind == ATOM_VALUE)
    dump_expr(d, a->arg, OPERAND);
  else
    dump_divided(d, a);
  if (!once && quotient) sb_puts(d->out, ")");
}

// The level at which an index stands without parentheses.
static int index_level(const Dump *d, const Index *x) {
  if (x->n > 1) return SUM;
  if (x->n == 0) return OPERAND;
  AtomKind kind = index_atom(d->p->index, x->terms[0].atom)->kind;
  bool product = kind == ATOM_ONE ? !poly_static(&x->terms[0].coef) : !poly_is(&x->terms[0].coef, 1);
  return product || kind == ATOM_DIV || kind == ATOM_MOD ? PRODUCT : OPERAND;
}

static void dump_index(Dump *d, IndexId i, int level) {
  const Index *x = index_get(d->p->index, i);
  bool inside = index_level(d, x) < level;
  if (inside) sb_puts(d->out, "(");
  if (x->n == 0) sb_puts(d->out, "0");
  for (uint32_t t = 0; t < x->n; t++) {
    Poly coef = x->terms[t].coef;
    bool minus = t && poly_static(&coef) && coef.c[0] < 0;
    if (minus) coef = poly_sub(poly_of(0), coef);
    if (t) sb_puts(d->out, minus ? " - " : " + ");
    dump_term(d, &coef, index_atom(d->p->index, x->terms[t].atom));
  }
  if (inside) sb_puts(d->out, ")");
}

static void dump_place(Dump *d, uint32_t buffer, const IndexId *at, uint32_t rank) {
  d->names->buffer(d->names->user, buffer, d->out);
  for (uint32_t i = 0; i < rank; i++) {
    sb_puts(d->out, i ? ", " : "[");
    dump_index(d, at[i], ALONE);
  }
  if (rank) sb_puts(d->out, "]");
}

static void dump_range(Dump *d, VarId v) {
  Poly x = index_extent(d->p->index, v);
  sb_printf(d->out, "%s < ", d->var[v]);
  dump_poly(d, &x);
}

// By the precedence of C; equal ones go from left to right.
static void dump_op(Dump *d, const Expr *x, int level) {
  static const struct {
    const char *text;
    int level;
  } infix[OP_COUNT] = {
      [OP_EQ] = {" == ", 1}, [OP_NE] = {" != ", 1}, [OP_LT] = {" < ", 1},  [OP_LE] = {" <= ", 1},
      [OP_GT] = {" > ", 1},  [OP_GE] = {" >= ", 1}, [OP_ADD] = {" + ", 2}, [OP_SUB] = {" - ", 2},
      [OP_MUL] = {" * ", 3}, [OP_DIV] = {" / ", 3}};
  int own = infix[x->op].level;
  if (own) {
    if (own < level) sb_puts(d->out, "(");
    dump_expr(d, x->in[0], own == 1 ? SUM : own);
    sb_puts(d->out, infix[x->op].text);
    dump_expr(d, x->in[1], own + 1);
    if (own < level) sb_puts(d->out, ")");
    return;
  }
  sb_puts(d->out, x->op == OP_CAST ? dtype_name(x->dtype) : op_name((Op)x->op));
  for (uint32_t i = 0; i < x->n_in; i++) {
    sb_puts(d->out, i ? ", " : "(");
    dump_expr(d, x->in[i], ALONE);
  }
  sb_puts(d->out, ")");
}

static void dump_reduce(Dump *d, const Expr *x) { // and whole rows
  for (uint32_t i = 0; i < x->n_vars; i++) name_var(d, x->vars[i], true);
  sb_puts(d->out, op_name((Op)x->op));
  sb_puts(d->out, "(");
  for (uint32_t i = 0; i < x->n_vars; i++) {
    if (i) sb_puts(d->out, ", ");
    dump_range(d, x->vars[i]);
  }
  for (uint32_t i = 0; i < x->n_in; i++) {
    sb_puts(d->out, i ? ", " : ": ");
    dump_expr(d, x->in[i], ALONE);
  }
  sb_puts(d->out, ")");
}

static void dump_contraction(Dump *d) {
  const Dot *dot = &d->k->dot;
  name_var(d, dot->k, true);
  sb_puts(d->out, "sum(");
  dump_range(d, dot->k);
  sb_puts(d->out, ": ");
  dump_expr(d, dot->lhs, PRODUCT);
  sb_puts(d->out, " * ");
  dump_expr(d, dot->rhs, OPERAND);
  sb_puts(d->out, ")");
}

static void dump_acc(Dump *d, const Expr *x) {
  if (d->k->dot.taps == 1)
    dump_contraction(d);
  else
    sb_printf(d->out, "c%u", x->number);
}

static void dump_body(Dump *d, const Expr *x, int level) {
  static const char *const roles[] = {
      [IN_STEP] = "step",   [IN_EPOCH] = "epoch",         [IN_OPTION] = "option",
      [IN_BATCH] = "batch", [IN_ITERATION] = "iteration", [IN_ARG] = "arg"};
  switch (x->kind) {
  case X_CONST: d->names->constant(d->names->user, x->dtype, x->value, d->out); break;
  case X_LOAD: dump_place(d, x->number, x->at, x->rank); break;
  case X_OP: dump_op(d, x, level); break;
  case X_INDEX: dump_index(d, x->at[0], level); break;
  case X_INSIDE:
    sb_puts(d->out, level == ALONE ? "0 <= " : "(0 <= ");
    dump_index(d, x->at[0], SUM);
    sb_puts(d->out, " < ");
    dump_poly(d, &x->bound);
    sb_puts(d->out, level == ALONE ? "" : ")");
    break;
  case X_CHECK:
    sb_puts(d->out, "check(");
    dump_expr(d, x->in[0], SUM);
    sb_puts(d->out, " < ");
    dump_poly(d, &x->bound);
    sb_puts(d->out, ")");
    break;
  case X_MARK: dump_expr(d, x->in[0], level); break;
  case X_RAND: sb_puts(d->out, op_name((Op)x->op)); break;
  case X_CTX: sb_puts(d->out, roles[x->role]); break;
  case X_ROWS:
  case X_REDUCE: dump_reduce(d, x); break;
  case X_ACC: dump_acc(d, x); break;
  }
}

static void dump_expr(Dump *d, ExprId e, int level) {
  if (d->named[e])
    sb_printf(d->out, "t%u", d->named[e] - 1);
  else if (d->out->len - d->line > LONG_LINE)
    sb_puts(d->out, "...");
  else
    dump_body(d, pool_expr(d->p, e), level);
}

static void count_index(Dump *d, IndexId i) {
  const Index *x = index_get(d->p->index, i);
  for (uint32_t t = 0; t < x->n; t++) {
    const Atom *a = index_atom(d->p->index, x->terms[t].atom);
    if (a->kind == ATOM_VALUE) d->uses[a->arg]++;
    if (a->kind == ATOM_DIV || a->kind == ATOM_MOD || a->kind == ATOM_CLAMP) count_index(d, a->arg);
  }
}

static void count_uses(Dump *d, const bool *seen) {
  for (ExprId e = 0; e < d->p->exprs.len; e++) {
    const Expr *x = pool_expr(d->p, e);
    if (!seen[e]) continue;
    for (uint32_t i = 0; i < x->n_in; i++) d->uses[x->in[i]]++;
    for (uint32_t i = 0; i < expr_indices(x); i++) count_index(d, x->at[i]);
  }
  for (uint32_t i = 0; i < d->k->n_stores; i++) d->uses[d->k->stores[i].value]++;
}

static void begin_line(Dump *d) {
  sb_puts(d->out, d->names->indent);
  d->line = d->out->len;
}

// Expressions are in order of their making, so operands come first.
static void dump_shared(Dump *d, const bool *seen) {
  for (ExprId e = 0; e < d->p->exprs.len; e++) {
    const Expr *x = pool_expr(d->p, e);
    bool plain = x->kind == X_CONST || x->kind == X_LOAD || x->kind == X_CTX;
    plain = plain || (x->kind == X_ACC && d->k->dot.taps > 1);
    if (!seen[e] || d->uses[e] < 2 || plain) continue;
    begin_line(d);
    sb_printf(d->out, "t%u = ", d->n_named);
    dump_body(d, x, ALONE);
    sb_puts(d->out, "\n");
    d->named[e] = ++d->n_named;
  }
}

// With windows in the epilogue: the elements c0, c1, … of a window, as columns of the product.
static void dump_group(Dump *d) {
  const Dot *dot = &d->k->dot;
  begin_line(d);
  sb_printf(d->out, "c0..%u = ", dot->taps - 1);
  dump_contraction(d);
  sb_printf(d->out, "   %s = %u*%s + 0..%u\n", d->var[dot->n], dot->taps, d->var[dot->group], dot->taps - 1);
}

static void dump_store(Dump *d, const Put *s) {
  for (uint32_t i = 0; i < s->n_inner; i++) name_var(d, s->inner[i], false);
  begin_line(d);
  if (s->buffer != NO_BUFFER) {
    dump_place(d, s->buffer, s->at, s->rank);
    sb_puts(d->out, s->add ? " += " : " = ");
  }
  dump_expr(d, s->value, ALONE);
  for (uint32_t i = 0, n = 0; i < d->k->n_lead + s->n_inner; i++) {
    VarId v = i < d->k->n_lead ? d->k->lead[i] : s->inner[i - d->k->n_lead];
    Poly x = index_extent(d->p->index, v);
    if (poly_is(&x, 1)) continue;
    sb_puts(d->out, n++ ? ", " : "   ");
    dump_range(d, v);
  }
  sb_puts(d->out, "\n");
}

void dump_kernel(const FnPlan *f, const Kernel *k, const DumpNames *names, StrBuf *out) {
  Arena *a = arena_new();
  Dump d = {.f = f, .k = k, .p = k->pool, .names = names, .out = out};
  d.uses = ARENA_ARRAY(a, k->pool->exprs.len, uint32_t);
  d.named = ARENA_ARRAY(a, k->pool->exprs.len, uint32_t);
  for (uint32_t v = 0; v < MAX_VARS; v++) snprintf(d.var[v], sizeof d.var[v], "_");
  for (uint32_t i = 0; i < k->n_lead; i++) name_var(&d, k->lead[i], false);
  for (uint32_t i = 0; i < k->n_stores; i++)
    for (uint32_t j = 0; j < k->stores[i].n_inner; j++) name_var(&d, k->stores[i].inner[j], false);
  const bool *seen = kernel_marks(k, a);
  count_uses(&d, seen);
  if (k->is_dot && k->dot.taps > 1) {
    name_var(&d, k->dot.n, false);
    dump_group(&d);
  }
  dump_shared(&d, seen);
  for (uint32_t i = 0; i < k->n_stores; i++) dump_store(&d, &k->stores[i]);
  arena_free(a);
}

// ---- --dump-ir=after:fuse

void dump_iteration(uint32_t depth, StrBuf *out) {
  sb_puts(out, "t"); // time; kernels' own variables have other names
  if (depth > 0) sb_printf(out, "_%u", depth);
}

void dump_buffer(const FnPlan *f, uint32_t buffer, StrBuf *out) {
  const Buffer *b = &f->buffers.data[buffer];
  uint32_t id = 0;
  if (f->loop && loop_outside(f->loop, b) != NO_BUFFER) {
    dump_buffer(f->loop->outer, loop_outside(f->loop, b), out);
    if (b->kind == BUF_OUTPUT || (b->kind == BUF_INPUT && loop_is_sequence(f->loop, b->id))) {
      sb_putc(out, '[');
      dump_iteration(f->loop->depth, out);
      sb_putc(out, ']');
    }
    return;
  }
  switch (b->kind) {
  case BUF_INPUT: sb_puts(out, f->fn->inputs[b->id].name); break;
  case BUF_STORE: sb_puts(out, f->program->stores[b->id].name); break;
  case BUF_CONST:
  case BUF_CARRY:
  case BUF_SCRATCH: sb_printf(out, "%%%u", b->node); break;
  case BUF_OUTPUT:
    for (uint32_t i = 0; i < f->fn->g->n_roots; i++)
      if (f->fn->roots[i].kind != ROOT_EFFECT && id++ == b->id)
        sb_printf(out, "out.%s",
                  f->fn->roots[i].name && *f->fn->roots[i].name ? f->fn->roots[i].name : "(loss)");
    break;
  }
}

static void plain_buffer(void *user, uint32_t buffer, StrBuf *out) { dump_buffer(user, buffer, out); }

static void plain_constant(void *user, DType t, Scalar v, StrBuf *out) {
  (void)user;
  scalar_print(out, t, v);
}

static void dump_steps(const FnPlan *f, const char *loop, StrBuf *out);

// Steps of its body are numbered behind its own number: "kernel 3.0".
static void dump_loop(const Step *s, const char *number, StrBuf *out) {
  const Loop *l = s->loop;
  const ScanAttr *attr = loop_attr(l);
  const Graph *g = l->outer->fn->g;
  sb_printf(out, "loop %s x ", number);
  dim_print(out, attr->length, g->symbol);
  sb_puts(out, attr->reverse ? " back to front" : "");
  if (graph_node(g, s->node)->path && *graph_node(g, s->node)->path)
    sb_printf(out, "   # %s", graph_node(g, s->node)->path);
  StrBuf inner = {0};
  sb_printf(&inner, "%s.", number);
  sb_puts(out, "\n");
  dump_steps(l->body, sb_text(&inner), out);
  strbuf_free(&inner);
}

static void dump_step(const FnPlan *f, const Step *s, const char *number, StrBuf *out) {
  const DumpNames names = {
      .user = (void *)f, .buffer = plain_buffer, .constant = plain_constant, .indent = "  "};
  if (s->kind == STEP_KERNEL) {
    const Node *n = graph_node(f->fn->g, s->kernel->node);
    sb_printf(out, "kernel %s %s", number, kernel_kind(s->kernel));
    if (n->path && *n->path) sb_printf(out, "   # %s", n->path);
    sb_puts(out, "\n");
    dump_kernel(f, s->kernel, &names, out);
  } else if (s->kind == STEP_LOOP) {
    dump_loop(s, number, out);
  } else if (s->kind == STEP_COPY) {
    sb_printf(out, "copy %s\n  ", number);
    dump_buffer(f, s->dst, out);
    sb_puts(out, " = ");
    dump_buffer(f, s->src, out);
    sb_puts(out, "\n");
  } else {
    const OptimizeAttr *o = graph_node(f->fn->g, s->node)->attr.optimize;
    sb_printf(out, "optimize %s\n ", number);
    for (uint32_t i = 0; i < s->n_parts; i++)
      sb_printf(out, " %s", f->program->stores[o->stores[s->parts[i]]].name);
    if (o->guarded) {
      const Node *n = graph_node(f->fn->g, s->node);
      sb_puts(out, " when ");
      dump_buffer(f, f->buffer_of[lower_resolve(f->fn->g, n->in[n->n_in - 1])], out);
    }
    sb_puts(out, "\n");
  }
}

static void dump_steps(const FnPlan *f, const char *loop, StrBuf *out) {
  for (uint32_t s = 0; s < f->steps.len; s++) {
    StrBuf number = {0};
    sb_printf(&number, "%s%u", loop, s);
    dump_step(f, &f->steps.data[s], sb_text(&number), out);
    strbuf_free(&number);
  }
}

void codegen_dump_kernels(const Program *p, const Function *fn, StrBuf *out) {
  for (uint32_t i = 0; i < p->n_fns; i++) {
    if (fn && fn != &p->fns[i]) continue;
    Arena *a = arena_new();
    const FnPlan *f = fuse_function(p, &p->fns[i], ARENA_ALIGN, a);
    sb_printf(out, "%sfunction %s: %zu steps\n", out->len ? "\n" : "", p->fns[i].name, f->steps.len);
    dump_steps(f, "", out);
    arena_free(a);
  }
}
