#!/usr/bin/env python3
"""The numbers of tests/test_optim.c: three steps of each optimizer on one weight, from the papers' equations, in 50
digits. Written apart from runtime/core: plain recurrences, one weight, no spans. Needs mpmath."""
import mpmath as mp

mp.mp.dps = 50
G = [mp.mpf("0.5"), mp.mpf("-0.25"), mp.mpf("0.125")]  # exact in binary


def d(x):
    return mp.mpf(float(x))  # hyper-parameters as the doubles the program has


def sgd(lr, momentum, decay, nesterov):
    w, v, out = mp.mpf(1), mp.mpf(0), []
    for g in G:
        g = g + decay * w
        v = momentum * v + g
        w = w - lr * (g + momentum * v if nesterov else v)
        out.append(w)
    return out


def adam(lr, b1, b2, eps, decay):
    w, m, v, out = mp.mpf(1), mp.mpf(0), mp.mpf(0), []
    for t, g in enumerate(G, 1):
        w = w - lr * decay * w
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g * g
        w = w - lr * (m / (1 - b1**t)) / (mp.sqrt(v / (1 - b2**t)) + eps)
        out.append(w)
    return out


def adagrad(lr, eps, decay):
    w, s, out = mp.mpf(1), mp.mpf(0), []
    for g in G:
        g = g + decay * w
        s = s + g * g
        w = w - lr * g / (mp.sqrt(s) + eps)
        out.append(w)
    return out


def adadelta(lr, rho, eps, decay):
    w, eg, ed, out = mp.mpf(1), mp.mpf(0), mp.mpf(0), []
    for g in G:
        g = g + decay * w
        eg = rho * eg + (1 - rho) * g * g
        delta = mp.sqrt(ed + eps) / mp.sqrt(eg + eps) * g
        ed = rho * ed + (1 - rho) * delta * delta
        w = w - lr * delta
        out.append(w)
    return out


def rmsprop(lr, rho, eps, momentum, decay):
    w, s, v, out = mp.mpf(1), mp.mpf(0), mp.mpf(0), []
    for g in G:
        g = g + decay * w
        s = rho * s + (1 - rho) * g * g
        v = momentum * v + g / (mp.sqrt(s) + eps)
        w = w - lr * v
        out.append(w)
    return out


def show(name, values):
    print(name, ", ".join(mp.nstr(v, 17) for v in values))


show("sgd plain            ", sgd(d(0.1), d(0), d(0), False))
show("sgd momentum         ", sgd(d(0.1), d(0.9), d(0), False))
show("sgd momentum decay   ", sgd(d(0.1), d(0.9), d(0.01), False))
show("sgd nesterov decay   ", sgd(d(0.1), d(0.9), d(0.01), True))
show("adam                 ", adam(d(0.01), d(0.9), d(0.999), d(1e-8), d(0)))
show("adam decay, large eps", adam(d(0.01), d(0.8), d(0.99), d(0.1), d(0.1)))
show("adagrad              ", adagrad(d(0.1), d(1e-10), d(0)))
show("adagrad decay        ", adagrad(d(0.1), d(0.1), d(0.01)))
show("adadelta             ", adadelta(d(1), d(0.9), d(1e-6), d(0)))
show("adadelta decay       ", adadelta(d(0.5), d(0.8), d(0.1), d(0.01)))
show("rmsprop              ", rmsprop(d(0.01), d(0.99), d(1e-8), d(0), d(0)))
show("rmsprop momentum     ", rmsprop(d(0.01), d(0.9), d(0.1), d(0.8), d(0.01)))
