// One walk over argv: find the row of options.def, take its argument, call its handler.
// What is no option is the command (first), the input (once), or, after `--`, kept as it is. (Long: a handler
// for each kind of argument and a rule for each pair that does not go together.)
#include "driver/options.h"

#include "driver/exit_codes.h"
#include "ir/base/nearest.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int complain(int status, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  fputs("nnc: error: ", stderr);
  vfprintf(stderr, fmt, ap);
  fputc('\n', stderr);
  va_end(ap);
  return status;
}

typedef enum Group { GENERAL, OUTPUT, TARGET, BUDGETS, INSIDE } Group;
typedef enum Kind { FLAG, VALUE, MAYBE, NEXT, TIGHT } Kind;

typedef struct Row {
  Group group;
  const char *name;
  Kind kind;
  const char *argument;
  bool (*handle)(Options *o, const struct Row *row, const char *value);
  const char *help;
} Row;

// ---- handlers. `v` is the argument, NULL for a flag. False: the message is printed.
#define HANDLER(name) static bool name(Options *o, const Row *row, const char *v)
#define SETTER(name, effect)                                                                                 \
  HANDLER(name) {                                                                                            \
    (void)row, (void)v;                                                                                      \
    effect;                                                                                                  \
    return true;                                                                                             \
  }

HANDLER(not_yet) {
  (void)o, (void)v;
  complain(0, "%s is not yet in this version of nnc", row->name);
  return false;
}

// The index of v among the alternatives "a|b|c" of the row's argument; -1 with a message.
static int choice(const Row *row, const char *v) {
  const char *p = row->argument;
  size_t n = strlen(v);
  for (int i = 0;; i++) {
    size_t len = strcspn(p, "|");
    if (len == n && memcmp(p, v, n) == 0) return i;
    if (!p[len]) break;
    p += len + 1;
  }
  complain(0, "%s takes %s, not `%s`", row->name, row->argument, v);
  return -1;
}

SETTER(set_output, o->output = v)
SETTER(set_shadow, o->warn_shadow = true)
SETTER(set_anonymous, o->warn_anonymous = true)
SETTER(set_werror, o->warnings_are_errors = true)
SETTER(set_verbose, o->verbose = true)
SETTER(set_dry_run, o->dry_run = o->verbose = true)
SETTER(set_version, o->version = true)
SETTER(set_help, o->help = true)
SETTER(set_emit_c, (o->emit = EMIT_C, o->emit_given = true))
SETTER(set_emit_object, (o->emit = EMIT_OBJECT, o->emit_given = true))
SETTER(set_standalone, o->standalone = true)
SETTER(set_depfile, o->depfile = true)
SETTER(set_depfile_name, o->depfile_name = v)
SETTER(set_level_0, o->cc_level = row->name)
SETTER(set_level_1, o->cc_level = row->name)
SETTER(set_level_2, o->cc_level = row->name)
SETTER(set_level_3, o->cc_level = row->name)
SETTER(set_checks, o->checks = true)
SETTER(set_trap_nan, o->trap_nan = true)
SETTER(set_subnormals, o->keep_subnormals = true)
SETTER(set_no_validate, o->no_validate = true)
SETTER(set_function, o->function = v)
SETTER(set_dump_ast, o->dump_ast = true)
SETTER(set_time_passes, o->time_passes = true)
SETTER(set_interpret, o->interpret = true)
SETTER(set_json, o->json_output = true)
SETTER(set_cost, o->cost = true)
SETTER(set_fmt_check, o->fmt_check = true)
SETTER(set_gradients, o->gradients = true)
SETTER(set_data, o->data = v)

SETTER(set_library, o->library = true)
SETTER(set_train, (o->train = true, o->train_name = v))
SETTER(set_prefix, o->prefix = v)
SETTER(set_weights, o->weights = v)

static const char **with_name(Options *o, const char **names, uint32_t *n, const char *name) {
  const char **all = ARENA_ARRAY(o->arena, *n + 1, const char *);
  if (*n) memcpy(all, names, *n * sizeof *all);
  all[(*n)++] = name;
  return all;
}

SETTER(set_export, o->exports = with_name(o, o->exports, &o->n_exports, v))
SETTER(set_allow_vjp, o->allowed = with_name(o, o->allowed, &o->n_allowed, v))

HANDLER(set_weights_as) {
  int i = choice(row, v);
  o->weights_as_given = true;
  o->weights_as_file = i == 1;
  return i >= 0;
}

// A whole number below 2^64, times what `units` says of a letter after it.
static bool take_number(const Row *row, const char *v, const char *units, uint64_t *out) {
  uint64_t n = 0, factor = 1;
  const char *s = v;
  for (; *s >= '0' && *s <= '9' && n <= (UINT64_MAX - 9) / 10; s++) n = n * 10 + (uint64_t)(*s - '0');
  const char *unit = *s && s > v ? strchr(units, *s) : NULL;
  for (const char *u = units; unit && u <= unit; u++) factor *= 1024;
  if (s == v || s[unit != NULL] || n > UINT64_MAX / factor) {
    complain(0, "%s takes a whole number%s, not `%s`", row->name,
             *units ? " of bytes, such as 20000, 20K or 1M" : "", v);
    return false;
  }
  *out = n * factor;
  return true;
}

HANDLER(set_seed) {
  o->has_seed = true;
  return take_number(row, v, "", &o->seed);
}

static bool take_budget(const Row *row, const char *v, uint64_t *out) {
  if (!take_number(row, v, "KM", out)) return false;
  if (*out == 0) complain(0, "%s is at least 1", row->name);
  return *out > 0;
}
HANDLER(set_max_ram) { return take_budget(row, v, &o->max_ram); }
HANDLER(set_max_flash) { return take_budget(row, v, &o->max_flash); }

HANDLER(set_define) {
  (void)row;
  const char *eq = strchr(v, '=');
  if (!eq || eq == v) {
    complain(0, "-D takes NAME=VALUE, not `%s`", v);
    return false;
  }
  const char *name = arena_strndup(o->arena, v, (size_t)(eq - v));
  for (uint32_t i = 0; i < o->n_defines; i++) {
    if (strcmp(o->defines[i].name, name) != 0) continue;
    o->defines[i].value = eq + 1; // the last one counts
    return true;
  }
  Define *all = ARENA_ARRAY(o->arena, o->n_defines + 1, Define);
  if (o->n_defines) memcpy(all, o->defines, o->n_defines * sizeof *all);
  all[o->n_defines++] = (Define){name, eq + 1};
  o->defines = all;
  return true;
}

HANDLER(set_folder) {
  (void)row;
  const char **all = ARENA_ARRAY(o->arena, o->n_folders + 1, const char *);
  if (o->n_folders) memcpy(all, o->folders, o->n_folders * sizeof *all);
  all[o->n_folders++] = v;
  o->folders = all;
  return true;
}

HANDLER(set_color) {
  int i = choice(row, v);
  o->color = i == 1 ? WHEN_ALWAYS : i == 2 ? WHEN_NEVER : WHEN_AUTO;
  return i >= 0;
}

HANDLER(set_diagnostics) {
  int i = choice(row, v);
  o->json = i == 1;
  return i >= 0;
}

HANDLER(set_real) {
  int i = choice(row, v);
  o->real = i == 1 ? DT_F64 : DT_F32;
  o->real_given = true;
  return i >= 0;
}

HANDLER(set_backend) {
  int i = choice(row, v);
  o->cuda = i == 1;
  return i >= 0;
}

// sm_ and a number, perhaps with a letter (sm_90a), separated by commas. nvcc has the last word.
HANDLER(set_cuda_arch) {
  static const char digits[] = "0123456789";
  for (const char *p = v;; p++) {
    size_t n = strncmp(p, "sm_", 3) == 0 ? strspn(p + 3, digits) : 0;
    p += 3 + n;
    if (n >= 2 && (*p == 'a' || *p == 'f')) p++;
    if (n < 2 || (*p && *p != ',')) {
      complain(0, "%s takes architectures such as sm_80 or sm_80,sm_90, not `%s`", row->name, v);
      return false;
    }
    if (!*p) break;
  }
  o->cuda_arch = v;
  return true;
}

// 0 is none of the numbers that --depth and --n take.
static int64_t number(const Row *row, const char *v) {
  char *end;
  long long n = *v >= '0' && *v <= '9' ? strtoll(v, &end, 10) : 0;
  if (n > 0 && n <= INT32_MAX && !*end) return n;
  complain(0, "%s takes a whole number from 1 on, not `%s`", row->name, v);
  return 0;
}

HANDLER(set_depth) { return (o->depth = number(row, v)) > 0; }
HANDLER(set_n) { return (o->n = number(row, v)) > 0; }

HANDLER(set_print) {
  o->print = v;
  return choice(row, v) >= 0;
}

// The C compiler has the last word on which machines it knows; here only what could not be one.
HANDLER(set_cpu) {
  if (strcmp(v, "multi") == 0) {
    complain(0, "--cpu=multi is not yet in this version of nnc");
    return false;
  }
  if (!*v || strspn(v, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-+._") != strlen(v)) {
    complain(0, "%s takes %s, not `%s`", row->name, row->argument, v);
    return false;
  }
  o->cpu = v;
  return true;
}

HANDLER(set_dump_ir) {
  (void)row;
  Dump *all = ARENA_ARRAY(o->arena, o->n_dumps + 1, Dump);
  if (o->n_dumps) memcpy(all, o->dumps, o->n_dumps * sizeof *all);
  bool before = strncmp(v, "before:", 7) == 0, after = strncmp(v, "after:", 6) == 0;
  all[o->n_dumps++] = (Dump){v + (before ? 7 : after ? 6 : 0), !before};
  o->dumps = all;
  return true;
}

static const Row rows[] = {
#define OPTION(group, name, kind, argument, handle, help) {group, name, kind, argument, handle, help},
#include "driver/options.def"
#undef OPTION
};
enum { N_ROWS = sizeof rows / sizeof rows[0] };

// ---- the walk

// The row that `arg` names; *joined is the argument written in the same word, or NULL.
static const Row *find_row(const char *arg, const char **joined) {
  for (int i = 0; i < N_ROWS; i++) {
    const Row *r = &rows[i];
    size_t n = strlen(r->name);
    *joined = NULL;
    if (strcmp(arg, r->name) == 0) return r;
    if (strncmp(arg, r->name, n) != 0) continue;
    *joined = r->kind == TIGHT ? arg + n : arg + n + 1;
    if (r->kind == TIGHT) return r;
    if (r->name[1] == '-' && arg[n] == '=') return r;
  }
  return NULL;
}

static bool unknown_option(const char *arg) {
  size_t n = strcspn(arg, "=");
  char word[64];
  snprintf(word, sizeof word, "%.*s", (int)(n < 60 ? n : 60), arg);
  Nearest near = nearest_to(word);
  for (int i = 0; i < N_ROWS; i++) nearest_try(&near, rows[i].name);
  if (near.best)
    complain(0, "unknown option `%s`; did you mean `%s`?", arg, near.best);
  else
    complain(0, "unknown option `%s`; `nnc --help` lists them", arg);
  return false;
}

static bool take_option(Options *o, int argc, char **argv, int *i) {
  const char *value;
  const Row *r = find_row(argv[*i], &value);
  if (!r) return unknown_option(argv[*i]);
  if (r->kind == FLAG && value) {
    complain(0, "%s takes no argument", r->name);
    return false;
  }
  if (r->kind != FLAG && r->kind != MAYBE && r->handle != not_yet && !value) {
    if (*i + 1 >= argc) {
      complain(0, "%s needs an argument: %s", r->name, r->argument);
      return false;
    }
    value = argv[++*i];
  }
  return r->handle(o, r, value);
}

static const Command *find_command(const Command *commands, const char *word) {
  for (const Command *c = commands; c->name; c++)
    if (strcmp(c->name, word) == 0) return c;
  return NULL;
}

// `--train fit`: of an option whose argument may be left out it stands behind `=`.
static const Row *apart(const Options *o, int at) {
  const char *joined, *end = strrchr(o->argv[at], '.');
  const Row *r = at > 1 && !(end && strcmp(end, ".nn") == 0) ? find_row(o->argv[at - 1], &joined) : NULL;
  return r && r->kind == MAYBE && !joined ? r : NULL;
}

// Two inputs, the second at argv[at]: one was probably meant as a command, or as an option's argument.
static bool second_input(const Options *o, const Command *commands, int at) {
  Nearest near = nearest_to(o->input);
  for (const Command *c = commands; c->name; c++) nearest_try(&near, c->name);
  for (int i = 1; i <= at; i++) {
    const Row *r = o->argv[i] == o->input || i == at ? apart(o, i) : NULL;
    if (r)
      return complain(0, "the argument of %s is joined to it: `%s=%s`", r->name, r->name, o->argv[i]), false;
  }
  if (!o->command && near.best)
    complain(0, "unknown command `%s`; did you mean `%s`?", o->input, near.best);
  else
    complain(0, "one at a time: `%s` and `%s` were given", o->input, o->argv[at]);
  return false;
}

// Options of the commands that look inside a model.
static bool inside_options_fit(const Options *o) {
  const struct {
    const char *option, *commands;
    bool given;
  } rules[] = {
      {"--function", "graph info report", o->function != NULL},
      {"--depth", "graph info report", o->depth > 0},
      {"--n", "info report", o->n > 0},
      {"--json", "info report", o->json_output},
      {"--cost", "report", o->cost},
      {"--check", "fmt", o->fmt_check},
      {"--gradients", "test", o->gradients},
  };
  for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
    if (!rules[i].given || (o->command && strstr(rules[i].commands, o->command->name))) continue;
    complain(0, "%s goes with one of the commands: %s", rules[i].option, rules[i].commands);
    return false;
  }
  if ((o->data || o->n_allowed) && !o->gradients) {
    complain(0, "%s goes with `nnc test --gradients`", o->data ? "--data" : "--allow-vjp");
    return false;
  }
  if (o->real_given && o->command && strcmp(o->command->name, "test") == 0) {
    complain(0, "tests run in f64: --real does not go with `nnc test`");
    return false;
  }
  if (o->output && o->command && o->command->many) {
    complain(0, "`nnc %s` writes each file in its place: -o does not go with it", o->command->name);
    return false;
  }
  return true;
}

// Options that only --library has, and options that it can't have.
static bool library_options_fit(const Options *o) {
  const struct {
    bool given;
    const char *name;
  } only[] = {{o->n_exports > 0, "--export"}, {o->train, "--train"},
              {o->prefix, "--prefix"},        {o->weights, "--weights"},
              {o->has_seed, "--seed"},        {o->weights_as_given, "--weights-as"},
              {o->max_ram > 0, "--max-ram"},  {o->max_flash > 0, "--max-flash"}},
    never[] = {{o->emit_given, o->emit == EMIT_C ? "-S" : "-c"},
               {o->standalone, "--standalone"},
               {o->interpret, "--interpret"},
               {o->cpu, "--cpu"},
               {o->keep_subnormals, "-fsubnormals"}};
  if (o->library && o->command) {
    complain(0, "--library does not go with `nnc %s`", o->command->name);
    return false;
  }
  for (size_t i = 0; i < sizeof only / sizeof *only; i++)
    if (only[i].given && !o->library) {
      complain(0, "%s goes with --library", only[i].name);
      return false;
    }
  for (size_t i = 0; i < sizeof never / sizeof *never; i++)
    if (never[i].given && o->library) {
      complain(0, "%s does not go with --library", never[i].name);
      return false;
    }
  if (o->library && o->weights && o->has_seed) {
    complain(0, "--weights and --seed both say what the weights are");
    return false;
  }
  return true;
}

// What --backend=cuda can't do, and what only it has.
static bool cuda_options_fit(const Options *o) {
  const struct {
    bool given;
    const char *message;
  } rules[] = {
      {o->cuda && o->standalone, "--standalone does not go with --backend=cuda: its text needs the runtime's "
                                 "folder (nnc --print=runtime-dir)"},
      {o->cuda && o->cpu, "--cpu does not go with --backend=cuda; --cuda-arch says which devices"},
      {o->cuda && o->trap_nan,
       "-ftrap-nan does not go with --backend=cuda: a device forgets what is in a NaN"},
      {o->cuda && o->interpret, "--interpret does not go with --backend=cuda"},
      {o->cuda && o->command && strcmp(o->command->name, "report") != 0,
       "--backend=cuda goes with no command but report"},
      {o->cuda_arch && !o->cuda, "--cuda-arch goes with --backend=cuda"},
  };
  for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
    if (rules[i].given) return complain(0, "%s", rules[i].message), false;
  return true;
}

// False when there is one already and the command takes no more.
static bool add_input(Options *o, const char *arg) {
  if (o->input && !(o->command && o->command->many)) return false;
  const char **all = ARENA_ARRAY(o->arena, o->n_inputs + 1, const char *);
  if (o->n_inputs) memcpy(all, o->inputs, o->n_inputs * sizeof *all);
  all[o->n_inputs++] = arg;
  o->inputs = all;
  o->input = all[0];
  return true;
}

bool options_parse(Options *o, const Command *commands, int argc, char **argv, Arena *a) {
  *o = (Options){.argv0 = argv[0], .argc = argc, .argv = argv, .arena = a, .cc_level = "-O2", .real = DT_F32};
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--") == 0) {
      o->rest = argv + i + 1;
      o->n_rest = argc - i - 1;
      break;
    }
    if (argv[i][0] == '-' && argv[i][1]) {
      if (!take_option(o, argc, argv, &i)) return false;
    } else if (!o->command && !o->input && find_command(commands, argv[i])) {
      o->command = find_command(commands, argv[i]);
    } else if (!add_input(o, argv[i])) {
      return second_input(o, commands, i);
    }
  }
  if (o->rest && !o->interpret) {
    complain(0, "`--` is for --interpret: what follows it goes to the program");
    return false;
  }
  if (!inside_options_fit(o)) return false;
  if (!library_options_fit(o) || !cuda_options_fit(o)) return false;
  if (o->depfile_name && !o->depfile) {
    complain(0, "-MF goes with -MD");
    return false;
  }
  if (o->standalone && o->emit != EMIT_C && !o->interpret) {
    complain(0, "--standalone goes with -S");
    return false;
  }
  return true;
}

// ---- help

static void help_row(const char *name, const char *argument, Kind kind, const char *help) {
  static const char *const before[] = {[VALUE] = "=", [MAYBE] = "[=", [NEXT] = " ", [TIGHT] = ""};
  char left[64];
  snprintf(left, sizeof left, "%s%s%s%s", name, argument ? before[kind] : "", argument ? argument : "",
           argument && kind == MAYBE ? "]" : "");
  printf("  %-28s %s%s\n", left, strlen(left) > 28 ? "\n                               " : "", help);
}

void options_help(const Command *commands) {
  static const char *const titles[] = {"General", "Output", "Target", "Budgets", "To look inside"};
  puts("nnc compiles a neural network written in .nn to C.\n\n"
       "  nnc MODEL.nn [-o PROGRAM]     make a program that trains, evaluates and predicts\n"
       "  nnc -S MODEL.nn [-o FILE.c]   make its C text\n"
       "  nnc --library MODEL.nn [-o FILE]   make FILE.h and FILE.c (or .cu) for other programs\n");
  puts("Commands:");
  for (const Command *c = commands; c->name; c++)
    if (c->run) help_row(c->name, c->argument, NEXT, c->help);
  for (Group g = GENERAL; g <= INSIDE; g++) {
    bool any = false;
    for (int i = 0; i < N_ROWS; i++) {
      const Row *r = &rows[i];
      if (r->group != g || r->handle == not_yet) continue;
      if (!any) printf("\n%s:\n", titles[g]);
      any = true;
      help_row(r->name, r->argument, r->kind, r->help);
    }
  }
  puts("\nNot yet in this version:");
  for (const Command *c = commands; c->name; c++)
    if (!c->run) printf(" %s", c->name);
  for (int i = 0; i < N_ROWS; i++)
    if (rows[i].handle == not_yet) printf(" %s", rows[i].name);
  puts("\n\nExit codes: 0 done; 1 the model is wrong; 2 usage; 3 a file or a tool; 4 a check failed; 70 a "
       "bug of nnc.");
}
