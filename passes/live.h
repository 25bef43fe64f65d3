// The copy every pass ends in: what the roots and effects need, in the same order, nothing else.
#ifndef NNC_PASSES_LIVE_H
#define NNC_PASSES_LIVE_H

#include "ir/graph.h"

// ids that name no node yet: what a pass's map from old to new nodes starts as.
NodeId *no_nodes(Arena *a, size_t n);
// g's roots by map, NO_NODE staying itself.
void map_roots(Graph *to, const Graph *g, const NodeId *map);
// By node: a root or an effect needs it.
const bool *live_nodes(const Graph *g, Arena *a);
// `same` (NULL: nothing) gives for each node the earlier one that stands in its place.
Graph *live_copy(const Graph *g, const NodeId *same, Arena *a);
// `instead` gives for each node the one without inputs that is copied in its place, NULL: itself.
Graph *live_copy_with(const Graph *g, const Node *const *instead, Arena *a);

// Puts what `change` makes of them in the place of the bodies of g's loops, and of the loops in those.
void change_bodies(Graph *g, Graph *(*change)(const Graph *body, void *user, Arena *a), void *user, Arena *a);

// Whether they are the same operation of the same type, shape and attributes, `rank` being that of their
// first inputs (cse.c).
bool same_but_inputs(const Node *m, const Node *n, uint32_t rank);
// Whether they are the same graphs node by node, places apart.
bool graph_same(const Graph *x, const Graph *y);
// Equal for graphs that are.
uint64_t graph_hash(const Graph *g);

#endif
