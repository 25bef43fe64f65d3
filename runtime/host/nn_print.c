/* Lines of `print`: see nn_print.h. (MIT-0) */
#include "nn_print.h"

#include <string.h>

enum { NN_PRINT_WHOLE = 100, NN_PRINT_EDGE = 3 };

typedef struct nn_printed {
  const nn_arg *a;
  size_t n;
  const unsigned char *data;
  int shorten;
} nn_printed;

static void nn_print_number(nn_text *t, int type, const unsigned char *p) {
  if (type == NN_MASK)
    nn_text_addf(t, "%s", *p ? "true" : "false");
  else if (nn_types[type].kind == 'f')
    nn_text_addf(t, "%.*g", type == NN_F64 ? 17 : 9, nn_get_real(type, p));
  else
    nn_text_addf(t, "%lld", (long long)nn_get_int(type, p));
}

/* The elements below one place of the axes before `axis`; `at`: where they begin. */
static void nn_print_axis(nn_text *t, const nn_printed *x, int axis, size_t at) {
  size_t size = nn_types[x->a->dtype].size, below = 1, i, count;
  int k;
  if (axis == x->a->rank) {
    nn_print_number(t, x->a->dtype, x->data + at * size);
    return;
  }
  for (k = axis + 1; k < x->a->rank; k++) below *= (size_t)nn_arg_dim(x->a, k, x->n);
  count = (size_t)nn_arg_dim(x->a, axis, x->n);
  nn_text_addf(t, "[");
  for (i = 0; i < count; i++) {
    if (i && axis + 1 == x->a->rank) nn_text_addf(t, " ");
    if (i && axis + 1 < x->a->rank) nn_text_addf(t, "\n%*s", axis + 1, "");
    if (x->shorten && count > 2 * NN_PRINT_EDGE && i == NN_PRINT_EDGE) {
      nn_text_addf(t, "...");
      i = count - NN_PRINT_EDGE - 1;
      continue;
    }
    nn_print_axis(t, x, axis + 1, at + i * below);
  }
  nn_text_addf(t, "]");
}

static void nn_print_value(nn_text *t, const nn_arg *a, size_t n, const void *data) {
  nn_printed x = {a, n, (const unsigned char *)data, 0};
  int k;
  x.shorten = nn_arg_bytes(a, n) / nn_types[a->dtype].size > NN_PRINT_WHOLE;
  if (a->rank) nn_text_addf(t, "%s", nn_types[a->dtype].name);
  for (k = 0; k < a->rank; k++) nn_text_addf(t, "%s%lld", k ? ", " : "[", (long long)nn_arg_dim(a, k, n));
  if (a->rank) nn_text_addf(t, a->rank > 1 ? "]\n" : "] ");
  nn_print_axis(t, &x, 0, 0);
}

int nn_print_lines(nn_session *s, const nn_function *f, size_t n, void *const *out) {
  nn_text t;
  int i;
  memset(&t, 0, sizeof t);
  for (i = 0; i < f->n_out; i++) {
    const nn_arg *a = &f->out[i];
    if (a->use != NN_USE_PRINTED && a->use != NN_USE_LINE) continue;
    nn_text_addf(&t, "%s", a->name);
    if (a->use == NN_USE_PRINTED) {
      nn_print_value(&t, a, n, out[i]);
      continue;
    }
    nn_text_addf(&t, "\n");
    if (*(const unsigned char *)out[i] && t.s) {
      if (s->before_print) s->before_print(s->before_print_user);
      fwrite(t.s, 1, t.len, stderr);
    }
    t.len = 0;
  }
  if (t.failed) nn_fail_memory(s->e);
  nn_text_free(&t);
  return s->e->code;
}
