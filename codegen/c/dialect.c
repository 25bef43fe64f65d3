// C's side of what dialects differ in.
#include "codegen/c/library.h"
#include "codegen/memplan.h"

static void kernel_head(Unit *u, const Form *form, const char *name) {
  bool sized = body_uses(form->body, 'n'), context = body_uses(form->body, 'c') || strstr(form->body, "c->");
  sb_printf(u->out, "static void %s(nn_ctx *c, const void *args, size_t lo, size_t hi) {\n", name);
  if (unit_has_arguments(form))
    sb_printf(u->out, "  const %s_args *const a = (const %s_args *)args;\n", name, name);
  else
    sb_puts(u->out, "  (void)args;\n");
  unit_kernel_arrays(u, form);
  if (sized) sb_puts(u->out, "  const ptrdiff_t n = (ptrdiff_t)c->n;\n");
  if (!context && !sized) sb_puts(u->out, "  (void)c;\n");
  if (!strstr(form->body, "hi")) sb_puts(u->out, "  (void)lo;\n  (void)hi;\n");
}

static const char *fixed(Unit *u, uint32_t number, const char *name) {
  (void)u, (void)number;
  return name;
}

static void run(Unit *u, const FnPlan *f, const Step *s, const Call *call) {
  (void)f, (void)s;
  sb_printf(u->out, "    nn_run(c, %s, &a, %s);\n", unit_form_name(u, call->form), call->launch.tiles);
}

static void copy(Unit *u, const FnPlan *f, const Step *s, const char *bytes) {
  sb_printf(u->out, "  memcpy(%s, %s, %s);\n", unit_memory(u, f, s->dst, true),
            unit_memory(u, f, s->src, false), bytes);
}

static const char *hyper_at(Unit *u, const char *address, bool single) {
  return arena_printf(u->a, single ? "(double)*%s" : "*%s", address);
}

static const char *hyper_number(Unit *u, double value) { return text_real(u->a, DT_F64, value); }

static void optimize(Unit *u, const FnPlan *f, const Step *s, const char *function, uint32_t n,
                     const char *guard) {
  (void)f, (void)s;
  if (guard) sb_printf(u->out, "    if (*%s)\n  ", guard);
  sb_printf(u->out, "    %s(c, spans, %u, &hyper);\n", function, n);
}

static void function_head(Unit *u, const FnPlan *f) {
  unit_print_head(u, f, "nn_ctx *c");
  if (unit_uses_arena(f)) sb_puts(u->out, "  unsigned char *const m = c->arena;\n");
  sb_puts(u->out, f->loop ? "" : "  (void)args;\n  c->n = n;\n");
}

static void program_end(Unit *u) {
  sb_printf(u->out, "int main(int argc, char **argv) { return nn_%smain(&model, argc, argv); }\n",
            u->o->tests ? "test_" : "");
}

const Dialect dialect_c = {
    .target = &target_c,
    .align = ARENA_ALIGN,
    .preamble = ".\n   Multiply-adds are written out, so the compiler must not make others. */\n"
                "#if defined(__clang__)\n#pragma STDC FP_CONTRACT OFF\n"
                "#elif defined(__GNUC__)\n#pragma GCC optimize(\"fp-contract=off\")\n#endif\n",
    .includes = "#include \"nn_dot.h\"\n",
    .context = "c",
    .arguments = "a->",
    .optimizer = "nn_",
    .pointer = "",
    .pointer_end = " *",
    .untyped = true,
    .kernel_head = kernel_head,
    .fixed = fixed,
    .memory = unit_memory,
    .run = run,
    .copy = copy,
    .hyper_at = hyper_at,
    .hyper_number = hyper_number,
    .optimize = optimize,
    .function_head = function_head,
    .after_fault = "  if (c->fault.status != NN_OK) return c->fault.status;\n",
    .function_end = "  return c->fault.status;\n}\n\n",
    .program_end = program_end,
    .library_includes = "#include \"nn_dot.h\"\n",
    .library = &library_c,
};
