#!/bin/bash
# The folders include one another only as docs/ARCHITECTURE.md allows:
#   ir/base <- ir <- {frontend, passes, codegen} <- driver; the three in the middle never one another;
#   runtime includes nothing of the compiler; driver -> runtime/host is the one way back to it.
# Tests may include everything. A header of the runtime is named without its folder ("nn_core.h").
set -u
cd "$PROJECT_DIR" || exit 1

allowed() {  # folder of the including file -> pattern of what it may include
    case $1 in
    ir/base) echo '^ir/base/' ;;
    ir) echo '^ir/' ;;
    frontend) echo '^(ir|frontend)/' ;;
    passes) echo '^(ir|passes)/' ;;
    codegen) echo '^(ir|codegen)/' ;;
    driver) echo '^(ir|frontend|passes|codegen|driver)/|^nn_' ;;
    runtime/core) echo '^nn_' ;;
    runtime/host) echo '^nn_' ;;
    esac
}
folder_of() {
    case $1 in
    ir/base/*) echo ir/base ;;
    runtime/core/*) echo runtime/core ;;
    runtime/host/*) echo runtime/host ;;
    *) echo "${1%%/*}" ;;
    esac
}

bad=0 seen=0
while IFS=: read -r file line text; do
    included=$(sed -E 's/^[[:space:]]*#[[:space:]]*include[[:space:]]+"([^"]*)".*/\1/' <<<"$text")
    pattern=$(allowed "$(folder_of "$file")")
    seen=$((seen + 1))
    if ! [[ $included =~ $pattern ]]; then
        echo "$file:$line: $(folder_of "$file") may not include \"$included\""
        bad=1
    fi
    # The core knows no host: every header it names is its own.
    if [[ $file == runtime/core/* && ! -e runtime/core/$included ]]; then
        echo "$file:$line: runtime/core may not include \"$included\""
        bad=1
    fi
done < <(grep -rnE --include='*.[chly]' --include='*.def' '^[[:space:]]*#[[:space:]]*include[[:space:]]+"' \
    ir frontend passes codegen driver runtime | grep -vE ':[^:]*"(frontend/)?(parser|lexer)\.h"')

# The core may use libc's and libm's pure headers only: no heap, no stdio.
while IFS=: read -r file line text; do
    echo "$file:$line: runtime/core may not include ${text##*include }"
    bad=1
done < <(grep -rnE '^[[:space:]]*#[[:space:]]*include[[:space:]]+<' runtime/core |
    grep -vE '<(math|string|stdint|stddef|float|limits|immintrin|arm_neon)\.h>')

if [ "$seen" -lt 20 ]; then
    echo "only $seen include lines found: the test looks in the wrong place"
    bad=1
fi
exit $bad
