#!/bin/bash
# The CPU harness and the stand-in for the runtime library find what tests/cuda/README.md says they find: kernels and
# a program with planted mistakes, in every order. Then each check is taken out of the harness or the stand-in, and
# this test must notice: no check is here in vain.
. "$PROJECT_DIR/tests/lib.sh" || exit 1
command -v g++ >/dev/null || { echo "SKIP: no g++"; exit 77; }
cc=$(command -v gcc) || { echo "SKIP: no gcc"; exit 77; }
runtime=$PROJECT_DIR/runtime cuda=$PROJECT_DIR/tests/cuda
orders="forward reverse shuffled"
schedules="late early even odd 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20"

# build DIRECTORY OUTPUT FLAGS…: the cases with the harness of a directory
build() {
    local dir=$1 out=$2
    shift 2
    ${CXX_UNDER_TEST:-g++} -std=c++17 -Wall -Wextra -Wshadow -Werror -ffp-contract=off -I"$runtime/core" \
        -I"$runtime/host" -I"$runtime/cuda" -I"$dir" -include "$dir/harness.h" "$@" -o "$out" || { echo "$out can't be built"; exit 1; }
}
build_cases() { build "$1" "$2" "${@:3}" -x c++ "$cuda/cases.cu"; }
# build_standin DIRECTORY OUTPUT FLAGS…: the program, of which there is one, with the stand-in of a directory
build_standin() {
    [ -e "$work/program.o" ] || build "$cuda" "$work/program.o" -O1 -c -x c++ "$cuda/standin_cases.cu"
    $cc -std=c11 -Wall -Wextra -Wshadow -Wstrict-prototypes -Werror "${@:3}" -I"$1" -c "$1/runtime_standin.c" \
        -o "$2.o" &&
        g++ "$work/program.o" "$2.o" -o "$2" || { echo "the stand-in can't be built"; exit 1; }
}

# Exit codes of a case in the three orders (1: wrong numbers, 99: an error of the harness) and what it says.
kernels='
map                    0  0  0
product                0  0  0
reduce                 0  0  0
neighbours             0  0  0
map_read_over          99 99 99 index 1000 is outside of `x.data\(\)`, which has 1000 elements
map_read_below         99 99 99 index -1 is outside of `x.data\(\)`, which has 1000 elements
map_write_over         99 99 99 kernel map<fault>, block 15 of 16, thread [0-9]+ of 64
map_plain_over         99 99 99 index 1000 is outside of `x.data\(\)`, which has 1000 elements
map_misaligned         99 99 99 is not aligned to its elements of 4 bytes
map_other_block        0  1  1  element
map_few_blocks         1  1  1  element 960 is -?nan and should be 1920
map_no_blocks          0  0  0
map_many_blocks        99 99 99 a grid has at most 2\^31 - 1 blocks
map_large_block        99 99 99 a block has 1 to 1024 threads
reduce_no_barrier      1  0  1  element
reduce_no_last_barrier 1  0  1  element
reduce_part_of_threads 99 99 99 thread [0-9]+ has ended, and others wait at the barrier of .*cases.cu:[0-9]+
reduce_early_return    99 99 99 thread [0-9]+ has ended, and others wait at the barrier of .*cases.cu:[0-9]+
reduce_two_places      99 99 99 this thread waits at the barrier of .*cases.cu:[0-9]+, and thread [0-9]+ at that
first_block_only       1  1  1  element (64|0) is -?nan
neighbours_no_barrier  0  1  1  element
unwritten              1  1  1  element 0 is -?nan
never_written          1  1  1  element 0 is -?nan
product_no_barrier     1  1  1  element
product_no_last_barrier 1 1  1  element
'
sanitized='
shared_row_write       99 99 99 index 64 out of bounds.*float ?\[64\]
shared_row_read        99 99 99 index 64 out of bounds.*float ?\[64\]
shared_inner_write     99 99 99 index 16 out of bounds.*float ?\[16\]
shared_inner_read      99 99 99 index 16 out of bounds.*float ?\[16\]
shared_outer_write     99 99 99 index 4 out of bounds.*float ?\[4\]\[16\]
shared_outer_read      99 99 99 index 4 out of bounds.*float ?\[4\]\[16\]
'

# check_kernels PROGRAM TABLE
check_kernels() {
    local name codes pattern order got said code
    while read -r name a b c pattern; do
        [ -n "$name" ] || continue
        codes="$a $b $c" got=
        for order in $orders; do
            said=$(NN_HARNESS_ORDER=$order timeout 60 "$1" "$name" 2>&1)
            code=$?
            got+="${got:+ }$code"
            [ $code = 0 ] || grep -qE -- "$pattern" <<<"$said" || fail "$name, $order: no \`$pattern\` in: $said"
        done
        [ "$got" = "$codes" ] || fail "$name: exit codes $got, not $codes, in the orders $orders"
    done <<<"$2"
}

# The program under the stand-in: exit codes in all schedules. each: every one of them has it; some: at least one, and
# the others are right by luck.
programs='
right             each 0
pageable          each 0
plain_copy        each 0
copied_not_waited some 1  element
used_not_waited   some 1  element
in_reused         some 1  element
no_synchronize    some 1  element
default_stream    some 1  element
second_memset     some 1  element
wrong_way         each 99 the destination, .* is not inside one allocation of device memory
copy_over         each 99 runs over the end of its pinned memory
host_reads_device each 99 the host reads or writes device memory, byte 4
free_twice        each 99 cudaFree: .* is no device memory
leak_device       each 99 never freed: allocation of device memory \(1\)
leak_pinned       each 99 never freed: allocation of pinned memory \(2\)
leak_stream       each 99 never freed: stream \(1\)
leak_event        each 99 never freed: event \(2\)
time_not_kept     each 99 was created with cudaEventDisableTiming
time_too_early    some 3  cudaEventElapsedTime: cudaErrorNotReady
leak_exec         each 99 never freed: executable graph \(2\)
sync_in_capture   each 3  cudaStreamEndCapture: cudaErrorStreamCaptureInvalidated
'
check_programs() {
    local name how code pattern schedule got said right wrong
    while read -r name how code pattern; do
        [ -n "$name" ] || continue
        said= right=0 wrong=
        for schedule in $schedules; do
            said+=$(NN_STANDIN_SCHEDULE=$schedule timeout 60 "$1" "$name" 2>&1)$'\n'
            got=$?
            if [ "$got" = "$code" ]; then
                right=$((right + 1))
            elif [ "$how" = each ] || [ "$got" != 0 ]; then
                wrong+=" $got ($schedule)"
            fi
        done
        if [ -n "$wrong" ]; then
            fail "$name: exit codes$wrong, not $code"
        elif [ $right = 0 ]; then
            fail "$name: no schedule shows it"
        elif ! grep -qE -- "$pattern" <<<"$said"; then
            fail "$name: no \`$pattern\` in what it says: $said"
        fi
    done <<<"$programs"
}

# Every call fails once: the program names the call, has freed everything, and exits 3.
check_failures() {
    local n calls name said code
    NN_STANDIN_LOG=$work/log "$1" || { fail "the program under the record"; return; }
    calls=$(wc -l <"$work/log")
    [ "$calls" -ge 60 ] || { fail "the record has $calls calls"; return; }
    for n in $(seq 1 "$calls"); do
        name=$(sed -n "${n}s/^$n \\([A-Za-z]*\\) .*/\\1/p" "$work/log")
        said=$(NN_STANDIN_FAIL=$n timeout 60 "$1" 2>&1)
        code=$?
        if [ $code != 3 ] || ! grep -q "^error: $name: cudaError" <<<"$said" || grep -q 'stand-in' <<<"$said"; then
            fail "call $n, $name, fails: exit code $code: $said"
            return
        fi
    done
    NN_STANDIN_FAIL=$((calls + 1)) "$1" || fail "a call that is not there fails"
    # A program that does not ask for the status of a launch: its numbers are wrong, and it does not say 3.
    NN_STANDIN_FAIL=cudaLaunchKernel expect 1 'element' "$1" no_status
    NN_STANDIN_FAIL=cudaMalloc:2 NN_STANDIN_ERROR=cudaErrorECCUncorrectable expect 3 'cudaMalloc: cudaErrorECCUncorrectable' "$1"
    NN_STANDIN_DEVICES=none expect 3 'cudaGetDeviceCount: cudaErrorNoDevice' "$1"
    NN_STANDIN_DEVICES=no-driver expect 3 'cudaGetDeviceCount: cudaErrorInsufficientDriver' "$1"
    NN_STANDIN_MEMORY=8000 expect 3 'cudaMalloc: cudaErrorMemoryAllocation' "$1"
    NN_STANDIN_ARCH=75 expect 3 'cudaLaunchKernel: cudaErrorNoKernelImageForDevice' "$1"
    NN_STANDIN_FAIL=cudaNothing expect 99 'NN_STANDIN_FAIL=cudaNothing is not one of its values' "$1"
}

build_cases "$cuda" "$work/cases" -O2
check_kernels "$work/cases" "$kernels"
# A miss without the sanitizer: so it is the sanitizer that finds them.
NN_HARNESS_ORDER=forward expect 0 '' "$work/cases" shared_inner_write
build_cases "$cuda" "$work/cases_sanitized" -O1 -fsanitize=address,undefined -fno-sanitize-recover=all \
    -fsanitize-sections=nn_shared
check_kernels "$work/cases_sanitized" "$kernels$sanitized"
build_cases "$cuda" "$work/cases_ucontext" -O1 -DNN_HARNESS_UCONTEXT
check_kernels "$work/cases_ucontext" "$kernels"
clang=no
if command -v clang++ >/dev/null && echo '#include <tuple>' | clang++ -x c++ -fsyntax-only - 2>/dev/null; then
    clang=yes
    CXX_UNDER_TEST=clang++ build_cases "$cuda" "$work/cases_clang" -O2 -fsanitize=bounds -fno-sanitize-recover=all
    check_kernels "$work/cases_clang" "$kernels$sanitized"
else
    echo "note: no clang++ here that compiles C++: the harness is tested with g++"
fi
build_standin "$cuda" "$work/standin" -O1
check_programs "$work/standin"
check_failures "$work/standin"

# The cases are CUDA: nvcc takes them as they are.
if nvcc=$(command -v nvcc || ls /usr/local/cuda/bin/nvcc 2>/dev/null); then
    for text in cases standin_cases; do
        "$nvcc" -std=c++17 -fmad=false -ftz=true -I"$runtime/core" -I"$runtime/host" -I"$runtime/cuda" -c "$cuda/$text.cu" \
            -o "$work/$text.o" >"$work/nvcc" 2>&1 || { fail "nvcc does not take $text.cu"; cat "$work/nvcc"; }
    done
else
    echo "note: no nvcc here: that the cases are CUDA is not checked"
fi

[ $failures = 0 ] || done_testing

# mutant FILE PATTERN REPLACEMENT [FLAGS…]: the file changed as sed does it; the table of the kernels or of the
# programs no longer holds.
mutants=0
mutant() {
    local dir=$work/mutant
    rm -rf "$dir" && cp -r "$cuda" "$dir"
    sed -i "s/$2/$3/" "$dir/$1"
    cmp -s "$cuda/$1" "$dir/$1" && { fail "$1 has no \`$2\`"; return; }
    if [ "$1" = runtime_standin.c ]; then
        build_standin "$dir" "$work/mutated" -O0 -w
        noticed=$(failures=0; check_programs "$work/mutated"; check_failures "$work/mutated")
    else
        build_cases "$dir" "$work/mutated" "${4:--O0}" -w
        noticed=$(failures=0; check_kernels "$work/mutated" "$kernels" 2>&1)
    fi
    grep -q '^FAIL' <<<"$noticed" || fail "nothing misses \`$2\` in $1"
    mutants=$((mutants + 1))
}
mutant harness_pointer.h 'if ((size_t)k >= count)' 'if (false)'
mutant harness_pointer.h 'if ((uintptr_t)address %' 'if (0 \&\& (uintptr_t)address %'
mutant harness_shared.h 'memset(p, 0xFF, bytes)' '(void)p'
mutant harness_shared.h 's.kernel->pages.push_back' '(void)'
[ $clang = no ] || CXX_UNDER_TEST=clang++ mutant harness_shared.h ', used))' '))' -O2 # gcc keeps them by itself
mutant harness.h 'block - 1 - i : i' 'i : i'
mutant harness.h 'return {n, n - 1, n - 1}' 'return {n}'
mutant harness.h 'std::swap(b.order\[i - 1\], .*);' 'break;'
mutant harness.h 'if (b.waiting != b.at)' 'if (false)'
mutant harness.h 'if (b.waiting) ' 'if (false) '
mutant harness.h 'else if (b.line != line .*{' 'else if (false) {'
mutant harness.h 'if (grid > 0x7FFFFFFFu)' 'if (false)'
mutant harness.h 'if ((grid) > 0)  ' 'if (true)  '
mutant harness.h 'block > NN_HARNESS_MAX_BLOCK' 'false'
mutant runtime_standin.c 'if (s->pace == EARLY)' 'if (1)'
mutant runtime_standin.c 'w->staged ? w->staged : w->from' 'w->from'
mutant runtime_standin.c ') == si.fail_at)' ') == 0)'
mutant runtime_standin.c 'protect(m, PROT_NONE)' 'protect(m, PROT_READ | PROT_WRITE)'
mutant runtime_standin.c 'if (n > 0 \&\& status == 0)' 'if (0)'
mutant runtime_standin.c '&& stream->invalid)' '\&\& 0)'
mutant runtime_standin.c 'if (bytes > si.memory - si.used)' 'if (0)'
echo "the cases notice $mutants changes to the harness and the stand-in"
done_testing
