// The public functions of a library: each checks its arguments, makes a context of the object on the stack,
// calls the model's function, and puts back what the context learned. Static names begin with nn_, which no
// prefix may.
#include "codegen/c/api.h"

#include <inttypes.h>
#include <string.h>

enum { PIECE = 2000 }; // bytes of one string literal; C99 promises 4095

typedef struct Lib {
  Unit *u;
  const Api *api;
  const char *p, *P; // prefix, in capitals
  const char *type;
  StrBuf *out;
} Lib;

static void print(Lib *l, const char *fmt, ...)
#ifdef __GNUC__
    __attribute__((format(printf, 2, 3)))
#endif
    ;
// printf where @_ stands for the prefix and _, @ for the type, and $ for the prefix in capitals.
static void print(Lib *l, const char *fmt, ...) {
  StrBuf s = {0};
  va_list ap;
  va_start(ap, fmt);
  sb_vprintf(&s, fmt, ap);
  va_end(ap);
  for (const char *c = sb_text(&s); *c; c++) {
    if (*c == '@')
      sb_puts(l->out, c[1] == '_' ? l->p : l->type);
    else if (*c == '$')
      sb_puts(l->out, l->P);
    else
      sb_putc(l->out, *c);
  }
  strbuf_free(&s);
}

// Told from other objects: the model's name, prefix and memory.
static uint32_t ready_mark(const Lib *l) {
  uint32_t h = 2166136261u;
  const char *s = arena_printf(l->u->a, "%s %s %" PRIu64, l->p, l->u->p->name, l->u->plan.arena_bytes);
  for (; *s; s++) h = (h ^ (uint32_t)(unsigned char)*s) * 16777619u;
  return h | 1u;
}

// ---- what all functions share

static void put_statuses(Lib *l) {
  print(l, "const char *@_status_text(@_status s) {\n"
           "  static const char texts[] =\n");
  for (size_t i = 0; i < n_library_statuses; i++)
    print(l, "      \"%s%s\"\n", library_statuses[i].text, i + 1 < n_library_statuses ? "\\0" : "");
  print(l,
        "      ;\n"
        "  const char *text = texts;\n"
        "  int i = (int)s;\n"
        "  if (i < 0 || i > (int)$_%s) return \"an unknown status\";\n"
        "  for (; i > 0; i--) text += strlen(text) + 1;\n"
        "  return text;\n}\n\n",
        library_statuses[n_library_statuses - 1].name);
}

static void put_options(Lib *l) {
  const Program *p = l->u->p;
  if (p->n_options == 0) return;
  print(l, "static const double nn_lib_options[] = {");
  for (uint32_t i = 0; i < p->n_options; i++)
    print(l, "%s%s", i ? ", " : "", text_real(l->u->a, DT_F64, p->options[i].value));
  print(l, "};\n\n");
}

static void put_begin_end(Lib *l) {
  put_options(l);
  print(l,
        "/* The context of one call. */\n"
        "static @_status nn_lib_begin(const @ *m, size_t bytes, nn_ctx *c) {\n"
        "  if (m->ready != 0x%08xu) return $_NOT_INITIALISED;\n"
        "  if (m->bytes < bytes) return $_ARENA_TOO_SMALL;\n"
        "  if (!m->loaded) return $_NO_WEIGHTS;\n"
        "  if (m->status != 0) return (@_status)m->status;\n"
        "  memset(c, 0, sizeof *c);\n"
        "  c->arena = m->arena;\n"
        "  c->seed = m->seed;\n",
        ready_mark(l));
  if (l->u->p->n_options) print(l, "  c->options = nn_lib_options;\n");
  print(l, "  return $_OK;\n}\n\n");
  print(l, "/* Keeps the call's fault. */\n"
           "static @_status nn_lib_end(@ *m, const nn_ctx *c) {\n"
           "  @_status s = $_FAULT;\n"
           "  if (c->fault.status == NN_OK) return $_OK;\n");
  for (size_t i = 0; i < n_library_statuses; i++)
    if (library_statuses[i].fault)
      print(l, "  if (c->fault.status == %s) s = $_%s;\n", library_statuses[i].fault,
            library_statuses[i].name);
  print(l, "  m->status = (int32_t)s;\n"
           "  m->place = c->fault.place;\n"
           "  m->value = c->fault.value;\n"
           "  m->bound = c->fault.bound;\n"
           "  return s;\n}\n\n");
}

// ---- init

static void put_reset(Lib *l) {
  print(l, "/* As if nothing had been called yet. */\n"
           "static void nn_lib_reset(@ *m) {\n"
           "  m->calls = 0;\n");
  if (l->api->training)
    print(l, "  m->batches = m->scope = m->example = 0;\n"
             "  m->step = m->epoch = 0.0;\n");
  print(l, "  m->status = 0;\n  m->place = 0;\n  m->value = m->bound = 0;\n");
  if (l->u->plan.arena_bytes > l->api->slots_begin)
    print(l, "  if (m->bytes >= %" PRIu64 ") memset(m->arena + %" PRIu64 ", 0, %" PRIu64 ");\n",
          l->u->plan.arena_bytes, l->api->slots_begin, l->u->plan.arena_bytes - l->api->slots_begin);
  print(l, "}\n\n");
}

static void put_init(Lib *l) {
  const Unit *u = l->u;
  bool runs = u->p->init < u->p->n_fns;
  print(l,
        "@_status @_init(@ *m, void *arena, size_t bytes, uint64_t seed) {\n"
        "  if (!m || !arena) return $_NULL_ARGUMENT;\n"
        "  if ((uintptr_t)arena %% $_ARENA_ALIGN != 0) return $_ARENA_MISALIGNED;\n"
        "  if (bytes < %" PRIu64 ") return $_ARENA_TOO_SMALL;\n"
        "  m->arena = (unsigned char *)arena;\n"
        "  m->bytes = bytes;\n"
        "  m->seed = seed;\n"
        "  m->ready = 0x%08xu;\n"
        "  m->loaded = %d;\n"
        "  nn_lib_reset(m);\n",
        l->api->init_bytes, ready_mark(l), !u->o->library->weights_in_file);
  if (l->api->stores_bytes) print(l, "  memset(arena, 0, %" PRIu64 ");\n", l->api->stores_bytes);
  for (uint32_t i = 0; i < u->p->n_stores; i++)
    if (!u->p->stores[i].constant && unit_embeds(u, i))
      print(l, "  memcpy(m->arena + %" PRIu64 ", %s, sizeof %s);\n", u->plan.store_offsets[i],
            unit_store_name(l->u, i), unit_store_name(l->u, i));
  if (runs)
    print(l,
          "  {\n"
          "    void *const args[1] = {NULL};\n"
          "    nn_ctx c;\n"
          "    @_status s = nn_lib_begin(m, bytes, &c);\n"
          "    if (s != $_OK) return s;\n"
          "    %s(&c, 1, args);\n"
          "    return nn_lib_end(m, &c);\n"
          "  }\n",
          function_name(u, u->p->init));
  else
    print(l, "  return $_OK;\n");
  print(l, "}\n\n");
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

// One line for a part of the file that lies at `file` and in memory at `memory`.
static void put_part(Lib *l, Part part, const char *file, const char *memory, const char *bytes) {
  if (part == PART_STORE) print(l, "  memcpy(%s, %s, %s);\n", file, memory, bytes);
  if (part == PART_FETCH) print(l, "  memcpy(%s, %s, %s);\n", memory, file, bytes);
  if (part == PART_COMPARE)
    print(l, "  if (memcmp(%s, %s, %s) != 0) return $_BAD_WEIGHTS;\n", file, memory, bytes);
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
    const char *memory = s->constant ? unit_store_name(l->u, i)
                                     : arena_printf(u->a, "m->arena + %" PRIu64, u->plan.store_offsets[i]);
    put_part(l, s->constant ? constant : arena, arena_printf(u->a, "%s + %" PRIu64, file, at), memory,
             arena_printf(u->a, "%" PRIu64, store_bytes(s)));
    at += store_bytes(s);
  }
}

static void put_save(Lib *l) {
  uint64_t bytes = library_file_bytes(l->u), header = l->u->o->library->weights_header_len;
  print(l, "size_t @_save_bytes(void) { return %s; }\n\n", api_number(l->u->a, bytes));
  put_file_header(l);
  print(l,
        "static uint64_t nn_lib_length(const unsigned char *p) {\n"
        "  uint64_t n = 0;\n"
        "  int i;\n"
        "  for (i = 7; i >= 0; i--) n = n << 8 | p[i];\n"
        "  return n;\n}\n\n"
        "@_status @_save(const @ *m, void *dst, size_t bytes) {\n"
        "  unsigned char *to = (unsigned char *)dst;\n"
        "  nn_ctx c;\n"
        "  @_status s;\n"
        "  int i;\n"
        "  if (!m || !dst) return $_NULL_ARGUMENT;\n"
        "  s = nn_lib_begin(m, 0, &c);\n"
        "  if (s != $_OK) return s;\n"
        "  if (bytes < %s) return $_BAD_SIZE;\n"
        "  for (i = 0; i < 8; i++) to[i] = (unsigned char)(UINT64_C(%" PRIu64 ") >> (8 * i) & 255u);\n",
        api_number(l->u->a, bytes), header);
  put_parts(l, "to", PART_STORE, PART_STORE, PART_STORE);
  print(l, "  return $_OK;\n}\n\n");
}

static void put_load(Lib *l) {
  uint64_t bytes = library_file_bytes(l->u), header = l->u->o->library->weights_header_len;
  print(l,
        "@_status @_load(@ *m, const void *src, size_t bytes) {\n"
        "  const unsigned char *from = (const unsigned char *)src;\n"
        "  if (!m || !src) return $_NULL_ARGUMENT;\n"
        "  if (m->ready != 0x%08xu) return $_NOT_INITIALISED;\n"
        "  if (bytes != %s) return $_BAD_SIZE;\n"
        "  if (nn_lib_length(from) != %" PRIu64 ") return $_BAD_WEIGHTS;\n",
        ready_mark(l), api_number(l->u->a, bytes), header);
  put_parts(l, "from", PART_COMPARE, PART_COMPARE, PART_SKIP);
  put_parts(l, "from", PART_SKIP, PART_SKIP, PART_FETCH);
  print(l, "  nn_lib_reset(m);\n  m->loaded = 1;\n  return $_OK;\n}\n\n");
}

// ---- the model's functions

static const char *signature(Lib *l, const ApiFn *f) {
  StrBuf s = {0};
  sb_printf(&s, "%s_status %s(%s *m", l->p, f->name, l->type);
  api_put_parameters(f, &s);
  const char *text = arena_printf(l->u->a, "%s)", sb_text(&s));
  strbuf_free(&s);
  return text;
}

// Arguments that are wrong, before anything is written.
static void put_checks(Lib *l, const ApiFn *f) {
  print(l, "  nn_ctx nn_c;\n  @_status nn_s;\n  if (!m");
  for (uint32_t i = 0; i < f->n_args; i++) print(l, " || !%s", f->args[i].name);
  print(l, "%s) return $_NULL_ARGUMENT;\n", f->report ? " || !r" : "");
  print(l, "  nn_s = nn_lib_begin(m, %s_BYTES, &nn_c);\n  if (nn_s != $_OK) return nn_s;\n", f->macro);
  if (f->symbol) print(l, "  if (n < 1 || n > %" PRId64 ") return $_BAD_SIZE;\n", f->bound);
}

static const char *size_of(Lib *l, const ApiFn *f) {
  return f->symbol ? "n" : arena_printf(l->u->a, "%" PRId64, f->bound);
}

static void put_export(Lib *l, const ApiFn *f) {
  print(l, "%s {\n", signature(l, f));
  put_checks(l, f);
  if (f->draws) print(l, "  nn_c.batch_count = m->calls++;\n");
  print(l, "  {\n    void *const nn_args[] = {");
  for (uint32_t i = 0; i < f->n_args; i++) print(l, "%s(void *)%s", i ? ", " : "", f->args[i].name);
  print(l, "%s};\n    %s(&nn_c, %s, nn_args);\n  }\n", f->n_args ? "" : "NULL", function_name(l->u, f->fn),
        size_of(l, f));
  print(l, "  return nn_lib_end(m, &nn_c);\n}\n\n");
}

// `step` and `epoch` restart where the loops of another phase begin.
static void put_scope(Lib *l, const ApiFn *f) {
  print(l,
        "  if (m->scope != %uu) {\n"
        "    m->scope = %uu;\n"
        "    m->step = m->epoch = 0.0;\n"
        "    m->example = 0;\n"
        "  }\n"
        "  nn_c.step = m->step;\n"
        "  nn_c.epoch = m->epoch;\n"
        "  nn_c.batch_count = m->batches;\n",
        f->scope, f->scope);
}

// Reports go where they belong, losses that nothing reports to the stack.
static const char *member(Lib *l, const ApiFn *f, uint32_t i) {
  const ApiArg *m = &f->members[i];
  return m->name ? arena_printf(l->u->a, "r->%s", m->name) : arena_printf(l->u->a, "nn_loss[%u]", i);
}

static void put_losses(Lib *l, const ApiFn *f) {
  for (uint32_t i = 0; i < f->n_members; i++)
    if (!f->members[i].name) {
      print(l, "  %s nn_loss[%u];\n", dtype_ctype(f->members[i].dtype), f->n_members);
      return;
    }
}

// The outputs named "" are the losses; without any, all reports are judged, as in a program.
static void put_judgement(Lib *l, const ApiFn *f) {
  bool losses = false, any = false;
  for (uint32_t i = 0; i < f->n_members; i++) losses |= !f->members[i].name;
  print(l, "  if (nn_c.fault.status == NN_OK");
  for (uint32_t i = 0; i < f->n_members; i++) {
    if (losses && f->members[i].name) continue;
    const char *x = member(l, f, i);
    print(l, "%s%s - %s != 0", any ? " || " : " && (", x, x);
    any = true;
  }
  print(l, any ? ")) nn_fault_set(&nn_c, NN_NOT_FINITE, UINT32_MAX, 0, 0);\n" : ") {\n  }\n");
}

// One example after the other through `prepare`.
static void put_prepare(Lib *l, const ApiFn *f, const ApiStream *s) {
  const DataSet *d = s->data;
  const Function *fn = &l->u->p->fns[d->prepare];
  print(l,
        "  for (nn_i = 0; nn_i < %s && nn_c.fault.status == NN_OK; nn_i++) {\n    void *const nn_args[] = {",
        size_of(l, f));
  for (uint32_t i = 0; i < d->n_sources; i++) {
    if (s->args[i] == NO_ARG) {
      print(l, "%sNULL", i ? ", " : "");
      continue;
    }
    print(l, "%s(void *)(%s + nn_i * %" PRId64 ")", i ? ", " : "", f->args[s->args[i]].name,
          shape_elements(&d->sources[i].shape, 1));
  }
  for (uint32_t i = 0; i < fn->g->n_roots; i++) {
    const Node *x = graph_node(fn->g, fn->g->roots[i]);
    uint64_t bytes = (uint64_t)shape_elements(&x->shape, 1) * dtype_bytes(x->dtype);
    print(l, "%sm->arena + %" PRIu64, i || d->n_sources ? ", " : "", s->results[i]);
    if (s->kept[i]) print(l, " + nn_i * %" PRIu64, bytes);
  }
  print(l,
        "};\n"
        "    nn_c.example = m->example + (uint32_t)nn_i;\n"
        "    nn_c.epoch_count = (uint32_t)m->epoch;\n"
        "    %s(&nn_c, 1, nn_args);\n"
        "  }\n",
        function_name(l->u, (uint32_t)d->prepare));
}

static const char *step_input(Lib *l, const ApiFn *f, uint32_t i) {
  if (f->n_streams == 0) return arena_printf(l->u->a, "(void *)%s", f->args[i].name);
  const StreamField in = f->loop->inputs[i];
  const ApiStream *s = &f->streams[in.stream];
  const DataField *field = &s->data->fields[in.field];
  if (field->source >= 0) return arena_printf(l->u->a, "(void *)%s", f->args[s->args[field->source]].name);
  return arena_printf(l->u->a, "m->arena + %" PRIu64, s->results[field->result]);
}

static bool prepares(const ApiFn *f) {
  for (uint32_t i = 0; i < f->n_streams; i++)
    if (f->streams[i].results) return true;
  return false;
}

static void put_step(Lib *l, const ApiFn *f) {
  const Function *fn = &l->u->p->fns[f->fn];
  print(l, "%s {\n", signature(l, f));
  if (prepares(f)) print(l, "  size_t nn_i;\n");
  put_losses(l, f);
  put_checks(l, f);
  put_scope(l, f);
  for (uint32_t i = 0; i < f->n_streams; i++)
    if (f->streams[i].results) put_prepare(l, f, &f->streams[i]);
  print(l, "  if (nn_c.fault.status == NN_OK) {\n    void *const nn_args[] = {");
  for (uint32_t i = 0; i < fn->n_inputs; i++) print(l, "%s%s", i ? ", " : "", step_input(l, f, i));
  for (uint32_t i = 0; i < f->n_members; i++)
    print(l, "%s&%s", i || fn->n_inputs ? ", " : "", member(l, f, i));
  print(l, "%s};\n    %s(&nn_c, %s, nn_args);\n  }\n", fn->n_inputs || f->n_members ? "" : "NULL",
        function_name(l->u, f->fn), size_of(l, f));
  if (f->n_members) put_judgement(l, f);
  print(l,
        "  nn_s = nn_lib_end(m, &nn_c);\n"
        "  if (nn_s != $_OK) return nn_s;\n"
        "  m->batches++;\n"
        "  m->step += 1.0;\n"
        "  m->example += (uint32_t)%s;\n"
        "  return $_OK;\n}\n\n",
        size_of(l, f));
}

static void put_plain(Lib *l, const ApiFn *f) {
  print(l, "%s {\n", signature(l, f));
  put_losses(l, f);
  put_checks(l, f);
  put_scope(l, f);
  if (f->fn != NO_ARG) {
    print(l, "  {\n    void *const nn_args[] = {");
    for (uint32_t i = 0; i < f->n_members; i++) print(l, "%s&%s", i ? ", " : "", member(l, f, i));
    print(l, "%s};\n    %s(&nn_c, 1, nn_args);\n  }\n", f->n_members ? "" : "NULL",
          function_name(l->u, f->fn));
  }
  print(l, "  nn_s = nn_lib_end(m, &nn_c);\n");
  if (f->kind == API_EPOCH)
    print(l, "  if (nn_s != $_OK) return nn_s;\n"
             "  m->epoch += 1.0;\n"
             "  m->example = 0;\n");
  print(l, "  return nn_s;\n}\n\n");
}

static void (*const put_kind[])(Lib *l, const ApiFn *f) = {
    [API_EXPORT] = put_export, [API_STEP] = put_step, [API_EPOCH] = put_plain, [API_UPDATE] = put_plain};

void unit_print_library(Unit *u, const Api *api) {
  Lib l = {.u = u, .api = api, .p = api->prefix, .P = api->PREFIX, .type = api->type, .out = u->out};
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
  }
}
