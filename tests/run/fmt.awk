# Words and comments of .nn sources.
#   awk -f fmt.awk -v mode=M -v seed=N -v to=DIR FILE…   those of FILE… go to files of the same names in DIR:
#     words    one a line
# or, with another layout,
#     line     on one line, but for what follows a comment
#     column   each on a line
#     random   spaces, tabs, ends of lines of both kinds, empty lines, at random
#     remark   a comment before every word, alone or at the end of a line
#     some     comments here and there
#     lines    long lines with a break now and then
BEGIN {
    srand(seed)
    number = "[0-9]+[.][0-9]+([eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+"
    word = "^(\"([^\"\\\\]|\\\\.)*\"|#.*|" number "|[A-Za-z0-9_]+|->|=>|[|]>|[.][.][.]|[.][.]|[*][*]|//|==|!=|<=|>=|.)"
}
FNR == 1 {
    if (out) close(out)
    name = FILENAME
    sub(/.*\//, "", name)
    out = to "/" name
    n = 0
    printf "" >out
}
{
    line = $0
    while (1) {
        sub(/^[ \t\r]+/, "", line)
        if (line == "" || !match(line, word)) break
        text = substr(line, 1, RLENGTH)
        line = substr(line, RLENGTH + 1)
        sub(/[ \t\r]+$/, "", text)
        printf "%s", text between(text) >out
    }
}
function pick(n) { return int(rand() * n) }
function between(text) {
    n++
    if (mode == "words") return "\n"
    if (text ~ /^#/) return mode == "random" ? substr("\n\n\n\n", 1, 1 + pick(3)) : "\n"
    if (mode == "line") return " "
    if (mode == "column") return "\n"
    if (mode == "random") { k = pick(6); return k == 0 ? " " : k == 1 ? "   " : k == 2 ? "\n" : k == 3 ? "\t" : k == 4 ? "\n \n\n" : "\r\n" }
    if (mode == "remark") { k = pick(3); return k == 0 ? "\n# c" n "\n" : k == 1 ? " # c" n "\n" : "\n\n  # c" n "\n\n\n" }
    if (mode == "some") return pick(12) ? " " : "  # c" n "\n"
    return pick(25) ? substr("    ", 1, 1 + pick(4)) : "\n"
}
