// Paths are interned, so a row is found by its pointer. Folding compares whole subtrees row by row.
#include "driver/layers.h"

#include "ir/base/checked.h"

#include <string.h>

enum { PAGE_ROWS = 60 };

Layers layers_new(Arena *a) { return (Layers){.a = a, .names = intern_new(a)}; }

static Layer *find(Layers *l, const char *path) {
  uint32_t i;
  return map_get(&l->at, map_key(path), &i) ? &l->rows.data[i] : NULL;
}

Layer *layers_at(Layers *l, const char *path) {
  path = intern(l->names, path ? path : "");
  Layer *r = find(l, path);
  if (r) return r;
  const char *dot = strrchr(path, '.');
  Layer row = {.path = path, .name = dot ? dot + 1 : path, .depth = 1, .alike = 1};
  if (dot) row.depth = layers_at(l, intern_n(l->names, path, (size_t)(dot - path)))->depth + 1;
  map_put(l->a, &l->at, map_key(path), (uint32_t)l->rows.len);
  vec_push(l->a, &l->rows, row);
  return &l->rows.data[l->rows.len - 1];
}

// ---- order and sums

static void add_figures(Layer *sum, const Layer *x) {
  for (int f = 0; f < FIG_COUNT; f++)
    if (!checked_add(sum->figure[f], x->figure[f], &sum->figure[f])) sum->figure[f] = INT64_MAX;
}

typedef struct Kids { // of each row, in order of appearance
  uint32_t *first, *last, *next;
} Kids;

static void place(Layers *to, const Layers *from, const Kids *k, uint32_t at) {
  uint32_t mine = (uint32_t)to->rows.len;
  vec_push(to->a, &to->rows, from->rows.data[at]);
  for (uint32_t kid = k->first[at]; kid != UINT32_MAX; kid = k->next[kid]) {
    uint32_t its = (uint32_t)to->rows.len;
    place(to, from, k, kid);
    add_figures(&to->rows.data[mine], &to->rows.data[its]);
  }
  to->rows.data[mine].size = (uint32_t)to->rows.len - mine;
}

static void add_kid(const Kids *k, uint32_t parent, uint32_t kid) {
  if (k->first[parent] == UINT32_MAX)
    k->first[parent] = kid;
  else
    k->next[k->last[parent]] = kid;
  k->last[parent] = kid;
}

void layers_finish(Layers *l) {
  size_t n = l->rows.len, root = n; // one more: the parent of the models
  Kids k = {ARENA_ARRAY(l->a, n + 1, uint32_t), ARENA_ARRAY(l->a, n + 1, uint32_t),
            ARENA_ARRAY(l->a, n + 1, uint32_t)};
  memset(k.first, 0xff, (n + 1) * sizeof *k.first);
  memset(k.next, 0xff, (n + 1) * sizeof *k.next);
  for (uint32_t i = 0; i < n; i++) {
    const Layer *r = &l->rows.data[i];
    const char *dot = strrchr(r->path, '.');
    Layer *parent = dot ? find(l, intern_n(l->names, r->path, (size_t)(dot - r->path))) : NULL;
    add_kid(&k, parent ? (uint32_t)(parent - l->rows.data) : (uint32_t)root, i);
  }
  Layers sorted = {.a = l->a, .names = l->names};
  for (uint32_t i = k.first[root]; i != UINT32_MAX; i = k.next[i]) place(&sorted, l, &k, i);
  *l = sorted;
}

// ---- folding

// The length of the name without the number at its end; the whole of it where that is no number.
static size_t base_length(const char *name) {
  size_t n = strlen(name), m = n;
  while (m > 0 && name[m - 1] >= '0' && name[m - 1] <= '9') m--;
  return m < n ? m : n;
}

static bool same_text(const char *x, const char *y) { return x == y || (x && y && strcmp(x, y) == 0); }

static bool same_numbers(const Layer *x, const Layer *y) {
  return memcmp(x->figure, y->figure, sizeof x->figure) == 0 && same_text(x->type, y->type) &&
         same_text(x->output, y->output) && same_text(x->stores, y->stores);
}

static bool same_base(const Layer *x, const Layer *y) {
  size_t n = base_length(x->name);
  return n < strlen(x->name) && n == base_length(y->name) && n < strlen(y->name) &&
         memcmp(x->name, y->name, n) == 0;
}

// Rows deeper than `depth` are not looked at.
static bool alike(const Layer *x, const Layer *y, uint32_t depth) {
  if (x->depth != y->depth || x->size != y->size || !same_base(x, y)) return false;
  for (uint32_t i = 0; i < x->size; i++) {
    if (x[i].depth > depth) continue;
    if (!same_numbers(&x[i], &y[i]) || (i > 0 && strcmp(x[i].name, y[i].name) != 0)) return false;
  }
  return true;
}

static void put_folded(const Layers *l, uint32_t begin, uint32_t end, uint32_t depth, int64_t times,
                       Layers *out) {
  for (uint32_t i = begin; i < end;) {
    const Layer *first = &l->rows.data[i], *last = first;
    uint32_t n = 1, next = i + first->size;
    for (; next < end && alike(first, &l->rows.data[next], depth); n++, next += l->rows.data[next].size)
      last = &l->rows.data[next];
    Layer row = *first;
    row.alike = n;
    row.last = last->name;
    for (int f = 0; f < FIG_COUNT; f++)
      if (!checked_mul(row.figure[f], times * n, &row.figure[f])) row.figure[f] = INT64_MAX;
    if (row.depth <= depth) vec_push(out->a, &out->rows, row);
    if (row.depth < depth) put_folded(l, i + 1, i + first->size, depth, times * n, out);
    i = next;
  }
}

Layers layers_fold(const Layers *l, uint32_t depth) {
  uint32_t deepest = 1;
  for (size_t i = 0; i < l->rows.len; i++)
    if (l->rows.data[i].depth > deepest) deepest = l->rows.data[i].depth;
  for (uint32_t d = depth ? depth : deepest;; d--) {
    Layers out = {.a = l->a, .names = l->names};
    put_folded(l, 0, (uint32_t)l->rows.len, d, 1, &out);
    if (depth || d == 1 || out.rows.len <= PAGE_ROWS) return out;
  }
}

const char *layer_label(const Layer *r, Arena *a) {
  int indent = 2 * (int)(r->depth - 1);
  if (!*r->name) return "(no layer)";
  if (r->alike == 1) return arena_printf(a, "%*s%s", indent, "", r->name);
  return arena_printf(a, "%*s%s..%s (%u alike)", indent, "", r->name, r->last + base_length(r->last),
                      r->alike);
}
