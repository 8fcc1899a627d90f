"""All metrics of one model on one set of rows."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from l0gm.metrics.calibration import ece, ece_adaptive, ece_null, null_bands
from l0gm.metrics.classification import accuracy, auc, brier, check_labels, check_proba, log_loss

__all__ = ["evaluate"]


def evaluate(
    y: ArrayLike,
    proba: ArrayLike,
    *,
    bins: int = 15,
    draws: int = 1000,
    seed: int = 0,
    absent: Literal["error", "skip"] = "error",
) -> dict[str, float]:
    """Score class probabilities against the true classes.

    Parameters
    ----------
    y : array_like of int, shape (n,)
    proba : array_like, shape (n, C)
    bins, draws, seed
        Of the calibration errors and their null bands, see :func:`~l0gm.metrics.ece_null`.
    absent : {"error", "skip"}
        What becomes of the AUC where a class has no row: it is undefined then.

    Returns
    -------
    dict
        ``accuracy``, ``auc``, ``log_loss``, ``brier``, ``ece`` (top-label) and ``ece_adaptive`` (the same over bins
        of equal mass), and ``n_rows``; for two classes also ``ece_positive``. Beside each calibration error stand
        its ``_null_mean`` and ``_null_p95``.

    Raises
    ------
    DataError
        If ``y`` or ``proba`` cannot be used, or a class has no row and ``absent`` is ``"error"``.
    ParameterError
        If ``bins`` or ``draws`` is below 1.
    """
    p = check_proba(proba)
    labels = check_labels(y, p)
    lacking = absent == "skip" and len(np.unique(labels)) < p.shape[1]
    null, adaptive_null = null_bands(p, ("width", "mass"), "top_label", bins, draws, seed)
    scores: dict[str, float] = {
        "accuracy": accuracy(labels, p),
        **({} if lacking else {"auc": auc(labels, p)}),
        "log_loss": log_loss(labels, p),
        "brier": brier(labels, p),
        "ece": ece(labels, p, "top_label", bins),
        "ece_null_mean": null.mean,
        "ece_null_p95": null.p95,
        "ece_adaptive": ece_adaptive(labels, p, "top_label", bins),
        "ece_adaptive_null_mean": adaptive_null.mean,
        "ece_adaptive_null_p95": adaptive_null.p95,
    }
    if p.shape[1] == 2:
        null = ece_null(p, "positive", bins, draws, seed)
        scores["ece_positive"] = ece(labels, p, "positive", bins)
        scores["ece_positive_null_mean"] = null.mean
        scores["ece_positive_null_p95"] = null.p95
    scores["n_rows"] = len(p)
    return scores
