"""Calibration coupling: a calibration error that has a gradient, to be added to the task loss (Table 10)."""

from __future__ import annotations

import torch
from torch import Tensor

from l0gm.model import probabilities

__all__ = ["BINS", "soft_binned_ece"]

BINS = 15  # as of l0gm.metrics.ece
BIN_TEMPERATURE = 0.01
POWER = 2.0
LEAST = 1e-12


def soft_binned_ece(
    logits: Tensor,
    y: Tensor,
    weight: Tensor | None = None,
    *,
    bins: int = BINS,
    temperature: float = BIN_TEMPERATURE,
    power: float = POWER,
) -> Tensor:
    """Return the soft-binned calibration error of the top label, a differentiable scalar (Karandikar et al. 2021).

    A row of confidence c belongs to bin i to the degree softmax_i(-(c - centre_i)^2 / temperature). In each bin, the
    gap is that between the means of hits and confidences, weighted by the rows' degrees; the error is the mean of
    gap^power with the bins' masses, to the power of 1 / power. With ``power=1`` it becomes :func:`l0gm.metrics.ece` as
    the temperature falls to zero.

    Parameters
    ----------
    logits : Tensor (n, C), or (n, 1) for binary tasks
    y : int64 Tensor (n,)
        Class indices.
    weight : Tensor (n,), optional
        Row weights.
    bins : int
        Of equal width.
    temperature : float
        How far a row's membership reaches: by the default, about one bin to either side.
    power : float
        The default presses on large gaps the most, and less on those that a batch has by chance.
    """
    confidence, answer = probabilities(logits).max(1)
    hit = (answer == y).to(confidence.dtype)
    centres = (torch.arange(bins, device=logits.device, dtype=confidence.dtype) + 0.5) / bins
    member = torch.softmax(-((confidence[:, None] - centres) ** 2) / temperature, 1)  # (n, bins)
    if weight is not None:
        member = member * weight.to(member.dtype)[:, None]
    mass = member.sum(0)
    gap = ((hit - confidence) @ member).abs() / mass.clamp_min(LEAST)
    share = mass / mass.sum().clamp_min(LEAST)
    error: Tensor = (share * gap**power).sum()
    return error if power == 1.0 else (error + LEAST) ** (1.0 / power)
