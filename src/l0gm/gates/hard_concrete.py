"""The learned gate: hard-concrete variables, one a dimension or one a group of dimensions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from l0gm.errors import ParameterError
from l0gm.gates import functional
from l0gm.gates.base import Gate, group_sizes

__all__ = ["HardConcreteGate"]


class HardConcreteGate(Gate):
    """Hard-concrete L0 gate (Louizos et al. 2018; paper, Algorithm 1 and Eqs. 5 and 6).

    In training each value is a sample; at inference it is deterministic. Add ``penalty * gate.expected_open()``
    to the loss, give ``log_alpha`` a learning rate of at least ten times the weights' and no weight decay, lower
    the temperature with :meth:`anneal` and, at the end, fix the support with :meth:`harden`.

    Parameters
    ----------
    dim : int
        Width of the representation.
    groups : sequence of int, optional
        Dimensions with the same number share a gate (a whole field, a whole channel).
    init : float
        Initial ``log_alpha``. The default starts open: sigmoid(3) = 0.95.
    temperature : float
        Temperature of the samples until :meth:`anneal` changes it.
    mask : {"example", "batch"}
        One mask an example, or one for the whole batch, which is cheaper and noisier.
    inference : {"binary", "soft"}
        ``binary`` is the paper's I[sigmoid(log_alpha) > threshold]; ``soft`` is Louizos' clipped value. Both
        agree once the gate is hardened.
    threshold : float
        The paper's pi.
    cost : sequence of float (dim,), optional
        What :meth:`expected_cost` counts an open dimension as, each above 0; default: 1.

    Raises
    ------
    ParameterError
        If an argument is out of range.

    Examples
    --------
    >>> import torch
    >>> gate = HardConcreteGate(16)
    >>> gate(torch.randn(4, 16)).shape
    torch.Size([4, 16])
    """

    learned = True

    def __init__(
        self,
        dim: int,
        groups: Sequence[int] | Tensor | None = None,
        *,
        init: float = 3.0,
        temperature: float = functional.REFERENCE_TEMPERATURE,
        mask: Literal["example", "batch"] = "example",
        inference: Literal["binary", "soft"] = "binary",
        threshold: float = 0.5,
        cost: Sequence[float] | Tensor | None = None,
    ) -> None:
        super().__init__(dim, groups)
        if mask not in ("example", "batch"):
            raise ParameterError(f"mask={mask!r}: choose 'example' or 'batch'")
        if inference not in ("binary", "soft"):
            raise ParameterError(f"inference={inference!r}: choose 'binary' or 'soft'")
        if not 0.0 < threshold < 1.0:
            raise ParameterError(f"threshold={threshold}: it must lie between 0 and 1")
        if not abs(init) <= functional.LOG_ALPHA_BOUND:
            raise ParameterError(f"init={init}: log_alpha is kept within +-{functional.LOG_ALPHA_BOUND}")
        self.mask = mask
        self.inference = inference
        self.threshold = threshold
        self.shared = groups is not None
        self.anneal(temperature)
        self.log_alpha = nn.Parameter(torch.full((self.n_gates,), float(init)))
        self.register_buffer("sizes", group_sizes(self.group_index).float(), persistent=False)
        self.sizes: Tensor
        self.register_buffer("cost", None if cost is None else self._group_cost(cost), persistent=False)
        self.cost: Tensor | None

    def _group_cost(self, cost: Sequence[float] | Tensor) -> Tensor:
        """Return the summed cost of each gate's dimensions, float (n_gates,)."""
        each = torch.as_tensor(cost, dtype=torch.float32).reshape(-1)
        if len(each) != self.dim or not (torch.isfinite(each) & (each > 0)).all():
            raise ParameterError(f"cost={cost}: {self.dim} finite numbers above 0 are needed, one a dimension")
        return torch.zeros(self.n_gates).index_add(0, self.group_index, each)

    def anneal(self, temperature: float) -> None:
        """Set the temperature of the samples.

        Raises
        ------
        ParameterError
            If it is not positive and finite.
        """
        if not 0.0 < temperature < math.inf:
            raise ParameterError(f"temperature={temperature}: it must be positive and finite")
        self.temperature = float(temperature)

    def clamp_(self) -> None:
        """Bring ``log_alpha`` back within its bounds; call it after each optimiser step."""
        with torch.no_grad():
            self.log_alpha.clamp_(-functional.LOG_ALPHA_BOUND, functional.LOG_ALPHA_BOUND)

    @property
    def per_example(self) -> bool:
        """Whether masks are drawn an example now."""
        return self.mask == "example" and self.training and not self.hardened

    def values(self, h: Tensor) -> Tensor:
        """Return z: sampled (..., dim) or (dim,) in training, (dim,) at inference."""
        if not self.training or self.hardened:
            return self.inference_values().to(h.dtype)
        shape = (*h.shape[:-1], self.n_gates) if self.mask == "example" else (self.n_gates,)
        noise = functional.logistic_noise(shape, dtype=self.log_alpha.dtype, device=h.device)
        z = functional.sample(self.log_alpha, noise, self.temperature).to(h.dtype)
        return z[..., self.group_index] if self.shared else z

    def inference_values(self) -> Tensor:
        """Return z at inference by the chosen rule, float (dim,)."""
        if self.hardened:
            z = (self.log_alpha > 0).to(self.log_alpha.dtype)  # whatever the threshold
        elif self.inference == "binary":
            z = functional.binary(self.log_alpha, self.threshold).to(self.log_alpha.dtype)
        else:
            z = functional.soft(self.log_alpha)
        return z[self.group_index]

    def open_probability(self) -> Tensor:
        """Return P(z > 0) at the reference temperature for each dimension, float (dim,)."""
        return functional.open_probability(self.log_alpha)[self.group_index]

    def expected_open(self) -> Tensor:
        """Return the expected number of open dimensions at the reference temperature, a scalar.

        It has no gradient once the gate is hardened.
        """
        log_alpha = self.log_alpha.detach() if self.hardened else self.log_alpha
        return (functional.open_probability(log_alpha) * self.sizes).sum()

    def expected_cost(self) -> Tensor:
        """Return the expected cost of the open dimensions, a scalar; their count where no ``cost`` was given."""
        if self.cost is None:
            return self.expected_open()
        log_alpha = self.log_alpha.detach() if self.hardened else self.log_alpha
        return (functional.open_probability(log_alpha) * self.cost).sum()

    def above_threshold(self) -> int:
        """Return how many dimensions have sigmoid(log_alpha) > threshold, whatever the inference rule."""
        return int(functional.binary(self.log_alpha, self.threshold)[self.group_index].sum())

    def harden(self, k: int | None = None) -> Tensor:
        """Fix the support to the k dimensions of largest ``log_alpha`` (``None``: those open now); bool (dim,)."""
        with torch.no_grad():
            mask = self.open_mask() if k is None else self._best(self.log_alpha, k)
            gates_open = torch.zeros(self.n_gates, dtype=torch.bool, device=mask.device)
            gates_open[self.group_index[mask]] = True
            bound = torch.full_like(self.log_alpha, functional.LOG_ALPHA_BOUND)
            self.log_alpha.copy_(torch.where(gates_open, bound, -bound))
        self.hard.fill_(True)
        return mask
