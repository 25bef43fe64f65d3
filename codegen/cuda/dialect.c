// CUDA's side of what dialects differ in, and the whole file.
#include "codegen/c/names.h"
#include "codegen/c/library.h"
#include "codegen/memplan.h"
#include "codegen/codegen.h"
#include "codegen/cuda/schedule.h"

#include <string.h>

static const Target target_cuda = {.loops = cuda_loops, .dot = cuda_dot, .reduce = cuda_reduce};

// After a fault no kernel changes anything more. (A copy of a store, nn_cuda_copy, is not held back: a
// program ends there and saves nothing.) A kernel that can find one itself asks for the whole block: a fault
// that is found meanwhile must not part its threads.
static void stop_after_fault(Unit *u, const Form *form) {
  if (!u->may_fault) return;
  if (!form->can_fault) {
    sb_puts(u->out, "  if (c->fault.status != NN_OK) return;\n");
    return;
  }
  sb_puts(u->out, "  __shared__ int stop;\n"
                  "  if (threadIdx.x == 0) stop = c->fault.status != NN_OK;\n"
                  "  __syncthreads();\n"
                  "  if (stop) return;\n");
}

static void kernel_head(Unit *u, const Form *form, const char *name) {
  bool sized = body_uses(form->body, 'n'), context = body_uses(form->body, 'c') || strstr(form->body, "c->");
  sb_printf(u->out, "static __global__ void __launch_bounds__(%d, 2) %s(nn_ctx *c, const %s_args a) {\n",
            form->threads, name, name);
  if (!unit_has_arguments(form)) sb_puts(u->out, "  (void)a;\n");
  unit_kernel_arrays(u, form);
  if (sized) sb_puts(u->out, "  const ptrdiff_t n = (ptrdiff_t)c->n;\n");
  if (!context && !sized && !u->may_fault) sb_puts(u->out, "  (void)c;\n");
  stop_after_fault(u, form);
}

// Elements that a kernel may touch. Rows of scratch memory lie as far apart as at the bound. Where there may
// be no row, a row is read all the same, and what was read is not used: then it is all that the memory has.
// (A result is the caller's array, which ends at its rows.)
static Poly reach(const FnPlan *f, const Buffer *b) {
  if (b->shape.rank == 0) return poly_of(1);
  Poly rows = poly_dim(b->shape.d[0]);
  if (poly_at(&rows, 1) < 1 && b->kind != BUF_OUTPUT)
    return poly_of((int64_t)(b->bytes / dtype_bytes(b->dtype)));
  return buffer_extent(b, plan_bound(f));
}

static const char *fixed(Unit *u, uint32_t number, const char *name) {
  (void)name;
  return arena_printf(u->a, "nn_cuda_constant(d, %u)", number);
}

static const char *memory(Unit *u, const FnPlan *f, uint32_t buffer, bool written) {
  const Buffer *b = &f->buffers.data[buffer];
  Poly count = reach(f, b);
  return arena_printf(u->a, "NN_MEM(%s%s, %s, %s)", written ? "" : "const ", dtype_ctype(b->dtype),
                      unit_memory(u, f, buffer, written), text_poly(u->a, &count));
}

static void ask(Unit *u, const FnPlan *f, const Step *s, const char *what) {
  sb_printf(u->out, "    if (nn_cuda_launched(d, \"%s\", ", what);
  put_string(u->out, unit_place_text(u, f, s));
  sb_puts(u->out, ")) return 1;\n");
}

static void run(Unit *u, const FnPlan *f, const Step *s, const Call *call) {
  const char *name = unit_form_name(u, call->form);
  sb_printf(u->out, "    NN_LAUNCH(%s, %s, %d, nn_cuda_stream(d), c, a);\n", name, call->launch.tiles,
            call->launch.threads);
  ask(u, f, s, name);
}

static void copy(Unit *u, const FnPlan *f, const Step *s, const char *bytes) {
  sb_printf(u->out, "  if (nn_cuda_copy(d, %s, %s, %s, ", unit_address(u, f, s->dst, true),
            unit_address(u, f, s->src, false), bytes);
  put_string(u->out, unit_place_text(u, f, s));
  sb_puts(u->out, ")) return 1;\n");
}

static const char *hyper_at(Unit *u, const char *address, bool single) {
  return arena_printf(u->a, single ? "nn_cuda_at_f32(%s)" : "nn_cuda_at_f64(%s)", address);
}

static const char *hyper_number(Unit *u, double value) {
  return arena_printf(u->a, "nn_cuda_number(%s)", text_real(u->a, DT_F64, value));
}

static void optimize(Unit *u, const FnPlan *f, const Step *s, const char *function, uint32_t n,
                     const char *guard) {
  sb_printf(u->out, "    if (%s(d, spans, %u, &hyper, %s, ", function, n, guard ? guard : "NULL");
  put_string(u->out, unit_place_text(u, f, s));
  sb_puts(u->out, ")) return 1;\n");
}

static bool launches(const FnPlan *f) {
  for (size_t i = 0; i < f->steps.len; i++)
    if (f->steps.data[i].kind == STEP_KERNEL) return true;
  return false;
}

static void function_head(Unit *u, const FnPlan *f) {
  unit_print_head(u, f, "nn_cuda *d");
  if (unit_uses_arena(f)) sb_puts(u->out, "  unsigned char *const m = nn_cuda_arena(d);\n");
  if (launches(f)) sb_puts(u->out, "  nn_ctx *const c = nn_cuda_ctx(d);\n");
  if (!f->loop) sb_puts(u->out, "  (void)d, (void)n, (void)args;\n");
}

static void program_end(Unit *u) {
  sb_puts(u->out, "static const nn_cuda_fn cuda_functions[] = {");
  for (uint32_t i = 0; i < u->p->n_fns; i++) sb_printf(u->out, "%s%s", i ? ", " : "", function_name(u, i));
  sb_puts(u->out, "};\n");
  if (u->constants.len) {
    sb_puts(u->out, "static const nn_cuda_array cuda_constants[] = {");
    for (uint32_t i = 0; i < u->constants.len; i++)
      sb_printf(u->out, "%s{constant%u, sizeof constant%u}", i ? ", " : "", i, i);
    sb_puts(u->out, "};\n");
  }
  sb_printf(u->out, "\nstatic const nn_cuda_program program = {&model, cuda_functions, %s, %zu};\n\n",
            u->constants.len ? "cuda_constants" : "NULL", u->constants.len);
  sb_puts(u->out, "int main(int argc, char **argv) { return nn_cuda_main(&program, argc, argv); }\n");
}

const Dialect dialect_cuda = {
    .target = &target_cuda,
    .align = DEVICE_ALIGN,
    .preamble = ".\n   Multiply-adds are written out: nvcc -fmad=false makes no others. */\n",
    .includes = "#include \"nn_cuda_program.h\"\n#include \"nn_cuda_optim.h\"\n",
    .context = "d",
    .arguments = "a.",
    .optimizer = "nn_cuda_",
    .pointer = "NN_PTR(",
    .pointer_end = ") ",
    .kernel_head = kernel_head,
    .fixed = fixed,
    .memory = memory,
    .run = run,
    .copy = copy,
    .hyper_at = hyper_at,
    .hyper_number = hyper_number,
    .optimize = optimize,
    .function_head = function_head,
    .after_fault = "",
    .function_end = "  return 0;\n}\n\n",
    .own_table = true,
    .program_end = program_end,
    .library_includes = "#include \"nn_cuda_library.h\"\n#include \"nn_cuda_optim.h\"\n",
    .library = &library_cuda,
};

void codegen_cuda(const Program *p, const CodegenOptions *o, StrBuf *out) {
  unit_print(&dialect_cuda, p, o, out);
}
