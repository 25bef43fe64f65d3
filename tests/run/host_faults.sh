#!/bin/bash
# The n-th allocation, open, read, write, flush, fsync, close or rename fails, for every n: the program says so and
# exits 3, and a saved file is the old one or the new one, whole. The same when the process is killed there. A run that
# resumes and makes checkpoints leaves a good one wherever that happens, and what resumes from it ends as it should.
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

# Of 9 steps: the run resumes after the sixth and makes a checkpoint after each other.
run() { ./program train --quiet --seed 8 --out kept --save w "$@"; }
./program train --quiet --seed 8 --save new
run --checkpoint-every 2
mv kept done && mkdir kept && cp done/line.ckpt.old kept/line.ckpt
run --resume
cmp w new
for mode in fail kill; do
  full=
  for n in $(seq 1 2000); do
    rm -rf kept unmet && mkdir kept && cp done/line.ckpt.old kept/line.ckpt && cp done/line.ckpt.old kept/line.ckpt.old
    code=0
    if [ $mode = kill ]; then export FAULT_KILL=1; else unset FAULT_KILL; fi
    FAULT_AT=$n run --resume --checkpoint-every 1 2> err || code=$?
    if [ -e unmet ]; then break; fi
    # It goes on where the one before a checkpoint that can't be read takes its place, or closing what is empty failed.
    case $mode-$code in
    fail-3) grep -q '^error: .' err || { echo "checkpoints, call $n: no message"; exit 1; } ;;
    fail-0) cmp w new || { echo "checkpoints, call $n failed unnoticed"; exit 1; } ;;
    kill-137) ;;
    *) echo "checkpoints, call $n ($mode): exit code $code"; cat err; exit 1 ;;
    esac
    if grep -q "line.ckpt: can't be written: No space left on device" err; then full=1; fi
    [ $mode = kill ] || [ -z "$(ls -A kept | grep '^\.' || true)" ] || { echo "checkpoints, call $n left $(ls -A kept)"; exit 1; }
    rm -f w
    run --resume 2> err || { echo "checkpoints, call $n ($mode): nothing to resume from"; cat err; exit 1; }
    cmp w new || { echo "checkpoints, call $n ($mode): another run"; exit 1; }
    [ ! -s err ] || grep -q 'line.ckpt: can.t be opened: No such file' err || { echo "checkpoints, call $n ($mode):"; cat err; exit 1; }
  done
  [ -e unmet ] || { echo "more than 2000 calls"; exit 1; }
  [ $mode = kill ] || [ -n "$full" ] || { echo "no checkpoint met a full disk"; exit 1; }
  echo "checkpoints, $mode: $((n - 1)) calls"
done
