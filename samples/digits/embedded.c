/* The digits inside another program: trains on the spot, saves, and classifies with a second object that has only
   the memory that classifying needs.

     nnc --library --train digits.nn -o digits
     cc -O2 embedded.c digits.c -lm -o embedded
     ./embedded data [EPOCHS [WEIGHTS]]          WEIGHTS: where to write what was learned */
#include "digits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TRAIN = 1437, TEST = 360, BATCH = 32, PIXELS = 64, CLASSES = 10 };

static unsigned char train_pixels[TRAIN * PIXELS], train_labels[TRAIN];
static unsigned char test_pixels[TEST * PIXELS], test_labels[TEST];

/* The elements of an IDX file, which stand after `skip` bytes. */
static void read_idx(const char *folder, const char *name, size_t skip, unsigned char *to, size_t n) {
  char path[512];
  FILE *f;
  snprintf(path, sizeof path, "%s/%s", folder, name);
  f = fopen(path, "rb");
  if (!f || fseek(f, (long)skip, SEEK_SET) || fread(to, 1, n, f) != n) {
    fprintf(stderr, "can't read %s\n", path);
    exit(1);
  }
  fclose(f);
}

static void check(digits_status s) {
  if (s == DIGITS_OK) return;
  fprintf(stderr, "%s\n", digits_status_text(s));
  exit(1);
}

/* Memory for an arena; a device would have a static array. */
static void *arena_of(size_t bytes) {
  unsigned char *p = (unsigned char *)malloc(bytes + DIGITS_ARENA_ALIGN);
  if (!p) exit(1);
  return p + (DIGITS_ARENA_ALIGN - (uintptr_t)p % DIGITS_ARENA_ALIGN) % DIGITS_ARENA_ALIGN;
}

static void train(digits *m, int epochs) {
  int epoch;
  for (epoch = 0; epoch < epochs; epoch++) {
    size_t at, n;
    double loss = 0.0;
    for (at = 0; at < TRAIN; at += n) {
      digits_fit_step_report r;
      n = TRAIN - at < BATCH ? TRAIN - at : BATCH;
      check(digits_fit_step(m, n, train_pixels + at * PIXELS, train_labels + at, &r));
      loss += (double)r.loss * (double)n;
    }
    check(digits_fit_epoch(m));
    printf("epoch %d: loss %.3f\n", epoch + 1, loss / TRAIN);
  }
}

static int count_right(digits *m) {
  static float p[BATCH * CLASSES];
  size_t at, n, i, k;
  int right = 0;
  for (at = 0; at < TEST; at += n) {
    n = TEST - at < BATCH ? TEST - at : BATCH;
    check(digits_classify(m, n, test_pixels + at * PIXELS, p));
    for (i = 0; i < n; i++) {
      size_t best = 0;
      for (k = 1; k < CLASSES; k++)
        if (p[i * CLASSES + k] > p[i * CLASSES + best]) best = k;
      right += best == test_labels[at + i];
    }
  }
  return right;
}

int main(int argc, char **argv) {
  digits learner, classifier;
  size_t bytes = digits_save_bytes();
  void *weights = malloc(bytes);
  if (argc < 2 || !weights) return fprintf(stderr, "usage: embedded DATA [EPOCHS [WEIGHTS]]\n"), 2;
  read_idx(argv[1], "train-images-idx3-ubyte", 16, train_pixels, sizeof train_pixels);
  read_idx(argv[1], "train-labels-idx1-ubyte", 8, train_labels, sizeof train_labels);
  read_idx(argv[1], "test-images-idx3-ubyte", 16, test_pixels, sizeof test_pixels);
  read_idx(argv[1], "test-labels-idx1-ubyte", 8, test_labels, sizeof test_labels);

  check(digits_init(&learner, arena_of(DIGITS_FIT_BYTES), DIGITS_FIT_BYTES, 7));
  train(&learner, argc > 2 ? atoi(argv[2]) : 3);
  check(digits_save(&learner, weights, bytes));

  check(digits_init(&classifier, arena_of(DIGITS_CLASSIFY_BYTES), DIGITS_CLASSIFY_BYTES, 1));
  check(digits_load(&classifier, weights, bytes));
  printf("%d of %d right, in %u bytes\n", count_right(&classifier), (int)TEST, (unsigned)DIGITS_CLASSIFY_BYTES);
  if (argc > 3) {
    FILE *f = fopen(argv[3], "wb");
    if (!f || fwrite(weights, 1, bytes, f) != bytes || fclose(f)) return 1;
  }
  return 0;
}
