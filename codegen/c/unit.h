// One emitted file in the making: the kernels' forms, the constants, the places of faults, the functions.
#ifndef NNC_CODEGEN_C_UNIT_H
#define NNC_CODEGEN_C_UNIT_H

#include "codegen/c/emit.h"
#include "codegen/codegen.h"
#include "codegen/plan_program.h"
#include "codegen/signature.h"
#include "ir/base/intern.h"
#include "ir/base/map.h"

typedef struct Form { // kernels of one text are one function
  const char *key;    // parameter types, then the body with slots
  const char *body, *kind;
  const FnPlan *f; // of the first kernel
  const Kernel *k;
  const Param *params;
  uint32_t n_params, n_slots;
  const Slot *slots; // of the first kernel
  bool *differs;     // by slot: an argument, because not all kernels agree
  uint32_t n_calls;
  int threads;    // of a block
  bool can_fault; // some kernel of the form
} Form;

typedef struct Known { // a kernel whose text was made, the first of its signature
  Signature signature;
  uint32_t call;
} Known;

typedef struct Call { // one kernel
  uint32_t form;
  const Param *params;
  const Slot *slots;
  Launch launch;
} Call;

typedef struct Place {
  Span span;
  const char *what;
  int input; // the argument of the function that is the index, -1: none
} Place;

typedef struct Constant { // elements of a CONST node; equal ones are one array
  DType dtype;
  const Scalar *data;
  int64_t count;
} Constant;

typedef struct Unit Unit;
typedef struct LibraryDialect LibraryDialect; // c/library.h

// What a file in C and one in nearly C (CUDA) differ in, beside the kernels' bodies.
typedef struct Dialect {
  const Target *target;
  uint32_t align;                    // of buffers
  const char *preamble;              // ends the comment at the top, and what comes before the includes
  const char *includes;              // of the runtime, beside the core, in a program
  const char *context;               // what emitted functions get first: "c"
  const char *arguments;             // how a kernel reaches a member of its arguments: "a->"
  const char *optimizer;             // what the names of optimizers begin with: "nn_"
  const char *pointer, *pointer_end; // around the type of what an argument points to: "", " *"
  bool untyped; // calls give kernels `void *`, to be read once for each kernel and not at every call
  void (*kernel_head)(Unit *u, const Form *form, const char *name); // its signature, down to `n`
  const char *(*fixed)(Unit *u, uint32_t number,
                       const char *name); // a constant array of this number and name
  const char *(*memory)(Unit *u, const FnPlan *f, uint32_t buffer, bool written); // an argument's value
  void (*run)(Unit *u, const FnPlan *f, const Step *s, const Call *call); // the kernel with arguments `a`
  void (*copy)(Unit *u, const FnPlan *f, const Step *s, const char *bytes);
  // A hyper-parameter in memory, at an address of type `float` or `double`, and one that is a number.
  const char *(*hyper_at)(Unit *u, const char *address, bool single);
  const char *(*hyper_number)(Unit *u, double value);
  // The step of an optimizer, over `spans` with `hyper`; `guard`: the address of its mask, NULL: it has none.
  void (*optimize)(Unit *u, const FnPlan *f, const Step *s, const char *function, uint32_t n,
                   const char *guard);
  // Down to where steps begin; of a loop's body too, whose arguments end with the iterations.
  void (*function_head)(Unit *u, const FnPlan *f);
  const char *after_fault;      // after a step that may have found one: "  if (…) return …;\n", or ""
  const char *function_end;     // "  return …;\n}\n\n"
  bool own_table;               // `main` hands the functions over in a table of its own, not in the model's
  void (*program_end)(Unit *u); // after the descriptor `model`: main()
  const char *library_includes; // the same in a library
  const LibraryDialect *library;
} Dialect;

extern const Dialect dialect_c, dialect_cuda;

struct Unit {
  Arena *a;
  const Program *p;
  const CodegenOptions *o;
  const Dialect *d;
  StrBuf *out;
  ProgramPlan plan;
  VEC(Form) forms;
  VEC(Known) known;
  VEC(Call) calls; // one per kernel step, in order of functions and steps
  VEC(Place) places;
  unsigned n_marks;
  uint32_t n_loops;
  bool may_fault; // some kernel of the program can find a fault
  VEC(Constant) constants;
  Intern *names;
  Map dims; // names of the arrays of dimensions that are printed
};

// unit.c: the whole program in a dialect
void unit_print(const Dialect *d, const Program *p, const CodegenOptions *o, StrBuf *out);
// what is printed from here on was made for `span`.
void unit_mark(Unit *u, Span span);

// intern.c
void unit_add_kernel(Unit *u, const FnPlan *f, const Kernel *k);
void unit_print_forms(Unit *u);
const char *unit_form_name(const Unit *u, uint32_t form);
uint32_t unit_constant(Unit *u, const Node *n);
// The number of a store that never changes, counted after all constants.
uint32_t unit_fixed(const Unit *u, uint32_t store);
void unit_print_constants(Unit *u);
// The value of a slot as C.
const char *unit_slot(Unit *u, const FnPlan *f, const Slot *s);

// function.c
void unit_print_function(Unit *u, uint32_t fn, uint32_t *next_call);
const char *function_name(const Unit *u, uint32_t fn); // "fn_fit_step"
const char *plan_name(const Unit *u, const FnPlan *f); // likewise; of a loop's body "loop0_fit_step"
// "static int NAME(FIRST, size_t n, void *const *args", and for a loop's body the iterations.
void unit_print_head(Unit *u, const FnPlan *f, const char *first);
// loop.c: a loop's step, the number of its iteration and that for draws
void unit_print_loop(Unit *u, const Step *s);
const char *unit_variable(Unit *u, uint32_t depth); // of the loop at this depth: "t"
const char *unit_iteration(Unit *u, const Loop *l);
const char *unit_draw(Unit *u, const Loop *l);
// The address of a buffer: "m + 64", "args[0]"; and as a pointer of its type.
const char *unit_memory(Unit *u, const FnPlan *f, uint32_t buffer, bool written);
const char *unit_address(Unit *u, const FnPlan *f, uint32_t buffer, bool written);
// Where in the model a step comes from, "iris.nn:6:9"; "" for nowhere.
const char *unit_place_text(Unit *u, const FnPlan *f, const Step *s);
bool unit_uses_arena(const FnPlan *f);
// Whether a kernel's body mentions a one-letter name: the context c, the size n.
bool body_uses(const char *body, char word);
// The type of what a kernel's argument points to, with a space or * after it; all of them as constants.
void unit_pointer(Unit *u, const Form *form, const Param *p);
// Whether a call of the form says anything: arrays, or numbers in which calls differ.
bool unit_has_arguments(const Form *form);
void unit_kernel_arrays(Unit *u, const Form *form);
// The const array that holds a store's value: "kws_weight3".
const char *unit_store_name(const Unit *u, uint32_t store);

// program.c
void unit_print_program(Unit *u);

#endif
