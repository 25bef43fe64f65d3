// Tables for people: columns as wide as their widest cell, numbers to the right with commas between
// thousands.
#ifndef NNC_DRIVER_TABLE_H
#define NNC_DRIVER_TABLE_H

#include "ir/base/strbuf.h"
#include "ir/base/vec.h"

#include <stdint.h>

enum { MAX_COLUMNS = 16 };

typedef struct Table {
  Arena *a;
  const char *align; // one letter a column: 'l' or 'r'
  VEC(const char *) cells;
} Table;

// Cells are given row by row; NULL is empty.
void table_text(Table *t, const char *cell);
void table_int(Table *t, int64_t value);
// "12.3%", empty where the whole is 0.
void table_share(Table *t, int64_t part, int64_t whole);
void table_print(const Table *t, const char *indent, StrBuf *out);

// 1234567 as "1,234,567".
const char *grouped(int64_t value, Arena *a);

#endif
