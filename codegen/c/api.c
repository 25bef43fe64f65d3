// Names come first: those of every library, then exports in order, then train blocks in order, so that a name
// never depends on what comes after it.
#include "codegen/c/library.h"

#include "codegen/memplan.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

const char *const api_names[] = {"status", "status_text", "init", "save_bytes", "save", "load", NULL};
// What the text of a function calls its own.
static const char *const own_names[] = {"m", "n", "r", "nn_c", "nn_s", "nn_i", "nn_args", "nn_loss"};
static const char *const macro_names[] = {"ARENA_BYTES", "ARENA_ALIGN", "PARAM_BYTES",
                                          "STATE_BYTES", "CONST_BYTES", NULL};

enum {
  LOSS_BYTES = 8,     // a report's member has at most so many
  CONTROL_BYTES = 512 // NN_CUDA_CONTROL_BYTES and NN_CUDA_SCRATCH_BYTES of runtime/cuda
};

static uint64_t align_up(const Unit *u, uint64_t x) { return round_up(x, u->plan.align); }
static uint64_t larger(uint64_t x, uint64_t y) { return x > y ? x : y; }

uint64_t store_bytes(const Store *s) {
  return (uint64_t)shape_elements(&s->shape, 1) * dtype_bytes(s->dtype);
}

const char *api_number(Arena *a, uint64_t v) {
  return arena_printf(a, v > UINT32_MAX ? "%" PRIu64 "ull" : "%" PRIu64 "u", v);
}

static const char *size_text(Arena *a, Dim d, const char *n) {
  if (d.a == 0) return arena_printf(a, "%" PRId64, d.b);
  const char *s = d.a == 1 ? n : arena_printf(a, "%" PRId64 " * %s", d.a, n);
  if (d.b == 0) return s;
  return arena_printf(a, "%s %c %" PRId64, s, d.b < 0 ? '-' : '+', d.b < 0 ? -d.b : d.b);
}

const char *api_shape(Arena *a, const Shape *s) {
  const char *text = "[";
  for (uint32_t i = 0; i < s->rank; i++)
    text = arena_printf(a, "%s%s%s", text, i ? ", " : "", size_text(a, s->d[i], "n"));
  return arena_printf(a, "%s]", text);
}

const char *api_count(Arena *a, const Shape *s, const char *n) {
  const char *text = NULL;
  int64_t fixed = 1;
  for (uint32_t i = 0; i < s->rank; i++) {
    if (dim_static(s->d[i])) {
      fixed *= s->d[i].b;
      continue;
    }
    const char *size = size_text(a, s->d[i], n);
    if (s->d[i].b != 0) size = arena_printf(a, "(%s)", size);
    text = text ? arena_printf(a, "%s * %s", text, size) : size;
  }
  if (!text) return arena_printf(a, "%" PRId64, fixed);
  return fixed == 1 ? text : arena_printf(a, "%s * %" PRId64, text, fixed);
}

void api_put_parameters(const ApiFn *f, StrBuf *out) {
  if (f->symbol) sb_puts(out, ", size_t n");
  for (uint32_t i = 0; i < f->n_args; i++)
    sb_printf(out, ", %s%s *%s", f->args[i].out ? "" : "const ", dtype_ctype(f->args[i].dtype),
              f->args[i].name);
  if (f->report) sb_printf(out, ", %s *r", f->report);
}

// ---- names

const char *library_stem(const Unit *u) {
  const char *s = u->o->library->prefix;
  size_t n = strlen(s);
  return n > 1 && s[n - 1] == '_' ? arena_strndup(u->a, s, n - 1) : s;
}

static const char *upper(Arena *a, const char *s) {
  char *t = arena_strdup(a, s);
  for (char *p = t; *p; p++) *p = (char)toupper((unsigned char)*p);
  return t;
}

// "greedy[0]" as part of a name: greedy_0.
static const char *plain(Arena *a, const char *s) {
  StrBuf b = {0};
  bool gap = false;
  for (; *s; s++) {
    bool letter = isalnum((unsigned char)*s) || *s == '_';
    if (letter && gap && b.len) sb_putc(&b, '_');
    if (letter) sb_putc(&b, *s);
    gap = !letter;
  }
  const char *t = arena_strdup(a, sb_text(&b));
  strbuf_free(&b);
  return t;
}

// KWS_CLASSIFY stands for the macros KWS_CLASSIFY_BYTES and KWS_CLASSIFY_MACS.
static const char *take_macro(Api *api, const char *name) {
  Names *n = &api->macros;
  const char *base = arena_printf(n->a, "%s_%s", api->PREFIX, upper(n->a, name)), *stem = base;
  for (unsigned i = 2;; i++) {
    size_t before = n->taken.len;
    const char *bytes = arena_printf(n->a, "%s_BYTES", stem), *macs = arena_printf(n->a, "%s_MACS", stem);
    if (names_take(n, bytes) == bytes && names_take(n, macs) == macs) return stem;
    n->taken.len = before;
    stem = arena_printf(n->a, "%s_%u", base, i);
  }
}

static ApiFn named(Unit *u, Api *api, ApiKind kind, const char *name, uint32_t fn) {
  ApiFn f = {.kind = kind, .fn = fn};
  f.name = names_take(&api->names, arena_printf(u->a, "%s_%s", api->prefix, c_identifier(u->a, name)));
  return f;
}

// ---- arguments

static void add_arg(Unit *u, ApiFn *f, Names *names, const char *name, DType t, const Shape *s, bool out) {
  ApiArg arg = {names_take(names, c_identifier(u->a, name && *name ? name : "y")), t, *s, out};
  f->args[f->n_args++] = arg;
}

// On a device, copies of arrays that are in the host's memory lie above all else the function needs.
static void place_arguments(Unit *u, ApiFn *f) {
  uint64_t *at = ARENA_ARRAY(u->a, f->n_args + 1, uint64_t);
  for (uint32_t i = 0; i < f->n_args; i++) {
    const ApiArg *x = &f->args[i];
    at[i] = f->bytes = align_up(u, f->bytes);
    f->bytes += (uint64_t)shape_elements(&x->shape, f->bound) * dtype_bytes(x->dtype);
  }
  at[f->n_args] = f->bytes = align_up(u, f->bytes);
  if (f->report) f->bytes += LOSS_BYTES * f->n_members;
  f->bytes = align_up(u, f->bytes);
  f->places = at;
}

static void add_function(Unit *u, Api *api, ApiFn *f) {
  if (u->d->library->device) place_arguments(u, f);
  vec_push(u->a, &api->fns, *f);
}

static Names argument_names(Unit *u, const char *prefix) {
  Names names = {.a = u->a};
  for (size_t i = 0; i < sizeof own_names / sizeof *own_names; i++) names_take(&names, own_names[i]);
  if (u->d->library->device) names_take(&names, "stream");
  names_take(&names, prefix);
  return names;
}

static void results(Unit *u, ApiFn *f, Names *names) {
  const Function *fn = &u->p->fns[f->fn];
  for (uint32_t i = 0; i < fn->g->n_roots; i++) {
    const Node *n = graph_node(fn->g, fn->g->roots[i]);
    if (fn->roots[i].kind != ROOT_EFFECT) add_arg(u, f, names, fn->roots[i].name, n->dtype, n->shape, true);
  }
}

static void take_size(Unit *u, ApiFn *f) {
  const Graph *g = u->p->fns[f->fn].g;
  f->symbol = g->symbol;
  f->bound = g->symbol ? g->bound : f->loop && f->loop->n_streams ? f->loop->batch : 1;
}

static void add_export(Unit *u, Api *api, uint32_t id) {
  const Function *fn = &u->p->fns[id];
  ApiFn f = named(u, api, API_EXPORT, fn->name, id);
  Names names = argument_names(u, api->type);
  f.macro = take_macro(api, fn->name);
  f.args = ARENA_ARRAY(u->a, fn->n_inputs + fn->g->n_roots, ApiArg);
  for (uint32_t i = 0; i < fn->n_inputs; i++)
    add_arg(u, &f, &names, fn->inputs[i].name, fn->inputs[i].dtype, &fn->inputs[i].shape, false);
  results(u, &f, &names);
  take_size(u, &f);
  f.draws = graph_draws(fn->g);
  f.bytes = u->plan.plans[id]->scratch_end;
  add_function(u, api, &f);
}

// Reports become a struct; losses that nothing reports have no name.
static void take_report(Unit *u, Api *api, ApiFn *f) {
  const Function *fn = &u->p->fns[f->fn];
  Names names = {.a = u->a};
  f->members = ARENA_ARRAY(u->a, fn->g->n_roots, ApiArg);
  for (uint32_t i = 0; i < fn->g->n_roots; i++) {
    if (fn->roots[i].kind == ROOT_EFFECT) continue;
    const char *name = fn->roots[i].name;
    bool reported = name && *name;
    f->members[f->n_members++] = (ApiArg){reported ? names_take(&names, c_identifier(u->a, name)) : NULL,
                                          graph_node(fn->g, fn->g->roots[i])->dtype,
                                          {0},
                                          true};
    if (reported && !f->report) f->report = names_take(&api->names, arena_printf(u->a, "%s_report", f->name));
  }
}

// ---- steps

static bool argument_is_used(const Graph *g, uint32_t index) {
  for (NodeId v = 0; v < g->len; v++) {
    const Node *n = graph_node(g, v);
    if (n->op == OP_INPUT && n->attr.input.role == IN_ARG && n->attr.input.index == index) return true;
  }
  return false;
}

static bool step_reads(const Unit *u, const PlanLoop *l, uint32_t stream, bool computed, int32_t which) {
  const DataSet *d = &u->p->data[l->streams[stream]];
  for (uint32_t i = 0; i < u->p->fns[l->step].n_inputs; i++) {
    const DataField *f = &d->fields[l->inputs[i].stream == stream ? l->inputs[i].field : 0];
    if (l->inputs[i].stream == stream &&
        (computed ? f->source < 0 && f->result == which : f->source == which))
      return true;
  }
  return false;
}

// Batches are of n examples, or, where the last one of an epoch is dropped, all of one size.
static Shape of_batch(const ApiFn *f, const Shape *example) {
  Shape s = {.rank = example->rank + 1};
  s.d[0] = f->symbol ? (Dim){1, 0} : dim_of(f->bound);
  for (uint32_t i = 0; i < example->rank; i++) s.d[i + 1] = example->d[i];
  return s;
}

static void take_sources(Unit *u, ApiFn *f, Names *names, uint32_t stream) {
  ApiStream *s = &f->streams[stream];
  const DataSet *d = s->data;
  uint32_t *args = ARENA_ARRAY(u->a, d->n_sources, uint32_t);
  const Graph *prepare = s->results ? u->p->fns[d->prepare].g : NULL;
  for (uint32_t i = 0; i < d->n_sources; i++) {
    args[i] = NO_ARG;
    if (!step_reads(u, f->loop, stream, false, (int32_t)i) && !(prepare && argument_is_used(prepare, i)))
      continue;
    Shape shape = of_batch(f, &d->sources[i].shape);
    args[i] = f->n_args;
    add_arg(u, f, names, d->sources[i].field, d->sources[i].dtype, &shape, false);
  }
  s->args = args;
}

// Computed fields lie above what the step and `prepare` themselves need.
static void place_results(Unit *u, ApiFn *f, uint32_t stream) {
  ApiStream *s = &f->streams[stream];
  const Function *prepare = &u->p->fns[s->data->prepare];
  uint64_t *at = ARENA_ARRAY(u->a, prepare->g->n_roots, uint64_t);
  bool *kept = ARENA_ARRAY(u->a, prepare->g->n_roots, bool);
  f->bytes = larger(f->bytes, u->plan.plans[s->data->prepare]->scratch_end);
  for (uint32_t i = 0; i < prepare->g->n_roots; i++) { // results come first
    if (prepare->roots[i].kind == ROOT_EFFECT) break;
    const Node *n = graph_node(prepare->g, prepare->g->roots[i]);
    kept[i] = step_reads(u, f->loop, stream, true, (int32_t)i);
    int64_t count = shape_elements(n->shape, 1) * (kept[i] ? f->bound : 1);
    at[i] = f->bytes = align_up(u, f->bytes);
    f->bytes = align_up(u, f->bytes + (uint64_t)count * dtype_bytes(n->dtype));
  }
  s->results = at;
  s->kept = kept;
}

static void take_streams(Unit *u, ApiFn *f, Names *names) {
  const PlanLoop *l = f->loop;
  uint32_t n_sources = 0;
  f->n_streams = l->n_streams;
  f->streams = ARENA_ARRAY(u->a, l->n_streams, ApiStream);
  for (uint32_t i = 0; i < l->n_streams; i++) {
    f->streams[i].data = &u->p->data[l->streams[i]];
    n_sources += f->streams[i].data->n_sources;
  }
  // All of `prepare` runs before the step: its scratch may not meet what an earlier stream computed.
  for (uint32_t i = 0; i < l->n_streams; i++)
    if (f->streams[i].data->prepare >= 0)
      f->bytes = larger(f->bytes, u->plan.plans[f->streams[i].data->prepare]->scratch_end);
  f->args = ARENA_ARRAY(u->a, n_sources + 1, ApiArg);
  for (uint32_t i = 0; i < l->n_streams; i++) {
    bool computes = f->streams[i].data->prepare >= 0;
    for (uint32_t k = 0; computes && k < u->p->fns[l->step].n_inputs; k++)
      if (l->inputs[k].stream == i && f->streams[i].data->fields[l->inputs[k].field].source < 0) {
        place_results(u, f, i);
        break;
      }
    take_sources(u, f, names, i);
  }
  if (l->n_streams == 0 && u->p->fns[l->step].n_inputs) // `each i in a..b`
    add_arg(u, f, names, u->p->fns[l->step].inputs[0].name, DT_I32, &(Shape){0}, false);
}

bool api_prepares(const ApiFn *f) {
  for (uint32_t i = 0; i < f->n_streams; i++)
    if (f->streams[i].results) return true;
  return false;
}

static void add_loop(Unit *u, Api *api, const ApiFn *like, const char *base) {
  ApiFn step = named(u, api, API_STEP, arena_printf(u->a, "%s_step", base), like->loop->step), end;
  Names names = argument_names(u, api->type);
  step.train = like->train, step.phase = like->phase, step.loop = like->loop;
  step.item = like->item, step.scope = like->scope;
  step.macro = like->macro;
  take_size(u, &step);
  step.bytes = u->plan.plans[step.fn]->scratch_end;
  take_streams(u, &step, &names);
  take_report(u, api, &step);
  step.sums = api->n_sums;
  step.fields = api_prepares(&step) ? api->n_fields++ : NO_ARG;
  add_function(u, api, &step);
  if (like->loop->apply >= 0) {
    ApiFn apply = named(u, api, API_APPLY, arena_printf(u->a, "%s_apply", base), (uint32_t)like->loop->apply);
    apply.train = like->train, apply.phase = like->phase, apply.loop = like->loop;
    apply.item = like->item, apply.scope = like->scope;
    apply.macro = like->macro;
    apply.bytes = u->plan.plans[apply.fn]->scratch_end;
    apply.sums = api->n_sums++;
    add_function(u, api, &apply);
  }
  end = named(u, api, API_EPOCH, arena_printf(u->a, "%s_epoch", base),
              like->loop->then < 0 ? NO_ARG : (uint32_t)like->loop->then);
  end.train = like->train, end.phase = like->phase, end.loop = like->loop;
  end.item = like->item, end.scope = like->scope;
  end.fields = step.fields;
  end.macro = like->macro;
  if (end.fn != NO_ARG) {
    take_report(u, api, &end);
    end.bytes = u->plan.plans[end.fn]->scratch_end;
  }
  add_function(u, api, &end);
}

// The trains and phases of these items; to *of, by item, which one it is in.
static void add_scopes(Unit *u, Api *api, const Train *train, uint32_t *of) {
  for (uint32_t i = 0; i < train->n_items; i++) {
    const uint32_t since = train->items[i].since, item = api->n_items + i;
    of[i] = since == i ? (uint32_t)api->scopes.len : of[since];
    if (since == i) vec_push(u->a, &api->scopes, ((ApiScope){item, item}));
    api->scopes.data[of[i]].last = item;
  }
}

static void add_train(Unit *u, Api *api, const Train *train) {
  const char *macro = take_macro(api, train->name);
  uint32_t *scopes = ARENA_ARRAY(u->a, train->n_items + 1, uint32_t);
  add_scopes(u, api, train, scopes);
  for (uint32_t i = 0; i < train->n_items; i++) {
    const PlanItem *item = &train->items[i];
    ApiFn like = {
        .train = train, .phase = item->phase, .item = api->n_items++, .scope = scopes[i], .macro = macro};
    const char *base =
        item->phase ? arena_printf(u->a, "%s_%s", train->name, plain(u->a, item->phase)) : train->name;
    if (item->kind == PLAN_LOOP) {
      like.loop = &item->u.loop;
      add_loop(u, api, &like, base);
    } else {
      ApiFn f = named(u, api, API_UPDATE, arena_printf(u->a, "%s_update", base), item->u.fn);
      f.train = train, f.phase = item->phase, f.item = like.item, f.scope = like.scope, f.macro = macro;
      f.bytes = u->plan.plans[f.fn]->scratch_end;
      add_function(u, api, &f);
    }
  }
}

// ---- memory

static bool optimizes(const Function *f) {
  for (NodeId v = 0; v < f->g->len; v++)
    if (graph_node(f->g, v)->op == OP_OPTIMIZE) return true;
  return false;
}

// A function needs at least what `init` needs; a train block as much as its neediest function.
static void settle_memory(Unit *u, Api *api) {
  uint64_t end = larger(u->plan.arena_bytes, u->plan.align), least = UINT64_MAX;
  uint64_t init = u->p->init < u->p->n_fns ? u->plan.plans[u->p->init]->scratch_end : 0;
  init = larger(larger(init, api->stores_bytes), u->plan.align);
  for (size_t i = 0; i < api->fns.len; i++) end = larger(end, api->fns.data[i].bytes);
  api->slots_begin = end;
  u->plan.arena_bytes = memplan_slots(u->p, u->plan.align, u->plan.store_offsets, end);
  for (size_t i = 0; i < api->fns.len; i++) {
    ApiFn *f = &api->fns.data[i];
    f->bytes = larger(f->bytes, init);
    if (f->fn != NO_ARG && optimizes(&u->p->fns[f->fn])) f->bytes = u->plan.arena_bytes;
    for (size_t k = 0; k < i; k++) {
      ApiFn *other = &api->fns.data[k];
      if (f->train && other->train == f->train) f->bytes = other->bytes = larger(f->bytes, other->bytes);
    }
  }
  for (size_t i = 0; i < api->fns.len; i++)
    if (api->fns.data[i].bytes < least) least = api->fns.data[i].bytes;
  api->init_bytes = least;
}

// ---- on a device: what lies before the model's memory

static void add_array(Unit *u, Api *api, const char *name, uint64_t bytes) {
  vec_push(u->a, &api->arrays, ((ApiArray){name, api->base, bytes}));
  api->base = align_up(u, api->base + bytes);
}

static void place_fixed(Unit *u, Api *api) {
  uint32_t losses = 0;
  for (size_t i = 0; i < api->fns.len; i++)
    if (api->fns.data[i].n_members > losses) losses = api->fns.data[i].n_members;
  api->losses = CONTROL_BYTES;
  api->base = align_up(u, api->losses + LOSS_BYTES * losses);
  for (uint32_t i = 0; i < u->constants.len; i++)
    add_array(u, api, arena_printf(u->a, "constant%u", i),
              (uint64_t)u->constants.data[i].count * dtype_bytes(u->constants.data[i].dtype));
  for (uint32_t i = 0; i < u->p->n_stores; i++)
    if (u->p->stores[i].constant) add_array(u, api, unit_store_name(u, i), store_bytes(&u->p->stores[i]));
  if (u->p->n_options) add_array(u, api, "nn_lib_options", u->p->n_options * sizeof(double));
  for (size_t i = 0; i < api->fns.len; i++) api->fns.data[i].bytes += api->base;
  api->init_bytes += api->base;
  u->plan.arena_bytes += api->base;
}

// After all other names, which so are those of the library in C.
static void name_variants(Unit *u, Api *api) {
  for (size_t i = 0; i < api->fns.len; i++)
    api->fns.data[i].on = names_take(&api->names, arena_printf(u->a, "%s_on", api->fns.data[i].name));
}

uint32_t unit_fixed(const Unit *u, uint32_t store) {
  uint32_t n = (uint32_t)u->constants.len;
  for (uint32_t i = 0; i < store; i++) n += u->p->stores[i].constant;
  return n;
}

Api *api_make(Unit *u) {
  Api *api = ARENA_NEW(u->a, Api);
  api->type = u->o->library->prefix;
  api->prefix = library_stem(u);
  api->PREFIX = upper(u->a, api->prefix);
  api->names.a = api->macros.a = u->a;
  names_take(&api->names, api->type);
  for (const char *const *s = api_names; *s; s++)
    names_take(&api->names, arena_printf(u->a, "%s_%s", api->prefix, *s));
  for (const char *const *s = u->d->library->names; *s; s++)
    names_take(&api->names, arena_printf(u->a, "%s_%s", api->prefix, *s));
  for (const char *const *s = macro_names; *s; s++)
    names_take(&api->macros, arena_printf(u->a, "%s_%s", api->PREFIX, *s));
  api->training = u->p->n_trains > 0;
  for (uint32_t i = 0; i < u->p->n_stores; i++) {
    const Store *s = &u->p->stores[i];
    bool slot = s->kind == STORE_SLOT || s->kind == STORE_COUNT;
    if (!s->constant && !slot)
      api->stores_bytes = larger(api->stores_bytes, align_up(u, u->plan.store_offsets[i] + store_bytes(s)));
  }
  for (uint32_t i = 0; i < u->p->n_fns; i++)
    if (u->p->fns[i].kind == FN_EXPORT) add_export(u, api, i);
  for (uint32_t t = 0; t < u->p->n_trains; t++) add_train(u, api, &u->p->trains[t]);
  settle_memory(u, api);
  if (u->d->library->device) {
    place_fixed(u, api);
    name_variants(u, api);
  }
  return api;
}
