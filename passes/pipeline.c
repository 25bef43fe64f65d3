// The table of passes and its run over a program.
#include "passes/passes.h"

#include "ir/verify.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static const PassInfo table[] = {
#define PASS(name, function, after, reason) {#name, function, after, reason, false},
#define LOOP_PASS(name, function, after, reason) {#name, function, after, reason, true},
#include "passes/passes.def"
#undef PASS
#undef LOOP_PASS
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

// Bodies of loops are graphs as well. (Autodiff has been there: it needs them as they were.)
static void run_on_bodies(Graph *g, Graph *(*run)(const Graph *, Arena *), Arena *a) {
  for (NodeId id = 0; id < g->len; id++) {
    if (graph_node(g, id)->op != OP_SCAN) continue;
    ScanAttr *s = arena_copy(g->arena, graph_node(g, id)->attr.scan, sizeof *s);
    Graph *body = run(s->body, a);
    run_on_bodies(body, run, a);
    s->body = body;
    graph_change(g, id)->attr.scan = s;
  }
}

static bool has_loop(const Graph *g) {
  for (NodeId id = 0; id < g->len; id++)
    if (graph_node(g, id)->op == OP_SCAN) return true;
  return false;
}

static Graph *result_of(const PassInfo *pass, Graph *g, Arena *a) {
  if (pass->loops_only && !has_loop(g)) return g;
  Graph *out = pass->run(g, a);
  if (pass->run != pass_autodiff) run_on_bodies(out, pass->run, a);
  return out;
}

static void run_on(Program *p, Function *f, const PassOptions *o, Arena *a) {
  bool expanded = false;
  Graph *last = NULL; // made by a pass
  for (uint32_t i = 0; i < N_PASSES; i++) {
    if (disabled(o, table[i].name)) continue;
    if (o->observe) o->observe(o->user, table[i].name, false, p, f);
    Graph *before = f->g;
    f->g = result_of(&table[i], before, a);
    expanded |= table[i].run == pass_autodiff;
    if (o->observe) o->observe(o->user, table[i].name, true, p, f);
    if (o->verify) verify(p, f, table[i].name, expanded);
    if (f->g == before) continue;
    if (last) graph_drop(last);
    last = f->g;
  }
}

void passes_run(Program *p, const PassOptions *options, Arena *a) {
  for (uint32_t i = 0; i < p->n_fns; i++) run_on(p, &p->fns[i], options, a);
}
