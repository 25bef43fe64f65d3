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
inverse = lambda p, s: torch.erfinv((2 * U(p, s) - 1) * math.erf(2**0.5)) * 2**0.5
initial("truncated_normal(0.1)", (40,), lambda p, s: inverse(p, s) * 0.1)
initial("identity()", (3, 3), lambda p, s: torch.eye(3))
initial("identity()", (2, 3), lambda p, s: torch.eye(2, 3))
initial("fn(shape) => rand(shape) + rand(shape)", (5,), lambda p, s: U(p, s) + U(p, s, 1), name="drawn_twice")

# ---- what layers are filled with unless told
glorot = lambda *s: lambda p: (2 * U(p, s) - 1) * (6 / sum(fans(s))) ** 0.5
he = lambda *s, i=None: lambda p: N(p, s) * (2 / (i or fans(s)[0])) ** 0.5
gauss = lambda std, *s: lambda p: N(p, s) * std
zero, one = lambda *s: lambda p: torch.zeros(s), lambda *s: lambda p: torch.ones(s)
defaults("Dense(3)", "[2, 4]", {"W": glorot(4, 3), "b": zero(3)})
defaults("Conv1d(2, 3)", "[1, 2, 5]", {"W": he(2, 2, 3), "b": zero(2)})
defaults("Conv2d(4, 2, groups = 2)", "[1, 2, 5, 5]", {"W": he(4, 1, 2, 2), "b": zero(4)})
defaults("Conv3d(2, [1, 2, 1])", "[1, 1, 2, 2, 2]", {"W": he(2, 1, 1, 2, 1), "b": zero(2)})
defaults("Deconv1d(2, 3)", "[1, 4, 5]", {"W": he(4, 2, 3, i=12), "b": zero(2)})  # fan_in: in * prod(k)
defaults("Deconv2d(2, [3, 1])", "[1, 4, 5, 5]", {"W": he(4, 2, 3, 1, i=12), "b": zero(2)})
defaults("DepthwiseConv2d(2, mult = 2)", "[1, 2, 3, 3]", {"W": he(4, 1, 2, 2), "b": zero(4)})
defaults("SeparableConv2d(3, 2)", "[1, 2, 3, 3]", {"depth.W": he(2, 1, 2, 2), "point.W": he(3, 2, 1, 1), "point.b": zero(3)})
defaults("Embedding(5, 3)", "i32[2]", {"W": gauss(1.0, 5, 3)})
defaults("prelu()", "[2, 3]", {"slope": lambda p: torch.full((3,), 0.25)})
defaults("BatchNorm()", "[2, 3]", {"gamma": one(3), "beta": zero(3), "mean_": zero(3), "var_": one(3)})
defaults("LayerNorm()", "[2, 3]", {"gamma": one(3), "beta": zero(3)})
defaults("RMSNorm()", "[2, 3]", {"gamma": one(3)})
defaults("GroupNorm(2)", "[2, 4, 3]", {"gamma": one(4), "beta": zero(4)})
defaults("Highway()", "[2, 3]", {f"dense_{i}.{k}": v for i in (0, 1) for k, v in (("W", glorot(3, 3)), ("b", zero(3)))})
defaults("Residual(Dense(3))", "[2, 3]", {"layer_.W": glorot(3, 3), "layer_.b": zero(3)})
defaults("MaxOut(2, 3)", "[2, 4]", {"dense_0.W": glorot(4, 6), "dense_0.b": zero(6)})
defaults("RBF(3)", "[2, 2]", {"c": gauss(1.0, 3, 2), "beta": one(3)})

case("erf_inverse(x)", torch.erfinv, x=uniform(3, 4, lo=-0.99, hi=0.99))
case("erf_inverse(x)", torch.erfinv, x=values(0.0, 0.999999, -0.99999), order=1)
case("x * fan(0, 3) * fan(5, 3)", lambda x: x * 15, x=real(2), name="fan")
case("npy_w * x", torch.mul, decls='param npy_w: [3] = npy("w.npy");', x=real(3), name="npy", weights={"npy_w": real(3)})
