// Readable, stable text of graphs, functions and programs: for --dump-ir and golden tests. One node a line:
//
//   %12 = mul f32[B, 10] %3, %7   # net.dense_0  digits.nn:5:12
//
// operands first, then attributes as name=value. Numbers are printed with the fewest digits that read back to
// the same value. The text does not depend on addresses or on the order of anything but the graph itself.
#ifndef NNC_IR_PRINT_H
#define NNC_IR_PRINT_H

#include "ir/base/strbuf.h"
#include "ir/program.h"

// `sources` may be NULL: no places are printed.
void graph_print(const Graph *g, const SourceMap *sources, StrBuf *out);
void node_print(const Graph *g, NodeId id, const SourceMap *sources, StrBuf *out);
// A function with its inputs and named roots; stores by name.
void function_print(const Program *p, const Function *f, StrBuf *out);
const char *function_kind(FnKind kind); // "step"
const char *store_kind(StoreKind kind); // "param"

// The stores, then every function.
void program_print(const Program *p, StrBuf *out);

// What a message calls the node: "`log` in net.dense_0".
const char *node_title(const Node *n, Arena *a);

// The value as a constant of type t.
void scalar_print(StrBuf *out, DType t, Scalar v);

#endif
