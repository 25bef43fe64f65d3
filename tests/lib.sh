# For the scripts in tests/run: sourced, not run. They get NNC (the command), PROJECT_DIR, BUILD_DIR and
# NNC_SANITIZE from CMake.
#   nnc …, program PROGRAM …   run, and leave the command line in NNC_COVERAGE_FILE for tests/coverage.sh
#   expect STATUS PATTERN COMMAND…   the command exits with STATUS and its output matches the regular expression
#   done_testing               the script's last line
failures=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# A sanitizer's report must not look like an exit code of ours.
# intercept_tls_get_addr=0: gcc 12's libasan may misread the bounds of libclang's thread-local memory, and crash.
export ASAN_OPTIONS=${ASAN_OPTIONS:-exitcode=99:intercept_tls_get_addr=0} UBSAN_OPTIONS=${UBSAN_OPTIONS:-exitcode=99:print_stacktrace=1}

record() { [ -z "${NNC_COVERAGE_FILE:-}" ] || echo "$*" >>"$NNC_COVERAGE_FILE"; }
nnc() { record nnc "$@"; "$NNC" "$@"; }
program() { local p=$1; shift; record program "$@"; "$p" "$@"; }

fail() { echo "FAIL: $*"; failures=$((failures + 1)); }

expect() {
    local status=$1 pattern=$2 out code diagnostic
    shift 2
    out=$("$@" 2>&1)
    code=$?
    while read -r diagnostic; do record code "$diagnostic"; done < <(grep -oE '\b(error|warning)\[[EW][0-9]+\]' <<<"$out" | grep -oE '[EW][0-9]+')
    if [ $code != "$status" ]; then
        fail "exit code $code, not $status: $*"
    elif ! grep -qE -- "$pattern" <<<"$out"; then
        fail "no \`$pattern\` in the output of: $*"
    else
        return 0
    fi
    printf '%s\n' "$out" | head -n 20
}

done_testing() { [ $failures = 0 ] || { echo "$failures failures"; exit 1; }; exit 0; }
