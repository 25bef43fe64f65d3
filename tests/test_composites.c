// What passes/composites finds in functions as they are written: by the library, by hand in several ways, and
// what only looks like it.
#include "tests/library_program.h"

#include "passes/composites.h"

#include <check.h>

typedef struct Case {
  const char *body, *finds; // names of what is found, in order
} Case;

static const Case cases[] = {
    // ---- softmax
    {"return softmax(x);", "softmax"},
    {"return softmax(x, axis = 0);", "softmax"},
    {"return exp(x) / sum(exp(x), axis = 1, keepdim = true);", "softmax"},
    {"let e = exp(x - max(x, axis = 1, keepdim = true)); return e / expand(sum(e, axis = 1), 1);", "softmax"},
    {"let e = exp(x - max(x)); return e / sum(e);", "softmax"},
    {"let e = exp(x); return transpose(transpose(e) / sum(e, axis = 1));", "softmax"},
    {"let e = exp(x); return e * (1.0 / sum(e, axis = 1, keepdim = true));", "softmax"},
    {"return exp(log_softmax(x));", "softmax"},
    {"return exp(x - expand(logsumexp(x, axis = 1), 1));", "softmax"},
    // the maximum of another axis shifts the rows by different amounts, but each is a softmax all the same
    {"let e = exp(x - max(x, axis = 0)); return e / sum(e, axis = 1, keepdim = true);", "softmax"},
    {"let e = exp(s); return e / sum(e, axis = 1);", ""}, // divided along the other axis
    {"let e = exp(x); return e / sum(exp(x * 2.0), axis = 1, keepdim = true);", ""},
    {"let e = exp(x); return e / sum(exp(u), axis = 1, keepdim = true);", ""},
    {"let e = exp(x); return e / mean(e, axis = 1, keepdim = true);", ""},
    {"return sigmoid(x);", ""},
    // ---- its logarithm
    {"return log_softmax(x);", "log softmax"},
    {"return log(softmax(x));", "log softmax"},
    {"return x - logsumexp(x, axis = 1, keepdim = true);", "log softmax"},
    {"return x - log(sum(exp(x), axis = 1, keepdim = true));", "log softmax"},
    {"return s - log(sum(exp(s), axis = 1));", ""},
    {"return logsumexp(x, axis = 1);", ""},
    // ---- cross entropy
    {"return softmax_xent(x, y);", "softmax cross entropy"},
    {"return cross_entropy(x, y);", "softmax cross entropy"},
    {"return -mean(pick(log_softmax(x), y));", "softmax cross entropy"},
    {"return -log(pick(softmax(x), y));", "softmax cross entropy"},
    {"return -sum(one_hot(y, 6) * log_softmax(x), axis = 1);", "softmax cross entropy"},
    {"return -sum(u * log_softmax(x)) / 4.0;", "softmax cross entropy"},
    {"return logsumexp(x, axis = 1) - pick(x, y);", "softmax cross entropy"},
    {"return logsumexp(x, axis = 1) - pick(u, y);", ""},
    {"return -sum(u * log_softmax(x), axis = 0);", "log softmax"},
    {"return mean(bce_logits(x, u));", ""},
    // ---- norms
    {"return LayerNorm()(x);", "layer norm"},
    {"return RMSNorm()(x);", "RMS norm"},
    {"return BatchNorm()(i);", ""}, // by the states, which are given
    {"return GroupNorm(3)(i);", "layer norm"},
    {"return InstanceNorm()(i);", "layer norm"},
    {"return (x - mean(x, axis = 1, keepdim = true)) / sqrt(variance(x, axis = 1, keepdim = true) + 1e-5);",
     "layer norm"},
    {"let m = mean(x, axis = 1, keepdim = true); let v = mean((x - m) ** 2, axis = 1, keepdim = true);"
     "return (x - m) * rsqrt(v + 1e-5);",
     "layer norm"},
    {"let m = mean(x, axis = 1, keepdim = true); let v = mean(x * x, axis = 1, keepdim = true) - m * m;"
     "return (x - m) / sqrt(v + 1e-5) * 2.0 + 1.0;",
     "layer norm"},
    {"let m = mean(x, axis = 1, keepdim = true); return (x - m) / (std(x, axis = 1, keepdim = true) + 1e-5);",
     "layer norm"},
    {"let m = sum(x, axis = 1, keepdim = true) / 6.0; let d = x - m;"
     "return d / sqrt(sum(d * d, axis = 1, keepdim = true) / 6.0 + 1e-5);",
     "layer norm"},
    {"let d = x - mean(x, axis = 0); return d / sqrt(mean(d * d, axis = 0) + 1e-5);", "batch norm"},
    {"return x / sqrt(mean(x ** 2, axis = 1, keepdim = true) + 1e-6);", "RMS norm"},
    // the mean of rows, the variance of columns
    {"let d = x - mean(x, axis = 1, keepdim = true); return d / sqrt(mean(d * d, axis = 0) + 1e-5);",
     "RMS norm"},
    {"let d = s - mean(s, axis = 1); return d / sqrt(mean(d * d, axis = 1, keepdim = true) + 1e-5);",
     "RMS norm"},
    {"let d = x - mean(x, axis = 1, keepdim = true); return d / sqrt(sum(d * d, axis = 1, keepdim = true) + "
     "1e-5);",
     ""},
    {"return x / sqrt(mean(u ** 2, axis = 1, keepdim = true) + 1e-6);", ""},
    // ---- attention
    {"return MultiHeadAttention(2)(q);", "attention"},
    {"return MultiHeadAttention(2, causal = true)(q);", "attention"},
    {"return MultiHeadAttention(2).cross(q, k);", "attention"},
    {"return softmax(q @ transpose(k)) @ v;", "attention"},
    {"return softmax(q @ transpose(k) / sqrt(8.0) + b) @ v;", "attention"},
    {"return softmax(select(m, q @ transpose(k), -1e9)) @ v;", "attention"},
    {"let a = softmax(q @ transpose(k)); return (a * bernoulli_like(a, 0.9) / 0.9) @ v;", "attention"},
    {"return einsum(softmax(einsum(q[n,i,e], k[n,j,e] -> [n,i,j]) * 0.25)[n,i,j], v[n,j,e] -> [n,i,e]);",
     "attention"},
    {"return einsum(v[n,j,e], softmax(einsum(k[n,j,e], q[n,i,e] -> [n,j,i]), axis = 1)[n,j,i] -> [n,i,e]);",
     "attention"},
    {"let e = exp(q @ transpose(k)); return e / sum(e, axis = 2, keepdim = true) @ v;", "attention"},
    {"return softmax(q[0] @ transpose(k[0])) @ v[0];", "attention"},
    {"return softmax(q @ transpose(k), axis = 1) @ v;", "softmax"}, // sums over queries
    {"return softmax(q) @ transpose(v);", "softmax"},               // of no product
    {"return sigmoid(q @ transpose(k)) @ v;", ""},
    // ---- several, and in loops
    {"return softmax(LayerNorm()(x));", "layer norm, softmax"},
    {"return TransformerEncoderBlock(2)(q);", "layer norm, attention, layer norm"},
    {"let (a, h) = scan(r in x, axis = 0; h = zeros([6])) { let z = softmax(r + h); yield z; next h = z; };"
     "return a;",
     "softmax"},
};
enum { N_CASES = sizeof cases / sizeof *cases };

static Arena *arena;

static const char *found_in(const char *body) {
  SourceMap *sources = source_map_new(arena);
  Intern *names = intern_new(arena);
  Diags *diags = diags_new(arena, sources);
  const char *text = arena_printf(
      arena,
      "layer Use()(x: [4, 6], u: [4, 6], s: [6, 6], y: i32[4], i: [2, 6, 3, 3], q: [2, 5, 8], k: [2, 5, 8],\n"
      "            v: [2, 5, 8], m: mask[5, 5], b: [5, 5]) { %s }\n"
      "model use = Use();\n"
      "export fn f(x: [4, 6], u: [4, 6], s: [6, 6], y: i32[4], i: [2, 6, 3, 3], q: [2, 5, 8], k: [2, 5, 8],\n"
      "            v: [2, 5, 8], m: mask[5, 5], b: [5, 5]) = use(x, u, s, y, i, q, k, v, m, b);\n",
      body);
  const File **std = library_files(sources, names, diags, arena);
  const File *user =
      parse_source(source_add(sources, "m.nn", text, strlen(text), false), sources, names, diags, arena);
  Program *p =
      elaborate(user, std, embedded_std.n, sources, names, &(ElaborateOptions){.real = DT_F32}, diags, arena);
  StrBuf said = {0};
  diags_print_text(diags, &said, false);
  ck_assert_msg(p != NULL, "%s\n%s", body, sb_text(&said));
  strbuf_free(&said);
  const char *all = "";
  for (uint32_t i = 0; i < p->n_fns; i++) {
    if (p->fns[i].kind != FN_EXPORT) continue;
    uint32_t n;
    const Composite *c = composites_find(p->fns[i].g, arena, &n);
    for (uint32_t k = 0; k < n; k++)
      all = arena_printf(arena, "%s%s%s", all, *all ? ", " : "", composite_words(c[k].kind));
  }
  return all;
}

START_TEST(what_is_found) {
  arena = arena_new();
  const char *found = found_in(cases[_i].body);
  ck_assert_msg(strcmp(found, cases[_i].finds) == 0, "%s\nfinds `%s`, not `%s`", cases[_i].body, found,
                cases[_i].finds);
  arena_free(arena);
}
END_TEST

int main(void) {
  Suite *s = suite_create("composites");
  TCase *t = tcase_create("composites");
  tcase_add_loop_test(t, what_is_found, 0, N_CASES);
  suite_add_tcase(s, t);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed ? 1 : 0;
}
