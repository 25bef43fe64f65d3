// Names come from the declarations of the library's files and from the tables of builtins; the latter have
// their texts in builtin_docs.def, and an optimizer's signature is its row of ir/optim.def.
#include "frontend/library.h"

#include "frontend/sema.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

typedef struct Section {
  const char *key, *title;
} Section;

// The order of the document. A file of std/ that has no row comes after, under its own name.
static const Section sections[] = {
    {"elementwise", "Elementwise operations"},
    {"activations", "Activations and other elementwise functions"},
    {"shapes", "Shapes, indices and products"},
    {"reduce", "Reductions, and functions made of core operations"},
    {"order", "Order, choice and draws along an axis"},
    {"linalg", "Linear algebra"},
    {"losses", "Losses and metrics"},
    {"layers", "Layers"},
    {"recurrent", "Recurrent layers and memories"},
    {"attention", "Attention, transformers and capsules"},
    {"conv", "Convolutions"},
    {"pool", "Pooling"},
    {"random", "Random numbers"},
    {"init", "Initialisers"},
    {"optimizers", "Optimizers"},
    {"schedules", "Schedules"},
    {"gradients", "Gradients"},
    {"static", "The static stage"},
    {"tests", "In test blocks"},
};
enum { N_SECTIONS = sizeof sections / sizeof *sections };

typedef struct BuiltinDoc {
  const char *name, *section, *signature, *doc, *use;
} BuiltinDoc;

static const BuiltinDoc builtin_docs[] = {
#define DOC(name, section, signature, text, use) {#name, #section, signature, text, use},
#include "frontend/builtin_docs.def"
#undef DOC
};

typedef VEC(LibraryName) Names;

// ---- the library's own declarations

// A declaration's text up to its body, on one line: to the `{` or `=` outside of brackets.
static const char *head_text(const SourceMap *sources, Span at, Arena *a) {
  const char *text = source_get(sources, at.source)->text;
  StrBuf b = {0};
  int depth = 0;
  for (uint32_t i = at.begin; i < at.end; i++) {
    char c = text[i];
    if (c == '(' || c == '[') depth++;
    if (c == ')' || c == ']') depth--;
    if (depth == 0 && (c == '{' || c == '=' || c == ';')) break;
    bool space = isspace((unsigned char)c);
    if (space && (!b.len || isspace((unsigned char)b.text[b.len - 1]))) continue;
    sb_putc(&b, space ? ' ' : c);
  }
  while (b.len && b.text[b.len - 1] == ' ') b.len--;
  const char *head = arena_strndup(a, sb_text(&b), b.len);
  strbuf_free(&b);
  return head;
}

// The methods of a layer's long form stand below it.
static const char *signature_of(const SourceMap *sources, const Stmt *s, Arena *a) {
  const char *t = head_text(sources, s->span, a);
  if (s->kind != ST_LAYER_LONG) return t;
  for (uint32_t i = 0; i < s->u.layer.body.len; i++)
    if (s->u.layer.body.data[i]->kind == ST_FN_DECL)
      t = arena_printf(a, "%s\n    %s", t, head_text(sources, s->u.layer.body.data[i]->span, a));
  return t;
}

static const char *declared_name(const Stmt *s) {
  switch (s->kind) {
  case ST_FN_DECL: return s->u.fn.name.text;
  case ST_LAYER_SHORT:
  case ST_LAYER_LONG: return s->u.layer.name.text;
  case ST_LET: return s->u.let.pattern->name;
  default: return NULL;
  }
}

// "Text.\nUse: `code`" into the two.
static void split_doc(const char *text, LibraryName *n, Arena *a) {
  if (!text) return;
  const char *use = strncmp(text, "Use: `", 6) == 0 ? text : strstr(text, "\nUse: `");
  size_t len = use ? (size_t)(use - text) : strlen(text);
  if (len) n->doc = arena_strndup(a, text, len);
  if (!use) return;
  use = strchr(use, '`') + 1;
  const char *end = strrchr(use, '`');
  n->use = end ? arena_strndup(a, use, (size_t)(end - use)) : NULL;
}

static void add_file(const File *f, const SourceMap *sources, Names *out, Arena *a) {
  const char *path = source_get(sources, f->source)->name, *slash = strrchr(path, '/');
  const char *stem = slash ? slash + 1 : path;
  const char *section = arena_strndup(a, stem, strcspn(stem, "."));
  for (uint32_t i = 0; i < f->decls.len; i++) {
    const Stmt *s = f->decls.data[i];
    const char *name = declared_name(s);
    if (!name) continue;
    LibraryName n = {.name = name, .section = section, .signature = signature_of(sources, s, a)};
    split_doc(s->doc, &n, a);
    vec_push(a, out, n);
  }
}

// ---- builtins

// "SGD(lr, momentum = 0, nesterov = false)"
static const char *optimizer_signature(const Builtin *b, Arena *a) {
  const OptimizerInfo *o = optimizer_info((Optimizer)b->data);
  const char *t = arena_printf(a, "%s(", b->name);
  for (int i = 0; o->hyper[i].name; i++) {
    double v = o->hyper[i].dflt;
    const char *dflt = isnan(v)                         ? ""
                       : o->hyper[i].kind == HYPER_FLAG ? (v != 0 ? " = true" : " = false")
                                                        : arena_printf(a, " = %g", v);
    t = arena_printf(a, "%s%s%s%s", t, i ? ", " : "", o->hyper[i].name, dflt);
  }
  return arena_printf(a, "%s)", t);
}

static LibraryName builtin_name(const Builtin *b, const BuiltinDoc *d, Arena *a) {
  LibraryName n = {.name = b->name, .section = "elementwise", .parameters = b->params};
  if (!b->params) n.section = "optimizers", n.signature = optimizer_signature(b, a);
  if (!d) return n;
  n.section = d->section;
  if (d->signature) n.signature = d->signature;
  n.doc = d->doc;
  n.use = d->use;
  return n;
}

static const Builtin *builtin_named(const Builtin *const *all, uint32_t n, const char *name) {
  for (uint32_t i = 0; i < n; i++)
    if (strcmp(all[i]->name, name) == 0) return all[i];
  return NULL;
}

// In the order of their docs; those without come last, so that the tests see them.
static void add_builtins(Names *out, Arena *a) {
  uint32_t n_all;
  const Builtin *const *all = builtins_list(a, &n_all);
  enum { N_DOCS = sizeof builtin_docs / sizeof *builtin_docs };
  for (uint32_t k = 0; k < N_DOCS; k++) {
    const Builtin *b = builtin_named(all, n_all, builtin_docs[k].name);
    if (b) vec_push(a, out, builtin_name(b, &builtin_docs[k], a));
  }
  for (uint32_t i = 0; i < n_all; i++) {
    bool has = false;
    for (uint32_t k = 0; k < N_DOCS; k++) has |= strcmp(builtin_docs[k].name, all[i]->name) == 0;
    if (!has) vec_push(a, out, builtin_name(all[i], NULL, a));
  }
}

// ---- both

static uint32_t section_rank(const char *key) {
  for (uint32_t i = 0; i < N_SECTIONS; i++)
    if (strcmp(sections[i].key, key) == 0) return i;
  return N_SECTIONS;
}

const LibraryName *library_names(const File *const *std, uint32_t n_std, const SourceMap *sources, Arena *a,
                                 uint32_t *n) {
  Names all = {0}, sorted = {0};
  add_builtins(&all, a);
  for (uint32_t i = 0; i < n_std; i++) add_file(std[i], sources, &all, a);
  for (uint32_t r = 0; r <= N_SECTIONS; r++)
    for (size_t i = 0; i < all.len; i++)
      if (section_rank(all.data[i].section) == r) vec_push(a, &sorted, all.data[i]);
  *n = (uint32_t)sorted.len;
  return sorted.data;
}

static const char introduction[] =
    "<!-- What `nnc --print=stdlib` prints; docs/refresh.sh writes it. -->\n"
    "# The library of .nn\n"
    "\n"
    "Made from the `##` comments of `frontend/std/*.nn` and, for what is written in C, from "
    "`frontend/builtin_docs.def`.\n"
    "`[*s]` is any shape; a type without a word before `[…]` is `real`, `any[…]` of any element type. A loss without `-> [*s]` is the "
    "mean.\n"
    "`layer L(attributes)(inputs)` is made by `L(attributes)` and applied to inputs; the parameters of "
    "layers are named with\n"
    "their shapes.\n"
    "\n"
    "The lines of use stand in the body of a layer whose inputs are `x, target: [4, 6]`, `logits: [4, 5]`, "
    "`label: i32[4]`,\n"
    "`ids: i32[4, 7]`, `seq: [4, 7, 6]`, `sound: [4, 3, 16]`, `image: [4, 3, 8, 8]`, `volume: [4, 2, 4, 4, "
    "4]`, `u, v: [6]`,\n"
    "`m: [6, 6]`, `on: mask[4, 6]`, `index: i32[3]` and `t: real`; `let opt = …` stands in a train block,\n"
    "`assert …` in a test whose x is `randn([4, 6])`.\n";

void library_document(const LibraryName *names, uint32_t n, StrBuf *out) {
  sb_puts(out, introduction);
  for (uint32_t i = 0; i < n; i++) {
    const LibraryName *e = &names[i];
    uint32_t r = section_rank(e->section);
    if (i == 0 || strcmp(e->section, names[i - 1].section) != 0)
      sb_printf(out, "\n## %s\n", r < N_SECTIONS ? sections[r].title : e->section);
    sb_printf(out, "\n### %s\n\n```\n%s\n```\n\n", e->name, e->signature ? e->signature : e->name);
    if (e->doc) sb_printf(out, "%s\n", e->doc);
    if (e->use) sb_printf(out, "\nUse: `%s`\n", e->use);
  }
}
