// Random programs: tests/random/README.md says how it is used.
#include "tests/random/check.h"
#include "tests/random/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MAX_FOUND = 5 }; // failures that are reduced and reported before a run ends

typedef struct Run {
  Check check;
  uint64_t seed, count, together; // models in one file
  const char *kept;               // where failures are written
  const char *file;               // a text instead of seeds
  double reduce_seconds;
  bool narrow, verbose, text, coverage;
  uint64_t ops[OP_COUNT], rules[RULE_COUNT], slopes, hoisted;
  StrBuf all; // every text, for the coverage of the library
} Run;

static const char *words(Outcome o) {
  static const char *const w[] = {"fine", "rejected", "differs", "died"};
  return w[o];
}

static char *models(const Run *r, uint64_t seed, uint64_t n) {
  StrBuf b = {0};
  for (uint64_t i = 0; i < n; i++) model_text(seed + i, r->narrow, &b);
  return b.text;
}

static void keep(const Run *r, const char *name, const char *text, const char *why) {
  char path[512];
  snprintf(path, sizeof path, "%s/%s.nn", r->kept, name);
  FILE *f = fopen(path, "w");
  if (!f) return;
  for (const char *line = why; *line;) {
    size_t n = strcspn(line, "\n");
    fprintf(f, "# %.*s\n", (int)n, line);
    line += n + (line[n] == '\n');
  }
  fputs(text, f);
  fclose(f);
  printf("written to %s\n", path);
}

static void failed(const Run *r, const char *name, const char *text) {
  char why[MAX_WHY + 16];
  const Report *report = check_text(&r->check, text);
  printf("%s: %s: %s\n", name, words(report->outcome), report->why);
  snprintf(why, sizeof why, "%s: %s", words(report->outcome), report->why);
  if (report->outcome == FINE || r->reduce_seconds <= 0) {
    keep(r, name, text, why);
    return;
  }
  char *small = reduce(&r->check, text, r->reduce_seconds);
  report = check_text(&r->check, small);
  snprintf(why, sizeof why, "%s: %s", words(report->outcome), report->why);
  keep(r, name, small, why);
  printf("%s\n%s\n", why, small);
  free(small);
}

// Of a file that fails, the models that fail alone; else the file.
static int isolate(const Run *r, uint64_t seed, uint64_t n, const char *text) {
  int found = 0;
  char name[64];
  for (uint64_t i = 0; i < n && n > 1; i++) {
    char *one = models(r, seed + i, 1);
    if (check_text(&r->check, one)->outcome != FINE) {
      snprintf(name, sizeof name, "seed%llu", (unsigned long long)(seed + i));
      failed(r, name, one);
      found++;
    }
    free(one);
  }
  if (found) return found;
  snprintf(name, sizeof name, "seed%llu_%llu", (unsigned long long)seed, (unsigned long long)n);
  failed(r, name, text);
  return 1;
}

// ---- coverage

// Builders and front end give the operand itself, so that hardly a graph has such nodes when it is rewritten.
static bool unseen(int rule) {
  return rule == RULE_cast_same || rule == RULE_reshape_same || rule == RULE_broadcast_same ||
         rule == RULE_concat_one || rule == RULE_slice_same;
}

static int cover_ops(const Run *r) {
  int missing = 0;
  for (int op = 0; op < OP_COUNT; op++) {
    if (r->verbose) printf("%-18s %llu\n", op_name((Op)op), (unsigned long long)r->ops[op]);
    if (r->ops[op] == 0)
      printf("no model has the operation `%s`: add a production\n", op_name((Op)op)), missing++;
  }
  for (int i = 0; i < RULE_COUNT; i++) {
    const char *name = rule_table()[i].name;
    if (r->verbose) printf("%-18s %llu (rule)\n", name, (unsigned long long)r->rules[i]);
    if (r->rules[i] > 0 || unseen(i)) continue;
    printf("the rule `%s` never fires: add a form to `baits`\n", name);
    missing++;
  }
  return missing;
}

int cover_library(const char *texts, bool verbose);

// ---- command line

static int usage(void) {
  fprintf(stderr, "random_programs [--seed N] [--count N] [--together N] [--real f32|f64] [--cc COMMAND]… "
                  "[--cuda COMMAND]\n"
                  "                [--folder DIR] [--kept DIR] [--reduce SECONDS] [--narrow] [--coverage] "
                  "[--text] [-v] [FILE.nn]\n");
  return 2;
}

static int one_text(const Run *r) {
  FILE *f = fopen(r->file, "rb");
  if (!f) return usage();
  static char text[1 << 20];
  text[fread(text, 1, sizeof text - 1, f)] = '\0';
  fclose(f);
  const Report *report = check_text(&r->check, text);
  printf("%s: %s %s\n", r->file, words(report->outcome), report->why);
  if (report->outcome != FINE && r->reduce_seconds > 0) failed(r, "reduced", text);
  return report->outcome != FINE;
}

static int run(Run *r) {
  int found = 0;
  Outcome outcome;
  uint64_t at = 0;
  for (; at < r->count && found < MAX_FOUND; at += r->together) {
    uint64_t n = r->count - at < r->together ? r->count - at : r->together;
    char *text = models(r, r->seed + at, n);
    if (r->text) {
      fputs(text, stdout);
    } else {
      const Report *report = check_text(&r->check, text);
      outcome = report->outcome;
      for (int op = 0; op < OP_COUNT; op++) r->ops[op] += report->ops[op];
      for (int i = 0; i < RULE_COUNT; i++) r->rules[i] += report->rules[i];
      r->slopes += report->slopes;
      r->hoisted += report->hoisted;
      if (outcome != FINE) found += isolate(r, r->seed + at, n, text);
      if (r->coverage) sb_puts(&r->all, text);
    }
    free(text);
  }
  if (r->text) return 0;
  printf("%llu models from seed %llu, %llu gradients compared with differences, %llu values computed before "
         "loops, %d failures\n",
         (unsigned long long)(at < r->count ? at : r->count), (unsigned long long)r->seed,
         (unsigned long long)r->slopes, (unsigned long long)r->hoisted, found);
  if (r->coverage) found += cover_ops(r) + cover_library(sb_text(&r->all), r->verbose);
  strbuf_free(&r->all);
  return found > 0;
}

int main(int argc, char **argv) {
  static Build builds[MAX_BUILDS];
  Run r = {.seed = 1, .count = 100, .together = 1, .kept = ".", .reduce_seconds = 60};
  r.check = (Check){.real = DT_F64, .builds = builds, .folder = ".", .seconds = 120};
  for (int i = 1; i < argc; i++) {
    const char *o = argv[i], *v = i + 1 < argc ? argv[i + 1] : "";
    bool takes = true;
    if (strcmp(o, "--seed") == 0)
      r.seed = strtoull(v, NULL, 10);
    else if (strcmp(o, "--count") == 0)
      r.count = strtoull(v, NULL, 10);
    else if (strcmp(o, "--together") == 0)
      r.together = strtoull(v, NULL, 10);
    else if (strcmp(o, "--real") == 0)
      r.check.real = strcmp(v, "f32") == 0 ? DT_F32 : DT_F64;
    else if (strcmp(o, "--folder") == 0)
      r.check.folder = v;
    else if (strcmp(o, "--kept") == 0)
      r.kept = v;
    else if (strcmp(o, "--reduce") == 0)
      r.reduce_seconds = strtod(v, NULL);
    else if ((strcmp(o, "--cc") == 0 || strcmp(o, "--cuda") == 0) && r.check.n_builds < MAX_BUILDS)
      builds[r.check.n_builds++] = (Build){v, o[3] == 'u'};
    else
      takes = false;
    if (takes) {
      i++;
      continue;
    }
    if (strcmp(o, "--narrow") == 0)
      r.narrow = true;
    else if (strcmp(o, "--coverage") == 0)
      r.coverage = true;
    else if (strcmp(o, "--text") == 0)
      r.text = true;
    else if (strcmp(o, "-v") == 0)
      r.verbose = true;
    else if (o[0] != '-' && !r.file)
      r.file = o;
    else
      return usage();
  }
  if (r.check.n_builds > 0) r.check.seconds = 900; // most of it the C compilers'
  if (r.together < 1) return usage();
  return r.file ? one_text(&r) : run(&r);
}
