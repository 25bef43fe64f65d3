// Emitted C against the interpreter: every operation, type, dynamic size and combination that fuses.
#include "tests/emitted.h"

#include "codegen/fuse.h"
#include "codegen/memplan.h"

#include <check.h>

typedef struct Text {
  const char *name, *graph;
} Text;

enum { BOUND = 40 };

// clang-format off
static const Text real_graphs[] = {
    {"relu_bias", "(max (add x:f32[N,19] b:f32[19]) 0)"},
    {"broadcasts", "(mul (add x:f32[N,1,5] y:f32[7,1]) z:f32)"},
    {"unary_1", "(neg x:f32[N,3]) (exp x) (expm1 x) (tanh x) (sigmoid x) (sin x) (cos x) (abs x) (sign x) (floor x) (round x)"},
    {"unary_2", "(= x (add 1.5 y:f32[N,3])) (log x) (log1p x) (sqrt x) (pow x y)"},
    {"binary", "(sub x:f32[9] y:f32[9]) (div x (add y 3)) (floordiv x y) (mod x y) (max x y) (min x y) (fma x y x)"},
    {"compare", "(cast (eq x:f32[9] y:f32[9]) f32) (lt x y) (and (le x y) (ge x y)) (or (gt x y) (not (ne x y))) (select (lt x y) x y)"},
    {"integers", "(add x:i32[N] y:i32[N]) (mul x 7:i32) (sub x y) (neg x) (abs (sub x y)) (sign (sub x y)) (max x y) (min x y) (select (lt x y) x y) (fma x y x)"},
    {"small_types", "(add x:i8[9] y:i8[9]) (mul u:u8[9] 200:u8) (sub s:i16[9] 30000:i16) (mul l:i64[9] 123456789012:i64) (neg u)"},
    {"wraps", "(mul (add x:i32[5] 2147483647:i32) 3:i32) (add l:i64[5] 9223372036854775807:i64) (abs (add (mul x 0:i32) -2147483648:i32))"},
    {"divisions", "(floordiv (sub x:i32[9] 2:i32) 3:i32) (mod (sub x 2:i32) -3:i32) (mod (sub x 2:i32) 3:i32)"},
    {"casts", "(cast (mul x:f32[9] 1e10) i32) (cast (mul x 300) i8) (cast (mul x 300) u8) (cast x i64) (cast i:i32[9] f32) (cast i u8) (cast (sub i 9:i32) i64) (cast i mask) (cast (lt x 0) i16) (cast (mul x 1e6) i16)"},
    {"nan_casts", "(= z (mul 0 x:f32[3])) (cast (div z z) i32) (max (div z z) x) (cast (div x z) i64)"},
    {"reshapes", "(reshape (exp x:f32[6,4]) [8,3]) (reshape x [24]) (reshape (reshape x [2,3,4]) [6,2,2]) (reshape x [1,6,1,4])"},
    {"dynamic_reshape", "(reshape x:f32[N,6] [N,2,3]) (reshape x [6,N]) (reshape (transpose x [1,0]) [3,2N])"},
    {"transposes", "(transpose (add x:f32[N,3,5] 1) [2,0,1]) (transpose (transpose x [1,0,2]) [1,0,2])"},
    {"slices", "(slice x:f32[N,9] [0,1] [N,3] [1,3]) (reverse x [0,1]) (slice (reverse x [1]) [N-1,2] [1,5] [1,1])"},
    {"pads", "(pad x:f32[N,4] [1,2] [0,1] [0,2] 0.5) (pad x [0,-1] [2,-1] [0,0] 9) (pad (exp x) [0,0] [0,0] [0,1] 0)"},
    {"concats", "(concat x:f32[N,4] (exp x) y:f32[N,1] 1) (concat x y:f32[N,1] x 1)"},
    {"concat_rows", "(concat x:f32[N,4] c:f32[3,4] 0)"},
    {"broadcast_to", "(broadcast x:f32[1,3] [N,3]) (mul (broadcast y:f32[3] [4,3]) 2)"},
    {"iotas", "(iota f32[N,4] 0) (iota i32[4] 0) (add (iota f32[N,N] 1) (iota f32[N,N] 0)) (iota u8[3,300] 1)"},
    {"constants", "(add x:f32[2,3] (const f32[2,3] 1 2.5 -3 4e-9 5e20 6)) (const i32[2] 7 -8) 3:f32[N]"},
    {"sums", "(sum x:f32[N,37] [1]) (sum x [0]) (sum x [0,1]) (sum (mul x x) [1])"},
    {"sums_3", "(sum x:f32[N,4,21] [1]) (sum x [0,2]) (sum x [0,1]) (sum x [2]) (sum x [])"},
    {"static_sums", "(sum x:f32[32,48] [1]) (sum x [0]) (sum x [0,1]) (rmax x [0])"},
    {"maxima", "(rmax x:f32[N,37] [1]) (rmin x [0]) (argmax x 1) (argmin x 0) (argmax x 0)"},
    {"integer_sums", "(sum x:i8[N,37] [1]) (sum u:u8[N,300] [0]) (sum l:i64[5] [0]) (rmax x [1]) (rmin u [0]) (argmax x 1)"},
    {"softmax", "(= m (rmax x:f32[N,10] [1])) (= e (exp (sub x (reshape m [N,1])))) (= s (reshape (sum e [1]) [N,1])) (div e s) (sum (mul e e) [0])"},
    {"layer_norm", "(= m (div (reshape (sum x:f32[N,24] [1]) [N,1]) 24)) (= d (sub x m)) (= v (div (reshape (sum (mul d d) [1]) [N,1]) 24)) (mul (div d (sqrt (add v 1e-5))) g:f32[24])"},
    {"batch_norm", "(= m (div (sum x:f32[N,24] [0]) (batch))) (= d (sub x m)) (= v (div (sum (mul d d) [0]) (batch))) (div d (sqrt (add v 1e-5))) m v"},
    {"gathers", "(gather w:f32[4,5] i:i32[N] 0 0) (gather w i 1 0) (gather w j:i32[4] 1 1) (gather (exp w) k:i32[2,3] 0 0)"},
    {"pick", "(gather x:f32[N,10] y:i32[N] 1 1) (scatter_add 0:f32[N,10] y (exp (gather x y 1 1)) 1 1)"},
    {"scatters", "(scatter_add w:f32[4,5] i:i32[N] (mul 2 u:f32[N,5]) 0 0) (scatter_add w j:i32[2,3] v:f32[4,2,3] 1 0)"},
    {"scatter_use", "(= s (scatter_add 0:f32[4,3] i:i32[N] u:f32[N,3] 0 0)) (mul s s) (sum s [0]) (add (sum s []) 1)"},
    {"matmul", "(matmul x:f32[N,70] w:f32[70,33])"},
    {"matmul_bias", "(max (add (matmul x:f32[N,7] w:f32[7,5]) b:f32[5]) 0)"},
    {"matmul_deep", "(matmul x:f32[3,700] w:f32[700,2])"},
    {"matmul_vector", "(matmul x:f32[N,70] v:f32[70]) (matmul v x2:f32[70,3]) (matmul v v)"},
    {"matmul_transposed", "(matmul (transpose g:f32[N,5] [1,0]) x:f32[N,7]) (matmul g (transpose w:f32[7,5] [1,0]))"},
    {"matmul_batched", "(matmul x:f32[3,N,6] y:f32[3,6,4]) (matmul x (reshape y [3,6,4]))"},
    {"matmul_tokens", "(matmul x:f32[N,9,6] w:f32[6,4])"},
    {"dot_general", "(dot x:f32[N,9,6] y:f32[N,9,4] [] [] [0,1] [0,1]) (dot x x [0] [0] [2] [2]) (dot x x [0,1] [0,1] [2] [2]) (dot x y [] [] [] [])"},
    {"dot_tall", "(matmul x:f32[130,20] y:f32[20,70])"},
    {"dot_square", "(matmul x:f32[N,N] x)"},
    {"dot_inputs", "(matmul (div (cast p:u8[N,20] f32) 255) (exp w:f32[20,3]))"},
    {"dot_two_stores", "(= z (add (matmul x:f32[N,7] w:f32[7,5]) b:f32[5])) (max z 0) (gt z 0) z"},
    {"dot_integers", "(matmul x:i32[5,6] y:i32[6,2]) (matmul u:i8[5,6] (mul v:i8[6,2] 60:i8))"},
    {"attention", "(= s (mul 0.25 (dot q:f32[N,6] k:f32[N,6] [] [] [1] [1]))) (= e (exp (sub s (reshape (rmax s [1]) [N,1])))) (= p (div e (reshape (sum e [1]) [N,1]))) (matmul p v:f32[N,5])"},
    {"draws", "(rand f32[N,5] 77) (randn f32[N,5] 78) (mul x:f32[N,5] (cast (lt (rand f32[N,5] 79) 0.5) f32)) (rand f32[5,N] 80)"},
    {"draw_twice", "(= r (lt (rand f32[N,5] 77) 0.5)) (select r x:f32[N,5] 0) (select r 0 x) (sum (cast r f32) [0])"},
    {"same_result_twice", "(= y (exp x:f32[N])) y y (add y 1) x"},
    {"scalars", "(mul x:f32 y:f32) (add (exp x) (exp y)) (batch)"},
    {"squares", "(add x:f32[N,N] (transpose x [1,0])) (sum (mul x x) [0]) (sum x [0,1])"},
    {"deep", "(= a (tanh (sin x:f32[N,4]))) (= b (add (mul a a) (tanh a))) (= c (sub (mul b b) a)) (mul c (add b (exp c)))"},
    {"mean_accuracy", "(= z x:f32[N,10]) (div (sum (cast (eq (argmax z 1) y:i32[N]) f32) [0]) (batch)) (div (sum (sub (log (sum (exp z) [1])) (gather z y 1 1)) [0]) (batch))"},
    {"minus_one", "(slice x:f32[N,3] [1,0] [N-1,3] [1,1]) (pad (slice x [1,0] [N-1,3] [1,1]) [1,0] [0,0] [0,0] 7)"},
    {"concat_sums", "(= y (concat x:f32[3,4,N] (sin x) 2)) (tanh y) (sum y [2])"},
    {"wide", "(add (mul x:f32[N,1000] 2) 1) (sum x [1])"},
    {"constant_result", "(= z (matmul x:f32[N,7] w:f32[7,5])) (= c 2) z c (mul z c)"},
};
// clang-format on

enum { N_REAL = sizeof real_graphs / sizeof *real_graphs };

static Program *real_program(DType real, Arena *a) {
  Function *fns = ARENA_ARRAY(a, N_REAL, Function);
  for (uint32_t i = 0; i < N_REAL; i++) {

    Graph *g = graph_of_real(real_graphs[i].graph, real, a);
    g->bound = BOUND;
    fns[i] = function_of(g, real_graphs[i].name, FN_EXPORT, a);
  }
  return program_of(fns, N_REAL, NULL, 0, real, a);
}

static void compare_all(DType real, const char *compiler, const char *flags) {
  Arena *a = arena_new();
  Program *p = real_program(real, a);
  Emitted e = compile_text(text_of(p, a), compiler, flags);
  const int64_t sizes[] = {1, 5, 17, BOUND};
  int bad = 0;
  for (uint32_t i = 0; i < N_REAL; i++)
    for (int s = 0; s < 4; s++) bad += !same_as_interpreter(p, &e, i, sizes[s], 1 + (uint64_t)s);
  ck_assert_int_eq(bad, 0);
  release(&e);
  arena_free(a);
}

START_TEST(every_graph_is_what_the_interpreter_says_in_f64) { compare_all(DT_F64, "cc", "-O1"); }
END_TEST
START_TEST(every_graph_is_what_the_interpreter_says_in_f32) { compare_all(DT_F32, "cc", "-O2"); }
END_TEST

// Halves are stored in 16 bits and computed in f32; the interpreter rounds to them in its rounded mode only.
START_TEST(halves_are_stored_in_sixteen_bits_and_computed_in_f32) {
  static const char *const graphs[] = {
      "(add x:f16[9] y:f16[9]) (mul x y) (neg x) (max x y) (cast x f32) (cast (cast x f32) bf16) (cast x "
      "i32)",
      "(sum x:f16[N,37] [1]) (sum x [0]) (rmax x [0]) (argmax x 1)",
      "(matmul x:bf16[5,6] y:bf16[6,2]) (mul x 3:bf16) (lt x 0:bf16) (select (lt x 0:bf16) x 1:bf16)",
      "(const f16[6] 1 0.5 -2 65504 6e-8 1e-5) (const bf16[3] 1 -0.5 1e30) (cast i:i32[5] f16) (cast "
      "z:f64[5] bf16)",
      "(reshape (transpose x:f16[4,6] [1,0]) [3,8]) (cast (gather x i:i32[2] 0 0) f64)",
  };
  enum { N_HALVES = sizeof graphs / sizeof *graphs };
  Arena *a = arena_new();
  Function fns[N_HALVES];
  for (uint32_t i = 0; i < N_HALVES; i++) {
    Graph *g = graph_of(graphs[i], a);
    g->bound = BOUND;
    fns[i] = function_of(g, arena_printf(a, "halves_%u", i), FN_EXPORT, a);
  }
  Program *p = program_of(fns, N_HALVES, NULL, 0, DT_F32, a);
  Emitted e = compile_text(text_of(p, a), "cc", "-O1");
  int bad = 0;
  for (uint32_t i = 0; i < N_HALVES; i++)
    for (uint64_t seed = 1; seed < 4; seed++) bad += !same_as_interpreter(p, &e, i, 20, seed);
  ck_assert_int_eq(bad, 0);
  release(&e);
  arena_free(a);
}
END_TEST

// ---- effects

enum { W, V, COUNT, SLOT_M, SLOT_V, N_STORES };

static const Store *some_stores(DType real, Arena *a) {
  Store *s = ARENA_ARRAY(a, N_STORES, Store);
  const Shape w = {.rank = 2, .d = {{0, 4}, {0, 5}}}, scalar = {0};
  s[W] = (Store){.name = "w", .kind = STORE_PARAM, .dtype = real, .shape = w, .lr_mult = 1, .decay_mult = 1};
  s[V] = (Store){.name = "v", .kind = STORE_STATE, .dtype = real, .shape = w, .lr_mult = 1, .decay_mult = 1};
  s[COUNT] = (Store){.name = "w:opt.count", .kind = STORE_COUNT, .dtype = DT_I32, .shape = scalar};
  s[SLOT_M] = (Store){.name = "w:opt.0", .kind = STORE_SLOT, .dtype = real, .shape = w};
  s[SLOT_V] = (Store){.name = "w:opt.1", .kind = STORE_SLOT, .dtype = real, .shape = w};
  return s;
}

// clang-format off
static const Text effect_graphs[] = {
    {"in_place", "(write 1 0 (add (mul 0.9 (read 1 0 f32[4,5])) x:f32[4,5]))"},
    {"swap", "(write 0 0 (read 1 0 f32[4,5])) (write 1 0 (read 0 0 f32[4,5]))"},
    {"transposed", "(= v (read 1 0 f32[4,5])) (write 1 0 (reshape (transpose v [1,0]) [4,5]))"},
    {"row_sums", "(= v (read 1 0 f32[4,5])) (write 1 0 (sub v (reshape (sum v [0]) [1,5])))"},
    {"old_value_later", "(= v (read 1 0 f32[4,5])) (write 1 0 (mul 2 v)) (matmul x:f32[N,4] v)"},
    {"reads_what_was_written", "(= a (write 1 0 (mul 2 (read 1 0 f32[4,5])))) (= b (read 1 1 f32[4,5] a)) (add b 1) (write 1 1 (add b b))"},
    {"one_value_two_stores", "(= e (exp x:f32[4,5])) (write 0 0 e) (write 1 0 e) e"},
    {"fault_after", "(write 1 0 (mul 2 (read 1 0 f32[4,5]))) (gather (read 0 0 f32[4,5]) (sub k:i32[N] 1:i32) 0 0)"},
    {"computed_fault_after", "(write 1 0 (mul 2 (read 1 0 f32[4,5]))) (gather (read 0 0 f32[4,5]) (sub (argmax (matmul x:f32[N,3] w:f32[3,5]) 1) 1:i32) 0 0)"},
    {"divides_by_zero", "(mod x:i32[9] (sub y:i32[9] 1:i32)) (write 1 0 (mul 2 (read 1 0 f32[4,5])))"},
    {"context", "(write 1 0 (broadcast (mul (batch) 2) [4,5]))"},
};
// clang-format on

enum { N_EFFECTS = sizeof effect_graphs / sizeof *effect_graphs };

// One step of an optimizer on w with gradient x, its learning rate from the step; then a read of the new
// value and, `late`, of the old one.
static Graph *optimizer_graph(Optimizer kind, bool late, DType real, Arena *a) {
  Builder b = {.g = graph_new(a, NULL, 0), .real = real, .path = ""};
  const Store *s = some_stores(real, a);
  OptimizeAttr *o = ARENA_NEW(a, OptimizeAttr);
  static const uint32_t stores[] = {W}, versions[] = {0}, counts[] = {COUNT}, slots[] = {SLOT_M, SLOT_V};
  NodeId in[MAX_HYPERS + 1], w = b_read(&b, W, 0, real, s[W].shape, NO_NODE);
  *o = (OptimizeAttr){
      .kind = kind, .n = 1, .stores = stores, .versions = versions, .counts = counts, .slots = slots};
  NodeId step = b_input(&b, IN_STEP, 0, "step", real, (Shape){0});
  in[0] = b_ew2(&b, OP_DIV, b_scalar(&b, real, 0.5), step);
  static const double hyper[OPTIM_COUNT][MAX_HYPERS] = {[OPTIM_SGD] = {0.9, 0.01, 1.0},
                                                        [OPTIM_ADAM] = {0.9, 0.999, 1e-8, 0.01, 1.0},
                                                        [OPTIM_ADAGRAD] = {1e-10, 0.01, 1.0},
                                                        [OPTIM_ADADELTA] = {0.9, 1e-6, 0.01, 1.0},
                                                        [OPTIM_RMSPROP] = {0.99, 1e-8, 0.9, 0.01, 1.0}};
  o->flags = kind == OPTIM_SGD;
  o->uses_momentum = true;
  for (o->n_hyper = 1; hyper[kind][o->n_hyper - 1] != 0; o->n_hyper++)
    in[o->n_hyper] = b_scalar(&b, real, hyper[kind][o->n_hyper - 1]);
  in[o->n_hyper] = b_ew2(&b, OP_ADD, w, b_input(&b, IN_ARG, 0, "x", real, s[W].shape));
  NodeId roots[3] = {b_optimize(&b, o, in, o->n_hyper + 1)};
  NodeId new_w = b_read(&b, W, 1, real, s[W].shape, roots[0]);
  roots[1] = b_reduce(&b, OP_SUM, new_w, 3);
  roots[2] = late ? b_ew2(&b, OP_SUB, new_w, b_ew1(&b, OP_NEG, w)) : new_w;
  graph_set_roots(b.g, roots, 3);
  return b.g;
}

// An optimizer step, then rows of the new value by indices of the call, some of them outside.
static Graph *late_index_graph(DType real, Arena *a) {
  Graph *g = optimizer_graph(OPTIM_SGD, false, real, a);
  Builder b = {.g = g, .real = real, .path = ""};
  NodeId k = b_input(&b, IN_ARG, 1, "k", DT_I32, (Shape){.rank = 1, .d = {{0, 3}}});
  k = b_ew2(&b, OP_SUB, k, b_scalar(&b, DT_I32, 1));
  NodeId roots[3] = {g->roots[0], b_gather(&b, g->roots[2], k, 0, 0), k};
  graph_set_roots(g, roots, 3);
  return g;
}

static void compare_effects(DType real) {
  Arena *a = arena_new();
  Function fns[N_EFFECTS + 2 * OPTIM_COUNT + 1];
  uint32_t n = 0;
  for (; n < N_EFFECTS; n++) {
    Graph *g = graph_of_real(effect_graphs[n].graph, real, a);
    g->bound = BOUND;
    fns[n] = function_of(g, effect_graphs[n].name, FN_STEP, a);
  }
  for (int late = 0; late < 2; late++) {
    for (Optimizer kind = 0; kind < OPTIM_COUNT; kind++, n++)
      fns[n] =
          function_of(optimizer_graph(kind, late, real, a),
                      arena_printf(a, "%s%s", optimizer_info(kind)->name, late ? "_late" : ""), FN_STEP, a);
  }
  fns[n++] = function_of(late_index_graph(real, a), "late_index", FN_STEP, a);
  Program *p = program_of(fns, n, some_stores(real, a), N_STORES, real, a);
  Emitted e = compile_text(text_of(p, a), "cc", "-O1");
  int bad = 0;
  for (uint32_t i = 0; i < n; i++)
    for (uint64_t seed = 1; seed < 6; seed++) bad += !same_as_interpreter(p, &e, i, 3, seed);
  ck_assert_int_eq(bad, 0);
  release(&e);
  arena_free(a);
}

START_TEST(stores_are_written_as_if_all_reads_came_first_in_f64) { compare_effects(DT_F64); }
END_TEST
START_TEST(stores_are_written_as_if_all_reads_came_first_in_f32) { compare_effects(DT_F32); }
END_TEST

// The only function of a program with this graph, planned.
static FnPlan *plan_of(const char *text, Arena *a) {
  Graph *g = graph_of(text, a);
  g->bound = BOUND;
  Function *f = ARENA_NEW(a, Function);
  *f = function_of(g, "f", FN_EXPORT, a);
  return fuse_function(program_of(f, 1, some_stores(DT_F32, a), N_STORES, DT_F32, a), f, ARENA_ALIGN, a);
}

static bool has_copy(const FnPlan *f) {
  for (size_t i = 0; i < f->steps.len; i++)
    if (f->steps.data[i].kind == STEP_COPY) return true;
  return false;
}

START_TEST(a_store_is_written_in_place_exactly_where_nothing_reads_it_later) {
  static const bool copies[N_EFFECTS] = {[1] = true, [2] = true, [4] = true, [6] = true, [8] = true};
  Arena *a = arena_new();
  for (uint32_t i = 0; i < N_EFFECTS; i++) {
    bool copy = has_copy(plan_of(effect_graphs[i].graph, a));
    ck_assert_msg(copy == copies[i], "%s: %s", effect_graphs[i].name, copy ? "copies" : "writes in place");
  }
  arena_free(a);
}
END_TEST

// ---- memory

START_TEST(the_verifier_finds_a_planted_overlap) {
  Arena *a = arena_new();
  FnPlan *f = plan_of(
      "(= y (matmul x:f32[N,7] w:f32[7,5])) (= z (matmul y v:f32[5,6])) (matmul (exp z) (exp v2:f32[6,3]))",
      a);
  Sched *s = schedule_function(f, a);
  uint64_t stores[N_STORES], base = memplan_stores(f->program, ARENA_ALIGN, stores),
                             end = memplan_scratch(f, s, stores, base);
  ck_assert_ptr_null(memverify(f, s, base, end, a));
  uint64_t highest = 0;
  Buffer *moved = NULL;
  for (size_t i = 0; i < f->buffers.len; i++)
    if (f->buffers.data[i].kind == BUF_SCRATCH && f->buffers.data[i].offset > highest)
      highest = (moved = &f->buffers.data[i])->offset;
  ck_assert_ptr_nonnull(moved);
  moved->offset = base;
  ck_assert_ptr_nonnull(strstr(memverify(f, s, base, end, a), "overlap"));
  moved->offset = end;
  ck_assert_ptr_nonnull(strstr(memverify(f, s, base, end, a), "leaves"));
  moved->offset = base + 4;
  ck_assert_ptr_nonnull(strstr(memverify(f, s, base, end, a), "aligned"));
  arena_free(a);
}
END_TEST

// y dies in the kernel of z: in place where each element is read before it is written and by nothing else.
START_TEST(the_verifier_tells_a_buffer_taken_over_from_one_still_read) {
  static const struct {
    const char *graph;
    bool fits;
  } cases[] = {
      {"(= y (matmul x:f32[5,7] w:f32[7,5])) (= z (mul y (sin y))) (matmul z z)", true},
      {"(= y (matmul x:f32[5,7] w:f32[7,5])) (= z (mul y (transpose y [1,0]))) (matmul z z)", false},
      {"(= y (matmul x:f32[5,7] w:f32[7,5])) (= z (mul y (reverse y [0]))) (matmul z z)", false},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    Arena *a = arena_new();
    FnPlan *f = plan_of(cases[i].graph, a);
    Sched *s = schedule_function(f, a);
    uint64_t stores[N_STORES], base = memplan_stores(f->program, ARENA_ALIGN, stores),
                               end = memplan_scratch(f, s, stores, base);
    ck_assert_ptr_null(memverify(f, s, base, end, a));
    for (size_t b = 0; b < f->buffers.len; b++) // all of them are of one size
      if (f->buffers.data[b].kind == BUF_SCRATCH) f->buffers.data[b].offset = base;
    ck_assert_msg((memverify(f, s, base, end, a) == NULL) == cases[i].fits, "%s", cases[i].graph);
    arena_free(a);
  }
}
END_TEST

// ---- text

static uint32_t count_of(const char *text, const char *what) {
  uint32_t n = 0;
  for (const char *p = text; (p = strstr(p, what)); p++) n++;
  return n;
}

static const char *text_of_graph(const char *graph, Arena *a) {
  Graph *g = graph_of(graph, a);
  g->bound = BOUND;
  Function *f = ARENA_NEW(a, Function);
  *f = function_of(g, "f", FN_EXPORT, a);
  return text_of(program_of(f, 1, NULL, 0, DT_F32, a), a);
}

START_TEST(kernels_of_one_form_are_one_function) {
  Arena *a = arena_new();
  const char *text =
      text_of_graph("(= y (max (mul 0.5 (matmul x:f32[N,7] w:f32[7,7])) 0)) "
                    "(= z (max (mul 0.25 (matmul y v:f32[7,7])) 0)) (max (mul 0.125 (matmul z v)) 0)",
                    a);
  ck_assert_uint_eq(count_of(text, "static void k"), 1);
  ck_assert_uint_eq(count_of(text, "nn_run(c, k0_dot"), 3);
  ck_assert_uint_eq(count_of(text, "float c0;"), 1); // the factor; the 0 they agree on is a literal
  arena_free(a);
}
END_TEST

START_TEST(the_text_is_the_same_each_time) {
  Arena *a = arena_new();
  const char *one = text_of(real_program(DT_F32, a), a), *two = text_of(real_program(DT_F32, a), a);
  ck_assert_str_eq(one, two);
  arena_free(a);
}
END_TEST

START_TEST(names_and_strings_of_a_model_cannot_become_code) {
  Arena *a = arena_new();
  Graph *g = graph_of("(add x:f32[3] 1)", a);
  for (NodeId v = 0; v < g->len; v++) graph_change(g, v)->path = "net */ int evil; /* \\\n ?\?/ \xff";
  Function f = function_of(g, "f\"); abort(); //", FN_EXPORT, a);
  FnInput input = {"x*/ \n%s%n\"", DT_F32, *graph_node(g, 0)->shape, {0}};
  f.inputs = &input;
  Program *p = program_of(&f, 1, NULL, 0, DT_F32, a);
  p->name = "a */ #error ?\?/ \"\\";
  Emitted e = compile_text(text_of(p, a), "cc", "-O0");
  ck_assert_str_eq(e.model->name, p->name);
  ck_assert_str_eq(e.model->fns[0].name, f.name);
  ck_assert_str_eq(e.model->fns[0].in[0].name, input.name);
  release(&e);
  arena_free(a);
}
END_TEST

START_TEST(clang_accepts_the_text_too) {
  if (system("clang --version >/dev/null 2>&1") != 0) {
    printf("SKIP clang: it is not installed\n");
    return;
  }
  compare_all(DT_F32, "clang", "-O1");
}
END_TEST

// ---- fusion

static size_t steps_of(const char *graph, Arena *a) { return plan_of(graph, a)->steps.len; }

START_TEST(fusion_makes_as_few_kernels_as_the_shapes_allow) {
  static const struct {
    const char *graph;
    size_t steps;
  } cases[] = {
      {"(max (add (matmul x:f32[N,7] w:f32[7,5]) b:f32[5]) 0)", 1}, // bias and activation are an epilogue
      {"(= m (rmax x:f32[N,10] [1])) (= e (exp (sub x (reshape m [N,1])))) (div e (reshape (sum e [1]) "
       "[N,1]))",
       1},
      {"(div (sum (exp x:f32[N,10]) []) 3)", 1},
      {"(sum (mul x:f32[N,40] x) [0]) (sum x [0])", 1}, // two sums over one array
      {"(matmul (exp x:f32[N,7]) w:f32[7,5])", 2},      // operands of a product are loads
      {"(sum (sum (exp x:f32[N,7]) [1]) [0])", 2},      // rows stay parallel
      {"(add (reshape (transpose x:f32[4,6] [1,0]) [3,8]) 1)", 1},
      {"(mul (add (matmul x:f32[N,7] w:f32[7,5]) b:f32[5]) (cast (lt (rand f32[N,5] 7) 0.5) f32))", 1},
  };
  Arena *a = arena_new();
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    size_t have = steps_of(cases[i].graph, a);
    ck_assert_msg(have == cases[i].steps, "%s: %zu steps", cases[i].graph, have);
  }
  arena_free(a);
}
END_TEST

int main(void) {
  Suite *s = suite_create("codegen");
  TCase *t = tcase_create("emitted C");
  tcase_set_timeout(t, 300);
  tcase_add_test(t, every_graph_is_what_the_interpreter_says_in_f64);
  tcase_add_test(t, every_graph_is_what_the_interpreter_says_in_f32);
  tcase_add_test(t, halves_are_stored_in_sixteen_bits_and_computed_in_f32);
  tcase_add_test(t, clang_accepts_the_text_too);
  tcase_add_test(t, stores_are_written_as_if_all_reads_came_first_in_f64);
  tcase_add_test(t, stores_are_written_as_if_all_reads_came_first_in_f32);
  tcase_add_test(t, a_store_is_written_in_place_exactly_where_nothing_reads_it_later);
  tcase_add_test(t, the_verifier_finds_a_planted_overlap);
  tcase_add_test(t, the_verifier_tells_a_buffer_taken_over_from_one_still_read);
  tcase_add_test(t, kernels_of_one_form_are_one_function);
  tcase_add_test(t, the_text_is_the_same_each_time);
  tcase_add_test(t, names_and_strings_of_a_model_cannot_become_code);
  tcase_add_test(t, fusion_makes_as_few_kernels_as_the_shapes_allow);
  suite_add_tcase(s, t);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed != 0;
}
