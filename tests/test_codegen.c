// Emitted C against the interpreter: every operation, type, dynamic size and combination that fuses.
#include "tests/emitted.h"

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
    {"wide", "(add (mul x:f32[N,1000] 2) 1) (sum x [1])"},
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

int main(void) {
  Suite *s = suite_create("codegen");
  TCase *t = tcase_create("emitted C");
  tcase_set_timeout(t, 300);
  tcase_add_test(t, every_graph_is_what_the_interpreter_says_in_f64);
  tcase_add_test(t, every_graph_is_what_the_interpreter_says_in_f32);
  suite_add_tcase(s, t);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed != 0;
}
