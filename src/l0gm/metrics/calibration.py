"""Expected calibration error, what chance alone would make of it, and the reliability table behind it.

The error is Eq. 7 of the paper (after Guo et al., 2017): the scores in [0, 1] are cut into M equal bins,
and the gaps between mean score and observed frequency are averaged with the bins' shares of the rows.
Bin m is (m/M, (m+1)/M], m = 0 ... M-1, in float64, so a score on an edge belongs to the bin below it and
1 to the last bin; a score of 0, below every open edge, belongs to the first. The adaptive error cuts them into
bins of equal mass instead (Nguyen and O'Connor, 2015), so that no bin is crowded and none is left to a few rows;
equal scores share a bin, that of their middle rank. Two scores are in use:

``top_label``
    the largest probability of the row; the event is that its class is the true one.
``positive``
    the probability of class 1, for two classes only; the event is that class 1 is the true one.

Even a model whose probabilities are exactly right scores above 0 on finitely many rows. :func:`ece_null`
says how much, so that an error can be told from noise.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from l0gm.errors import DataError, ParameterError
from l0gm.metrics.classification import check_labels, check_proba

__all__ = [
    "Binning",
    "Kind",
    "NullBand",
    "ReliabilityTable",
    "consistency_band",
    "ece",
    "ece_adaptive",
    "ece_null",
    "null_bands",
    "reliability_table",
]

Kind = Literal["top_label", "positive"]
Binning = Literal["width", "mass"]

_CHUNK = 2**20  # uniform numbers drawn at a time: 8 MiB


@dataclass(frozen=True)
class NullBand:
    """The calibration error of a perfectly calibrated model on as many rows: its mean and 95th percentile."""

    mean: float
    p95: float


@dataclass(frozen=True, eq=False)
class ReliabilityTable:
    """One entry a bin, empty bins of equal width included; every field has shape (bins,).

    Attributes
    ----------
    lower, upper
        The bin's edges: it holds the scores in (lower, upper]. Of a bin of equal mass, the outermost scores in it.
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


def ece(
    y: ArrayLike, proba: ArrayLike, kind: Kind = "top_label", bins: int = 15, *, binning: Binning = "width"
) -> float:
    """Expected calibration error (Eq. 7), between 0 and 1.

    Parameters
    ----------
    y : array_like of int, shape (n,)
    proba : array_like, shape (n, C)
    kind : {"top_label", "positive"}
    bins : int
        Number of bins.
    binning : {"width", "mass"}
        Bins of equal width, or of equal numbers of rows as far as equal scores allow.

    Raises
    ------
    DataError
        If ``y`` or ``proba`` cannot be used, or if ``kind`` is "positive" and C is not 2.
    ParameterError
        If ``kind`` or ``binning`` is unknown or ``bins`` below 1.
    """
    p = check_proba(proba)
    score, event = _score(p, kind), _event(check_labels(y, p), p, kind)
    gap = np.bincount(_bin(score, bins, binning), weights=event - score)
    return float(np.abs(gap).sum() / len(p))


def ece_adaptive(y: ArrayLike, proba: ArrayLike, kind: Kind = "top_label", bins: int = 15) -> float:
    """Return the calibration error over bins of equal mass; parameters and errors as of :func:`ece`."""
    return ece(y, proba, kind, bins, binning="mass")


def reliability_table(
    y: ArrayLike, proba: ArrayLike, kind: Kind = "top_label", bins: int = 15, *, binning: Binning = "width"
) -> ReliabilityTable:
    """Count, mean score and observed frequency of each bin: the numbers of a reliability diagram.

    Parameters and errors are those of :func:`ece`, which is the count-weighted mean of
    ``|frequency - confidence|`` over the bins that are not empty.
    """
    p = check_proba(proba)
    score, event = _score(p, kind), _event(check_labels(y, p), p, kind)
    index = _bin(score, bins, binning)
    if binning == "width":
        edges = np.arange(bins + 1) / bins
        lower, upper = edges[:-1], edges[1:]
    else:
        rising, start = np.sort(score), np.unique(np.sort(index), return_index=True)[1]
        lower, upper = rising[start], rising[np.append(start[1:], len(score)) - 1]
    count = np.bincount(index, minlength=len(lower))
    rows = np.where(count > 0, count, np.nan)
    return ReliabilityTable(
        lower=lower,
        upper=upper,
        count=count,
        confidence=np.bincount(index, weights=score, minlength=len(lower)) / rows,
        frequency=np.bincount(index, weights=event, minlength=len(lower)) / rows,
    )


def ece_null(
    proba: ArrayLike,
    kind: Kind = "top_label",
    bins: int = 15,
    draws: int = 1000,
    seed: int = 0,
    *,
    binning: Binning = "width",
) -> NullBand:
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
        Number of bins.
    draws : int
        Simulated label sets; time grows with n * draws.
    seed : int
        The same seed gives the same band.
    binning : {"width", "mass"}
        As of the error that it is held against.

    Raises
    ------
    DataError
        If ``proba`` cannot be used, or if ``kind`` is "positive" and C is not 2.
    ParameterError
        If ``kind`` or ``binning`` is unknown, or ``bins`` or ``draws`` is below 1.
    """
    return null_bands(proba, (binning,), kind, bins, draws, seed)[0]


def null_bands(
    proba: ArrayLike, binnings: Sequence[Binning], kind: Kind, bins: int, draws: int, seed: int
) -> list[NullBand]:
    """Return :func:`ece_null` for each way of binning, from the same draws."""
    score = np.sort(_score(check_proba(proba), kind))
    starts = [np.unique(_bin(score, bins, binning), return_index=True)[1] for binning in binnings]
    expected = [np.add.reduceat(score, start) for start in starts]
    errors = [
        [np.abs(o - e).sum(axis=1) / len(score) for o, e in zip(observed, expected, strict=True)]
        for observed in _simulated(score, starts, draws, seed)
    ]
    each = [np.concatenate(parts) for parts in zip(*errors, strict=True)]
    return [NullBand(mean=float(error.mean()), p95=float(np.quantile(error, 0.95))) for error in each]


def consistency_band(
    proba: ArrayLike,
    kind: Kind = "top_label",
    bins: int = 15,
    draws: int = 1000,
    seed: int = 0,
    *,
    binning: Binning = "width",
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the 5th and the 95th percentile of each bin's frequency if the probabilities were exactly right.

    A frequency of :func:`reliability_table` outside of them speaks against calibration in its bin, at the 10 %
    level for each bin by itself. Parameters and errors are those of :func:`ece_null`.

    Returns
    -------
    low, high : float64 (bins,)
        In the order of :func:`reliability_table`; NaN in an empty bin.
    """
    score = np.sort(_score(check_proba(proba), kind))
    index = _bin(score, bins, binning)
    filled, start, count = np.unique(index, return_index=True, return_counts=True)
    share = np.concatenate([observed[0] for observed in _simulated(score, [start], draws, seed)]) / count
    band = np.full((2, bins if binning == "width" else len(filled)), np.nan)
    band[:, filled] = np.quantile(share, [0.05, 0.95], axis=0)
    return band[0], band[1]


def _simulated(
    score: NDArray[np.float64], starts: Sequence[NDArray[np.intp]], draws: int, seed: int
) -> Iterator[list[NDArray[np.intp]]]:
    """Draw labels for rising scores; yield each time the events a bin, (some draws, bins), for each binning."""
    if draws < 1:
        raise ParameterError(f"draws is {draws}: simulate at least one set of labels")
    rng = np.random.default_rng(seed)
    step = max(1, _CHUNK // len(score))
    for first in range(0, draws, step):
        event = rng.random((min(step, draws - first), len(score))) < score
        yield [np.add.reduceat(event, start, axis=1, dtype=np.intp) for start in starts]


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


def _bin(score: NDArray[np.float64], bins: int, binning: Binning) -> NDArray[np.intp]:
    """Index of each score's bin, rising with the score; no number is left out where bins have equal mass."""
    if bins < 1:
        raise ParameterError(f"bins is {bins}: use at least one")
    if binning == "width":  # the number of inner edges that lie strictly below the score
        return np.searchsorted(np.arange(1, bins) / bins, score, side="left")
    if binning != "mass":
        raise ParameterError(f'binning is {binning!r}: use "width" or "mass"')
    _, place, count = np.unique(score, return_inverse=True, return_counts=True)
    middle = np.cumsum(count) - count / 2
    _, numbered = np.unique((bins * middle / len(score)).astype(np.intp), return_inverse=True)
    index: NDArray[np.intp] = numbered[place]
    return index
