"""Methods that are made for two classes, on any number of them: a curve a class, rows normalised again."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from l0gm.calibration.base import Calibrator, check_keys, effective
from l0gm.errors import DataError, ParameterError
from l0gm.metrics.classification import check_labels, check_proba, check_weight

__all__ = ["EPSILON", "Curve", "OneVsRest", "logarithms"]

EPSILON = 2.0**-52
"""No class's calibrated probability, before rows are normalised, lies nearer to 0 or 1 than this."""


@dataclass(frozen=True)
class Curve(ABC):
    """A map from the probability of one class to its calibrated probability; it never falls.

    Its fields are numbers and tuples of numbers, checked when it is made, and are all that a file keeps.
    """

    @classmethod
    @abstractmethod
    def fit(cls, score: NDArray[np.float64], event: NDArray[np.bool_], weight: NDArray[np.float64]) -> Self:
        """Return the curve for rows of both kinds.

        Parameters
        ----------
        score : float64 (n,)
            The class's probability.
        event : bool (n,)
            Whether the row is of the class.
        weight : float64 (n,)
            Above 0; they sum to the number of equally weighted rows that these rows are worth.
        """

    @classmethod
    @abstractmethod
    def identity(cls) -> Self:
        """Return the curve that changes nothing, for a class of which the rows hold none, or nothing else."""

    @abstractmethod
    def __call__(self, score: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the calibrated probabilities, float64 of the same shape."""

    @classmethod
    def from_dict(cls, values: Any) -> Self:
        """Rebuild the curve from what ``dataclasses.asdict`` made of it.

        Raises
        ------
        ParameterError
            If a field is missing, left over or unusable.
        """
        check_keys(f"a curve of {cls.__name__}", values, {field.name for field in fields(cls)})
        return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in values.items()})


@dataclass(frozen=True)
class OneVsRest(Calibrator):
    """One curve for the second of two classes, or one for each of more (Zadrozny and Elkan, 2002).

    With two classes the order of rows never reverses, but they may move to the other side of 1/2, and with more
    classes rows are normalised after each class was calibrated for itself: unlike temperature scaling, these
    methods can change which class is the most probable one, and so the accuracy.

    A class that has no row, or all rows, among those of fit keeps its probabilities: nothing speaks for another
    curve. In double precision no probability is 0 or 1 afterwards, so that the log loss stays finite.

    Attributes
    ----------
    curves : tuple of Curve
        One for two classes, else one a class.

    Raises
    ------
    ParameterError
        If there are no curves, or two.
    """

    curves: tuple[Curve, ...]

    curve: ClassVar[type[Curve]]

    def __post_init__(self) -> None:
        if not isinstance(self.curves, tuple) or len(self.curves) in (0, 2):
            raise ParameterError("curves: one for two classes, or one for each of three or more")

    @classmethod
    def fit(cls, proba: ArrayLike, y: ArrayLike, *, sample_weight: ArrayLike | None = None) -> Self:
        """Return the curves that suit these rows; see :meth:`l0gm.calibration.Calibrator.fit`."""
        p = check_proba(proba)
        labels = check_labels(y, p)
        weight = check_weight(sample_weight, len(p))
        counted = weight > 0
        scores, labels, weight = p[counted].astype(np.float64), labels[counted], effective(weight[counted])
        classes = [1] if p.shape[1] == 2 else range(p.shape[1])
        return cls(tuple(_fit(cls.curve, scores[:, k], labels == k, weight) for k in classes))

    def apply(self, proba: ArrayLike) -> NDArray[Any]:
        """Return the calibrated probabilities; see :meth:`l0gm.calibration.Calibrator.apply`."""
        p = self.check(proba)
        scores = p.astype(np.float64)
        if len(self.curves) == 1:
            second = np.clip(self.curves[0](scores[:, 1]), EPSILON, 1 - EPSILON)
            return np.column_stack([1 - second, second]).astype(p.dtype)
        each = np.column_stack([curve(scores[:, k]) for k, curve in enumerate(self.curves)])
        each = np.clip(each, EPSILON, 1 - EPSILON)
        normalised: NDArray[Any] = (each / each.sum(axis=1, keepdims=True)).astype(p.dtype)
        return normalised

    def check(self, proba: ArrayLike) -> NDArray[np.floating[Any]]:
        """Return probabilities of as many classes as were fitted.

        Raises
        ------
        DataError
            If they are unusable or of another number of classes.
        """
        p = check_proba(proba)
        if p.shape[1] != self.n_classes:
            raise DataError(f"proba has {p.shape[1]} columns, and this calibrator was fitted for {self.n_classes}")
        return p

    @property
    def n_classes(self) -> int:
        """The number of classes that it was fitted for."""
        return 2 if len(self.curves) == 1 else len(self.curves)

    def to_dict(self) -> dict[str, Any]:
        """Return ``kind`` and ``curves``, ready for JSON."""
        curves = [
            {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(curve).items()}
            for curve in self.curves
        ]
        return {"kind": self.kind, "curves": curves}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Rebuild the calibrator.

        Raises
        ------
        ParameterError
            If ``values`` is not in the form that :meth:`to_dict` writes.
        """
        check_keys(f"calibration of kind {cls.kind}", values, {"kind", "curves"})
        if values["kind"] != cls.kind or not isinstance(values["curves"], list):
            raise ParameterError(f"calibration of kind {cls.kind} has a list of curves")
        return cls(tuple(cls.curve.from_dict(curve) for curve in values["curves"]))

    def __str__(self) -> str:
        return f"{self.kind}, {len(self.curves)} curves" if len(self.curves) > 1 else f"{self.kind}, {self.curves[0]}"


def logarithms(score: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the logarithms of a probability and of its complement, finite for 0 and 1 as well."""
    inner = np.clip(score, EPSILON, 1 - EPSILON)
    return np.log(inner), np.log1p(-inner)


def _fit(
    curve: type[Curve], score: NDArray[np.float64], event: NDArray[np.bool_], weight: NDArray[np.float64]
) -> Curve:
    return curve.identity() if event.all() or not event.any() else curve.fit(score, event, weight)
