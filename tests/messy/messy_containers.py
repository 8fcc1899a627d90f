"""One table in the types of every library that can hold its very values."""

from __future__ import annotations

import datetime as dt
import math
import warnings
from collections.abc import Callable, Iterator
from decimal import Decimal
from fractions import Fraction
from numbers import Rational, Real
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
from messy_frames import Table

__all__ = ["CONTAINERS", "build", "equal_forms", "is_missing", "spell"]

EPOCH = dt.datetime(1970, 1, 1)
MICROSECOND = dt.timedelta(microseconds=1)
UNITS = {
    "W": 604_800 * 10**6,
    "D": 86_400 * 10**6,
    "h": 3_600 * 10**6,
    "m": 60 * 10**6,
    "s": 10**6,
    "ms": 10**3,
    "us": 1,
}


def is_missing(value: object) -> bool:
    return spell(value) is None


def spell(value: object) -> tuple[Any, ...] | None:
    """What a value is, written so that equal things are equal whatever library they come from; None is missing."""
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, (bytes, bytearray)):
        value = bytes(value).decode("utf-8", "backslashreplace")
    if isinstance(value, str):
        return ("text", str.__str__(value)) if value and not value.isspace() else None
    if isinstance(value, (bool, np.bool_)):
        return ("truth", bool(value))
    if isinstance(value, (np.datetime64, np.timedelta64)):
        return None if np.isnat(value) else ("time" if value.dtype.kind == "M" else "duration", _ticks(value))
    if isinstance(value, dt.datetime):
        offset = value.utcoffset() or dt.timedelta()
        return ("time", (value.replace(tzinfo=None) - EPOCH) // MICROSECOND - offset // MICROSECOND)
    if isinstance(value, dt.date):
        return ("time", (value - EPOCH.date()) // MICROSECOND)
    if isinstance(value, dt.timedelta):
        return ("duration", value // MICROSECOND)
    if isinstance(value, Decimal):
        if value.is_nan():
            return None
        return (
            ("number", Fraction(value)) if abs(value.adjusted()) < 5000 and value.is_finite() else ("vast", str(value))
        )
    if isinstance(value, Real):
        if not isinstance(value, Rational) and math.isnan(float(value)):
            return None
        if isinstance(value, Rational) or math.isfinite(float(value)):
            return ("number", Fraction(value) if isinstance(value, (Rational, float)) else Fraction(float(value)))
        return ("number", float(value))
    return ("other", type(value).__name__, id(value))


def _ticks(value: np.datetime64 | np.timedelta64) -> int | str:
    unit, count = np.datetime_data(value.dtype)
    if unit in ("Y", "M"):
        return str(value)
    ticks = int(value.astype(np.int64)) * count
    return (
        ticks * UNITS[unit] if unit in UNITS else ticks // {"ns": 10**3, "ps": 10**6, "fs": 10**9, "as": 10**12}[unit]
    )


def _objects(values: list[Any]) -> np.ndarray:
    return np.fromiter(values, dtype=object, count=len(values))


def _arrow(table: Table) -> pa.Table:
    return pa.table([pa.array(column, from_pandas=True) for column in table.columns], names=list(table.texts))


def _frame(table: Table, make: Callable[[list[Any]], Any]) -> pd.DataFrame:
    """A frame of series; built by position, since names may repeat or be unhashable."""
    made = pd.DataFrame({j: make(column) for j, column in enumerate(table.columns)})
    made.columns = pd.Index(list(table.names), dtype=object)
    return made


def _unique(table: Table) -> Table:
    if table.has_duplicates or len(set(table.names)) < len(table.names):
        raise ValueError("a mapping holds a name once")
    return table


def _records(table: Table) -> list[dict[Any, Any]]:
    return [dict(zip(_unique(table).names, row, strict=True)) for row in zip(*table.columns, strict=True)]


def _typed(table: Table) -> pd.DataFrame:
    return _frame(table, lambda values: pd.Series(values).convert_dtypes())


CONTAINERS: dict[str, Callable[[Table], Any]] = {
    "dict of lists": lambda t: dict(zip(_unique(t).names, t.columns, strict=True)),
    "dict of tuples": lambda t: dict(zip(_unique(t).names, map(tuple, t.columns), strict=True)),
    "dict of object arrays": lambda t: dict(zip(_unique(t).names, map(_objects, t.columns), strict=True)),
    "dict of arrays": lambda t: dict(zip(_unique(t).names, map(np.array, t.columns), strict=True)),
    "dict of pandas series": lambda t: dict(zip(_unique(t).names, map(pd.Series, t.columns), strict=True)),
    "dict of polars series": lambda t: {n: pl.Series(c) for n, c in zip(_unique(t).names, t.columns, strict=True)},
    "list of dicts": _records,
    "array of objects": lambda t: np.stack([_objects(c) for c in t.columns], 1),
    "pandas objects": lambda t: _frame(t, lambda c: pd.Series(_objects(c), dtype=object)),
    "pandas": lambda t: _frame(t, pd.Series),
    "pandas nullable": _typed,
    "pandas categories": lambda t: _frame(t, lambda c: pd.Series(c).astype("category")),
    "pandas text": lambda t: _frame(t, lambda c: pd.Series(c, dtype="string")),
    "pandas arrow": lambda t: _frame(t, lambda c: pd.Series(pd.arrays.ArrowExtensionArray(pa.array(c)))),
    "pandas of another index": lambda t: _frame(t, lambda c: pd.Series(_objects(c), dtype=object)).set_axis(
        pd.MultiIndex.from_arrays([[7] * t.n_rows, [None] * t.n_rows])
    ),
    "polars": lambda t: pl.DataFrame(dict(zip(_unique(t).texts, t.columns, strict=True)), strict=False),
    "polars categories": lambda t: pl.DataFrame(
        {n: pl.Series(c, dtype=pl.String).cast(pl.Categorical) for n, c in zip(t.texts, t.columns, strict=True)}
    ),
    "polars objects": lambda t: pl.DataFrame(
        {n: pl.Series(c, dtype=pl.Object) for n, c in zip(_unique(t).texts, t.columns, strict=True)}
    ),
    "pyarrow": _arrow,
    "pyarrow dictionaries": lambda t: pa.table(
        [pa.array(c, from_pandas=True).dictionary_encode() for c in t.columns], names=list(t.texts)
    ),
    "pyarrow chunks": lambda t: pa.concat_tables([(a := _arrow(t)).slice(0, 1), a.slice(1)]),
    "pyarrow views": lambda t: pa.table([pa.array(c, pa.string_view()) for c in t.columns], names=list(t.texts)),
}  # fmt: skip


def build(form: str, table: Table) -> Any:
    """The table in this form, or None where the form cannot hold it or would change a value."""
    if form not in ANYTHING and not all(map(_of_one_type, table.columns)):
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            native = CONTAINERS[form](table)
            return native if _holds(native, table) else None
        except BaseException as error:  # polars panics, which is no Exception, over Decimal("Infinity")
            if isinstance(error, (KeyboardInterrupt, SystemExit)):
                raise
            return None


def _of_one_type(column: list[Any]) -> bool:
    """Whether a typed library may be asked to hold it: polars panics over some values and mixtures."""
    if any(isinstance(value, Decimal) and not value.is_finite() for value in column):
        return False
    return len({type(value) for value in column} - {type(None)}) <= 1 and not (
        {type(value) for value in column} - TYPED
    )


ANYTHING = {
    *("dict of lists", "dict of tuples", "dict of object arrays", "dict of arrays", "list of dicts"),
    *("array of objects", "pandas objects", "pandas", "pandas of another index", "polars objects"),
}
TYPED = {
    *(type(None), int, float, bool, str, bytes, Decimal, dt.date, dt.datetime, dt.timedelta, dt.time, pd.Timestamp),
    *(np.float32, np.int8, np.uint64, np.bool_, pd.Timedelta),
}


def equal_forms(table: Table) -> Iterator[tuple[str, Any]]:
    """Each form that holds the very values of the table."""
    for form in CONTAINERS:
        native = build(form, table)
        if native is not None:
            yield form, native


def _holds(native: Any, table: Table) -> bool:
    return all(
        [spell(value) for value in _values(native, j, table)] == [spell(value) for value in column]
        for j, column in enumerate(table.columns)
    )


def _values(native: Any, j: int, table: Table) -> list[Any]:
    if isinstance(native, list):
        return [row[table.names[j]] for row in native]
    if isinstance(native, np.ndarray):
        return list(native[:, j])
    if isinstance(native, dict):
        column = native[table.names[j]]
        return column.to_list() if isinstance(column, pl.Series) else list(column)
    if isinstance(native, pl.DataFrame):
        return native.to_series(j).to_list()
    if isinstance(native, pa.Table):
        return native.column(j).to_pylist()
    return list(native.iloc[:, j])
