// The command line of nnc, read once into a struct. The options are rows of options.def: spelling, argument,
// group, handler, help. Every `--x=N` may be written `--x N`; an option this version does not have yet is an
// error that says so, never ignored.
#ifndef NNC_DRIVER_OPTIONS_H
#define NNC_DRIVER_OPTIONS_H

#include "frontend/elaborate.h"
#include "ir/base/arena.h"

#include <stdbool.h>

typedef struct Options Options;

typedef struct Command {
  const char *name;                       // "check"
  const char *argument;                   // as shown in the help: "MODEL.nn"
  int (*run)(const Options *o, Arena *a); // NULL: not yet in this version
  const char *help;
  bool many;  // it takes several inputs, or none
  bool tests; // it looks at the `test` blocks of a model
} Command;

typedef enum Emit { EMIT_EXECUTABLE, EMIT_C, EMIT_OBJECT } Emit;
typedef enum When { WHEN_AUTO, WHEN_ALWAYS, WHEN_NEVER } When;

typedef struct Dump { // --dump-ir=[before:|after:]PASS
  const char *pass;
  bool after;
} Dump;

struct Options {
  const char *argv0;
  int argc; // the whole command line, for reproducers
  char **argv;
  Arena *arena;
  const Command *command; // NULL: compile
  const char *input;      // the model; for `explain` the code; NULL: none given
  const char **inputs;    // all of a command that takes several
  uint32_t n_inputs;
  const char *output; // -o, NULL: by default
  char **rest;        // what stands after `--`
  int n_rest;

  bool checks;          // -fchecks: assertions on tensors
  bool trap_nan;        // -ftrap-nan: NaNs carry the place where they came up
  bool library;         // the following are for it
  const char **exports; // --export=; none: all
  uint32_t n_exports;
  bool train;                   // --train
  const char *train_name;       // NULL: all train blocks
  const char *prefix, *weights; // NULL: none given
  bool weights_as_file, weights_as_given, has_seed;
  uint64_t seed, max_ram, max_flash; // budgets; 0: none

  Emit emit;
  bool emit_given; // -S or -c was written
  bool standalone;
  bool interpret;
  const char *cc_level;  // "-O2"
  const char *cpu;       // NULL: by default
  bool cuda;             // --backend=cuda
  const char *cuda_arch; // "sm_80,sm_90"; NULL: by default
  bool keep_subnormals;
  bool no_validate;
  DType real;
  bool real_given;
  Define *defines;
  uint32_t n_defines;
  const char **folders; // -I
  uint32_t n_folders;

  bool warn_shadow, warn_anonymous, warnings_are_errors;
  When color;
  bool json;
  bool verbose, dry_run; // -v, -###
  bool version, help;
  const char *print;        // --print=
  bool depfile;             // -MD
  const char *depfile_name; // -MF

  bool dump_ast, time_passes;
  const char *function; // --function=
  int64_t depth, n;     // --depth=, --n=; 0: by default
  bool json_output, cost;
  bool fmt_check; // --check
  bool gradients; // the following are for it
  const char *data;
  const char **allowed; // --allow-vjp
  uint32_t n_allowed;
  Dump *dumps;
  uint32_t n_dumps;
};

// False when the command line is wrong; the message is printed.
bool options_parse(Options *o, const Command *commands, int argc, char **argv, Arena *a);
void options_help(const Command *commands);

// "nnc: error: …" on stderr; gives `status`, so that a caller can say `return complain(EXIT_USAGE, …)`.
int complain(int status, const char *fmt, ...)
#ifdef __GNUC__
    __attribute__((format(printf, 2, 3)))
#endif
    ;

#endif
