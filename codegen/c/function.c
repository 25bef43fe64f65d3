// One function of the model: kernel calls in order, each under a comment with its place in the model.
#include "codegen/c/api.h"

#include "codegen/c/names.h"
#include "codegen/dump.h"
#include "codegen/lower.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

static const Node *node(const FnPlan *f, NodeId v) { return graph_node(f->fn->g, v); }

const char *function_name(const Unit *u, uint32_t fn) { return mangle(u->a, "fn_", u->p->fns[fn].name); }

const char *plan_name(const Unit *u, const FnPlan *f) {
  const char *prefix = f->loop ? arena_printf(u->a, "loop%u_", f->loop->number) : "fn_";
  return mangle(u->a, prefix, f->fn->name);
}

const char *unit_store_name(const Unit *u, uint32_t store) {
  return arena_printf(u->a, "%s_weight%u", library_stem(u), store);
}

// What an element of a sequence or of a yield begins with: bytes from the first one, over n and the
// iteration.
static const char *element_offset(Unit *u, const Loop *l, uint32_t outside) {
  const Buffer *b = &l->outer->buffers.data[outside];
  Poly strides[MAX_RANK];
  buffer_strides(b, plan_bound(l->outer), strides);
  Poly bytes = poly_mul(strides[0], poly_of((int64_t)dtype_bytes(b->dtype)));
  const char *i = unit_iteration(u, l);
  return poly_is(&bytes, 1) ? i : arena_printf(u->a, "%s * %s", i, text_poly(u->a, &bytes));
}

const char *unit_memory(Unit *u, const FnPlan *f, uint32_t buffer, bool written) {
  const Buffer *b = &f->buffers.data[buffer];
  const char *at = ""; // " + BYTES" of elements
  while (f->loop && loop_outside(f->loop, b) != NO_BUFFER) {
    buffer = loop_outside(f->loop, b);
    bool element = b->kind == BUF_OUTPUT || (b->kind == BUF_INPUT && loop_is_sequence(f->loop, b->id));
    if (element) at = arena_printf(u->a, " + %s%s", element_offset(u, f->loop, buffer), at);
    f = f->loop->outer;
    b = &f->buffers.data[buffer];
  }
  const char *base = NULL; // other than the arena
  if (b->kind == BUF_INPUT) base = arena_printf(u->a, "args[%u]", b->id);
  if (b->kind == BUF_OUTPUT) base = arena_printf(u->a, "args[%u]", f->fn->n_inputs + b->id);
  if (b->kind == BUF_CONST) {
    uint32_t i = unit_constant(u, node(f, b->node));
    base = u->d->fixed(u, i, arena_printf(u->a, "constant%u", i));
  } else if (b->kind == BUF_STORE && u->p->stores[b->id].constant) {
    base = u->d->fixed(u, unit_fixed(u, b->id), unit_store_name(u, b->id));
  }
  if (!base) return arena_printf(u->a, "m + %" PRIu64 "%s", b->offset, at);
  return *at ? arena_printf(u->a, "(%sunsigned char *)%s%s", written ? "" : "const ", base, at) : base;
}

const char *unit_address(Unit *u, const FnPlan *f, uint32_t buffer, bool written) {
  const char *type = dtype_ctype(f->buffers.data[buffer].dtype);
  const char *at = unit_memory(u, f, buffer, written);
  return arena_printf(u->a, strchr(at, ' ') ? "(%s%s *)(%s)" : "(%s%s *)%s", written ? "" : "const ", type,
                      at);
}

const char *unit_place_text(Unit *u, const FnPlan *f, const Step *s) {
  NodeId v = s->kind == STEP_KERNEL ? s->kernel->node : s->node;
  if (s->kind == STEP_COPY) v = f->buffers.data[s->src].node;
  return span_text_here(u->p->sources, v < f->fn->g->len ? node(f, v)->span : f->fn->span, u->a);
}

static void put_place(Unit *u, const FnPlan *f, NodeId v, const char *what) {
  const Node *n = node(f, v);
  const char *at = span_text_here(u->p->sources, n->span, u->a);
  unit_mark(u, n->span);
  sb_puts(u->out, "  /* ");
  put_comment(u->out, n->path && *n->path ? n->path : f->fn->name);
  sb_printf(u->out, ": %s", what);
  if (*at) {
    sb_puts(u->out, "  ");
    put_comment(u->out, at);
  }
  sb_puts(u->out, " */\n");
}

// One line an argument: the memory, what it holds, its shape.
static void print_argument(Unit *u, const FnPlan *f, const Param *p) {
  const char *at = u->d->memory(u, f, p->buffer, p->written);
  const Buffer *b = &f->buffers.data[p->buffer];
  StrBuf what = {0};
  dump_buffer(f, p->buffer, &what);
  sb_putc(&what, ' ');
  shape_print(&what, &b->shape, f->fn->g->symbol);
  sb_printf(u->out, "        %s,%*s /* ", at, (int)(strlen(at) < 16 ? 16 - strlen(at) : 0), "");
  put_comment(u->out, sb_text(&what));
  sb_puts(u->out, " */\n");
  strbuf_free(&what);
}

static void print_kernel(Unit *u, const FnPlan *f, const Step *s, const Call *call) {
  const char *name = unit_form_name(u, call->form);
  const Form *form = &u->forms.data[call->form];
  put_place(u, f, s->kernel->node, op_name(node(f, s->kernel->node)->op));
  sb_printf(u->out, "  {\n    const %s_args a = {\n", name);
  for (uint32_t i = 0; i < form->n_params; i++) print_argument(u, f, &call->params[i]);
  for (uint32_t i = 0; i < form->n_slots; i++)
    if (form->differs[i]) sb_printf(u->out, "        %s,\n", unit_slot(u, f, &call->slots[i]));
  if (!unit_has_arguments(form)) sb_puts(u->out, "        0,\n");
  sb_puts(u->out, "    };\n");
  u->d->run(u, f, s, call);
  sb_puts(u->out, "  }\n");
}

static void print_copy(Unit *u, const FnPlan *f, const Step *s) {
  const Buffer *b = &f->buffers.data[s->dst];
  Poly bytes = poly_mul(buffer_extent(b, plan_bound(f)), poly_of((int64_t)dtype_bytes(b->dtype)));
  u->d->copy(u, f, s, text_poly(u->a, &bytes));
}

// ---- optimizers

static const char *c_name(Unit *u, Optimizer kind) { // "nn_sgd"
  char *s = arena_printf(u->a, "%s%s", u->d->optimizer, optimizer_info(kind)->name);
  for (char *p = s; *p; p++)
    if (*p >= 'A' && *p <= 'Z') *p = (char)(*p - 'A' + 'a');
  return s;
}

static const char *hyper_value(Unit *u, const FnPlan *f, NodeId v) {
  v = lower_resolve(f->fn->g, v);
  const Node *n = node(f, v);
  if (f->buffer_of[v] == NO_BUFFER) return u->d->hyper_number(u, n->attr.konst.data[0].f);
  return u->d->hyper_at(u, unit_address(u, f, f->buffer_of[v], false), n->dtype != DT_F64);
}

static const char *store_address(Unit *u, const char *type, uint32_t store) {
  if (store == UINT32_MAX) return "NULL";
  return arena_printf(u->a, "(%s *)(m + %" PRIu64 ")", type, u->plan.store_offsets[store]);
}

static void print_span(Unit *u, const FnPlan *f, const Node *n, uint32_t i, const char *type) {
  const OptimizeAttr *o = n->attr.optimize;
  const Store *s = &u->p->stores[o->stores[i]];
  uint32_t slots = optimizer_info(o->kind)->slots;
  NodeId g = lower_resolve(f->fn->g, n->in[o->n_hyper + i]);
  sb_printf(u->out, "        {%s, %s, {", store_address(u, type, o->stores[i]),
            unit_address(u, f, f->buffer_of[g], false));
  for (uint32_t k = 0; k < MAX_SLOTS; k++)
    sb_printf(u->out, "%s%s", k ? ", " : "",
              store_address(u, type, k < slots ? o->slots[i * slots + k] : UINT32_MAX));
  sb_printf(u->out, "}, %s, %" PRId64 ", %s, %s}, /* ", store_address(u, "int32_t", o->counts[i]),
            shape_elements(&s->shape, 1), text_real(u->a, s->dtype, s->lr_mult),
            text_real(u->a, s->dtype, s->decay_mult));
  put_comment(u->out, s->name);
  sb_puts(u->out, " */\n");
}

static void print_optimize(Unit *u, const FnPlan *f, const Step *s) {
  const Node *n = node(f, s->node);
  const OptimizeAttr *o = n->attr.optimize;
  const OptimizerInfo *info = optimizer_info(o->kind);
  const char *name = c_name(u, o->kind), *type = dtype_ctype(u->p->stores[o->stores[0]].dtype);
  const char *suffix = u->p->stores[o->stores[0]].dtype == DT_F64 ? "f64" : "f32";
  put_place(u, f, s->node, info->name);
  sb_printf(u->out, "  {\n    const nn_span_%s spans[%u] = {\n", suffix, s->n_parts);
  for (uint32_t i = 0; i < s->n_parts; i++) print_span(u, f, n, s->parts[i], type);
  sb_printf(u->out, "    };\n    %s hyper;\n", name);
  for (uint32_t i = 0, real = 0, flag = 0; info->hyper[i].name; i++) {
    if (info->hyper[i].kind == HYPER_FLAG)
      sb_printf(u->out, "    hyper.%s = %u;\n", info->hyper[i].name, o->flags >> flag++ & 1u);
    else
      sb_printf(u->out, "    hyper.%s = %s;\n", info->hyper[i].name, hyper_value(u, f, n->in[real++]));
  }
  NodeId mask = lower_resolve(f->fn->g, n->in[n->n_in - 1]);
  const char *guard = o->guarded ? unit_address(u, f, f->buffer_of[mask], false) : NULL;
  u->d->optimize(u, f, s, arena_printf(u->a, "%s_step_%s", name, suffix), s->n_parts, guard);
  sb_puts(u->out, "  }\n");
}

// ---- the function

static void put_args(Unit *u, const Graph *g, const char *name, DType t, const Shape *s, bool first) {
  StrBuf shape = {0};
  shape_print(&shape, s, g->symbol);
  if (!first) sb_puts(u->out, ", ");
  put_comment(u->out, name && *name ? name : "_");
  sb_printf(u->out, ": %s%s", dtype_name(t), s->rank ? sb_text(&shape) : "");
  strbuf_free(&shape);
}

static void put_signature(Unit *u, const Function *fn) {
  sb_puts(u->out, "/* ");
  put_comment(u->out, fn->name);
  sb_puts(u->out, "(");
  for (uint32_t i = 0; i < fn->n_inputs; i++)
    put_args(u, fn->g, fn->inputs[i].name, fn->inputs[i].dtype, &fn->inputs[i].shape, i == 0);
  sb_puts(u->out, ")");
  uint32_t out = 0;
  for (uint32_t i = 0; i < fn->g->n_roots; i++) {
    const Node *n = graph_node(fn->g, fn->g->roots[i]);
    if (fn->roots[i].kind == ROOT_EFFECT) continue;
    if (out == 0) sb_puts(u->out, " -> ");
    put_args(u, fn->g, fn->roots[i].name, n->dtype, n->shape, out++ == 0);
  }
  if (fn->g->symbol) {
    sb_puts(u->out, ";  1 <= ");
    put_comment(u->out, fn->g->symbol);
    sb_printf(u->out, " <= %" PRId64, fn->g->bound);
  }
  sb_puts(u->out, " */\n");
}

// An iteration of a loop: "net.cell: an iteration of scan(char_lstm.nn:12:5)"
static void put_body_signature(Unit *u, const FnPlan *f) {
  const Node *n = node(f->loop->outer, f->loop->node);
  sb_puts(u->out, "/* ");
  put_comment(u->out, n->path && *n->path ? n->path : f->fn->name);
  sb_printf(u->out, ": iteration %s of a scan  ", unit_iteration(u, f->loop));
  put_comment(u->out, span_text_here(u->p->sources, n->span, u->a));
  sb_puts(u->out, " */\n");
}

typedef struct ArenaUse {
  const FnPlan *f;
  bool used;
} ArenaUse;

static void note_arena(void *user, uint32_t buffer, bool written) {
  ArenaUse *use = user;
  const FnPlan *f = use->f;
  const Buffer *b = &f->buffers.data[buffer];
  (void)written;
  while (f->loop && loop_outside(f->loop, b) != NO_BUFFER) {
    buffer = loop_outside(f->loop, b);
    f = f->loop->outer;
    b = &f->buffers.data[buffer];
  }
  if (b->kind == BUF_SCRATCH || (b->kind == BUF_STORE && !f->program->stores[b->id].constant))
    use->used = true;
}

bool unit_uses_arena(const FnPlan *f) {
  ArenaUse use = {.f = f};
  for (size_t i = 0; i < f->steps.len && !use.used; i++) {
    const Step *s = &f->steps.data[i];
    if (s->kind == STEP_OPTIMIZE) return true;
    if (s->kind != STEP_LOOP) plan_accesses(f, s, note_arena, &use); // a loop's body has addresses of its own
  }
  return use.used;
}

typedef struct Print {
  Unit *u;
  const FnPlan *f;
  uint32_t *next_call;
} Print;

static void print_step(void *user, const Step *s) {
  Print *p = user;
  if (s->kind == STEP_KERNEL) print_kernel(p->u, p->f, s, &p->u->calls.data[(*p->next_call)++]);
  if (s->kind == STEP_COPY) print_copy(p->u, p->f, s);
  if (s->kind == STEP_OPTIMIZE) print_optimize(p->u, p->f, s);
  if (s->kind == STEP_LOOP) {
    put_place(p->u, p->f, s->node, op_name(OP_SCAN));
    unit_print_loop(p->u, s);
  } else if (s->can_fault)
    sb_puts(p->u->out, p->u->d->after_fault);
}

void unit_print_head(Unit *u, const FnPlan *f, const char *first) {
  sb_printf(u->out, "static int %s(%s, size_t n, void *const *args", plan_name(u, f), first);
  for (uint32_t d = 0; f->loop && d <= f->loop->depth; d++)
    sb_printf(u->out, ", size_t %s", unit_variable(u, d));
  sb_puts(u->out, ") {\n");
  if (!f->loop) return;
  sb_puts(u->out, "  (void)n, (void)args");
  for (uint32_t d = 0; d <= f->loop->depth; d++) sb_printf(u->out, ", (void)%s", unit_variable(u, d));
  sb_puts(u->out, ";\n");
}

// The functions of loops' bodies come before their own.
static void print_plan(Unit *u, const FnPlan *f, const Sched *sched, uint32_t *next_call) {
  for (size_t i = 0; i < f->steps.len; i++)
    if (f->steps.data[i].kind == STEP_LOOP)
      print_plan(u, f->steps.data[i].loop->body, f->steps.data[i].loop->sched, next_call);
  Print p = {.u = u, .f = f, .next_call = next_call};
  unit_mark(u, f->fn->span);
  if (f->loop)
    put_body_signature(u, f);
  else
    put_signature(u, f->fn);
  u->d->function_head(u, f);
  schedule_walk(sched, print_step, &p);
  sb_puts(u->out, u->d->function_end);
}

void unit_print_function(Unit *u, uint32_t id, uint32_t *next_call) {
  print_plan(u, u->plan.plans[id], u->plan.scheds[id], next_call);
}
