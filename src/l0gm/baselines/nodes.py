"""The contract of a baseline for nodes: it takes the graphs, labels and splits that l0gm's estimator takes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import nullcontext
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin

from l0gm.baselines.base import HELD_OUT, Size
from l0gm.baselines.threads import pinned
from l0gm.data.graphs import Graph, as_graph, node_numbers
from l0gm.estimators.conventions import EstimatorNotFittedError, seed_of
from l0gm.estimators.node_parts import NodeParts, masks_of, node_parts
from l0gm.metrics import accuracy, log_loss

__all__ = ["NodeBaseline"]


class NodeBaseline(ClassifierMixin, BaseEstimator, ABC):  # type: ignore[misc]  # scikit-learn ships no types
    """A classifier of nodes to compare with.

    ``fit`` and ``predict_proba`` take what those of :class:`l0gm.L0GMNodeClassifier` take, and the same nodes are
    held out where no validation nodes are given.

    Attributes
    ----------
    classes_ : array (C,)
    seed_ : int
        What ``random_state`` came to.
    parts_ : NodeParts
        The training, validation and calibration nodes.
    metrics_ : dict
        ``{"validation": {"log_loss", "accuracy"}}``, of the raw probabilities; empty where there are no such nodes.

    Notes
    -----
    ``threads``, where a subclass has it, is how many OpenMP, BLAS and PyTorch may use; None leaves them as they are.
    """

    random_state: Any
    threads: int | None = None

    def fit(
        self, graph: Any, y: Any = None, *, train: Any = None, validation: Any = None, split: str | None = None
    ) -> NodeBaseline:
        """Fit; the arguments are those of :meth:`l0gm.L0GMNodeClassifier.fit`.

        Raises
        ------
        DataError
            If the graph, the labels or a split cannot be used.
        ParameterError
            If an argument is out of range.
        """
        self.seed_ = seed_of(self.random_state)
        given = as_graph(graph)
        y, train, validation = masks_of(graph, y, train, validation, split)
        held_out = {"validation_fraction": HELD_OUT[0], "calibration_fraction": HELD_OUT[1]}
        self.parts_ = node_parts(given, y, train, validation, split, **held_out, seed=self.seed_)
        self.classes_: NDArray[Any] = np.array(self.parts_.classes)
        with nullcontext() if self.threads is None else pinned(self.threads):
            self._learn(given, self.parts_)
        nodes, labels = self.parts_.nodes["validation"], self.parts_.labels["validation"]
        self.metrics_: dict[str, dict[str, float]] = {}
        if len(nodes):
            proba = self.predict_proba(given, nodes)
            self.metrics_["validation"] = {"log_loss": log_loss(labels, proba), "accuracy": accuracy(labels, proba)}
        return self

    @abstractmethod
    def _learn(self, graph: Graph, parts: NodeParts) -> None:
        """Learn from the training nodes; those for validation say when to stop."""

    @abstractmethod
    def _answer(self, graph: Graph) -> NDArray[Any]:
        """Return the probabilities of the classes for all nodes, (n, C)."""

    @abstractmethod
    def size(self) -> Size:
        """Return how large the fitted model is."""

    def predict_proba(self, graph: Any, nodes: Any = None) -> NDArray[np.float64]:
        """Return the class probabilities (k, C), in float64, of these nodes (mask, numbers or a column), or of all."""
        if not hasattr(self, "classes_"):
            raise EstimatorNotFittedError(f"this {type(self).__name__} is not fitted: call fit first")
        given = as_graph(graph)
        chosen = None if nodes is None else node_numbers(given, nodes, "nodes")
        with nullcontext() if self.threads is None else pinned(self.threads):
            found = np.asarray(self._answer(given), dtype=np.float64)
        proba: NDArray[np.float64] = found / found.sum(axis=1, keepdims=True)
        return proba if chosen is None else proba[chosen]

    def predict(self, graph: Any, nodes: Any = None) -> NDArray[Any]:
        """Return the most probable label of each node, (k,)."""
        proba = self.predict_proba(graph, nodes)
        found: NDArray[Any] = self.classes_[proba.argmax(axis=1)]
        return found
