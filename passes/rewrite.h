// The rewriting engine and its rules (rules.def). A rule replaces a node that matches a pattern by an equal
// one: equal in every bit but the sign of a zero that a sum would lose anyway (architecture.md, "Passes").
//
// Patterns   ?x       any node; the same name twice means the same node
//            #c       a constant all of whose elements are equal, under the name c
//            1 true   such a constant with this value
//            (op p …) the operation, in either order of inputs where it commutes
//            (op …)   the operation with any inputs; (elementwise …), (reduce …): any of that kind
// Results    the same, without `…`; numbers have the type of the node that is replaced, an operation of
//            constants is folded. The engine stretches a result that is smaller than the node.
#ifndef NNC_PASSES_REWRITE_H
#define NNC_PASSES_REWRITE_H

#include "ir/build.h"

typedef enum RuleId {
#define RULE(name, pattern, result, before, after, unless) RULE_##name,
#define RULE_F(name, pattern, function, before, after, unless) RULE_##name,
#include "passes/rules.def"
#undef RULE
#undef RULE_F
  RULE_COUNT
} RuleId;

// A rule that text can't say: the replacement of n given what the pattern's names stand for (in the order in
// which they first occur), or NO_NODE where it doesn't apply.
typedef NodeId RuleFn(Builder *b, const Node *n, const NodeId *var);

typedef struct RuleInfo {
  const char *name, *pattern, *result; // result NULL: fn
  RuleFn *fn;
  const char *before, *after, *unless; // tests: before becomes after; nothing happens to unless
} RuleInfo;

const RuleInfo *rule_table(void);

// Applies rules until none fires. enabled[RULE_COUNT] NULL: all. fired[RULE_COUNT], NULL or counts to add to.
Graph *rewrite(const Graph *g, const bool *enabled, uint32_t *fired, Arena *a);

#endif
