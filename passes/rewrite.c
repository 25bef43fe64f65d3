// One walk over the graph; every node is appended to the new graph and replaced as long as a rule fires on
// it. Its inputs being in final form already, a walk or two reach the fixpoint.
#include "passes/rewrite.h"

#include "ir/base/vec.h"
#include "passes/fold.h"
#include "passes/live.h"
#include "passes/passes.h"
#include "passes/rule_fns.h"
#include "passes/sexpr.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_VARS = 4, MAX_WALKS = 16 };

static const RuleInfo rules[] = {
#define RULE(name, pattern, result, before, after, unless)                                                   \
  {#name, pattern, result, NULL, before, after, unless},
#define RULE_F(name, pattern, function, before, after, unless)                                               \
  {#name, pattern, NULL, rule_##function, before, after, unless},
#include "passes/rules.def"
#undef RULE
#undef RULE_F
};

const RuleInfo *rule_table(void) { return rules; }

// ---- patterns

typedef enum PatternKind {
  PAT_VAR,
  PAT_CONST,
  PAT_NUMBER,
  PAT_MASK,
  PAT_OP,
  PAT_ELEMENTWISE,
  PAT_REDUCE
} PatternKind;

typedef struct Pattern {
  PatternKind kind;
  uint32_t var;    // VAR, CONST
  double number;   // NUMBER, MASK
  Op op;           // OP
  bool any_inputs; // `...`
  struct Pattern *in;
  uint32_t n;
} Pattern;

typedef struct Rule {
  Pattern pattern, result;
} Rule;

typedef struct Names {
  const char *name[MAX_VARS];
  uint32_t n;
} Names;

static uint32_t variable(Names *names, const char *name) {
  for (uint32_t i = 0; i < names->n; i++)
    if (!strcmp(names->name[i], name)) return i;
  assert(names->n < MAX_VARS);
  names->name[names->n] = name;
  return names->n++;
}

static Op op_named(const char *name) {
  for (int op = 0; op < OP_COUNT; op++)
    if (!strcmp(op_name((Op)op), name)) return (Op)op;
  assert(!"rules.def names an operation");
  return OP_COUNT;
}

static Pattern compile(const Sexpr *x, Names *names, Arena *a);

static Pattern compile_atom(const char *s, Names *names) {
  Pattern p = {0};
  char *end;
  if (*s == '?' || *s == '#') {
    p.kind = *s == '?' ? PAT_VAR : PAT_CONST;
    p.var = variable(names, s + 1);
  } else if (!strcmp(s, "true") || !strcmp(s, "false")) {
    p.kind = PAT_MASK;
    p.number = *s == 't';
  } else {
    p.kind = PAT_NUMBER;
    p.number = strtod(s, &end);
    assert(*end == 0 && "an atom of a pattern is ?x, #c, a number or a mask");
  }
  return p;
}

static Pattern compile(const Sexpr *x, Names *names, Arena *a) {
  if (!x->open) return compile_atom(x->atom, names);
  const char *head = x->in[0].atom;
  Pattern p = {.kind = PAT_OP};
  if (!strcmp(head, "elementwise"))
    p.kind = PAT_ELEMENTWISE;
  else if (!strcmp(head, "reduce"))
    p.kind = PAT_REDUCE;
  else
    p.op = op_named(head);
  p.n = x->n - 1;
  p.in = ARENA_ARRAY(a, p.n, Pattern);
  if (p.n == 1 && !x->in[1].open && !strcmp(x->in[1].atom, "...")) {
    p.any_inputs = true;
    p.n = 0;
  }
  for (uint32_t i = 0; i < p.n; i++) p.in[i] = compile(&x->in[i + 1], names, a);
  return p;
}

static Rule compile_rule(const RuleInfo *info, Arena *a) {
  Names names = {0};
  Rule r = {0};
  Sexpr pattern = sexpr_parse(info->pattern, a);
  r.pattern = compile(&pattern.in[0], &names, a);
  if (info->result) {
    uint32_t known = names.n;
    Sexpr result = sexpr_parse(info->result, a);
    r.result = compile(&result.in[0], &names, a);
    assert(names.n == known && "a result uses the names of its pattern");
    (void)known;
  }
  return r;
}

// ---- matching

static bool is_splat(const Node *n) { return n->op == OP_CONST && n->attr.konst.count == 1; }

static bool has_value(const Node *n, double v) {
  if (!is_splat(n) || n->dtype == DT_MASK) return false;
  return dtype_is_real(n->dtype) ? n->attr.konst.data[0].f == v : (double)n->attr.konst.data[0].i == v;
}

static bool commutes(Op op) {
  return op == OP_ADD || op == OP_MUL || op == OP_MAX || op == OP_MIN || op == OP_EQ || op == OP_NE ||
         op == OP_AND || op == OP_OR;
}

static bool matches_head(const Pattern *p, const Node *n) {
  switch (p->kind) {
  case PAT_OP: return n->op == p->op && (p->any_inputs || n->n_in == p->n);
  case PAT_ELEMENTWISE: return op_is_scalar(n->op);
  case PAT_REDUCE: return op_kind(n->op) == KIND_REDUCE;
  default: return false;
  }
}

static bool matches(const Graph *g, const Pattern *p, NodeId id, NodeId *var);

static bool matches_inputs(const Graph *g, const Pattern *p, const Node *n, bool exchanged, NodeId *var) {
  for (uint32_t i = 0; i < p->n; i++)
    if (!matches(g, &p->in[i], n->in[exchanged ? 1 - i : i], var)) return false;
  return true;
}

static bool matches_node(const Graph *g, const Pattern *p, const Node *n, NodeId *var) {
  if (!matches_head(p, n)) return false;
  NodeId before[MAX_VARS];
  memcpy(before, var, sizeof before);
  if (matches_inputs(g, p, n, false, var)) return true;
  memcpy(var, before, sizeof before);
  return p->n == 2 && commutes(n->op) && matches_inputs(g, p, n, true, var);
}

static bool matches(const Graph *g, const Pattern *p, NodeId id, NodeId *var) {
  const Node *n = graph_node(g, id);
  switch (p->kind) {
  case PAT_CONST:
    if (!is_splat(n)) return false;
    break;
  case PAT_VAR: break;
  case PAT_NUMBER: return has_value(n, p->number);
  case PAT_MASK: return is_splat(n) && n->dtype == DT_MASK && n->attr.konst.data[0].i == (p->number != 0);
  default: return matches_node(g, p, n, var);
  }
  if (var[p->var] == NO_NODE) var[p->var] = id;
  return var[p->var] == id;
}

// ---- rewriting

typedef struct Rewriter {
  Builder b;
  const Rule *rules;
  const uint32_t *rules_for[OP_COUNT]; // that may fire on a node of the operation, RULE_COUNT ends them
  const bool *enabled;
  uint32_t *fired;
  bool any;
} Rewriter;

static NodeId rewritten(Rewriter *r, NodeId id);

// Built by a rule: folded or rewritten further.
static NodeId made(Rewriter *r, NodeId id) {
  NodeId folded = fold_node(&r->b, graph_node(r->b.g, id));
  return folded != NO_NODE ? folded : rewritten(r, id);
}

static NodeId build(Rewriter *r, const Pattern *p, DType t, const NodeId *var) {
  switch (p->kind) {
  case PAT_VAR:
  case PAT_CONST: return var[p->var];
  case PAT_NUMBER: return b_scalar(&r->b, t, p->number);
  case PAT_MASK: return b_scalar(&r->b, DT_MASK, p->number);
  default: break;
  }
  NodeId in[3];
  assert(p->kind == PAT_OP && p->n <= 3);
  for (uint32_t i = 0; i < p->n; i++) in[i] = build(r, &p->in[i], t, var);
  return made(r, b_ew(&r->b, p->op, in, p->n));
}

static NodeId apply(Rewriter *r, uint32_t rule, const Node *n) {
  NodeId var[MAX_VARS] = {NO_NODE, NO_NODE, NO_NODE, NO_NODE};
  if (r->enabled && !r->enabled[rule]) return NO_NODE;
  if (!matches_node(r->b.g, &r->rules[rule].pattern, n, var)) return NO_NODE;
  uint32_t known = r->b.g->len;
  NodeId id =
      rules[rule].fn ? rules[rule].fn(&r->b, n, var) : build(r, &r->rules[rule].result, n->dtype, var);
  if (id == NO_NODE) return NO_NODE;
  r->any = true;
  if (r->fired) r->fired[rule]++;
  if (rules[rule].fn && id >= known) id = made(r, id);
  assert(graph_node(r->b.g, id)->dtype == n->dtype);
  if (shape_eq(graph_node(r->b.g, id)->shape, n->shape)) return id;
  return made(r, b_broadcast(&r->b, id, *n->shape));
}

static NodeId rewritten(Rewriter *r, NodeId id) {
  Node n = *graph_node(r->b.g, id);
  for (const uint32_t *rule = r->rules_for[n.op]; *rule < RULE_COUNT; rule++) {
    NodeId to = apply(r, *rule, &n);
    if (to != NO_NODE) return to;
  }
  return id;
}

static bool may_head(const Pattern *p, Op op) {
  return p->kind == PAT_OP            ? p->op == op
         : p->kind == PAT_ELEMENTWISE ? op_is_scalar(op)
                                      : op_kind(op) == KIND_REDUCE;
}

static void compile_rules(Rewriter *r, Arena *a) {
  Rule *compiled = ARENA_ARRAY(a, RULE_COUNT, Rule);
  for (uint32_t i = 0; i < RULE_COUNT; i++) compiled[i] = compile_rule(&rules[i], a);
  for (int op = 0; op < OP_COUNT; op++) {
    uint32_t *list = ARENA_ARRAY(a, RULE_COUNT + 1, uint32_t), n = 0;
    for (uint32_t i = 0; i < RULE_COUNT; i++)
      if (may_head(&compiled[i].pattern, (Op)op)) list[n++] = i;
    list[n] = RULE_COUNT;
    r->rules_for[op] = list;
  }
  r->rules = compiled;
}

// A copy of what is live, with the rules applied; r->any: one has fired.
static Graph *walk(const Graph *g, Rewriter *r, Arena *a) {
  Graph *out = r->b.g = graph_like(g, a);
  Arena *scratch = arena_child(out->own);
  const bool *live = live_nodes(g, scratch);
  NodeId *map = no_nodes(scratch, g->len), *in = NULL;
  uint32_t room = 0;
  r->any = false;
  for (NodeId id = 0; id < g->len; id++) {
    const Node *n = graph_node(g, id);
    if (!live[id]) continue;
    if (n->n_in > room) in = ARENA_ARRAY(scratch, room = 2 * n->n_in, NodeId);
    for (uint32_t i = 0; i < n->n_in; i++) in[i] = map[n->in[i]];
    r->b.span = n->span;
    r->b.path = n->path;
    map[id] = rewritten(r, b_copy(&r->b, n, in));
  }
  map_roots(out, g, map);
  arena_free(scratch);
  return out;
}

// The walk on which no rule fires leaves behind what the one before has replaced.
static Graph *walks(const Graph *g, void *rewriter, Arena *a) {
  Rewriter *r = rewriter;
  Graph *out = walk(g, r, a);
  for (uint32_t n = 1; r->any; n++) {
    assert(n < MAX_WALKS && "rules make a graph smaller or move nodes one way");
    Graph *next = walk(out, r, a);
    graph_drop(out);
    out = next;
  }
  return out;
}

Graph *rewrite(const Graph *g, const bool *enabled, uint32_t *fired, Arena *a) {
  Arena *scratch = arena_new();
  Rewriter r = {.enabled = enabled, .fired = fired};
  compile_rules(&r, scratch);
  Graph *out = walks(g, &r, a);
  arena_free(scratch);
  return out;
}

// There may be thousands of bodies: the rules are compiled once for all.
Graph *pass_simplify(const Graph *g, Arena *a) {
  Arena *scratch = arena_new();
  Rewriter r = {0};
  compile_rules(&r, scratch);
  Graph *out = walks(g, &r, a);
  change_bodies(out, walks, &r, a);
  arena_free(scratch);
  return out;
}
