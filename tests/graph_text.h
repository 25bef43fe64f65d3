// Graphs written as text, for tests of passes: graph_of("(= a (mul x:f32[3] 2)) (sum a [0])") and back,
// show(graph).
//
//   x:f32[2,N]        an input, declared where it first stands; later `x`
//   2  2:f32[3]  true a constant: f32 scalar, splat, mask (graph_of_real: f32 stands for another type)
//   (= name form)     binds a name to a node (one node, however often it is used); other top-level forms
//                     are roots
//   (rule name (x:… y:… dy:…) form…)   a rule for custom_vjp, `_`: no gradient
//   (rule name (c:… x:… k:…) next… yield…)  also the body of a scan: carries, elements of sequences, captured
//   (= s (scan body length carries sequences forward|back form…)) (result s 0)   yields, then the last
//   carries (op form… attributes…)             see build_form; (grads e x…) at top level gives a root for
//   each x
#ifndef NNC_TESTS_GRAPH_TEXT_H
#define NNC_TESTS_GRAPH_TEXT_H

#include "ir/base/strbuf.h"
#include "ir/base/vec.h"
#include "ir/build.h"
#include "passes/sexpr.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct TextName {
  const char *name;
  NodeId id;
  const Graph *rule;
} TextName;

typedef struct TextGraph {
  Builder b;
  VEC(TextName) names;
  uint32_t n_inputs;
} TextGraph;

static inline TextName *text_find(TextGraph *t, const char *name, size_t n) {
  for (size_t i = t->names.len; i-- > 0;)
    if (strlen(t->names.data[i].name) == n && !memcmp(t->names.data[i].name, name, n))
      return &t->names.data[i];
  return NULL;
}

static inline DType text_dtype(const TextGraph *t, const char *s) {
  if (!strncmp(s, "f32", 3)) return t->b.real;
  for (int d = 0; d < DT_COUNT; d++)
    if (!strncmp(s, dtype_name((DType)d), strlen(dtype_name((DType)d)))) return (DType)d;
  fprintf(stderr, "no type: %s\n", s);
  abort();
}

// "3", "N", "2N", "2N+1"
static inline Dim text_dim(const char *s) {
  char *end;
  int64_t v = strtoll(s, &end, 10);
  if (*end != 'N') return dim_of(v);
  return (Dim){end == s ? 1 : v, end[1] ? strtoll(end + 1, NULL, 10) : 0};
}

static inline Shape text_shape(const char *s) {
  Shape r = {0};
  const char *p = strchr(s, '[');
  if (!p) return r;
  for (p++; *p && *p != ']'; p += strcspn(p, ",]"), p += *p == ',') {
    p += strspn(p, " ");
    if (*p != ']') r.d[r.rank++] = text_dim(p);
  }
  return r;
}

static inline Shape text_dims(const Sexpr *list) {
  Shape r = {.rank = list->n};
  for (uint32_t i = 0; i < list->n; i++) r.d[i] = text_dim(list->in[i].atom);
  return r;
}

static inline uint32_t text_axes(const Sexpr *list) {
  uint32_t axes = 0;
  for (uint32_t i = 0; i < list->n; i++) axes |= 1u << atoi(list->in[i].atom);
  return axes;
}

static inline NodeId text_atom(TextGraph *t, const char *s) {
  size_t n = strcspn(s, ":");
  TextName *known = text_find(t, s, n);
  if (known) return known->id;
  const char *type = s[n] ? s + n + 1 : "f32";
  if (!strncmp(s, "true", n) || !strncmp(s, "false", n))
    return b_splat(&t->b, DT_MASK, text_shape(type), (Scalar){.i = *s == 't'});
  char *end;
  double v = strtod(s, &end);
  if (end == s + n) {
    DType d = text_dtype(t, type);
    return b_splat(&t->b, d, text_shape(type),
                   dtype_is_real(d) ? (Scalar){.f = v} : (Scalar){.i = (int64_t)v});
  }
  if (!s[n]) {
    fprintf(stderr, "unknown name in a test's graph: %s\n", s);
    abort();
  }
  TextName made = {arena_strndup(t->b.g->arena, s, n), 0, NULL};
  made.id = b_input(&t->b, IN_ARG, t->n_inputs++, made.name, text_dtype(t, type), text_shape(type));
  vec_push(t->b.g->arena, &t->names, made);
  return made.id;
}

static inline NodeId build_form(TextGraph *t, const Sexpr *x);

static inline NodeId text_const(TextGraph *t, const Sexpr *x) {
  DType d = text_dtype(t, x->in[1].atom);
  Scalar *v = ARENA_ARRAY(t->b.g->arena, x->n, Scalar);
  for (uint32_t i = 2; i < x->n; i++)
    if (dtype_is_real(d))
      v[i - 2].f = strtod(x->in[i].atom, NULL);
    else
      v[i - 2].i = strtoll(x->in[i].atom, NULL, 10);
  return b_tensor(&t->b, d, text_shape(x->in[1].atom), v, x->n - 2);
}

static inline NodeId text_dot(TextGraph *t, const Sexpr *x, NodeId a, NodeId b) {
  Attr attr = {0};
  uint8_t *axes[] = {attr.dot.lb, attr.dot.rb, attr.dot.lc, attr.dot.rc};
  for (uint32_t k = 0; k < 4; k++)
    for (uint32_t i = 0; i < x->in[3 + k].n; i++) axes[k][i] = (uint8_t)atoi(x->in[3 + k].in[i].atom);
  attr.dot.nb = (uint8_t)x->in[3].n;
  attr.dot.nc = (uint8_t)x->in[5].n;
  return b_dot(&t->b, a, b, &attr);
}

// (conv x w [stride] [lo] [hi] [lhs dilation] [rhs dilation] groups)
static inline NodeId text_conv(TextGraph *t, const Sexpr *at, NodeId x, NodeId w) {
  ConvAttr c = {.groups = atoll(at[5].atom)};
  int64_t *const lists[] = {c.stride, c.lo, c.hi, c.lhs_dilation, c.rhs_dilation};
  for (uint32_t k = 0; k < 5; k++)
    for (uint32_t i = 0; i < at[k].n; i++) lists[k][i] = atoll(at[k].in[i].atom);
  return b_conv(&t->b, x, w, &c);
}

// (box x [window] [stride] [lo] [hi]), and so for argwindow and sample
static inline NodeId text_window(TextGraph *t, Op op, const Sexpr *at, const NodeId *in, uint32_t n) {
  WindowAttr w = {.lo = {0}};
  int64_t *const lists[] = {w.window, w.stride, w.lo, w.hi};
  for (uint32_t k = 0; k < 4; k++)
    for (uint32_t i = 0; i < at[k].n; i++) lists[k][i] = atoll(at[k].in[i].atom);
  return b_window(&t->b, op, in, n, &w);
}

static inline Op text_op(const char *name) {
  for (int op = 0; op < OP_COUNT; op++)
    if (!strcmp(op_name((Op)op), name)) return (Op)op;
  fprintf(stderr, "no operation: %s\n", name);
  abort();
}

// Leaves, effects and custom rules; NO_NODE: something else.
static inline NodeId text_leaf(TextGraph *t, const Sexpr *x) {
  Builder *b = &t->b;
  const char *head = x->in[0].atom;
  if (!strcmp(head, "const")) return text_const(t, x);
  if (!strcmp(head, "iota")) {
    return b_iota(b, text_dtype(t, x->in[1].atom), text_shape(x->in[1].atom), (uint32_t)atoi(x->in[2].atom));
  }
  if (!strcmp(head, "rand") || !strcmp(head, "randn")) {
    uint32_t site = (uint32_t)atoi(x->in[2].atom);
    return b_rand(b, text_op(head), text_dtype(t, x->in[1].atom), text_shape(x->in[1].atom), site);
  }
  if (!strcmp(head, "batch")) return b_input(b, IN_BATCH, 0, "N", b->real, (Shape){0});
  if (!strcmp(head, "read")) { // store, version, type[, what made it]
    uint32_t version = (uint32_t)atoi(x->in[2].atom);
    NodeId made = x->n > 4 ? build_form(t, &x->in[4]) : NO_NODE;
    return b_read(b, (uint32_t)atoi(x->in[1].atom), version, text_dtype(t, x->in[3].atom),
                  text_shape(x->in[3].atom), made);
  }
  if (!strcmp(head, "write")) {
    NodeId v = build_form(t, &x->in[3]);
    return b_write(b, (uint32_t)atoi(x->in[1].atom), (uint32_t)atoi(x->in[2].atom), v);
  }
  if (!strcmp(head, "custom_vjp")) {
    NodeId in[8];
    for (uint32_t i = 2; i < x->n; i++) in[i - 2] = build_form(t, &x->in[i]);
    TextName *rule = text_find(t, x->in[1].atom, strlen(x->in[1].atom));
    return b_custom_vjp(b, in, x->n - 2, &(VjpAttr){.rule = rule->rule, .function = rule->name});
  }
  if (!strcmp(head, "scan")) {
    const Graph *body = text_find(t, x->in[1].atom, strlen(x->in[1].atom))->rule;
    ScanAttr s = {.body = body, .length = text_dim(x->in[2].atom), .reverse = x->in[5].atom[0] == 'b'};
    s.n_carries = (uint32_t)atoi(x->in[3].atom);
    s.n_sequences = (uint32_t)atoi(x->in[4].atom);
    s.n_yields = body->n_roots - s.n_carries;
    NodeId in[8];
    for (uint32_t i = 6; i < x->n; i++) in[i - 6] = build_form(t, &x->in[i]);
    return b_scan(b, &s, in, x->n - 6);
  }
  if (!strcmp(head, "result"))
    return b_scan_result(b, build_form(t, &x->in[1]), (uint32_t)atoi(x->in[2].atom));
  if (!strcmp(head, "iteration")) return b_input(b, IN_ITERATION, 0, "i", DT_I32, (Shape){0});
  return NO_NODE;
}

// The operation with its attributes `at`, which follow the inputs.
static inline NodeId text_operation(TextGraph *t, const Sexpr *x, Op op, const NodeId *in, uint32_t n,
                                    const Sexpr *at) {
  Builder *b = &t->b;
  Dim start[MAX_RANK], hi[MAX_RANK];
  int64_t stride[MAX_RANK];
  uint8_t perm[MAX_RANK];
  switch (op) {
  case OP_CAST: {
    DType d = text_dtype(t, at[0].atom);
    if (graph_node(b->g, in[0])->dtype != d) return b_cast(b, in[0], d);
    Node same = {.op = OP_CAST, .dtype = d, .shape = graph_node(b->g, in[0])->shape, .n_in = 1, .in = in};
    return graph_add(b->g, same);
  }
  case OP_RESHAPE:
  case OP_BROADCAST: { // the identities too, which the builder leaves out
    Shape s = text_dims(&at[0]);
    Node made = {.op = op, .dtype = graph_node(b->g, in[0])->dtype, .shape = &s, .n_in = 1, .in = in};
    return graph_add(b->g, made);
  }
  case OP_TRANSPOSE:
    for (uint32_t i = 0; i < at[0].n; i++) perm[i] = (uint8_t)atoi(at[0].in[i].atom);
    return b_transpose(b, in[0], perm);
  case OP_SLICE: {
    Shape s = text_dims(&at[0]), size = text_dims(&at[1]);
    memcpy(start, s.d, sizeof start);
    for (uint32_t i = 0; i < at[2].n; i++) stride[i] = atoll(at[2].in[i].atom);
    return b_slice(b, in[0], start, size.d, stride);
  }
  case OP_PAD: {
    Shape l = text_dims(&at[0]), h = text_dims(&at[1]);
    memcpy(start, l.d, sizeof start);
    memcpy(hi, h.d, sizeof hi);
    for (uint32_t i = 0; i < at[2].n; i++) stride[i] = atoll(at[2].in[i].atom);
    return b_pad(b, in[0], start, hi, stride, (Scalar){.f = strtod(at[3].atom, NULL)});
  }
  case OP_CONCAT: return b_concat(b, in, n, (uint32_t)atoi(at[0].atom));
  case OP_REVERSE: return b_reverse(b, in[0], text_axes(&at[0]));
  case OP_GATHER: return b_gather(b, in[0], in[1], (uint32_t)atoi(at[0].atom), (uint32_t)atoi(at[1].atom));
  case OP_SCATTER_ADD:
    return b_scatter_add(b, in[0], in[1], in[2], (uint32_t)atoi(at[0].atom), (uint32_t)atoi(at[1].atom));
  case OP_ARGMAX:
  case OP_ARGMIN: return b_arg(b, op, in[0], (uint32_t)atoi(at[0].atom));
  case OP_CUMSUM:
  case OP_ARGSORT: return b_along(b, op, in[0], (uint32_t)atoi(at[0].atom));
  case OP_CHOLESKY: return b_cholesky(b, in[0]);
  case OP_TRIANGULAR_SOLVE: return b_triangular_solve(b, in[0], in[1], !strcmp(at[0].atom, "upper"));
  case OP_SUM:
  case OP_RMAX:
  case OP_RMIN: return b_reduce(b, op, in[0], text_axes(&at[0]));
  case OP_DOT: return text_dot(t, x, in[0], in[1]);
  case OP_BOX:
  case OP_ARGWINDOW:
  case OP_SAMPLE: return text_window(t, op, at, in, op == OP_SAMPLE ? 2 : 1);
  case OP_CONV: return text_conv(t, at, in[0], in[1]);
  case OP_STOP_GRAD: return b_stop_grad(b, in[0]);
  default: return b_ew(b, op, in, n);
  }
}

static inline NodeId build_form(TextGraph *t, const Sexpr *x) {
  if (!x->open) return text_atom(t, x->atom);
  NodeId leaf = text_leaf(t, x);
  if (leaf != NO_NODE) return leaf;
  Builder *b = &t->b;
  const char *head = x->in[0].atom;
  NodeId in[8];
  uint32_t n = 0;
  bool takes_list = !strcmp(head, "matmul") || !strcmp(head, "grad");
  Op op = takes_list ? OP_ADD : text_op(head);
  int arity = takes_list ? 2 : op == OP_CONCAT ? (int)x->n - 2 : op_arity(op);
  for (; (int)n < arity; n++) in[n] = build_form(t, &x->in[n + 1]);
  const Sexpr *at = x->in + n + 1; // attributes
  if (!strcmp(head, "matmul")) return b_matmul(b, in[0], in[1]);
  if (!strcmp(head, "grad")) {
    Node v = *graph_node(b->g, in[1]);
    return b_proj(b, b_grad(b, in[0], in + 1, 1), 0, v.dtype, *v.shape);
  }
  return text_operation(t, x, op, in, n, at);
}

static inline Graph *text_graph(const Sexpr *forms, uint32_t n, const Sexpr *args, const TextGraph *outer,
                                DType real, Arena *a);

static inline void text_grads(TextGraph *t, const Sexpr *x, NodeId *roots, uint32_t *n_roots) {
  NodeId in[8];
  for (uint32_t i = 1; i < x->n; i++) in[i - 1] = build_form(t, &x->in[i]);
  NodeId g = b_grad(&t->b, in[0], in + 1, x->n - 2);
  for (uint32_t i = 0; i + 2 < x->n; i++) {
    Node v = *graph_node(t->b.g, in[i + 1]);
    roots[(*n_roots)++] = b_proj(&t->b, g, i, v.dtype, *v.shape);
  }
}

// Rules of the graph around, `outer`, are known.
static inline Graph *text_graph(const Sexpr *forms, uint32_t n, const Sexpr *args, const TextGraph *outer,
                                DType real, Arena *a) {
  TextGraph t = {.b = {.g = graph_new(a, "N", 8), .real = real, .path = ""}};
  NodeId roots[16];
  uint32_t n_roots = 0;
  for (size_t i = 0; outer && i < outer->names.len; i++)
    if (outer->names.data[i].rule) vec_push(a, &t.names, outer->names.data[i]);
  for (uint32_t i = 0; args && i < args->n; i++) text_atom(&t, args->in[i].atom);
  for (uint32_t i = 0; i < n; i++) {
    const Sexpr *f = &forms[i];
    const char *head = f->open ? f->in[0].atom : f->atom;
    if (!strcmp(head, "=")) {
      TextName name = {f->in[1].atom, build_form(&t, &f->in[2]), NULL};
      vec_push(a, &t.names, name);
    } else if (!strcmp(head, "rule")) {
      TextName name = {f->in[1].atom, NO_NODE, text_graph(f->in + 3, f->n - 3, &f->in[2], &t, real, a)};
      vec_push(a, &t.names, name);
    } else if (!strcmp(head, "grads")) {
      text_grads(&t, f, roots, &n_roots);
    } else {
      roots[n_roots++] = !strcmp(head, "_") ? NO_NODE : build_form(&t, f);
    }
  }
  graph_set_roots(t.b.g, roots, n_roots);
  return t.b.g;
}

static inline Graph *graph_of_real(const char *text, DType real, Arena *a) {
  Sexpr all = sexpr_parse(text, a);
  return text_graph(all.in, all.n, NULL, NULL, real, a);
}

static inline Graph *graph_of(const char *text, Arena *a) { return graph_of_real(text, DT_F32, a); }

// ---- and back

static inline void show_dims(StrBuf *s, const Dim *d, uint32_t n) {
  for (uint32_t i = 0; i < n; i++) {
    if (i) sb_putc(s, ',');
    if (d[i].a == 0)
      sb_printf(s, "%lld", (long long)d[i].b);
    else if (d[i].a != 1)
      sb_printf(s, "%lldN", (long long)d[i].a);
    else
      sb_putc(s, 'N');
    if (d[i].a && d[i].b) sb_printf(s, "%+lld", (long long)d[i].b);
  }
}

static inline void show_shape(StrBuf *s, const Node *n) {
  sb_puts(s, dtype_name(n->dtype));
  sb_putc(s, '[');
  show_dims(s, n->shape->d, n->shape->rank);
  sb_putc(s, ']');
}

static inline void show_bytes(StrBuf *s, const uint8_t *v, uint32_t n) {
  sb_puts(s, " [");
  for (uint32_t i = 0; i < n; i++) sb_printf(s, i ? ",%d" : "%d", v[i]);
  sb_putc(s, ']');
}

static inline void show_attr(StrBuf *s, const Graph *g, const Node *n) {
  uint32_t r = n->n_in ? graph_node(g, n->in[0])->shape->rank : 0;
  switch (n->op) {
  case OP_CAST: sb_printf(s, " %s", dtype_name(n->dtype)); break;
  case OP_RESHAPE:
  case OP_BROADCAST:
    sb_puts(s, " [");
    show_dims(s, n->shape->d, n->shape->rank);
    sb_putc(s, ']');
    break;
  case OP_TRANSPOSE: show_bytes(s, n->attr.perm, r); break;
  case OP_SLICE:
    sb_puts(s, " [");
    show_dims(s, n->attr.slice.start, r);
    sb_puts(s, "] [");
    show_dims(s, n->shape->d, r);
    sb_puts(s, "] [");
    for (uint32_t i = 0; i < r; i++) sb_printf(s, i ? ",%lld" : "%lld", (long long)n->attr.slice.stride[i]);
    sb_putc(s, ']');
    break;
  case OP_PAD:
    sb_puts(s, " [");
    show_dims(s, n->attr.pad.lo, r);
    sb_puts(s, "] [");
    show_dims(s, n->attr.pad.hi, r);
    sb_puts(s, "] [");
    for (uint32_t i = 0; i < r; i++) sb_printf(s, i ? ",%lld" : "%lld", (long long)n->attr.pad.interior[i]);
    sb_printf(s, "] %g", n->attr.pad.value.f);
    break;
  case OP_SUM:
  case OP_RMAX:
  case OP_RMIN:
  case OP_REVERSE:
    sb_puts(s, " [");
    for (uint32_t i = 0, first = 1; i < r; i++)
      if (n->attr.axes >> i & 1) sb_printf(s, first ? "%u" : ",%u", i), first = 0;
    sb_putc(s, ']');
    break;
  case OP_CONCAT:
  case OP_TRIANGULAR_SOLVE: sb_puts(s, n->attr.upper ? " upper" : " lower"); break;
  case OP_CUMSUM:
  case OP_ARGSORT:
  case OP_ARGMAX:
  case OP_ARGMIN: sb_printf(s, " %u", n->attr.axis); break;
  case OP_GATHER:
  case OP_SCATTER_ADD: sb_printf(s, " %u %u", n->attr.gather.axis, n->attr.gather.batch); break;
  case OP_DOT:
    show_bytes(s, n->attr.dot.lb, n->attr.dot.nb);
    show_bytes(s, n->attr.dot.rb, n->attr.dot.nb);
    show_bytes(s, n->attr.dot.lc, n->attr.dot.nc);
    show_bytes(s, n->attr.dot.rc, n->attr.dot.nc);
    break;
  case OP_CONV: {
    const ConvAttr *c = n->attr.conv;
    const int64_t *const lists[] = {c->stride, c->lo, c->hi, c->lhs_dilation, c->rhs_dilation};
    for (uint32_t k = 0; k < 5; k++) {
      sb_puts(s, " [");
      for (uint32_t i = 0; i + 2 < r; i++) sb_printf(s, i ? ",%lld" : "%lld", (long long)lists[k][i]);
      sb_putc(s, ']');
    }
    sb_printf(s, " %lld", (long long)c->groups);
    break;
  }
  default: break;
  }
}

static inline void show_node(StrBuf *s, const Graph *g, NodeId id) {
  const Node *n = graph_node(g, id);
  if (n->op == OP_INPUT) {
    sb_printf(s, n->attr.input.role == IN_ARG ? "%s:" : "batch %s:", n->attr.input.name);
    show_shape(s, n);
  } else if (n->op == OP_CONST) {
    for (int64_t i = 0; i < n->attr.konst.count; i++)
      if (dtype_is_real(n->dtype))
        sb_printf(s, i ? ",%.9g" : "%.9g", n->attr.konst.data[i].f);
      else
        sb_printf(s, i ? ",%lld" : "%lld", (long long)n->attr.konst.data[i].i);
    sb_putc(s, ':');
    show_shape(s, n);
  } else {
    sb_printf(s, "(%s", op_name(n->op));
    if (n->op == OP_RAND || n->op == OP_RANDN || n->op == OP_IOTA) {
      sb_putc(s, ' ');
      show_shape(s, n);
      sb_printf(s, " %u", n->op == OP_IOTA ? n->attr.axis : n->attr.site);
    }
    if (n->op == OP_READ || n->op == OP_WRITE)
      sb_printf(s, " %u.%u", n->attr.store.id, n->attr.store.version);
    for (uint32_t i = 0; i < n->n_in; i++) {
      sb_putc(s, ' ');
      show_node(s, g, n->in[i]);
    }
    show_attr(s, g, n);
    sb_putc(s, ')');
  }
}

static inline const char *show(const Graph *g) {
  StrBuf s = {0};
  for (uint32_t i = 0; i < g->n_roots; i++) {
    if (i) sb_putc(&s, '\n');
    show_node(&s, g, g->roots[i]);
  }
  const char *text = arena_strdup(g->arena, sb_text(&s));
  strbuf_free(&s);
  return text;
}

#endif
