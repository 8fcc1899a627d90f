"""One column of a table, from any library: read into numpy where numpy can hold it, and its values numbered.

A column is a numpy array (numbers, booleans, dates, durations, objects), pandas' categories by their codes, or a
narwhals series of a type that numpy lacks (text, other categories, nullable and Arrow-backed types, dates with a zone).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeGuard

import narwhals.stable.v2 as nw
import numpy as np
from numpy.typing import NDArray

from l0gm.data.values import spellings
from l0gm.errors import CellTypeError, DataError
from l0gm.native import native

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "Coded",
    "Column",
    "Factorized",
    "factorize_array",
    "factorize_objects",
    "factorize_series",
    "is_pandas",
    "numbers_of_series",
    "read_column",
    "read_pandas",
    "read_series",
    "rows_of",
    "short",
    "tidy",
    "times_of_series",
    "typed_kind",
]


@dataclass(frozen=True)
class Coded:
    """Values by their numbers among the categories: ``codes`` (n,), -1 for a missing one, and a pandas index."""

    codes: NDArray[np.integer[Any]]
    categories: Any

    def __len__(self) -> int:
        return len(self.codes)

    def __getitem__(self, rows: NDArray[np.int64]) -> Coded:
        return Coded(self.codes[rows], self.categories)

    def factorized(self) -> Factorized:
        """Return (codes (n,), distinct values); of many more categories than rows only those that occur."""
        if len(self.categories) <= len(self.codes):
            return self.codes.astype(np.int64), self.categories.tolist()
        used, codes = np.unique(self.codes, return_inverse=True)
        first = int(len(used) > 0 and used[0] < 0)  # -1 comes first
        return codes - first, self.categories.take(used[first:]).tolist()


Column = NDArray[Any] | nw.Series[Any] | Coded
Factorized = tuple[NDArray[np.int64], list[Any]]

_KINDS = {"b": "boolean", "i": "number", "u": "number", "f": "number", "M": "time", "m": "duration"}


def short(value: object) -> str:
    """Return a value as a message can show it."""
    try:
        text = repr(value[:60] if isinstance(value, (str, bytes)) else value)
    except Exception:  # a number too long to print, or anything else's own fault
        text = f"a value of type {type(value).__name__}"
    return text if len(text) <= 60 else text[:57] + "..."


def read_column(values: object, name: str) -> Column:
    """Return a list, an array or a series of any library as a column."""
    if isinstance(values, np.ndarray):
        return _of_array(values, name)
    pandas, arrow = sys.modules.get("pandas"), sys.modules.get("pyarrow")
    if pandas is not None and isinstance(values, (pandas.Index, pandas.api.extensions.ExtensionArray)):
        values = pandas.Series(values)
    elif arrow is not None and isinstance(values, arrow.Array):
        values = arrow.chunked_array([values])
    series = nw.from_native(values, series_only=True, pass_through=True)
    if isinstance(series, nw.Series):
        return read_series(series, name)
    if isinstance(values, Sequence):
        return _of_list(list(values))
    if hasattr(values, "__array__"):
        return _of_array(np.asarray(values), name)
    raise DataError(f"column {name!r} is {short(values)}: give a list or an array of values")


def is_pandas(data: object) -> TypeGuard[pd.DataFrame]:
    """Return whether ``data`` is a pandas table of columns with one name each."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(data, pandas.DataFrame) and not isinstance(data.columns, pandas.MultiIndex)


def read_pandas(series: pd.Series[Any], name: str) -> Column:
    """Return what :func:`read_series` does, on a shorter way: its overhead is most of the time for a few rows."""
    if isinstance(series.dtype, np.dtype):
        return _of_array(series.to_numpy(), name)
    array = series.array
    if isinstance(array, sys.modules["pandas"].Categorical):
        return Coded(array.codes, array.categories)
    return read_series(nw.from_native(series, series_only=True), name)


def read_series(series: nw.Series[Any], name: str) -> Column:
    """Return an array where numpy can hold the values, else the series."""
    native = series.to_native()
    if isinstance(getattr(native, "dtype", None), np.dtype):
        return _of_array(native.to_numpy(), name)
    if series.dtype.is_nested():
        raise DataError(f"column {name!r} holds {series.dtype}: flatten it to numbers, text or dates first")
    arrow = _arrow(native)
    if arrow is not None and str(arrow.type) == "string_view":  # which Arrow itself can hardly compute with
        text: Column = nw.from_native(arrow.cast("large_string"), series_only=True)
        return text
    if series.dtype in (nw.Object, nw.Unknown):
        return _of_array(series.to_numpy(), name) if arrow is None else _of_list(arrow.to_pylist())
    return series


def _arrow(native: Any) -> Any:
    """Return the Arrow data of a series of pyarrow or of pandas, None where it has none."""
    arrow = sys.modules.get("pyarrow")
    if arrow is None or isinstance(native, arrow.ChunkedArray):
        return None if arrow is None else native
    dtype = getattr(native, "dtype", None)
    held = hasattr(dtype, "pyarrow_dtype") or getattr(dtype, "storage", None) == "pyarrow"  # pandas' own strings
    return native.array.__arrow_array__() if held else None


def _of_array(array: NDArray[Any], name: str) -> NDArray[Any]:
    if np.ma.isMaskedArray(array):
        pairs = zip(np.ma.getdata(array), np.ma.getmaskarray(array), strict=True)
        array = np.fromiter((None if masked else x for x, masked in pairs), dtype=object, count=len(array))
    if array.dtype.kind == "c":
        raise DataError(f"Complex data not supported: column {name!r}; make real and imaginary parts columns")
    return np.asarray(array) if array.dtype.kind in "biufmMO" else array.astype(object)


def _of_list(values: list[Any]) -> NDArray[Any]:
    types = set(map(type, values))
    if len(types) == 1 and types <= {int, float, bool}:
        try:
            return np.array(values, dtype={int: np.int64, float: np.float64, bool: np.bool_}[types.pop()])
        except OverflowError:  # integers of more than 64 bits stay what they are
            pass
    return np.fromiter(values, dtype=object, count=len(values))


def typed_kind(column: Column) -> str | None:
    """Return what the column's type says that it holds, None where its values have to say it."""
    if isinstance(column, np.ndarray):
        return _KINDS.get(column.dtype.kind)
    if isinstance(column, Coded):
        return "text"
    dtype = column.dtype
    if dtype == nw.Boolean:
        return "boolean"
    if dtype.is_numeric():
        return "number"
    if dtype in (nw.Datetime, nw.Date):
        return "time"
    return "duration" if dtype == nw.Duration else "text"


def times_of_series(column: nw.Series[Any]) -> NDArray[np.datetime64]:
    """Return a series of dates as datetime64[us] (n,) in UTC, NaT where missing."""
    if column.dtype == nw.Date:
        column = column.cast(nw.Datetime("us"))
    elif getattr(column.dtype, "time_zone", None) is not None:
        column = column.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    return column.to_numpy().astype("datetime64[us]")


def numbers_of_series(column: nw.Series[Any]) -> NDArray[np.float64]:
    """Return a series of numbers or booleans as float64 (n,), NaN where missing."""
    if column.implementation.is_pandas():
        array: NDArray[np.float64] = column.to_native().to_numpy(dtype=np.float64, na_value=np.nan)
        return array
    if column.implementation.is_pyarrow():  # its cast refuses whole numbers beyond 2**53
        return column.to_numpy().astype(np.float64)
    return column.cast(nw.Float64).to_numpy().astype(np.float64)


def factorize_array(column: NDArray[Any]) -> Factorized:
    """Return (codes (n,), distinct values) of an array of numbers, booleans or dates."""
    values, codes = np.unique(column, return_inverse=True)
    return codes.astype(np.int64), list(values) if column.dtype.kind == "M" else values.tolist()


def factorize_objects(values: list[Any], name: str) -> Factorized:
    """Return (codes (n,), distinct values) of any values; CellTypeError where they are lists or the like."""
    types = set(map(type, values))
    for t in types:
        if issubclass(t, (Collection, complex)) and not issubclass(t, (str, bytes)):
            raise CellTypeError(
                f"column {name!r} holds values of type {t.__name__}, where an argument must be a string or a number: "
                "flatten them to numbers, text or dates"
            )
        if t.__str__ is object.__str__ and t.__repr__ is object.__repr__:  # its text would be an address in memory
            raise CellTypeError(
                f"column {name!r} holds values of type {t.__name__}, which have no text, where an argument must be a "
                "string or a number: convert them to numbers, text or dates"
            )
    # 1, 1.0 and True are equal and hash alike: the type keeps them apart
    keys = values if len(types - {str, type(None)}) < 2 else list(zip(map(type, values), values, strict=True))
    try:
        codes = dict(zip(dict.fromkeys(keys), range(len(keys)), strict=False))
    except (TypeError, ValueError) as error:
        raise DataError(f"column {name!r} holds values that are no numbers, text or dates ({error})") from error
    distinct = list(codes) if keys is values else [value for _, value in codes]
    return np.fromiter(map(codes.__getitem__, keys), dtype=np.int64, count=len(keys)), distinct


def factorize_series(column: nw.Series[Any], name: str) -> Factorized:
    """Return (codes (n,), distinct values) of a series; the code of a null is -1."""
    native = column.to_native()
    implementation = column.implementation
    if column.dtype in (nw.Time, nw.Binary, nw.Decimal):
        return factorize_objects(column.to_list(), name)
    if implementation.is_pandas():
        import pandas as pd

        arrow = _arrow(native)
        if arrow is not None:
            return factorize_series(nw.from_native(arrow, series_only=True), name)
        codes, values = pd.factorize(native)
        return codes.astype(np.int64), values.tolist()
    if implementation.is_polars():
        import polars as pl

        with suppress(ImportError):  # its to_arrow() needs pyarrow, whose dictionaries are the quickest way
            import pyarrow as pa

            return factorize_series(nw.from_native(pa.chunked_array([native.to_arrow()]), series_only=True), name)
        values = native.drop_nulls().unique(maintain_order=True)
        index = pl.Series(np.arange(len(values), dtype=np.int64))
        codes = native.replace_strict(values, index, default=-1, return_dtype=pl.Int64)
        return codes.fill_null(-1).to_numpy(), values.to_list()
    if implementation.is_pyarrow():
        import pyarrow as pa

        is_coded = pa.types.is_dictionary(native.type)
        coded = native.unify_dictionaries() if is_coded else native.dictionary_encode()
        indices = [chunk.indices.cast(pa.int64()).fill_null(-1).to_numpy() for chunk in coded.chunks]
        values = coded.chunk(0).dictionary.to_pylist() if indices else []
        return np.concatenate([np.empty(0, dtype=np.int64), *indices]), values
    return factorize_objects(column.to_list(), name)


def tidy(codes: NDArray[np.int64], values: list[Any], missing: Collection[str] = ()) -> Factorized:
    """Leave out values that are missing or spelled as one of ``missing``, which get code -1, or that do not occur."""
    counts = np.bincount(codes + 1, minlength=len(values) + 1)[1:].tolist()
    texts, nothing = spellings(values), {None, *missing}
    if nothing.isdisjoint(texts) and 0 not in counts:
        return codes, values
    kept = [i for i, (text, count) in enumerate(zip(texts, counts, strict=True)) if count and text not in nothing]
    place = np.full(len(values) + 1, -1, dtype=np.int64)  # the last entry serves code -1
    place[kept] = np.arange(len(kept))
    return place[codes], [values[i] for i in kept]


def rows_of(
    codes: NDArray[np.int64], values: list[Any], row_of: Callable[[str | None], int], known: dict[Any, int] | int = 0
) -> NDArray[np.int32]:
    """Return what ``row_of`` makes of the canonical spelling of each value, int32 (n,); code -1 is a missing one.

    ``known`` as in :meth:`l0gm.data.frames.Table.coded`; nothing is known by default.
    """
    if len(values) > len(codes):  # categories that are known, of which few occur
        used, codes = np.unique(codes, return_inverse=True)
        values = [None if i < 0 else values[i] for i in used.tolist()]
    rows = np.empty(len(values) + 1, dtype=np.int32)
    rows[-1] = row_of(None)
    left: Sequence[int] = range(len(values))
    if native is not None and known:
        left = native.lookup(np.fromiter(values, dtype=object, count=len(values)), known, rows[:-1])
    for i, text in zip(left, spellings([values[i] for i in left]), strict=True):
        rows[i] = row_of(text)
    return rows[codes]
