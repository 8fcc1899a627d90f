"""What a data set is once it is loaded, and what the registry knows of it before that."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from l0gm.errors import DatasetError, MissingExtraError

if TYPE_CHECKING:
    import pandas as pd

    from l0gm.data.graphs import Graph

__all__ = ["Dataset", "Entry", "GraphDataset", "Kind", "Task", "require"]

Task = Literal["binary", "multiclass"]
Kind = Literal["table", "graph"]
IntArray = npt.NDArray[np.int64]
Splitter = Callable[[], tuple[IntArray, IntArray]]
GraphSplitter = Callable[[], tuple[IntArray, IntArray, IntArray]]


@dataclass(frozen=True, eq=False)
class Dataset:
    """A table with its target and its named splits.

    Attributes
    ----------
    name : str
        The registered name.
    frame : pandas.DataFrame of shape (n, columns)
        All rows, the target included.
    target : str
        The column to predict.
    task : {"binary", "multiclass"}
        What kind of target it is.
    description : str
        What the rows are.
    source : str
        Where this copy came from.
    splitters : mapping of str to callable
        For each split, in order, what computes its row positions; the first is the default.
    """

    name: str
    frame: pd.DataFrame = field(repr=False)
    target: str
    task: Task
    description: str = field(repr=False)
    source: str
    splitters: Mapping[str, Splitter] = field(repr=False)

    @property
    def features(self) -> pd.DataFrame:
        """The columns to predict from, shape (n, columns - 1)."""
        return self.frame.drop(columns=self.target)

    @property
    def labels(self) -> pd.Series:
        """The column to predict, shape (n,)."""
        return self.frame[self.target]

    @property
    def splits(self) -> tuple[str, ...]:
        """Names of the splits, the default first."""
        return tuple(self.splitters)

    @property
    def default_split(self) -> str:
        """The split used where none is named."""
        return self.splits[0]

    def split(self, name: str | None = None) -> tuple[IntArray, IntArray]:
        """Row positions of one split.

        Parameters
        ----------
        name : str, optional
            One of ``splits``; the default split if left out.

        Returns
        -------
        train, test : int64 arrays
            Disjoint positions in ``frame``, for ``iloc``, in ascending order.

        Raises
        ------
        DatasetError
            There is no split of that name.
        """
        splitter = self.splitters.get(self.default_split if name is None else name)
        if splitter is None:
            raise DatasetError(f"{self.name} has no split {name!r}; it has: {', '.join(self.splits)}")
        return splitter()


@dataclass(frozen=True, eq=False)
class GraphDataset:
    """A graph with the labels of its nodes and its named splits.

    Attributes
    ----------
    name : str
        The registered name.
    graph : Graph of n nodes
        Attributes and edges; an undirected edge is there once.
    labels : object or int array (n,)
        What to predict; None for a node without a label.
    task : {"multiclass"}
        What kind of labels they are.
    description : str
        What the nodes and edges are.
    source : str
        Where this copy came from.
    splitters : mapping of str to callable
        For each split, in order, what computes its node numbers; the first is the default.
    """

    name: str
    graph: Graph
    labels: npt.NDArray[Any] = field(repr=False)
    task: Task
    description: str = field(repr=False)
    source: str
    splitters: Mapping[str, GraphSplitter] = field(repr=False)

    @property
    def splits(self) -> tuple[str, ...]:
        """Names of the splits, the default first."""
        return tuple(self.splitters)

    @property
    def default_split(self) -> str:
        """The split used where none is named."""
        return self.splits[0]

    def split(self, name: str | None = None) -> tuple[IntArray, IntArray, IntArray]:
        """Node numbers of one split.

        Parameters
        ----------
        name : str, optional
            One of ``splits``; the default split if left out.

        Returns
        -------
        train, validation, test : int64 arrays
            Disjoint node numbers, in ascending order.

        Raises
        ------
        DatasetError
            There is no split of that name.
        """
        splitter = self.splitters.get(self.default_split if name is None else name)
        if splitter is None:
            raise DatasetError(f"{self.name} has no split {name!r}; it has: {', '.join(self.splits)}")
        return splitter()


@dataclass(frozen=True)
class Entry:
    """One line of the registry: what a data set is, and how it is loaded, found and fetched.

    ``locate`` and ``fetch`` are None for generated data, which has no file. ``options`` are the keywords
    that ``load`` takes beside ``data_home``. Where ``kind`` is ``"graph"``, ``load`` returns a GraphDataset,
    ``rows`` are its nodes and ``edges`` its edges.
    """

    name: str
    summary: str
    task: Task
    rows: int
    target: str
    splits: tuple[str, ...]
    load: Callable[..., Dataset | GraphDataset] = field(repr=False)
    locate: Callable[[Path | None], Path] | None = field(default=None, repr=False)
    fetch: Callable[[Path | None], Path] | None = field(default=None, repr=False)
    options: tuple[str, ...] = ()
    kind: Kind = "table"
    edges: int = 0


def require(*packages: str) -> None:
    """Raise MissingExtraError, which names the extra, if one of the packages cannot be imported."""
    for package in packages:
        try:
            import_module(package)
        except ImportError as error:
            raise MissingExtraError(package, "train", "loading a data set") from error
