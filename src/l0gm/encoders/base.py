"""The contract of an encoder: a module that turns a batch into the representation h that the gate acts on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from torch import Tensor, nn

__all__ = ["Encoder"]


class Encoder(nn.Module, ABC):
    """Maps a batch of n rows to h of shape (n, dim), the classifier-facing interface (paper, section 3.1).

    Attributes
    ----------
    dim : int
        Width of h.
    groups : int64 tensor (dim,)
        For each dimension the unit of meaning that it belongs to (a field, a channel), numbered from 0.
    """

    dim: int
    groups: Tensor

    @abstractmethod
    def forward(self, batch: Any) -> Tensor:
        """Return h, (n, dim)."""

    def masked(self, batch: Any, z: Tensor) -> Tensor:
        """Return z * h for one mask z (dim,) of the whole batch; encoders that can do so apply it to their weights."""
        h: Tensor = self(batch)
        return z * h
