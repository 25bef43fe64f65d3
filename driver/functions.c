// A wrong name is answered with the nearest one, or with all of them.
#include "driver/functions.h"

#include "driver/exit_codes.h"
#include "driver/options.h"

#include "ir/base/nearest.h"

#include <string.h>

int function_named(const Program *p, const char *name, uint32_t *id) {
  Nearest near = nearest_to(name);
  for (uint32_t i = 0; i < p->n_fns; i++) {
    nearest_try(&near, p->fns[i].name);
    if (strcmp(p->fns[i].name, name) != 0) continue;
    *id = i;
    return EXIT_DONE;
  }
  StrBuf all = {0};
  for (uint32_t i = 0; i < p->n_fns; i++) sb_printf(&all, "%s %s", i ? "," : "", p->fns[i].name);
  int status = near.best ? complain(EXIT_USAGE, "no function `%s`; did you mean `%s`? There are:%s", name,
                                    near.best, sb_text(&all))
                         : complain(EXIT_USAGE, "no function `%s`; there are:%s", name, sb_text(&all));
  strbuf_free(&all);
  return status;
}

static void put_value(StrBuf *out, const char *name, DType t, const Shape *s, const char *symbol) {
  if (name && *name) sb_printf(out, "%s: ", name);
  sb_puts(out, dtype_name(t));
  if (s->rank) shape_print(out, s, symbol);
}

void function_signature(const Function *f, StrBuf *out) {
  uint32_t n = 0;
  sb_printf(out, "%s(", f->name);
  for (uint32_t i = 0; i < f->n_inputs; i++) {
    if (i) sb_puts(out, ", ");
    put_value(out, f->inputs[i].name, f->inputs[i].dtype, &f->inputs[i].shape, f->g->symbol);
  }
  sb_puts(out, ")");
  for (uint32_t i = 0; i < f->g->n_roots; i++) {
    const Node *v = graph_node(f->g, f->g->roots[i]);
    bool loss = f->roots[i].kind == ROOT_REPORT && f->roots[i].name && !*f->roots[i].name;
    if (!root_is_value(&f->roots[i]) || loss) continue;
    sb_puts(out, n++ ? ", " : " -> ");
    put_value(out, f->roots[i].name, v->dtype, v->shape, f->g->symbol);
  }
}
