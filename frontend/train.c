// Train blocks become a plan: loops with their steps and evals, files, updates, in order. Options hold for
// what follows them; a phase counts step and epoch from 0 and sees the options before it. (One walk over one
// kind of block, with a function for each item: hence the length.)
#include "frontend/sema.h"

typedef struct Settings {
  int64_t epochs, batch, patience, accumulate;
  bool drop_last, mode_max;
  const char *watch;
} Settings;

typedef struct PhaseName {
  const char *text; // "greedy[1]"
  Span span;
} PhaseName;

typedef struct Plan {
  Elab *e;
  const Stmt *train;
  Train out;
  VEC(PlanItem) items;
  Settings set;
  const char *phase;
  VEC(PhaseName) phases; // so far
  uint32_t since;        // PlanItem's
  VEC(PlanEval) evals;   // of the open loop
  int64_t open;          // index of the loop that evals join, -1
  const Stmt *written;   // the last `update` or `load` of the train block
  VEC(const Stmt *) eval_stmts;
  VEC(const char *) eval_names;
  Span patience_at, watch_at, accumulate_at; // the values of the settings
} Plan;

static void items(Plan *p, const StmtList *l);

// ---- settings

static void bad_setting(Elab *e, const Stmt *s, const char *what, Value v) {
  if (v.kind == V_POISON) return;
  diag_label(err(e, DIAG_E0602, s->u.setting.value->span, "`%s` %s", s->u.setting.name.text, what),
             "this is %s", v_describe(e, v));
}

static void int_setting(Elab *e, const Stmt *s, Value v, int64_t least, int64_t most, int64_t *out) {
  if (v.kind == V_INT && v.u.i >= least && v.u.i <= most)
    *out = v.u.i;
  else
    bad_setting(e, s,
                v.kind == V_INT && v.u.i > most ? arena_printf(e->a, "is at most %lld", (long long)most)
                : least                         ? "is a static int of at least 1"
                                                : "is a static int of at least 0",
                v);
}

static void bool_setting(Elab *e, const Stmt *s, Value v, bool *out) {
  if (v.kind == V_BOOL)
    *out = v.u.b;
  else
    bad_setting(e, s, "is true or false", v);
}

static void setting(Plan *p, const Stmt *s) {
  static const char *const known[] = {"seed",     "epochs", "batch", "drop_last",
                                      "patience", "watch",  "mode",  "accumulate"};
  Elab *e = p->e;
  const char *name = s->u.setting.name.text;
  Value v = eval(e, s->u.setting.value);
  uint32_t k = 0;
  while (k < 8 && strcmp(known[k], name) != 0) k++;
  switch (k) {
  case 0:
    if (v.kind != V_INT) bad_setting(e, s, "is a static int", v);
    p->out.has_seed = true;
    p->out.seed = (uint64_t)v.u.i;
    break;
  case 1: int_setting(e, s, v, 1, INT64_MAX, &p->set.epochs); break;
  case 2: int_setting(e, s, v, 1, INT32_MAX, &p->set.batch); break;
  case 3: bool_setting(e, s, v, &p->set.drop_last); break;
  case 4:
    int_setting(e, s, v, 0, INT64_MAX, &p->set.patience);
    p->patience_at = s->u.setting.value->span;
    break;
  case 5:
    p->watch_at = s->u.setting.value->span;
    if (v.kind == V_STR)
      p->set.watch = v.u.s;
    else
      bad_setting(e, s, "names a report", v);
    break;
  case 6:
    if (v.kind == V_STR && (strcmp(v.u.s, "min") == 0 || strcmp(v.u.s, "max") == 0))
      p->set.mode_max = v.u.s[1] == 'a';
    else
      bad_setting(e, s, "is \"min\" or \"max\"", v);
    break;
  case 7:
    int_setting(e, s, v, 1, INT32_MAX, &p->set.accumulate);
    p->accumulate_at = s->u.setting.value->span;
    break;
  default: {
    if (s->u.setting.value->kind == EX_ERROR) break; // a statement of another kind, perhaps
    Diag *g = err(e, DIAG_E0601, s->u.setting.name.span, "unknown setting `%s`", name);
    const char *near = nearest_of(name, known, 8);
    if (near) diag_label(g, "did you mean `%s`?", near);
    if (v.kind == V_OPTIMIZER)
      diag_note(g, "an optimizer gets its name by `let %s = …;`", name);
    else
      diag_note(g,
                "a train block has seed, epochs, batch, drop_last, patience, watch, mode, accumulate; "
                "`option %s = …;` "
                "makes an option of your own",
                name);
    define(e, name, v_poison(), false, s->u.setting.name.span);
  }
  }
}

static void run_option(Plan *p, const Stmt *s) {
  Elab *e = p->e;
  const char *name = s->u.option.name.text;
  Value v = eval(e, s->u.option.value), role = {.kind = V_ROLE, .u.role = {IN_OPTION, 0}};
  if (!v_is_number(v)) {
    if (v.kind != V_POISON)
      diag_label(err(e, DIAG_E0308, s->u.option.value->span, "an option of a train block is a static number"),
                 "this is %s", v_describe(e, v));
    define(e, name, v_poison(), false, s->u.option.name.span);
    return;
  }
  uint32_t k = 0;
  while (k < e->options.len && strcmp(e->options.data[k].name, name) != 0) k++;
  if (k == e->options.len)
    vec_push(e->a, &e->options, ((RunOption){name, v_number(v), s->span}));
  else if (e->options.data[k].value != v_number(v) || e->options.data[k].span.begin != s->span.begin) {
    Diag *g = err(e, DIAG_E0308, s->u.option.name.span, "the option `%s` is declared twice", name);
    diag_also(g, e->options.data[k].span, "the first declaration");
    diag_note(g, "`--set %s=…` must mean one thing", name);
  }
  role.u.role.index = k;
  define(e, name, role, false, s->u.option.name.span);
}

static void train_let(Plan *p, const Stmt *s) {
  Elab *e = p->e;
  Value v = static_or_thunk(e, s->u.let.value, s->u.let.type);
  if (v.kind == V_OPTIMIZER && s->u.let.pattern->name && !v.u.opt->name)
    v.u.opt->name = s->u.let.pattern->name;
  bind_pattern(e, s->u.let.pattern, thunk_parts(e, v, s->u.let.pattern), false);
}

// ---- functions

static Value role(InputRole r) { return (Value){.kind = V_ROLE, .u.role = {r, 0}}; }

static Saved enter_step(Plan *p, Ctx *c) {
  Elab *e = p->e;
  Frame *train_frame = e->frame;
  Saved s = enter_ctx(e, c, scope_new(e, e->scope, SCOPE_LOCAL));
  e->frame->up = train_frame;
  e->frame->depth = train_frame->depth + 1;
  return s;
}

static void run_items(Elab *e, const StmtList *body) {
  if (exec_block(e, body) == FLOW_RETURN)
    diag_label(err(e, DIAG_E0610, e->ret_span, "`return` can't stand here"),
               "a train block gives nothing back");
}

// Steps and evals are told apart by the counter of batches; what stands between them would meet one of them.
static uint32_t site_lead(const Plan *p, FnKind kind) {
  switch (kind) {
  case FN_THEN: return 1;
  case FN_FINISH: return 2;
  case FN_APPLY: return 3;
  case FN_UPDATE: return site_hash(p->out.name);
  default: return 0;
  }
}

static Ctx *step_ctx(Plan *p, FnKind kind, const char *name, bool batched, Span span) {
  Elab *e = p->e;
  bool dynamic = batched && !(p->set.drop_last && kind == FN_STEP);
  Ctx *c = ctx_new(e, CTX_FN, kind, unique_name(e, name), dynamic ? e->n_batch : NULL,
                   dynamic ? p->set.batch : 1, span);
  c->has_batch = batched;
  c->batch_dim = dynamic ? (Dim){1, 0} : dim_of(p->set.batch);
  c->site_lead = site_lead(p, kind);
  return c;
}

static DataUse *stream(Elab *e, const Expr *x, const char *where) {
  if (x->kind == EX_TUPLE) {
    diag_label(err(e, DIAG_E0501, x->span, "one data block is wanted"), "`each (a, b) in (…)` takes several");
    return NULL;
  }
  bool call = x->kind == EX_CALL;
  Value callee = eval(e, call ? x->u.call.callee : x);
  if (callee.kind == V_POISON) return NULL;
  if (callee.kind != V_DATA) {
    Diag *g = err(e, DIAG_E0501, x->span, "`%s` runs over a data block%s", where,
                  *where == 'e' && where[1] == 'a' ? " or a range" : "");
    diag_label(g, "this is %s", v_describe(e, callee));
    return NULL;
  }
  if (!call) {
    Diag *g = err(e, DIAG_E0501, x->span, "a data block is called, also without arguments");
    diag_help(g, "write `%s()`", callee.u.decl->u.data.name.text);
    return NULL;
  }
  Args args = eval_args(e, &x->u.call.args, NULL, x->span);
  return args.any_poison ? NULL : data_use(e, callee.u.decl, &args, x->span);
}

static bool streams(Elab *e, const Expr *x, DataUse **use, uint32_t *n) {
  *n = 0;
  if (x->kind != EX_TUPLE) return (use[(*n)++] = stream(e, x, "each")) != NULL;
  bool ok = true;
  if (x->u.list.len > MAX_STREAMS)
    return err(e, DIAG_E0501, x->span, "at most %d streams in one `each`", MAX_STREAMS), false;
  for (uint32_t i = 0; i < x->u.list.len; i++)
    ok &= (use[(*n)++] = stream(e, x->u.list.data[i], "each")) != NULL;
  return ok;
}

static Value record(DataUse *u, uint32_t stream_index) {
  Value v = {.kind = V_RECORD};
  v.u.record.use = u;
  v.u.record.stream = stream_index;
  return v;
}

static void patch(Elab *e, DataUse *u, uint32_t *field) { vec_push(e->a, &e->patches, ((Patch){u, field})); }

static PlanItem item(Plan *p, PlanKind kind) {
  return (PlanItem){.kind = kind, .phase = p->phase, .since = p->since};
}

// `each i in a..b`: input 0 is i.
static bool count_loop(Plan *p, const Stmt *s, PlanLoop *l) {
  Elab *e = p->e;
  int64_t a = 0, b = 0;
  bool ok = eval_int(e, s->u.each.in.from, &a, "the start of a range");
  ok &= eval_int(e, s->u.each.in.to, &b, "the end of a range");
  if (!ok) return false;
  if (b <= a || a < INT32_MIN || b > INT32_MAX) {
    Diag *g = err(e, DIAG_E0602, s->u.each.in.span,
                  b <= a ? "this loop has no iterations" : "the number of an iteration is an i32");
    diag_label(g, "%lld..%lld", (long long)a, (long long)b);
    return false;
  }
  l->count = b - a;
  l->first = a;
  return true;
}

static void bind_loop(Elab *e, const Stmt *s, DataUse **use, uint32_t n, bool counted) {
  Ctx *c = e->fn;
  if (counted) {
    FnInput in = {.name = s->u.each.pattern->name ? s->u.each.pattern->name : "i",
                  .dtype = DT_I32,
                  .span = s->u.each.pattern->span};
    NodeId i = b_input(&c->b, IN_ARG, 0, in.name, DT_I32, (Shape){0});
    vec_push(e->a, &c->inputs, in);
    bind_pattern(e, s->u.each.pattern, v_tensor(e, i), false);
    return;
  }
  scope_bind(e, e->scope, e->n_batch, v_dim(e, c->batch_dim), (Span){0});
  Value v[MAX_STREAMS];
  for (uint32_t i = 0; i < n; i++) v[i] = record(use[i], i);
  bind_pattern(e, s->u.each.pattern,
               n == 1 && s->u.each.in.from->kind != EX_TUPLE ? v[0] : v_list(e, V_TUPLE, v, n), false);
}

// Whether a statement of the block has an effect, or may have one with other options.
static bool acts(const StmtList *l) {
  for (uint32_t i = 0; i < l->len; i++) {
    const Stmt *s = l->data[i];
    switch (s->kind) {
    case ST_REPORT:
    case ST_PRINT:
    case ST_UPDATE:
    case ST_MINIMIZE:
    case ST_ASSERT:
    case ST_WHEN:
    case ST_FINISH:
    case ST_ERROR: return true;
    case ST_FOR:
      if (acts(&s->u.loop.body)) return true;
      break;
    case ST_IF:
      if (acts(&s->u.cond.then) || acts(&s->u.cond.otherwise)) return true;
      break;
    default: break;
    }
  }
  return false;
}

// A loop over data of which nothing is seen. What it calls may update, so its function has the last word.
static void warn_idle(Elab *e, const Ctx *c, const StmtList *body, Span at, const char *what) {
  if (c->roots.len || acts(body) || e->rerun || diags_errors(e->diags)) return;
  Diag *g = warn(e, DIAG_W0606, NULL, at, "this `%s` has no effect", what);
  diag_note(g, "it neither reports, prints, updates nor minimizes: `report acc = accuracy(z, d.y);`");
}

static void each(Plan *p, const Stmt *s) {
  Elab *e = p->e;
  PlanLoop l = {.epochs = p->set.epochs,
                .batch = p->set.batch,
                .drop_last = p->set.drop_last,
                .then = -1,
                .accumulate = p->set.accumulate,
                .apply = -1,
                .invariant = -1,
                .patience = p->set.patience,
                .watch = p->set.watch,
                .mode_max = p->set.mode_max};
  DataUse *use[MAX_STREAMS];
  uint32_t n = 0;
  bool counted = s->u.each.in.to != NULL;
  bool ok = counted ? count_loop(p, s, &l) : streams(e, s->u.each.in.from, use, &n);
  p->open = -1;
  if (!ok) return;
  Ctx *c = step_ctx(p, FN_STEP, arena_printf(e->a, "%s_step", p->out.name), !counted, s->span);
  if (l.accumulate > 1)
    c->apply = step_ctx(p, FN_APPLY, arena_printf(e->a, "%s_apply", p->out.name), false, s->span);
  Saved saved = enter_step(p, c);
  bind_loop(e, s, use, n, counted);
  run_items(e, &s->u.each.body);
  leave_ctx(e, saved);
  if (!s->u.each.has_then) warn_idle(e, c, &s->u.each.body, s->u.each.in.span, "each");
  if (c->apply) check_accumulate(e, c, p->accumulate_at);
  StreamField *in = ARENA_ARRAY(e->a, c->n_fields + 1, StreamField);
  for (uint32_t i = 0; i < c->n_fields; i++) {
    in[i] = (StreamField){c->fields[i].stream, c->fields[i].field};
    patch(e, c->fields[i].use, &in[i].field);
  }
  l.inputs = in;
  uint32_t *ids = ARENA_ARRAY(e->a, n, uint32_t);
  for (uint32_t i = 0; i < n; i++) ids[i] = use[i]->index;
  l.streams = ids;
  l.n_streams = n;
  l.step = ctx_finish(e, c);
  if (c->apply) l.apply = (int32_t)ctx_finish(e, c->apply);
  if (s->u.each.has_then) {
    Ctx *t = step_ctx(p, FN_THEN, arena_printf(e->a, "%s_then", p->out.name), false, s->u.each.then.span);
    t->logged_with = c;
    saved = enter_step(p, t);
    run_items(e, &s->u.each.then);
    leave_ctx(e, saved);
    l.then = (int32_t)ctx_finish(e, t);
  }
  PlanItem it = item(p, PLAN_LOOP);
  it.u.loop = l;
  p->open = (int64_t)p->items.len;
  p->evals.data = NULL;
  p->evals.len = p->evals.cap = 0;
  vec_push(e->a, &p->items, it);
}

// The data block's name; the second eval of a train block over it is name_2.
static const char *eval_name(Plan *p, const Stmt *s, const char *data) {
  Elab *e = p->e;
  unsigned same = 0;
  for (size_t i = 0; i < p->eval_stmts.len; i++) {
    if (p->eval_stmts.data[i] == s) return p->eval_names.data[i];
    same += strcmp(p->eval_names.data[i], data) == 0 ||
            strncmp(p->eval_names.data[i], arena_printf(e->a, "%s_", data), strlen(data) + 1) == 0;
  }
  const char *name = same ? arena_printf(e->a, "%s_%u", data, same + 1) : data;
  vec_push(e->a, &p->eval_stmts, s);
  vec_push(e->a, &p->eval_names, name);
  return name;
}

static int32_t finish_fn(Plan *p, Ctx *c, const char *base) {
  Elab *e = p->e;
  if (!c->finish) return -1;
  Ctx *f = step_ctx(p, FN_FINISH, arena_printf(e->a, "%s_finish", base), false, c->finish->span);
  f->state_prefix = c->state_prefix;
  f->logged_with = c;
  Saved saved = enter_step(p, f);
  e->scope = c->finish_scope;
  run_items(e, &c->finish->u.block);
  leave_ctx(e, saved);
  return (int32_t)ctx_finish(e, f);
}

// An `each` and its evals are one loop, and what stands between them comes after it.
static void runs_late(Elab *e, const Stmt *write, const Stmt *eval) {
  bool load = write->kind == ST_LOAD;
  Diag *g = warn(e, DIAG_W0604, NULL, write->span, "this %s runs after the eval below it",
                 load ? "`load`" : "update");
  if (!g) return;
  diag_also(g, eval->u.eval.data->span, "this eval is part of the loop above");
  if (load)
    diag_note(g, "an eval of what is loaded stands with it in a `phase`, or in another train block");
  else
    diag_note(g, "what is updated once an epoch stands in a `then` block of the `each`; else write it after "
                 "the eval");
}

static void eval_item(Plan *p, const Stmt *s) {
  Elab *e = p->e;
  PlanEval v = {.every = 1, .batch = p->set.batch, .init = -1, .finish = -1};
  DataUse *use = stream(e, s->u.eval.data, "eval");
  if (s->u.eval.every && eval_int(e, s->u.eval.every, &v.every, "`every`") && v.every < 1) {
    diag_label(err(e, DIAG_E0602, s->u.eval.every->span, "`every` is at least 1"), "%lld",
               (long long)v.every);
    return;
  }
  if (!use) return;
  const char *data = use->decl->u.data.name.text, *base = arena_printf(e->a, "%s_eval_%s", p->out.name, data);
  v.name = eval_name(p, s, data);
  v.data = use->index;
  Ctx *c = step_ctx(p, FN_EVAL, base, true, s->span);
  c->state_prefix = intern(e->names, arena_printf(e->a, "%s.%s%s", p->out.name, v.name,
                                                  strcmp(c->name, base) ? c->name + strlen(base) : ""));
  c->eval_init = step_ctx(p, FN_EVAL_INIT, arena_printf(e->a, "%s_init", c->name), false, s->span);
  Saved saved = enter_step(p, c);
  scope_bind(e, e->scope, e->n_batch, v_dim(e, c->batch_dim), (Span){0});
  bind_pattern(e, s->u.eval.pattern, record(use, 0), false);
  run_items(e, &s->u.eval.body);
  leave_ctx(e, saved);
  warn_idle(e, c, &s->u.eval.body, s->u.eval.data->span, "eval");
  uint32_t *in = ARENA_ARRAY(e->a, c->n_fields + 1, uint32_t);
  for (uint32_t i = 0; i < c->n_fields; i++) {
    in[i] = c->fields[i].field;
    patch(e, use, &in[i]);
  }
  v.inputs = in;
  v.fn = ctx_finish(e, c);
  if (c->eval_init->roots.len) v.init = (int32_t)ctx_finish(e, c->eval_init);
  v.finish = finish_fn(p, c, c->name);
  if (p->open < 0) {
    PlanItem it = item(p, PLAN_EVAL);
    it.u.eval = v;
    vec_push(e->a, &p->items, it);
    return;
  }
  bool late = false;
  for (size_t i = (size_t)p->open + 1; i < p->items.len; i++)
    late |= p->items.data[i].kind == PLAN_UPDATE || p->items.data[i].kind == PLAN_LOAD;
  if (late) runs_late(e, p->written, s);
  vec_push(e->a, &p->evals, v);
  PlanLoop *l = &p->items.data[p->open].u.loop;
  l->evals = p->evals.data;
  l->n_evals = (uint32_t)p->evals.len;
}

static void update_item(Plan *p, const Stmt *s) {
  Elab *e = p->e;
  Ctx *c = step_ctx(p, FN_UPDATE, arena_printf(e->a, "%s_update", p->out.name), false, s->span);
  Saved saved = enter_step(p, c);
  exec_update(e, s->u.assign.target, s->u.assign.value);
  leave_ctx(e, saved);
  PlanItem it = item(p, PLAN_UPDATE);
  it.u.fn = ctx_finish(e, c);
  vec_push(e->a, &p->items, it);
  p->written = s;
}

// ---- files

static bool load_options(Plan *p, const Stmt *s, PlanFile *f) {
  Elab *e = p->e;
  for (uint32_t i = 0; i < s->u.file.with.len; i++) {
    const Named *n = &s->u.file.with.data[i];
    if (strcmp(n->name.text, "partial") == 0) {
      if (!eval_bool(e, n->value, &f->partial, "`partial`")) return false;
    } else if (strcmp(n->name.text, "map") == 0) {
      if (!eval_str(e, n->value, &f->map, "the file of a map")) return false;
    } else {
      diag_note(err(e, DIAG_E0609, n->name.span, "`load` has no option `%s`", n->name.text),
                "`partial = true` leaves what the file lacks as it is, `map = \"file\"` names and transposes "
                "its tensors");
      return false;
    }
  }
  return true;
}

static const char *place_path(Elab *e, Value v) { // of one layer or store; lists have none
  if (v.kind == V_STORE) return e->stores.data[v.u.store->id].name;
  if (v.kind == V_INSTANCE) return instance_path(e, v.u.inst.inst);
  return NULL;
}

static bool holds(const PlanFile *f, uint32_t store) {
  for (uint32_t i = 0; i < f->n; i++)
    if (f->stores[i] == store) return true;
  return false;
}

// A file that is written again holds the later stores only.
static void replaces_another(Plan *p, const PlanFile *f, Span at) {
  for (size_t k = 0; k < p->items.len; k++) {
    const PlanFile *old = &p->items.data[k].u.file;
    if (p->items.data[k].kind != PLAN_SAVE || strcmp(old->file, f->file) != 0) continue;
    for (uint32_t i = 0; i < old->n; i++) {
      if (holds(f, old->stores[i])) continue;
      Diag *g = warn(p->e, DIAG_W0605, NULL, at, "`%s` is written twice", f->file);
      diag_label(g, "this replaces `%s`", p->e->stores.data[old->stores[i]].name);
      diag_also(g, old->span, "which is saved here");
      return;
    }
  }
}

// Of files in which other libraries keep weights; NULL: none of them.
static const char *foreign_ending(const char *file) {
  static const char *const endings[] = {".pt",   ".pth",   ".pkl",  ".ckpt", ".h5",
                                        ".hdf5", ".keras", ".onnx", ".gguf"};
  size_t len = strlen(file);
  for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
    size_t n = strlen(endings[i]);
    if (len > n && strcmp(file + len - n, endings[i]) == 0) return endings[i];
  }
  return NULL;
}

static void file_item(Plan *p, const Stmt *s) {
  Elab *e = p->e;
  PlanFile f = {.span = s->span};
  const char *as = NULL;
  StoreRefs refs;
  Value target = eval_ref(e, s->u.file.target);
  bool ok = eval_str(e, s->u.file.file, &f.file, "a file name");
  if (s->u.file.as) ok &= eval_str(e, s->u.file.as, &as, "the prefix after `as`");
  ok &= load_options(p, s, &f);
  if (!list_stores(e, target, s->u.file.target->span, false, &refs,
                   s->kind == ST_LOAD ? "`load`" : "`save`") ||
      !ok)
    return;
  const char *prefix = place_path(e, target);
  if (as && !prefix) {
    err(e, DIAG_E0609, s->u.file.as->span, "`as` renames one layer, not a list");
    return;
  }
  size_t len = strlen(f.file);
  const char *foreign = foreign_ending(f.file);
  if (foreign) {
    Diag *g = err(e, DIAG_E0609, s->u.file.file->span, "weights are not kept in a %s file", foreign);
    diag_label(g, "the format is safetensors: `\"….safetensors\"`");
    if (s->kind == ST_LOAD)
      diag_note(
          g, "the library that wrote it can write safetensors; `with map = \"file\"` then names its tensors");
    return;
  }
  if (len > 4 && strcmp(f.file + len - 4, ".npz") == 0) {
    Diag *g = err(e, DIAG_E0609, s->u.file.file->span, "weights are not kept in an .npz file");
    diag_label(g, "several tensors: .safetensors, one alone: .npy");
    return;
  }
  if (len > 4 && strcmp(f.file + len - 4, ".npy") == 0 && refs.len > 1) {
    diag_label(err(e, DIAG_E0609, s->u.file.file->span, "an .npy file holds one tensor"), "%zu here",
               refs.len);
    return;
  }
  if (f.map && len > 4 && strcmp(f.file + len - 4, ".npy") == 0) {
    err(e, DIAG_E0609, s->u.file.file->span, "an .npy file has no names that a map could change");
    return;
  }
  uint32_t *ids = ARENA_ARRAY(e->a, refs.len, uint32_t);
  const char **names = ARENA_ARRAY(e->a, refs.len, const char *);
  for (size_t i = 0; i < refs.len; i++) {
    ids[i] = refs.data[i]->id;
    names[i] = e->stores.data[ids[i]].name;
    if (as) names[i] = arena_printf(e->a, "%s%s", as, names[i] + strlen(prefix));
  }
  f.stores = ids;
  f.names = names;
  f.n = (uint32_t)refs.len;
  if (s->kind == ST_LOAD) p->written = s;
  if (s->kind == ST_SAVE) replaces_another(p, &f, s->u.file.file->span);
  PlanItem it = item(p, s->kind == ST_LOAD ? PLAN_LOAD : PLAN_SAVE);
  it.u.file = f;
  vec_push(e->a, &p->items, it);
}

// ---- items

static const char *phase_name(Plan *p, const char *name) {
  const Frame *f = p->e->frame;
  for (size_t i = 0; i < f->loops.len; i++)
    name = arena_printf(p->e->a, "%s[%lld]", name, (long long)f->loops.data[i]);
  return name;
}

// The log tells phases apart by their names.
static void name_phase(Plan *p, const Name *name) {
  PhaseName own = {phase_name(p, name->text), name->span};
  for (size_t i = 0; i < p->phases.len; i++) {
    if (strcmp(p->phases.data[i].text, own.text) != 0) continue;
    diag_also(err(p->e, DIAG_E0205, own.span, "a phase `%s` is already defined", own.text),
              p->phases.data[i].span, "the first definition");
    return;
  }
  vec_push(p->e->a, &p->phases, own);
  p->phase = own.text;
}

static void phase(Plan *p, const Stmt *s) {
  Elab *e = p->e;
  Settings set = p->set;
  const char *outer = p->phase;
  uint32_t since = p->since;
  Scope *saved = e->scope;
  e->scope = scope_new(e, saved, SCOPE_LOCAL);
  name_phase(p, &s->u.train.name);
  p->since = (uint32_t)p->items.len;
  p->open = -1;
  items(p, &s->u.train.items);
  p->open = -1;
  p->set = set;
  p->phase = outer;
  p->since = since;
  e->scope = saved;
}

static void scoped(Plan *p, const StmtList *l) {
  Scope *saved = p->e->scope;
  p->e->scope = scope_new(p->e, saved, SCOPE_LOCAL);
  items(p, l);
  p->e->scope = saved;
}

static void loop(Plan *p, const Stmt *s) {
  Elab *e = p->e;
  Values in;
  if (!range_values(e, &s->u.loop.in, &in)) return;
  Scope *saved = e->scope;
  for (size_t i = 0; i < in.len && loop_enter(e, s->span); i++) {
    e->scope = scope_new(e, saved, SCOPE_LOCAL);
    p->open = -1;
    vec_push(e->a, &e->frame->loops, (int64_t)i);
    bind_pattern(e, s->u.loop.pattern, in.data[i], false);
    scoped(p, &s->u.loop.body);
    e->frame->loops.len--;
  }
  p->open = -1;
  e->scope = saved;
}

static void one(Plan *p, const Stmt *s) {
  Elab *e = p->e;
  bool c;
  switch (s->kind) {
  case ST_SETTING: setting(p, s); break;
  case ST_LET: train_let(p, s); break;
  case ST_OPTION: run_option(p, s); break;
  case ST_LOAD:
  case ST_SAVE: file_item(p, s); break;
  case ST_UPDATE: update_item(p, s); break;
  case ST_PHASE: phase(p, s); break;
  case ST_FOR: loop(p, s); break;
  case ST_EACH: each(p, s); break;
  case ST_EVAL: eval_item(p, s); break;
  case ST_IF:
    if (!eval_bool(e, s->u.cond.cond, &c, "the condition of `if`")) break;
    if (c)
      scoped(p, &s->u.cond.then);
    else if (s->u.cond.has_else)
      scoped(p, &s->u.cond.otherwise);
    break;
  default: break; // ST_ERROR; the grammar has no other
  }
}

static void items(Plan *p, const StmtList *l) {
  for (uint32_t i = 0; i < l->len && !p->e->dead; i++) one(p, l->data[i]);
}

static bool watched(const Elab *e, const PlanLoop *l) {
  for (uint32_t i = 0; i < l->n_evals; i++) {
    const int32_t fns[2] = {(int32_t)l->evals[i].fn, l->evals[i].finish};
    for (int k = 0; k < 2; k++) {
      if (fns[k] < 0) continue;
      const Function *f = &e->fns.data[fns[k]];
      for (uint32_t r = 0; r < f->g->n_roots; r++)
        if (f->roots[r].kind == ROOT_REPORT && strcmp(f->roots[r].name, l->watch) == 0) return true;
    }
  }
  return false;
}

// Whether some `report` of the block has this name, in the text. (One in a function has none of its own.)
static bool has_report(const StmtList *l, const char *name) {
  for (uint32_t i = 0; i < l->len; i++) {
    const Stmt *s = l->data[i];
    bool here = s->kind == ST_ERROR;                                 // perhaps
    if (s->kind == ST_ASSIGN && s->u.assign.target->kind == EX_NAME) // its `report` is forgotten
      here |= strcmp(s->u.assign.target->u.name, name) == 0;
    for (uint32_t k = 0; s->kind == ST_REPORT && k < s->u.report.len; k++)
      here |= strcmp(s->u.report.data[k].name.text, name) == 0;
    if (s->kind == ST_EVAL) here = has_report(&s->u.eval.body, name);
    if (s->kind == ST_FINISH) here = has_report(&s->u.block, name);
    if (s->kind == ST_FOR) here = has_report(&s->u.loop.body, name);
    if (s->kind == ST_PHASE) here = has_report(&s->u.train.items, name);
    if (s->kind == ST_IF || s->kind == ST_WHEN)
      here = has_report(&s->u.cond.then, name) || has_report(&s->u.cond.otherwise, name);
    if (here) return true;
  }
  return false;
}

static void check_patience(Plan *p) {
  Elab *e = p->e;
  if (cut_off(e)) return;
  bool wrong = diags_errors(e->diags) > 0; // then a loop may lack its evals
  if (p->watch_at.source && !p->patience_at.source) {
    if (lost(e, intern(e->names, "patience"))) return;
    Diag *g = err(e, DIAG_E0602, p->watch_at, "`watch` needs `patience`");
    diag_note(g,
              "`patience = 3;` stops a loop when three evals in a row were no better than the best before");
    return;
  }
  for (size_t i = 0; i < p->items.len; i++) {
    const PlanItem *it = &p->items.data[i];
    if (it->kind != PLAN_LOOP || it->u.loop.patience == 0) continue;
    if (!it->u.loop.watch && wrong) continue;
    if (!it->u.loop.watch) {
      Diag *g = err(e, DIAG_E0602, p->patience_at, "`patience` needs `watch`");
      diag_note(g, "`watch = \"loss\";` names a report of an `eval` of the same loop");
    } else if (wrong ? !has_report(&p->train->u.train.items, it->u.loop.watch) : !watched(e, &it->u.loop)) {
      Diag *g = err(e, DIAG_E0602, p->watch_at, "no `eval` of this loop reports `%s`", it->u.loop.watch);
      diag_label(g, "watched here");
      if (it->phase)
        diag_note(g, "the loop of phase `%s`; `patience = 0;` in it would turn this off", it->phase);
    }
  }
}

void elaborate_train(Elab *e, const Stmt *s) {
  Plan p = {.e = e, .train = s, .open = -1, .set = {.epochs = 1, .batch = 32, .accumulate = 1}};
  p.out.name = s->u.train.name.text;
  p.out.span = s->span;
  Ctx *c = ctx_new(e, CTX_SCRATCH, FN_UPDATE, p.out.name, NULL, 1, s->span);
  Saved saved = enter_ctx(e, c, scope_new(e, e->top, SCOPE_LOCAL));
  e->in_train = true;
  scope_bind(e, e->scope, e->n_step, role(IN_STEP), (Span){0});
  scope_bind(e, e->scope, e->n_epoch, role(IN_EPOCH), (Span){0});
  e->scope = scope_new(e, e->scope, SCOPE_LOCAL);
  items(&p, &s->u.train.items);
  check_patience(&p);
  e->in_train = false;
  leave_ctx(e, saved);
  p.out.items = p.items.data;
  p.out.n_items = (uint32_t)p.items.len;
  vec_push(e->a, &e->trains, p.out);
}
