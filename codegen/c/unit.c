// The whole file, in order: contraction off, includes, constants, kernels, functions, descriptor.
#include "codegen/c/unit.h"

#include "codegen/c/library.h"
#include "codegen/c/names.h"

// Bodies of loops come before what calls them.
static void collect(Unit *u, const FnPlan *f) {
  for (size_t s = 0; s < f->steps.len; s++) {
    if (f->steps.data[s].kind != STEP_LOOP) continue;
    collect(u, f->steps.data[s].loop->body);
    f->steps.data[s].loop->number = u->n_loops++;
  }
  for (size_t s = 0; s < f->steps.len; s++)
    if (f->steps.data[s].kind == STEP_KERNEL) unit_add_kernel(u, f, f->steps.data[s].kernel);
  for (size_t b = 0; b < f->buffers.len; b++)
    if (f->buffers.data[b].kind == BUF_CONST) unit_constant(u, graph_node(f->fn->g, f->buffers.data[b].node));
}

static void collect_kernels(Unit *u) {
  for (uint32_t i = 0; i < u->p->n_fns; i++) collect(u, u->plan.plans[i]);
}

Span text_map_at(const TextMap *m, size_t offset) {
  Span span = {0};
  for (size_t i = 0; i < m->places.len && m->places.data[i].begin <= offset; i++)
    span = m->places.data[i].span;
  return span;
}

void unit_mark(Unit *u, Span span) {
  TextMap *m = u->o->map;
  if (m) vec_push(m->arena, &m->places, ((TextPlace){u->out->len, span}));
  // Anything but C: valid nowhere, whether between functions or inside one.
  if (++u->n_marks == u->o->break_place) sb_puts(u->out, "int nnc_broken = nnc_undeclared;\n");
}

static void print_includes(Unit *u, const char *more) {
  sb_puts(u->out, "#include <math.h>\n#include <stddef.h>\n#include <stdint.h>\n#include <string.h>\n\n"
                  "#include \"nn_core.h\"\n#include \"nn_math.h\"\n#include \"nn_random.h\"\n"
                  "#include \"nn_optim.h\"\n#include \"nn_rows.h\"\n#include \"nn_linalg.h\"\n");
  sb_puts(u->out, more);
}

static void print_head(Unit *u) {
  sb_puts(u->out, "/* ");
  put_comment(u->out, u->p->name);
  sb_puts(u->out, ": made by nnc ");
  put_comment(u->out, u->o->nnc_version ? u->o->nnc_version : "");
  sb_printf(u->out, ". Yours to use as you like (MIT-0)%s\n", u->d->preamble);
  print_includes(u, u->d->includes);
  sb_puts(u->out, u->o->program ? "#include \"nn_model.h\"\n\n" : "\n");
}

void unit_print(const Dialect *d, const Program *p, const CodegenOptions *o, StrBuf *out) {
  Unit u = {.a = arena_new(), .p = p, .o = o, .d = d, .out = out};
  u.plan = plan_program(p, u.d->align, u.a);
  uint32_t call = 0;
  plan_slots(&u.plan);
  collect_kernels(&u);
  print_head(&u);
  unit_print_constants(&u);
  unit_print_forms(&u);
  for (uint32_t i = 0; i < p->n_fns; i++) unit_print_function(&u, i, &call);
  if (o->program) unit_print_program(&u);
  arena_free(u.a);
}

void codegen_c(const Program *p, const CodegenOptions *o, StrBuf *out) { unit_print(&dialect_c, p, o, out); }

static void print_library_head(Unit *u) {
  sb_printf(u->out, "/* %s: made by nnc ", u->o->library->prefix);
  put_comment(u->out, u->o->nnc_version ? u->o->nnc_version : "");
  sb_printf(u->out, ". Yours to use as you like (MIT-0)%s. */\n", u->o->library->compiled);
  print_includes(u, u->d->library_includes);
  sb_putc(u->out, '\n');
}

void codegen_library(const Program *p, const CodegenOptions *o, LibraryText *out) {
  Unit u = {.a = arena_new(),
            .p = p,
            .o = o,
            .d = o->library->cuda ? &dialect_cuda : &dialect_c,
            .out = &out->source};
  uint32_t call = 0;
  u.plan = plan_program(p, u.d->align, u.a);
  collect_kernels(&u);
  const Api *api = api_make(&u);
  if (u.d->library->device && api->training) u.may_fault = true; // losses are judged there
  print_library_head(&u);
  unit_declare_weights(&u);
  unit_print_constants(&u);
  unit_print_forms(&u);
  for (uint32_t i = 0; i < p->n_fns; i++) unit_print_function(&u, i, &call);
  unit_print_library(&u, api);
  unit_print_header(&u, api, &out->header);
  unit_print_weights(&u, &out->weights, &out->flash);
  out->flash += unit_constant_bytes(&u);
  out->ram = u.plan.arena_bytes;
  arena_free(u.a);
}
