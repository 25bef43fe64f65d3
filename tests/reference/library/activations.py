"""Activations and the elementwise functions made of core operations: frontend/std/activations.nn."""
from table import *

x = lambda: real(3, 4, scale=1.5)
kinks = values([-2.5, -1.0, -0.5, 0.0], [0.25, 0.75, 1.0, 3.5])
softplus = lambda x: torch.clamp(x, min=0) + torch.log1p(torch.exp(-torch.abs(x)))

case("relu(x)", F.relu, x=kinks)  # 0 has the derivative 0
case("relu(x)", F.relu, x=real(2, 1, 3))
case("relu6(x)", F.relu6, x=values([-1.5, 0.5, 7.0, 0.0], [0.25, 5.5, 6.5, 6.0]))
case("leaky_relu(x)", F.leaky_relu, x=x())
case("leaky_relu(x, slope = 0.3)", lambda x: F.leaky_relu(x, 0.3), x=x())
case("elu(x)", F.elu, x=x())
case("elu(x, 0.7)", lambda x: F.elu(x, 0.7), x=x())
case("elu(x)", F.elu, x=values([-800.0, 800.0, -1e-9, 1e-9]))
case("selu(x)", F.selu, x=x())
case("elu(x)", lambda x: torch.where(x > 0, x, torch.expm1(torch.where(x > 0, 0.0, x))), x=values(0.0, 1.0, -1.0))  # smooth
case("celu(x, 2.0)", lambda x: torch.where(x > 0, x, 2 * torch.expm1(torch.where(x > 0, 0.0, x) / 2)), x=values(0.0, 1.0, -1.0))
case("celu(x)", F.celu, x=x())
case("celu(x, a = 2.5)", lambda x: F.celu(x, 2.5), x=x())
case("softplus(x)", F.softplus, x=x())
case("softplus(x)", lambda x: torch.log(1 + torch.exp(x)), x=values(0.0, 1.0))  # smooth: softplus''(0) = 1/4
case("log_sigmoid(x)", lambda x: -torch.log(1 + torch.exp(-x)), x=values(0.0, 1.0))
case("softplus(x)", softplus, x=values([-750.0, -40.0, 40.0, 750.0]), order=1)  # neither overflows nor vanishes
case("mish(x)", F.mish, x=x())
case("hard_tanh(x)", F.hardtanh, x=values([-2.5, -0.5, -1.0], [0.75, 1.5, 1.0]))
case("hard_sigmoid(x)", lambda x: F.hardtanh(x / 6 + 0.5, 0, 1), x=values([-3.5, -2.5, -3.0], [0.75, 3.25, 3.0]))
case("hard_swish(x)", lambda x: x * F.hardtanh(x / 6 + 0.5, 0, 1), x=values([-3.5, -2.5, -0.25, -3.0], [0.75, 2.5, 3.25, 3.0]))
case("gelu(x)", F.gelu, x=x())
case("gelu(x)", F.gelu, x=values(0.0, -9.0, 9.0, 1e-8))
case("gelu_tanh(x)", lambda x: 0.5 * x * (1 + torch.tanh((2 / torch.pi) ** 0.5 * (x + 0.044715 * x**3))), x=x())
case("softsign(x)", F.softsign, x=x())
case("silu(x)", F.silu, x=x())
case("swish(x)", F.silu, x=x())
# Straight-through: 1 or -1, the derivative of the identity where |x| <= 1.
straight = lambda x: torch.where(x.abs() <= 1, x, x.detach())
case("hard_sign(x)", lambda x: torch.where(x > 0, 1.0, -1.0).detach() + straight(x) - straight(x).detach(), x=kinks)
case("square(x)", torch.square, x=x())
case("rsqrt(x)", torch.rsqrt, x=uniform(3, 4, lo=0.1, hi=3))
case("reciprocal(x)", torch.reciprocal, x=values([-2.5, 0.125], [0.75, 3.25]))
case("logit(x)", torch.logit, x=uniform(3, 4, lo=0.02, hi=0.98))
case("log_sigmoid(x)", F.logsigmoid, x=x())
case("log_sigmoid(x)", lambda x: -softplus(-x), x=values([-750.0, -40.0, 40.0, 750.0]), order=1)
case("lerp(a, b, t)", lambda a, b, t: a + t * (b - a), a=real(2, 3), b=real(2, 3), t=uniform(2, 3))
case("lerp(a, b, t)", torch.lerp, a=real(2, 3), b=real(2, 3), t=scalar(0.3))
case("lerp(a, b, t)", lambda a, b, t: a + t * (b - a), a=real(2, 3), b=real(3), t=uniform(2, 1))
case("clip(x, -1.0, 2.0)", lambda x: torch.clamp(x, -1, 2), x=distinct(3, 4))
case("clip(x, -1.0, 2.0)", lambda x: torch.clamp(x, -1, 2), x=values(-1.0, 0.5, 2.0, 2.5))  # 1 at its bounds
case("clip(x, lo, hi)", lambda x, lo, hi: torch.minimum(torch.maximum(x, lo), hi), x=distinct(3, 4, step=0.5),
     lo=uniform(3, 4, lo=-1.04, hi=-0.6), hi=uniform(3, 4, lo=0.6, hi=1.04))
case("clip(x, lo, hi)", lambda x, lo, hi: torch.minimum(torch.maximum(x, lo), hi), x=distinct(3, 4, step=0.5),
     lo=uniform(4, lo=-1.04, hi=-0.6), hi=uniform(3, 1, lo=0.6, hi=1.04))
case("reverse_grad(x)", lambda x: 2 * x.detach() - x, x=x())
case("reverse_grad(x ** 3, scale = 0.5)", lambda x: 1.5 * (x**3).detach() - 0.5 * x**3, x=x())


def squash(v):
    n2 = (v * v).sum(-1, keepdim=True)
    return v * torch.sqrt(n2 + 1e-12) / (1 + n2)


case("squash(v)", squash, v=real(2, 3, 4))
case("squash(v)", squash, v=torch.zeros(2, 3))
