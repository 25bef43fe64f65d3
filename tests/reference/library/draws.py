"""What draws random numbers, from the language's definition of their sites and bits."""
from table import *

U, N = draw_uniform, draw_normal

case("rand([2, 3])", lambda: U((2, 3), site("", 0)))
case("randn([7])", lambda: N((7,), site("", 0)))
case("rand([3]) - rand([3])", lambda: U((3,), site("", 0)) - U((3,), site("", 1)), name="rand")
case("rand_like(x)", lambda x: U((2, 3), site("", 0, 0)), x=real(2, 3), order=0)
case("randn_like(x) * x", lambda x: N((2, 3), site("", 0, 0)) * x, x=real(2, 3))
case("bernoulli(p) * p", lambda p: (U((4, 5), site("", 0, 1)) < p) * p, p=uniform(4, 5))
case("bernoulli_like(x, 0.3) * x", lambda x: (U((4, 5), site("", 0, 1)) < 0.3) * x, x=real(4, 5))
gumbel = lambda z, t: F.softmax((z - torch.log(-torch.log(U(z.shape, site("", 0, 3))))) / t, -1)
case("gumbel_softmax(z, 0.7)", lambda z: gumbel(z, 0.7), z=real(3, 4))
case("gumbel_softmax(z, t)", gumbel, z=real(2, 3), t=scalar(1.5))


def in_training(model, ref, shape):  # a step begins with 0
    name = model[:model.index("(")]
    case("net(x)", lambda x: ref(x, f"{name}_0_net"), model=model, x=real(*shape), name=name, training=True)


in_training("Dropout(0.4)", lambda x, path: x * (U(x.shape, site(path, 0, 0, 0, 1)) < 0.6) / 0.6, (4, 5))
in_training("GaussianNoise(0.3)", lambda x, path: x + 0.3 * N(x.shape, site(path, 0, 0, 0)), (3, 5))
in_training("DropPath(0.5)", lambda x, path: x * (U(x.shape[:1], site(path, 0, 0, 1, 1)) < 0.5).reshape(-1, 1, 1) / 0.5, (6, 2, 3))
probability = lambda v, W, b: torch.sigmoid(v @ W + b)


def gibbs(v, W, a, b):  # the hidden units first
    h = (U((len(v), W.shape[1]), site("RBM_0_net", 0, 2, 1)) < probability(v, W, b)).double()
    return (U(v.shape, site("RBM_0_net", 0, 0, 1)) < torch.sigmoid(h @ W.T + a)).double()


rbm = {"W": real(3, 2), "a": real(3), "b": real(2)}
case("net.gibbs(v)", gibbs, model="RBM(3, 2)", params=rbm, v=real(4, 3), name="RBM", order=0)
