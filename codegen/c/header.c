// The header of a library. The type is complete, so that an object of it can be static; its members are of
// C's own types, so that the headers of several libraries go into one file. The example at the end is
// compiled and run by tests.
#include "codegen/c/library.h"

#include "codegen/cost.h"
#include "codegen/memplan.h"

#include <inttypes.h>
#include <string.h>

enum { DEVICE_STATUSES = 4 }; // the last ones

const LibraryStatus library_statuses[] = {
    {"OK", NULL, "no error", "done"},
    {"NULL_ARGUMENT", NULL, "a pointer is NULL", "a pointer is NULL"},
    {"ARENA_TOO_SMALL", NULL, "the arena is too small for this function",
     "the arena has fewer bytes than the function needs"},
    {"ARENA_MISALIGNED", NULL, "the arena is misaligned",
     "the arena's address is no multiple of ARENA_ALIGN"},
    {"BAD_SIZE", NULL, "a size is out of range", "n is 0 or too large, or a buffer is too small"},
    {"NOT_FINITE", "NN_NOT_FINITE", "the loss is not finite", "the loss is not finite; kept, see below"},
    {"NOT_INITIALISED", NULL, "the object is not initialised", "the object was never given to init"},
    {"NO_WEIGHTS", NULL, "no weights are loaded", "load was not called yet, and nothing is embedded"},
    {"BAD_WEIGHTS", NULL, "the weights are of another model", "the bytes are not those that save writes"},
    {"BAD_INDEX", "NN_FAULT_INDEX", "an index is outside its axis", "an index is outside its axis; kept"},
    {"DIVISION_BY_ZERO", "NN_FAULT_DIVISION", "an integer is divided by zero",
     "an integer is divided by zero; kept"},
    {"ASSERTION", "NN_FAULT_ASSERT", "an assertion does not hold",
     "an `assert` of the model does not hold (nnc -fchecks); kept"},
    {"FAULT", NULL, "a run-time fault", "another fault at run time; kept"},
    {"PENDING_ERROR", NULL, "an earlier error of CUDA is pending",
     "cudaPeekAtLastError has an error of an earlier call of CUDA"},
    {"NO_DEVICE", NULL, "there is no CUDA device", "no device, or no driver, or one that is too old; kept"},
    {"OTHER_DEVICE", NULL, "the library was compiled for other devices",
     "nvcc's -arch does not fit the device or its driver; kept"},
    {"CUDA_FAILED", NULL, "a call of CUDA failed", "another error of CUDA; kept"},
};

size_t library_status_count(const Unit *u) {
  size_t n = sizeof library_statuses / sizeof *library_statuses;
  return u->d->library->device ? n : n - DEVICE_STATUSES;
}

static void put_name(Lib *h, const char *name) { put_comment(h->out, name ? name : ""); }

// ---- macros

static void put_macro(Lib *h, const char *name, uint64_t value, const char *comment) {
  sb_printf(h->out, "#define %s_%s %s%s%s%s\n", h->api->PREFIX, name, api_number(h->u->a, value),
            *comment ? " /* " : "", comment, *comment ? " */" : "");
}

static void put_store_macros(Lib *h) {
  uint64_t param = 0, state = 0, constant = 0;
  for (uint32_t i = 0; i < h->u->p->n_stores; i++) {
    const Store *s = &h->u->p->stores[i];
    if (s->constant)
      constant += store_bytes(s);
    else if (s->kind == STORE_PARAM)
      param += store_bytes(s);
    else if (s->kind == STORE_STATE)
      state += store_bytes(s);
  }
  put_macro(h, "PARAM_BYTES", param, "of the arena: parameters");
  put_macro(h, "STATE_BYTES", state, "of the arena: states of layers");
  put_macro(h, "CONST_BYTES", constant, h->u->d->library->const_note);
}

static bool first_with_macro(const Api *api, size_t i) {
  for (size_t k = 0; k < i; k++)
    if (strcmp(api->fns.data[k].macro, api->fns.data[i].macro) == 0) return false;
  return true;
}

static uint64_t macs_of(const Unit *u, const Api *api, size_t i) {
  uint64_t macs = 0;
  for (size_t k = i; k < api->fns.len; k++) {
    const ApiFn *f = &api->fns.data[k];
    if (f->kind == API_EXPORT && k == i) return (uint64_t)graph_macs(u->p->fns[f->fn].g, 1);
    if (f->kind == API_STEP && strcmp(f->macro, api->fns.data[i].macro) == 0) {
      uint64_t m = (uint64_t)graph_macs(u->p->fns[f->fn].g, 1);
      if (m > macs) macs = m;
    }
  }
  return macs;
}

static void put_macros(Lib *h) {
  const Api *api = h->api;
  sb_puts(h->out, "/* Bytes of the arena. ARENA_BYTES is enough for every function, NAME_BYTES for init, "
                  "save, load and the\n"
                  "   functions of NAME. NAME_MACS counts multiply-adds of one call with n = 1 (of a train "
                  "block: of its\n"
                  "   largest step). */\n");
  put_macro(h, "ARENA_BYTES", h->u->plan.arena_bytes, "");
  put_macro(h, "ARENA_ALIGN", h->u->plan.align, "its address is a multiple of this");
  for (size_t i = 0; i < api->fns.len; i++) {
    const ApiFn *f = &api->fns.data[i];
    if (!first_with_macro(api, i)) continue;
    sb_printf(h->out, "#define %s_BYTES %s\n", f->macro, api_number(h->u->a, f->bytes));
    sb_printf(h->out, "#define %s_MACS %s\n", f->macro, api_number(h->u->a, macs_of(h->u, api, i)));
  }
  put_store_macros(h);
  sb_puts(h->out, "\n");
}

// ---- types

static void put_struct(Lib *h) {
  const char *prefix = h->api->prefix;
  sb_printf(h->out,
            "/* One model at work. Its memory and the arena are the caller's; copying the object does not "
            "copy the\n"
            "   arena. Objects share nothing: two threads may use two of them. The members are the library's "
            "own. */\n"
            "typedef struct %s {\n"
            "  unsigned char *arena;\n"
            "  size_t bytes;\n"
            "  uint64_t seed;\n"
            "  uint32_t ready;  /* set by %s_init */\n"
            "  uint32_t loaded; /* there are weights */\n"
            "  uint32_t calls;  /* of functions that draw random numbers */\n",
            h->api->type, prefix);
  if (h->api->training) sb_puts(h->out, "  uint32_t batches; /* steps since init or load */\n");
  if (h->api->n_fields)
    sb_printf(
        h->out,
        "  uint32_t example[%u]; /* of each loop with computed fields: examples seen in this epoch, */\n"
        "  uint32_t pass[%u];    /* epochs */\n",
        h->api->n_fields, h->api->n_fields);
  if (h->api->scopes.len)
    sb_printf(h->out,
              "  double step[%zu];  /* of each train and phase: what it has completed */\n"
              "  double epoch[%zu];\n",
              h->api->scopes.len, h->api->scopes.len);
  if (h->api->n_sums)
    sb_printf(h->out, "  uint32_t summed[%u]; /* batches that wait for their apply */\n", h->api->n_sums);
  sb_puts(h->out,
          "  int32_t status;  /* the fault that is kept */\n"
          "  uint32_t place;  /* where in the model it happened: listed below; UINT32_MAX: nowhere */\n"
          "  int64_t value;   /* the index met, */\n"
          "  int64_t bound;   /* which must lie in 0 .. bound - 1 */\n");
  library_print(h, "%s} @;\n\n", h->u->d->library->members);
}

static void put_statuses(Lib *h) {
  const char *P = h->api->PREFIX, *p = h->api->prefix;
  sb_printf(h->out, "typedef enum %s_status {\n", p);
  size_t n = library_status_count(h->u);
  for (size_t i = 0; i < n; i++)
    sb_printf(h->out, "  %s_%s%s%s /* %s */\n", P, library_statuses[i].name, i ? "" : " = 0",
              i + 1 < n ? "," : "", library_statuses[i].meaning);
  sb_printf(h->out, "} %s_status;\n", p);
  sb_puts(h->out, "/* A status other than OK means that nothing was written, except for the ones that are "
                  "kept: after those\n"
                  "   every function but init and load returns them at once. */\n\n");
}

static void put_places(Lib *h) {
  const Unit *u = h->u;
  if (u->places.len == 0) return;
  sb_puts(h->out, "/* Places of faults:\n");
  for (size_t i = 0; i < u->places.len; i++) {
    sb_printf(h->out, "     %zu  ", i);
    put_comment(h->out, span_text_here(u->p->sources, u->places.data[i].span, u->a));
    sb_puts(h->out, "  ");
    put_comment(h->out, u->places.data[i].what);
    sb_puts(h->out, "\n");
  }
  sb_puts(h->out, "*/\n\n");
}

// ---- functions

static const char *type_note(DType t) {
  if (t == DT_MASK) return ", each 0 or 1";
  return t == DT_F16 || t == DT_BF16 ? ", held as bits in uint16_t" : "";
}

static void put_arg(Lib *h, const ApiArg *a) {
  sb_printf(h->out, "     %-10s %s %s", a->name, a->out ? "out" : "in ", dtype_name(a->dtype));
  if (a->shape.rank == 0)
    sb_printf(h->out, ": one element%s\n", type_note(a->dtype));
  else
    sb_printf(h->out, " %s: %s elements, the last axis fastest%s\n", api_shape(h->u->a, &a->shape),
              api_count(h->u->a, &a->shape, "n"), type_note(a->dtype));
}

static void put_report(Lib *h, const ApiFn *f) {
  if (!f->report) return;
  sb_printf(h->out, "typedef struct %s {\n", f->report);
  for (uint32_t i = 0; i < f->n_members; i++)
    if (f->members[i].name)
      sb_printf(h->out, "  %s %s;%s\n", dtype_ctype(f->members[i].dtype), f->members[i].name,
                f->members[i].dtype == DT_MASK ? " /* 1: the one before is reported, 0: it is 0 */" : "");
  sb_printf(h->out, "} %s;\n", f->report);
}

static void put_title(Lib *h, const ApiFn *f) {
  const Program *p = h->u->p;
  if (f->fn != NO_ARG) {
    put_comment(h->out, span_text_here(p->sources, p->fns[f->fn].span, h->u->a));
    sb_puts(h->out, ": ");
  }
  if (f->kind == API_EXPORT) {
    sb_puts(h->out, "export ");
    put_name(h, p->fns[f->fn].name);
  } else {
    sb_puts(h->out, f->kind == API_APPLY ? "the step that ends a group of batches of train "
                    : f->kind == API_STEP && f->loop->apply >= 0 ? "one batch of a step of train "
                    : f->kind == API_STEP                        ? "one step of train "
                    : f->kind == API_UPDATE                      ? "an update of train "
                    : f->fn == NO_ARG                            ? "the end of an epoch of train "
                                      : "the end of an epoch, and `then`, of train ");
    put_name(h, f->train->name);
    if (f->phase) sb_puts(h->out, ", phase "), put_name(h, f->phase);
  }
  if (f->kind == API_APPLY)
    sb_printf(h->out,
              ": to be called after %" PRId64 " batches,\n"
              "   and before the end of an epoch for those that are left. Their gradients, averaged by "
              "examples, make "
              "one step;\n"
              "   without a batch since the last one nothing happens",
              f->loop->accumulate);
}

static void put_function(Lib *h, const ApiFn *f) {
  put_report(h, f);
  sb_puts(h->out, "/* ");
  put_title(h, f);
  if (f->symbol) sb_printf(h->out, "\n     %-10s 1 .. %" PRId64, "n", f->bound);
  sb_puts(h->out, f->symbol || f->n_args ? "\n" : " */\n");
  for (uint32_t i = 0; i < f->n_args; i++) put_arg(h, &f->args[i]);
  if (f->symbol || f->n_args) sb_puts(h->out, "*/\n");
  sb_printf(h->out, "%s;\n", library_signature(h, f, false));
  if (f->on) sb_printf(h->out, "%s;\n", library_signature(h, f, true));
  sb_puts(h->out, "\n");
}

static const char *init_comment(const Lib *h) {
  const LibraryOptions *l = h->u->o->library;
  if (l->weights_in_file) return "   The weights come from a file: no function works before load. */\n";
  for (uint32_t i = 0; i < h->u->p->n_stores; i++)
    if (store_is_weight(&h->u->p->stores[i]) && !l->values[i])
      return "   Weights get fresh values by the seed, which also rules all random draws. */\n";
  return h->u->p->n_stores
             ? "   Weights get the values embedded in the library; the seed rules random draws. */\n"
             : "   There are no weights; the seed rules random draws. */\n";
}

static void put_common(Lib *h) {
  const char *p = h->api->prefix;
  sb_printf(h->out,
            "/* A short text in English, for any value. */\nconst char *%s_status_text(%s_status s);\n\n", p,
            p);
  library_print(
      h, "/* Before all else. %s%s@_status @_init(@ *m, void *arena, size_t bytes, uint64_t seed);\n\n",
      h->u->d->library->arena, init_comment(h));
  sb_printf(h->out,
            "/* The weights as a safetensors file in memory: `bytes` is at least %s_save_bytes() to save, "
            "and just that\n"
            "   to load. load accepts what save of this library wrote (also weights of nnc's programs with "
            "the same\n"
            "   tensors), and begins anew: counters, optimizers and faults are reset. */\n"
            "size_t %s_save_bytes(void);\n"
            "%s_status %s_save(const %s *m, void *dst, size_t bytes);\n"
            "%s_status %s_load(%s *m, const void *src, size_t bytes);\n\n",
            p, p, p, p, h->api->type, p, p, h->api->type);
  library_print(h, "%s", h->u->d->library->also);
}

// ---- the example

static void put_example_arrays(Lib *h, const ApiFn *f) {
  for (uint32_t i = 0; i < f->n_args; i++) {
    int64_t count = shape_elements(&f->args[i].shape, 1);
    sb_printf(h->out, "static %s %s_data[%" PRId64 "];\n", dtype_ctype(f->args[i].dtype), f->args[i].name,
              count > 0 ? count : 1);
  }
}

static void put_example_call(Lib *h, const ApiFn *f) {
  sb_printf(h->out, "  if (s == %s_OK) s = %s(&model%s", h->api->PREFIX, f->name, f->symbol ? ", 1" : "");
  for (uint32_t i = 0; i < f->n_args; i++) sb_printf(h->out, ", %s_data", f->args[i].name);
  sb_puts(h->out, f->report ? ", &report);\n" : ");\n");
}

static void put_example_print(Lib *h, const ApiFn *f) {
  for (uint32_t i = 0; i < f->n_args; i++)
    if (f->args[i].out)
      sb_printf(h->out, "  printf(\"%s[0] = %%g\\n\", (double)%s_data[0]);\n", f->args[i].name,
                f->args[i].name);
  for (uint32_t i = 0; i < f->n_members; i++)
    if (f->members[i].name)
      sb_printf(h->out, "  printf(\"%s = %%g\\n\", (double)report.%s);\n", f->members[i].name,
                f->members[i].name);
}

static void put_example(Lib *h) {
  const char *p = h->api->prefix, *P = h->api->PREFIX, *file_name = h->u->o->library->file;
  const ApiFn *f = &h->api->fns.data[0];
  bool file = h->u->o->library->weights_in_file;
  sb_puts(h->out, "/* Example: one call, with inputs of zeros.\n\n");
  sb_printf(h->out, "#include \"%s.h\"\n%s\nstatic %s model;\n", file_name,
            h->u->d->library->example_includes, h->api->type);
  if (!h->u->d->library->device)
    sb_printf(h->out, "static unsigned char memory[%s_BYTES + %s_ARENA_ALIGN];\n", f->macro, P);
  if (file)
    sb_printf(h->out, "static unsigned char weights[%s]; // of %s.safetensors\n",
              api_number(h->u->a, library_file_bytes(h->u)), file_name);
  put_example_arrays(h, f);
  sb_puts(h->out, "\nint main(void) {\n");
  if (f->report) sb_printf(h->out, "  %s report;\n", f->report);
  if (h->u->d->library->device)
    sb_printf(h->out,
              "  void *arena = NULL;\n"
              "  if (cudaMalloc(&arena, %s_BYTES) != cudaSuccess) return 1;\n",
              f->macro);
  else
    sb_printf(h->out,
              "  unsigned char *arena = memory + (%s_ARENA_ALIGN - (uintptr_t)memory %% %s_ARENA_ALIGN) %% "
              "%s_ARENA_ALIGN;\n",
              P, P, P);
  if (file)
    sb_printf(h->out,
              "  FILE *file = fopen(\"%s.safetensors\", \"rb\");\n"
              "  size_t got = file ? fread(weights, 1, sizeof weights, file) : 0;\n",
              file_name);
  sb_printf(h->out, "  %s_status s = %s_init(&model, arena, %s_BYTES, 1);\n", p, p, f->macro);
  if (file)
    sb_printf(h->out, "  if (file) fclose(file);\n  if (s == %s_OK) s = %s_load(&model, weights, got);\n", P,
              p);
  put_example_call(h, f);
  sb_printf(h->out,
            "  if (s != %s_OK) {\n    fprintf(stderr, \"%%s\\n\", %s_status_text(s));\n    return 1;\n  }\n",
            P, p);
  put_example_print(h, f);
  if (h->u->d->library->device)
    sb_puts(h->out, "  return cudaFree(arena) != cudaSuccess;\n}\n*/\n");
  else
    sb_puts(h->out, "  return 0;\n}\n*/\n");
}

void unit_print_header(Unit *u, const Api *api, StrBuf *out) {
  Lib h = {u, api, out};
  const char *P = api->PREFIX;
  sb_printf(out, "/* %s: the model ", api->type);
  put_name(&h, u->p->name);
  sb_puts(out, " as a library, made by nnc ");
  put_name(&h, u->o->nnc_version);
  sb_puts(out, ". Yours to use as you like (MIT-0).\n");
  sb_puts(out, u->d->library->about);
  sb_printf(out, "#ifndef %s_NNC_H\n#define %s_NNC_H\n\n#include <stddef.h>\n#include <stdint.h>\n\n", P, P);
  sb_puts(out, "#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n");
  put_macros(&h);
  library_print(&h, "%s", u->d->library->types);
  put_struct(&h);
  put_statuses(&h);
  put_places(&h);
  put_common(&h);
  for (size_t i = 0; i < api->fns.len; i++) put_function(&h, &api->fns.data[i]);
  sb_puts(out, "#ifdef __cplusplus\n}\n#endif\n\n#endif\n\n");
  put_example(&h);
}
