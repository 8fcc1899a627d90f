"""The compacted predictor of a graph's nodes: attributes, layers, and a small head, over all nodes at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l0gm.data.adjacency import Adjacency
from l0gm.data.propagation import PRECISIONS, Mixing, Precision, hop_operators, hop_states, operators
from l0gm.errors import ArtifactError, ParameterError
from l0gm.runtime.layers import GraphLayer, layer_from

__all__ = ["GraphProgram"]

Floats = NDArray[np.float32]
ROWS_AT_ONCE = 2**16
MIXINGS = ("symmetric", "mean", "attention")


@dataclass(frozen=True)
class GraphProgram:
    """Graph layers, or hops that are propagated without weights, and then linear layers with ReLU between them.

    Parameters
    ----------
    mixing : {"symmetric", "mean", "attention"}
        How neighbours are averaged.
    n_channels : int
        Adjacencies of a graph.
    layers : tuple of GraphLayer
        With ReLU between them.
    hops : int
        How often attributes are propagated, where there are no graph layers (SIGN); 0 for none (a plain MLP).
    dense : tuple of (weight (in, out), bias (out,))
        The first one reads the last state, or the attributes and, channel by channel, their hops; the last one gives
        logits.
    """

    mixing: Mixing
    n_channels: int
    layers: tuple[GraphLayer, ...]
    hops: int
    dense: tuple[tuple[Floats, Floats], ...]

    @property
    def n_outputs(self) -> int:
        """Number of logits."""
        return len(self.dense[-1][1])

    @property
    def width(self) -> int:
        """Attributes that are read."""
        if self.layers:
            return self.layers[0].shape[0]
        return int(self.dense[0][0].shape[0]) // (1 + self.hops * self.n_channels)

    def probabilities(
        self, x: Floats, adjacencies: Sequence[Adjacency], precision: Precision = "float32"
    ) -> NDArray[np.float64]:
        """Return the class probabilities of every node, (n, C), of its attributes ``x`` (n, k).

        Raises
        ------
        ParameterError
            If there is no such precision.
        ArtifactError
            If a sum overflows: weights from a file may be finite and still too large.
        """
        if precision not in PRECISIONS:  # some models do without it
            raise ParameterError(f"precision={precision!r}: choose one of {', '.join(PRECISIONS)}")
        with np.errstate(over="ignore", invalid="ignore"):  # the answers will tell
            state = self._last_state(x, adjacencies, precision)
            start = 0 if self.layers else 1
            out = np.empty((len(x), max(self.n_outputs, 2)), np.float64)
            for first in range(0, len(x), ROWS_AT_ONCE):
                rows = slice(first, first + ROWS_AT_ONCE)
                h = state[rows]
                for number, (weight, bias) in enumerate(self.dense[start:]):
                    h = (np.maximum(h, 0.0) if number + start else h) @ weight + bias
                if not np.isfinite(h).all():
                    raise ArtifactError("the weights or the attributes are so large that an answer is no finite number")
                out[rows] = _softmax(h.astype(np.float64))
        return out

    def _last_state(self, x: Floats, adjacencies: Sequence[Adjacency], precision: Precision) -> Floats:
        """Return what the first linear layer reads; of hops, what it gives."""
        if not self.layers:
            weight, bias = self.dense[0]
            k = x.shape[1]
            out = np.empty((len(x), weight.shape[1]), np.float32)
            for place, state in enumerate(hop_states(x, hop_operators(adjacencies, self.hops), self.hops, precision)):
                for first in range(0, len(x), ROWS_AT_ONCE):
                    rows = slice(first, first + ROWS_AT_ONCE)
                    part = state[rows] @ weight[place * k : (place + 1) * k]
                    out[rows] = part + (bias if place == 0 else out[rows])
            return out
        mixed = operators(adjacencies, self.mixing, loop=self.mixing == "symmetric")
        for number, layer in enumerate(self.layers):
            x = layer.apply(x, adjacencies, mixed, precision)
            if number + 1 < len(self.layers):
                np.maximum(x, 0.0, out=x)
        return x

    @property
    def n_parameters(self) -> int:
        """Numbers that prediction uses."""
        return sum(a.size for a in self.arrays().values() if a.dtype == np.float32)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return every array by name."""
        named = {f"layer.{i}.{name}": a for i, layer in enumerate(self.layers) for name, a in layer.arrays().items()}
        for i, (weight, bias) in enumerate(self.dense):
            named |= {f"dense.{i}.weight": weight, f"dense.{i}.bias": bias}
        return named

    def structure(self) -> dict[str, Any]:
        """Return what is needed beside the arrays, as json can hold it."""
        return {
            "mixing": self.mixing,
            "n_channels": self.n_channels,
            "layers": [layer.kind for layer in self.layers],
            "hops": self.hops,
            "dense": len(self.dense),
        }

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[Any]], structure: dict[str, Any]) -> GraphProgram:
        """Put a program together again and check that its shapes fit each other.

        Raises
        ------
        ArtifactError
            If an array is missing, left over, not finite, or does not fit the others.
        """
        try:
            counts = (structure["n_channels"], structure["hops"], structure["dense"], len(structure["layers"]))
            limit = max(len(arrays), 2) * 1000
            sound = isinstance(structure["layers"], list) and all(type(n) is int and 0 <= n <= limit for n in counts)
            if not sound or not counts[0] or not counts[2]:
                raise ArtifactError(f"the program's structure cannot be {structure}")
            layers = []
            for i, kind in enumerate(structure["layers"]):
                start = f"layer.{i}."
                own = {name.removeprefix(start): a for name, a in arrays.items() if name.startswith(start)}
                layers.append(layer_from(own, kind, counts[0]))
            dense = tuple((arrays[f"dense.{i}.weight"], arrays[f"dense.{i}.bias"]) for i in range(counts[2]))
            made = cls(structure["mixing"], counts[0], tuple(layers), counts[1], dense)
        except KeyError as error:
            raise ArtifactError(f"the program is incomplete: {error} is missing") from error
        if made.arrays().keys() != arrays.keys() or not all(made._conditions()):
            raise ArtifactError("the model's arrays do not fit each other")
        return made

    def _conditions(self) -> Iterator[bool]:
        yield self.mixing in MIXINGS
        yield not (self.layers and self.hops)
        before: int | None = None
        for layer in self.layers:
            yield before in (None, layer.shape[0])
            yield (layer.kind == "attention") == (self.mixing == "attention")
            before = layer.shape[1]
        for weight, bias in self.dense:
            yield weight.dtype == bias.dtype == np.float32 and weight.ndim == 2 and bias.shape == weight.shape[1:]
            yield before in (None, weight.shape[0]) and bool(np.isfinite(weight).all() and np.isfinite(bias).all())
            before = weight.shape[1]
        yield before is not None and before > 0
        yield bool(self.layers) or self.dense[0][0].shape[0] % (1 + self.hops * self.n_channels) == 0


def _softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    if logits.shape[1] == 1:
        with np.errstate(over="ignore"):
            p = 1.0 / (1.0 + np.exp(-logits))
        return np.concatenate([1.0 - p, p], 1)
    e = np.exp(logits - logits.max(1, keepdims=True))
    return np.asarray(e / e.sum(1, keepdims=True))
