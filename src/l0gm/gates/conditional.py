"""The conditional gate: a hard-concrete support, inside which each row closes more."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from l0gm.errors import ParameterError
from l0gm.gates import functional
from l0gm.gates.hard_concrete import HardConcreteGate

__all__ = ["ConditionalGate"]

WHOLE = math.log(11.0)  # the log_alpha from which on the soft value is 1


class LowRank(nn.Module):
    """x -> x D U, zero at first.

    Parameters
    ----------
    dim, n_outputs, rank : int
        D is (dim, rank), U (rank, n_outputs).
    """

    lr_scale = 10.0  # of the weights' rate: it begins at zero, and logits are larger than weights

    def __init__(self, dim: int, n_outputs: int, rank: int) -> None:
        super().__init__()
        self.down = nn.Parameter(torch.randn(dim, rank) * dim**-0.5)
        self.up = nn.Parameter(torch.zeros(rank, n_outputs))

    def forward(self, x: Tensor) -> Tensor:
        """Return (..., n_outputs) for ``x`` (..., dim)."""
        return x @ self.down @ self.up


class ConditionalGate(HardConcreteGate):
    """A hard-concrete gate whose logits depend on the row: log_alpha + min(0, low-rank function of h).

    The function h -> (z0 * h) D U, with D (dim, rank) and U (rank, gates), begins at zero, so that training starts as
    that of the static gate. It only ever lowers a logit: what is closed by ``log_alpha``, the static part, is closed
    for every row, and can be cut out. Hence :meth:`expected_open` counts the static part, an upper bound of what any
    row opens; a function that could also open would learn to open what the penalty counts as closed. For the same
    reason it reads only what the static part leaves open (z0: its open probability in training, its mask at inference).

    :meth:`harden` fixes the support by the static part; ``inference`` and ``threshold`` say what that is before. Inside
    the support a row's value is always the soft one, in training as at inference: a decision a row would make answers
    jump. The function goes on learning in the fine-tuning. It does not pass gradients to h, which is to serve the
    predictor and not to steer its gates.

    Parameters
    ----------
    dim : int
        Width of the representation.
    groups : sequence of int, optional
        Dimensions with the same number share a gate.
    rank : int
        Of the function of h.
    **options
        Those of :class:`HardConcreteGate`.

    Raises
    ------
    ParameterError
        If an argument is out of range.

    Examples
    --------
    >>> import torch
    >>> gate = ConditionalGate(16, rank=2)
    >>> gate(torch.randn(4, 16)).shape
    torch.Size([4, 16])
    """

    conditional = True

    def __init__(
        self, dim: int, groups: Sequence[int] | Tensor | None = None, *, rank: int = 4, **options: Any
    ) -> None:
        super().__init__(dim, groups, **options)
        if rank < 1:
            raise ParameterError(f"rank={rank}: at least 1")
        self.function = LowRank(dim, self.n_gates, rank)

    def gate_parameters(self) -> list[nn.Parameter]:
        """Return the static part; the function of h learns as weights do."""
        return [self.log_alpha]

    @property
    def per_example(self) -> bool:
        """True: the values differ between rows."""
        return True

    def logits(self, h: Tensor) -> Tensor:
        """Return each row's logits, (..., n_gates), for ``h`` (..., dim)."""
        static = self.log_alpha.detach() if self.hardened else self.log_alpha
        sampling = self.training and not self.hardened
        read = self.open_probability().detach() if sampling else self.inference_values()
        change: Tensor = self.function(h.detach().to(static.dtype) * read)
        return static + change.clamp(max=0.0)

    def values(self, h: Tensor) -> Tensor:
        """Return z of the shape of ``h``: sampled in training, else soft inside the support and zero outside."""
        logits = self.logits(h)
        if not self.training or self.hardened:
            return (functional.soft(logits)[..., self.group_index] * self.inference_values()).to(h.dtype)
        shape = logits.shape if self.mask == "example" else (self.n_gates,)
        noise = functional.logistic_noise(shape, dtype=logits.dtype, device=h.device)
        return functional.sample(logits, noise, self.temperature).to(h.dtype)[..., self.group_index]

    def inference_values(self) -> Tensor:
        """Return the support, the most that a row's z can be, as 0 and 1, float (dim,)."""
        return (super().inference_values() > 0).to(self.log_alpha.dtype)

    def expected_open(self) -> Tensor:
        """Return the expected number of dimensions that the static part opens; once hardened, their number."""
        return self.inference_values().sum() if self.hardened else super().expected_open()

    def harden(self, k: int | None = None) -> Tensor:
        """Fix the support to the k dimensions of largest ``log_alpha`` (``None``: those open now); bool (dim,).

        Inside it ``log_alpha`` becomes the least for which a row is wholly open where the function of h is zero.
        """
        mask = super().harden(k)
        with torch.no_grad():
            self.log_alpha.clamp_(max=WHOLE)
        return mask
