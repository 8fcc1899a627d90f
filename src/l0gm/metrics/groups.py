"""The same measures for each group of rows: who is served worse, and whether there are rows enough to say so."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from l0gm.errors import DataError
from l0gm.metrics.calibration import ece, ece_null
from l0gm.metrics.classification import accuracy, auc, check_labels, check_proba, log_loss

__all__ = ["FEW_ROWS", "FEW_ROWS_OF_A_CLASS", "by_group"]

FEW_ROWS = 100
FEW_ROWS_OF_A_CLASS = 10


def by_group(
    y: ArrayLike,
    proba: ArrayLike,
    groups: Sequence[Hashable] | NDArray[Any],
    *,
    bins: int = 15,
    draws: int = 1000,
    seed: int = 0,
) -> dict[Any, dict[str, Any]]:
    """Measure each group of rows by itself.

    Parameters
    ----------
    y : array_like of int, shape (n,)
        Class indices.
    proba : array_like, shape (n, C)
    groups : sequence (n,)
        Each row's group, anything hashable; None and NaN make one group, None.
    bins, draws, seed
        Of the top-label calibration error and its null band, see :func:`~l0gm.metrics.ece_null`.

    Returns
    -------
    dict
        For each group, in order of first appearance: ``n_rows``, ``accuracy``, ``auc`` (None where a class has no
        row), ``log_loss``, ``ece``, ``ece_null_p95``, which a perfectly calibrated model would stay below in 95 of
        100 cases on as many rows, and ``small``: whether there are fewer than 100 rows, or fewer than 10 of a class,
        so that differences to other groups may well be chance.

    Raises
    ------
    DataError
        If ``y`` or ``proba`` cannot be used, or ``groups`` has another length.
    """
    p = check_proba(proba)
    labels = check_labels(y, p)
    members: dict[Any, list[int]] = {}
    for row, group in enumerate(groups.tolist() if isinstance(groups, np.ndarray) else groups):
        missing = group is None or (isinstance(group, float) and math.isnan(group))
        members.setdefault(None if missing else group, []).append(row)
    counted = sum(map(len, members.values()))
    if counted != len(p):
        raise DataError(f"groups has {counted} entries for {len(p)} rows: name the group of each row")
    return {group: _measures(labels[rows], p[rows], bins, draws, seed) for group, rows in members.items()}


def _measures(
    labels: NDArray[np.intp], p: NDArray[np.floating[Any]], bins: int, draws: int, seed: int
) -> dict[str, Any]:
    counts = np.bincount(labels, minlength=p.shape[1])
    return {
        "n_rows": len(p),
        "accuracy": accuracy(labels, p),
        "auc": auc(labels, p) if counts.all() else None,
        "log_loss": log_loss(labels, p),
        "ece": ece(labels, p, "top_label", bins),
        "ece_null_p95": ece_null(p, "top_label", bins, draws, seed).p95,
        "small": bool(len(p) < FEW_ROWS or counts.min() < FEW_ROWS_OF_A_CLASS),
    }
