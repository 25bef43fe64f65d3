// C's side of what libraries differ in.
#include "codegen/c/library.h"

#include <inttypes.h>

static const char *const names[] = {NULL};

static void open(Lib *l) { (void)l; }

static void fill(Lib *l) {
  library_print(l, "  memset(c, 0, sizeof *c);\n"
                   "  c->arena = m->arena;\n"
                   "  c->seed = m->seed;\n");
  if (l->u->p->n_options) library_print(l, "  c->options = nn_lib_options;\n");
}

static void end(Lib *l, uint32_t ready) { (void)l, (void)ready; }

static void init_reset(Lib *l) { library_print(l, "  nn_lib_reset(m);\n"); }

static void init_run(Lib *l) {
  if (l->u->p->init >= l->u->p->n_fns) {
    library_print(l, "  return $_OK;\n");
    return;
  }
  library_print(l,
                "  {\n"
                "    void *const args[1] = {NULL};\n"
                "    nn_ctx c;\n"
                "    @_status s = nn_lib_begin(m, bytes, &c);\n"
                "    if (s != $_OK) return s;\n"
                "    %s(&c, 1, args);\n"
                "    return nn_lib_end(m, &c);\n"
                "  }\n",
                function_name(l->u, l->u->p->init));
}

static void clear(Lib *l, const char *call, uint64_t at, const char *bytes) {
  (void)call;
  library_print(l, " memset(%s, 0, %s);\n", library_at(l, at), bytes);
}

static void send(Lib *l, const char *call, uint64_t at, const char *from, const char *bytes) {
  (void)call;
  library_print(l, "  memcpy(%s, %s, %s);\n", library_at(l, at), from, bytes);
}

static void fetch(Lib *l, const char *call, const char *to, uint64_t at, const char *bytes) {
  (void)call;
  library_print(l, "  memcpy(%s, %s, %s);\n", to, library_at(l, at), bytes);
}

static void losses(Lib *l, const char *type, uint32_t n) { library_print(l, "  %s nn_loss[%u];\n", type, n); }

static void judge(Lib *l, const char *const *x, uint32_t n) {
  for (uint32_t i = 0; l->u->p->n_traps && i < n; i++)
    library_print(l,
                  "  if (nn_c.fault.status == NN_OK && %s - %s != 0)"
                  " nn_fault_set(&nn_c, NN_NOT_FINITE, nn_nan_place((double)%s), 0, 0);\n",
                  x[i], x[i], x[i]);
  if (l->u->p->n_traps) return;
  library_print(l, "  if (nn_c.fault.status == NN_OK");
  for (uint32_t i = 0; i < n; i++) library_print(l, "%s%s - %s != 0", i ? " || " : " && (", x[i], x[i]);
  library_print(l, ")) nn_fault_set(&nn_c, NN_NOT_FINITE, UINT32_MAX, 0, 0);\n");
}

static void after(Lib *l, const ApiFn *f) { (void)l, (void)f; }

const LibraryDialect library_c = {
    .names = names,
    .about = "   Plain C99, also C++: no heap, no input or output, no global state; all memory is the "
             "caller's. Arrays\n"
             "   must not overlap. */\n",
    .arena = "`arena`: `bytes` bytes, aligned to ARENA_ALIGN, that nothing else uses as long as the\n"
             "   object is used. A smaller arena than ARENA_BYTES serves the functions whose NAME_BYTES it "
             "has.\n",
    .const_note = "weights that never change: const data, not in the arena",
    .types = "",
    .members = "",
    .also = "",
    .example_includes = "#include <stdio.h>\n",
    .call = "nn_ctx",
    .counters = "nn_c.",
    .run = "",
    .run_args = "(&nn_c, ",
    .going = "nn_c.fault.status == NN_OK",
    .open = open,
    .fill = fill,
    .keep = "static @_status nn_lib_end(@ *m, const nn_ctx *c) {\n",
    .fault = "c->fault",
    .end = end,
    .reset = "static void nn_lib_reset(@ *m) {\n",
    .reset_end = "",
    .init = "@_status @_init(@ *m, void *arena, size_t bytes, uint64_t seed) {\n",
    .init_ready = "",
    .init_reset = init_reset,
    .init_run = init_run,
    .save_ready = "",
    .save_end = "  return $_OK;\n}\n\n",
    .load = "",
    .load_ready = "",
    .load_end = "  nn_lib_reset(m);\n  m->loaded = 1;\n  return $_OK;\n}\n\n",
    .checked = "",
    .clear = clear,
    .send = send,
    .fetch = fetch,
    .losses = losses,
    .judge = judge,
    .after = after,
};
