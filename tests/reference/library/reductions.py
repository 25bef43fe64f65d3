"""Reductions: axis, keep, keepdim; negative axes, lists, all axes; ties."""
from table import *

x = lambda: real(2, 3, 4)
tied = values([1.0, 3.0, 3.0, 3.0], [2.0, 2.0, -1.0, 0.0])
logsumexp = torch.logsumexp
var = lambda x, axis, keepdim=False: torch.var(x, axis, unbiased=False, keepdim=keepdim)


def product(x, axes, keepdim=False):
    for a in sorted((a % x.dim() for a in axes), reverse=True):
        x = x.prod(a, keepdim=keepdim)
    return x


FORMS = [("", lambda n: tuple(range(n)), False), ("axis = 0", lambda n: (0,), False), ("axis = -1", lambda n: (-1,), False),
         ("axis = [0, 2]", lambda n: (0, 2), False), ("axis = [-1, 1], keepdim = true", lambda n: (-1, 1), True),
         ("keep = 1", lambda n: (0, 2), False), ("keep = [0, -1]", lambda n: (1,), False),
         ("keep = 0, keepdim = true", lambda n: (1, 2), True), ("keepdim = true", lambda n: (0, 1, 2), True)]
FUNCTIONS = {"sum": lambda x, a, k: x.sum(a, keepdim=k), "mean": lambda x, a, k: x.mean(a, keepdim=k),
             "max": lambda x, a, k: torch.amax(x, a, keepdim=k), "min": lambda x, a, k: torch.amin(x, a, keepdim=k),
             "prod": product, "variance": var, "std": lambda x, a, k: torch.sqrt(var(x, a, k)), "logsumexp": logsumexp}
for function, ref in FUNCTIONS.items():
    for form, axes, keepdim in FORMS:
        case(f"{function}(x{', ' if form else ''}{form})", lambda x, r=ref, a=axes, k=keepdim: r(x, a(x.dim()), k), x=x())
infinite = values([-math.inf, -math.inf], [-math.inf, 1.0], [math.inf, 1.0])
case("logsumexp(x, axis = 1)", lambda x: torch.logsumexp(x, 1), x=infinite, order=0)
case("is_infinite(x)", torch.isinf, x=values([-math.inf, math.inf, math.nan], [0.0, 1e300, -2.5]), order=0)
case("max(x, axis = 1)", lambda x: torch.amax(x, 1), x=tied)  # a tie shares the gradient
case("min(x)", lambda x: torch.amin(x, (0, 1)), x=tied)
case("max(x)", lambda x: x, x=scalar(1.5))
case("sum(x)", lambda x: x, x=scalar(1.5))
case("prod(x, axis = 1)", lambda x: x.prod(1), x=values([1.5, 0.0, 2.0], [0.0, 3.0, 0.0], [1.0, 2.0, -3.0]))
case("logsumexp(x, axis = 1)", lambda x: torch.logsumexp(x, 1), x=values([1000.0, 1000.5, 999.0], [-1000.0, -1001.0, -1000.25]))
case("norm(x)", lambda x: torch.sqrt((x * x).sum()), x=x())
case("l1(x)", lambda x: x.abs().sum(), x=x())
case("l2(x)", lambda x: (x * x).sum(), x=x())
for function, f in {"l1": lambda v: v.abs().sum(), "l2": lambda v: (v * v).sum()}.items():
    case(f"let y = net(x); {function}(net) + sum(y)", lambda x, W, b, f=f: f(W) + f(b) + (x @ W + b).sum(), model="Dense(3)",
         params={"W": real(2, 3), "b": real(3)}, x=real(1, 2), name=function + "_of_layer")

m = torch.tensor([[True, False, True], [True, True, True]])
case("(count(m), count(m, axis = 0), count(m, axis = -1, keepdim = true), count(m, keep = 0))",
     lambda m: (m.sum().int(), m.sum(0).int(), m.sum(1, keepdim=True).int(), m.sum(1).int()), m=m)
case("(any(m), any(m, axis = 0), any(not m, keep = 0))", lambda m: (m.any(), m.any(0), (~m).any(1)), m=m)
case("(all(m), all(m, axis = 0), all(m, keep = 0))", lambda m: (m.all(), m.all(0), m.all(1)), m=m)
case("(argmax(x), argmax(x, axis = 0), argmin(x), argmin(x, axis = -2))",
     lambda x: (x.argmax(1).int(), x.argmax(0).int(), x.argmin(1).int(), x.argmin(0).int()), x=distinct(3, 4))
case("(argmax(x), argmin(x))", lambda x: (ints(1, 0), ints(0, 2)), x=tied)  # the first
case("sum(i, axis = 0)", lambda i: i.sum(0).int(), i=ints(1, 2, 3, -4, 5, 6, shape=(2, 3)))
case("(max(i), min(i, axis = 1))", lambda i: (i.max(), i.amin(1)), i=ints(1, 2, 3, -4, 5, 6, shape=(2, 3)))
