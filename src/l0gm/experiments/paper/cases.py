"""The data of a table: training and test rows, or a graph, on which every method is fitted and measured alike."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l0gm import datasets
from l0gm.baselines import Modality
from l0gm.data.frames import Table
from l0gm.data.graphs import Graph
from l0gm.data.splits import stratified_split
from l0gm.errors import DataError, DatasetError
from l0gm.experiments.nodes import _Nodes, _nodes, with_unseen
from l0gm.experiments.rows import _Rows, _rows
from l0gm.experiments.seeds import Subject
from l0gm.metrics import accuracy, auc, ece, log_loss
from l0gm.robustness import CONDITIONS, Condition, InputStatistics, compare, perturb, perturb_array

__all__ = ["ACTIVE", "Case", "NodeCase", "RowCase", "graph_case", "row_case", "usual_case"]

ACTIVE = 0.15
"""The open fraction of every table, where it is not the fraction itself that varies: the paper's lie at 12 to 15 %."""
USUAL = {"tabular": "adult", "text": "imdb", "graph": "ogbn_products"}
"""The paper's data set of each modality."""
USUAL_SPLITS = {"tabular": "openml", "text": "official", "graph": "sales_ranking"}
INSTEAD = "pubmed"
QUICK = {"tabular": (6000, 4000), "text": (2000, 2000)}
"""Training and test rows of a quick run; of graphs, the smallest one is taken."""
QUICK_GRAPH = "cora"
SEED = 0  # of the rows of a quick run, and of the corruption


@dataclass(frozen=True)
class Case(ABC):
    """What methods of one modality are compared on.

    Parameters
    ----------
    modality : {"tabular", "text", "graph"}
    data, split : str
    notes : tuple of str
        What was taken instead of what was asked for.
    quick : bool
        Whether these are a part of the rows.
    """

    modality: Modality
    data: str
    split: str
    notes: tuple[str, ...]
    quick: bool

    @property
    def is_papers(self) -> bool:
        """Whether the paper has figures on this data, split as here."""
        return self.data == USUAL[self.modality] and self.split == USUAL_SPLITS[self.modality]

    @property
    @abstractmethod
    def subject(self) -> Subject:
        """The rows or nodes, with their fingerprints."""

    @property
    @abstractmethod
    def labels(self) -> NDArray[np.int64]:
        """The class index of each test row or node, (n,)."""

    @property
    @abstractmethod
    def classes(self) -> tuple[Any, ...]:
        """The labels that class indices stand for."""

    @abstractmethod
    def answers(self, model: Any) -> NDArray[np.float64]:
        """Return a fitted model's raw class probabilities of the test part, (n, C)."""

    @abstractmethod
    def robustness(self, model: Any) -> dict[str, Any]:
        """Return ``rob_mu`` (of accuracy) and the measures under each condition, None where it has no form."""

    @abstractmethod
    def asked(self, rows: int | None) -> tuple[Any, int]:
        """Return what a model is asked for when it is timed, and how many rows or nodes these are."""

    def conditions(self) -> dict[str, str]:
        """Return what tells this data from other data."""
        return self.subject.conditions()


@dataclass(frozen=True)
class RowCase(Case):
    """Rows of a table, or texts.

    Parameters
    ----------
    rows : _Rows
    """

    rows: _Rows

    @property
    def subject(self) -> Subject:
        """Training and test rows."""
        return self.rows

    @property
    def labels(self) -> NDArray[np.int64]:
        """Of the test rows."""
        return self.rows.test.codes

    @property
    def classes(self) -> tuple[Any, ...]:
        """Of the training rows."""
        return self.rows.train.classes

    def answers(self, model: Any) -> NDArray[np.float64]:
        """Return the probabilities of the test rows."""
        return np.asarray(model.predict_proba(self.rows.test.X), dtype=np.float64)

    def robustness(self, model: Any) -> dict[str, Any]:
        """Return Rob mu and the measures under each condition; texts lose words, and have no noise."""
        test = self.rows.test
        compared = compare({"model": model}, test.X, test.y, X_train=self.rows.train.X, seeds=(SEED,))["model"]
        means = {name: compared.of(name).conditions for name in ("accuracy", "auc", "log_loss", "ece")}
        return {
            "rob_mu": compared.rob_mu,
            "conditions": {
                name: None if value is None else {metric: found[name] for metric, found in means.items()}
                for name, value in compared.conditions.items()
            },
        }

    def asked(self, rows: int | None) -> tuple[Any, int]:
        """Return the first test rows, by default all."""
        X = self.rows.test.X
        count = len(self.labels) if rows is None else min(rows, len(self.labels))
        return (X.iloc[:count] if hasattr(X, "iloc") else X[:count]), count


@dataclass(frozen=True)
class NodeCase(Case):
    """The nodes of a graph.

    Parameters
    ----------
    nodes : _Nodes
    """

    nodes: _Nodes

    @property
    def subject(self) -> Subject:
        """The graph and its parts."""
        return self.nodes

    @property
    def labels(self) -> NDArray[np.int64]:
        """Of the test nodes."""
        return self.nodes.codes["test"]

    @property
    def classes(self) -> tuple[Any, ...]:
        """Of all nodes."""
        return self.nodes.classes

    def answers(self, model: Any) -> NDArray[np.float64]:
        """Return the probabilities of the test nodes."""
        return self._of(model, self.nodes.graph)

    def _of(self, model: Any, graph: Graph) -> NDArray[np.float64]:
        found = np.asarray(model.predict_proba(graph), dtype=np.float64)[self.nodes.nodes["test"]]
        return np.asarray(with_unseen(found, self.labels))

    def robustness(self, model: Any) -> dict[str, Any]:
        """Return Rob mu and the measures under each condition, of the attributes of all nodes; edges stay."""
        graph = self.nodes.graph
        statistics = InputStatistics.fit(graph.select(self.nodes.nodes["train"]))
        found = {c.name: self._measured(self._of(model, corrupted(graph, c, statistics))) for c in CONDITIONS}
        return {"rob_mu": float(np.mean([one["accuracy"] for one in found.values()])), "conditions": found}

    def _measured(self, proba: NDArray[np.float64]) -> dict[str, float | None]:
        y = self.labels
        every = len(np.unique(y)) == proba.shape[1]
        area = auc(y, proba) if every else None
        return {"accuracy": accuracy(y, proba), "auc": area, "log_loss": log_loss(y, proba), "ece": ece(y, proba)}

    def asked(self, rows: int | None) -> tuple[Any, int]:
        """Return the graph: its nodes are answered together."""
        return self.nodes.graph, self.nodes.graph.n_nodes


def corrupted(graph: Graph, condition: Condition, statistics: InputStatistics) -> Graph:
    """Return the graph with corrupted attributes; what is lost in an array of numbers becomes 0."""
    part = copy(graph)
    if isinstance(graph.nodes, Table):
        native = graph.select(np.arange(graph.n_nodes))
        part.nodes = Table(perturb(native, condition, statistics, SEED))
    else:
        part.nodes = perturb_array(np.asarray(graph.nodes), condition, statistics, SEED)
    return part


def usual_case(modality: Modality, *, quick: bool = False, data: str | None = None, split: str | None = None) -> Case:
    """Return the paper's data set of a modality, or what is taken where it cannot be had.

    Parameters
    ----------
    modality : {"tabular", "text", "graph"}
    quick : bool
        A part of the rows, or a small graph.
    data, split : str, optional
        Another registered data set, and one of its splits.

    Raises
    ------
    DatasetError
        If the data set cannot be had.
    """
    name = data or USUAL[modality]
    if modality != "graph":
        loaded = datasets.load(name)
        chosen = split or loaded.default_split
        train, test = loaded.split(chosen)
        return row_case(
            modality,
            name,
            chosen,
            (loaded.features.iloc[train], loaded.labels.iloc[train]),
            (loaded.features.iloc[test], loaded.labels.iloc[test]),
            quick=quick,
        )
    notes: tuple[str, ...] = ()
    if quick and data is None:
        name, notes = QUICK_GRAPH, (f"quick: {QUICK_GRAPH} instead of {USUAL['graph']}.",)
        return graph_case(name, split, notes)
    try:
        return graph_case(name, split, notes)
    except DatasetError:
        if data is not None:
            raise
        why = f"{USUAL['graph']} is not on this machine (l0gm data fetch {USUAL['graph']} says how to get it)"
        return graph_case(INSTEAD, split, (f"{why}; {INSTEAD} was run instead.",))


def row_case(
    modality: Modality,
    data: str,
    split: str,
    train: tuple[Any, Any],
    test: tuple[Any, Any],
    *,
    quick: bool = False,
) -> RowCase:
    """Return a case of rows; quick takes some of them, stratified.

    Parameters
    ----------
    modality : {"tabular", "text"}
        The one column of a table of texts becomes a list of texts.
    data, split : str
    train, test : (pandas.DataFrame, sequence of labels)
    quick : bool
    """
    notes: tuple[str, ...] = ()
    if quick:
        sizes = QUICK[modality]
        train, test = (_some(*part, size) for part, size in zip((train, test), sizes, strict=True))
        notes = (f"quick: {len(train[1]):,} training and {len(test[1]):,} test rows.",)
    if modality == "text":
        train, test = ((_texts(X), y) for X, y in (train, test))
        if hasattr(train[0], "shape"):
            raise DataError(
                f"{data} has {train[0].shape[1]} columns, and methods of texts read one: leave it to modality tabular, "
                "or bring the column of texts alone"
            )
    return RowCase(modality, data, split, notes, quick, _rows(*train, *test, None))


def graph_case(name: str, split: str | None, notes: Sequence[str] = ()) -> NodeCase:
    """Return a case of a registered graph."""
    loaded = datasets.load_graph(name)
    chosen = split or loaded.default_split
    parts = dict(zip(("train", "validation", "test"), loaded.split(chosen), strict=True))
    return NodeCase("graph", name, chosen, tuple(notes), False, _nodes(loaded.graph, loaded.labels, parts, False))


def _some(X: Any, y: Any, size: int) -> tuple[Any, Any]:
    if len(y) <= size:
        return X, y
    _, rows = stratified_split(np.asarray(y), size, SEED)
    return X.iloc[rows], (y.iloc[rows] if hasattr(y, "iloc") else np.asarray(y)[rows])


def _texts(X: Any) -> Any:
    return X.iloc[:, 0].tolist() if hasattr(X, "iloc") and X.shape[1] == 1 else X
