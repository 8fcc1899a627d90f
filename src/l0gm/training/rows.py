"""Rows as the trainer takes them, whatever their modality."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from l0gm.model import GatedModel, probabilities

__all__ = ["Batches", "Rows", "entropy", "predict"]


AT_ONCE = 2048


class Batches(Protocol):
    """Rows of one modality that can be taken by index.

    Ones that memory does not hold have a ``window``, too: see :func:`l0gm.training.order.shuffled`. Ones that are best
    taken together have ``at_once``, how many rows are predicted at a time.
    """

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        ...

    def take(self, rows: Tensor) -> Any:
        """Return the batch of these rows (int64)."""
        ...


@dataclass(frozen=True)
class Rows:
    """Inputs with labels.

    Parameters
    ----------
    inputs : Batches (n)
    y : int64 Tensor (n,)
        Class indices.
    weight : float32 Tensor (n,), optional
        Not all zero.
    target : float32 Tensor (n, C), optional
        The distribution over the classes that the loss aims at, where it is not all on ``y``.
    """

    inputs: Batches
    y: Tensor
    weight: Tensor | None = None
    target: Tensor | None = None


@torch.no_grad()
def predict(model: GatedModel, inputs: Batches, batch_size: int | None = None, rows: Tensor | None = None) -> Tensor:
    """Return class probabilities (n, C), float64, of ``inputs`` in evaluation mode; of these ``rows``, default all."""
    was_training = model.training
    model.eval()
    chosen = torch.arange(inputs.n_rows) if rows is None else rows
    batch_size = batch_size or getattr(inputs, "at_once", AT_ONCE)
    parts = [probabilities(model(inputs.take(some)).double()) for some in chosen.split(batch_size)]
    model.train(was_training)
    return torch.cat(parts)


def entropy(rows: Rows) -> float:
    """Return the entropy of the labels in nats: the loss of the best constant prediction."""
    weight = None if rows.weight is None else rows.weight.double()
    share = torch.bincount(rows.y, weight).double()
    share = share / share.sum()
    return float(-torch.special.xlogy(share, share).sum())
