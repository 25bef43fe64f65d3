// What is wanted becomes a program of its own (passes/subset.h); weights are read, or made by the
// interpreter, under the whole program, with the program's own rules and messages; codegen makes the texts.
#define _POSIX_C_SOURCE 200809L
#include "driver/library.h"

#include "codegen/c/names.h"
#include "driver/core_text.h"
#include "driver/exit_codes.h"
#include "driver/interpret.h"
#include "driver/nvcc.h"
#include "driver/output.h"
#include "ir/base/nearest.h"
#include "passes/subset.h"

#include "nn_weights.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- names

static const char *last_part(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

// FILE of `-o FILE`; else the model's name without its ending, in the current folder.
static const char *base_path(const Options *o, Arena *a) {
  if (o->output) return o->output;
  const char *stem = last_part(o->input), *dot = strrchr(stem, '.');
  return arena_strndup(a, stem, dot && dot > stem ? (size_t)(dot - stem) : strlen(stem));
}

// Names that the emitted text itself, or what it includes, begins with.
static bool prefix_is_taken(const char *s) {
  static const char *const taken[] = {"nn",       "fn",     "main",   "size",   "ptrdiff",
                                      "constant", "memcpy", "memset", "memcmp", "strlen"};
  for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
    if (strcmp(s, taken[i]) == 0) return true;
  return s[0] == 'k' && isdigit((unsigned char)s[1]) && strspn(s + 1, "0123456789") == strlen(s + 1);
}

// --prefix, or the file's name made a name of C: "my-net" is my_net, "xor" xor_, "3d" x3d.
static const char *library_prefix(const Options *o, Arena *a) {
  char *name = arena_strdup(a, o->prefix ? o->prefix : last_part(base_path(o, a)));
  for (char *c = name; !o->prefix && *c; c++)
    if (*c == '-' || *c == '.' || *c == ' ') *c = '_';
  const char *prefix = c_identifier(a, name);
  return prefix_is_taken(prefix) ? arena_printf(a, "x%s", prefix) : prefix;
}

int library_options(const Options *o, Arena *a) {
  if (o->output && strcmp(o->output, "-") == 0)
    return complain(EXIT_USAGE, "a library is several files: -o names them without their endings");
  if (!*last_part(base_path(o, a))) return complain(EXIT_USAGE, "-o %s names a folder", o->output);
  if (o->prefix && (!*o->prefix || strcmp(c_identifier(a, o->prefix), o->prefix) != 0) &&
      !c_is_identifier(arena_printf(a, "%s_", o->prefix)))
    return complain(EXIT_USAGE, "--prefix takes a name of C, not `%s`", o->prefix);
  return EXIT_DONE;
}

// ---- what is wanted

static int no_such(const char *what, const char *name, const char *const *names, uint32_t n) {
  Nearest near = nearest_to(name);
  for (uint32_t i = 0; i < n; i++) nearest_try(&near, names[i]);
  return complain(EXIT_USAGE,
                  near.best ? "the model has no %s `%s`; did you mean `%s`?" : "the model has no %s `%s`",
                  what, name, near.best);
}

static int select_exports(const Program *p, const Options *o, bool *wanted, uint32_t *n, Arena *a) {
  const char **names = ARENA_ARRAY(a, p->n_fns, const char *);
  uint32_t n_names = 0;
  for (uint32_t i = 0; i < p->n_fns; i++) {
    if (p->fns[i].kind != FN_EXPORT) continue;
    names[n_names++] = p->fns[i].name;
    wanted[i] = o->n_exports == 0;
    for (uint32_t k = 0; k < o->n_exports; k++) wanted[i] |= strcmp(o->exports[k], p->fns[i].name) == 0;
    *n += wanted[i];
  }
  for (uint32_t k = 0; k < o->n_exports; k++) {
    bool known = false;
    for (uint32_t i = 0; i < n_names; i++) known |= strcmp(o->exports[k], names[i]) == 0;
    if (!known) return no_such("export", o->exports[k], names, n_names);
  }
  return EXIT_DONE;
}

static int select_trains(const Program *p, const Options *o, bool *wanted, uint32_t *n, Arena *a) {
  const char **names = ARENA_ARRAY(a, p->n_trains, const char *);
  for (uint32_t t = 0; t < p->n_trains; t++) {
    names[t] = p->trains[t].name;
    wanted[t] = o->train && (!o->train_name || strcmp(o->train_name, names[t]) == 0);
    *n += wanted[t];
  }
  if (!o->train || *n) return EXIT_DONE;
  if (o->train_name) return no_such("train block", o->train_name, names, p->n_trains);
  return complain(EXIT_USAGE, "--train: the model has no train block");
}

// ---- weights

static void read_npy(nn_session *s, const nn_store *t) {
  char *path = nn_path_join(s->data_dir, t->npy);
  if (path)
    nn_store_read_npy(s, t, path);
  else
    nn_fail_memory(s->e);
  free(path);
}

// The program's stores as --weights, --seed or .npy files fill them. NULL in `values`: init makes it later.
static int read_values(const Program *p, const Options *o, bool initial, uint64_t seed,
                       const unsigned char **values, Arena *a) {
  nn_err e = {0};
  nn_session s;
  const nn_model *m = interpret_model(p, "", false, a);
  if (!nn_session_open(&s, m, &e)) {
    const char *slash = strrchr(o->input, '/'); // so that the folder nnc is called in plays no part
    s.data_dir = slash ? arena_strndup(a, o->input, (size_t)(slash - o->input)) : "";
    if (o->weights)
      nn_weights_load(&s, o->weights, NULL, 0);
    else if (initial)
      nn_session_init(&s, seed, 0);
    else
      for (int i = 0; i < m->n_stores && !e.code; i++)
        if (m->stores[i].npy) read_npy(&s, &m->stores[i]);
  }
  for (uint32_t i = 0; i < p->n_stores && !e.code; i++) {
    const nn_store *t = &m->stores[i];
    if (nn_store_is_weight(t) && (o->weights || initial || t->npy))
      values[i] = arena_copy(a, nn_store_data(&s, t), t->count * dtype_bytes(p->stores[i].dtype));
  }
  nn_session_close(&s);
  int code = e.code;
  if (code) complain(0, "%s", e.text.s ? e.text.s : "the weights can't be read");
  nn_err_free(&e);
  return code;
}

static bool is_weight(const Store *s) { return s->kind == STORE_PARAM || s->kind == STORE_STATE; }

// The tensors of the weights' file, in the order of the stores.
static nn_tensor *make_tensors(const Program *p, const unsigned char *const *values, size_t *n, Arena *a) {
  nn_tensor *t = ARENA_ARRAY(a, p->n_stores, nn_tensor);
  *n = 0;
  for (uint32_t i = 0; i < p->n_stores; i++) {
    const Store *s = &p->stores[i];
    if (!is_weight(s)) continue;
    t[*n] = (nn_tensor){.name = arena_strdup(a, s->name),
                        .type = (int)s->dtype,
                        .rank = (int)s->shape.rank,
                        .count = (size_t)shape_elements(&s->shape, 1),
                        .data = values[i]};
    for (uint32_t k = 0; k < s->shape.rank; k++) t[*n].dims[k] = s->shape.d[k].b;
    ++*n;
  }
  return t;
}

static Text file_header(const nn_tensor *t, size_t n, Arena *a) {
  nn_text h = {0};
  nn_safetensors_header(&h, t, n);
  Text text = {h.failed ? NULL : arena_strndup(a, h.s, h.len), h.len};
  nn_text_free(&h);
  return text;
}

// ---- texts

static Text taken(StrBuf *b, Arena *a) {
  Text t = {arena_strndup(a, sb_text(b), b->len), b->len};
  strbuf_free(b);
  return t;
}

// The source with the runtime's text in it; the map moves along.
static Text with_core(StrBuf *source, TextMap *map, Arena *a) {
  StrBuf whole = {0};
  size_t end;
  ptrdiff_t grown;
  core_text((Text){sb_text(source), source->len}, &whole, &end, &grown);
  for (size_t i = 0; i < map->places.len; i++) map->places.data[i].begin += (size_t)grown;
  strbuf_free(source);
  return taken(&whole, a);
}

static int check_budget(const char *option, uint64_t limit, uint64_t needs, const char *what) {
  if (limit == 0 || needs <= limit) return EXIT_DONE;
  return complain(EXIT_FAILED, "%s: %s needs %llu bytes, %llu more than the %llu allowed", option, what,
                  (unsigned long long)needs, (unsigned long long)(needs - limit), (unsigned long long)limit);
}

static int make_texts(const Program *p, const Options *o, const LibraryOptions *l, unsigned break_place,
                      LibraryValidate *validate, void *user, Library *out, Arena *a) {
  TextMap map = {.arena = a}, none = {.arena = a};
  LibraryText text = {0};
  codegen_library(
      p, &(CodegenOptions){.nnc_version = NNC_VERSION, .library = l, .map = &map, .break_place = break_place},
      &text);
  out->ram = text.ram;
  out->flash = text.flash;
  Text header = taken(&text.header, a), source = with_core(&text.source, &map, a),
       weights = taken(&text.weights, a);
  out->files[out->n_files++] = (LibraryFile){".h", header};
  out->files[out->n_files++] = (LibraryFile){o->cuda ? ".cu" : ".c", source};
  if (weights.len) out->files[out->n_files++] = (LibraryFile){"_weights.c", weights};
  EmbeddedFile file = {arena_printf(a, "%s.h", l->file), header.text, header.len};
  EmbeddedFiles headers = {&file, 1};
  int status = validate(user, source, &headers, &map);
  if (status == EXIT_DONE && weights.len) status = validate(user, weights, &headers, &none);
  if (status == EXIT_DONE) status = check_budget("--max-ram", o->max_ram, out->ram, "the arena");
  return status != EXIT_DONE ? status
                             : check_budget("--max-flash", o->max_flash, out->flash, "constant data");
}

static bool has_functions(const Program *p) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < p->n_fns; i++) n += p->fns[i].kind == FN_EXPORT;
  for (uint32_t t = 0; t < p->n_trains; t++) n += p->trains[t].n_items;
  return n > 0;
}

int library_make(const Program *p, const Options *o, unsigned break_place, LibraryValidate *validate,
                 void *user, Library *out, Arena *a) {
  bool *functions = ARENA_ARRAY(a, p->n_fns, bool), *trains = ARENA_ARRAY(a, p->n_trains, bool);
  bool *known = ARENA_ARRAY(a, p->n_stores, bool);
  uint32_t n_exports = 0, n_trains = 0;
  int status = select_exports(p, o, functions, &n_exports, a);
  if (status == EXIT_DONE) status = select_trains(p, o, trains, &n_trains, a);
  if (status != EXIT_DONE) return status;
  if (n_exports + n_trains == 0)
    return complain(EXIT_USAGE, p->n_trains
                                    ? "the model exports no function; write `export fn`, or give --train"
                                    : "the model exports no function; write `export fn`");
  const unsigned char **all = ARENA_ARRAY(a, p->n_stores, const unsigned char *);
  bool initial = o->has_seed || (o->weights_as_file && !o->weights);
  uint64_t seed = o->has_seed ? o->seed : p->n_trains && p->trains[0].has_seed ? p->trains[0].seed : 0;
  status = read_values(p, o, initial, seed, all, a);
  if (status != EXIT_DONE) return status;
  for (uint32_t i = 0; i < p->n_stores; i++) known[i] = all[i] != NULL;
  Subset s = program_subset(p, &(Selected){functions, trains, known, o->weights_as_file}, a);
  if (!has_functions(s.program))
    return complain(
        EXIT_USAGE,
        "the library would have no function: there is no export, and no loop in what --train names");
  const unsigned char **values = ARENA_ARRAY(a, s.program->n_stores, const unsigned char *);
  for (uint32_t i = 0; i < s.program->n_stores; i++) values[i] = all[s.stores[i]];
  *out = (Library){.prefix = library_prefix(o, a)};
  nn_tensor *tensors = make_tensors(s.program, values, &out->n_tensors, a);
  Text header = file_header(tensors, out->n_tensors, a);
  if (!header.text) return complain(EXIT_SYSTEM, "out of memory");
  bool in_file = o->weights_as_file && out->n_tensors > 0;
  if (in_file) out->tensors = tensors;
  LibraryOptions l = {.prefix = out->prefix,
                      .file = last_part(base_path(o, a)),
                      .values = in_file ? ARENA_ARRAY(a, s.program->n_stores, const unsigned char *) : values,
                      .weights_header = header.text,
                      .weights_header_len = header.len,
                      .weights_in_file = in_file,
                      .cuda = o->cuda,
                      .compiled = o->cuda ? nvcc_library_comment(o, a) : ""};
  return make_texts(s.program, o, &l, break_place, validate, user, out, a);
}

// ---- writing

static int write_text(const Output *out, Text t) {
  FILE *f = fopen(out->temp, "wb");
  bool ok = f && fwrite(t.text, 1, t.len, f) == t.len;
  ok = (!f || fclose(f) == 0) && ok;
  return ok ? EXIT_DONE : complain(EXIT_SYSTEM, "can't write %s", out->path);
}

static int write_tensors(const Output *out, const Library *l) {
  nn_err e = {0};
  nn_safetensors_write(out->temp, l->tensors, l->n_tensors, &e);
  int code = e.code;
  if (code) complain(0, "%s", e.text.s ? e.text.s : out->path);
  nn_err_free(&e);
  return code;
}

static int write_rule(const Options *o, const char *base, const Library *l, Arena *a) {
  const char *targets = "", *name = o->depfile_name ? o->depfile_name : arena_printf(a, "%s.d", base);
  for (uint32_t i = 0; i < l->n_files; i++)
    targets = arena_printf(a, "%s%s%s%s", targets, i ? " " : "", base, l->files[i].suffix);
  if (l->tensors) targets = arena_printf(a, "%s %s.safetensors", targets, base);
  const char *rule =
      arena_printf(a, "%s: %s%s%s\n", targets, o->input, o->weights ? " " : "", o->weights ? o->weights : "");
  return output_text(name, o->input, rule, strlen(rule), a);
}

int library_write(const Library *l, const Options *o, Arena *a) {
  const char *base = base_path(o, a);
  Output outs[4];
  uint32_t n = 0, n_files = l->n_files + (l->tensors != NULL);
  int status = EXIT_DONE;
  for (; n < n_files && status == EXIT_DONE; n++) {
    const char *suffix = n < l->n_files ? l->files[n].suffix : ".safetensors";
    status = output_begin(&outs[n], arena_printf(a, "%s%s", base, suffix), o->input, a);
    if (status != EXIT_DONE) break;
  }
  for (uint32_t i = 0; i < n && status == EXIT_DONE; i++)
    status = i < l->n_files ? write_text(&outs[i], l->files[i].text) : write_tensors(&outs[i], l);
  for (uint32_t i = 0; i < n; i++) {
    if (status == EXIT_DONE)
      status = output_commit(&outs[i]);
    else
      output_drop(&outs[i]);
  }
  return status == EXIT_DONE && o->depfile ? write_rule(o, base, l, a) : status;
}
