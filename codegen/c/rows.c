// A store of whole rows: nn_<operation>_<type>(result and its strides, operands and their strides, size), the
// strides being what the address of an element grows by with a variable of the row.
#include "codegen/c/emit.h"

#include <assert.h>

typedef struct Address {
  const char *begin; // of the element where all variables of the row are 0
  const char *strides[2];
} Address;

static Address address(Emit *e, uint32_t buffer, const IndexId *at, uint32_t rank, const VarId *vars,
                       uint32_t n, Block *b) {
  IndexPool *p = e->p->index;
  IndexId sum = emit_address(e, buffer, at, rank);
  Address r = {0};
  for (uint32_t i = 0; i < n; i++) {
    Poly step = index_coef(p, sum, vars[i]), back = poly_sub(poly_of(0), step);
    sum = index_add(p, sum, index_scale(p, index_var(p, vars[i]), back));
    assert(!(index_get(p, sum)->free >> vars[i] & 1) && "rows are evenly spaced (select.c)");
    r.strides[i] = text_bare(e->a, text_poly(e->a, &step));
  }
  uint32_t param = emit_param(e, buffer);
  const char *name = e->params.data[param].name, *offset = emit_index(e, sum, b);
  r.begin = offset[0] == '0' && !offset[1] ? name : text_plus(e->a, name, offset);
  return r;
}

// An operand that is the same for the whole row has strides 0.
static Address operand(Emit *e, ExprId id, const VarId *vars, uint32_t n, Block *b) {
  const Expr *x = pool_expr(e->p, id);
  if (x->kind == X_LOAD) return address(e, x->number, x->at, x->rank, vars, n, b);
  const char *type = dtype_ctype(x->dtype), *name = emit_temp(e), *value = emit_value(e, id, b).s;
  emit_line(b, "const %s %s = %s;", type, name, value);
  return (Address){arena_printf(e->a, "&%s", name), {"0", "0"}};
}

static const char *with_strides(Emit *e, const Address *x, uint32_t n) {
  return n == 1 ? arena_printf(e->a, "%s, %s", x->begin, x->strides[0])
                : arena_printf(e->a, "%s, %s, %s", x->begin, x->strides[0], x->strides[1]);
}

void emit_rows(Emit *e, const Put *s, Block *b) {
  const Expr x = *pool_expr(e->p, s->value);
  bool solves = x.op == OP_TRIANGULAR_SOLVE;
  uint32_t n_first = x.n_vars - solves; // variables of the first operand; a right side has one
  Address to = address(e, s->buffer, s->at, s->rank, s->inner, s->n_inner, b);
  Address first = operand(e, x.in[0], x.vars, n_first, b);
  const char *name = solves ? x.value.i ? "upper_solve" : "lower_solve" : op_name((Op)x.op);
  const char *type = dtype_name(pool_expr(e->p, x.in[0])->dtype), *size = emit_extent(e, s->inner[0]);
  const char *more = "";
  if (solves) {
    Address second = operand(e, x.in[1], x.vars + n_first, 1, b);
    more = arena_printf(e->a, "%s, ", with_strides(e, &second, 1));
  }
  emit_line(b, "nn_%s_%s(%s, %s, %s%s);", name, type, with_strides(e, &to, s->n_inner),
            with_strides(e, &first, n_first), more, size);
  if (x.number == NO_NODE) return;
  if (s->n_inner == 1) to.strides[1] = "0";
  emit_line(b, "nn_nan_rows_%s(%s, %s, %s, %s);", type, with_strides(e, &to, 2), size,
            s->n_inner > 1 ? size : "1", emit_slot(e, SLOT_PLACE, s->value));
}
