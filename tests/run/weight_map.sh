#!/bin/bash
# `load … with map = "FILE"`: other names, other orders of axes, in the emitted C and in the interpreter; every slip of a
# map is answered with its line and column, and changes no store.
. "$PROJECT_DIR/tests/lib.sh" || exit 1
cd "$work" || exit 1
cat >from.nn <<'NN'
layer Net(a: int, b: int)(x: [B, 3]) -> [B, 4] {
    param w: [2, 3, a] = normal(1.0);
    param v: [4, b] = normal(1.0);
    param c: [4] = normal(1.0);
    return x @ ones([3, 4]) + c + sum(w) + sum(v);
}
model old = Net(5, 4);
export fn f(x: [1, 3]) -> [1, 4] = old(x);
train t { save old to "old.safetensors"; }
NN
cat >to.nn <<'NN'
layer Net()(x: [B, 3]) -> [B, 4] {
    param w: [5, 2, 3] = zeros();
    param v: [4, 4] = zeros();
    param c: [4] = zeros();
    param own: [1] = zeros();
    return x @ ones([3, 4]) + c + sum(w) + sum(v) + sum(own);
}
model new = Net();
export fn w(x: [1]) -> [5, 2, 3] = new.w + x;
export fn v(x: [1]) -> [4, 4] = new.v + x;
export fn c(x: [1]) -> [4] = new.c + x;
export fn f(x: [1, 3]) -> [1, 4] = new(x);
train t { load new from "old.safetensors" with map = "m.map", partial = true; }
train strict { load new from "old.safetensors" with map = "m.map"; }
NN
sed 's/load new from "old.safetensors" with map = "m.map";/load new.v from "old.safetensors" as "old.v" with map = "m.map";/' to.nn >as.nn
nnc --interpret from.nn -- train --seed 5 --quiet || fail "from.nn"
for m in to as; do nnc $m.nn -o $m || fail "$m.nn"; done
printf '%s\n' '# the names of another framework' '' 'new.w <- old.w transpose 2 0 1   # a, then the others' \
    '	new.v	<-	old.v transpose 1 0' 'new.c <- old.c' >m.map

# The numbers of a tensor of a file of weights, with the places that an order of axes gives them.
tensor() { # FILE TENSOR
    local length range
    length=$(od -An -tu8 -N8 "$1" | tr -d ' ')
    range=$(tail -c +9 "$1" | head -c "$length" | sed -E "s/.*\"$2\":[^}]*\"data_offsets\":\[([0-9]+),([0-9]+)\].*/\1 \2/")
    od -An -v -tx4 -w4 -j $((8 + length + ${range% *})) -N $((${range#* } - ${range% *})) "$1"
}
turned() { # SIZES AXES: numbers on the standard input, in the order of the transposed
    awk -v sizes="$1" -v axes="$2" '{ x[n++] = $0 } END {
        r = split(sizes, d, " "); split(axes, p, " ")
        s[r] = 1; for (i = r - 1; i >= 1; i--) s[i] = s[i + 1] * d[i + 1]
        for (k = 0; k < n; k++) { rest = k; at = 0
            for (i = r; i >= 1; i--) { size = d[p[i] + 1]; at += (rest % size) * s[p[i] + 1]; rest = int(rest / size) }
            print x[at] } }'
}
loaded() { # FILE
    diff <(tensor old.safetensors old.w | turned "2 3 5" "2 0 1") <(tensor "$1" new.w) &&
        diff <(tensor old.safetensors old.v | turned "4 4" "1 0") <(tensor "$1" new.v) &&
        diff <(tensor old.safetensors old.c) <(tensor "$1" new.c)
}
[ "$(tensor old.safetensors old.w | sort -u | wc -l)" -gt 20 ] || fail "the weights are not such that a wrong order shows"
expect 0 'note: old.safetensors: not in the file and left as they were: `new.own`' program ./to train t --quiet --save w.st
loaded w.st || fail "the emitted C"
expect 0 '`new.own`' nnc --interpret to.nn -- train t --quiet --save i.st
loaded i.st || fail "the interpreter"
expect 1 'old.safetensors: does not fit the model: 1 difference' program ./to train strict --quiet

# With `as`: what the map does not name keeps its name.
echo '# nothing' >m.map
expect 0 '' program ./as train strict --quiet --save as.st
diff <(tensor old.safetensors old.v) <(tensor as.st new.v) || fail "as, with an empty map"

# ---- slips: line and column
slip() { # PATTERN LINE…
    local pattern=$1
    shift
    printf '%s\n' '# a comment' "$@" >m.map
    expect 1 "error: m.map:$pattern" program ./to train t --quiet
    expect 1 "error: m.map:$pattern" nnc --interpret to.nn -- train t --quiet
}
slip '2:7: `<-` is wanted after the store' 'new.w '
slip '2:7: `<-` is wanted after the store, not `->`' 'new.w -> old.w'
slip '2:9: the name of a tensor is wanted after `<-`' 'new.w <-'
slip '2:2: `new.x` is not loaded here; did you mean `new.c`' ' new.x <- old.w'
slip '3:1: `new.c` stands in line 2 too' 'new.c <- old.c' 'new.c <- old.c'
slip '2:16: `transpose` or the end of the line is wanted, not `turn`' 'new.w <- old.w turn 2 0 1'
slip '2:25: `transpose` wants the order of the axes' 'new.w <- old.w transpose'
slip '2:28: an axis is a number from 0, not `b`' 'new.w <- old.w transpose 2 b 1'
slip '2:30: an axis stands here twice' 'new.w <- old.w transpose 2 0 2'
slip '2:26: `old.w` has 3 axes, and `transpose` orders all of them' 'new.w <- old.w transpose 1 0'
slip '2:26: `old.w` has 3 axes, and `transpose` orders all of them' 'new.w <- old.w transpose 3 0 1'
slip '2:26: `old.c` has 1 axis, and `transpose` orders all of them' 'new.c <- old.c transpose 1 0'
slip '2:10: `old.w` has the shape \[2, 3, 5\], but `new.w` has \[5, 2, 3\]' 'new.w <- old.w'
slip '2:10: `old.w` gets the shape \[5, 3, 2\], but `new.w` has \[5, 2, 3\]' 'new.w <- old.w transpose 2 1 0'
printf 'new.c <- \0' >m.map
expect 1 'm.map: is no text' program ./to train t --quiet
rm m.map
expect 3 'm.map: can.t be opened' program ./to train t --quiet
# A tensor that is not in the file: an error, unless the load is partial.
printf '%s\n' 'new.w <- old.ww' >m.map
expect 1 'm.map:1:10: `old.ww` is not in old.safetensors; did you mean `old.w`' program ./to train strict --quiet
expect 0 'left as they were: .*`old.ww`' program ./to train t --quiet
done_testing
