/* The command info: what the model is, as text or JSON. (MIT-0)
   Everything comes from the descriptor, and a backend's device from the backend; nothing is allocated for the
   model and nothing runs. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include "nn_cli.h"

#include <string.h>

static const char *const nn_info_kinds[] = {"param", "state", "eval state", "slot",
                                            "count", "sum",   "invariant"};

void nn_cli_dim(nn_text *t, int64_t a, int64_t b) {
  if (!a) {
    nn_text_addf(t, "%lld", (long long)b);
    return;
  }
  if (a != 1) nn_text_addf(t, "%lld*", (long long)a);
  nn_text_addf(t, "N");
  if (b) nn_text_addf(t, b < 0 ? " - %lld" : " + %lld", (long long)(b < 0 ? -b : b));
}

void nn_cli_arg(nn_text *t, const nn_arg *a) {
  int k;
  nn_text_addf(t, "%s: %s", a->name, nn_types[a->dtype].name);
  for (k = 0; k < a->rank; k++) {
    nn_text_addf(t, "%s", k ? ", " : "[");
    nn_cli_dim(t, a->dims_a[k], a->dims_b[k]);
  }
  if (a->rank) nn_text_addf(t, "]");
}

static size_t nn_info_count(const nn_model *m, nn_store_kind kind, size_t *bytes) {
  size_t count = 0;
  int i;
  *bytes = 0;
  for (i = 0; i < m->n_stores; i++)
    if (m->stores[i].kind == kind) {
      count += m->stores[i].count;
      *bytes += m->stores[i].count * nn_types[m->stores[i].dtype].size;
    }
  return count;
}

/* ---- text */

static void nn_info_args(nn_text *t, const nn_arg *a, int n) {
  int i, shown = 0;
  nn_text_addf(t, "(");
  for (i = 0; i < n; i++) {
    if (a[i].use != NN_USE_VALUE) continue;
    nn_text_addf(t, "%s", shown++ ? ", " : "");
    if (a[i].name[0])
      nn_cli_arg(t, &a[i]);
    else
      nn_text_addf(t, "loss");
  }
  nn_text_addf(t, ")");
}

static int nn_info_values(const nn_function *f) {
  int i, n = 0;
  for (i = 0; i < f->n_out; i++) n += f->out[i].use == NN_USE_VALUE;
  return n;
}

static void nn_info_text(nn_text *t, const nn_model *m) {
  size_t params, states, bytes, state_bytes;
  nn_shape_buf shape;
  int i;
  params = nn_info_count(m, NN_PARAM, &bytes);
  states = nn_info_count(m, NN_STATE, &state_bytes);
  nn_text_addf(t, "%s: %zu parameters (%zu bytes)", m->name, params, bytes);
  if (states) nn_text_addf(t, ", %zu numbers of state (%zu bytes)", states, state_bytes);
  nn_text_addf(t, ", %s, %zu bytes of memory at work\n\nstores:\n", nn_types[m->real].name, m->arena_bytes);
  for (i = 0; i < m->n_stores; i++) {
    const nn_store *s = &m->stores[i];
    if (s->kind >= NN_SLOT) continue;
    nn_text_addf(t, "  %-10s %-28s %s%s\n", nn_info_kinds[s->kind], s->name, nn_types[s->dtype].name,
                 nn_shape_text(&shape, s->rank, s->dims));
  }
  nn_text_addf(t, "\nfunctions:\n");
  for (i = 0; i < m->n_fns; i++) {
    nn_text_addf(t, "  %s", m->fns[i].name);
    nn_info_args(t, m->fns[i].in, m->fns[i].n_in);
    if (nn_info_values(&m->fns[i])) {
      nn_text_addf(t, " -> ");
      nn_info_args(t, m->fns[i].out, m->fns[i].n_out);
    }
    if (m->fns[i].bound) nn_text_addf(t, ", N <= %zu", m->fns[i].bound);
    nn_text_addf(t, "\n");
  }
  if (m->backend) m->backend->info(m->call_user, t, 0);
}

/* ---- JSON */

static void nn_info_json_args(nn_text *t, const char *key, const nn_arg *a, int n) {
  int i, k, shown = 0;
  nn_text_addf(t, ",\"%s\":[", key);
  for (i = 0; i < n; i++) {
    if (a[i].use != NN_USE_VALUE) continue;
    nn_text_addf(t, "%s{\"name\":", shown++ ? "," : "");
    nn_json_string(t, a[i].name);
    nn_text_addf(t, ",\"dtype\":\"%s\",\"shape\":[", nn_types[a[i].dtype].name);
    for (k = 0; k < a[i].rank; k++) {
      nn_text_addf(t, "%s%s", k ? "," : "", a[i].dims_a[k] ? "\"" : "");
      nn_cli_dim(t, a[i].dims_a[k], a[i].dims_b[k]);
      nn_text_addf(t, "%s", a[i].dims_a[k] ? "\"" : "");
    }
    nn_text_addf(t, "]}");
  }
  nn_text_addf(t, "]");
}

static void nn_info_json_stores(nn_text *t, const nn_model *m) {
  int i, k;
  nn_text_addf(t, ",\"stores\":[");
  for (i = 0; i < m->n_stores; i++) {
    const nn_store *s = &m->stores[i];
    nn_text_addf(t, "%s{\"name\":", i ? "," : "");
    nn_json_string(t, s->name);
    nn_text_addf(t, ",\"kind\":\"%s\",\"dtype\":\"%s\",\"shape\":[", nn_info_kinds[s->kind],
                 nn_types[s->dtype].name);
    for (k = 0; k < s->rank; k++) nn_text_addf(t, "%s%lld", k ? "," : "", (long long)s->dims[k]);
    nn_text_addf(t, "],\"bytes\":%zu}", s->count * nn_types[s->dtype].size);
  }
  nn_text_addf(t, "]");
}

static void nn_info_json_names(nn_text *t, const nn_model *m) {
  int i;
  nn_text_addf(t, ",\"train\":[");
  for (i = 0; i < m->n_trains; i++) {
    nn_text_addf(t, "%s", i ? "," : "");
    nn_json_string(t, m->trains[i].name);
  }
  nn_text_addf(t, "],\"exports\":[");
  for (i = 0; i < m->n_exports; i++) {
    nn_text_addf(t, "%s", i ? "," : "");
    nn_json_string(t, m->fns[m->exports[i]].name);
  }
  nn_text_addf(t, "],\"options\":{");
  for (i = 0; i < m->n_options; i++) {
    nn_text_addf(t, "%s", i ? "," : "");
    nn_json_string(t, m->options[i].name);
    nn_text_addf(t, ":");
    nn_json_number(t, m->options[i].value, 17);
  }
  nn_text_addf(t, "}");
}

static void nn_info_json(nn_text *t, const nn_model *m) {
  size_t bytes, state_bytes, params = nn_info_count(m, NN_PARAM, &bytes),
                             states = nn_info_count(m, NN_STATE, &state_bytes);
  int i;
  nn_text_addf(t, "{\"name\":");
  nn_json_string(t, m->name);
  nn_text_addf(t, ",\"nnc\":");
  nn_json_string(t, m->version ? m->version : "");
  nn_text_addf(t,
               ",\"real\":\"%s\",\"params\":%zu,\"param_bytes\":%zu,\"states\":%zu,\"state_bytes\":%zu,"
               "\"arena_bytes\":%zu",
               nn_types[m->real].name, params, bytes, states, state_bytes, m->arena_bytes);
  nn_info_json_stores(t, m);
  nn_text_addf(t, ",\"functions\":[");
  for (i = 0; i < m->n_fns; i++) {
    const nn_function *f = &m->fns[i];
    nn_text_addf(t, "%s{\"name\":", i ? "," : "");
    nn_json_string(t, f->name);
    nn_text_addf(t, ",\"max_n\":%zu", f->bound);
    nn_info_json_args(t, "inputs", f->in, f->n_in);
    nn_info_json_args(t, "outputs", f->out, f->n_out);
    nn_text_addf(t, "}");
  }
  nn_text_addf(t, "]");
  nn_info_json_names(t, m);
  if (m->backend) m->backend->info(m->call_user, t, 1);
  nn_text_addf(t, "}\n");
}

int nn_command_info(nn_cli *c) {
  nn_text t;
  memset(&t, 0, sizeof t);
  if (c->json)
    nn_info_json(&t, c->m);
  else
    nn_info_text(&t, c->m);
  if (t.failed)
    nn_fail_memory(c->e);
  else
    fputs(t.s, stdout);
  nn_text_free(&t);
  return c->e->code;
}
