// The core, and what a program describes its model with (nn_model.h), is cut into items: a function, a type,
// a macro, or what stands between #if and #endif; comments belong to what follows them. C declares before
// use, so the first item that mentions a name of the runtime defines it (a type's name stands at its end: a
// declaration may come first). What the source mentions is needed, and what needed items mention; the rest is
// left out. Items that define no name (compiler settings) stay. Templates (.inc) are expanded: macros that
// their file defines for a while, until an #undef, are replaced in their text. So are makers: such macros of
// several lines, used on lines of their own.
#include "driver/core_text.h"

#include "ir/base/embedded.h"
#include "ir/base/intern.h"
#include "ir/base/map.h"
#include "ir/base/vec.h"

#include <assert.h>
#include <ctype.h>
#include <stdbool.h>
#include <string.h>

typedef struct Item {
  const char *text;
  size_t len;
  bool defines, needed;
} Item;

typedef struct Macro { // of a template: NAME value, or NAME(param) body with ##
  const char *name, *param, *body;
} Macro;

enum { MAKER_PARAMS = 4 };

typedef struct Maker {
  const char *name, *body;
  size_t body_len;
  const char *param[MAKER_PARAMS];
  int n_params;
} Maker;

typedef struct Core {
  Arena *a;
  VEC(Item) items;
  VEC(const char *) files; // taken
  VEC(Macro) macros;       // that are defined for a while
  VEC(Maker) makers;       // the same
  Intern *names;
  Map first, type;          // by name: the item that mentions it first; the typedef that ends in it
  Map seen;                 // names that are wanted
  VEC(const char *) wanted; // the same, in order
} Core;

static bool starts(const char *s, const char *with) { return strncmp(s, with, strlen(with)) == 0; }
static bool is_letter(char c) { return isalnum((unsigned char)c) || c == '_'; }

// The next name of the runtime in [*p, end), comments passed over; NULL: none.
static const char *next_name(Core *c, const char **p, const char *end) {
  const char *s = *p;
  while (s < end) {
    if (s + 1 < end && s[0] == '/' && s[1] == '*') {
      for (s += 2; s + 1 < end && !(s[0] == '*' && s[1] == '/'); s++) {
      }
      s += 2;
    } else if (is_letter(*s)) {
      const char *begin = s;
      while (s < end && is_letter(*s)) s++;
      if (s - begin > 3 && (starts(begin, "nn_") || starts(begin, "NN_"))) {
        *p = s;
        return intern_n(c->names, begin, (size_t)(s - begin));
      }
    } else {
      s++;
    }
  }
  *p = end;
  return NULL;
}

// ---- templates

static const Macro *find_macro(const Core *c, const char *s, size_t n) {
  for (size_t i = 0; i < c->macros.len; i++)
    if (strlen(c->macros.data[i].name) == n && memcmp(c->macros.data[i].name, s, n) == 0)
      return &c->macros.data[i];
  return NULL;
}

// "#define NAME value" and "#define NAME(param) body" that `rest` undefines; false for others.
static bool read_macro(Core *c, const char *line, size_t len, Text rest) {
  const char *s = line + strlen("#define "), *end = line + len, *name = s;
  while (s < end && is_letter(*s)) s++;
  Macro m = {.name = arena_strndup(c->a, name, (size_t)(s - name)), .body = ""};
  const char *undef = strstr(rest.text, arena_printf(c->a, "#undef %s\n", m.name));
  if (!undef || undef >= rest.text + rest.len) return false;
  if (s < end && *s == '(') {
    const char *param = ++s;
    while (s < end && *s != ')') s++;
    m.param = arena_strndup(c->a, param, (size_t)(s - param));
    s++;
  }
  while (s < end && *s == ' ') s++;
  while (end > s && isspace((unsigned char)end[-1])) end--;
  m.body = arena_strndup(c->a, s, (size_t)(end - s));
  vec_push(c->a, &c->macros, m);
  return true;
}

// "#undef NAME"
static void drop_macro(Core *c, const char *line) {
  const char *name = line + strlen("#undef ");
  const Macro *m = find_macro(c, name, strcspn(name, "\n"));
  assert(m && "what is undefined is a template's macro");
  c->macros.data[m - c->macros.data] = c->macros.data[--c->macros.len];
}

static void put_call(const Macro *m, const char *arg, size_t n, StrBuf *out) {
  for (const char *s = m->body; *s;) {
    size_t k = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
    if (k == 0 && starts(s, "##")) {
      s += 2;
    } else if (k == 0) {
      sb_putc(out, *s++);
    } else {
      if (strlen(m->param) == k && memcmp(s, m->param, k) == 0)
        sb_putn(out, arg, n);
      else
        sb_putn(out, s, k);
      s += k;
    }
  }
}

// Until no macro is left: bodies mention macros too.
static Text expand(Core *c, Text from) {
  StrBuf out = {0};
  const char *text = from.text;
  size_t len = from.len, replaced = 0;
  const char *end = text + len;
  for (const char *s = text; s < end;) {
    const char *begin = s;
    while (s < end && is_letter(*s)) s++;
    const Macro *m = s > begin ? find_macro(c, begin, (size_t)(s - begin)) : NULL;
    replaced += m != NULL;
    const char *close = m && m->param && *s == '(' ? memchr(s, ')', (size_t)(end - s)) : NULL;
    if (close) {
      put_call(m, s + 1, (size_t)(close - s - 1), &out);
      s = close + 1;
    } else if (m && !m->param) {
      sb_puts(&out, m->body);
    } else {
      sb_putn(&out, begin, (size_t)(s - begin));
      if (s < end && s == begin) sb_putc(&out, *s++);
    }
  }
  Text to = {arena_strndup(c->a, sb_text(&out), out.len), out.len};
  strbuf_free(&out);
  return replaced ? expand(c, to) : to;
}

// ---- makers

// The names between parentheses from *p on, behind them.
static int read_list(Core *c, const char **p, const char *end, const char **list) {
  const char *s = *p + 1;
  int n = 0;
  while (s < end && *s != ')' && n < MAKER_PARAMS) {
    size_t k = strcspn(s, ",)");
    list[n++] = arena_strndup(c->a, s, k);
    s += k + (s[k] == ',');
    while (*s == ' ') s++;
  }
  *p = s + 1;
  return n;
}

// "#define NAME(params) \" … where a line further down begins with NAME(.
static bool read_maker(Core *c, const char *line, const char *next, const char *end) {
  const char *name = line + strlen("#define "), *s = name;
  while (s < next && is_letter(*s)) s++;
  if (*s != '(' || !memchr(line, '\n', (size_t)(next - 1 - line))) return false;
  const char *use = arena_printf(c->a, "\n%.*s(", (int)(s - name), name), *found = strstr(next - 1, use);
  if (!found || found >= end) return false;
  Maker m = {.name = arena_strndup(c->a, name, (size_t)(s - name))};
  m.n_params = read_list(c, &s, next, m.param);
  m.body = s;
  m.body_len = (size_t)(next - s);
  vec_push(c->a, &c->makers, m);
  return true;
}

// The maker that `line` begins with, `after` it.
static const Maker *maker_of(const Core *c, const char *line, char after) {
  for (size_t i = 0; i < c->makers.len; i++) {
    size_t n = strlen(c->makers.data[i].name);
    if (starts(line, c->makers.data[i].name) && line[n] == after) return &c->makers.data[i];
  }
  return NULL;
}

// "#undef NAME"; false: of no maker.
static bool drop_maker(Core *c, const char *line) {
  const Maker *m = maker_of(c, line + strlen("#undef "), '\n');
  if (m) c->makers.data[m - c->makers.data] = c->makers.data[--c->makers.len];
  return m != NULL;
}

static void put_literal(const char *text, StrBuf *out) {
  if (out->len > 1 && memcmp(out->text + out->len - 2, "\" ", 2) == 0)
    out->len -= 2;
  else
    sb_putc(out, '"');
  sb_printf(out, "%s\"", text);
}

// What `NAME(arguments)` stands for: `##` joins, `#param` is a string and joins the one before it, line ends
// lose their backslash.
static const char *made(Core *c, const Maker *m, const char *line, const char *end, size_t *len) {
  const char *arg[MAKER_PARAMS] = {0}, *args = line + strlen(m->name);
  StrBuf out = {0};
  int n = read_list(c, &args, end, arg);
  assert(n == m->n_params && "a maker gets what it takes");
  for (const char *s = m->body, *stop = m->body + m->body_len; s < stop;) {
    const char *begin = s;
    while (s < stop && is_letter(*s)) s++;
    int k = 0;
    while (k < n && (strlen(m->param[k]) != (size_t)(s - begin) ||
                     memcmp(m->param[k], begin, (size_t)(s - begin)) != 0))
      k++;
    bool text = begin > m->body && begin[-1] == '#' && begin[-2] != '#';
    if (s > begin && k < n && text) {
      put_literal(arg[k], &out);
    } else if (s > begin && k < n) {
      sb_puts(&out, arg[k]);
    } else if (s > begin) {
      sb_putn(&out, begin, (size_t)(s - begin));
    } else if (*s == '\\' && s[1] == '\n') {
      while (out.len > 0 && out.text[out.len - 1] == ' ') out.len--;
      s++;
    } else if (*s == '#') {
      s++;
    } else if (starts(s, " \"") && out.len > 0 && out.text[out.len - 1] == '"') {
      out.len--; // a literal that follows one
      s += 2;
    } else {
      sb_putc(&out, *s++);
    }
  }
  *len = out.len;
  const char *copy = arena_strndup(c->a, sb_text(&out), out.len);
  strbuf_free(&out);
  return copy;
}

// ---- items

static const char *line_end(const char *p, const char *end) {
  const char *nl = memchr(p, '\n', (size_t)(end - p));
  return nl ? nl + 1 : end;
}

// Past a comment that begins at p.
static const char *past_comment(const char *p, const char *end) {
  while (p + 1 < end && !(p[0] == '*' && p[1] == '/')) p++;
  return line_end(p, end);
}

static const char *past_condition(const char *p, const char *end) {
  int depth = 0;
  do {
    depth += starts(p, "#if") ? 1 : starts(p, "#endif") ? -1 : 0;
    p = line_end(p, end);
  } while (depth > 0 && p < end);
  return p;
}

static const char *past_directive(const char *p, const char *end) {
  for (;;) {
    const char *next = line_end(p, end);
    bool goes_on = next - p >= 2 && next[-2] == '\\';
    p = next;
    if (!goes_on || p >= end) return p;
  }
}

// A declaration or definition: to the line that ends it outside all braces.
static const char *past_code(const char *p, const char *end) {
  int depth = 0;
  char last = 0;
  while (p < end) {
    if (p[0] == '/' && p + 1 < end && p[1] == '*') {
      for (p += 2; p + 1 < end && !(p[0] == '*' && p[1] == '/'); p++) {
      }
      p += 2;
      continue;
    }
    depth += (*p == '{') - (*p == '}');
    if (*p == '\n' && depth == 0 && (last == '}' || last == ';')) return p + 1;
    if (!isspace((unsigned char)*p)) last = *p;
    p++;
  }
  return end;
}

static void add_item(Core *c, const char *text, size_t len) {
  const char *p = text, *name, *last = NULL, *after = text, *code = text;
  uint32_t id = (uint32_t)c->items.len;
  vec_push(c->a, &c->items, ((Item){.text = text, .len = len}));
  while (starts(code, "/*")) code = past_comment(code, text + len);
  while ((name = next_name(c, &p, text + len))) {
    uint32_t other;
    last = name;
    after = p;
    if (map_get(&c->first, map_key(name), &other)) continue;
    map_put(c->a, &c->first, map_key(name), id);
    c->items.data[id].defines = true;
  }
  // "typedef … nn_x;", and no "typedef int (*nn_f)(nn_x *x);"
  if (!last || !starts(code, "typedef") || *after != ';') return;
  map_put(c->a, &c->type, map_key(last), id);
  c->items.data[id].defines = true;
}

static const EmbeddedFile *find_file(const char *line, const char *end) {
  static const char lead[] = "#include \"";
  if (!starts(line, lead)) return NULL;
  const char *name = line + sizeof lead - 1, *close = memchr(name, '"', (size_t)(end - name));
  for (uint32_t i = 0; close && i < embedded_runtime.n; i++) {
    const char *path = embedded_runtime.files[i].name, *slash = strrchr(path, '/');
    const char *base = slash ? slash + 1 : path;
    if (strlen(base) == (size_t)(close - name) && memcmp(base, name, strlen(base)) == 0)
      return &embedded_runtime.files[i];
  }
  return NULL;
}

static void read_text(Core *c, const char *text, size_t len);

static void read_include(Core *c, const char *line, const char *end) {
  const EmbeddedFile *f = find_file(line, end);
  if (!f) return; // a system header: the source includes those it needs
  size_t n = strlen(f->name);
  if (n > 4 && strcmp(f->name + n - 4, ".inc") == 0) {
    Text text = expand(c, (Text){f->text, f->len});
    read_text(c, text.text, text.len);
    return;
  }
  for (size_t i = 0; i < c->files.len; i++)
    if (strcmp(c->files.data[i], f->name) == 0) return;
  vec_push(c->a, &c->files, f->name);
  // Without the include guard: from the line after its #define to the last #endif.
  const char *guard = strstr(f->text, "#ifndef NN_"), *begin = guard ? strstr(guard, "#define NN_") : NULL;
  assert(begin && "a header of runtime/core has an include guard");
  begin = line_end(begin, f->text + f->len);
  const char *stop = f->text + f->len;
  for (const char *p = begin; (p = strstr(p, "\n#endif")); p++) stop = p + 1;
  read_text(c, begin, (size_t)(stop - begin));
}

static void read_text(Core *c, const char *text, size_t len) {
  for (const char *p = text, *end = text + len; p < end;) {
    const char *begin = p;
    if (*p == '\n') {
      p++;
      continue;
    }
    while (p < end && starts(p, "/*")) p = past_comment(p, end);
    if (p >= end || *p == '\n') continue; // a comment on its own
    const char *code = p;
    const Maker *maker = maker_of(c, code, '(');
    if (maker) {
      size_t n;
      p = line_end(p, end);
      const char *expanded = made(c, maker, code, end, &n);
      read_text(c, expanded, n);
      continue;
    }
    p = starts(p, "#if") ? past_condition(p, end) : *p == '#' ? past_directive(p, end) : past_code(p, end);
    if (starts(code, "#define ") && read_maker(c, code, p, end)) continue;
    if (starts(code, "#include")) {
      read_include(c, code, p);
    } else if (starts(code, "#undef ")) {
      if (!drop_maker(c, code)) drop_macro(c, code);
    } else if (!starts(code, "#define ") ||
               !read_macro(c, code, (size_t)(p - code), (Text){p, (size_t)(end - p)})) {
      add_item(c, begin, (size_t)(p - begin));
    }
  }
}

// ---- what is needed

static void want(Core *c, const char *name) {
  uint32_t before;
  if (map_get(&c->seen, map_key(name), &before)) return;
  map_put(c->a, &c->seen, map_key(name), 0);
  vec_push(c->a, &c->wanted, name);
}

static void want_all(Core *c, const char *text, size_t len) {
  const char *p = text, *name;
  while ((name = next_name(c, &p, text + len))) want(c, name);
}

static void need_item(Core *c, uint32_t item) {
  Item *it = &c->items.data[item];
  if (it->needed) return;
  it->needed = true;
  want_all(c, it->text, it->len);
}

static void close_over(Core *c, Text source) {
  want_all(c, source.text, source.len);
  for (uint32_t i = 0; i < c->items.len; i++)
    if (!c->items.data[i].defines) need_item(c, i);
  for (size_t w = 0; w < c->wanted.len; w++) {
    uint32_t item;
    if (map_get(&c->first, map_key(c->wanted.data[w]), &item)) need_item(c, item);
    if (map_get(&c->type, map_key(c->wanted.data[w]), &item)) need_item(c, item);
  }
}

void core_text(Text source, StrBuf *out, size_t *end, ptrdiff_t *grown) {
  Arena *a = arena_new();
  Core c = {.a = a, .names = intern_new(a)};
  const char *stop = source.text + source.len, *first = strstr(source.text, "#include \"nn_"), *p = first;
  assert(first && "the emitted text includes the runtime");
  for (; find_file(p, stop); p = line_end(p, stop)) read_include(&c, p, stop);
  close_over(&c, (Text){p, (size_t)(stop - p)});
  sb_putn(out, source.text, (size_t)(first - source.text));
  size_t before = out->len;
  sb_puts(out, "/* ---- what the model uses of nnc's runtime */\n\n");
  for (uint32_t i = 0; i < c.items.len; i++)
    if (c.items.data[i].needed) {
      sb_putn(out, c.items.data[i].text, c.items.data[i].len);
      if (c.items.data[i].text[c.items.data[i].len - 1] != '\n') sb_putc(out, '\n');
    }
  sb_puts(out, "\n/* ---- the model */\n");
  *end = out->len;
  *grown = (ptrdiff_t)(out->len - before) - (p - first);
  sb_putn(out, p, (size_t)(stop - p));
  arena_free(a);
}
