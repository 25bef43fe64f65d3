#!/usr/bin/env python3
"""Microseconds a training step of a sample takes in PyTorch eager.    eager.py digits|lenet|vae|resnet20 STEPS
f32 (no TF32), data on the device already, no number read back: what nnc's programs do beside that is not asked of it."""
import os
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

DEVICE = os.environ.get("TORCH_DEVICE", "cuda")
torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
torch.backends.cudnn.benchmark = True


class ConvBN(nn.Sequential):
    def __init__(self, c, ch, kernel=3, stride=1):
        super().__init__(nn.Conv2d(c, ch, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(ch))


class Residual(nn.Module):
    def __init__(self, c, ch, stride):
        super().__init__()
        self.y = nn.Sequential(ConvBN(c, ch, stride=stride), nn.ReLU(), ConvBN(ch, ch))
        self.skip = nn.Identity() if stride == 1 and c == ch else ConvBN(c, ch, 1, stride)

    def forward(self, x):
        return F.relu(self.y(x) + self.skip(x))


def resnet(n):
    layers, c = [ConvBN(3, 16), nn.ReLU()], 16
    for s in range(3):
        for i in range(n):
            layers.append(Residual(c, 16 * 2 ** s, 2 if s > 0 and i == 0 else 1))
            c = 16 * 2 ** s
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(c, 10))


class VAE(nn.Module):
    def __init__(self, z):
        super().__init__()
        self.e1, self.mu, self.lv = nn.Linear(784, 400), nn.Linear(400, z), nn.Linear(400, z)
        self.d1, self.d2 = nn.Linear(z, 400), nn.Linear(400, 784)

    def loss(self, x, y, step):
        h = F.relu(self.e1(x))
        m, lv = self.mu(h), self.lv(h)
        s = m + torch.exp(0.5 * lv) * torch.randn_like(m)
        rec = F.binary_cross_entropy_with_logits(self.d2(F.relu(self.d1(s))), x, reduction="none").sum(1)
        kl = -0.5 * (1 + lv - m ** 2 - lv.exp()).sum(1)
        rec.mean(), kl.mean()
        return (rec + min(1.0, step / 5000) * kl).mean()


class Classifier(nn.Module):
    def __init__(self, net):
        super().__init__()
        self.net = net

    def loss(self, x, y, step):
        z = self.net(x)
        (z.argmax(1) == y).float().mean()
        return F.cross_entropy(z, y)


def mlp():
    return Classifier(nn.Sequential(nn.Flatten(), nn.Linear(64, 128), nn.ReLU(), nn.Dropout(0.2), nn.Linear(128, 10)))


def lenet():
    return Classifier(nn.Sequential(nn.Conv2d(1, 20, 5), nn.MaxPool2d(2), nn.Conv2d(20, 50, 5), nn.MaxPool2d(2), nn.Flatten(),
                                    nn.Linear(800, 500), nn.ReLU(), nn.Linear(500, 10)))


# Network, optimizer (LeNet's penalty of 5e-4 is a decay of 1e-3, which costs less), batch, shape of an example.
MODELS = {
    "digits": (mlp, lambda p: torch.optim.Adam(p, lr=3e-3), 32, (8, 8)),
    "lenet": (lenet, lambda p: torch.optim.SGD(p, lr=0.01, momentum=0.9, weight_decay=1e-3), 64, (1, 28, 28)),
    "vae": (lambda: VAE(20), lambda p: torch.optim.Adam(p, lr=1e-3), 128, (784,)),
    "resnet20": (lambda: Classifier(resnet(3)), lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=1e-4), 128, (3, 32, 32)),
}


def finish():
    if DEVICE == "cuda":
        torch.cuda.synchronize()


def main():
    make, optimizer, batch, shape = MODELS[sys.argv[1]]
    steps = int(sys.argv[2])
    torch.manual_seed(1)
    net = make().to(DEVICE)
    opt = optimizer(net.parameters())
    x, y = torch.rand(batch, *shape, device=DEVICE), torch.randint(10, (batch,), device=DEVICE)

    def run(n):
        for i in range(n):
            opt.zero_grad()
            net.loss(x, y, i).backward()
            opt.step()
        finish()

    run(min(steps, 20))  # what is chosen and compiled at first use is no part of a step
    begin = time.perf_counter()
    run(steps)
    print(f"{1e6 * (time.perf_counter() - begin) / steps:.1f}")


main()
