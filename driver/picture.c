// Nodes that compute nothing are seen through. What is left stands for itself or, in a closed layer, for the
// layer; boxes are printed along the tree of layers, then the edges between boxes, each once.
#include "driver/picture.h"

#include "driver/functions.h"
#include "driver/info.h"

#include "ir/op.h"

#include <string.h>

enum { MANY_BOXES = 120 };

#define NO_ROW UINT32_MAX

typedef struct Picture {
  const Program *p;
  const Function *f;
  Arena *a;
  StrBuf *out;
  bool *shown;
  Layers layers;
  uint32_t *row_of; // the layer of each shown node; NO_ROW: an input, which is the function's
  bool *closed;     // by row: it, or a layer around it, is one box
  uint32_t *box_of; // by row, where it is closed: the row that is the box
  uint32_t clusters;
} Picture;

static const Node *node(const Picture *d, NodeId v) { return graph_node(d->f->g, v); }

// A value without a box of its own is that of another node.
static NodeId seen_through(const Picture *d, NodeId v) {
  while (node(d, v)->op == OP_PROJ || node(d, v)->op == OP_CUSTOM_VJP || node(d, v)->op == OP_STOP_GRAD)
    v = node(d, v)->in[0];
  return v;
}

static bool is_number(const Node *n) {
  return (n->op == OP_CONST && n->attr.konst.count == 1) ||
         (n->op == OP_INPUT && n->attr.input.role == IN_BATCH);
}

// Parameters that a derivative is by stand where they are used.
static bool is_edge(const Picture *d, const Node *to, uint32_t i) {
  const Node *from = node(d, seen_through(d, to->in[i]));
  return !is_number(from) && !(to->op == OP_GRAD && i > 0 && from->op == OP_READ);
}

static bool is_drawn(const RootInfo *r) {
  bool unnamed_loss = r->kind == ROOT_REPORT && r->name && !*r->name;
  return root_is_value(r) && !unnamed_loss;
}

static void find_shown(Picture *d) {
  const Graph *g = d->f->g;
  d->shown = ARENA_ARRAY(d->a, g->len, bool);
  for (uint32_t i = 0; i < g->n_roots; i++)
    if (root_is_value(&d->f->roots[i]) || d->f->roots[i].kind == ROOT_EFFECT)
      d->shown[seen_through(d, g->roots[i])] = true;
  for (NodeId v = g->len; v-- > 0;)
    for (uint32_t i = 0; d->shown[v] && i < node(d, v)->n_in; i++)
      if (is_edge(d, node(d, v), i)) d->shown[seen_through(d, node(d, v)->in[i])] = true;
}

// ---- which layers are open

static void find_rows(Picture *d) {
  Map rows = {0};
  uint32_t row = 0;
  d->layers = info_layers(d->p, d->f, 1, d->a);
  for (size_t i = 0; i < d->layers.rows.len; i++)
    map_put(d->a, &rows, map_key(d->layers.rows.data[i].path), (uint32_t)i);
  d->row_of = ARENA_ARRAY(d->a, d->f->g->len, uint32_t);
  for (NodeId v = 0; v < d->f->g->len; v++) d->row_of[v] = NO_ROW;
  for (NodeId v = 0; v < d->f->g->len; v++)
    if (node(d, v)->op != OP_INPUT &&
        map_get(&rows, map_key(intern(d->layers.names, node(d, v)->path ? node(d, v)->path : "")), &row))
      d->row_of[v] = row;
}

// Closes the layers at `depth`, and with `leaves` those too that hold no other layer.
static void close_layers(Picture *d, uint32_t depth, bool leaves) {
  for (uint32_t i = 0; i < d->layers.rows.len; i++) {
    const Layer *r = &d->layers.rows.data[i];
    d->closed[i] = *r->path && (r->depth >= depth || (leaves && r->size == 1));
    for (uint32_t k = i; d->closed[i] && k < i + r->size; k++) d->closed[k] = true, d->box_of[k] = i;
    if (d->closed[i]) i += r->size - 1;
  }
}

// The row of the closed layer that the node is part of.
static uint32_t closed_box(const Picture *d, NodeId v) {
  return d->row_of[v] != NO_ROW && d->closed[d->row_of[v]] ? d->box_of[d->row_of[v]] : NO_ROW;
}

static uint32_t count_boxes(const Picture *d) {
  uint32_t n = 0;
  bool *counted = ARENA_ARRAY(d->a, d->layers.rows.len, bool);
  for (NodeId v = 0; v < d->f->g->len; v++) {
    if (!d->shown[v]) continue;
    uint32_t box = closed_box(d, v);
    if (box == NO_ROW || !counted[box]) n++;
    if (box != NO_ROW) counted[box] = true;
  }
  return n;
}

static void open_layers(Picture *d, uint32_t depth) {
  uint32_t deepest = 0;
  d->closed = ARENA_ARRAY(d->a, d->layers.rows.len, bool);
  d->box_of = ARENA_ARRAY(d->a, d->layers.rows.len, uint32_t);
  for (size_t i = 0; i < d->layers.rows.len; i++)
    if (d->layers.rows.data[i].depth > deepest) deepest = d->layers.rows.data[i].depth;
  close_layers(d, depth ? depth : UINT32_MAX, false);
  if (depth || count_boxes(d) <= MANY_BOXES) return;
  for (uint32_t at = deepest + 1; at >= 1; at--) {
    close_layers(d, at, true);
    if (count_boxes(d) <= MANY_BOXES) return;
  }
}

// ---- boxes

// In a DOT string `"` and `\` are escaped; other bytes are themselves.
static void put_escaped(StrBuf *out, const char *s) {
  for (; *s; s++) {
    if (*s == '"' || *s == '\\') sb_putc(out, '\\');
    sb_putc(out, (unsigned char)*s < ' ' ? ' ' : *s);
  }
}

static void indent(Picture *d, unsigned depth) {
  for (unsigned i = 0; i < depth; i++) sb_puts(d->out, "  ");
}

static const char *shape_of(const Picture *d, const Node *n) {
  return arena_printf(d->a, "%s%s", dtype_name(n->dtype),
                      n->shape->rank ? info_shape(n->shape, d->f->g->symbol, d->a) : "");
}

// Inside its own layer a store has its short name.
static const char *store_label(const Picture *d, const Node *n) {
  const Store *s = &d->p->stores[n->attr.store.id];
  const char *path = store_path(s, d->a);
  return *path && n->path && strcmp(path, n->path) == 0 ? s->name + strlen(path) + 1 : s->name;
}

// What stands in the first line of a box; *style: how it is drawn.
static const char *label(const Picture *d, const Node *n, const char **style) {
  *style = "";
  switch (n->op) {
  case OP_INPUT: *style = ", shape=ellipse"; return n->attr.input.name ? n->attr.input.name : "input";
  case OP_READ: *style = ", fillcolor=lightyellow"; return store_label(d, n);
  case OP_WRITE: *style = ", fillcolor=lightgrey"; return arena_printf(d->a, "write %s", store_label(d, n));
  case OP_GRAD:
    *style = ", fillcolor=lightgrey";
    return arena_printf(d->a, "derivative by %u value%s", n->n_in - 1, n->n_in == 2 ? "" : "s");
  case OP_OPTIMIZE: *style = ", fillcolor=lightgrey"; return optimizer_info(n->attr.optimize->kind)->name;
  case OP_CONST:
    if (!is_number(n)) return op_name(n->op);
    return dtype_is_real(n->dtype) ? arena_printf(d->a, "%.9g", n->attr.konst.data[0].f)
                                   : arena_printf(d->a, "%lld", (long long)n->attr.konst.data[0].i);
  default: return op_name(n->op);
  }
}

static void put_node(Picture *d, NodeId v, unsigned depth) {
  const Node *n = node(d, v);
  const char *style, *first = label(d, n, &style);
  indent(d, depth);
  sb_printf(d->out, "n%u [label=\"", v);
  put_escaped(d->out, first);
  if (n->op != OP_OPTIMIZE && n->op != OP_GRAD && n->op != OP_WRITE) {
    sb_puts(d->out, "\\n");
    put_escaped(d->out, shape_of(d, n));
  }
  sb_printf(d->out, "\"%s];\n", style);
}

static void put_layer_name(Picture *d, const Layer *r) {
  put_escaped(d->out, r->name);
  if (!r->type) return;
  sb_puts(d->out, ": ");
  put_escaped(d->out, r->type);
}

static void put_closed(Picture *d, uint32_t row) {
  const Layer *r = &d->layers.rows.data[row];
  indent(d, r->depth);
  sb_printf(d->out, "l%u [label=\"", row);
  put_layer_name(d, r);
  if (r->output) sb_printf(d->out, "\\n%s", r->output);
  if (r->stores) {
    sb_puts(d->out, "\\n");
    put_escaped(d->out, r->stores);
  }
  sb_puts(d->out, "\", fillcolor=aliceblue];\n");
}

static bool is_empty(const Picture *d, uint32_t row) {
  for (NodeId v = 0; v < d->f->g->len; v++)
    if (d->shown[v] && d->row_of[v] >= row && d->row_of[v] < row + d->layers.rows.data[row].size)
      return false;
  return true;
}

// The rows begin .. end - 1, each with its nodes and then its layers.
static void put_layers(Picture *d, uint32_t begin, uint32_t end) {
  for (uint32_t i = begin; i < end; i += d->layers.rows.data[i].size) {
    const Layer *r = &d->layers.rows.data[i];
    if (is_empty(d, i)) continue;
    if (d->closed[i]) {
      put_closed(d, i);
      continue;
    }
    unsigned depth = *r->path ? r->depth : 0;
    if (*r->path) {
      indent(d, depth);
      sb_printf(d->out, "subgraph cluster_%u {\n", d->clusters++);
      indent(d, depth + 1);
      sb_puts(d->out, "label=\"");
      put_layer_name(d, r);
      sb_puts(d->out, "\";\n");
    }
    for (NodeId v = 0; v < d->f->g->len; v++)
      if (d->shown[v] && d->row_of[v] == i) put_node(d, v, depth + 1);
    put_layers(d, i + 1, i + r->size);
    if (!*r->path) continue;
    indent(d, depth);
    sb_puts(d->out, "}\n");
  }
}

// ---- edges

static const char *box_name(const Picture *d, NodeId v) {
  uint32_t box = closed_box(d, v);
  return arena_printf(d->a, "%c%u", box == NO_ROW ? 'n' : 'l', box == NO_ROW ? v : box);
}

typedef struct Edges {
  Intern *texts;
  Map seen;
} Edges;

// An edge tells the shape of its value where its box tells another one. Edges that carry no value, from an
// update to what is read after it, don't move the boxes.
static const char *edge_style(const Picture *d, NodeId from) {
  uint32_t box = closed_box(d, from);
  const Node *n = node(d, from);
  if (n->op == OP_GRAD) return " [style=dashed]";
  if (n->op == OP_OPTIMIZE || n->op == OP_WRITE) return " [style=dashed, color=gray, constraint=false]";
  if (box == NO_ROW || n->op == OP_READ) return "";
  const char *output = d->layers.rows.data[box].output, *shape = shape_of(d, n);
  return output && strcmp(output, shape) == 0 ? "" : arena_printf(d->a, " [label=\"%s\"]", shape);
}

static void put_edge(Picture *d, Edges *e, NodeId from, const char *to) {
  const char *name = box_name(d, from);
  uint32_t ignored;
  if (strcmp(name, to) == 0) return;
  const char *text = intern(e->texts, arena_printf(d->a, "  %s -> %s%s;\n", name, to, edge_style(d, from)));
  if (map_get(&e->seen, map_key(text), &ignored)) return;
  map_put(d->a, &e->seen, map_key(text), 0);
  sb_puts(d->out, text);
}

static void put_edges(Picture *d) {
  Edges e = {.texts = intern_new(d->a)};
  for (NodeId v = 0; v < d->f->g->len; v++)
    for (uint32_t i = 0; d->shown[v] && i < node(d, v)->n_in; i++)
      if (is_edge(d, node(d, v), i)) put_edge(d, &e, seen_through(d, node(d, v)->in[i]), box_name(d, v));
  for (uint32_t i = 0; i < d->f->g->n_roots; i++) {
    const RootInfo *r = &d->f->roots[i];
    if (!is_drawn(r)) continue;
    sb_printf(d->out, "  r%u [label=\"", i);
    put_escaped(d->out, r->name && *r->name ? r->name : "result");
    sb_puts(d->out, "\", shape=ellipse];\n");
    put_edge(d, &e, seen_through(d, d->f->g->roots[i]), arena_printf(d->a, "r%u", i));
  }
}

void picture(const Program *p, uint32_t id, uint32_t depth, StrBuf *out) {
  Picture d = {.p = p, .f = &p->fns[id], .a = arena_new(), .out = out};
  StrBuf signature = {0};
  find_shown(&d);
  find_rows(&d);
  open_layers(&d, depth);
  function_signature(d.f, &signature);
  sb_puts(out, "digraph \"");
  put_escaped(out, d.f->name);
  sb_puts(out, "\" {\n  label=\"");
  put_escaped(out, sb_text(&signature));
  sb_puts(out, "\";\n  labelloc=t;\n"
               "  node [shape=box, style=filled, fillcolor=white, fontname=\"Helvetica\", fontsize=10];\n"
               "  edge [fontname=\"Helvetica\", fontsize=9];\n"
               "  graph [fontname=\"Helvetica\", fontsize=11, style=rounded, color=gray];\n");
  for (NodeId v = 0; v < d.f->g->len; v++)
    if (d.shown[v] && d.row_of[v] == NO_ROW) put_node(&d, v, 1);
  put_layers(&d, 0, (uint32_t)d.layers.rows.len);
  put_edges(&d);
  sb_puts(out, "}\n");
  strbuf_free(&signature);
  arena_free(d.a);
}
