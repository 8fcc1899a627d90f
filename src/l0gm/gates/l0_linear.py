"""A linear layer whose weights, units or inputs have hard-concrete gates, and the gate at the interface before it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from l0gm.errors import ParameterError
from l0gm.gates import functional
from l0gm.gates.base import Gate
from l0gm.gates.hard_concrete import HardConcreteGate

__all__ = ["CutLinear", "L0Linear", "ReadGate"]


class CutLinear(NamedTuple):
    """What :meth:`L0Linear.compact` leaves.

    Parameters
    ----------
    linear : Linear
        Over what is left.
    inputs : int64 tensor (inputs that are read,)
    outputs : int64 tensor (outputs that depend on any,)
    rest : tensor (out_features,)
        The outputs where they are constant; zero at ``outputs``.
    """

    linear: nn.Linear
    inputs: Tensor
    outputs: Tensor
    rest: Tensor


class L0Linear(nn.Linear):
    """A linear layer with hard-concrete L0 gates on its weights, output units or inputs (Louizos et al. 2018).

    In training a mask is sampled for each batch (not, as in section 2.3 of that paper, for each row); at inference the
    weights are multiplied with the gates' inference values. Add ``penalty * layer.expected_open()`` to the loss, lower
    the temperature with ``layer.gate.anneal``, call ``layer.gate.clamp_`` after each optimiser step and, at the end,
    :meth:`harden` and :meth:`compact`.

    Parameters
    ----------
    in_features, out_features : int
    bias : bool
    weights : {"weight", "unit", "input"}
        What has a gate: each weight; each output unit, with its bias; or each input with all weights that read it.
    gate : callable, optional
        From the numbers of outputs and inputs to the gate of all weights, to compare with hard-concrete ones.
    init, temperature, inference, threshold
        See :class:`HardConcreteGate`.

    Attributes
    ----------
    gate : Gate
        Of out_features * in_features, out_features or in_features dimensions.

    Raises
    ------
    ParameterError
        If an argument is out of range.

    Examples
    --------
    >>> import torch
    >>> layer = L0Linear(16, 4)
    >>> layer(torch.randn(8, 16)).shape
    torch.Size([8, 4])
    >>> layer.harden(10).shape, layer.n_open
    (torch.Size([64]), 10)
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        *,
        weights: Literal["weight", "unit", "input"] = "weight",
        gate: Callable[[int, int], Gate] | None = None,
        init: float = 3.0,
        temperature: float = functional.REFERENCE_TEMPERATURE,
        inference: Literal["binary", "soft"] = "binary",
        threshold: float = 0.5,
    ) -> None:
        super().__init__(in_features, out_features, bias)
        sizes = {"weight": out_features * in_features, "unit": out_features, "input": in_features}
        if weights not in sizes:
            raise ParameterError(f"weights={weights!r}: choose 'weight', 'unit' or 'input'")
        if gate is not None and weights != "weight":
            raise ParameterError(f"weights={weights!r}: a gate of another kind is one of single weights")
        self.weights = weights
        self.gate: Gate
        if gate is not None:
            self.gate = gate(out_features, in_features)
            return
        self.gate = HardConcreteGate(
            sizes[weights], init=init, temperature=temperature, mask="batch", inference=inference, threshold=threshold
        )

    @property
    def n_open(self) -> int:
        """Number of open gates."""
        return self.gate.n_open

    def expected_open(self) -> Tensor:
        """Return the expected number of open gates, a differentiable scalar."""
        return self.gate.expected_open()

    def harden(self, k: int | None = None) -> Tensor:
        """Fix which gates are open, the k of largest ``log_alpha`` (``None``: those open now); bool (gates,)."""
        return self.gate.harden(k)

    def over_weights(self, z: Tensor) -> Tensor:
        """Return values of the gates (gates,) in a shape that goes with the weight, (out_features, in_features)."""
        return z.view({"weight": self.weight.shape, "unit": (-1, 1), "input": (1, -1)}[self.weights])

    def inference_weight(self) -> Tensor:
        """Return the weight that inference multiplies with, (out_features, in_features)."""
        return self.weight * self.over_weights(self.gate.inference_values()).to(self.weight.dtype)

    def inference_bias(self) -> Tensor:
        """Return the bias that inference adds, (out_features,); zeros without one."""
        if self.bias is None:
            return self.weight.new_zeros(self.out_features)
        return self.bias * self.gate.inference_values().to(self.bias.dtype) if self.weights == "unit" else self.bias

    def forward(self, h: Tensor) -> Tensor:
        """Return the layer's outputs (..., out_features) for ``h`` (..., in_features)."""
        z = self.gate.values(self.weight)
        bias = self.bias if self.bias is None or self.weights != "unit" else self.bias * z
        return nn.functional.linear(h, self.weight * self.over_weights(z), bias)

    @torch.no_grad()
    def compact(self) -> CutLinear:
        """Return a plain layer without the inputs that no open weight reads and the outputs that read none.

        Single closed weights between them are zeros. With ``cut = layer.compact()``, the layer's output is ``cut.rest``
        with ``cut.linear(h[:, cut.inputs])`` in the places ``cut.outputs``.
        """
        weight, bias = self.inference_weight(), self.inference_bias()
        opened = self.over_weights(self.gate.open_mask()).expand_as(weight)
        inputs, outputs = opened.any(0).nonzero()[:, 0], opened.any(1).nonzero()[:, 0]
        linear = nn.utils.skip_init(nn.Linear, 1, 1)  # PyTorch warns of layers without inputs or outputs
        linear.in_features, linear.out_features = len(inputs), len(outputs)
        linear.weight, linear.bias = nn.Parameter(weight[outputs][:, inputs]), nn.Parameter(bias[outputs])
        rest = bias.clone()
        rest[outputs] = 0.0
        return CutLinear(linear, inputs, outputs, rest)

    def extra_repr(self) -> str:
        """Describe the layer in one line."""
        return f"{super().extra_repr()}, weights={self.weights!r}, n_open={self.n_open} of {self.gate.dim}"


class ReadGate(Gate):
    """The gate at an interface that an :class:`L0Linear` reads: a dimension is open where any weight reads it.

    It follows the layer's gates and has nothing to learn. In training its values are the chances that any of a
    dimension's weights is open. A target fraction is that of the layer's gates (:attr:`targeted`); how many dimensions
    stay is what comes out of it.

    Parameters
    ----------
    layer : L0Linear
        Behind the interface, with gates on its weights or inputs.
    """

    def __init__(self, layer: L0Linear) -> None:
        super().__init__(layer.in_features)
        if layer.weights == "unit":
            raise ParameterError("weights='unit': such a layer reads all of its inputs; choose 'weight' or 'input'")
        self.behind = layer.gate

    @property
    def hardened(self) -> bool:
        """Whether the layer's gates are."""
        return self.behind.hardened

    @property
    def targeted(self) -> Gate:
        """The layer's gates."""
        return self.behind

    def gate_parameters(self) -> list[nn.Parameter]:
        """Return none: the layer's gates have theirs."""
        return []

    def chances(self) -> Tensor:
        """Return the probability that any weight reads a dimension, float (dim,)."""
        if not isinstance(self.behind, HardConcreteGate):
            return self.inference_values()
        shut = functional.closed_probability(self.behind.log_alpha).log().view(-1, self.dim)
        return -torch.expm1(shut.sum(0))

    def values(self, h: Tensor) -> Tensor:
        """Return z, (dim,)."""
        z = self.chances() if self.training and not self.hardened else self.inference_values()
        return z.to(h.dtype)

    def inference_values(self) -> Tensor:
        """Return which dimensions any weight reads as 0 and 1, float (dim,)."""
        return self.behind.open_mask().view(-1, self.dim).any(0).float()

    def expected_open(self) -> Tensor:
        """Return the expected number of dimensions that any weight reads; once hardened, their number."""
        return self.inference_values().sum() if self.hardened else self.chances().sum()

    def harden(self, k: int | None = None) -> Tensor:
        """Fix the layer's gates as they stand; a ``k`` other than the open count is an error; bool (dim,)."""
        if k is not None:
            self._check_k(k)
            if k != self.n_open:
                raise ParameterError(f"k={k}: {self.n_open} dimensions are read; harden the layer's gates to a count")
        self.behind.harden()
        return self.open_mask()
