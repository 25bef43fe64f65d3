/* The commands train and eval, and what commands share: see nn_cli.h. (MIT-0)
   Mistakes of the command line are found first, then those of files, so that nothing runs for long and then
   fails for a reason known at the start. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include "nn_cli.h"

#include "nn_weights.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* NAME=V of --set. */
static int nn_cli_set(nn_cli *c, nn_session *s, const char *text) {
  const char *equals = strchr(text, '=');
  size_t length = equals ? (size_t)(equals - text) : strlen(text);
  const nn_model *m = c->m;
  char *end;
  double x;
  nn_text list;
  int i;
  if (!equals) return nn_fail(c->e, NN_EXIT_USAGE, "--set: `%s` should be NAME=VALUE", text);
  for (i = 0; i < m->n_options; i++) {
    if (strlen(m->options[i].name) != length || strncmp(m->options[i].name, text, length)) continue;
    x = strtod(equals + 1, &end);
    if (end == equals + 1 || *end || !isfinite(x))
      return nn_fail(c->e, NN_EXIT_USAGE, "--set: `%s` is not a number", equals + 1);
    s->options[i] = x;
    return 0;
  }
  memset(&list, 0, sizeof list);
  for (i = 0; i < m->n_options; i++) nn_text_addf(&list, "%s`%s`", i ? ", " : "", m->options[i].name);
  nn_fail(c->e, NN_EXIT_USAGE, "--set: the model has no option `%.*s`; it has %s", (int)length, text,
          list.s ? list.s : "none");
  nn_text_free(&list);
  return c->e->code;
}

/* An option that has another value in the checkpoint. */
static int nn_cli_other(nn_cli *c, const char *option, uint64_t here, uint64_t there) {
  return nn_fail(c->e, NN_EXIT_CONTENT, "%s: was made with %s %llu, here it is %llu", c->from->used, option,
                 (unsigned long long)there, (unsigned long long)here);
}

/* A resumed run has the settings it began with: what isn't given is taken from there. */
static int nn_cli_settings(nn_cli *c, nn_run_settings *set) {
  if (c->has_seed && c->seed != set->seed) return nn_cli_other(c, "--seed", c->seed, set->seed);
  if (c->run.epochs && c->run.epochs != set->epochs)
    return nn_cli_other(c, "--epochs", c->run.epochs, set->epochs);
  if (c->run.steps && c->run.steps != set->steps) return nn_cli_other(c, "--steps", c->run.steps, set->steps);
  if (c->run.no_shuffle && !set->no_shuffle)
    return nn_fail(c->e, NN_EXIT_CONTENT, "%s: was made without --no-shuffle", c->from->used);
  c->has_seed = 1;
  c->seed = set->seed;
  c->run.epochs = set->epochs;
  c->run.steps = set->steps;
  c->run.no_shuffle = (int)set->no_shuffle;
  if (c->every) set->every = c->every;
  return 0;
}

/* The options of the checkpoint; --set may only repeat them. */
static int nn_cli_options_of(nn_cli *c, nn_session *s) {
  size_t i;
  int k;
  if (c->m->n_options) memcpy(s->options, c->from->options, (size_t)c->m->n_options * sizeof *s->options);
  for (i = 0; i < c->n_set; i++) {
    if (nn_cli_set(c, s, c->set[i])) return c->e->code;
    for (k = 0; k < c->m->n_options; k++) {
      double there;
      memcpy(&there, c->from->options + (size_t)k * sizeof there, sizeof there);
      if (there != s->options[k])
        return nn_fail(c->e, NN_EXIT_CONTENT, "%s: was made with --set %s=%.9g, here it is %.9g",
                       c->from->used, c->m->options[k].name, there, s->options[k]);
    }
  }
  return 0;
}

int nn_cli_session(nn_cli *c, nn_session *s, const unsigned char *needs) {
  const nn_model *m = c->m;
  size_t i;
  uint64_t seed = c->has_seed ? c->seed : m->n_trains && m->trains[0].has_seed ? m->trains[0].seed : 0;
  if (nn_session_open(s, m, c->e)) return c->e->code;
  s->data_dir = c->data ? c->data : "";
  s->out_dir = c->out ? c->out : "";
  if (c->from) return nn_cli_options_of(c, s) ? c->e->code : nn_session_init(s, seed, 1);
  for (i = 0; i < c->n_set; i++)
    if (nn_cli_set(c, s, c->set[i])) return c->e->code;
  /* The weights that matter are all in the file: no .npy files. */
  if (nn_session_init(s, seed, c->weights && !c->partial)) return c->e->code;
  return c->weights ? nn_weights_load(s, c->weights, needs, c->partial) : 0;
}

/* The train block called `name`; NULL and an error if there is none. */
static const nn_train *nn_cli_train(nn_cli *c, const char *name) {
  const nn_model *m = c->m;
  const char **names = (const char **)nn_alloc((size_t)m->n_trains, sizeof *names);
  nn_text hint;
  int i;
  if (!names) return nn_fail_memory(c->e), NULL;
  memset(&hint, 0, sizeof hint);
  for (i = 0; i < m->n_trains; i++) {
    names[i] = m->trains[i].name;
    if (!strcmp(names[i], name)) break;
  }
  if (i == m->n_trains)
    nn_fail(c->e, NN_EXIT_USAGE, "the model has no train block `%s`%s", name,
            nn_cli_hint(name, names, (size_t)m->n_trains, &hint));
  free(names);
  nn_text_free(&hint);
  return c->e->code ? NULL : &m->trains[i];
}

/* Which train blocks to run: the named one, or all. */
static int nn_cli_blocks(nn_cli *c, const nn_train **first, int *n) {
  *first = c->m->trains;
  *n = c->m->n_trains;
  if (!*n) return nn_fail(c->e, NN_EXIT_USAGE, "the model has no train block");
  if (!c->n_args) return 0;
  *n = 1;
  *first = nn_cli_train(c, c->args[0]);
  return c->e->code;
}

/* ---- train */

static int nn_cli_folder(nn_cli *c, const char *path) {
  nn_text t;
  struct stat st;
  memset(&t, 0, sizeof t);
  nn_text_addf(&t, "%s/", path);
  if (t.failed) return nn_fail_memory(c->e);
  if (!c->resume) nn_make_folders(t.s, c->e);
  nn_text_free(&t);
  if (c->e->code) return c->e->code;
  if (stat(path, &st) != 0) {
    if (c->resume && errno == ENOENT) return 0; /* there is no checkpoint in it, as will be said */
    return nn_fail(c->e, NN_EXIT_SYSTEM, "--out: %s: %s", path, strerror(errno));
  }
  if (!S_ISDIR(st.st_mode)) return nn_fail(c->e, NN_EXIT_SYSTEM, "--out: %s: is not a folder", path);
  if (access(path, W_OK) != 0) return nn_fail(c->e, NN_EXIT_SYSTEM, "--out: %s: %s", path, strerror(errno));
  return 0;
}

/* Where a file shall go when all is done must be writable now. */
static int nn_cli_writable(nn_cli *c, const char *path) {
  nn_out o;
  struct stat st;
  if (stat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)) return 0;
  if (nn_out_open(&o, path, c->e)) return c->e->code;
  nn_out_drop(&o);
  return 0;
}

/* The files that the plan saves. */
static int nn_cli_saves(nn_cli *c, nn_session *s, const nn_train *t) {
  int i;
  for (i = 0; i < t->n_items && !c->e->code; i++) {
    char *path;
    if (t->items[i].kind != NN_PLAN_SAVE) continue;
    path = nn_path_join(s->out_dir, t->items[i].file->file);
    if (!path) return nn_fail_memory(c->e);
    if (!nn_make_folders(path, c->e) && !nn_session_spare_data(s, "save", path)) nn_cli_writable(c, path);
    free(path);
  }
  return c->e->code;
}

static int nn_cli_train_blocks(nn_cli *c, nn_runner *r, const nn_train *first, int n) {
  int i;
  for (i = 0; i < n; i++)
    if (nn_run_load_data(r, &first[i]) || nn_cli_saves(c, r->s, &first[i])) return c->e->code;
  if (c->from && (nn_checkpoints_restore(r->keep, r->s) || nn_run_resume(r))) return c->e->code;
  for (; r->block < n; r->block++)
    if (nn_run_train(r, &first[r->block])) return c->e->code;
  return c->save ? nn_weights_save(r->s, c->save) : 0;
}

static void nn_cli_clear(void *logger) { nn_logger_clear((nn_logger *)logger); }

static void nn_cli_runner(nn_cli *c, nn_runner *r, nn_session *s, nn_logger *g) {
  memset(r, 0, sizeof *r);
  s->before_print = nn_cli_clear;
  s->before_print_user = g;
  r->s = s;
  r->log = g;
  r->o = &c->run;
  r->e = c->e;
}

/* What the checkpoints of this run say about it; or, with --resume, what the newest one says. */
static int nn_cli_checkpoints(nn_cli *c, nn_checkpoints *keep, const nn_train *first, int n) {
  uint64_t at = (uint64_t)(first - c->m->trains);
  if (nn_checkpoints_open(keep, c->m, c->out ? c->out : "", c->e)) return c->e->code;
  keep->set.every = c->every;
  keep->set.first = at;
  keep->set.n = (uint64_t)n;
  if (!c->resume) return 0;
  if (nn_checkpoints_find(keep, c->e)) return c->e->code;
  c->from = keep;
  if (keep->set.first != at || keep->set.n != (uint64_t)n)
    return nn_fail(c->e, NN_EXIT_CONTENT, "%s: is of %s%s, here it is %s%s", keep->used,
                   keep->set.n == 1 ? "train " : "all train blocks",
                   keep->set.n == 1 ? c->m->trains[keep->set.first].name : "",
                   n == 1 ? "train " : "all train blocks", n == 1 ? first->name : "");
  return nn_cli_settings(c, &keep->set);
}

/* What the command line has the command write. */
static int nn_cli_spare_data(nn_cli *c, nn_session *s) {
  if (c->log && nn_session_spare_data(s, "--log", c->log)) return c->e->code;
  return c->save ? nn_session_spare_data(s, "--save", c->save) : 0;
}

static int nn_cli_train_session(nn_cli *c, nn_checkpoints *keep, const nn_train *first, int n) {
  nn_session s;
  nn_logger g;
  nn_runner r;
  if (!nn_cli_session(c, &s, NULL) && !nn_cli_spare_data(c, &s) &&
      !nn_logger_open(&g, c->json, c->quiet, c->log, c->e)) {
    nn_cli_runner(c, &r, &s, &g);
    keep->set.seed = s.c.seed;
    keep->set.epochs = c->run.epochs;
    keep->set.steps = c->run.steps;
    keep->set.no_shuffle = (uint64_t)c->run.no_shuffle;
    r.keep = keep;
    nn_cli_train_blocks(c, &r, first, n);
    nn_logger_close(&g, c->e);
  }
  nn_session_close(&s);
  return c->e->code;
}

int nn_command_train(nn_cli *c) {
  const nn_train *first;
  nn_checkpoints keep;
  int n;
  if (nn_cli_blocks(c, &first, &n) || (c->out && nn_cli_folder(c, c->out)) ||
      (c->save && nn_cli_writable(c, c->save)))
    return c->e->code;
  if (!nn_cli_checkpoints(c, &keep, first, n)) nn_cli_train_session(c, &keep, first, n);
  nn_checkpoints_close(&keep);
  return c->e->code;
}

/* ---- eval */

int nn_cli_need_weights(nn_cli *c, const char *command, const unsigned char *needs) {
  int i;
  for (i = 0; !c->weights && i < c->m->n_stores; i++)
    if (needs[i] && nn_store_is_weight(&c->m->stores[i]))
      return nn_fail(c->e, NN_EXIT_USAGE, "`%s` needs --weights FILE: this model has no weights of its own",
                     command);
  return 0;
}

static int nn_cli_evals(nn_cli *c, const nn_train *first, int n, const unsigned char *needs) {
  nn_session s;
  nn_logger g;
  nn_runner r;
  int i, evals = 0;
  if (!nn_cli_session(c, &s, needs) && !nn_cli_spare_data(c, &s) &&
      !nn_logger_open(&g, c->json, c->quiet, c->log, c->e)) {
    nn_cli_runner(c, &r, &s, &g);
    for (i = 0; i < n && !c->e->code; i++) nn_run_evals(&r, &first[i], &evals);
    if (!c->e->code && !evals)
      nn_fail(c->e, NN_EXIT_USAGE, "%s%s has no eval", n == 1 ? "train " : "the model",
              n == 1 ? first->name : "");
    nn_logger_close(&g, c->e);
  }
  nn_session_close(&s);
  return c->e->code;
}

int nn_command_eval(nn_cli *c) {
  const nn_train *first;
  unsigned char *needs;
  int i, n;
  if (nn_cli_blocks(c, &first, &n)) return c->e->code;
  needs = (unsigned char *)nn_alloc((size_t)c->m->n_stores, 1);
  if (!needs) return nn_fail_memory(c->e);
  for (i = 0; i < n; i++) nn_run_evals_need(c->m, &first[i], needs);
  if (!nn_cli_need_weights(c, "eval", needs)) nn_cli_evals(c, first, n, needs);
  free(needs);
  return c->e->code;
}
