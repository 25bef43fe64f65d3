// `nnc info --json`: one object; a dynamic size is text ("N", "2*N + 1"), a static one a number.
#include "driver/functions.h"
#include "driver/info.h"

#include "ir/base/json.h"
#include "ir/print.h"

static void put_shape(Json *j, const char *key, const Shape *s, const char *symbol) {
  json_open(j, key, '[');
  for (uint32_t i = 0; i < s->rank; i++) {
    StrBuf b = {0};
    dim_print(&b, s->d[i], symbol);
    if (dim_static(s->d[i]))
      json_int(j, NULL, s->d[i].b);
    else
      json_text(j, NULL, sb_text(&b));
    strbuf_free(&b);
  }
  json_close(j, ']');
}

static void put_value(Json *j, const char *name, DType t, const Shape *s, const char *symbol) {
  json_open(j, NULL, '{');
  json_text(j, "name", name);
  json_text(j, "dtype", dtype_name(t));
  put_shape(j, "shape", s, symbol);
  json_close(j, '}');
}

static void put_layers(Json *j, const Info *in) {
  json_open(j, "layers", '[');
  for (size_t t = 0; t < in->tables.len; t++) {
    const InfoTable *table = &in->tables.data[t];
    for (size_t i = 0; i < table->layers.rows.len; i++) {
      const Layer *r = &table->layers.rows.data[i];
      json_open(j, NULL, '{');
      json_text(j, "path", r->path);
      json_text(j, "type", r->type);
      json_text(j, "function", in->p->fns[table->fn].name);
      json_text(j, "output", r->output);
      json_int(j, "parameters", r->figure[FIG_PARAMETERS]);
      json_int(j, "macs", r->figure[FIG_MACS]);
      json_int(j, "flops", r->figure[FIG_FLOPS]);
      json_close(j, '}');
    }
  }
  json_close(j, ']');
}

static void put_composites(Json *j, const Info *in) {
  json_open(j, "composites", '[');
  for (size_t t = 0; t < in->tables.len; t++) {
    const InfoTable *table = &in->tables.data[t];
    for (uint32_t i = 0; i < table->n_composites; i++) {
      const Composite *c = &table->composites[i];
      json_open(j, NULL, '{');
      json_text(j, "kind", composite_words(c->kind));
      json_text(j, "path", c->path);
      json_text(j, "function", in->p->fns[table->fn].name);
      json_text(j, "place", span_text_here(in->p->sources, c->span, table->layers.a));
      json_close(j, '}');
    }
  }
  json_close(j, ']');
}

static void put_function(Json *j, const Info *in, uint32_t id) {
  const Function *f = &in->p->fns[id];
  json_open(j, NULL, '{');
  json_text(j, "name", f->name);
  json_text(j, "kind", function_kind(f->kind));
  json_text(j, "symbol", f->g->symbol);
  json_int(j, "bound", f->g->symbol ? f->g->bound : 1);
  json_int(j, "n", in->fns[id].n);
  json_int(j, "macs", in->fns[id].cost.macs);
  json_int(j, "flops", in->fns[id].cost.flops);
  json_open(j, "inputs", '[');
  for (uint32_t i = 0; i < f->n_inputs; i++)
    put_value(j, f->inputs[i].name, f->inputs[i].dtype, &f->inputs[i].shape, f->g->symbol);
  json_close(j, ']');
  json_open(j, "outputs", '[');
  for (uint32_t i = 0; i < f->g->n_roots; i++) {
    const Node *v = graph_node(f->g, f->g->roots[i]);
    if (root_is_value(&f->roots[i])) put_value(j, f->roots[i].name, v->dtype, v->shape, f->g->symbol);
  }
  json_close(j, ']');
  json_close(j, '}');
}

static void put_stores(Json *j, const Program *p) {
  json_open(j, "stores", '[');
  for (uint32_t i = 0; i < p->n_stores; i++) {
    json_open(j, NULL, '{');
    json_text(j, "name", p->stores[i].name);
    json_text(j, "kind", store_kind(p->stores[i].kind));
    json_text(j, "dtype", dtype_name(p->stores[i].dtype));
    put_shape(j, "shape", &p->stores[i].shape, NULL);
    json_close(j, '}');
  }
  json_close(j, ']');
}

static void put_data(Json *j, const Program *p) {
  json_open(j, "data", '[');
  for (uint32_t i = 0; i < p->n_data; i++) {
    json_open(j, NULL, '{');
    json_text(j, "name", p->data[i].label);
    json_open(j, "fields", '[');
    for (uint32_t k = 0; k < p->data[i].n_fields; k++) {
      const DataField *f = &p->data[i].fields[k];
      put_value(j, f->name, f->dtype, &f->shape, NULL);
    }
    json_close(j, ']');
    json_open(j, "files", '[');
    for (uint32_t k = 0; k < p->data[i].n_sources; k++)
      if (p->data[i].sources[k].path) json_text(j, NULL, p->data[i].sources[k].path);
    json_close(j, ']');
    json_close(j, '}');
  }
  json_close(j, ']');
}

static void put_trains(Json *j, const Program *p) {
  json_open(j, "trains", '[');
  for (uint32_t i = 0; i < p->n_trains; i++) json_text(j, NULL, p->trains[i].name);
  json_close(j, ']');
  json_open(j, "options", '[');
  for (uint32_t i = 0; i < p->n_options; i++) {
    json_open(j, NULL, '{');
    json_text(j, "name", p->options[i].name);
    json_real(j, "value", p->options[i].value);
    json_close(j, '}');
  }
  json_close(j, ']');
}

void info_json(const Info *in, StrBuf *out) {
  Json j = {.out = out};
  json_open(&j, NULL, '{');
  json_text(&j, "model", in->p->name);
  json_text(&j, "real", dtype_name(in->p->real));
  put_layers(&j, in);
  put_composites(&j, in);
  json_open(&j, "functions", '[');
  for (uint32_t i = 0; i < in->p->n_fns; i++) put_function(&j, in, i);
  json_close(&j, ']');
  put_stores(&j, in->p);
  put_data(&j, in->p);
  put_trains(&j, in->p);
  json_close(&j, '}');
  sb_putc(out, '\n');
}
