"""Expected calibration error, what chance alone would make of it, and the reliability table behind it.

The error is Eq. 7 of the paper (after Guo et al., 2017): the scores in [0, 1] are cut into M equal bins,
and the gaps between mean score and observed frequency are averaged with the bins' shares of the rows.
Bin m is (m/M, (m+1)/M], m = 0 ... M-1, in float64, so a score on an edge belongs to the bin below it and
1 to the last bin; a score of 0, below every open edge, belongs to the first. Two scores are in use:

``top_label``
    the largest probability of the row; the event is that its class is the true one.
``positive``
    the probability of class 1, for two classes only; the event is that class 1 is the true one.

Even a model whose probabilities are exactly right scores above 0 on finitely many rows. :func:`ece_null`
says how much, so that an error can be told from noise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from l0gm.errors import DataError, ParameterError
from l0gm.metrics.classification import check_labels, check_proba

__all__ = ["Kind", "NullBand", "ReliabilityTable", "ece", "ece_null", "reliability_table"]

Kind = Literal["top_label", "positive"]

_CHUNK = 2**20  # uniform numbers drawn at a time: 8 MiB


@dataclass(frozen=True)
class NullBand:
    """The calibration error of a perfectly calibrated model on as many rows: its mean and 95th percentile."""

    mean: float
    p95: float


@dataclass(frozen=True, eq=False)
class ReliabilityTable:
    """One entry a bin, empty bins included; every field has shape (bins,).

    Attributes
    ----------
    lower, upper
        The bin's edges: it holds the scores in (lower, upper].
    count
        Its rows.
    confidence
        Their mean score; NaN in an empty bin.
    frequency
        The share of them in which the event came true; NaN in an empty bin.
    """

    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    count: NDArray[np.intp]
    confidence: NDArray[np.float64]
    frequency: NDArray[np.float64]


def ece(y: ArrayLike, proba: ArrayLike, kind: Kind = "top_label", bins: int = 15) -> float:
    """Expected calibration error (Eq. 7), between 0 and 1.

    Parameters
    ----------
    y : array_like of int, shape (n,)
    proba : array_like, shape (n, C)
    kind : {"top_label", "positive"}
    bins : int
        Number of equal-width bins.

    Raises
    ------
    DataError
        If ``y`` or ``proba`` cannot be used, or if ``kind`` is "positive" and C is not 2.
    ParameterError
        If ``kind`` is unknown or ``bins`` below 1.
    """
    p = check_proba(proba)
    score, event = _score(p, kind), _event(check_labels(y, p), p, kind)
    gap = np.bincount(_bin(score, bins), weights=event - score)
    return float(np.abs(gap).sum() / len(p))


def reliability_table(y: ArrayLike, proba: ArrayLike, kind: Kind = "top_label", bins: int = 15) -> ReliabilityTable:
    """Count, mean score and observed frequency of each bin: the numbers of a reliability diagram.

    Parameters and errors are those of :func:`ece`, which is the count-weighted mean of
    ``|frequency - confidence|`` over the bins that are not empty.
    """
    p = check_proba(proba)
    score, event = _score(p, kind), _event(check_labels(y, p), p, kind)
    index = _bin(score, bins)
    count = np.bincount(index, minlength=bins)
    edges = np.arange(bins + 1) / bins
    rows = np.where(count > 0, count, np.nan)
    return ReliabilityTable(
        lower=edges[:-1],
        upper=edges[1:],
        count=count,
        confidence=np.bincount(index, weights=score, minlength=bins) / rows,
        frequency=np.bincount(index, weights=event, minlength=bins) / rows,
    )


def ece_null(proba: ArrayLike, kind: Kind = "top_label", bins: int = 15, draws: int = 1000, seed: int = 0) -> NullBand:
    """Calibration error that these very probabilities would score if they were exactly right.

    Labels are drawn from the model's own probabilities, ``draws`` times, and :func:`ece` is computed on each
    draw. The scores never move, so neither do the bins, and only the binary event has to be drawn: it is
    Bernoulli with the score as its chance, for both kinds and any number of classes. An error above ``p95``
    speaks against calibration at the 5 % level (consistency resampling: Broecker and Smith, 2007).

    Parameters
    ----------
    proba : array_like, shape (n, C)
    kind : {"top_label", "positive"}
    bins : int
        Number of equal-width bins.
    draws : int
        Simulated label sets; time grows with n * draws.
    seed : int
        The same seed gives the same band.

    Raises
    ------
    DataError
        If ``proba`` cannot be used, or if ``kind`` is "positive" and C is not 2.
    ParameterError
        If ``kind`` is unknown, or ``bins`` or ``draws`` is below 1.
    """
    if draws < 1:
        raise ParameterError(f"draws is {draws}: simulate at least one set of labels")
    score = np.sort(_score(check_proba(proba), kind))
    _, start = np.unique(_bin(score, bins), return_index=True)
    expected = np.add.reduceat(score, start)
    rng = np.random.default_rng(seed)
    step = max(1, _CHUNK // len(score))
    errors = []
    for first in range(0, draws, step):
        event = rng.random((min(step, draws - first), len(score))) < score
        observed = np.add.reduceat(event, start, axis=1, dtype=np.intp)
        errors.append(np.abs(observed - expected).sum(axis=1) / len(score))
    error = np.concatenate(errors)
    return NullBand(mean=float(error.mean()), p95=float(np.quantile(error, 0.95)))


def _score(p: NDArray[np.floating[Any]], kind: Kind) -> NDArray[np.float64]:
    """The probability that is held against the outcome, shape (n,), in float64."""
    if kind not in ("top_label", "positive"):
        raise ParameterError(f'kind is {kind!r}: use "top_label" or "positive"')
    if kind == "positive" and p.shape[1] != 2:
        raise DataError(f'kind "positive" needs 2 classes, proba has {p.shape[1]}: use "top_label"')
    score = p.max(axis=1) if kind == "top_label" else p[:, 1]
    return np.asarray(score, dtype=np.float64)


def _event(labels: NDArray[np.intp], p: NDArray[np.floating[Any]], kind: Kind) -> NDArray[np.bool_]:
    """Whether what the score speaks of came true, shape (n,)."""
    claimed = p.argmax(axis=1) if kind == "top_label" else np.ones_like(labels)
    event: NDArray[np.bool_] = labels == claimed
    return event


def _bin(score: NDArray[np.float64], bins: int) -> NDArray[np.intp]:
    """Index of each score's bin: the number of inner edges that lie strictly below the score."""
    if bins < 1:
        raise ParameterError(f"bins is {bins}: use at least one")
    return np.searchsorted(np.arange(1, bins) / bins, score, side="left")
