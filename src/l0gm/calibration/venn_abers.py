"""Inductive Venn-Abers prediction: two isotonic fits for each row, one for either answer that it may have."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from l0gm.calibration.base import check_numbers
from l0gm.calibration.one_vs_rest import Curve, OneVsRest
from l0gm.errors import ParameterError

__all__ = ["VennAbers", "VennAbersCurve"]

TINY = 1e-12  # less than any row's share, more than rounding
SLACK = 1e-6
"""Scores this near to a calibration row's count as equal to it: a compacted model's differ by less."""


@dataclass(frozen=True)
class VennAbersCurve(Curve):
    """Two step functions of the score, p0 and p1, that do not fall.

    Attributes
    ----------
    low_from, low : tuple of float
        p0 is ``low[i]`` from score ``low_from[i]`` on, and 0 before the first.
    high_to, high : tuple of float
        p1 is ``high[i]`` up to score ``high_to[i]``, and 1 beyond the last.
    """

    low_from: tuple[float, ...]
    low: tuple[float, ...]
    high_to: tuple[float, ...]
    high: tuple[float, ...]

    def __post_init__(self) -> None:
        for places, values in (("low_from", "low"), ("high_to", "high")):
            at, value = getattr(self, places), getattr(self, values)
            check_numbers(places, at)
            check_numbers(values, value)
            if len(at) != len(value) or (np.diff(at) <= 0).any() or (np.diff(value) < 0).any():
                raise ParameterError(f"{places} and {values}: as many of each, the first rise, the others do not fall")
            if value and not 0 <= value[0] <= value[-1] <= 1:
                raise ParameterError(f"{values} lies between {value[0]} and {value[-1]}: use values from 0 to 1")

    @cached_property
    def _steps(self) -> tuple[NDArray[np.float64], ...]:
        low, high = np.array([0.0, *self.low]), np.array([*self.high, 1.0])
        return np.array(self.low_from, dtype=np.float64), low, np.array(self.high_to, dtype=np.float64), high

    @classmethod
    def fit(cls, score: NDArray[np.float64], event: NDArray[np.bool_], weight: NDArray[np.float64]) -> Self:
        """Return p0 and p1 at the rows' scores: all there is, as both are constant in between.

        Scores are rounded to 7 digits and values to 9, which halves the file and is less than the slack.
        """
        at, place = np.unique(score.round(7), return_inverse=True)
        total = np.bincount(place, weights=weight)
        low, high = (p.round(9) for p in _low_and_high(np.bincount(place, weights=weight * event), total))
        first = np.flatnonzero(np.diff(low, prepend=-1.0) > TINY)  # of each run of equal values
        last = np.flatnonzero(np.diff(high, append=2.0) > TINY)
        return cls(*(tuple(array.tolist()) for array in (at[first], low[first], at[last], high[last])))

    @classmethod
    def identity(cls) -> Self:
        """Return no step at all: p0 is 0 and p1 is 1 everywhere, which says nothing; see :meth:`__call__`."""
        return cls((), (), (), ())

    def bounds(self, score: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return (p0, p1): the calibrated probability if the row is not of the class, and if it is."""
        low_from, low, high_to, high = self._steps
        p0 = low[np.searchsorted(low_from, score + SLACK, side="right")]
        p1 = high[np.searchsorted(high_to, score - SLACK, side="left")]
        return p0, np.maximum(p0, p1)

    def __call__(self, score: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return p1 / (1 - p0 + p1), the merged probability of least regret in log loss; the score without steps."""
        if not self.low and not self.high:
            return score
        p0, p1 = self.bounds(score)
        merged: NDArray[np.float64] = p1 / (1 - p0 + p1)
        return merged

    def __str__(self) -> str:
        return f"{len(self.low) + len(self.high)} steps"


@dataclass(frozen=True)
class VennAbers(OneVsRest):
    """Inductive Venn-Abers prediction (Vovk, Petej and Fedorova, 2015).

    For a row with score s, isotonic regression is fitted to the calibration rows and (s, 0), and to the
    calibration rows and (s, 1); its values at s are p0 and p1. If the rows are exchangeable, one of the two is
    perfectly calibrated, whatever the model and however few the rows; the distance between them says how little
    the calibration rows know about such a score. :meth:`apply` merges them to one probability, which is never 0
    or 1; :meth:`intervals` gives both. Row weights are honoured, but the guarantee is for equal ones.

    Calibration rows' scores, no other part of them, are kept where a step begins or ends.
    """

    kind: ClassVar[str] = "venn_abers"
    curve: ClassVar[type[Curve]] = VennAbersCurve

    def intervals(self, proba: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the smaller and the larger of the two probabilities of each class, float64 (n, C) both.

        Raises
        ------
        DataError
            If ``proba`` cannot be used.
        """
        scores = self.check(proba).astype(np.float64)
        if len(self.curves) == 1:
            p0, p1 = self._bounds(0, scores[:, 1])
            return np.column_stack([1 - p1, p0]), np.column_stack([1 - p0, p1])
        both = [self._bounds(k, scores[:, k]) for k in range(len(self.curves))]
        return np.column_stack([p0 for p0, _ in both]), np.column_stack([p1 for _, p1 in both])

    def _bounds(self, k: int, score: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        curve = self.curves[k]
        assert isinstance(curve, VennAbersCurve)
        return curve.bounds(score)


def _low_and_high(event: NDArray[Any], total: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return p0 and p1 at each of m rising scores, float64 (m,) both.

    Parameters
    ----------
    event, total : float64 (m,)
        The weight of events, and of all rows, at each score.

    Notes
    -----
    Adding a row at score j leaves the pooled blocks of the scores below j and of those above j as they are; only
    the block around j grows, by whole neighbours, until both are on the right side of it. The last block of the
    first j scores and the first block of the last m - j are known for every j from one pass in each direction, so
    no regression is fitted again.
    """
    rows, events = total.tolist(), event.tolist()
    below = _last_blocks(rows, events)
    mirrored = _last_blocks(rows[::-1], [n - e for n, e in zip(rows[::-1], events[::-1], strict=True)])
    last = len(rows) - 1
    above = [(n, n - e, last - start) for n, e, start in reversed(mirrored)]

    def value(j: int, answer: int) -> float:
        n, e = rows[j] + 1, events[j] + answer
        left, right = j - 1, j + 1
        while True:
            if left >= 0 and below[left][1] * n >= e * below[left][0]:
                more, extra, start = below[left]
                left = start - 1
            elif right <= last and above[right][1] * n <= e * above[right][0]:
                more, extra, end = above[right]
                right = end + 1
            else:
                return float(e / n)
            n, e = n + more, e + extra

    low, high = (np.array([value(j, answer) for j in range(len(rows))]) for answer in (0, 1))
    return np.maximum.accumulate(low), np.maximum.accumulate(high)  # they do not fall; rounding may


def _last_blocks(rows: list[float], events: list[float]) -> list[tuple[float, float, int]]:
    """Return, for each j, the last pooled block of the scores up to j: its rows, its events, where it starts."""
    blocks: list[tuple[float, float, int]] = []
    for j, (n, e) in enumerate(zip(rows, events, strict=True)):
        start = j
        while start > 0 and blocks[start - 1][1] * n >= e * blocks[start - 1][0]:
            more, extra, before = blocks[start - 1]
            n, e, start = n + more, e + extra, before  # noqa: PLW2901  # the pool takes in the one before
        blocks.append((n, e, start))
    return blocks
