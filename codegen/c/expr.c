// Values by demand: emit_value gives the text of an expression for use in a block. What is used once and
// belongs to that very block stays nested in its user's text; everything else becomes a named constant of the
// outermost block where its variables are bound.
#include "codegen/c/emit.h"

#include <assert.h>
#include <ctype.h>
#include <inttypes.h>
#include <string.h>

enum { MAX_NESTED = 90 }; // characters of an expression that is not given a name

// ---- blocks

void emit_line(Block *b, const char *fmt, ...) {
  for (uint32_t i = 0; i < b->indent; i++) sb_puts(&b->text, "  ");
  va_list ap;
  va_start(ap, fmt);
  sb_vprintf(&b->text, fmt, ap);
  va_end(ap);
  sb_putc(&b->text, '\n');
}

Block block_top(Emit *e) { return (Block){.count = &e->n_blocks, .id = ++e->n_blocks, .indent = 1}; }

Block block_in(Block *parent, uint64_t bound) {
  return (Block){.parent = parent,
                 .count = parent->count,
                 .id = ++*parent->count,
                 .bound = parent->bound | bound,
                 .indent = parent->indent + 1};
}

static bool mentions(const char *text, const char *name) {
  size_t n = strlen(name);
  for (const char *p = text; (p = strstr(p, name)); p++) {
    bool begins = p == text || !(isalnum((unsigned char)p[-1]) || p[-1] == '_' || p[-1] == '>');
    if (begins && !isalnum((unsigned char)p[n]) && p[n] != '_') return true;
  }
  return false;
}

void block_declare(Block *b, const char *name, const char *value) {
  StrBuf inner = b->text;
  b->text = (StrBuf){0};
  if (mentions(sb_text(&inner), name)) emit_line(b, "const ptrdiff_t %s = %s;", name, value);
  sb_puts(&b->text, sb_text(&inner));
  strbuf_free(&inner);
}

void block_close(Block *b, const char *open, const char *close) {
  if (open) emit_line(b->parent, "%s", open);
  sb_puts(&b->parent->text, sb_text(&b->text));
  if (close) emit_line(b->parent, "%s", close);
  strbuf_free(&b->text);
}

// ---- names

const char *emit_temp(Emit *e) { return arena_printf(e->a, "t%u", e->n_temps++); }

const char *emit_name_var(Emit *e, VarId v, bool reduced) {
  static const char *const loops[] = {"i", "j", "k", "l", "u", "v", "w", "z"};
  static const char *const sums[] = {"r", "s", "d", "e"};
  uint32_t n = reduced ? e->n_sum_names++ : e->n_loop_names++, len = reduced ? 4 : 8;
  const char *name = reduced ? sums[n % len] : loops[n % len];
  e->var[v] = n < len ? name : arena_printf(e->a, "%s%u", name, n / len + 1);
  return e->var[v];
}

const char *emit_extent(Emit *e, VarId v) {
  Poly x = index_extent(e->p->index, v);
  return text_poly(e->a, &x);
}

const char *emit_last(Emit *e, VarId v) {
  Poly x = index_extent(e->p->index, v);
  x = poly_sub(x, poly_of(1));
  return text_bare(e->a, text_poly(e->a, &x));
}

void emit_name(Emit *e, ExprId x, const Block *b, const char *name) {
  assert(x < e->n_names);
  Named *n = ARENA_NEW(e->a, Named);
  *n = (Named){.block = b->id, .name = name, .next = e->names[x]};
  e->names[x] = n;
}

static bool around(uint32_t outer, const Block *b) {
  while (b && b->id != outer) b = b->parent;
  return b != NULL;
}

static const char *name_of(const Emit *e, ExprId x, const Block *b) {
  for (const Named *n = x < e->n_names ? e->names[x] : NULL; n; n = n->next)
    if (around(n->block, b)) return n->name;
  return NULL;
}

Slot slot_of(const Pool *p, SlotKind kind, ExprId from) {
  const Expr *x = pool_expr(p, from);
  Slot s = {.kind = kind, .from = from, .dtype = x->dtype, .value = x->value, .number = x->number};
  s.plan = p->places;
  return s;
}

const char *emit_slot(Emit *e, SlotKind kind, ExprId from) {
  vec_push(e->a, &e->slots, slot_of(e->p, kind, from));
  return arena_printf(e->a, "%c%zu%c", SLOT_BEGIN, e->slots.len - 1, SLOT_END);
}

uint32_t emit_param(Emit *e, uint32_t buffer) {
  const Buffer *b = &e->f->buffers.data[buffer];
  for (uint32_t i = 0; i < e->params.len; i++)
    if (buffer_same_memory(&e->f->buffers.data[e->params.data[i].buffer], b)) return i;
  bool written = false;
  uint32_t n = 0;
  for (uint32_t i = 0; i < e->k->n_stores; i++)
    written = written || (e->k->stores[i].buffer != NO_BUFFER &&
                          buffer_same_memory(&e->f->buffers.data[e->k->stores[i].buffer], b));
  for (uint32_t i = 0; i < e->params.len; i++) n += e->params.data[i].written == written;
  Param p = {.buffer = buffer, .written = written};
  p.name = arena_printf(e->a, "%c%u", written ? 'y' : 'x', n);
  vec_push(e->a, &e->params, p);
  return (uint32_t)e->params.len - 1;
}

// ---- indices

static bool index_is_narrow(const Emit *e, IndexId i);

static const char *sum_text(Emit *e, IndexId i, Block *b);

// May stand left of * / %: C divides from left to right, as it is meant.
static const char *atom_text(Emit *e, const Atom *a, Block *b) {
  if (a->kind == ATOM_VAR) return e->var[a->arg];
  if (a->kind == ATOM_VALUE) return text_operand(e->a, emit_value(e, a->arg, b));
  const char *x = sum_text(e, a->arg, b), *d = text_poly(e->a, &a->d);
  bool narrow = a->kind == ATOM_CLAMP && index_is_narrow(e, a->arg);
  if (narrow)
    return arena_printf(e->a, poly_static(&a->d) ? "nn_inside32(%s, %s)" : "nn_inside32(%s, (int32_t)%s)", x,
                        d);
  if (a->kind == ATOM_CLAMP) return arena_printf(e->a, "nn_inside(%s, %s)", x, text_bare(e->a, d));
  return arena_printf(e->a, "%s %c %s", text_factor(e->a, x), a->kind == ATOM_DIV ? '/' : '%', d);
}

static bool negative(const Poly *p) {
  for (int i = MAX_RANK; i >= 0; i--)
    if (p->c[i] != 0) return p->c[i] < 0;
  return false;
}

// Larger strides first, the constant last.
static bool goes_before(const Term *x, const Term *y) {
  if (x->atom == 0 || y->atom == 0) return y->atom == 0 && x->atom != 0;
  for (int i = MAX_RANK; i >= 0; i--)
    if (x->coef.c[i] != y->coef.c[i]) return x->coef.c[i] > y->coef.c[i];
  return x->atom < y->atom;
}

static const char *term_text(Emit *e, const Term *t, Block *b) {
  Poly k = negative(&t->coef) ? poly_sub(poly_of(0), t->coef) : t->coef;
  const Atom a = *index_atom(e->p->index, t->atom);
  if (a.kind == ATOM_ONE) return text_poly(e->a, &k);
  const char *x = atom_text(e, &a, b);
  return poly_is(&k, 1) ? x : arena_printf(e->a, "%s * %s", x, text_poly(e->a, &k));
}

static uint64_t atom_free(const Emit *e, const Atom *a) {
  switch (a->kind) {
  case ATOM_ONE: return 0;
  case ATOM_VAR: return (uint64_t)1 << a->arg;
  case ATOM_VALUE: return ~(uint64_t)0;
  default: return index_get(e->p->index, a->arg)->free;
  }
}

static const char *terms_text(Emit *e, const Term *terms, uint32_t n, Block *b) {
  const char *s = "";
  for (uint32_t t = 0; t < n; t++) {
    bool minus = negative(&terms[t].coef);
    const char *sign = minus ? (t ? " - " : "-") : t ? " + " : "";
    s = arena_printf(e->a, "%s%s%s", s, sign, term_text(e, &terms[t], b));
  }
  return s;
}

// While a panel is loaded: the index depends on the column by more than a plain sum, so elements are gathered
// one by one and its text is in 32 bits.
static bool index_is_narrow(const Emit *e, IndexId i) {
  if (!e->hoist.on || !e->hoist.narrow) return false;
  const Index *x = index_get(e->p->index, i);
  bool narrow = false;
  for (uint32_t t = 0; t < x->n; t++) {
    const Atom *a = index_atom(e->p->index, x->terms[t].atom);
    bool varies = atom_free(e, a) & e->hoist.own;
    if (a->kind == ATOM_VALUE) return false;
    if (varies && a->kind != ATOM_VAR)
      narrow = narrow || !(atom_free(e, a) & e->hoist.other) || index_is_narrow(e, a->arg);
    if (varies && a->kind != ATOM_VAR && atom_free(e, a) & e->hoist.other && !index_is_narrow(e, a->arg))
      return false;
  }
  return narrow;
}

// Of a narrow index: the terms that are the same for all columns, as one number of 32 bits, then the others.
static const char *narrow_text(Emit *e, const Term *terms, uint32_t n, Block *b) {
  Term *same = ARENA_ARRAY(e->a, n, Term), *own = ARENA_ARRAY(e->a, n, Term);
  uint32_t n_same = 0, n_own = 0;
  for (uint32_t t = 0; t < n; t++) {
    bool varies = atom_free(e, index_atom(e->p->index, terms[t].atom)) & e->hoist.own;
    if (varies)
      own[n_own++] = terms[t];
    else
      same[n_same++] = terms[t];
  }
  const char *s = n_same ? arena_printf(e->a, "(int32_t)(%s)", terms_text(e, same, n_same, b)) : "";
  if (n_own == 0) return s;
  const char *o = terms_text(e, own, n_own, b);
  return n_same == 0 ? o : arena_printf(e->a, *o == '-' ? "%s - %s" : "%s + %s", s, o + (*o == '-'));
}

// Takes the part that depends on `own` alone out of the terms, where it is dear: its name, or NULL.
static const char *hoisted(Emit *e, Term *terms, uint32_t *n, Block *b) {
  Hoist *h = &e->hoist;
  Term *part = ARENA_ARRAY(e->a, *n, Term);
  uint32_t taken = 0, left = 0, dear = 0;
  for (uint32_t t = 0; t < *n; t++) {
    const Atom *a = index_atom(e->p->index, terms[t].atom);
    uint64_t free = atom_free(e, a);
    if (!(free & h->own) || free & h->other) continue;
    part[taken++] = terms[t];
    dear += a->kind != ATOM_VAR;
  }
  if (dear == 0) return NULL;
  for (uint32_t t = 0, k = 0; t < *n; t++) {
    if (k < taken && terms[t].atom == part[k].atom)
      k++;
    else
      terms[left++] = terms[t];
  }
  *n = left;
  h->on = false;
  const char *text = terms_text(e, part, taken, b);
  h->on = true;
  size_t k = 0;
  while (k < h->parts.len && strcmp(h->parts.data[k], text) != 0) k++;
  if (k == h->parts.len) vec_push(e->a, &h->parts, text);
  return arena_printf(e->a, "at%zu[col]", k);
}

static const char *sum_text(Emit *e, IndexId i, Block *b) {
  const Index x = *index_get(e->p->index, i);
  Term *terms = ARENA_ARRAY(e->a, x.n, Term);
  for (uint32_t t = 0; t < x.n; t++) {
    uint32_t at = t;
    for (; at > 0 && goes_before(&x.terms[t], &terms[at - 1]); at--) terms[at] = terms[at - 1];
    terms[at] = x.terms[t];
  }
  uint32_t n = x.n;
  bool narrow = index_is_narrow(e, i);
  const char *part = e->hoist.on ? hoisted(e, terms, &n, b) : NULL;
  const char *rest = narrow ? narrow_text(e, terms, n, b) : terms_text(e, terms, n, b);
  if (part)
    return n == 0 ? part
                  : arena_printf(e->a, *rest == '-' ? "%s - %s" : "%s + %s", part, rest + (*rest == '-'));
  return x.n ? rest : "0";
}

const char *emit_index(Emit *e, IndexId i, Block *b) { return text_primary(e->a, sum_text(e, i, b)); }

IndexId emit_address(Emit *e, uint32_t buffer, const IndexId *at, uint32_t rank) {
  Poly strides[MAX_RANK];
  IndexId sum = index_const(e->p->index, 0);
  buffer_strides(&e->f->buffers.data[buffer], e->bound, strides);
  for (uint32_t i = 0; i < rank; i++)
    sum = index_add(e->p->index, sum, index_scale(e->p->index, at[i], strides[i]));
  return sum;
}

const char *emit_element(Emit *e, uint32_t buffer, const IndexId *at, uint32_t rank, Block *b) {
  IndexId sum = emit_address(e, buffer, at, rank);
  uint32_t param = emit_param(e, buffer);
  const char *name = e->params.data[param].name;
  return arena_printf(e->a, "%s[%s]", name, sum_text(e, sum, b));
}

// ---- expressions

static Text const_text(Emit *e, ExprId id, const Expr *x) {
  if (x->dtype == DT_MASK) return (Text){x->value.i ? "1" : "0", true};
  return (Text){emit_slot(e, SLOT_CONST, id), true};
}

static Text op_text(Emit *e, ExprId id, const Expr *x, Block *b) {
  Text in[3];
  for (uint32_t i = 0; i < x->n_in; i++) in[i] = emit_value(e, x->in[i], b);
  DType operand = pool_expr(e->p, x->in[x->op == OP_SELECT ? 1 : 0])->dtype;
  const char *place = expr_can_fault(e->p, x) ? emit_slot(e, SLOT_PLACE, id) : NULL;
  return text_op(e->a, (Op)x->op, operand, x->dtype, in, place);
}

static Text rand_text(Emit *e, ExprId id, const Expr *x, Block *b) {
  FnKind kind = e->f->fn->kind;
  const char *iteration = kind == FN_PREPARE ? "c->example" : e->f->loop ? emit_slot(e, SLOT_DRAW, id) : "0";
  const char *step = kind == FN_PREPARE ? "c->epoch_count"
                     : kind == FN_INIT  ? "UINT32_MAX"
                                        : "c->batch_count";
  const char *site = emit_slot(e, SLOT_SITE, id);
  if (kind == FN_PREPARE && e->f->loop)
    site = arena_printf(e->a, "nn_site_at(%s, %s)", site, emit_slot(e, SLOT_DRAW, id));
  const char *s =
      arena_printf(e->a, "nn_%s%s(c->seed, %s, %s, %s, (uint64_t)%s)", x->op == OP_RAND ? "rand" : "randn",
                   x->dtype == DT_F64 ? "" : "f", iteration, step, site, emit_index(e, x->at[0], b));
  Text value = {s, true};
  return x->dtype == DT_F16 || x->dtype == DT_BF16 ? text_cast(e->a, DT_F32, x->dtype, value) : value;
}

static Text ctx_text(Emit *e, ExprId id, const Expr *x) {
  if (x->role == IN_ITERATION) return (Text){emit_slot(e, SLOT_ITERATION, id), true};
  const char *s = x->role == IN_STEP    ? "c->step"
                  : x->role == IN_EPOCH ? "c->epoch"
                  : x->role == IN_BATCH ? "c->n"
                                        : arena_printf(e->a, "c->options[%u]", x->number);
  if (x->role == IN_BATCH) return (Text){arena_printf(e->a, "(%s)c->n", text_ctype(x->dtype)), true};
  return text_cast(e->a, DT_F64, x->dtype, (Text){s, true});
}

static Text inside_text(Emit *e, const Expr *x, Block *b) {
  if (poly_is(&x->bound, 1)) return (Text){arena_printf(e->a, "%s == 0", sum_text(e, x->at[0], b)), false};
  const char *i = emit_index(e, x->at[0], b);
  const char *type = index_is_narrow(e, x->at[0]) ? "uint32_t" : "size_t";
  return (Text){arena_printf(e->a, "(%s)%s < (%s)%s", type, i, type, text_poly(e->a, &x->bound)), false};
}

static Text index_text(Emit *e, const Expr *x, Block *b) {
  Text i = {emit_index(e, x->at[0], b), true};
  if (dtype_is_real(x->dtype)) return text_cast(e->a, DT_I64, x->dtype, i);
  return (Text){arena_printf(e->a, "(%s)%s", dtype_ctype(x->dtype), i.s), true};
}

static Text check_text(Emit *e, ExprId id, const Expr *x, Block *b) {
  const char *v = text_operand(e->a, emit_value(e, x->in[0], b)), *place = emit_slot(e, SLOT_PLACE, id);
  return (Text){
      arena_printf(e->a, "nn_index(c, %s, %s, %s)", v, text_bare(e->a, text_poly(e->a, &x->bound)), place),
      true};
}

static Text mark_text(Emit *e, ExprId id, const Expr *x, Block *b) {
  const char *v = emit_value(e, x->in[0], b).s, *place = emit_slot(e, SLOT_PLACE, id);
  const char *type = x->dtype == DT_F64 ? "f64" : "f32";
  return (Text){arena_printf(e->a, "nn_nan_mark_%s(%s, %s)", type, v, place), true};
}

static Text make_text(Emit *e, ExprId id, const Expr *x, Block *b) {
  switch (x->kind) {
  case X_CONST: return const_text(e, id, x);
  case X_LOAD: return (Text){text_load(e->a, x->dtype, emit_element(e, x->number, x->at, x->rank, b)), true};
  case X_OP: return op_text(e, id, x, b);
  case X_INDEX: return index_text(e, x, b);
  case X_INSIDE: return inside_text(e, x, b);
  case X_CHECK: return check_text(e, id, x, b);
  case X_MARK: return mark_text(e, id, x, b);
  case X_RAND: return rand_text(e, id, x, b);
  case X_CTX: return ctx_text(e, id, x);
  case X_ACC: return (Text){e->acc[x->number], true};
  default: assert(!"reductions are emitted by reduce.c, rows by rows.c"); return (Text){"", true};
  }
}

static Block *home(Block *b, uint64_t free) {
  while (b->parent && (free & ~b->parent->bound) == 0) b = b->parent;
  return b;
}

Text emit_value(Emit *e, ExprId id, Block *b) {
  const Expr x = *pool_expr(e->p, id);
  const char *name = name_of(e, id, b);
  if (name) return (Text){name, true};
  if (x.kind == X_CONST || x.kind == X_ACC) return make_text(e, id, &x, b);
  if (x.kind == X_REDUCE) {
    Block *columns = emit_columns_of(e, id, b);
    e->target->reduce(e, id, columns ? columns : home(b, x.free));
    return (Text){name_of(e, id, b), true};
  }
  Block *to = home(b, x.free);
  Text text = make_text(e, id, &x, to);
  if (to == b && e->uses[id] < 2 && strlen(text.s) < MAX_NESTED) return text;
  const char *type = x.kind == X_CHECK ? "ptrdiff_t" : text_ctype(x.dtype);
  name = emit_temp(e);
  emit_line(to, "const %s %s = %s;", type, name, text.s);
  emit_name(e, id, to, name);
  return (Text){name, true};
}

void emit_stores(Emit *e, const Put *s, uint32_t n, Block *b) {
  for (uint32_t i = 0; i < n; i++) {
    if (s[i].buffer == NO_BUFFER) {
      emit_line(b, "(void)%s;", emit_value(e, s[i].value, b).s);
      continue;
    }
    DType t = e->f->buffers.data[s[i].buffer].dtype;
    Text v = emit_value(e, s[i].value, b);
    const char *to = emit_element(e, s[i].buffer, s[i].at, s[i].rank, b);
    if (s[i].add) v = text_op(e->a, OP_ADD, t, t, (Text[]){{text_load(e->a, t, to), true}, v}, NULL);
    emit_line(b, "%s = %s;", to, text_store(e->a, t, v));
  }
}
