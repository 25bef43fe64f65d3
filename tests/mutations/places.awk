# The places where one token of the compiler can be changed, one a line: file, line, column, length of the old text, new
# text (a TAB between), in a random order:
#   awk -f places.awk -v kind=KIND -v seed=N FILE…
#
# What is looked at of a file: the derivatives of ops.def, patterns and results of rules.def, custom derivatives of .nn
# files, the bodies of functions of others. In the emitter (kind `edge`) text in quotes, too: there it is the code.
# Not comments, assertions, declarations, what prints a diagnostic.

FNR == 1 { comment = 0; before = ";" }
{ line = $0; from = 1; to = length(line) }
FILENAME ~ /ops\.def$/ {
    if (!match(line, /D[123]\(.*\), [A-Z_0-9]+\)/)) next
    from = RSTART + 2
    to = RSTART + RLENGTH - 1
    sub(/\), [A-Z_0-9]+\)$/, "", line)
    words("MUL DIV ADD SUB SIN COS EXP LOG GT LT EQ GT", "(")
    token("[^A-Za-z_](a|b|c|y|dy)[^A-Za-z_]", "operand")
    token("NEG\\(", "drop")
    numbers()
    next
}
FILENAME ~ /rules\.def$/ {
    if (!match(line, /^RULE(_F)?\([a-z_0-9]+, "/)) next
    from = RSTART + RLENGTH
    to = from + index(substr(line, from), "\"") - 1
    if (line !~ /^RULE_F/) to += index(substr(line, to + 4), "\"") + 3
    words("add sub mul div max min eq ne lt le gt ge and or true false transpose reverse", "")
    token("\\?[xyzm] \\?[xyzm]", "swap")
    token("\\((neg|not) [^ ()]+\\)", "unwrap")
    numbers()
    next
}
FILENAME ~ /\.nn$/ {
    if (line !~ /^vjp /) next
    from = index(line, " = ") + 3
    if (!sub(/;$/, "", line)) next
    operators()
    numbers()
    token("[ (]-[a-z]", "minus")
    next
}
{
    if (comment) { if (/\*\//) comment = 0; before = ";"; next }
    if (/^ *\/\*/) { if (!/\*\//) comment = 1; next }
    here = $0
    sub(/ *\/\/.*$/, "", here)
    last = before
    if (here !~ /^ *$/) before = here
    if (/^[^ ]/ || /^ *\/\// || /^ *$/ || /^ *(\}|#|enum|typedef|case)/ || /assert|internal_error|sizeof|^ +(static const|struct|\[)/) next
    to = length(here)
    line = here
    if (kind != "edge") hide_quotes()
    operators()
    numbers()
    token("![a-z(]", "not")
    token("[(,] ?[a-z_0-9.>-]+, [a-z_0-9.>-]+[,)]", "swap")
    if (here ~ /^ +[a-z][A-Za-z_0-9.>-]*(\[[^=]*\])? ([|+-]|)= .*;$|^ +[a-z_]+\(.*\);$|^ +[a-z_0-9.>-]+(\+\+|--);$/ && last ~ /[;{}]$/ &&
        here !~ /^ +(return|sb_|strbuf_free)/) {
        match(here, /[^ ]/)
        place(RSTART, length(here) - RSTART + 1, "")
    }
}

function hide_quotes(   i, c, in_text, out) {
    for (i = 1; i <= length(line); i++) {
        c = substr(line, i, 1)
        if (c == "\"" || (c == "'" && !in_text)) in_text = !in_text
        out = out (in_text ? "\"" : c)
    }
    line = out
}

function place(column, long, new) {
    if (column < from || column + long - 1 > to) return
    n++
    what[n] = FILENAME "\t" FNR "\t" column "\t" long "\t" new
}

function operators(   i, s, k, old, new, n_pairs) {
    n_pairs = split("+ - - + * / / * < <= <= < > >= >= > == != != == && || || && += -= |= &= % /", pair, " ")
    for (i = 1; i <= length(line); i++)
        for (k = 1; k < n_pairs; k += 2)
            if (substr(line, i, length(pair[k]) + 2) == " " pair[k] " ") place(i + 1, length(pair[k]), pair[k + 1])
}

# A number becomes the next; one becomes zero as often.
function numbers(   s, at, number) {
    at = 1
    while (match(substr(line, at), /[^A-Za-z_0-9.%\\][0-9]+(\.[0-9]+)?/)) {
        number = substr(line, at + RSTART, RLENGTH - 1)
        at += RSTART + RLENGTH - 1
        if (substr(line, at, 1) ~ /[A-Za-z_.]/ || substr(line, at - length(number) - 1, length(number) + 2) == "{0}") continue
        place(at - length(number), length(number), number !~ /\./ ? number + 1 : number ~ /\.0$/ ? number + 1 ".0" : "1" number)
        if (number == 1) place(at - length(number), length(number), 0)
    }
}

# Words of a list change with their neighbours in it, two and two.
function words(list, after,   w, n_words, i, other, at) {
    n_words = split(list, w, " ")
    for (i = 1; i <= n_words; i++) {
        other = w[i % 2 ? i + 1 : i - 1]
        at = 1
        while (match(substr(line, at), "[^A-Za-z_]" w[i] (after == "(" ? "\\(" : "[^A-Za-z_]"))) {
            place(at + RSTART, length(w[i]), other)
            at += RSTART + RLENGTH - 2
        }
    }
}

function token(pattern, how,   at, s, start, parts, i, depth, c) {
    at = 1
    while (match(substr(line, at), pattern)) {
        start = at + RSTART - 1
        s = substr(line, start, RLENGTH)
        at = start + RLENGTH - 1
        if (how == "operand") {
            s = substr(s, 2, length(s) - 2)
            place(start + 1, length(s), s == "a" ? "b" : s == "b" ? "a" : s == "c" ? "a" : s == "y" ? "dy" : "y")
        } else if (how == "not" || how == "minus") {
            place(start + (how == "minus"), 1, "")
        } else if (how == "drop") {
            place(start, 3, "")
        } else if (how == "unwrap") {
            sub(/^\([a-z]+ /, "", s)
            place(start, RLENGTH, substr(s, 1, length(s) - 1))
        } else {
            match(s, /[a-z_0-9?][a-z_0-9.>?, -]*/)
            start += RSTART - 1
            s = substr(s, RSTART, RLENGTH)
            sub(/,$/, "", s)
            i = split(s, parts, s ~ /, / ? ", " : " ")
            if (i == 2 && parts[1] != parts[2] && !context(parts[1]) && !context(parts[2])) place(start, length(s), parts[2] (s ~ /, / ? ", " : " ") parts[1])
        }
    }
}

# An argument of a type of its own: with another in its place nothing compiles.
function context(argument) { return argument ~ /^([abefglopuw]|scratch)$|->[abgp]$/ }

function random(below) { seed = (seed * 16807) % 2147483647; return 1 + int(seed / 2147483647 * below) }

END {
    random(2); random(2)
    for (i = 1; i <= n; i++) {
        j = i - 1 + random(n - i + 1)
        t = what[i]; what[i] = what[j]; what[j] = t
        print what[i]
    }
}
