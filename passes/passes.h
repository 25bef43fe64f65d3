// The passes over graphs and the table that orders them (passes.def).
#ifndef NNC_PASSES_PASSES_H
#define NNC_PASSES_PASSES_H

#include "ir/program.h"

// Expands every GRAD into nodes: no GRAD, CUSTOM_VJP or STOP_GRAD is left, nor a node without use.
Graph *pass_autodiff(const Graph *g, Arena *a);
// The same; what it makes is taken off *nodes. NULL where that is not enough: *too_large is the place of the gradient.
Graph *autodiff_within(const Graph *g, uint32_t *nodes, Span *too_large, Arena *a);

// Loops without results that nobody reads, and what only those need.
Graph *pass_loops(const Graph *g, Arena *a);
// Products that a loop's derivative computes again become yields of the loop.
Graph *pass_save(const Graph *g, Arena *a);
// What is the same in every iteration is computed before the loop.
Graph *pass_hoist(const Graph *g, Arena *a);
// Rules of rules.def until none fires.
Graph *pass_simplify(const Graph *g, Arena *a);
// Operations of constants whose bits are certain.
Graph *pass_fold(const Graph *g, Arena *a);
// Merges equal nodes; the first one's span and path stay.
Graph *pass_cse(const Graph *g, Arena *a);
// Drops what neither a root nor an effect needs.
Graph *pass_dce(const Graph *g, Arena *a);

typedef struct PassInfo {
  const char *name;
  Graph *(*run)(const Graph *g, Arena *a);
  const char *after;  // must come after this pass; NULL: anywhere
  const char *reason; // why
  bool loops_only;
  bool bodies_too; // it goes into the bodies of loops itself
} PassInfo;

const PassInfo *pass_table(uint32_t *n);
// Asserts the ordering constraints of the table; called once at start.
void pass_table_check(void);

enum { MAX_DERIVED = 900000 }; // nodes of all functions with their gradients, before any is simplified

typedef struct PassOptions {
  const char *const *disabled; // names turned off (tests)
  uint32_t n_disabled;
  bool verify; // graph_verify after every pass
  Span *too_large;
  // Called before (name, false) and after (name, true) each pass on each function; for --dump-ir,
  // --time-passes.
  void (*observe)(void *user, const char *pass, bool after, const Program *p, const Function *f);
  void *user;
} PassOptions;

// Rewrites the graph of every function of the program. False where their gradients take more than MAX_DERIVED nodes:
// *too_large (NULL: that is not looked at) is the place of the one that was too much.
bool passes_run(Program *p, const PassOptions *options, Arena *a);

#endif
