#!/usr/bin/env python3
"""Random expressions, and what they are by numpy: broadcasting, integers that wrap, casts, slices, indices, reductions, einsum,
rearrange, sorting, products, scans, static loops. Each production writes a piece of .nn beside what language.md and library.md say
it means; nothing here is shared with nnc. (Gradients have differences to be held against: tests/random.)

    expressions.py SEED COUNT NNC [ARGUMENTS OF NNC]     makes COUNT programs, runs each as C and interpreted; prints what differs
"""
import random
import subprocess
import sys
import tempfile

import numpy as np

np.seterr(all="ignore")
MAX_SIZE, MAX_RANK = 300, 5
TYPES = {"real": np.float64, "i32": np.int32, "u8": np.uint8, "mask": np.bool_}


class Value:
    def __init__(self, text, array):
        self.text, self.array = text, np.asarray(array)
        self.kind = {np.dtype(t): k for k, t in TYPES.items()}[self.array.dtype]

    def type(self):
        shape = "[%s]" % ", ".join(map(str, self.array.shape))
        return shape if self.kind == "real" and self.array.shape else (
            self.kind if not self.array.shape else self.kind + shape)


class Body:
    """The statements of a function so far, and the values they name."""

    def __init__(self, seed):
        self.r, self.values, self.lines, self.names = random.Random(seed), [], [], 0

    def name(self):
        self.names += 1
        return "v%d" % self.names

    def let(self, text, array):
        array = np.asarray(array)
        if array.size > MAX_SIZE or array.ndim > MAX_RANK or array.size == 0:
            return
        if array.dtype == np.float64 and not (np.isfinite(array).all() and np.abs(array).max() < 1e3):
            return
        v = Value(self.name(), array)
        self.lines.append("    let %s = %s;" % (v.text, text))
        self.values.append(v)

    def pick(self, *kinds, rank=0):
        """A value of one of the kinds with at least that many axes; a later one rather than an earlier."""
        fit = [v for v in self.values if v.kind in kinds and v.array.ndim >= rank]
        return self.r.choice(fit[-6:] if self.r.random() < 0.5 else fit)

    def pair(self, *kinds):
        """Two values that broadcast."""
        a = self.pick(*kinds)
        fit = [v for v in self.values if v.kind == a.kind and broadcasts(a.array, v.array)]
        b = self.r.choice(fit)
        return (a, b) if self.r.random() < 0.5 else (b, a)


def broadcasts(*arrays):
    try:
        np.broadcast(*arrays)
        return True
    except ValueError:
        return False


# ---- elementwise

UNARY = {  # of reals
    "-{0}": lambda x: -x, "exp(tanh({0}))": lambda x: np.exp(np.tanh(x)), "tanh({0})": np.tanh, "sin({0})": np.sin, "cos({0})": np.cos,
    "sigmoid({0})": lambda x: 1 / (1 + np.exp(-x)), "abs({0})": np.abs, "sign({0})": np.sign, "floor({0} * 1.7)": lambda x: np.floor(x * 1.7),
    "round({0} * 1.7)": lambda x: np.rint(x * 1.7), "relu({0})": lambda x: np.maximum(x, 0), "square({0})": np.square,
    "softplus({0})": lambda x: np.logaddexp(0, x), "sqrt(abs({0}))": lambda x: np.sqrt(np.abs(x)), "log1p(abs({0}))": lambda x: np.log1p(np.abs(x)),
    "log(abs({0}) + 0.5)": lambda x: np.log(np.abs(x) + 0.5), "expm1(tanh({0}))": lambda x: np.expm1(np.tanh(x)),
    "clip({0}, -0.5, 0.8)": lambda x: np.clip(x, -0.5, 0.8), "{0} ** 3": lambda x: x ** 3, "1.5 - {0} * 2.0": lambda x: 1.5 - x * 2,
    "(abs({0}) + 0.5) ** -2": lambda x: (np.abs(x) + 0.5) ** -2.0, "(abs({0}) + 0.1) ** 0.3": lambda x: (np.abs(x) + 0.1) ** 0.3,
}
UNARY_INT = {"-{0}": lambda x: -x, "abs({0})": np.abs, "{0} * 3 - 1": lambda x: x * x.dtype.type(3) - x.dtype.type(1),
             "{0} // 4": lambda x: x // x.dtype.type(4), "{0} % 4": lambda x: x % x.dtype.type(4), "{0} ** 2": lambda x: x * x}
BINARY = {"{0} + {1}": np.add, "{0} - {1}": np.subtract, "{0} * {1}": np.multiply, "max({0}, {1})": np.maximum, "min({0}, {1})": np.minimum}
BINARY_REAL = {"{0} / (square({1}) + 0.5)": lambda a, b: a / (b * b + 0.5), "{0} // (abs({1}) + 0.7)": lambda a, b: np.floor(a / (np.abs(b) + 0.7)),
               "{0} % (abs({1}) + 0.7)": lambda a, b: np.mod(a, np.abs(b) + 0.7), "lerp({0}, {1}, 0.3)": lambda a, b: a + 0.3 * (b - a),
               "(abs({0}) + 0.2) ** tanh({1})": lambda a, b: (np.abs(a) + 0.2) ** np.tanh(b)}
COMPARE = {"<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal, "==": np.equal, "!=": np.not_equal}
TO_INT = {"i32": (-2.0 ** 31, 2.0 ** 31 - 1), "u8": (0, 255)}


def unary(b):
    x = b.pick("real", "i32", "u8")
    table = UNARY if x.kind == "real" else UNARY_INT
    text = b.r.choice(sorted(table))
    if x.kind != "u8" or "-{0}" != text:
        b.let(text.format(x.text), table[text](x.array))


def binary(b):
    x, y = b.pair("real", "i32", "u8")
    table = dict(BINARY, **BINARY_REAL) if x.kind == "real" else BINARY
    text = b.r.choice(sorted(table))
    b.let(text.format(x.text, y.text), table[text](x.array, y.array))


def compare(b):
    x, y = b.pair("real", "i32", "u8")
    op = b.r.choice(sorted(COMPARE))
    b.let("%s %s %s" % (x.text, op, y.text), COMPARE[op](x.array, y.array))


def logic(b):
    x, y = b.pair("mask")
    text, of = b.r.choice([("%s and %s", np.logical_and), ("%s or not %s", lambda p, q: p | ~q)])
    b.let(text % (x.text, y.text), of(x.array, y.array))


def select(b):
    c, (x, y) = b.pick("mask"), b.pair("real", "i32", "u8", "mask")
    if broadcasts(c.array, x.array, y.array):
        b.let("%s(%s, %s, %s)" % (b.r.choice(["select", "where"]), c.text, x.text, y.text), np.where(c.array, x.array, y.array))


def cast(b):
    x, to = b.pick("real", "i32", "u8", "mask"), b.r.choice(["real", "i32", "u8"])
    if x.kind == "real" and to in TO_INT:
        lo, hi = TO_INT[to]
        b.let("cast(%s * 90.0, %s)" % (x.text, to), np.clip(np.trunc(x.array * 90.0), lo, hi).astype(TYPES[to]))
    elif x.kind != to:
        b.let("cast(%s, %s)" % (x.text, to), x.array.astype(TYPES[to]))


# ---- shapes

def axis_of(b, x):
    axis = b.r.randrange(x.array.ndim)
    return axis, axis if b.r.random() < 0.6 else axis - x.array.ndim


def reshape(b):
    x = b.pick("real", "i32", "u8", "mask")
    left, sizes = x.array.size, []
    while left > 1:
        d = b.r.choice([k for k in range(2, left + 1) if left % k == 0])
        sizes.append(d)
        left //= d
    for _ in range(b.r.randint(0, 1)):
        sizes.insert(b.r.randint(0, len(sizes)), 1)
    if len(sizes) <= MAX_RANK:
        b.let("reshape(%s, [%s])" % (x.text, ", ".join(map(str, sizes))), x.array.reshape(sizes))


def transpose(b):
    x = b.pick("real", "i32", "u8", "mask", rank=2)
    order = list(range(x.array.ndim))
    b.r.shuffle(order)
    if b.r.random() < 0.4:
        b.let("transpose(%s)" % x.text, np.swapaxes(x.array, -1, -2))
    elif b.r.random() < 0.3:
        b.let("swap(%s, %d, %d)" % (x.text, order[0], order[1]), np.swapaxes(x.array, order[0], order[1]))
    else:
        b.let("transpose(%s, %s)" % (x.text, order), np.transpose(x.array, order))


def expand(b):
    x = b.pick("real", "i32", "u8", "mask")
    ones = [i for i, d in enumerate(x.array.shape) if d == 1]
    if ones and b.r.random() < 0.5:
        b.let("squeeze(%s, %d)" % (x.text, ones[-1]), np.squeeze(x.array, ones[-1]))
    else:
        axis = b.r.randint(-x.array.ndim - 1, x.array.ndim)
        b.let("expand(%s, %d)" % (x.text, axis), np.expand_dims(x.array, axis))


def join(b):
    x = b.pick("real", "i32", "u8", "mask", rank=1)
    axis, written = axis_of(b, x)
    fit = [v for v in b.values if v.kind == x.kind and v.array.ndim == x.array.ndim
           and all(i == axis or p == q for i, (p, q) in enumerate(zip(v.array.shape, x.array.shape)))]
    many = [b.r.choice(fit) for _ in range(b.r.randint(1, 3))] + [x]
    texts = ", ".join(v.text for v in many)
    if all(v.array.shape == x.array.shape for v in many) and b.r.random() < 0.5:
        b.let("stack([%s], axis = %d)" % (texts, axis), np.stack([v.array for v in many], axis))
    else:
        b.let("concat([%s], axis = %d)" % (texts, written), np.concatenate([v.array for v in many], axis))


def rolled(b):
    x = b.pick("real", "i32", "u8", rank=1)
    axis, written = axis_of(b, x)
    n = b.r.randint(-3, 4)
    reps = [b.r.randint(1, 2) for _ in range(b.r.randint(1, x.array.ndim + 1))]
    times = b.r.randint(1, 3)
    text, array = b.r.choice([
        ("reverse(%s, axis = %d)" % (x.text, written), np.flip(x.array, axis)),
        ("roll(%s, %d, axis = %d)" % (x.text, n, axis), np.roll(x.array, n, axis)),
        ("tile(%s, %s)" % (x.text, reps), np.tile(x.array, reps)),
        ("repeat(%s, %d, axis = %d)" % (x.text, times, axis), np.repeat(x.array, times, axis)),
        ("strided(%s, %d, %d)" % (x.text, axis, times), np.take(x.array, range(0, x.array.shape[axis], times), axis))])
    b.let(text, array)


def stretch(b):
    x = b.pick("real", "i32", "u8", "mask")
    shape = [b.r.randint(1, 3) for _ in range(b.r.randint(0, 1))] + [b.r.randint(1, 3) if d == 1 else d for d in x.array.shape]
    b.let("broadcast(%s, %s)" % (x.text, shape), np.broadcast_to(x.array, shape))


def pad(b):
    x = b.pick("real", "i32", rank=1)
    pads = [(b.r.randint(-1, 2), b.r.randint(-1, 2)) if d > 2 else (b.r.randint(0, 2), b.r.randint(0, 1)) for d in x.array.shape]
    value = "7" if x.kind == "i32" else "0.25"
    out = np.pad(x.array, [(max(lo, 0), max(hi, 0)) for lo, hi in pads], constant_values=float(value))
    out = out[tuple(slice(max(-lo, 0), d - max(-hi, 0)) for (lo, hi), d in zip(pads, out.shape))]
    b.let("pad(%s, %s, %s)" % (x.text, [list(p) for p in pads], value), out)


# ---- slices and indices

def slices(b):
    x = b.pick("real", "i32", "u8", "mask", rank=1)
    texts, index, dots = [], [], False
    for axis, d in enumerate(x.array.shape):
        form = b.r.random()
        at = b.r.randrange(d)
        if form < 0.3:
            texts.append(str(at if b.r.random() < 0.5 else at - d))
            index.append(at)
        elif form < 0.5:
            texts.append("..")
            index.append(slice(None))
        elif form < 0.6 and not dots:
            dots = True
            rest = b.r.randint(0, d and x.array.ndim - axis)
            texts.append("...")
            index += [slice(None)] * rest
            for k in range(axis + rest, x.array.ndim):
                texts.append("0")
                index.append(0)
            break
        else:
            end, by = b.r.randint(at + 1, d), b.r.choice([1, 1, 2, 3])
            head = ("" if at == 0 and b.r.random() < 0.5 else str(at if b.r.random() < 0.5 else at - d)) + ".."
            head += "" if end == d and b.r.random() < 0.5 else str(end if end == d or b.r.random() < 0.5 else end - d)
            texts.append(head + (" by %d" % by if by > 1 else ""))
            index.append(slice(at, end, by))
        if b.r.random() < 0.15:  # axes that are not named stay
            break
    b.let("%s[%s]" % (x.text, ", ".join(texts)), x.array[tuple(index)])


def index_into(b, d):
    """An i32 value whose elements are indices of an axis of d."""
    i = b.pick("i32")
    return "(%s %% %d)" % (i.text, d), np.mod(i.array, np.int32(d))


def gather(b):
    x = b.pick("real", "i32", "u8", "mask", rank=1)
    axis = b.r.randrange(x.array.ndim)
    text, at = index_into(b, x.array.shape[axis])
    if at.ndim == 0 and axis == 0:
        b.let("%s[%s]" % (x.text, text), x.array[at])
    elif b.r.random() < 0.5 or x.kind == "mask":
        b.let("gather(%s, %s, axis = %d)" % (x.text, text, axis), np.take(x.array, at, axis))
    else:
        u = np.take(x.array, at, axis)
        out = np.moveaxis(x.array.copy(), axis, 0)
        np.add.at(out, at, np.moveaxis(u, list(range(axis, axis + at.ndim)), list(range(at.ndim))))
        b.let("scatter_add(%s, %s, gather(%s, %s, axis = %d), axis = %d)" % (x.text, text, x.text, text, axis, axis), np.moveaxis(out, 0, axis))


def pick_rows(b):
    x = b.pick("real", "i32", rank=1)
    n = x.array.shape[-1]
    which = b.r.randrange(4)
    if which == 0:
        b.let("one_hot(iota(%d) * 2 %% %d, %d)" % (n, n, n), np.eye(n)[np.arange(n) * 2 % n])
    elif which == 1:
        at = (np.arange(int(np.prod(x.array.shape[:-1]))) * 3 % n).astype(np.int32).reshape(x.array.shape[:-1])
        text = "reshape(iota(%d) * 3 %% %d, %s)" % (at.size, n, list(at.shape))
        b.let("pick(%s, %s)" % (x.text, text), np.take_along_axis(x.array, at[..., None], -1)[..., 0])
    elif which == 2:
        b.let("take_along(%s, argsort(%s))" % (x.text, x.text), np.sort(x.array, axis=-1))
    else:
        k, best, at = b.r.randint(1, n), b.name(), b.name()
        order = np.argsort(-x.array, axis=-1, kind="stable")[..., :k]
        b.lines.append("    let (%s, %s) = top_k(%s, %d);" % (best, at, x.text, k))
        b.values += [Value(best, np.take_along_axis(x.array, order, -1)), Value(at, order.astype(np.int32))]


# ---- reductions

def reduction(b):
    x = b.pick("real", "i32", "u8", rank=1)
    axes = sorted(b.r.sample(range(x.array.ndim), b.r.randint(1, x.array.ndim)))
    keepdim, form = b.r.random() < 0.3, b.r.random()
    if form < 0.3 and len(axes) == 1:
        words = ["axis = %d" % (axes[0] - (x.array.ndim if b.r.random() < 0.5 else 0))]
    elif form < 0.6 or len(axes) == x.array.ndim:
        words = ["axis = %s" % axes]
        if len(axes) == x.array.ndim and b.r.random() < 0.5:
            words = []
    else:
        words = ["keep = %s" % [i for i in range(x.array.ndim) if i not in axes]]
    words += ["keepdim = true"] if keepdim else []
    n = np.prod([x.array.shape[i] for i in axes])
    how = {"axis": tuple(axes), "keepdims": keepdim}
    of = {"sum": lambda a: np.sum(a, dtype=np.float64 if x.kind == "real" else np.int32, **how), "max": lambda a: np.max(a, **how),
          "min": lambda a: np.min(a, **how)}
    if x.kind == "real":
        of.update({"mean": lambda a: np.mean(a, **how), "prod": lambda a: np.prod(a, **how), "variance": lambda a: np.var(a, **how),
                   "std": lambda a: np.std(a, **how), "logsumexp": lambda a: np.log(np.sum(np.exp(a), **how))})
    name = b.r.choice(sorted(of))
    if name in ("variance", "std") and n < 2:
        return
    b.let("%s(%s)" % (name, ", ".join([x.text] + words)), of[name](x.array))


def of_masks(b):
    x = b.pick("mask", rank=1)
    axis, written = axis_of(b, x)
    name, of = b.r.choice([("count", lambda a: np.sum(a, axis, dtype=np.int32)), ("any", lambda a: np.any(a, axis)), ("all", lambda a: np.all(a, axis))])
    b.let("%s(%s, axis = %d)" % (name, x.text, written), of(x.array))


def orders(b):
    x = b.pick("real", "i32", "u8", rank=1)
    axis, written = axis_of(b, x)
    name = b.r.choice(["argmax", "argmin", "argsort", "cumsum", "softmax"])
    if name == "cumsum":
        b.let("cumsum(%s, axis = %d)" % (x.text, written), np.cumsum(x.array, axis, dtype=np.float64 if x.kind == "real" else np.int32))
    elif name == "softmax":
        if x.kind == "real":
            e = np.exp(x.array - x.array.max(axis, keepdims=True))
            b.let("softmax(%s, axis = %d)" % (x.text, written), e / e.sum(axis, keepdims=True))
    elif name == "argsort":
        b.let("argsort(%s, axis = %d)" % (x.text, written), np.argsort(x.array, axis, kind="stable").astype(np.int32))
    else:
        b.let("%s(%s, axis = %d)" % (name, x.text, written), getattr(np, name)(x.array, axis).astype(np.int32))


# ---- products

def matmul(b):
    x = b.pick("real", "i32", rank=1)
    fit = []
    for v in b.values:
        if v.kind == x.kind and v.array.ndim:
            try:
                fit.append((v, np.matmul(x.array, v.array)))
            except ValueError:
                pass
    if fit:
        v, out = b.r.choice(fit)
        b.let("%s @ %s" % (x.text, v.text), out)


def labels(b, x, known, letters):
    """A letter for each axis of x, those of equal size shared now and then."""
    out = []
    for d in x.array.shape:
        same = [k for k in known if known[k] == d]
        if same and b.r.random() < 0.6:
            out.append(b.r.choice(same))
        else:
            letter = next(letters)
            known[letter] = d
            out.append(letter)
    return out


def einsum(b):
    known, letters = {}, iter("abcdefghijklmnop")
    many = [b.pick("real", rank=1) for _ in range(b.r.randint(1, 3))]
    of = [labels(b, x, known, letters) for x in many]
    counts = {k: sum(l.count(k) for l in of) for k in known}
    result = [k for k in known if counts[k] == 1 or b.r.random() < 0.5]
    b.r.shuffle(result)
    text = ", ".join("%s[%s]" % (x.text, ", ".join(l)) for x, l in zip(many, of))
    out = np.einsum(",".join("".join(l) for l in of) + "->" + "".join(result), *[x.array for x in many])
    b.let("einsum(%s -> [%s])" % (text, ", ".join(result)), out)


def rearrange(b):
    """Axes taken apart, permuted, and joined again; or reduced."""
    x = b.pick("real", rank=1)
    letters, sizes, left, given = iter("abcdefghijklmnop"), [], [], []
    for d in x.array.shape:
        parts = [k for k in range(2, d) if d % k == 0]
        if parts and b.r.random() < 0.7:
            k = b.r.choice(parts)
            p, q = next(letters), next(letters)
            left.append("%s * %s" % (p, q))
            sizes += [(p, k), (q, d // k)]
            given.append(b.r.choice(["%s = %d" % (p, k), "%s = %d" % (q, d // k)]))
        else:
            p = next(letters)
            left.append(p)
            sizes.append((p, d))
    order = list(range(len(sizes)))
    b.r.shuffle(order)
    array = x.array.reshape([d for _, d in sizes])
    how = b.r.choice([None, None, "sum", "mean", "max", "min", "prod"])
    if how:
        out = order[:b.r.randint(0, len(order) - 1)]
        gone = tuple(i for i in range(len(sizes)) if i not in out)
        array = getattr(np, how)(array, axis=gone)
        order, array = out, array.transpose([sorted(out).index(i) for i in out])
    else:
        array = array.transpose(order)
    groups = []
    for i in order:
        if groups and b.r.random() < 0.3:
            groups[-1].append(i)
        else:
            groups.append([i])
    right = [" * ".join(sizes[i][0] for i in g) for g in groups]
    words = "%s[%s] -> [%s]%s" % (x.text, ", ".join(left), ", ".join(right), "".join(", " + g for g in given))
    array = array.reshape([int(np.prod([sizes[i][1] for i in g])) for g in groups])
    b.let("reduce(%s, %s)" % (how, words) if how else "rearrange(%s)" % words, array)


# ---- loops

def scan(b):
    x = b.pick("real", rank=1)
    axis = b.r.randrange(x.array.ndim)
    parts = np.moveaxis(x.array, axis, 0)
    backwards = b.r.random() < 0.4
    options = ", ".join((["axis = %d" % axis] if axis else []) + (["reverse = true"] if backwards else []))
    h, out = np.zeros(parts.shape[1:]), []
    for i in range(len(parts)):
        at = len(parts) - 1 - i if backwards else i
        out.append(h - parts[at])
        h = np.tanh(0.5 * h + parts[at])
    if axis > out[0].ndim:
        return
    yields = np.stack(out[::-1] if backwards else out, axis)
    p, q = b.name(), b.name()
    b.lines.append("    let (%s, %s) = scan(t in %s%s; h = zeros(%s)) { yield h - t;  next h = tanh(0.5 * h + t); };"
                   % (p, q, x.text, ", " + options if options else "", list(h.shape)))
    for name, array in ((p, yields), (q, h)):
        if array.size <= MAX_SIZE:
            b.values.append(Value(name, array))


def scan_range(b):
    x = b.pick("real")
    lo, n = b.r.randint(-2, 2), b.r.randint(1, 5)
    h = x.array
    for i in range(lo, lo + n):
        h = np.sin(h + i)
    b.let("scan(i in %d..%d; h = %s) { next h = sin(h + cast(i, real)); }" % (lo, lo + n, x.text), h)


def static_loop(b):
    x = b.pick("real", rank=1)
    n = x.array.shape[0]
    if b.r.random() < 0.5:
        b.let("stack([%s[%d - i] * (i + 1) for i in 0..%d])" % (x.text, n - 1, n), np.stack([x.array[n - 1 - i] * (i + 1) for i in range(n)]))
    else:
        name = b.name()
        b.lines.append("    var %s = %s[0] * 0.0;\n    for i in 0..%d { if i %% 2 == 0 { %s = %s + %s[i]; } else { %s = %s * 0.5; } }"
                       % (name, x.text, n, name, name, x.text, name, name))
        out = x.array[0] * 0.0
        for i in range(n):
            out = out + x.array[i] if i % 2 == 0 else out * 0.5
        b.values.append(Value(name, out))


PRODUCTIONS = [unary, unary, binary, binary, binary, compare, logic, select, cast, reshape, transpose, expand, join, rolled, stretch, pad, slices,
               slices, slices, gather, pick_rows, reduction, reduction, of_masks, orders, matmul, einsum, einsum, rearrange, rearrange, scan,
               scan_range, static_loop]


# ---- programs

class Program:
    def __init__(self, seed):
        b = self.b = Body(seed)
        r = b.r
        data = np.random.RandomState(seed)
        for kind in ("real", "real", "real", "i32", "i32", "u8"):
            shape = [r.choice([1, 2, 3, 4, 6]) for _ in range(r.randint(0 if kind != "real" else 1, 3))]
            array = data.uniform(-1.5, 1.5, shape) if kind == "real" else data.randint(0 if kind == "u8" else -9, 10, shape)
            b.values.append(Value(b.name(), np.asarray(array, TYPES[kind])))
        self.inputs = list(b.values)
        b.let("%s > 0.0" % b.values[0].text, b.values[0].array > 0)
        for _ in range(r.randint(10, 30)):
            r.choice(PRODUCTIONS)(b)
        self.outputs = b.values[len(self.inputs):]

    def text(self):
        return "export fn f(%s) -> (%s) {\n%s\n    return (%s);\n}\n" % (
            ", ".join("%s: %s" % (v.text, v.type()) for v in self.inputs), ", ".join(v.type() for v in self.outputs), "\n".join(self.b.lines),
            ", ".join(v.text for v in self.outputs))


def differs(got, want):
    if got.shape != want.shape:
        return "its shape is %s, not %s" % (got.shape, want.shape)
    want = want.astype(np.float64)
    apart = np.abs(got.astype(np.float64) - want) > 1e-9 * (1 + np.abs(want))
    return "%s is not %s" % (got[apart].ravel()[0], want[apart].ravel()[0]) if apart.any() else None


def check(seed, command):
    program = Program(seed)
    if len(program.outputs) < 2:
        return None
    with tempfile.TemporaryDirectory() as folder:
        with open(folder + "/e.nn", "w") as f:
            f.write(program.text())
        words = ["predict", "f"]
        for v in program.inputs:
            np.save("%s/%s.npy" % (folder, v.text), v.array)
            words.append(v.text + ".npy")
        for v in program.outputs:
            words += ["-o", v.text + ".out.npy"]
        p = subprocess.run(command + ["e.nn", "-o", "e"], cwd=folder, capture_output=True, text=True)
        if p.returncode:
            return "nnc ends with %d: %s" % (p.returncode, p.stderr)
        real = [x for x in command if x.startswith("--real")]
        for by in (["./e"], [command[0]] + real + ["--interpret", "e.nn", "--"]):
            p = subprocess.run(by + words, cwd=folder, capture_output=True, text=True)
            if p.returncode:
                return "%s ends with %d: %s" % (by[0], p.returncode, p.stderr)
            for v in program.outputs:
                wrong = differs(np.load("%s/%s.out.npy" % (folder, v.text)), v.array)
                if wrong:
                    return "by %s, %s: %s" % (by[0], v.text, wrong)
    return None


def main():
    seed, count, command = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    failed = values = 0
    for s in range(seed, seed + count):
        wrong = check(s, command)
        values += len(Program(s).outputs)
        if wrong:
            failed += 1
            print("seed %d: %s\n%s" % (s, wrong, Program(s).text()))
    print("%d programs of %d values, %d differ" % (count, values, failed))
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
