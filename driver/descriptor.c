// Field by field from the Program; only the stores' offsets and the table of places are made here.
#include "driver/descriptor.h"

#include "ir/parts.h"
#include "ir/print.h"
#include "passes/trap.h"

#include <assert.h>

size_t elements(const Shape *s, int64_t n) {
  size_t count = 1;
  for (uint32_t i = 0; i < s->rank; i++) count *= (size_t)(s->d[i].a * n + s->d[i].b);
  return count;
}

bool node_may_fault(const Node *n) {
  return n->op == OP_GATHER || n->op == OP_SCATTER_ADD || n->op == OP_ASSERT ||
         ((n->op == OP_FLOORDIV || n->op == OP_MOD) && !dtype_is_real(n->dtype));
}

static const int64_t *static_dims(const Shape *s, Arena *a) {
  int64_t *dims = ARENA_ARRAY(a, s->rank, int64_t);
  for (uint32_t i = 0; i < s->rank; i++) dims[i] = s->d[i].b;
  return dims;
}

static nn_arg make_arg(const char *name, DType t, const Shape *s, nn_use use, Arena *a) {
  int64_t *slope = ARENA_ARRAY(a, s->rank, int64_t);
  for (uint32_t i = 0; i < s->rank; i++) slope[i] = s->d[i].a;
  return (nn_arg){name, (nn_dtype)t, (int)s->rank, slope, static_dims(s, a), use};
}

static const int *ints(const uint32_t *from, uint32_t n, Arena *a) {
  int *to = ARENA_ARRAY(a, n, int);
  for (uint32_t i = 0; i < n; i++) to[i] = (int)from[i];
  return to;
}

static void make_stores(nn_model *m, const Program *p, Arena *a) {
  nn_store *stores = ARENA_ARRAY(a, p->n_stores, nn_store);
  size_t at = 0;
  for (uint32_t i = 0; i < p->n_stores; i++) {
    const Store *s = &p->stores[i];
    stores[i] = (nn_store){.name = s->name,
                           .kind = (nn_store_kind)s->kind,
                           .dtype = (nn_dtype)s->dtype,
                           .rank = (int)s->shape.rank,
                           .dims = static_dims(&s->shape, a),
                           .count = elements(&s->shape, 0),
                           .offset = at,
                           .npy = s->npy};
    at += (stores[i].count * dtype_bytes(s->dtype) + 63) / 64 * 64;
  }
  m->stores = stores;
  m->n_stores = (int)p->n_stores;
  m->arena_bytes = at ? at : 64;
}

static const int *reads_of(const Program *p, const Function *f, int *n, Arena *a) {
  StoreUse *uses = ARENA_ARRAY(a, p->n_stores, StoreUse);
  int *reads = ARENA_ARRAY(a, p->n_stores, int);
  graph_store_uses(f->g, uses);
  *n = 0;
  for (uint32_t i = 0; i < p->n_stores; i++)
    if (uses[i].read) reads[(*n)++] = (int)i;
  return reads;
}

static nn_function make_function(const Program *p, const Function *f, Arena *a) {
  nn_arg *in = ARENA_ARRAY(a, f->n_inputs, nn_arg), *out = ARENA_ARRAY(a, f->g->n_roots, nn_arg);
  int n_out = 0, n_reads;
  const int *reads = reads_of(p, f, &n_reads, a);
  for (uint32_t i = 0; i < f->n_inputs; i++)
    in[i] = make_arg(f->inputs[i].name, f->inputs[i].dtype, &f->inputs[i].shape, NN_USE_VALUE, a);
  for (uint32_t i = 0; i < f->g->n_roots; i++) {
    const Node *root = graph_node(f->g, f->g->roots[i]);
    const RootInfo *r = &f->roots[i];
    nn_use use = r->kind == ROOT_REPORTED  ? NN_USE_REPORTED
                 : r->kind == ROOT_PRINTED ? NN_USE_PRINTED
                 : r->kind == ROOT_LINE    ? NN_USE_LINE
                                           : NN_USE_VALUE;
    if (r->kind != ROOT_EFFECT) out[n_out++] = make_arg(r->name, root->dtype, root->shape, use, a);
  }
  return (nn_function){.name = f->name,
                       .n_in = (int)f->n_inputs,
                       .n_out = n_out,
                       .in = in,
                       .out = out,
                       .bound = f->g->symbol ? (size_t)f->g->bound : 0,
                       .min_n = 1,
                       .reads = reads,
                       .n_reads = n_reads};
}

typedef struct Traps {
  const SourceMap *sources;
  nn_place *next;
  Arena *a;
} Traps;

static void add_trap(void *user, const Node *n) {
  Traps *t = user;
  *t->next++ = (nn_place){span_text_here(t->sources, n->span, t->a), node_title(n, t->a), -1};
}

// Every node that may fault is a place, by function and then by id; then those that NaNs are traced to
// (Node.trap).
static void make_functions(nn_model *m, const Program *p, Arena *a) {
  nn_function *fns = ARENA_ARRAY(a, p->n_fns, nn_function);
  int *exports = ARENA_ARRAY(a, p->n_fns, int);
  uint32_t n_places = 0;
  for (uint32_t i = 0; i < p->n_fns; i++) {
    fns[i] = make_function(p, &p->fns[i], a);
    if (p->fns[i].kind == FN_EXPORT) exports[m->n_exports++] = (int)i;
    for (NodeId id = 0; id < p->fns[i].g->len; id++) n_places += node_may_fault(graph_node(p->fns[i].g, id));
  }
  n_places += p->n_traps;
  nn_place *places = ARENA_ARRAY(a, n_places, nn_place), *next = places;
  for (uint32_t i = 0; i < p->n_fns; i++) {
    for (NodeId id = 0; id < p->fns[i].g->len; id++) {
      const Node *n = graph_node(p->fns[i].g, id);
      bool indexes = n->op == OP_GATHER || n->op == OP_SCATTER_ADD;
      int input = indexes ? (int)graph_argument_of(p->fns[i].g, n->in[1]) : -1; // UINT32_MAX: -1
      if (node_may_fault(n))
        *next++ = (nn_place){span_text_here(p->sources, n->span, a),
                             n->op == OP_ASSERT ? n->attr.text : op_name(n->op), input};
    }
  }
  program_traps(p, add_trap, &(Traps){p->sources, next, a});
  m->fns = fns;
  m->n_fns = (int)p->n_fns;
  m->exports = exports;
  m->places = places;
  m->n_places = (int)n_places;
}

static nn_source make_source(const DataSource *s, Arena *a) {
  size_t count = elements(&s->shape, 0), n_rows = s->rows ? (size_t)s->n_rows : 0;
  double *rows = ARENA_ARRAY(a, n_rows * count, double);
  for (size_t i = 0; i < n_rows * count; i++)
    rows[i] = dtype_is_real(s->dtype) ? s->rows[i].f : (double)s->rows[i].i;
  return (nn_source){.kind = (nn_source_kind)s->kind,
                     .field = s->field,
                     .path = s->path,
                     .dtype = (nn_dtype)s->dtype,
                     .rank = (int)s->shape.rank,
                     .dims = static_dims(&s->shape, a),
                     .count = count,
                     .columns = s->columns,
                     .column_names = s->column_names,
                     .n_columns = s->n_columns,
                     .header = s->header,
                     .sep = s->sep,
                     .rows = s->rows ? rows : NULL,
                     .n_rows = n_rows,
                     .parts = s->split ? s->parts : NULL,
                     .n_parts = s->split ? s->n_parts : 0,
                     .part = s->part,
                     .split_seed = s->split_seed,
                     .reshape = s->reshape,
                     .member = s->member,
                     .stride = (size_t)s->stride};
}

static void make_data(nn_model *m, const Program *p, Arena *a) {
  nn_data *data = ARENA_ARRAY(a, p->n_data, nn_data);
  for (uint32_t i = 0; i < p->n_data; i++) {
    const DataSet *d = &p->data[i];
    nn_source *sources = ARENA_ARRAY(a, d->n_sources, nn_source);
    nn_field *fields = ARENA_ARRAY(a, d->n_fields, nn_field);
    for (uint32_t k = 0; k < d->n_sources; k++) sources[k] = make_source(&d->sources[k], a);
    for (uint32_t k = 0; k < d->n_fields; k++) {
      const DataField *f = &d->fields[k];
      fields[k] = (nn_field){f->name,
                             (nn_dtype)f->dtype,
                             (int)f->shape.rank,
                             static_dims(&f->shape, a),
                             elements(&f->shape, 0),
                             f->source,
                             f->result};
    }
    data[i] = (nn_data){.name = d->name,
                        .label = d->label,
                        .sources = sources,
                        .n_sources = (int)d->n_sources,
                        .fields = fields,
                        .n_fields = (int)d->n_fields,
                        .prepare = d->prepare,
                        .shuffle = d->shuffle,
                        .pure = d->prepare >= 0 && !graph_draws(p->fns[d->prepare].g)};
  }
  m->data = data;
  m->n_data = (int)p->n_data;
}

static nn_eval make_eval(const Program *p, const PlanEval *e, Arena *a) {
  return (nn_eval){.name = e->name,
                   .data = (int)e->data,
                   .fn = (int)e->fn,
                   .init = e->init,
                   .finish = e->finish,
                   .batch = e->batch,
                   .every = e->every,
                   .inputs = ints(e->inputs, p->fns[e->fn].n_inputs, a)};
}

static const nn_loop *make_loop(const Program *p, const PlanLoop *l, Arena *a) {
  uint32_t n_in = l->n_streams ? p->fns[l->step].n_inputs : 0;
  nn_stream_field *inputs = ARENA_ARRAY(a, n_in, nn_stream_field);
  nn_eval *evals = ARENA_ARRAY(a, l->n_evals, nn_eval);
  for (uint32_t i = 0; i < n_in; i++)
    inputs[i] = (nn_stream_field){(int)l->inputs[i].stream, (int)l->inputs[i].field};
  for (uint32_t i = 0; i < l->n_evals; i++) evals[i] = make_eval(p, &l->evals[i], a);
  nn_loop *out = ARENA_NEW(a, nn_loop);
  *out = (nn_loop){.epochs = l->epochs,
                   .batch = l->batch,
                   .count = l->count,
                   .first = l->first,
                   .drop_last = l->drop_last,
                   .streams = ints(l->streams, l->n_streams, a),
                   .n_streams = (int)l->n_streams,
                   .inputs = inputs,
                   .step = (int)l->step,
                   .then = l->then,
                   .evals = evals,
                   .n_evals = (int)l->n_evals,
                   .patience = l->patience,
                   .watch = l->watch,
                   .mode_max = l->mode_max,
                   .accumulate = l->accumulate,
                   .apply = l->apply,
                   .invariant = l->invariant};
  return out;
}

static nn_plan_item make_item(const Program *p, const PlanItem *i, Arena *a) {
  nn_plan_item out = {.kind = (nn_plan_kind)i->kind, .phase = i->phase, .since = (int)i->since};
  switch (i->kind) {
  case PLAN_LOOP: out.loop = make_loop(p, &i->u.loop, a); break;
  case PLAN_EVAL: {
    nn_eval e = make_eval(p, &i->u.eval, a);
    out.eval = arena_copy(a, &e, sizeof e);
    break;
  }
  case PLAN_SAVE:
  case PLAN_LOAD: {
    const PlanFile *f = &i->u.file;
    nn_file file = {f->file, ints(f->stores, f->n, a), f->names, (int)f->n, f->partial, f->map};
    out.file = arena_copy(a, &file, sizeof file);
    break;
  }
  case PLAN_UPDATE: out.fn = (int)i->u.fn; break;
  }
  return out;
}

static void make_trains(nn_model *m, const Program *p, Arena *a) {
  nn_train *trains = ARENA_ARRAY(a, p->n_trains, nn_train);
  for (uint32_t i = 0; i < p->n_trains; i++) {
    const Train *t = &p->trains[i];
    nn_plan_item *items = ARENA_ARRAY(a, t->n_items, nn_plan_item);
    for (uint32_t k = 0; k < t->n_items; k++) items[k] = make_item(p, &t->items[k], a);
    trains[i] = (nn_train){t->name, t->has_seed, t->seed, items, (int)t->n_items};
  }
  m->trains = trains;
  m->n_trains = (int)p->n_trains;
}

static void make_parts(nn_model *m, const Program *p, Arena *a) {
  uint32_t n;
  const Part *from = program_parts(p, &n, a);
  nn_part *parts = ARENA_ARRAY(a, n, nn_part);
  for (uint32_t i = 0; i < n; i++) parts[i] = (nn_part){from[i].what, from[i].hash};
  m->parts = parts;
  m->n_parts = (int)n;
}

nn_model *descriptor_make(const Program *p, const char *version, bool keep_subnormals, Arena *a) {
  assert((int)DT_F32 == NN_F32 && (int)DT_I32 == NN_I32 && (int)DT_MASK == NN_MASK);
  assert((int)STORE_INVARIANT == NN_INVARIANT && (int)SRC_EXTERN == NN_SRC_EXTERN &&
         (int)PLAN_UPDATE == NN_PLAN_UPDATE);
  nn_model *m = ARENA_NEW(a, nn_model);
  *m = (nn_model){.name = p->name,
                  .version = version,
                  .real = (nn_dtype)p->real,
                  .init = (int)p->init,
                  .flush_subnormals = !keep_subnormals,
                  .trap_nan = p->n_traps > 0};
  make_stores(m, p, a);
  make_functions(m, p, a);
  make_data(m, p, a);
  make_trains(m, p, a);
  make_parts(m, p, a);
  nn_option *options = ARENA_ARRAY(a, p->n_options, nn_option);
  for (uint32_t i = 0; i < p->n_options; i++)
    options[i] = (nn_option){p->options[i].name, p->options[i].value};
  m->options = options;
  m->n_options = (int)p->n_options;
  return m;
}
