// Values of stores that are known when compiling, as const arrays of a file of their own: they are long, and
// nobody reads them.
#include "codegen/c/api.h"

#include <inttypes.h>
#include <string.h>

static bool is_zero(const unsigned char *p, uint64_t n) {
  for (uint64_t i = 0; i < n; i++)
    if (p[i]) return false;
  return true;
}

// What is zero at first needs no array to be copied from: `init` clears the arena.
bool unit_embeds(const Unit *u, uint32_t store) {
  const Store *s = &u->p->stores[store];
  const unsigned char *value = u->o->library ? u->o->library->values[store] : NULL;
  return value && (s->constant || !is_zero(value, store_bytes(s)));
}

static int64_t array_size(const Store *s) {
  int64_t count = shape_elements(&s->shape, 1);
  return count > 0 ? count : 1;
}

static void declare(Unit *u, uint32_t store, StrBuf *out) {
  const Store *s = &u->p->stores[store];
  sb_printf(out, "extern const %s %s[%" PRId64 "]; /* ", dtype_ctype(s->dtype), unit_store_name(u, store),
            array_size(s));
  put_comment(out, s->name);
  sb_putc(out, ' ');
  shape_print(out, &s->shape, NULL);
  sb_puts(out, " */\n");
}

static bool any(const Unit *u) {
  for (uint32_t i = 0; i < u->p->n_stores; i++)
    if (unit_embeds(u, i)) return true;
  return false;
}

static void declare_all(Unit *u, StrBuf *out) {
  sb_puts(out, "#ifdef __cplusplus\nextern \"C\" {\n#endif\n");
  for (uint32_t i = 0; i < u->p->n_stores; i++)
    if (unit_embeds(u, i)) declare(u, i, out);
}

void unit_declare_weights(Unit *u) {
  if (!any(u)) return;
  declare_all(u, u->out);
  sb_puts(u->out, "#ifdef __cplusplus\n}\n#endif\n\n");
}

static const char *element(Unit *u, DType t, const unsigned char *p) {
  union {
    float f32;
    double f64;
    uint16_t half;
    int8_t i8;
    int16_t i16;
    int32_t i32;
    int64_t i64;
  } v;
  memcpy(&v, p, dtype_bytes(t));
  switch (t) {
  case DT_F32: return text_real(u->a, t, (double)v.f32);
  case DT_F64: return text_real(u->a, t, v.f64);
  case DT_F16:
  case DT_BF16: return arena_printf(u->a, "0x%04x", v.half);
  case DT_I8: return text_int(u->a, t, v.i8);
  case DT_I16: return text_int(u->a, t, v.i16);
  case DT_I32: return text_int(u->a, t, v.i32);
  case DT_I64: return text_int(u->a, t, v.i64);
  default: return text_int(u->a, t, *p);
  }
}

static void define(Unit *u, uint32_t store, StrBuf *out) {
  const Store *s = &u->p->stores[store];
  const unsigned char *value = u->o->library->values[store];
  int64_t count = shape_elements(&s->shape, 1);
  sb_printf(out, "const %s %s[%" PRId64 "] = {", dtype_ctype(s->dtype), unit_store_name(u, store),
            array_size(s));
  for (int64_t i = 0; i < count; i++) {
    sb_puts(out, i % 8 ? ", " : i ? ",\n    " : "\n    ");
    sb_puts(out, element(u, s->dtype, value + (size_t)i * dtype_bytes(s->dtype)));
  }
  sb_puts(out, count > 0 ? "};\n" : "0};\n");
}

void unit_print_weights(Unit *u, StrBuf *out, uint64_t *bytes) {
  *bytes = 0;
  if (!any(u)) return;
  sb_printf(out, "/* Weights of %s%s. */\n#include <math.h>\n#include <stdint.h>\n\n", u->o->library->file,
            u->o->library->cuda ? ".cu" : ".c");
  declare_all(u, out);
  sb_putc(out, '\n');
  for (uint32_t i = 0; i < u->p->n_stores; i++) {
    if (!unit_embeds(u, i)) continue;
    define(u, i, out);
    *bytes += store_bytes(&u->p->stores[i]);
  }
  sb_puts(out, "\n#ifdef __cplusplus\n}\n#endif\n");
}

uint64_t unit_constant_bytes(const Unit *u) {
  uint64_t bytes = 0;
  for (size_t i = 0; i < u->constants.len; i++)
    bytes += (uint64_t)u->constants.data[i].count * dtype_bytes(u->constants.data[i].dtype);
  return bytes;
}
