"""Answers written as they come, batch by batch: csv, on standard output too, or parquet, of types fixed beforehand."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import narwhals.stable.v2 as nw
from numpy.typing import NDArray

from l0gm.cli.files import Frame, check_writable, kind_of
from l0gm.cli.streams import Stream
from l0gm.errors import MissingExtraError, ParameterError
from l0gm.files import replacing

__all__ = ["Write", "refuse_clash", "writing"]

Write = Callable[[Frame | None, Mapping[str, NDArray[Any]]], None]
"""Called with the columns to repeat in front, if any, and the answers to the same rows by name."""

NUMBER_LIKE = r"^[+-]?(0[0-9]|[0-9]{19})"
"""Text that is no quantity, or would not survive as one: leading zeros, more digits than numbers keep."""


@contextmanager
def writing(out: Path | None, stream: Stream, kept: list[str]) -> Iterator[Write]:
    """Yield what writes a batch: to ``out``, which is there when all is done, or as csv on standard output.

    Parameters
    ----------
    out : Path, optional
    stream : Stream
        Where the kept columns come from.
    kept : list of str
        Their names.

    Raises
    ------
    ParameterError
        If the file is of an unknown kind or cannot be written; what was there stays.
    MissingExtraError
        If pyarrow, which writes parquet, is not installed.
    """
    if out is None:
        yield _csv(sys.stdout)
        return
    check_writable(out)
    if kind_of(out) == ".csv":
        with replacing(out) as beside, beside.open("w", encoding="utf-8", newline="") as file:
            yield _csv(file)
        return
    try:
        import pyarrow.parquet  # noqa: F401  # whether it is there
    except ImportError as error:
        raise MissingExtraError("pyarrow", "train", "writing parquet files") from error
    types = _types(stream, kept) if stream.as_text else {}
    with replacing(out) as beside, _Parquet(beside, types) as parquet:
        yield parquet.write


def refuse_clash(kept: list[str], answers: Mapping[str, NDArray[Any]]) -> None:
    """Raise ParameterError if a column to repeat is called as one of the answers."""
    clash = [name for name in kept if name in answers]
    if clash:
        raise ParameterError(f"--keep {clash[0]}: the output has a column of that name already; rename it")


def _csv(file: IO[str]) -> Write:
    writer = csv.writer(file, lineterminator="\n")
    begun = False

    def write(kept: Frame | None, answers: Mapping[str, NDArray[Any]]) -> None:
        nonlocal begun
        front = {} if kept is None else {name: _cells(kept[name]) for name in kept.columns}
        columns = {**front, **{name: values.tolist() for name, values in answers.items()}}
        if not begun:
            writer.writerow(columns)
            begun = True
        writer.writerows(zip(*columns.values(), strict=True))

    return write


def _cells(column: nw.Series[Any]) -> list[Any]:
    """Return a column's values as csv cells, None where they are missing."""
    if isinstance(column.dtype, nw.Datetime):  # Python knows no nanoseconds
        column = column.cast(nw.Datetime("us", column.dtype.time_zone))
    missing = column.is_null().to_list()
    return [
        None if gone or value != value else value  # noqa: PLR0124  # NaN
        for gone, value in zip(missing, column.to_list(), strict=True)
    ]


class _Parquet:
    """A parquet file: its columns' types are those of the first batch, and those given for the kept ones."""

    def __init__(self, path: Path, types: Mapping[str, Any]) -> None:
        self._path = path
        self._types = types
        self._writer: Any = None

    def __enter__(self) -> _Parquet:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._writer is None:
            return
        try:
            self._writer.close()
        except OSError:
            if kind is None:  # else the first error says more
                raise

    def write(self, kept: Frame | None, answers: Mapping[str, NDArray[Any]]) -> None:
        """Write a batch as one row group."""
        import pyarrow as pa
        from pyarrow import parquet

        columns: dict[str, Any] = {}
        if kept is not None:
            native = kept.to_arrow()
            for name in kept.columns:
                column = native.column(name)
                columns[name] = column.cast(self._types[name]) if name in self._types else column
        for name, values in answers.items():
            columns[name] = pa.array(values.astype(str) if values.dtype == object else values)
        table = pa.table(columns)
        if self._writer is None:
            self._writer = parquet.ParquetWriter(self._path, table.schema)
        self._writer.write_table(table.cast(self._writer.schema))


def _types(stream: Stream, names: list[str]) -> dict[str, Any]:
    """Return the types of columns whose cells are text: whole numbers, numbers or text; the file is read for it."""
    import pyarrow as pa
    from pyarrow import compute

    types = dict.fromkeys(names, pa.int64())
    if not names:
        return {}
    for _, frame in stream.batches(names):
        table = frame.to_arrow()
        for name in names:
            column = table.column(name)
            odd = compute.any(compute.match_substring_regex(column, NUMBER_LIKE)).as_py()
            while not pa.types.is_string(types[name]):
                try:
                    if not odd:
                        column.cast(types[name])
                        break
                except pa.ArrowInvalid:
                    pass
                types[name] = pa.float64() if types[name] == pa.int64() and not odd else pa.string()
    return types
