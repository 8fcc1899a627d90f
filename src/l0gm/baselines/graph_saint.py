"""GraphSAINT (Zeng et al. 2020): a GCN trained on subgraphs, with the bias of what they show taken out.

The published sampler (Algorithm 2 of the paper) in a few lines over scipy: PyG's needs torch-sparse.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, diags_array

from l0gm.baselines.graph_samples import Sample, SampledGCN
from l0gm.errors import ParameterError

__all__ = ["GraphSAINT", "Subgraphs"]

Draw = Callable[[], NDArray[np.int64]]


class GraphSAINT(SampledGCN):
    """A GCN trained on subgraphs that a sampler of nodes or of random walks induces.

    Parameters
    ----------
    sampler : {"walk", "node"}
        Walks of ``length`` steps from ``roots`` training nodes; or ``roots`` nodes, each in proportion to the squared
        norm of its column of the propagation matrix. In the paper, whose graph for training holds training nodes
        alone, walks start anywhere in it, which is the same.
    roots : int
        Walks, or nodes, of a subgraph; drawn with replacement.
    length : int
        Steps of a walk.
    presamples : int
        Subgraphs that are drawn before training to count what is drawn how often.
    hidden, layers : int
        Width of the states, and depth.
    dropout, lr, l2 : float
    steps, patience : int
        Subgraphs to train on at most; looks at the validation nodes without a better log loss.
    device : str
    threads : int, optional
    random_state : int
    """

    def __init__(
        self,
        sampler: Literal["walk", "node"] = "walk",
        roots: int = 1000,
        length: int = 2,
        presamples: int = 50,
        *,
        hidden: int = 64,
        layers: int = 2,
        dropout: float = 0.5,
        lr: float = 0.01,
        l2: float = 5e-4,
        steps: int = 300,
        patience: int = 10,
        device: str = "auto",
        threads: int | None = None,
        random_state: Any = 0,
    ) -> None:
        self.sampler = sampler
        self.roots = roots
        self.length = length
        self.presamples = presamples
        self.hidden = hidden
        self.layers = layers
        self.dropout = dropout
        self.lr = lr
        self.l2 = l2
        self.steps = steps
        self.patience = patience
        self.device = device
        self.threads = threads
        self.random_state = random_state

    def _sampler(self, messages: Any, train: NDArray[np.int64], random: np.random.Generator) -> Subgraphs:
        for name in ("roots", "length", "presamples"):
            if type(getattr(self, name)) is not int or getattr(self, name) < 1:
                raise ParameterError(f"{name}={getattr(self, name)!r}: a whole number, at least 1")
        if self.sampler == "walk":
            draw = walks(messages, train, self.roots, self.length, random)
        elif self.sampler == "node":
            draw = by_norm(messages, self.roots, random)
        else:
            raise ParameterError(f"sampler={self.sampler!r}: choose 'walk' or 'node'")
        return Subgraphs(messages, train, draw, self.presamples)


class Subgraphs:
    """Samples of a graph, each the subgraph of the nodes that were drawn.

    A message from u to v is divided by the share of the subgraphs with v that hold u, too, and a node's loss by the
    share of the subgraphs that hold it (section 3.2 of the paper): so a sum of messages is right on average over the
    subgraphs with v, and the loss over all subgraphs. The shares are counted, subgraphs that were trained on included.

    Parameters
    ----------
    messages : sparse (n, n)
    train : int64 (r,)
        The nodes to learn from.
    draw : callable
        Returns node numbers, which may repeat.
    presamples : int
    """

    def __init__(self, messages: Any, train: NDArray[np.int64], draw: Draw, presamples: int) -> None:
        n = messages.shape[0]
        self.messages = messages
        self.numbers = csr_array((np.arange(1, messages.nnz + 1), messages.indices, messages.indptr), (n, n))
        self.draw = draw
        self.learned = np.zeros(n, bool)
        self.learned[train] = True
        self.n_drawn = 0
        self.drawn = np.zeros(n, np.int64)
        self.drawn_edges = np.zeros(messages.nnz, np.int64)
        for _ in range(presamples):
            self._count()

    def _count(self) -> tuple[NDArray[np.int64], Any]:
        """Draw nodes and count them; return them, and the places of the messages among them, sparse (k, k)."""
        nodes = np.unique(self.draw())
        inside = self.numbers[nodes][:, nodes].tocoo()
        inside.data -= 1
        self.n_drawn += 1
        self.drawn[nodes] += 1
        self.drawn_edges[inside.data] += 1
        return nodes, inside

    def sample(self) -> Sample:
        """Return the next subgraph with a training node in it."""
        while True:
            nodes, inside = self._count()
            places = np.flatnonzero(self.learned[nodes])
            if len(places):
                break
        share = self.drawn_edges[inside.data] / self.drawn[nodes][inside.row]
        inside.data = self.messages.data[inside.data] / share
        held = self.drawn[nodes[places]] / self.n_drawn
        return Sample(nodes, inside, places, (len(places) / (self.learned.sum() * held)).astype(np.float32))


def walks(
    messages: Any, roots: NDArray[np.int64], size: int, length: int, random: np.random.Generator
) -> Callable[[], NDArray[np.int64]]:
    """Return what draws the nodes of ``size`` random walks from some of the roots, against the messages.

    A walk that has nowhere to go stays.
    """
    links = csr_array(messages - diags_array(messages.diagonal()))
    links.eliminate_zeros()
    degrees = np.diff(links.indptr)

    def draw() -> NDArray[np.int64]:
        at = roots[random.integers(len(roots), size=size)]
        visited = [at]
        for _ in range(length):
            moves = degrees[at] > 0
            step = links.indptr[at[moves]] + random.integers(degrees[at[moves]])
            at = at.copy()
            at[moves] = links.indices[step]
            visited.append(at)
        return np.concatenate(visited)

    return draw


def by_norm(messages: Any, size: int, random: np.random.Generator) -> Callable[[], NDArray[np.int64]]:
    """Return what draws ``size`` nodes, each with a probability in proportion to its column's squared norm."""
    norm = messages.power(2).sum(0)

    def draw() -> NDArray[np.int64]:
        return random.choice(len(norm), size, p=norm / norm.sum())

    return draw
