// What differences need to judge a gradient: the gradient of one GRAD as a graph of its own, and the
// expression it is of as a function of steps away from the values that its targets have.
//
// A derivative takes some values for constants although they may depend on the targets: stop_grad(x), and
// what is read from a store that was written before. So must differences: these are HELD, arguments of
// `value` at what `gradient` gives for them. A CUSTOM_VJP whose rule is on purpose not the derivative of its
// function (`Declared`) is held, too; what its rule says of an input x enters as <v, x> with v held, a term
// whose derivative is v. Its own value becomes a target, so that all before and after the rule is still
// compared.
#ifndef NNC_PASSES_PROBE_H
#define NNC_PASSES_PROBE_H

#include "ir/program.h"

typedef struct Declared { // rules, by the place of their declaration
  const Span *rule;
  uint32_t n;
} Declared;

typedef struct Probe {
  Graph *gradient; // roots: e, the gradient by each target, the held values
  Graph *value;    // its root: e. Arguments after the function's: a step for each target, the held values
  const NodeId *targets; // of the function's graph: those of the GRAD, then declared CUSTOM_VJPs
  uint32_t n_targets, n_held;
  const char *why_not; // differences can't judge this one; then the graphs are NULL. NULL: they can
  bool cut_in_loop;    // a loop's body holds a stop_grad, which differences don't see
} Probe;

// A copy of g in which each loop is followed by its first iteration, so that what stands in a body can be
// probed.
Graph *probe_unfold(const Graph *g, Arena *a);

// Of GRAD node `grad` of g, for a function of n_inputs arguments.
Probe probe_gradient(const Graph *g, uint32_t n_inputs, NodeId grad, const Declared *declared, Arena *a);

// Of CUSTOM_VJP node y alone: the sum of its elements, each weighted, by its inputs, which are held.
// *g: the graph that the targets of the probe belong to, its GRAD the last node but the PROJs.
Probe probe_rule(const Graph *g, uint32_t n_inputs, NodeId y, Arena *a);

#endif
