#!/bin/bash
# The whole project builds with clang too, without a warning.
command -v clang >/dev/null || { echo "SKIP clang: it is not installed (apt-get install clang)"; exit 77; }
build=$BUILD_DIR/with-clang
cmake -S "$PROJECT_DIR" -B "$build" -DCMAKE_C_COMPILER=clang -DCMAKE_BUILD_TYPE=Release -DNNC_WERROR=ON >/dev/null &&
    cmake --build "$build" --parallel 2 >"$build/log" 2>&1 || { grep -E 'error|warning' "$build/log" | head -n 20; exit 1; }
"$build/nnc" --version
