// Checkpoints of a model written by hand: a run goes on from each as if it had never stopped; whatever is
// wrong with a file is said, and the one before it used.
#define _POSIX_C_SOURCE 200809L
#include "host_program.h"

#include <signal.h>
#include <sys/stat.h>

#include "host_bytes.h"
#include "host_checkpoint.h"

static nn_train train;
static nn_plan_item item;
static nn_model model;

static void open_folder(void) {
  host_folder_open();
  model = host_checkpoint_model(&train, &item);
}

static nn_bytes file_bytes(const char *path) {
  nn_bytes b;
  nn_err e = {0};
  ck_assert_msg(nn_read_file(path, &b, &e) == 0, "%s", e.text.s);
  return b;
}

static void same_files(const char *a, const char *b) {
  nn_bytes x = file_bytes(a), y = file_bytes(b);
  ck_assert_uint_eq(x.n, y.n);
  ck_assert_mem_eq(x.p, y.p, x.n);
  free(x.p);
  free(y.p);
}

// ---- a signal after a step, or in an eval

static int calls, stop_at, stop_in; // stop_in: the function, 1 a step, 2 an eval

static void count_call(int function) {
  if (function == stop_in && ++calls == stop_at) raise(SIGTERM);
}
static int stepping(nn_ctx *c, size_t n, void *const *args) { return count_call(1), host_step(c, n, args); }
static int evaluating(nn_ctx *c, size_t n, void *const *args) { return count_call(2), host_eval(c, n, args); }

static HostResult run(int function, int at, const char *words, int ahead) {
  nn_function fns[7];
  nn_model m = model;
  HostBackend b = {.m = &m};
  memcpy(fns, host_fns, sizeof fns);
  fns[1].fn = stepping;
  fns[2].fn = evaluating;
  m.fns = fns;
  calls = 0;
  stop_in = function;
  stop_at = at;
  if (ahead) m.backend = &host_backend, m.call_user = &b;
  return host_run_to(&m, words, NULL);
}

// Stops at each call of the function, goes on, and compares what was told and what is left with the whole
// run.
static void stops_and_goes_on(int function, int last, int ahead, const char *json) {
  static HostResult whole, before, after;
  char words[64];
  snprintf(words, sizeof words, "train%s --save whole", json);
  whole = run(0, 0, words, ahead);
  ck_assert_int_eq(whole.code, 0);
  for (int at = 1; at <= last; at++) {
    ck_assert_int_eq(system("rm -f line.ckpt*"), 0);
    snprintf(words, sizeof words, "train%s", json);
    before = run(function, at, words, ahead);
    ck_assert_msg(before.code == 143, "%s", before.err);
    snprintf(words, sizeof words, "train%s --resume --save resumed", json);
    after = run(0, 0, words, ahead);
    ck_assert_msg(after.code == 0, "%s", after.err);
    same_files("whole", "resumed");
    if (!*json) continue; // with times
    ck_assert_uint_lt(strlen(before.out), strlen(whole.out));
    strcat(before.out, after.out);
    ck_assert_str_eq(before.out, whole.out);
  }
}

START_TEST(a_run_goes_on_after_every_step) {
  for (int ahead = 0; ahead < 2; ahead++) stops_and_goes_on(1, 9, ahead, " --json");
}
END_TEST

START_TEST(a_run_goes_on_in_the_middle_of_an_eval) {
  for (int ahead = 0; ahead < 2; ahead++) stops_and_goes_on(2, 8, ahead, " --json");
}
END_TEST

// The line of an epoch that was begun is told whole by the run that goes on.
START_TEST(a_line_is_kept_with_the_rest) {
  HostResult r = run(2, 2, "train", 0);
  ck_assert_int_eq(r.code, 143);
  ck_assert_ptr_null(strstr(r.out, "epoch 2/3"));
  r = run(0, 0, "train --resume", 0);
  ck_assert_ptr_nonnull(strstr(r.out, "fit  epoch 2/3  step 6  loss"));
  ck_assert_ptr_nonnull(strstr(r.out, "|  eval points:"));
  stops_and_goes_on(2, 3, 0, "");
}
END_TEST

// An eval on its own, patience, and steps that end early.
START_TEST(every_kind_of_item_goes_on) {
  static nn_plan_item items[3];
  static nn_loop patient;
  patient = host_loop;
  patient.epochs = 4;
  patient.patience = 3;
  patient.watch = "err";
  items[0] = (nn_plan_item){.kind = NN_PLAN_EVAL, .since = 0, .eval = &host_evals[0]};
  items[1] = (nn_plan_item){.kind = NN_PLAN_LOOP, .since = 0, .loop = &patient};
  items[2] = (nn_plan_item){.kind = NN_PLAN_LOOP, .since = 2, .phase = "next", .loop = &host_loop};
  train.items = items;
  train.n_items = 3;
  stops_and_goes_on(1, 20, 0, " --json");
  stops_and_goes_on(2, 14, 0, " --json");
  stops_and_goes_on(1, 9, 0, " --json --steps 5");
}
END_TEST

static int insisting(nn_ctx *c, size_t n, void *const *args) {
  if (++calls == 2) raise(SIGTERM), raise(SIGINT);
  return host_step(c, n, args);
}

START_TEST(a_second_signal_ends_it_at_once) {
  nn_function fns[7];
  nn_model m = model;
  memcpy(fns, host_fns, sizeof fns);
  fns[1].fn = insisting;
  m.fns = fns;
  HostResult r = host_run_to(&m, "train --quiet", NULL);
  ck_assert_int_eq(r.code, 130);
  ck_assert_str_eq(r.err, "");
  ck_assert_int_ne(access("line.ckpt", F_OK), 0);
}
END_TEST

START_TEST(two_generations_are_kept_and_the_steps_counted) {
  HostResult r = host_run_to(&model, "train --quiet --checkpoint-every 4 --out a/b", NULL);
  ck_assert_int_eq(r.code, 0);
  nn_bytes b = file_bytes("a/b/line.ckpt");
  ck_assert_mem_eq(b.p, "nnc checkpoint 1", 16);
  free(b.p);
  free(file_bytes("a/b/line.ckpt.old").p);
  ck_assert_int_eq(system("[ $(ls -A a/b | wc -l) = 2 ]"), 0);
  // The newest is of step 8: of 9 steps one is told.
  r = host_run_to(&model, "train --json --resume --out a/b", NULL);
  ck_assert_int_eq(r.code, 0);
  ck_assert_ptr_nonnull(strstr(r.out, "\"step\":9"));
  ck_assert_ptr_null(
      strstr(r.out, "\"event\":\"step\",\"train\":\"fit\",\"phase\":null,\"epoch\":3,\"step\":8"));
}
END_TEST

// ---- damage

static void change(const char *path, long at) {
  FILE *f = fopen(path, "r+b");
  ck_assert_ptr_nonnull(f);
  fseek(f, at, SEEK_SET);
  int c = fgetc(f);
  fseek(f, at, SEEK_SET);
  fputc(c ^ 0x40, f);
  fclose(f);
}

START_TEST(the_one_before_takes_the_place_of_a_damaged_one) {
  ck_assert_int_eq(host_run_to(&model, "train --quiet --checkpoint-every 3 --save whole", NULL).code, 0);
  change("line.ckpt", 100);
  HostResult r = host_run_to(&model, "train --json --resume --save resumed --checkpoint-every 2", NULL);
  ck_assert_int_eq(r.code, 0);
  ck_assert_ptr_nonnull(strstr(r.err, "warning: line.ckpt: is damaged: its checksum"));
  ck_assert_ptr_nonnull(strstr(r.err, "the one before it is used: line.ckpt.old"));
  ck_assert_ptr_nonnull(strstr(r.out, "\"step\":7,"));
  ck_assert_int_eq(strncmp(r.out, "{\"event\":\"epoch\"", 16), 0);
  same_files("whole", "resumed");
  // A damaged file never becomes the older one.
  r = host_run_to(&model, "train --json --resume --save resumed", NULL);
  ck_assert_str_eq(r.err, "");
  unlink("line.ckpt");
  ck_assert_int_eq(host_run_to(&model, "train --json --resume --save resumed", NULL).code, 0);
  same_files("whole", "resumed");
}
END_TEST

START_TEST(without_a_good_one_nothing_is_trained) {
  host_fails(&model, "train --resume", 3, "there is no checkpoint line.ckpt");
  host_fails(&model, "train --resume --out nowhere", 3, "there is no checkpoint nowhere/line.ckpt");
  ck_assert_int_eq(access("nowhere", F_OK), -1);
  host_write("line.ckpt", "nnc", 3);
  host_fails(&model, "train --resume", 1, "line.ckpt: is no checkpoint: it doesn't begin with");
  host_write("line.ckpt.old", "nnc checkpoint 1", 16);
  host_fails(&model, "train --resume", 1,
             "nor is the one before it whole: line.ckpt.old: is damaged: its length is wrong");
  unlink("line.ckpt");
  ck_assert_int_eq(mkdir("line.ckpt", 0777), 0);
  unlink("line.ckpt.old");
  host_fails(&model, "train --resume", 3, "is a directory");
}
END_TEST

static int parse(nn_bytes *b, nn_err *e) {
  host_checkpoint_run(b, e);
  if (e->code == NN_EXIT_DIVERGED) nn_err_free(e); // of changed weights
  return e->code;
}

static int parse_damaged(nn_bytes *b, nn_err *e) {
  if (!parse(b, e)) ck_abort_msg("damage went unnoticed");
  return e->code;
}

// Behind the checksum, which only a forger passes: nothing that is read is believed.
static void forge(const nn_bytes *whole) {
  for (size_t i = 16; i < whole->n - 16; i++)
    for (int bit = 0; bit < 8; bit++) {
      nn_bytes b = host_bytes(whole->p, whole->n);
      nn_err e = {0};
      b.p[i] ^= (unsigned char)(1 << bit);
      host_checkpoint_seal(b.p, b.n);
      if (parse(&b, &e)) ck_assert_msg(e.code == 1 && !strncmp(e.text.s, "file:", 5), "%s", e.text.s);
      nn_err_free(&e);
    }
  for (size_t cut = 32; cut < whole->n; cut += 8) {
    nn_bytes b = host_bytes(whole->p, cut);
    nn_err e = {0};
    host_checkpoint_seal(b.p, b.n);
    ck_assert_int_eq(parse(&b, &e), 1);
    nn_err_free(&e);
  }
}

START_TEST(no_damage_goes_unnoticed_or_does_harm) {
  for (int function = 1; function <= 2; function++) { // in a step, in an eval
    ck_assert_int_eq(run(function, 5, "train --quiet", 0).code, 143);
    nn_bytes b = file_bytes("line.ckpt");
    host_damage(b.p, b.n, parse_damaged);
    forge(&b);
    nn_err e = {0};
    ck_assert_msg(parse(&b, &e) == 0, "%s", e.text.s);
  }
}
END_TEST

// ---- another run

START_TEST(a_run_with_other_settings_or_data_says_both) {
  ck_assert_int_eq(
      host_run_to(&model, "train --quiet --checkpoint-every 4 --seed 5 --set lr=0.05", NULL).code, 0);
  ck_assert_int_eq(host_run(&model, "train --quiet --resume").code, 0);
  ck_assert_int_eq(host_run(&model, "train fit --quiet --resume --seed 5 --set lr=0.05").code, 0);
  host_fails(&model, "train --resume --seed 6", 1, "line.ckpt: was made with --seed 5, here it is 6");
  host_fails(&model, "train --resume --epochs 6", 1, "was made with --epochs 0, here it is 6");
  host_fails(&model, "train --resume --steps 6", 1, "was made with --steps 0, here it is 6");
  host_fails(&model, "train --resume --no-shuffle", 1, "was made without --no-shuffle");
  host_fails(&model, "train --resume --set lr=0.2", 1, "was made with --set lr=0.05, here it is 0.2");
  host_fails(&model, "train --resume --set rl=0.2", 2, "no option `rl`");
  static nn_source rows;
  static nn_data data;
  rows = host_sources[0];
  rows.n_rows = 8;
  data = host_data[0];
  data.sources = &rows;
  model.data = &data;
  host_fails(&model, "train --resume", 1, "data `points` has 8 examples now, it had 10 when");
}
END_TEST

START_TEST(a_block_of_its_own_is_another_run) {
  static nn_train two[2];
  two[0] = two[1] = train;
  two[1].name = "more";
  model.trains = two;
  model.n_trains = 2;
  ck_assert_int_eq(host_run_to(&model, "train more --quiet --checkpoint-every 4", NULL).code, 0);
  host_fails(&model, "train --resume", 1, "is of train more, here it is all train blocks");
  host_fails(&model, "train fit --resume", 1, "is of train more, here it is train fit");
  ck_assert_int_eq(host_run(&model, "train more --quiet --resume").code, 0);
  stops_and_goes_on(1, 18, 0, " --json");
}
END_TEST

START_TEST(another_model_says_what_differs) {
  static nn_store stores[4];
  static const nn_part parts[] = {{"function `fit_step`", 0x1235}, {"train `fit`", 1}};
  ck_assert_int_eq(host_run_to(&model, "train --quiet --checkpoint-every 4", NULL).code, 0);
  memcpy(stores, host_stores, sizeof host_stores);
  stores[0].rank = 0;
  stores[0].count = 1;
  stores[1].name = "net.c";
  stores[2].kind = NN_STATE;
  model.stores = stores;
  model.parts = parts;
  static const char *const says[] = {
      "line.ckpt: is a checkpoint of another model: 7 differences",
      "function `fit_step` is not the same",
      "data `points` is in the checkpoint only",
      "train `fit` is in the model only",
      "`net.W` is f32[2] in the checkpoint, f32[] in the model",
      "`net.b` is in the checkpoint only",
      "`net.c` is in the model only",
      "`hits` is f32[] in the checkpoint, f32[] in the model, where it is of another kind"};
  for (size_t i = 0; i < sizeof says / sizeof *says; i++) host_fails(&model, "train --resume", 1, says[i]);
}
END_TEST

// ---- what diverged

static int diverging(nn_ctx *c, size_t n, void *const *args) {
  int code = host_step(c, n, args);
  if (++calls >= 4) host_f32(c, 0)[1] = NAN;
  return code;
}

START_TEST(nothing_is_written_once_a_number_is_not_finite) {
  nn_function fns[7];
  nn_model m = model;
  memcpy(fns, host_fns, sizeof fns);
  fns[1].fn = diverging;
  m.fns = fns;
  calls = 0;
  // The weights are lost in step 4, the loss of step 5 shows it; the checkpoint is of step 3.
  HostResult r = host_run_to(&m, "train --quiet --checkpoint-every 1", NULL);
  ck_assert_int_eq(r.code, 4);
  ck_assert_ptr_nonnull(strstr(r.err, "training diverged"));
  r = host_run_to(&model, "train --json --resume", NULL);
  ck_assert_int_eq(r.code, 0);
  ck_assert_ptr_nonnull(strstr(r.out, "\"step\":4,"));
}
END_TEST

int main(void) {
  Suite *s = suite_create("checkpoints");
  TCase *t = tcase_create("all");
  tcase_set_timeout(t, 240);
  tcase_add_checked_fixture(t, open_folder, host_folder_close);
  tcase_add_test(t, a_run_goes_on_after_every_step);
  tcase_add_test(t, a_run_goes_on_in_the_middle_of_an_eval);
  tcase_add_test(t, a_line_is_kept_with_the_rest);
  tcase_add_test(t, every_kind_of_item_goes_on);
  tcase_add_test(t, a_second_signal_ends_it_at_once);
  tcase_add_test(t, two_generations_are_kept_and_the_steps_counted);
  tcase_add_test(t, the_one_before_takes_the_place_of_a_damaged_one);
  tcase_add_test(t, without_a_good_one_nothing_is_trained);
  tcase_add_test(t, no_damage_goes_unnoticed_or_does_harm);
  tcase_add_test(t, a_run_with_other_settings_or_data_says_both);
  tcase_add_test(t, a_block_of_its_own_is_another_run);
  tcase_add_test(t, another_model_says_what_differs);
  tcase_add_test(t, nothing_is_written_once_a_number_is_not_finite);
  suite_add_tcase(s, t);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed != 0;
}
