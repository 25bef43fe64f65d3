// A table of the functions, then, of those that do the model's work, a table of their layers.
#include "driver/report.h"

#include "driver/exit_codes.h"
#include "driver/functions.h"
#include "driver/layers.h"
#include "driver/output.h"
#include "driver/table.h"

#include "ir/base/json.h"
#include "ir/print.h"

#include <inttypes.h>
#include <string.h>

typedef struct Print {
  const Report *r;
  const Options *o;
  Arena *a;
  StrBuf *out;
} Print;

static bool wanted(const Print *p, uint32_t fn) {
  return !p->o->function || strcmp(p->r->fns[fn].fn->name, p->o->function) == 0;
}

static Layers layers_of(const Print *p, const ReportFn *f) {
  Layers l = layers_new(p->a);
  for (uint32_t i = 0; i < f->n_layers; i++) {
    const ReportLayer *x = &f->layers[i];
    int64_t *to = layers_at(&l, x->path)->figure;
    to[FIG_PARAMETERS] = x->parameters;
    to[FIG_MACS] = x->cost.macs;
    to[FIG_FLOPS] = x->cost.flops;
    to[FIG_READ] = x->cost.bytes_read;
    to[FIG_WRITTEN] = x->cost.bytes_written;
    to[FIG_KERNELS] = x->cost.kernels;
    to[FIG_SCRATCH] = x->scratch_bytes;
    to[FIG_PEAK] = x->peak_bytes;
  }
  layers_finish(&l);
  return l;
}

// ---- text

static void row_of_titles(Table *t, const char *const *titles) {
  for (size_t i = 0; i < strlen(t->align); i++) table_text(t, titles[i]);
}

// "batch = 64", or nothing where no size is dynamic.
static const char *size_text(const Print *p, const ReportFn *f) {
  const char *symbol = f->fn->g->symbol;
  return symbol ? arena_printf(p->a, "%s = %" PRId64, symbol, f->n) : "";
}

static void print_functions(const Print *p) {
  static const char *const titles[] = {"function", "",      "parameters", "kernels", "MACs",
                                       "FLOPs",    "bytes", "scratch",    "bound",   "over"},
                           *const device[] = {"function", "",      "parameters", "launches", "copies", "MACs",
                                              "FLOPs",    "bytes", "scratch",    "bound",    "over"};
  Table t = {.a = p->a, .align = p->o->cuda ? "llrrrrrrrrr" : "llrrrrrrrr"};
  row_of_titles(&t, p->o->cuda ? device : titles);
  for (uint32_t i = 0; i < p->r->program->n_fns; i++) {
    const ReportFn *f = &p->r->fns[i];
    if (!wanted(p, i)) continue;
    table_text(&t, f->fn->name);
    table_text(&t, size_text(p, f));
    table_int(&t, f->parameters);
    table_int(&t, p->o->cuda ? f->cost.launches : f->cost.kernels);
    if (p->o->cuda) table_int(&t, f->cost.copies);
    table_int(&t, f->cost.macs);
    table_int(&t, f->cost.flops);
    table_int(&t, f->cost.bytes_read + f->cost.bytes_written);
    table_int(&t, f->scratch_bytes);
    table_int(&t, f->bound_bytes);
    table_share(&t, f->scratch_bytes - f->bound_bytes, f->bound_bytes);
  }
  table_print(&t, "", p->out);
}

static void print_layers(const Print *p, const ReportFn *f) {
  static const char *const titles[] = {"layer", "parameters", "kernels", "MACs",    "share", "FLOPs",
                                       "bytes", "share",      "scratch", "at peak", "share"};
  Layers all = layers_of(p, f), l = layers_fold(&all, (uint32_t)p->o->depth);
  Table t = {.a = p->a, .align = "lrrrrrrrrrr"};
  row_of_titles(&t, titles);
  int64_t bytes = f->cost.bytes_read + f->cost.bytes_written;
  for (size_t i = 0; i < l.rows.len; i++) {
    const Layer *r = &l.rows.data[i];
    int64_t moved = r->figure[FIG_READ] + r->figure[FIG_WRITTEN];
    table_text(&t, layer_label(r, p->a));
    table_int(&t, r->figure[FIG_PARAMETERS]);
    table_int(&t, r->figure[FIG_KERNELS]);
    table_int(&t, r->figure[FIG_MACS]);
    table_share(&t, r->figure[FIG_MACS], f->cost.macs);
    table_int(&t, r->figure[FIG_FLOPS]);
    table_int(&t, moved);
    table_share(&t, moved, bytes);
    table_int(&t, r->figure[FIG_SCRATCH]);
    table_int(&t, r->figure[FIG_PEAK]);
    table_share(&t, r->figure[FIG_PEAK], f->bound_bytes);
  }
  table_print(&t, "  ", p->out);
}

static void print_steps(const Print *p, const ReportFn *f) {
  static const char *const titles[] = {"",     "step",    "layer",         "MACs", "FLOPs",
                                       "read", "written", "scratch alive", ""};
  Table t = {.a = p->a, .align = "rllrrrrrl"};
  row_of_titles(&t, titles);
  for (uint32_t i = 0; i < f->n_steps; i++) {
    const ReportStep *s = &f->steps[i];
    const char *at = span_text_here(p->r->program->sources, s->span, p->a);
    table_int(&t, i);
    table_text(&t, s->what);
    table_text(&t, *s->path ? s->path : at);
    table_int(&t, s->cost.macs);
    table_int(&t, s->cost.flops);
    table_int(&t, s->cost.bytes_read);
    table_int(&t, s->cost.bytes_written);
    table_int(&t, s->live_bytes);
    table_text(&t, f->bound_bytes > 0 && i == f->peak ? "most" : "");
  }
  table_print(&t, "  ", p->out);
}

static void print_function(const Print *p, const ReportFn *f) {
  const char *size = size_text(p, f);
  sb_printf(p->out, "\n%s %s%s%s\n", function_kind(f->fn->kind), f->fn->name, *size ? "   " : "", size);
  if (f->bound_bytes > 0) {
    const ReportStep *s = &f->steps[f->peak];
    sb_printf(p->out, "  most is alive in step %u, %s%s%s\n", f->peak, s->what, *s->path ? " of " : "",
              s->path);
  }
  if (p->o->cost)
    print_steps(p, f);
  else
    print_layers(p, f);
}

// Functions that fill stores, prepare examples and so on are told apart only when asked for.
static bool shown_by_layer(const Print *p, const ReportFn *f) {
  bool work = f->fn->kind == FN_STEP || f->fn->kind == FN_INVARIANT || f->fn->kind == FN_EVAL ||
              f->fn->kind == FN_EXPORT;
  return f->n_layers > 0 && (work || p->o->function);
}

static void print_text(const Print *p) {
  const Report *r = p->r;
  int64_t most = r->arena_bytes - r->store_bytes;
  sb_printf(p->out, "%s: an arena of %s bytes, of which %s are stores and %s scratch\n\n", r->program->name,
            grouped(r->arena_bytes, p->a), grouped(r->store_bytes, p->a), grouped(most, p->a));
  print_functions(p);
  for (uint32_t i = 0; i < r->program->n_fns; i++)
    if (wanted(p, i) && shown_by_layer(p, &r->fns[i])) print_function(p, &r->fns[i]);
}

// ---- JSON

static void put_cost(Json *j, const Cost *c) {
  json_int(j, "macs", c->macs);
  json_int(j, "flops", c->flops);
  json_int(j, "bytes_read", c->bytes_read);
  json_int(j, "bytes_written", c->bytes_written);
}

static void put_steps(Json *j, const Print *p, const ReportFn *f) {
  json_open(j, "steps", '[');
  for (uint32_t i = 0; i < f->n_steps; i++) {
    const ReportStep *s = &f->steps[i];
    json_open(j, NULL, '{');
    json_text(j, "kind", s->kind);
    json_text(j, "what", s->what);
    json_text(j, "layer", s->path);
    json_text(j, "place", span_text_here(p->r->program->sources, s->span, p->a));
    put_cost(j, &s->cost);
    json_int(j, "alive_bytes", s->live_bytes);
    json_close(j, '}');
  }
  json_close(j, ']');
}

// Every layer with what lies in it, each before those inside it.
static void put_layers(Json *j, const Print *p, const ReportFn *f) {
  Layers l = layers_of(p, f);
  json_open(j, "layers", '[');
  for (size_t i = 0; i < l.rows.len; i++) {
    const Layer *r = &l.rows.data[i];
    if (p->o->depth && r->depth > (uint32_t)p->o->depth) continue;
    json_open(j, NULL, '{');
    json_text(j, "path", r->path);
    json_int(j, "depth", r->depth);
    json_int(j, "parameters", r->figure[FIG_PARAMETERS]);
    json_int(j, "kernels", r->figure[FIG_KERNELS]);
    put_cost(j, &(Cost){.macs = r->figure[FIG_MACS],
                        .flops = r->figure[FIG_FLOPS],
                        .bytes_read = r->figure[FIG_READ],
                        .bytes_written = r->figure[FIG_WRITTEN]});
    json_int(j, "scratch_bytes", r->figure[FIG_SCRATCH]);
    json_int(j, "peak_bytes", r->figure[FIG_PEAK]);
    json_close(j, '}');
  }
  json_close(j, ']');
}

static void put_function(Json *j, const Print *p, const ReportFn *f) {
  const Graph *g = f->fn->g;
  json_open(j, NULL, '{');
  json_text(j, "name", f->fn->name);
  json_text(j, "kind", function_kind(f->fn->kind));
  json_text(j, "symbol", g->symbol);
  json_int(j, "n", f->n);
  json_int(j, "bound", g->symbol ? g->bound : 1);
  json_int(j, "parameters", f->parameters);
  json_int(j, "arena_bytes", p->r->store_bytes + f->scratch_bytes);
  json_int(j, "scratch_bytes", f->scratch_bytes);
  json_int(j, "bound_bytes", f->bound_bytes);
  json_int(j, "kernels", f->cost.kernels);
  if (p->o->cuda) json_int(j, "launches", f->cost.launches);
  if (p->o->cuda) json_int(j, "copies", f->cost.copies);
  put_cost(j, &f->cost);
  put_layers(j, p, f);
  if (p->o->cost) put_steps(j, p, f);
  json_close(j, '}');
}

static void print_json(const Print *p) {
  Json j = {.out = p->out};
  json_open(&j, NULL, '{');
  json_text(&j, "model", p->r->program->name);
  json_text(&j, "real", dtype_name(p->r->program->real));
  json_int(&j, "arena_bytes", p->r->arena_bytes);
  json_int(&j, "store_bytes", p->r->store_bytes);
  json_open(&j, "functions", '[');
  for (uint32_t i = 0; i < p->r->program->n_fns; i++)
    if (wanted(p, i)) put_function(&j, p, &p->r->fns[i]);
  json_close(&j, ']');
  json_close(&j, '}');
  sb_putc(p->out, '\n');
}

int report_print(const Report *r, const Options *o, Arena *a) {
  StrBuf out = {0};
  Print p = {.r = r, .o = o, .a = a, .out = &out};
  uint32_t ignored;
  int status = o->function ? function_named(r->program, o->function, &ignored) : EXIT_DONE;
  if (status != EXIT_DONE) return status;
  if (o->json_output)
    print_json(&p);
  else
    print_text(&p);
  status = output_text(o->output ? o->output : "-", o->input, sb_text(&out), out.len, a);
  strbuf_free(&out);
  return status;
}
