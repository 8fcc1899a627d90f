"""Lottery tickets: weights pruned in several rounds, each of which begins at early values of the first training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from l0gm.gates import FixedMaskGate, L0Linear
from l0gm.model import GatedModel
from l0gm.training.copies import Copies

__all__ = ["EARLY", "Ticket", "find_ticket"]

ROUNDS = 3
EARLY = 0.05
"""How far the first training is, of all its steps, when the weights are copied that the others begin with."""


@dataclass(frozen=True)
class Ticket:
    """Where a training begins, and what it may use.

    Parameters
    ----------
    mask : bool Tensor (weights,)
        Of the layer that reads the interface.
    weights : dict
        All weights of the model.
    """

    mask: Tensor
    weights: dict[str, Tensor]

    def put(self, model: GatedModel) -> None:
        """Put the weights, and the mask of its fixed gate, into a model."""
        gate = model.gate.targeted
        assert isinstance(gate, FixedMaskGate)
        model.load_state_dict(self.weights)
        gate.chosen.copy_(self.mask)


def find_ticket(train: Callable[[Ticket | None], GatedModel], early: Copies, active: float) -> Ticket:
    """Return the mask that iterative magnitude pruning finds, with the early weights to begin at.

    Frankle and Carbin 2019, with weights rewound to an early step (Frankle et al. 2020): train; of the weights that are
    left keep the largest, in ROUNDS rounds of equal shares until a fraction ``active`` stays; rewind; train again.

    Parameters
    ----------
    train : callable
        From None, or the ticket so far, to the trained model, whose interface gate follows a fixed mask of weights.
    early : Copies
        Taken at EARLY in the first of these trainings.
    active : float
    """
    ticket: Ticket | None = None
    for number in range(1, ROUNDS + 1):
        model = train(ticket)
        (layer,) = (m for m in model.modules() if isinstance(m, L0Linear))
        sizes = layer.inference_weight().detach().abs().flatten()
        kept = sizes.topk(max(1, round(active ** (number / ROUNDS) * len(sizes)))).indices
        mask = torch.zeros_like(sizes, dtype=torch.bool)
        mask[kept] = True
        ticket = Ticket(mask, early.taken[0])
    assert ticket is not None
    return ticket
