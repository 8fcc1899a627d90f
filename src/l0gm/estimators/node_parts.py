"""Which nodes are learned from, chosen with and calibrated on, and their labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l0gm.data.frames import Table
from l0gm.data.graphs import Graph, node_numbers
from l0gm.data.labels import encode_labels, encode_target
from l0gm.data.splits import three_way
from l0gm.errors import DataError, ParameterError

__all__ = ["NodeParts", "masks_of", "node_parts"]

SPLIT_NAMES = {"train": "train", "valid": "validation", "val": "validation", "validation": "validation"}


@dataclass(frozen=True)
class NodeParts:
    """Disjoint nodes, int64 (k,) each, and their class indices.

    Parameters
    ----------
    classes : tuple (C,)
        Labels in ascending order.
    nodes, labels : mapping from "train", "validation", "calibration" to int64 (k,)
        The last two may be empty, and are the same where validation nodes were given.
    used : tuple of str
        The columns of the nodes that say so, which are no attributes.
    """

    classes: tuple[Any, ...]
    nodes: dict[str, NDArray[np.int64]]
    labels: dict[str, NDArray[np.int64]]
    used: tuple[str, ...] = ()


def masks_of(graph: Any, y: Any, train: Any, validation: Any, split: str | None) -> tuple[Any, Any, Any]:
    """Return y, train and validation, where they are not given those of PyG's ``Data``."""
    if isinstance(graph, Graph) or not hasattr(graph, "edge_index"):
        return y, train, validation
    y = getattr(graph, "y", None) if y is None else y
    if split is None:
        train = getattr(graph, "train_mask", None) if train is None else train
        validation = getattr(graph, "val_mask", None) if validation is None else validation
    return y, train, validation


def node_parts(
    graph: Graph,
    y: Any,
    train: Any,
    validation: Any,
    split: str | None,
    *,
    validation_fraction: float,
    calibration_fraction: float,
    seed: int,
) -> NodeParts:
    """Return the parts; see :meth:`l0gm.L0GMNodeClassifier.fit` for the arguments.

    Raises
    ------
    DataError
        If labels or splits do not fit the graph or each other, or a split is empty.
    ParameterError
        If both ways of giving a split are used.
    """
    used = tuple(name for name in (train, validation, split) if isinstance(name, str))
    if split is not None:
        if train is not None or validation is not None:
            raise ParameterError(f"split={split!r} says which nodes are which: leave out train and validation")
        train, validation = _by_column(graph, split)
    labels, values = _labels(graph, y)
    if train is None:
        chosen = np.flatnonzero(labels >= 0)
        if len(chosen) == 0:
            raise DataError("no node has a label: give at least two labelled nodes of two classes")
        if validation is not None:
            chosen = np.setdiff1d(chosen, node_numbers(graph, validation, "validation"))
    else:
        chosen = node_numbers(graph, train, "train")
        _refuse_unlabelled(chosen, labels, "train")
    classes, codes = encode_target(np.array([values[label] for label in labels[chosen]], dtype=object), len(chosen))
    nothing = np.zeros(0, np.int64)
    if validation is not None:
        held = node_numbers(graph, validation, "validation")
        _refuse_unlabelled(held, labels, "validation")
        both = np.intersect1d(chosen, held)
        if len(both):
            raise DataError(f"node {both[0]} is in train and in validation ({len(both)} such): give each one place")
        own = encode_labels(np.array([values[label] for label in labels[held]], dtype=object), classes)
        nodes = {"train": chosen, "validation": held, "calibration": held}
        return NodeParts(classes, nodes, {"train": codes, "validation": own, "calibration": own}, used)
    rows = three_way(codes, validation_fraction, calibration_fraction, seed)
    names = ("train", "validation", "calibration")
    places = dict(zip(names, rows, strict=True))
    return NodeParts(
        classes,
        {name: chosen[places[name]] if len(places[name]) else nothing for name in names},
        {name: codes[places[name]] for name in names},
        used,
    )


def _labels(graph: Graph, y: Any) -> tuple[NDArray[np.int64], list[Any]]:
    """Return for each node the place of its label among the distinct ones, -1 where it has none; and these."""
    if y is None:
        raise DataError("requires y to be passed, but the target y is None: give one label a node, None where unknown")
    if hasattr(y, "detach"):
        y = y.detach().cpu().numpy()
    shape: tuple[int, ...] = getattr(y, "shape", (0,))
    if len(shape) == 2 and shape[1] == 1:
        y = np.asarray(y).reshape(-1)
    table = Table({"target": y})
    if len(table) != graph.n_nodes:
        raise DataError(
            f"the target has {len(table)} labels for {graph.n_nodes} nodes: give one a node, None where it is unknown"
        )
    codes, values = table.factorize("target")
    return codes, list(values)


def _refuse_unlabelled(nodes: NDArray[np.int64], labels: NDArray[np.int64], what: str) -> None:
    bare = nodes[labels[nodes] < 0]
    if len(bare):
        raise DataError(f"{what}: node {bare[0]} has no label ({len(bare)} such): leave them out, or label them")


def _by_column(graph: Graph, split: str) -> tuple[NDArray[np.int64], NDArray[np.int64] | None]:
    if not isinstance(graph.nodes, Table) or split not in graph.nodes:
        raise DataError(f"split={split!r}: the nodes have no such column")
    codes, values = graph.nodes.factorize(split)
    kinds = [SPLIT_NAMES.get(str(value).strip().lower()) for value in values]
    found = {
        kind: np.flatnonzero(np.isin(codes, [i for i, k in enumerate(kinds) if k == kind]))
        for kind in ("train", "validation")
    }
    if len(found["train"]) == 0:
        raise DataError(
            f"split={split!r}: no node says 'train' there; the column holds {sorted(map(str, values))[:10]}"
        )
    return found["train"], found["validation"] if len(found["validation"]) else None
