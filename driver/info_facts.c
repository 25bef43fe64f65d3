// Layers are found by the paths of the nodes that a function's results and effects depend on. A model is
// shown as the function computes it that reaches most of its layers: an export that decodes says nothing of
// the encoder.
#include "driver/info.h"

#include "ir/base/checked.h"

#include <string.h>

const char *info_shape(const Shape *s, const char *symbol, Arena *a) {
  StrBuf b = {0};
  shape_print(&b, s, symbol);
  const char *text = arena_strdup(a, sb_text(&b));
  strbuf_free(&b);
  return text;
}

static const char *path_of(const Graph *g, NodeId v) {
  return graph_node(g, v)->path ? graph_node(g, v)->path : "";
}

static bool *live_nodes(const Graph *g, Arena *a) {
  bool *live = ARENA_ARRAY(a, g->len, bool);
  for (uint32_t i = 0; i < g->n_roots; i++) live[g->roots[i]] = true;
  for (NodeId v = g->len; v-- > 0;)
    for (uint32_t i = 0; live[v] && i < graph_node(g, v)->n_in; i++) live[graph_node(g, v)->in[i]] = true;
  return live;
}

static InfoFn function_facts(const Function *f, int64_t n, Arena *a) {
  const Graph *g = f->g;
  const bool *live = live_nodes(g, a);
  InfoFn r = {.n = !g->symbol || n == 0 ? 1 : n > g->bound ? g->bound : n};
  for (NodeId v = 0; v < g->len; v++) {
    Cost c = live[v] ? node_cost(g, v, r.n) : (Cost){0};
    cost_add(&r.cost, &c);
  }
  return r;
}

// ---- layers of a function

static bool within(const char *path, const char *outer, size_t n) {
  return strncmp(path, outer, n) == 0 && (path[n] == 0 || path[n] == '.');
}

// What a layer gives: a value that something outside of it goes on with. Reads of parameters and derivatives
// are not of that kind.
static bool gives_values(const Node *n) { return op_kind(n->op) != KIND_EFFECT && n->op != OP_CONST; }
static bool goes_on(const Node *n) {
  return n->op != OP_GRAD && n->op != OP_PROJ && n->op != OP_OPTIMIZE && n->op != OP_WRITE;
}

// `in` leaves every layer around it that is not around its user too; "" as user leaves them all.
static void mark_outputs(Layers *l, const Graph *g, NodeId in, const char *user, Arena *a) {
  const char *path = path_of(g, in);
  for (size_t n = strlen(path); n > 0; n--) {
    if (path[n] && path[n] != '.') continue;
    if (within(user, path, n)) break;
    const Node *x = graph_node(g, in);
    layers_at(l, arena_strndup(a, path, n))->output = arena_printf(
        a, "%s%s", dtype_name(x->dtype), x->shape->rank ? info_shape(x->shape, g->symbol, a) : "");
  }
}

typedef struct Uses { // of each node a list of its users
  uint32_t *head, *next;
  NodeId *user;
} Uses;

static Uses uses_of(const Graph *g, const bool *live, Arena *a) {
  uint32_t n = 1; // edge 0 ends the lists
  for (NodeId v = 0; v < g->len; v++) n += graph_node(g, v)->n_in;
  Uses u = {ARENA_ARRAY(a, g->len, uint32_t), ARENA_ARRAY(a, n, uint32_t), ARENA_ARRAY(a, n, NodeId)};
  uint32_t edge = 0;
  for (NodeId v = 0; v < g->len; v++) {
    for (uint32_t i = 0; live[v] && goes_on(graph_node(g, v)) && i < graph_node(g, v)->n_in; i++) {
      NodeId in = graph_node(g, v)->in[i];
      u.user[++edge] = v;
      u.next[edge] = u.head[in];
      u.head[in] = edge;
    }
  }
  return u;
}

// Of several values that leave a layer the last one made is its output.
static Layers layers_of(const Function *f, int64_t n, Arena *a) {
  const Graph *g = f->g;
  const bool *live = live_nodes(g, a);
  Uses uses = uses_of(g, live, a);
  bool *is_root = ARENA_ARRAY(a, g->len, bool);
  Layers l = layers_new(a);
  for (uint32_t i = 0; i < g->n_roots; i++) is_root[g->roots[i]] = true;
  for (NodeId v = 0; v < g->len; v++) {
    if (!live[v]) continue;
    Cost c = node_cost(g, v, n);
    int64_t *to = layers_at(&l, path_of(g, v))->figure;
    if (!checked_add(to[FIG_MACS], c.macs, &to[FIG_MACS])) to[FIG_MACS] = INT64_MAX;
    if (!checked_add(to[FIG_FLOPS], c.flops, &to[FIG_FLOPS])) to[FIG_FLOPS] = INT64_MAX;
    if (!gives_values(graph_node(g, v))) continue;
    for (uint32_t e = uses.head[v]; e; e = uses.next[e]) mark_outputs(&l, g, v, path_of(g, uses.user[e]), a);
    if (is_root[v]) mark_outputs(&l, g, v, "", a);
  }
  return l;
}

static void add_stores(Layers *l, const Program *p) {
  for (uint32_t i = 0; i < p->n_stores; i++) {
    const Store *s = &p->stores[i];
    if (s->kind != STORE_PARAM && s->kind != STORE_STATE) continue;
    const char *path = store_path(s, l->a), *dot = strrchr(s->name, '.');
    Layer *r = layers_at(l, path);
    r->stores = arena_printf(l->a, "%s%s%s %s%s", r->stores ? r->stores : "", r->stores ? ", " : "",
                             dot ? dot + 1 : s->name, info_shape(&s->shape, NULL, l->a),
                             s->kind == STORE_STATE ? " state" : "");
    if (s->kind == STORE_PARAM) r->figure[FIG_PARAMETERS] += shape_elements(&s->shape, 1);
  }
}

static void add_types(Layers *l, const Program *p) {
  Map known = {0}; // the rows that exist: a type makes no new one
  for (size_t i = 0; i < l->rows.len; i++) map_put(l->a, &known, map_key(l->rows.data[i].path), (uint32_t)i);
  for (uint32_t i = 0; i < p->n_layers; i++) {
    uint32_t at;
    if (map_get(&known, map_key(intern(l->names, p->layers[i].path)), &at))
      l->rows.data[at].type = p->layers[i].type;
  }
}

Layers info_layers(const Program *p, const Function *f, int64_t n, Arena *a) {
  Layers l = layers_of(f, n, a);
  add_stores(&l, p);
  add_types(&l, p);
  layers_finish(&l);
  return l;
}

// ---- which function shows which model

typedef struct Model {
  const char *name; // the first part of paths; "": what is in no layer
  uint32_t fn, reach;
} Model;

typedef struct Models {
  Arena *a;
  VEC(Model) list;
} Models;

static Model *model_of(Models *m, const char *path) {
  size_t n = strcspn(path, ".");
  for (size_t i = 0; i < m->list.len; i++)
    if (strlen(m->list.data[i].name) == n && strncmp(m->list.data[i].name, path, n) == 0)
      return &m->list.data[i];
  vec_push(m->a, &m->list, ((Model){.name = arena_strndup(m->a, path, n), .fn = UINT32_MAX}));
  return &m->list.data[m->list.len - 1];
}

static bool has_output(const Layer *r) { return r->output != NULL; }

// Rows of each model that the function reaches; more than before makes it the one that shows the model.
static void consider(Models *m, const Program *p, uint32_t fn) {
  Layers l = layers_of(&p->fns[fn], 1, m->a);
  for (size_t i = 0; i < l.rows.len; i++) {
    if (!*l.rows.data[i].path || l.rows.data[i].depth > 1) continue;
    Model *x = model_of(m, l.rows.data[i].path);
    uint32_t reach = 0;
    for (size_t k = 0; k < l.rows.len; k++)
      reach += within(l.rows.data[k].path, x->name, strlen(x->name)) && has_output(&l.rows.data[k]);
    if (x->fn == UINT32_MAX || reach > x->reach) x->fn = fn, x->reach = reach;
  }
}

static Layers keep_models(const Layers *all, Models *m, uint32_t fn, bool whole) {
  Layers kept = {.a = all->a, .names = all->names};
  for (size_t i = 0; i < all->rows.len; i++) {
    const Layer *r = &all->rows.data[i];
    bool work = r->figure[FIG_MACS] || r->figure[FIG_FLOPS];
    if (*r->path ? model_of(m, r->path)->fn == fn : whole && (work || r->stores))
      vec_push(all->a, &kept.rows, *r);
  }
  return kept;
}

static InfoTable table_of(const Program *p, Models *m, uint32_t fn, int64_t n, bool whole) {
  Layers all = info_layers(p, &p->fns[fn], n, m->a);
  InfoTable t = {.fn = fn, .layers = keep_models(&all, m, fn, whole)};
  t.composites = composites_find(p->fns[fn].g, m->a, &t.n_composites);
  return t;
}

Info info_facts(const Program *p, int64_t n, int32_t only, Arena *a) {
  static const FnKind order[] = {FN_EXPORT, FN_EVAL, FN_STEP, FN_UPDATE, FN_THEN, FN_FINISH};
  Info r = {.p = p};
  Models m = {.a = a};
  InfoFn *fns = ARENA_ARRAY(a, p->n_fns, InfoFn);
  for (uint32_t i = 0; i < p->n_fns; i++) fns[i] = function_facts(&p->fns[i], n, a);
  r.fns = fns;
  for (size_t k = 0; only < 0 && k < sizeof order / sizeof *order; k++)
    for (uint32_t i = 0; i < p->n_fns; i++)
      if (p->fns[i].kind == order[k]) consider(&m, p, i);
  if (only >= 0) consider(&m, p, (uint32_t)only);
  for (uint32_t i = 0; i < p->n_fns; i++) {
    bool shows = only == (int32_t)i;
    for (size_t k = 0; k < m.list.len; k++) shows |= m.list.data[k].fn == i;
    if (!shows) continue;
    InfoTable t = table_of(p, &m, i, fns[i].n, only >= 0);
    if (t.layers.rows.len) vec_push(a, &r.tables, t);
  }
  return r;
}
