"""Rows of parquet files that need not fit into memory: described, split and read batch by batch.

Nothing is read before it is asked for, and then only the columns that are asked for. Needs pyarrow.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import os
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l0gm.data.frames import Table
from l0gm.errors import DataError, MissingExtraError, ParameterError

__all__ = ["BATCH_ROWS", "ParquetTable", "batches_of", "column_of", "open_table", "open_with"]

BATCH_ROWS = 65_536
"""Rows that are in memory at a time; a multiple of what the gated model predicts at a time."""
READ_AHEAD = 2**20  # bytes of each column; whole row groups would be read without


@dataclass(frozen=True, eq=False)
class ParquetTable:
    """Rows of one or more parquet files, in the files' order; make it with :meth:`open`.

    Parameters
    ----------
    files : tuple of Path
    counts : tuple of int
        Rows of each file.
    schema : pyarrow.Schema
        The columns that are read, of types that hold those of every file.
    index : tuple of str
        Columns left out because pandas wrote its index into them.
    rows : int64 (n,), optional
        Positions of the chosen rows, ascending; default: all.
    """

    files: tuple[Path, ...]
    counts: tuple[int, ...]
    schema: Any
    index: tuple[str, ...] = ()
    rows: NDArray[np.int64] | None = None

    @classmethod
    def open(cls, paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]]) -> ParquetTable:
        """Return the rows of a file, of a folder (all that is called ``*.parquet`` in it) or of a list of them.

        Only the files' footers are read.

        Raises
        ------
        DataError
            If a file is missing or unreadable, or if the files' columns do not fit each other.
        MissingExtraError
            If pyarrow is not installed.
        """
        try:
            import pyarrow.parquet as pq
        except ImportError as error:
            raise MissingExtraError("pyarrow", "train", "reading parquet files") from error
        import pyarrow as pa

        listed = [paths] if isinstance(paths, (str, os.PathLike)) else paths
        files = [file for path in listed for file in _files(Path(path))]
        schemas, counts, index = [], [], []
        for file in files:
            try:
                with pq.ParquetFile(file) as opened:
                    schemas.append(opened.schema_arrow)
                    counts.append(opened.metadata.num_rows)
            except (OSError, pa.ArrowException) as error:
                reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
                raise DataError(
                    f"{file} is no parquet file ({reason}): only these are read batch by batch; read other kinds "
                    "into a table, or write them as parquet"
                ) from error
            index += _index_columns(schemas[-1])
        schema = _common(files, schemas)
        left_out = tuple(name for name in dict.fromkeys(index) if name in schema.names)
        made = cls(tuple(files), tuple(counts), schema, left_out)
        return made.without(left_out)

    named = True  # as of tables in memory whose columns have names

    @property
    def names(self) -> list[str]:
        """The columns."""
        return list(self.schema.names)

    columns = names  # as the frames of other libraries call them

    @property
    def n_rows(self) -> int:
        """How many rows are chosen."""
        return sum(self.counts) if self.rows is None else len(self.rows)

    def __len__(self) -> int:
        return self.n_rows

    def __contains__(self, name: str) -> bool:
        return name in self.schema.names

    def __str__(self) -> str:
        first = str(self.files[0])
        return first if len(self.files) == 1 else f"{first} and {len(self.files) - 1} more"

    def select(self, rows: NDArray[np.int64]) -> ParquetTable:
        """Return the table of these rows.

        Raises
        ------
        ParameterError
            If the positions do not ascend or are out of range: rows are read in the files' order.
        """
        rows = np.asarray(rows, dtype=np.int64)
        if len(rows) and ((np.diff(rows) <= 0).any() or rows[0] < 0 or rows[-1] >= len(self)):
            raise ParameterError(f"rows of {self}: give ascending positions from 0 to {len(self) - 1}, each once")
        return replace(self, rows=rows if self.rows is None else self.rows[rows])

    def without(self, names: Collection[str]) -> ParquetTable:
        """Return the table that lacks these columns."""
        import pyarrow as pa

        return replace(self, schema=pa.schema([field for field in self.schema if field.name not in names]))

    def column(self, name: str) -> Any:
        """Return one column as a pyarrow ChunkedArray (n,), text as codes with a dictionary.

        Raises
        ------
        DataError
            If there is no such column.
        """
        import pyarrow as pa

        if name not in self:
            near = difflib.get_close_matches(name, self.names, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise DataError(f"{self} has no column {name!r}: {hint}It has {', '.join(self.names)}")
        field = self.schema.field(name)
        is_text = pa.types.is_string(field.type) or pa.types.is_large_string(field.type)
        chunks = [
            chunk.dictionary_encode() if is_text else chunk
            for piece in self._pieces([name])
            for chunk in piece.column(name).chunks
        ]
        return pa.chunked_array(chunks, pa.dictionary(pa.int32(), field.type) if is_text else field.type)

    def batches(self, columns: Collection[str] | None = None, size: int = BATCH_ROWS) -> Iterator[Table]:
        """Yield the rows in order, ``size`` at a time; one empty batch where there are none.

        Parameters
        ----------
        columns : collection of str, optional
            The columns to read, as far as they are there; default: all.
        size : int
            Rows of each batch but the last.
        """
        names = self.names if columns is None else [name for name in self.names if name in columns]
        for table in self.tables(names or self.names[:1], size):  # without any column they have no number
            yield Table(table)

    def tables(self, columns: list[str], size: int = BATCH_ROWS) -> Iterator[Any]:
        """Yield what :meth:`batches` yields as pyarrow tables; all of ``columns`` have to be there."""
        import pyarrow as pa

        held = self.schema.empty_table().select(columns)
        for piece in self._pieces(columns):  # of any size, as files and row groups are
            held = pa.concat_tables([held, piece])
            while len(held) >= size:
                yield held.slice(0, size)
                held = held.slice(size)
        if len(held) or not len(self):
            yield held

    def read(self) -> Table:
        """Return the rows as a table in memory."""
        import pyarrow as pa

        return Table(pa.concat_tables(list(self.tables(self.names))))

    @cached_property
    def digest(self) -> str:
        """A digest of the files' bytes, the chosen rows and the columns; the files are read once for it."""
        digest = hashlib.sha256(json.dumps(self.names).encode())
        for file in self.files:
            with file.open("rb") as stream:
                digest.update(hashlib.file_digest(stream, "sha256").digest())
        if self.rows is not None:
            digest.update(self.rows.tobytes())
        return digest.hexdigest()

    def _pieces(self, names: list[str]) -> Iterator[Any]:
        """Yield the chosen rows as pyarrow tables, as the files give them."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        schema = pa.schema([self.schema.field(name) for name in names])
        start = 0
        for path, count in zip(self.files, self.counts, strict=True):
            chosen = self._between(start, count)
            if chosen is None or len(chosen):
                yield from _chosen(pq, path, schema, chosen)
            start += count

    def _between(self, start: int, count: int) -> NDArray[np.int64] | None:
        """Return the chosen ones of ``count`` rows from ``start`` on, relative to it; None for all."""
        if self.rows is None:
            return None
        low, high = np.searchsorted(self.rows, [start, start + count])
        return self.rows[low:high] - start


def is_path(data: object) -> bool:
    """Return whether ``data`` is a path or a list of paths; in a list, strings that do not end so are texts."""
    if not isinstance(data, (list, tuple)):
        return isinstance(data, (str, os.PathLike))
    named = (isinstance(path, os.PathLike) or (isinstance(path, str) and path.endswith(".parquet")) for path in data)
    return len(data) > 0 and all(named)


def open_table(data: Any) -> Table | ParquetTable:
    """Return ``data`` by columns: the rows of parquet files where it is a path or a list of paths, else a table.

    Raises
    ------
    DataError
        If it is none that can be read.
    """
    if isinstance(data, ParquetTable):
        return data
    return ParquetTable.open(data) if is_path(data) else Table(data)


def batches_of(data: Any, columns: Collection[str]) -> Iterator[Table]:
    """Yield ``data`` in batches that memory holds: tables as they are, parquet files piece by piece.

    ``columns`` are those that a file is read for.
    """
    table = open_table(data)
    if isinstance(table, ParquetTable):
        yield from table.batches(columns)
    else:
        yield table


def open_with(data: Any, *columns: Any) -> tuple[Any, ...]:
    """Return what :func:`open_table` does, and the columns; files' own may be given by name, and leave the table."""
    table = open_table(data)
    if not isinstance(table, ParquetTable):
        return table, *columns
    named = [name for name in columns if isinstance(name, str)]
    found = [table.column(name) if isinstance(name, str) else name for name in columns]
    return table.without(named), *found


def column_of(data: Any, column: Any) -> Any:
    """Return ``column``, or the column of that name where ``data`` is parquet files and ``column`` a name."""
    if not isinstance(column, str) or not (is_path(data) or isinstance(data, ParquetTable)):
        return column
    table = open_table(data)
    assert isinstance(table, ParquetTable)
    return table.column(column)


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise DataError(f"{str(path)[:500]}: no such file or folder; for one text, give a list of it")
    found = sorted(file for file in path.rglob("*.parquet") if file.is_file() and not file.name.startswith((".", "_")))
    if not found:
        raise DataError(f"{path} holds no parquet file")
    for file in found:
        if any("=" in part for part in file.relative_to(path).parts[:-1]):
            raise DataError(
                f"{file}: a column in the name of a folder is not read; list the files to go without it, or write the "
                "column into the files"
            )
    return found


def _index_columns(schema: Any) -> list[str]:
    """Return the columns that hold the index of the pandas table that was written."""
    known = json.loads((schema.metadata or {}).get(b"pandas", b"{}"))
    return [name for name in known.get("index_columns", []) if isinstance(name, str)]


def _common(files: list[Path], schemas: list[Any]) -> Any:
    """Return the columns of the first file, of types that hold those of all."""
    import pyarrow as pa

    first = schemas[0]
    double = [name for name, count in Counter(first.names).items() if count > 1]
    if double:
        raise DataError(f"{files[0]}: duplicate column names {double}: rename or drop one of each")
    for file, schema in zip(files, schemas, strict=True):
        odd = sorted(set(first.names).symmetric_difference(schema.names))
        if odd or len(schema.names) > len(first.names):
            raise DataError(
                f"{file} and {files[0]} do not have the same columns (in one of them only: {', '.join(odd)}): write "
                "all files with the same columns, or list those that go together"
            )
    return pa.schema([(name, _common_type(name, files, schemas)) for name in first.names])


def _common_type(name: str, files: list[Path], schemas: list[Any]) -> Any:
    """Return the type of the column where it is the same in all files, else one that holds all of its values."""
    import pyarrow as pa

    found: dict[Any, Path] = {}
    for file, schema in zip(files, schemas, strict=True):
        found.setdefault(schema.field(name).type, file)
    if len(found) == 1:
        return next(iter(found))
    plain = [t.value_type if pa.types.is_dictionary(t) else t for t in found]
    try:
        unified = pa.unify_schemas([pa.schema([(name, t)]) for t in plain], promote_options="permissive")
    except (pa.ArrowTypeError, pa.ArrowInvalid) as error:
        told = " and ".join(f"{t} in {file}" for t, file in found.items())
        raise DataError(f"column {name!r} is {told}: write it as one type") from error
    return unified.field(0).type


def _chosen(pq: Any, path: Path, schema: Any, rows: NDArray[np.int64] | None) -> Iterator[Any]:
    """Yield the chosen rows of one file as pyarrow tables."""
    import pyarrow as pa

    try:
        with pq.ParquetFile(path, buffer_size=READ_AHEAD) as file:
            start = 0
            for batch in file.iter_batches(BATCH_ROWS, columns=schema.names):
                piece = pa.Table.from_batches([batch]).select(schema.names)
                if rows is not None:
                    low, high = np.searchsorted(rows, [start, start + len(piece)])
                    start += len(piece)
                    if low == high:
                        continue
                    if high - low < len(piece):
                        piece = piece.take(pa.array(rows[low:high] - (start - len(piece))))
                yield piece.cast(schema) if piece.schema != schema else piece
    except (OSError, pa.ArrowException) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise DataError(f"{path} cannot be read: {reason}") from error
