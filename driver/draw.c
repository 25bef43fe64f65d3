// Nodes that compute nothing are seen through; what is left is printed cluster by cluster: first the nodes
// whose path is the cluster's own, then, one after the other, the groups that share their next part.
#include "driver/draw.h"

#include "driver/exit_codes.h"
#include "driver/functions.h"
#include "driver/output.h"
#include "driver/spawn.h"

#include "ir/op.h"

#include <errno.h>
#include <string.h>

typedef struct Draw {
  const Program *p;
  const Function *f;
  Arena *a;
  StrBuf *out;
  bool *shown;
  uint32_t clusters;
} Draw;

static const char *const optimizers[] = {
#define OPTIMIZER(ID, name, slots, hypers) [OPTIM_##ID] = name,
#define HYPER(ID, name, kind, dflt)
#include "ir/optim.def"
#undef OPTIMIZER
#undef HYPER
};

static const Node *node(const Draw *d, NodeId v) { return graph_node(d->f->g, v); }

// A value without a box of its own is that of another node.
static NodeId seen_through(const Draw *d, NodeId v) {
  while (node(d, v)->op == OP_PROJ || node(d, v)->op == OP_CUSTOM_VJP) v = node(d, v)->in[0];
  return v;
}

static bool is_number(const Node *n) { return n->op == OP_CONST && n->attr.konst.count == 1; }

static void find_shown(Draw *d) {
  const Graph *g = d->f->g;
  d->shown = ARENA_ARRAY(d->a, g->len, bool);
  for (uint32_t i = 0; i < g->n_roots; i++) d->shown[seen_through(d, g->roots[i])] = true;
  for (NodeId v = g->len; v-- > 0;)
    for (uint32_t i = 0; d->shown[v] && i < node(d, v)->n_in; i++) {
      NodeId in = seen_through(d, node(d, v)->in[i]);
      if (!is_number(node(d, in))) d->shown[in] = true;
    }
}

// ---- text

// In a DOT string `"` and `\` are escaped; other bytes are themselves.
static void put_escaped(StrBuf *out, const char *s) {
  for (; *s; s++) {
    if (*s == '"' || *s == '\\') sb_putc(out, '\\');
    sb_putc(out, (unsigned char)*s < ' ' ? ' ' : *s);
  }
}

static void indent(Draw *d, unsigned depth) {
  for (unsigned i = 0; i < depth; i++) sb_puts(d->out, "  ");
}

// What stands in the first line of a box; *style: how it is drawn.
static const char *label(const Draw *d, const Node *n, const char **style) {
  *style = "";
  switch (n->op) {
  case OP_INPUT: *style = ", shape=ellipse"; return n->attr.input.name ? n->attr.input.name : "input";
  case OP_READ: *style = ", style=filled, fillcolor=lightyellow"; return d->p->stores[n->attr.store.id].name;
  case OP_WRITE: return arena_printf(d->a, "write %s", d->p->stores[n->attr.store.id].name);
  case OP_CONST:
    if (!is_number(n)) return op_name(n->op);
    return dtype_is_real(n->dtype) ? arena_printf(d->a, "%.9g", n->attr.konst.data[0].f)
                                   : arena_printf(d->a, "%lld", (long long)n->attr.konst.data[0].i);
  case OP_OPTIMIZE: return optimizers[n->attr.optimize->kind];
  default: return op_name(n->op);
  }
}

static void put_node(Draw *d, NodeId v, unsigned depth) {
  const Node *n = node(d, v);
  const char *style, *first = label(d, n, &style);
  indent(d, depth);
  sb_printf(d->out, "n%u [label=\"", v);
  put_escaped(d->out, first);
  if (n->op != OP_OPTIMIZE && n->op != OP_GRAD && n->op != OP_WRITE) {
    StrBuf shape = {0};
    sb_printf(&shape, "%s", dtype_name(n->dtype));
    shape_print(&shape, &n->shape, d->f->g->symbol);
    sb_puts(d->out, "\\n");
    put_escaped(d->out, sb_text(&shape));
    strbuf_free(&shape);
  }
  sb_printf(d->out, "\"%s];\n", style);
}

// ---- clusters

// The length of the path's part that follows the first `skip` bytes; 0: it ends there.
static size_t next_part(const char *path, size_t skip) {
  const char *rest = path + skip + (skip > 0 && path[skip] == '.');
  return *rest ? (size_t)(rest - path) + strcspn(rest, ".") : 0;
}

// The nodes of ids[0..n), whose paths agree in the first `skip` bytes. Taken ones become NO_NODE.
static void put_cluster(Draw *d, NodeId *ids, uint32_t n, size_t skip, unsigned depth) {
  for (uint32_t i = 0; i < n; i++)
    if (next_part(node(d, ids[i])->path, skip) == 0) put_node(d, ids[i], depth);
  for (uint32_t i = 0; i < n; i++) {
    if (ids[i] == NO_NODE) continue;
    const char *path = node(d, ids[i])->path;
    size_t end = next_part(path, skip);
    if (end == 0) continue;
    NodeId *group = ARENA_ARRAY(d->a, n - i, NodeId);
    uint32_t k = 0;
    for (uint32_t j = i; j < n; j++) {
      if (ids[j] == NO_NODE) continue;
      const char *other = node(d, ids[j])->path;
      if (next_part(other, skip) != end || memcmp(other, path, end) != 0) continue;
      group[k++] = ids[j];
      ids[j] = NO_NODE;
    }
    indent(d, depth);
    sb_printf(d->out, "subgraph cluster_%u {\n", d->clusters++);
    indent(d, depth + 1);
    sb_puts(d->out, "label=\"");
    put_escaped(d->out, arena_strndup(d->a, path + skip + (skip > 0), end - skip - (skip > 0)));
    sb_puts(d->out, "\";\n");
    put_cluster(d, group, k, end, depth + 1);
    indent(d, depth);
    sb_puts(d->out, "}\n");
  }
}

static void put_nodes(Draw *d) {
  const Graph *g = d->f->g;
  NodeId *ids = ARENA_ARRAY(d->a, g->len, NodeId);
  uint32_t n = 0;
  for (NodeId v = 0; v < g->len; v++)
    if (d->shown[v]) ids[n++] = v;
  put_cluster(d, ids, n, 0, 1);
}

static void put_edges(Draw *d) {
  for (NodeId v = 0; v < d->f->g->len; v++) {
    for (uint32_t i = 0; d->shown[v] && i < node(d, v)->n_in; i++) {
      NodeId in = seen_through(d, node(d, v)->in[i]);
      if (d->shown[in]) sb_printf(d->out, "  n%u -> n%u;\n", in, v);
    }
  }
}

static void put_results(Draw *d) {
  const Graph *g = d->f->g;
  for (uint32_t i = 0; i < g->n_roots; i++) {
    if (d->f->roots[i].kind == ROOT_EFFECT) continue;
    sb_printf(d->out, "  r%u [label=\"", i);
    put_escaped(d->out, d->f->roots[i].name ? d->f->roots[i].name : "result");
    sb_printf(d->out, "\", shape=ellipse];\n  n%u -> r%u;\n", seen_through(d, g->roots[i]), i);
  }
}

void draw_function(const Program *p, uint32_t id, StrBuf *out) {
  Draw d = {.p = p, .f = &p->fns[id], .a = arena_new(), .out = out};
  find_shown(&d);
  sb_puts(out, "digraph \"");
  put_escaped(out, d.f->name);
  sb_puts(out, "\" {\n  label=\"");
  put_escaped(out, d.f->name);
  sb_puts(out, "\";\n  node [shape=box, fontname=\"Helvetica\", fontsize=10];\n"
               "  graph [fontname=\"Helvetica\", style=rounded];\n");
  put_nodes(&d);
  put_results(&d);
  put_edges(&d);
  sb_puts(out, "}\n");
  arena_free(d.a);
}

// ---- the command

static int choose(const Program *p, const char *name, uint32_t *id) {
  if (name) return function_named(p, name, id);
  *id = p->init;
  for (uint32_t i = p->n_fns; i-- > 0;)
    if (p->fns[i].kind == FN_STEP) *id = i;
  for (uint32_t i = p->n_fns; i-- > 0;)
    if (p->fns[i].kind == FN_EXPORT) *id = i;
  return EXIT_DONE;
}

static int write_svg(const StrBuf *text, const Options *o, Arena *a) {
  Output out;
  int status = output_begin(&out, o->output, o->input, a);
  if (status != EXIT_DONE) return status;
  char *const argv[] = {arena_strdup(a, "dot"), arena_strdup(a, "-Tsvg"), arena_strdup(a, "-o"),
                        arena_strdup(a, out.temp), NULL};
  StrBuf said = {0};
  int code = spawn_run(argv, sb_text(text), text->len, &said);
  if (code == 0)
    status = output_commit(&out);
  else if (code < 0)
    status = complain(EXIT_SYSTEM, "can't run `dot`: %s; install graphviz, or write DOT: -o NAME.dot",
                      strerror(errno));
  else
    status = complain(EXIT_SYSTEM, "`dot` fails: %s", sb_text(&said));
  if (code != 0) output_drop(&out);
  strbuf_free(&said);
  return status;
}

int draw(const Program *p, const Options *o, Arena *a) {
  uint32_t id;
  int status = choose(p, o->function, &id);
  if (status != EXIT_DONE) return status;
  StrBuf text = {0};
  draw_function(p, id, &text);
  size_t n = o->output ? strlen(o->output) : 0;
  if (n > 4 && strcmp(o->output + n - 4, ".svg") == 0)
    status = write_svg(&text, o, a);
  else
    status = output_text(o->output ? o->output : "-", o->input, sb_text(&text), text.len, a);
  strbuf_free(&text);
  return status;
}
