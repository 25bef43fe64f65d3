// The elaborator: names of paths, shapes, fans, sites, the plan, and that one mistake is one error. (Long:
// many small programs and what becomes of them.)
#include "frontend/elaborate.h"
#include "frontend/parse.h"
#include "ir/base/embedded.h"
#include "ir/verify.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Result {
  Arena *a;
  Diags *diags;
  Program *p;
  StrBuf text;
} Result;

static Result elaborate_with(const char *text, const Define *defines, uint32_t n) {
  Result r = {.a = arena_new()};
  SourceMap *m = source_map_new(r.a);
  r.diags = diags_new(r.a, m);
  Intern *names = intern_new(r.a);
  const File **std = ARENA_ARRAY(r.a, embedded_std.n, const File *);
  for (uint32_t i = 0; i < embedded_std.n; i++) {
    const EmbeddedFile *f = &embedded_std.files[i];
    std[i] = parse_source(source_add(m, f->name, f->text, f->len, true), m, names, r.diags, r.a);
  }
  const File *user =
      parse_source(source_add(m, "model.nn", text, strlen(text), false), m, names, r.diags, r.a);
  const ElaborateOptions o = {.real = DT_F32, .defines = defines, .n_defines = n};
  r.p = elaborate(user, std, embedded_std.n, m, names, &o, r.diags, r.a);
  diags_print_text(r.diags, &r.text, false);
  return r;
}

static void done(Result *r) {
  strbuf_free(&r->text);
  arena_free(r->a);
}

static Result good(const char *text) {
  Result r = elaborate_with(text, NULL, 0);
  ck_assert_msg(r.p != NULL, "%s", sb_text(&r.text));
  StrBuf why = {0};
  ck_assert_msg(program_verify(r.p, VERIFY_ANY, &why), "%s", sb_text(&why));
  strbuf_free(&why);
  return r;
}

// The stores' names, without those of optimizers, joined by spaces.
static void ck_stores(const char *text, const char *want) {
  Result r = good(text);
  StrBuf b = {0};
  for (uint32_t i = 0; i < r.p->n_stores; i++) {
    const Store *s = &r.p->stores[i];
    if (s->kind != STORE_SLOT && s->kind != STORE_COUNT) sb_printf(&b, "%s%s", b.len ? " " : "", s->name);
  }
  ck_assert_str_eq(sb_text(&b), want);
  strbuf_free(&b);
  done(&r);
}

// Exactly these codes, in order.
static void ck_codes(const char *text, const char *want) {
  Result r = elaborate_with(text, NULL, 0);
  StrBuf b = {0};
  for (const char *p = sb_text(&r.text); (p = strchr(p, '[')) != NULL; p++)
    if ((p[1] == 'E' || p[1] == 'W') && strspn(p + 2, "0123456789") == 4 && p[6] == ']')
      sb_printf(&b, "%s%.5s", b.len ? " " : "", p + 1);
  ck_assert_msg(strcmp(sb_text(&b), want) == 0, "wanted %s, got %s\n%s", want, sb_text(&b), sb_text(&r.text));
  strbuf_free(&b);
  done(&r);
}

static const Function *fn_named(const Program *p, const char *name) {
  for (uint32_t i = 0; i < p->n_fns; i++)
    if (strcmp(p->fns[i].name, name) == 0) return &p->fns[i];
  ck_abort_msg("no function %s", name);
  return NULL;
}

static uint32_t count_op(const Graph *g, Op op) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < g->len; i++) n += graph_node(g, i)->op == op;
  return n;
}

static const Node *first_op(const Graph *g, Op op) {
  for (uint32_t i = 0; i < g->len; i++)
    if (graph_node(g, i)->op == op) return graph_node(g, i);
  return NULL;
}

#define EXPORT_NET "dim N <= 8;\nexport fn f(x: [N, 4]) -> [N, 2] = net(x);\n"
#define XOR                                                                                                  \
  "data xor { x: [2] from rows([[0, 0], [0, 1], [1, 0], [1, 1]]); y: i32 from rows([0, 1, 1, 0]); }\n"

// ---- paths

START_TEST(anonymous_layers_count_from_zero_per_type) {
  ck_stores("layer Net()(x: [B, n]) -> [B, 2] = x |> Dense(3) |> LayerNorm() |> Dense(2, bias = false);\n"
            "model net = Net();\n" EXPORT_NET,
            "net.dense_0.W net.dense_0.b net.layer_norm_0.gamma net.layer_norm_0.beta net.dense_1.W");
}
END_TEST

START_TEST(the_callee_is_made_before_its_arguments) {
  ck_stores("layer Net()(x: [B, n]) -> [B, 2] = Dense(2, bias = false)(Dense(3)(x));\nmodel net = "
            "Net();\n" EXPORT_NET,
            "net.dense_1.W net.dense_1.b net.dense_0.W");
}
END_TEST

START_TEST(let_names_a_layer_and_the_second_of_a_name_is_counted) {
  ck_stores("layer Net()(x: [B, n]) -> [B, 2] {\n  var h = x;\n"
            "  for i in 0..2 { let c = Dense(4, bias = false); h = c(h); }\n"
            "  let head = Dense(2, bias = false);\n  return head(h);\n}\nmodel net = Net();\n" EXPORT_NET,
            "net.c.W net.c_1.W net.head.W");
}
END_TEST

START_TEST(list_elements_are_numbered_after_a_dot) {
  ck_stores("layer Net() {\n  let hidden = [Dense(4, bias = false) for i in 0..2];\n"
            "  fn run(x: [B, 4]) -> [B, 4] { var h = x; for l in hidden { h = l(h); } return h; }\n}\n"
            "model nets = [Net() for i in 0..2];\ndim N <= 8;\n"
            "export fn f(x: [N, 4]) -> [N, 4] = nets[1].run(nets[0].run(x));\n",
            "nets.0.hidden.0.W nets.0.hidden.1.W nets.1.hidden.0.W nets.1.hidden.1.W");
}
END_TEST

START_TEST(a_layer_passed_as_an_attribute_takes_its_name) {
  ck_stores(
      "layer Twice(inner: layer)(x: [B, n]) -> [B, n] = inner(inner(x));\n"
      "model net = Twice(Dense(4, bias = false));\ndim N <= 8;\nexport fn f(x: [N, 4]) -> [N, 4] = net(x);\n",
      "net.inner.W");
}
END_TEST

START_TEST(layer_names_become_snake_case) {
  ck_stores("layer ConvBN()(x: [B, n]) -> [B, n] { param w: [n] = ones(); return x * w; }\n"
            "layer LSTMCell()(x: [B, n]) -> [B, n] { param w: [n] = ones(); return x * w; }\n"
            "layer Conv2x()(x: [B, n]) -> [B, n] { param w: [n] = ones(); return x * w; }\n"
            "layer Net()(x: [B, n]) -> [B, n] = x |> ConvBN() |> LSTMCell() |> Conv2x();\n"
            "model net = Net();\ndim N <= 8;\nexport fn f(x: [N, 4]) -> [N, 4] = net(x);\n",
            "net.conv_bn_0.w net.lstm_cell_0.w net.conv2x_0.w");
}
END_TEST

START_TEST(a_lambda_called_twice_makes_two_layers) {
  ck_stores(
      "layer Net()(x: [B, n]) -> [B, 2] {\n  let block = fn(u, k) => u |> Dense(k, bias = false) |> relu;\n"
      "  return block(block(x, 3), 2);\n}\nmodel net = Net();\n" EXPORT_NET,
      "net.dense_0.W net.dense_1.W");
}
END_TEST

START_TEST(one_instance_applied_twice_shares_its_parameters) {
  ck_stores("layer Net()(x: [B, n]) -> [B, n] { let d = Dense(4, bias = false); return d(d(x)); }\nmodel net "
            "= Net();\n"
            "dim N <= 8;\nexport fn f(x: [N, 4]) -> [N, 4] = net(x) + net(2.0 * x);\n",
            "net.d.W");
}
END_TEST

START_TEST(members_of_a_long_layer_bind_sizes_at_the_first_application) {
  Result r = good("layer Cell(n: int) {\n  param W: [k, 2 * n] = zeros();\n"
                  "  fn run(x: [B, k]) -> [B, 2 * n] = x @ W;\n}\nmodel cell = Cell(3);\ndim N <= 8;\n"
                  "export fn f(x: [N, 5]) -> [N, 6] = cell.run(x);\n");
  ck_assert_str_eq(r.p->stores[0].name, "cell.W");
  ck_assert_int_eq(r.p->stores[0].shape.d[0].b, 5);
  ck_assert_int_eq(r.p->stores[0].shape.d[1].b, 6);
  done(&r);
}
END_TEST

// A layer may be applied while it is made, so its path is asked for before the model has its layers.
#define WIDTH                                                                                                \
  "layer Width() {\n  let d = Dense(4, bias = false);\n  let h = d(ones([2, 4]));\n"                         \
  "  fn apply(x: [B, 4]) -> [B, 4] = d(x);\n}\ndim N <= 8;\n"

START_TEST(a_model_applied_while_it_is_made_has_its_name) {
  ck_stores(WIDTH "model net = Width();\nexport fn f(x: [N, 4]) -> [N, 4] = net(x);\n", "net.d.W");
}
END_TEST

START_TEST(what_is_applied_before_a_model_has_its_name_is_counted) {
  ck_stores(WIDTH
            "model nets = [Width(), Width()];\nexport fn f(x: [N, 4]) -> [N, 4] = nets[0](nets[1](x));\n",
            "nets.width_0.d.W nets.width_1.d.W");
  ck_codes("model net = Dense(4)(ones([2, 4]));\n" XOR, "E0202");
}
END_TEST

// ---- initial values

START_TEST(fans_follow_the_rank) {
  // a limit of sqrt(6 / (in + out)): its constant stands in init
  static const struct {
    const char *shape;
    double fans;
  } rows[] = {{"[3, 5]", 8}, {"[4, 2, 3, 3]", 4 * 9 + 2 * 9}, {"[7]", 14}};
  for (int i = 0; i < 3; i++) {
    char text[200];
    snprintf(text, sizeof text, "param p: %s = glorot_uniform();\n", rows[i].shape);
    Result r = good(text);
    const Graph *g = fn_named(r.p, "init")->g;
    bool found = false;
    for (uint32_t k = 0; k < g->len; k++)
      found |= graph_node(g, k)->op == OP_CONST &&
               fabs(graph_node(g, k)->attr.konst.data->f - sqrt(6 / rows[i].fans)) < 1e-12;
    ck_assert_msg(found, "fans of %s", rows[i].shape);
    done(&r);
  }
}
END_TEST

static uint32_t fnv(const char *s) {
  uint32_t h = 2166136261u;
  for (; *s; s++) h = (h ^ (unsigned char)*s) * 16777619u;
  return h;
}

START_TEST(initial_draws_hash_the_path) {
  Result r = good("param p: [3] = fn(s) => rand(s) + rand(s);\n");
  const Graph *g = fn_named(r.p, "init")->g;
  uint32_t sites[2], n = 0;
  for (uint32_t k = 0; k < g->len; k++)
    if (graph_node(g, k)->op == OP_RAND) sites[n++] = graph_node(g, k)->attr.site;
  ck_assert_uint_eq(sites[0], fnv("p"));
  ck_assert_uint_eq(sites[1], fnv("p#1"));
  done(&r);
}
END_TEST

START_TEST(a_store_takes_numbers_lists_and_initialisers) {
  ck_stores("param a: [2] = 2.5;\nparam b: [2, 2] = [[1, 2], [3, 4]];\nstate c: i32[2] = [1, 2];\nparam d: "
            "[2] = zeros;\n"
            "param e: [2] = npy(\"e.npy\");\n",
            "a b c d e");
  ck_stores("state f: f64[2] = normal(1.0);\nstate g: i32[2] = ones();\nstate h: u8[2] = zeros;\n", "f g h");
  ck_codes("state k: i32[2] = normal(1.0);\n", "E0204");
}
END_TEST

// ---- random sites

#define DROP                                                                                                 \
  "layer Net()(x: [B, n]) -> [B, n] { let a = Dropout(0.5)(x); return Dropout(0.5)(a); }\nmodel net = "      \
  "Net();\n"

static uint32_t drop_sites(const char *body, uint32_t *sites) {
  char text[800];
  snprintf(text, sizeof text, DROP XOR "train fit { epochs = 1; batch = 4;\n each d in xor() { %s } }\n",
           body);
  Result r = good(text);
  const Graph *g = fn_named(r.p, "fit_step")->g;
  uint32_t n = 0;
  for (uint32_t k = 0; k < g->len && n < 8; k++)
    if (graph_node(g, k)->op == OP_RAND) sites[n++] = graph_node(g, k)->attr.site;
  done(&r);
  return n;
}

START_TEST(no_two_draws_share_a_site) {
  uint32_t s[8], n = drop_sites("report a = mean(net(net(d.x))); for i in 0..2 { let z = net(d.x); }", s);
  ck_assert_uint_eq(n, 8);
  for (uint32_t i = 0; i < n; i++)
    for (uint32_t k = 0; k < i; k++) ck_assert_uint_ne(s[i], s[k]);
}
END_TEST

START_TEST(comments_do_not_move_a_site) {
  uint32_t a[8], b[8];
  ck_assert_uint_eq(drop_sites("report a = mean(net(d.x));", a), 2);
  ck_assert_uint_eq(drop_sites("# a comment\n   report a = mean( net(d.x) );", b), 2);
  ck_assert_uint_eq(a[0], b[0]);
  ck_assert_uint_eq(a[1], b[1]);
}
END_TEST

// ---- functions and the plan

#define NET "layer Net()(x: [B, n]) -> [B, 2] = Dense(2)(x);\nmodel net = Net();\n"

START_TEST(a_parameter_is_read_by_one_node_per_version) {
  Result r = good(
      NET XOR
      "train fit { epochs = 1; batch = 4; let opt = SGD(lr = 0.1);\n"
      " each d in xor() { minimize mean(net(d.x)) + l2(net) over net using opt; report l = l2(net); } }\n");
  const Function *f = fn_named(r.p, "fit_step");
  ck_assert_uint_eq(count_op(f->g, OP_READ), 4); // W and b, before and after the step
  ck_assert_uint_eq(count_op(f->g, OP_OPTIMIZE), 1);
  done(&r);
}
END_TEST

START_TEST(sgd_without_momentum_has_no_slots) {
  Result r = good(NET XOR "train fit { epochs = 1; batch = 4;\n"
                          " each d in xor() { minimize mean(net(d.x)) over net using SGD(lr = 0.1); } }\n");
  for (uint32_t i = 0; i < r.p->n_stores; i++) ck_assert_int_ne(r.p->stores[i].kind, STORE_SLOT);
  ck_assert(!first_op(fn_named(r.p, "fit_step")->g, OP_OPTIMIZE)->attr.optimize->uses_momentum);
  done(&r);
}
END_TEST

START_TEST(over_means_the_parameters_of_the_finished_program) {
  // the l2 comes before the application that makes the parameters
  Result r = good(NET XOR "train fit { epochs = 1; batch = 4;\n each d in xor() { let p = l2(net); "
                          "minimize p + mean(net(d.x)) over net using SGD(lr = 0.1); } }\n");
  ck_assert_uint_eq(first_op(fn_named(r.p, "fit_step")->g, OP_OPTIMIZE)->attr.optimize->n, 2);
  done(&r);
}
END_TEST

START_TEST(over_and_except_take_parameters_of_a_comprehension) {
  Result r = good("model net = [Dense(2), Dense(2)];\n" XOR
                  "train fit { epochs = 1; batch = 4; each d in xor() { minimize "
                  "mean(net[1](net[0](d.x))) over net except [l.b for l in net] using SGD(lr = 0.1); } }\n");
  const OptimizeAttr *o = first_op(fn_named(r.p, "fit_step")->g, OP_OPTIMIZE)->attr.optimize;
  ck_assert_uint_eq(o->n, 2);
  ck_assert_str_eq(r.p->stores[o->stores[0]].name, "net.0.W");
  ck_assert_str_eq(r.p->stores[o->stores[1]].name, "net.1.W");
  done(&r);
}
END_TEST

START_TEST(parameters_are_updated_in_path_order) {
  Result r =
      good("layer Net()(x: [B, n]) -> [B, 2] { let b = Dense(3); let a = Dense(2); return a(b(x)); }\nmodel "
           "net = Net();\n" XOR "train fit { epochs = 1; batch = 4; each d in xor() { minimize "
           "mean(net(d.x)) over net using SGD(lr = 0.1); } }\n");
  const OptimizeAttr *o = first_op(fn_named(r.p, "fit_step")->g, OP_OPTIMIZE)->attr.optimize;
  for (uint32_t i = 1; i < o->n; i++)
    ck_assert_int_lt(strcmp(r.p->stores[o->stores[i - 1]].name, r.p->stores[o->stores[i]].name), 0);
  done(&r);
}
END_TEST

START_TEST(training_is_static_and_false_in_eval_and_export) {
  Result r =
      good(DROP XOR
           "train fit { epochs = 1; batch = 4; each d in xor() { report a = mean(net(d.x)); }\n"
           " eval d in xor() { report a = mean(net(d.x)); } }\nexport fn f(x: [3, 2]) -> [3, 2] = net(x);\n");
  ck_assert_uint_eq(count_op(fn_named(r.p, "fit_step")->g, OP_RAND), 2);
  ck_assert_uint_eq(count_op(fn_named(r.p, "fit_eval_xor")->g, OP_RAND), 0);
  ck_assert_uint_eq(count_op(fn_named(r.p, "f")->g, OP_RAND), 0);
  done(&r);
}
END_TEST

START_TEST(only_what_is_read_of_the_data_is_prepared) {
  Result r = good("data d(s: str) { a: u8[4] from idx(s + \"-a\"); b: u8 from idx(s + \"-b\");\n"
                  " x: [4] = cast(a, real) / 16.0; y: i32 = cast(b, i32); z: [4] = x * 2.0; }\n"
                  "train fit { epochs = 1; batch = 4; each e in d(\"train\") { report m = mean(e.z); } eval "
                  "e in d(\"test\") { report "
                  "m = mean(e.x) + mean(cast(e.b, real)); } }\n");
  ck_assert_uint_eq(r.p->n_data, 2);
  ck_assert_str_eq(r.p->data[1].label, "d_2");
  ck_assert_uint_eq(r.p->data[0].n_sources, 1);
  ck_assert_uint_eq(r.p->data[0].n_fields, 1);
  ck_assert_str_eq(r.p->data[0].fields[0].name, "z");
  ck_assert_str_eq(r.p->data[1].sources[1].path, "test-b");
  ck_assert_uint_eq(r.p->data[1].n_fields, 2);
  ck_assert_str_eq(r.p->data[1].fields[0].name, "b");
  ck_assert_int_eq(r.p->data[1].fields[0].source, 1);
  ck_assert_int_eq(r.p->data[1].fields[1].result, 0);
  const PlanItem *it = &r.p->trains[0].items[0];
  ck_assert_uint_eq(it->u.loop.n_evals, 1);
  done(&r);
}
END_TEST

START_TEST(phases_in_loops_are_numbered_and_restart_the_count) {
  Result r = good(NET XOR "train fit { batch = 4; for m in 0..2 { phase warm { epochs = 3; each d in xor() { "
                          "minimize mean(net(d.x)) over "
                          "net using SGD(lr = 0.1); } } } save net to \"n.safetensors\"; }\n");
  const Train *t = &r.p->trains[0];
  ck_assert_uint_eq(t->n_items, 3);
  ck_assert_str_eq(t->items[0].phase, "warm[0]");
  ck_assert_str_eq(t->items[1].phase, "warm[1]");
  for (uint32_t i = 0; i < 3; i++) ck_assert_uint_eq(t->items[i].since, i == 2 ? 0 : i);
  ck_assert_int_eq(t->items[1].u.loop.epochs, 3);
  ck_assert_uint_eq(t->items[2].u.file.n, 2);
  ck_assert_str_eq(t->items[2].u.file.names[0], "net.dense_0.W");
  done(&r);
}
END_TEST

// Lists of stores are those of the finished program, also where the layer is applied later.
START_TEST(lists_hold_what_a_layer_has_in_the_end) {
  Result r = good(
      "layer Net() { let a = Dense(2); fn z(x: [B, n]) -> [B, 2] = a(x); }\n"
      "model late = Net();\nmodel net = Net();\n"
      "let all = params(late);\nlet (many, pairs) = (len(all), zip(all, params(net)));\n"
      "fn average() { for (e, p) in zip(params(late), params(net)) { update e = 0.5 * e + 0.5 * p; } }\n" XOR
      "train fit { each d in xor() { assert many == 2 and len(pairs) == 2; let _ = average();\n"
      "  report s = sum(stack([sum(p) for p in all])), w = sum(params(late)[1]) + mean(net.z(d.x)); }\n"
      " eval d in xor() { report m = mean(late.z(d.x)); } }\n");
  const Function *f = fn_named(r.p, "fit_step");
  ck_assert_uint_eq(count_op(f->g, OP_WRITE), 2);
  done(&r);
}
END_TEST

START_TEST(load_as_replaces_the_prefix) {
  Result r = good(NET EXPORT_NET
                  "train fit { load net.dense_0 from \"f.safetensors\" as \"enc\" with partial = true; }\n");
  const PlanFile *f = &r.p->trains[0].items[0].u.file;
  ck_assert_str_eq(f->names[0], "enc.W");
  ck_assert(f->partial);
  done(&r);
}
END_TEST

START_TEST(an_option_is_replaced_by_define) {
  const Define d = {"width", "7"};
  Result r = elaborate_with(
      "option width = 3;\nmodel net = Dense(width);\nexport fn f(x: [1, 2]) -> [1, width] = net(x);\n", &d,
      1);
  ck_assert_ptr_nonnull(r.p);
  ck_assert_int_eq(r.p->stores[0].shape.d[1].b, 7);
  done(&r);
}
END_TEST

START_TEST(an_unknown_define_is_an_error) {
  const Define d = {"widht", "7"};
  Result r = elaborate_with("option width = 3;\n", &d, 1);
  ck_assert_ptr_null(r.p);
  ck_assert_ptr_nonnull(strstr(sb_text(&r.text), "width"));
  done(&r);
}
END_TEST

// ---- shapes and static values

// The shape of the one result of export f.
static void ck_shape(const char *text, const char *want) {
  Result r = good(text);
  const Graph *g = fn_named(r.p, "f")->g;
  StrBuf b = {0};
  shape_print(&b, graph_node(g, g->roots[0])->shape, g->symbol);
  ck_assert_str_eq(sb_text(&b), want);
  strbuf_free(&b);
  done(&r);
}

START_TEST(sizes_stay_linear_in_the_dynamic_one) {
  ck_shape("dim N <= 8;\nexport fn f(x: [N, 4]) = flatten(concat([x, x[1..]], axis = 0) |> expand(1));\n",
           "[2*N - 1, 4]");
}
END_TEST

START_TEST(slices_count_from_the_end_and_step) {
  ck_shape("export fn f(x: [10, 6]) = x[-4.., ..-1 by 2];\n", "[4, 3]");
  ck_shape("dim N <= 8;\nexport fn f(x: [2, N, 3]) = x[..., N - 1, 1];\n", "[2]");
  ck_shape("export fn f(x: [5, 6], i: i32) = x[i, 2..];\n", "[4]");
}
END_TEST

START_TEST(a_scalar_takes_the_shape_of_a_variadic_part) {
  ck_shape("dim N <= 8;\nexport fn f(x: [N, 3]) = bce_logits(x, 1.0);\n", "[N, 3]");
  ck_shape("dim N <= 8;\nexport fn f(x: [N, 3]) = lerp(0.0, x, 0.5);\n", "[N, 3]");
}
END_TEST

START_TEST(static_arithmetic_floors_and_divides) {
  ck_shape("export fn f() = zeros([-7 // 2 + 10, -7 % 3, floor(7 / 2), 2 ** 3, len([1, 2] + [3])]);\n",
           "[6, 2, 3, 8, 3]");
  ck_shape("export fn f() { assert sum([4503599627370497, 4503599627370496, 2]) == 9007199254740995; return "
           "zeros([max([3, 2]), min([4, 1])]); }\n",
           "[3, 1]");
  ck_codes("export fn f() = zeros([sum([9223372036854775807, 1])]);\n", "E0302");
}
END_TEST

START_TEST(lambdas_capture_values_at_creation) {
  ck_shape("export fn f() { var n = 2; let g = fn(k) => zeros([n, k]); n = 5; return g(3); }\n", "[2, 3]");
}
END_TEST

START_TEST(variadic_parts_bind_lists) {
  ck_shape("fn g(x: [B, *s, k]) -> [*s] = zeros(s);\nexport fn f(x: [2, 3, 4, 5]) = g(x);\n", "[3, 4]");
}
END_TEST

// ---- one mistake, one error

START_TEST(einsum_turns_the_operands_round_before_the_result) {
  Result r = good("dim N <= 8;"
                  "export fn f(x: [N, 4], y: [4, 5]) -> [5, N] = einsum(x[i, k], y[k, j] -> [j, i]);"
                  "export fn g(x: [2, 3, 4]) -> [2, 3] = einsum(x[b, i, k], x[b, i, k] -> [b, i]);"
                  "export fn h(x: [3], y: [4]) -> [4, 3] = einsum(x[i], y[j] -> [j, i]);");
  ck_assert_uint_eq(count_op(fn_named(r.p, "f")->g, OP_DOT), 1);
  ck_assert_uint_eq(count_op(fn_named(r.p, "f")->g, OP_TRANSPOSE), 0);
  ck_assert_uint_eq(count_op(fn_named(r.p, "g")->g, OP_DOT), 1);
  ck_assert_uint_eq(count_op(fn_named(r.p, "h")->g, OP_DOT), 0);
  ck_assert_uint_eq(count_op(fn_named(r.p, "h")->g, OP_MUL), 1);
  done(&r);
}
END_TEST

START_TEST(labels_are_a_scope_of_their_own) {
  ck_codes("let b = 3; fn k(x: [n]) -> [n] = x;"
           "export fn f(x: [3, 4]) -> [4] = einsum(x[b, k], x[b, k] -> [k]) + reduce(sum, x[f, x] -> [x]);",
           "");
  ck_codes("export fn f(x: [3, 4]) -> [3] = einsum(x[b, k], x[b, m] -> [b]);", "E0223");
  ck_codes("export fn f(x: [3, 4]) -> [12] = rearrange(x[a, c] -> [a * c], a = nothing);", "E0201");
}
END_TEST

START_TEST(a_reshape_with_two_dynamic_axes_fits) {
  Result r = good("dim N <= 8;"
                  "export fn f(x: [2 * N, 2 * N]) -> [N, 4, N] = reshape(x, [N, 4, N]);"
                  "export fn g(x: [N, N]) -> [N, 1, N] = expand(x, 1);");
  done(&r);
  ck_codes("dim N <= 8; export fn f(x: [N, N]) -> [N, 2 * N] = reshape(x, [N, 2 * N]);", "E0203");
  ck_codes("dim N <= 8; export fn f(x: [N, N]) -> [N] = reshape(x, [N]);", "E0203");
}
END_TEST

START_TEST(an_import_without_a_loader_is_an_error) {
  ck_codes("import \"a.nn\" as a; export fn f(x: [3]) -> [3] = a.g(x);", "E0119");
}
END_TEST

START_TEST(an_erroneous_value_is_silent) {
  ck_codes("dim N <= 8;\nexport fn f(x: [N, 4]) -> [N, 3] { let y = x + [1.0, 2.0]; let z = y @ x; return z "
           "+ y; }\n",
           "E0203");
}
END_TEST

// A text cut off anywhere, in a word or between two, has one mistake, whatever it means now.
START_TEST(a_text_that_is_cut_off_is_one_error) {
  static const char text[] =
      "option width = 4;\nlet rate = 1e-2;\ndim N <= 8;\n"
      "layer Net()(x: [B, n]) -> [B, 2] {\n    let h = x |> Dense(width) |> tanh;\n"
      "    let (y, _) = scan(xt in h, axis = 1; c = zeros([B])) { yield xt + c; next c = xt; };\n"
      "    return [y[.., 0], y[.., 1]] |> stack(axis = 1);\n}\n"
      "model net = Net();\nmodel late = Late();\n"
      "data xor { x: [2] from rows([[0, 0], [0, 1], [1, 0], [1, 1]]); y: i32 from rows([0, 1, 1, 0]); }\n"
      "train fit {\n    epochs = 2;  batch = 2;  patience = 3;  watch = \"acc\";\n"
      "    let opt = SGD(lr = rate * cosine_decay(epoch, 2.0));\n"
      "    each d in xor() { minimize cross_entropy(net(late.run(d.x)), d.y) over net, late except "
      "net.dense_0.b "
      "using "
      "opt; }\n"
      "    eval d in xor() every 2 { report acc = accuracy(net(d.x), d.y); }\n"
      "    save late to \"late.safetensors\";\n}\n"
      "layer Late() {\n    param w: [2] = ones();\n    fn run(x: [B, 2]) -> [B, 2] = x * w;\n}\n"
      "export fn f(x: [N, 2]) -> ([N, 2], [N]) = (net(late.run(x)), sum(x, axis = 1));\n";
  char cut[sizeof text];
  for (size_t n = (sizeof text - 1) % 3; n < sizeof text; n += 3) {
    memcpy(cut, text, n);
    cut[n] = 0;
    Result r = elaborate_with(cut, NULL, 0);
    ck_assert_msg(diags_errors(r.diags) <= 1, "%s", sb_text(&r.text));
    ck_assert_msg(n + 1 < sizeof text || diags_errors(r.diags) == 0, "%s", sb_text(&r.text));
    done(&r);
  }
}
END_TEST

START_TEST(an_error_in_a_layer_is_told_once_for_all_its_uses) {
  ck_codes("layer Net()(x: [B, n]) -> [B, 2] { return x + [1.0, 2.0, 3.0]; }\nmodel net = Net();\n" XOR
           "train fit { epochs = 1; batch = 4; each d in xor() { minimize mean(net(d.x)) over net using "
           "SGD(lr = 0.1); }\n"
           " eval d in xor() { report a = mean(net(d.x)); } save net to \"x\"; }\n",
           "E0203");
}
END_TEST

START_TEST(how_a_field_that_is_wrong_is_used_is_no_news) {
  ck_codes("data p { m: [2] from rows([[true, false]]); }\nparam w: [2] = ones();\n"
           "train t { let o = SGD(lr = 0.1); each d in p() { minimize sum(w) over w using o; report a = "
           "count(d.m), b = count(d.m); } }\n",
           "E0503");
}
END_TEST

START_TEST(a_wrong_argument_does_not_hide_another_mistake) {
  ck_codes("dim N <= 8;\nexport fn f(x: [N, 4]) -> [N, 4] { let a = relu(x, 3); let b = relu(y); return "
           "x[.., ..9]; }\n",
           "E0201 E0207 E0210");
}
END_TEST

START_TEST(recursion_through_a_function_argument_is_found) {
  ck_codes("fn ap(g: fn, x: [B]) -> [B] = g(x);\nfn h(x: [B]) -> [B] = ap(h, x);\nexport fn f(x: [3]) -> [3] "
           "= h(x);\n",
           "E0305");
}
END_TEST

START_TEST(the_same_function_with_other_functions_is_no_recursion) {
  Result r = good("fn ap(g: fn, x: [B]) -> [B] = g(x);\nfn h(x: [B]) -> [B] = ap(relu, x);\nexport fn f(x: "
                  "[3]) -> [3] = ap(h, x);\n");
  done(&r);
}
END_TEST

int main(void) {
  Suite *s = suite_create("elaborate");
  TCase *t = tcase_create("elaborate");
  tcase_set_timeout(t, 60);
#define T(name) tcase_add_test(t, name)
  T(anonymous_layers_count_from_zero_per_type);
  T(the_callee_is_made_before_its_arguments);
  T(let_names_a_layer_and_the_second_of_a_name_is_counted);
  T(list_elements_are_numbered_after_a_dot);
  T(a_layer_passed_as_an_attribute_takes_its_name);
  T(layer_names_become_snake_case);
  T(a_lambda_called_twice_makes_two_layers);
  T(one_instance_applied_twice_shares_its_parameters);
  T(members_of_a_long_layer_bind_sizes_at_the_first_application);
  T(a_model_applied_while_it_is_made_has_its_name);
  T(what_is_applied_before_a_model_has_its_name_is_counted);
  T(fans_follow_the_rank);
  T(initial_draws_hash_the_path);
  T(a_store_takes_numbers_lists_and_initialisers);
  T(no_two_draws_share_a_site);
  T(comments_do_not_move_a_site);
  T(a_parameter_is_read_by_one_node_per_version);
  T(sgd_without_momentum_has_no_slots);
  T(over_means_the_parameters_of_the_finished_program);
  T(over_and_except_take_parameters_of_a_comprehension);
  T(parameters_are_updated_in_path_order);
  T(training_is_static_and_false_in_eval_and_export);
  T(only_what_is_read_of_the_data_is_prepared);
  T(phases_in_loops_are_numbered_and_restart_the_count);
  T(lists_hold_what_a_layer_has_in_the_end);
  T(load_as_replaces_the_prefix);
  T(an_option_is_replaced_by_define);
  T(an_unknown_define_is_an_error);
  T(sizes_stay_linear_in_the_dynamic_one);
  T(slices_count_from_the_end_and_step);
  T(a_scalar_takes_the_shape_of_a_variadic_part);
  T(static_arithmetic_floors_and_divides);
  T(lambdas_capture_values_at_creation);
  T(variadic_parts_bind_lists);
  T(einsum_turns_the_operands_round_before_the_result);
  T(labels_are_a_scope_of_their_own);
  T(a_reshape_with_two_dynamic_axes_fits);
  T(an_import_without_a_loader_is_an_error);
  T(an_erroneous_value_is_silent);
  T(a_text_that_is_cut_off_is_one_error);
  T(an_error_in_a_layer_is_told_once_for_all_its_uses);
  T(how_a_field_that_is_wrong_is_used_is_no_news);
  T(a_wrong_argument_does_not_hide_another_mistake);
  T(recursion_through_a_function_argument_is_found);
  T(the_same_function_with_other_functions_is_no_recursion);
  suite_add_tcase(s, t);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed != 0;
}
