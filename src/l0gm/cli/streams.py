"""DATA in batches that memory holds, whatever its size.

pyarrow reads csv, parquet and feather files piece by piece. Without it, pandas reads a file whole: one batch. What a
cell means does not depend on the batch, since the cells of csv files are taken as text, and the model's fields say
what the text stands for.
"""

from __future__ import annotations

import csv
import gzip
import re
import zlib
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import narwhals.stable.v2 as nw

from l0gm.cli.files import Frame, check_readable, kind_of, read_table, separator
from l0gm.cli.sources import is_registered, read_part
from l0gm.data.parquet import BATCH_ROWS, ParquetTable
from l0gm.errors import DataError

__all__ = ["Stream", "open_stream"]

BLOCK = 2 << 20  # bytes of a csv file in memory at a time

Batches = Iterator[tuple[float, Frame]]


@dataclass(frozen=True)
class Stream:
    """Rows to be read.

    Parameters
    ----------
    name : str
        Of the file or the data set.
    columns : list of str
    as_text : bool
        Whether every column is given as text.
    reader : callable
        From columns to what :meth:`batches` gives.
    """

    name: str
    columns: list[str]
    as_text: bool
    reader: Callable[[list[str]], Batches]

    def batches(self, columns: Collection[str]) -> Batches:
        """Yield (share that has been read, rows); at least one batch.

        Parameters
        ----------
        columns : collection of str
            The columns to read; where there are none, the batches have one nevertheless, as no table without
            columns has rows.

        Raises
        ------
        DataError
            If the file is damaged or has no rows, or two of the columns have one name.
        """
        wanted = [name for name in dict.fromkeys(self.columns) if name in columns] or self.columns[:1]
        double = [name for name in wanted if self.columns.count(name) > 1]
        if double:
            raise DataError(f"{self.name}: duplicate column names {double}: rename or drop one of each")
        some = False
        for share, frame in self.reader(wanted):
            if len(frame):
                some = True
                yield share, frame
        if not some:
            raise DataError(f"{self.name} has no rows")


def open_stream(data: str) -> Stream:
    """Return the rows of a file, or all rows of a data set.

    Raises
    ------
    DataError
        If there is no such data set or file, or it cannot be read.
    MissingExtraError
        If neither pandas nor pyarrow is installed.
    """
    if is_registered(data):
        frame = read_part(data, None, None, "all").frame
        return Stream(data, frame.columns, False, lambda columns: iter([(1.0, frame.select(columns))]))
    path = Path(data)
    if path.is_dir():
        return _parquet(path)
    check_readable(path)
    try:
        import pyarrow  # noqa: F401  # whether it is there
    except ImportError:
        return _whole(path)
    kind = kind_of(path)
    if kind == ".parquet":
        return _parquet(path)
    return _feather(path) if kind == ".feather" else _csv(path)


def _whole(path: Path) -> Stream:
    """Read a file at once; the cells of csv files as text, as :func:`_csv` does."""
    names = read_table(path).columns
    as_text = kind_of(path) in (".csv", ".tsv")

    def read(columns: list[str]) -> Batches:
        yield 1.0, read_table(path, columns if as_text else ()).select(columns)

    return Stream(str(path), names, as_text, read)


def _csv(path: Path) -> Stream:
    import pyarrow as pa
    from pyarrow import csv as arrow

    names, lines = _header(path)
    size = path.stat().st_size
    null_values = [*arrow.ConvertOptions().null_values, "None", "<NA>"]

    def read(columns: list[str]) -> Batches:
        # threads would hide in which row an error is
        how = arrow.ReadOptions(block_size=BLOCK, use_threads=False, column_names=names, skip_rows_after_names=lines)
        layout = arrow.ParseOptions(delimiter=separator(path), newlines_in_values=True)
        types = dict.fromkeys(columns, pa.string())
        conversion = arrow.ConvertOptions(
            column_types=types, include_columns=columns, strings_can_be_null=True, null_values=null_values
        )
        with _read_errors(path), path.open("rb", buffering=0) as file, pa.PythonFile(file, "r") as stream:
            source = pa.CompressedInputStream(stream, "gzip") if path.suffix.lower() == ".gz" else stream
            with arrow.open_csv(source, how, layout, conversion) as reader:
                for number, batch in enumerate(reader, 1):
                    yield min(number * BLOCK, file.tell(), size) / size, _frame(batch)  # it is read far ahead

    return Stream(str(path), names, True, read)


def _header(path: Path) -> tuple[list[str], int]:
    """Return the columns of a csv file, named as pandas does, and how many rows there are to the header's end."""
    opened = gzip.open if path.suffix.lower() == ".gz" else open
    try:
        with opened(path, "rt", encoding="utf-8-sig", errors="replace", newline="") as file:
            rows = csv.reader(file, delimiter=separator(path))
            for number, cells in enumerate(rows):
                if cells:
                    with suppress(csv.Error):  # a long cell is one, too
                        if not any(rows):
                            raise DataError(f"{path} has no rows")
                    return _named(cells), number + 1
    except (OSError, EOFError, zlib.error, csv.Error) as error:
        raise DataError(f"{path} cannot be read as {kind_of(path)[1:]}: its header is damaged ({error})") from error
    raise DataError(f"{path} has no header")


def _parquet(path: Path) -> Stream:
    table = ParquetTable.open(path)

    def read(columns: list[str]) -> Batches:
        done = 0
        for piece in table.tables(columns):
            done += len(piece)
            yield done / max(len(table), 1), nw.from_native(piece, eager_only=True)

    return Stream(str(path), table.names, False, read)


def _feather(path: Path) -> Stream:
    import pyarrow as pa

    with _read_errors(path), pa.memory_map(str(path)) as file:
        names = pa.ipc.open_file(file).schema.names

    def read(columns: list[str]) -> Batches:
        options = pa.ipc.IpcReadOptions(included_fields=[names.index(name) for name in columns])
        with _read_errors(path), pa.memory_map(str(path)) as file, pa.ipc.open_file(file, options=options) as reader:
            count = reader.num_record_batches
            for i in range(count):
                batch = reader.get_batch(i)
                for start in range(0, len(batch), BATCH_ROWS):
                    yield (i + 1) / count, _frame(batch.slice(start, BATCH_ROWS))

    return Stream(str(path), names, False, read)


def _frame(batch: Any) -> Frame:
    import pyarrow as pa

    frame: Frame = nw.from_native(pa.Table.from_batches([batch]), eager_only=True)
    return frame


def _named(names: list[str]) -> list[str]:
    """Return the names of a csv file's columns as pandas gives them where they are absent or occur twice."""
    found: list[str] = []
    for i, name in enumerate(names):
        own = name or f"Unnamed: {i}"
        new, times = own, 0
        while new in found:
            times += 1
            new = f"{own}.{times}"
        found.append(new)
    return found


@contextmanager
def _read_errors(path: Path) -> Iterator[None]:
    """Turn what pyarrow and the system raise into DataError."""
    import pyarrow as pa

    try:
        yield
    except (OSError, pa.ArrowException) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        cells = re.search(r"Row #(\d+): Expected (\d+) columns, got (\d+)", reason)
        if cells:
            number, named, there = map(int, cells.groups())  # Arrow counts the header as row 1
            reason = f"row {number - 1:,} has {there} cell{'s' * (there != 1)}, and the header has {named}"
        elif "invalid UTF8" in reason:
            row = re.search(r"Row #(\d+)", reason)
            reason = f"{f'row {int(row[1]) - 1:,}' if row else 'it'} is not in UTF-8"
        elif "straddl" in reason:
            reason = f"a row is longer than {BLOCK >> 20} MB, or a quote is never closed"
        raise DataError(f"{path} cannot be read as {kind_of(path)[1:]}: {reason}") from error
