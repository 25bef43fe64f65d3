# For the scripts that go through samples/: sourced, not run. samples/NAME/check.txt, where there is one, holds lines
# `key: value` (samples/README.md says which).
#   sample_lines NAME KEY            the values of a key
#   sample_line NAME KEY DEFAULT     its only value
#   sample_data NAME                 the folder for --data; a stand-in is made below $work
#   sample_model NAME FILE           writes the model as FILE, made smaller where check.txt says how: fewer of the same blocks
#   for_each_sample FUNCTION         calls FUNCTION NAME for every sample, two at a time, each in a shell and a folder of
#                                    its own below $work; shows what they print, in order, and counts into `failures`.
#                                    NNC_SAMPLES="samples/xor samples/vae" in the environment takes these only
sample_lines() { sed -n "s/^$2: *//p" "$PROJECT_DIR/samples/$1/check.txt" 2>/dev/null; }
sample_line() { local value; value=$(sample_lines "$1" "$2"); echo "${value:-$3}"; }
sample_model() { sed "$(sample_line "$1" small "")" "$PROJECT_DIR/samples/$1/$1.nn" >"$2"; }
sample_data() {
    local folder=$PROJECT_DIR/samples/$1 standin given
    standin=$(sample_lines "$1" standin) given=$(sample_lines "$1" data)
    if [ -n "$standin" ]; then
        folder=$work/$1/standin
        [ -d "$folder" ] || { mkdir -p "$folder" && (cd "$folder" && PATH=$PROJECT_DIR/scripts:$PATH && eval "$standin"); } || exit 1
    elif [ -n "$given" ]; then
        folder=$PROJECT_DIR/samples/$given
    elif [ -d "$folder/data" ]; then
        folder=$folder/data
    fi
    echo "$folder"
}
for_each_sample() {
    local sample name running=0 samples=${NNC_SAMPLES:-$PROJECT_DIR/samples/*/}
    for sample in $samples; do
        name=$(basename "$sample")
        mkdir -p "$work/$name"
        (failures=0; cd "$work/$name" && "$1" "$name" && exit $((failures > 0))) >"$work/$name.log" 2>&1 || touch "$work/$name.failed" &
        [ $((++running)) -lt 2 ] || { wait -n; running=$((running - 1)); }
    done
    wait
    for sample in $samples; do
        name=$(basename "$sample")
        echo "== $name"
        cat "$work/$name.log"
        [ ! -e "$work/$name.failed" ] || failures=$((failures + 1))
    done
}
