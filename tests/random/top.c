// What stands at top level: exports, data, training, and the whole of a model.
#include "tests/random/model.h"

#include <string.h>

static void begin(Model *m, StrBuf *body, const char *symbol) {
  m->n = m->n_extra = 0;
  m->body = body;
  m->symbol = symbol;
}

typedef struct InputRow {
  DType t;
  uint32_t rank;
  Dim d[5];
} InputRow;

// What arguments look like; the shapes that layers want among them.
static const InputRow arguments[] = {
    {REAL, 2, {{1, 0}, {0, 4}}},
    {REAL, 2, {{0, 3}, {0, 4}}},
    {REAL, 1, {{1, 0}}},
    {REAL, 1, {{0, 4}}},
    {REAL, 0, {{0}}},
    {REAL, 3, {{1, 0}, {0, 4}, {0, 6}}},
    {REAL, 3, {{1, 0}, {0, 1}, {0, 4}}},
    {REAL, 4, {{1, 0}, {0, 2}, {0, 5}, {0, 4}}},
    {REAL, 4, {{0, 2}, {0, 2}, {0, 4}, {0, 6}}},
    {REAL, 4, {{1, 0}, {0, 1}, {0, 6}, {0, 4}}},
    {REAL, 3, {{0, 2}, {0, 1}, {1, 0}}},
    {REAL, 2, {{1, 1}, {0, 3}}},
    {REAL, 2, {{1, 0}, {1, 0}}},
    {REAL, 5, {{1, 0}, {0, 1}, {0, 2}, {0, 3}, {0, 2}}},
    {DT_I32, 1, {{1, 0}}},
    {DT_I32, 1, {{0, 4}}},
    {DT_I32, 0, {{0}}},
    {DT_I32, 2, {{1, 0}, {0, 3}}},
    {DT_MASK, 1, {{1, 0}}},
    {DT_MASK, 2, {{1, 0}, {0, 4}}},
    {DT_U8, 2, {{0, 3}, {0, 4}}},
    {DT_I8, 1, {{0, 6}}},
    {DT_I64, 1, {{1, 0}}},
    {DT_I16, 2, {{1, 0}, {0, 4}}},
};
enum { N_ARGUMENTS = sizeof arguments / sizeof *arguments, N_REAL_ARGUMENTS = 14 };

static void export(Model *m, const char *dim) {
  StrBuf body = {0};
  begin(m, &body, dim);
  m->effects = true;
  const char *name = global(m, "f"), *args = "", *types = "", *results = "";
  uint32_t n_args = 2 + below(m, 4);
  for (uint32_t i = 0; i < n_args; i++) {
    const InputRow *r = &arguments[below(m, i < 2 ? N_REAL_ARGUMENTS : N_ARGUMENTS)];
    Shape s = {.rank = r->rank};
    memcpy(s.d, r->d, sizeof r->d);
    const char *arg = fresh(m, "x");
    declare(m, arg, r->t, s, 1);
    args = text(m, "%s%s%s: %s", args, i ? ", " : "", arg, t_type(m, r->t, &s));
  }
  uint32_t given = m->n;
  while (m->n == given) statements(m, 5 + below(m, 14));
  const Value *v[MAX_RESULTS];
  uint32_t n = sinks(m, given, v, MAX_RESULTS);
  if (n == 0) v[n++] = &m->v[m->n - 1];
  for (uint32_t i = 0; i < n; i++) {
    types = text(m, "%s%s%s", types, i ? ", " : "", t_type(m, v[i]->t, &v[i]->s));
    results = text(m, "%s%s%s", results, i ? ", " : "", v[i]->name);
  }
  sb_printf(&m->top,
            n == 1 ? "export fn %s(%s) -> %s {\n%s    return %s;\n}\n"
                   : "export fn %s(%s) -> (%s) {\n%s    return (%s);\n}\n",
            name, args, types, sb_text(&body), results);
  m->effects = false;
  strbuf_free(&body);
}

static const char *const optimizers[] = {
    "SGD(lr = 0.05)",
    "SGD(lr = 0.05, momentum = 0.9)",
    "SGD(lr = 0.02, momentum = 0.5, nesterov = true, decay = 0.01)",
    "SGD(lr = 0.1 * cosine_decay(step, 9.0), clip_norm = 0.5)",
    "Adam(lr = 0.02, eps = 0.0001)",
    "Adam(lr = 0.01 * warmup(step, 3.0), beta1 = 0.8, eps = 0.001, decay = 0.05)",
    "AdamW(lr = 0.01, eps = 0.001, clip_norm = 1.0)",
    "Adagrad(lr = 0.05 * linear_decay(epoch, 9.0), eps = 0.001)",
    "SGD(lr = 0.1 * step_decay(step, 5.0, 0.5))",
    "SGD(lr = 0.1 * exp_decay(step, 9.0), momentum = 0.3 * one_cycle(step, 20.0))",
    "SGD(lr = 0.1 * inverse_decay(step, 0.1, 0.5))",
    "Adadelta(lr = 0.5, rho = 0.8, eps = 0.001)",
    "RMSprop(lr = 0.01, eps = 0.001, momentum = 0.3)",
};

static const char *mean_of(Model *m, const Value *v) {
  if (v->t == REAL) return v->s.rank ? text(m, "mean(%s)", v->name) : v->name;
  const char *x = v->t == DT_MASK || dtype_is_real(v->t) ? text(m, "cast(%s, real)", v->name)
                                                         : text(m, "cast(%s %% 7, real)", v->name);
  return v->s.rank ? text(m, "mean(%s)", x) : x;
}

static void reports(Model *m, uint32_t given) {
  const Value *v[MAX_RESULTS];
  uint32_t n = sinks(m, given, v, MAX_RESULTS);
  for (uint32_t i = 0; i < n; i++) statement(m, "report %s = %s;", fresh(m, "r"), mean_of(m, v[i]));
}

static void fields_of(Model *m, const Value *field, uint32_t n, const char *stream) {
  for (uint32_t i = 0; i < n; i++) {
    Value *v = declare(m, fresh(m, "v"), field[i].t, field[i].s, 1);
    statement(m, "let %s: %s = %s.%s;", v->name, t_type(m, v->t, &v->s), stream, field[i].name);
  }
}

// A function of one example for a computed field: loops and draws, no stores. Its call.
static const char *computed(Model *m, const Value *field, uint32_t n) {
  StrBuf body = {0};
  const char *name = global(m, "F"), *args = "", *names = "", *sum = "";
  const Value *v[4];
  uint32_t nets = m->n_nets;
  begin(m, &body, NULL);
  m->pure = true, m->n_nets = 0;
  for (uint32_t i = 0; i < n; i++) {
    Shape s = without_axis(field[i].s, 0);
    declare(m, field[i].name, field[i].t, s, 1);
    args = text(m, "%s%s%s: %s", args, i ? ", " : "", field[i].name, t_type(m, field[i].t, &s));
    names = text(m, "%s%s%s", names, i ? ", " : "", field[i].name);
  }
  statements(m, 2 + below(m, 5));
  for (uint32_t i = sinks(m, n, v, 4); i-- > 0;) sum = text(m, "%s + 0.1 * %s", sum, mean_of(m, v[i]));
  sb_printf(&m->top, "fn %s(%s) -> [4] {\n%s    return sin(%s%s);\n}\n", name, args, sb_text(&body),
            field[0].name, sum);
  m->pure = false, m->n_nets = nets;
  strbuf_free(&body);
  return text(m, "%s(%s)", name, names);
}

static void data_fields(Model *m, const char *data, Value *field) {
  StrBuf rows = {0};
  for (uint32_t i = 0; i < 3; i++) {
    const InputRow *r = &arguments[below(m, i ? N_ARGUMENTS : 1)];
    Shape s = {.rank = r->rank};
    memcpy(s.d, r->d, sizeof r->d);
    for (uint32_t k = 0; k < s.rank; k++)
      if (!dim_static(s.d[k])) s.d[k] = dim_of(1 + below(m, 4));
    if (i == 0 || s.rank > 2) s = (Shape){1, {{0, 4}}};
    DType t = r->t;
    field[i] = (Value){.name = fresh(m, "x"), .t = t, .s = with_axis(s, 0, (Dim){1, 0})};
    sb_printf(&rows, "    %s: %s from rows([", field[i].name, t_type(m, t, &s));
    for (uint32_t k = 0; k < 3; k++) sb_printf(&rows, "%s%s", k ? ", " : "", literal(m, t, &s, 0));
    sb_puts(&rows, "]);\n");
  }
  const char *y = chance(m, 50) ? computed(m, field, 3) : text(m, "sin(%s)", field[0].name);
  sb_printf(&m->top, "data %s {\n%s    y: [4] = %s%s;\n}\n", data, sb_text(&rows), y,
            chance(m, 30) ? " + 0.1 * randn([4])" : "");
  strbuf_free(&rows);
}

static const char *optimizer(Model *m) {
  return optimizers[wheel(m, sizeof optimizers / sizeof *optimizers)];
}

// "minimize LOSS over OVER using OPT", in some steps only where `when` is true of the step's number.
static void minimize(Model *m, const char *loss, const char *over, const char *optimizer) {
  const char *line = text(m, "minimize %s over %s using %s;", loss, over, optimizer), *r = fresh(m, "r");
  if (chance(m, 70)) {
    statement(m, "%s", line);
    return;
  }
  const char *n = global(m, "c");
  sb_printf(&m->top, "state %s: i32 = %u;\n", n, below(m, 2));
  statement(m, "when %s %% 2 == 0 { %s  report %s = 0.5 * %s; }", n, line, r, loss);
  statement(m, "update %s = %s + 1;", n, n);
}

// One step: a loss over a layer, and, where a step may have several, others over parameters, or all but some.
static void step(Model *m, const Value *field, const char *net, const char *weights, bool several) {
  fields_of(m, field, 3, "d");
  uint32_t given = m->n;
  const char *x = m->v[0].name;
  Value *z = let(m, REAL, field[0].s, 3, m->v[0].reach, text(m, "%s(%s)", net, x));
  statements(m, 3 + below(m, 8));
  const Value *s = pick(m, ANY_REAL, 0, 4);
  const char *loss = fresh(m, "loss"), *over = net;
  statement(m, "let %s = mse(%s(%s), d.y) + 0.1 * mean(%s ** 2)%s;", loss, net, z->name, s->name,
            chance(m, 40) ? text(m, " + 0.01 * l2(%s)", net) : "");
  if (chance(m, 20)) over = text(m, "[%s, %s] except %s", net, weights, weights);
  minimize(m, loss, over, "opt");
  if (several && chance(m, 40)) { // what the first one changed is not read again
    const char *other = fresh(m, "loss");
    statement(m, "let %s = mean((%s * %s - d.y) ** 2) + 0.1 * mean(stop_grad(%s) * %s);", other, weights, x,
              z->name, weights);
    minimize(m, other, weights, "two");
  }
  if (several && chance(m, 30)) { // or as it is now
    const char *last = fresh(m, "loss");
    statement(m, "let %s = mse(%s(%s) * %s, d.y);", last, net, x, weights);
    minimize(m, last, text(m, "%s, %s", net, weights), chance(m, 50) ? "opt" : "two");
  }
  reports(m, given);
}

// A phase of steps of several batches each.
static void accumulating(Model *m, const Value *field, const char *net, const char *weights, const char *data,
                         StrBuf *out) {
  StrBuf body = {0};
  begin(m, &body, "batch");
  m->train = m->effects = true;
  step(m, field, net, weights, false);
  m->train = m->effects = false;
  sb_printf(out, "  phase %s {\n  accumulate = %u;  epochs = 1;\n  each d in %s() {\n%s  }\n  }\n",
            fresh(m, "phase"), 2 + below(m, 2), data, sb_text(&body));
  strbuf_free(&body);
}

// Without data: indices.
static void counted_loop(Model *m, const char *weights, StrBuf *out) {
  StrBuf body = {0};
  begin(m, &body, NULL);
  declare(m, "k", DT_I32, scalar_shape(), 1);
  declare(m, weights, REAL, (Shape){1, {{0, 4}}}, 1.5)->given = false;
  uint32_t given = m->n;
  statements(m, 2 + below(m, 5));
  statement(m, "minimize mean((%s - 0.1 * cast(k, real)) ** 2) over %s using two;", weights, weights);
  reports(m, given);
  sb_printf(out, "  each k in 0..3 {\n%s  }\n", sb_text(&body));
  strbuf_free(&body);
}

static void evaluation(Model *m, const Value *field, const char *net, const char *data, StrBuf *out) {
  StrBuf body = {0};
  begin(m, &body, "batch");
  bool state = chance(m, 40);
  if (state) statement(m, "state total: real = 0.5;");
  fields_of(m, field, 3, "d");
  uint32_t given = m->n;
  statements(m, 2 + below(m, 6));
  const Value *z = let(m, REAL, field[0].s, 3, m->v[0].reach, text(m, "%s(%s)", net, m->v[0].name));
  if (state) statement(m, "update total = total + mean(%s);", z->name);
  reports(m, given);
  if (state) statement(m, "finish { report %s = sqrt(total * total + 0.1); }", fresh(m, "r"));
  sb_printf(out, "  eval d in %s() {\n%s  }\n", data, sb_text(&body));
  strbuf_free(&body);
}

static void train(Model *m) {
  StrBuf body = {0}, whole = {0};
  const char *data = global(m, "d"), *weights = global(m, "P");
  Value field[3];
  data_fields(m, data, field);
  begin(m, &body, "batch");
  sb_printf(&m->top, "param %s: [4] = normal(0.5);\n", weights);
  uint32_t nets = m->n_nets;
  const char *net = instance(m, chance(m, 50) ? "Dense(4)" : "Residual(Dense(4, bias = false))");
  m->train = m->effects = true;
  step(m, field, net, weights, true);
  m->train = m->effects = false;
  // what the bodies define comes before the block, so that is written apart
  sb_printf(&whole, "train %s {\n  batch = 2;  epochs = 2;  seed = %u;\n", global(m, "t"), below(m, 100));
  sb_printf(&whole, "  let opt = %s;\n", optimizer(m));
  sb_printf(&whole, "  let two = %s;\n", optimizer(m));
  sb_printf(&whole, "  each d in %s() {\n%s  }", data, sb_text(&body));
  if (chance(m, 40))
    sb_printf(&whole, " then { update %s = 0.9 * %s;  report %s = sum(%s) + 0.1 * epoch; }", weights, weights,
              fresh(m, "r"), weights);
  sb_puts(&whole, "\n");
  evaluation(m, field, net, data, &whole);
  if (chance(m, 40)) counted_loop(m, weights, &whole);
  if (chance(m, 40)) accumulating(m, field, net, weights, data, &whole);
  sb_printf(&m->top, "%s}\n", sb_text(&whole));
  m->n_nets = nets;
  strbuf_free(&body);
  strbuf_free(&whole);
}

void model_text(uint64_t seed, bool narrow, StrBuf *out) {
  Model *m = &(Model){.arena = arena_new(),
                      .state = seed * 0x9e3779b97f4a7c15u + 1,
                      .narrow = narrow,
                      .turn = (uint32_t)seed * 17};
  for (int i = 0; i < 4; i++) below(m, 2);
  m->prefix = text(m, "m%llu", (unsigned long long)seed);
  const char *dim = text(m, "%s_N", m->prefix);
  sb_printf(&m->top, "dim %s <= %d;\n", dim, DIM_BOUND);
  for (uint32_t n = below(m, 3); n-- > 0;) new_def(m);
  for (uint32_t n = 1 + below(m, 2); n-- > 0;) export(m, dim);
  if (chance(m, 60)) train(m);
  sb_puts(out, sb_text(&m->top));
  strbuf_free(&m->top);
  arena_free(m->arena);
}
