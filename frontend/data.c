// Data blocks. Each use with its arguments becomes a DataSet: sources that the reader opens, and one function
// of one example for the computed fields (`prepare`), pruned at the end to the fields that steps read.
#include "frontend/data_source.h"

enum { MOST_NAMED = 12 }; // fields that an error lists

// Of two of one name, which is an error, the first is meant.
static void keep_field(Elab *e, DataUse *u, DataFieldUse f) {
  uint32_t k;
  if (!map_get(&u->field_at, map_key(f.name), &k))
    map_put(e->a, &u->field_at, map_key(f.name), (uint32_t)u->fields.len);
  vec_push(e->a, &u->fields, f);
}

static bool computed_field(Elab *e, const Stmt *f, DataFieldUse *out) {
  Value v = eval(e, f->u.field.value);
  const Type *t = f->u.field.type;
  Shape shape;
  DType dt;
  if (!eval_shape(e, t, &shape, &dt, true) || v.kind == V_POISON) return false;
  e->binds_nothing = true;
  bool fits = match_type(e, t, &v, f->u.field.value->span, NULL, "field");
  e->binds_nothing = false;
  if (!fits) return true; // which of them is wrong?
  NodeId n = to_node(e, v, dt, f->u.field.value->span);
  if (n == NO_NODE) return false;
  n = broadcast_to(e, n, &shape, f->u.field.value->span, "the field");
  *out = (DataFieldUse){f->u.field.name.text, f, dt, shape, -1, n, false, false, 0};
  return n != NO_NODE;
}

static void data_setting(Elab *e, DataUse *u, const Stmt *s, Split *block) {
  static const char *const known[] = {"shuffle", "split", "parts", "seed"};
  const char *name = s->u.setting.name.text;
  uint32_t k = 0;
  while (k < 4 && strcmp(known[k], name) != 0) k++;
  if (k == 4 && s->u.setting.value->kind == EX_ERROR) { // a field, perhaps: `x = [3] from …;`
    define(e, name, v_poison(), false, s->u.setting.name.span);
    keep_field(e, u, (DataFieldUse){.name = name, .decl = s, .source = -1, .bad = true});
    return;
  }
  if (k == 4) {
    Diag *g = err(e, DIAG_E0505, s->u.setting.name.span, "a data block has no option `%s`", name);
    const char *near = nearest_of(name, known, 4);
    if (near) diag_label(g, "did you mean `%s`?", near);
    if (!near) diag_note(g, "a field has a type: `%s: [n] = …;`", name);
    keep_field(e, u, (DataFieldUse){.name = name, .decl = s, .source = -1, .bad = true});
    return;
  }
  Value v = eval(e, s->u.setting.value);
  if (split_option(e, name, v, s->u.setting.value->span, block)) return;
  if (strcmp(name, "shuffle") == 0) {
    if (v.kind == V_BOOL)
      u->shuffle = v.u.b;
    else if (v.kind != V_POISON)
      err(e, DIAG_E0502, s->u.setting.value->span, "`shuffle` is true or false");
  }
}

// A field whose source or expression is wrong still has its declared type.
static void erroneous_field(Elab *e, const Stmt *s, DataFieldUse *f) {
  Value v = stand_in(e, s->u.field.type);
  f->bad = v.kind == V_POISON;
  if (f->bad) return;
  f->node = v.u.node;
  f->dtype = node_of(e, f->node)->dtype;
  f->shape = *node_of(e, f->node)->shape;
  f->source = -1;
}

// All sources of one block have one number of examples; that of `rows` is known here.
static void rows_agree(Elab *e, const DataUse *u) {
  const DataSource *first = NULL;
  const Stmt *at = NULL;
  for (size_t i = 0; i < u->fields.len; i++) {
    const DataFieldUse *f = &u->fields.data[i];
    const DataSource *s = !f->bad && f->source >= 0 ? &u->sources.data[f->source] : NULL;
    if (!s || s->kind != SRC_ROWS || s->split) continue;
    if (first && first->n_rows != s->n_rows) {
      Diag *g =
          err(e, DIAG_E0503, f->decl->u.field.value->span, "the sources have different numbers of examples");
      diag_label(g, "%llu, but `%s` has %llu", (unsigned long long)s->n_rows, at->u.field.name.text,
                 (unsigned long long)first->n_rows);
      return;
    }
    if (!first) first = s, at = f->decl;
  }
}

static void data_items(Elab *e, DataUse *u) {
  const StmtList *items = &u->decl->u.data.items;
  Split block = {0};
  for (uint32_t i = 0; i < items->len; i++)
    if (items->data[i]->kind == ST_SETTING) data_setting(e, u, items->data[i], &block);
  for (uint32_t i = 0; i < items->len; i++) {
    const Stmt *s = items->data[i];
    if (s->kind == ST_LET) { // a field with a syntax error
      const Pattern *p = s->u.let.pattern;
      define(e, p->name, v_poison(), false, p->span);
      keep_field(e, u, (DataFieldUse){.name = p->name, .decl = s, .source = -1, .bad = true});
      continue;
    }
    if (s->kind != ST_FIELD_FROM && s->kind != ST_FIELD_COMPUTED) continue;
    DataFieldUse f = {.name = s->u.field.name.text, .decl = s, .source = -1, .bad = true};
    e->data_shuffle = u->shuffle;
    bool ok = s->kind == ST_FIELD_FROM ? source_field(e, u, s, &block, &f) : computed_field(e, s, &f);
    u->shuffle = e->data_shuffle;
    if (!ok) erroneous_field(e, s, &f);
    // What computes with a field that its source does not fit can't be judged: the type may be what is wrong.
    f.bad = f.bad || (!ok && s->kind == ST_FIELD_FROM);
    Value v = f.bad ? v_poison() : v_tensor(e, f.node);
    if (define(e, f.name, v, false, s->u.field.name.span)) keep_field(e, u, f);
  }
  rows_agree(e, u);
  if (u->sources.len == 0 && !diags_errors(e->diags)) {
    Diag *g = err(e, DIAG_E0501, u->decl->u.data.name.span, "the data block `%s` has no source",
                  u->decl->u.data.name.text);
    diag_note(g, "a field is read by `name: type from idx(…);`");
  }
}

DataUse *data_use(Elab *e, const Stmt *decl, Args *args, Span span) {
  DataUse *u = ARENA_NEW(e->a, DataUse);
  u->decl = decl;
  u->shuffle = true;
  u->span = span;
  Ctx *c = ctx_new(e, CTX_FN, FN_PREPARE, arena_printf(e->a, "prepare_%s", decl->u.data.name.text), NULL, 1,
                   decl->span);
  u->prepare = c;
  c->data = decl->u.data.name.text;
  Scope *scope = scope_new(e, home(e, decl->span), SCOPE_LOCAL);
  Saved saved = enter_ctx(e, c, scope);
  bool poison = false, ok = bind_params(e, &decl->u.data.params, args, decl->u.data.name.text, span, &poison);
  u->n_args = decl->u.data.params.len;
  u->args = ARENA_ARRAY(e->a, u->n_args, Value);
  for (uint32_t i = 0; ok && i < u->n_args; i++)
    u->args[i] = scope_local(scope, decl->u.data.params.data[i].name.text)->v;
  DataUse *same = NULL;
  for (size_t i = 0; ok && i < e->data.len && !same; i++) {
    DataUse *o = e->data.data[i];
    same = o->decl == decl ? o : NULL;
    for (uint32_t k = 0; same && k < u->n_args; k++)
      if (!v_equal(o->args[k], u->args[k])) same = NULL;
  }
  if (ok && !same) {
    e->scope = scope_new(e, scope, SCOPE_LOCAL);
    data_items(e, u);
    u->index = (uint32_t)e->data.len;
    vec_push(e->a, &e->data, u);
  }
  leave_ctx(e, saved);
  return !ok ? NULL : same ? same : u;
}

static void no_field(Elab *e, const DataUse *u, const Name *field) {
  const char *data = u->decl->u.data.name.text;
  uint32_t n = (uint32_t)u->fields.len;
  if (lost(e, field->text) || !first_time(e, "field %s.%s", data, field->text) || lacked(e, field->text)) return;
  const char **names = ARENA_ARRAY(e->a, n + 1, const char *);
  for (uint32_t i = 0; i < n; i++) names[i] = u->fields.data[i].name;
  Diag *g = err(e, DIAG_E0209, field->span, "`%s` has no field `%s`", data, field->text);
  const char *near = nearest_of(field->text, names, n);
  if (near) diag_label(g, "did you mean `%s`?", near);
  StrBuf all = {0};
  for (uint32_t i = 0; i < n && i < MOST_NAMED; i++) sb_printf(&all, "%s`%s`", i ? ", " : "", names[i]);
  if (!near && n) diag_note(g, "it has %s%s", sb_text(&all), n > MOST_NAMED ? " …" : "");
  strbuf_free(&all);
}

// A field of the batch as an input of the step being built.
NodeId record_field(Elab *e, DataUse *u, uint32_t stream, const Name *field, DType *t) {
  Ctx *c = e->fn;
  uint32_t k, known;
  if (!map_get(&u->field_at, map_key(field->text), &k)) return no_field(e, u, field), NO_NODE;
  uint64_t place = ((uint64_t)u->index << 32 | k) * MAX_STREAMS + stream;
  if (map_get(&c->field_at, place, &known)) return c->fields[known].node;
  DataFieldUse *f = &u->fields.data[k];
  if (f->bad) return NO_NODE;
  if (!c->has_batch) {
    Diag *g = err(e, DIAG_E0703, field->span, "the batch is not visible here");
    diag_note(g, "`then` and `finish` run once, without a batch");
    return NO_NODE;
  }
  f->used = true;
  *t = f->dtype;
  FnInput in = {.name = f->name, .dtype = f->dtype, .span = field->span};
  if (f->shape.rank + 1 > MAX_RANK)
    return diag_label(err(e, DIAG_E0203, field->span, "a tensor has at most %d axes", MAX_RANK),
                      "in a batch `%s` gets one axis more", f->name),
           NO_NODE;
  in.shape.d[in.shape.rank++] = c->batch_dim;
  for (uint32_t i = 0; i < f->shape.rank; i++) in.shape.d[in.shape.rank++] = f->shape.d[i];
  if (!check_elements(e, &in.shape, f->decl->u.field.name.span)) { // an example may be a batch too large
    f->bad = true;
    return NO_NODE;
  }
  c->b.span = field->span;
  NodeId n = b_input(&c->b, IN_ARG, (uint32_t)c->inputs.len, in.name, in.dtype, in.shape);
  vec_push(e->a, &c->inputs, in);
  if (c->n_fields == c->cap_fields)
    c->fields = vec_room_(e->a, c->fields, c->n_fields, &c->cap_fields, c->cap_fields ? 2 * c->cap_fields : 8,
                          sizeof *c->fields);
  map_put(e->a, &c->field_at, place, (uint32_t)c->n_fields);
  c->fields[c->n_fields].use = u;
  c->fields[c->n_fields].stream = stream;
  c->fields[c->n_fields].field = k;
  c->fields[c->n_fields++].node = n;
  return n;
}

// ---- the end: only what is read

// Of what is marked, all that it is computed of, too: inputs precede users, so it is one sweep down.
static void reach(const Graph *g, NodeId last, bool *seen) {
  for (NodeId i = last + 1; i-- > 0;)
    if (seen[i])
      for (uint32_t k = 0; k < graph_node(g, i)->n_in; k++) seen[graph_node(g, i)->in[k]] = true;
}

// The graph of `prepare` without what nobody reads; map gives each kept node's new id.
static Graph *prune(Elab *e, const Graph *g, const bool *seen, const int32_t *input_index, NodeId *map) {
  Graph *out = graph_beside(g, NULL, 1);
  Builder b = {.g = out, .real = e->real};
  for (NodeId i = 0; i < g->len; i++) {
    if (!seen[i]) continue;
    Node n = *graph_node(g, i);
    NodeId *in = ARENA_ARRAY(e->a, n.n_in, NodeId);
    for (uint32_t k = 0; k < n.n_in; k++) in[k] = map[n.in[k]];
    if (n.op == OP_INPUT) n.attr.input.index = (uint32_t)input_index[n.attr.input.index];
    map[i] = b_copy(&b, &n, in);
  }
  return out;
}

// Assertions, the only effects of `prepare`: one is kept where all that it is about is read anyway.
static void reach_assertions(Elab *e, const DataUse *u, const bool *need, bool *seen) {
  const Graph *g = u->prepare->b.g;
  bool *below = ARENA_ARRAY(e->a, g->len + 1, bool);
  for (size_t r = 0; r < u->prepare->roots.len; r++) {
    bool all = true;
    memset(below, 0, g->len);
    below[u->prepare->roots.data[r]] = true;
    reach(g, u->prepare->roots.data[r], below);
    for (size_t i = 0; i < u->sources.len; i++) all &= need[i] || !below[u->source_nodes.data[i]];
    for (NodeId i = 0; all && i < g->len; i++) seen[i] |= below[i];
  }
}

// What the steps need of the sources: the fields they read and those that computed fields are made of.
static void finish_use(Elab *e, DataUse *u, DataSet *out, const char *label) {
  const Graph *g = u->prepare->b.g;
  bool *seen = ARENA_ARRAY(e->a, g->len + 1, bool);
  NodeId *map = ARENA_ARRAY(e->a, g->len + 1, NodeId);
  uint32_t n = (uint32_t)u->sources.len, n_fields = 0, results = 0, kept = 0;
  bool *need = ARENA_ARRAY(e->a, n + 1, bool), any = false;
  DataField *fields = ARENA_ARRAY(e->a, u->fields.len, DataField);
  DataSource *sources = ARENA_ARRAY(e->a, n, DataSource);
  int32_t *index = ARENA_ARRAY(e->a, n + 1, int32_t);
  for (size_t i = 0; i < u->fields.len; i++) {
    const DataFieldUse *f = &u->fields.data[i];
    if (f->used && f->source >= 0) need[f->source] = true;
    if (f->used && f->source < 0) seen[f->node] = true;
  }
  if (g->len) reach(g, g->len - 1, seen);
  for (uint32_t i = 0; i < n; i++) any |= need[i] |= seen[u->source_nodes.data[i]];
  if (!any && n) need[0] = true; // the number of examples still counts
  reach_assertions(e, u, need, seen);
  for (uint32_t i = 0; i < n; i++) {
    index[i] = (int32_t)kept;
    if (!need[i]) continue;
    const DataSource *s = &u->sources.data[i];
    seen[u->source_nodes.data[i]] = true; // every source is an argument, read or not
    vec_push(e->a, &u->prepare->inputs, ((FnInput){s->field, s->dtype, s->shape, s->span}));
    sources[kept++] = *s;
  }
  u->prepare->b.g = prune(e, g, seen, index, map);
  VEC(NodeId) asserted = {0};
  for (size_t r = 0; r < u->prepare->roots.len; r++)
    if (seen[u->prepare->roots.data[r]]) vec_push(e->a, &asserted, map[u->prepare->roots.data[r]]);
  u->prepare->roots.len = u->prepare->root_info.len = 0;
  for (size_t i = 0; i < u->fields.len; i++) {
    DataFieldUse *f = &u->fields.data[i];
    if (!f->used) continue;
    bool computed = f->source < 0;
    fields[n_fields] = (DataField){f->name, f->dtype, f->shape, computed ? -1 : index[f->source],
                                   computed ? (int32_t)results++ : -1};
    if (computed) add_root(e, u->prepare, map[f->node], ROOT_RESULT, f->name);
    f->final = n_fields++;
  }
  for (size_t r = 0; r < asserted.len; r++) add_root(e, u->prepare, asserted.data[r], ROOT_EFFECT, NULL);
  *out = (DataSet){.name = u->decl->u.data.name.text,
                   .label = label,
                   .sources = sources,
                   .n_sources = kept,
                   .fields = fields,
                   .n_fields = n_fields,
                   .prepare = -1,
                   .shuffle = u->shuffle,
                   .span = u->decl->span};
  if (results) out->prepare = (int32_t)ctx_finish(e, u->prepare);
}

void data_finish(Elab *e, Program *p) {
  DataSet *sets = ARENA_ARRAY(e->a, e->data.len, DataSet);
  for (size_t i = 0; i < e->data.len; i++) {
    uint32_t before = 0;
    for (size_t k = 0; k < i; k++) before += e->data.data[k]->decl == e->data.data[i]->decl;
    const char *name = e->data.data[i]->decl->u.data.name.text;
    finish_use(e, e->data.data[i], &sets[i], before ? arena_printf(e->a, "%s_%u", name, before + 1) : name);
  }
  for (size_t i = 0; i < e->patches.len; i++)
    *e->patches.data[i].field = e->patches.data[i].use->fields.data[*e->patches.data[i].field].final;
  p->data = sets;
  p->n_data = (uint32_t)e->data.len;
}
