// Statements that sum, contract and correlate.
#include "tests/random/model.h"

#include <math.h>

// About the sum of n terms of either sign.
static double sum_size(double term, const Dim *d, uint32_t n) {
  double k = 1;
  for (uint32_t i = 0; i < n; i++) k *= (double)dim_at(d[i], DIM_BOUND);
  return term * sqrt(k) * 1.5;
}

bool p_matmul(Model *m) {
  const Value *x = pick(m, ANY_REAL, 1, 4), *y = pick(m, ANY_REAL, 1, 4);
  if (!x || !y) return false;
  uint32_t rx = x->s.rank, ry = y->s.rank;
  Dim k = x->s.d[rx - 1];
  const char *yt = y->name;
  Shape ys = y->s;
  if (ry >= 2 && !dim_eq(k, ys.d[ry - 2]) && dim_eq(k, ys.d[ry - 1])) {
    yt = text(m, "transpose(%s)", yt);
    ys.d[ry - 1] = y->s.d[ry - 2], ys.d[ry - 2] = y->s.d[ry - 1];
  }
  if (!dim_eq(k, ys.d[ry == 1 ? 0 : ry - 2])) {
    if (!dim_static(k)) return false;
    y = parameter(m, (Shape){2, {k, chance(m, 40) ? k : dim_of(1 + below(m, 5))}});
    if (!y) return false;
    ys = y->s, ry = 2, yt = y->name;
  }
  Shape ax = {0}, ay = {0}, s;
  for (uint32_t i = 0; i + 2 < rx; i++) ax.d[ax.rank++] = x->s.d[i];
  for (uint32_t i = 0; i + 2 < ry; i++) ay.d[ay.rank++] = ys.d[i];
  if (!shape_broadcast(&ax, &ay, &s, NULL)) return false;
  if (rx > 1) s.d[s.rank++] = x->s.d[rx - 2];
  if (ry > 1) s.d[s.rank++] = ys.d[ry - 1];
  return let(m, REAL, s, sum_size(x->size * y->size, &k, 1), x->reach | y->reach,
             text(m, "%s @ %s", use(m, x), yt));
}

// Labels of the axes of `v`: new ones, those of equal axes of the other operand, or one twice.
static const char *labels(Model *m, const Value *v, char *label, Dim *size, uint32_t *n, uint32_t *uses) {
  const char *t = "";
  uint32_t mine = 0;
  for (uint32_t i = 0; i < v->s.rank; i++) {
    uint32_t k = *n;
    for (uint32_t j = 0; j < *n; j++)
      if (dim_eq(size[j], v->s.d[i]) && (!(mine >> j & 1) || chance(m, 15)) && chance(m, 60)) k = j;
    if (k == *n) label[k] = (char)('i' + k), size[k] = v->s.d[i], uses[k] = 0, ++*n;
    mine |= 1u << k;
    uses[k]++;
    t = text(m, "%s%s%c", t, i ? ", " : "", label[k]);
  }
  return t;
}

bool p_einsum(Model *m) {
  const Value *v[3];
  uint32_t n = 0, uses[12], operands = 1 + below(m, 3);
  char label[12];
  Dim size[12], summed[12];
  const char *in = "", *out = "";
  double term = 1;
  uint64_t reach = 0;
  for (uint32_t i = 0; i < operands; i++) {
    v[i] = pick(m, ANY_REAL, 1, 3);
    if (!v[i]) return false;
    in = text(m, "%s%s%s[%s]", in, i ? ", " : "", v[i]->name, labels(m, v[i], label, size, &n, uses));
    term *= v[i]->size, reach |= v[i]->reach;
  }
  Shape s = {0};
  uint32_t n_summed = 0, turn = n ? below(m, n) : 0;
  for (uint32_t i = 0; i < n; i++) {
    uint32_t k = (i + turn) % n;
    if (uses[k] > 1 && chance(m, 60)) {
      summed[n_summed++] = size[k];
      continue;
    }
    out = text(m, "%s%s%c", out, s.rank ? ", " : "", label[k]);
    if (s.rank == 5) return false;
    s.d[s.rank++] = size[k];
  }
  return let(m, REAL, s, sum_size(term, summed, n_summed), reach, text(m, "einsum(%s -> [%s])", in, out));
}

static const char *per_axis(Model *m, const int64_t *v, uint32_t n) {
  bool same = true;
  for (uint32_t i = 1; i < n; i++) same &= v[i] == v[0];
  return same && chance(m, 70) ? text(m, "%d", (int)v[0]) : t_list(m, v, n);
}

bool p_conv(Model *m) {
  const Value *x = pick(m, ANY_REAL, 3, 4);
  if (!x) return false;
  uint32_t n = x->s.rank - 2;
  Shape s = x->s, w = {.rank = x->s.rank};
  if (!dim_static(s.d[1])) return false;
  int64_t c = s.d[1].b, groups = c % 2 == 0 && chance(m, 30) ? 2 : 1, stride[3], pad[3], dilation[3], lhs[3],
          terms = c / groups;
  w.d[0] = s.d[1] = dim_of(groups * (1 + below(m, 2)));
  w.d[1] = dim_of(c / groups);
  for (uint32_t i = 0; i < n; i++) {
    Dim *d = &s.d[i + 2];
    int64_t k = 1 + below(m, 3);
    bool fixed = dim_static(*d);
    stride[i] = fixed ? 1 + below(m, 2) : 1;
    dilation[i] = 1 + (below(m, 4) == 0);
    lhs[i] = fixed ? 1 + (below(m, 4) == 0) : 1;
    pad[i] = below(m, 3);
    w.d[i + 2] = dim_of(k);
    terms *= k;
    d->b += 2 * pad[i] - (k - 1) * dilation[i];
    if (fixed) d->b += (x->s.d[i + 2].b - 1) * (lhs[i] - 1);
    if (dim_at(*d, 1) < 1) return false;
    if (fixed) d->b = (d->b - 1) / stride[i] + 1;
  }
  const Value *W = fits(&s) ? parameter(m, w) : NULL;
  if (!W) return false;
  const char *more = groups > 1 ? ", groups = 2" : "";
  if (chance(m, 50))
    more = text(m, "%s, lhs_dilation = %s", more, per_axis(m, lhs, n));
  else
    for (uint32_t i = 0; i < n; i++)
      if (lhs[i] > 1) return false;
  return let(m, REAL, s, sum_size(x->size, (Dim[]){dim_of(terms)}, 1), x->reach | W->reach,
             text(m, "conv(%s, %s, stride = %s, pad = %s, dilation = %s%s)", use(m, x), W->name,
                  per_axis(m, stride, n), per_axis(m, pad, n), per_axis(m, dilation, n), more));
}

// `most`: the largest stride; that of one lets the windows overlap.
static bool windows(Model *m, const Value *x, uint32_t most) {
  uint32_t n = x->s.rank - 2;
  Shape s = x->s;
  int64_t k[3] = {0}, stride[3] = {0}, pad[3] = {0}, terms = 1;
  for (uint32_t i = 0; i < n; i++) {
    if (!dim_static(s.d[i + 2])) return false;
    k[i] = 1 + below(m, 3), stride[i] = 1 + below(m, most), pad[i] = below(m, (uint32_t)k[i]), terms *= k[i];
    if (s.d[i + 2].b + 2 * pad[i] < k[i]) return false;
    s.d[i + 2] = dim_of((s.d[i + 2].b + 2 * pad[i] - k[i]) / stride[i] + 1);
  }
  const char *w = per_axis(m, k, n), *st = per_axis(m, stride, n), *p = per_axis(m, pad, n),
             *d = n == 1 ? "1" : "2";
  const char *apart = use_apart(m, x);
  switch (below(m, makes_here(m) ? 4 : 2)) {
  case 0:
    return let(m, REAL, s, x->size * (double)terms, x->reach,
               text(m, "box(%s, %s, stride = %s, pad = %s)", use(m, x), w, st, p));
  case 1:
    return let(m, REAL, s, x->size + 0.2, x->reach,
               text(m, "max_window(%s, %s, stride = %s, pad = %s)", apart, w, st, p));
  case 2:
    return let(m, REAL, s, x->size + 0.2, x->reach,
               text(m, "MaxPool%sd(%s, stride = %s, pad = %s)(%s)", d, w, st, p, apart));
  default:
    return let(m, REAL, s, x->size, x->reach,
               text(m, "%s |> AvgPool%sd(%s, stride = %s, pad = %s)", x->name, d, w, st, p));
  }
}

bool p_windows(Model *m) {
  const Value *x = pick(m, ANY_REAL, 3, 4);
  return x && windows(m, x, 3);
}

// Windows that overlap over what a convolution gives, and sometimes over those again.
bool p_pooled(Model *m) {
  if (m->n + 8 > MAX_VALUES || !p_conv(m)) return false;
  for (uint32_t k = 1 + below(m, 2); k-- > 0;) windows(m, &m->v[m->n - 1], 1 + below(m, 2));
  return true;
}

// Positive definite matrices, their factors and systems.
bool p_linear(Model *m) {
  const Value *x = pick(m, ANY_REAL, 2, 3);
  if (!x) return false;
  uint32_t r = x->s.rank;
  Shape s = x->s, left = x->s;
  Dim n = s.d[r - 2];
  s.d[r - 1] = n;
  if (!fits(&s)) return false;
  const char *a = text(m, "(tanh(%s) @ transpose(tanh(%s)) / %s + 0.8 * eye(%s))", x->name, x->name,
                       t_dim(m, x->s.d[r - 1]), t_dim(m, n));
  switch (below(m, 5)) {
  case 0: return let(m, REAL, s, 4, x->reach, text(m, "cholesky(%s)", a));
  case 1: return let(m, REAL, left, 5, x->reach, text(m, "solve_spd(%s, %s)", a, x->name));
  case 2:
    return let(m, REAL, without_axis(without_axis(s, r - 1), r - 2), 5, x->reach,
               text(m, "logdet_spd(%s)", a));
  case 3: return let(m, REAL, s, 3, x->reach, text(m, "inverse_spd(%s)", a));
  default:
    return let(m, REAL, left, 5, x->reach,
               chance(m, 50)
                   ? text(m, "triangular_solve(cholesky(%s), %s)", a, x->name)
                   : text(m, "triangular_solve(transpose(cholesky(%s)), %s, lower = false)", a, x->name));
  }
}

bool p_products(Model *m) {
  const Value *x = pick(m, ANY_REAL, 1, 4), *y = pick(m, ANY_REAL, 1, 2);
  if (!x || !y) return false;
  uint32_t r = x->s.rank;
  Dim n = x->s.d[r - 1];
  uint64_t reach = x->reach | y->reach;
  Shape row = {2, {n, n}};
  if (r == 1 && y->s.rank == 1) {
    if (dim_eq(n, y->s.d[0]) && chance(m, 50))
      return let(m, REAL, scalar_shape(), sum_size(x->size * y->size, &n, 1), reach,
                 text(m, "dot(%s, %s)", use(m, x), use(m, y)));
    return let(m, REAL, (Shape){2, {n, y->s.d[0]}}, x->size * y->size, reach,
               text(m, "outer(%s, %s)", use(m, x), use(m, y)));
  }
  if (r == 1) return let(m, REAL, row, x->size, x->reach, text(m, "diag(%s)", use(m, x)));
  if (r == 2 && dim_eq(n, x->s.d[0]) && chance(m, 60))
    return let(m, REAL, scalar_shape(), 3 * x->size, x->reach, text(m, "trace(%s)", use(m, x)));
  bool one = r != 4 || dim_static(x->s.d[2]) || dim_static(x->s.d[3]); // gram makes one axis of the rest
  if (r >= 3 && dim_static(x->s.d[1]) && one && chance(m, 50)) {
    Shape s = {3, {x->s.d[0], x->s.d[1], x->s.d[1]}};
    return let(m, REAL, s, x->size * x->size, x->reach, text(m, "gram(%s)", use(m, x)));
  }
  Shape s = without_axis(x->s, r - 1), k = without_axis(s, r - 2);
  k = with_axis(k, k.rank, n);
  const char *key = text(m, "(0.4 + 0.1 * cos(%s))", x->name), *first = fresh(m, "k");
  statement(m, "let %s: %s = sum(%s, axis = %u) + 0.37;", first, t_type(m, REAL, &k), key, r - 2);
  return let(m, REAL, s, 1, x->reach, text(m, "cosine(%s + 0.53, %s)", x->name, first));
}

bool p_reduce(Model *m) {
  static const char *const how[] = {"sum", "mean",      "max",  "min", "prod", "variance",
                                    "std", "logsumexp", "mean", "sum", "norm"};
  const Value *x = pick(m, ANY_REAL, 1, 4);
  if (!x) return false;
  if (chance(m, 15)) x = pick(m, ANY_INT, 1, 4);
  if (!x) return false;
  uint32_t k = below(m, 11), r = x->s.rank, axes = 1 + below(m, (1u << r) - 1);
  bool keep = chance(m, 30), keepdim = chance(m, 30);
  if (x->t != REAL) k = below(m, 2) ? 0 : 2 + below(m, 3);
  if (k == 10)
    return let(m, REAL, scalar_shape(), 8 * x->size, x->reach, text(m, "norm(%s + 0.37)", use(m, x)));
  int64_t named[MAX_RANK];
  uint32_t n = 0, n_gone = 0, last = 0;
  Shape s = x->s;
  Dim gone[MAX_RANK];
  for (uint32_t i = r; i-- > 0;) {
    if (!(axes >> i & 1)) continue;
    gone[n_gone++] = s.d[i], last = i;
    if (keepdim)
      s.d[i] = dim_of(1);
    else
      s = without_axis(s, i);
  }
  for (uint32_t i = 0; i < r; i++)
    if ((axes >> i & 1) != keep) named[n++] = keep || chance(m, 70) ? i : (int64_t)i - r;
  const char *t = n == 1 && chance(m, 70) ? text(m, "%d", (int)named[0]) : t_list(m, named, n);
  const char *options = text(m, ", %s = %s%s", keep ? "keep" : "axis", t, keepdim ? ", keepdim = true" : "");
  if (axes == (1u << r) - 1 && !keepdim && chance(m, 60)) options = "";
  const char *in = k == 4 && x->t == REAL       ? text(m, "1.1 * sin(%s)", x->name)
                   : k == 2 || k == 3 || k == 6 ? (x->t == REAL ? use_apart(m, x) : x->name)
                                                : use(m, x);
  if (k == 6) { // the derivative of a root of zero is infinite
    bool wide = false;
    for (uint32_t i = 0; i < n_gone; i++) wide |= dim_static(gone[i]) && gone[i].b > 1;
    if (!wide || !static_axis(x, last, 2) || x->given) return false;
  }
  DType to = x->t;
  if (k == 0 && (to == DT_I8 || to == DT_U8 || to == DT_I16)) to = DT_I32;
  double size = k == 0   ? sum_size(x->size, gone, n_gone)
                : k == 4 ? 5
                : k == 5 ? x->size * x->size
                         : x->size + (k == 7 ? 4 : 0.2);
  return let(m, to, s, size, x->reach, text(m, "%s(%s%s)", how[k], in, options));
}

bool p_mask_reduce(Model *m) {
  static const char *const how[] = {"any", "all", "count"};
  const Value *x = pick(m, ANY_MASK, 1, 4);
  if (!x) return false;
  uint32_t k = below(m, 3), axis = below(m, x->s.rank);
  return let(m, k == 2 ? DT_I32 : DT_MASK, without_axis(x->s, axis), 1, 0,
             text(m, "%s(%s, axis = %u)", how[k], x->name, axis));
}

bool p_cumsum(Model *m) {
  const Value *x = pick(m, chance(m, 80) ? ANY_REAL : ANY_INT, 1, 4);
  if (!x) return false;
  uint32_t axis = below(m, x->s.rank);
  DType t = x->t == DT_I8 || x->t == DT_U8 || x->t == DT_I16 ? DT_I32 : x->t;
  return let(m, t, x->s, sum_size(x->size, &x->s.d[axis], 1), x->reach,
             text(m, "cumsum(%s, axis = %u)", use(m, x), axis));
}

bool p_arg(Model *m) {
  const Value *x = pick(m, ANY_REAL, 1, 4);
  if (!x) return false;
  uint32_t axis = below(m, x->s.rank);
  return let(m, DT_I32, without_axis(x->s, axis), 1, 0,
             text(m, "arg%s(%s, axis = %u)", chance(m, 50) ? "max" : "min", use_apart(m, x), axis));
}
