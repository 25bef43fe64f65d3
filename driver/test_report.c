// What is said about a test: of each assertion that fails its place and text, the worst element, and in which
// of the two runs it fails.
#include "driver/test.h"

#include "nn_array.h"

#include <ctype.h>
#include <math.h>

// One result as a run gave it.
typedef struct Result {
  DType dtype;
  Shape shape; // static
  int64_t count;
  const unsigned char *data;
} Result;

static Result result_of(const Function *f, const TestValues *v, uint32_t result) {
  const Node *n = graph_node(f->g, f->g->roots[result]);
  Shape shape = shape_at(n->shape, f->g->symbol ? f->g->bound : 1);
  return (Result){n->dtype, shape, shape_elements(&shape, 1), v->args[f->n_inputs + result]};
}

static double number(const Result *r, int64_t i) {
  const unsigned char *at = r->data + (size_t)i * dtype_bytes(r->dtype);
  return dtype_is_real(r->dtype) ? nn_get_real((int)r->dtype, at) : (double)nn_get_int((int)r->dtype, at);
}

static const char *number_text(const Result *r, int64_t i, Arena *a) {
  if (dtype_is_real(r->dtype)) return isnan(number(r, i)) ? "nan" : arena_printf(a, "%.10g", number(r, i));
  int64_t v = nn_get_int((int)r->dtype, r->data + (size_t)i * dtype_bytes(r->dtype));
  if (r->dtype == DT_MASK) return v ? "true" : "false";
  return arena_printf(a, "%lld", (long long)v);
}

// "[2, 0]: " of an element, "" of a scalar.
static const char *index_text(const Result *r, int64_t i, Arena *a) {
  const char *text = "";
  for (uint32_t k = r->shape.rank; k-- > 0;) {
    int64_t size = r->shape.d[k].b;
    text = arena_printf(a, "%lld%s%s", (long long)(i % size), *text ? ", " : "", text);
    i /= size;
  }
  return r->shape.rank ? arena_printf(a, "[%s]: ", text) : "";
}

// ---- a check in one run

typedef struct Finding {
  int64_t failing, all, worst; // elements; which one is farthest off
} Finding;

// How far off an element is; for what has no distance the first one is the worst.
static double badness(const TestCheck *c, const Result *left, const Result *right, int64_t i) {
  if (c->kind != CHECK_CLOSE && c->kind != CHECK_GRADIENT) return 0;
  double l = number(left, i), r = number(right, i), off = fabs(l - r) / (1 + fabs(r));
  return isfinite(off) ? off : INFINITY;
}

static Finding find(const Function *f, const TestCheck *c, const TestValues *v) {
  Result holds = result_of(f, v, c->holds), left = holds, right = holds;
  if (c->kind != CHECK_HOLDS) left = result_of(f, v, c->left), right = result_of(f, v, c->right);
  Finding x = {0, holds.count, -1};
  double worst = 0;
  for (int64_t i = 0; i < holds.count; i++) {
    if (number(&holds, i) != 0) continue;
    double bad = badness(c, &left, &right, i);
    if (x.failing++ == 0 || bad > worst) x.worst = i, worst = bad;
  }
  return x;
}

static void explain(const Function *f, const TestCheck *c, const TestValues *v, const Finding *x, StrBuf *out,
                    Arena *a) {
  Result holds = result_of(f, v, c->holds);
  sb_printf(out, "    %s", index_text(&holds, x->worst, a));
  if (c->kind == CHECK_HOLDS) {
    sb_puts(out, "false");
  } else {
    Result left = result_of(f, v, c->left), right = result_of(f, v, c->right);
    const char *l = number_text(&left, x->worst, a), *r = number_text(&right, x->worst, a);
    double difference = fabs(number(&left, x->worst) - number(&right, x->worst));
    double allowed = c->tolerance * (1 + fabs(number(&right, x->worst)));
    bool gradient = c->kind == CHECK_GRADIENT, distance = c->kind != CHECK_COMPARED && isfinite(difference);
    sb_printf(out, gradient ? "the derivative is %s, by differences %s" : "%s and %s", l, r);
    if (distance) sb_printf(out, ": %.3g apart, more than %.3g", difference, allowed);
  }
  if (x->all > 1) sb_printf(out, "; %lld of %lld elements fail", (long long)x->failing, (long long)x->all);
  sb_putc(out, '\n');
}

// The words of the condition, on one line, without comments.
static void put_text(const Program *p, Span at, StrBuf *out) {
  const char *text = source_get(p->sources, at.source)->text, *end = text + at.end;
  bool quoted = false, gap = false;
  for (const char *s = text + at.begin; s < end; s++) {
    if (*s == '"' && s[-1] != '\\') quoted = !quoted;
    if (*s == '#' && !quoted)
      while (s + 1 < end && *s != '\n') s++;
    bool blank = !quoted && isspace((unsigned char)*s);
    if (!blank && gap) sb_putc(out, ' ');
    if (!blank) sb_putc(out, *s);
    gap = blank;
  }
}

static const char *only_in(bool interpreted, bool compiled) {
  return interpreted == compiled ? "" : interpreted ? " (only in the interpreter)" : " (only as compiled C)";
}

// ---- a test

static void put_fault(const TestValues *interpreted, const TestValues *compiled, StrBuf *out) {
  const char *why = interpreted->fault ? interpreted->fault : compiled->fault;
  sb_printf(out, "  %s%s\n", why, only_in(interpreted->fault != NULL, compiled->fault != NULL));
}

static bool put_check(const Program *p, const Function *f, const TestCheck *c, const TestValues *interpreted,
                      const TestValues *compiled, StrBuf *out, Arena *a) {
  Finding in = find(f, c, interpreted), as = find(f, c, compiled);
  if (in.failing == 0 && as.failing == 0) return true;
  sb_printf(out, "  %s: ", span_text(p->sources, c->span, a));
  if (c->message) sb_printf(out, "%s: ", c->message);
  put_text(p, c->span, out);
  sb_printf(out, "%s\n", only_in(in.failing > 0, as.failing > 0));
  if (in.failing)
    explain(f, c, interpreted, &in, out, a);
  else
    explain(f, c, compiled, &as, out, a);
  return false;
}

bool test_report(const Program *p, const Test *t, const TestValues *interpreted, const TestValues *compiled,
                 StrBuf *out, Arena *a) {
  const Function *f = &p->fns[t->fn];
  StrBuf failures = {0};
  bool stopped = interpreted->fault || compiled->fault, ok = !stopped;
  if (stopped) put_fault(interpreted, compiled, &failures);
  for (uint32_t i = 0; !stopped && i < t->n_checks; i++)
    ok &= put_check(p, f, &t->checks[i], interpreted, compiled, &failures, a);
  sb_printf(out, "%-6s  %s\n%s", ok ? "ok" : "FAILED", t->name, sb_text(&failures));
  strbuf_free(&failures);
  return ok;
}
