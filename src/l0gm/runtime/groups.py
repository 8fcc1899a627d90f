"""Measures of a model for each group of rows that a column makes."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from l0gm.data.groups import group_rows
from l0gm.metrics import by_group

__all__ = ["evaluate_groups"]


def evaluate_groups(X: Any, labels: NDArray[Any], proba: NDArray[Any], by: Any) -> dict[str | None, dict[str, Any]]:
    """Return :func:`l0gm.metrics.by_group` for the groups that :func:`l0gm.data.groups.group_rows` makes.

    Parameters
    ----------
    X : table (n, columns)
    labels : int64 (n,)
        Class indices.
    proba : float (n, C)
    by : str or sequence (n,)
        A column of ``X``, or the rows' groups.

    Raises
    ------
    DataError
        If there is no such column, or lengths differ.
    """
    groups, order = group_rows(X, by)
    found = by_group(labels, proba, groups)
    return {name: found[name] for name in order}
