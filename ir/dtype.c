// The table of element types.
#include "ir/dtype.h"

static const struct {
  const char *name, *ctype;
  size_t bytes;
} table[DT_COUNT] = {
#define X(id, name, c, bytes, st) {name, c, bytes},
    DTYPES(X)
#undef X
};

const char *dtype_name(DType t) { return table[t].name; }
const char *dtype_ctype(DType t) { return table[t].ctype; }
size_t dtype_bytes(DType t) { return table[t].bytes; }

int64_t dtype_wrap(DType t, int64_t v) {
  switch (t) {
  case DT_I8: return (int8_t)(uint8_t)v;
  case DT_I16: return (int16_t)(uint16_t)v;
  case DT_I32: return (int32_t)(uint32_t)v;
  case DT_U8: return (uint8_t)v;
  default: return v;
  }
}
