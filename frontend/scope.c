// Names. A scope is a list searched from its end, with an index when it is long; top-level definitions are
// evaluated at their first use, so their order in the file does not matter.
#include "frontend/foreign.h"
#include "frontend/loop.h"

#include "ir/base/nearest.h"

Scope *scope_new(Elab *e, Scope *up, ScopeKind kind) {
  Scope *s = ARENA_NEW(e->a, Scope);
  s->up = up;
  s->kind = kind;
  return s;
}

static void add(Elab *e, Scope *s, Binding *b) {
  enum { SHORT = 12 }; // up to here a search from the end is quicker
  vec_push(e->a, &s->names, b);
  if (s->names.len <= SHORT) return;
  for (size_t i = s->index.cap ? s->names.len - 1 : 0; i < s->names.len; i++)
    map_put(e->a, &s->index, map_key(s->names.data[i]->name), (uint32_t)i);
}

// What a lambda captures: the values of now.
Scope *scope_snapshot(Elab *e, Scope *s) {
  if (!s || s->kind != SCOPE_LOCAL) return s;
  Scope *c = scope_new(e, scope_snapshot(e, s->up), SCOPE_LOCAL);
  for (size_t i = 0; i < s->names.len; i++) {
    Binding *b = ARENA_NEW(e->a, Binding);
    *b = *s->names.data[i];
    b->is_var = false;
    add(e, c, b);
  }
  return c;
}

Binding *scope_local(const Scope *s, const char *name) {
  uint32_t at;
  if (s->index.cap) return map_get(&s->index, map_key(name), &at) ? s->names.data[at] : NULL;
  for (size_t i = s->names.len; i-- > 0;)
    if (s->names.data[i]->name == name) return s->names.data[i];
  return NULL;
}

Binding *scope_find(const Scope *s, const char *name) {
  for (; s; s = s->up) {
    Binding *b = scope_local(s, name);
    if (b) return b;
  }
  return NULL;
}

Binding *scope_bind(Elab *e, Scope *s, const char *name, Value v, Span span) {
  Binding *b = ARENA_NEW(e->a, Binding);
  b->name = name;
  b->v = v;
  b->span = span;
  add(e, s, b);
  return b;
}

const char *nearest_name(const Scope *s, const char *name) {
  Nearest n = nearest_to(name);
  for (; s; s = s->up)
    for (size_t i = 0; i < s->names.len; i++) nearest_try(&n, s->names.data[i]->name);
  return n.best;
}

const char *nearest_of(const char *name, const char *const *list, uint32_t n) {
  const char *ours = foreign_argument(name, list, n);
  if (ours) return ours;
  Nearest best = nearest_to(name);
  for (uint32_t i = 0; i < n; i++) nearest_try(&best, list[i]);
  return best.best;
}

bool cut_off(const Elab *e) {
  for (uint32_t m = 0; m < e->modules.n; m++)
    if (e->modules.data[m].file->cut_off) return true;
  return false;
}

bool lost(const Elab *e, const char *name) {
  if (cut_off(e)) return true;
  for (uint32_t m = 0; m < e->modules.n; m++) {
    const File *f = e->modules.data[m].file;
    for (uint32_t i = 0; i < f->n_lost; i++)
      if (f->lost[i] == name) return true;
  }
  return false;
}

// Whether an unknown name is the one that a declaration lacks, perhaps.
bool lacked(Elab *e, const char *name) {
  if (!e->user->n_nameless) return false;
  if (!first_time(e, "lacks %s", name)) return true;
  if (e->nameless == e->user->n_nameless) return false;
  e->nameless++;
  return true;
}

// Once for each name; never for one that may be defined in what a syntax error dropped.
bool unknown_is_news(Elab *e, const char *name) {
  return !lost(e, name) && first_time(e, "name %s", name) && !lacked(e, name);
}

void unknown_name(Elab *e, const char *name, const char *near, Span at) {
  Diag *g = err(e, DIAG_E0201, at, "unknown name `%s`", name);
  const char *foreign = foreign_name(name);
  if (foreign)
    diag_label(g, "%s", foreign);
  else if (near)
    diag_label(g, "did you mean `%s`?", near);
  else
    diag_label(g, "not defined here");
}

// A name in the innermost scope: `let` binds once.
bool define(Elab *e, const char *name, Value v, bool is_var, Span span) {
  if (name == e->n_discard) return true;
  Binding *old = scope_local(e->scope, name);
  if (old && !old->is_size) {
    Diag *g = err(e, DIAG_E0205, span, "`%s` is already defined in this block", name);
    if (old->span.source)
      diag_also(g, old->span, "the first definition");
    else
      diag_note(g, "it is one of the names that stand here by themselves");
    if (old->is_var) diag_help(g, "`%s = …;` assigns it", name);
    return false;
  }
  Binding *b = scope_bind(e, e->scope, name, v, span);
  b->is_var = is_var;
  b->when_depth = e->fn->when_depth;
  return true;
}

// The value has `more` parts than the pattern names: names that are unknown after it are the ones left out.
void pattern_lacks(Elab *e, Span at, uint32_t more) {
  const Module *m = module_at(e, at);
  for (uint32_t i = 0; m && i < m->file->decls.len; i++) {
    Span in = m->file->decls.data[i]->span;
    if (at.begin < in.begin || at.end > in.end) continue;
    bool anywhere = m->file->decls.data[i]->kind == ST_LET; // its names are known in the whole file
    in = (Span){in.source, anywhere ? 0 : at.end, anywhere ? UINT32_MAX : in.end};
    diags_withdraw(e->diags, DIAG_E0201, in, more);
    return;
  }
}

static Value nth(Value v, uint32_t i) { return v.kind == V_POISON ? v : v.u.list.data[i]; }

static bool pattern_fits(Elab *e, Value v, uint32_t n, Span at) {
  if (v.kind == V_POISON) return true;
  if ((v.kind == V_TUPLE || v.kind == V_LIST) && v.u.list.len == n) return true;
  Diag *g = err(e, DIAG_E0213, at, "the pattern does not fit the value");
  diag_label(g, "%u names here, the value is %s", n, v_describe(e, v));
  if (g && v_is_list(v) && v.u.list.len > n) pattern_lacks(e, at, v.u.list.len - n);
  return false;
}

bool bind_pattern(Elab *e, const Pattern *p, Value v, bool is_var) {
  if (p->name) {
    if (v.kind == V_VOID && p->name != e->n_discard) {
      diag_label(err(e, DIAG_E0202, p->span, "there is no value to bind"),
                 "the function called returns nothing");
      v = v_poison();
    }
    return define(e, p->name, v, is_var, p->span);
  }
  bool ok = pattern_fits(e, v, p->len, p->span);
  if (!ok) v = v_poison();
  for (uint32_t i = 0; i < p->len; i++) ok &= bind_pattern(e, p->items[i], nth(v, i), is_var);
  return ok;
}

static bool assign_name(Elab *e, const Expr *x, Value v) {
  const char *name = x->u.name;
  if (name == e->n_discard) return true;
  Binding *b = scope_find(e->scope, name);
  if (!b) {
    const char *near = nearest_name(e->scope, name);
    if (unknown_is_news(e, name)) unknown_name(e, name, near, x->span);
    Binding *meant = near ? scope_find(e->scope, near) : NULL;
    if (meant && meant->is_var) meant->v = v_poison();
    return false;
  }
  if (!b->is_var) {
    if (!b->span.source || first_time(e, "let %u", b->span.begin)) {
      Diag *g = err(e, DIAG_E0206, x->span, "`%s` cannot be assigned", name);
      if (b->v.kind == V_STORE || (b->decl && (b->decl->kind == ST_PARAM || b->decl->kind == ST_STATE)))
        diag_help(g, "a parameter or state is written with `update %s = …;`", name);
      else {
        diag_label(g, "it is not a `var`");
        if (b->span.source) diag_also(g, b->span, "defined here");
        if (e->loop && loop_carries(e->loop, name))
          diag_note(g, "a carry gets its next value by `next %s = …;`", name);
      }
    }
    if (!b->decl) b->v = v_poison(); // what was to be in it is not known
    return false;
  }
  if (b->when_depth < e->fn->when_depth) {
    Diag *g = err(e, DIAG_E0612, x->span, "`%s` is assigned in a `when`", name);
    diag_label(g, "it would have the new value whatever the mask");
    diag_also(g, b->span, "defined outside of the block");
    diag_note(g, "`select(c, a, b)` chooses between two values; `state` and `update` keep one");
    b->v = v_poison();
    return false;
  }
  b->v = v;
  return true;
}

bool assign_pattern(Elab *e, const Expr *target, Value v) {
  if (target->kind == EX_ERROR) return false;
  if (target->kind == EX_NAME) return assign_name(e, target, v);
  if (target->kind != EX_TUPLE) {
    Diag *g = err(e, DIAG_E0206, target->span, "only a name or a tuple of names can be assigned");
    if (target->kind == EX_MEMBER)
      diag_label(g, "a parameter or state is written with `update`");
    else
      diag_label(g, "a tensor's elements can't be assigned one by one");
    if (target->kind == EX_INDEX)
      diag_note(g, "a new tensor is made of parts by `concat`, of two values by `select(c, a, b)`");
    return false;
  }
  if (!pattern_fits(e, v, target->u.list.len, target->span)) v = v_poison();
  bool ok = true;
  for (uint32_t i = 0; i < target->u.list.len; i++)
    ok &= assign_pattern(e, target->u.list.data[i], nth(v, i));
  return ok;
}
