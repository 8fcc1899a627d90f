"""Isotonic calibration: the rising curve that fits best, whatever its form."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from l0gm.calibration.base import check_numbers
from l0gm.calibration.one_vs_rest import Curve, OneVsRest
from l0gm.errors import ParameterError

__all__ = ["IsotonicCalibration", "IsotonicCurve"]

TINY = 1e-12  # less than any row's share, more than rounding


@dataclass(frozen=True)
class IsotonicCurve(Curve):
    """Straight lines between knots: rising scores in [0, 1], and values in [0, 1] that do not fall."""

    scores: tuple[float, ...]
    values: tuple[float, ...]

    def __post_init__(self) -> None:
        check_numbers("scores", self.scores)
        check_numbers("values", self.values)
        if not 1 <= len(self.scores) == len(self.values):
            raise ParameterError(f"{len(self.scores)} scores and {len(self.values)} values: one a knot are needed")
        scores, values = self._knots
        rising = (np.diff(scores) > 0).all() and (np.diff(values) >= 0).all()
        if not rising or scores[0] < 0 or values[0] < 0 or values[-1] > 1:
            raise ParameterError("knots have scores from 0 on that rise and values from 0 to 1 that do not fall")

    @cached_property
    def _knots(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return np.array(self.scores, dtype=np.float64), np.array(self.values, dtype=np.float64)

    @classmethod
    def fit(cls, score: NDArray[np.float64], event: NDArray[np.bool_], weight: NDArray[np.float64]) -> Self:
        """Return the knots of scikit-learn's isotonic regression, certainties excepted.

        A lowest block without events would say 0 and a highest one of events alone 1. They say instead what the
        rule of succession makes of their n rows, 1 / (n + 2) and (n + 1) / (n + 2), but never what their
        neighbours exceed.
        """
        from sklearn.isotonic import IsotonicRegression

        found = IsotonicRegression().fit(score, event.astype(np.float64), sample_weight=weight)
        scores, values = found.X_thresholds_, found.y_thresholds_.copy()
        level = np.interp(score, scores, values)
        never, always = values < TINY, values > 1 - TINY
        if never.any():
            least = 1 / (weight[level < TINY].sum() + 2)
            values[never] = min(least, values[~never].min(initial=least))
        if always.any():
            n = weight[level > 1 - TINY].sum()
            most = (n + 1) / (n + 2)
            values[always] = max(most, values[~always].max(initial=most))
        return cls(tuple(scores.tolist()), tuple(values.tolist()))

    @classmethod
    def identity(cls) -> Self:
        """Return the diagonal."""
        return cls((0.0, 1.0), (0.0, 1.0))

    def __call__(self, score: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the calibrated probabilities; beyond the outer knots they stay what they are there."""
        return np.interp(score, *self._knots)

    def __str__(self) -> str:
        return f"{len(self.scores)} knots"


@dataclass(frozen=True)
class IsotonicCalibration(OneVsRest):
    """Isotonic regression of the outcome on the score (Zadrozny and Elkan, 2002), straight between its knots.

    It assumes nothing but that more is more, and pays with variance: below about 1,000 rows the parametric
    methods are usually better (Niculescu-Mizil and Caruana, 2005). Rows of one block share one probability, so
    that the AUC may change. Fitting needs scikit-learn.
    """

    kind: ClassVar[str] = "isotonic"
    curve: ClassVar[type[Curve]] = IsotonicCurve
