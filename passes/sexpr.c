// One recursive function per shape of form; the cursor moves through the text.
#include "passes/sexpr.h"

#include "ir/base/vec.h"

#include <assert.h>
#include <string.h>

static const char *skip(const char *p) { return p + strspn(p, " ,\t\n"); }

static const char *atom_end(const char *p) {
  while (*p && !strchr(" ,\t\n()[]", *p)) p++;
  if (*p == '[') {
    p += strcspn(p, "]");
    assert(*p == ']' && "brackets balance");
    p++;
  }
  return p;
}

static Sexpr parse_list(const char **p, char open, Arena *a);

static Sexpr parse_form(const char **p, Arena *a) {
  if (**p == '(' || **p == '[') {
    char open = *(*p)++;
    return parse_list(p, open, a);
  }
  const char *begin = *p;
  *p = atom_end(begin);
  assert(*p > begin && "brackets balance");
  return (Sexpr){.atom = arena_strndup(a, begin, (size_t)(*p - begin))};
}

static Sexpr parse_list(const char **p, char open, Arena *a) {
  VEC(Sexpr) items = {0};
  char close = open == '(' ? ')' : open == '[' ? ']' : 0;
  for (*p = skip(*p); **p != close; *p = skip(*p)) {
    assert(**p && "brackets balance");
    Sexpr item = parse_form(p, a);
    vec_push(a, &items, item);
  }
  if (close) (*p)++;
  return (Sexpr){.open = open ? open : '(', .in = items.data, .n = (uint32_t)items.len};
}

Sexpr sexpr_parse(const char *text, Arena *a) { return parse_list(&text, 0, a); }
