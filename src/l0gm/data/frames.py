"""Columns of any supported table as numpy arrays: the one place that knows pandas, polars and pyarrow apart.

A table is whatever narwhals takes eagerly (pandas, polars, pyarrow, ...), a mapping from names to columns, a list
of rows as dicts, or a two-dimensional numpy array, whose columns are called ``x0``, ``x1``, and so on. A column is
looked at when it is asked for: one that nobody reads may hold anything.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence, Sized
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
from numpy.typing import NDArray

from l0gm.data.columns import (
    Column,
    Factorized,
    factorize_array,
    factorize_objects,
    factorize_series,
    numbers_of_series,
    read_column,
    read_series,
    short,
    tidy,
    times_of_series,
    typed_kind,
)
from l0gm.data.values import canonical, kind_of_value, microseconds, parse_number, parse_time, seconds
from l0gm.errors import DataError

__all__ = ["Table", "canonical", "parse_number", "parse_time"]

Kind = str  # "number" | "boolean" | "time" | "duration" | "text" | "object"
_PLAIN = {int, float, bool, type(None)}


class Table:
    """Read-only view of a table by columns.

    Parameters
    ----------
    data : table
        See the module's text.

    Attributes
    ----------
    names : list of str
    n_rows : int

    Raises
    ------
    DataError
        If ``data`` is no table, has no column, or two columns share a name.
    """

    names: list[str]
    n_rows: int

    def __init__(self, data: object) -> None:
        if isinstance(data, Table):
            self.__dict__.update(data.__dict__)
            return
        if isinstance(data, np.ndarray):
            if data.ndim != 2:
                raise DataError(f"an array of shape {data.shape} is no table: Reshape your data to rows and columns")
            data = {f"x{j}": data[:, j] for j in range(data.shape[1])}
        elif isinstance(data, Sequence) and data and all(isinstance(row, Mapping) for row in data):
            columns = dict.fromkeys(name for row in data for name in row)
            data = {name: [row.get(name) for row in data] for name in columns}
        if isinstance(data, Mapping):
            given = {str(name): column for name, column in data.items()}
            self._set([str(name) for name in data], lambda name: read_column(given[name], name))
            lengths = {name: _length(column, name) for name, column in given.items()}
            if len(set(lengths.values())) > 1:
                raise DataError(f"columns of different lengths: {lengths}")
            self.n_rows = lengths[self.names[0]]
        else:
            frame = _eager(data)
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

    def kind(self, name: str) -> Kind:
        """Return what the column's type says it holds; for untyped columns, what its values are.

        "object" is a column of several kinds; one without any value is a "number".
        """
        _, typed = self._column(name)
        if typed is not None:
            return typed
        kinds = {kind_of_value(value) for value in self.factorize(name)[1]}
        return "number" if not kinds else kinds.pop() if len(kinds) == 1 else "object"

    def factorize(self, name: str) -> Factorized:
        """Return (codes (n,), the distinct values that occur); the code of a missing or blank value is -1."""
        column, kind = self._column(name)
        if kind == "time":
            return tidy(*factorize_array(self.times(name)))
        if kind == "duration":
            return tidy(*factorize_array(self.numbers(name)))
        if isinstance(column, np.ndarray):
            return tidy(*(factorize_objects(column.tolist(), name) if kind is None else factorize_array(column)))
        return tidy(*factorize_series(column, name))

    def numbers(self, name: str) -> NDArray[np.float64]:
        """Return the column as float64 (n,), NaN where it is missing.

        Raises
        ------
        DataError
            If a value is no number; the message names the column and the value.
        """
        column, kind = self._column(name)
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
        return self._parsed(name, parse_number, np.float64, math.nan, "number")

    def times(self, name: str) -> NDArray[np.datetime64]:
        """Return the column as datetime64[us] (n,) in UTC, NaT where it is missing.

        Raises
        ------
        DataError
            If a value is no date; the message names the column and the value.
        """
        if name not in self._times:  # each part of a date asks for them
            column, kind = self._column(name)
            if kind != "time":
                nothing = np.datetime64("NaT", "us")
                self._times[name] = self._parsed(name, parse_time, "datetime64[us]", nothing, "date")
            elif isinstance(column, np.ndarray):
                self._times[name] = self._counted(name, microseconds, column)
            else:
                self._times[name] = times_of_series(column)
        return self._times[name]

    def select(self, rows: NDArray[np.int64]) -> Table:
        """Return the table of these rows, in this order."""
        chosen = Table.__new__(Table)
        chosen._set(self.names, lambda name: self._column(name)[0][rows])
        chosen.n_rows = len(rows)
        return chosen

    def _set(self, names: list[str], read: Callable[[str], Column]) -> None:
        """Take the names of the columns and the function that reads one."""
        _refuse_duplicates(names)
        if not names:
            raise DataError("the table has no columns")
        self.names = names
        self._known = frozenset(names)
        self._read = read
        self._columns: dict[str, tuple[Column, Kind | None]] = {}
        self._times: dict[str, NDArray[np.datetime64]] = {}

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

    def _parsed(self, name: str, parse: Any, dtype: Any, missing: Any, what: str) -> NDArray[Any]:
        codes, values = self.factorize(name)
        parsed = np.empty(len(values) + 1, dtype=dtype)
        parsed[-1] = missing
        for i, value in enumerate(values):
            try:
                parsed[i] = parse(value)
            except (TypeError, ValueError, OverflowError):
                rows = int((codes == i).sum())
                raise DataError(
                    f"column {name!r}: {short(value)} (in {rows} of {self.n_rows} rows) is no {what}, and this "
                    f"column held {what}s when the model was fitted: correct it, or make it missing"
                ) from None
        result: NDArray[Any] = parsed[codes]
        return result


def _eager(data: object) -> nw.DataFrame[Any]:
    try:
        frame = nw.from_native(data, eager_only=True, pass_through=True)
    except Exception as error:  # whatever a foreign library raises on a table of its own
        names = getattr(data, "columns", ())
        _refuse_duplicates([str(name) for name in getattr(data, "column_names", names)])  # pyarrow's is the second
        raise DataError(f"this table cannot be read: {error}") from error
    if not isinstance(frame, nw.DataFrame):
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
