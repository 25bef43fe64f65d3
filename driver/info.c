// The text: a table for each function that shows models, then functions, data and trainings, a line each.
#include "driver/info.h"

#include "driver/exit_codes.h"
#include "driver/functions.h"
#include "driver/output.h"
#include "driver/table.h"

#include "ir/print.h"

#include <inttypes.h>
#include <string.h>

typedef struct Print {
  const Info *in;
  const Options *o;
  Arena *a;
  StrBuf *out;
} Print;

// ---- stores

static void print_head(const Print *p) {
  static const char *const what[] = {"parameters",
                                     "of state",
                                     "of evaluations' state",
                                     "of optimizers' slots",
                                     "of optimizers' counts",
                                     "of accumulated gradients"};
  int64_t count[6] = {0}, bytes[6] = {0}, all = 0;
  const Program *m = p->in->p;
  for (uint32_t i = 0; i < m->n_stores; i++) {
    int64_t n = shape_elements(&m->stores[i].shape, 1);
    count[m->stores[i].kind] += n;
    bytes[m->stores[i].kind] += n * (int64_t)dtype_bytes(m->stores[i].dtype);
    all += n * (int64_t)dtype_bytes(m->stores[i].dtype);
  }
  sb_printf(p->out, "%s: %s parameters in %s, %s bytes\n", m->name, grouped(count[STORE_PARAM], p->a),
            dtype_name(m->real), grouped(bytes[STORE_PARAM], p->a));
  for (int k = STORE_STATE; k <= STORE_SUM; k++)
    if (count[k])
      sb_printf(p->out, "  and %s %s, %s bytes\n", grouped(count[k], p->a), what[k], grouped(bytes[k], p->a));
  if (all != bytes[STORE_PARAM]) sb_printf(p->out, "  together %s bytes\n", grouped(all, p->a));
}

// ---- layers

static void print_table(const Print *p, const InfoTable *t) {
  static const char *const titles[] = {"layer", "type",  "output",        "parameters",
                                       "MACs",  "FLOPs", "its own stores"};
  const Function *f = &p->in->p->fns[t->fn];
  Table text = {.a = p->a, .align = "lllrrrl"};
  Layers l = layers_fold(&t->layers, (uint32_t)p->o->depth);
  for (int i = 0; i < 7; i++) table_text(&text, titles[i]);
  for (size_t i = 0; i < l.rows.len; i++) {
    const Layer *r = &l.rows.data[i];
    table_text(&text, layer_label(r, p->a));
    table_text(&text, r->type);
    table_text(&text, r->output);
    table_int(&text, r->figure[FIG_PARAMETERS]);
    table_int(&text, r->figure[FIG_MACS]);
    table_int(&text, r->figure[FIG_FLOPS]);
    table_text(&text, r->stores);
  }
  sb_printf(p->out, "\nlayers, as %s %s computes them", function_kind(f->kind), f->name);
  if (f->g->symbol) sb_printf(p->out, "; work for %s = %" PRId64, f->g->symbol, p->in->fns[t->fn].n);
  sb_putc(p->out, '\n');
  table_print(&text, "  ", p->out);
}

// ---- composites

static bool alike(const Composite *x, const Composite *y) {
  return x->kind == y->kind && x->span.source == y->span.source && x->span.begin == y->span.begin;
}

// Those of one place in the source, where the first of them stands.
static void print_composites(const Print *p, const InfoTable *t) {
  static const char *const titles[] = {"composite", "times", "layer", "place"};
  Table text = {.a = p->a, .align = "lrll"};
  for (int i = 0; i < 4; i++) table_text(&text, titles[i]);
  for (uint32_t i = 0; i < t->n_composites; i++) {
    const Composite *c = &t->composites[i], *last = c;
    int64_t times = 0;
    bool seen = false;
    for (uint32_t k = 0; k < i; k++) seen |= alike(&t->composites[k], c);
    if (seen) continue;
    for (uint32_t k = i; k < t->n_composites; k++)
      if (alike(&t->composites[k], c)) last = &t->composites[k], times++;
    table_text(&text, composite_words(c->kind));
    table_int(&text, times);
    table_text(&text, strcmp(c->path, last->path) == 0 ? c->path
                                                       : arena_printf(p->a, "%s to %s", c->path, last->path));
    table_text(&text, span_text_here(p->in->p->sources, c->span, p->a));
  }
  if (!t->n_composites) return;
  sb_putc(p->out, '\n');
  table_print(&text, "", p->out);
}

// ---- functions, data, trainings

static const char *signature(const Function *f, Arena *a) {
  StrBuf b = {0};
  function_signature(f, &b);
  if (f->g->symbol) sb_printf(&b, "   %s <= %" PRId64, f->g->symbol, f->g->bound);
  const char *text = arena_strdup(a, sb_text(&b));
  strbuf_free(&b);
  return text;
}

static void print_functions(const Print *p) {
  Table t = {.a = p->a, .align = "lrrl"};
  table_text(&t, "functions");
  table_text(&t, "MACs");
  table_text(&t, "FLOPs");
  table_text(&t, "");
  for (uint32_t i = 0; i < p->in->p->n_fns; i++) {
    const Function *f = &p->in->p->fns[i];
    if (p->o->function && strcmp(f->name, p->o->function) != 0) continue;
    table_text(&t, arena_printf(p->a, "  %s", function_kind(f->kind)));
    table_int(&t, p->in->fns[i].cost.macs);
    table_int(&t, p->in->fns[i].cost.flops);
    table_text(&t, signature(f, p->a));
  }
  sb_putc(p->out, '\n');
  table_print(&t, "", p->out);
}

static void print_source(const Print *p, const DataSource *s) {
  static const char *const kinds[] = {"idx",   "csv",  "npy", "rows",         "raw",
                                      "cifar", "text", "npz", "image_folder", "extern"};
  sb_printf(p->out, "    %s from %s", s->field, kinds[s->kind]);
  if (s->path) sb_printf(p->out, " %s", s->path);
  if (s->member) sb_printf(p->out, ", array `%s`", s->member);
  if (s->rows) sb_printf(p->out, ", %" PRId64 " of them", s->n_rows);
  if (s->split) sb_printf(p->out, ", part `%s`", s->split);
  sb_putc(p->out, '\n');
}

static void print_data(const Print *p) {
  const Program *m = p->in->p;
  if (m->n_data) sb_puts(p->out, "\ndata\n");
  for (uint32_t i = 0; i < m->n_data; i++) {
    const DataSet *d = &m->data[i];
    sb_printf(p->out, "  %s: ", d->label);
    for (uint32_t k = 0; k < d->n_fields; k++) {
      const DataField *f = &d->fields[k];
      sb_printf(p->out, "%s%s: %s%s", k ? ", " : "", f->name, dtype_name(f->dtype),
                f->shape.rank ? info_shape(&f->shape, NULL, p->a) : "");
    }
    sb_putc(p->out, '\n');
    for (uint32_t k = 0; k < d->n_sources; k++) print_source(p, &d->sources[k]);
  }
}

static void print_eval(const Print *p, const PlanEval *e) {
  const Program *m = p->in->p;
  sb_printf(p->out, "eval %s in batches of %" PRId64 ": %s", m->data[e->data].label, e->batch,
            m->fns[e->fn].name);
}

static void print_loop(const Print *p, const PlanLoop *l) {
  const Program *m = p->in->p;
  sb_printf(p->out, "%" PRId64 " epoch%s of ", l->epochs, l->epochs == 1 ? "" : "s");
  if (l->n_streams == 0) sb_printf(p->out, "%" PRId64 " steps", l->count);
  for (uint32_t i = 0; i < l->n_streams; i++)
    sb_printf(p->out, "%s%s", i ? " and " : "", m->data[l->streams[i]].label);
  if (l->n_streams) sb_printf(p->out, " in batches of %" PRId64, l->batch);
  sb_printf(p->out, ": %s", m->fns[l->step].name);
  if (l->apply >= 0) sb_printf(p->out, ", after each %" PRId64 " %s", l->accumulate, m->fns[l->apply].name);
  if (l->then >= 0) sb_printf(p->out, ", then %s", m->fns[l->then].name);
  if (l->patience) sb_printf(p->out, "; stops %" PRId64 " epochs after the best %s", l->patience, l->watch);
  for (uint32_t i = 0; i < l->n_evals; i++) {
    sb_puts(p->out, "\n      ");
    print_eval(p, &l->evals[i]);
    if (l->evals[i].every == 1) sb_puts(p->out, ", after every epoch");
    if (l->evals[i].every > 1) sb_printf(p->out, ", after every %" PRId64 " epochs", l->evals[i].every);
  }
}

static void print_item(const Print *p, const PlanItem *i) {
  sb_puts(p->out, "    ");
  if (i->phase) sb_printf(p->out, "phase %s: ", i->phase);
  switch (i->kind) {
  case PLAN_LOOP: print_loop(p, &i->u.loop); break;
  case PLAN_EVAL: print_eval(p, &i->u.eval); break;
  case PLAN_UPDATE: sb_printf(p->out, "update: %s", p->in->p->fns[i->u.fn].name); break;
  case PLAN_SAVE: sb_printf(p->out, "save %u stores to %s", i->u.file.n, i->u.file.file); break;
  case PLAN_LOAD: sb_printf(p->out, "load %u stores from %s", i->u.file.n, i->u.file.file); break;
  }
  sb_putc(p->out, '\n');
}

static void print_trains(const Print *p) {
  const Program *m = p->in->p;
  for (uint32_t i = 0; i < m->n_trains; i++) {
    sb_printf(p->out, "\ntrain %s\n", m->trains[i].name);
    for (uint32_t k = 0; k < m->trains[i].n_items; k++) print_item(p, &m->trains[i].items[k]);
  }
  for (uint32_t i = 0; i < m->n_options; i++)
    sb_printf(p->out, "%s  %s = %.9g\n", i ? "" : "\noptions at run time (--set)\n", m->options[i].name,
              m->options[i].value);
}

int info_print(const Program *p, const Options *o, Arena *a) {
  uint32_t id = 0;
  int status = o->function ? function_named(p, o->function, &id) : EXIT_DONE;
  if (status != EXIT_DONE) return status;
  StrBuf out = {0};
  Info in = info_facts(p, o->n, o->function ? (int32_t)id : -1, a);
  Print print = {.in = &in, .o = o, .a = a, .out = &out};
  if (o->json_output) {
    info_json(&in, &out);
  } else {
    print_head(&print);
    for (size_t i = 0; i < in.tables.len; i++) {
      print_table(&print, &in.tables.data[i]);
      print_composites(&print, &in.tables.data[i]);
    }
    print_functions(&print);
    if (!o->function) print_data(&print);
    if (!o->function) print_trains(&print);
  }
  status = output_text(o->output ? o->output : "-", o->input, sb_text(&out), out.len, a);
  strbuf_free(&out);
  return status;
}
