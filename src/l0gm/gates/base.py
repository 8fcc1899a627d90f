"""The contract of a gate: a module that multiplies a representation by values in [0, 1]."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from l0gm.errors import ParameterError

__all__ = ["Gate", "group_sizes", "normalise_groups"]


def normalise_groups(dim: int, groups: Sequence[int] | Tensor | None) -> Tensor:
    """Return the group of each of ``dim`` dimensions as int64 (dim,); ``None`` puts each in its own.

    Raises
    ------
    ParameterError
        If ``dim`` is not positive, the length is not ``dim``, or the group numbers leave a gap.
    """
    if dim < 1:
        raise ParameterError(f"dim={dim}: a gate needs at least one dimension")
    if groups is None:
        return torch.arange(dim)
    index = torch.as_tensor(groups, dtype=torch.int64).reshape(-1)
    if len(index) != dim:
        raise ParameterError(f"groups has {len(index)} entries for dim={dim}: give one group number a dimension")
    numbers = torch.unique(index)
    if not torch.equal(numbers, torch.arange(len(numbers), device=index.device)):
        raise ParameterError("groups must number the groups 0, 1, 2, ... without a gap")
    return index


def group_sizes(groups: Tensor) -> Tensor:
    """Return how many dimensions each group has, int64 (n_groups,)."""
    return torch.bincount(groups)


class Gate(nn.Module, ABC):
    """A gate on a representation h of shape (..., dim): ``gate(h)`` is ``gate.values(h) * h``.

    Parameters
    ----------
    dim : int
        Width of the representation.
    groups : sequence of int, optional
        For each dimension the number of the gate that it shares; default: one gate a dimension.

    Attributes
    ----------
    n_gates : int
        Number of gates: ``dim``, or fewer where dimensions share one.
    learned : bool
        Whether the gate has parameters that a sparsity penalty acts on.
    conditional : bool
        Whether z at inference depends on the row; :meth:`inference_values` is then the most that it can be.
    lr_scale : float
        How far :meth:`gate_parameters` move where a ``log_alpha`` moves by one.
    hardened : bool
        Whether the open dimensions are fixed for good; training and inference then multiply with the same values, zero
        elsewhere and, but for a scale or a condition of the gate's own, one where it is open.
    """

    learned = False
    conditional = False
    lr_scale = 1.0
    group_index: Tensor
    hard: Tensor

    def __init__(self, dim: int, groups: Sequence[int] | Tensor | None = None) -> None:
        super().__init__()
        self.dim = dim
        self.register_buffer("group_index", normalise_groups(dim, groups))
        self.n_gates = int(self.group_index.max()) + 1
        self.register_buffer("hard", torch.zeros((), dtype=torch.bool))

    @property
    def hardened(self) -> bool:
        """Whether the support is fixed."""
        return bool(self.hard)

    @property
    def per_example(self) -> bool:
        """Whether :meth:`values` has to see the rows now: it may differ between them, or takes note of them."""
        return False

    @property
    def n_open(self) -> int:
        """Number of dimensions that are open at inference."""
        return int(self.open_mask().sum())

    @property
    def targeted(self) -> Gate:
        """The gate that a target fraction speaks of: this one, unless it follows another."""
        return self

    def gate_parameters(self) -> list[nn.Parameter]:
        """Return the parameters that decide what is open: these have their own learning rate and no weight decay."""
        return list(self.parameters())

    @abstractmethod
    def values(self, h: Tensor) -> Tensor:
        """Return z, (dim,) or of the shape of ``h``: sampled in training where the gate is stochastic.

        Where :attr:`per_example` is false, z is (dim,) and only the type and place of ``h`` matter.
        """

    @abstractmethod
    def inference_values(self) -> Tensor:
        """Return the z that inference multiplies with, float (dim,)."""

    @abstractmethod
    def harden(self, k: int | None = None) -> Tensor:
        """Fix the support for good and return it, bool (dim,).

        ``k`` is the number of dimensions to leave open; ``None`` keeps those that are open now. Where gates are
        shared, whole groups are opened in order of preference as long as they fit into ``k``; where none fits,
        the most preferred one is.

        Raises
        ------
        ParameterError
            If ``k`` is not between 1 and ``dim``.
        """

    def open_mask(self) -> Tensor:
        """Return which dimensions are open at inference, bool (dim,)."""
        return self.inference_values() > 0

    def expected_open(self) -> Tensor:
        """Return the expected number of open dimensions, a differentiable scalar (Eq. 6)."""
        return self.inference_values().sum()

    def expected_cost(self) -> Tensor:
        """Return what the penalty multiplies, a differentiable scalar: the expected count, or a weighted one."""
        return self.expected_open()

    def anneal(self, temperature: float) -> None:
        """Set the temperature; gates that have none ignore it."""

    def clamp_(self) -> None:
        """Bring the gate's parameters back within their bounds, after an optimiser step; most gates have none."""

    def gated(self, h: Tensor) -> tuple[Tensor, Tensor]:
        """Return (z * h, z)."""
        z = self.values(h)
        return z * h, z

    def forward(self, h: Tensor) -> Tensor:
        """Return z * h, with the shape of ``h``."""
        return self.gated(h)[0]

    def extra_repr(self) -> str:
        """Describe the gate in one line."""
        return f"dim={self.dim}, n_gates={self.n_gates}, n_open={self.n_open}, hardened={self.hardened}"

    def attainable(self, k: int) -> int:
        """Return how many dimensions :meth:`harden` opens when asked for ``k``, if all groups are of one size."""
        return int(self._best(torch.zeros(self.n_gates, device=self.group_index.device), k).sum())

    def _check_k(self, k: int) -> None:
        if not 1 <= k <= self.dim:
            raise ParameterError(f"k={k}: harden needs between 1 and {self.dim} open dimensions")

    def _best(self, preference: Tensor, k: int) -> Tensor:
        """Open the gates of highest preference (n_gates,) whose dimensions fit into k; bool (dim,)."""
        self._check_k(k)
        sizes = group_sizes(self.group_index).tolist()
        order = torch.sort(preference, descending=True, stable=True).indices.tolist()
        opened: list[int] = []
        room = k
        for g in order:
            if sizes[g] <= room:
                opened.append(g)
                room -= sizes[g]
        chosen = torch.zeros(len(sizes), dtype=torch.bool, device=preference.device)
        chosen[opened or order[:1]] = True
        return chosen[self.group_index]
