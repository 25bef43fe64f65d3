// Statements with gradients.
#include "tests/random/model.h"

static uint32_t index_of(const Model *m, const Value *v) { return (uint32_t)(v - m->v); }

// A value that y depends on, other than itself.
static const Value *below_it(Model *m, const Value *y) {
  uint32_t start = below(m, m->n);
  for (uint32_t i = 0; i < m->n; i++) {
    const Value *x = &m->v[(start + i) % m->n];
    if (x != y && x->target && (y->reach >> index_of(m, x) & 1)) return x;
  }
  return NULL;
}

// What may be used further: bounded, smooth, and a gradient of it is one of the gradient.
static bool bounded(Model *m, const char *g, Shape s, uint64_t reach) {
  if (m->n_extra < MAX_EXTRA) m->extra[m->n_extra++] = (Value){.name = g, .t = REAL, .s = s};
  return let(m, REAL, s, 1, reach, text(m, "%s / sqrt(1.0 + %s * %s)", g, g, g));
}

// Up to two instances, and a value that each may be applied to.
static uint32_t applicable(Model *m, const Net **net, const Value **in) {
  uint32_t n = 0, first = below(m, m->n_nets + 1);
  for (uint32_t k = 0; k < m->n_nets && n < 2; k++) {
    net[n] = &m->nets[(first + k) % m->n_nets];
    for (uint32_t i = m->n; i-- > 0;)
      if (m->v[i].t == REAL && same_shape(&m->v[i].s, &net[n]->in)) {
        in[n++] = &m->v[i];
        break;
      }
  }
  return n;
}

// By the parameters of a layer, as a list.
static bool by_layer(Model *m) {
  const Net *net[2];
  const Value *in[2];
  if (applicable(m, net, in) == 0) return false;
  const char *e = fresh(m, "e"), *g = fresh(m, "g");
  statement(m, "let %s = mean(sin(%s(%s)) ** 2);", e, net[0]->name, in[0]->name);
  statement(m, "let %s = sum(grad(%s, %s)[0] ** 2);", g, e, net[0]->name);
  return bounded(m, g, scalar_shape(), in[0]->reach);
}

bool gradient_of(Model *m, const Value *y) {
  const Value *x = below_it(m, y);
  if (!x) return false;
  const char *e = fresh(m, "e"), *g = fresh(m, "g");
  // x itself has a share: what y depends on by rules of its own, by what is written or inside of other
  // gradients may cut every other path.
  static const char *const forms[] = {"mean(sin(%s))", "0.1 * sum(%s * %s)", "sum(tanh(%s))",
                                      "mean(%s ** 2)"};
  const char *form = text(m, forms[below(m, 4)], y->name, y->name);
  statement(m, "let %s: real = %s + 0.01 * mean(%s);", e, form, x->name);
  const Value *z = below_it(m, y);
  if (z != x && chance(m, 30)) {
    const char *h = fresh(m, "h");
    statement(m, "let (%s, %s) = grad(%s, (%s, %s));", g, h, e, x->name, z->name);
    bounded(m, h, z->s, y->reach);
  } else {
    statement(m, "let %s: %s = grad(%s, %s);", g, t_type(m, REAL, &x->s), e, x->name);
  }
  return bounded(m, g, x->s, y->reach);
}

bool p_grad(Model *m) {
  if (chance(m, 15)) return by_layer(m);
  const Value *y = pick(m, ANY_REAL, 0, 4);
  return y && gradient_of(m, y);
}

// By a list, by a tuple with a layer in it, by a list of layers.
bool p_grad_many(Model *m) {
  const Net *net[2];
  const Value *in[2], *y = pick(m, ANY_REAL, 0, 4), *x = y ? below_it(m, y) : NULL, *z;
  if (!x) return false;
  z = below_it(m, y);
  const char *e = fresh(m, "e"), *g = fresh(m, "g"), *h = fresh(m, "h");
  uint32_t n = applicable(m, net, in);
  if (n == 0 || chance(m, 30)) {
    statement(m, "let %s = mean(cos(%s));", e, y->name);
    statement(m, "let %s = grad(%s, [%s, %s]);", g, e, x->name, z->name);
    return bounded(m, text(m, "%s[0]", g), x->s, y->reach) && bounded(m, text(m, "%s[1]", g), z->s, y->reach);
  }
  statement(m, "let %s = mean(sin(%s(%s))) + mean(sin(%s(%s)) * 0.3) + mean(%s ** 2);", e, net[0]->name,
            in[0]->name, net[n - 1]->name, in[n - 1]->name, y->name);
  uint64_t reach = y->reach | in[0]->reach | in[n - 1]->reach;
  if (chance(m, 50)) {
    statement(m, "let (%s, %s) = grad(%s, (%s, %s));", g, h, e, x->name, net[0]->name);
    bounded(m, g, x->s, reach);
  } else {
    statement(m, "let %s = grad(%s, [%s, %s]);", h, e, net[0]->name, net[n - 1]->name);
  }
  const char *size = fresh(m, "g");
  statement(m, "let %s = sum(stack([sum(p ** 2) for p in %s]));", size, h);
  return bounded(m, size, scalar_shape(), reach);
}

bool p_stop(Model *m) {
  const Value *x = pick(m, ANY_REAL, 0, 4);
  return x && let(m, REAL, x->s, x->size, 0, text(m, "stop_grad(%s)", use(m, x)));
}
