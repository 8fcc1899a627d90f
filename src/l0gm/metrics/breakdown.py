"""What lies behind accuracy and calibration error: reliability bins and the confusion matrix, as plain numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from l0gm.errors import DataError
from l0gm.metrics.calibration import Kind, consistency_band, ece, ece_null, reliability_table
from l0gm.metrics.classification import check_labels, check_proba

__all__ = ["breakdown"]

MOST_CLASSES = 200


def breakdown(
    y: ArrayLike,
    proba: ArrayLike,
    *,
    classes: Sequence[Any] | None = None,
    bins: int = 15,
    draws: int = 1000,
    seed: int = 0,
) -> dict[str, Any]:
    """Return reliability bins and the confusion matrix, ready for JSON: what a report draws without the rows.

    Parameters
    ----------
    y : array_like of int, shape (n,)
    proba : array_like, shape (n, C)
    classes : sequence, optional
        The C classes, whose texts go into the result; by default their numbers.
    bins, draws, seed
        Of the calibration errors and their null bands, see :func:`~l0gm.metrics.ece_null`.

    Returns
    -------
    dict
        ``reliability`` has an entry ``top_label``, and ``positive`` for two classes: lists of one number a bin of equal
        width (``lower``, ``upper``, ``count``, ``confidence``, ``frequency`` as in
        :func:`~l0gm.metrics.reliability_table`; ``low`` and ``high`` of :func:`~l0gm.metrics.consistency_band`; None
        in an empty bin), and ``ece``, ``ece_null_mean``, ``ece_null_p95``. ``confusion`` holds ``classes`` and
        ``counts``, a list for each true class with its rows by predicted class; None with more than 200 classes.

    Raises
    ------
    DataError
        If ``y`` or ``proba`` cannot be used, or ``classes`` does not name each column of ``proba``.
    ParameterError
        If ``bins`` or ``draws`` is below 1.
    """
    p = check_proba(proba)
    labels = check_labels(y, p)
    n_classes = p.shape[1]
    names = [str(name) for name in (range(n_classes) if classes is None else classes)]
    if len(names) != n_classes:
        raise DataError(f"classes names {len(names)}, and proba has {n_classes} columns: name each")
    kinds: tuple[Kind, ...] = ("top_label", "positive") if n_classes == 2 else ("top_label",)
    confusion = np.zeros((n_classes, n_classes), dtype=np.intp)
    if n_classes <= MOST_CLASSES:
        np.add.at(confusion, (labels, p.argmax(axis=1)), 1)
    return {
        "reliability": {kind: _reliability(labels, p, kind, bins, draws, seed) for kind in kinds},
        "confusion": {"classes": names, "counts": confusion.tolist()} if n_classes <= MOST_CLASSES else None,
    }


def _reliability(
    labels: NDArray[np.intp], p: NDArray[Any], kind: Kind, bins: int, draws: int, seed: int
) -> dict[str, Any]:
    table = reliability_table(labels, p, kind, bins)
    low, high = consistency_band(p, kind, bins, draws, seed)
    null = ece_null(p, kind, bins, draws, seed)
    columns = {"confidence": table.confidence, "frequency": table.frequency, "low": low, "high": high}
    return {
        "lower": table.lower.tolist(),
        "upper": table.upper.tolist(),
        "count": table.count.tolist(),
        **{name: [None if math.isnan(v) else v for v in values.tolist()] for name, values in columns.items()},
        "ece": ece(labels, p, kind, bins),
        "ece_null_mean": null.mean,
        "ece_null_p95": null.p95,
    }
