// A whole program around a model written by hand: what it computes, logs, writes, and how it fails. (Long: a
// case for each item of a plan and each mistake, all around that one model.)
#define _POSIX_C_SOURCE 200809L
#include "host_program.h"

#include <signal.h>
#include <sys/stat.h>

#include "host_model.h"
#include "nn_dataset.h"
#include "nn_read.h"
#include "nn_safetensors.h"

static nn_bytes file_bytes(const char *path) {
  nn_bytes b;
  nn_err e = {0};
  ck_assert_msg(nn_read_file(path, &b, &e) == 0, "%s", e.text.s);
  return b;
}

static int exists(const char *path) { return access(path, F_OK) == 0; }

// Nothing else is in the folder: neither a temporary nor half a file.
static void folder_holds(const char *names) {
  HostResult r;
  ck_assert_int_eq(system("ls -A > ../ls.$$; mv ../ls.$$ .out"), 0);
  host_take(".out", r.out, sizeof r.out);
  ck_assert_str_eq(r.out, names);
}

// ---- what is computed

START_TEST(shuffling_is_the_permutation_of_the_language) {
  // Literals from tests/reference/permutation.py.
  static const struct {
    uint64_t seed;
    uint32_t epoch;
    const char *name;
    uint32_t order[10];
  } rows[] = {
      {0x7, 0x0, "points", {7, 6, 1, 0, 2, 5, 9, 3, 4, 8}},
      {0x7, 0x1, "points", {5, 9, 0, 1, 6, 4, 3, 7, 2, 8}},
      {0x123456789abcdef0, 0x3, "mnist", {8, 5, 9, 1, 3, 4, 7, 0, 6, 2}},
      {0x4, 0xffffffff, "points", {5, 4, 8, 1, 9, 6, 2, 7, 0, 3}},
  };
  for (size_t i = 0; i < 4; i++) {
    uint32_t order[10];
    nn_permutation(rows[i].seed, rows[i].epoch, rows[i].name, order, 10);
    ck_assert_mem_eq(order, rows[i].order, sizeof order);
  }
}
END_TEST

// The training of host_model done here, plainly: batches of 4, 4, 2 of the shuffled points, three epochs.
static void expected_lines(char *into, size_t room) {
  static const uint32_t order[3][10] = {{7, 6, 1, 0, 2, 5, 9, 3, 4, 8}, {5, 9, 0, 1, 6, 4, 3, 7, 2, 8}};
  uint32_t third[10];
  unsigned char arena[16] = {0};
  nn_ctx c = {.arena = arena, .seed = 7, .options = (const double[]){0.1}};
  size_t at = 0;
  nn_permutation(7, 2, "points", third, 10);
  host_init(&c, 1, NULL);
  for (int epoch = 0, step = 0; epoch < 3; epoch++) {
    double sums[2] = {0, 0};
    for (uint32_t first = 0; first < 10; first += 4) {
      size_t n = first + 4 <= 10 ? 4 : 10 - first;
      float x[8], y[4], loss, size;
      for (size_t i = 0; i < n; i++) {
        const double *row = host_rows + 2 * (epoch < 2 ? order[epoch] : third)[first + i];
        x[2 * i] = (float)row[0];
        x[2 * i + 1] = (float)row[1];
        y[i] = (float)(row[0] + 2 * row[1] + 3);
      }
      host_step(&c, n, (void *const[]){x, y, &loss, &size});
      sums[0] += (double)n * loss;
      sums[1] += (double)n * size;
      at += (size_t)snprintf(
          into + at, room - at,
          "{\"event\":\"step\",\"train\":\"fit\",\"phase\":null,\"epoch\":%d,\"step\":%d,\"loss\":%.9g,"
          "\"size\":%.9g}\n",
          epoch + 1, ++step, loss, size);
    }
    at += (size_t)snprintf(
        into + at, room - at,
        "{\"event\":\"epoch\",\"train\":\"fit\",\"phase\":null,\"epoch\":%d,\"step\":%d,\"loss\":%.9g,"
        "\"size\":%.9g}\n",
        epoch + 1, step, sums[0] / 10, sums[1] / 10);
    if (epoch == 0) continue; // every 2, and the last
    double err = 0;
    for (uint32_t first = 0; first < 10; first += 3) { // never shuffled
      size_t n = first + 3 <= 10 ? 3 : 1;
      float x[6], y[3], e;
      for (size_t i = 0; i < 2 * n; i++) x[i] = (float)host_rows[2 * first + i];
      for (size_t i = 0; i < n; i++) y[i] = x[2 * i] + 2 * x[2 * i + 1] + 3;
      host_eval(&c, n, (void *const[]){x, y, &e});
      err += (double)n * e;
    }
    at += (size_t)snprintf(
        into + at, room - at,
        "{\"event\":\"eval\",\"train\":\"fit\",\"phase\":null,\"eval\":\"points\",\"epoch\":%d,\"step\":%d,"
        "\"err\":%.9g,\"seen\":10}\n",
        epoch + 1, step, err / 10);
  }
  snprintf(into + at, room - at,
           "{\"event\":\"done\",\"train\":\"fit\",\"phase\":null,\"epoch\":3,\"step\":9}\n");
}

START_TEST(a_loop_shuffles_batches_averages_and_evaluates) {
  static char want[32768];
  HostResult r = host_run(&host_model, "train --json");
  expected_lines(want, sizeof want);
  ck_assert_int_eq(r.code, 0);
  ck_assert_str_eq(r.out, want);
  ck_assert_str_eq(r.err, "");
  folder_holds("net.safetensors\n");
}
END_TEST

START_TEST(the_same_seed_gives_the_same_file_and_another_one_does_not) {
  ck_assert_int_eq(host_run(&host_model, "train --quiet --save a").code, 0);
  ck_assert_int_eq(host_run(&host_model, "train --quiet --save=b --seed 7").code, 0);
  ck_assert_int_eq(host_run(&host_model, "train --quiet --save c --seed=8").code, 0);
  ck_assert_int_eq(host_run(&host_model, "train --quiet --save d --no-shuffle").code, 0);
  nn_bytes a = file_bytes("a"), b = file_bytes("b"), c = file_bytes("c"), d = file_bytes("d");
  ck_assert(a.n == b.n && !memcmp(a.p, b.p, a.n));
  ck_assert(a.n == c.n && memcmp(a.p, c.p, a.n));
  ck_assert(a.n == d.n && memcmp(a.p, d.p, a.n));
  free(a.p), free(b.p), free(c.p), free(d.p);
}
END_TEST

static int count(const char *text, const char *word) {
  int n = 0;
  for (; (text = strstr(text, word)) != NULL; text++) n++;
  return n;
}

START_TEST(epochs_steps_and_set_replace_what_the_model_says) {
  HostResult r = host_run(&host_model, "train --json --epochs 5");
  ck_assert_int_eq(count(r.out, "\"event\":\"epoch\""), 5);
  ck_assert_int_eq(count(r.out, "\"event\":\"eval\""), 3); // after 2, 4 and the last
  r = host_run(&host_model, "train --json --steps 4");
  ck_assert_int_eq(count(r.out, "\"event\":\"step\""), 4);
  ck_assert_int_eq(count(r.out, "\"event\":\"epoch\""), 2);
  ck_assert_int_eq(count(r.out, "\"event\":\"eval\""), 1); // the epoch that was cut short is the last
  r = host_run(&host_model, "train --json --set lr=0 --seed 50 --save w");
  nn_safetensors f;
  nn_err e = {0};
  ck_assert_int_eq(nn_safetensors_read("w", &f, &e), 0);
  const nn_tensor *t = nn_safetensors_find(&f, "net.b");
  ck_assert_double_eq(nn_get_real(t->type, t->data), 0.5);
  nn_safetensors_free(&f);
}
END_TEST

START_TEST(plain_output_is_one_line_an_epoch_and_quiet_is_none) {
  HostResult r = host_run(&host_model, "train fit");
  ck_assert_int_eq(count(r.out, "\n"), 3);
  ck_assert_int_eq(strncmp(r.out, "fit  epoch 1/3  step 3  loss ", 29), 0);
  ck_assert_ptr_nonnull(strstr(r.out, "eval points:  err "));
  ck_assert_str_eq(host_run(&host_model, "train --quiet").out, "");
}
END_TEST

START_TEST(a_log_file_holds_the_events) {
  HostResult r = host_run(&host_model, "train --json --log x.jsonl"), log;
  host_take("x.jsonl", log.out, sizeof log.out);
  ck_assert_str_eq(r.out, log.out);
  ck_assert_int_eq(host_run(&host_model, "train --quiet --steps 1 --log x.csv").code, 0);
  host_take("x.csv", log.out, sizeof log.out);
  ck_assert_int_eq(strncmp(log.out, "event,train,phase,eval,epoch,step,name,value\nstep,fit,,,1,1,loss,", 65),
                   0);
  host_fails(&host_model, "train --log x.txt", 2, "should end in .csv or .jsonl");
}
END_TEST

// ---- streams, splits, patience, phases: variations of the model

START_TEST(a_split_takes_consecutive_parts_of_its_own_permutation) {
  static const double parts[] = {0.25, 0.75};
  static const uint32_t order[] = {5, 4, 8, 1, 9, 6, 2, 7, 0, 3}; // seed 4: tests/reference/permutation.py
  nn_source source = host_sources[0];
  nn_data data = host_data[0];
  nn_model m = host_model;
  source.parts = parts;
  source.n_parts = 2;
  source.split_seed = 4;
  data.sources = &source;
  data.prepare = -1;
  data.n_fields = 1;
  m.data = &data;
  for (size_t part = 0; part < 2; part++) { // 0.25 * 10 rounds to the even 2
    nn_session s;
    nn_err e = {0};
    nn_dataset *set;
    source.part = part;
    ck_assert_int_eq(nn_session_open(&s, &m, &e), 0);
    ck_assert_int_eq(nn_dataset_get(&s, 0, &set), 0);
    ck_assert_uint_eq(set->n, part ? 8 : 2);
    for (uint32_t i = 0; i < set->n; i++) {
      float x;
      memcpy(&x, set->source[0] + i * 8, 4);
      ck_assert_float_eq(x, (float)host_rows[2 * order[i + (part ? 2 : 0)]]);
    }
    nn_session_close(&s);
  }
}
END_TEST

START_TEST(computed_fields_are_the_same_kept_or_not) {
  nn_data data = host_data[0];
  nn_model m = host_model;
  data.pure = 0;
  m.data = &data;
  HostResult kept = host_run(&host_model, "train --json"), not_kept = host_run(&m, "train --json");
  ck_assert_str_eq(kept.out, not_kept.out);
}
END_TEST

START_TEST(a_second_stream_goes_on_cyclically_and_drop_last_drops) {
  static const int streams[] = {0, 1};
  static const nn_stream_field inputs[] = {{0, 0}, {1, 1}};
  nn_source few = host_sources[0];
  nn_data data[2] = {host_data[0], host_data[0]};
  nn_loop loop = host_loop;
  nn_plan_item item = {.kind = NN_PLAN_LOOP, .loop = &loop};
  nn_train train = {"two", 0, 0, &item, 1};
  nn_model m = host_model;
  few.n_rows = 3;
  data[1].sources = &few;
  data[1].label = "points_2";
  loop.streams = streams;
  loop.n_streams = 2;
  loop.inputs = inputs;
  loop.drop_last = 1;
  loop.n_evals = 0;
  m.data = data;
  m.n_data = 2;
  m.trains = &train;
  HostResult r = host_run(&m, "train --json");
  ck_assert_msg(r.code == 0, "%s", r.err);
  ck_assert_int_eq(count(r.out, "\"event\":\"step\""), 6); // 10 / 4 = 2 whole batches in each of 3 epochs
  ck_assert_int_eq(count(r.out, "\"size\":4}"), 9);
}
END_TEST

START_TEST(patience_stops_and_puts_the_best_back) {
  nn_eval eval = host_evals[0];
  nn_loop loop = host_loop;
  nn_plan_item item = {.kind = NN_PLAN_LOOP, .loop = &loop, .phase = "greedy[0]"};
  nn_train train = {"fit", 1, 7, &item, 1};
  nn_model m = host_model;
  eval.every = 1;
  loop.evals = &eval;
  loop.epochs = 100;
  loop.patience = 2;
  loop.watch = "err";
  loop.mode_max = 1; // err falls, so the first eval is the best one
  m.trains = &train;
  HostResult r = host_run(&m, "train --json --save best");
  ck_assert_int_eq(r.code, 0);
  ck_assert_int_eq(count(r.out, "\"event\":\"eval\""), 3);
  ck_assert_int_eq(count(r.out, "\"phase\":\"greedy[0]\",\"eval\""), 3);
  ck_assert_int_eq(host_run(&host_model, "train --quiet --epochs 1 --save one").code, 0);
  nn_bytes a = file_bytes("best"), b = file_bytes("one");
  ck_assert(a.n == b.n && !memcmp(a.p, b.p, a.n));
  free(a.p), free(b.p);
  loop.watch = "acc";
  host_fails(&m, "train", 1, "patience watches `acc`, but no eval reported");
}
END_TEST

static int last_batch_diverges(nn_ctx *c, size_t n, void *const *args) {
  int code = host_step(c, n, args);
  if (n == 2) *(float *)args[2] = NAN;
  return code;
}

START_TEST(a_loss_that_is_not_finite_ends_with_4_and_writes_nothing) {
  nn_function fns[7];
  nn_arg out[2] = {host_step_out[0], host_step_out[1]};
  nn_model m = host_model;
  memcpy(fns, host_fns, sizeof fns);
  fns[1].fn = last_batch_diverges;
  fns[1].out = out;
  m.fns = fns;
  host_fails(&m, "train --save w", 4,
             "training diverged: `loss` is not finite\n  = note: in train `fit`, epoch 1, step 3");
  folder_holds("");
  out[0].name = "";
  host_fails(&m, "train --save w", 4, "training diverged: the loss is not finite");
  out[0].name = "acc", out[1].name = ""; // the loss is finite, another report is not
  HostResult r = host_run(&m, "train --json");
  ck_assert_int_eq(r.code, 0);
  ck_assert_ptr_nonnull(strstr(r.out, "\"acc\":null}"));
}
END_TEST

// Its second report is made in batches of `*made` examples only.
static size_t made;
static int sometimes(nn_ctx *c, size_t n, void *const *args) {
  int code = host_step(c, n, args);
  *(unsigned char *)args[4] = n == made;
  return code;
}

START_TEST(a_report_that_is_not_made_is_left_out_of_steps_and_means) {
  nn_function fns[7];
  nn_arg out[3] = {
      host_step_out[0], host_step_out[1], {"size_reported", NN_MASK, 0, NULL, NULL, NN_USE_REPORTED}};
  nn_model m = host_model;
  memcpy(fns, host_fns, sizeof fns);
  fns[1].fn = sometimes;
  fns[1].out = out;
  fns[1].n_out = 3;
  m.fns = fns;
  static const struct {
    size_t made;
    const char *mean; // of 4, 4 and 2 examples; the key is absent where NULL
    int steps;        // of 3 that report it
  } cases[] = {{4, "\"size\":4}", 2}, {2, "\"size\":2}", 1}, {9, NULL, 0}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    made = cases[i].made;
    HostResult r = host_run(&m, "train --json --epochs 1");
    ck_assert_int_eq(r.code, 0);
    const char *epoch = strstr(r.out, "{\"event\":\"epoch\""), *end = strchr(epoch, '\n'), *at = r.out;
    const char *mean = cases[i].mean ? strstr(epoch, cases[i].mean) : NULL;
    int steps = 0;
    ck_assert_msg(cases[i].mean ? mean && mean < end : !strstr(r.out, "\"size\""), "%s", r.out);
    while ((at = strstr(at, "\"size\"")) && at < epoch) steps++, at++;
    ck_assert_int_eq(steps, cases[i].steps);
    ck_assert_ptr_null(strstr(r.out, "reported"));
  }
}
END_TEST

static int faulty(nn_ctx *c, size_t n, void *const *args) {
  (void)n, (void)args;
  nn_fault_set(c, NN_FAULT_INDEX, 0, 12, 10);
  return c->fault.status;
}

START_TEST(a_fault_names_the_place_the_value_and_the_range) {
  nn_function fns[7];
  nn_model m = host_model;
  memcpy(fns, host_fns, sizeof fns);
  fns[1].fn = faulty;
  m.fns = fns;
  host_fails(&m, "train", 1,
             "error: model.nn:3:4: index 12 is outside 0..9: `pick`: index into axis 1 of [B, 10]\n"
             "  = note: in train `fit`, epoch 1, step 1");
  fns[1].fn = host_step;
  fns[6].fn = faulty;
  host_fails(&m, "train", 1, "in the computed fields of data `points`, example 0");
  folder_holds("");
}
END_TEST

START_TEST(a_bad_label_is_traced_to_its_example) {
  static const double labels[] = {0, 1, 2, 3, 4, 5, 12, 7, 8, 9};
  static const nn_field fields[] = {{"x", NN_F32, 1, host_two, 2, 0, 0}, {"y", NN_I32, 0, NULL, 1, 1, 0}};
  const nn_source sources[2] = {
      host_sources[0],
      {.kind = NN_SRC_ROWS, .field = "y", .dtype = NN_I32, .count = 1, .rows = labels, .n_rows = 10}};
  nn_function fns[7];
  nn_data data = host_data[0];
  nn_model m = host_model;
  memcpy(fns, host_fns, sizeof fns);
  fns[1].fn = faulty;
  data.sources = sources;
  data.n_sources = 2;
  data.fields = fields;
  data.prepare = -1;
  m.fns = fns;
  m.data = &data;
  host_fails(&m, "train", 1, "axis 1 of [B, 10]\n  = note: in train"); // nothing where the index is computed
  const nn_place place = {"model.nn:3:4", "`pick`", 1};
  m.places = &place;
  host_fails(&m, "train", 1,
             "  = note: `y` of example 6 of data `points` is 12\n"); // 7, 6, 1, 0 are the first batch
}
END_TEST

// The index 12 of the second input is met.
static int meets_12(nn_ctx *c, size_t n, void *const *args) {
  for (size_t i = 0; i < n; i++)
    if (((const int32_t *)args[1])[i] == 12) nn_fault_set(c, NN_FAULT_INDEX, 0, 12, 10);
  *(float *)args[2] = *(float *)args[3] = 0;
  return c->fault.status;
}

START_TEST(a_bad_label_is_traced_where_its_stream_begins_anew) {
  static const double labels[] = {0, 1, 2, 3, 12};
  static const nn_field field = {"y", NN_I32, 0, NULL, 1, 0, 0};
  static const nn_source source = {
      .kind = NN_SRC_ROWS, .field = "y", .dtype = NN_I32, .count = 1, .rows = labels, .n_rows = 5};
  static const int streams[] = {0, 1};
  static const nn_stream_field inputs[] = {{0, 0}, {1, 0}};
  static const nn_place place = {"model.nn:3:4", "`pick`", 1};
  const nn_data data[2] = {host_data[0],
                           {.name = "labels",
                            .label = "labels",
                            .sources = &source,
                            .n_sources = 1,
                            .fields = &field,
                            .n_fields = 1,
                            .prepare = -1}};
  nn_arg in[2] = {host_xy[0], host_xy[1]};
  nn_function fns[7];
  nn_loop loop = host_loop;
  nn_plan_item item = {.kind = NN_PLAN_LOOP, .loop = &loop};
  nn_train train = {"two", 0, 0, &item, 1};
  nn_model m = host_model;
  memcpy(fns, host_fns, sizeof fns);
  in[1].dtype = NN_I32;
  fns[1].fn = meets_12;
  fns[1].in = in;
  loop.streams = streams;
  loop.n_streams = 2;
  loop.inputs = inputs;
  loop.n_evals = 0;
  m.fns = fns;
  m.data = data;
  m.n_data = 2;
  m.trains = &train;
  m.places = &place;
  for (loop.batch = 1; loop.batch <= 3; loop.batch++)
    host_fails(&m, "train", 1,
               loop.batch == 1   ? "`y` of example 4 of data `labels` is 12\n  = note: in train `two`, "
                                   "epoch 1, step 5"
               : loop.batch == 2 ? "note: in train `two`, epoch 1, step 3"
                                 : "note: in train `two`, epoch 1, step 2");
}
END_TEST

// ---- data files

START_TEST(data_that_does_not_fit_the_model_is_refused) {
  static const int64_t two_by_two[] = {2, 2};
  nn_source sources[2] = {host_sources[0], host_sources[0]};
  nn_data data = host_data[0];
  nn_model m = host_model;
  data.sources = sources;
  m.data = &data;
  sources[0].kind = NN_SRC_IDX;
  sources[0].path = "x.idx";
  host_fails(&m, "train", 3, "x.idx: can't be opened");
  host_fails(&m, "train --data nowhere", 3, "nowhere/x.idx: can't be opened");
  host_write("x.idx.gz", "", 0);
#ifdef NN_ZLIB
  host_fails(&m, "train", 1, "x.idx.gz: its compressed data ends too early");
#else
  host_fails(&m, "train", 3,
             "x.idx: can't be opened: No such file or directory\n  = note: x.idx.gz is there: unpack it");
#endif
  host_write("x.idx", "\0\0\x0d\2\0\0\0\1\0\0\0\3............", 24);
  host_fails(
      &m, "train", 1,
      "x.idx: has shape [1, 3]; the first axis counts examples, and an example of field `x` is f32[2]");
  host_write("x.idx", "\0\0\x08\2\0\0\0\1\0\0\0\2..", 14);
  host_fails(&m, "train", 1, "x.idx: holds u8, which field `x` of type f32 can't take");
  host_write("x.idx", "\0\0\x0d\2\0\0\0\0\0\0\0\2", 12);
  host_fails(&m, "train", 1, "x.idx: has no examples");
  host_write("x.idx", "\0\0\x0d\3\0\0\0\1\0\0\0\1\0\0\0\2\0\0\0\0\0\0\0\0", 24);
  host_fails(&m, "train", 1, "has shape [1, 1, 2]");
  sources[0].reshape = 1;
  ck_assert_int_eq(host_run(&m, "train --quiet").code, 0);
  sources[0].dims = two_by_two;
  sources[0].reshape = 0;
  data.n_sources = 2;
  sources[0] = host_sources[0];
  sources[1].n_rows = 9;
  host_fails(&m, "train", 1, "gives 9 examples, but field `x` of the same data has 10");
  data.n_sources = 1;
  sources[0].n_rows = 0;
  host_fails(&m, "train", 1, "has no examples");
  folder_holds("net.safetensors\nx.idx\nx.idx.gz\n");
}
END_TEST

START_TEST(a_csv_field_reads_its_columns) {
  static const int32_t columns[] = {2, 0};
  nn_source source = host_sources[0];
  nn_data data = host_data[0];
  nn_model m = host_model;
  data.sources = &source;
  m.data = &data;
  source.kind = NN_SRC_CSV;
  source.path = "x.csv";
  source.columns = columns;
  source.n_columns = 2;
  host_write("x.csv", "1,9,2\n3,9,4\n", 12);
  ck_assert_int_eq(host_run(&m, "train --quiet").code, 0);
  host_write("x.csv", "1,9,2\n3,9,x\n", 12);
  host_fails(&m, "train", 1, "x.csv:2: column 3: `x` is not of type f32");
}
END_TEST

START_TEST(loops_that_would_run_no_step_are_errors) {
  nn_loop loop = host_loop;
  nn_plan_item item = {.kind = NN_PLAN_LOOP, .loop = &loop};
  nn_train train = {"fit", 1, 7, &item, 1};
  nn_model m = host_model;
  m.trains = &train;
  loop.batch = 11;
  loop.drop_last = 1;
  host_fails(&m, "train", 1,
             "would run zero steps: data `points` has 10 examples, less than one batch of 11");
  loop = host_loop;
  loop.epochs = 0;
  host_fails(&m, "train", 1, "would run zero steps");
  host_fails(&host_model, "train --steps 0", 2, "--steps: must be at least 1");
  host_fails(&host_model, "train --epochs 0", 2, "--epochs: must be at least 1");
}
END_TEST

// ---- weights

START_TEST(weights_go_around_through_a_file) {
  ck_assert_int_eq(host_run(&host_model, "train --quiet --save w").code, 0);
  HostResult a = host_run(&host_model, "eval --json --weights w"), b = host_run(&host_model, "train --json");
  ck_assert_int_eq(a.code, 0);
  const char *err = strstr(a.out, "\"err\":");
  ck_assert_ptr_nonnull(err);
  ck_assert_ptr_nonnull(strstr(b.out, err)); // the last eval of the training
  host_fails(&host_model, "eval", 2, "`eval` needs --weights FILE");
  host_fails(&host_model, "eval --weights none", 3, "none: can't be opened");
}
END_TEST

static void write_tensors(int n, const nn_tensor *t) {
  nn_err e = {0};
  ck_assert_int_eq(nn_safetensors_write("w", t, (size_t)n, &e), 0);
}

START_TEST(weights_that_do_not_fit_are_listed_in_full) {
  static const double values[6] = {1, 2, 3, 1e300, 0, 0};
  const void *v = values;
  nn_tensor t[] = {{.name = (char *)"net.W", .type = NN_F64, .rank = 1, .dims = {3}, .count = 3, .data = v},
                   {.name = (char *)"other", .type = NN_F64, .count = 1, .data = v}};
  write_tensors(2, t);
  host_fails(&host_model, "eval --weights w", 1,
             "error: w: does not fit the model: 3 differences\n"
             "  `net.W` has shape [3] in the file, [2] in the model\n"
             "  `net.b` is missing in the file\n"
             "  `other` is in the file, but not in the model\n");
  t[0].dims[0] = 2, t[0].count = 2;
  write_tensors(1, t);
  host_fails(&host_model, "eval --weights w", 1, "1 difference\n  `net.b` is missing");
  HostResult r = host_run(&host_model, "train --quiet --partial --set lr=0 --weights w --save out");
  ck_assert_int_eq(r.code, 0);
  ck_assert_str_eq(r.err, "note: w: not in the file and left as they were: `net.b`\n");
  nn_safetensors f;
  nn_err e = {0};
  ck_assert_int_eq(nn_safetensors_read("out", &f, &e), 0);
  const nn_tensor *W = nn_safetensors_find(&f, "net.W");
  ck_assert_int_eq(W->type, NN_F32); // converted from f64
  ck_assert_double_eq(nn_get_real(W->type, W->data + 4), 2);
  nn_safetensors_free(&f);
  t[0].data = (const unsigned char *)(values + 2);
  write_tensors(1, t);
  host_fails(&host_model, "train --partial --weights w", 1, "`net.W` holds a value too large for f32");
  t[0].type = NN_I32, t[0].data = v;
  write_tensors(1, t);
  host_fails(&host_model, "train --partial --weights w", 1, "`net.W` is i32 in the file, f32 in the model");
}
END_TEST

START_TEST(a_load_item_reads_what_was_saved_below_out) {
  nn_plan_item items[2] = {{.kind = NN_PLAN_LOAD, .file = &host_file}, host_items[0]};
  nn_train train = {"again", 1, 7, items, 2};
  nn_model m = host_model;
  m.trains = &train;
  ck_assert_int_eq(host_run(&host_model, "train --quiet --out deep/er").code, 0);
  ck_assert(exists("deep/er/net.safetensors") && !exists("net.safetensors"));
  ck_assert_int_eq(host_run(&m, "train --quiet --out deep/er").code, 0);
  ck_assert_int_eq(host_run(&m, "train --quiet --data deep/er").code, 0);
  host_fails(&m, "train", 3, "net.safetensors: can't be opened");
}
END_TEST

// ---- predict and info

static void write_npy(const char *path, int type, int64_t rows, int64_t columns, const void *p) {
  nn_err e = {0};
  ck_assert_int_eq(nn_npy_write(path, type, 2, (const int64_t[]){rows, columns}, p, &e), 0);
}

START_TEST(predict_calls_an_export_on_files) {
  static const double x[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18};
  HostResult r;
  nn_array a;
  nn_err e = {0};
  write_npy("x.npy", NN_F64, 2, 2, x);
  ck_assert_int_eq(host_run(&host_model, "train --quiet --seed 50 --set lr=0 --save w").code, 0);
  r = host_run(&host_model, "predict apply x.npy --weights w"); // W = 0.5 -0.5, b = 0.5
  ck_assert_msg(r.code == 0, "%s", r.err);
  ck_assert_str_eq(r.out, "y: f32[2]\n  0 0\n");
  ck_assert_int_eq(host_run(&host_model, "predict apply --weights w x.npy -o y.npy").code, 0);
  ck_assert_int_eq(nn_npy_read("y.npy", &a, &e), 0);
  ck_assert(a.type == NN_F32 && a.rank == 1 && a.dims[0] == 2);
  nn_array_free(&a);
  host_fails(&host_model, "predict apply x.npy", 2, "`predict` needs --weights");
  nn_function fns[7]; // an export that reads W only
  nn_model m = host_model;
  memcpy(fns, host_fns, sizeof fns);
  fns[5].n_reads = 1;
  m.fns = fns;
  write_tensors(1, &(nn_tensor){.name = (char *)"net.W",
                                .type = NN_F64,
                                .rank = 1,
                                .dims = {2},
                                .count = 2,
                                .data = (const void *)x});
  ck_assert_int_eq(host_run(&m, "predict apply x.npy --weights w").code, 0);
  host_fails(&host_model, "predict apply x.npy --weights w", 1,
             "1 difference\n  `net.b` is missing in the file");
  fns[5].n_reads = 0;
  ck_assert_int_eq(host_run(&m, "predict apply x.npy").code, 0);
  ck_assert_int_eq(host_run(&host_model, "train --quiet --seed 50 --set lr=0 --save w").code, 0);
  host_fails(&host_model, "predict aply x.npy --weights w", 2, "exports no `aply`; did you mean `apply`?");
  host_fails(&host_model, "predict --weights w", 2, "needs the name of an export");
  host_fails(&host_model, "predict apply --weights w", 2, "takes 1 input file, but 0 are given");
  host_fails(&host_model, "predict apply x.npy x.npy --weights w", 2, "takes 1 input file, but 2 are given");
  host_fails(&host_model, "predict apply x.npy --weights w -o x.npy", 2, "would overwrite an input");
  host_fails(&host_model, "predict apply x.npy --weights w -o a -o b", 2, "has 1 result, but -o names 2");
  write_npy("x.npy", NN_F64, 2, 3, x);
  host_fails(&host_model, "predict apply x.npy --weights w", 1,
             "x.npy: is f64[2, 3], but `apply` takes x: f32[N, 2]");
  write_npy("x.npy", NN_F64, 9, 2, x);
  host_fails(&host_model, "predict apply x.npy --weights w", 1, "N is at least 1 and at most 8");
  write_npy("x.npy", NN_I64, 2, 2, x);
  host_fails(&host_model, "predict apply x.npy --weights w", 1,
             "is i64[2, 2], but `apply` takes x: f32[N, 2]");
}
END_TEST

START_TEST(info_tells_stores_and_functions) {
  HostResult r = host_run(&host_model, "info");
  ck_assert_int_eq(r.code, 0);
  ck_assert_ptr_nonnull(strstr(r.out, "line: 3 parameters (12 bytes), f32"));
  ck_assert_ptr_nonnull(strstr(r.out, "  apply(x: f32[N, 2]) -> (y: f32[N]), N <= 8\n"));
  r = host_run(&host_model, "info --json");
  ck_assert_ptr_nonnull(
      strstr(r.out, "{\"name\":\"net.W\",\"kind\":\"param\",\"dtype\":\"f32\",\"shape\":[2],\"bytes\":8}"));
}
END_TEST

// ---- the command line

START_TEST(wrong_usage_exits_2_and_suggests) {
  host_fails(&host_model, "", 2, "usage:");
  host_fails(&host_model, "tran", 2, "unknown command `tran`; did you mean `train`?");
  host_fails(&host_model, "--quiet", 2, "a command stands first");
  host_fails(&host_model, "train --epoch 3", 2, "unknown option `--epoch`; did you mean `--epochs`?");
  host_fails(&host_model, "train --epochs", 2, "`--epochs` needs an argument: N");
  host_fails(&host_model, "train --epochs=", 2, "`--epochs` needs an argument: N");
  host_fails(&host_model, "train --epochs x", 2, "`x` is not a whole number");
  host_fails(&host_model, "train --seed -1", 2, "--seed: must be at least 0");
  host_fails(&host_model, "train --seed 99999999999999999999", 2, "--seed: must be at most 18446744073709551615");
  host_fails(&host_model, "train --json=1", 2, "`--json` takes no argument");
  host_fails(&host_model, "train fitt", 2, "no train block `fitt`; did you mean `fit`?");
  host_fails(&host_model, "train fit more", 2, "too many arguments: `more`");
  host_fails(&host_model, "eval --epochs 3", 2, "`--epochs` is not an option of `eval`");
  host_fails(&host_model, "train --threads 2", 2, "`--threads` is not built into this version yet");
  host_fails(&host_model, "train --set lr", 2, "should be NAME=VALUE");
  host_fails(&host_model, "train --set rate=1", 2, "no option `rate`; it has `lr`");
  host_fails(&host_model, "train --set lr=x", 2, "`x` is not a number");
  folder_holds("");
}
END_TEST

START_TEST(help_goes_to_standard_output) {
  HostResult r = host_run(&host_model, "--help");
  ck_assert_int_eq(r.code, 0);
  ck_assert_ptr_nonnull(strstr(r.out, "--weights FILE"));
  ck_assert_ptr_nonnull(strstr(r.out, "Subnormal numbers are flushed to zero"));
  ck_assert_str_eq(r.err, "");
  ck_assert_int_eq(host_run(&host_model, "train --help").code, 0);
}
END_TEST

START_TEST(output_that_can_not_be_written_exits_3_and_leaves_the_old_file) {
  host_write("file", "old", 3);
  host_fails(&host_model, "train --save file/w", 3, "can't be written");
  host_fails(&host_model, "train --save .", 3, ".: can't be written: Is a directory");
  host_fails(&host_model, "train --out file", 3, "is not a folder");
  host_fails(&host_model, "train --out file/deep", 3, "can't make this folder");
  host_fails(&host_model, "train --quiet --save /dev/full", 3, "/dev/full: can't be written: No space left");
  ck_assert_int_eq(host_run_to(&host_model, "train --json", "/dev/full").code, 3);
  unlink("net.safetensors");
  ck_assert_int_eq(mkdir("net.safetensors", 0777), 0);
  host_fails(&host_model, "train", 3, "net.safetensors: can't be written: Is a directory");
  folder_holds("file\nnet.safetensors\n");
}
END_TEST

static int interrupt(nn_ctx *c, size_t n, void *const *args) {
  raise(SIGINT);
  return host_step(c, n, args);
}

START_TEST(an_interrupt_finishes_the_step_and_exits_130) {
  nn_function fns[7];
  nn_model m = host_model;
  memcpy(fns, host_fns, sizeof fns);
  fns[1].fn = interrupt;
  m.fns = fns;
  HostResult r = host_run(&m, "train --json");
  ck_assert_int_eq(r.code, 130);
  ck_assert_int_eq(count(r.out, "\"event\":\"step\""), 1);
  ck_assert_str_eq(r.err, "interrupted after epoch 1, step 1\n"
                          "  = note: `train --resume` goes on from here: line.ckpt\n");
  folder_holds("line.ckpt\nline.ckpt.old\n"); // of two runs
}
END_TEST

// The same through `call`, as the interpreter is driven.
static int call(nn_ctx *c, int function, size_t n, void *const *args) {
  ck_assert_ptr_eq(c->user, &host_model);
  return host_fns[function].fn(c, n, args);
}

START_TEST(functions_without_code_go_through_call) {
  nn_function fns[7];
  nn_model m = host_model;
  memcpy(fns, host_fns, sizeof fns);
  for (int i = 0; i < 7; i++) fns[i].fn = NULL;
  m.fns = fns;
  m.call = call;
  m.call_user = (void *)(uintptr_t)&host_model;
  HostResult a = host_run(&m, "train --json"), b = host_run(&host_model, "train --json");
  ck_assert_str_eq(a.out, b.out);
}
END_TEST

int main(void) {
  Suite *s = suite_create("host programs");
  TCase *t = tcase_create("all");
  tcase_set_timeout(t, 120);
  tcase_add_checked_fixture(t, host_folder_open, host_folder_close);
  tcase_add_test(t, shuffling_is_the_permutation_of_the_language);
  tcase_add_test(t, a_loop_shuffles_batches_averages_and_evaluates);
  tcase_add_test(t, the_same_seed_gives_the_same_file_and_another_one_does_not);
  tcase_add_test(t, epochs_steps_and_set_replace_what_the_model_says);
  tcase_add_test(t, plain_output_is_one_line_an_epoch_and_quiet_is_none);
  tcase_add_test(t, a_log_file_holds_the_events);
  tcase_add_test(t, a_split_takes_consecutive_parts_of_its_own_permutation);
  tcase_add_test(t, computed_fields_are_the_same_kept_or_not);
  tcase_add_test(t, a_second_stream_goes_on_cyclically_and_drop_last_drops);
  tcase_add_test(t, patience_stops_and_puts_the_best_back);
  tcase_add_test(t, a_loss_that_is_not_finite_ends_with_4_and_writes_nothing);
  tcase_add_test(t, a_report_that_is_not_made_is_left_out_of_steps_and_means);
  tcase_add_test(t, a_fault_names_the_place_the_value_and_the_range);
  tcase_add_test(t, a_bad_label_is_traced_to_its_example);
  tcase_add_test(t, a_bad_label_is_traced_where_its_stream_begins_anew);
  tcase_add_test(t, data_that_does_not_fit_the_model_is_refused);
  tcase_add_test(t, a_csv_field_reads_its_columns);
  tcase_add_test(t, loops_that_would_run_no_step_are_errors);
  tcase_add_test(t, weights_go_around_through_a_file);
  tcase_add_test(t, weights_that_do_not_fit_are_listed_in_full);
  tcase_add_test(t, a_load_item_reads_what_was_saved_below_out);
  tcase_add_test(t, predict_calls_an_export_on_files);
  tcase_add_test(t, info_tells_stores_and_functions);
  tcase_add_test(t, wrong_usage_exits_2_and_suggests);
  tcase_add_test(t, help_goes_to_standard_output);
  tcase_add_test(t, output_that_can_not_be_written_exits_3_and_leaves_the_old_file);
  tcase_add_test(t, an_interrupt_finishes_the_step_and_exits_130);
  tcase_add_test(t, functions_without_code_go_through_call);
  suite_add_tcase(s, t);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed != 0;
}
