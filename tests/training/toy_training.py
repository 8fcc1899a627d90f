"""A small problem for the trainer: numbers of graded importance, a gate on them, a linear head."""

from __future__ import annotations

import torch
from torch import nn

from l0gm.encoders import Encoder
from l0gm.gates import HardConcreteGate
from l0gm.heads import Deep, IntegratedHead
from l0gm.model import GatedModel
from l0gm.training import Rows, Trainer


class Numbers:
    """Rows of numbers, as the trainer takes them."""

    def __init__(self, x):
        self.x = x

    @property
    def n_rows(self):
        return len(self.x)

    def take(self, rows):
        return Numbers(self.x[rows])


class Scaled(Encoder):
    """h is the numbers themselves, each times a weight."""

    def __init__(self, dim):
        super().__init__()
        self.dim = dim
        self.scale = nn.Parameter(torch.ones(dim))
        self.register_buffer("groups", torch.arange(dim), persistent=False)

    def forward(self, batch):
        return batch.x * self.scale


def problem(n=512, dim=20, n_classes=2, seed=0, useful=None):
    """Rows for training and half as many for validation.

    By default each input matters less than the one before it; with ``useful``, that many matter alike.
    """
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n + n // 2, dim, generator=generator)
    if useful is None:
        size = 2.0 * 0.1 ** (torch.arange(dim) / (dim - 1))
    else:
        size = (torch.arange(dim) < useful) * max(0.6, 3.0 / useful**0.5)
    sign = torch.randn(dim, 1 if n_classes == 2 else n_classes, generator=generator).sign()
    logits = x @ (size[:, None] * sign)
    if n_classes == 2:
        y = (torch.rand(len(x), generator=generator) < torch.sigmoid(logits[:, 0])).long()
    else:
        y = torch.multinomial(torch.softmax(logits, 1), 1, generator=generator)[:, 0]
    return Rows(Numbers(x[:n]), y[:n]), Rows(Numbers(x[n:]), y[n:])


def model(dim=20, n_classes=2, gate=None, hidden=(), seed=0, dropout=0.0):
    """A fresh model, from ``seed`` alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        n_outputs = 1 if n_classes == 2 else n_classes
        head = IntegratedHead(dim, n_outputs, deep=Deep(dim, hidden, n_outputs, dropout))
        return GatedModel(Scaled(dim), HardConcreteGate(dim) if gate is None else gate, head)


def train(made, rows, **options):
    """Fit ``made`` and return its trainer."""
    trainer = Trainer(made, **{"epochs": 20, "batch_size": 64, "lr": 0.02, **options})
    trainer.fit(*rows)
    return trainer
