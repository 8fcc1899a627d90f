"""Stochastic gates: a clipped Gaussian in the place of the hard-concrete distribution."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import hardtanh

from l0gm.errors import ParameterError
from l0gm.gates.base import Gate, group_sizes

__all__ = ["GaussianGate"]

SPREADS = 4.0  # how many sigma a mean may be away from zero: P(z > 0) is then 3e-5 or 1 - 3e-5


class GaussianGate(Gate):
    """Stochastic gates (Yamada et al. 2020): z = clip(mu + sigma * eps, 0, 1) with eps from a standard Gaussian.

    The penalty is the expected count, sum of Phi(mu / sigma). At inference z is clip(mu, 0, 1), as in the paper; once
    hardened, 0 or 1. It has no temperature.

    Parameters
    ----------
    dim : int
        Width of the representation.
    groups : sequence of int, optional
        Dimensions with the same number share a gate.
    init : float
        Initial mean; the paper's is 0.5.
    sigma : float
        Standard deviation of the noise; the paper's is 0.5.
    mask : {"example", "batch"}
        One mask an example, or one for the whole batch.

    Raises
    ------
    ParameterError
        If an argument is out of range.

    Examples
    --------
    >>> import torch
    >>> gate = GaussianGate(16)
    >>> gate(torch.randn(4, 16)).shape
    torch.Size([4, 16])
    """

    learned = True
    lr_scale = 1.0 / 6.0  # from open to closed: mu from 0.5 to -0.5, log_alpha from 3 to -3

    def __init__(
        self,
        dim: int,
        groups: Sequence[int] | Tensor | None = None,
        *,
        init: float = 0.5,
        sigma: float = 0.5,
        mask: Literal["example", "batch"] = "example",
    ) -> None:
        super().__init__(dim, groups)
        if mask not in ("example", "batch"):
            raise ParameterError(f"mask={mask!r}: choose 'example' or 'batch'")
        if not 0.0 < sigma < math.inf:
            raise ParameterError(f"sigma={sigma}: it must be positive and finite")
        self.bound = max(SPREADS * sigma, 1.0)
        if not abs(init) <= self.bound:
            raise ParameterError(f"init={init}: mu is kept within +-{self.bound:g}")
        self.sigma = float(sigma)
        self.mask = mask
        self.mu = nn.Parameter(torch.full((self.n_gates,), float(init)))

    def clamp_(self) -> None:
        """Bring ``mu`` back within its bounds; call it after each optimiser step."""
        with torch.no_grad():
            self.mu.clamp_(-self.bound, self.bound)

    @property
    def per_example(self) -> bool:
        """Whether masks are drawn an example now."""
        return self.mask == "example" and self.training and not self.hardened

    def values(self, h: Tensor) -> Tensor:
        """Return z: sampled (..., dim) or (dim,) in training, (dim,) at inference."""
        if not self.training or self.hardened:
            return self.inference_values().to(h.dtype)
        shape = (*h.shape[:-1], self.n_gates) if self.mask == "example" else (self.n_gates,)
        noise = torch.randn(shape, dtype=self.mu.dtype, device=h.device)
        z: Tensor = hardtanh(self.mu + self.sigma * noise, 0.0, 1.0)
        return z[..., self.group_index].to(h.dtype)

    def inference_values(self) -> Tensor:
        """Return clip(mu, 0, 1), or 0 and 1 once hardened, float (dim,)."""
        z = (self.mu > 0).to(self.mu.dtype) if self.hardened else hardtanh(self.mu, 0.0, 1.0)
        return z[self.group_index]

    def expected_open(self) -> Tensor:
        """Return the expected number of open dimensions, sum of Phi(mu / sigma), a scalar."""
        mu = self.mu.detach() if self.hardened else self.mu
        chances: Tensor = torch.special.ndtr(mu / self.sigma)
        return (chances * group_sizes(self.group_index)).sum()

    def harden(self, k: int | None = None) -> Tensor:
        """Fix the support to the k dimensions of largest ``mu`` (``None``: those open now); bool (dim,)."""
        with torch.no_grad():
            mask = self.open_mask() if k is None else self._best(self.mu, k)
            self.mu.fill_(-self.bound)
            self.mu[self.group_index[mask]] = self.bound
        self.hard.fill_(True)
        return mask
