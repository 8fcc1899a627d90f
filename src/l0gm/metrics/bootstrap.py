"""How far a figure may be off: test rows and training seeds drawn again with replacement, the same for all methods.

A mean over seeds varies for two reasons: other seeds would train other models, and other rows would be asked. Each
resample draws both, so an interval holds both. Methods are compared on the same draws, so that what rows and seeds have
in common drops out of their difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from l0gm.errors import ParameterError
from l0gm.metrics.classification import check_labels, check_proba, row_log_loss

__all__ = ["RESAMPLED", "Draws", "Interval", "draw", "interval", "resampled"]

RESAMPLED = ("accuracy", "auc", "log_loss", "brier")
"""Measures that may be resampled. ECE is not among them: rows drawn twice make a model look less calibrated."""
AT_ONCE = 2**24  # cells of a block of draws


class Interval(NamedTuple):
    """Bounds of a percentile interval."""

    low: float
    high: float

    @property
    def decided(self) -> bool:
        """Whether 0 lies outside."""
        return self.low > 0.0 or self.high < 0.0


@dataclass(frozen=True)
class Draws:
    """What was drawn.

    Parameters
    ----------
    rows : int
        Of the test part.
    seeds : int64 (B, S)
        Places of the seeds of each resample.
    seed : int
        Of the draws of rows, which are made again whenever they are needed.
    """

    rows: int
    seeds: NDArray[np.int64]
    seed: int

    def counts(self, first: int, last: int) -> NDArray[np.float32]:
        """Return how often each row was drawn in resamples ``first`` to ``last``, (last - first, n)."""
        found = np.empty((last - first, self.rows), dtype=np.float32)
        for place in range(first, last):
            drawn = np.random.default_rng([self.seed, place]).integers(self.rows, size=self.rows)
            found[place - first] = np.bincount(drawn, minlength=self.rows)
        return found


def draw(n_rows: int, n_seeds: int, *, repeats: int = 1000, seed: int = 0) -> Draws:
    """Return draws of ``n_rows`` rows and ``n_seeds`` seeds with replacement.

    Raises
    ------
    ParameterError
        If a number is below 1.
    """
    for name, value in (("n_rows", n_rows), ("n_seeds", n_seeds), ("repeats", repeats)):
        if value < 1:
            raise ParameterError(f"{name}={value}: at least 1 is needed")
    seeds = np.random.default_rng([seed, 2**32]).integers(n_seeds, size=(repeats, n_seeds))
    return Draws(n_rows, seeds, seed)


def resampled(
    labels: NDArray[np.int64], probas: Sequence[NDArray[np.float64]], metric: str, draws: Draws
) -> NDArray[np.float64]:
    """Return the mean of a measure over the drawn seeds, on the drawn rows, (B,).

    Parameters
    ----------
    labels : int64 (n,)
        Class indices of the test rows.
    probas : sequence of float64 (n, C)
        Of each seed.
    metric : str
        One of :data:`RESAMPLED`.
    draws : Draws
        Give the same to what is compared.

    Raises
    ------
    ParameterError
        If there is no such measure, or the draws are of another number of rows or seeds.
    DataError
        If labels or probabilities cannot be used.
    """
    if metric not in RESAMPLED:
        raise ParameterError(f"metric={metric!r}: choose one of {', '.join(RESAMPLED)}")
    if draws.rows != len(labels) or draws.seeds.shape[1] != len(probas):
        raise ParameterError(
            f"the draws are of {draws.rows} rows and {draws.seeds.shape[1]} seeds, and there are {len(labels)} and "
            f"{len(probas)}: draw for these"
        )
    checked = [np.asarray(check_proba(proba), dtype=np.float64) for proba in probas]
    codes = check_labels(labels, checked[0])
    repeats, n = len(draws.seeds), draws.rows
    values = np.empty((repeats, len(checked)))
    block = max(1, AT_ONCE // n)
    each = None if metric == "auc" else np.stack([_by_row(codes, proba, metric) for proba in checked], axis=1)
    for first in range(0, repeats, block):
        counts = draws.counts(first, min(first + block, repeats))
        rows = slice(first, first + len(counts))
        if each is not None:
            values[rows] = counts @ each.astype(np.float32) / n
        else:
            for place, proba in enumerate(checked):
                values[rows, place] = _auc(codes, proba, counts)
    means: NDArray[np.float64] = np.take_along_axis(values, draws.seeds, axis=1).mean(axis=1)
    return means


def interval(samples: NDArray[np.float64], confidence: float = 0.95) -> Interval:
    """Return the percentile interval of resampled values (B,), or of resampled differences."""
    if not 0.0 < confidence < 1.0:
        raise ParameterError(f"confidence is {confidence}: pass a share strictly between 0 and 1")
    outside = (1.0 - confidence) / 2
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
