#!/bin/bash
# Random programs (tests/random/README.md): each is well typed; the interpreter before each pass = after it, to the bit;
# each gradient is the slope that differences give; emitted C in f64 is the interpreter to the tolerance, and has the
# same bits by gcc and clang at -O0 and -O3 (in f32 too); sanitizers are silent; the CUDA text in the harness has the
# bits of the C text. What fails is reduced, printed and left in $NNC_KEPT.
#   NNC_SEED   the first seed (1)      NNC_COUNT  models of each part
#   NNC_PARTS  some of: passes float plain builds back float_builds sanitized cuda
. "$PROJECT_DIR/tests/lib.sh" || exit 1
. "$PROJECT_DIR/tests/cuda/build.sh"
cd "$work" || exit 1
seed=${NNC_SEED:-1}
kept=${NNC_KEPT:-$BUILD_DIR/tests/random_kept}
mkdir -p "$kept"
flags="-march=native -w -shared -fPIC -I $PROJECT_DIR/runtime/core -I $PROJECT_DIR/runtime/host"
command -v gcc >/dev/null || { echo "SKIP random_programs: gcc is not installed"; exit 77; }
clang=clang
command -v clang >/dev/null || { echo "SKIP random programs with clang: it is not installed"; clang=gcc; }

wanted() { [[ " ${NNC_PARTS:-passes float plain builds back float_builds sanitized cuda} " == *" $1 "* ]]; }

part() {  # NAME COUNT OPTIONS…
    local name=$1 count=${NNC_COUNT:-$2} began=$SECONDS
    shift 2
    wanted "$name" || return 0
    mkdir -p "$name"
    "${preload[@]}" "$BUILD_DIR/tests/random_programs" --seed "$seed" --count "$count" --folder "$name" --kept "$kept" "$@" || fail "$name"
    echo "$name: $((SECONDS - began)) s"
}

# The default parts take other models each.
next() { [ -n "${NNC_COUNT:-}" ] || seed=$((seed + $1)); }

preload=()
coverage=()
[ -n "${NNC_SEED:-}${NNC_COUNT:-}" ] || coverage=(--coverage)
part passes 200 "${coverage[@]}" ${NNC_VERBOSE:+-v}
part float 90 --real f32 --narrow
# At -O0 a compiler needs a tenth of the time: most models are compiled so.
part plain 9 --together 9 --cc "gcc -O0 $flags"
next 9
part builds 3 --together 3 --cc "gcc -O0 $flags" --cc "$clang -O3 $flags"
next 3
part back 3 --together 3 --cc "$clang -O0 $flags" --cc "gcc -O3 $flags"
next 3
part float_builds 2 --together 2 --real f32 --narrow --cc "gcc -O0 $flags" --cc "$clang -O3 $flags"

# An object with sanitizers wants their runtime in the process first.
[ "$NNC_SANITIZE" = ON ] ||
    preload=(env "LD_PRELOAD=$(gcc -print-file-name=libasan.so) $(gcc -print-file-name=libubsan.so)" "ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0")
if "${preload[@]}" true 2>/dev/null; then
    part sanitized 9 --together 9 --cc "gcc -O0 -g -fsanitize=address,undefined -fno-sanitize-recover=all $flags"
else
    echo "SKIP random programs under sanitizers: gcc has no runtime for them"
fi

preload=()
if [ "$NNC_SANITIZE" != ON ] && wanted cuda; then
    if command -v g++ >/dev/null; then
        cuda_harness_ready
        part cuda 2 --together 2 --cc "gcc -O1 $flags" --cuda "g++ ${harness_flags[*]} -shared -include harness.h -x c++"
    else
        echo "SKIP random programs as CUDA text: g++ is not installed"
    fi
fi
done_testing
