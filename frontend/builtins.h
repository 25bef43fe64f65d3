// Shared by the files of builtins: arguments of a call as ints, axes, nodes.
#ifndef NNC_FRONTEND_BUILTINS_H
#define NNC_FRONTEND_BUILTINS_H

#include "frontend/sema.h"

bool arg_int(Elab *e, const BuiltinCall *c, uint32_t i, int64_t dflt, int64_t *out);
bool arg_bool(Elab *e, const BuiltinCall *c, uint32_t i, bool dflt, bool *out);
bool check_axis(Elab *e, int64_t axis, uint32_t rank, uint32_t extra, Span at, uint32_t *out);
bool arg_axis(Elab *e, const BuiltinCall *c, uint32_t i, int64_t dflt, uint32_t rank, uint32_t *out);
bool arg_axes(Elab *e, const BuiltinCall *c, uint32_t i, uint32_t rank, uint32_t *mask);
NodeId arg_node(Elab *e, const BuiltinCall *c, uint32_t i);
// SUM, RMAX, RMIN or the mean with arguments x, [y,] axis, keep, keepdim.
Value reduce_call(Elab *e, const BuiltinCall *c, Op op, bool mean);
// The gradient of x[0] with respect to x[1].
Value grad_call(Elab *e, const BuiltinCall *c);
// Indices are i32; says so where they are not.
bool is_index(Elab *e, NodeId i, Span at, const char *name);
// The tables, one a theme: builtin_<theme>.c.
const Builtin *reduce_builtins(uint32_t *n), *shape_builtins(uint32_t *n), *conv_builtins(uint32_t *n);
const Builtin *rows_builtins(uint32_t *n), *tensor_builtins(uint32_t *n), *test_builtins(uint32_t *n);

#endif
