"""Runs over several seeds on the nodes of a graph."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import l0gm
from l0gm.data.frames import Table
from l0gm.data.graphs import Graph, as_graph, node_numbers
from l0gm.data.labels import encode_target
from l0gm.errors import DataError
from l0gm.experiments.records import graph_fingerprint, plain
from l0gm.experiments.seeds import OnFit, Subject, fit_seeds, measured_twice
from l0gm.metrics import breakdown, evaluate, macro_f1
from l0gm.runtime.smoothing import correct_and_smooth

__all__ = ["label_codes", "measure_nodes", "run_graph_seeds", "with_unseen", "without_columns"]

IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class _Nodes(Subject):
    """A graph, and which of its nodes are for what.

    Parameters
    ----------
    graph : Graph
    y : sequence (n,)
        Labels of all nodes.
    classes : tuple
        Of the training nodes, then those that only test nodes have.
    nodes : mapping from "train", "validation" and "test" to int64 (k,)
        The second may be left out.
    codes : mapping from the same to int64 (k,)
        Places of their labels in ``classes``.
    smooth : bool
    """

    graph: Graph
    y: Any
    classes: tuple[Any, ...]
    nodes: dict[str, IntArray]
    codes: dict[str, IntArray]
    smooth: bool

    def make(self, parameters: Mapping[str, Any]) -> Any:
        return l0gm.L0GMNodeClassifier(**parameters)

    def fit(self, model: Any) -> None:
        model.fit(self.graph, self.y, train=self.nodes["train"], validation=self.nodes.get("validation"))

    def measured(self, model: Any) -> dict[str, dict[str, Any]]:
        measures = partial(measure_nodes, self.codes["test"])
        raw = model.predict_proba(self.graph, calibrated=False)
        found = measured_twice(model, raw[self.nodes["test"]], measures, self._parts)
        if self.smooth:
            smoothed = correct_and_smooth(self.graph, model.scaled(raw), self.nodes["train"], self.codes["train"])
            found["smoothed"] = measures(smoothed[self.nodes["test"]])
        return found

    def conditions(self) -> dict[str, str]:
        graph = self.graph
        size = f"{graph.n_nodes} nodes, {graph.n_edges} edges"
        return {
            "graph": f"{size} (sha256 {graph_fingerprint(graph)})",
            "training nodes": self._text("train"),
            "validation nodes": self._text("validation"),
            "test nodes": self._text("test"),
            "smooth": str(self.smooth),
        }

    def counts(self) -> dict[str, Any]:
        return {
            "rows": {name: len(numbers) for name, numbers in self.nodes.items()},
            "graph": {"nodes": self.graph.n_nodes, "edges": self.graph.n_edges},
        }

    def _parts(self, proba: NDArray[np.float64]) -> dict[str, Any]:
        codes = self.codes["test"]
        proba = with_unseen(proba, codes)
        return breakdown(codes, proba, classes=self.classes[: proba.shape[1]])

    def _text(self, name: str) -> str:
        if name not in self.nodes:
            return "a part of the training nodes"
        digest = hashlib.sha256(json.dumps(plain(self.classes)).encode())
        digest.update(self.nodes[name].tobytes())
        digest.update(self.codes[name].tobytes())
        return f"{len(self.nodes[name])} (sha256 {digest.hexdigest()[:16]})"


def run_graph_seeds(
    graph: Any,
    y: Any,
    *,
    train: Any,
    test: Any,
    validation: Any = None,
    seeds: Sequence[int],
    out: str | Path,
    dense: bool = True,
    overwrite: bool = False,
    about: Mapping[str, Any] | None = None,
    progress: bool = False,
    on_fit: OnFit | None = None,
    smooth: bool = False,
    **options: Any,
) -> dict[str, Any]:
    """Fit, compact, save and measure one node classifier for each seed, and summarise them.

    All is as with :func:`run_seeds`: the files, going on where a run was stopped, the dense models. The measures have
    ``macro_f1`` beside the others, and no AUC where a class has no test node. A test node of a class that no training
    node has is answered wrongly, with probability 0 for its class; such validation nodes are left out.

    Parameters
    ----------
    graph : Graph, PyG ``Data``, or (attributes, edges)
    y : sequence (n,)
        Labels of all nodes, None (NaN, empty) where a node has none.
    train, validation, test : bool (n,), int (k,), or str
        Disjoint nodes: a mask, numbers, or a column of the nodes that holds a mask, and then is no attribute. Without
        ``validation`` each fit holds out a part of the training nodes.
    seeds, out, dense, overwrite, about, progress, on_fit
        As in :func:`run_seeds`.
    smooth : bool
        Whether each record also has ``smoothed``: the measures after Correct and Smooth with the labels of the training
        nodes (:func:`l0gm.runtime.smoothing.correct_and_smooth`).
    **options
        Of :class:`l0gm.L0GMNodeClassifier`.

    Returns
    -------
    dict
        The content of ``summary.json``.

    Raises
    ------
    ParameterError
        If ``out`` holds a run with other settings or on another graph; the message names what differs.
    DataError
        If the graph, the labels or a split cannot be used.
    KeyboardInterrupt
        If it is interrupted (Ctrl-C); the message says in which seed, fit and epoch.
    """
    chosen = l0gm.L0GMNodeClassifier(**options).get_params(deep=False)
    return fit_seeds(
        _nodes(as_graph(graph), y, {"train": train, "validation": validation, "test": test}, smooth),
        chosen,
        {},
        seeds=seeds,
        out=out,
        dense=dense,
        overwrite=overwrite,
        about=about,
        progress=progress,
        on_fit=on_fit,
    )


def measure_nodes(codes: IntArray, proba: NDArray[np.float64]) -> dict[str, float]:
    """Return the measures of :func:`l0gm.metrics.evaluate` and ``macro_f1``.

    Parameters
    ----------
    codes : int64 (n,)
        Class indices, see :func:`with_unseen`.
    proba : float64 (n, C)
    """
    proba = with_unseen(proba, codes)
    return {**evaluate(codes, proba, absent="skip"), "macro_f1": macro_f1(codes, proba)}


def label_codes(labels: Any, classes: tuple[Any, ...]) -> tuple[IntArray, tuple[Any, ...]]:
    """Return the class index of each label, int64 (k,), and the classes: those given, then any others that occur."""
    both = np.empty(len(classes) + len(labels), dtype=object)
    both[: len(classes)], both[len(classes) :] = classes, labels
    found, codes = encode_target(both, len(both))
    every = (*classes, *(label for label in found if label not in classes))
    place = np.array([every.index(label) for label in found])
    return place[codes[len(classes) :]], every


def with_unseen(proba: NDArray[np.float64], codes: IntArray) -> NDArray[np.float64]:
    """Return probabilities (n, C or more): 0 for each class that the model does not know and ``codes`` (n,) hold."""
    more = int(codes.max(initial=0)) + 1 - proba.shape[1]
    return np.pad(proba, ((0, 0), (0, more))) if more > 0 else proba


def without_columns(graph: Graph, names: Collection[str]) -> Graph:
    """Return the graph without these columns of its nodes' table."""
    if not names:
        return graph
    assert isinstance(graph.nodes, Table)  # an array has no names
    left = [name for name in graph.nodes.names if name not in names]
    if not left:
        raise DataError(f"the nodes have no column beside {', '.join(names)}: add attributes")
    part = copy(graph)
    part.nodes = graph.nodes.only(left)
    return part


def _nodes(graph: Graph, y: Any, given: dict[str, Any], smooth: bool) -> _Nodes:
    """Return graph and parts, checked before hours of training."""
    from l0gm.estimators.node_parts import node_parts

    y = y.detach().cpu().numpy().reshape(-1) if hasattr(y, "detach") else y
    nodes = {name: node_numbers(graph, some, name) for name, some in given.items() if some is not None}
    graph = without_columns(graph, [name for name in given.values() if isinstance(name, str)])
    table = Table({"target": y})
    if len(table) != graph.n_nodes:
        raise DataError(f"{len(table)} labels for {graph.n_nodes} nodes: give one a node, None where it is unknown")
    labels, values = table.factorize("target")
    bare = nodes["test"][labels[nodes["test"]] < 0]
    if len(bare):
        raise DataError(f"test: node {bare[0]} has no label ({len(bare)} such): leave them out, or label them")
    for name in [name for name in nodes if name != "test"]:
        both = np.intersect1d(nodes[name], nodes["test"])
        if len(both):
            raise DataError(f"node {both[0]} is in {name} and in test ({len(both)} such): give each one place")
    if "validation" in nodes:
        seen = np.unique(labels[nodes["train"]])
        own = labels[nodes["validation"]]
        nodes["validation"] = nodes["validation"][(own < 0) | np.isin(own, seen)]
    parts = node_parts(
        graph,
        y,
        nodes["train"],
        nodes.get("validation"),
        None,
        validation_fraction=0.0,
        calibration_fraction=0.0,
        seed=0,
    )
    nodes = {name: nodes[name] for name in given if name in nodes}
    held = {name: [values[label] for label in labels[numbers]] for name, numbers in nodes.items()}
    _, classes = label_codes(held["test"], parts.classes)
    codes = {name: label_codes(own, classes)[0] for name, own in held.items()}
    return _Nodes(graph, y, classes, nodes, codes, smooth)
