"""The data sets by name."""

from __future__ import annotations

import difflib
import os
from pathlib import Path
from typing import Any, cast

from l0gm.datasets import adult, debian, imdb, large, ogbn_products, planetoid, products, synthetic
from l0gm.datasets.dataset import Dataset, Entry, GraphDataset
from l0gm.errors import DatasetError, ParameterError

__all__ = ["describe", "fetch", "is_graph", "load", "load_graph", "names", "path"]

_ENTRIES = {
    entry.name: entry
    for entry in (
        adult.ENTRY,
        imdb.ENTRY,
        *planetoid.ENTRIES,
        debian.ENTRY,
        ogbn_products.ENTRY,
        *synthetic.ENTRIES,
        *large.ENTRIES,
        products.ENTRY,
    )
}


def names() -> tuple[str, ...]:
    """Return the names of the registered data sets, tables and graphs."""
    return tuple(_ENTRIES)


def is_graph(name: str) -> bool:
    """Return whether a data set is a graph, which ``load_graph`` loads; raise DatasetError if there is none."""
    return describe(name).kind == "graph"


def describe(name: str) -> Entry:
    """Return what is known of a data set without loading it.

    Raises
    ------
    DatasetError
        No data set has that name; the message suggests the nearest one.
    """
    try:
        return _ENTRIES[name]
    except KeyError:
        pass
    near = difflib.get_close_matches(str(name).lower(), _ENTRIES, n=1, cutoff=0.5)
    hint = f", did you mean {near[0]!r}?" if near else "."
    raise DatasetError(f"no data set is named {name!r}{hint} There are: {', '.join(_ENTRIES)}")


def load(name: str, *, data_home: str | os.PathLike[str] | None = None, **options: Any) -> Dataset:
    """Load a table, from this machine if it is there, else from where it is published.

    Parameters
    ----------
    name : str
        One of ``names()``, and no graph.
    data_home : path, optional
        A folder of data sets, looked into first; ``$L0GM_DATA``, read now, if left out.
    **options
        What generated data sets take: ``rows`` and ``seed``.

    Raises
    ------
    DatasetError
        The name is unknown or that of a graph, or every source failed.
    ParameterError
        The data set takes no such option, or not that value.
    MissingExtraError
        A package that reads it is not installed.
    """
    entry = describe(name)
    if entry.kind != "table":
        raise DatasetError(
            f"{name} is a graph: load it with l0gm.datasets.load_graph({name!r}), and fit it with L0GMNodeClassifier"
        )
    return cast(Dataset, _loaded(entry, data_home, options))


def load_graph(name: str, *, data_home: str | os.PathLike[str] | None = None, **options: Any) -> GraphDataset:
    """Load a graph, from this machine if it is there, else from where it is published.

    Parameters
    ----------
    name : str
        One of ``names()``, and a graph.
    data_home : path, optional
        A folder of data sets, looked into first; ``$L0GM_DATA``, read now, if left out.
    **options
        What generated graphs take: ``scale`` and ``seed``.

    Raises
    ------
    DatasetError
        The name is unknown or that of a table, or every source failed.
    ParameterError
        The data set takes no such option, or not that value.
    MissingExtraError
        A package that reads it is not installed.
    """
    entry = describe(name)
    if entry.kind != "graph":
        raise DatasetError(f"{name} is a table: load it with l0gm.datasets.load({name!r})")
    return cast(GraphDataset, _loaded(entry, data_home, options))


def fetch(name: str, *, data_home: str | os.PathLike[str] | None = None) -> Path:
    """Make sure that a verified copy of the data set is on this machine, and return the path of its file.

    Raises
    ------
    DatasetError
        The name is unknown, the data set is generated and has no file, or every source failed.
    MissingExtraError
        A package that reads it is not installed.
    """
    entry = describe(name)
    if entry.fetch is None:
        raise DatasetError(_fileless(entry))
    return entry.fetch(_folder(data_home))


def path(name: str, *, data_home: str | os.PathLike[str] | None = None) -> Path:
    """Return the path of the data set's file on this machine, without fetching or verifying it.

    Raises
    ------
    DatasetError
        The name is unknown, the data set is generated, or its file is not here.
    """
    entry = describe(name)
    if entry.locate is None:
        raise DatasetError(_fileless(entry))
    return entry.locate(_folder(data_home))


def _loaded(entry: Entry, data_home: str | os.PathLike[str] | None, options: dict[str, Any]) -> Dataset | GraphDataset:
    for option in options:
        if option not in entry.options:
            taken = ", ".join(entry.options) or "none"
            raise ParameterError(f"{entry.name} takes no option {option!r}; it takes: {taken}")
    return entry.load(_folder(data_home), **options)


def _folder(data_home: str | os.PathLike[str] | None) -> Path | None:
    return None if data_home is None else Path(data_home)


def _fileless(entry: Entry) -> str:
    call = "load_graph" if entry.kind == "graph" else "load"
    return f"{entry.name} is generated and has no file: load it with l0gm.datasets.{call}({entry.name!r})"
