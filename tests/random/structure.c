// Statements that move elements: shapes, slices, indices, orders.
#include "tests/random/model.h"

static uint32_t axis_of(Model *m, const Value *v) { return below(m, v->s.rank); }

static Value *of(Model *m, const Value *x, Shape s, const char *expr) {
  return let(m, x->t, s, x->size, x->reach, expr);
}

bool p_reshape(Model *m) {
  const Value *x = pick(m, chance(m, 85) ? ANY_REAL : ANY_VALUE, 1, 4);
  if (!x) return false;
  Shape s = x->s;
  uint32_t at = axis_of(m, x);
  switch (below(m, 4)) {
  case 0: s = with_axis(s, below(m, s.rank + 1), dim_of(1)); break;
  case 1: { // two neighbours become one
    Dim both;
    if (at + 1 >= s.rank || !dim_mul(s.d[at], s.d[at + 1], &both)) return false;
    s = without_axis(s, at);
    s.d[at] = both;
    break;
  }
  case 2: { // one becomes two
    int64_t k = 2 + below(m, 2);
    Dim part;
    if (!dim_div(s.d[at], dim_of(k), &part)) return false;
    s.d[at] = part;
    s = with_axis(s, at + below(m, 2), dim_of(k));
    break;
  }
  default: // the sizes in another order
    if (s.rank < 2) return false;
    s.d[at] = x->s.d[(at + 1) % s.rank];
    s.d[(at + 1) % s.rank] = x->s.d[at];
  }
  return of(m, x, s, text(m, "reshape(%s, %s)", use(m, x), t_shape(m, &s)));
}

bool p_transpose(Model *m) {
  const Value *x = pick(m, chance(m, 80) ? ANY_REAL : ANY_VALUE, 2, 4);
  if (!x) return false;
  Shape s = x->s;
  uint32_t r = s.rank, a = below(m, r), b = below(m, r);
  int64_t perm[MAX_RANK];
  if (chance(m, 35)) {
    s.d[r - 1] = x->s.d[r - 2], s.d[r - 2] = x->s.d[r - 1];
    return of(m, x, s, text(m, "transpose(%s)", use(m, x)));
  }
  if (chance(m, 30)) {
    s.d[a] = x->s.d[b], s.d[b] = x->s.d[a];
    return of(m, x, s, text(m, "swap(%s, %u, %d)", use(m, x), a, (int)b - (chance(m, 40) ? (int)r : 0)));
  }
  for (uint32_t i = 0; i < r; i++) perm[i] = i;
  for (uint32_t i = r; i-- > 1;) {
    uint32_t k = below(m, i + 1);
    int64_t t = perm[i];
    perm[i] = perm[k], perm[k] = t;
  }
  for (uint32_t i = 0; i < r; i++) s.d[i] = x->s.d[perm[i]];
  return of(m, x, s, text(m, "transpose(%s, %s)", use(m, x), t_list(m, perm, r)));
}

bool p_broadcast(Model *m) {
  const Value *x = pick(m, chance(m, 80) ? ANY_REAL : ANY_VALUE, 0, 3);
  if (!x) return false;
  Shape s = x->s;
  for (uint32_t i = 0; i < s.rank; i++)
    if (dim_is(s.d[i], 1) && chance(m, 60)) s.d[i] = some_dim(m);
  if (chance(m, 50) || s.rank == 0) s = with_axis(s, 0, some_dim(m));
  const char *once = text(m, "broadcast(%s, %s)", use(m, x), t_shape(m, &s));
  if (s.rank > 3 || chance(m, 70)) return of(m, x, s, once);
  s = with_axis(s, 0, some_dim(m));
  return of(m, x, s, text(m, "broadcast(%s, %s)", once, t_shape(m, &s)));
}

// What stands in the brackets for one axis; its new size in *d.
static const char *range(Model *m, Dim *d) {
  int64_t least = dim_at(*d, 1), lo = below(m, 2), cut = below(m, 2), by = 1 + below(m, 2);
  if (least - lo - cut < 1 || chance(m, 30)) return "..";
  Dim end, size;
  dim_sub(*d, dim_of(cut), &end);
  dim_sub(end, dim_of(lo), &size);
  const char *from = lo ? text(m, "%d", (int)lo) : "";
  const char *to = cut == 0 ? "" : dim_static(*d) && chance(m, 50) ? "-1" : t_dim(m, end);
  if (dim_static(*d) && by > 1 && chance(m, 60)) {
    *d = dim_of((size.b + by - 1) / by);
    return text(m, "%s..%s by %d", from, to, (int)by);
  }
  *d = size;
  if (lo == 0 && cut == 0) return text(m, "0..%s", t_dim(m, size));
  return text(m, "%s..%s", from, to);
}

bool p_slice(Model *m) {
  const Value *x = pick(m, chance(m, 85) ? ANY_REAL : ANY_VALUE, 1, 4);
  if (!x) return false;
  Shape s = x->s;
  const char *t = "";
  uint32_t shown = 1 + below(m, s.rank);
  if (chance(m, 5)) return of(m, x, s, text(m, "%s[0..%s]", x->name, t_dim(m, s.d[0])));
  if (shown < s.rank && chance(m, 40)) { // the last axes
    t = "..., ";
    for (uint32_t i = s.rank - shown; i < s.rank; i++)
      t = text(m, "%s%s%s", t, range(m, &s.d[i]), i + 1 < s.rank ? ", " : "");
  } else {
    for (uint32_t i = 0; i < shown; i++) t = text(m, "%s%s%s", t, i ? ", " : "", range(m, &s.d[i]));
  }
  const char *more = chance(m, 25) ? text(m, "[%s]", range(m, &s.d[0])) : "";
  return of(m, x, s, text(m, "%s[%s]%s", x->name, t, more));
}

static const char *all_before(Model *m, uint32_t axis) {
  const char *t = "";
  while (axis-- > 0) t = text(m, "%s.., ", t);
  return t;
}

bool p_index(Model *m) {
  const Value *x = pick(m, chance(m, 85) ? ANY_REAL : ANY_VALUE, 1, 4), *i = pick(m, ANY_I32, 0, 0);
  if (!x) return false;
  uint32_t axis = axis_of(m, x);
  Dim d = x->s.d[axis];
  const char *at = chance(m, 50)   ? "0"
                   : dim_static(d) ? text(m, "%d", (int)below(m, (uint32_t)d.b))
                                   : text(m, "%s - 1", t_dim(m, d));
  if (chance(m, 20)) at = "-1";
  if (i && chance(m, 50) && dim_static(d)) at = text(m, "%s %% %d", i->name, (int)d.b);
  return of(m, x, without_axis(x->s, axis), text(m, "%s[%s%s]", x->name, all_before(m, axis), at));
}

bool p_pad(Model *m) {
  const Value *x = pick(m, chance(m, 90) ? ANY_REAL : ANY_INT, 1, 4);
  if (!x) return false;
  Shape s = x->s;
  const char *t = "";
  for (uint32_t i = 0; i < s.rank; i++) {
    int64_t lo = below(m, 3), hi = below(m, 3),
            inside = chance(m, 25) && dim_static(s.d[i]) ? below(m, 3) : 0;
    if (dim_at(s.d[i], 1) > 2 && chance(m, 20)) lo = -1;
    if (chance(m, 40)) lo = hi = inside = 0;
    const char *pads = inside ? text(m, "[%d, %d, %d]", (int)lo, (int)hi, (int)inside)
                              : text(m, "[%d, %d]", (int)lo, (int)hi);
    t = text(m, "%s%s%s", t, i ? ", " : "", pads);
    s.d[i].b += lo + hi + (inside ? (s.d[i].b - 1) * inside : 0);
  }
  const char *value = x->t == REAL ? text(m, "%.2f", decimal(m, -1, 1)) : text(m, "%u", below(m, 3));
  value = chance(m, 50) ? "" : text(m, ", value = %s", value);
  return of(m, x, s, text(m, "pad(%s, [%s]%s)", use(m, x), t, value));
}

bool p_join(Model *m) {
  const Value *x = pick(m, chance(m, 85) ? ANY_REAL : ANY_VALUE, 0, 4);
  if (!x) return false;
  double size = x->size;
  uint64_t reach = x->reach;
  if (x->s.rank < 4 && chance(m, 35)) {
    uint32_t axis = below(m, x->s.rank + 1);
    Shape s = with_axis(x->s, axis, dim_of(2 + below(m, 2)));
    const char *t = use(m, x);
    for (int64_t i = 1; i < s.d[axis].b; i++) {
      const Value *y = pick(m, ANY_VALUE, x->s.rank, x->s.rank);
      if (y->t != x->t || !same_shape(&y->s, &x->s)) y = x;
      size = y->size > size ? y->size : size, reach |= y->reach;
      t = text(m, "%s, %s", t, use(m, y));
    }
    return let(m, x->t, s, size, reach,
               text(m, "stack([%s]%s)", t, axis ? text(m, ", axis = %u", axis) : ""));
  }
  if (x->s.rank == 0) return false;
  uint32_t axis = axis_of(m, x);
  Shape s = x->s;
  const char *t = use(m, x);
  for (uint32_t i = 0, n = chance(m, 10) ? 0 : 1 + below(m, 2); i < n; i++) {
    const Value *y = pick(m, ANY_VALUE, x->s.rank, x->s.rank);
    Shape other = y->s;
    other.d[axis] = x->s.d[axis];
    if (y->t != x->t || !same_shape(&other, &x->s)) y = x;
    if (!dim_add(s.d[axis], y->s.d[axis], &s.d[axis])) return false;
    size = y->size > size ? y->size : size, reach |= y->reach;
    t = text(m, "%s, %s", t, use(m, y));
  }
  return let(m, x->t, s, size, reach, text(m, "concat([%s], axis = %u)", t, axis));
}

bool p_split(Model *m) {
  const Value *x = pick(m, ANY_REAL, 1, 4);
  if (!x) return false;
  uint32_t axis = axis_of(m, x), n = 2 + below(m, 2);
  Shape s = x->s;
  if (!dim_div(s.d[axis], dim_of(n), &s.d[axis])) return false;
  const char *parts = fresh(m, "p");
  statement(m, "let %s = split(%s, %u, axis = %u);", parts, use(m, x), n, axis);
  of(m, x, s, text(m, "%s[%u]", parts, below(m, n)));
  return of(m, x, s, text(m, "%s[%u] * 0.5 + 0.5 * %s[0]", parts, n - 1, parts));
}

bool p_turn(Model *m) {
  const Value *x = pick(m, chance(m, 85) ? ANY_REAL : ANY_VALUE, 1, 4);
  if (!x) return false;
  uint32_t axis = axis_of(m, x), other = axis_of(m, x);
  if (chance(m, 25))
    return of(m, x, x->s, text(m, "reverse(reverse(%s, axis = %u), axis = %u)", x->name, axis, other));
  if (chance(m, 50)) return of(m, x, x->s, text(m, "reverse(%s, axis = %u)", use(m, x), axis));
  if (!static_axis(x, axis, 1) || x->t != REAL) return false;
  return of(m, x, x->s, text(m, "roll(%s, %d, axis = %u)", use(m, x), (int)below(m, 5) - 2, axis));
}

bool p_spread(Model *m) {
  const Value *x = pick(m, ANY_REAL, 1, 4);
  if (!x) return false;
  Shape s = x->s;
  uint32_t axis = axis_of(m, x);
  int64_t k[MAX_RANK];
  if (chance(m, 50)) {
    if (!dim_mul(s.d[axis], dim_of(2), &s.d[axis])) return false;
    return of(m, x, s, text(m, "repeat(%s, 2, axis = %u)", use(m, x), axis));
  }
  for (uint32_t i = 0; i < s.rank; i++) {
    k[i] = 1 + below(m, 2);
    if (!dim_mul(s.d[i], dim_of(k[i]), &s.d[i])) return false;
  }
  return of(m, x, s, text(m, "tile(%s, %s)", use(m, x), t_list(m, k, s.rank)));
}

bool p_ones(Model *m) {
  const Value *x = pick(m, ANY_REAL, 1, 4);
  if (!x) return false;
  Shape s = x->s;
  uint32_t axis = axis_of(m, x), r = s.rank;
  for (uint32_t i = 0; i < r && chance(m, 60); i++)
    if (dim_is(s.d[i], 1))
      return of(m, x, without_axis(s, i),
                text(m, "squeeze(%s, %d)", use(m, x), (int)i - (chance(m, 30) ? (int)r : 0)));
  switch (below(m, 4)) {
  case 0: return of(m, x, with_axis(s, axis, dim_of(1)), text(m, "expand(%s, %u)", use(m, x), axis));
  case 1: {
    Dim rest = dim_of(1);
    for (uint32_t i = 1; i < r; i++)
      if (!dim_mul(rest, s.d[i], &rest)) return false;
    return r > 1 && of(m, x, (Shape){2, {s.d[0], rest}}, text(m, "flatten(%s)", use(m, x)));
  }
  case 2:
    if (!static_axis(x, axis, 2)) return false;
    s.d[axis] = dim_of((s.d[axis].b + 1) / 2);
    return of(m, x, s, text(m, "strided(%s, %u, 2)", use(m, x), axis));
  default: return r > 1 && of(m, x, s, text(m, "tri%c(%s)", chance(m, 50) ? 'l' : 'u', use(m, x)));
  }
}

// Indices that lie inside an axis of size n, whatever i is.
static const char *inside(Model *m, const Value *i, Dim n) {
  return text(m, "%s %% %s", i->name, t_dim(m, n));
}

bool p_gather(Model *m) {
  const Value *x = pick(m, chance(m, 80) ? ANY_REAL : ANY_VALUE, 1, 4), *i = pick(m, ANY_I32, 0, 2);
  if (!x || !i) return false;
  uint32_t axis = axis_of(m, x);
  if (i->s.rank == 0 && x->t == REAL && chance(m, 50) && static_axis(x, axis, 3)) {
    Shape s = x->s;
    s.d[axis] = dim_of(2);
    return of(
        m, x, s,
        text(m, "slice_at(%s, %s %% %d, 2, axis = %u)", use(m, x), i->name, (int)x->s.d[axis].b - 1, axis));
  }
  Shape s = without_axis(x->s, axis);
  for (uint32_t k = 0; k < i->s.rank; k++)
    if (s.rank < 4)
      s = with_axis(s, axis + k, i->s.d[k]);
    else
      return false;
  return of(m, x, s, text(m, "gather(%s, %s, axis = %u)", use(m, x), inside(m, i, x->s.d[axis]), axis));
}

bool p_scatter(Model *m) {
  const Value *x = pick(m, ANY_REAL, 1, 3), *i = pick(m, ANY_I32, 1, 1);
  if (!x || !i) return false;
  uint32_t axis = axis_of(m, x);
  const char *at = fresh(m, "at"), *to = chance(m, 50) ? x->name : text(m, "zeros(%s)", t_shape(m, &x->s));
  Shape u = x->s;
  u.d[axis] = i->s.d[0];
  if (!fits(&u)) return false;
  statement(m, "let %s: %s = %s;", at, t_type(m, DT_I32, &i->s), inside(m, i, x->s.d[axis]));
  return let(m, REAL, x->s, 5 + x->size, x->reach,
             text(m, "scatter_add(%s, %s, sin(gather(%s, %s, axis = %u)), axis = %u)", to, at, x->name, at,
                  axis, axis));
}

bool p_pick_rows(Model *m) {
  const Value *x = pick(m, ANY_REAL, 1, 4), *i = pick(m, ANY_I32, 0, 3);
  if (!x || !i) return false;
  Shape s = without_axis(x->s, x->s.rank - 1), is = i->s;
  Dim n = x->s.d[x->s.rank - 1];
  if (same_shape(&s, &is)) return of(m, x, s, text(m, "pick(%s, %s)", use(m, x), inside(m, i, n)));
  if (i->s.rank != x->s.rank) { // ranks along the last axis are indices that fit
    return of(m, x, x->s, text(m, "take_along(%s, argsort(%s))", use(m, x), use_apart(m, x)));
  }
  is = without_axis(is, is.rank - 1);
  if (!same_shape(&s, &is)) return false;
  return of(m, x, i->s, text(m, "take_along(%s, %s)", use(m, x), inside(m, i, n)));
}

bool p_order(Model *m) {
  const Value *x = pick(m, chance(m, 80) ? ANY_REAL : ANY_INT, 1, 4);
  if (!x) return false;
  Shape s = x->s;
  uint32_t last = s.rank - 1, axis = axis_of(m, x);
  if (x->t != REAL) return let(m, DT_I32, s, 1, 0, text(m, "argsort(%s, axis = %u)", x->name, axis));
  switch (below(m, 3)) {
  case 0: return let(m, REAL, s, x->size + 0.2, x->reach, text(m, "sort(%s)", use_apart(m, x)));
  case 1: return let(m, DT_I32, s, 1, 0, text(m, "argsort(%s, axis = %u)", use_apart(m, x), axis));
  default: {
    if (!static_axis(x, last, 2)) return false;
    s.d[last] = dim_of(1 + below(m, (uint32_t)s.d[last].b));
    const char *top = fresh(m, "t");
    statement(m, "let %s = top_k(%s, %d);", top, use_apart(m, x), (int)s.d[last].b);
    let(m, DT_I32, s, 1, 0, text(m, "%s[1]", top));
    return let(m, REAL, s, x->size + 0.2, x->reach, text(m, "%s[0]", top));
  }
  }
}

bool p_iota(Model *m) {
  Dim n = some_dim(m), k = dim_of(1 + below(m, 4));
  const char *nt = t_dim(m, n);
  const Value *i = pick(m, ANY_I32, 0, 2);
  Shape one = {1, {n}}, square = {2, {n, n}};
  switch (wheel(m, 9)) {
  case 0: return let(m, DT_I32, one, 1, 0, text(m, "iota(%s)", nt));
  case 1: return let(m, DT_MASK, square, 1, 0, text(m, "causal_mask(%s)", nt));
  case 2: return let(m, REAL, square, 1, 0, text(m, "eye(%s)", nt));
  case 3: return let(m, REAL, (Shape){1, {k}}, 3, 0, text(m, "linspace(-1.0, 2.5, %d)", (int)k.b));
  case 4: return let(m, REAL, (Shape){1, {dim_of(4)}}, 5, 0, "arange(1, 5)");
  case 5: return let(m, REAL, (Shape){3, {k, dim_of(3), dim_of(2)}}, 3, 0, text(m, "grid2(%d, 3)", (int)k.b));
  case 6: return let(m, REAL, (Shape){2, {k, dim_of(4)}}, 1, 0, text(m, "positional(%d, 4)", (int)k.b));
  case 7: return let(m, REAL, one, 1, 0, text(m, "sin(0.7 * cast(iota(%s), real))", nt));
  default:
    if (!i) return false;
    return let(m, REAL, with_axis(i->s, i->s.rank, dim_of(4)), 1, 0, text(m, "one_hot(%s %% 4, 4)", i->name));
  }
}

// "a * b" for the axes from..to of a shape whose labels are a, b, c …
static const char *group(Model *m, const int64_t *perm, uint32_t from, uint32_t to) {
  const char *t = "";
  for (uint32_t i = from; i < to; i++) t = text(m, "%s%s%c", t, i > from ? " * " : "", (int)('a' + perm[i]));
  return t;
}

bool p_rearrange(Model *m) {
  const Value *x = pick(m, ANY_REAL, 1, 4);
  if (!x) return false;
  uint32_t r = x->s.rank;
  int64_t perm[MAX_RANK];
  const char *in = "";
  for (uint32_t i = 0; i < r; i++) perm[i] = i, in = text(m, "%s%s%c", in, i ? ", " : "", (int)('a' + i));
  for (uint32_t i = r; i-- > 1;) {
    uint32_t k = below(m, i + 1);
    int64_t t = perm[i];
    perm[i] = perm[k], perm[k] = t;
  }
  Shape s = {0};
  const char *out = "";
  bool reduced = r > 1 && chance(m, 40);
  uint32_t kept = reduced ? 1 + below(m, r - 1) : r;
  for (uint32_t i = 0; i < kept;) {
    uint32_t to = i + 1;
    Dim d = x->s.d[perm[i]];
    if (to < kept && chance(m, 40) && dim_mul(d, x->s.d[perm[to]], &d)) to++;
    out = text(m, "%s%s%s", out, i ? ", " : "", group(m, perm, i, to));
    s.d[s.rank++] = d;
    i = to;
  }
  if (!reduced) return of(m, x, s, text(m, "rearrange(%s[%s] -> [%s])", x->name, in, out));
  static const char *const how[] = {"sum", "mean", "max", "min", "prod"};
  uint32_t k = below(m, 5);
  double size = k == 0 ? 8 * x->size : k == 4 ? 9 : x->size;
  const char *y = fresh(m, "q");
  Shape all = x->s;
  const char *from = k == 4 ? text(m, "1.2 * sin(%s)", x->name) : k > 1 ? use_apart(m, x) : use(m, x);
  statement(m, "let %s: %s = %s;", y, t_type(m, REAL, &all), from);
  return let(m, REAL, s, size, x->reach, text(m, "reduce(%s, %s[%s] -> [%s])", how[k], y, in, out));
}
