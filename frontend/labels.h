// The labelled axes of einsum, rearrange and reduce: what stands in the last [...] of an operand and in the
// result, sizes bound to labels, tensors whose axes have labels.
#ifndef NNC_FRONTEND_LABELS_H
#define NNC_FRONTEND_LABELS_H

#include "frontend/sema.h"

// A label is a small number. The first MAX_RANK are the axes that `...` stands for, counted from the last of
// them, so that operands of different rank align as in broadcasting; the others are names.
enum { MAX_LABELS = 64 };

typedef struct Labels {
  const char *form; // "einsum", for messages
  const char *name[MAX_LABELS];
  Dim size[MAX_LABELS];
  Span from[MAX_LABELS];      // where it got its size
  const char *of[MAX_LABELS]; // the shape of that operand
  uint64_t sized;             // bit per label
  uint32_t n;                 // labels in use, at least MAX_RANK
} Labels;

// A product of labels stands for one axis: `h * e`.
typedef struct Group {
  uint32_t first, n; // in Pattern's ids
  Span span;
} Group;

enum { MAX_FACTORS = 2 * MAX_RANK };
typedef struct LabelPattern {
  Group group[MAX_RANK];
  uint32_t n;
  uint8_t id[MAX_FACTORS];
  Span at[MAX_FACTORS];
  uint32_t n_ids;
  bool dots; // begins with `...`
  Span span;
} LabelPattern;

typedef struct Labelled { // a tensor, and the label of each of its axes
  NodeId node;
  uint32_t n;
  uint8_t id[MAX_RANK];
} Labelled;

static inline uint64_t label_bit(uint32_t id) { return (uint64_t)1 << id; }
uint64_t labelled_mask(const Labelled *x);

Labels labels_new(const char *form);
int label_find(const Labels *l, const char *name); // -1: not a label

// The last [...] of x; without groups `h * e` is an error. False: said.
bool labels_of_operand(Elab *e, Labels *l, const Expr *x, bool groups, LabelPattern *out);
// The result's labels stand in an operand, each at most once; `...` for as many axes as `lead`.
bool labels_of_result(Elab *e, Labels *l, const Type *t, bool groups, bool has_dots, uint32_t lead,
                      LabelPattern *out);
// Replaces `...` by the leading axes of a tensor of this rank; the pattern has then a group for each axis.
bool labels_fit_rank(Elab *e, const Labels *l, LabelPattern *p, const Shape *s);
// The label has this size; a second one must agree. `shape` is that of the operand, for the message.
bool label_size(Elab *e, Labels *l, uint32_t id, Dim size, Span at, const char *shape);

// Labels that occur twice become one axis: the diagonal.
Labelled labelled_diagonal(Elab *e, Labelled x);
// Axes in this order; the labels are those of x, each once.
Labelled labelled_order(Elab *e, Labelled x, const uint8_t *id);
// Sums away the axes whose labels are not in `keep`.
Labelled labelled_sum(Elab *e, Labelled x, uint64_t keep);

Value eval_einsum(Elab *e, const Expr *x);
Value eval_rearrange(Elab *e, const Expr *x); // rearrange and reduce

#endif
