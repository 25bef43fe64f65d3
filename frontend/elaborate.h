// AST to Program: the static stage, shapes and types, instances and stores, data and the train plan.
#ifndef NNC_FRONTEND_ELABORATE_H
#define NNC_FRONTEND_ELABORATE_H

#include "frontend/ast.h"
#include "frontend/imports.h"
#include "ir/base/intern.h"
#include "ir/program.h"

typedef struct Define { const char *name, *value; } Define;  // -D name=value

typedef struct ElaborateOptions {
  DType real;              // DT_F32 or DT_F64
  const Define *defines;
  uint32_t n_defines;
  const Modules *modules;  // with the files that are imported; NULL: the user's alone
  bool tests;              // `test` blocks become functions; else they are passed over
  bool library;            // nobody prints
  bool checks;             // assertions on tensors are checked at run time
} ElaborateOptions;

// `files[0]` is the user's; `std_files` the parsed standard library. NULL when there were errors.
Program *elaborate(const File *user, const File *const *std_files, uint32_t n_std, const SourceMap *sources,
                   Intern *names, const ElaborateOptions *options, Diags *diags, Arena *a);

#endif
