// One printer per kind of attribute, chosen by a table indexed by operation; operations that have none are
// their operands only.
#include "ir/print.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Printer {
  const Graph *g;
  const Program *p; // NULL: stores by number
  const SourceMap *sources;
  StrBuf *out;
  unsigned indent;
} Printer;

enum { CONST_SHOWN = 8 };

static void print_real(StrBuf *out, double v) {
  char text[40];
  bool whole = fabs(v) < 1e9 && v == floor(v); // 40, not 4e+01
  if (whole) snprintf(text, sizeof text, "%.0f", v);
  for (int digits = 1; !whole && digits <= 17; digits++) {
    snprintf(text, sizeof text, "%.*g", digits, v);
    if (isnan(v) || strtod(text, NULL) == v) break;
  }
  sb_puts(out, isnan(v) ? "nan" : text);
}

void scalar_print(StrBuf *out, DType t, Scalar v) {
  if (dtype_is_real(t))
    print_real(out, v.f);
  else if (t == DT_MASK)
    sb_puts(out, v.i ? "true" : "false");
  else
    sb_printf(out, "%" PRId64, v.i);
}

static void print_nodes(StrBuf *out, const NodeId *in, uint32_t n) {
  for (uint32_t i = 0; i < n; i++) {
    if (in[i] == NO_NODE)
      sb_printf(out, "%snone", i ? ", " : " ");
    else
      sb_printf(out, "%s%%%" PRIu32, i ? ", " : " ", in[i]);
  }
}

static void print_dims(Printer *p, const char *name, const Dim *d, uint32_t n) {
  sb_printf(p->out, " %s=[", name);
  for (uint32_t i = 0; i < n; i++) {
    if (i) sb_puts(p->out, ", ");
    dim_print(p->out, d[i], p->g->symbol);
  }
  sb_putc(p->out, ']');
}

static void print_ints(Printer *p, const char *name, const int64_t *v, uint32_t n) {
  sb_printf(p->out, " %s=[", name);
  for (uint32_t i = 0; i < n; i++) sb_printf(p->out, "%s%" PRId64, i ? ", " : "", v[i]);
  sb_putc(p->out, ']');
}

static void print_bytes(Printer *p, const char *name, const uint8_t *v, uint32_t n) {
  int64_t wide[MAX_RANK];
  for (uint32_t i = 0; i < n; i++) wide[i] = v[i];
  print_ints(p, name, wide, n);
}

static void print_store(Printer *p, uint32_t store, uint32_t version) {
  if (p->p && store < p->p->n_stores)
    sb_printf(p->out, " %s", p->p->stores[store].name);
  else
    sb_printf(p->out, " store_%" PRIu32, store);
  sb_printf(p->out, "@%" PRIu32, version);
}

// ---- attributes

static void attr_perm(Printer *p, const Node *n) { print_bytes(p, "perm", n->attr.perm, n->shape->rank); }
static void attr_axis(Printer *p, const Node *n) { sb_printf(p->out, " axis=%" PRIu32, n->attr.axis); }
static void attr_proj(Printer *p, const Node *n) { sb_printf(p->out, " %" PRIu32, n->attr.proj); }
static void attr_site(Printer *p, const Node *n) { sb_printf(p->out, " site=0x%08" PRIx32, n->attr.site); }

static void attr_axes(Printer *p, const Node *n) {
  int64_t axes[32];
  uint32_t count = 0;
  for (uint32_t i = 0; i < 32; i++)
    if (n->attr.axes >> i & 1) axes[count++] = i;
  print_ints(p, "axes", axes, count);
}

static void attr_slice(Printer *p, const Node *n) {
  print_dims(p, "start", n->attr.slice.start, n->shape->rank);
  for (uint32_t i = 0; i < n->shape->rank; i++)
    if (n->attr.slice.stride[i] != 1) {
      print_ints(p, "stride", n->attr.slice.stride, n->shape->rank);
      return;
    }
}

static void attr_pad(Printer *p, const Node *n) {
  print_dims(p, "lo", n->attr.pad.lo, n->shape->rank);
  print_dims(p, "hi", n->attr.pad.hi, n->shape->rank);
  for (uint32_t i = 0; i < n->shape->rank; i++)
    if (n->attr.pad.interior[i]) {
      print_ints(p, "interior", n->attr.pad.interior, n->shape->rank);
      break;
    }
  sb_puts(p->out, " value=");
  scalar_print(p->out, n->dtype, n->attr.pad.value);
}

static void attr_gather(Printer *p, const Node *n) {
  sb_printf(p->out, " axis=%" PRIu32, n->attr.gather.axis);
  if (n->attr.gather.batch) sb_printf(p->out, " batch=%" PRIu32, n->attr.gather.batch);
}

static void attr_dot(Printer *p, const Node *n) {
  if (n->attr.dot.nb) {
    print_bytes(p, "batch", n->attr.dot.lb, n->attr.dot.nb);
    print_bytes(p, "with", n->attr.dot.rb, n->attr.dot.nb);
  }
  print_bytes(p, "inner", n->attr.dot.lc, n->attr.dot.nc);
  print_bytes(p, "with", n->attr.dot.rc, n->attr.dot.nc);
}

// A list of one value a spatial axis, where one of them is not `plain`.
static void spatial(Printer *p, const char *name, const Node *n, const int64_t *v, int64_t plain) {
  bool said = false;
  for (uint32_t i = 0; i + 2 < n->shape->rank; i++) said = said || v[i] != plain;
  if (said) print_ints(p, name, v, n->shape->rank - 2);
}

static void attr_conv(Printer *p, const Node *n) {
  const ConvAttr *c = n->attr.conv;
  spatial(p, "stride", n, c->stride, 1);
  spatial(p, "lo", n, c->lo, 0);
  spatial(p, "hi", n, c->hi, 0);
  spatial(p, "lhs_dilation", n, c->lhs_dilation, 1);
  spatial(p, "rhs_dilation", n, c->rhs_dilation, 1);
  if (c->groups != 1) sb_printf(p->out, " groups=%" PRId64, c->groups);
}

static void attr_window(Printer *p, const Node *n) {
  const WindowAttr *w = n->attr.window;
  uint32_t rank = n->shape->rank;
  bool pads = false;
  for (uint32_t i = 0; i < rank; i++) pads = pads || w->lo[i] || w->hi[i];
  print_ints(p, "window", w->window, rank);
  print_ints(p, "stride", w->stride, rank);
  if (!pads) return;
  print_ints(p, "lo", w->lo, rank);
  print_ints(p, "hi", w->hi, rank);
}

static void attr_const(Printer *p, const Node *n) {
  const Scalar *v = n->attr.konst.data;
  int64_t count = n->attr.konst.count;
  sb_putc(p->out, ' ');
  if (n->shape->rank == 0 || count == 1) {
    if (n->shape->rank) sb_puts(p->out, "all ");
    scalar_print(p->out, n->dtype, v[0]);
    return;
  }
  sb_putc(p->out, '[');
  for (int64_t i = 0; i < count && i < CONST_SHOWN; i++) {
    if (i) sb_puts(p->out, ", ");
    scalar_print(p->out, n->dtype, v[i]);
  }
  sb_puts(p->out, count > CONST_SHOWN ? ", ...]" : "]");
}

static void attr_input(Printer *p, const Node *n) {
  static const char *const roles[] = {"arg", "step", "epoch", "option", "batch", "iteration"};
  InputRole role = n->attr.input.role;
  sb_printf(p->out, " %s", roles[role]);
  if (role == IN_ARG || role == IN_OPTION) sb_printf(p->out, " %" PRIu32, n->attr.input.index);
  if (n->attr.input.name) sb_printf(p->out, " \"%s\"", n->attr.input.name);
}

static void attr_store(Printer *p, const Node *n) {
  print_store(p, n->attr.store.id, n->attr.store.version + (n->op == OP_WRITE));
}

static void print_stores(Printer *p, const char *name, const uint32_t *stores, uint32_t n) {
  sb_printf(p->out, " %s=[", name);
  for (uint32_t i = 0; i < n; i++) {
    if (i) sb_puts(p->out, ", ");
    if (stores[i] == UINT32_MAX)
      sb_puts(p->out, "none");
    else if (p->p && stores[i] < p->p->n_stores)
      sb_puts(p->out, p->p->stores[stores[i]].name);
    else
      sb_printf(p->out, "store_%" PRIu32, stores[i]);
  }
  sb_putc(p->out, ']');
}

static void attr_optimize(Printer *p, const Node *n) {
  const OptimizeAttr *o = n->attr.optimize;
  const OptimizerInfo *info = optimizer_info(o->kind);
  sb_printf(p->out, " %s hypers=%" PRIu32 " flags=%" PRIu32 "%s", info->name, o->n_hyper, o->flags,
            o->guarded ? " guarded" : "");
  for (uint32_t i = 0; i < o->n; i++) print_store(p, o->stores[i], o->versions[i] + 1);
  print_stores(p, "counts", o->counts, o->n);
  print_stores(p, "slots", o->slots, o->n * info->slots);
}

static void attr_text(Printer *p, const Node *n) { sb_printf(p->out, " \"%s\"", n->attr.text); }

static void print_graph(Printer *p);

static void attr_vjp(Printer *p, const Node *n) {
  Printer inner = *p;
  inner.g = n->attr.vjp.rule;
  inner.indent += 4;
  sb_puts(p->out, " rule {\n");
  print_graph(&inner);
  sb_printf(p->out, "%*s}", (int)p->indent, "");
}

static void attr_scan(Printer *p, const Node *n) {
  const ScanAttr *s = n->attr.scan;
  Printer inner = *p;
  inner.g = s->body;
  inner.indent += 4;
  sb_puts(p->out, " length=");
  dim_print(p->out, s->length, p->g->symbol);
  sb_printf(p->out, " carries=%" PRIu32 " sequences=%" PRIu32 " yields=%" PRIu32, s->n_carries,
            s->n_sequences, s->n_yields);
  sb_printf(p->out, "%s%s", s->reverse ? " reverse" : "", s->saved ? " saved" : "");
  if (s->recompute) sb_printf(p->out, " recompute=%" PRIu32, s->recompute);
  if (s->part) {
    sb_printf(p->out, " %s=%" PRId64 " step=%" PRId64, s->part->within ? "within" : "from", s->part->first,
              s->part->step);
    if (!s->part->within) sb_puts(p->out, " of="), dim_print(p->out, s->part->whole, p->g->symbol);
  }
  sb_puts(p->out, " body {\n");
  print_graph(&inner);
  sb_printf(p->out, "%*s}", (int)p->indent, "");
}

static void attr_upper(Printer *p, const Node *n) { sb_puts(p->out, n->attr.upper ? " upper" : " lower"); }

static void (*const attributes[OP_COUNT])(Printer *, const Node *) = {
    [OP_TRANSPOSE] = attr_perm,
    [OP_SLICE] = attr_slice,
    [OP_PAD] = attr_pad,
    [OP_CONCAT] = attr_axis,
    [OP_IOTA] = attr_axis,
    [OP_ARGMAX] = attr_axis,
    [OP_ARGMIN] = attr_axis,
    [OP_GATHER] = attr_gather,
    [OP_SCATTER_ADD] = attr_gather,
    [OP_REVERSE] = attr_axes,
    [OP_SUM] = attr_axes,
    [OP_RMAX] = attr_axes,
    [OP_RMIN] = attr_axes,
    [OP_DOT] = attr_dot,
    [OP_CONST] = attr_const,
    [OP_INPUT] = attr_input,
    [OP_RAND] = attr_site,
    [OP_RANDN] = attr_site,
    [OP_READ] = attr_store,
    [OP_WRITE] = attr_store,
    [OP_OPTIMIZE] = attr_optimize,
    [OP_ASSERT] = attr_text,
    [OP_CUSTOM_VJP] = attr_vjp,
    [OP_SCAN] = attr_scan,
    [OP_PROJ] = attr_proj,
    [OP_CONV] = attr_conv,
    [OP_BOX] = attr_window,
    [OP_DEBOX] = attr_window,
    [OP_ARGWINDOW] = attr_window,
    [OP_SAMPLE] = attr_window,
    [OP_DESAMPLE] = attr_window,
    [OP_CUMSUM] = attr_axis,
    [OP_ARGSORT] = attr_axis,
    [OP_TRIANGULAR_SOLVE] = attr_upper,
};

// ---- lines

static void print_place(Printer *p, const Node *n) {
  bool path = n->path && *n->path;
  if (path) sb_printf(p->out, "   # %s", n->path);
  if (!p->sources || n->span.source == 0) return;
  unsigned line, column;
  source_position(p->sources, n->span.source, n->span.begin, &line, &column);
  const char *file = source_get(p->sources, n->span.source)->name;
  sb_printf(p->out, "%s%s:%u:%u", path ? "  " : "   # ", file, line, column);
}

static void print_node(Printer *p, NodeId id) {
  const Node *n = graph_node(p->g, id);
  sb_printf(p->out, "%*s%%%" PRIu32 " = %s %s", (int)p->indent, "", id, op_name(n->op), dtype_name(n->dtype));
  shape_print(p->out, n->shape, p->g->symbol);
  print_nodes(p->out, n->in, n->n_in);
  if (attributes[n->op]) attributes[n->op](p, n);
  print_place(p, n);
  sb_putc(p->out, '\n');
}

static void print_graph(Printer *p) {
  for (NodeId id = 0; id < p->g->len; id++) print_node(p, id);
  if (p->g->n_roots) {
    sb_printf(p->out, "%*sroots", (int)p->indent, "");
    print_nodes(p->out, p->g->roots, p->g->n_roots);
    sb_putc(p->out, '\n');
  }
}

void node_print(const Graph *g, NodeId id, const SourceMap *sources, StrBuf *out) {
  Printer p = {.g = g, .sources = sources, .out = out};
  print_node(&p, id);
}

void graph_print(const Graph *g, const SourceMap *sources, StrBuf *out) {
  Printer p = {.g = g, .sources = sources, .out = out};
  if (g->symbol) sb_printf(out, "%s <= %" PRId64 "\n", g->symbol, g->bound);
  print_graph(&p);
}

static void print_roots(const Function *f, StrBuf *out) {
  static const char *const kinds[] = {"result", "report", "effect", "reported", "printed", "line"};
  for (uint32_t i = 0; i < f->g->n_roots; i++) {
    const RootInfo *r = &f->roots[i];
    sb_printf(out, "  %s %%%" PRIu32, kinds[r->kind], f->g->roots[i]);
    if (r->name) sb_printf(out, " \"%s\"", r->name);
    sb_putc(out, '\n');
  }
}

const char *function_kind(FnKind kind) {
  static const char *const names[] = {
      [FN_INIT] = "init",           [FN_STEP] = "step",     [FN_APPLY] = "apply",
      [FN_THEN] = "then",           [FN_EVAL] = "eval",     [FN_FINISH] = "finish",
      [FN_EVAL_INIT] = "eval init", [FN_UPDATE] = "update", [FN_EXPORT] = "export",
      [FN_PREPARE] = "prepare",     [FN_TEST] = "test",     [FN_INVARIANT] = "invariant",
  };
  return names[kind];
}

const char *store_kind(StoreKind kind) {
  static const char *const names[] = {
      [STORE_PARAM] = "param",         [STORE_STATE] = "state", [STORE_EVAL_STATE] = "eval_state",
      [STORE_SLOT] = "slot",           [STORE_COUNT] = "count", [STORE_SUM] = "sum",
      [STORE_INVARIANT] = "invariant",
  };
  return names[kind];
}

void function_print(const Program *prog, const Function *f, StrBuf *out) {
  Printer p = {.g = f->g, .p = prog, .sources = prog->sources, .out = out, .indent = 2};
  sb_printf(out, "%s %s(", function_kind(f->kind), f->name);
  for (uint32_t i = 0; i < f->n_inputs; i++) {
    sb_printf(out, "%s%s: %s", i ? ", " : "", f->inputs[i].name, dtype_name(f->inputs[i].dtype));
    shape_print(out, &f->inputs[i].shape, f->g->symbol);
  }
  sb_putc(out, ')');
  if (f->g->symbol) sb_printf(out, " %s <= %" PRId64, f->g->symbol, f->g->bound);
  sb_puts(out, " {\n");
  for (NodeId id = 0; id < f->g->len; id++) print_node(&p, id);
  print_roots(f, out);
  sb_puts(out, "}\n");
}

void program_print(const Program *p, StrBuf *out) {
  sb_printf(out, "program %s real=%s\n", p->name, dtype_name(p->real));
  for (uint32_t i = 0; i < p->n_stores; i++) {
    const Store *s = &p->stores[i];
    sb_printf(out, "%s %s: %s", store_kind(s->kind), s->name, dtype_name(s->dtype));
    shape_print(out, &s->shape, NULL);
    if (s->lr_mult != 1.0 && s->kind == STORE_PARAM) {
      sb_puts(out, " lr=");
      print_real(out, s->lr_mult);
    }
    if (s->decay_mult != 1.0 && s->kind == STORE_PARAM) {
      sb_puts(out, " decay=");
      print_real(out, s->decay_mult);
    }
    if (s->npy) sb_printf(out, " npy=\"%s\"", s->npy);
    sb_putc(out, '\n');
  }
  for (uint32_t i = 0; i < p->n_fns; i++) {
    sb_putc(out, '\n');
    function_print(p, &p->fns[i], out);
  }
}

const char *node_title(const Node *n, Arena *a) {
  bool named = n->path && *n->path;
  return arena_printf(a, "`%s`%s%s", op_name(n->op), named ? " in " : "", named ? n->path : "");
}
