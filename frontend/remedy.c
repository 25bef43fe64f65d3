// A value of another kind than is wanted: how what was meant is written.
#include "frontend/sema.h"

// "`net.encode(x)`": how a layer in long form is used.
static const char *methods(Elab *e, const Stmt *type) {
  const StmtList *l = &type->u.layer.body;
  const char *text = "";
  uint32_t n = 0;
  for (uint32_t i = 0; i < l->len && n < 3; i++) {
    if (l->data[i]->kind != ST_FN_DECL) continue;
    text = arena_printf(e->a, "%s%s`.%s(…)`", text, n++ ? ", " : "", l->data[i]->u.fn.name.text);
  }
  return n ? text : NULL;
}

static void of_layer(Elab *e, Diag *g, const Instance *i) {
  const Stmt *type = i->type;
  Binding *apply = scope_local(i->scope, intern(e->names, "apply"));
  const char *called = type->kind == ST_LAYER_LONG && !apply ? methods(e, type) : NULL;
  if (called)
    diag_note(g, "a layer is used by its methods: %s", called);
  else if (i->name && !i->owner)
    diag_note(g, "a layer is applied to its input: `%s(x)` or `x |> %s`", i->name, i->name);
  else
    diag_note(g, "a layer is applied to its input: `%s(…)(x)` or `x |> %s(…)`", type->u.layer.name.text,
              type->u.layer.name.text);
}

static void of_function(Diag *g, const char *name) {
  bool fills = name && (strcmp(name, "zeros") == 0 || strcmp(name, "ones") == 0);
  if (fills)
    diag_note(g, "`%s([2, 3])` is a tensor; `%s()` is for a `param` or `state`, whose shape it takes", name, name);
  else if (name)
    diag_note(g, "a function is called: `%s(…)`", name);
  else
    diag_note(g, "a function is called, one that has no name too: `f(x)`; initialisers are for `param` and `state`");
}

static void of_fields(Elab *e, Diag *g, const Stmt *data, bool record) {
  const StmtList *l = &data->u.data.items;
  const char *text = "", *name = data->u.data.name.text;
  uint32_t n = 0;
  for (uint32_t i = 0; i < l->len && n < 4; i++)
    if (l->data[i]->kind == ST_FIELD_FROM || l->data[i]->kind == ST_FIELD_COMPUTED)
      text = arena_printf(e->a, "%s%s`.%s`", text, n++ ? ", " : "", l->data[i]->u.field.name.text);
  if (record)
    diag_note(g, "one of its fields is taken: %s", text);
  else
    diag_note(g, "its examples come by `each d in %s(…) { … }` or `eval d in %s(…) { … }`, and `d` has the fields %s",
              name, name, text);
}

// A note about v, where a tensor or a number is wanted.
void remedy(Elab *e, Diag *g, Value v) {
  switch (v.kind) {
  case V_INSTANCE: of_layer(e, g, v.u.inst.inst); break;
  case V_LAYER: layer_note(e, g, v.u.decl->u.layer.name.text); break;
  case V_FN: of_function(g, v.u.fn->self ? arena_printf(e->a, ".%s", v.u.fn->name) : v.u.fn->name); break;
  case V_BUILTIN: of_function(g, v.u.builtin->name); break;
  case V_RECORD: of_fields(e, g, v.u.record.use->decl, true); break;
  case V_DATA: of_fields(e, g, v.u.decl, false); break;
  case V_TUPLE: diag_note(g, "`let (a, b) = …;` takes a tuple apart, `[0]` one of its values"); break;
  case V_OPTIMIZER: diag_note(g, "an optimizer stands after `using`: `minimize loss over net using opt;`"); break;
  case V_MODULE: diag_note(g, "what stands in the file is named after a dot: `m.f(x)`"); break;
  case V_NPY: diag_note(g, "`npy(…)` is the initial value of a `param` or `state`, or the source of a field"); break;
  default: break;
  }
}
