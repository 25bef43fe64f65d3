/* The command line: see nn_cli.h. (MIT-0)
   Two tables, commands and options, from which parsing, checking and --help are made. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include "nn_cli.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NN_TRAIN = 1, NN_EVAL = 2, NN_PREDICT = 4, NN_INFO = 8, NN_EVERY = 15 };
enum { NN_BACKEND = 16 }; /* of an option: only programs with a backend know it */

static const struct nn_command {
  const char *name;
  int bit;
  int (*run)(nn_cli *c);
  const char *args, *help;
  size_t max_args;
} nn_commands[] = {
    {"train", NN_TRAIN, nn_command_train, "[NAME]", "run the train blocks, or the one called NAME", 1},
    {"eval", NN_EVAL, nn_command_eval, "[NAME]", "run the evals of a train block once", 1},
    {"predict", NN_PREDICT, nn_command_predict, "EXPORT in.npy...", "call an exported function", SIZE_MAX},
    {"info", NN_INFO, nn_command_info, "", "stores, functions, data and sizes of the model", 0},
};
enum { NN_N_COMMANDS = (int)(sizeof nn_commands / sizeof *nn_commands) };

/* ---- values of options */

static int nn_cli_count(nn_cli *c, const char *option, const char *s, uint64_t *x, uint64_t least) {
  const char *p = s;
  while (isdigit((unsigned char)*p)) p++;
  errno = 0;
  *x = strtoull(s, NULL, 10);
  if (p != s && !*p && errno)
    return nn_fail(c->e, NN_EXIT_USAGE, "%s: must be at most %llu", option, (unsigned long long)UINT64_MAX);
  if (*s == '-' && isdigit((unsigned char)s[1]))
    return nn_fail(c->e, NN_EXIT_USAGE, "%s: must be at least %u", option, (unsigned)least);
  if (p == s || *p) return nn_fail(c->e, NN_EXIT_USAGE, "%s: `%s` is not a whole number", option, s);
  if (*x < least) return nn_fail(c->e, NN_EXIT_USAGE, "%s: must be at least %u", option, (unsigned)least);
  return 0;
}

static int nn_take_data(nn_cli *c, const char *v) { return c->data = v, 0; }
static int nn_take_weights(nn_cli *c, const char *v) { return c->weights = v, 0; }
static int nn_take_out(nn_cli *c, const char *v) { return c->out = v, 0; }
static int nn_take_save(nn_cli *c, const char *v) {
  const char *dot = strrchr(v, '.');
  if (dot && (!strcmp(dot, ".npy") || !strcmp(dot, ".npz")))
    return nn_fail(c->e, NN_EXIT_USAGE, "--save: `%s` would be a safetensors file, not %s", v, dot);
  return c->save = v, 0;
}
static int nn_take_log(nn_cli *c, const char *v) { return c->log = v, 0; }
static int nn_take_epochs(nn_cli *c, const char *v) {
  return nn_cli_count(c, "--epochs", v, &c->run.epochs, 1);
}
static int nn_take_steps(nn_cli *c, const char *v) { return nn_cli_count(c, "--steps", v, &c->run.steps, 1); }
static int nn_take_seed(nn_cli *c, const char *v) {
  return c->has_seed = 1, nn_cli_count(c, "--seed", v, &c->seed, 0);
}
static int nn_take_set(nn_cli *c, const char *v) { return c->set[c->n_set++] = v, 0; }
static int nn_take_no_shuffle(nn_cli *c, const char *v) { return (void)v, c->run.no_shuffle = 1, 0; }
static int nn_take_partial(nn_cli *c, const char *v) { return (void)v, c->partial = 1, 0; }
static int nn_take_json(nn_cli *c, const char *v) { return (void)v, c->json = 1, 0; }
static int nn_take_quiet(nn_cli *c, const char *v) { return (void)v, c->quiet = 1, 0; }
static int nn_take_help(nn_cli *c, const char *v) { return (void)v, c->help = 1, 0; }

static int nn_take_every(nn_cli *c, const char *v) {
  return nn_cli_count(c, "--checkpoint-every", v, &c->every, 1);
}
static int nn_take_resume(nn_cli *c, const char *v) { return (void)v, c->resume = 1, 0; }

static int nn_take_device(nn_cli *c, const char *v) {
  return c->m->backend->option(c->m->call_user, "--device", v, c->e);
}
static int nn_take_no_graph(nn_cli *c, const char *v) {
  return c->m->backend->option(c->m->call_user, "--no-graph", v, c->e);
}
static int nn_take_time(nn_cli *c, const char *v) {
  return c->m->backend->option(c->m->call_user, "--time", v, c->e);
}

static int nn_take_output(nn_cli *c, const char *v) {
  if (!c->n_outputs) c->args_before_o = c->n_args;
  c->outputs[c->n_outputs++] = v;
  return 0;
}

static const struct nn_option_row {
  const char *name, *arg; /* arg NULL: a flag */
  int commands;
  int (*take)(nn_cli *c, const char *value); /* NULL: not built yet */
  const char *help;
} nn_option_rows[] = {
    {"--data", "DIR", NN_TRAIN | NN_EVAL | NN_PREDICT, nn_take_data,
     "data files are relative to DIR (default: here)"},
    {"--weights", "FILE", NN_TRAIN | NN_EVAL | NN_PREDICT, nn_take_weights,
     "start from these weights (safetensors)"},
    {"--partial", NULL, NN_TRAIN | NN_EVAL | NN_PREDICT, nn_take_partial,
     "accept weights that miss some stores, and name them"},
    {"--out", "DIR", NN_TRAIN, nn_take_out, "what the model saves goes below DIR (default: here)"},
    {"--save", "FILE", NN_TRAIN, nn_take_save, "write every parameter and state when done (safetensors)"},
    {"--checkpoint-every", "N", NN_TRAIN, nn_take_every, "keep the whole state, every N steps, below --out"},
    {"--resume", NULL, NN_TRAIN, nn_take_resume, "go on from the newest checkpoint below --out"},
    {"--epochs", "N", NN_TRAIN, nn_take_epochs, "run every loop for N epochs"},
    {"--steps", "N", NN_TRAIN, nn_take_steps, "end each loop after N steps"},
    {"--seed", "N", NN_TRAIN | NN_EVAL | NN_PREDICT, nn_take_seed,
     "of initial values, shuffling and draws (default: the model's, else 0)"},
    {"--set", "NAME=V", NN_TRAIN | NN_EVAL, nn_take_set, "set an option of a train block"},
    {"--no-shuffle", NULL, NN_TRAIN, nn_take_no_shuffle, "take examples in the order of the files"},
    {"--log", "FILE", NN_TRAIN | NN_EVAL, nn_take_log, "also write all events to FILE.csv or FILE.jsonl"},
    {"--json", NULL, NN_TRAIN | NN_EVAL | NN_INFO, nn_take_json, "one JSON object a line instead of text"},
    {"--quiet", NULL, NN_TRAIN | NN_EVAL, nn_take_quiet, "print nothing but errors"},
    {"-o", "out.npy", NN_PREDICT, nn_take_output, "write a result to a file; once for each result"},
    {"--device", "N", NN_EVERY | NN_BACKEND, nn_take_device, "compute on the N-th device (default: 0)"},
    {"--no-graph", NULL, NN_EVERY | NN_BACKEND, nn_take_no_graph,
     "launch kernel by kernel instead of as graphs"},
    {"--time", NULL, NN_TRAIN | NN_EVAL | NN_PREDICT | NN_BACKEND, nn_take_time,
     "say what calls take on the device, and from one to the next (medians)"},
    {"--help", NULL, NN_EVERY, nn_take_help, "this text"},
    {"--threads", "N", NN_EVERY, NULL, NULL},
    {"--profile", NULL, NN_EVERY, NULL, NULL},
};
enum { NN_N_OPTIONS = (int)(sizeof nn_option_rows / sizeof *nn_option_rows) };

static int nn_cli_has(const nn_model *m, const struct nn_option_row *o) {
  return !(o->commands & NN_BACKEND) || m->backend;
}

/* ---- help */

static void nn_cli_options(const nn_model *m, FILE *to) {
  int i, k;
  fputs("\noptions (--x=N may be written --x N):\n", to);
  for (i = 0; i < NN_N_OPTIONS; i++) {
    const struct nn_option_row *o = &nn_option_rows[i];
    int n;
    int commands = o->commands & NN_EVERY;
    if (!o->help || !nn_cli_has(m, o)) continue;
    n = fprintf(to, "  %s%s%s", o->name, o->arg ? " " : "", o->arg ? o->arg : "");
    fprintf(to, "%*s%s", n < 23 ? 23 - n : 1, "", o->help);
    for (k = 0; commands != NN_EVERY && k < NN_N_COMMANDS; k++)
      if (commands & nn_commands[k].bit)
        fprintf(to, "%s%s", (commands & (nn_commands[k].bit - 1)) ? ", " : "  [", nn_commands[k].name);
    fputs(commands != NN_EVERY ? "]\n" : "\n", to);
  }
}

void nn_cli_usage(const nn_model *m, FILE *to) {
  nn_text t;
  int i, k;
  fprintf(to, "usage:\n");
  for (i = 0; i < NN_N_COMMANDS; i++) {
    int n = fprintf(to, "  %s %s %s", m->name, nn_commands[i].name, nn_commands[i].args);
    fprintf(to, "%*s%s\n", n < 34 ? 34 - n : 1, "", nn_commands[i].help);
  }
  nn_cli_options(m, to);
  for (i = 0; i < m->n_trains; i++) fprintf(to, "%s%s", i ? ", " : "\ntrain blocks: ", m->trains[i].name);
  for (i = 0; i < m->n_exports; i++) {
    const nn_function *f = &m->fns[m->exports[i]];
    memset(&t, 0, sizeof t);
    for (k = 0; k < f->n_in; k++) {
      nn_text_addf(&t, "%s", k ? ", " : "");
      nn_cli_arg(&t, &f->in[k]);
    }
    fprintf(to, "%s%s(%s)", i ? ", " : "\nexports: ", f->name, t.s ? t.s : "");
    nn_text_free(&t);
  }
  for (i = 0; i < m->n_options; i++)
    fprintf(to, "%s%s=%.9g", i ? ", " : "\noptions for --set: ", m->options[i].name, m->options[i].value);
  fprintf(to, "\nexit codes: 0 done, 1 wrong content of a file or a run-time fault, 2 usage, 3 a file can't "
              "be read or\n"
              "written or memory runs out, 4 training diverged, 130 interrupted\n");
  if (m->flush_subnormals)
    fputs("Subnormal numbers are flushed to zero (nnc -fsubnormals keeps them).\n", to);
}

const char *nn_cli_hint(const char *s, const char *const *names, size_t n, nn_text *into) {
  const char *near = nn_nearest(s, names, n);
  into->len = 0;
  if (near) nn_text_addf(into, "; did you mean `%s`?", near);
  return near && into->s ? into->s : "";
}

/* ---- parsing */

static int nn_cli_unknown_option(nn_cli *c, const char *name) {
  const char *names[NN_N_OPTIONS];
  nn_text hint;
  size_t n = 0;
  int i;
  memset(&hint, 0, sizeof hint);
  for (i = 0; i < NN_N_OPTIONS; i++)
    if (nn_cli_has(c->m, &nn_option_rows[i])) names[n++] = nn_option_rows[i].name;
  nn_fail(c->e, NN_EXIT_USAGE, "unknown option `%s`%s", name, nn_cli_hint(name, names, n, &hint));
  nn_text_free(&hint);
  return c->e->code;
}

static int nn_cli_unknown_command(nn_cli *c, const char *name) {
  const char *names[NN_N_COMMANDS];
  nn_text hint;
  int i;
  memset(&hint, 0, sizeof hint);
  for (i = 0; i < NN_N_COMMANDS; i++) names[i] = nn_commands[i].name;
  nn_fail(c->e, NN_EXIT_USAGE, "unknown command `%s`%s", name,
          nn_cli_hint(name, names, NN_N_COMMANDS, &hint));
  nn_text_free(&hint);
  return c->e->code;
}

/* Takes the option at argv[*i], and its argument. */
static int nn_cli_option(nn_cli *c, const struct nn_command *command, int argc, char **argv, int *i) {
  const char *arg = argv[*i], *equals = strncmp(arg, "--", 2) ? NULL : strchr(arg, '='), *value = NULL;
  size_t length = equals ? (size_t)(equals - arg) : strlen(arg);
  const struct nn_option_row *o = NULL;
  int k;
  for (k = 0; k < NN_N_OPTIONS; k++)
    if (strlen(nn_option_rows[k].name) == length && !strncmp(nn_option_rows[k].name, arg, length) &&
        nn_cli_has(c->m, &nn_option_rows[k]))
      o = &nn_option_rows[k];
  if (!o && !strcmp(arg, "-h")) return c->help = 1, 0;
  if (!o) return nn_cli_unknown_option(c, arg);
  if (!(o->commands & command->bit))
    return nn_fail(c->e, NN_EXIT_USAGE, "`%s` is not an option of `%s`", o->name, command->name);
  if (!o->take) return nn_fail(c->e, NN_EXIT_USAGE, "`%s` is not built into this version yet", o->name);
  if (!o->arg && equals) return nn_fail(c->e, NN_EXIT_USAGE, "`%s` takes no argument", o->name);
  if (o->arg) {
    if (!equals && *i + 1 >= argc)
      return nn_fail(c->e, NN_EXIT_USAGE, "`%s` needs an argument: %s", o->name, o->arg);
    value = equals ? equals + 1 : argv[++*i];
    if (!*value) return nn_fail(c->e, NN_EXIT_USAGE, "`%s` needs an argument: %s", o->name, o->arg);
  }
  return o->take(c, value);
}

static int nn_cli_parse(nn_cli *c, const struct nn_command *command, int argc, char **argv) {
  int i, plain = 0;
  for (i = 2; i < argc; i++)
    if (!plain && !strcmp(argv[i], "--"))
      plain = 1;
    else if (!plain && argv[i][0] == '-' && argv[i][1]) {
      if (nn_cli_option(c, command, argc, argv, &i)) return c->e->code;
    } else
      c->args[c->n_args++] = argv[i];
  if (!c->help && c->n_args > command->max_args)
    return nn_fail(c->e, NN_EXIT_USAGE, "`%s` has too many arguments: `%s`", command->name,
                   c->args[command->max_args]);
  return 0;
}

/* ---- signals and the floating-point environment: the only state outside of arguments, and it has to be */

static volatile sig_atomic_t nn_signal_met;

static void nn_signal_take(int signal_number) {
  if (nn_signal_met) _exit(128 + signal_number);
  nn_signal_met = signal_number;
}

static void nn_signals(void) {
  struct sigaction a;
  memset(&a, 0, sizeof a);
  a.sa_handler = nn_signal_take;
  sigemptyset(&a.sa_mask);
  sigaction(SIGINT, &a, NULL);
  sigaction(SIGTERM, &a, NULL);
  a.sa_handler = SIG_IGN; /* a reader of our output that went away shows as a failed write */
  sigaction(SIGPIPE, &a, NULL);
}

/* ---- main */

static int nn_main_run(nn_cli *c, int argc, char **argv) {
  int k;
  if (argc < 2) {
    nn_cli_usage(c->m, stderr);
    return nn_fail(c->e, NN_EXIT_USAGE, "a command is expected: train, eval, predict or info");
  }
  if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help"))
    return nn_cli_usage(c->m, stdout), 0;
  if (!strcmp(argv[1], "--version"))
    return printf("%s, compiled by nnc %s\n", c->m->name, c->m->version ? c->m->version : "?"), 0;
  for (k = 0; k < NN_N_COMMANDS && strcmp(argv[1], nn_commands[k].name); k++) {
  }
  if (k == NN_N_COMMANDS && argv[1][0] == '-')
    return nn_fail(c->e, NN_EXIT_USAGE, "a command stands first: train, eval, predict or info, then `%s`",
                   argv[1]);
  if (k == NN_N_COMMANDS) return nn_cli_unknown_command(c, argv[1]);
  if (nn_cli_parse(c, &nn_commands[k], argc, argv)) return c->e->code;
  if (c->help) return nn_cli_usage(c->m, stdout), 0;
  return nn_commands[k].run(c);
}

/* A full disk shows only when buffered output is written out. */
static void nn_main_flush(nn_err *e) {
  errno = 0;
  if (fflush(stdout) != 0 || ferror(stdout))
    nn_fail(e, NN_EXIT_SYSTEM, "standard output can't be written: %s", strerror(errno ? errno : EIO));
}

int nn_main(const nn_model *m, int argc, char **argv) {
  nn_cli c;
  nn_err e;
  int code;
  memset(&c, 0, sizeof c);
  memset(&e, 0, sizeof e);
  c.m = m;
  c.e = &e;
  c.run.stop = &nn_signal_met;
  nn_signals();
  if (m->flush_subnormals) nn_flush_subnormals();
  c.set = (const char **)nn_alloc((size_t)argc, sizeof *c.set);
  c.outputs = (const char **)nn_alloc((size_t)argc, sizeof *c.outputs);
  c.args = (const char **)nn_alloc((size_t)argc, sizeof *c.args);
  if (!c.set || !c.outputs || !c.args)
    nn_fail_memory(&e);
  else
    nn_main_run(&c, argc, argv);
  nn_main_flush(&e);
  code = e.code;
  if (code) fprintf(stderr, "%s%s\n", code < 128 ? "error: " : "", e.text.s ? e.text.s : "out of memory");
  if (code == NN_EXIT_USAGE && argc >= 2)
    fprintf(stderr, "  = help: `%s --help` lists commands and options\n", m->name);
  free(c.set);
  free(c.outputs);
  free(c.args);
  nn_err_free(&e);
  return code;
}
