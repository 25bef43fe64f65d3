#!/bin/bash
# The runtime's mathematics gives the same bits with gcc and clang at -O0 to -O3, within 2 ulp, both with and
# without fused multiply-add; and its headers are free of warnings as C99 and C++17.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
core=$PROJECT_DIR/runtime/core
strict="-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wdouble-promotion -Werror"
targets=baseline
if [ "$(uname -m)" = x86_64 ] && grep -qw fma /proc/cpuinfo && grep -qw avx2 /proc/cpuinfo; then
  targets="baseline fused"
else
  echo "note: no x86-64 fused multiply-add here: only the baseline is tested"
fi
found=0
for cc in gcc clang; do
  command -v $cc >/dev/null || { echo "note: no $cc here"; continue; }
  found=$((found + 1))
  printf '#include "nn_core.h"\n#include "nn_math.h"\n#include "nn_random.h"\n#include "nn_optim.h"\n#include "nn_rows.h"\n#include "nn_linalg.h"\n#include "nn_dot.h"\nint main(void) { return 0; }\n' >"$dir/all.c"
  cxx=yes
  if ! echo '#include <cmath>' | $cc -x c++ -fsyntax-only - 2>"$dir/cxx"; then
    cxx=no
    echo "SKIP the runtime's headers as C++ with $cc: it can't compile C++ (apt-get install g++)"
  fi
  for target in $targets; do
    flags=""
    [ $target = fused ] && flags="-mfma -mavx2"
    $cc -std=c99 $strict -Wstrict-prototypes $flags -I"$core" -fsyntax-only "$dir/all.c"
    [ $cxx = no ] || $cc -x c++ -std=c++17 $strict $flags -I"$core" -fsyntax-only "$dir/all.c"
    for level in -O0 -O1 -O2 -O3; do
      $cc -std=gnu11 $level $flags -I"$core" "$PROJECT_DIR/tests/run/math_builds.c" -o "$dir/run" -lm
      "$dir/run" "$PROJECT_DIR/tests/reference/math_f64.txt" 50021 >"$dir/now"
      [ -e "$dir/$target" ] || cp "$dir/now" "$dir/$target"
      diff "$dir/$target" "$dir/now" || { echo "$cc $level $target gives other bits"; exit 1; }
    done
  done
done
[ $found -gt 0 ] || { echo "SKIP: neither gcc nor clang"; exit 77; }
echo "same bits: $found compilers, 4 levels, $targets"
