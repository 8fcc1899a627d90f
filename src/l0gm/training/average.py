"""Averaged weights: what the model is at its evaluations, once the gates are fixed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from l0gm.model import GatedModel

__all__ = ["Average"]

START = 10  # after t updates the average reaches back over about t / START of them at most


class Average:
    """An exponential moving average of the weights (Polyak and Juditsky 1992; Izmailov et al. 2018).

    Parameters
    ----------
    model : GatedModel
    decay : float
        What an update keeps of the average, 0 (no averaging) to below 1; less at first: t / (t + 10) after t updates.
    """

    def __init__(self, model: GatedModel, decay: float) -> None:
        gated = model.gate_parameters()
        self._weights: list[nn.Parameter] = [p for p in model.parameters() if p not in gated]
        self._decay = decay
        self._mean: list[Tensor] | None = None
        self._updates = 0

    @torch.no_grad()
    def update(self) -> None:
        """Take note of the weights as they are now."""
        if self._decay == 0.0:
            return
        if self._mean is None:
            self._mean = [w.detach().clone() for w in self._weights]
        self._updates += 1
        decay = min(self._decay, self._updates / (self._updates + START))
        torch._foreach_lerp_(self._mean, [w.detach() for w in self._weights], 1.0 - decay)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Put the averages in the weights' place for the length of a ``with`` block."""
        if self._mean is None:
            yield
            return
        now = [w.detach().clone() for w in self._weights]
        self._set(self._mean)
        try:
            yield
        finally:
            self._set(now)

    def state_dict(self) -> dict[str, Any]:
        """Return the averages and the number of updates."""
        return {"mean": self._mean, "updates": self._updates}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        mean, self._updates = state["mean"], state["updates"]
        self._mean = None if mean is None else [m.to(w.device) for m, w in zip(mean, self._weights, strict=True)]

    @torch.no_grad()
    def _set(self, values: list[Tensor]) -> None:
        for weight, value in zip(self._weights, values, strict=True):
            weight.copy_(value)
