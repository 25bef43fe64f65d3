// The host runtime reads the data, as in a training; what is made of them are the interpreter's values.
#include "driver/point.h"

#include "codegen/cost.h"
#include "driver/descriptor.h"
#include "driver/exit_codes.h"
#include "driver/interpret.h"
#include "ir/eval.h"
#include "ir/philox.h"

#include "nn_feed.h"

#include <stdio.h>
#include <string.h>

enum { MOVE = 1, INPUT = 1000 }; // sequences of draws: of stores, of inputs

double point_draw(uint32_t sequence, uint32_t i) {
  PhiloxBlock b = philox4x32_10((uint32_t[]){i, sequence, 0, 0}, (uint32_t[]){0, 0});
  return (double)(b.w[0] >> 8) * 0x1p-24;
}

// ---- stores

static void load_stores(Points *s, Arena *a) {
  const Program *p = s->p;
  s->initial = eval_stores_new(p->stores, p->n_stores, a);
  s->moved = eval_stores_new(p->stores, p->n_stores, a);
  for (uint32_t i = 0; i < p->n_stores; i++) {
    const Store *t = &p->stores[i];
    size_t count = elements(&t->shape, 1);
    interpret_load(s->initial[i], t->dtype, nn_store_data(&s->session, &s->m->stores[i]), count);
    for (size_t k = 0; k < count; k++) {
      s->moved[i][k] = s->initial[i][k];
      if (t->kind == STORE_PARAM && dtype_is_real(t->dtype))
        s->moved[i][k].f += 0.2 * (point_draw(MOVE + i, (uint32_t)k) - 0.5);
    }
  }
}

static const char *words_of(const nn_err *e) { return e->text.s ? e->text.s : "out of memory"; }

// Files are missing; what they hold is drawn.
static void do_without(Points *s, Arena *a) {
  s->no_data = arena_strdup(a, words_of(&s->error));
  nn_err_free(&s->error);
  memset(&s->error, 0, sizeof s->error);
}

int points_open(Points *s, const Program *p, const Options *o, Arena *a) {
  *s = (Points){.p = p, .data_given = o->data != NULL};
  s->m = interpret_model(p, "", o->keep_subnormals, a);
  const char *dir = o->data, *slash = strrchr(o->input, '/');
  if (!dir) dir = slash ? arena_strndup(a, o->input, (size_t)(slash - o->input) + 1) : "";
  if (!nn_session_open(&s->session, s->m, &s->error)) {
    s->session.data_dir = dir;
    if (nn_session_init(&s->session, 0, 0) == NN_EXIT_SYSTEM && !s->data_given) {
      do_without(s, a); // without the .npy files of parameters
      nn_session_init(&s->session, 0, 1);
    }
  }
  if (s->error.code) return complain(s->error.code, "%s", words_of(&s->error));
  load_stores(s, a);
  s->options = ARENA_ARRAY(a, p->n_options + 1, double);
  for (uint32_t i = 0; i < p->n_options; i++) s->options[i] = p->options[i].value;
  return EXIT_DONE;
}

void points_close(Points *s) {
  nn_session_close(&s->session);
  nn_err_free(&s->error);
}

// ---- drawn inputs

// The size of the axis that a one-hot comparison counts along; 0: v doesn't count.
static int64_t counted(const Graph *g, NodeId v, int64_t n) {
  for (;;) {
    const Node *x = graph_node(g, v);
    if (x->op == OP_IOTA) return dim_at(x->shape->d[x->attr.axis], n);
    if (x->op != OP_CAST && x->op != OP_RESHAPE && x->op != OP_BROADCAST && x->op != OP_TRANSPOSE) return 0;
    v = x->in[0];
  }
}

// Below what an argument of whole numbers must stay, as far as the graph says so.
static int64_t range_of(const Graph *g, uint32_t argument, int64_t n) {
  int64_t least = 0;
  for (NodeId id = 0; id < g->len; id++) {
    const Node *x = graph_node(g, id);
    int64_t bound = 0;
    if ((x->op == OP_GATHER || x->op == OP_SCATTER_ADD) && graph_argument_of(g, x->in[1]) == argument)
      bound = dim_at(graph_node(g, x->in[0])->shape->d[x->attr.gather.axis], n);
    for (uint32_t i = 0; x->op == OP_EQ && i < 2; i++)
      if (graph_argument_of(g, x->in[i]) == argument) bound = counted(g, x->in[1 - i], n);
    if (bound > 0 && (least == 0 || bound < least)) least = bound;
  }
  return least;
}

static const Scalar *drawn(const FnInput *in, uint32_t argument, const Graph *g, int64_t n, Arena *a) {
  size_t count = elements(&in->shape, n);
  Scalar *v = ARENA_ARRAY(a, count, Scalar);
  int64_t range = range_of(g, argument, n);
  if (range == 0) range = in->dtype == DT_U8 ? 256 : 2;
  for (size_t k = 0; k < count; k++) {
    double u = point_draw(INPUT + argument, (uint32_t)k);
    if (dtype_is_real(in->dtype))
      v[k].f = u;
    else
      v[k].i = in->dtype == DT_MASK ? u < 0.5 : (int64_t)(u * (double)range);
  }
  return v;
}

// ---- the model's data

enum { MANY_MACS = 1000000 }; // of an example

static const nn_loop *loop_of(const Points *s, uint32_t fn) {
  for (int t = 0; t < s->m->n_trains; t++)
    for (int i = 0; i < s->m->trains[t].n_items; i++) {
      const nn_plan_item *item = &s->m->trains[t].items[i];
      if (item->kind == NN_PLAN_LOOP && item->loop->step == (int)fn) return item->loop;
    }
  return NULL;
}

static bool read_batch(Points *s, const nn_loop *l, uint32_t fn, Point *at, Arena *a) {
  nn_feed feed;
  bool ok = !nn_feed_open(&feed, &s->session, (int)fn, l->streams, l->n_streams, l->inputs, at->n, 1) &&
            !nn_feed_next(&feed, (size_t)at->n, feed.args);
  const Function *f = &s->p->fns[fn];
  for (uint32_t i = 0; ok && i < f->n_inputs; i++) {
    size_t count = elements(&f->inputs[i].shape, at->n);
    Scalar *v = ARENA_ARRAY(a, count, Scalar);
    interpret_load(v, f->inputs[i].dtype, feed.args[i], count);
    at->inputs[i] = v;
  }
  nn_feed_close(&feed);
  return ok;
}

static const char *data_text(const Points *s, const nn_loop *l, int64_t n, Arena *a) {
  const char *names = "";
  for (int i = 0; i < l->n_streams; i++)
    names = arena_printf(a, "%s%s%s", names, i ? ", " : "", s->m->data[l->streams[i]].label);
  return arena_printf(a, "%lld example%s of %s", (long long)n, n == 1 ? "" : "s", names);
}

static int64_t size_of(const Points *s, uint32_t fn, const nn_loop *l, const Graph *g) {
  const nn_function *f = &s->m->fns[fn];
  int64_t n = f->bound && graph_macs(g, 1) > MANY_MACS ? 2 : 4;
  if (l && l->batch > 0 && l->batch < n) n = l->batch;
  if (f->bound && n > (int64_t)f->bound) n = (int64_t)f->bound;
  if (n < (int64_t)f->min_n) n = (int64_t)f->min_n;
  return f->bound ? n : 1;
}

Point point_of(Points *s, uint32_t fn, const Graph *g, int *status, Arena *a) {
  const Function *f = &s->p->fns[fn];
  const nn_loop *l = loop_of(s, fn);
  Point at = {.all = s, .kind = f->kind, .n = size_of(s, fn, l, g), .n_inputs = f->n_inputs, .moved = true};
  at.inputs = ARENA_ARRAY(a, f->n_inputs + 1, const Scalar *);
  for (uint32_t i = 0; i < f->n_inputs; i++) at.inputs[i] = drawn(&f->inputs[i], i, g, at.n, a);
  at.from = f->n_inputs ? "drawn inputs" : "no inputs";
  *status = EXIT_DONE;
  if (l && l->n_streams == 0 && f->n_inputs) {
    Scalar *first = ARENA_NEW(a, Scalar);
    first->i = l->first;
    at.inputs[0] = first;
    at.from = "the first iteration";
  }
  if (!l || l->n_streams == 0) return at;
  if (read_batch(s, l, fn, &at, a)) {
    at.from = data_text(s, l, at.n, a);
    return at;
  }
  for (int i = 0; i < l->n_streams; i++) { // one that is read in part would be taken for whole
    nn_dataset_free(s->session.sets[l->streams[i]]);
    s->session.sets[l->streams[i]] = NULL;
  }
  if (s->data_given)
    *status = complain(s->error.code, "%s", words_of(&s->error));
  else
    do_without(s, a);
  return at;
}

// ---- evaluation

bool point_eval(const Point *at, const Graph *g, const Scalar *const *more, uint32_t n_more, Scalar **roots,
                Arena *a) {
  const Program *p = at->all->p;
  Scalar *const *from = at->moved ? at->all->moved : at->all->initial;
  StoreUse *uses = ARENA_ARRAY(a, p->n_stores, StoreUse);
  Scalar **stores = ARENA_ARRAY(a, p->n_stores, Scalar *);
  graph_store_uses(g, uses);
  for (uint32_t i = 0; i < p->n_stores; i++) {
    size_t bytes = elements(&p->stores[i].shape, 1) * sizeof(Scalar);
    stores[i] = uses[i].written ? arena_copy(a, from[i], bytes) : from[i];
  }
  const Scalar **inputs = ARENA_ARRAY(a, at->n_inputs + n_more + 1, const Scalar *);
  for (uint32_t i = 0; i < at->n_inputs; i++) inputs[i] = at->inputs[i];
  for (uint32_t i = 0; i < n_more; i++) inputs[at->n_inputs + i] = more[i];
  // in the midst of a training: schedules have begun
  EvalEnv env = {.n = at->n, .batch_count = 1, .step = 100, .epoch = 1, .options = at->all->options};
  env.stores = stores, env.table = p->stores, env.n_stores = p->n_stores;
  Function f = {.kind = at->kind, .g = (Graph *)g};
  return eval_function(&f, &env, inputs, roots, a);
}
