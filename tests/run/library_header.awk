# What the header of a library declares, for the generators of tests (awk -v P=PREFIX -v T=TYPE -f library_header.awk -f …):
# F functions fname[f] with their macro fmacro[f], largest size fbound[f] (0: no size), report[f], and fargs[f] pointers
# of type[f, a], acount[f, a] elements, aout[f, a]. A report has members[its type] members, member[its type, i].
function upper(s) { return toupper(s) }
/^#define .*_BYTES / && $2 !~ "^" toupper(P) "_(ARENA|PARAM|STATE|CONST)_BYTES$" { macro[++n_macros] = substr($2, 1, length($2) - 6) }
/^\/\*/ { n_args = 0; bound = 0 }
/^typedef struct [A-Za-z_0-9]+_report \{$/ { inside = $3 }
/^\}/ { inside = "" }
inside && /^  / { m = $2; sub(/;$/, "", m); member[inside, ++members[inside]] = m }
/^     n +1 \.\. / { bound = $4 }
/^     [A-Za-z_0-9]+ +(in|out) / {
    n_args++
    name[n_args] = $1; out[n_args] = $2 == "out"
    count[n_args] = "1"
    if ($0 !~ /: one element/) {
        s = $0; sub(/^[^:]*: /, "", s); sub(/ elements.*/, "", s); count[n_args] = s
    }
}
$0 ~ "^" P "_status " P "_[A-Za-z_0-9]+\\(" T " \\*m" {
    fn = $2; sub(/\(.*/, "", fn)
    if (fn ~ "^" P "_(init|init_on|load|finish)$" || $0 ~ "\\*m, " P "_stream stream") next
    F++
    fname[F] = fn; fbound[F] = bound; fargs[F] = n_args; report[F] = $0 ~ /_report \*r\)/
    best = ""
    for (i = 1; i <= n_macros; i++) {
        m = macro[i]
        if ((upper(fn) == m || upper(fn) "_2" == m || index(upper(fn), m "_") == 1) && length(m) > length(best)) best = m
    }
    fmacro[F] = best
    s = $0; sub(/^[^(]*\(/, "", s); sub(/\);$/, "", s)
    k = split(s, part, /, */); a = 0
    for (i = 2; i <= k; i++) {
        if (part[i] == "size_t n" || part[i] ~ /_report \*r$/) continue
        a++
        t = part[i]; sub(/^const /, "", t); sub(/ \*.*/, "", t)
        type[F, a] = t; acount[F, a] = count[a]; aout[F, a] = out[a]
    }
}
