"""The packages of Debian 12: a table with texts, the typed links of each to others, and a split by time."""

from __future__ import annotations

import hashlib
import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from l0gm.data.graphs import Graph
from l0gm.data.splits import stratified_split
from l0gm.datasets.dataset import Entry, GraphDataset, require
from l0gm.datasets.download import Source, data_home, first_available
from l0gm.errors import DatasetError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ENTRY", "digest", "fetch", "load", "locate", "verify"]

NODES, EDGES = 63_436, 343_473
FOLDER = Path("debian_packages")
FILES = ("nodes.parquet", "edges.parquet")
LABEL = "section"
KNOWN = "in_bullseye"
NO_ATTRIBUTES = ("node", LABEL, KNOWN)
VALIDATION_FRACTION = 0.1
CANONICAL_SHA256 = "7f34ea30b15ca5052389992b2c40533361b7750a3b2a3c020b2d812ddba19b16"

SUMMARY = "Debian packages: which of 58 sections? (texts, columns, eight kinds of links)"
DESCRIPTION = (
    "63,436 binary packages of Debian 12: a short and a long description, sizes, priority, maintainer and host of the "
    "homepage, and 343,473 links of eight kinds, from the package that declares one to the other; the label is the "
    "section, one of 58. Split 'time': trained and validated on the packages that Debian 11 had (82.9 %), tested on "
    "the new ones."
)
REMEDY = (
    f"It is published nowhere as files: copy {' and '.join(FILES)} to the folder {FOLDER}/ of some data folder and set "
    "L0GM_DATA to that data folder, or pass data_home=."
)

IntArray = npt.NDArray[np.int64]
Frames = tuple["pd.DataFrame", "pd.DataFrame"]


def load(home: Path | None = None) -> GraphDataset:
    """Load the packages from ``home`` (else ``$L0GM_DATA``), and check them by a digest of their content.

    The attributes are a table of ten columns: the node's number, its section and ``in_bullseye``, by which the split
    is made, are none. Text is object, with None where it is missing. Split ``time``: a tenth of the known packages,
    stratified by section, is for validation.

    Raises
    ------
    DatasetError
        The files are not there, or hold something else.
    MissingExtraError
        pandas or pyarrow is not installed.
    """
    ((nodes, edges), path), label = _obtain(home)
    labels = nodes[LABEL].to_numpy()
    graph = Graph(nodes.drop(columns=list(NO_ATTRIBUTES)), edges, source="src", target="dst", relation="relation")
    return GraphDataset(
        name=ENTRY.name,
        graph=graph,
        labels=labels,
        task="multiclass",
        description=DESCRIPTION,
        source=f"{label}: {path}",
        splitters={"time": partial(_by_time, labels, nodes[KNOWN].to_numpy())},
    )


def fetch(home: Path | None = None) -> Path:
    """Make sure that a verified copy is on this machine and return its folder; the errors are those of load."""
    (_, path), _ = _obtain(home)
    return path


def locate(home: Path | None = None) -> Path:
    """Return the folder of the copy on this machine, not verified; raise DatasetError if there is none."""
    folder = data_home(home)
    if folder is None:
        raise DatasetError(f"debian_packages is not on this machine: L0GM_DATA is not set. {REMEDY}")
    if not all((folder / FOLDER / file).is_file() for file in FILES):
        raise DatasetError(f"debian_packages is not on this machine: no {folder / FOLDER} with its files. {REMEDY}")
    return folder / FOLDER


def digest(nodes: pd.DataFrame, edges: pd.DataFrame) -> str:
    """Return the sha256 of the two canonical tables, which does not depend on the files they were read from.

    What is hashed is, for each column, its name and its cells as JSON, with ``null`` for missing.
    """
    state = hashlib.sha256()
    for frame in (nodes, edges):
        for name in frame.columns:
            column = frame[name].astype(object)
            cells = column.where(column.notna(), None).tolist()
            state.update(json.dumps([name, cells]).encode())
    return state.hexdigest()


def verify(nodes: pd.DataFrame, edges: pd.DataFrame) -> Frames:
    """Return the tables if they hold the whole data set; raise DatasetError if they hold anything else."""
    found = digest(nodes, edges)
    if found != CANONICAL_SHA256:
        raise DatasetError(
            f"these {len(nodes)} nodes and {len(edges)} edges have sha256 {found}, expected {CANONICAL_SHA256}: they "
            "are not those of debian_packages"
        )
    return nodes, edges


def _obtain(home: Path | None) -> tuple[tuple[Frames, Path], str]:
    """Return the verified tables, the folder that holds them, and the label of the source."""
    require("pandas", "pyarrow")
    return first_available(ENTRY.name, [Source("data folder", partial(_from_folder, data_home(home)))], REMEDY)


def _by_time(labels: npt.NDArray[np.object_], known: npt.NDArray[np.bool_]) -> tuple[IntArray, IntArray, IntArray]:
    old = np.flatnonzero(known)
    train, validation = stratified_split(labels[old], VALIDATION_FRACTION, seed=0)
    return old[train], old[validation], np.flatnonzero(~known)


def _from_folder(folder: Path | None) -> tuple[Frames, Path]:
    if folder is None:
        raise DatasetError("L0GM_DATA is not set")
    for file in FILES:
        if not (folder / FOLDER / file).is_file():
            raise DatasetError(f"there is no {folder / FOLDER / file}")
    try:
        nodes, edges = (_frame(folder / FOLDER / file) for file in FILES)
        return verify(nodes, edges), folder / FOLDER
    except (DatasetError, OSError) as error:
        raise DatasetError(f"{folder / FOLDER}: {error}") from error


def _frame(path: Path) -> pd.DataFrame:
    """Read a table, its text as object with None for missing, whichever version of pandas reads it."""
    import pandas as pd
    import pyarrow as pa

    try:
        frame = pd.read_parquet(path, engine="pyarrow")
    except (pa.ArrowException, ValueError) as error:
        raise DatasetError(f"{path.name} is not a whole parquet file: {error}") from error
    for name in frame.columns:
        if frame[name].dtype.kind not in "iufb":
            text = frame[name].astype(object)
            frame[name] = text.where(text.notna(), None)
    return frame


ENTRY = Entry(
    name="debian_packages",
    summary=SUMMARY,
    task="multiclass",
    rows=NODES,
    target=LABEL,
    splits=("time",),
    load=load,
    locate=locate,
    fetch=fetch,
    kind="graph",
    edges=EDGES,
)
