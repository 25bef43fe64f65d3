// CUDA's side of what libraries differ in (runtime/cuda/nn_cuda_library.h, docs/CUDA.md). The functions that
// library.c prints are the variants NAME_on, which only queue; each gets one beside it that copies arrays of
// the host's memory to the arena, calls it, copies results back and waits.
#include "codegen/c/library.h"

#include <inttypes.h>

static const char *const names[] = {"stream", "init_on", "finish", "error_text", NULL};

// ---- a call

static void put_arrays(Lib *l) {
  const Api *api = l->api;
  if (api->arrays.len == 0) return;
  library_print(l, "static const nn_cuda_array nn_lib_arrays[%zu] = {", api->arrays.len);
  for (size_t i = 0; i < api->arrays.len; i++)
    library_print(l, "%s{%s, %" PRIu64 ", %" PRIu64 "}", i ? ", " : "", api->arrays.data[i].name,
                  api->arrays.data[i].bytes, api->arrays.data[i].at);
  library_print(l, "};\n\n");
}

static void open(Lib *l) {
  const Api *api = l->api;
  put_arrays(l);
  library_print(l,
                "static void nn_lib_open(const @ *m, nn_cuda *c) {\n"
                "  memset(c, 0, sizeof *c);\n"
                "  c->arena = m->arena;\n"
                "  c->model = %" PRIu64 ";\n"
                "  c->arrays = %s;\n"
                "  c->stream = (cudaStream_t)m->stream;\n"
                "  c->what = c->place = \"\";\n"
                "  c->values.seed = m->seed;\n",
                api->base, api->arrays.len ? "nn_lib_arrays" : "NULL");
  if (l->u->p->n_options)
    library_print(l, "  c->values.options = (const double *)nn_cuda_constant(c, %zu);\n",
                  api->arrays.len - 1);
  library_print(l, "}\n\n");
}

static void fill(Lib *l) {
  library_print(l, "  if (nn_cuda_pending()) return $_PENDING_ERROR;\n"
                   "  nn_lib_open(m, c);\n");
}

// The status of what CUDA says; what is queued has failed or not, but faults are on the device until they are
// asked for.
static const char ends[] =
    "static @_status nn_lib_failed(cudaError_t e) {\n"
    "  if (e == cudaSuccess) return $_OK;\n"
    "  if (e == cudaErrorNoDevice || e == cudaErrorInsufficientDriver) return $_NO_DEVICE;\n"
    "  if (e == cudaErrorNoKernelImageForDevice || e == cudaErrorInvalidDeviceFunction ||\n"
    "      e == cudaErrorUnsupportedPtxVersion)\n"
    "    return $_OTHER_DEVICE;\n"
    "  return $_CUDA_FAILED;\n}\n\n"
    "/* Keeps what CUDA says. */\n"
    "static @_status nn_lib_end(@ *m, const nn_cuda *c) {\n"
    "  @_status s = nn_lib_failed(c->error);\n"
    "  if (s == $_OK) return s;\n"
    "  m->status = (int32_t)s;\n"
    "  m->error = (int32_t)c->error;\n"
    "  m->failed = c->what;\n"
    "  m->failed_at = c->place;\n"
    "  return s;\n}\n\n"
    "const char *@_error_text(const @ *m) {\n"
    "  if (!m || m->error == 0) return \"\";\n"
    "  return cudaGetErrorString((cudaError_t)m->error);\n}\n\n"
    "/* Waits for all that is queued, and keeps its fault. */\n"
    "static @_status nn_lib_finish(@ *m, nn_cuda *c) {\n"
    "  const nn_fault f = nn_cuda_ask(c);\n"
    "  const @_status s = nn_lib_end(m, c);\n"
    "  return s == $_OK ? nn_lib_keep(m, f) : s;\n}\n\n";

static void put_end(Lib *l, uint32_t ready) {
  library_print(l, "%s", ends);
  library_print(l,
                "@_status @_finish(@ *m, @_stream stream) {\n"
                "  nn_cuda c;\n"
                "  if (!m) return $_NULL_ARGUMENT;\n"
                "  if (m->ready != 0x%08xu) return $_NOT_INITIALISED;\n"
                "  if (m->status != 0) return (@_status)m->status;\n"
                "  if (nn_cuda_pending()) return $_PENDING_ERROR;\n"
                "  nn_lib_open(m, &c);\n"
                "  c.stream = (cudaStream_t)stream;\n"
                "  return nn_lib_finish(m, &c);\n}\n\n",
                ready);
}

// ---- memory

static void clear(Lib *l, const char *call, uint64_t at, const char *bytes) {
  library_print(l, " nn_cuda_clear(%s, %" PRIu64 ", %s);\n", call, at, bytes);
}

static void send(Lib *l, const char *call, uint64_t at, const char *from, const char *bytes) {
  library_print(l, "  nn_cuda_send(%s, %" PRIu64 ", %s, %s);\n", call, at, from, bytes);
}

static void fetch(Lib *l, const char *call, const char *to, uint64_t at, const char *bytes) {
  library_print(l, "  nn_cuda_fetch(%s, %s, %" PRIu64 ", %s);\n", call, to, at, bytes);
}

static void init_reset(Lib *l) {
  // An arena that is no memory of the device's is refused by this call; a kernel that writes there would end
  // all.
  library_print(l,
                "  m->stream = stream;\n"
                "  nn_lib_open(m, &c);\n"
                "  nn_cuda_clear(&c, 0, %" PRIu64 ");\n"
                "  nn_lib_reset(m, &c);\n",
                l->api->losses);
  if (l->api->arrays.len) library_print(l, "  nn_cuda_send_arrays(&c, %zu);\n", l->api->arrays.len);
}

static void init_run(Lib *l) {
  if (l->u->p->init < l->u->p->n_fns)
    library_print(l,
                  "  {\n"
                  "    void *const args[1] = {NULL};\n"
                  "    nn_cuda_call(&c, %s, 1, args);\n"
                  "  }\n",
                  function_name(l->u, l->u->p->init));
  library_print(l, "  return nn_lib_end(m, &c);\n}\n\n"
                   "@_status @_init(@ *m, void *arena, size_t bytes, uint64_t seed) {\n"
                   "  @_status s = @_init_on(m, arena, bytes, seed, NULL);\n"
                   "  return s == $_OK ? @_finish(m, NULL) : s;\n");
}

// ---- losses

static void losses(Lib *l, const char *type, uint32_t n) {
  (void)n;
  library_print(l, "  %s *const nn_loss = (%s *)(void *)(%s);\n", type, type, library_at(l, l->api->losses));
}

static void judge(Lib *l, const char *const *x, uint32_t n) {
  for (uint32_t i = 0; i < n; i++) library_print(l, "  nn_cuda_judge(&nn_c, &%s);\n", x[i]);
}

// ---- arrays of the host's memory

static const char *bytes_of(Lib *l, const ApiArg *x) {
  return arena_printf(l->u->a, "(size_t)(%s) * sizeof *%s", api_count(l->u->a, &x->shape, "n"), x->name);
}

static void after(Lib *l, const ApiFn *f) {
  const uint64_t base = l->api->base;
  library_print(l, "%s {\n", library_signature(l, f, false));
  library_checks(l, f);
  for (uint32_t i = 0; i < f->n_args; i++)
    if (!f->args[i].out) send(l, "&nn_c", base + f->places[i], f->args[i].name, bytes_of(l, &f->args[i]));
  library_print(l, "  if (nn_c.error != cudaSuccess) {\n"
                   "    nn_cuda_wait(&nn_c);\n"
                   "    return nn_lib_end(m, &nn_c);\n  }\n");
  library_print(l, "  nn_s = %s(m, m->stream%s", f->on, f->symbol ? ", n" : "");
  for (uint32_t i = 0; i < f->n_args; i++)
    library_print(l, ",\n      (%s%s *)(%s)", f->args[i].out ? "" : "const ", dtype_ctype(f->args[i].dtype),
                  library_at(l, base + f->places[i]));
  if (f->report)
    library_print(l, ",\n      (%s *)(void *)(%s)", f->report, library_at(l, base + f->places[f->n_args]));
  library_print(l, ");\n"
                   "  if (nn_s != $_OK) {\n"
                   "    nn_cuda_wait(&nn_c);\n"
                   "    return nn_s;\n  }\n");
  for (uint32_t i = 0; i < f->n_args; i++)
    if (f->args[i].out) fetch(l, "&nn_c", f->args[i].name, base + f->places[i], bytes_of(l, &f->args[i]));
  if (f->report) fetch(l, "&nn_c", "r", base + f->places[f->n_args], "sizeof *r");
  library_print(l, "  return nn_lib_finish(m, &nn_c);\n}\n\n");
}

const LibraryDialect library_cuda = {
    .device = true,
    .names = names,
    .about =
        "   Plain C99, also C++; nothing of CUDA is included. The first lines of the .cu file say how nvcc "
        "compiles it;\n"
        "   it needs nothing beside it but the CUDA runtime.\n\n"
        "   No heap, no input or output, no global state: the arena, in device memory, and the objects, in "
        "the "
        "host's,\n"
        "   are the caller's. Each function of the model is two:\n"
        "     NAME     takes arrays and reports in the host's memory, pinned or not: copies them to the "
        "arena, "
        "computes on\n"
        "              the object's stream, copies results back and waits. So do init, save and load.\n"
        "     NAME_on  takes them in device memory, and only puts the work on a stream: they are the "
        "library's "
        "until the\n"
        "              stream is done, and `finish` says what became of it. A graph may capture it; draws "
        "and "
        "steps are\n"
        "              then counted as they were when it was captured.\n"
        "   When a function is called, the current device is the one that has the arena. Calls on one object "
        "follow one\n"
        "   another: on one stream, or on several that wait for each other. Arrays must not overlap. */\n",
    .arena = "`arena`: `bytes` bytes of device memory, aligned to ARENA_ALIGN, that nothing else uses\n"
             "   as long as the object is used. A smaller arena than ARENA_BYTES serves the functions whose "
             "NAME_BYTES it has.\n",
    .const_note = "weights that never change: const data that init copies to the arena",
    .types = "/* A stream: CUDA's cudaStream_t. */\n"
             "typedef struct CUstream_st *@_stream;\n\n",
    .members = "  @_stream stream; /* of init */\n"
               "  const char *failed;    /* what CUDA refused: the call or the kernel; \"\": nothing */\n"
               "  const char *failed_at; /* its line of the model, or \"\" */\n"
               "  int32_t error;         /* the cudaError_t of that */\n",
    .also =
        "/* init that only puts the work on a stream, which becomes the object's. init itself takes the "
        "default stream. */\n"
        "@_status @_init_on(@ *m, void *arena, size_t bytes, uint64_t seed, @_stream stream);\n\n"
        "/* Waits for the stream. The status of all that was put on it: a fault, a loss that is not finite, "
        "an "
        "error of\n"
        "   CUDA. NAME_on itself finds only what is wrong with its arguments, and what can't be put on the "
        "stream. */\n"
        "@_status @_finish(@ *m, @_stream stream);\n\n"
        "/* What CUDA says of m->error; \"\" where there is none. */\n"
        "const char *@_error_text(const @ *m);\n\n",
    .example_includes = "#include <cuda_runtime_api.h>\n#include <stdio.h>\n",
    .call = "nn_cuda",
    .counters = "nn_c.values.",
    .run = "nn_cuda_call(&nn_c, ",
    .run_args = ", ",
    .going = "nn_c.error == cudaSuccess",
    .open = open,
    .fill = fill,
    .keep = "static @_status nn_lib_keep(@ *m, nn_fault f) {\n",
    .fault = "f",
    .end = put_end,
    .reset = "static void nn_lib_reset(@ *m, nn_cuda *c) {\n"
             "  m->error = 0;\n"
             "  m->failed = m->failed_at = \"\";\n",
    .reset_end = "  nn_cuda_control(c, 1, 1);\n",
    .init = "@_status @_init_on(@ *m, void *arena, size_t bytes, uint64_t seed, @_stream stream) {\n"
            "  nn_cuda c;\n",
    .init_ready = "  if (nn_cuda_pending()) return $_PENDING_ERROR;\n",
    .init_reset = init_reset,
    .init_run = init_run,
    .save_ready = "  {\n"
                  "    @ asked = *m;\n"
                  "    s = nn_lib_finish(&asked, &c);\n"
                  "    if (s != $_OK) return s;\n"
                  "  }\n",
    .save_end = "  nn_cuda_wait(&c);\n"
                "  return nn_lib_failed(c.error);\n}\n\n",
    .load = "  nn_cuda c;\n",
    .load_ready = "  if (nn_cuda_pending()) return $_PENDING_ERROR;\n"
                  "  nn_lib_open(m, &c);\n",
    .load_end = "  nn_lib_reset(m, &c);\n"
                "  nn_cuda_wait(&c);\n"
                "  m->loaded = 1;\n"
                "  return nn_lib_end(m, &c);\n}\n\n",
    .checked = "  nn_c.stream = (cudaStream_t)stream;\n",
    .clear = clear,
    .send = send,
    .fetch = fetch,
    .losses = losses,
    .judge = judge,
    .after = after,
};
