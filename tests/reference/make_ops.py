#!/usr/bin/env python3
"""Makes ops.txt, the reference values of every row of ir/ops.def, from sources that are not nnc:
mpmath at 2400 bits for scalar functions, exact fractions for arithmetic, NumPy for what moves elements,
a Philox written here, and C's Annex F by hand for infinities, NaN and the signs of zeros.

  python3 tests/reference/make_ops.py > tests/reference/ops.txt      (Debian: python3-mpmath python3-numpy)

Two kinds of lines:
  NAME ULPS TYPE... -> TYPE : INPUT... = OUTPUT      one element; the error allowed, in units of the last place
  case NAME [attribute=value]...                     whole tensors, compared exactly
  in TYPE [SHAPE] VALUES | out TYPE [SHAPE] VALUES
Reals have the digits that read back to the same double. To add an operation: add it to UNARY, BINARY or one of the
functions below (a function of UNARY that ops.def has not yet is left out), run the script, look at the difference.
"""
import math
import random
import re
from fractions import Fraction
from pathlib import Path

import mpmath
import numpy as np

mpmath.mp.prec = 2400
INF, NAN = math.inf, math.nan
rng = random.Random(20240601)


def text(v):
    if isinstance(v, (bool, np.bool_)):
        return "1" if v else "0"
    if isinstance(v, (int, np.integer)):
        return str(int(v))
    v = float(v)
    return "nan" if math.isnan(v) else "inf" if v == INF else "-inf" if v == -INF else repr(v)


def nearest(x):
    """The double nearest to an exact fraction or a 2400-bit number."""
    if not isinstance(x, Fraction):
        if mpmath.isinf(x):
            return INF if x > 0 else -INF
        sign, man, exp, bits = x._mpf_
        if man and not -1200 < exp + bits < 1100:
            return (-1 if sign else 1) * (INF if exp > 0 else 0.0)
        x = Fraction(int(man)) * Fraction(2) ** exp * (-1 if sign else 1)
    try:
        return x.numerator / x.denominator
    except OverflowError:
        return INF if x > 0 else -INF


def line(name, ulps, types, inputs, output):
    print(f"{name} {ulps} {' '.join(types[:-1])} -> {types[-1]} : {' '.join(map(text, inputs))} = {text(output)}")


# ---- real functions of one argument

POINTS = [0.0, -0.0, 5e-324, -5e-324, 2.2250738585072014e-308, -1e-300, 1e-300, 1e-17, -1e-8, 1e-3, 0.1, -0.1, 0.25,
          0.49999999999999994, 0.5, -0.5, 0.75, 1 - 2**-53, 1.0, -1.0, 1 + 2**-52, 1.5, -1.5, 2.0, 2.5, -2.5, 3.5, -3.5,
          math.pi / 2, -math.pi, 10.0, -10.0, 19.0, -19.5, 40.0, -40.0, 88.75, 700.5, 709.75, 710.0, -708.5, -740.0, -746.0,
          1e5, -1e5, 4503599627370495.5, 9007199254740993.0, 1e16, 1e22, -1e100, 1.7976931348623157e308,
          -1.7976931348623157e308]
POINTS += [rng.gauss(0, 1) for _ in range(6)] + [rng.gauss(0, 20) for _ in range(6)]

mp = mpmath.mp


def mpf(f):
    return lambda x: nearest(f(mp.mpf(x)))


def half_even(x):
    return math.copysign(float(round(Fraction(x))), x)


def sigmoid(x):
    return 1 / (1 + mp.exp(-x))


# name: (ulps, function of a finite non-zero x or NaN, f(0), f(-0), f(inf), f(-inf))
UNARY = {
    "neg": (0, lambda x: -x, -0.0, 0.0, -INF, INF),
    "exp": (2, mpf(mp.exp), 1.0, 1.0, INF, 0.0),
    "log": (2, lambda x: mpf(mp.log)(x) if x > 0 else NAN, -INF, -INF, INF, NAN),
    "log1p": (2, lambda x: NAN if x < -1 else -INF if x == -1 else mpf(lambda v: mp.log(1 + v))(x), 0.0, -0.0, INF, NAN),
    "expm1": (2, mpf(lambda v: mp.exp(v) - 1), 0.0, -0.0, INF, -1.0),
    "sqrt": (0, lambda x: mpf(mp.sqrt)(x) if x > 0 else NAN, 0.0, -0.0, INF, NAN),
    "tanh": (2, mpf(lambda v: mp.mpf(math.copysign(1, v)) if abs(v) > 60 else mp.expm1(2 * v) / (mp.expm1(2 * v) + 2)),
             0.0, -0.0, 1.0, -1.0),
    "sigmoid": (2, mpf(sigmoid), 0.5, 0.5, 1.0, 0.0),
    "erf": (2, mpf(lambda v: mp.mpf(math.copysign(1, v)) if abs(v) > 30 else mp.erf(v)), 0.0, -0.0, 1.0, -1.0),
    "sin": (2, mpf(mp.sin), 0.0, -0.0, NAN, NAN),
    "cos": (2, mpf(mp.cos), 1.0, 1.0, NAN, NAN),
    "abs": (0, lambda x: x if x > 0 else -x, 0.0, 0.0, INF, INF),
    "sign": (0, lambda x: 1.0 if x > 0 else -1.0, 0.0, 0.0, 1.0, -1.0),
    "floor": (0, lambda x: float(math.floor(Fraction(x))), 0.0, -0.0, INF, -INF),
    "round": (0, half_even, 0.0, -0.0, INF, -INF),
}


def unary(names):
    for name in names:
        ulps, f, zero, minus_zero, inf, minus_inf = UNARY[name]
        for x in POINTS:
            y = f(x) if x else minus_zero if math.copysign(1, x) < 0 else zero
            line(name, ulps, ["f64", "f64"], [x], y)
        for x, y in ((INF, inf), (-INF, minus_inf), (NAN, NAN)):
            line(name, ulps, ["f64", "f64"], [x], y)


# ---- real functions of two and three

SPECIAL = [0.0, -0.0, 1.0, -1.0, 2.5, -3.0, 0.1, INF, -INF, NAN]
PAIRS = [(a, b) for a in SPECIAL for b in SPECIAL]
PAIRS += [(5e-324, 2.0), (1e308, 10.0), (1e308, 1e308), (-1e-20, 1.0), (1e300, 3.0), (7.0, 2.0), (-7.0, 2.0), (7.0, -2.0),
          (1.0, 0.1), (0.3, 0.1), (2.0, 0.5), (2.0, -1074.0), (-2.0, 3.0), (-2.0, 0.5), (1.0000001, 1e7), (10.0, 308.0),
          (4.0, 4.0), (1e-310, 0.5)]
PAIRS += [(rng.gauss(0, 3), rng.gauss(0, 3)) for _ in range(10)] + [(rng.uniform(0, 5), rng.gauss(0, 8)) for _ in range(10)]


def divide(a, b):
    if b == 0:
        return NAN if a == 0 or math.isnan(a) else math.copysign(INF, a) * math.copysign(1, b)
    return a / b


def mod(a, b):
    """Python's: the sign of the divisor, zero too."""
    if math.isnan(a) or math.isnan(b) or math.isinf(a) or b == 0:
        return NAN
    if math.isinf(b):
        return math.copysign(0.0, b) if a == 0 else a if (a < 0) == (b < 0) else b
    r = Fraction(a) - Fraction(b) * math.floor(Fraction(a) / Fraction(b))
    return nearest(r) if r else math.copysign(0.0, b)


def floordiv(a, b):
    if math.isnan(a) or math.isnan(b) or math.isinf(a) or b == 0:
        return divide(a, b)
    if math.isinf(b):
        return a / b if a == 0 or (a < 0) == (b < 0) else -1.0
    q = math.floor(Fraction(a) / Fraction(b))
    return nearest(Fraction(q)) if q else math.copysign(0.0, a / b)


def power(a, b):
    """C17 F.10.4.4, then mpmath."""
    odd = math.isfinite(b) and b == math.floor(b) and Fraction(b) % 2 == 1
    if b == 0 or a == 1:
        return 1.0
    if math.isnan(a) or math.isnan(b):
        return NAN
    if a == 0:
        sign = math.copysign(1, a) if odd else 1.0
        return sign * (INF if b < 0 else 0.0)
    if math.isinf(b):
        if a == -1:
            return 1.0
        return INF if (abs(a) > 1) == (b > 0) else 0.0
    if math.isinf(a):
        sign = -1.0 if a < 0 and odd else 1.0
        return sign * (INF if b > 0 else 0.0)
    if a < 0 and b != math.floor(b):
        return NAN
    y = nearest(mp.exp(mp.mpf(b) * mp.log(abs(mp.mpf(a)))))
    return -y if a < 0 and odd else y


def larger(a, b):
    return NAN if math.isnan(a) or math.isnan(b) else b if b > a else a


def smaller(a, b):
    return NAN if math.isnan(a) or math.isnan(b) else b if b < a else a


BINARY = {  # name: (ulps, function); Python's + - * are IEEE's
    "add": (0, lambda a, b: a + b), "sub": (0, lambda a, b: a - b), "mul": (0, lambda a, b: a * b), "div": (0, divide),
    "floordiv": (1, floordiv), "mod": (0, mod), "pow": (2, power), "max": (0, larger), "min": (0, smaller),
}
COMPARE = {
    "eq": lambda a, b: a == b, "ne": lambda a, b: a != b, "lt": lambda a, b: a < b, "le": lambda a, b: a <= b,
    "gt": lambda a, b: a > b, "ge": lambda a, b: a >= b,
}


def binary():
    for name, (ulps, f) in BINARY.items():
        for a, b in PAIRS:
            line(name, ulps, ["f64"] * 3, [a, b], f(a, b))
    for name, f in COMPARE.items():
        for a, b in [(1.0, 2.0), (2.0, 1.0), (2.0, 2.0), (0.0, -0.0), (NAN, 1.0), (1.0, NAN), (NAN, NAN), (INF, INF), (-INF, 1.0)]:
            line(name, 0, ["f64", "f64", "mask"], [a, b], f(a, b))
        for t in ("i32", "i64", "u8"):
            for a, b in [(1, 2), (2, 1), (2, 2)] + ([(-1, 1), (-5, -6)] if t != "u8" else [(255, 1)]):
                line(name, 0, [t, t, "mask"], [a, b], f(a, b))
    for a, b, c in [(0.1, 10.0, -1.0), (1 + 2**-30, 1 - 2**-30, -1.0), (3.0, 4.0, 5.0), (1e300, 1e10, -INF), (INF, 0.0, 1.0),
                    (NAN, 1.0, 1.0), (1.0, 1.0, NAN), (1e308, 10.0, -1e308), (5e-324, 0.5, 5e-324)]:
        finite = all(map(math.isfinite, (a, b, c)))
        y = nearest(Fraction(a) * Fraction(b) + Fraction(c)) if finite else a * b + c if math.isfinite(c) else c
        line("fma", 0, ["f64"] * 4, [a, b, c], y)
    for c in (0, 1):
        line("select", 0, ["mask", "f64", "f64", "f64"], [c, 1.5, NAN], 1.5 if c else NAN)
        line("select", 0, ["mask", "i32", "i32", "i32"], [c, 7, -8], 7 if c else -8)
        line("select", 0, ["mask", "mask", "mask", "mask"], [c, 1, 0], c)


# ---- integers

BITS = {"i8": 8, "i16": 16, "i32": 32, "i64": 64, "u8": 8}


def wrap(t, v):
    v %= 1 << BITS[t]
    return v - (1 << BITS[t]) if t != "u8" and v >> (BITS[t] - 1) else v


def bounds(t):
    return (0, 255) if t == "u8" else (-(1 << (BITS[t] - 1)), (1 << (BITS[t] - 1)) - 1)


INT_UNARY = {"neg": lambda a: -a, "abs": abs, "sign": lambda a: (a > 0) - (a < 0), "floor": lambda a: a, "round": lambda a: a}
INT_BINARY = {"add": lambda a, b: a + b, "sub": lambda a, b: a - b, "mul": lambda a, b: a * b, "floordiv": lambda a, b: a // b,
              "mod": lambda a, b: a % b, "max": max, "min": min}


def integers():
    for t in BITS:
        low, high = bounds(t)
        values = sorted({low, low + 1, 0, 1, 7, 100, high - 1, high} | ({-1, -7} if low else set()))
        for name, f in INT_UNARY.items():
            for a in values:
                line(name, 0, [t, t], [a], wrap(t, f(a)))
        for name, f in INT_BINARY.items():
            for a in values:
                for b in (v for v in (low, 1, 2, 7, high) + ((-1, -7) if low else ()) if v or name not in ("floordiv", "mod")):
                    line(name, 0, [t, t, t], [a, b], wrap(t, f(a, b)))
        for a, b, c in [(high, high, high), (3, 4, 5), (low, 2, 1)]:
            line("fma", 0, [t] * 4, [a, b, c], wrap(t, a * b + c))
    for a in (0, 1):
        line("not", 0, ["mask", "mask"], [a], 1 - a)
        for b in (0, 1):
            line("and", 0, ["mask"] * 3, [a, b], a & b)
            line("or", 0, ["mask"] * 3, [a, b], a | b)
            line("eq", 0, ["mask"] * 3, [a, b], a == b)


def casts():
    reals = [0.0, -0.0, 0.9, -0.9, 2.5, -2.5, 127.9, 128.0, -128.9, -129.0, 255.5, 256.0, 32767.5, 32768.0, 2147483647.5,
             2147483648.0, -2147483648.5, 9.3e18, -9.3e18, 9223372036854774784.0, 1e300, INF, -INF, NAN]
    for t in BITS:
        low, high = bounds(t)
        for x in reals:
            y = 0 if math.isnan(x) else min(max(math.trunc(x), low), high) if math.isfinite(x) else high if x > 0 else low
            line("cast", 0, ["f64", t], [x], y)
        for a in (low, 0, 1, high):
            line("cast", 0, [t, "f64"], [a], float(a))
            line("cast", 0, [t, "mask"], [a], a != 0)
            for u in BITS:
                line("cast", 0, [t, u], [a], wrap(u, a))
    for x in (0.0, -0.0, 0.5, NAN, 5e-324):
        line("cast", 0, ["f64", "mask"], [x], x != 0)
    for a in (0, 1):
        line("cast", 0, ["mask", "f64"], [a], float(a))
        line("cast", 0, ["mask", "i32"], [a], a)


# ---- whole tensors

TYPES = {"float64": "f64", "float32": "f32", "int32": "i32", "int64": "i64", "uint8": "u8", "int8": "i8", "int16": "i16",
         "bool": "mask"}


def tensor(word, v, dtype=None):
    v = np.asarray(v)
    values = " ".join(text(x.item()) for x in v.reshape(-1))
    print(f"{word} {dtype or TYPES[str(v.dtype)]} [{', '.join(map(str, v.shape))}] {values}".rstrip())


def case(name, inputs, output, **attributes):
    def attribute(v):
        return "[" + ",".join(map(str, v)) + "]" if isinstance(v, (list, tuple)) else str(v)
    print(" ".join(["case", name] + [f"{k}={attribute(v)}" for k, v in attributes.items()]))
    for v in inputs:
        tensor("in", v)
    tensor("out", output)


def data(*shape):
    return np.array([rng.randint(-40, 40) / 4 for _ in range(math.prod(shape))]).reshape(shape)


def shapes():
    x = data(2, 3, 4)
    case("reshape", [x], x.reshape(4, 6))
    one = data(1, 1)
    case("reshape", [one], one.reshape(()))
    case("transpose", [x], x.transpose(2, 0, 1), perm=[2, 0, 1])
    case("transpose", [x[0]], x[0].T, perm=[1, 0])
    y = data(3, 1)
    case("broadcast", [y], np.broadcast_to(y, (2, 3, 4)))
    s = data()
    case("broadcast", [s], np.broadcast_to(s, (2, 2)))
    case("slice", [x], x[1:2, 0:3:2, 1:4], start=[1, 0, 1], stride=[1, 2, 1])
    case("slice", [x], x[:, 2:2, :], start=[0, 2, 0], stride=[1, 1, 1])
    m = data(2, 3)
    case("pad", [m], np.pad(m, ((1, 0), (2, 1)), constant_values=0.5), lo=[1, 2], hi=[0, 1], interior=[0, 0], value=0.5)
    dilated = np.full((3, 5), -1.0)
    dilated[::2, ::2] = m
    case("pad", [m], dilated, lo=[0, 0], hi=[0, 0], interior=[1, 1], value=-1.0)
    case("pad", [m], m[1:, :2], lo=[-1, 0], hi=[0, -1], interior=[0, 0], value=0.0)
    case("pad", [m], dilated[1:, 1:4], lo=[-1, -1], hi=[0, -1], interior=[1, 1], value=-1.0)
    a, b = data(2, 1), data(2, 2)
    case("concat", [m, a, b], np.concatenate([m, a, b], axis=1), axis=1)
    case("concat", [m, m], np.concatenate([m, m], axis=0), axis=0)
    case("reverse", [x], np.flip(x, (0, 2)), axes=[0, 2])


def indexing():
    x = data(4, 3)
    i = np.array([[3, 0], [0, 0]], dtype=np.int32)
    case("gather", [x, i], np.take(x, i, axis=0), axis=0, batch=0)
    case("gather", [x, np.int32(2)], x[:, 2], axis=1, batch=0)
    rows = np.array([2, 0, 1, 1], dtype=np.int32)
    case("gather", [x, rows], x[np.arange(4), rows], axis=1, batch=1)
    y = data(2, 3, 4, 2)
    k = np.array([[3, 1, 1], [0, 2, 3]], dtype=np.int32)
    picked = np.stack([np.take(y[b], k[b], axis=1) for b in range(2)])
    case("gather", [y, k], picked, axis=2, batch=1)

    def scatter(x, i, u, axis, batch):
        r, flat = x.copy(), i.reshape(i.shape[:batch] + (-1,))
        for at in np.ndindex(*flat.shape):
            lead, piece = at[:batch], at[batch]
            v = u.reshape(x.shape[:axis] + (flat.shape[batch],) + x.shape[axis + 1:])
            r[lead + (slice(None),) * (axis - batch) + (flat[at],)] += v[lead + (slice(None),) * (axis - batch) + (piece,)]
        return r
    u = data(2, 2, 3)
    case("scatter_add", [x, i, u], scatter(x, i, u, 0, 0), axis=0, batch=0)
    u = data(4)
    case("scatter_add", [x, rows, u], scatter(x, rows, u, 1, 1), axis=1, batch=1)
    u = data(2, 3, 3, 2)
    case("scatter_add", [y, k, u], scatter(y, k, u, 2, 1), axis=2, batch=1)
    case("iota", [], np.arange(4, dtype=np.int32), axis=0)
    case("iota", [], np.broadcast_to(np.arange(3.0)[None, :, None], (2, 3, 2)), axis=1)
    ties = np.array([[1.0, 3, 3, 0], [-1, -1, -2, -2], [0, NAN, 5, NAN]])
    case("argmax", [ties], np.array([1, 0, 1], dtype=np.int32), axis=1)
    case("argmin", [ties], np.array([3, 2, 1], dtype=np.int32), axis=1)
    case("argmax", [ties[:2]], np.argmax(ties[:2], axis=0).astype(np.int32), axis=0)
    case("argmin", [x], np.argmin(x, axis=0).astype(np.int32), axis=0)


def reductions():
    x = data(2, 3, 4)
    for axes in ([0], [2], [0, 2], [0, 1, 2], []):
        case("sum", [x], x.sum(tuple(axes)), axes=axes)
        case("rmax", [x], x.max(tuple(axes)), axes=axes)
        case("rmin", [x], x.min(tuple(axes)), axes=axes)
    bad = np.array([[1.0, NAN], [INF, -INF]])
    case("sum", [bad], np.array([NAN, NAN]), axes=[1])
    case("rmax", [bad], np.array([NAN, INF]), axes=[1])
    case("rmin", [bad], np.array([NAN, -INF]), axes=[1])
    case("sum", [np.array([200, 100, 255], dtype=np.uint8)], np.array(555, dtype=np.int32), axes=[0])
    case("sum", [np.array([2**31 - 1, 1], dtype=np.int32)], np.array(-2**31, dtype=np.int32), axes=[0])
    case("rmax", [np.array([[-3, -5], [1, 2]], dtype=np.int32)], np.array([-3, 2], dtype=np.int32), axes=[1])
    case("sum", [np.zeros((2, 0))], np.zeros(2), axes=[1])


def dots():
    def dot(x, y, spec, **attributes):
        case("dot", [x, y], np.einsum(spec, x, y), **attributes)
    dot(data(2, 3), data(3, 4), "ik,kj->ij", lb=[], rb=[], lc=[1], rc=[0])
    dot(data(3, 2), data(4, 3), "ki,jk->ij", lb=[], rb=[], lc=[0], rc=[1])
    dot(data(2, 3, 4), data(4, 2, 5), "bik,kbj->bij", lb=[0], rb=[1], lc=[2], rc=[0])
    dot(data(3, 4), data(4, 3), "ab,ba->", lb=[], rb=[], lc=[0, 1], rc=[1, 0])
    dot(data(2), data(3), "i,j->ij", lb=[], rb=[], lc=[], rc=[])
    dot(data(5, 2, 3), data(5, 3), "bij,bj->bi", lb=[0], rb=[0], lc=[2], rc=[1])
    x, y = np.array([[2**30, 3]], dtype=np.int32), np.array([[4], [5]], dtype=np.int32)
    case("dot", [x, y], x @ y, lb=[], rb=[], lc=[1], rc=[0])


# Both operands are spread out by their dilation and cut or padded; what is left is a sum of shifted slices.
def spread(x, by):
    size = list(x.shape[:2]) + [(n - 1) * d + 1 for n, d in zip(x.shape[2:], by)]
    y = np.zeros(size, dtype=x.dtype)
    y[(slice(None), slice(None)) + tuple(slice(None, None, d) for d in by)] = x
    return y


def correlation(x, w, stride, lo, hi, lhs_dilation, rhs_dilation, groups):
    x, w = spread(x, lhs_dilation), spread(w, rhs_dilation)
    for a, (l, h) in enumerate(zip(lo, hi), 2):
        x = np.pad(x, [(max(l, 0), max(h, 0)) if k == a else (0, 0) for k in range(x.ndim)])
        x = np.take(x, range(max(-l, 0), x.shape[a] - max(-h, 0)), axis=a)
    out = [(n - k) // s + 1 for n, k, s in zip(x.shape[2:], w.shape[2:], stride)]
    y = np.zeros([x.shape[0], w.shape[0]] + out, dtype=x.dtype)
    per, outs = w.shape[1], w.shape[0] // groups
    for g in range(groups):
        for at in np.ndindex(*w.shape[2:]):
            window = tuple(slice(k, k + (n - 1) * s + 1, s) for k, n, s in zip(at, out, stride))
            piece = x[(slice(None), slice(g * per, (g + 1) * per)) + window]
            weight = w[(slice(g * outs, (g + 1) * outs), slice(None)) + at]
            y[:, g * outs:(g + 1) * outs] += np.einsum("bc...,oc->bo...", piece, weight)
    return y


def convs():
    def conv(x, w, **given):
        n = x.ndim - 2
        a = dict(stride=[1] * n, lo=[0] * n, hi=[0] * n, lhs_dilation=[1] * n, rhs_dilation=[1] * n, groups=1)
        a.update(given)
        case("conv", [x, w], correlation(x, w, **a), **a)
    conv(data(2, 3, 5), data(2, 3, 3))
    conv(data(1, 2, 6), data(2, 1, 2), stride=[2], groups=2)
    conv(data(2, 1, 4), data(2, 1, 3), lo=[2], hi=[1], rhs_dilation=[2], stride=[2])
    conv(data(2, 2, 4, 5), data(3, 2, 3, 2))
    conv(data(2, 2, 5, 4), data(2, 2, 3, 3), stride=[2, 1], lo=[1, 1], hi=[1, 1])
    conv(data(2, 4, 4, 4), data(4, 2, 2, 3), stride=[1, 2], lo=[0, 1], hi=[1, 0], groups=2)
    conv(data(1, 3, 3, 3), data(6, 1, 2, 2), lo=[1, 1], hi=[0, 0], groups=3)
    conv(data(1, 2, 3, 2), data(2, 2, 2, 3), lhs_dilation=[2, 3], lo=[1, 2], hi=[0, 1])
    conv(data(1, 1, 3, 4), data(1, 1, 2, 2), lhs_dilation=[2, 1], rhs_dilation=[1, 2], stride=[2, 2], lo=[1, 1], hi=[2, 1])
    conv(data(1, 1, 6, 5), data(2, 1, 2, 2), lo=[-1, -2], hi=[-1, 1])
    conv(data(1, 1, 4, 4), data(2, 1, 1, 1), stride=[3, 2])
    conv(data(1, 2, 3, 3, 2), data(2, 2, 2, 2, 2), lo=[0, 1, 1], hi=[0, 0, 1], stride=[1, 2, 1])
    x, w = np.array([[[2**30, 3, 5]]], dtype=np.int32), np.array([[[4, 1]]], dtype=np.int32)
    conv(x, w)


def windows():
    # every window as a slice of the padded array; the transposes by putting each window's elements back
    def places(shape, window, stride, lo, hi):
        count = [(n + l + h - k) // s + 1 for n, l, h, k, s in zip(shape, lo, hi, window, stride)]
        for o in np.ndindex(*count):
            inside = []
            for j, k in enumerate(np.ndindex(*window)):
                at = tuple(i * s + q - l for i, s, q, l in zip(o, stride, k, lo))
                if all(0 <= p < n for p, n in zip(at, shape)):
                    inside.append((j, at))
            yield o, count, inside

    def both(x, **a):
        plan = list(places(x.shape, **a))
        count = plan[0][1]
        total, back, sampled, chosen = np.zeros(count), np.zeros(x.shape), np.zeros(count), np.zeros(x.shape)
        index, g = np.zeros(count, dtype=np.int32), data(*count)
        for o, _, inside in plan:
            total[o] = sum(x[at] for _, at in inside)
            index[o], best = max(((j, at) for j, at in inside), key=lambda p: (x[p[1]], -p[0]))
            sampled[o] = x[best]
            chosen[best] += g[o]
            for _, at in inside:
                back[at] += g[o]
        case("box", [x], total, **a)
        case("debox", [g], back, **a)
        case("argwindow", [x], index, **a)
        case("sample", [x, index], sampled, **a)
        case("desample", [g, index], chosen, **a)
    both(data(2, 5), window=[1, 2], stride=[1, 2], lo=[0, 0], hi=[0, 0])
    both(data(2, 5, 4), window=[1, 3, 2], stride=[1, 2, 1], lo=[0, 1, 1], hi=[0, 1, 0])
    both(np.array([[1.0, 3, 3], [3, 2, 2], [-1, 2, 2]]), window=[2, 2], stride=[1, 1], lo=[1, 0], hi=[0, 1])
    both(data(6), window=[2], stride=[3], lo=[0], hi=[0])
    ties = np.array([1.0, NAN, 5, NAN, -INF, -INF])
    case("argwindow", [ties], np.array([1, 1, 0], dtype=np.int32), window=[2], stride=[2], lo=[0], hi=[0])
    case("argwindow", [-INF * np.ones(2)], np.array([1, 0], dtype=np.int32), window=[2], stride=[2], lo=[1], hi=[1])
    whole = np.array([2**31 - 1, 1, -3], dtype=np.int32)
    case("box", [whole], np.array([-2**31, -2], dtype=np.int32), window=[2], stride=[1], lo=[0], hi=[0])
    case("argwindow", [whole], np.array([0, 0], dtype=np.int32), window=[2], stride=[1], lo=[0], hi=[0])


# ---- rows: NumPy for order and running sums (of quarters: exact), mpmath for factors and systems

def whole_rows():
    x = data(2, 3, 4)
    for axis in range(3):
        case("cumsum", [x], np.cumsum(x, axis=axis), axis=axis)
        case("argsort", [x], np.argsort(x, axis=axis, kind="stable").astype(np.int32), axis=axis)
    case("cumsum", [np.array([-0.0, -0.0, 1, INF, -INF, 1])], np.array([-0.0, -0.0, 1, INF, NAN, NAN]), axis=0)
    case("cumsum", [np.zeros((2, 0))], np.zeros((2, 0)), axis=1)
    for t, wide in (("i8", "i32"), ("i16", "i32"), ("u8", "i32"), ("i32", "i32"), ("i64", "i64")):
        kinds = {short: long for long, short in TYPES.items()}
        info = np.iinfo(kinds[t])
        v = np.array([[info.max, 1, info.max], [info.min, -1 if info.min else 1, info.min]], dtype=kinds[t])
        for axis in (0, 1):
            case("cumsum", [v], np.cumsum(v, axis=axis, dtype=kinds[wide]), axis=axis)
            case("argsort", [v], np.argsort(v, axis=axis, kind="stable").astype(np.int32), axis=axis)
    ties = np.array([3.0, NAN, -INF, 0.0, -0.0, INF, NAN, 3.0, 0.0, -1.0])
    case("argsort", [ties], np.argsort(ties, kind="stable").astype(np.int32), axis=0)
    many = np.array([rng.randint(0, 9) for _ in range(50)]) * 1.0
    case("argsort", [many], np.argsort(many, kind="stable").astype(np.int32), axis=0)

    def entries(m):
        return np.array([[nearest(m[i, j]) for j in range(m.cols)] for i in range(m.rows)])

    def dominant(*shape):
        return data(*shape) + 100 * np.eye(shape[-1])

    def factor(a):  # of the lower triangle alone, mirrored
        full = np.tril(a) + np.tril(a, -1).T
        return entries(mp.cholesky(mp.matrix(full.tolist())))

    def solve(l, b, upper):
        return entries(mp.inverse(mp.matrix((np.triu(l) if upper else np.tril(l)).tolist())) * mp.matrix(b.tolist()))

    for shape in ((1, 1), (3, 3), (2, 4, 4)):
        a = dominant(*shape)
        case("cholesky", [a], np.array([factor(m) for m in a.reshape(-1, *shape[-2:])]).reshape(shape), ulps=4)
    low = np.tril(np.array([[rng.randint(1, 9) for _ in range(9)] for _ in range(9)])) * 1.0
    case("cholesky", [np.tril(low @ low.T) + np.triu(data(9, 9), 1)], low)  # whole numbers: exact
    for bad in ([[1.0, 0], [2, 3]], [[-1.0, 0], [0, 1]], [[4.0, 0], [2, 1]], [[NAN, 0], [0, 1]]):
        case("cholesky", [np.array(bad)], np.array([[NAN, 0], [NAN, NAN]]))
    for upper in (0, 1):
        for shape, columns in (((1, 1), 2), ((3, 3), 1), ((2, 4, 4), 3)):
            l, b = dominant(*shape), data(*shape[:-1], columns)
            flat = zip(l.reshape(-1, *shape[-2:]), b.reshape(-1, shape[-1], columns))
            x = np.array([solve(m, r, upper) for m, r in flat]).reshape(b.shape)
            case("triangular_solve", [l, b], x, upper=upper, ulps=16)
        case("triangular_solve", [np.array([[0.0]]), np.array([[2.0, -1, 0]])], np.array([[INF, -INF, NAN]]), upper=upper)


# ---- draws, leaves, stores

def philox(counter, key):
    c, k = list(counter), list(key)
    for _ in range(10):
        a, b = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(b >> 32) ^ c[1] ^ k[0], b & 0xFFFFFFFF, (a >> 32) ^ c[3] ^ k[1], a & 0xFFFFFFFF]
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return c


assert philox([0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344], [0xA4093822, 0x299F31D0])[0] == 0xD16CFE09


def draws():
    seed, step, site, n = 0x123456789ABCDEF, 17, 0xDEADBEEF, 7
    blocks = [philox([b, 0, step, site], [seed & 0xFFFFFFFF, seed >> 32]) for b in range((n + 3) // 4)]
    words = [w for block in blocks for w in block]
    uniform = [(w >> 8) / 2**24 for w in words][:n]
    normal = []
    for a, b in zip(words[0::2], words[1::2]):
        r = mp.sqrt(-2 * mp.log(mp.mpf((a >> 8) + 1) / 2**24))
        t = 2 * mp.pi * (b >> 8) / 2**24
        normal += [nearest(r * mp.cos(t)), nearest(r * mp.sin(t))]
    case("rand", [], np.array(uniform), seed=seed, step=step, site=site)
    case("randn", [], np.array(normal[:n]), seed=seed, step=step, site=site)


def leaves():
    x = data(2, 2)
    case("const", [x], x)
    case("const", [np.float64(0.5)], np.full((2, 3), 0.5))
    case("const", [np.int32(3)], np.full(2, 3, dtype=np.int32))
    case("input", [x], x)
    case("read", [x], x)
    case("write", [x], x)
    case("assert", [np.array([True, True])], np.array([True, True]))
    case("stop_grad", [x], x)
    case("custom_vjp", [x], x)
    # one step of each optimizer from w, g by the papers' formulas; the output is the new w
    w, g = [Fraction(1), Fraction(-2)], [Fraction(1, 2), Fraction(3)]
    lr, decay = Fraction(1, 8), Fraction(1, 4)
    sgd = [nearest(a - lr * (b + decay * a)) for a, b in zip(w, g)]
    print("case optimize kind=SGD hyper=[0.125,0.0,0.25,0.0]")
    optimizer_case(w, g, sgd)
    eps = Fraction(1, 2)  # first step: the bias-corrected moments are g and g^2
    adam = [nearest(a - lr * decay * a - lr * b / (abs(b) + eps)) for a, b in zip(w, g)]
    print("case optimize kind=Adam hyper=[0.125,0.5,0.5,0.5,0.25,0.0]")
    optimizer_case(w, g, adam)
    after = [b + decay * a for a, b in zip(w, g)]  # decay is added to the gradient in all others
    print("case optimize kind=Adagrad hyper=[0.125,0.5,0.25,0.0]")
    optimizer_case(w, g, [nearest(a - lr * b / (abs(b) + eps)) for a, b in zip(w, after)])
    w, g = [Fraction(1), Fraction(-2)], [Fraction(1, 2), Fraction(5, 4)]
    after = [b + decay * a for a, b in zip(w, g)]  # 3/4 both: the mean square is 9/64
    print("case optimize kind=Adadelta hyper=[0.125,0.75,0.25,0.25,0.0]")
    optimizer_case(w, g, [nearest(a - lr * Fraction(4, 5) * b) for a, b in zip(w, after)])
    print("case optimize kind=RMSprop hyper=[0.125,0.75,0.5,0.5,0.25,0.0]")
    optimizer_case(w, g, [nearest(a - lr * b / (b / 2 + eps)) for a, b in zip(w, after)])


def optimizer_case(w, g, out):
    tensor("in", [float(v) for v in w])
    tensor("in", [float(v) for v in g])
    tensor("out", out)


def main():
    rows = re.findall(r"^OP\(\w+, +(\w+),", (Path(__file__).parents[2] / "ir/ops.def").read_text(), re.M)
    print("# Made by make_ops.py; its head says from what and how to read it.")
    unary(name for name in UNARY if name in rows)
    binary()
    integers()
    casts()
    shapes()
    indexing()
    reductions()
    dots()
    draws()
    leaves()
    convs()
    windows()
    whole_rows()


main()
