// One emitted file in the making: the kernels' forms, the constants, the places of faults, the functions.
#ifndef NNC_CODEGEN_C_UNIT_H
#define NNC_CODEGEN_C_UNIT_H

#include "codegen/c/emit.h"
#include "codegen/codegen.h"
#include "codegen/plan_program.h"

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
} Form;

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

typedef struct Unit {
  Arena *a;
  const Program *p;
  const CodegenOptions *o;
  const Target *target;
  StrBuf *out;
  ProgramPlan plan;
  VEC(Form) forms;
  VEC(Call) calls; // one per kernel step, in order of functions and steps
  VEC(Place) places;
  unsigned n_marks;
  VEC(Constant) constants;
} Unit;

// unit.c: what is printed from here on was made for `span`.
void unit_mark(Unit *u, Span span);

// intern.c
void unit_add_kernel(Unit *u, const FnPlan *f, const Kernel *k);
void unit_print_forms(Unit *u);
const char *unit_form_name(const Unit *u, uint32_t form);
uint32_t unit_constant(Unit *u, const Node *n);
void unit_print_constants(Unit *u);
// The value of a slot as C.
const char *unit_slot(Unit *u, const FnPlan *f, const Slot *s);

// function.c
void unit_print_function(Unit *u, uint32_t fn, uint32_t *next_call);
const char *function_name(const Unit *u, uint32_t fn); // "fn_fit_step"
// The const array that holds a store's value: "kws_weight3".
const char *unit_store_name(const Unit *u, uint32_t store);

// program.c
void unit_print_program(Unit *u);

#endif
