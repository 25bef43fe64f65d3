// Kernels are compared by their text with slots in it; those of one signature (codegen/signature.h) have it
// made once. After all are known, a slot on which the kernels of a form agree becomes a literal, the others
// members of the argument struct.
#include "codegen/c/unit.h"

#include "codegen/c/names.h"
#include "codegen/dump.h"
#include "ir/eval.h"
#include "ir/print.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

static void count_uses_of_index(Emit *e, IndexId i) {
  const Index *x = index_get(e->p->index, i);
  for (uint32_t t = 0; t < x->n; t++) {
    const Atom *a = index_atom(e->p->index, x->terms[t].atom);
    if (a->kind == ATOM_VALUE) e->uses[a->arg]++;
    if (a->kind == ATOM_DIV || a->kind == ATOM_MOD || a->kind == ATOM_CLAMP) count_uses_of_index(e, a->arg);
  }
}

static void count_uses(Emit *e) {
  const bool *seen = kernel_marks(e->k, e->a);
  for (ExprId id = 0; id < e->p->exprs.len; id++) {
    const Expr *x = pool_expr(e->p, id);
    if (!seen[id]) continue;
    for (uint32_t i = 0; i < x->n_in; i++) e->uses[x->in[i]]++;
    for (uint32_t i = 0; i < expr_indices(x); i++) count_uses_of_index(e, x->at[i]);
  }
  for (uint32_t i = 0; i < e->k->n_stores; i++) {
    e->uses[e->k->stores[i].value]++;
    for (uint32_t j = 0; j < e->k->stores[i].rank; j++) count_uses_of_index(e, e->k->stores[i].at[j]);
  }
}

static const char *param_type(const FnPlan *f, const Param *p) {
  return dtype_ctype(f->buffers.data[p->buffer].dtype);
}

static const char *make_key(Unit *u, const Emit *e, const char *body, const Launch *launch) {
  StrBuf s = {0};
  for (uint32_t i = 0; i < e->params.len; i++) {
    const Param *p = &e->params.data[i];
    sb_printf(&s, "%s%s %s;", p->written ? "" : "const ", param_type(e->f, p), p->name);
  }
  for (uint32_t i = 0; i < e->slots.len; i++)
    sb_printf(&s, "%d.%d;", e->slots.data[i].kind, e->slots.data[i].dtype);
  sb_printf(&s, "%s, %d\n%s", launch->tiles, launch->threads, body);
  const char *key = arena_strdup(u->a, sb_text(&s));
  strbuf_free(&s);
  return key;
}

static uint32_t form_of(Unit *u, const Emit *e, const Call *call, const char *key, const char *body) {
  for (uint32_t i = 0; i < u->forms.len; i++)
    if (strcmp(u->forms.data[i].key, key) == 0) return i;
  Form form = {.key = key, .body = body, .kind = kernel_kind(e->k), .f = e->f, .k = e->k};
  form.params = call->params;
  form.n_params = (uint32_t)e->params.len;
  form.slots = call->slots;
  form.n_slots = (uint32_t)e->slots.len;
  form.differs = ARENA_ARRAY(u->a, form.n_slots, bool);
  vec_push(u->a, &u->forms, form);
  return (uint32_t)u->forms.len - 1;
}

// What a call keeps of the parameters that its text was made with.
static const Param *keep_params(Unit *u, const Emit *e) {
  Param *params = arena_copy(u->a, e->params.data, e->params.len * sizeof *params);
  for (size_t i = 0; i < e->params.len; i++) params[i].name = arena_strdup(u->a, params[i].name);
  return params;
}

// The text grows in an arena of its own; only the finished body is kept.
static Call make_text(Unit *u, const FnPlan *f, const Kernel *k) {
  Arena *scratch = arena_new();
  Emit e = {.a = scratch,
            .target = u->d->target,
            .f = f,
            .k = k,
            .p = k->pool,
            .bound = index_bound(k->pool->index)};
  const IndexPool *before = index_for_a_while(k->pool->index, scratch);
  StrBuf text = {0};
  Call call = {0};
  e.n_names = (uint32_t)k->pool->exprs.len;
  e.names = ARENA_ARRAY(scratch, e.n_names, Named *);
  e.uses = ARENA_ARRAY(scratch, e.n_names, uint32_t);
  count_uses(&e);
  (k->is_dot ? e.target->dot : e.target->loops)(&e, &text, &call.launch);
  const char *body = arena_strdup(u->a, sb_text(&text));
  strbuf_free(&text);
  call.launch.tiles = arena_strdup(u->a, call.launch.tiles);
  call.params = keep_params(u, &e);
  call.slots = arena_copy(u->a, e.slots.data, e.slots.len * sizeof *e.slots.data);
  call.form = form_of(u, &e, &call, make_key(u, &e, body, &call.launch), body);
  index_forget(k->pool->index, before);
  arena_free(scratch);
  Form *form = &u->forms.data[call.form];
  form->threads = call.launch.threads;
  form->can_fault = form->can_fault || kernel_can_fault(k);
  u->may_fault = u->may_fault || form->can_fault;
  return call;
}

static uint32_t place_in(const uint32_t *list, uint32_t n, uint32_t x) {
  uint32_t i = 0;
  while (i < n && list[i] != x) i++;
  assert(i < n && "a text names only what its signature has met");
  return i;
}

// The call of a kernel whose text is that of another one: its own memory, its own numbers.
static Call translate(Unit *u, const Known *known, const Signature *s, const Pool *pool) {
  Call call = u->calls.data[known->call];
  const Form *form = &u->forms.data[call.form];
  const Signature *of = &known->signature;
  Param *params = arena_copy(u->a, call.params, form->n_params * sizeof *params);
  Slot *slots = arena_copy(u->a, call.slots, form->n_slots * sizeof *slots);
  for (uint32_t i = 0; i < form->n_params; i++)
    params[i].buffer = s->buffers[place_in(of->buffers, of->n_buffers, params[i].buffer)];
  for (uint32_t i = 0; i < form->n_slots; i++)
    slots[i] = slot_of(pool, slots[i].kind, s->exprs[place_in(of->exprs, of->n_exprs, slots[i].from)]);
  call.params = params;
  call.slots = slots;
  return call;
}

static const Known *find_known(const Unit *u, const Signature *s) {
  for (size_t i = 0; i < u->known.len; i++)
    if (signature_eq(&u->known.data[i].signature, s)) return &u->known.data[i];
  return NULL;
}

static bool same_number(const Slot *x, const Slot *y) {
  return x->kind != SLOT_PLACE && x->dtype == y->dtype && x->value.i == y->value.i && x->number == y->number;
}

// It changes from one call to the next.
static bool slot_varies(SlotKind kind) { return kind == SLOT_ITERATION || kind == SLOT_DRAW; }

void unit_add_kernel(Unit *u, const FnPlan *f, const Kernel *k) {
  Arena *scratch = arena_new();
  const Signature s = kernel_signature(f, k, scratch);
  const Known *known = u->o->every_text ? NULL : find_known(u, &s);
  Call call = known ? translate(u, known, &s, k->pool) : make_text(u, f, k);
  if (!known) vec_push(u->a, &u->known, ((Known){signature_copy(&s, u->a), (uint32_t)u->calls.len}));
  arena_free(scratch);
  Form *form = &u->forms.data[call.form];
  form->n_calls++;
  for (uint32_t i = 0; i < form->n_slots; i++)
    form->differs[i] = form->differs[i] || slot_varies(form->slots[i].kind) ||
                       (!same_number(&form->slots[i], &call.slots[i]) &&
                        strcmp(unit_slot(u, form->f, &form->slots[i]), unit_slot(u, f, &call.slots[i])) != 0);
  vec_push(u->a, &u->calls, call);
}

static const char *sizes_text(Unit *u, const FnPlan *f, const Node *n) {
  StrBuf s = {0};
  if (n->trap) return node_title(n, u->a);
  if (n->op == OP_ASSERT) return n->attr.text;
  sb_printf(&s, "`%s`", op_name(n->op));
  if (n->op == OP_GATHER || n->op == OP_SCATTER_ADD) {
    sb_printf(&s, ": index into axis %u of ", n->attr.gather.axis);
    shape_print(&s, graph_node(f->fn->g, n->in[0])->shape, f->fn->g->symbol);
  } else {
    sb_puts(&s, ": integer division by zero");
  }
  const char *text = arena_strdup(u->a, sb_text(&s));
  strbuf_free(&s);
  return text;
}

// The argument of the function whose elements v holds, also where v belongs to the body of a loop; -1: none.
static int argument_of(const FnPlan *f, NodeId v) {
  uint32_t k = graph_argument_of(f->fn->g, v);
  if (k == UINT32_MAX || !f->loop) return (int)k; // UINT32_MAX: -1
  if (k < loop_attr(f->loop)->n_carries) return -1;
  return argument_of(f->loop->outer, graph_node(f->loop->outer->fn->g, f->loop->node)->in[k]);
}

static uint32_t place_of(Unit *u, const FnPlan *f, NodeId v) {
  const Node *n = graph_node(f->fn->g, v);
  const char *what = sizes_text(u, f, n);
  bool indexes = n->op == OP_GATHER || n->op == OP_SCATTER_ADD;
  int input = indexes ? argument_of(f, n->in[1]) : -1;
  for (uint32_t i = 0; i < u->places.len; i++) {
    const Place *p = &u->places.data[i];
    if (memcmp(&p->span, &n->span, sizeof n->span) == 0 && p->input == input && strcmp(p->what, what) == 0)
      return i;
  }
  vec_push(u->a, &u->places, ((Place){n->span, what, input}));
  return (uint32_t)u->places.len - 1;
}

const char *unit_slot(Unit *u, const FnPlan *f, const Slot *s) {
  if (s->kind == SLOT_PLACE) return arena_printf(u->a, "%u", place_of(u, s->plan ? s->plan : f, s->number));
  if (s->kind == SLOT_SITE) return arena_printf(u->a, "%uu", s->number);
  if (s->kind == SLOT_ITERATION) return arena_printf(u->a, "(int32_t)%s", unit_iteration(u, f->loop));
  if (s->kind == SLOT_DRAW) return arena_printf(u->a, "(uint32_t)%s", unit_draw(u, f->loop));
  if (!dtype_is_real(s->dtype)) return text_int(u->a, s->dtype, s->value.i);
  return text_real(u->a, s->dtype, eval_round(s->dtype, s->value.f));
}

const char *unit_form_name(const Unit *u, uint32_t form) {
  return arena_printf(u->a, "k%u_%s", form, u->forms.data[form].kind);
}

// ---- text of one form

static const char *slot_type(const Slot *s) {
  return s->kind == SLOT_CONST ? text_ctype(s->dtype) : s->kind == SLOT_ITERATION ? "int32_t" : "uint32_t";
}

static void put_body(Unit *u, const Form *form) {
  const char *p = form->body;
  for (const char *next; (next = strchr(p, SLOT_BEGIN)); p++) {
    sb_putn(u->out, p, (size_t)(next - p));
    uint32_t slot = 0;
    p = next;
    for (p++; *p != SLOT_END; p++) slot = slot * 10 + (uint32_t)(*p - '0');
    if (form->differs[slot])
      sb_printf(u->out, "%sc%u", u->d->arguments, slot);
    else
      sb_puts(u->out, unit_slot(u, form->f, &form->slots[slot]));
  }
  sb_puts(u->out, p);
}

static void comment_buffer(void *user, uint32_t buffer, StrBuf *out) {
  const Form *form = user;
  for (uint32_t i = 0; i < form->n_params; i++)
    if (buffer_same_memory(&form->f->buffers.data[form->params[i].buffer], &form->f->buffers.data[buffer]))
      sb_puts(out, form->params[i].name);
}

static void comment_constant(void *user, DType t, Scalar v, StrBuf *out) {
  const Form *form = user;
  for (uint32_t i = 0; i < form->n_slots; i++) {
    const Slot *s = &form->slots[i];
    if (!form->differs[i] || s->kind != SLOT_CONST || s->dtype != t || s->value.i != v.i) continue;
    sb_printf(out, "c%u", i);
    return;
  }
  scalar_print(out, t, v);
}

static void put_description(Unit *u, const Form *form) {
  StrBuf s = {0};
  const DumpNames names = {
      .user = (void *)form, .buffer = comment_buffer, .constant = comment_constant, .indent = "   "};
  dump_kernel(form->f, form->k, &names, &s);
  sb_puts(u->out, "/* ");
  for (char *line = strtok(s.len ? s.text : (char[]){""}, "\n"); line; line = strtok(NULL, "\n")) {
    if (line != s.text) sb_puts(u->out, "\n   ");
    put_comment(u->out, line + 3);
  }
  sb_puts(u->out, " */\n");
  strbuf_free(&s);
}

bool body_uses(const char *text, char word) {
  for (const char *p = text; (p = strchr(p, word)); p++) {
    bool left = p == text ||
                !(strchr("_>.", p[-1]) || (p[-1] >= 'a' && p[-1] <= 'z') || (p[-1] >= '0' && p[-1] <= '9'));
    bool right = !(p[1] == '_' || (p[1] >= 'a' && p[1] <= 'z') || (p[1] >= '0' && p[1] <= '9'));
    if (left && right) return true;
  }
  return false;
}

void unit_pointer(Unit *u, const Form *form, const Param *p) {
  sb_printf(u->out, "%s%s%s%s", u->d->pointer, p->written ? "" : "const ", param_type(form->f, p),
            u->d->pointer_end);
}

void unit_kernel_arrays(Unit *u, const Form *form) {
  for (uint32_t i = 0; i < form->n_params; i++) {
    const Param *p = &form->params[i];
    sb_puts(u->out, "  ");
    unit_pointer(u, form, p);
    sb_printf(u->out, "const %s = ", p->name);
    if (u->d->untyped) { // said again, for a library's text is C++ as well
      sb_putc(u->out, '(');
      unit_pointer(u, form, p);
      sb_putc(u->out, ')');
    }
    sb_printf(u->out, "%s%s;\n", u->d->arguments, p->name);
  }
}

bool unit_has_arguments(const Form *form) {
  for (uint32_t i = 0; i < form->n_slots; i++)
    if (form->differs[i]) return true;
  return form->n_params > 0;
}

static void print_form(Unit *u, uint32_t id) {
  const Form *form = &u->forms.data[id];
  const char *name = unit_form_name(u, id);
  unit_mark(u, graph_node(form->f->fn->g, form->k->node)->span);
  put_description(u, form);
  sb_printf(u->out, "typedef struct %s_args {\n", name);
  for (uint32_t i = 0; i < form->n_params; i++) {
    const Param *p = &form->params[i];
    sb_puts(u->out, "  ");
    if (u->d->untyped)
      sb_puts(u->out, p->written ? "void *" : "const void *");
    else
      unit_pointer(u, form, p);
    sb_printf(u->out, "%s;\n", p->name);
  }
  for (uint32_t i = 0; i < form->n_slots; i++)
    if (form->differs[i]) sb_printf(u->out, "  %s c%u;\n", slot_type(&form->slots[i]), i);
  if (!unit_has_arguments(form)) sb_puts(u->out, "  int none;\n"); // C has no empty struct
  sb_printf(u->out, "} %s_args;\n\n", name);
  u->d->kernel_head(u, form, name);
  put_body(u, form);
  sb_puts(u->out, "}\n\n");
}

void unit_print_forms(Unit *u) {
  for (uint32_t i = 0; i < u->forms.len; i++) print_form(u, i);
}

// ---- constant arrays

uint32_t unit_constant(Unit *u, const Node *n) {
  const Constant k = {.dtype = n->dtype, .data = n->attr.konst.data, .count = n->attr.konst.count};
  for (uint32_t i = 0; i < u->constants.len; i++) {
    const Constant *x = &u->constants.data[i];
    if (x->dtype == k.dtype && x->count == k.count &&
        memcmp(x->data, k.data, (size_t)k.count * sizeof *k.data) == 0)
      return i;
  }
  vec_push(u->a, &u->constants, k);
  return (uint32_t)u->constants.len - 1;
}

// The bits of a value that the type holds exactly.
static uint32_t half_bits(DType t, double v) {
  uint32_t bits;
  float f = (float)v;
  memcpy(&bits, &f, sizeof bits);
  if (t == DT_BF16) return bits >> 16;
  uint32_t sign = bits >> 16 & 0x8000u;
  if (isnan(v)) return 0x7e00u;
  if (isinf(v)) return sign | 0x7c00u;
  if (fabs(v) < 0x1p-14) return sign | (uint32_t)(fabs(v) * 0x1p24);
  return sign | (((bits & 0x7fffffffu) - 0x38000000u) >> 13);
}

static const char *element_text(Unit *u, DType t, Scalar v) {
  if (!dtype_is_real(t)) return text_int(u->a, t, v.i);
  if (t == DT_F16 || t == DT_BF16) return arena_printf(u->a, "0x%04x", half_bits(t, eval_round(t, v.f)));
  return text_real(u->a, t, v.f);
}

void unit_print_constants(Unit *u) {
  for (uint32_t i = 0; i < u->constants.len; i++) {
    const Constant *k = &u->constants.data[i];
    int64_t count = k->count > 0 ? k->count : 1;
    sb_printf(u->out, "static const %s constant%u[%" PRId64 "] = {", dtype_ctype(k->dtype), i, count);
    for (int64_t j = 0; j < k->count; j++) {
      sb_puts(u->out, j % 8 ? ", " : j ? ",\n    " : "\n    ");
      sb_puts(u->out, element_text(u, k->dtype, k->data[j]));
    }
    sb_puts(u->out, k->count > 0 ? "};\n\n" : "0};\n\n");
  }
}
