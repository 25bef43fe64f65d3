// A loop: a C `for` around calls of the function that is its body. What it reads and writes is named by the
// body's own kernels, through the arguments of the function around it and the numbers of the iterations.
#include "codegen/c/unit.h"
#include "codegen/dump.h"

#include <string.h>

const char *unit_variable(Unit *u, uint32_t depth) {
  StrBuf name = {0};
  dump_iteration(depth, &name);
  const char *text = arena_strdup(u->a, sb_text(&name));
  strbuf_free(&name);
  return text;
}

const char *unit_iteration(Unit *u, const Loop *l) { return unit_variable(u, l->depth); }

// As scan_draw of ir/graph.h: outer * scale + first + step * inner.
const char *unit_draw(Unit *u, const Loop *l) {
  const Loop *around = l->outer->loop;
  const ScanAttr *s = loop_attr(l);
  int64_t bound = plan_bound(l->outer), first = scan_draw(s, 0, 0, bound);
  int64_t step = scan_draw(s, 0, 1, bound) - first, scale = scan_draw(s, 1, 0, bound) - first;
  const char *text = unit_iteration(u, l);
  if (step != 1) text = arena_printf(u->a, "%s * %s", text, text_int(u->a, DT_I64, step));
  if (first != 0) text = arena_printf(u->a, "%s + %s", text, text_int(u->a, DT_I64, first));
  if (around) {
    const char *outer = unit_draw(u, around);
    if (scale != 1) outer = arena_printf(u->a, "%s * %s", outer, text_int(u->a, DT_I64, scale));
    text = arena_printf(u->a, "%s + %s", outer, text);
  }
  return strchr(text, ' ') ? arena_printf(u->a, "(%s)", text) : text;
}

// A range may end before it begins: then there is no iteration.
static const char *length_text(Unit *u, const Loop *l) {
  Dim d = loop_attr(l)->length;
  Poly length = poly_dim(d), more = {0}, less = {0};
  if (dim_at(d, 1) >= 0 && dim_at(d, plan_bound(l->outer)) >= 0) return text_poly(u->a, &length);
  for (int i = 0; i <= 1; i++) {
    if (length.c[i] > 0) more.c[i] = length.c[i];
    if (length.c[i] < 0) less.c[i] = -length.c[i];
  }
  const char *x = text_poly(u->a, &more), *y = text_poly(u->a, &less);
  return arena_printf(u->a, "(%s > %s ? %s - %s : 0)", x, y, x, y);
}

void unit_print_loop(Unit *u, const Step *s) {
  const Loop *l = s->loop;
  const char *i = unit_iteration(u, l), *end = length_text(u, l);
  if (loop_attr(l)->reverse)
    sb_printf(u->out, "  for (size_t %s = %s; %s-- > 0;) {\n", i, end, i);
  else
    sb_printf(u->out, "  for (size_t %s = 0; %s < %s; %s++) {\n", i, i, end, i);
  sb_printf(u->out, "    const int failed = %s(%s, n, args", plan_name(u, l->body), u->d->context);
  for (uint32_t d = 0; d <= l->depth; d++) sb_printf(u->out, ", %s", unit_variable(u, d));
  sb_puts(u->out, ");\n    if (failed) return failed;\n  }\n");
}
