# Plants errors in CUDA texts, at places drawn from all that there are:
#   awk -f plant.awk -v seed=N -v each=10 -v out=FOLDER FILE.cu … FILE.c …
# writes the files to FOLDER with all errors in them, each behind NN_PLANTED(number), which NN_PLANTED=number in the
# environment switches on, and FOLDER/places: number, kind, file, kernel or function, line, what the error is, and the call that is not asked. So all are
# compiled at once, and the text without any is the one that was given. each=0: at every place.
#
#   barrier  a __syncthreads() is left out
#   edge     a bound of a tile, of a thread's share of one, or of the whole, is one more or one less
#   stride   two strides of an index change places
#   status   a call's status is not asked for
#
# A bound of what a tile loads that is one more may do nothing: what lies beyond the edge is not used. Each such place
# has a second number, its witness, with which a NaN is loaded there.

FNR == 1 { files++; name[files] = FILENAME; sub(/.*\//, "", name[files]); where = "" }
{ file[++lines] = files; text[lines] = $0 }

# In a kernel, or in a device function of the optimizers: its name. Emitted functions and those of .c files, too.
/__global__|__device__ inline void/ {
    where = $0
    sub(/^.*void (__launch_bounds__\([0-9]+, 2\) )?/, "", where)
    sub(/\(.*/, "", where)
    kernel = 1
}
/^(static )?(int|void) [a-z_0-9]+\(.*\{$/ || /static inline int nn_cuda_/ {
    where = $0
    sub(/^ *(static )?(inline )?(int|void) /, "", where)
    sub(/\(.*/, "", where)
    kernel = 0
}
/^}|^  }  *\\$/ { where_ends = 1 }
where != "" {
    in_function[lines] = where
    if (kernel) {
        if (/__syncthreads\(\);/) place("barrier", 0)
        if (edge_of($0)) place("edge", 0)
        brackets($0)
    }
    if (/nn_cuda_(launched|copy|check|check_at)\(d, |nn_cuda_check\($|nn_cuda_(sgd|adam|adagrad|adadelta|rmsprop)_step_f32\(d, spans/ &&
        !/static|\(cudaError_t\)/) place("status", 0)
}
where_ends { where = ""; where_ends = kernel = 0 }

function place(kind, at) { n[kind]++; line_of[kind, n[kind]] = lines; at_of[kind, n[kind]] = at }

# Where a bound begins and how long it is, in `edge_from` and `edge_length`: of the first on the line.
function edge_of(s,   head, i, c, depth) {
    if (match(s, /nn_least\([a-z0-9]+ \+ (place|step), |nn_least\(16, |if \([a-z0-9]+ >= \(size_t\)|if \([a-z0-9]+ >= |\|\| [a-z0-9]+ \+ 16 >= |; [a-z0-9]+ < |if \([a-z0-9]+ \+ q < |if \(threadIdx\.x < |if \(me < |for \(uint32_t i = me; i < /) == 0) return 0
    head = substr(s, RSTART, RLENGTH)
    if (head ~ /^;/ && s !~ /\+= [0-9A-Z_]+\)/) return 0 # not a loop over tiles, or over a thread's share of one
    if (s ~ /me < t\.n|turn\./) return 0 # spans and launches: no tiles, and the models have no more than one launch takes
    edge_from = RSTART + RLENGTH
    for (i = edge_from; i <= length(s); i++) {
        c = substr(s, i, 1)
        if (c == "(") depth++
        else if ((c == ")" && depth-- == 0) || (c == ";" && depth == 0) || substr(s, i, 4) ~ /^ (&&|\|\|) $/) break
    }
    edge_length = i - edge_from
    return edge_length > 0
}

# Indices that have two strides: a place for each. `at` is where the bracket opens.
function brackets(s,   i, c, depth, from) {
    if (s ~ /^ *(__shared__|\/\*|NN_PTR)/) return
    for (i = 1; i <= length(s); i++) {
        c = substr(s, i, 1)
        if (c == "[" && depth++ == 0) from = i
        if (c == "]" && --depth == 0 && swapped(substr(s, from + 1, i - from - 1), 0) != "") place("stride", from)
    }
}

# The index with two of its strides swapped, by chance where `draw`; "" where no two differ.
function swapped(index_text, draw,   terms, part, n_terms, i, c, depth, from, k, j, pairs, first, second, out) {
    if (index_text ~ /\?|\[/) return ""
    from = 1
    for (i = 1; i <= length(index_text) + 1; i++) {
        c = substr(index_text, i, 1)
        if (c == "(") depth++
        if (c == ")") depth--
        if (depth == 0 && (i > length(index_text) || substr(index_text, i, 3) == " + ")) {
            part[++n_terms] = substr(index_text, from, i - from)
            from = i + 3
        }
    }
    for (k = 1; k <= n_terms; k++) {
        if (part[k] ~ /^[0-9]+$/) return ""
        if (match(part[k], / \* [0-9]+$/)) {
            stride[k] = substr(part[k], RSTART + 3)
            atom[k] = substr(part[k], 1, RSTART - 1)
        } else if (match(part[k], /^[0-9]+ ?\* /)) {
            atom[k] = substr(part[k], RLENGTH + 1)
            stride[k] = part[k] + 0
        } else {
            stride[k] = 1
            atom[k] = part[k]
        }
    }
    pairs = 0
    for (k = 1; k <= n_terms; k++)
        for (j = k + 1; j <= n_terms; j++)
            if (stride[k] != stride[j]) { pairs++; first[pairs] = k; second[pairs] = j }
    if (pairs == 0) return ""
    i = draw ? random(pairs) : 1
    k = first[i]; j = second[i]
    i = stride[k]; stride[k] = stride[j]; stride[j] = i
    out = ""
    for (i = 1; i <= n_terms; i++) out = out (i > 1 ? " + " : "") atom[i] (stride[i] == 1 ? "" : " * " stride[i])
    return out
}

function random(below) { seed = (seed * 16807) % 2147483647; return 1 + int(seed / 2147483647 * below) }

function plant(kind, l, at, number,   s, i, depth, c, change, more, old, new) {
    s = text[l]
    if (kind == "barrier") {
        sub(/__syncthreads\(\);/, "if (!NN_PLANTED(" number ")) &", s)
        change = "left out"
    } else if (kind == "edge") {
        if (s ~ /NN_PLANTED/) return ""
        edge_of(s)
        more = random(2) == 1
        old = substr(s, edge_from, edge_length)
        change = old " " (more ? "+" : "-") " 1"
        if (more && s ~ /nn_least\([a-z0-9]+ \+/) witness(l, number, s, old)
        s = substr(s, 1, edge_from - 1) "(" old (more ? " + " : " - ") "NN_PLANTED(" number "))" substr(s, edge_from + edge_length)
    } else if (kind == "stride") {
        for (i = at; i <= length(s); i++) {
            c = substr(s, i, 1)
            if (c == "[") depth++
            if (c == "]" && --depth == 0) break
        }
        old = substr(s, at + 1, i - at - 1)
        if (old ~ /NN_PLANTED/) return ""
        new = swapped(old, 1)
        change = new
        s = substr(s, 1, at) "NN_PLANTED(" number ") ? " new " : " old substr(s, i)
    } else {
        if (s ~ /NN_(ASKED|CALLED|CHECKED)/) return ""
        change = "not asked for"
        if (!sub(/nn_cuda_launched\(/, "NN_ASKED(" number ", ", s)) # the question itself
            if (match(s, /nn_cuda_(copy|check_at|check|[a-z]+_step_f32)\(/))
                s = substr(s, 1, RSTART - 1) (s ~ /nn_cuda_check/ ? "NN_CHECKED(" : "NN_CALLED(") number ", " substr(s, RSTART, RLENGTH - 1) ", " substr(s, RSTART + RLENGTH)
    }
    text[l] = s
    return change
}

# The call of CUDA, or the kernel, whose status it is.
function call_of(l,   s) {
    s = text[l] (text[l] ~ /nn_cuda_check, $/ ? text[l + 1] : "")
    if (match(s, /"k[0-9]+_[a-z]+"/)) return substr(s, RSTART + 1, RLENGTH - 2)
    if (s !~ /cudaGetLastError/ && match(s, /cuda[A-Z][A-Za-z]+/)) return substr(s, RSTART, RLENGTH)
    return s ~ /nn_cuda_copy/ ? "cudaMemcpyAsync" : "cudaLaunchKernel"
}

# A NaN where the tile is loaded from beyond the edge.
function witness(l, number, s, old,   i, variable) {
    match(s, /nn_least\([a-z0-9]+ \+ (place|step)/)
    variable = substr(s, RSTART + 9, RLENGTH - 9)
    for (i = l + 1; text[i] !~ /\[step\]\[place\] = /; i++) {}
    sub(/\[step\]\[place\] = /, "&NN_PLANTED(" number + 0.5 ") \\&\\& " variable " > " old " ? NAN : ", text[i])
}

END {
    split("barrier edge stride status", kinds, " ")
    for (k = 1; k <= 4; k++) {
        kind = kinds[k]
        count = each && each < n[kind] ? each : n[kind]
        for (i = 1; i <= n[kind]; i++) order[i] = i
        for (i = 1; i <= n[kind] && count > 0; i++) {
            j = each ? i - 1 + random(n[kind] - i + 1) : i
            t = order[i]; order[i] = order[j]; order[j] = t
            l = line_of[kind, order[i]]
            line = text[l]
            if (line ~ /NN_(PLANTED|ASKED|CALLED|CHECKED)/) continue # one error a line
            change = plant(kind, l, at_of[kind, order[i]], number + 1)
            if (change == "") continue
            gsub(/^ +| *\\?$/, "", line)
            print ++number "\t" kind "\t" name[file[l]] "\t" in_function[l] "\t" line "\t" change "\t" (kind == "status" ? call_of(l) : "") >(out "/places")
            count--
        }
        print kind, n[kind] + 0 >(out "/counts")
    }
    for (l = 1; l <= lines; l++) print text[l] >(out "/" name[file[l]])
}
