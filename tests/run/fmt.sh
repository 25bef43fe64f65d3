#!/bin/bash
# nnc fmt: the layout it makes, that no word and no comment is lost, that its own result stays as it is; files and exit
# codes; and every source of the project is laid out by it.
. "$PROJECT_DIR/tests/lib.sh" || exit 1
cd "$work" || exit 1
# MODE FROM TO: the sources of a folder in another layout, or their words (fmt.awk)
lay_out() { mkdir -p "$3"; awk -v mode="$1" -v seed=$((++seed)) -v to="$3" -f "$PROJECT_DIR/tests/run/fmt.awk" "$2"/*.nn; }
trees() { local file; mkdir -p "$2"; for file in "$1"/*.nn; do "$NNC" --dump-ast "$file" >"$2/${file##*/}" 2>/dev/null; done; }
seed=0

# ---- the project's sources. Not these: in tests/errors, five and one the mistakes stand at lines and columns that the
# tests name, and many are no sources; tests/reference/library/*.nn are what make.py there writes.
mapfile -t sources < <(cd "$PROJECT_DIR" && find . -name '*.nn' -not -path './build/*' -not -path './shared/*' \
    -not -path './tests/errors/*' -not -path './tests/five/*' -not -path './tests/one/*' \
    -not -path './tests/reference/library/*' | sort)
[ ${#sources[@]} -gt 70 ] || fail "only ${#sources[@]} sources in the project"
(cd "$PROJECT_DIR" && nnc fmt --check "${sources[@]}") || fail "sources to be laid out by nnc fmt"

# ---- any layout of them becomes one that stays; words, comments and trees are the same
number=0
mkdir all
while IFS= read -r file; do # one folder of unlike names
    number=$((number + 1))
    cp "$file" "all/$number-${file##*/}"
done < <(find "$PROJECT_DIR/samples" "$PROJECT_DIR/docs" "$PROJECT_DIR/frontend" "$PROJECT_DIR/tests" -name '*.nn' \
    -not -path '*/errors/*' -not -path '*/five/*' | sort)
lay_out words all all.words
trees all all.trees
for mode in plain line column random remark some lines; do
    if [ $mode = plain ]; then cp -r all plain; else lay_out $mode all $mode; fi
    lay_out words $mode before.words
    expect 0 '^$' nnc fmt $mode/*.nn
    expect 0 '^$' nnc fmt --check $mode/*.nn
    lay_out words $mode after.words
    diff -r before.words after.words >diff.txt || { fail "$mode: other words or comments"; head diff.txt; }
    grep -nE '[[:space:]]$' $mode/*.nn && fail "$mode: white space at the ends of lines"
    case $mode in # the tree has the documentation too, to which comments are put in
    plain | line | random) ;;
    *) continue ;;
    esac
    diff -r all.words after.words >diff.txt || { fail "$mode: fmt.awk lost words"; head diff.txt; }
    trees $mode after.trees
    diff -r all.trees after.trees >diff.txt || { fail "$mode: other trees"; head diff.txt; }
done
[ "$(grep -c . all.trees/1-* | cut -d: -f2)" -gt 5 ] || fail "no trees"

# ---- what the layout is. becomes: the first text is laid out as the second, which stays
becomes() {
    printf '%s' "$1" >in.nn
    "$NNC" fmt <in.nn >out.nn || fail "nnc fmt of: $1"
    [ "$(cat out.nn)" = "$2" ] || { fail "nnc fmt"; diff out.nn <(printf '%s\n' "$2"); }
    "$NNC" fmt <out.nn | cmp -s - out.nn || fail "nnc fmt changes its result: $2"
}
becomes '' ''
becomes $'\n\n  # only this\n\n\n' '# only this'
becomes $'\xEF\xBB\xBFlet a=1;' 'let a = 1;'
becomes $'let a = 1;\r\n# b\t\r\n\r\n\r\n\tlet c=2;' $'let a = 1;\n# b\n\nlet c = 2;'
becomes 'fn f ( x :[ * s,n ] , k:int=- 1)->[ *s , n ]{ return - x [..,1 .. k ] ** -2 ; }' \
    'fn f(x: [*s, n], k: int = -1) -> [*s, n] { return -x[.., 1..k] ** -2; }'
becomes 'fn g(x:[n])=x|>Dense( 2 )|>relu;fn h(f:layer , from:int)=from-1;' \
    $'fn g(x: [n]) = x |> Dense(2) |> relu;\nfn h(f: layer, from: int) = from - 1;'
becomes 'fn f(x: [n]) { if(n>2)and not(n==3){return x;}else{return -(x);} }' \
    $'fn f(x: [n]) {\n    if (n > 2) and not (n == 3) { return x; } else { return -(x); }\n}'
becomes $'fn f(x: [n]) {\n if n > 2 { return x; }\n else { return x; } }' \
    $'fn f(x: [n]) {\n    if n > 2 {\n        return x;\n    } else {\n        return x;\n    }\n}'
becomes 'train t { epochs = 1; batch = 2; let o = SGD(lr = 0.1); each d in xs() { report a; } then { report b; } }' \
    $'train t {\n    epochs = 1;  batch = 2;\n    let o = SGD(lr = 0.1);\n    each d in xs() { report a; } then { report b; }\n}'
becomes 'let s = [ scan(i in 0 .. k;x=x,y=y){next x=x+1,y=y;} [ 0 ] ,fn(u)=>u @ w];' \
    'let s = [scan(i in 0..k; x = x, y = y) { next x = x + 1, y = y; }[0], fn(u) => u @ w];'
becomes $'fn f(x: [n]) {\n\n\n let y = scan(v in x; h = 0.0) {\nyield h; next h = v; };\n\n\n\n return y;\n\n}' \
    $'fn f(x: [n]) {\n    let y = scan(v in x; h = 0.0) {\n        yield h;\n        next h = v;\n    };\n\n    return y;\n}'
# Breaks of the author: an operator begins a line, a comma ends one.
becomes $'let a = f(x,\ny) +\ng(z);\nlet b = x |> f\n|> g;\nlet c = f(\n1\n, 2);' \
    $'let a = f(x,\n          y)\n      + g(z);\nlet b = x |> f\n          |> g;\nlet c = f(\n    1,\n    2\n);'
becomes $'layer L(a: int)(x: [B, n])\n-> [B, n] { return x\n+ x; }' \
    $'layer L(a: int)(x: [B, n])\n    -> [B, n] {\n    return x\n         + x;\n}'
becomes $'let a = if b then c\nelse d;\nlet\ne\n=\n1\n;' $'let a = if b then c\n        else d;\nlet e =\n    1;'
# Columns of the author.
becomes $'let a   = 1;\nlet bcd = 2;  # x\nlet e = 3;    # y\n              # more' \
    $'let a   = 1;\nlet bcd = 2;  # x\nlet e = 3;    # y\n              # more'
becomes $'let a    = 1;\nlet bcd  = 2;\nlet  c = 3;' $'let a   = 1;\nlet bcd = 2;\nlet c = 3;'
becomes $'let b = "äöü";   # x\nlet c = "aou";   # y' $'let b = "äöü";  # x\nlet c = "aou";  # y'
# Comments.
becomes $'## doc\nlayer L()(x: [n]) {   # head\n# own\n  return x;   # tail\n# last\n}' \
    $'## doc\nlayer L()(x: [n]) {  # head\n    # own\n    return x;  # tail\n    # last\n}'
becomes $'let a = [ # one\n1,# two\n   # three\n2];' $'let a = [  # one\n    1,  # two\n    # three\n    2\n];'
becomes $'fn f(x: [n]) {\nif n > 1 { return x; } # why\n # not\nelse { return x; } }' \
    $'fn f(x: [n]) {\n    if n > 1 {\n        return x;\n    }  # why\n    # not\n    else {\n        return x;\n    }\n}'
# What does not fit into 120 columns.
x=aaaaaaaaaaaaaaaaaaaaaaaaaaaaa
becomes "let y = f($x, $x, $x, $x);" $'let y = f('"$x, $x, $x,"$'\n          '"$x);"
becomes "let y = $x + $x * $x + $x + $x;" "let y = $x + $x * $x"$'\n      + '"$x + $x;"
becomes "fn f(x: [n]) -> [n] = $x + $x + $x + 12345;" $'fn f(x: [n]) -> [n] =\n    '"$x + $x + $x + 12345;"
becomes "let $x = $x; let $x = $x; let $x = $x;" "let $x = $x;"$'\n'"let $x = $x;"$'\n'"let $x = $x;"
becomes "fn f() { for i in $x(0, $x) { let y = $x + 123456789; return $x; } }" \
    $'fn f() {\n    for i in '"$x(0, $x) {"$'\n        '"let y = $x + 123456789;"$'\n        '"return $x;"$'\n    }\n}'

# ---- sources that are wrong stay as they are; the others of the call are done
printf 'let a=1;\n' >good.nn
printf 'let a=1 let  b;\n' >bad.nn
cp bad.nn bad.before
expect 1 '^error\[E0102\]' nnc fmt bad.nn good.nn
cmp -s bad.nn bad.before || fail "a source with errors was changed"
[ "$(cat good.nn)" = 'let a = 1;' ] || fail "the second file was not laid out"
expect 1 'E0102' nnc fmt --check bad.nn
expect 1 '^error\[E0102\].*' nnc fmt <bad.nn
[ -z "$("$NNC" fmt <bad.nn 2>/dev/null)" ] || fail "a wrong source was printed"
expect 1 '"code":"E0102"' nnc fmt --diagnostics=json bad.nn
expect 1 'not a text file' nnc fmt "$NNC"

# ---- --check
printf 'let a=1;\n' >one.nn
printf 'let b = 1;\n' >two.nn
printf 'let  c = 1;\n' >three.nn
cp one.nn one.before
expect 4 '^one.nn$' nnc fmt --check one.nn two.nn three.nn
[ "$("$NNC" fmt --check one.nn two.nn three.nn)" = $'one.nn\nthree.nn' ] || fail "--check names other files"
cmp -s one.nn one.before || fail "--check wrote"
expect 4 '^<stdin>$' nnc fmt --check - <one.nn
expect 0 '^$' nnc fmt --check <two.nn
expect 1 'E0102' nnc fmt --check one.nn bad.nn

# ---- standard input and output
[ "$("$NNC" fmt - <one.nn)" = 'let a = 1;' ] || fail "nnc fmt -"
[ "$(printf 'let a=1;' | "$NNC" fmt)" = 'let a = 1;' ] || fail "nnc fmt without a file"
expect 3 "can't write the standard output" sh -c '"$1" fmt <one.nn >/dev/full' - "$NNC"

# ---- files: what needs no change is not written; links stay links, permissions stay; nothing is half written
touch -d '2001-02-03' two.nn
expect 0 '^$' nnc fmt two.nn
[ "$(stat -c %Y two.nn)" = "$(date -d '2001-02-03' +%s)" ] || fail "a file that needs no change was written"
mkdir folder
printf 'let a=1;\n' >folder/real.nn
chmod 640 folder/real.nn
ln -s folder/real.nn link.nn
expect 0 '^$' nnc fmt link.nn
[ -L link.nn ] || fail "the link is gone"
[ "$(cat folder/real.nn)" = 'let a = 1;' ] || fail "what the link points to was not laid out"
[ "$(stat -c %a folder/real.nn)" = 640 ] || fail "other permissions"
expect 3 'it is a folder' nnc fmt folder
expect 3 "can't open none.nn" nnc fmt none.nn
expect 3 "can't write one.nn: File too large" sh -c 'trap "" XFSZ; ulimit -f 0; exec "$1" fmt one.nn' - "$NNC"
cmp -s one.nn one.before || fail "a file that could not be written was changed"
chmod 444 one.nn
plain=() # root may write everything unless that right is taken away
[ "$(id -u)" != 0 ] || plain=(setpriv --bounding-set=-dac_override)
if "${plain[@]}" test -w one.nn 2>/dev/null || ! "${plain[@]}" true 2>/dev/null; then
    echo "SKIP of fmt: a file that may not be written can't be made here"
else
    expect 3 "can't write one.nn: Permission denied" "${plain[@]}" "$NNC" fmt one.nn
    cmp -s one.nn one.before || fail "a file that may not be written was"
fi
chmod 644 one.nn
ls ./*.tmp folder/*.tmp 2>/dev/null && fail "temporary files stay"

# ---- usage
expect 2 '-o does not go with it' nnc fmt one.nn -o other.nn
expect 2 '--check goes with one of the commands: fmt' nnc --check one.nn
expect 2 'one at a time' nnc check one.nn two.nn

# ---- long and deep: a line of a megabyte, brackets as deep as they may be; seconds under a sanitizer, else less
deep() { printf "%0.s$1" $(seq "$2"); }
awk 'BEGIN { printf "let a = ["; for (i = 0; i < 100000; i++) printf "f(x,%d),", i % 7; print "x];" }' >long.nn
expect 0 '^$' timeout 60 "$NNC" fmt long.nn
expect 0 '^$' timeout 60 "$NNC" fmt --check long.nn
[ "$(awk 'length($0) > 120' long.nn | wc -l)" = 0 ] || fail "lines that are too long"
echo "let a = $(deep '[' 190)1$(deep ']' 190);" >deep.nn
echo "fn f() { $(deep 'if x { ' 190)return $x; $(deep '} ' 190)}" >>deep.nn
expect 0 '^$' nnc fmt deep.nn
expect 0 '^$' nnc fmt --check deep.nn
echo "let a = $(deep '[' 210)1$(deep ']' 210);" >deep.nn
expect 1 'E0801' nnc fmt deep.nn
done_testing
