// NN_PTR(T) and NN_MEM(T, address, count): pointers to global memory that know how many elements they may
// touch. An access outside ends the run.
#ifndef NN_HARNESS_POINTER_H
#define NN_HARNESS_POINTER_H

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "runtime_standin.h"

[[noreturn]] void nn_harness_fail(const char *format, ...)
    __attribute__((format(printf, 1, 2), cold, visibility("hidden")));
[[noreturn]] __attribute__((cold, noinline, visibility("hidden"))) inline void
nn_harness_outside(const char *what, ptrdiff_t at, size_t count) {
  nn_harness_fail("index %td is outside of %s, which has %zu elements", at, what, count);
}

template <class T> class nn_harness_ptr {
  T *base = nullptr;
  size_t count = 0;
  ptrdiff_t at = 0;
  const char *what = "a null pointer"; // for messages: how the memory was named
  template <class U> friend class nn_harness_ptr;
  template <class I> using if_integer = std::enable_if_t<std::is_integral_v<I> || std::is_enum_v<I>, int>;

public:
  nn_harness_ptr() = default;
  nn_harness_ptr(std::nullptr_t) {}
  nn_harness_ptr(T *address, size_t elements, const char *name)
      : base(address), count(elements), what(name) {}
  // float to const float
  template <class U, std::enable_if_t<std::is_same_v<const U, T>, int> = 0>
  nn_harness_ptr(const nn_harness_ptr<U> &p) : base(p.base), count(p.count), at(p.at), what(p.what) {}

  template <class I, if_integer<I> = 0> T &operator[](I i) const {
    ptrdiff_t k = at + (ptrdiff_t)i;
    if ((size_t)k >= count) nn_harness_outside(what, k, count);
    return base[k];
  }
  T &operator*() const { return (*this)[0]; }
  T *operator->() const { return &(*this)[0]; }
  // A plain pointer, for functions that take one: it must lie inside (only an empty array has none inside).
  operator T *() const {
    if (count == 0 && at == 0) return base;
    return &(*this)[0];
  }

  template <class I, if_integer<I> = 0> nn_harness_ptr operator+(I i) const {
    nn_harness_ptr p = *this;
    p.at += (ptrdiff_t)i;
    return p;
  }
  template <class I, if_integer<I> = 0> friend nn_harness_ptr operator+(I i, const nn_harness_ptr &p) {
    return p + i;
  }
  template <class I, if_integer<I> = 0> nn_harness_ptr operator-(I i) const {
    nn_harness_ptr p = *this;
    p.at -= (ptrdiff_t)i;
    return p;
  }
  template <class I, if_integer<I> = 0> nn_harness_ptr &operator+=(I i) { return *this = *this + i; }
  template <class I, if_integer<I> = 0> nn_harness_ptr &operator-=(I i) { return *this = *this - i; }
  nn_harness_ptr &operator++() { return *this += 1; }
  nn_harness_ptr &operator--() { return *this -= 1; }

  // Addresses as integers: comparing must not need a pointer that lies inside.
  uintptr_t address() const { return (uintptr_t)base + (uintptr_t)at * sizeof(T); }
  template <class U> ptrdiff_t operator-(const nn_harness_ptr<U> &p) const {
    return ((ptrdiff_t)address() - (ptrdiff_t)p.address()) / (ptrdiff_t)sizeof(T);
  }
  template <class U> bool operator==(const nn_harness_ptr<U> &p) const { return address() == p.address(); }
  template <class U> bool operator!=(const nn_harness_ptr<U> &p) const { return address() != p.address(); }
  template <class U> bool operator<(const nn_harness_ptr<U> &p) const { return address() < p.address(); }
  template <class U> bool operator>(const nn_harness_ptr<U> &p) const { return address() > p.address(); }
  template <class U> bool operator<=(const nn_harness_ptr<U> &p) const { return address() <= p.address(); }
  template <class U> bool operator>=(const nn_harness_ptr<U> &p) const { return address() >= p.address(); }
  bool operator==(std::nullptr_t) const { return !base; }
  bool operator!=(std::nullptr_t) const { return base; }
  explicit operator bool() const { return base; }
};

// nn_standin_is_device is of the stand-in, where it is linked: whether all of it is memory that cudaMalloc
// gave.

template <class T> nn_harness_ptr<T> nn_harness_mem(T *address, size_t count, const char *what) {
  if ((uintptr_t)address % alignof(T) != 0) {
    nn_harness_fail("%s is not aligned to its elements of %zu bytes", what, sizeof(T));
  }
  if (nn_standin_is_device && count != 0 && !nn_standin_is_device(address, count * sizeof(T))) {
    nn_harness_fail("%s, %zu elements of %zu bytes, is not inside one allocation of the device", what, count,
                    sizeof(T));
  }
  return {address, count, what};
}

#define NN_PTR(type) nn_harness_ptr<type>
#define NN_MEM(type, address, count)                                                                         \
  nn_harness_mem<type>((type *)(address), (size_t)(count), "`" #address "`")

#endif
