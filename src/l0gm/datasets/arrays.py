"""A large graph as arrays in files of a cache folder, which are opened without being read."""

from __future__ import annotations

import json
import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l0gm.data.graphs import Graph
from l0gm.datasets.dataset import GraphDataset, Task
from l0gm.errors import DatasetError

__all__ = ["PARTS", "GraphFiles", "appending", "built", "opened"]

FORMAT = 1
DOCUMENT = "graph.json"
PARTS = ("train", "validation", "test")
TYPES = {"features": "<f4", "sources": "<i4", "targets": "<i4", "labels": "<i2", **dict.fromkeys(PARTS, "<i4")}
"""The arrays of a graph: (n, F), (E,), (E,), (n,), and the ascending node numbers of each part of its split."""
REMEDY = "make room there, or set XDG_CACHE_HOME to a folder that can be written and has room"
LEFT_AFTER_SECONDS = 24 * 3600.0


@dataclass(frozen=True, eq=False)
class GraphFiles:
    """The arrays of a graph, read only, each mapped from its file."""

    folder: Path
    arrays: Mapping[str, NDArray[Any]]

    def dataset(self, name: str, task: Task, description: str, source: str, split: str) -> GraphDataset:
        """Return them as a data set with one split."""
        arrays = self.arrays
        return GraphDataset(
            name=name,
            graph=Graph.of_arrays(arrays["features"], arrays["sources"], arrays["targets"]),
            labels=arrays["labels"].astype(np.int64),
            task=task,
            description=description,
            source=source,
            splitters={split: self._split},
        )

    def _split(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        train, validation, test = (self.arrays[part].astype(np.int64) for part in PARTS)
        return train, validation, test


def opened(folder: Path, key: Mapping[str, Any] | None) -> GraphFiles | None:
    """Open the arrays of a folder.

    Parameters
    ----------
    folder : Path
    key : mapping, optional
        What they were made from; of anything, if left out.

    Returns
    -------
    GraphFiles or None
        None if there are none, they were made from something else, or a file is missing or has another size, type or
        shape than was written. Their content is not read.
    """
    try:
        document = json.loads((folder / DOCUMENT).read_text())
        if document["format"] != FORMAT or (key is not None and document["key"] != key):
            return None
        arrays = {}
        for name in TYPES:
            path = folder / f"{name}.npy"
            array = np.asarray(np.load(path, mmap_mode="r"))
            if [path.stat().st_size, array.dtype.str, list(array.shape)] != document["arrays"][name]:
                return None
            arrays[name] = array
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return GraphFiles(folder, arrays)


def built(folder: Path, key: Mapping[str, Any], write: Callable[[Path], None]) -> GraphFiles:
    """Open the arrays of a folder; write them first where they are not there or not whole.

    They are written beside their place and moved there when all are, so that a reader sees all of them or none. Two
    processes that write at once only do the work twice.

    Parameters
    ----------
    folder : Path
    key : mapping
        JSON: what they are made from.
    write : callable
        Writes each array of ``TYPES`` as ``<name>.npy`` to the folder it is given.

    Raises
    ------
    DatasetError
        They cannot be written, or ``write`` raises it.
    """
    if (found := opened(folder, key)) is not None:
        return found
    _remove_left(folder)
    beside = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}.part")
    try:
        beside.mkdir(parents=True)
        try:
            write(beside)
            _finish(beside, key)
            _replace(folder, key, beside)
        finally:
            shutil.rmtree(beside, ignore_errors=True)
    except OSError as error:
        raise DatasetError(f"{folder} cannot be written ({error}): {REMEDY}") from error
    if (found := opened(folder, key)) is None:
        raise DatasetError(f"{folder} was written and is not whole: {REMEDY}")
    return found


@contextmanager
def appending(folder: Path, name: str, shape: tuple[int, ...]) -> Iterator[Callable[[NDArray[Any]], None]]:
    """Yield what appends rows to one of the arrays, whose shape is known; the disk is written at once.

    Raises
    ------
    DatasetError
        There are fewer or more rows at the end.
    """
    dtype = np.dtype(TYPES[name])
    rows = 0
    with (folder / f"{name}.npy").open("wb") as file:
        header = {"descr": dtype.str, "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)

        def append(block: NDArray[Any]) -> None:
            nonlocal rows
            rows += len(block)
            file.write(np.ascontiguousarray(block, dtype=dtype).data)

        yield append
    if rows != shape[0]:
        raise DatasetError(f"{name}: {rows:,} rows, {shape[0]:,} expected")


def _finish(folder: Path, key: Mapping[str, Any]) -> None:
    """Bring the files to the disk, then write what they are."""
    arrays = {}
    for name in TYPES:
        path = folder / f"{name}.npy"
        array = np.load(path, mmap_mode="r")
        arrays[name] = [path.stat().st_size, array.dtype.str, list(array.shape)]
        with path.open("rb+") as file:
            os.fsync(file.fileno())
    with (folder / DOCUMENT).open("w") as file:
        json.dump({"format": FORMAT, "key": key, "arrays": arrays}, file)
        file.flush()
        os.fsync(file.fileno())


def _replace(folder: Path, key: Mapping[str, Any], beside: Path) -> None:
    """Move a folder to its place, unless another process has put the same there meanwhile."""
    if opened(folder, key) is not None:
        return
    if folder.exists():  # damaged, or made from something else; who has it open keeps its files
        aside = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}.part")
        folder.rename(aside)
        shutil.rmtree(aside, ignore_errors=True)
    try:
        beside.rename(folder)
    except OSError:
        if opened(folder, key) is None:
            raise


def _remove_left(folder: Path) -> None:
    """Remove what writers that were killed have left: it may be large."""
    for left in folder.parent.glob(f".{folder.name}.{'[0-9a-f]' * 32}.part"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > LEFT_AFTER_SECONDS:
                shutil.rmtree(left, ignore_errors=True)
