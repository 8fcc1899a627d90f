"""Columns of any supported table as numpy arrays: the one place that knows pandas, polars and pyarrow apart.

A table is whatever narwhals takes eagerly (pandas, polars, pyarrow, ...), a mapping from names to columns, a list
of rows as dicts, a structured array, or a two-dimensional array or list of rows without names, whose columns are
called ``x0``, ``x1``, and so on. Texts without a table around them, a list or a series of them, are one column, called
``text`` unless the series has a name. A column is looked at when it is asked for: one that nobody reads may hold
anything.
"""

from __future__ import annotations

import functools
import math
import sys
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence, Sized
from contextlib import suppress
from typing import Any, Concatenate, ParamSpec, TypeVar

import narwhals.stable.v2 as nw
import numpy as np
from numpy.typing import NDArray

from l0gm.data.columns import (
    Coded,
    Column,
    Factorized,
    factorize_array,
    factorize_objects,
    factorize_series,
    is_pandas,
    numbers_of_series,
    read_column,
    read_pandas,
    read_series,
    rows_of,
    short,
    tidy,
    times_of_series,
    typed_kind,
)
from l0gm.data.values import (
    canonical,
    is_missing_text,
    kind_of_value,
    microseconds,
    parse_number,
    parse_time,
    seconds,
    spellings,
)
from l0gm.errors import DataError, L0GMError
from l0gm.native import native

__all__ = ["Table", "canonical", "parse_number", "parse_time"]

Result = TypeVar("Result")
Rest = ParamSpec("Rest")
Kind = str  # "number" | "boolean" | "time" | "duration" | "text" | "object"
_PLAIN = {int, float, bool, type(None)}
_COUNTED = ({"number"}, {"time"}, {"duration"})


def _naming(read: Callable[Concatenate[Table, str, Rest], Result]) -> Callable[Concatenate[Table, str, Rest], Result]:
    """Turn whatever a foreign library or a foreign value raises into a DataError that names the column."""

    @functools.wraps(read)
    def guarded(table: Table, name: str, *rest: Rest.args, **named: Rest.kwargs) -> Result:
        try:
            return read(table, name, *rest, **named)
        except (L0GMError, MemoryError):
            raise
        except Exception as error:
            raise DataError(
                f"column {name!r} cannot be read ({type(error).__name__}: {error}): make it numbers, text or dates"
            ) from error

    return guarded  # type: ignore[return-value]  # wraps() gives the arguments names


class Table:
    """Read-only view of a table by columns.

    The methods that read a column take further values that are ``missing`` in it, in the spelling of
    :func:`canonical`.

    Parameters
    ----------
    data : table
        See the module's text.

    Attributes
    ----------
    names : list of str
    n_rows : int
    named : bool
        Whether the table brought a name for each column, as text. An array brings none; whole numbers, which pandas
        gives to columns without a name, are none either.
    texts_alone : bool
        Whether it was no table but the texts of one column.

    Raises
    ------
    DataError
        If ``data`` is no table, has no column, or two columns share a name.
    """

    names: list[str]
    n_rows: int
    named: bool
    texts_alone: bool = False

    def __init__(self, data: object) -> None:
        if isinstance(data, Table):
            self.__dict__.update(data.__dict__)
            return
        texts = _texts(data)
        if texts is not None:
            self.texts_alone = True
            data = texts
        unnamed = _unnamed_columns(data)
        if unnamed is not None:
            data = unnamed
        elif isinstance(data, np.ndarray):  # a structured one
            data = {name: data[name] for name in data.dtype.names or ()}
        elif isinstance(data, Sequence) and data and all(isinstance(row, Mapping) for row in data):
            columns = dict.fromkeys(name for row in data for name in row)
            data = {name: [row.get(name) for row in data] for name in columns}
        if isinstance(data, Mapping):
            self.named = unnamed is None and all(isinstance(name, str) for name in data)
            given = {str(name): column for name, column in data.items()}
            self._set([str(name) for name in data], lambda name: read_column(given[name], name))
            lengths = {name: _length(column, name) for name, column in given.items()}
            if len(set(lengths.values())) > 1:
                raise DataError(f"columns of different lengths: {lengths}")
            self.n_rows = lengths[self.names[0]]
        elif is_pandas(data):
            self.named = all(isinstance(name, str) for name in data.columns)
            own = {str(name): name for name in data.columns}
            self._set([str(name) for name in data.columns], lambda name: read_pandas(data[own[name]], name))
            self.n_rows = len(data)
        else:
            frame = _eager(data)
            self.named = all(isinstance(name, str) for name in frame.columns)
            native = {str(name): name for name in frame.columns}
            self._set(
                [str(name) for name in frame.columns],
                lambda name: read_series(frame.get_column(native[name]), name),
            )
            self.n_rows = len(frame)

    def __contains__(self, name: str) -> bool:
        return name in self._known

    def __len__(self) -> int:
        return self.n_rows

    @_naming
    def kind(self, name: str, missing: Collection[str] = ()) -> Kind:
        """Return what the column's type says it holds; for untyped columns, what its values are.

        "object" is a column of several kinds; one without any value is a "number". Texts such as ``n/a`` among
        numbers or dates do not count.
        """
        _, typed = self._column(name)
        if typed is not None:
            return typed
        values = self.factorize(name, missing)[1]
        kinds = {kind_of_value(value) for value in values if not is_missing_text(value)}
        if kinds not in _COUNTED:
            kinds = set(map(kind_of_value, values))
        return "number" if not kinds else kinds.pop() if len(kinds) == 1 else "object"

    def typed(self, name: str) -> bool:
        """Return whether the column's type says what it holds, so that :meth:`kind` need not look at its values."""
        return self._column(name)[1] is not None

    @_naming
    def factorize(self, name: str, missing: Collection[str] = ()) -> Factorized:
        """Return (codes (n,), the distinct values that occur); the code of a missing or blank value is -1."""
        return tidy(*self._factorized(name), missing)

    def _factorized(self, name: str) -> Factorized:
        """Return (codes (n,), distinct values, of which not all need occur), missing ones among them."""
        column, kind = self._column(name)
        if kind == "time":
            return factorize_array(self.times(name))
        if kind == "duration":
            return factorize_array(self.numbers(name))
        if isinstance(column, np.ndarray):
            return factorize_objects(column.tolist(), name) if kind is None else factorize_array(column)
        if isinstance(column, Coded):
            return column.factorized()
        return factorize_series(column, name)

    @_naming
    def coded(self, name: str, known: dict[Any, int] | int, row_of: Callable[[str | None], int]) -> NDArray[np.int32]:
        """Return a number for each value, int32 (n,).

        Parameters
        ----------
        name : str
        known : dict from str or None to int, or int
            The numbers of texts, and of None, for which ``row_of`` need not be asked; or the number of buckets into
            which it hashes texts, counted from 1, while None is 0.
        row_of : callable
            The number of a value in its canonical spelling; that of None is of missing ones.
        """
        column, kind = self._column(name)
        if native is None or kind is not None or not known or not isinstance(column, np.ndarray):
            return rows_of(*self._factorized(name), row_of, known)
        rows = np.empty(len(column), dtype=np.int32)
        left = native.lookup(column, known, rows)
        if len(left):
            rows[left] = rows_of(*factorize_objects(column[left].tolist(), name), row_of)
        return rows

    @_naming
    def texts(self, name: str, missing: Collection[str] = ()) -> list[str | None]:
        """Return the column as text, n of them, None where it is missing or blank."""
        column, kind = self._column(name)
        if kind not in (None, "text") or isinstance(column, Coded):
            codes, values = self.factorize(name, missing)
            spelled = [*spellings(values), None]  # the last entry serves code -1
            return [spelled[code] for code in codes]
        found = spellings(column.tolist() if isinstance(column, np.ndarray) else column.to_list())
        return [None if text in missing else text for text in found] if missing else found

    @_naming
    def numbers(self, name: str, missing: Collection[str] = ()) -> NDArray[np.float64]:
        """Return the column as float64 (n,), NaN where it is missing.

        Raises
        ------
        DataError
            If a value is no number; the message names the column and the value.
        """
        return _blank(self._numbers(name, missing), missing, parse_number)

    def _numbers(self, name: str, missing: Collection[str]) -> NDArray[np.float64]:
        column, kind = self._column(name)
        if isinstance(column, Coded):
            return self._parsed(name, parse_number, np.float64, math.nan, "number", missing)
        if kind == "duration":
            return self._counted(name, seconds, column if isinstance(column, np.ndarray) else column.to_numpy())
        if isinstance(column, np.ndarray):
            if kind in ("number", "boolean"):
                return column.astype(np.float64)
            if kind is None and set(map(type, column)) <= _PLAIN:
                try:
                    return column.astype(np.float64)
                except OverflowError:  # a whole number of hundreds of digits: below, it is named
                    pass
        elif kind in ("number", "boolean") and column.dtype != nw.Decimal:
            return numbers_of_series(column)
        return self._parsed(name, parse_number, np.float64, math.nan, "number", missing)

    @_naming
    def times(self, name: str, missing: Collection[str] = ()) -> NDArray[np.datetime64]:
        """Return the column as datetime64[us] (n,) in UTC, NaT where it is missing.

        Raises
        ------
        DataError
            If a value is no date; the message names the column and the value.
        """
        key = name, tuple(missing)
        if key not in self._times:  # each part of a date asks for them
            column, kind = self._column(name)
            if kind != "time" or isinstance(column, Coded):
                nothing = np.datetime64("NaT", "us")
                times = self._parsed(name, parse_time, "datetime64[us]", nothing, "date", missing)
            elif isinstance(column, np.ndarray):
                times = self._counted(name, microseconds, column)
            else:
                times = times_of_series(column)
            self._times[key] = _blank(times, missing, parse_time)
        return self._times[key]

    def select(self, rows: NDArray[np.int64]) -> Table:
        """Return the table of these rows, in this order."""
        chosen = Table.__new__(Table)
        chosen._set(self.names, lambda name: self._column(name)[0][rows])
        chosen.n_rows, chosen.named, chosen.texts_alone = len(rows), self.named, self.texts_alone
        return chosen

    def only(self, names: Sequence[str]) -> Table:
        """Return the table of these columns, in this order."""
        part = Table.__new__(Table)
        part._set(list(names), lambda name: self._column(name)[0])
        part.n_rows, part.named = self.n_rows, self.named
        return part

    def renamed(self, names: Sequence[str]) -> Table:
        """Return the table with its columns under these names, one each, in their order."""
        old = dict(zip(names, self.names, strict=True))
        other = Table.__new__(Table)
        other._set(list(names), lambda name: self._column(old[name])[0])
        other.n_rows, other.named = self.n_rows, True
        return other

    def _set(self, names: list[str], read: Callable[[str], Column]) -> None:
        """Take the names of the columns and the function that reads one."""
        _refuse_duplicates(names)
        if not names:
            raise DataError("the table has no columns")
        self.names = names
        self._known = frozenset(names)
        self._read = read
        self._columns: dict[str, tuple[Column, Kind | None]] = {}
        self._times: dict[tuple[str, tuple[str, ...]], NDArray[np.datetime64]] = {}

    @_naming
    def _column(self, name: str) -> tuple[Column, Kind | None]:
        """Return a column and what its type says that it holds."""
        if name not in self._columns:
            column = self._read(name)
            self._columns[name] = column, typed_kind(column)
        return self._columns[name]

    def _counted(self, name: str, count: Any, column: NDArray[Any]) -> NDArray[Any]:
        try:
            result: NDArray[Any] = count(column)
        except OverflowError as error:
            raise DataError(f"column {name!r} holds {error}: correct it, or make it missing") from error
        return result

    def _parsed(
        self, name: str, parse: Any, dtype: Any, nothing: Any, what: str, missing: Collection[str]
    ) -> NDArray[Any]:
        codes, values = self.factorize(name, missing)
        parsed = np.empty(len(values) + 1, dtype=dtype)
        parsed[-1] = nothing
        for i, value in enumerate(values):
            try:
                parsed[i] = parse(value)
            except (TypeError, ValueError, OverflowError) as error:
                rows = int((codes == i).sum())
                where = f" (in {rows} of {self.n_rows} rows)" if self.n_rows > 1 else ""
                other = f"no {what}, and this column held {what}s when the model was fitted"
                vast = isinstance(error, OverflowError)
                raise DataError(
                    f"column {name!r}: {short(value)}{where} is {f'too large for a {what}' if vast else other}: "
                    "correct it, or make it missing"
                ) from None
        result: NDArray[Any] = parsed[codes]
        return result


def _blank(x: NDArray[Any], missing: Collection[str], parse: Callable[[object], Any]) -> NDArray[Any]:
    """Return numbers or dates without those that ``missing`` spells."""
    for text in missing:
        with suppress(TypeError, ValueError, OverflowError):  # a word
            x = np.where(x == parse(text), parse(None), x)
    return x


def _texts(data: Any) -> dict[str, Any] | None:
    """Return texts that are no table, a list, an array or a series of them, as a column; None for anything else."""
    if isinstance(data, (str, bytes, Mapping)) or hasattr(type(data), "columns") or hasattr(data, "column_names"):
        return None
    if isinstance(data, (list, tuple)):
        first = next((value for value in data if value is not None), None)
        return {"text": data} if isinstance(first, str) or (first is None and len(data) > 0) else None
    if getattr(data, "ndim", 1) != 1 or not hasattr(data, "__len__"):
        return None
    if isinstance(data, np.ndarray):
        first = next((value for value in data if value is not None), None) if data.dtype.kind in "OUT" else None
        return {"text": data} if isinstance(first, str) else None
    arrow = sys.modules.get("pyarrow")
    if arrow is not None and isinstance(data, arrow.Array):
        data = arrow.chunked_array([data])
    series = nw.from_native(data, series_only=True, pass_through=True)
    if not isinstance(series, nw.Series):
        return None
    column = read_series(series, "text")
    name = series.name if isinstance(series.name, str) and series.name else "text"
    is_text = typed_kind(column) == "text" if isinstance(column, nw.Series) else _texts(column) is not None
    return {name: data} if is_text else None


def _unnamed_columns(data: Any) -> dict[str, Any] | None:
    """Return the columns of an array, of what offers itself as one, or of a list of rows; None for any other table."""
    if isinstance(data, (list, tuple)) and data and all(isinstance(row, (list, tuple, np.ndarray)) for row in data):
        lengths = sorted({len(row) for row in data})
        if len(lengths) > 1:
            raise DataError(f"rows of different lengths: {lengths[0]} to {lengths[-1]} values")
        columns = [[row[j] for row in data] for j in range(lengths[0])]
    else:
        if not isinstance(data, np.ndarray):
            if not hasattr(type(data), "__array__") or hasattr(type(data), "columns"):  # frames offer both
                return None
            data = _as_array(data)
            if data.ndim != 2:
                return None
        if data.dtype.names is not None and data.ndim == 1:
            return None
        if data.ndim != 2:
            raise DataError(f"an array of shape {data.shape} is no table: Reshape your data to rows and columns")
        data = data if np.ma.isMaskedArray(data) else np.asarray(data)  # a matrix has no columns of one dimension
        columns = [data[:, j] for j in range(data.shape[1])]
    if not columns:
        raise DataError(
            f"the table has no columns: 0 feature(s) (shape=({len(data)}, 0)) while a minimum of 1 is required."
        )
    return {f"x{j}": column for j, column in enumerate(columns)}


def _as_array(data: Any) -> NDArray[Any]:
    try:
        return np.asarray(data)
    except Exception as error:  # as of a tensor on an accelerator
        raise DataError(f"this {type(data).__name__} cannot be read as an array: {error}") from error


def _eager(data: object) -> nw.DataFrame[Any]:
    try:
        frame = nw.from_native(data, eager_only=True, pass_through=True)
    except Exception as error:  # whatever a foreign library raises on a table of its own
        names = getattr(data, "columns", ())
        _refuse_duplicates([str(name) for name in getattr(data, "column_names", names)])  # pyarrow's is the second
        raise DataError(f"this table cannot be read: {error}") from error
    if not isinstance(frame, nw.DataFrame):
        if hasattr(data, "tocoo"):
            raise DataError(
                "a sparse matrix is no table: pass X.toarray(), or a pandas table of sparse columns "
                "(pd.DataFrame.sparse.from_spmatrix(X))"
            )
        lazy = "collect() it, or " if hasattr(data, "collect") else ""
        raise DataError(
            f"{type(data).__name__} is no table: {lazy}pass a pandas, polars or pyarrow table, a dict of columns, "
            "a list of dicts or a two-dimensional array"
        )
    return frame


def _refuse_duplicates(names: Sequence[str]) -> None:
    double = [name for name, count in Counter(names).items() if count > 1]
    if double:
        raise DataError(f"duplicate column names {double}: rename or drop one of each")


def _length(column: object, name: str) -> int:
    single = isinstance(column, (str, bytes, Mapping)) or getattr(column, "ndim", 1) != 1
    if isinstance(column, Sized) and not single:
        return len(column)
    raise DataError(f"column {name!r} is {short(column)}: give a list or an array of values")
