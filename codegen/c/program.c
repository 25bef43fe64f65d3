// The constant descriptor of nn_model.h, table by table, and main().
#include "codegen/c/unit.h"

#include "codegen/c/names.h"

#include "ir/parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *const dtype_names[DT_COUNT] = {
    [DT_F32] = "NN_F32", [DT_F64] = "NN_F64",  [DT_F16] = "NN_F16", [DT_BF16] = "NN_BF16",
    [DT_I8] = "NN_I8",   [DT_I16] = "NN_I16",  [DT_I32] = "NN_I32", [DT_I64] = "NN_I64",
    [DT_U8] = "NN_U8",   [DT_MASK] = "NN_MASK"};
static const char *const store_kinds[] = {
    [STORE_PARAM] = "NN_PARAM",        [STORE_STATE] = "NN_STATE", [STORE_EVAL_STATE] = "NN_EVAL_STATE",
    [STORE_SLOT] = "NN_SLOT",          [STORE_COUNT] = "NN_COUNT", [STORE_SUM] = "NN_SUM",
    [STORE_INVARIANT] = "NN_INVARIANT"};
static const char *const source_kinds[] = {
    [SRC_IDX] = "NN_SRC_IDX",      [SRC_CSV] = "NN_SRC_CSV", [SRC_NPY] = "NN_SRC_NPY",
    [SRC_ROWS] = "NN_SRC_ROWS",    [SRC_RAW] = "NN_SRC_RAW", [SRC_CIFAR] = "NN_SRC_CIFAR",
    [SRC_TEXT] = "NN_SRC_TEXT",    [SRC_NPZ] = "NN_SRC_NPZ", [SRC_IMAGES] = "NN_SRC_IMAGES",
    [SRC_EXTERN] = "NN_SRC_EXTERN"};
static const char *const plan_kinds[] = {[PLAN_LOOP] = "NN_PLAN_LOOP",
                                         [PLAN_EVAL] = "NN_PLAN_EVAL",
                                         [PLAN_SAVE] = "NN_PLAN_SAVE",
                                         [PLAN_LOAD] = "NN_PLAN_LOAD",
                                         [PLAN_UPDATE] = "NN_PLAN_UPDATE"};

// `static const T name[] = {`; an empty table is NULL where it is used, and not printed.
static void open_table(Unit *u, const char *type, const char *name) {
  sb_printf(u->out, "static const %s %s[] = {\n", type, name);
}
static void close_table(Unit *u) { sb_puts(u->out, "};\n"); }

static const char *or_null(Unit *u, bool present, const char *fmt, uint32_t a, uint32_t b) {
  return present ? arena_printf(u->a, fmt, a, b) : "NULL";
}

static void put_ints(Unit *u, const char *type, const char *name, const int64_t *v, uint32_t n) {
  if (n == 0) return;
  sb_printf(u->out, "static const %s %s[] = {", type, name);
  for (uint32_t i = 0; i < n; i++) sb_printf(u->out, "%s%" PRId64, i ? ", " : "", v[i]);
  sb_puts(u->out, "};\n");
}

// ---- dimensions: equal ones are one array, "dims_2x3"; "m1" is -1

static const char *dims_name(Unit *u, const Shape *s, bool coefficients) {
  if (s->rank == 0) return "NULL";
  char name[8 + 22 * MAX_RANK] = "dims";
  size_t n = strlen(name);
  for (uint32_t i = 0; i < s->rank; i++) {
    int64_t v = coefficients ? s->d[i].a : s->d[i].b;
    uint64_t size = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    n += (size_t)sprintf(name + n, "%c%s%" PRIu64, i ? 'x' : '_', v < 0 ? "m" : "", size);
  }
  return intern_n(u->names, name, n);
}

// Prints the array, where it is new; before the table that names it.
static void put_dims(Unit *u, const Shape *s, bool coefficients) {
  const char *name = dims_name(u, s, coefficients);
  int64_t v[MAX_RANK];
  uint32_t known;
  if (s->rank == 0 || map_get(&u->dims, map_key(name), &known)) return;
  map_put(u->a, &u->dims, map_key(name), 0);
  for (uint32_t i = 0; i < s->rank; i++) v[i] = coefficients ? s->d[i].a : s->d[i].b;
  put_ints(u, "int64_t", name, v, s->rank);
}

static void put_indices(Unit *u, const char *name, const uint32_t *v, uint32_t n) {
  int64_t *wide = ARENA_ARRAY(u->a, n, int64_t);
  for (uint32_t i = 0; i < n; i++) wide[i] = v[i];
  put_ints(u, "int", name, wide, n);
}

// ---- stores

static void print_stores(Unit *u) {
  for (uint32_t i = 0; i < u->p->n_stores; i++) put_dims(u, &u->p->stores[i].shape, false);
  if (u->p->n_stores == 0) return;
  open_table(u, "nn_store", "stores");
  for (uint32_t i = 0; i < u->p->n_stores; i++) {
    const Store *s = &u->p->stores[i];
    sb_puts(u->out, "  {");
    put_string(u->out, s->name);
    sb_printf(u->out, ", %s, %s, %u, %s, %" PRId64 ", %" PRIu64 ", ", store_kinds[s->kind],
              dtype_names[s->dtype], s->shape.rank, dims_name(u, &s->shape, false),
              shape_elements(&s->shape, 1), u->plan.store_offsets[i]);
    put_string(u->out, s->npy);
    sb_puts(u->out, "},\n");
  }
  close_table(u);
}

// ---- functions

static void print_args_dims(Unit *u, const Shape *s) {
  put_dims(u, s, true);
  put_dims(u, s, false);
}

static void print_arg(Unit *u, const char *name, DType t, const Shape *s, RootKind kind) {
  static const char *const uses[] = {[ROOT_RESULT] = "NN_USE_VALUE",
                                     [ROOT_REPORT] = "NN_USE_VALUE",
                                     [ROOT_REPORTED] = "NN_USE_REPORTED",
                                     [ROOT_PRINTED] = "NN_USE_PRINTED",
                                     [ROOT_LINE] = "NN_USE_LINE"};
  const char *use = uses[kind];
  sb_puts(u->out, "  {");
  put_string(u->out, name ? name : "");
  sb_printf(u->out, ", %s, %u, %s, %s, %s},\n", dtype_names[t], s->rank, dims_name(u, s, true),
            dims_name(u, s, false), use);
}

static uint32_t n_outputs(const Function *f) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < f->g->n_roots; i++) n += f->roots[i].kind != ROOT_EFFECT;
  return n;
}

static void print_outputs(Unit *u, uint32_t id, bool dims) {
  const Function *f = &u->p->fns[id];
  for (uint32_t i = 0; i < f->g->n_roots; i++) {
    const Node *n = graph_node(f->g, f->g->roots[i]);
    if (f->roots[i].kind == ROOT_EFFECT) continue;
    if (dims)
      print_args_dims(u, n->shape);
    else
      print_arg(u, f->roots[i].name, n->dtype, n->shape, f->roots[i].kind);
  }
}

// The stores that a call reads, as `fnN_reads`; gives their number.
static uint32_t print_reads(Unit *u, uint32_t id) {
  StoreUse *uses = ARENA_ARRAY(u->a, u->p->n_stores, StoreUse);
  int64_t *reads = ARENA_ARRAY(u->a, u->p->n_stores, int64_t);
  uint32_t n = 0;
  graph_store_uses(u->p->fns[id].g, uses);
  for (uint32_t i = 0; i < u->p->n_stores; i++)
    if (uses[i].read) reads[n++] = i;
  put_ints(u, "int", arena_printf(u->a, "fn%u_reads", id), reads, n);
  return n;
}

static void print_function_tables(Unit *u, uint32_t id) {
  const Function *f = &u->p->fns[id];
  for (uint32_t i = 0; i < f->n_inputs; i++) print_args_dims(u, &f->inputs[i].shape);
  print_outputs(u, id, true);
  if (f->n_inputs) {
    open_table(u, "nn_arg", arena_printf(u->a, "fn%u_in", id));
    for (uint32_t i = 0; i < f->n_inputs; i++)
      print_arg(u, f->inputs[i].name, f->inputs[i].dtype, &f->inputs[i].shape, ROOT_RESULT);
    close_table(u);
  }
  if (n_outputs(f)) {
    open_table(u, "nn_arg", arena_printf(u->a, "fn%u_out", id));
    print_outputs(u, id, false);
    close_table(u);
  }
}

static void print_functions(Unit *u) {
  uint32_t *n_reads = ARENA_ARRAY(u->a, u->p->n_fns, uint32_t);
  for (uint32_t i = 0; i < u->p->n_fns; i++) {
    print_function_tables(u, i);
    n_reads[i] = print_reads(u, i);
  }
  open_table(u, "nn_function", "functions");
  for (uint32_t i = 0; i < u->p->n_fns; i++) {
    const Function *f = &u->p->fns[i];
    sb_puts(u->out, "  {");
    put_string(u->out, f->name);
    sb_printf(u->out, ", %s, %u, %u, %s, %s, %" PRId64 ", 1, %s, %u},\n",
              u->d->own_table ? "NULL" : function_name(u, i), f->n_inputs, n_outputs(f),
              or_null(u, f->n_inputs > 0, "fn%u_in", i, 0), or_null(u, n_outputs(f) > 0, "fn%u_out", i, 0),
              f->g->symbol ? f->g->bound : 0, or_null(u, n_reads[i] > 0, "fn%u_reads", i, 0), n_reads[i]);
  }
  close_table(u);
  int64_t *exports = ARENA_ARRAY(u->a, u->p->n_fns, int64_t);
  uint32_t n = 0;
  for (uint32_t i = 0; i < u->p->n_fns; i++)
    if (u->p->fns[i].kind == FN_EXPORT) exports[n++] = i;
  put_ints(u, "int", "exports", exports, n);
}

// ---- data

static void print_source_arrays(Unit *u, uint32_t data, uint32_t i, const DataSource *s) {
  const char *base = arena_printf(u->a, "data%u_source%u", data, i);
  put_dims(u, &s->shape, false);
  if (s->columns) {
    sb_printf(u->out, "static const int32_t %s_columns[] = {", base);
    for (uint32_t k = 0; k < s->n_columns; k++) sb_printf(u->out, "%s%" PRId32, k ? ", " : "", s->columns[k]);
    sb_puts(u->out, "};\n");
  }
  if (s->column_names) {
    sb_printf(u->out, "static const char *const %s_names[] = {", base);
    for (uint32_t k = 0; k < s->n_columns; k++) {
      if (k) sb_puts(u->out, ", ");
      put_string(u->out, s->column_names[k]);
    }
    sb_puts(u->out, "};\n");
  }
  int64_t values = s->rows ? s->n_rows * shape_elements(&s->shape, 1) : 0;
  if (values > 0) {
    sb_printf(u->out, "static const double %s_rows[] = {", base);
    for (int64_t k = 0; k < values; k++) {
      double v = dtype_is_real(s->dtype) ? s->rows[k].f : (double)s->rows[k].i;
      sb_printf(u->out, "%s%s", k == 0 ? "" : k % 8 ? ", " : ",\n    ", text_real(u->a, DT_F64, v));
    }
    sb_puts(u->out, "};\n");
  }
  if (s->n_parts) {
    sb_printf(u->out, "static const double %s_parts[] = {", base);
    for (uint32_t k = 0; k < s->n_parts; k++)
      sb_printf(u->out, "%s%s", k ? ", " : "", text_real(u->a, DT_F64, s->parts[k]));
    sb_puts(u->out, "};\n");
  }
}

static const char *member(Unit *u, const char *base, bool present, const char *name) {
  return present ? arena_printf(u->a, "%s_%s", base, name) : "NULL";
}

static void print_source(Unit *u, uint32_t data, uint32_t i, const DataSource *s) {
  const char *base = arena_printf(u->a, "data%u_source%u", data, i);
  int64_t count = shape_elements(&s->shape, 1);
  bool rows = s->rows && s->n_rows * count > 0;
  sb_printf(u->out, "  {%s, ", source_kinds[s->kind]);
  put_string(u->out, s->field);
  sb_puts(u->out, ", ");
  put_string(u->out, s->path);
  sb_printf(u->out, ", %s, %u, %s, %" PRId64 ", ", dtype_names[s->dtype], s->shape.rank,
            dims_name(u, &s->shape, false), count);
  sb_printf(u->out, "%s, %s, %u, %d, %d, ", member(u, base, s->columns != NULL, "columns"),
            member(u, base, s->column_names != NULL, "names"), s->n_columns, s->header,
            s->sep ? s->sep : ',');
  sb_printf(u->out, "%s, %" PRId64 ", %s, %u, %u, UINT64_C(%" PRIu64 "), %d, ", member(u, base, rows, "rows"),
            s->rows ? s->n_rows : 0, member(u, base, s->n_parts > 0, "parts"), s->n_parts, s->part,
            s->split_seed, s->reshape);
  put_string(u->out, s->member);
  sb_printf(u->out, ", %" PRId64 "},\n", s->stride);
}

static void print_data_tables(Unit *u, uint32_t d) {
  const DataSet *s = &u->p->data[d];
  for (uint32_t i = 0; i < s->n_sources; i++) print_source_arrays(u, d, i, &s->sources[i]);
  if (s->n_sources) {
    open_table(u, "nn_source", arena_printf(u->a, "data%u_sources", d));
    for (uint32_t i = 0; i < s->n_sources; i++) print_source(u, d, i, &s->sources[i]);
    close_table(u);
  }
  for (uint32_t i = 0; i < s->n_fields; i++) put_dims(u, &s->fields[i].shape, false);
  if (s->n_fields == 0) return;
  open_table(u, "nn_field", arena_printf(u->a, "data%u_fields", d));
  for (uint32_t i = 0; i < s->n_fields; i++) {
    const DataField *f = &s->fields[i];
    sb_puts(u->out, "  {");
    put_string(u->out, f->name);
    sb_printf(u->out, ", %s, %u, %s, %" PRId64 ", %" PRId32 ", %" PRId32 "},\n", dtype_names[f->dtype],
              f->shape.rank, dims_name(u, &f->shape, false), shape_elements(&f->shape, 1), f->source,
              f->result);
  }
  close_table(u);
}

static void print_data(Unit *u) {
  for (uint32_t d = 0; d < u->p->n_data; d++) print_data_tables(u, d);
  if (u->p->n_data == 0) return;
  open_table(u, "nn_data", "data");
  for (uint32_t d = 0; d < u->p->n_data; d++) {
    const DataSet *s = &u->p->data[d];
    bool pure = s->prepare >= 0 && !graph_draws(u->p->fns[s->prepare].g);
    sb_puts(u->out, "  {");
    put_string(u->out, s->name);
    sb_puts(u->out, ", ");
    put_string(u->out, s->label);
    sb_printf(u->out, ", %s, %u, %s, %u, %" PRId32 ", %d, %d},\n",
              or_null(u, s->n_sources > 0, "data%u_sources", d, 0), s->n_sources,
              or_null(u, s->n_fields > 0, "data%u_fields", d, 0), s->n_fields, s->prepare, s->shuffle, pure);
  }
  close_table(u);
}

// ---- the train plan

static void put_eval(Unit *u, const PlanEval *e, const char *inputs) {
  sb_puts(u->out, "{");
  put_string(u->out, e->name);
  sb_printf(u->out, ", %u, %u, %" PRId32 ", %" PRId32 ", %" PRId64 ", %" PRId64 ", %s}", e->data, e->fn,
            e->init, e->finish, e->batch, e->every, u->p->fns[e->fn].n_inputs ? inputs : "NULL");
}

static void print_eval_inputs(Unit *u, const PlanEval *e, const char *name) {
  put_indices(u, name, e->inputs, u->p->fns[e->fn].n_inputs);
}

static void print_loop(Unit *u, const char *base, const PlanLoop *l) {
  uint32_t n_inputs = l->inputs ? u->p->fns[l->step].n_inputs : 0;
  put_indices(u, arena_printf(u->a, "%s_streams", base), l->streams, l->n_streams);
  if (n_inputs) {
    sb_printf(u->out, "static const nn_stream_field %s_inputs[] = {", base);
    for (uint32_t i = 0; i < n_inputs; i++)
      sb_printf(u->out, "%s{%u, %u}", i ? ", " : "", l->inputs[i].stream, l->inputs[i].field);
    sb_puts(u->out, "};\n");
  }
  for (uint32_t i = 0; i < l->n_evals; i++)
    print_eval_inputs(u, &l->evals[i], arena_printf(u->a, "%s_eval%u_inputs", base, i));
  if (l->n_evals) {
    open_table(u, "nn_eval", arena_printf(u->a, "%s_evals", base));
    for (uint32_t i = 0; i < l->n_evals; i++) {
      sb_puts(u->out, "  ");
      put_eval(u, &l->evals[i], arena_printf(u->a, "%s_eval%u_inputs", base, i));
      sb_puts(u->out, ",\n");
    }
    close_table(u);
  }
  sb_printf(u->out,
            "static const nn_loop %s_loop = {%" PRId64 ", %" PRId64 ", %" PRId64 ", %" PRId64 ", %d, ", base,
            l->epochs, l->batch, l->count, l->first, l->drop_last);
  sb_printf(u->out, "%s, %u, %s, %u, %" PRId32 ", %s, %u, %" PRId64 ", ",
            member(u, base, l->n_streams > 0, "streams"), l->n_streams,
            member(u, base, n_inputs > 0, "inputs"), l->step, l->then,
            member(u, base, l->n_evals > 0, "evals"), l->n_evals, l->patience);
  put_string(u->out, l->watch);
  sb_printf(u->out, ", %d, %" PRId64 ", %" PRId32 ", %" PRId32 "};\n", l->mode_max, l->accumulate, l->apply,
            l->invariant);
}

static void print_file(Unit *u, const char *base, const PlanFile *f) {
  put_indices(u, arena_printf(u->a, "%s_stores", base), f->stores, f->n);
  if (f->n) {
    sb_printf(u->out, "static const char *const %s_names[] = {", base);
    for (uint32_t i = 0; i < f->n; i++) {
      if (i) sb_puts(u->out, ", ");
      put_string(u->out, f->names[i]);
    }
    sb_puts(u->out, "};\n");
  }
  sb_printf(u->out, "static const nn_file %s_file = {", base);
  put_string(u->out, f->file);
  sb_printf(u->out, ", %s, %s, %u, %d, ", member(u, base, f->n > 0, "stores"),
            member(u, base, f->n > 0, "names"), f->n, f->partial);
  put_string(u->out, f->map);
  sb_puts(u->out, "};\n");
}

static void print_item_parts(Unit *u, const char *base, const PlanItem *item) {
  if (item->kind == PLAN_LOOP) print_loop(u, base, &item->u.loop);
  if (item->kind == PLAN_SAVE || item->kind == PLAN_LOAD) print_file(u, base, &item->u.file);
  if (item->kind != PLAN_EVAL) return;
  print_eval_inputs(u, &item->u.eval, arena_printf(u->a, "%s_inputs", base));
  sb_printf(u->out, "static const nn_eval %s_eval = ", base);
  put_eval(u, &item->u.eval, arena_printf(u->a, "%s_inputs", base));
  sb_puts(u->out, ";\n");
}

static void print_item(Unit *u, const char *base, const PlanItem *item) {
  bool file = item->kind == PLAN_SAVE || item->kind == PLAN_LOAD;
  const char *part = arena_printf(u->a, "&%s", base);
  sb_printf(u->out, "  {%s, ", plan_kinds[item->kind]);
  put_string(u->out, item->phase);
  sb_printf(u->out, ", %u, %s, %s, %s, %d},\n", item->since, member(u, part, item->kind == PLAN_LOOP, "loop"),
            member(u, part, item->kind == PLAN_EVAL, "eval"), member(u, part, file, "file"),
            item->kind == PLAN_UPDATE ? (int)item->u.fn : -1);
}

static void print_trains(Unit *u) {
  for (uint32_t t = 0; t < u->p->n_trains; t++) {
    const Train *train = &u->p->trains[t];
    for (uint32_t i = 0; i < train->n_items; i++)
      print_item_parts(u, arena_printf(u->a, "train%u_item%u", t, i), &train->items[i]);
    if (train->n_items == 0) continue;
    open_table(u, "nn_plan_item", arena_printf(u->a, "train%u_items", t));
    for (uint32_t i = 0; i < train->n_items; i++)
      print_item(u, arena_printf(u->a, "train%u_item%u", t, i), &train->items[i]);
    close_table(u);
  }
  if (u->p->n_trains == 0) return;
  open_table(u, "nn_train", "trains");
  for (uint32_t t = 0; t < u->p->n_trains; t++) {
    const Train *train = &u->p->trains[t];
    sb_puts(u->out, "  {");
    put_string(u->out, train->name);
    sb_printf(u->out, ", %d, UINT64_C(%" PRIu64 "), %s, %u},\n", train->has_seed, train->seed,
              or_null(u, train->n_items > 0, "train%u_items", t, 0), train->n_items);
  }
  close_table(u);
}

static void print_options_and_places(Unit *u) {
  if (u->p->n_options) {
    open_table(u, "nn_option", "options");
    for (uint32_t i = 0; i < u->p->n_options; i++) {
      sb_puts(u->out, "  {");
      put_string(u->out, u->p->options[i].name);
      sb_printf(u->out, ", %s},\n", text_real(u->a, DT_F64, u->p->options[i].value));
    }
    close_table(u);
  }
  if (u->places.len == 0) return;
  open_table(u, "nn_place", "places");
  for (uint32_t i = 0; i < u->places.len; i++) {
    sb_puts(u->out, "  {");
    put_string(u->out, span_text_here(u->p->sources, u->places.data[i].span, u->a));
    sb_puts(u->out, ", ");
    put_string(u->out, u->places.data[i].what);
    sb_printf(u->out, ", %d},\n", u->places.data[i].input);
  }
  close_table(u);
}

// Gives their number.
static uint32_t print_parts(Unit *u) {
  uint32_t n;
  const Part *parts = program_parts(u->p, &n, u->a);
  if (n == 0) return 0;
  open_table(u, "nn_part", "parts");
  for (uint32_t i = 0; i < n; i++) {
    sb_puts(u->out, "  {");
    put_string(u->out, parts[i].what);
    sb_printf(u->out, ", UINT64_C(0x%016" PRIx64 ")},\n", parts[i].hash);
  }
  close_table(u);
  return n;
}

void unit_print_program(Unit *u) {
  u->names = intern_new(u->a);
  const Program *p = u->p;
  uint32_t n_exports = 0;
  unit_mark(u, (Span){0});
  for (uint32_t i = 0; i < p->n_fns; i++) n_exports += p->fns[i].kind == FN_EXPORT;
  print_stores(u);
  print_functions(u);
  print_data(u);
  print_trains(u);
  print_options_and_places(u);
  uint32_t n_parts = print_parts(u);
  sb_puts(u->out, "\nstatic const nn_model model = {\n  ");
  put_string(u->out, p->name);
  sb_puts(u->out, ", ");
  put_string(u->out, u->o->nnc_version ? u->o->nnc_version : "");
  sb_printf(u->out, ", %s, %" PRIu64 ",\n", dtype_names[p->real], u->plan.arena_bytes);
  sb_printf(u->out, "  %s, %u, functions, %u, %" PRId32 ",\n", p->n_stores ? "stores" : "NULL", p->n_stores,
            p->n_fns, (int32_t)p->init);
  sb_printf(u->out, "  %s, %u, %s, %u, %s, %u,\n", n_exports ? "exports" : "NULL", n_exports,
            p->n_data ? "data" : "NULL", p->n_data, p->n_trains ? "trains" : "NULL", p->n_trains);
  sb_printf(u->out, "  %s, %u, %s, %zu, ", p->n_options ? "options" : "NULL", p->n_options,
            u->places.len ? "places" : "NULL", u->places.len);
  sb_printf(u->out, "%s, %u, %d, %d, NULL, NULL, NULL\n};\n\n", n_parts ? "parts" : "NULL", n_parts,
            !u->o->keep_subnormals, p->n_traps > 0);
  u->d->program_end(u);
}
