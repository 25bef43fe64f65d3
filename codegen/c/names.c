// Octal escapes have at most three digits, so what follows can't join them; '?' is escaped because of
// trigraphs.
#include "codegen/c/names.h"

#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

void put_string(StrBuf *out, const char *s) {
  if (!s) {
    sb_puts(out, "NULL");
    return;
  }
  sb_putc(out, '"');
  for (; *s; s++) {
    unsigned char ch = (unsigned char)*s;
    if (ch == '"' || ch == '\\' || ch == '?')
      sb_printf(out, "\\%c", ch);
    else if (ch >= 0x20 && ch < 0x7f)
      sb_putc(out, *s);
    else
      sb_printf(out, "\\%03o", ch);
  }
  sb_putc(out, '"');
}

void put_comment(StrBuf *out, const char *s) {
  for (char before = 0; s && *s; before = *s++) {
    unsigned char ch = (unsigned char)*s;
    bool ends = (before == '*' && ch == '/') || (before == '/' && ch == '*');
    bool plain = ch >= 0x20 && ch < 0x7f && ch != '\\' && ch != '?';
    sb_putc(out, ends || !plain ? '_' : (char)ch);
  }
}

const char *mangle(Arena *a, const char *prefix, const char *s) {
  StrBuf b = {0};
  sb_puts(&b, prefix);
  for (; *s; s++) {
    unsigned char ch = (unsigned char)*s;
    if (ch < 0x80 && (isalnum(ch) || ch == '_'))
      sb_putc(&b, *s);
    else
      sb_printf(&b, "_%02x", ch);
  }
  const char *r = arena_strdup(a, sb_text(&b));
  strbuf_free(&b);
  return r;
}

// Words that mean something else in C99 to C17 or C++17, and macros that compilers or headers define.
static const char *const reserved[] = {
    "alignas",
    "alignof",
    "and",
    "and_eq",
    "asm",
    "assert",
    "auto",
    "bitand",
    "bitor",
    "bool",
    "break",
    "case",
    "catch",
    "char",
    "char16_t",
    "char32_t",
    "class",
    "compl",
    "complex",
    "const",
    "const_cast",
    "constexpr",
    "continue",
    "decltype",
    "default",
    "delete",
    "do",
    "double",
    "dynamic_cast",
    "else",
    "enum",
    "errno",
    "explicit",
    "export",
    "extern",
    "false",
    "far",
    "float",
    "for",
    "friend",
    "goto",
    "i386",
    "if",
    "imaginary",
    "inline",
    "int",
    "linux",
    "long",
    "mutable",
    "namespace",
    "near",
    "new",
    "noexcept",
    "not",
    "not_eq",
    "nullptr",
    "operator",
    "or",
    "or_eq",
    "private",
    "protected",
    "public",
    "register",
    "reinterpret_cast",
    "restrict",
    "return",
    "short",
    "signed",
    "sizeof",
    "static",
    "static_assert",
    "static_cast",
    "stderr",
    "stdin",
    "stdout",
    "struct",
    "switch",
    "template",
    "this",
    "thread_local",
    "throw",
    "true",
    "try",
    "typedef",
    "typeid",
    "typename",
    "typeof",
    "union",
    "unix",
    "unsigned",
    "using",
    "virtual",
    "void",
    "volatile",
    "wchar_t",
    "while",
    "xor",
    "xor_eq",
    "EOF",
    "HUGE_VAL",
    "I",
    "INFINITY",
    "NAN",
    "NULL",
};

static bool is_reserved(const char *s) {
  for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
    if (strcmp(reserved[i], s) == 0) return true;
  return false;
}

const char *c_identifier(Arena *a, const char *s) {
  bool leads = *s && !isdigit((unsigned char)*s) && *s != '_';
  const char *name = mangle(a, leads ? "" : "x", s);
  return is_reserved(name) ? arena_printf(a, "%s_", name) : name;
}

bool c_is_identifier(const char *s) {
  if (!isalpha((unsigned char)*s) || is_reserved(s)) return false;
  for (; *s; s++)
    if (!isalnum((unsigned char)*s) && *s != '_') return false;
  return true;
}

static bool is_taken(const Names *n, const char *name) {
  for (size_t i = 0; i < n->taken.len; i++)
    if (strcmp(n->taken.data[i], name) == 0) return true;
  return false;
}

const char *names_take(Names *n, const char *wanted) {
  const char *name = wanted;
  for (unsigned i = 2; is_taken(n, name); i++) name = arena_printf(n->a, "%s_%u", wanted, i);
  vec_push(n->a, &n->taken, name);
  return name;
}
