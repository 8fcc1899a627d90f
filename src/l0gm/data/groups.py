"""Any column as a few groups of rows: its values, its most frequent ones, or the quarters of its range."""

from __future__ import annotations

import difflib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l0gm.data.frames import Table, canonical
from l0gm.data.values import parse_time
from l0gm.errors import DataError

__all__ = ["MOST_GROUPS", "OTHER", "group_rows"]

MOST_GROUPS = 12
OTHER = "(other)"


def group_rows(X: Any, by: Any) -> tuple[list[str | None], list[str | None]]:
    """Return (each row's group (n,), the groups in a sensible order).

    Up to 12 distinct values are groups of their own. Of more, numbers, durations and dates, written as text or not,
    are parted at their quartiles, and of other texts the 11 most frequent are kept and the others are one group.
    Missing values are a group, None.

    Parameters
    ----------
    X : table (n, columns)
    by : str or sequence (n,)
        The name of a column of ``X``, whether or not the model reads it, or the rows' values themselves.

    Raises
    ------
    DataError
        If there is no such column, or not one value for each row.
    """
    table = Table(X)
    name, column = by, table
    if not isinstance(by, str):
        name, column = "group", Table({"group": by})
        if len(column) != len(table):
            raise DataError(f"by has {len(column)} values for {len(table)} rows: give each row's group")
    elif by not in table:
        near = difflib.get_close_matches(by, table.names, n=1, cutoff=0.5)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise DataError(f"by={by!r}: there is no such column{hint}")
    codes, names = _groups(column, name)
    rows: list[str | None] = np.array([*names, None], dtype=object)[codes].tolist()  # the code of a missing value is -1
    return rows, [*names, *([None] if (codes < 0).any() else [])]


def _groups(table: Table, name: str) -> tuple[NDArray[np.int64], list[str]]:
    """Return codes (n,), -1 where missing, and the groups' names."""
    kind = table.kind(name)
    codes, values = table.factorize(name)
    texts = [str(canonical(value)) for value in values]
    if len(values) <= MOST_GROUPS:
        try:
            order = sorted(range(len(values)), key=values.__getitem__)
        except TypeError:  # of several kinds
            order = sorted(range(len(values)), key=texts.__getitem__)
        return _placed(codes, np.argsort(order)), [texts[i] for i in order]
    if kind in ("number", "duration"):
        numbers = table.numbers(name)
        return _quarters(numbers, ~np.isnan(numbers), lambda x: f"{x:.6g}")
    if kind == "time" or (kind == "text" and _are_dates(values)):
        times = table.times(name)
        return _quarters(times.astype(np.int64), ~np.isnat(times), lambda x: str(np.datetime64(int(x), "us"))[:10])
    frequent = np.argsort(-np.bincount(codes[codes >= 0], minlength=len(values)), kind="stable")[: MOST_GROUPS - 1]
    place = np.full(len(values), len(frequent))
    place[frequent] = np.arange(len(frequent))
    return _placed(codes, place), [*(texts[i] for i in frequent), OTHER]


def _are_dates(texts: list[Any]) -> bool:
    try:
        return not np.isnat([parse_time(text) for text in texts]).all()
    except (ValueError, OverflowError):
        return False


def _placed(codes: NDArray[np.int64], place: NDArray[np.intp]) -> NDArray[np.int64]:
    """Return the place of each code; -1 stays."""
    return np.append(place, -1).astype(np.int64)[codes]


def _quarters(values: NDArray[Any], known: NDArray[np.bool_], text: Any) -> tuple[NDArray[np.int64], list[str]]:
    """Part values at their quartiles; groups are named by their smallest and largest value."""
    inner = np.unique(np.quantile(values[known], [0.25, 0.5, 0.75], method="inverted_cdf"))
    found, codes = np.unique(np.searchsorted(inner, values[known], side="left"), return_inverse=True)
    members = [values[known][codes == group] for group in range(len(found))]
    every = np.full(len(values), -1, dtype=np.int64)
    every[known] = codes
    ends = [(text(group.min()), text(group.max())) for group in members]
    return every, [low if low == high else f"{low} to {high}" for low, high in ends]
