// nnc, from top to bottom: the command line, then one stage after the other.
//   text -> parse -> elaborate -> passes -> codegen -> C or CUDA text -> (C compiler, nvcc) -> program
#define _POSIX_C_SOURCE 200809L
#include "driver/cc.h"
#include "driver/core_text.h"
#include "driver/diagnose.h"
#include "driver/draw.h"
#include "driver/exit_codes.h"
#include "driver/fmt.h"
#include "driver/gradients.h"
#include "driver/heap.h"
#include "driver/imported.h"
#include "driver/info.h"
#include "driver/inspect.h"
#include "driver/interpret.h"
#include "driver/library.h"
#include "driver/nvcc.h"
#include "driver/options.h"
#include "driver/output.h"
#include "driver/report.h"
#include "driver/reproducer.h"
#include "driver/source.h"
#include "driver/standalone.h"
#include "driver/test.h"

#include "codegen/codegen.h"
#include "codegen/validate.h"
#include "frontend/elaborate.h"
#include "frontend/parse.h"
#include "ir/base/embedded.h"
#include "passes/invariant.h"
#include "passes/passes.h"
#include "passes/share.h"
#include "passes/trap.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// One run of the compiler.
typedef struct Job {
  const Options *o;
  Arena *arena;
  Reproducer bug;
  SourceMap *sources;
  Intern *names;
  Diags *diags;
  Inspect inspect;
  Imported imported;
  bool quiet; // nothing is said about the model
} Job;

static int job_begin(Job *j, const Options *o, Arena *a) {
  *j = (Job){.o = o,
             .arena = a,
             .bug = {.argc = o->argc, .argv = o->argv, .what = "a broken invariant", .is_cuda = o->cuda}};
  if (!o->input) return complain(EXIT_USAGE, "no model given; `nnc --help` shows how");
  if (o->library && library_options(o, a) != EXIT_DONE) return EXIT_USAGE;
  int status = inspect_begin(&j->inspect, o, a);
  if (status != EXIT_DONE) return status;
  status = source_read(o->input, &j->bug.source, a);
  if (status != EXIT_DONE) return status;
  j->imported = (Imported){.o = o, .arena = a, .bug = &j->bug};
  reproducer_guard(&j->bug);
  j->sources = source_map_new(a);
  j->names = intern_new(a);
  j->diags = diags_new(a, j->sources);
  if (o->warn_shadow) diags_enable(j->diags, "shadow");
  if (o->warn_anonymous) diags_enable(j->diags, "anonymous");
  if (o->warnings_are_errors) diags_warnings_are_errors(j->diags);
  return EXIT_DONE;
}

static File *parse(Job *j, const char *name, const char *text, size_t len, bool is_std) {
  return parse_source(source_add(j->sources, name, text, len, is_std), j->sources, j->names, j->diags,
                      j->arena);
}

// The standard library; a mistake in it is ours.
static const File **parse_std(Job *j) {
  const File **files = ARENA_ARRAY(j->arena, embedded_std.n, const File *);
  unsigned before = diags_errors(j->diags);
  for (uint32_t i = 0; i < embedded_std.n; i++)
    files[i] =
        parse(j, embedded_std.files[i].name, embedded_std.files[i].text, embedded_std.files[i].len, true);
  if (diags_errors(j->diags) != before) diagnose(j->diags, j->o);
  assert(diags_errors(j->diags) == before);
  return files;
}

// NULL when the model has errors; whatever there is to say about it is printed.
static Program *front_end(Job *j) {
  const Options *o = j->o;
  ElaborateOptions options = {.real = o->real, .defines = o->defines, .n_defines = o->n_defines};
  options.tests = o->command && o->command->tests;
  options.library = o->library;
  options.checks = o->checks;
  const File **std_files = parse_std(j);
  File *user = parse(j, o->input, j->bug.source.text, j->bug.source.len, false);
  inspect_ast(&j->inspect, user);
  Loader loader = imported_loader(&j->imported);
  Modules modules = import_files(user, &loader, j->sources, j->names, j->diags, j->arena);
  options.modules = &modules;
  inspect_stage(&j->inspect, "parse");
  Program *p = elaborate(user, std_files, embedded_std.n, j->sources, j->names, &options, j->diags, j->arena);
  inspect_stage(&j->inspect, "elaborate");
  if (!j->quiet) diagnose(j->diags, j->o);
  if (diags_errors(j->diags) > 0) return NULL;
  assert(p);
  inspect_elaborated(&j->inspect, p);
  return p;
}

// What every command with a model begins with: the elaborated program, or the exit code.
static int job_program(Job *j, const Options *o, Program **p, Arena *a) {
  int status = job_begin(j, o, a);
  if (status != EXIT_DONE) return status;
  *p = front_end(j);
  return *p ? EXIT_DONE : EXIT_SOURCE;
}

// Tests compare with a program whose steps compute everything.
static bool may_hoist(void) {
#ifdef NNC_TEST_HOOKS
  return !getenv("NNC_NO_HOIST");
#else
  return true;
#endif
}

// Nothing but the passes knows how long gradients are; all else there is to say was said before.
static int too_large(Job *j, Span gradient) {
  Diags *diags = diags_new(j->arena, j->sources);
  Diag *g = diag_error(diags, DIAG_E0807, gradient,
                       "the program has more than %d operations, with those of its gradients", MAX_DERIVED);
  diag_note(g, "a gradient of a gradient takes several times the operations of what it is of, and static loops are "
               "unrolled: a long loop at run time is a `scan`");
  diagnose(diags, j->o);
  return EXIT_SOURCE;
}

// A program that runs its own loops may have one step for several of them, and leave to them what all its
// steps have in common. A library's caller knows each loop's step by its name, and may change the weights
// between any two.
static int middle(Job *j, Program *p, bool runs_loops) {
  PassOptions options = {.observe = inspect_pass, .user = &j->inspect, .too_large = &(Span){0}};
  if (!passes_run(p, &options, j->arena)) return too_large(j, *options.too_large);
  if (runs_loops) program_share(p, j->arena);
  if (runs_loops && may_hoist()) program_hoist(p, &invariant_limits, j->arena);
  for (uint32_t i = 0; i < p->n_fns; i++) inspect_pass(&j->inspect, "invariant", true, p, &p->fns[i]);
  if (j->o->trap_nan) program_trap_nan(p);
  inspect_kernels(&j->inspect, p);
  return EXIT_DONE;
}

// Tests break the emitter on purpose; a build without tests can't.
static unsigned broken_place(void) {
#ifdef NNC_TEST_HOOKS
  const char *n = getenv("NNC_BREAK_EMITTER");
  return n ? (unsigned)strtoul(n, NULL, 10) : 0;
#else
  return 0;
#endif
}

// A program's text is looked at with only those parts of the runtime that it uses in front, a fraction of the
// whole: what has no errors so has none with all of it. Where there are errors, the text as it is says where.
static Verdict verdict_of(Job *j, Text text, const EmbeddedFiles *headers) {
  if (j->o->cuda) return validate_cuda(text.text, text.len, headers, NULL, j->arena);
  if (headers == &embedded_runtime) {
    StrBuf used = {0};
    size_t end;
    ptrdiff_t grown;
    core_text(text, &used, &end, &grown);
    Verdict v = validate_c(sb_text(&used), used.len, headers, NULL, j->arena);
    strbuf_free(&used);
    if (v.unchecked || v.errors == 0) return v;
    if (j->o->verbose) fprintf(stderr, "nnc: libclang looks again, with the whole runtime: %s\n", v.first);
  }
  return validate_c(text.text, text.len, headers, NULL, j->arena);
}

// No compiler sees a text that libclang does not accept. It may include `headers`.
static int validate(Job *j, Text text, const EmbeddedFiles *headers, const TextMap *map) {
  const Options *o = j->o;
  if (o->no_validate || o->dry_run) return EXIT_DONE;
  const char *language = o->cuda ? "CUDA" : "C";
  Verdict v = verdict_of(j, text, headers);
  inspect_stage(&j->inspect, "validate");
  if (v.unchecked && o->verbose)
    fprintf(stderr, "nnc: the emitted %s is not validated: %s\n", language, v.unchecked);
  if (v.unchecked || v.errors == 0) return EXIT_DONE;
  const char *at =
      v.offset == VALIDATE_NO_OFFSET ? "" : span_text(j->sources, text_map_at(map, v.offset), j->arena);
  j->bug.what = arena_printf(j->arena, "the emitted %s is not valid: %s%s%s%s", language, v.first,
                             *at ? " (made for " : "", at, *at ? ")" : "");
  j->bug.emitted = text;
  j->bug.tool = (Text){v.said, strlen(v.said)};
  return reproducer_write(&j->bug);
}

// The text that a compiler gets: -S writes a comment before it that says how.
static void finish_text(const Job *j, Text model, StrBuf *out) {
  const Options *o = j->o;
  bool is_file = o->emit == EMIT_C && !o->standalone;
  if (is_file && o->cuda)
    nvcc_comment(o, out, j->arena);
  else if (is_file)
    sb_puts(out,
            "/* R=$(nnc --print=runtime-dir); cc -O2 THIS.c -I$R/core -I$R/host $R/host/nn_*.c -lm */\n");
  if (is_file || o->cuda)
    sb_putn(out, model.text, model.len);
  else
    standalone_text(model, !cc_runtime(o, j->arena), out);
}

static int emit(Job *j, const Program *p, bool tests, Text *out) {
  const Options *o = j->o;
  StrBuf model = {0}, whole = {0};
  TextMap map = {.arena = j->arena};
  (o->cuda ? codegen_cuda : codegen_c)(p,
                                       &(CodegenOptions){.nnc_version = NNC_VERSION,
                                                         .program = true,
                                                         .tests = tests,
                                                         .keep_subnormals = o->keep_subnormals,
                                                         .map = &map,
                                                         .break_place = broken_place()},
                                       &model);
  inspect_stage(&j->inspect, "codegen");
  // The runtime's sources, which --standalone puts in front, are the same for every model.
  Text text = {arena_strndup(j->arena, sb_text(&model), model.len), model.len};
  int status = validate(j, text, &embedded_runtime, &map);
  finish_text(j, text, &whole);
  *out = (Text){arena_strndup(j->arena, sb_text(&whole), whole.len), whole.len};
  strbuf_free(&model);
  strbuf_free(&whole);
  return status;
}

// model.nn -> model, model.c or model.cu, model.o, in the current folder.
static const char *output_name(const Options *o, Arena *a) {
  if (o->output) return o->output;
  const char *slash = strrchr(o->input, '/'), *stem = slash ? slash + 1 : o->input;
  const char *dot = strrchr(stem, '.');
  size_t n = dot && dot > stem ? (size_t)(dot - stem) : strlen(stem);
  return arena_printf(a, "%.*s%s", (int)n, stem,
                      o->emit == EMIT_C        ? (o->cuda ? ".cu" : ".c")
                      : o->emit == EMIT_OBJECT ? ".o"
                                               : "");
}

static bool reads_pictures(const Program *p) {
  for (uint32_t i = 0; i < p->n_data; i++)
    for (uint32_t k = 0; k < p->data[i].n_sources; k++)
      if (p->data[i].sources[k].kind == SRC_IMAGES) return true;
  return false;
}

static int write_output(Job *j, const Program *p, Text c) {
  const Options *o = j->o;
  const char *path = output_name(o, j->arena);
  const char *name = o->depfile_name ? o->depfile_name : arena_printf(j->arena, "%s.d", path);
  int status = imported_spares(&j->imported, path);
  if (status == EXIT_DONE && o->depfile) status = imported_spares(&j->imported, name);
  if (status != EXIT_DONE) return status;
  if (o->emit == EMIT_C)
    status = o->dry_run ? EXIT_DONE : output_text(path, o->input, c.text, c.len, j->arena);
  else if (o->cuda)
    status = nvcc_compile(o, c, path, &j->bug, j->arena);
  else
    status = cc_compile(o, reads_pictures(p), c, path, &j->bug, j->arena);
  inspect_stage(&j->inspect, "write");
  if (status != EXIT_DONE || !o->depfile || o->dry_run) return status;
  const char *rule = arena_printf(j->arena, "%s: %s%s\n", path, o->input, imported_list(&j->imported));
  return output_text(name, o->input, rule, strlen(rule), j->arena);
}

static int validate_part(void *job, Text text, const EmbeddedFiles *headers, const TextMap *map) {
  return validate(job, text, headers, map);
}

static int library(Job *j, const Program *p) {
  Library l;
  int status = library_make(p, j->o, broken_place(), validate_part, j, &l, j->arena);
  inspect_stage(&j->inspect, "library");
  return status == EXIT_DONE && !j->o->dry_run ? library_write(&l, j->o, j->arena) : status;
}

// A dump alone asks for no file.
static bool wants_output(const Options *o) {
  return o->output || o->emit_given || o->library || (!o->dump_ast && o->n_dumps == 0);
}

static int compile(const Options *o, Arena *a) {
  Job j;
  Program *p;
  int status = job_program(&j, o, &p, a);
  if (status != EXIT_DONE) return status;
  if ((status = middle(&j, p, !o->library)) != EXIT_DONE) return status;
  if (o->interpret) return interpret(p, NNC_VERSION, o->keep_subnormals, o->input, o->n_rest, o->rest);
  if (wants_output(o) && o->library) status = library(&j, p);
  Text c;
  if (wants_output(o) && !o->library && (status = emit(&j, p, false, &c)) == EXIT_DONE)
    status = write_output(&j, p, c);
  inspect_end(&j.inspect);
  return status;
}

// `nnc check`: all that can be said about a model without writing anything.
static int check(const Options *o, Arena *a) {
  Job j;
  Program *p;
  int status = job_program(&j, o, &p, a);
  if (status != EXIT_DONE) return status;
  if ((status = middle(&j, p, true)) != EXIT_DONE) return status;
  inspect_end(&j.inspect);
  return EXIT_DONE;
}

static int compile_tests(void *job, const Program *p, const char *path) {
  Job *j = job;
  Text c;
  int status = emit(j, p, true, &c);
  return status == EXIT_DONE ? cc_compile(j->o, false, c, path, &j->bug, j->arena) : status;
}

// In f64; a model that has other floats in places may be right in f32 only. (Its arithmetic is in f64 all the
// same.)
static int test_gradients(Options *o, Arena *a) {
  Job as_given, in_f64;
  Program *p, *wide;
  int status = job_program(&as_given, o, &p, a);
  if (status != EXIT_DONE) return status;
  Options f64 = *o;
  f64.real = DT_F64;
  Job *j = &as_given;
  if (job_begin(&in_f64, &f64, a) == EXIT_DONE) {
    in_f64.quiet = true;
    wide = front_end(&in_f64);
    if (wide) p = wide, j = &in_f64;
  }
  // as elaborated and after the passes: what is meant, and what is computed
  const Graph **written = ARENA_ARRAY(a, p->n_fns, const Graph *);
  for (uint32_t i = 0; i < p->n_fns; i++) written[i] = p->fns[i].g;
  if ((status = middle(j, p, false)) != EXIT_DONE) return status;
  status = gradients_check(p, written, o, a);
  inspect_end(&j->inspect);
  return status;
}

static int test(const Options *given, Arena *a) {
  Options o = *given;
  Job j;
  Program *p;
  if (o.gradients) return test_gradients(&o, a);
  o.real = DT_F64;
  int status = job_program(&j, &o, &p, a);
  if (status != EXIT_DONE) return status;
  if ((status = middle(&j, p, false)) != EXIT_DONE) return status;
  status = test_run(p, &o, compile_tests, &j, a);
  inspect_end(&j.inspect);
  return status;
}

static int explain(const Options *o, Arena *a) {
  if (!o->input) return complain(EXIT_USAGE, "explain what? A code such as E0203");
  char *code = arena_strdup(a, o->input);
  if (*code == 'e' || *code == 'w') *code += 'E' - 'e';
  const char *text = diag_explain(code);
  if (!text) return complain(EXIT_USAGE, "there is no diagnostic `%s`", o->input);
  for (int c = 0; c < DIAG_COUNT; c++)
    if (strcmp(diag_code_text((DiagCode)c), code) == 0)
      printf("%s: %s\n\n", code, diag_code_title((DiagCode)c));
  puts(text);
  return EXIT_DONE;
}

static int info(const Options *o, Arena *a) {
  Job j;
  Program *p;
  int status = job_program(&j, o, &p, a);
  if (status != EXIT_DONE) return status;
  return info_print(p, o, a);
}

static int report(const Options *o, Arena *a) {
  Job j;
  Program *p;
  int status = job_program(&j, o, &p, a);
  if (status != EXIT_DONE) return status;
  if ((status = middle(&j, p, true)) != EXIT_DONE) return status;
  Report r = codegen_report(p, o->cuda, o->n, a);
  inspect_stage(&j.inspect, "codegen");
  status = report_print(&r, o, a);
  inspect_end(&j.inspect);
  return status;
}

static int graph(const Options *o, Arena *a) {
  Job j;
  Program *p;
  int status = job_program(&j, o, &p, a);
  if (status != EXIT_DONE) return status;
  status = imported_spares(&j.imported, o->output);
  return status == EXIT_DONE ? draw(p, o, a) : status;
}

static const Command commands[] = {
    {"check", "MODEL.nn", check, "say what is wrong with a model; write nothing", false, true},
    {"info", "MODEL.nn", info, "its layers, shapes, parameters, work; functions, data, trainings", false,
     false},
    {"explain", "CODE", explain, "the long text of a diagnostic, such as E0203", false, false},
    {"test", "MODEL.nn", test, "run its `test` blocks, interpreted and as compiled C; or --gradients", false,
     true},
    {"fmt", "FILES", fmt, "lay sources out as is usual, in place; without a file, stdin to stdout", true,
     false},
    {"graph", "MODEL.nn", graph, "draw a function: DOT, or SVG with `-o FILE.svg`", false, false},
    {"report", "MODEL.nn", report, "memory and cost by layer", false, false},
    {"init", "MODEL.nn", NULL, "write initial weights", false, false},
    {NULL, NULL, NULL, NULL, false, false},
};

static int run(const Options *o, Arena *a) {
  if (o->help) return options_help(commands), EXIT_DONE;
  if (o->version) return printf("nnc " NNC_VERSION "\nvalidation: %s\n", validate_version(a)), EXIT_DONE;
  if (o->print) return inspect_print(o->print, a), EXIT_DONE;
  if (o->verbose) fputs("nnc " NNC_VERSION "\n", stderr);
  if (!o->command) return compile(o, a);
  if (!o->command->run)
    return complain(EXIT_USAGE, "`nnc %s` is not yet in this version of nnc", o->command->name);
  return o->command->run(o, a);
}

int main(int argc, char **argv) {
  heap_prepare();
  Arena *a = arena_new();
  Options o;
  pass_table_check();
  int status = options_parse(&o, commands, argc, argv, a) ? run(&o, a) : EXIT_USAGE;
  arena_free(a);
  return status;
}
