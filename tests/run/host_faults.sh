#!/bin/bash
# The n-th allocation, open, read, write, flush, fsync, close or rename fails, for every n: the program says so and
# exits 3, and a saved file is the old one or the new one, whole. The same when the process is killed there.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
host=$PROJECT_DIR/runtime/host
wraps=
for f in malloc realloc posix_memalign fstat read fdopen fsync rename open fwrite fflush fclose; do
  wraps="$wraps -Wl,--wrap=$f"
done
command -v "${CC:=cc}" > /dev/null || { echo "SKIP: no C compiler"; exit 77; }
sanitize=
[ "${NNC_SANITIZE:-OFF}" = ON ] && sanitize="-fsanitize=address,undefined -fno-sanitize-recover=all"
$CC -std=c17 -D_POSIX_C_SOURCE=200809L -g -O1 $sanitize -fno-builtin -I"$host" -I"$host/../core" -I"$PROJECT_DIR/tests" \
  "$PROJECT_DIR/tests/run/host_faults.c" "$host"/nn_*.c $wraps -lm -o "$work/program" 2> "$work/compile" ||
  { cat "$work/compile"; echo "SKIP: this linker knows no --wrap"; exit 77; }
cd "$work"
./program train --quiet --save old > /dev/null
./program train --quiet --seed 8 --weights old --save new --log log.jsonl > /dev/null
for mode in fail kill; do
  for n in $(seq 1 2000); do
    cp old w
    rm -f .[!.]* log.jsonl
    code=0
    if [ $mode = kill ]; then
      FAULT_KILL=1 FAULT_AT=$n ./program train --quiet --seed 8 --weights old --save w --log log.jsonl 2> err || code=$?
    else
      FAULT_AT=$n ./program train --quiet --seed 8 --weights old --save w --log log.jsonl 2> err || code=$?
    fi
    if [ $code = 0 ]; then
      cmp w new || { echo "call $n failed unnoticed: $mode"; exit 1; }
      [ -s done.$mode ] && break 1
      # Once without any fault left: two runs in a row succeed only past the last call.
      echo "$n" > done.$mode
      continue
    fi
    rm -f done.$mode
    if [ $mode = fail ]; then
      [ $code = 3 ] || { echo "call $n: exit code $code"; cat err; exit 1; }
      grep -q '^error: .' err || { echo "call $n: no message"; exit 1; }
      left=$(ls -A | grep '^\.' || true)
      [ -z "$left" ] || { echo "call $n left $left"; exit 1; }
    else
      [ $code = 137 ] || { echo "call $n: exit code $code"; cat err; exit 1; }
    fi
    cmp -s w old || cmp -s w new || { echo "call $n ($mode): the saved file is neither the old nor the new one"; exit 1; }
  done
  [ -s done.$mode ] || { echo "more than 2000 calls"; exit 1; }
  echo "$mode: $((n - 2)) calls"
done
