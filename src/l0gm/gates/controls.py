"""Gates that learn nothing: the dense model and the controls that a learned gate is compared with."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from l0gm.errors import ParameterError
from l0gm.gates.base import Gate

__all__ = ["FixedMaskGate", "IdentityGate", "MagnitudeGate"]


class IdentityGate(Gate):
    """Every dimension is open, for good: the dense model."""

    def __init__(self, dim: int) -> None:
        super().__init__(dim)
        self.hard.fill_(True)

    def values(self, h: Tensor) -> Tensor:
        """Return ones, (dim,)."""
        return self.inference_values().to(h.dtype)

    def inference_values(self) -> Tensor:
        """Return ones, (dim,)."""
        return torch.ones(self.dim, device=self.group_index.device)

    def harden(self, k: int | None = None) -> Tensor:
        """Do nothing: only ``None`` and ``dim`` are possible."""
        if k is not None:
            self._check_k(k)
            if k != self.dim:
                raise ParameterError(f"k={k}: an identity gate keeps all of its {self.dim} dimensions open")
        return self.open_mask()

    def gated(self, h: Tensor) -> tuple[Tensor, Tensor]:
        """Return (h itself, ones)."""
        return h, self.values(h)


class FixedMaskGate(Gate):
    """A mask that is given before training, or drawn at random from ``seed``, and never changes.

    Parameters
    ----------
    mask : bool tensor (dim,)
        Which dimensions are open.
    """

    chosen: Tensor

    def __init__(self, mask: Sequence[bool] | Tensor) -> None:
        chosen = torch.as_tensor(mask, dtype=torch.bool)
        super().__init__(len(chosen))
        if not chosen.any():
            raise ParameterError("mask: at least one dimension must be open")
        self.register_buffer("chosen", chosen)
        self.hard.fill_(True)

    @classmethod
    def random(cls, dim: int, k: int, seed: int) -> FixedMaskGate:
        """Return a gate with ``k`` of ``dim`` dimensions open, drawn uniformly with ``seed``."""
        if not 1 <= k <= dim:
            raise ParameterError(f"k={k}: a random mask needs between 1 and {dim} open dimensions")
        order = torch.randperm(dim, generator=torch.Generator().manual_seed(seed))
        mask = torch.zeros(dim, dtype=torch.bool)
        mask[order[:k]] = True
        return cls(mask)

    def values(self, h: Tensor) -> Tensor:
        """Return the mask as floats, (dim,)."""
        return self.chosen.to(h.dtype)

    def inference_values(self) -> Tensor:
        """Return the mask as floats, (dim,)."""
        return self.chosen.float()

    def harden(self, k: int | None = None) -> Tensor:
        """Return the mask; a ``k`` other than its count is an error, since the mask is given."""
        if k is not None:
            self._check_k(k)
            if k != self.n_open:
                raise ParameterError(f"k={k}: this mask is fixed with {self.n_open} open dimensions")
        return self.open_mask()


class MagnitudeGate(Gate):
    """All open until :meth:`harden`, which keeps the k dimensions (or groups) of largest mean |h|.

    The mean is over all examples seen in training, with a decay of 0.99 a batch.
    """

    chosen: Tensor
    magnitude: Tensor

    def __init__(self, dim: int, groups: Sequence[int] | Tensor | None = None) -> None:
        super().__init__(dim, groups)
        self.register_buffer("chosen", torch.ones(dim, dtype=torch.bool))
        self.register_buffer("magnitude", torch.zeros(dim))

    @property
    def per_example(self) -> bool:
        """Whether the size of the rows is being noted."""
        return self.training and not self.hardened

    def values(self, h: Tensor) -> Tensor:
        """Return the mask as floats, (dim,), and note the size of ``h`` while training."""
        if self.training and not self.hardened and h.numel():
            with torch.no_grad():
                self.magnitude.lerp_(h.detach().abs().reshape(-1, self.dim).mean(0).float(), 0.01)
        return self.chosen.to(h.dtype)

    def inference_values(self) -> Tensor:
        """Return the mask as floats, (dim,)."""
        return self.chosen.float()

    def harden(self, k: int | None = None) -> Tensor:
        """Keep the ``k`` dimensions of largest magnitude (``None``: all); bool (dim,)."""
        if k is not None:
            sizes = torch.bincount(self.group_index)
            total = torch.zeros(self.n_gates, device=self.magnitude.device)
            total.index_add_(0, self.group_index, self.magnitude)
            self.chosen.copy_(self._best(total / sizes, k))
        self.hard.fill_(True)
        return self.open_mask()
