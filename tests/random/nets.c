// Statements of library layers, losses, metrics and draws.
#include "tests/random/model.h"

#include <string.h>

// The result's shape, where the layer may be applied; k is a number to choose, written into the constructor.
typedef bool LayerRule(const Shape *in, int64_t k, Shape *out);

struct LayerRow {
  const char *make; // %d: k
  LayerRule *rule;
  double size; // of the result; 0: of the operand
};

static bool fixed_from(const Shape *s, uint32_t axis) {
  for (uint32_t i = axis; i < s->rank; i++)
    if (!dim_static(s->d[i])) return false;
  return s->rank > axis;
}

static bool r_dense(const Shape *in, int64_t k, Shape *out) {
  *out = *in;
  if (in->rank < 1 || !dim_static(in->d[in->rank - 1])) return false;
  out->d[in->rank - 1] = dim_of(k);
  return true;
}
static bool r_row(const Shape *in, int64_t k, Shape *out) {
  (void)k;
  *out = *in;
  return in->rank >= 1 && dim_static(in->d[in->rank - 1]);
}
static bool r_channel(const Shape *in, int64_t k, Shape *out) {
  (void)k;
  *out = *in;
  return in->rank >= 2 && dim_static(in->d[1]);
}
static bool r_spatial(const Shape *in, int64_t k, Shape *out) {
  return r_channel(in, k, out) && in->rank >= 3;
}
// The library makes one axis of the spatial ones.
static bool r_flattened(const Shape *in, int64_t k, Shape *out) {
  uint32_t n = 0;
  for (uint32_t i = 2; i < in->rank; i++) n += !dim_static(in->d[i]);
  return n <= 1 && r_spatial(in, k, out);
}
static bool r_groups(const Shape *in, int64_t k, Shape *out) {
  return r_flattened(in, k, out) && in->d[1].b % 2 == 0;
}

// Kernel 3 with padding 1, or 2 with stride 2, or transposed.
static bool conv(const Shape *in, uint32_t rank, int64_t channels, int64_t kernel, int64_t stride,
                 int64_t pad, bool back, Shape *out) {
  *out = *in;
  if (in->rank != rank || !fixed_from(in, 1)) return false;
  if (channels) out->d[1] = dim_of(channels);
  for (uint32_t i = 2; i < rank; i++) {
    int64_t n = in->d[i].b;
    if (n + 2 * pad < kernel) return false;
    out->d[i] = dim_of(back ? (n - 1) * stride + kernel - 2 * pad : (n + 2 * pad - kernel) / stride + 1);
  }
  return true;
}
static bool r_conv1(const Shape *in, int64_t k, Shape *out) { return conv(in, 3, k, 3, 1, 1, false, out); }
static bool r_conv2(const Shape *in, int64_t k, Shape *out) { return conv(in, 4, k, 3, 1, 1, false, out); }
static bool r_conv2_half(const Shape *in, int64_t k, Shape *out) {
  return conv(in, 4, k, 2, 2, 0, false, out);
}
static bool r_conv3(const Shape *in, int64_t k, Shape *out) { return conv(in, 5, k, 2, 1, 1, false, out); }
static bool r_back1(const Shape *in, int64_t k, Shape *out) { return conv(in, 3, k, 3, 2, 1, true, out); }
static bool r_back2(const Shape *in, int64_t k, Shape *out) { return conv(in, 4, k, 2, 2, 0, true, out); }
static bool r_deep(const Shape *in, int64_t k, Shape *out) {
  (void)k;
  return conv(in, 4, 0, 3, 1, 1, false, out);
}
static bool r_attend(const Shape *in, int64_t k, Shape *out) {
  (void)k;
  *out = *in;
  return in->rank == 3 && dim_static(in->d[2]) && in->d[2].b % 2 == 0;
}
static bool r_capsule(const Shape *in, int64_t k, Shape *out) {
  if (in->rank != 3 || !fixed_from(in, 1)) return false;
  *out = (Shape){3, {in->d[0], dim_of(2), dim_of(k)}};
  return true;
}

// [B, T, k] over T; of two ways with twice as much.
static bool r_sequence(const Shape *in, int64_t k, Shape *out) {
  return in->rank == 3 && r_dense(in, k, out);
}
static bool r_both_ways(const Shape *in, int64_t k, Shape *out) { return r_sequence(in, 2 * k, out); }

static const LayerRow rows[] = {
    {"Dense(%d)", r_dense, 4},
    {"Dense(%d, bias = false, init = orthogonal())", r_dense, 4},
    {"WeightNorm(%d)", r_dense, 4},
    {"MaxOut(%d, 2)", r_dense, 5},
    {"RBF(%d)", r_dense, 1},
    {"Highway()", r_row, 0},
    {"LayerNorm()", r_row, 3},
    {"RMSNorm()", r_row, 3},
    {"BatchNorm()", r_channel, 3},
    {"BatchNorm(momentum = 0.7, eps = 0.01)", r_channel, 3},
    {"GroupNorm(2)", r_groups, 3},
    {"prelu()", r_channel, 0},
    {"Conv1d(%d, kernel = 3, pad = 1)", r_conv1, 5},
    {"Conv2d(%d, kernel = 3, pad = 1)", r_conv2, 6},
    {"Conv2d(%d, kernel = [2, 2], stride = 2, bias = false)", r_conv2_half, 5},
    {"Conv3d(%d, kernel = 2, pad = 1)", r_conv3, 6},
    {"Deconv1d(%d, kernel = 3, stride = 2, pad = 1)", r_back1, 5},
    {"Deconv2d(%d, kernel = 2, stride = 2)", r_back2, 5},
    {"DepthwiseConv2d(3, pad = 1)", r_deep, 5},
    {"SeparableConv2d(%d, 3, pad = 1)", r_conv2, 5},
    {"MultiHeadAttention(2)", r_attend, 3},
    {"MultiHeadAttention(2, causal = true, drop = 0.2)", r_attend, 3},
    {"TransformerEncoderBlock(2, ff = 1)", r_attend, 5},
    {"Capsule(2, %d, iters = 2)", r_capsule, 1},
    {"RNN(%d)", r_sequence, 1},
    {"LSTM(%d)", r_sequence, 1},
    {"GRU(%d)", r_sequence, 1},
    {"Bidirectional(GRU(%d))", r_both_ways, 1},
};

// Layers without stores, applied where they stand.
static bool r_same(const Shape *in, int64_t k, Shape *out) {
  (void)k;
  *out = *in;
  return in->rank >= 1;
}
static bool r_globally(const Shape *in, int64_t k, Shape *out) {
  (void)k;
  *out = (Shape){2, {in->d[0], in->d[1]}};
  return in->rank >= 3;
}
static bool r_double(const Shape *in, int64_t k, Shape *out) {
  (void)k;
  *out = *in;
  return in->rank == 4 && dim_mul(in->d[2], dim_of(2), &out->d[2]) &&
         dim_mul(in->d[3], dim_of(2), &out->d[3]);
}
static const LayerRow plain[] = {
    {"Dropout(0.3)", r_same, 0},        {"GaussianNoise(0.2)", r_same, 0},
    {"DropPath(0.25)", r_same, 0},      {"InstanceNorm()", r_flattened, 3},
    {"GlobalAvgPool()", r_globally, 0}, {"GlobalMaxPool()", r_globally, 0},
    {"Upsample2d(2)", r_double, 0},
};

const char *instance(Model *m, const char *make) {
  const char *name = m->layer ? fresh(m, "n") : global(m, "n");
  if (m->layer)
    sb_printf(m->ground, "    let %s = %s;\n", name, make);
  else
    sb_printf(&m->top, "model %s = %s;\n", name, make);
  return name;
}

static const char *constructor(Model *m, const LayerRow *r, int64_t k) {
  const char *hole = strstr(r->make, "%d");
  if (!hole) return r->make;
  return text(m, "%.*s%d%s", (int)(hole - r->make), r->make, (int)k, hole + 2);
}

static bool apply(Model *m, const Net *net, const Value *x, const Shape *s) {
  double size = net->row->size > 0 ? net->row->size : x->size + 0.5;
  return let(m, REAL, *s, size, x->reach,
             text(m, chance(m, 70) ? "%s(%s)" : "(%s)(%s)", net->name, use(m, x)));
}

// A value for a layer that none of the body suits: images and volumes are rare.
static const Value *made_for(Model *m, const LayerRow *r) {
  static const Shape shapes[] = {{3, {{0, 2}, {0, 4}, {0, 6}}},
                                 {4, {{0, 2}, {0, 2}, {0, 3}, {0, 4}}},
                                 {5, {{0, 2}, {0, 1}, {0, 2}, {0, 3}, {0, 2}}}};
  Shape out;
  for (uint32_t i = 0; i < 3; i++)
    if (r->rule(&shapes[i], 2, &out)) return parameter(m, shapes[i]);
  return NULL;
}

bool p_layer(Model *m) {
  uint32_t i = wheel(m, sizeof rows / sizeof *rows);
  const LayerRow *r = &rows[i];
  int64_t k = 1 + below(m, 5);
  Shape s;
  const Value *x = NULL;
  uint32_t start = below(m, m->n);
  for (uint32_t tries = 0; tries < m->n && !x; tries++) { // few values suit a convolution
    x = &m->v[(start + tries) % m->n];
    if (x->t != REAL || !r->rule(&x->s, k, &s) || !fits(&s)) x = NULL;
  }
  if (!x && chance(m, 60)) x = made_for(m, r);
  if (!x || !r->rule(&x->s, k, &s) || !fits(&s)) return false;
  const char *make = constructor(m, r, k);
  if (r->rule == r_row && chance(m, 40)) make = text(m, "Residual(Dense(%d))", (int)x->s.d[x->s.rank - 1].b);
  Net net = {instance(m, make), r, x->s, k};
  if (m->n_nets < MAX_NETS) m->nets[m->n_nets++] = net;
  if (r->rule == r_attend && strstr(make, "Multi") && chance(m, 30))
    return let(m, REAL, s, 3, x->reach, text(m, "%s.cross(%s, tanh(%s))", net.name, x->name, x->name));
  if (r->rule == r_attend && strstr(make, "Encoder") && chance(m, 50))
    return let(
        m, REAL, s, 5, x->reach,
        text(m, "%s(%s, sin(%s))", instance(m, "TransformerDecoderBlock(2, ff = 1)"), x->name, x->name));
  return apply(m, &net, x, &s);
}

// A shared layer: an instance once more, perhaps on another batch.
bool p_again(Model *m) {
  if (m->n_nets == 0) return false;
  const Net *net = &m->nets[below(m, m->n_nets)];
  uint32_t start = below(m, m->n + 1);
  for (uint32_t i = 0; i < m->n; i++) {
    const Value *x = &m->v[(start + i) % m->n];
    Shape s = x->s, out;
    if (x->t != REAL || s.rank != net->in.rank) continue;
    if (s.rank > 1) s.d[0] = net->in.d[0];
    if (!same_shape(&s, &net->in) || !net->row->rule(&x->s, net->k, &out) || !fits(&out)) continue;
    return apply(m, net, x, &out);
  }
  return false;
}

bool p_plain_layer(Model *m) {
  const LayerRow *r = &plain[wheel(m, sizeof plain / sizeof *plain)];
  const Value *x = NULL;
  Shape s;
  for (int tries = 0; tries < 8 && !x; tries++) {
    x = pick(m, ANY_REAL, 1, 4);
    if (x && !r->rule(&x->s, 0, &s)) x = NULL;
  }
  if (!x) x = made_for(m, r);
  if (!x || !r->rule(&x->s, 0, &s)) return false;
  const char *in = strstr(r->make, "Max") ? use_apart(m, x) : use(m, x);
  double size = r->size > 0 ? r->size : x->size * (strstr(r->make, "Drop") ? 1.5 : 1) + 0.8;
  const char *made = makes_here(m) && chance(m, 80) ? r->make : instance(m, r->make);
  return let(m, REAL, s, size, x->reach,
             chance(m, 50) ? text(m, "%s(%s)", made, in) : text(m, "%s |> %s", in, made));
}

// ---- losses and metrics. % the first operand, $ another of its shape, ! labels of its rows.
typedef struct LossRow {
  const char *form;
  uint32_t lo, hi;
  enum { TO_SCALAR, TO_SAME, TO_ROWS, TO_ONE_PER_ROW } to;
  double size;
  bool kinked;
} LossRow;

static const LossRow losses[] = {
    {"mse(%, $)", 0, 4, TO_SCALAR, 12, false},
    {"mae(%, $)", 0, 4, TO_SCALAR, 6, true},
    {"huber(%, $, 0.7)", 0, 4, TO_SCALAR, 6, true},
    {"bce_logits(%, sigmoid($))", 0, 4, TO_SAME, 6, true},
    {"focal(%, sigmoid($))", 0, 4, TO_SCALAR, 6, true},
    {"hinge(%, tanh($))", 0, 4, TO_SCALAR, 6, true},
    {"kl(softmax(%), softmax($))", 1, 4, TO_ONE_PER_ROW, 6, false},
    {"nll_gauss(%, $, tanh(%))", 0, 4, TO_SCALAR, 30, false},
    {"triplet(%, $, cos(%))", 1, 4, TO_SCALAR, 20, true},
    {"infonce(0.6 + 0.2 * sin(%), 0.7 + 0.2 * cos($), 0.8)", 2, 2, TO_SCALAR, 5, false},
    {"total_variation(%)", 4, 4, TO_SCALAR, 20, false},
    {"softmax(%)", 1, 4, TO_SAME, 1, false},
    {"softmax(%, axis = 0)", 1, 4, TO_SAME, 1, false},
    {"log_softmax(%)", 1, 4, TO_SAME, 6, false},
    {"squash(%)", 1, 4, TO_SAME, 1, false},
    {"softmax_xent(%, !)", 2, 4, TO_ONE_PER_ROW, 6, false},
    {"cross_entropy(%, !)", 2, 4, TO_SCALAR, 6, false},
    {"cross_entropy(%, !, smoothing = 0.2)", 2, 4, TO_SCALAR, 6, false},
    {"multi_hinge(%, !)", 2, 2, TO_SCALAR, 6, true},
    {"accuracy(%, !)", 2, 2, TO_SCALAR, 1, true},
    {"top_k_accuracy(%, !, 1)", 2, 2, TO_SCALAR, 1, true},
    {"0.2 * f1(confusion(%, !))", 2, 2, TO_SCALAR, 1, true},
    {"0.2 * precision(confusion(%, !))", 2, 2, TO_SCALAR, 1, true},
    {"0.2 * recall(confusion(%, !), of = 0)", 2, 2, TO_SCALAR, 1, true},
    {"0.1 * perplexity(tanh(mae(%, $)))", 0, 4, TO_SCALAR, 1, true},
    {"0.1 * (l1(%) + l2(%))", 0, 4, TO_SCALAR, 6, true},
    {"contrastive(%, $, cast(? < 0.2137, real))", 2, 2, TO_SCALAR, 10, true},
};

static const Value *like(Model *m, const Value *x) {
  for (int tries = 0; tries < 6; tries++) {
    const Value *y = pick(m, ANY_REAL, x->s.rank, x->s.rank);
    if (y != x && same_shape(&x->s, &y->s)) return y;
  }
  return x;
}

bool p_loss(Model *m) {
  const LossRow *r = &losses[wheel(m, sizeof losses / sizeof *losses)];
  const Value *x = pick(m, ANY_REAL, r->lo, r->hi);
  if (!x) return false;
  if (strstr(r->form, "total") && !(static_axis(x, 2, 2) && static_axis(x, 3, 2))) return false;
  const Value *y = like(m, x);
  uint32_t last = x->s.rank - 1;
  Shape s = x->s, row = x->s;
  if (x->s.rank) row = without_axis(row, last);
  StrBuf b = {0};
  const char *in = strchr(r->form, '!') && r->kinked ? use_apart(m, x)
                   : r->kinked                       ? use_off_kinks(m, x)
                                                     : x->name;
  const char *second = y == x ? text(m, "cos(1.7 * %s)", y->name) : y->name;
  for (const char *p = r->form; *p; p++) {
    if (*p == '%')
      sb_puts(&b, in);
    else if (*p == '$')
      sb_puts(&b, second);
    else if (*p == '!') // some class of each row
      sb_printf(&b, "argmax(sin(7.3 * %s + 0.137), axis = %u)", use_apart(m, x), last);
    else if (*p == '?')
      sb_printf(&b, "%s[.., 0]", x->name);
    else
      sb_putc(&b, *p);
  }
  if (r->to == TO_SCALAR) s = scalar_shape();
  if (r->to == TO_ONE_PER_ROW) s = row;
  bool flat = strstr(r->form, "confusion") || strstr(r->form, "accuracy");
  uint64_t reach = x->reach | (strchr(r->form, '$') ? y->reach : 0);
  Value *v = let(m, REAL, s, r->size, flat ? 0 : reach, sb_text(&b));
  strbuf_free(&b);
  return v;
}

bool p_draw(Model *m) {
  const Value *x = pick(m, ANY_REAL, 1, 3);
  if (!x) return false;
  Shape s = x->s, row = without_axis(s, s.rank - 1);
  const char *st = t_shape(m, &s);
  switch (below(m, 8)) {
  case 0: return let(m, REAL, s, 1, 0, text(m, "rand(%s)", st));
  case 1: return let(m, REAL, s, 4, 0, text(m, "randn(%s)", st));
  case 2: return let(m, REAL, s, 1, 0, text(m, "rand_like(%s)", x->name));
  case 3: return let(m, REAL, s, 4, 0, text(m, "0.5 * randn_like(%s)", x->name));
  case 4: return let(m, REAL, s, 1, 0, text(m, "bernoulli(sigmoid(%s))", use_off_kinks(m, x)));
  case 5:
    return let(
        m, REAL, s, 1, 0,
        text(m, "bernoulli_like(%s, 0.6) + 0.2 * ones_like(%s) - zeros_like(%s)", x->name, x->name, x->name));
  case 6: return let(m, DT_I32, row, 1, 0, text(m, "categorical(%s)", use_off_kinks(m, x)));
  default: return let(m, REAL, s, 1, x->reach, text(m, "gumbel_softmax(%s, 0.7)", x->name));
  }
}

bool p_embed(Model *m) {
  const Value *i = pick(m, ANY_I32, 0, 2);
  if (!i) return false;
  int64_t n = 1 + below(m, 4);
  const char *net = instance(m, text(m, "Embedding(5, %d)", (int)n));
  return let(m, REAL, with_axis(i->s, i->s.rank, dim_of(n)), 3, 0, text(m, "%s(%s %% 5)", net, i->name));
}

bool p_machine(Model *m) {
  const Value *x = pick(m, ANY_REAL, 2, 2);
  if (!x || !static_axis(x, 1, 1)) return false;
  int n = (int)x->s.d[1].b;
  if (chance(m, 20))
    return let(m, REAL, x->s, 1, 0,
               text(m, "%s.recall(%s, 2)", instance(m, text(m, "Hopfield(%d)", n)), use_off_kinks(m, x)));
  const char *net = instance(m, text(m, "RBM(%d, 3)", n));
  Shape h = x->s;
  h.d[1] = dim_of(3);
  switch (below(m, 4)) {
  case 0: return let(m, REAL, h, 1, x->reach, text(m, "%s.up(%s)", net, x->name));
  case 1: return let(m, REAL, x->s, 1, x->reach, text(m, "%s.down(%s.up(%s))", net, net, x->name));
  case 2:
    return let(m, REAL, (Shape){1, {x->s.d[0]}}, 8, x->reach, text(m, "%s.free_energy(%s)", net, x->name));
  default: return let(m, REAL, scalar_shape(), 8, 0, text(m, "cd_loss(%s, sigmoid(%s), 1)", net, x->name));
  }
}

// A layer in the long form: two methods, a state, a layer as attribute or a list of layers.
bool p_long(Model *m) {
  static const char *const acts[] = {"tanh", "sin", "silu", "softplus"};
  const Value *x = pick(m, ANY_REAL, 2, 2);
  if (!x || !static_axis(x, 1, 1) || m->layer) return false;
  const char *name = global(m, "L"), *act = acts[below(m, 4)];
  bool state = chance(m, 50), list = chance(m, 50);
  sb_printf(&m->top, "layer %s(n: int, act: fn = tanh) {\n    param W: [n, n] = orthogonal(gain = 0.8);\n",
            name);
  sb_printf(&m->top, "    param b: [n] = zeros() with decay = 0.0;\n");
  if (state) sb_puts(&m->top, "    state seen: [n] = zeros();\n");
  sb_puts(&m->top,
          list ? "    let inner = [Residual(Dense(n)) for i in 0..2];\n" : "    let inner = Highway();\n");
  sb_puts(&m->top, "    fn up(x: [B, n]) -> [B, n] {\n");
  if (state)
    sb_puts(&m->top, "        if training { update seen = 0.8 * seen + 0.2 * mean(x, axis = 0); }\n");
  sb_printf(&m->top, "        return act(x @ W + b%s);\n    }\n", state ? " + seen" : "");
  sb_puts(&m->top, "    fn down(y: [B, n]) -> [B, n] {\n        var h = y @ transpose(W);\n");
  sb_puts(&m->top,
          list ? "        for (k, i) in zip(inner, [1, 2]) { h = tanh(k(h)) * (1.0 / i) + 0.1 * h; }\n"
               : "        h = inner(h);\n");
  sb_puts(&m->top, "        return sin(h);\n    }\n}\n");
  const char *net = instance(m, text(m, "%s(%d, act = %s)", name, (int)x->s.d[1].b, act));
  Value *up = let(m, REAL, x->s, 4, x->reach, text(m, "%s.up(%s)", net, use(m, x)));
  if (!up || chance(m, 30)) return up;
  return let(m, REAL, x->s, 1, up->reach,
             text(m, "%s.down(%s) + 0.1 * %s.up(cos(%s))", net, up->name, net, x->name));
}
