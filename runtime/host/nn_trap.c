/* Where a NaN came from: see nn_trap.h. (MIT-0) */
#include "nn_trap.h"

#include "nn_scalar.h"

/* The least place that `count` numbers carry, which is the earliest in the text; else `least`. */
static uint32_t nn_trap_least(int type, const unsigned char *p, size_t count, uint32_t least) {
  size_t i, size = nn_types[type].size;
  for (i = 0; nn_types[type].kind == 'f' && i < count; i++) {
    uint32_t place = nn_nan_place(nn_get_real(type, p + i * size));
    if (place < least) least = place;
  }
  return least;
}

static int nn_trap_fail(nn_session *s, uint32_t place, const char *what, const char *name) {
  const nn_place *p = &s->m->places[place];
  nn_fail(s->e, NN_EXIT_DIVERGED, "%s: NaN comes first from %s", p->at ? p->at : "", p->what ? p->what : "");
  if (*name)
    nn_note(s->e, "it is in %s `%s`", what, name);
  else
    nn_note(s->e, "it is in the loss");
  if (p->what && strncmp(p->what, "`cholesky`", 10) == 0) {
    nn_note(s->e, "the matrix is not positive definite, or by rounding no longer is");
    nn_note(s->e, "more on its diagonal, `A + 1e-3 * eye(n)`, or f64 (--real=f64) may help");
  }
  return s->e->code;
}

/* What a data block computes may be anything: it does harm where a step uses it. */
static int nn_trap_is_data(const nn_model *m, int function) {
  int i;
  for (i = 0; i < m->n_data; i++)
    if (m->data[i].prepare == function) return 1;
  return 0;
}

int nn_trap_nan(nn_session *s, int function, size_t n, void *const *args) {
  const nn_model *m = s->m;
  const nn_function *f = &m->fns[function];
  const char *what = "", *name = "";
  uint32_t least = (uint32_t)m->n_places, place;
  int i;
  if (!m->trap_nan || nn_trap_is_data(m, function)) return 0;
  for (i = 0; i < f->n_out; i++) {
    const nn_arg *a = &f->out[i];
    const int may = i + 1 < f->n_out && f->out[i + 1].use == NN_USE_REPORTED;
    if (a->use != NN_USE_VALUE || (may && !*(const unsigned char *)args[f->n_in + i + 1])) continue;
    place = nn_trap_least(a->dtype, (const unsigned char *)args[f->n_in + i],
                          nn_arg_bytes(a, n) / nn_types[a->dtype].size, least);
    if (place < least) least = place, what = "the value", name = a->name;
  }
  for (i = 0; i < m->n_stores; i++) {
    if (m->stores[i].kind == NN_INVARIANT) continue; /* as within a step: it does harm where it is used */
    place = nn_trap_least(m->stores[i].dtype, nn_store_data(s, &m->stores[i]), m->stores[i].count, least);
    if (place < least) least = place, what = "the store", name = m->stores[i].name;
  }
  return least < (uint32_t)m->n_places ? nn_trap_fail(s, least, what, name) : 0;
}
