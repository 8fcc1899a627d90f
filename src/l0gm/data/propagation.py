"""Sums over neighbours, the one step that all graph layers share, in bounded memory and without a message an edge.

Where PyTorch is installed its ``embedding_bag`` over int32 indices does the work, the fastest plain path on a
processor; elsewhere a compiled loop gives the same sums, about half as fast.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from l0gm.compiled import compiled
from l0gm.data.adjacency import Adjacency
from l0gm.errors import MissingExtraError, ParameterError

__all__ = ["PRECISIONS", "Mixing", "Operator", "Precision", "hop_operators", "hop_states", "operators"]

Floats = NDArray[np.float32]
Precision = Literal["float32", "bfloat16"]
Mixing = Literal["symmetric", "mean", "attention"]
PRECISIONS = ("float32", "bfloat16")
BLOCK_BYTES = 2**26
"""Of the sums that are made at a time."""


@dataclass(frozen=True)
class Operator:
    """x -> y with y[i] = left[i] * (sum_j w_ij right[j] x[j] + loop * right[i] x[i]) over those that i receives from.

    Parameters
    ----------
    adjacency : Adjacency
    left, right : float32 (n,)
    loop : bool
        Whether each node receives from itself, too.
    """

    adjacency: Adjacency
    left: Floats
    right: Floats
    loop: bool = False
    _plain: bool = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_plain", bool((self.right == 1.0).all()))

    @classmethod
    def symmetric(cls, adjacency: Adjacency, loop: bool) -> Operator:
        """Return D^-1/2 (A + loop I) D^-1/2 (Kipf & Welling 2017), with the weight sent on the sender's side."""
        return cls(adjacency, _inverse(adjacency.received() + loop, 0.5), _inverse(adjacency.sent() + loop, 0.5), loop)

    @classmethod
    def mean(cls, adjacency: Adjacency) -> Operator:
        """Return D^-1 A, the weighted mean over those that a node receives from; zero where there are none."""
        return cls(adjacency, _inverse(adjacency.received(), 1.0), np.ones(adjacency.n_nodes, np.float32))

    def messages(
        self, senders: NDArray[np.int64], receivers: NDArray[np.int64], positions: NDArray[np.int64]
    ) -> Floats:
        """Return what the messages of some edges are multiplied with, (m,).

        Parameters
        ----------
        senders, receivers : int64 (m,)
            Nodes.
        positions : int64 (m,)
            Places of the edges in the adjacency.
        """
        weights = self.left[receivers] * self.right[senders]
        return weights if self.adjacency.weights is None else weights * self.adjacency.weights[positions]

    def loops(self, nodes: NDArray[np.int64]) -> Floats:
        """Return what these nodes' messages to themselves are multiplied with, zero where there are none."""
        return self.left[nodes] * self.right[nodes] * np.float32(self.loop)

    def __call__(self, x: Floats, precision: Precision = "float32", out: Floats | None = None) -> Floats:
        """Return y, float32 (n, k), of x (n, k); ``out`` may take it."""
        y = np.empty(x.shape, np.float32) if out is None else out
        for rows, sums in self.blocks(x, precision):
            y[rows] = sums
        return y

    def blocks(
        self, x: Floats, precision: Precision = "float32", *, in_place: bool = False
    ) -> Iterator[tuple[slice, Floats]]:
        """Yield y a block of rows at a time: (rows, float32 (rows, k)).

        Parameters
        ----------
        x : float32 (n, k)
        precision : {"float32", "bfloat16"}
            In which x is read: half of the bytes, with 8 bits of precision, in about 0.6 of the time.
        in_place : bool
            Whether x may be overwritten, which saves a copy of it.

        Raises
        ------
        ParameterError
            If there is no such precision.
        MissingExtraError
            If half precision is asked for where PyTorch is not installed.
        """
        if precision not in PRECISIONS:
            raise ParameterError(f"precision={precision!r}: choose one of {', '.join(PRECISIONS)}")
        n, k = x.shape
        if k == 0:
            yield slice(0, n), np.zeros((n, 0), np.float32)
            return
        size = max(1, BLOCK_BYTES // (4 * k))
        sent = x if self._plain else np.multiply(x, self.right[:, None], out=x if in_place else None)
        summed = _summing(self.adjacency, sent, precision)
        for first in range(0, n, size):
            rows = slice(first, min(first + size, n))
            sums = summed(rows)
            if self.loop:
                sums += sent[rows]
            sums *= self.left[rows, None]
            yield rows, sums


def operators(adjacencies: Sequence[Adjacency], mixing: Mixing, loop: bool) -> tuple[Operator, ...]:
    """Return the operator of each adjacency: GCN's D^-1/2 (A + I) D^-1/2, or the mean."""
    if mixing == "mean":
        return tuple(map(Operator.mean, adjacencies))
    return tuple(Operator.symmetric(a, loop) for a in adjacencies)


def hop_operators(adjacencies: Sequence[Adjacency], hops: int) -> tuple[Operator, ...]:
    """Return what hops are propagated with: D^-1/2 A D^-1/2, a node itself left out (Frasca et al. 2020)."""
    return operators(adjacencies, "symmetric", loop=False) if hops else ()


def hop_states(x: Floats, mixed: Sequence[Operator], hops: int, precision: Precision = "float32") -> Iterator[Floats]:
    """Yield x, then for each operator x propagated once, twice, and so on, each (n, k)."""
    yield x
    for operator in mixed:
        state = x
        for _ in range(hops):
            state = operator(state, precision)
            yield state


def _inverse(received: Floats, power: float) -> Floats:
    """Return received ** -power, zero where nothing is received."""
    with np.errstate(divide="ignore"):
        found = received ** np.float32(-power)
    return np.where(received > 0, found, 0.0).astype(np.float32)


def _summing(a: Adjacency, x: Floats, precision: Precision) -> Callable[[slice], Floats]:
    """Return what gives the sums over the neighbours of some nodes, float32 (rows, k)."""
    if find_spec("torch") is None:
        if precision != "float32":
            raise MissingExtraError("torch", "train", f"propagation in {precision}")

        def loop(rows: slice) -> Floats:
            out = np.zeros((rows.stop - rows.start, x.shape[1]), np.float32)
            _sums(a.starts, a.senders, a.weights, x, rows.start, out)
            return out

        return loop
    import torch

    def tensor(part: NDArray[Any]) -> Any:  # of what is mapped read-only, a copy: PyTorch knows no such memory
        return torch.from_numpy(np.require(part, requirements=["C", "W"]))

    held = tensor(x).to(getattr(torch, precision))

    def bags(rows: slice) -> Floats:
        first, last = int(a.starts[rows.start]), int(a.starts[rows.stop])
        senders = tensor(a.senders[first:last])
        offsets = tensor((a.starts[rows] - first).astype(np.int32))
        weights = None if a.weights is None else tensor(a.weights[first:last]).to(held.dtype)
        with torch.no_grad():
            summed = torch.nn.functional.embedding_bag(senders, held, offsets, mode="sum", per_sample_weights=weights)
        return summed.float().numpy()

    return bags


@compiled
def _sums(starts, senders, weights, x, first, out):  # type: ignore[no-untyped-def]  # compiled for the types it is called with
    for i in range(len(out)):
        row = out[i]
        for e in range(starts[first + i], starts[first + i + 1]):
            other = x[senders[e]]
            if weights is None:
                for c in range(len(row)):
                    row[c] += other[c]
            else:
                w = weights[e]
                for c in range(len(row)):
                    row[c] += w * other[c]
