"""ogbn-products (Hu et al. 2020) from the files that OGB publishes, which are converted once to mapped arrays."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l0gm.datasets.arrays import PARTS, GraphFiles, appending, built, opened
from l0gm.datasets.dataset import Entry, GraphDataset, require
from l0gm.datasets.download import Source, cache_dir, data_home, first_available
from l0gm.errors import DatasetError

__all__ = ["ENTRY", "convert", "fetch", "load", "locate"]

NODES, EDGES, CLASSES, FEATURES = 2_449_029, 61_859_140, 47, 100
FOLDERS = ("ogbn_products", "products")
"""What the folder is called here, and by OGB's own downloader."""
SPLITS = {"train": "train", "validation": "valid", "test": "test"}
FILES = {
    "nodes": "raw/num-node-list.csv.gz",
    "edges": "raw/num-edge-list.csv.gz",
    "edge": "raw/edge.csv.gz",
    "feature": "raw/node-feat.csv.gz",
    "label": "raw/node-label.csv.gz",
    **{part: f"split/sales_ranking/{name}.csv.gz" for part, name in SPLITS.items()},
}
BLOCK_BYTES = 4 * 2**20
URL = "http://snap.stanford.edu/ogb/data/nodeproppred/products.zip"

SUMMARY = "products of a shop: which of 47 categories? (100 components of texts; bought together)"
DESCRIPTION = (
    "2,449,029 products of a shop, 61,859,140 undirected edges between those that were bought together, 100 principal "
    "components of their descriptions' words, 47 categories (Hu et al. 2020, 'Open Graph Benchmark'). Split "
    "'sales_ranking': trained on the 8 % that sell best, validated on the next 2 %, tested on the others."
)
REMEDY = (
    f"Download {URL} (1.4 GB) by hand and unpack it in some data folder, so that it has {FOLDERS[1]}/raw/ with "
    "edge.csv.gz, node-feat.csv.gz, node-label.csv.gz, num-node-list.csv.gz and num-edge-list.csv.gz, and "
    f"{FOLDERS[1]}/split/sales_ranking/ with train.csv.gz, valid.csv.gz and test.csv.gz (the folder may be called "
    f"{FOLDERS[0]} as well), and set L0GM_DATA to that data folder. A generated graph of that size needs no download: "
    "'synthetic:products'."
)


def load(home: Path | None = None) -> GraphDataset:
    """Load the graph from OGB's files, which are converted the first time; nothing is downloaded.

    The sources, in order: the files in ``home`` (else ``$L0GM_DATA``), the files in the user cache, what was converted
    before. Attributes, edges and labels stay on the disk until they are read.

    Raises
    ------
    DatasetError
        The files are nowhere, damaged, or do not fit one another; or the user cache has no room (1.5 GB).
    MissingExtraError
        pyarrow is not installed.
    """
    files, label = _obtain(home)
    return files.dataset(
        name=ENTRY.name,
        task="multiclass",
        description=DESCRIPTION,
        source=f"{label}: {files.folder}",
        split="sales_ranking",
    )


def fetch(home: Path | None = None) -> Path:
    """Make sure that the converted arrays are on this machine and return their folder; the errors are those of load."""
    return _obtain(home)[0].folder


def locate(home: Path | None = None) -> Path:
    """Return the folder of the files on this machine, or of what was converted; raise DatasetError if there is none."""
    for root in (data_home(home), cache_dir()):
        if root is not None and (found := _raw_folder(root)) is not None:
            return found
    if opened(_converted(), None) is not None:
        return _converted()
    raise DatasetError(f"ogbn_products is not on this machine. {REMEDY}")


def convert(raw: Path, folder: Path) -> None:
    """Convert OGB's files to the arrays of :mod:`l0gm.datasets.arrays`, a few megabytes at a time.

    Parameters
    ----------
    raw : Path
        The folder with ``raw/`` and ``split/``.
    folder : Path
        Where the arrays go.

    Raises
    ------
    DatasetError
        A file is not whole or holds something else, their counts differ, or an id is out of range.
    """
    n_nodes, n_edges = (_count(raw / FILES[part]) for part in ("nodes", "edges"))
    path = raw / FILES["edge"]
    with appending(folder, "sources", (n_edges,)) as sources, appending(folder, "targets", (n_edges,)) as targets:
        for block in _blocks(path, "int32", 2, n_edges):
            _check(block, n_nodes, path, "node")
            sources(block[:, 0])
            targets(block[:, 1])
    path = raw / FILES["feature"]
    columns = _columns(path)
    with appending(folder, "features", (n_nodes, columns)) as features:
        for block in _blocks(path, "float32", columns, n_nodes):
            if not np.isfinite(block).all():
                raise DatasetError(f"{path}: an attribute is not finite")
            features(block)
    path = raw / FILES["label"]
    with appending(folder, "labels", (n_nodes,)) as labels:
        for block in _blocks(path, "float64", 1, n_nodes):
            _check(block, CLASSES, path, "label")
            labels(block[:, 0])

    used = np.zeros(n_nodes, bool)
    for part in PARTS:
        path = raw / FILES[part]
        chosen = np.concatenate([np.zeros(0, np.int32), *(block[:, 0] for block in _blocks(path, "int32", 1))])
        _check(chosen, n_nodes, path, "node")
        chosen = np.unique(chosen)
        if used[chosen].any():
            raise DatasetError(f"{path}: node {chosen[used[chosen]][0]} is in another part of the split as well")
        used[chosen] = True
        with appending(folder, part, chosen.shape) as append:
            append(chosen)


def _obtain(home: Path | None) -> tuple[GraphFiles, str]:
    """Return the converted arrays, and the label of the source that they are from."""
    require("pyarrow")
    return first_available(
        ENTRY.name,
        [
            Source("data folder", partial(_from_root, data_home(home))),
            Source("user cache", partial(_from_root, cache_dir())),
            Source("converted before", partial(_from_converted, home)),
        ],
        REMEDY,
    )


def _from_root(root: Path | None) -> GraphFiles:
    if root is None:
        raise DatasetError("L0GM_DATA is not set")
    raw = _raw_folder(root)
    if raw is None:
        raise DatasetError(f"there is no {root / FOLDERS[0]} or {root / FOLDERS[1]} with OGB's files")
    absent = [file for file in FILES.values() if not (raw / file).is_file()]
    if absent:
        raise DatasetError(f"{raw} has no {', '.join(absent)}")
    states = {file: (raw / file).stat() for file in FILES.values()}
    key = {"name": ENTRY.name, "files": {file: [state.st_size, state.st_mtime_ns] for file, state in states.items()}}
    return built(_converted(), key, partial(convert, raw))


def _from_converted(home: Path | None) -> GraphFiles:
    for root in (data_home(home), cache_dir()):
        if root is not None and _raw_folder(root) is not None:
            raise DatasetError(f"not used where there is {_raw_folder(root)}")
    found = opened(_converted(), None)
    if found is None:
        raise DatasetError(f"there is no {_converted()}")
    return found


def _converted() -> Path:
    return cache_dir() / "graphs" / "ogbn_products"


def _raw_folder(root: Path) -> Path | None:
    """Return the folder under ``root`` that has at least some of the files."""
    for name in FOLDERS:
        if any((root / name / file).is_file() for file in FILES.values()):
            return root / name
    return None


def _count(path: Path) -> int:
    """Return the number that a file holds."""
    held = np.concatenate([np.zeros((0, 1)), *_blocks(path, "float64", 1)])
    if held.shape != (1, 1) or not held[0, 0] >= 1 or held[0, 0] != int(held[0, 0]):
        raise DatasetError(f"{path}: one whole number is expected, of one graph")
    return int(held[0, 0])


def _check(numbers: NDArray[Any], end: int, path: Path, what: str) -> None:
    """Raise DatasetError if not all are whole numbers from 0 to below ``end``."""
    good = (numbers >= 0) & (numbers < end) & (numbers == np.floor(numbers))
    if not good.all():
        raise DatasetError(f"{path}: {what} {numbers[~good][0]:g} is none of 0 to {end - 1}")


def _columns(path: Path) -> int:
    """Return how many columns a file has, by its first row."""
    import gzip

    try:
        with gzip.open(path, "rt") as file:
            return file.readline().count(",") + 1
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path}: {error}") from error


def _blocks(path: Path, kind: str, columns: int, rows: int | None = None) -> Iterator[NDArray[Any]]:
    """Yield the rows of a compressed file without a header, some at a time, (k, columns).

    Raises
    ------
    DatasetError
        The file is damaged or holds something else, or not ``rows`` rows.
    """
    import pyarrow as pa
    from pyarrow import csv

    names = [str(j) for j in range(columns)]
    found = 0
    try:
        with pa.OSFile(str(path)) as packed, pa.CompressedInputStream(packed, "gzip") as stream:
            reader = csv.open_csv(
                stream,
                read_options=csv.ReadOptions(column_names=names, block_size=BLOCK_BYTES, use_threads=False),
                convert_options=csv.ConvertOptions(column_types=dict.fromkeys(names, pa.type_for_alias(kind))),
            )
            for batch in reader:
                found += batch.num_rows
                yield np.column_stack([_whole(column) for column in batch.columns])
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DatasetError(f"{path}: damaged, or not what is expected there: {error}") from error
    if rows is not None and found != rows:
        raise DatasetError(f"{path}: {found:,} rows, and {rows:,} are expected: it is not whole")


def _whole(column: Any) -> NDArray[Any]:
    if column.null_count:
        raise ValueError("a value is missing")
    return np.asarray(column.to_numpy())


ENTRY = Entry(
    name="ogbn_products",
    summary=SUMMARY,
    task="multiclass",
    rows=NODES,
    target="category",
    splits=("sales_ranking",),
    load=load,
    locate=locate,
    fetch=fetch,
    kind="graph",
    edges=EDGES,
)
