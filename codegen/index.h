// Index expressions of kernels: sums of coefficient * atom in a canonical form, so that equal expressions
// have equal ids. Coefficients are polynomials in N (strides of dense dynamic arrays); an atom is a loop
// variable, a quotient or remainder (left over by a reshape), a clamped index (pad, concat) or an integer
// read from data (gather). Arithmetic simplifies: (i*64 + j) / 64 is i when j < 64, and e/d*d + e%d is e.
#ifndef NNC_CODEGEN_INDEX_H
#define NNC_CODEGEN_INDEX_H

#include "codegen/poly.h"
#include "ir/base/arena.h"

typedef uint32_t IndexId;
typedef uint32_t VarId; // a loop variable of the pool, < MAX_VARS

enum { MAX_VARS = 64 };

typedef enum AtomKind { ATOM_ONE, ATOM_VAR, ATOM_DIV, ATOM_MOD, ATOM_CLAMP, ATOM_VALUE } AtomKind;

typedef struct Atom {
  AtomKind kind;
  uint32_t arg; // VAR: the variable; DIV MOD CLAMP: an IndexId; VALUE: an expression of kernel.h
  Poly d;       // divisor; CLAMP, VALUE, VAR: the atom lies in 0 .. d - 1
} Atom;

typedef struct Term {
  uint32_t atom;
  Poly coef;
} Term;

typedef struct Index {
  uint32_t n;
  const Term *terms; // by atom, ascending; no zero coefficient
  uint64_t free;     // bit v: loop variable v occurs
} Index;

typedef struct IndexPool IndexPool;

IndexPool *index_pool_new(Arena *a, int64_t bound);
IndexPool *index_pool_copy(const IndexPool *p, Arena *a); // of the same ids
// What is made from here on is for a while only and lies in `scratch`; index_forget, with what this gave,
// takes it out again.
const IndexPool *index_for_a_while(IndexPool *p, Arena *scratch);
void index_forget(IndexPool *p, const IndexPool *before);
const Index *index_get(const IndexPool *p, IndexId i);
const Atom *index_atom(const IndexPool *p, uint32_t atom);
int64_t index_bound(const IndexPool *p);
bool index_has_values(const IndexPool *p); // false: no index depends on an expression
uint32_t index_sums(const IndexPool *p);   // every IndexId is less

// A new loop variable 0 <= v < extent. Fails an assertion beyond MAX_VARS: callers ask index_vars first.
VarId index_new_var(IndexPool *p, Poly extent);
uint32_t index_vars(const IndexPool *p);
Poly index_extent(const IndexPool *p, VarId v);

IndexId index_poly(IndexPool *p, Poly k);
IndexId index_const(IndexPool *p, int64_t k);
IndexId index_var(IndexPool *p, VarId v);
// An integer expression that was checked to lie in 0 .. bound - 1; `free` are its loop variables.
IndexId index_value(IndexPool *p, uint32_t expr, Poly bound, uint64_t free);
IndexId index_add(IndexPool *p, IndexId x, IndexId y);
IndexId index_scale(IndexPool *p, IndexId x, Poly k);
// The terms of x that depend on some of `vars` (bits), or the others.
IndexId index_part(IndexPool *p, IndexId x, uint64_t vars, bool dependent);
IndexId index_div(IndexPool *p, IndexId x, Poly d);   // x >= 0
IndexId index_mod(IndexPool *p, IndexId x, Poly d);   // x >= 0
IndexId index_clamp(IndexPool *p, IndexId x, Poly d); // to 0 .. d - 1
// True when 0 <= x < d for every value of the variables and every N.
bool index_inside(const IndexPool *p, IndexId x, Poly d);
// The whole expression is one loop variable.
bool index_is_var(const IndexPool *p, IndexId x, VarId *v);
// The coefficient of a variable in the sum; zero where it does not occur plainly.
Poly index_coef(const IndexPool *p, IndexId x, VarId v);

#endif
