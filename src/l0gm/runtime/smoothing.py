"""Correct and Smooth (Huang et al. 2021): what is known of some nodes improves the answers for the others."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from l0gm.data.adjacency import Structure, adjacencies
from l0gm.data.graphs import as_graph, node_numbers
from l0gm.data.propagation import Operator
from l0gm.errors import DataError, ParameterError

__all__ = ["correct_and_smooth"]


def correct_and_smooth(
    graph: Any,
    proba: NDArray[np.float64],
    known: NDArray[np.int64],
    labels: NDArray[np.int64],
    *,
    correction: float = 0.8,
    smoothing: float = 0.8,
    iterations: int = 50,
) -> NDArray[np.float64]:
    """Return probabilities (n, C) that errors and labels of known nodes have been spread over.

    First the residuals of the known nodes are spread, and each node's answer is moved by what reaches it, scaled to the
    residuals' own mean size; then the known labels and the corrected answers are smoothed. Edges count both ways, and
    with their weights. Unless smoothing is left out, the answers of known nodes become (nearly) their labels.

    Parameters
    ----------
    graph : Graph, PyG ``Data``, or (attributes, edges)
        Its attributes are not read.
    proba : float64 (n, C)
        Of any classifier.
    known : int64 (k,)
        Nodes whose labels are known; those that the classifier was trained on will do.
    labels : int64 (k,)
        Their class indices.
    correction, smoothing : float
        Share of its neighbours' mean that a node takes in each iteration, above 0 and below 1; 0 leaves the step out.
    iterations : int

    Raises
    ------
    DataError
        If lengths do not fit, or there is no such node or class.
    ParameterError
        If an argument is out of range.
    """
    for name, share in (("correction", correction), ("smoothing", smoothing)):
        if not 0.0 <= share < 1.0:
            raise ParameterError(f"{name}={share}: at least 0 and below 1")
    if iterations < 1:
        raise ParameterError(f"iterations={iterations}: at least 1")
    graph = as_graph(graph)
    if len(proba) != graph.n_nodes or len(known) != len(labels):
        raise DataError(f"{len(proba)} answers for {graph.n_nodes} nodes, {len(known)} known with {len(labels)} labels")
    if len(known) == 0:
        return proba
    known = node_numbers(graph, known, "known")
    if not 0 <= labels.min() <= labels.max() < proba.shape[1]:
        raise DataError(f"labels: class indices from 0 to {proba.shape[1] - 1} are needed")
    (adjacency,) = adjacencies(graph, Structure("undirected"))
    operator = Operator.symmetric(adjacency, loop=False)
    answers = proba.astype(np.float32)
    truth = np.eye(proba.shape[1], dtype=np.float32)[labels]
    if correction > 0.0:
        residuals = np.zeros_like(answers)
        residuals[known] = truth - answers[known]
        size = np.abs(residuals[known]).sum(1).mean()
        spread = _spread(operator, residuals, correction, iterations, (-1.0, 1.0))
        reach = np.abs(spread).sum(1, keepdims=True)
        moved = spread * np.where(reach > 0, size / np.maximum(reach, 1e-12), 0.0)
        answers = answers + np.where(reach > 1e-6, moved, 0.0)
    if smoothing > 0.0:
        answers[known] = truth
        answers = _spread(operator, answers, smoothing, iterations, (0.0, 1.0))
    answers = np.clip(answers.astype(np.float64), 0.0, None)
    total = answers.sum(1, keepdims=True)
    return np.where(total > 0, answers / np.maximum(total, 1e-300), proba)


def _spread(
    operator: Operator, start: NDArray[np.float32], share: float, iterations: int, bounds: tuple[float, float]
) -> NDArray[np.float32]:
    state = start
    for _ in range(iterations):
        state = operator(state)
        state *= np.float32(share)
        state += np.float32(1.0 - share) * start
        np.clip(state, *bounds, out=state)
    return state
