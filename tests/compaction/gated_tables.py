"""Gated models over a small schema of every kind of field, with weights that no training made."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from l0gm.data.schema import CategoricalField, HashedField, NumericField, Schema
from l0gm.encoders import FieldTables, RowBatch, RowEncoder, TabularEncoder
from l0gm.gates import FixedMaskGate, HardConcreteGate, IdentityGate
from l0gm.heads import CIN, Deep, FieldLinear, IntegratedHead
from l0gm.model import GatedModel
from l0gm.training import predict

WIDTH = 3
SCHEMA = Schema(
    (
        NumericField("age", "age", (17.0, 30.5, 44.0, 90.0)),
        CategoricalField("job", "job", ("clerk", "nurse", "pilot")),
        HashedField("account", "account", 7),
        NumericField("gain", "gain", (-1.0, 0.0, 2.5), infinite="missing"),
        NumericField("seen:hour", "seen", (0.0, 6.0, 12.0, 23.0), part="hour"),
    ),
    ("age", "job", "account", "gain", "seen", "constant"),
)
FIELDS = len(SCHEMA.fields)
DIM = FIELDS * WIDTH


@dataclass(frozen=True)
class Branches:
    """Which branches the head has; ``()`` and "off" leave one out."""

    linear: str = "gated"
    deep: tuple[int, ...] = (6, 4)
    cin: tuple[int, ...] = (3,)
    rank: int | None = None

    def __str__(self):
        cin = f"cin{'x'.join(map(str, self.cin))}{'' if self.rank is None else f'r{self.rank}'}"
        return "-".join([self.linear, *(["deep"] if self.deep else []), *([cin] if self.cin else [])])


def mask(*numbers):
    """Dimensions that are open, by their numbers."""
    chosen = torch.zeros(DIM, dtype=torch.bool)
    chosen[list(numbers)] = True
    return chosen


def _learned(logits, groups=None, **options):
    gate = HardConcreteGate(DIM, groups, **options)
    with torch.no_grad():
        gate.log_alpha.copy_(torch.as_tensor(logits))
    return gate


def _nothing():
    gate = _learned([-8.0] * DIM)
    gate.harden()
    return gate


def _hardened():
    gate = _learned(torch.linspace(-3.0, 3.0, DIM)[torch.randperm(DIM, generator=torch.Generator().manual_seed(5))])
    gate.harden(5)
    return gate


GROUPS = torch.arange(FIELDS).repeat_interleave(WIDTH)
GATES = {
    "dense": lambda: IdentityGate(DIM),
    "some of each field": lambda: FixedMaskGate(mask(0, 1, 4, 6, 8, 9, 14)),
    "hardened": _hardened,
    "one dimension": lambda: FixedMaskGate(mask(10)),
    "fields closed": lambda: FixedMaskGate(mask(3, 5, 12, 13, 14)),
    "nothing": _nothing,
    "binary, not hardened": lambda: _learned(torch.linspace(-4.0, 4.0, DIM)),
    "soft, not hardened": lambda: _learned(torch.linspace(-4.0, 4.0, DIM), inference="soft"),
    "groups": lambda: _learned([2.0, -2.0, 2.0, -2.0, 2.0], GROUPS),
    "soft groups": lambda: _learned([0.4, -5.0, 1.1, -0.6, 9.0], GROUPS, inference="soft"),
}


def build(gate, branches=None, n_outputs=1, seed=0, hidden=None):
    """Return a gated model, all of whose weights differ from zero.

    ``hidden`` makes the gate of a hidden layer of this width; its ``log_alpha`` is left as it was made.
    """
    branches = Branches() if branches is None else branches
    generator = torch.Generator().manual_seed(seed)
    numeric = [isinstance(f, NumericField) for f in SCHEMA.fields]
    linear = None
    if branches.linear != "off":
        linear = FieldLinear(FieldTables(SCHEMA.n_rows, numeric, n_outputs, 0.0), branches.linear == "gated")
    head = IntegratedHead(
        FIELDS,
        n_outputs,
        linear=linear,
        deep=Deep(DIM, branches.deep, n_outputs, 0.3, hidden) if branches.deep else None,
        cin=CIN(FIELDS, branches.cin, branches.rank) if branches.cin else None,
    )
    model = GatedModel(RowEncoder(TabularEncoder(SCHEMA, WIDTH)), gate, head)
    with torch.no_grad():
        for part in (model.encoder, model.head):
            for name, parameter in part.named_parameters():
                if name.endswith("log_alpha"):
                    continue
                parameter.copy_(0.6 * torch.randn(parameter.shape, generator=generator))
    return model.train()


def people(n=200, seed=0):
    """Rows as they come: most of them ordinary, some values missing, unseen or far out."""
    rng = np.random.default_rng(seed)
    rows = {
        "age": rng.normal(40.0, 20.0, n).round(),
        "job": rng.choice(["clerk", "nurse", "pilot", "diver", None], n),
        "account": rng.choice([f"a{k}" for k in range(40)], n),
        "gain": rng.choice([0.0, 0.0, -3.0, 0.25, 1.75, 1e9, np.inf, np.nan], n),
        "seen": np.datetime64("2024-01-01", "us") + rng.integers(0, 10**14, n).astype("timedelta64[us]"),
        "constant": np.zeros(n),
    }
    rows["age"][rng.random(n) < 0.1] = np.nan
    rows["seen"][rng.random(n) < 0.1] = np.datetime64("NaT")
    return rows


def probabilities(model, rows):
    """What the gated model answers."""
    return predict(model, RowBatch.of(SCHEMA.encode(rows))).numpy()
