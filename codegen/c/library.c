// The public functions of a library: each checks its arguments, makes a context of the object on the stack,
// calls the model's function, and puts back what the context learned. Static names begin with nn_, which no
// prefix may.
#include "codegen/c/library.h"

#include <inttypes.h>
#include <string.h>

enum { PIECE = 2000 }; // bytes of one string literal; C99 promises 4095

static const LibraryDialect *dialect(const Lib *l) { return l->u->d->library; }

void library_print(Lib *l, const char *fmt, ...) {
  StrBuf s = {0};
  va_list ap;
  va_start(ap, fmt);
  sb_vprintf(&s, fmt, ap);
  va_end(ap);
  for (const char *c = sb_text(&s); *c; c++) {
    if (*c == '@')
      sb_puts(l->out, c[1] == '_' ? l->api->prefix : l->api->type);
    else if (*c == '$')
      sb_puts(l->out, l->api->PREFIX);
    else
      sb_putc(l->out, *c);
  }
  strbuf_free(&s);
}

static void put(Lib *l, const char *text) { library_print(l, "%s", text); }

const char *library_at(Lib *l, uint64_t at) {
  return at ? arena_printf(l->u->a, "m->arena + %" PRIu64, at) : "m->arena";
}

static const char *number(Lib *l, uint64_t v) { return arena_printf(l->u->a, "%" PRIu64, v); }

// Where in the arena the model's memory has this offset.
static uint64_t place(const Lib *l, uint64_t offset) { return l->api->base + offset; }

// Told from other objects: the model's name, prefix and memory.
static uint32_t ready_mark(const Lib *l) {
  uint32_t h = 2166136261u;
  const char *s =
      arena_printf(l->u->a, "%s %s %" PRIu64, l->api->prefix, l->u->p->name, l->u->plan.arena_bytes);
  for (; *s; s++) h = (h ^ (uint32_t)(unsigned char)*s) * 16777619u;
  return h | 1u;
}

// ---- what all functions share

static void put_statuses(Lib *l) {
  size_t n = library_status_count(l->u);
  library_print(l, "const char *@_status_text(@_status s) {\n"
                   "  static const char texts[] =\n");
  for (size_t i = 0; i < n; i++)
    library_print(l, "      \"%s%s\"\n", library_statuses[i].text, i + 1 < n ? "\\0" : "");
  library_print(l,
                "      ;\n"
                "  const char *text = texts;\n"
                "  int i = (int)s;\n"
                "  if (i < 0 || i > (int)$_%s) return \"an unknown status\";\n"
                "  for (; i > 0; i--) text += strlen(text) + 1;\n"
                "  return text;\n}\n\n",
                library_statuses[n - 1].name);
}

static void put_options(Lib *l) {
  const Program *p = l->u->p;
  if (p->n_options == 0) return;
  library_print(l, "static const double nn_lib_options[%u] = {", p->n_options);
  for (uint32_t i = 0; i < p->n_options; i++)
    library_print(l, "%s%s", i ? ", " : "", text_real(l->u->a, DT_F64, p->options[i].value));
  library_print(l, "};\n\n");
}

static void put_begin_end(Lib *l) {
  put_options(l);
  dialect(l)->open(l);
  library_print(l,
                "/* The context of one call. */\n"
                "static @_status nn_lib_begin(const @ *m, size_t bytes, %s *c) {\n"
                "  if (m->ready != 0x%08xu) return $_NOT_INITIALISED;\n"
                "  if (m->bytes < bytes) return $_ARENA_TOO_SMALL;\n"
                "  if (!m->loaded) return $_NO_WEIGHTS;\n"
                "  if (m->status != 0) return (@_status)m->status;\n",
                dialect(l)->call, ready_mark(l));
  dialect(l)->fill(l);
  library_print(l, "  return $_OK;\n}\n\n");
  const char *fault = dialect(l)->fault;
  library_print(l, "/* Keeps the call's fault. */\n");
  put(l, dialect(l)->keep);
  library_print(l,
                "  @_status s = $_FAULT;\n"
                "  if (%s.status == NN_OK) return $_OK;\n",
                fault);
  for (size_t i = 0; i < library_status_count(l->u); i++)
    if (library_statuses[i].fault)
      library_print(l, "  if (%s.status == %s) s = $_%s;\n", fault, library_statuses[i].fault,
                    library_statuses[i].name);
  library_print(l,
                "  m->status = (int32_t)s;\n"
                "  m->place = %s.place;\n"
                "  m->value = %s.value;\n"
                "  m->bound = %s.bound;\n"
                "  return s;\n}\n\n",
                fault, fault, fault);
  dialect(l)->end(l, ready_mark(l));
}

// ---- init

static void put_reset(Lib *l) {
  uint64_t end = l->u->plan.arena_bytes, slots = place(l, l->api->slots_begin);
  library_print(l, "/* As if nothing had been called yet. */\n");
  put(l, dialect(l)->reset);
  library_print(l, "  m->calls = 0;\n");
  if (l->api->training) library_print(l, "  m->batches = 0;\n");
  if (l->api->scopes.len)
    library_print(l, "  memset(m->step, 0, sizeof m->step);\n"
                     "  memset(m->epoch, 0, sizeof m->epoch);\n");
  if (l->api->n_fields)
    library_print(l, "  memset(m->example, 0, sizeof m->example);\n"
                     "  memset(m->pass, 0, sizeof m->pass);\n");
  if (l->api->n_sums) library_print(l, "  memset(m->summed, 0, sizeof m->summed);\n");
  library_print(l, "  m->status = 0;\n  m->place = 0;\n  m->value = m->bound = 0;\n");
  for (uint32_t i = 0; i < l->u->p->n_stores; i++)
    if (l->u->p->stores[i].kind == STORE_SUM) {
      sb_putc(l->out, ' ');
      dialect(l)->clear(l, "c", place(l, l->u->plan.store_offsets[i]),
                        number(l, store_bytes(&l->u->p->stores[i])));
    }
  if (end > slots) {
    library_print(l, "  if (m->bytes >= %" PRIu64 ")", end);
    dialect(l)->clear(l, "c", slots, number(l, end - slots));
  }
  put(l, dialect(l)->reset_end);
  library_print(l, "}\n\n");
}

static void put_init(Lib *l) {
  const Unit *u = l->u;
  put(l, dialect(l)->init);
  library_print(l,
                "  if (!m || !arena) return $_NULL_ARGUMENT;\n"
                "  if ((uintptr_t)arena %% $_ARENA_ALIGN != 0) return $_ARENA_MISALIGNED;\n"
                "  if (bytes < %" PRIu64 ") return $_ARENA_TOO_SMALL;\n",
                l->api->init_bytes);
  put(l, dialect(l)->init_ready);
  library_print(l,
                "  m->arena = (unsigned char *)arena;\n"
                "  m->bytes = bytes;\n"
                "  m->seed = seed;\n"
                "  m->ready = 0x%08xu;\n"
                "  m->loaded = %d;\n",
                ready_mark(l), !u->o->library->weights_in_file);
  dialect(l)->init_reset(l);
  if (l->api->stores_bytes) {
    sb_putc(l->out, ' ');
    dialect(l)->clear(l, "&c", place(l, 0), number(l, l->api->stores_bytes));
  }
  for (uint32_t i = 0; i < u->p->n_stores; i++)
    if (!u->p->stores[i].constant && unit_embeds(u, i))
      dialect(l)->send(l, "&c", place(l, u->plan.store_offsets[i]), unit_store_name(l->u, i),
                       arena_printf(u->a, "sizeof %s", unit_store_name(l->u, i)));
  dialect(l)->init_run(l);
  library_print(l, "}\n\n");
}

// ---- save and load

static bool in_file(const Unit *u, uint32_t i) {
  return store_is_weight(&u->p->stores[i]) && store_bytes(&u->p->stores[i]) > 0;
}

uint64_t library_file_bytes(const Unit *u) {
  uint64_t bytes = 8 + u->o->library->weights_header_len;
  for (uint32_t i = 0; i < u->p->n_stores; i++)
    if (store_is_weight(&u->p->stores[i])) bytes += store_bytes(&u->p->stores[i]);
  return bytes;
}

static uint64_t pieces(const Unit *u) { return (u->o->library->weights_header_len + PIECE - 1) / PIECE; }

// The file's header in literals short enough for every compiler.
static void put_file_header(Lib *l) {
  const LibraryOptions *o = l->u->o->library;
  for (uint64_t k = 0; k < pieces(l->u); k++) {
    size_t at = (size_t)k * PIECE,
           n = o->weights_header_len - at < PIECE ? o->weights_header_len - at : PIECE;
    sb_printf(l->out, "static const char nn_lib_file%" PRIu64 "[] =\n    ", k);
    put_string(l->out, arena_strndup(l->u->a, o->weights_header + at, n));
    sb_puts(l->out, ";\n");
  }
  sb_putc(l->out, '\n');
}

typedef enum Part { PART_SKIP, PART_STORE, PART_FETCH, PART_COMPARE } Part;

// A part of the file that lies at `file`, and in the host's memory at `memory`.
static void put_part(Lib *l, Part part, const char *file, const char *memory, const char *bytes) {
  if (part == PART_STORE) library_print(l, "  memcpy(%s, %s, %s);\n", file, memory, bytes);
  if (part == PART_COMPARE)
    library_print(l, "  if (memcmp(%s, %s, %s) != 0) return $_BAD_WEIGHTS;\n", file, memory, bytes);
}

// One that lies in the arena.
static void put_arena_part(Lib *l, Part part, const char *file, uint64_t at, const char *bytes) {
  if (part == PART_STORE) dialect(l)->fetch(l, "&c", file, at, bytes);
  if (part == PART_FETCH) dialect(l)->send(l, "&c", at, file, bytes);
}

static void put_parts(Lib *l, const char *file, Part header, Part constant, Part arena) {
  const Unit *u = l->u;
  uint64_t at = 8, n = u->o->library->weights_header_len;
  for (uint64_t k = 0; k < pieces(u); k++, at += PIECE) {
    const char *name = arena_printf(u->a, "nn_lib_file%" PRIu64, k);
    put_part(l, header, arena_printf(u->a, "%s + %" PRIu64, file, at), name,
             arena_printf(u->a, "sizeof %s - 1", name));
  }
  at = 8 + n;
  for (uint32_t i = 0; i < u->p->n_stores; i++) {
    const Store *s = &u->p->stores[i];
    if (!in_file(u, i)) continue;
    const char *part = arena_printf(u->a, "%s + %" PRIu64, file, at), *bytes = number(l, store_bytes(s));
    if (s->constant)
      put_part(l, constant, part, unit_store_name(l->u, i), bytes);
    else
      put_arena_part(l, arena, part, place(l, u->plan.store_offsets[i]), bytes);
    at += store_bytes(s);
  }
}

static void put_save(Lib *l) {
  uint64_t bytes = library_file_bytes(l->u), header = l->u->o->library->weights_header_len;
  library_print(l, "size_t @_save_bytes(void) { return %s; }\n\n", api_number(l->u->a, bytes));
  put_file_header(l);
  library_print(l,
                "static uint64_t nn_lib_length(const unsigned char *p) {\n"
                "  uint64_t n = 0;\n"
                "  int i;\n"
                "  for (i = 7; i >= 0; i--) n = n << 8 | p[i];\n"
                "  return n;\n}\n\n"
                "@_status @_save(const @ *m, void *dst, size_t bytes) {\n"
                "  unsigned char *to = (unsigned char *)dst;\n"
                "  %s c;\n"
                "  @_status s;\n"
                "  int i;\n"
                "  if (!m || !dst) return $_NULL_ARGUMENT;\n"
                "  s = nn_lib_begin(m, 0, &c);\n"
                "  if (s != $_OK) return s;\n"
                "  if (bytes < %s) return $_BAD_SIZE;\n",
                dialect(l)->call, api_number(l->u->a, bytes));
  put(l, dialect(l)->save_ready);
  library_print(
      l, "  for (i = 0; i < 8; i++) to[i] = (unsigned char)(UINT64_C(%" PRIu64 ") >> (8 * i) & 255u);\n",
      header);
  put_parts(l, "to", PART_STORE, PART_STORE, PART_STORE);
  put(l, dialect(l)->save_end);
}

static void put_load(Lib *l) {
  uint64_t bytes = library_file_bytes(l->u), header = l->u->o->library->weights_header_len;
  library_print(l,
                "@_status @_load(@ *m, const void *src, size_t bytes) {\n"
                "  const unsigned char *from = (const unsigned char *)src;\n"
                "%s"
                "  if (!m || !src) return $_NULL_ARGUMENT;\n"
                "  if (m->ready != 0x%08xu) return $_NOT_INITIALISED;\n"
                "  if (bytes != %s) return $_BAD_SIZE;\n"
                "  if (nn_lib_length(from) != %" PRIu64 ") return $_BAD_WEIGHTS;\n",
                dialect(l)->load, ready_mark(l), api_number(l->u->a, bytes), header);
  put_parts(l, "from", PART_COMPARE, PART_COMPARE, PART_SKIP);
  put(l, dialect(l)->load_ready);
  put_parts(l, "from", PART_SKIP, PART_SKIP, PART_FETCH);
  put(l, dialect(l)->load_end);
}

// ---- the model's functions

const char *library_signature(Lib *l, const ApiFn *f, bool on) {
  StrBuf s = {0};
  sb_printf(&s, "%s_status %s(%s *m%s", l->api->prefix, on ? f->on : f->name, l->api->type,
            on ? arena_printf(l->u->a, ", %s_stream stream", l->api->prefix) : "");
  api_put_parameters(f, &s);
  const char *text = arena_printf(l->u->a, "%s)", sb_text(&s));
  strbuf_free(&s);
  return text;
}

static const char *signature(Lib *l, const ApiFn *f) { return library_signature(l, f, dialect(l)->device); }

// Arguments that are wrong, before anything is written.
void library_checks(Lib *l, const ApiFn *f) {
  library_print(l, "  %s nn_c;\n  @_status nn_s;\n  if (!m", dialect(l)->call);
  for (uint32_t i = 0; i < f->n_args; i++) library_print(l, " || !%s", f->args[i].name);
  library_print(l, "%s) return $_NULL_ARGUMENT;\n", f->report ? " || !r" : "");
  library_print(l, "  nn_s = nn_lib_begin(m, %s_BYTES, &nn_c);\n  if (nn_s != $_OK) return nn_s;\n",
                f->macro);
  if (f->symbol) library_print(l, "  if (n < 1 || n > %" PRId64 ") return $_BAD_SIZE;\n", f->bound);
}

static void put_checks(Lib *l, const ApiFn *f) {
  library_checks(l, f);
  put(l, dialect(l)->checked);
}

static const char *size_of(Lib *l, const ApiFn *f) {
  return f->symbol ? "n" : arena_printf(l->u->a, "%" PRId64, f->bound);
}

static void put_run(Lib *l, uint32_t fn, const char *n) {
  library_print(l, "    %s%s%s%s, nn_args);\n", dialect(l)->run, function_name(l->u, fn),
                dialect(l)->run_args, n);
}

static void put_export(Lib *l, const ApiFn *f) {
  library_print(l, "%s {\n", signature(l, f));
  put_checks(l, f);
  if (f->draws) library_print(l, "  %sbatch_count = m->calls++;\n", dialect(l)->counters);
  library_print(l, "  {\n    void *const nn_args[] = {");
  for (uint32_t i = 0; i < f->n_args; i++) library_print(l, "%s(void *)%s", i ? ", " : "", f->args[i].name);
  library_print(l, "%s};\n", f->n_args ? "" : "NULL");
  put_run(l, f->fn, size_of(l, f));
  library_print(l, "  }\n  return nn_lib_end(m, &nn_c);\n}\n\n");
}

// `step` and `epoch` are those of the function's train or phase.
static void put_scope(Lib *l, const ApiFn *f) {
  library_print(l,
                "  %sstep = m->step[%u];\n"
                "  %sepoch = m->epoch[%u];\n"
                "  %sbatch_count = m->batches;\n",
                dialect(l)->counters, f->scope, dialect(l)->counters, f->scope, dialect(l)->counters);
}

// One more in every train and phase around the function.
static void put_count(Lib *l, const ApiFn *f, const char *what) {
  for (uint32_t i = 0; i < l->api->scopes.len; i++)
    if (f->item >= l->api->scopes.data[i].first && f->item <= l->api->scopes.data[i].last)
      library_print(l, "  m->%s[%u] += 1.0;\n", what, i);
}

// Reports go where they belong, losses that nothing reports to the stack.
static const char *member(Lib *l, const ApiFn *f, uint32_t i) {
  const ApiArg *m = &f->members[i];
  return m->name ? arena_printf(l->u->a, "r->%s", m->name) : arena_printf(l->u->a, "nn_loss[%u]", i);
}

static void put_losses(Lib *l, const ApiFn *f) {
  for (uint32_t i = 0; i < f->n_members; i++)
    if (!f->members[i].name) {
      dialect(l)->losses(l, dtype_ctype(f->members[i].dtype), f->n_members);
      return;
    }
}

// The outputs named "" are the losses; without any, all reports are judged, as in a program.
static void put_judgement(Lib *l, const ApiFn *f) {
  const char **judged = ARENA_ARRAY(l->u->a, f->n_members + 1, const char *);
  bool losses = false;
  uint32_t n = 0;
  for (uint32_t i = 0; i < f->n_members; i++) losses |= !f->members[i].name;
  for (uint32_t i = 0; i < f->n_members; i++)
    if (f->members[i].dtype != DT_MASK && (!losses || !f->members[i].name)) judged[n++] = member(l, f, i);
  if (n) dialect(l)->judge(l, judged, n);
}

// One example after the other through `prepare`.
static void put_prepare(Lib *l, const ApiFn *f, const ApiStream *s) {
  const DataSet *d = s->data;
  const Function *fn = &l->u->p->fns[d->prepare];
  library_print(l, "  for (nn_i = 0; nn_i < %s && %s; nn_i++) {\n    void *const nn_args[] = {",
                size_of(l, f), dialect(l)->going);
  for (uint32_t i = 0; i < d->n_sources; i++) {
    if (s->args[i] == NO_ARG) {
      library_print(l, "%sNULL", i ? ", " : "");
      continue;
    }
    library_print(l, "%s(void *)(%s + nn_i * %" PRId64 ")", i ? ", " : "", f->args[s->args[i]].name,
                  shape_elements(&d->sources[i].shape, 1));
  }
  for (uint32_t i = 0; i < fn->g->n_roots && fn->roots[i].kind != ROOT_EFFECT; i++) { // assertions come last
    const Node *x = graph_node(fn->g, fn->g->roots[i]);
    uint64_t bytes = (uint64_t)shape_elements(x->shape, 1) * dtype_bytes(x->dtype);
    library_print(l, "%s%s", i || d->n_sources ? ", " : "", library_at(l, place(l, s->results[i])));
    if (s->kept[i]) library_print(l, " + nn_i * %" PRIu64, bytes);
  }
  library_print(l,
                "};\n"
                "    %sexample = m->example[%u] + (uint32_t)nn_i;\n"
                "    %sepoch_count = m->pass[%u];\n",
                dialect(l)->counters, f->fields, dialect(l)->counters, f->fields);
  put_run(l, (uint32_t)d->prepare, "1");
  library_print(l, "  }\n");
}

static const char *step_input(Lib *l, const ApiFn *f, uint32_t i) {
  if (f->n_streams == 0) return arena_printf(l->u->a, "(void *)%s", f->args[i].name);
  const StreamField in = f->loop->inputs[i];
  const ApiStream *s = &f->streams[in.stream];
  const DataField *field = &s->data->fields[in.field];
  if (field->source >= 0) return arena_printf(l->u->a, "(void *)%s", f->args[s->args[field->source]].name);
  return library_at(l, place(l, s->results[field->result]));
}

static void put_step(Lib *l, const ApiFn *f) {
  const Function *fn = &l->u->p->fns[f->fn];
  library_print(l, "%s {\n", signature(l, f));
  if (api_prepares(f)) library_print(l, "  size_t nn_i;\n");
  put_checks(l, f);
  put_losses(l, f);
  put_scope(l, f);
  for (uint32_t i = 0; i < f->n_streams; i++)
    if (f->streams[i].results) put_prepare(l, f, &f->streams[i]);
  library_print(l, "  if (%s) {\n    void *const nn_args[] = {", dialect(l)->going);
  for (uint32_t i = 0; i < fn->n_inputs; i++) library_print(l, "%s%s", i ? ", " : "", step_input(l, f, i));
  for (uint32_t i = 0; i < f->n_members; i++)
    library_print(l, "%s&%s", i || fn->n_inputs ? ", " : "", member(l, f, i));
  library_print(l, "%s};\n", fn->n_inputs || f->n_members ? "" : "NULL");
  put_run(l, f->fn, size_of(l, f));
  library_print(l, "  }\n");
  if (f->n_members) put_judgement(l, f);
  library_print(l, "  nn_s = nn_lib_end(m, &nn_c);\n"
                   "  if (nn_s != $_OK) return nn_s;\n"
                   "  m->batches++;\n");
  if (f->loop->apply < 0)
    put_count(l, f, "step");
  else
    library_print(l, "  m->summed[%u]++;\n", f->sums);
  if (f->fields != NO_ARG) library_print(l, "  m->example[%u] += (uint32_t)%s;\n", f->fields, size_of(l, f));
  library_print(l, "  return $_OK;\n}\n\n");
}

static void put_plain(Lib *l, const ApiFn *f) {
  library_print(l, "%s {\n", signature(l, f));
  put_checks(l, f);
  if (f->kind == API_APPLY) library_print(l, "  if (m->summed[%u] == 0) return $_OK;\n", f->sums);
  put_losses(l, f);
  put_scope(l, f);
  if (f->fn != NO_ARG) {
    library_print(l, "  {\n    void *const nn_args[] = {");
    for (uint32_t i = 0; i < f->n_members; i++) library_print(l, "%s&%s", i ? ", " : "", member(l, f, i));
    library_print(l, "%s};\n", f->n_members ? "" : "NULL");
    put_run(l, f->fn, "1");
    library_print(l, "  }\n");
  }
  library_print(l, "  nn_s = nn_lib_end(m, &nn_c);\n");
  if (f->kind != API_UPDATE) library_print(l, "  if (nn_s != $_OK) return nn_s;\n");
  if (f->kind == API_EPOCH) {
    put_count(l, f, "epoch");
    if (f->fields != NO_ARG)
      library_print(l, "  m->pass[%u]++;\n  m->example[%u] = 0;\n", f->fields, f->fields);
  }
  if (f->kind == API_APPLY) {
    library_print(l, "  m->summed[%u] = 0;\n", f->sums);
    put_count(l, f, "step");
  }
  library_print(l, "  return nn_s;\n}\n\n");
}

static void (*const put_kind[])(Lib *l, const ApiFn *f) = {[API_EXPORT] = put_export,
                                                           [API_STEP] = put_step,
                                                           [API_APPLY] = put_plain,
                                                           [API_EPOCH] = put_plain,
                                                           [API_UPDATE] = put_plain};

void unit_print_library(Unit *u, const Api *api) {
  Lib l = {u, api, u->out};
  unit_mark(u, (Span){0});
  // Here and not above: no name of the header is seen by the model's kernels, whose variables may have it.
  sb_printf(u->out, "/* ---- the library */\n#include \"%s.h\"\n\n", u->o->library->file);
  put_statuses(&l);
  put_begin_end(&l);
  put_reset(&l);
  put_init(&l);
  put_save(&l);
  put_load(&l);
  for (size_t i = 0; i < api->fns.len; i++) {
    if (api->fns.data[i].fn != NO_ARG) unit_mark(u, u->p->fns[api->fns.data[i].fn].span);
    put_kind[api->fns.data[i].kind](&l, &api->fns.data[i]);
    u->d->library->after(&l, &api->fns.data[i]);
  }
}
