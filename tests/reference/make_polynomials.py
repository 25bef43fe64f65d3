#!/usr/bin/env python3
"""The polynomials of runtime/core/nn_math_*.h: minimax fits in 60 digits.

python3 make_polynomials.py [NAME...]   prints, for each, the largest weighted error and the coefficients,
lowest power first, as hexadecimal floats. Coefficients are rounded to the target type one after the other,
lowest first, and the rest is fitted again, so that rounding costs next to nothing. Needs mpmath.
"""
import sys
import mpmath as mp

mp.mp.dps = 60
LN2H = mp.log(2) / 2 * mp.mpf("1.0001")  # half of ln 2 and a little: rounding of n is not exact
PI4 = mp.pi / 4 * mp.mpf("1.0001")


def minimax(f, w, a, b, degree, low):
    """p of powers low .. degree that makes max |w (f - p)| small on [a, b] (Lawson: least squares whose weights
    grow where the error is large; normal equations are harmless with so many digits)."""
    n = degree - low + 1
    size = 12 * (degree + 1)
    grid = [(a + b) / 2 - (b - a) / 2 * mp.cos(mp.pi * (2 * i + 1) / (2 * size)) for i in range(size)]
    fx, wx = [f(x) for x in grid], [w(x) for x in grid]
    basis = [[x ** (low + k) for k in range(n)] for x in grid]
    lawson = [mp.mpf(1) / size] * size
    best, best_worst = None, None
    for _ in range(25):
        A, y = mp.matrix(n, n), mp.matrix(n, 1)
        for i in range(size):
            weight = lawson[i] * wx[i] ** 2
            for r in range(n):
                t = weight * basis[i][r]
                y[r] += t * fx[i]
                for k in range(n):
                    A[r, k] += t * basis[i][k]
        c = list(mp.lu_solve(A, y))
        err = [abs(wx[i] * (fx[i] - sum(c[k] * basis[i][k] for k in range(n)))) for i in range(size)]
        if best is None or max(err) < best_worst:
            best, best_worst = c, max(err)
        total = sum(l * e for l, e in zip(lawson, err))
        lawson = [l * e / total for l, e in zip(lawson, err)]
    return best


def to_double(x):
    return float(mp.nstr(x, 40))


def to_float(x):
    import struct
    # mpmath rounds once, to 24 bits
    with mp.workprec(24):
        y = +x
    return struct.unpack("f", struct.pack("f", float(y)))[0]


def fit(f, w, a, b, degree, rounding):
    fixed = []
    for low in range(degree + 1):
        g = lambda x: f(x) - sum(c * x ** k for k, c in enumerate(fixed))
        c = minimax(g, w, mp.mpf(a), mp.mpf(b), degree, low)
        fixed.append(mp.mpf(rounding(c[0])))
    worst = mp.mpf(0)
    for i in range(501):
        x = mp.mpf(a) + (mp.mpf(b) - mp.mpf(a)) * i / 500
        worst = max(worst, abs(w(x) * (f(x) - sum(c * x ** k for k, c in enumerate(fixed)))))
    return fixed, worst


def series(direct, terms):
    """Near 0 the closed forms cancel: there the Taylor series."""
    return lambda x: sum(c * x ** k for k, c in enumerate(terms)) if abs(x) < mp.mpf("1e-6") else direct(x)


fact = mp.factorial
exp_q = series(lambda r: (mp.expm1(r) - r) / r ** 2, [1 / fact(k + 2) for k in range(9)])
sin_p = series(lambda z: (mp.sin(mp.sqrt(z)) / mp.sqrt(z) - 1) / z, [(-1) ** (k + 1) / fact(2 * k + 3) for k in range(9)])
cos_p = series(lambda z: (mp.cos(mp.sqrt(z)) - 1 + z / 2) / z ** 2, [(-1) ** k / fact(2 * k + 4) for k in range(9)])
atanh_p = series(lambda z: (2 * mp.atanh(mp.sqrt(z)) / mp.sqrt(z) - 2) / z, [mp.mpf(2) / (2 * k + 3) for k in range(9)])
atanh_p2 = series(lambda z: (atanh_p(z) - mp.mpf(2) / 3) / z, [mp.mpf(2) / (2 * k + 5) for k in range(9)])
log_p = series(lambda f: (mp.log1p(f) - f + f * f / 2) / f ** 3, [mp.mpf(-1) ** k / (k + 3) for k in range(9)])
erf_p = series(lambda z: mp.erf(mp.sqrt(z)) / mp.sqrt(z) - 1,
               [2 / mp.sqrt(mp.pi) * (-1) ** k / fact(k) / (2 * k + 1) - (k == 0) for k in range(9)])
erfcx = lambda x: mp.exp(x * x) * mp.erfc(x)
one = lambda x: mp.mpf(1)
S2 = (mp.sqrt(2) - 1) / (mp.sqrt(2) + 1)
ZMAX = S2 * S2 * mp.mpf("1.0001")
ERF_C = mp.mpf(2)
ERF_SPLIT, ERF_END = mp.mpf("0.9"), mp.mpf(6)
t_of = lambda x: (x - ERF_C) / (x + ERF_C)
x_of = lambda t: ERF_C * (1 + t) / (1 - t)

# name: function, weight, interval, degree, rounding
TABLE = {
    "exp_f64": (exp_q, lambda r: r * r, -LN2H, LN2H, 9, to_double),
    "exp_f32": (exp_q, lambda r: r * r, -LN2H, LN2H, 4, to_float),
    "log_f64": (atanh_p, lambda z: z, 0, ZMAX, 6, to_double),
    "powlog_f64": (atanh_p2, lambda z: z * z, 0, ZMAX, 6, to_double),
    "log_f32": (log_p, lambda f: f * f, mp.sqrt(mp.mpf("0.5")) - 1, mp.sqrt(2) - 1, 7, to_float),
    "sin_f64": (sin_p, lambda z: z, 0, PI4 ** 2, 5, to_double),
    "cos_f64": (cos_p, lambda z: z * z, 0, PI4 ** 2, 5, to_double),
    "sin_f32": (sin_p, lambda z: z, 0, PI4 ** 2, 3, to_double),
    "cos_f32": (cos_p, lambda z: z * z, 0, PI4 ** 2, 3, to_double),
    "erf_f64": (erf_p, one, 0, ERF_SPLIT ** 2, 11, to_double),
    "erfc_f64": (lambda t: erfcx(x_of(t)), lambda t: mp.exp(-x_of(t) ** 2) , t_of(ERF_SPLIT), t_of(ERF_END), 14, to_double),
    "erf_f32": (erf_p, one, 0, ERF_SPLIT ** 2, 6, to_float),
    "erfc_f32": (lambda x: -mp.log(mp.erfc(x)), lambda x: mp.erfc(x), ERF_SPLIT, 4, 6, to_float),
}


def main():
    for name in sys.argv[1:] or TABLE:
        f, w, a, b, degree, rounding = TABLE[name]
        c, worst = fit(f, w, a, b, degree, rounding)
        print(f"{name}: degree {degree}, weighted error 2^{mp.nstr(mp.log(worst, 2), 4)}")
        for x in c:
            print("   ", float(x).hex())


if __name__ == "__main__":
    main()
