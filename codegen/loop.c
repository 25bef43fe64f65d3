// The body's arguments have the layout of the memory they stand for. Its scratch memory is one buffer of the
// plan around it, alive in the loop only, so that the arena is planned as for any other step.
#include "codegen/loop.h"

#include "codegen/fuse.h"
#include "codegen/lower.h"
#include "codegen/memplan.h"
#include "codegen/schedule.h"

#include <assert.h>
#include <stdio.h>

Step plan_copy(FnPlan *f, const bool *has_buffer, NodeId v, uint32_t to) {
  uint32_t from = plan_memory_of(f, v);
  if (from != NO_BUFFER && buffer_same_layout(&f->buffers.data[from], &f->buffers.data[to]))
    return (Step){.kind = STEP_COPY, .dst = to, .src = from};
  Step s = {.kind = STEP_KERNEL, .kernel = lower_copy(f, has_buffer, v, to, f->a)};
  assert(s.kernel && "a value alone is a kernel");
  s.can_fault = kernel_can_fault(s.kernel);
  return s;
}

// Where result k of the loop is wanted; memory of its own if it is not.
static uint32_t result_buffer(FnPlan *f, NodeId scan, uint32_t k) {
  const Graph *g = f->fn->g;
  Buffer b = {.node = scan};
  for (NodeId v = scan + 1; v < g->len; v++) {
    const Node *n = graph_node(g, v);
    if (n->op == OP_PROJ && n->in[0] == scan && n->attr.proj == k && f->buffer_of[v] != NO_BUFFER)
      return f->buffer_of[v];
  }
  scan_result(graph_node(g, scan)->attr.scan, k, &b.dtype, &b.shape);
  b.bytes = plan_bytes(f, &b.shape, b.dtype);
  return plan_scratch(f, b);
}

static Function *body_function(const FnPlan *f, const Node *n) {
  const ScanAttr *s = n->attr.scan;
  Function *fn = arena_copy(f->a, f->fn, sizeof *fn);
  RootInfo *roots = ARENA_ARRAY(f->a, s->body->n_roots, RootInfo);
  for (uint32_t k = 0; k < s->body->n_roots; k++)
    roots[k].kind = k < s->n_carries ? ROOT_EFFECT : ROOT_RESULT;
  fn->g = (Graph *)s->body; // planning changes no graph
  fn->roots = roots;
  fn->inputs = NULL;
  fn->n_inputs = n->n_in;
  fn->span = n->span;
  return fn;
}

static void plan_workspace(FnPlan *f, Loop *l) {
  Arena *scratch = arena_new();
  l->sched = schedule_function(l->body, f->a);
  uint64_t bytes = memplan_scratch(l->body, l->sched, NULL, 0);
  const char *wrong = memverify(l->body, l->sched, 0, bytes, scratch);
  if (wrong) fprintf(stderr, "nnc: memory plan of a loop in %s: %s\n", f->fn->name, wrong);
  assert(!wrong && "a memory plan never lets two live buffers overlap");
  arena_free(scratch);
  l->workspace = NO_BUFFER;
  if (bytes == 0) return;
  Buffer b = {
      .dtype = DT_U8, .shape = {.rank = 1, .d = {dim_of((int64_t)bytes)}}, .node = l->node, .bytes = bytes};
  l->workspace = plan_scratch(f, b);
}

static bool can_fault(const FnPlan *f) {
  for (size_t i = 0; i < f->steps.len; i++)
    if (f->steps.data[i].can_fault) return true;
  return false;
}

void plan_loop(FnPlan *f, const bool *has_buffer, NodeId scan) {
  const Node *n = graph_node(f->fn->g, scan);
  const ScanAttr *s = n->attr.scan;
  Loop *l = ARENA_NEW(f->a, Loop);
  uint32_t *operands = ARENA_ARRAY(f->a, n->n_in, uint32_t),
           *yields = ARENA_ARRAY(f->a, s->n_yields, uint32_t);
  for (uint32_t k = 0; k < s->n_yields; k++) yields[k] = result_buffer(f, scan, k);
  for (uint32_t k = 0; k < n->n_in; k++) {
    operands[k] = k < s->n_carries ? result_buffer(f, scan, s->n_yields + k) : plan_memory_of(f, n->in[k]);
    assert(operands[k] != NO_BUFFER && "select.c gives operands of loops memory");
    if (k < s->n_carries) vec_push(f->a, &f->steps, plan_copy(f, has_buffer, n->in[k], operands[k]));
  }
  if (dim_is(s->length, 0)) return;
  *l = (Loop){.outer = f, .node = scan, .operands = operands, .yields = yields};
  l->depth = f->loop ? f->loop->depth + 1 : 0;
  l->body = fuse_body(f->program, body_function(f, n), l, f->align, f->a);
  plan_workspace(f, l);
  vec_push(f->a, &f->steps,
           ((Step){.kind = STEP_LOOP, .loop = l, .node = scan, .can_fault = can_fault(l->body)}));
}
