// From the number of a piece of work to its place.
#include "codegen/c/emit.h"

bool text_is_one(const char *s) { return s[0] == '1' && s[1] == 0; }

const char *text_times(Arena *a, const char *x, const char *y) {
  return text_is_one(x) ? y : text_is_one(y) ? x : arena_printf(a, "%s * %s", x, y);
}

const char *tiles_of(Emit *e, VarId v, int size) {
  Poly x = index_extent(e->p->index, v);
  if (poly_static(&x)) return text_int(e->a, DT_I64, (x.c[0] + size - 1) / size);
  if (poly_at(&x, e->bound) <= size) return "1";
  return arena_printf(e->a, "((%s + %d) / %d)", text_poly(e->a, &x), size - 1, size);
}

const char *next_digit(Emit *e, Digits *d, const char *size) {
  if (text_is_one(size)) return "0";
  const char *number = d->number ? d->number : "(ptrdiff_t)t";
  const char *s = d->taken ? arena_printf(e->a, "%s / %s", number, text_primary(e->a, d->taken)) : number;
  d->taken = d->taken ? arena_printf(e->a, "%s * %s", d->taken, size) : size;
  return --d->left > 0 ? arena_printf(e->a, "%s %% %s", s, size) : s;
}

uint32_t outer_axes(const Emit *e, VarId *out) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < e->k->n_lead; i++) {
    VarId v = e->k->lead[i];
    Poly x = index_extent(e->p->index, v);
    bool tiled = e->k->is_dot && (v == e->k->dot.m || v == e->k->dot.group);
    if (!tiled && !poly_is(&x, 1)) out[n++] = v;
  }
  return n;
}

void place_outer(Emit *e, Digits *d, const VarId *outer, uint32_t n, Block *b) {
  for (uint32_t o = n; o-- > 0;) {
    const char *name = emit_name_var(e, outer[o], false);
    emit_line(b, "const ptrdiff_t %s = %s;", name, next_digit(e, d, emit_extent(e, outer[o])));
    b->bound |= (uint64_t)1 << outer[o];
  }
}
