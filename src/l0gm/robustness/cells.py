"""One changed column, in the kind in which it came: a series of pandas, an array, or a list.

Types stay where they can hold the result. In pandas and numpy, whole numbers become float64 where cells get lost, by
whatever chance, so that the type does not depend on the draw, and booleans objects; pandas' nullable types hold missing
values as they are. Numbers that moved are floats: float16, float32 and float64 stay, all others become float64.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from l0gm.robustness.changes import Change, Lost, Numbers, Words

__all__ = ["as_floats", "changed_array", "changed_list", "changed_series"]


def changed_series(series: Any, change: Change) -> Any:
    """Return a changed series of pandas, with its index and name."""
    import pandas as pd

    if isinstance(series.dtype, pd.SparseDtype):
        series = series.sparse.to_dense()
    dtype = series.dtype
    if isinstance(dtype, np.dtype):
        changed = changed_array(series.to_numpy(), change)
        return pd.Series(changed, index=series.index, name=series.name, dtype=changed.dtype)
    if isinstance(change, Lost):
        return series.mask(change.rows)
    if isinstance(change, Numbers) and dtype.kind == "O" and not isinstance(dtype, pd.ArrowDtype):  # of numbers, in fit
        return pd.Series(change.values, index=series.index, name=series.name)
    if isinstance(change, Numbers):
        floats = pd.array(change.values.astype(object), dtype="Float64")  # in which NaN is a missing one
        kind: Any = "double[pyarrow]" if isinstance(dtype, pd.ArrowDtype) else "Float64"
        return pd.Series(floats, index=series.index, name=series.name).astype(kind)
    words = changed_array(series.to_numpy(dtype=object), change)
    kept = dtype if isinstance(dtype, pd.StringDtype | pd.ArrowDtype) else object
    return pd.Series(words, index=series.index, name=series.name, dtype=kept)


def changed_array(column: NDArray[Any], change: Change) -> NDArray[Any]:
    """Return a changed column (n,), as an array."""
    if isinstance(change, Numbers):
        return as_floats(change.values, column.dtype)
    if isinstance(change, Words):
        changed = column.astype(object)
        for row, text in enumerate(change.values):
            if text is not None:
                changed[row] = text
        return changed
    kind = column.dtype.kind
    changed = column.astype(column.dtype if kind in "fmM" else np.float64 if kind in "iu" else object)
    changed[change.rows] = np.array("NaT", dtype=column.dtype) if kind in "mM" else np.nan
    return changed


def changed_list(column: list[Any], change: Change) -> list[Any]:
    """Return a changed column, n values, as a list; None is a missing one."""
    if isinstance(change, Lost):
        return [None if lost else value for value, lost in zip(column, change.rows.tolist(), strict=True)]
    if isinstance(change, Words):
        return [old if new is None else new for old, new in zip(column, change.values, strict=True)]
    return [None if np.isnan(value) else value for value in change.values.tolist()]


def as_floats(values: NDArray[np.float64], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return numbers in this type if it is one of floats, at its ends where they lie beyond, else as float64."""
    if dtype.kind != "f":
        return values
    most = np.finfo(dtype).max
    return np.where(np.isfinite(values), np.clip(values, -most, most), values).astype(dtype)
