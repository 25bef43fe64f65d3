"""Five steps of each optimizer, with every hyper-parameter on and off; SGD to RMSprop as torch.optim has them."""
from table import *

x, y = real(6, 3), real(6, 2)
start = {"W": real(3, 2), "b": real(2)}
LOSS = "mean((tanh(x @ W + b) - y) ** 2)"
loss = lambda W, b, x, y: ((torch.tanh(x @ W + b) - y) ** 2).mean()


def steps(optimizer, make, **o):
    training(LOSS, loss, optimizer, make, start, x=x, y=y, **o)


O = torch.optim
steps("SGD(lr = 0.5)", lambda p: O.SGD(p, 0.5))
steps("SGD(lr = 0.5, momentum = 0.9)", lambda p: O.SGD(p, 0.5, 0.9))
steps("SGD(lr = 0.5, momentum = 0.9, nesterov = true)", lambda p: O.SGD(p, 0.5, 0.9, nesterov=True))
steps("SGD(lr = 0.5, momentum = 0.8, nesterov = true, decay = 0.1, clip_norm = 0.2)",
      lambda p: O.SGD(p, 0.5, 0.8, nesterov=True, weight_decay=0.1), clip=0.2)
steps("SGD(lr = 0.5, decay = 0.1)", lambda p: O.SGD(p, 0.5, weight_decay=0.1), mults={"W": (0.5, 2.0), "b": (2.0, 0.0)})
steps("SGD(lr = 0.5 * cosine_decay(step, 5.0), momentum = 0.5)", lambda p: O.SGD(p, 0.5, 0.5),
      schedule=lambda t: (1 + math.cos(math.pi * t / 5)) / 2)
# Adam's decay is decoupled: torch calls it AdamW.
steps("Adam()", lambda p: O.AdamW(p, weight_decay=0.0))
steps("Adam(lr = 0.05, beta1 = 0.8, beta2 = 0.95, eps = 1e-3, decay = 0.2)", lambda p: O.AdamW(p, 0.05, (0.8, 0.95), 1e-3, 0.2))
steps("AdamW(lr = 0.05, decay = 0.2, clip_norm = 0.1)", lambda p: O.AdamW(p, 0.05, weight_decay=0.2), clip=0.1, mults={"W": (0.5, 3.0)})
steps("Adam(lr = 0.05 / (1.0 + step))", lambda p: O.AdamW(p, 0.05, weight_decay=0.0), schedule=lambda t: 1 / (1 + t))
steps("Adagrad()", O.Adagrad)
steps("Adagrad(lr = 0.2, eps = 1e-2, decay = 0.1, clip_norm = 0.2)", lambda p: O.Adagrad(p, 0.2, eps=1e-2, weight_decay=0.1), clip=0.2)
steps("Adadelta()", O.Adadelta)
steps("Adadelta(lr = 2.0, rho = 0.8, eps = 1e-3, decay = 0.1)", lambda p: O.Adadelta(p, 2.0, 0.8, 1e-3, 0.1))
steps("RMSprop()", O.RMSprop)
steps("RMSprop(lr = 0.05, rho = 0.9, eps = 1e-2, momentum = 0.7, decay = 0.1)", lambda p: O.RMSprop(p, 0.05, 0.9, 1e-2, 0.1, 0.7))
steps("RMSprop(lr = 0.05, clip_norm = 0.1)", lambda p: O.RMSprop(p, 0.05), clip=0.1, mults={"b": (3.0, 1.0)})
