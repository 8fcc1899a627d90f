"""DATA that is a graph: the name of a data set, or a file of nodes and one of edges."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from l0gm.cli.files import Frame, check_columns, check_readable, kind_of, read_table
from l0gm.cli.sources import is_graph, is_registered, registered_name
from l0gm.data.frames import Table
from l0gm.data.graphs import ENDS, Graph
from l0gm.errors import DataError, ParameterError

if TYPE_CHECKING:
    from l0gm.runtime import CompactNodeModel

__all__ = ["EdgeFile", "Nodes", "huge_pages", "read_nodes", "text_columns"]

FOLDS = {"train": "train", "valid": "validation", "val": "validation", "validation": "validation", "test": "test"}
SPELLED = (
    ("say with source= and target=", "say with --source and --target-node"),
    ("node_id=", "--node-id"),
)
"""How messages of the library name arguments, and how they are called here."""

IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class EdgeFile:
    """A file of edges, and what its columns are; ``node_id`` is one of the nodes' file."""

    path: Path | None = None
    node_id: str | None = None
    source: str | None = None
    target: str | None = None
    weight: str | None = None
    relation: str | None = None

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> EdgeFile:
        """Return what the arguments of a command say."""
        return cls(*(values[name] for name in ("edges", "node_id", "source", "target_node", "weight", "relation")))


@dataclass(frozen=True)
class Nodes:
    """A graph, and what is known of its nodes.

    Parameters
    ----------
    name : str
        Of the data set or the file of nodes.
    graph : Graph
    frame : Frame, optional
        The file's table of nodes.
    target : str, optional
    labels : array (n,), optional
        The target's values.
    parts : mapping of str to int64 (k,)
        Node numbers by what they are for.
    split : str
        How the parts are called.
    scale : float, optional
        Of a generated graph, where it was given.
    """

    name: str
    graph: Graph
    frame: Frame | None = None
    target: str | None = None
    labels: Any = None
    parts: dict[str, IntArray] = field(default_factory=dict)
    split: str = ""
    scale: float | None = None

    @property
    def columns(self) -> list[str]:
        """The columns that the nodes have by name."""
        if self.frame is not None:
            return list(self.frame.columns)
        return [] if self.graph.is_dense else list(self._table.names)

    def check_columns(self, names: Collection[str], option: str) -> None:
        """Raise DataError if the nodes lack one of these columns."""
        if names and not self.columns:
            raise DataError(
                f"{option} {', '.join(names)}: the attributes of {self.name} are an array of numbers, without names"
            )
        check_columns(self, names, option)

    def check_attributes(self, names: Collection[str], option: str) -> None:
        """Raise DataError if one of these columns is no attribute."""
        self.check_columns(names, option)
        for name in names:
            if name not in self._table:
                raise DataError(f"{option} {name}: it is no attribute, another option names it")

    def column(self, name: str) -> list[Any]:
        """Return a column's values, None where they are missing."""
        codes, values = (self._table if self.frame is None else Table(self.frame.to_native())).factorize(name)
        return [None if code < 0 else values[code] for code in codes.tolist()]

    def rows(self, chosen: IntArray) -> Any:
        """Return the table of some nodes, with all of its columns."""
        return self.graph.select(chosen) if self.frame is None else self.frame[chosen].to_native()

    @property
    def labelled(self) -> IntArray:
        """The nodes that have a label."""
        return np.flatnonzero(Table({"target": self.labels}).factorize("target")[0] >= 0)

    @property
    def _table(self) -> Table:
        assert isinstance(self.graph.nodes, Table)  # who asks has looked
        return self.graph.nodes


def huge_pages() -> None:
    """Ask PyTorch for large pages, which it reads about when it is imported: propagation is faster with them."""
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")


def text_columns(model: CompactNodeModel) -> tuple[str, ...]:
    """Return the columns of a file that the model reads as text."""
    from l0gm.runtime.attributes import TableAttributes

    return model.attributes.schema.text_sources if isinstance(model.attributes, TableAttributes) else ()


def read_nodes(
    data: str,
    edges: EdgeFile,
    *,
    target: str | None = None,
    fold: str | None = None,
    split: str | None = None,
    scale: float | None = None,
    text: Collection[str] = (),
    drop: Collection[str] = (),
    model: CompactNodeModel | None = None,
) -> Nodes:
    """Return the nodes of a data set, or of files; with the parts of the split, or those that ``fold`` says.

    Parameters
    ----------
    data : str
    edges : EdgeFile
    target, fold, split, scale
        As on the command line.
    text : collection of str
        Columns of the nodes' file to give as text.
    drop : collection of str
        Columns of the nodes that are no attributes.
    model : CompactNodeModel, optional
        The model that will answer: one that reads no edges needs none, and a generated graph has the scale that it had
        in training.
    """
    if is_registered(data):
        given = {"--edges": edges.path, "--node-id": edges.node_id, "--source": edges.source, "--fold": fold}
        given |= {"--target-node": edges.target, "--weight": edges.weight, "--relation": edges.relation}
        for option, value in given.items():
            if value is not None:
                raise ParameterError(f"{option} {value}: it is for files, and {data} is a data set; leave it out")
        return _registered(data, target, split, scale, drop, model)
    for option, wanted in (("--split", split), ("--scale", scale)):
        if wanted is not None:
            raise ParameterError(f"{option} {wanted}: it is for data sets, and {data} is a file; leave it out")
    if model is None or model.reads_edges:
        if edges.path is None:
            raise ParameterError(f"--edges: name the file of edges; the rows of {data} are the nodes of a graph here")
        if model is not None and model.weighted and edges.weight is None:
            raise ParameterError("--weight: name the column of the edges' weights; the edges of training had some")
    return _from_files(Path(data), edges, target, fold, text, drop)


def _registered(
    data: str,
    target: str | None,
    split: str | None,
    scale: float | None,
    drop: Collection[str],
    model: CompactNodeModel | None,
) -> Nodes:
    from l0gm import datasets
    from l0gm.experiments.nodes import without_columns

    name = registered_name(data)
    if not is_graph(data):
        raise ParameterError(f"DATA {data}: it is a table, and the nodes of a graph are asked for")
    entry = datasets.describe(name)
    if target not in (None, entry.target):
        raise ParameterError(f"--target {target}: the target of {name} is {entry.target}; leave it out")
    if scale is None and model is not None and model.information.get("data") == name:
        scale = model.information.get("scale")
    options: dict[str, Any] = {} if scale is None else {"scale": scale}
    dataset = datasets.load_graph(name, **options)
    split = split or dataset.default_split
    parts = dict(zip(("train", "validation", "test"), dataset.split(split), strict=True))
    found = Nodes(name, dataset.graph, None, entry.target, dataset.labels, parts, split, scale)
    found.check_columns(drop, "--drop")
    return replace(found, graph=without_columns(dataset.graph, drop))


def _from_files(
    path: Path, edges: EdgeFile, target: str | None, fold: str | None, text: Collection[str], drop: Collection[str]
) -> Nodes:
    check_readable(path)
    names = [] if edges.node_id is None else [edges.node_id]
    as_text = edges.path is not None and names and _is_csv(path) and _is_csv(edges.path)
    frame = read_table(path, [*text, *(names if as_text else [])])
    for option, name in (("--target", target), ("--fold", fold), ("--node-id", edges.node_id)):
        check_columns(frame, [] if name is None else [name], option)
    check_columns(frame, drop, "--drop")
    attributes = frame.drop([name for name in dict.fromkeys([target, fold, *drop]) if name is not None])
    table = None if edges.path is None else _edges(edges, bool(as_text))
    try:
        graph = Graph(
            attributes.to_native(),
            np.zeros((2, 0), np.int32) if table is None else table.to_native(),
            node_id=edges.node_id,
            source=edges.source,
            target=edges.target,
            weight=edges.weight,
            relation=edges.relation,
        )
    except DataError as error:
        message = str(error)
        for argument, option in SPELLED:
            message = message.replace(argument, option)
        raise DataError(message) from error
    labels = None if target is None else frame[target].to_numpy()
    parts, split = ({}, "") if fold is None else (_folds(frame, fold), f"column {fold}")
    return Nodes(str(path), graph, frame, target, labels, parts, split)


def _edges(edges: EdgeFile, as_text: bool) -> Frame:
    from l0gm.cli.streams import open_stream

    assert edges.path is not None  # who asks has looked
    check_readable(edges.path)
    columns = open_stream(str(edges.path)).columns if as_text else []
    ends = [*(columns if len(columns) == 2 else []), *(name for pair in ENDS for name in pair)]
    ends += [name for name in (edges.source, edges.target) if name is not None]
    frame = read_table(edges.path, [name for name in columns if name in ends])
    for option, name in (
        ("--source", edges.source),
        ("--target-node", edges.target),
        ("--weight", edges.weight),
        ("--relation", edges.relation),
    ):
        check_columns(frame, [] if name is None else [name], option)
    return frame


def _folds(frame: Frame, fold: str) -> dict[str, IntArray]:
    codes, values = Table({"fold": frame[fold].to_numpy()}).factorize("fold")
    kinds = np.array([FOLDS.get(str(value).strip().lower(), "") for value in values] + [""], dtype=object)[codes]
    found = {name: np.flatnonzero(kinds == name) for name in ("train", "validation", "test")}
    return {name: numbers for name, numbers in found.items() if len(numbers)}


def _is_csv(path: Path) -> bool:
    return kind_of(path) in (".csv", ".tsv")
