#!/usr/bin/env python3
"""math_f64.txt: correctly rounded values of the f64 functions, computed by mpmath in 100 digits.

python3 make_math.py [POINTS per function, default 400] > math_f64.txt
Lines: name x y value rest. Numbers are hexadecimal floats; y is 0 for functions of one argument; truth = value +
rest * (unit in the last place of value), so that an error can be measured below half an ulp.
"""
import math
import random
import struct
import sys
import mpmath as mp

mp.mp.dps = 100
MAX, TINY = mp.mpf(sys.float_info.max), mp.mpf(2) ** -1074
rnd = random.Random(20240817)


def rounded(v):
    """(correctly rounded double, (v - it) / ulp)"""
    if mp.isnan(v):
        return math.nan, 0.0
    if mp.isinf(v) or abs(v) >= mp.mpf(2) ** 1024 - mp.mpf(2) ** 970:
        return math.copysign(math.inf, float(mp.sign(v))), 0.0
    if v == 0:
        return 0.0, 0.0
    e = max(int(mp.floor(mp.log(abs(v), 2))), -1022)
    if abs(v) >= mp.mpf(2) ** (e + 1):
        e += 1
    elif abs(v) < mp.mpf(2) ** e and e > -1022:
        e -= 1
    ulp = mp.mpf(2) ** (e - 52)
    n = mp.nint(v / ulp)
    d = float(n * ulp)
    e2 = max(math.frexp(d)[1] - 1, -1022)
    own = mp.mpf(2) ** (e2 - 52)
    if d == 0:
        d = math.copysign(0.0, float(mp.sign(v)))
    return d, float((v - mp.mpf(d)) / own)


def any_double(lo, hi):
    """A random sign and exponent lo .. hi."""
    return math.ldexp(1 + rnd.random(), rnd.randint(lo, hi)) * rnd.choice((-1, 1))


def near(v, n=6):
    """The doubles around v."""
    out, a = [v], v
    for _ in range(n):
        a = math.nextafter(a, math.inf)
        out.append(a)
    a = v
    for _ in range(n):
        a = math.nextafter(a, -math.inf)
        out.append(a)
    return out


EDGES = [0.0, 5e-324, 1e-310, 2.2250738585072014e-308, 1e-300, 2.0 ** -54, 2.0 ** -53, 2.0 ** -27, 0.5, 1.0, 2.0,
         sys.float_info.max, math.inf]
EDGES = EDGES + [-x for x in EDGES] + [math.nan]


def spread(lo, hi, low_exp=-60, high_exp=10):
    """Half uniform in [lo, hi], half over exponents."""
    return lambda: rnd.uniform(lo, hi) if rnd.random() < 0.5 else any_double(low_exp, high_exp)


def sig(x):
    return 1 / (1 + mp.exp(-x))


def log(x):
    return mp.nan if x < 0 else -mp.inf if x == 0 else mp.log(x)


def log1p(x):
    return mp.nan if x < -1 else -mp.inf if x == -1 else mp.log1p(x)


LN2 = math.log(2)
EXP_EDGES = near(709.782712893384) + near(-745.1332191019412) + near(-708.3964185322641) + near(LN2 / 2) + near(-LN2 / 2)
ANGLES = [k * math.pi / 2 for k in list(range(1, 40)) + [2 ** 19, 2 ** 20 - 1, 2 ** 20 + 1, 667544, 667545]]
ANGLES += near(2.0 ** 20) + [6381956970095103 * 2.0 ** 797, 5319372648326541 * 2.0 ** 100, 1e22, 1e300, 2.0 ** 1023]
UNARY = {
    "exp": (mp.exp, spread(-746, 710), EXP_EDGES),
    "log": (log, lambda: abs(spread(0.3, 3, -1074, 1023)()), near(1.0) + near(math.sqrt(0.5)) + near(math.sqrt(2))),
    "log1p": (log1p, lambda: rnd.choice((rnd.uniform(-1, 3), any_double(-60, -1), abs(any_double(0, 1023)))),
              near(-1.0) + near(math.sqrt(2) - 1) + near(math.sqrt(0.5) - 1) + near(1.0)),
    "expm1": (mp.expm1, lambda: rnd.choice((rnd.uniform(-2, 2), any_double(-60, 1), rnd.uniform(-45, 710))),
              EXP_EDGES + near(-40.0)),
    "tanh": (mp.tanh, lambda: rnd.choice((rnd.uniform(-2, 2), any_double(-60, 1), rnd.uniform(-21, 21))), near(20.0)),
    "sigmoid": (sig, lambda: rnd.choice((rnd.uniform(-3, 3), any_double(-60, 1), rnd.uniform(-746, 45))), EXP_EDGES),
    "erf": (mp.erf, lambda: rnd.choice((rnd.uniform(-2, 2), any_double(-60, 1), rnd.uniform(-6.5, 6.5))),
            near(0.9) + near(6.0) + near(-0.9)),
    "sin": (mp.sin, lambda: rnd.choice((rnd.uniform(-7, 7), any_double(-30, 25), any_double(-30, 1023))), ANGLES),
    "cos": (mp.cos, lambda: rnd.choice((rnd.uniform(-7, 7), any_double(-30, 25), any_double(-30, 1023))), ANGLES),
}


def pow_points(n):
    out = []
    for _ in range(n):
        kind = rnd.randrange(5)
        if kind == 0:  # ordinary
            x, y = rnd.uniform(0, 5), rnd.uniform(-20, 20)
        elif kind == 1:  # anything whose result is in range
            x = abs(any_double(-1074, 1023))
            y = rnd.uniform(-745, 709) / (math.log(x) or 1.0)
        elif kind == 2:  # near 1, large powers
            x = 1 + any_double(-40, -3)
            y = rnd.uniform(-745, 709) / math.log(x)
        elif kind == 3:  # negative, integers
            x, y = -rnd.uniform(0, 50), float(rnd.randint(-60, 60))
        else:  # near the largest and the smallest results
            x = abs(any_double(-100, 100))
            y = rnd.choice((rnd.uniform(-745.2, -700), rnd.uniform(700, 709.8))) / (math.log(x) or 1.0)
        out.append((x, y))
    specials = [0.0, 0.5, 1.0, 1.5, 2.0, 3.0, math.inf, 2.0 ** 53, 2.0 ** 53 - 1, 1e300, 5e-324]
    specials = specials + [-s for s in specials] + [math.nan]
    return out + [(a, b) for a in specials for b in specials]


def pow_truth(x, y):
    try:
        special = math.pow(x, y)  # Python follows C99's special cases, but raises where C sets errno
    except (ValueError, OverflowError):
        special = None
    finite = not (math.isinf(x) or math.isnan(x) or math.isinf(y) or math.isnan(y))
    if not finite:
        return special, 0.0
    if x == 0 or y == 0 or x == 1:
        if special is None:  # 0 to a negative power
            odd = y == math.floor(y) and abs(y) < 2.0 ** 53 and int(y) % 2 == 1
            return math.copysign(math.inf, x) if odd else math.inf, 0.0
        return special, 0.0
    if x < 0 and y != math.floor(y):
        return math.nan, 0.0
    l = mp.mpf(y) * mp.log(abs(mp.mpf(x)))
    odd = x < 0 and abs(y) <= 2.0 ** 53 and int(y) % 2 == 1
    if l > 800:
        return (-math.inf if odd else math.inf), 0.0
    if l < -800:
        return (-0.0 if odd else 0.0), 0.0
    v = mp.exp(l)
    return rounded(-v if odd else v)


def truth(f, name, x):
    if math.isnan(x):
        return math.nan, 0.0
    if math.isinf(x):
        table = {"exp": (math.inf, 0.0), "log": (math.inf, math.nan), "log1p": (math.inf, math.nan),
                 "expm1": (math.inf, -1.0), "tanh": (1.0, -1.0), "sigmoid": (1.0, 0.0), "erf": (1.0, -1.0)}
        return table.get(name, (math.nan, math.nan))[x < 0], 0.0
    if x == 0 and name in ("expm1", "tanh", "erf", "sin", "log1p"):
        return x, 0.0
    if name in ("exp", "expm1", "sigmoid") and abs(x) > 1e4:
        return {"exp": (math.inf, 0.0), "expm1": (math.inf, -1.0), "sigmoid": (1.0, 0.0)}[name][x < 0], 0.0
    if name in ("tanh", "erf") and abs(x) > 100:
        return math.copysign(1.0, x), 0.0
    return rounded(f(mp.mpf(x)))


def row(name, x, y, v):
    print(name, float(x).hex(), float(y).hex(), float(v[0]).hex(), "%.4f" % v[1])


def main():
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    for name, (f, draw, edges) in UNARY.items():
        for x in EDGES + edges + [draw() for _ in range(n)]:
            row(name, x, 0.0, truth(f, name, x))
    for x, y in pow_points(n):
        row("pow", x, y, pow_truth(x, y))


if __name__ == "__main__":
    main()
