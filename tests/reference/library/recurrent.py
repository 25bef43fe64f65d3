"""Recurrent layers, by PyTorch's own, whose weights stand transposed; memories: frontend/std/recurrent.nn."""
from table import *


def weights(W, U, b, c=None):
    return [W.t(), U.t(), b, torch.zeros_like(b) if c is None else c]


FLAGS = (True, 1, 0.0, False, False, True)  # biases, layers, dropout, training, bidirectional, batch first
BOTH = (True, 1, 0.0, False, True, True)
rnn = lambda act: lambda x, h0, *p: act(x, h0[None], weights(*p), *FLAGS)
elman, rectified, gru = rnn(torch.rnn_tanh), rnn(torch.rnn_relu), rnn(torch.gru)
lstm = lambda x, h0, c0, *p: torch.lstm(x, (h0[None], c0[None]), weights(*p), *FLAGS)
last = lambda r: tuple(v if i == 0 else v[0] for i, v in enumerate(r))
zero = lambda run, n=1: lambda x, *p: run(x, *[torch.zeros(x.shape[0], p[1].shape[0])] * n, *p)[0]
final = lambda run: lambda *a: last(run(*a))


def stores(k, n, gates, biases="b", at=""):
    return {f"{at}W": real(k, gates * n, scale=0.6), f"{at}U": real(n, gates * n, scale=0.6),
            **{f"{at}{b}": real(gates * n, scale=0.4) for b in biases}}


case("net(x)", zero(elman), model="RNN(3)", params=stores(2, 3, 1), x=real(2, 4, 2), name="RNN")
case("net(x)", zero(rectified), model="RNN(2, act = relu)", params=stores(3, 2, 1), x=real(1, 3, 3), name="RNN")
case("net.run(x, h0)", final(elman), model="RNN(2)", params=stores(3, 2, 1), x=real(2, 3, 3), h0=real(2, 2), name="RNN")
case("net(x)", zero(lstm, 2), model="LSTM(2)", params=stores(3, 2, 4), x=real(2, 4, 3), name="LSTM")
case("net.run(x, h0, c0)", final(lstm), model="LSTM(2)", params=stores(1, 2, 4), x=real(2, 3, 1), h0=real(2, 2), c0=real(2, 2), name="LSTM")
case("net(x)", zero(gru), model="GRU(2)", params=stores(3, 2, 3, "bc"), x=real(2, 4, 3), name="GRU")
case("net.run(x, h0)", final(gru), model="GRU(2)", params=stores(2, 2, 3, "bc"), x=real(2, 3, 2), h0=real(2, 2), name="GRU")


def both(run, n_parameters, n_states=1):
    def ref(x, *p):
        h = torch.zeros(2, x.shape[0], p[1].shape[0])
        w = weights(*p[:n_parameters]) + weights(*p[n_parameters:])
        return run(x, h if n_states == 1 else (h, h), w, *BOTH)[0]
    return ref


case("net(x)", both(torch.lstm, 3, 2), model="Bidirectional(LSTM(2))", x=real(2, 3, 2), name="Bidirectional",
     params={**stores(2, 2, 4, at="cell."), **stores(2, 2, 4, at="back.")})
case("net(x)", both(torch.gru, 4), model="Bidirectional(GRU(1))", x=real(1, 4, 2), name="Bidirectional",
     params={**stores(2, 1, 3, "bc", at="cell."), **stores(2, 1, 3, "bc", at="back.")})
case("net(x)", lambda x, W, b, V, c: (x @ W + b) * (x @ V + c), model="Pair()", x=real(2, 3), name="another",
     params={"first.W": real(3, 2), "first.b": real(2), "second.W": real(3, 2), "second.b": real(2)},
     decls="layer Pair()(x: [B, 3]) -> [B, 2] { let first = Dense(2);  let second = another(first);  return first(x) * second(x); }")


def address(mem, k, beta, gate, shift, gamma, w0):  # Graves, Wayne, Danihelka 2014, equations 5 to 9
    wg = gate * F.softmax(beta * F.cosine_similarity(mem, k[:, None], -1, 1e-9), 1) + (1 - gate) * w0
    n = wg.shape[1]
    ws = sum(torch.stack([wg[:, (i - s) % n] for i in range(n)], 1) * shift[:, j:j + 1] for j, s in enumerate((1, 0, -1)))
    return ws**gamma / (ws**gamma).sum(1, keepdim=True)


rows = lambda *s: torch.softmax(real(*s), -1)
case("memory_address(mem, k, beta, gate, shift, gamma, w0)", address, mem=real(2, 4, 3), k=real(2, 3), beta=uniform(2, 1, lo=1.0, hi=3.0),
     gate=uniform(2, 1, lo=0.2, hi=0.8), shift=uniform(2, 3, lo=0.1, hi=0.6), gamma=uniform(2, 1, lo=1.0, hi=2.0),
     w0=uniform(2, 4, lo=0.1, hi=0.4))


def hebb(p, W):
    p = p.reshape(-1, W.shape[0])
    return W + sum(torch.outer(x, x) for x in p).fill_diagonal_(0.0) / W.shape[0]


def settle(x, W, k):
    for _ in range(k):
        x = torch.sign(x @ W)
    return x


sign = lambda *s: torch.sign(real(*s) + 1e-3)
case("net.recall(x, 2)", lambda x, W: settle(x, W, 2), model="Hopfield(5)", states={"W": real(5, 5)}, x=sign(5), order=0, name="Hopfield")
case("net.recall(x, 3)", lambda x, W: settle(x, W, 3), model="Hopfield(4)", states={"W": real(4, 4)}, x=sign(2, 3, 4), order=0, name="Hopfield")
case("let V = net.learn(p); (V, net.recall(x, 2))", lambda p, x, W: (hebb(p, W), settle(x, hebb(p, W), 2)), model="Hopfield(5)", states={"W": real(5, 5)}, p=sign(3, 5),
     x=sign(2, 5), training=True, after=lambda p, x, W: {"W": hebb(p, W)}, order=0, name="Hopfield")

# ---- what they are filled with: glorot_uniform, with the fans of a matrix [in, out]
glorot = lambda i, o: lambda p: (2 * draw_uniform((i, o), site(p), INITIAL) - 1) * (6 / (i + o)) ** 0.5
zeros = lambda n: lambda p: torch.zeros(n)
first = lambda k, n, gates, biases="b": {"W": glorot(k, gates * n), "U": glorot(n, gates * n), **{b: zeros(gates * n) for b in biases}}
defaults("RNN(2)", "[1, 2, 3]", first(3, 2, 1))
defaults("LSTM(2)", "[1, 2, 3]", {**first(3, 2, 4), "b": lambda p: torch.tensor([0.0, 0, 1, 1, 0, 0, 0, 0])})
defaults("GRU(2)", "[1, 2, 3]", first(3, 2, 3, "bc"))
defaults("Bidirectional(RNN(1))", "[1, 2, 3]", {f"{c}.{k}": v for c in ("cell", "back") for k, v in first(3, 1, 1).items()})
