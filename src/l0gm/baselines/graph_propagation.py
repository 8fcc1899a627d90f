"""Label propagation: what the labels alone tell of a node, by way of the edges."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from l0gm.baselines.base import Size
from l0gm.baselines.nodes import NodeBaseline
from l0gm.data.graphs import Graph
from l0gm.errors import DataError, ParameterError
from l0gm.estimators.node_parts import NodeParts
from l0gm.runtime.smoothing import correct_and_smooth

__all__ = ["LabelPropagation"]


class LabelPropagation(NodeBaseline):
    """Labels spread along edges, Y <- alpha D^-1/2 A D^-1/2 Y + (1 - alpha) Y_0 (Zhu and Ghahramani 2002; Zhou 2004).

    It is the second step of Correct and Smooth, from nothing but the training labels. What it gives a node is divided
    by its sum; a node that no label reaches has the shares of the classes among the training nodes. Attributes are not
    read.

    Parameters
    ----------
    alpha : float
        Share of its neighbours' mean that a node takes in each iteration, above 0 and below 1.
    iterations : int
        How far a label can come.
    threads : int, optional
    random_state : int
        Of the nodes that are held out where no validation nodes are given.
    """

    def __init__(
        self, alpha: float = 0.9, iterations: int = 50, *, threads: int | None = None, random_state: Any = 0
    ) -> None:
        self.alpha = alpha
        self.iterations = iterations
        self.threads = threads
        self.random_state = random_state

    def _learn(self, graph: Graph, parts: NodeParts) -> None:
        if not 0.0 < self.alpha < 1.0:
            raise ParameterError(f"alpha={self.alpha}: above 0 and below 1")
        self.n_nodes_ = graph.n_nodes
        counts = np.bincount(parts.labels["train"], minlength=len(parts.classes))
        self.shares_: NDArray[np.float64] = counts / counts.sum()

    def _answer(self, graph: Graph) -> NDArray[np.float64]:
        if graph.n_nodes != self.n_nodes_:
            raise DataError(
                f"labels are known by node numbers of the graph of fit, which has {self.n_nodes_} nodes, and this one "
                f"has {graph.n_nodes}: pass that graph, or fit on this one"
            )
        nothing = np.zeros((graph.n_nodes, len(self.classes_)))
        known, labels = self.parts_.nodes["train"], self.parts_.labels["train"]
        settings: dict[str, Any] = {"smoothing": self.alpha, "iterations": self.iterations}
        found = correct_and_smooth(graph, nothing, known, labels, correction=0.0, **settings)
        return np.where(found.sum(1, keepdims=True) > 0, found, self.shares_)

    def size(self) -> Size:
        """Return that nothing is learned."""
        return Size(None, None, 0)
