"""DATA on the command line: the name of a data set, or a table file."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np
from numpy.typing import NDArray

from l0gm.cli.files import READABLE, Frame, check_columns, kind_of, read_table
from l0gm.data.labels import encode_target
from l0gm.data.parquet import ParquetTable
from l0gm.data.splits import stratified_split
from l0gm.errors import DataError, ParameterError

if TYPE_CHECKING:
    from l0gm.runtime import CompactModel

__all__ = [
    "SPLIT_SEED",
    "TEST_SIZE",
    "Part",
    "Task",
    "is_graph",
    "is_registered",
    "read_labelled",
    "read_part",
    "read_task",
    "registered_name",
    "short_name",
]

LARGE = 2**28  # bytes of a parquet file; in memory it takes several times as many
TEST_SIZE = 0.2
SPLIT_SEED = 0
PARTS = ("test", "train", "all")


@dataclass(frozen=True)
class Part:
    """Rows, the target among them where it is known, and how they are called."""

    frame: Frame
    target: str | None
    title: str

    @property
    def labels(self) -> Any:
        """The target's values, (n,)."""
        assert self.target is not None  # a task has one
        return self.frame[self.target].to_numpy()

    def features(self, drop: Sequence[str] = ()) -> Any:
        """Return the other columns, in the table's own type."""
        known = [] if self.target is None else [self.target]
        return self.frame.drop([*known, *drop]).to_native()

    def take(self, rows: NDArray[np.int64]) -> Part:
        """Return these rows."""
        return replace(self, frame=self.frame[rows])


@dataclass(frozen=True)
class FilePart:
    """Rows of parquet files that are read in batches, as :class:`Part`."""

    frame: ParquetTable
    target: str
    title: str

    @property
    def labels(self) -> Any:
        """The target's values, (n,)."""
        return self.frame.column(self.target)

    def features(self, drop: Sequence[str] = ()) -> ParquetTable:
        """Return the other columns."""
        return self.frame.without([self.target, *drop])

    def take(self, rows: NDArray[np.int64]) -> FilePart:
        """Return these rows."""
        return replace(self, frame=self.frame.select(rows))


@dataclass(frozen=True)
class Task:
    """Training and test rows of one data set, and what the split is called."""

    name: str
    split: str
    train: Part | FilePart
    test: Part | FilePart


def short_name(data: str) -> str:
    """Return a folder's name for DATA."""
    return Path(registered_name(data)).stem.replace(":", "-")


def registered_name(data: str) -> str:
    """Return a data set's name as it is registered: ``ogbn-products`` is ``ogbn_products``; other DATA as it is."""
    from l0gm import datasets

    other = data.replace("-", "_")
    return other if data not in datasets.names() and other in datasets.names() else data


def is_graph(data: str) -> bool:
    """Return whether DATA is a data set that is a graph; the errors are those of :func:`is_registered`."""
    from l0gm import datasets

    return is_registered(data) and datasets.is_graph(registered_name(data))


def read_task(
    data: str,
    target: str | None,
    split: str | None,
    test: Path | None,
    test_size: float | None,
    out_of_core: bool | None = None,
    text: Collection[str] = (),
) -> Task:
    """Return the training and test rows that the arguments of ``train`` ask for.

    ``out_of_core`` says whether files are read in batches; by default parquet files of LARGE bytes and folders are.
    ``text`` names the columns that a file is to give as text.

    Raises
    ------
    L0GMError
        If an argument does not go with DATA, or the rows cannot be had.
    """
    if is_registered(data):
        for option, value in (("--test", test), ("--test-size", test_size)):
            if value is not None:
                raise ParameterError(f"{option} {value}: it is for files; {data} has named splits, see --split")
        if out_of_core:
            raise ParameterError(f"--out-of-core: it is for parquet files; {data} is held in memory")
        return _registered_task(data, target, split)
    if split is not None:
        raise ParameterError(f"--split {split}: it is for registered data sets; for a file, --test or --test-size")
    if target is None:
        raise ParameterError(f"--target: name the column of {data} to predict")
    if test is not None and test_size is not None:
        raise ParameterError("--test and --test-size: give one of the two")
    whole = _read(Path(data), target, "--target", out_of_core, text)
    if test is not None:
        return Task(data, f"test file {test.name}", whole, _read(test, target, f"{test}, --target", out_of_core, text))
    size = TEST_SIZE if test_size is None else test_size
    classes, codes = encode_target(whole.labels, len(whole.frame))
    first, second = stratified_split(np.asarray(classes)[codes], size, SPLIT_SEED)
    name = f"{size:g} held out, stratified, seed {SPLIT_SEED}"
    return Task(data, name, whole.take(first), whole.take(second))


def _read(path: Path, target: str, argument: str, out_of_core: bool | None, text: Collection[str]) -> Part | FilePart:
    parquet = path.is_dir() or kind_of(path) == ".parquet"
    if out_of_core and not parquet:
        raise ParameterError(f"--out-of-core: {path} is read whole; write it as parquet, which is read in batches")
    if out_of_core is False and path.is_dir():
        raise ParameterError(f"--in-memory: {path} is a folder, and folders are read in batches")
    if out_of_core is None:
        out_of_core = path.is_dir() or (parquet and path.is_file() and path.stat().st_size >= LARGE)
    frame = ParquetTable.open(path) if out_of_core else read_table(path, text)
    check_columns(frame, [target], argument)
    if len(frame) == 0:
        raise DataError(f"{path} has no rows")
    return FilePart(frame, target, str(path)) if isinstance(frame, ParquetTable) else Part(frame, target, str(path))


def read_part(data: str, target: str | None, split: str | None, part: str | None, text: Collection[str] = ()) -> Part:
    """Return the rows that ``evaluate`` and ``predict`` ask for: of a data set its test rows, of a file all.

    ``text`` names the columns that a file is to give as text.

    Raises
    ------
    L0GMError
        If an argument does not go with DATA, or the rows cannot be had.
    """
    if part is not None and part not in PARTS:
        raise ParameterError(f"--part {part}: choose one of {', '.join(PARTS)}")
    if not is_registered(data):
        for option, value in (("--split", split), ("--part", None if part == "all" else part)):
            if value is not None:
                raise ParameterError(f"{option} {value}: it is for registered data sets; of a file, all rows are read")
        frame = read_table(Path(data), text)
        if target is not None:
            check_columns(frame, [target], "--target")
        return Part(frame, target, data)
    if part == "all":
        if split is not None:
            raise ParameterError(f"--split {split}: with --part all there is none")
        dataset = _load(data)
        return Part(nw.from_native(dataset.frame, eager_only=True), _target(dataset, target), dataset.name)
    task = _registered_task(data, target, split)
    chosen = task.train if part == "train" else task.test
    assert isinstance(chosen, Part)  # a data set is in memory
    return Part(chosen.frame, chosen.target, f"{data}, {part or 'test'} rows of split {task.split}")


def read_labelled(
    model: CompactModel, data: str, target: str | None, split: str | None, part: str | None
) -> tuple[Part, Any]:
    """Return the rows that a model is measured on, and their labels (n,); by default of the target it was trained on.

    Raises
    ------
    L0GMError
        As :func:`read_part`, or if the target is not known.
    """
    rows = read_part(data, target, split, part, model.schema.text_sources)
    name = rows.target or model.information.get("target")
    if name is None:
        raise ParameterError(f"--target: name the column of {data} that holds the true labels")
    check_columns(rows.frame, [name], "--target")
    return rows, rows.frame[name].to_numpy()


def _registered_task(data: str, target: str | None, split: str | None) -> Task:
    dataset = _load(data)
    name = split or dataset.default_split
    frame = nw.from_native(dataset.frame, eager_only=True)
    target = _target(dataset, target)
    return Task(dataset.name, name, *(Part(frame[rows], target, dataset.name) for rows in dataset.split(name)))


def _target(dataset: Any, target: str | None) -> str:
    if target not in (None, dataset.target):
        raise ParameterError(f"--target {target}: the target of {dataset.name} is {dataset.target}; leave it out")
    return str(dataset.target)


def _load(data: str) -> Any:
    from l0gm import datasets

    if is_graph(data):
        raise ParameterError(f"DATA {data}: it is a graph, and rows of a table are asked for")
    return datasets.load(registered_name(data))


def is_registered(data: str) -> bool:
    """Return whether DATA is a data set's name; raise DataError if it is no file's either."""
    from l0gm import datasets

    names = datasets.names()
    if registered_name(data) in names:
        return True
    if data.lower().endswith(READABLE) or Path(data).exists():
        return False
    near = difflib.get_close_matches(data.lower(), names, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}? " if near else ""
    raise DataError(
        f"DATA {data}: neither a file ({', '.join(READABLE)}) nor a data set; {hint}The data sets are: "
        f"{', '.join(names)}"
    )
