"""Platt scaling: a slope and an intercept on the logit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from l0gm.calibration.base import check_number
from l0gm.calibration.logistic import logistic, sigmoid
from l0gm.calibration.one_vs_rest import Curve, OneVsRest, logarithms
from l0gm.errors import ParameterError

__all__ = ["PlattCurve", "PlattScaling"]


@dataclass(frozen=True)
class PlattCurve(Curve):
    """sigmoid(slope * logit + intercept), with a slope that is not negative."""

    slope: float
    intercept: float

    def __post_init__(self) -> None:
        check_number("slope", self.slope)
        check_number("intercept", self.intercept)
        if self.slope < 0:
            raise ParameterError(f"slope is {self.slope}: calibration does not reverse the order, use 0 or more")

    @classmethod
    def fit(cls, score: NDArray[np.float64], event: NDArray[np.bool_], weight: NDArray[np.float64]) -> Self:
        """Return the curve of the smallest log loss."""
        inside, outside = logarithms(score)
        (slope,), intercept = logistic((inside - outside)[:, None], event, weight)
        return cls(float(slope), intercept)

    @classmethod
    def identity(cls) -> Self:
        """Return slope 1, intercept 0."""
        return cls(1.0, 0.0)

    def __call__(self, score: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the calibrated probabilities."""
        inside, outside = logarithms(score)
        return sigmoid(self.slope * (inside - outside) + self.intercept)

    def __str__(self) -> str:
        return f"slope {self.slope:.4f}, intercept {self.intercept:.4f}"


@dataclass(frozen=True)
class PlattScaling(OneVsRest):
    """A logistic regression on the logit, with Platt's smoothed targets (Platt, 1999).

    The smoothing keeps the fit finite where the scores separate the classes. Use it where the model is too sure or
    not sure enough, and shifted as well; temperature scaling has no shift.

    Examples
    --------
    >>> scaling = PlattScaling((PlattCurve(2.0, 0.0),))
    >>> scaling.apply([[0.75, 0.25]]).round(2).tolist()
    [[0.9, 0.1]]
    """

    kind: ClassVar[str] = "platt"
    curve: ClassVar[type[Curve]] = PlattCurve
