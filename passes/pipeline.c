// The table of passes and its run over a program.
#include "passes/passes.h"

#include "ir/verify.h"
#include "passes/live.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static const PassInfo table[] = {
#define PASS(name, function, after, reason) {#name, function, after, reason, false, false},
#define LOOP_PASS(name, function, after, reason) {#name, function, after, reason, true, false},
#define BODIES_PASS(name, function, after, reason) {#name, function, after, reason, false, true},
#include "passes/passes.def"
#undef PASS
#undef LOOP_PASS
#undef BODIES_PASS
};

enum { N_PASSES = sizeof table / sizeof *table };

const PassInfo *pass_table(uint32_t *n) {
  *n = N_PASSES;
  return table;
}

static uint32_t position(const char *name) {
  for (uint32_t i = 0; i < N_PASSES; i++)
    if (!strcmp(table[i].name, name)) return i;
  return UINT32_MAX;
}

void pass_table_check(void) {
  for (uint32_t i = 0; i < N_PASSES; i++) {
    assert(position(table[i].name) == i && "a pass stands once");
    assert(table[i].reason && (!table[i].after || position(table[i].after) < i));
  }
}

static bool disabled(const PassOptions *o, const char *name) {
  for (uint32_t i = 0; i < o->n_disabled; i++)
    if (!strcmp(o->disabled[i], name)) return true;
  return false;
}

static void verify(const Program *p, const Function *f, const char *pass, bool expanded) {
  StrBuf why = {0};
  bool ok = function_verify(p, f, expanded ? VERIFY_NO_AD : VERIFY_ANY, &why);
  if (!ok) fprintf(stderr, "nnc: after %s: %s: %s\n", pass, f->name, sb_text(&why));
  strbuf_free(&why);
  assert(ok && "a pass keeps the graph's invariants");
}

typedef Graph *Pass(const Graph *g, Arena *a);

static Graph *run_pass(const Graph *body, void *pass, Arena *a) { return (*(Pass **)pass)(body, a); }

static bool has_loop(const Graph *g) {
  for (NodeId id = 0; id < g->len; id++)
    if (graph_node(g, id)->op == OP_SCAN) return true;
  return false;
}

static Graph *result_of(const PassInfo *pass, Graph *g, const PassOptions *o, uint32_t *nodes, Arena *a) {
  if (pass->run == pass_autodiff && o->too_large) return autodiff_within(g, nodes, o->too_large, a);
  if (pass->loops_only && !has_loop(g)) return g;
  Graph *out = pass->run(g, a);
  Pass *run = pass->run;
  if (!pass->bodies_too) change_bodies(out, run_pass, &run, a);
  return out;
}

static bool run_on(Program *p, Function *f, const PassOptions *o, uint32_t *nodes, Arena *a) {
  bool expanded = false;
  Graph *last = NULL; // made by a pass
  for (uint32_t i = 0; i < N_PASSES; i++) {
    if (disabled(o, table[i].name)) continue;
    if (o->observe) o->observe(o->user, table[i].name, false, p, f);
    Graph *before = f->g;
    Graph *out = result_of(&table[i], before, o, nodes, a);
    if (!out) return false;
    f->g = out;
    expanded |= table[i].run == pass_autodiff;
    if (o->observe) o->observe(o->user, table[i].name, true, p, f);
    if (o->verify) verify(p, f, table[i].name, expanded);
    if (f->g == before) continue;
    if (last) graph_drop(last);
    last = f->g;
  }
  return true;
}

bool passes_run(Program *p, const PassOptions *options, Arena *a) {
  uint32_t nodes = MAX_DERIVED;
  for (uint32_t i = 0; i < p->n_fns; i++)
    if (!run_on(p, &p->fns[i], options, &nodes, a)) return false;
  return true;
}
