"""Changed columns put into a copy of the table that they came from, in its own kind."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
from numpy.typing import NDArray

from l0gm.data.columns import is_pandas
from l0gm.data.frames import Table
from l0gm.errors import DataError
from l0gm.robustness.cells import as_floats, changed_array, changed_list, changed_series
from l0gm.robustness.changes import Change, Lost, Words

__all__ = ["copied", "rebuilt"]


def rebuilt(X: Any, table: Table, changes: Mapping[int, Change]) -> Any:
    """Return a copy of X with these of its columns changed.

    Parameters
    ----------
    X : table (n, columns)
    table : Table
        The view of it.
    changes : mapping from int to Change
        By the column's place.

    Raises
    ------
    DataError
        If it is a kind of table that cannot be written: the message says which can.
    """
    if is_pandas(X):
        copy = X.copy()
        for j, change in changes.items():
            copy.isetitem(j, changed_series(X.iloc[:, j], change))
        return copy
    if _is_pandas_series(X):
        return changed_series(X, changes[0]) if changes else X.copy()
    if isinstance(X, Mapping):
        return {name: _of_mapping(column, changes.get(j)) for j, (name, column) in enumerate(X.items())}
    if isinstance(X, list | tuple):
        return _of_list(X, table, changes)
    frame = nw.from_native(X, eager_only=True, pass_through=True)
    if isinstance(frame, nw.DataFrame):
        return frame.with_columns(*(_of_frame(frame, j, change) for j, change in changes.items())).to_native()
    array = np.asarray(X) if hasattr(X, "__array__") and not isinstance(X, np.ma.MaskedArray) else None
    if array is None or array.dtype.names is not None:
        raise DataError(
            f"a corrupted {type(X).__name__} cannot be made: pass a pandas, polars or pyarrow table, a dict of "
            "columns, a list of rows, or an array"
        )
    if array.ndim == 1:
        return changed_array(array, changes[0]) if changes else array.copy()
    return _of_matrix(array, changes)


def copied(X: Any) -> Any:
    """Return a copy of a table that whoever gets it may write to."""
    if isinstance(X, Mapping):
        return {name: copied(column) for name, column in X.items()}
    return X.copy() if hasattr(X, "copy") else X


def _is_pandas_series(X: Any) -> bool:
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(X, pandas.Series)


def _of_matrix(array: NDArray[Any], changes: Mapping[int, Change]) -> NDArray[Any]:
    """Return a changed array of rows (n, columns), which has one type for all columns; of booleans, float64."""
    if not changes:
        return array.copy()
    kind = array.dtype.kind
    changed = array.astype(array.dtype if kind in "fmM" else np.float64 if kind in "biu" else object)
    for j, change in changes.items():
        changed[:, j] = changed_array(changed[:, j], change)
    return changed


def _of_mapping(column: Any, change: Change | None) -> Any:
    """Return a changed column of a dict: an array or a series of pandas in its kind, any other as a list."""
    if change is None:
        return copied(column)
    if _is_pandas_series(column):
        return changed_series(column, change)
    if isinstance(column, np.ndarray) and not isinstance(column, np.ma.MaskedArray):
        return changed_array(column, change)
    return changed_list(list(column), change)


def _of_list(given: Sequence[Any], table: Table, changes: Mapping[int, Change]) -> list[Any]:
    """Return changed texts, or changed rows, each a dict or a list; a cell that a dict lacks is missing."""
    if table.texts_alone:
        return changed_list(list(given), changes[0]) if changes else list(given)
    are_dicts = isinstance(given[0], Mapping)
    rows: list[Any] = [dict(row) if are_dicts else list(row) for row in given]
    keys = list(dict.fromkeys(key for row in rows for key in row)) if are_dicts else list(range(len(table.names)))
    for j, change in changes.items():
        column = changed_list([row.get(keys[j]) if are_dicts else row[j] for row in rows], change)
        for row, value in zip(rows, column, strict=True):
            row[keys[j]] = value
    return rows


def _of_frame(frame: nw.DataFrame[Any], j: int, change: Change) -> nw.Series[Any]:
    """Return a changed column of polars, pyarrow or another library that narwhals knows; any type holds nulls there."""
    series = frame[frame.columns[j]]
    if isinstance(change, Words):
        return _new(frame, series.name, changed_list(series.to_list(), change), nw.String)
    if isinstance(change, Lost):
        return _without(frame, series, change.rows)
    single = series.dtype == nw.Float32
    values = as_floats(change.values, np.dtype(np.float32 if single else np.float64))
    numbers = _new(frame, series.name, values, nw.Float32 if single else nw.Float64)
    return _without(frame, numbers, np.isnan(values))


def _without(frame: nw.DataFrame[Any], series: nw.Series[Any], rows: NDArray[np.bool_]) -> nw.Series[Any]:
    """Return a series with nulls in these rows."""
    pair = series.alias("values").to_frame().with_columns(_new(frame, "kept", ~rows, nw.Boolean))
    return pair.select(nw.when(nw.col("kept")).then(nw.col("values")))["values"].alias(series.name)


def _new(frame: nw.DataFrame[Any], name: str, values: Any, dtype: Any) -> nw.Series[Any]:
    return nw.new_series(name, values, dtype, backend=frame.implementation)
