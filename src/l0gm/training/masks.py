"""The static mask: chosen once, from the trained dense model."""

from __future__ import annotations

import torch
from torch import Tensor

from l0gm.gates import MagnitudeGate
from l0gm.model import GatedModel
from l0gm.training.rows import AT_ONCE, Batches

__all__ = ["magnitude_mask"]


@torch.no_grad()
def magnitude_mask(dense: GatedModel, inputs: Batches, active: float, by_group: bool = False) -> Tensor:
    """Return the dimensions of largest mean |h| over the rows, bool (dim,): round(active * dim), at least one.

    Parameters
    ----------
    dense : GatedModel
        Trained.
    inputs : Batches
        The training rows.
    active : float
    by_group : bool
        Whether the encoder's groups stay or leave whole, by their mean, as far as they fit.
    """
    dense.eval()
    gate = MagnitudeGate(dense.gate.dim, dense.encoder.groups if by_group else None).to(dense.no_rows.device)
    total, n_rows = gate.magnitude.double(), 0
    for rows in torch.arange(inputs.n_rows).split(getattr(inputs, "at_once", AT_ONCE)):
        sizes = dense.encoder(inputs.take(rows)).abs().reshape(-1, gate.dim)
        total, n_rows = total + sizes.double().sum(0), n_rows + len(sizes)
    gate.magnitude.copy_(total / n_rows)
    return gate.harden(max(1, round(active * gate.dim)))
