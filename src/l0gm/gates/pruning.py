"""Masks over the weights of a layer by their size: the largest of all, or those of each block of inputs."""

from __future__ import annotations

from fractions import Fraction

import torch
from torch import Tensor

from l0gm.errors import ParameterError
from l0gm.gates.controls import MagnitudeGate

__all__ = ["BlockGate", "WeightMagnitudeGate"]


class WeightMagnitudeGate(MagnitudeGate):
    """Over the weights of an :class:`L0Linear`: all open until :meth:`harden`, which keeps the k largest.

    Han et al. 2016: train, prune, go on training with the mask kept. What counts is the size of each weight when it was
    last multiplied with.

    Parameters
    ----------
    out_features, in_features : int
        Of the layer.
    """

    def __init__(self, out_features: int, in_features: int) -> None:
        super().__init__(out_features * in_features)

    def values(self, h: Tensor) -> Tensor:
        """Return the mask as floats, (dim,), and note the sizes of the weights ``h`` until the mask is fixed."""
        if not self.hardened and h.numel():
            with torch.no_grad():
                self.magnitude.copy_(h.detach().abs().reshape(-1, self.dim).mean(0))
        return self.chosen.to(h.dtype)

    @property
    def per_example(self) -> bool:
        """Whether the sizes are being noted."""
        return not self.hardened


class BlockGate(WeightMagnitudeGate):
    """N:M sparsity: of every M consecutive inputs, each output unit keeps the N weights of largest size.

    Mishra et al. 2021: train, prune, go on training with the mask kept. Where M does not divide the inputs, the last
    block is shorter and keeps a share of N, rounded.

    Parameters
    ----------
    out_features, in_features : int
        Of the layer.
    n, m : int

    Raises
    ------
    ParameterError
        If not 1 <= n <= m.
    """

    def __init__(self, out_features: int, in_features: int, n: int, m: int) -> None:
        super().__init__(out_features, in_features)
        if not 1 <= n <= m:
            raise ParameterError(f"n={n}, m={m}: of every m inputs, 1 to m stay")
        self.n, self.m, self.in_features = n, m, in_features

    @classmethod
    def nearest(cls, out_features: int, in_features: int, active: float, largest: int = 32) -> BlockGate:
        """Return the gate whose N:M is nearest to a fraction, with M from 4 to ``largest``; 0.5 gives 2:4."""
        share = max(Fraction(active).limit_denominator(largest), Fraction(1, largest))
        times = -(-4 // share.denominator)
        return cls(out_features, in_features, share.numerator * times, share.denominator * times)

    def pattern(self) -> list[tuple[int, int, int]]:
        """Return (first input, input behind the last, how many stay) of each block."""
        ends = [(first, min(first + self.m, self.in_features)) for first in range(0, self.in_features, self.m)]
        blocks = [(first, last, round(self.n * (last - first) / self.m)) for first, last in ends]
        return blocks if any(kept for *_, kept in blocks) else [(*ends[0], 1)]

    def attainable(self, k: int) -> int:
        """Return how many weights stay, whatever ``k`` is: the pattern says it."""
        return sum(kept for *_, kept in self.pattern()) * (self.dim // self.in_features)

    def harden(self, k: int | None = None) -> Tensor:
        """Keep the largest weights of each block (``None``: all), bool (dim,).

        A ``k`` other than the number that the pattern keeps, or than that of all, is an error.
        """
        if k is not None:
            self._check_k(k)
            if k not in (self.n_open, self.attainable(k)):
                raise ParameterError(f"k={k}: {self.n}:{self.m} keeps {self.attainable(k)} of {self.dim} weights")
            if k != self.n_open:
                self.chosen.copy_(self._largest())
        self.hard.fill_(True)
        return self.open_mask()

    def _largest(self) -> Tensor:
        sizes = self.magnitude.view(-1, self.in_features)
        mask = torch.zeros_like(sizes, dtype=torch.bool)
        for first, last, kept in self.pattern():
            mask[:, first:last].scatter_(1, sizes[:, first:last].topk(kept, dim=1).indices, True)
        return mask.flatten()
