// First the rules of `vjp`, each alone, then the gradients that use them. A rule whose function has no slope
// of its own (it gives back what it is given, or is flat wherever it was looked at) is there for its
// gradient: it is taken at its word. So is one that --allow-vjp names. Any other must be the derivative.
#include "driver/gradients.h"

#include "codegen/cost.h"
#include "driver/exit_codes.h"
#include "driver/slopes.h"
#include "driver/table.h"
#include "passes/passes.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct Rule {
  VjpAttr vjp;
  Slope slope;
  uint32_t calls; // looked at
  bool identity, flat, allowed, unknown;
  const char *fault;
} Rule;

typedef struct Check {
  const Program *p;
  const Options *o;
  Arena *a;
  Points points;
  VEC(Rule) rules;
  Declared declared;
  StrBuf out;
  uint32_t gradients, wrong, rules_wrong, left, elements, kinks;
} Check;

// What one function's gradients are looked at with.
typedef struct Subject {
  const Function *f;
  const Graph *g; // unfolded
  Point at;
} Subject;

// ---- how much is looked at

// Elements that one evaluation makes, and what they are summed from.
static double work_of(const Graph *g, int64_t n) {
  double work = 0;
  for (NodeId id = 0; id < g->len; id++) {
    const Node *x = graph_node(g, id);
    work += (double)shape_elements(x->shape, n);
    if (x->op == OP_SCAN) work += (double)dim_at(x->attr.scan->length, n) * work_of(x->attr.scan->body, n);
  }
  return work + (double)graph_macs(g, n);
}

enum { MOST_ELEMENTS = 8, CALLS_OF_A_RULE = 2, FEW = 2 };
static const double WORK = 2e8; // of a gradient: two seconds or so

static Effort effort_for(const Probe *p, int64_t n) {
  double slopes = WORK / (2 * work_of(p->value, n) + 1), each = slopes / (p->n_targets + 1);
  if (each >= MOST_ELEMENTS + 1) return (Effort){MOST_ELEMENTS, 1};
  if (each >= 1) return (Effort){(uint32_t)each - 1, 1};
  return (Effort){0, slopes < 1 ? p->n_targets + 1 : (uint32_t)ceil(1 / each)};
}

// At the moved parameters; as they were initialised where the value is not finite there.
static Slopes compare(Check *c, Subject *s, const Probe *p) {
  Effort effort = effort_for(p, s->at.n);
  Slopes r = slopes_compare(&s->at, p, effort, c->a);
  if (!r.fault || !s->at.moved) return r;
  s->at.moved = false;
  Slopes again = slopes_compare(&s->at, p, effort, c->a);
  if (again.fault) s->at.moved = true;
  return again;
}

// ---- rules

static Rule *rule_of(Check *c, const VjpAttr *vjp) {
  for (size_t i = 0; i < c->rules.len; i++)
    if (c->rules.data[i].vjp.span.source == vjp->span.source &&
        c->rules.data[i].vjp.span.begin == vjp->span.begin)
      return &c->rules.data[i];
  vec_push(c->a, &c->rules, ((Rule){.vjp = *vjp, .flat = true, .identity = true}));
  Rule *r = &c->rules.data[c->rules.len - 1];
  for (uint32_t i = 0; i < c->o->n_allowed; i++) r->allowed |= strcmp(c->o->allowed[i], vjp->function) == 0;
  return r;
}

// Whether the value of y, a CUSTOM_VJP, is that of one of its inputs.
static bool gives_back(const Check *c, const Subject *s, NodeId y) {
  const Node *n = graph_node(s->g, y);
  Graph until = *s->g; // up to y
  until.len = y + 1;
  graph_set_roots(&until, n->in, n->n_in);
  Scalar **roots = ARENA_ARRAY(c->a, n->n_in, Scalar *);
  if (!point_eval(&s->at, pass_autodiff(&until, c->a), NULL, 0, roots, c->a)) return false;
  for (uint32_t i = 1; i < n->n_in; i++) {
    const Node *x = graph_node(s->g, n->in[i]);
    if (x->dtype != n->dtype || !shape_eq(x->shape, n->shape)) continue;
    if (memcmp(roots[i], roots[0], (size_t)shape_elements(n->shape, s->at.n) * sizeof(Scalar)) == 0)
      return true;
  }
  return false;
}

static void add_slope(Slope *to, const Slope *x) {
  bool worse = to->compared == 0 || x->error > to->error;
  Slope sum = x->compared && worse ? *x : *to;
  sum.compared = to->compared + x->compared;
  sum.kinks = to->kinks + x->kinks;
  sum.wrong = to->wrong + x->wrong;
  *to = sum;
}

static void check_rule(Check *c, Subject *s, NodeId y) {
  const Node *n = graph_node(s->g, y);
  Rule *r = rule_of(c, &n->attr.vjp);
  if (r->calls == CALLS_OF_A_RULE) return;
  Probe p = probe_rule(s->g, s->f->n_inputs, y, c->a);
  if (p.n_targets == 0) return; // it gives nothing to anything here
  r->calls++;
  r->identity = r->identity && gives_back(c, s, y);
  if (p.why_not) {
    r->unknown = true;
    return;
  }
  Slopes found = compare(c, s, &p);
  r->flat &= !found.fault && found.flat;
  if (found.fault) r->fault = found.fault;
  for (uint32_t i = 0; i < p.n_targets; i++) add_slope(&r->slope, &found.target[i]);
  add_slope(&r->slope, &found.all);
}

static bool differs(const Rule *r) { return r->slope.wrong > 0; }
static bool on_purpose(const Rule *r) { return differs(r) && (r->identity || r->flat || r->allowed); }

static void declare(Check *c) {
  Span *at = ARENA_ARRAY(c->a, c->rules.len + 1, Span);
  for (size_t i = 0; i < c->rules.len; i++)
    if (on_purpose(&c->rules.data[i])) at[c->declared.n++] = c->rules.data[i].vjp.span;
  c->declared.rule = at;
}

// ---- what is said

static const char *error_text(const Slope *s, Arena *a) {
  if (s->compared == 0) return "";
  return isfinite(s->error) ? arena_printf(a, "%.1e", s->error) : "nan";
}

static const char *place(const Check *c, Span at) { return span_text(c->p->sources, at, c->a); }

static const char *wrong_text(const Slope *s, Arena *a) {
  return arena_printf(a, "WRONG: %.6g, by differences %.6g", s->gradient, s->numeric);
}

static const char *rule_text(const Rule *r, Arena *a) {
  if (r->fault) return r->fault;
  if (r->unknown) return "not compared: a gradient inside of it goes through what it is by";
  if (!differs(r)) return "the derivative";
  if (r->identity) return "on purpose not the derivative: the function gives back what it is given";
  if (r->flat) return "on purpose not the derivative: the function is flat";
  if (r->allowed) return "on purpose not the derivative: --allow-vjp";
  return wrong_text(&r->slope, a);
}

static bool rule_wrong(const Rule *r) { return r->fault || (differs(r) && !on_purpose(r)); }

static void put_rules(Check *c) {
  Table t = {.a = c->a, .align = "lrrrll"};
  static const char *const head[] = {"rule", "compared", "kinks", "error", "at", ""};
  for (int i = 0; i < 6; i++) table_text(&t, head[i]);
  for (size_t i = 0; i < c->rules.len; i++) {
    const Rule *r = &c->rules.data[i];
    if (r->calls == 0) continue;
    table_text(&t, arena_printf(c->a, "vjp %s", r->vjp.function));
    table_int(&t, r->slope.compared);
    table_int(&t, r->slope.kinks);
    table_text(&t, on_purpose(r) ? "" : error_text(&r->slope, c->a));
    table_text(&t, place(c, r->vjp.span));
    table_text(&t, rule_text(r, c->a));
    c->rules_wrong += rule_wrong(r);
  }
  if (t.cells.len > 6) table_print(&t, "", &c->out), sb_putc(&c->out, '\n');
}

// "train fit, phase greedy[0]" of a step, else what kind of function it is.
static const char *whose(const Check *c, const Function *f) {
  const Program *p = c->p;
  for (uint32_t i = 0; i < p->n_trains; i++)
    for (uint32_t k = 0; k < p->trains[i].n_items; k++) {
      const PlanItem *item = &p->trains[i].items[k];
      if (item->kind != PLAN_LOOP || &p->fns[item->u.loop.step] != f) continue;
      const char *phase = item->phase ? arena_printf(c->a, ", phase %s", item->phase) : "";
      return arena_printf(c->a, "train %s%s", p->trains[i].name, phase);
    }
  return f->kind == FN_EXPORT ? arena_printf(c->a, "export %s", f->name) : f->name;
}

typedef struct Target {
  const char *name;
  Span span;
} Target;

// Where the model makes it: for a parameter of a library's layer the call that makes the layer.
static Span made_at(const Check *c, const Store *t) {
  Span at = t->span;
  size_t longest = 0;
  for (uint32_t i = 0; i < c->p->n_layers && source_get(c->p->sources, t->span.source)->is_std; i++) {
    const LayerInstance *l = &c->p->layers[i];
    size_t n = strlen(l->path);
    if (n < longest || strncmp(t->name, l->path, n) != 0 || t->name[n] != '.') continue;
    if (source_get(c->p->sources, l->span.source)->is_std) continue;
    at = l->span, longest = n;
  }
  return at;
}

static Target target_of(const Check *c, const Subject *s, NodeId id) {
  const Node *n = graph_node(s->g, id);
  const Store *t = n->op == OP_READ ? &c->p->stores[n->attr.store.id] : NULL;
  if (t) return (Target){t->name, made_at(c, t)};
  if (n->op == OP_INPUT && n->attr.input.role == IN_ARG) return (Target){n->attr.input.name, n->span};
  if (n->op == OP_CUSTOM_VJP) return (Target){arena_printf(c->a, "%s(…)", n->attr.vjp.function), n->span};
  return (Target){"a value", n->span};
}

// "[3, 0, 1]" of an element, "together" of a direction through all.
static const char *element_text(Shape shape, int64_t at, Arena *a) {
  const char *text = "";
  if (at < 0) return "together";
  for (uint32_t k = shape.rank; k-- > 0;) {
    int64_t size = shape.d[k].b;
    text = arena_printf(a, "%lld%s%s", (long long)(at % size), *text ? ", " : "", text);
    at /= size;
  }
  return shape.rank ? arena_printf(a, "[%s]", text) : "";
}

static const char *shape_words(const Shape *s, Arena *a) {
  StrBuf text = {0};
  sb_putc(&text, '[');
  for (uint32_t i = 0; i < s->rank; i++) sb_printf(&text, "%s%lld", i ? ", " : "", (long long)s->d[i].b);
  sb_putc(&text, ']');
  const char *words = arena_strdup(a, sb_text(&text));
  strbuf_free(&text);
  return words;
}

static void put_slope(Check *c, Table *t, const char *name, const Shape *shape, const Slope *x,
                      const char *at, const char *note) {
  table_text(t, name);
  table_text(t, shape ? shape_words(shape, c->a) : "");
  table_int(t, x->compared);
  table_int(t, x->kinks);
  table_text(t, error_text(x, c->a));
  table_text(t, x->compared && shape ? element_text(*shape, x->at, c->a) : "");
  table_text(t, at);
  table_text(t, x->wrong ? wrong_text(x, c->a) : note);
  c->elements += x->compared;
  c->kinks += x->kinks;
}

static const char *note_of(const Slopes *r, uint32_t target) {
  if (r->target[target].compared + r->target[target].kinks == 0) return "only together";
  return r->largest[target] == 0 ? "all zero" : "";
}

static void put_targets(Check *c, const Subject *s, const Probe *p, const Slopes *r) {
  Table t = {.a = c->a, .align = "llrrrlll"};
  static const char *const head[] = {"by", "shape", "compared", "kinks", "error", "worst", "at", ""};
  for (int i = 0; i < 8; i++) table_text(&t, head[i]);
  for (uint32_t i = 0; i < p->n_targets; i++) {
    Target to = target_of(c, s, p->targets[i]);
    Shape shape = shape_at(graph_node(s->g, p->targets[i])->shape, s->at.n);
    put_slope(c, &t, to.name, &shape, &r->target[i], place(c, to.span), note_of(r, i));
  }
  if (r->all.compared + r->all.kinks > 0) put_slope(c, &t, "all of them together", NULL, &r->all, "", "");
  table_print(&t, "  ", &c->out);
}

// ---- gradients

static uint32_t wrong_of(const Probe *p, const Slopes *r) {
  uint32_t wrong = r->all.wrong;
  for (uint32_t i = 0; i < p->n_targets; i++) wrong += r->target[i].wrong;
  return wrong;
}

static void check_gradient(Check *c, Subject *s, NodeId id) {
  Probe p = probe_gradient(s->g, s->f->n_inputs, id, &c->declared, c->a);
  sb_printf(&c->out, "%s: gradient at %s, %s", whose(c, s->f), place(c, graph_node(s->g, id)->span),
            s->at.from);
  const char *left = p.why_not;
  Slopes r = {0};
  if (!left) r = compare(c, s, &p);
  bool wrong = !left && (r.fault || wrong_of(&p, &r) > 0);
  // what a stop_grad in a loop takes for constant moves in the differences
  if (wrong && !r.fault && p.cut_in_loop)
    left = "a stop_grad in a loop, which differences don't see", wrong = false;
  c->gradients++;
  c->left += left != NULL;
  c->wrong += wrong;
  sb_printf(&c->out, "%s%s%s\n",
            left      ? ": not compared: "
            : r.fault ? ": "
                      : "",
            left ? left : "", !left && r.fault ? r.fault : "");
  if (!left && !r.fault) put_targets(c, s, &p, &r);
  sb_putc(&c->out, '\n');
}

static bool has_gradients(const Graph *g) {
  for (NodeId id = 0; id < g->len; id++) {
    if (graph_node(g, id)->op == OP_GRAD) return true;
    if (graph_node(g, id)->op == OP_SCAN && has_gradients(graph_node(g, id)->attr.scan->body)) return true;
  }
  return false;
}

// A test's gradients are its own to look at.
static bool is_subject(const Program *p, const Graph *const *written, uint32_t fn) {
  return p->fns[fn].kind != FN_TEST && has_gradients(written[fn]);
}

static int subjects(Check *c, const Graph *const *written, Subject *s, uint32_t *n) {
  for (uint32_t i = 0; i < c->p->n_fns; i++) {
    const Function *f = &c->p->fns[i];
    if (!is_subject(c->p, written, i)) continue;
    int status;
    const Graph *g = probe_unfold(written[i], c->a);
    s[(*n)++] = (Subject){f, g, point_of(&c->points, i, g, &status, c->a)};
    if (status != EXIT_DONE) return status;
  }
  return EXIT_DONE;
}

static void summary(Check *c) {
  if (c->points.no_data)
    sb_printf(&c->out, "inputs are drawn where data can't be read (%s); --data says where they lie\n",
              c->points.no_data);
  sb_printf(&c->out, "%u gradient%s: %u right, %u wrong", c->gradients, c->gradients == 1 ? "" : "s",
            c->gradients - c->wrong - c->left, c->wrong);
  if (c->left) sb_printf(&c->out, ", %u not compared", c->left);
  if (c->rules_wrong) sb_printf(&c->out, "; %u rule%s wrong", c->rules_wrong, c->rules_wrong == 1 ? "" : "s");
  sb_printf(&c->out, "; %u slopes compared, %u at kinks passed over\n", c->elements, c->kinks);
}

static int check_all(Check *c, const Graph *const *written) {
  Subject *s = ARENA_ARRAY(c->a, c->p->n_fns, Subject);
  uint32_t n = 0;
  int status = subjects(c, written, s, &n);
  if (status != EXIT_DONE) return status;
  for (uint32_t i = 0; i < n; i++)
    for (NodeId id = 0; id < s[i].g->len; id++)
      if (graph_node(s[i].g, id)->op == OP_CUSTOM_VJP) check_rule(c, &s[i], id);
  declare(c);
  put_rules(c);
  for (uint32_t i = 0; i < n; i++)
    for (NodeId id = 0; id < s[i].g->len; id++)
      if (graph_node(s[i].g, id)->op == OP_GRAD) check_gradient(c, &s[i], id);
  summary(c);
  fwrite(sb_text(&c->out), 1, c->out.len, stdout);
  return c->wrong + c->rules_wrong ? EXIT_FAILED : EXIT_DONE;
}

int gradients_check(const Program *p, const Graph *const *written, const Options *o, Arena *a) {
  Check c = {.p = p, .o = o, .a = a};
  bool any = false;
  for (uint32_t i = 0; i < p->n_fns; i++) any |= is_subject(p, written, i);
  if (!any) return printf("%s has no gradients\n", o->input), EXIT_DONE;
  int status = points_open(&c.points, p, o, a);
  if (status == EXIT_DONE) status = check_all(&c, written);
  points_close(&c.points);
  strbuf_free(&c.out);
  return status;
}
