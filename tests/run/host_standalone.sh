#!/bin/bash
# The host runtime and a model as ONE C file: no two files share a static name, no warnings, the same weights
# from every compiler at every level.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$PROJECT_DIR/runtime/host"
{
  echo '#define _POSIX_C_SOURCE 200809L'
  awk -v DIRS=". ../core $PROJECT_DIR/tests" -f "$PROJECT_DIR/tests/run/inline.awk" host_model.h nn_*.c
  echo 'int main(int argc, char **argv) { return nn_main(&host_model, argc, argv); }'
} > "$work/all.c"
cd "$work"
compilers=0
for cc in gcc clang; do
  command -v $cc > /dev/null || continue
  compilers=$((compilers + 1))
  for level in -O0 -O2; do
    # Functions of core that this model doesn't use are not the host's concern.
    for std in "" -std=c99 -std=c17; do
      $cc $std $level -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Werror -Wno-unused-function \
        -ffp-contract=off all.c -o program -lm
    done
    ./program train --json --save "$cc$level" > "$cc$level.json"
    cmp "$cc$level" "${first:=$cc$level}"
    cmp "$cc$level.json" "$first.json"
  done
done
[ $compilers -gt 0 ] || { echo "SKIP: neither gcc nor clang is installed"; exit 77; }
