"""How far a figure may be off, over test rows and training seeds, and how far two methods are apart.

A mean over seeds varies for two reasons: other rows would be asked, and other seeds would train other models. The test
rows are drawn again with replacement, the same for all methods, so that what they have in common drops out of a
difference. Seeds are few, and drawing few again gives too narrow an interval: what they add is Student's t.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from l0gm.errors import ParameterError
from l0gm.metrics.classification import check_labels, check_proba, row_log_loss

__all__ = ["RESAMPLED", "Draws", "Interval", "draw", "interval", "resampled", "seed_error"]

RESAMPLED = ("accuracy", "auc", "log_loss", "brier")
"""Measures whose rows may be drawn again. ECE is not among them: rows drawn twice make a model look less calibrated."""
AT_ONCE = 2**24  # cells of a block of draws
SAMPLES = 20_000  # of the sum of what rows and seeds do


class Interval(NamedTuple):
    """Bounds of an interval."""

    low: float
    high: float

    @property
    def decided(self) -> bool:
        """Whether 0 lies outside; never of a single point, which knows of no spread."""
        return (self.low > 0.0 or self.high < 0.0) and self.low < self.high


@dataclass(frozen=True)
class Draws:
    """Test rows that are drawn again.

    Parameters
    ----------
    rows : int
        Of the test part.
    repeats : int
    seed : int
    """

    rows: int
    repeats: int
    seed: int

    def counts(self, first: int, last: int) -> NDArray[np.float32]:
        """Return how often each row was drawn in resamples ``first`` to ``last``, (last - first, n)."""
        found = np.empty((last - first, self.rows), dtype=np.float32)
        for place in range(first, last):
            drawn = np.random.default_rng([self.seed, place]).integers(self.rows, size=self.rows)
            found[place - first] = np.bincount(drawn, minlength=self.rows)
        return found


def draw(n_rows: int, *, repeats: int = 1000, seed: int = 0) -> Draws:
    """Return draws of ``n_rows`` rows with replacement.

    Raises
    ------
    ParameterError
        If a number is below 1.
    """
    for name, value in (("n_rows", n_rows), ("repeats", repeats)):
        if value < 1:
            raise ParameterError(f"{name}={value}: at least 1 is needed")
    return Draws(n_rows, repeats, seed)


def resampled(
    labels: NDArray[np.int64], probas: Sequence[NDArray[np.float64]], metric: str, draws: Draws
) -> NDArray[np.float64]:
    """Return a measure of each seed on the drawn rows, (B, S).

    Parameters
    ----------
    labels : int64 (n,)
        Class indices of the test rows.
    probas : sequence of float64 (n, C)
        Of each of the S seeds.
    metric : str
        One of :data:`RESAMPLED`.
    draws : Draws
        Give the same to what is compared.

    Raises
    ------
    ParameterError
        If there is no such measure, or the draws are of another number of rows.
    DataError
        If labels or probabilities cannot be used.
    """
    if metric not in RESAMPLED:
        raise ParameterError(f"metric={metric!r}: choose one of {', '.join(RESAMPLED)}")
    if draws.rows != len(labels):
        raise ParameterError(f"the draws are of {draws.rows} rows, and there are {len(labels)}: draw for these")
    checked = [np.asarray(check_proba(proba), dtype=np.float64) for proba in probas]
    codes = check_labels(labels, checked[0])
    values = np.empty((draws.repeats, len(checked)))
    block = max(1, AT_ONCE // draws.rows)
    each = None if metric == "auc" else np.stack([_by_row(codes, proba, metric) for proba in checked], axis=1)
    for first in range(0, draws.repeats, block):
        counts = draws.counts(first, min(first + block, draws.repeats))
        rows = slice(first, first + len(counts))
        if each is not None:
            values[rows] = counts @ each.astype(np.float32) / draws.rows
        else:
            for place, proba in enumerate(checked):
                values[rows, place] = _auc(codes, proba, counts)
    return values


def seed_error(values: Sequence[float]) -> float:
    """Return the standard error that seeds add to the mean of their values (S,); 0 of a single one."""
    return float(np.std(values, ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else 0.0


def interval(
    mean: float, moved: NDArray[np.float64] | None, error: float, df: float, *, confidence: float = 0.95, seed: int = 0
) -> Interval:
    """Return an interval for a mean over seeds, or for the difference of two.

    Parameters
    ----------
    mean : float
        On the test rows as they are.
    moved : float64 (B,), optional
        The same on rows that were drawn again; None where rows cannot be.
    error : float
        What seeds add, as a standard error (:func:`seed_error`).
    df : float
        Its degrees of freedom; below 1, seeds add nothing, since there is one.
    confidence : float
    seed : int
        Of the draws of Student's t.

    Raises
    ------
    ParameterError
        If ``confidence`` is out of range.
    """
    if not 0.0 < confidence < 1.0:
        raise ParameterError(f"confidence is {confidence}: pass a share strictly between 0 and 1")
    outside = (1.0 - confidence) / 2
    samples = np.full(SAMPLES, mean) if moved is None else np.resize(moved, SAMPLES)
    if df >= 1.0:
        samples = samples + error * np.random.default_rng(seed).standard_t(df, size=len(samples))
    low, high = np.nanquantile(samples, [outside, 1.0 - outside]).tolist()
    return Interval(low, high)


def _by_row(codes: NDArray[np.intp], proba: NDArray[np.float64], metric: str) -> NDArray[np.float64]:
    """Return what each row adds to a measure that is a mean over rows, (n,)."""
    if metric == "accuracy":
        return np.asarray(proba.argmax(axis=1) == codes, dtype=np.float64)
    if metric == "log_loss":
        return row_log_loss(codes, proba)
    wrong = proba.copy()
    wrong[np.arange(len(codes)), codes] -= 1.0
    squared: NDArray[np.float64] = np.square(wrong).sum(axis=1)
    return squared / 2.0 if proba.shape[1] == 2 else squared


def _auc(codes: NDArray[np.intp], proba: NDArray[np.float64], counts: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the AUC of each resample, (B,): for more than two classes the mean of one against the rest."""
    columns = [1] if proba.shape[1] == 2 else range(proba.shape[1])
    found = [_binary_auc(codes == column, proba[:, column], counts) for column in columns]
    return np.asarray(np.mean(found, axis=0))


def _binary_auc(
    positive: NDArray[np.bool_], score: NDArray[np.float64], counts: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Return how often a drawn positive row scores above a drawn negative one, ties counted half, (B,)."""
    values, places = np.unique(score, return_inverse=True)
    order = np.argsort(places, kind="stable")
    starts = np.searchsorted(places[order], np.arange(len(values)))
    drawn = counts[:, order].astype(np.float64)
    up = np.add.reduceat(drawn * positive[order], starts, axis=1)
    down = np.add.reduceat(drawn * ~positive[order], starts, axis=1)
    below = np.cumsum(down, axis=1) - down / 2
    pairs = up.sum(axis=1) * down.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):  # a class that was not drawn: no value
        return np.asarray((up * below).sum(axis=1) / pairs)
