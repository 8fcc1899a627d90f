"""Beta calibration: Platt scaling with a slope of its own for each end of the scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from l0gm.calibration.base import check_number
from l0gm.calibration.logistic import logistic, sigmoid
from l0gm.calibration.one_vs_rest import Curve, OneVsRest, logarithms
from l0gm.errors import ParameterError

__all__ = ["BetaCalibration", "BetaCurve"]


@dataclass(frozen=True)
class BetaCurve(Curve):
    """sigmoid(a * ln s - b * ln(1 - s) + c), with a and b that are not negative."""

    a: float
    b: float
    c: float

    def __post_init__(self) -> None:
        for name in ("a", "b", "c"):
            check_number(name, getattr(self, name))
        if self.a < 0 or self.b < 0:
            raise ParameterError(f"a and b are {self.a} and {self.b}: calibration does not reverse the order")

    @classmethod
    def fit(cls, score: NDArray[np.float64], event: NDArray[np.bool_], weight: NDArray[np.float64]) -> Self:
        """Return the curve of the smallest log loss."""
        inside, outside = logarithms(score)
        (a, b), c = logistic(np.column_stack([inside, -outside]), event, weight)
        return cls(float(a), float(b), c)

    @classmethod
    def identity(cls) -> Self:
        """Return a = b = 1, c = 0."""
        return cls(1.0, 1.0, 0.0)

    def __call__(self, score: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the calibrated probabilities."""
        inside, outside = logarithms(score)
        return sigmoid(self.a * inside - self.b * outside + self.c)

    def __str__(self) -> str:
        return f"a {self.a:.4f}, b {self.b:.4f}, c {self.c:.4f}"


@dataclass(frozen=True)
class BetaCalibration(OneVsRest):
    """The curve that is right if scores are beta-distributed in each class (Kull, Silva Filho and Flach, 2017).

    Fitted as the paper's three-parameter form, a logistic regression on ln s and -ln(1 - s), but with Platt's
    smoothed targets, which keep it finite, and with the exact minimum over a, b >= 0. Unlike Platt scaling it
    contains the identity and can bend one end of the scale alone.
    """

    kind: ClassVar[str] = "beta"
    curve: ClassVar[type[Curve]] = BetaCurve
