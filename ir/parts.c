// A part's hash is that of its text. Functions have one already (ir/print.h); data and plan are written here.
#include "ir/parts.h"

#include "ir/base/strbuf.h"
#include "ir/print.h"

#include <inttypes.h>

// FNV-1a.
static uint64_t hash_bytes(uint64_t h, const void *p, size_t n) {
  for (size_t i = 0; i < n; i++) h = (h ^ ((const unsigned char *)p)[i]) * UINT64_C(0x100000001b3);
  return h;
}

static uint64_t hash_text(StrBuf *text) {
  uint64_t h = hash_bytes(UINT64_C(0xcbf29ce484222325), sb_text(text), text->len);
  strbuf_free(text);
  return h;
}

// ---- functions

// What the text leaves out: the elements of constants but the first few, and the multipliers of parameters.
static uint64_t hash_rest(uint64_t h, const Program *p, const Graph *g) {
  for (NodeId id = 0; id < g->len; id++) {
    const Node *n = graph_node(g, id);
    if (n->op == OP_CONST)
      h = hash_bytes(h, n->attr.konst.data, (size_t)n->attr.konst.count * sizeof(Scalar));
    if (n->op == OP_SCAN) h = hash_rest(h, p, n->attr.scan->body);
    for (uint32_t i = 0; n->op == OP_OPTIMIZE && i < n->attr.optimize->n; i++) {
      const Store *s = &p->stores[n->attr.optimize->stores[i]];
      h = hash_bytes(hash_bytes(h, &s->lr_mult, sizeof s->lr_mult), &s->decay_mult, sizeof s->decay_mult);
    }
  }
  return h;
}

static uint64_t function_hash(const Program *p, const Function *f) {
  Program nowhere = *p;
  StrBuf text = {0};
  nowhere.sources = NULL; // no places
  function_print(&nowhere, f, &text);
  return hash_rest(hash_text(&text), p, f->g);
}

// ---- data

static void put_shape(StrBuf *out, DType t, const Shape *s) {
  sb_printf(out, " %s", dtype_name(t));
  shape_print(out, s, NULL);
}

// Where its files lie is not the model's affair.
static uint64_t data_hash(const DataSet *d) {
  StrBuf text = {0};
  uint64_t rows = 0;
  sb_printf(&text, "%s %d %" PRId32, d->name, d->shuffle, d->prepare);
  for (uint32_t i = 0; i < d->n_sources; i++) {
    const DataSource *s = &d->sources[i];
    size_t n_rows = s->rows ? (size_t)(s->n_rows * shape_elements(&s->shape, 1)) : 0;
    sb_printf(&text, "\nsource %d %" PRId64 " %d", s->kind, s->stride, s->reshape);
    put_shape(&text, s->dtype, &s->shape);
    for (uint32_t k = 0; s->columns && k < s->n_columns; k++) sb_printf(&text, " %" PRId32, s->columns[k]);
    for (uint32_t k = 0; s->column_names && k < s->n_columns; k++)
      sb_printf(&text, " %s", s->column_names[k]);
    if (s->split) sb_printf(&text, " split %" PRIu32 " %" PRIu64, s->part, s->split_seed);
    for (uint32_t k = 0; s->split && k < s->n_parts; k++) sb_printf(&text, " %a", s->parts[k]);
    rows = hash_bytes(rows, s->rows, n_rows * sizeof(Scalar));
  }
  for (uint32_t i = 0; i < d->n_fields; i++) {
    const DataField *f = &d->fields[i];
    sb_printf(&text, "\nfield %" PRId32 " %" PRId32, f->source, f->result);
    put_shape(&text, f->dtype, &f->shape);
  }
  return hash_text(&text) ^ rows;
}

// ---- the plan

static void put_eval(StrBuf *out, const Program *p, const PlanEval *e) {
  sb_printf(out, " eval %s %s %s %" PRId32 " %" PRId32 " %" PRId64 " %" PRId64, e->name,
            p->data[e->data].label, p->fns[e->fn].name, e->init, e->finish, e->batch, e->every);
  for (uint32_t i = 0; i < p->fns[e->fn].n_inputs; i++) sb_printf(out, " %" PRIu32, e->inputs[i]);
}

static void put_loop(StrBuf *out, const Program *p, const PlanLoop *l) {
  sb_printf(out,
            " loop %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %d %s %" PRId32 " %" PRId32
            " %" PRId32 " %" PRId64 " %s %d",
            l->epochs, l->batch, l->accumulate, l->count, l->first, l->drop_last, p->fns[l->step].name,
            l->apply, l->invariant, l->then, l->patience, l->watch ? l->watch : "", l->mode_max);
  for (uint32_t i = 0; i < l->n_streams; i++) sb_printf(out, " %s", p->data[l->streams[i]].label);
  for (uint32_t i = 0; l->inputs && i < p->fns[l->step].n_inputs; i++)
    sb_printf(out, " %" PRIu32 ".%" PRIu32, l->inputs[i].stream, l->inputs[i].field);
  for (uint32_t i = 0; i < l->n_evals; i++) put_eval(out, p, &l->evals[i]);
}

static void put_file(StrBuf *out, const Program *p, const PlanFile *f) {
  sb_printf(out, " file %d", f->partial);
  for (uint32_t i = 0; i < f->n; i++) sb_printf(out, " %s=%s", f->names[i], p->stores[f->stores[i]].name);
}

static uint64_t train_hash(const Program *p, const Train *t) {
  StrBuf text = {0};
  for (uint32_t i = 0; i < t->n_items; i++) {
    const PlanItem *item = &t->items[i];
    sb_printf(&text, "\n%d %s %" PRIu32, item->kind, item->phase ? item->phase : "", item->since);
    switch (item->kind) {
    case PLAN_LOOP: put_loop(&text, p, &item->u.loop); break;
    case PLAN_EVAL: put_eval(&text, p, &item->u.eval); break;
    case PLAN_SAVE:
    case PLAN_LOAD: put_file(&text, p, &item->u.file); break;
    case PLAN_UPDATE: sb_printf(&text, " %s", p->fns[item->u.fn].name); break;
    }
  }
  return hash_text(&text);
}

const Part *program_parts(const Program *p, uint32_t *n, Arena *a) {
  Part *parts = ARENA_ARRAY(a, p->n_fns + p->n_data + p->n_trains, Part), *next = parts;
  for (uint32_t i = 0; i < p->n_fns; i++)
    if (p->fns[i].kind != FN_EXPORT && p->fns[i].kind != FN_TEST) // a training calls none of those
      *next++ = (Part){arena_printf(a, "function `%s`", p->fns[i].name), function_hash(p, &p->fns[i])};
  for (uint32_t i = 0; i < p->n_data; i++)
    *next++ = (Part){arena_printf(a, "data `%s`", p->data[i].label), data_hash(&p->data[i])};
  for (uint32_t i = 0; i < p->n_trains; i++)
    *next++ = (Part){arena_printf(a, "train `%s`", p->trains[i].name), train_hash(p, &p->trains[i])};
  *n = (uint32_t)(next - parts);
  return parts;
}
