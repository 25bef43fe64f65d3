"""Initialisers: frontend/std/init.nn. The k-th draw of a parameter hashes its path, from the second on with #k."""
from table import *

U = lambda path, shape, k=0: draw_uniform(shape, fnv((path + (f"#{k}" if k else "")).encode()), INITIAL)
N = lambda path, shape: draw_normal(shape, fnv(path.encode()), INITIAL)


def fans(shape):
    """[in, out] of a matrix, [out, in, k…] of a kernel, else the number of elements."""
    n = math.prod(shape)
    return (shape[0], shape[1]) if len(shape) == 2 else (n // shape[0], n // shape[1]) if len(shape) > 2 else (n, n)


SHAPES = (4, 3), (5,), (3, 2, 2), (2, 3, 2, 2)
for s in SHAPES:
    i, o = fans(s)
    initial("glorot_uniform()", s, lambda p, s: (2 * U(p, s) - 1) * (6 / (i + o)) ** 0.5)
    initial("glorot_normal()", s, lambda p, s: N(p, s) * (2 / (i + o)) ** 0.5)
    initial("he_uniform()", s, lambda p, s: (2 * U(p, s) - 1) * (6 / i) ** 0.5)
    initial("he_normal()", s, lambda p, s: N(p, s) * (2 / i) ** 0.5)
    initial("lecun_uniform()", s, lambda p, s: (2 * U(p, s) - 1) * (3 / i) ** 0.5)
    initial("lecun_normal()", s, lambda p, s: N(p, s) * (1 / i) ** 0.5)
initial("glorot_uniform(fan_in = 8, fan_out = 10)", (4, 3), lambda p, s: (2 * U(p, s) - 1) * (6 / 18) ** 0.5)
initial("he_normal(fan_in = 8)", (4, 3), lambda p, s: N(p, s) * 0.5)
initial("lecun_normal() with fan_in = 16, fan_out = 2", (4, 3), lambda p, s: N(p, s) * 0.25)
initial("zeros()", (2, 3), lambda p, s: torch.zeros(s))
initial("ones()", (3,), lambda p, s: torch.ones(s))
initial("constant(-1.5)", (2, 2), lambda p, s: torch.full(s, -1.5))
initial("uniform(-0.5, 2.0)", (7,), lambda p, s: U(p, s) * 2.5 - 0.5)
initial("normal(0.02)", (2, 5), lambda p, s: N(p, s) * 0.02)
initial("normal(std = 1.5)", (3,), lambda p, s: N(p, s) * 1.5)
inverse = lambda p, s: torch.erfinv((2 * U(p, s) + 2.0**-24 - 1) * math.erf(2**0.5)) * 2**0.5
initial("truncated_normal(0.1)", (40,), lambda p, s: inverse(p, s) * 0.1)
initial("identity()", (3, 3), lambda p, s: torch.eye(3))
initial("identity()", (2, 3), lambda p, s: torch.eye(2, 3))
initial("fn(shape) => rand(shape) + rand(shape)", (5,), lambda p, s: U(p, s) + U(p, s, 1), name="drawn_twice")
case("erf_inverse(x)", torch.erfinv, x=uniform(3, 4, lo=-0.99, hi=0.99))
case("erf_inverse(x)", torch.erfinv, x=values(0.0, 0.999999, -0.99999), order=1)
case("x * fan(0, 3) * fan(5, 3)", lambda x: x * 15, x=real(2), name="fan")
case("npy_w * x", torch.mul, decls='param npy_w: [3] = npy("w.npy");', x=real(3), name="npy", weights={"npy_w": real(3)})
