"""Accuracy, ROC AUC, log loss and Brier score, and the checks that every metric shares.

Everywhere in this room ``y`` holds class indices, shape (n,), and ``proba`` class probabilities, shape
(n, C) with C >= 2, column k for class k; with two classes, class 1 is the positive one. Bad input raises
:class:`~l0gm.errors.DataError`, never a NaN.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from l0gm.errors import DataError

__all__ = [
    "accuracy",
    "auc",
    "brier",
    "check_labels",
    "check_proba",
    "check_weight",
    "log_loss",
    "macro_f1",
    "row_log_loss",
]

ROW_SUM_TOLERANCE = 1e-4  # wide enough for a float32 softmax over a thousand classes


def check_proba(proba: ArrayLike) -> NDArray[np.floating[Any]]:
    """Return ``proba`` as a float array that is known to hold one distribution a row.

    Parameters
    ----------
    proba : array_like, shape (n, C)
        float32 and float64 keep their type; anything else numeric becomes float64.

    Raises
    ------
    DataError
        If it is not numeric, not two-dimensional, empty or of one column only, if a value is negative or
        not finite, or if a row's sum is further than 1e-4 from 1.
    """
    p = np.asarray(proba)
    if p.dtype.kind not in "fiub":
        raise DataError(f"proba has dtype {p.dtype}: pass an array of numbers")
    if p.ndim != 2:
        raise DataError(
            f"proba has shape {p.shape}: pass one column a class, (n, C); for the positive class's"
            " probabilities p alone that is np.column_stack([1 - p, p])"
        )
    if p.shape[0] == 0:
        raise DataError("proba has no rows: pass at least one")
    if p.shape[1] < 2:
        raise DataError(f"proba has {p.shape[1]} column(s): pass one for each of at least two classes")
    if p.dtype not in (np.float32, np.float64):
        p = p.astype(np.float64)
    if not np.isfinite(p).all():
        row, column = np.argwhere(~np.isfinite(p))[0]
        raise DataError(f"proba[{row}, {column}] is {p[row, column]}: every probability has to be finite")
    if p.min() < 0:
        row, column = np.argwhere(p < 0)[0]
        raise DataError(f"proba[{row}, {column}] is {p[row, column]}: pass probabilities, not logits")
    total = p.sum(axis=1, dtype=np.float64)
    row = int(np.abs(total - 1).argmax())
    if abs(total[row] - 1) > ROW_SUM_TOLERANCE:
        raise DataError(f"proba[{row}] sums to {total[row]:.6g}, not to 1: normalise the rows first")
    return p


def check_labels(y: ArrayLike, proba: NDArray[np.floating[Any]]) -> NDArray[np.intp]:
    """Return ``y`` as class indices, one for each row of the checked ``proba``.

    Raises
    ------
    DataError
        If ``y`` is not integer (or boolean), not of shape (n,), or holds an index outside 0 ... C - 1.
    """
    labels = np.asarray(y)
    n_rows, n_classes = proba.shape
    if labels.dtype.kind not in "iub":
        raise DataError(f"y has dtype {labels.dtype}: pass class indices, integers from 0 to {n_classes - 1}")
    if labels.shape != (n_rows,):
        raise DataError(f"y has shape {labels.shape} and proba {proba.shape}: pass one label a row")
    wrong = (labels < 0) | (labels >= n_classes)
    if wrong.any():
        row = int(wrong.argmax())
        raise DataError(f"y[{row}] is {labels[row]}, but proba's {n_classes} columns end at {n_classes - 1}")
    return labels.astype(np.intp)


def check_weight(sample_weight: ArrayLike | None, n_rows: int) -> NDArray[np.float64]:
    """Return the row weights as float64, all ones for None.

    Raises
    ------
    DataError
        If they are not numbers of shape (n_rows,), finite, non-negative and not all zero.
    """
    if sample_weight is None:
        return np.ones(n_rows)
    weight = np.asarray(sample_weight)
    if weight.dtype.kind not in "fiub":
        raise DataError(f"sample_weight has dtype {weight.dtype}: pass numbers")
    if weight.shape != (n_rows,):
        raise DataError(f"sample_weight has shape {weight.shape}: pass one weight for each of {n_rows} rows")
    weight = weight.astype(np.float64)
    if not np.isfinite(weight).all() or weight.min() < 0:
        row = int((~np.isfinite(weight) | (weight < 0)).argmax())
        raise DataError(f"sample_weight[{row}] is {weight[row]}: weights are finite and at least 0")
    if weight.sum() == 0:
        raise DataError("sample_weight is 0 everywhere: give at least one row some weight")
    return weight


def accuracy(y: ArrayLike, proba: ArrayLike, *, sample_weight: ArrayLike | None = None) -> float:
    """Share of rows whose most probable class is the true one; a tie goes to the lower index.

    Parameters
    ----------
    y : array_like of int, shape (n,)
    proba : array_like, shape (n, C)
    sample_weight : array_like, shape (n,), optional

    Raises
    ------
    DataError
        If an input cannot be used; see the ``check_`` functions.
    """
    p = check_proba(proba)
    labels = check_labels(y, p)
    weight = check_weight(sample_weight, len(p))
    return float(np.average(labels == p.argmax(axis=1), weights=weight))


def macro_f1(y: ArrayLike, proba: ArrayLike) -> float:
    """Mean over classes of F1, the harmonic mean of precision and recall, where the most probable class is the answer.

    Classes that neither occur nor are answered do not count, as in scikit-learn; a tie goes to the lower index.

    Parameters
    ----------
    y : array_like of int, shape (n,)
    proba : array_like, shape (n, C)

    Raises
    ------
    DataError
        If an input cannot be used; see the ``check_`` functions.
    """
    p = check_proba(proba)
    labels, answers = check_labels(y, p), p.argmax(axis=1)
    right = np.bincount(labels[labels == answers], minlength=p.shape[1])
    either = np.bincount(labels, minlength=p.shape[1]) + np.bincount(answers, minlength=p.shape[1])
    return float(np.mean(2.0 * right[either > 0] / either[either > 0]))


def auc(y: ArrayLike, proba: ArrayLike, *, sample_weight: ArrayLike | None = None) -> float:
    """Area under the ROC curve: the chance that a row of the class scores above a row outside it.

    Equal scores count one half, exactly (the Mann-Whitney statistic). With two classes the score is the
    positive class's probability; with more, the plain mean over classes of each one against the rest.

    Parameters
    ----------
    y : array_like of int, shape (n,)
    proba : array_like, shape (n, C)
    sample_weight : array_like, shape (n,), optional

    Raises
    ------
    DataError
        If an input cannot be used, or if one of the C classes has no row (or no weight) in ``y``: its area
        is undefined, and leaving it out would silently change what is averaged.
    """
    p = check_proba(proba)
    labels = check_labels(y, p)
    weight = check_weight(sample_weight, len(p))
    n_classes = p.shape[1]
    absent = np.flatnonzero(np.bincount(labels, weights=weight, minlength=n_classes) == 0)
    if absent.size:
        raise DataError(
            f"y has no rows of class {absent[0]} ({absent.size} of {n_classes} classes are absent),"
            " so that class has no AUC: evaluate on rows that hold every class"
        )
    classes = [1] if n_classes == 2 else range(n_classes)
    return float(np.mean([_one_against_rest(p[:, k], labels == k, weight) for k in classes]))


def _one_against_rest(
    score: NDArray[np.floating[Any]], inside: NDArray[np.bool_], weight: NDArray[np.float64]
) -> float:
    """Weighted share of (inside, outside) pairs that the score orders rightly, a tie being half a pair."""
    _, rank = np.unique(score, return_inverse=True)
    inner = np.bincount(rank, weights=weight * inside)
    outer = np.bincount(rank, weights=weight * ~inside)
    below = np.cumsum(outer) - outer
    return float(inner @ (below + outer / 2) / (inner.sum() * outer.sum()))


def log_loss(y: ArrayLike, proba: ArrayLike, *, sample_weight: ArrayLike | None = None) -> float:
    """Mean negative log-probability of the true class, in nats.

    Probabilities are clipped to [eps, 1 - eps], eps being the machine epsilon of ``proba``'s own type
    (1.2e-7 for float32, 2.2e-16 for float64), so that one confident error costs at most -log(eps).

    Parameters
    ----------
    y : array_like of int, shape (n,)
    proba : array_like, shape (n, C)
    sample_weight : array_like, shape (n,), optional

    Raises
    ------
    DataError
        If an input cannot be used; see the ``check_`` functions.
    """
    losses = row_log_loss(y, proba)
    return float(np.average(losses, weights=check_weight(sample_weight, len(losses))))


def row_log_loss(y: ArrayLike, proba: ArrayLike) -> NDArray[np.float64]:
    """Return the log loss of each row, in nats, shape (n,); :func:`log_loss` is their mean, and says the rest."""
    p = check_proba(proba)
    labels = check_labels(y, p)
    eps = float(np.finfo(p.dtype).eps)
    true = p[np.arange(len(p)), labels].astype(np.float64)
    losses: NDArray[np.float64] = -np.log(np.clip(true, eps, 1 - eps))
    return losses


def brier(y: ArrayLike, proba: ArrayLike, *, sample_weight: ArrayLike | None = None) -> float:
    """Mean squared error of the probabilities (Brier, 1950), in the usual form for each task.

    With two classes it is the positive class's squared error alone, between 0 and 1; with more, the squared
    errors summed over all classes, between 0 and 2.

    Parameters
    ----------
    y : array_like of int, shape (n,)
    proba : array_like, shape (n, C)
    sample_weight : array_like, shape (n,), optional

    Raises
    ------
    DataError
        If an input cannot be used; see the ``check_`` functions.
    """
    p = check_proba(proba)
    labels = check_labels(y, p)
    weight = check_weight(sample_weight, len(p))
    error = p.astype(np.float64)
    error[np.arange(len(p)), labels] -= 1
    squared = error[:, 1] ** 2 if p.shape[1] == 2 else (error**2).sum(axis=1)
    return float(np.average(squared, weights=weight))
