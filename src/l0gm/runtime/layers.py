"""The layers of a compacted graph model over all nodes at once: exact, a block of rows at a time, without PyTorch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from l0gm.compiled import compiled
from l0gm.data.adjacency import Adjacency
from l0gm.data.propagation import Operator, Precision
from l0gm.errors import ArtifactError

__all__ = ["AttentionLayer", "GraphLayer", "LinearLayer", "layer_from"]

Floats = NDArray[np.float32]
SLOPE = np.float32(0.2)
"""Of the leaky rectifier over attention scores (Velickovic et al. 2018)."""
ROWS_AT_ONCE = 2**16


class GraphLayer(ABC):
    """From a state of each node to the next."""

    kind: ClassVar[str]

    @property
    @abstractmethod
    def shape(self) -> tuple[int, int]:
        """(width of the state before, width of the state after)."""

    @abstractmethod
    def apply(self, x: Floats, adjacencies: Sequence[Adjacency], mixed: Sequence[Operator], how: Precision) -> Floats:
        """Return the next state (n, out) of ``x`` (n, in); ``mixed`` are the operators of the adjacencies."""

    @abstractmethod
    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return every array by name."""

    @abstractmethod
    def conditions(self, n_channels: int) -> Iterator[bool]:
        """Yield what has to hold for the arrays to fit each other."""


@dataclass(frozen=True)
class LinearLayer(GraphLayer):
    """sum over channels of operator(x) @ weight, + x @ root + bias: GCN, and GraphSAGE with its root.

    Parameters
    ----------
    weights : tuple of float32 (in, out)
        One for each adjacency.
    bias : float32 (out,)
    root : float32 (in, out), optional
    """

    kind: ClassVar[str] = "linear"
    weights: tuple[Floats, ...]
    bias: Floats
    root: Floats | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """(in, out)."""
        return int(self.weights[0].shape[0]), int(self.weights[0].shape[1])

    def apply(self, x: Floats, adjacencies: Sequence[Adjacency], mixed: Sequence[Operator], how: Precision) -> Floats:
        """Return the next state; where ``out`` is not wider, x is multiplied first, so that less is propagated."""
        before, after = self.shape
        out = np.empty((len(x), after), np.float32)
        for first in range(0, len(x), ROWS_AT_ONCE):
            rows = slice(first, first + ROWS_AT_ONCE)
            out[rows] = self.bias if self.root is None else x[rows] @ self.root + self.bias
        for weight, operator in zip(self.weights, mixed, strict=True):
            if after <= before:
                for rows, sums in operator.blocks(x @ weight, how, in_place=True):
                    out[rows] += sums
            else:
                for rows, sums in operator.blocks(x, how):
                    out[rows] += sums @ weight
        return out

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return every array by name."""
        root = {} if self.root is None else {"root": self.root}
        return {f"weight.{i}": w for i, w in enumerate(self.weights)} | {"bias": self.bias} | root

    def conditions(self, n_channels: int) -> Iterator[bool]:
        """Yield what has to hold."""
        yield len(self.weights) == n_channels and self.weights[0].ndim == 2
        yield all(w.shape == self.shape for w in self.weights) and self.bias.shape == self.shape[1:]
        yield self.root is None or self.root.shape == self.shape


@dataclass(frozen=True)
class AttentionLayer(GraphLayer):
    """Sum over channels of graph attention (GAT): each head weighs those that a node receives from, and itself.

    Parameters
    ----------
    weights : tuple of float32 (in, out)
        One for each adjacency.
    senders, receivers : tuple of float32 (in, heads)
        What attention scores are made with: leaky(x_j @ senders + x_i @ receivers).
    heads : int32 (out,)
        The head that each output channel belongs to, ascending.
    bias : float32 (out,)
    """

    kind: ClassVar[str] = "attention"
    weights: tuple[Floats, ...]
    senders: tuple[Floats, ...]
    receivers: tuple[Floats, ...]
    heads: NDArray[np.int32]
    bias: Floats

    @property
    def shape(self) -> tuple[int, int]:
        """(in, out)."""
        return int(self.weights[0].shape[0]), int(self.weights[0].shape[1])

    def apply(self, x: Floats, adjacencies: Sequence[Adjacency], mixed: Sequence[Operator], how: Precision) -> Floats:
        """Return the next state; ``mixed`` and the precision are not used."""
        out = np.tile(self.bias, (len(x), 1))
        parts = zip(adjacencies, self.weights, self.senders, self.receivers, strict=True)
        for a, weight, senders, receivers in parts:
            _attend(a.starts, a.senders, x @ weight, x @ senders, x @ receivers, self.heads, out)
        return out

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return every array by name."""
        named: dict[str, NDArray[Any]] = {"heads": self.heads, "bias": self.bias}
        for i, (w, s, r) in enumerate(zip(self.weights, self.senders, self.receivers, strict=True)):
            named |= {f"weight.{i}": w, f"senders.{i}": s, f"receivers.{i}": r}
        return named

    def conditions(self, n_channels: int) -> Iterator[bool]:
        """Yield what has to hold."""
        yield len(self.weights) == len(self.senders) == len(self.receivers) == n_channels
        yield self.weights[0].ndim == self.senders[0].ndim == 2
        inside, out = self.shape
        n_heads = self.senders[0].shape[1]
        yield all(w.shape == (inside, out) for w in self.weights) and self.bias.shape == (out,)
        yield all(s.shape == (inside, n_heads) for s in (*self.senders, *self.receivers))
        yield self.heads.shape == (out,) and self.heads.dtype == np.int32
        yield np.array_equal(np.unique(self.heads), np.arange(n_heads)) and bool((np.diff(self.heads) >= 0).all())


def layer_from(arrays: Mapping[str, NDArray[Any]], kind: object, n_channels: int) -> GraphLayer:
    """Return a layer of a model file.

    Raises
    ------
    ArtifactError, KeyError
        If an array is missing, left over or does not fit.
    """
    if any(a.dtype != np.float32 and name != "heads" for name, a in arrays.items()):
        raise ArtifactError("a layer's arrays are not in single precision")

    def numbered(name: str) -> tuple[Floats, ...]:
        return tuple(arrays[f"{name}.{i}"] for i in range(n_channels))

    layer: GraphLayer
    if kind == LinearLayer.kind:
        layer = LinearLayer(numbered("weight"), arrays["bias"], arrays.get("root"))
    elif kind == AttentionLayer.kind:
        weights, senders, receivers = map(numbered, ("weight", "senders", "receivers"))
        layer = AttentionLayer(weights, senders, receivers, arrays["heads"], arrays["bias"])
    else:
        raise ArtifactError(f"no kind of layer is called {kind!r}")
    if layer.arrays().keys() != arrays.keys() or not all(layer.conditions(n_channels)):
        raise ArtifactError("a layer's arrays do not fit each other")
    if not all(np.isfinite(a).all() for a in arrays.values()):
        raise ArtifactError("a layer's arrays are not finite")
    return layer


@compiled
def _attend(starts, senders, values, sending, receiving, heads, out):  # type: ignore[no-untyped-def]  # compiled
    """Add to ``out`` each node's mean of the values of those it receives from and itself, weighted by attention."""
    n_heads = sending.shape[1]
    width = values.shape[1]
    most = np.empty(n_heads, np.float32)
    total = np.empty(n_heads, np.float32)
    share = np.empty(n_heads, np.float32)
    row = np.empty(width, np.float32)
    for i in range(len(out)):
        for h in range(n_heads):
            score = sending[i, h] + receiving[i, h]
            most[h] = score if score > 0 else SLOPE * score
        for e in range(starts[i], starts[i + 1]):
            j = senders[e]
            for h in range(n_heads):
                score = sending[j, h] + receiving[i, h]
                score = score if score > 0 else SLOPE * score
                most[h] = max(most[h], score)
        total[:] = 0.0
        row[:] = 0.0
        for e in range(starts[i] - 1, starts[i + 1]):
            j = i if e < starts[i] else senders[e]
            for h in range(n_heads):
                score = sending[j, h] + receiving[i, h]
                score = score if score > 0 else SLOPE * score
                share[h] = np.exp(score - most[h])
                total[h] += share[h]
            for c in range(width):
                row[c] += share[heads[c]] * values[j, c]
        for c in range(width):
            out[i, c] += row[c] / total[heads[c]]
