// Element types and the scalars that hold one value of any of them.
#ifndef NNC_IR_DTYPE_H
#define NNC_IR_DTYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum DType {
  // id, name, C type, bytes, safetensors name
#define DTYPES(X)                         \
  X(F32, "f32", "float", 4, "F32")        \
  X(F64, "f64", "double", 8, "F64")       \
  X(F16, "f16", "uint16_t", 2, "F16")     \
  X(BF16, "bf16", "uint16_t", 2, "BF16")  \
  X(I8, "i8", "int8_t", 1, "I8")          \
  X(I16, "i16", "int16_t", 2, "I16")      \
  X(I32, "i32", "int32_t", 4, "I32")      \
  X(I64, "i64", "int64_t", 8, "I64")      \
  X(U8, "u8", "uint8_t", 1, "U8")         \
  X(MASK, "mask", "uint8_t", 1, "BOOL")
#define X(id, name, c, bytes, st) DT_##id,
  DTYPES(X)
#undef X
  DT_COUNT
} DType;

const char *dtype_name(DType t);
const char *dtype_ctype(DType t);
size_t dtype_bytes(DType t);
static inline bool dtype_is_real(DType t) { return t <= DT_BF16; }
static inline bool dtype_is_int(DType t) { return t >= DT_I8 && t <= DT_U8; }
// Wraps to the type (two's complement); identity for I64.
int64_t dtype_wrap(DType t, int64_t v);

// One value: f for real types, i for integers and masks (0 or 1).
typedef union Scalar {
  double f;
  int64_t i;
} Scalar;

#endif
