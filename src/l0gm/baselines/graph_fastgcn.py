"""FastGCN (Chen et al. 2018): a GCN whose layers each look at a few nodes of the whole graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import block_array, csr_array

from l0gm.baselines.graph_samples import Sample, SampledGCN
from l0gm.encoders.nodes import EVERY
from l0gm.errors import ParameterError

__all__ = ["FastGCN", "LayerSamples"]


class FastGCN(SampledGCN):
    """A GCN in which all nodes of a layer receive from one sample of the nodes, drawn by importance.

    Among those that any of them receives from, a node is drawn with a probability in proportion to the squared norm of
    its column of the propagation matrix, and its messages are divided by that probability and by the size of the sample
    (Algorithm 2 of the paper, which draws from all nodes; its authors' program draws from these, and most of a sample
    of a large graph would be of no use to the layer).

    Parameters
    ----------
    samples : sequence of int
        How many nodes each layer receives from, the layer nearest the output first; -1 for all neighbours. The
        first layer, whose input is no function of weights, takes all, as in the paper's experiments.
    batch_size : int
        Training nodes of a step.
    hidden : int
        Width of the states.
    dropout, lr, l2 : float
    steps, patience : int
        Steps at most; looks at the validation nodes without a better log loss.
    device : str
    threads : int, optional
    random_state : int
    """

    def __init__(
        self,
        samples: Sequence[int] = (400, EVERY),
        batch_size: int = 256,
        *,
        hidden: int = 64,
        dropout: float = 0.5,
        lr: float = 0.01,
        l2: float = 5e-4,
        steps: int = 300,
        patience: int = 10,
        device: str = "auto",
        threads: int | None = None,
        random_state: Any = 0,
    ) -> None:
        self.samples = samples
        self.batch_size = batch_size
        self.hidden = hidden
        self.dropout = dropout
        self.lr = lr
        self.l2 = l2
        self.steps = steps
        self.patience = patience
        self.device = device
        self.threads = threads
        self.random_state = random_state

    @property
    def layers(self) -> int:  # type: ignore[override]  # one for each sample
        """Number of layers."""
        return len(self.samples)

    def _sampler(self, messages: Any, train: NDArray[np.int64], random: np.random.Generator) -> LayerSamples:
        return LayerSamples(messages, train, self.samples, self.batch_size, random)


class LayerSamples:
    """Samples of a graph, layer by layer; what a layer receives is right on average.

    In a sample each layer's nodes have places of their own: the nodes at hand, those that they receive from, and so
    on. A layer computes what all places receive, of which the next one reads what it needs.

    Parameters
    ----------
    messages : sparse (n, n)
    train : int64 (r,)
        The nodes to learn from, taken in turn in a random order.
    samples : sequence of int
        See :class:`FastGCN`.
    batch_size : int
    random : Generator

    Raises
    ------
    ParameterError
        If a number is out of range.
    """

    def __init__(
        self,
        messages: Any,
        train: NDArray[np.int64],
        samples: Sequence[int],
        batch_size: int,
        random: np.random.Generator,
    ) -> None:
        if not len(samples) or not all(type(n) is int and (n == EVERY or n > 0) for n in samples):
            raise ParameterError(f"samples={samples!r}: for each layer a whole number above 0, or -1 for all")
        if type(batch_size) is not int or batch_size < 1:
            raise ParameterError(f"batch_size={batch_size!r}: a whole number, at least 1")
        self.messages = messages
        self.train = train
        self.samples = tuple(samples)
        self.batch_size = batch_size
        self.random = random
        self.norm = messages.power(2).sum(0)
        self._queue = train[:0]

    def sample(self) -> Sample:
        """Return the next sample."""
        if not len(self._queue):
            self._queue = self.random.permutation(self.train)
        nodes, self._queue = self._queue[: self.batch_size], self._queue[self.batch_size :]
        layers, blocks = [nodes], []
        for size in self.samples:
            received = self.messages[layers[-1]]
            if size == EVERY:
                senders = np.unique(received.indices).astype(np.int64)
                blocks.append(received[:, senders])
            else:
                near = np.unique(received.indices).astype(np.int64)
                probability = self.norm[near] / self.norm[near].sum()
                drawn = self.random.choice(len(near), size, p=probability)
                places, counts = np.unique(drawn, return_counts=True)
                senders = near[places]
                blocks.append(csr_array(received[:, senders] * (counts / (size * probability[places]))))
            layers.append(senders)
        grid: list[list[Any]] = [[None] * len(layers) for _ in layers]
        for i, block in enumerate(blocks):
            grid[i][i + 1] = block
        for i, some in enumerate(layers):  # so that each has its shape
            grid[i][i] = csr_array((len(some), len(some)), dtype=np.float32)
        return Sample(
            np.concatenate(layers),
            block_array(grid, format="coo"),
            np.arange(len(nodes)),
            np.ones(len(nodes), np.float32),
        )
