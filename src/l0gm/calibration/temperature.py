"""Temperature scaling: one number that softens or sharpens all probabilities and never reorders them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from l0gm.calibration.base import Calibrator, check_keys, effective
from l0gm.errors import ParameterError
from l0gm.metrics.classification import check_labels, check_proba, check_weight

__all__ = ["TemperatureScaling"]

_FLOOR = float(np.finfo(np.float32).tiny)  # probabilities below 1.2e-38, 0 among them, count as this


@dataclass(frozen=True)
class TemperatureScaling(Calibrator):
    """Divide all log-probabilities by one temperature and normalise again (Guo et al., 2017).

    A softmax forgets a constant added to a row's logits, and log-probabilities are logits up to such a
    constant, so probabilities are all that is needed. The order of the classes within a row never changes,
    and neither does the accuracy.

    Attributes
    ----------
    temperature : float
        Above 1 softens, below 1 sharpens, 1 leaves the probabilities as they are.

    Raises
    ------
    ParameterError
        If ``temperature`` is not a finite positive number.

    Examples
    --------
    >>> scaling = TemperatureScaling(2.0)
    >>> scaling.apply([[0.1, 0.9]]).round(2).tolist()
    [[0.25, 0.75]]
    """

    temperature: float = 1.0

    kind: ClassVar[str] = "temperature"
    bounds: ClassVar[tuple[float, float]] = (0.05, 20.0)
    """Range of fitted temperatures: an end is reached where the model is worse than chance, or right by a margin
    that is far too small."""

    def __post_init__(self) -> None:
        t = self.temperature
        if isinstance(t, bool) or not isinstance(t, (int, float)) or not (math.isfinite(t) and t > 0):
            raise ParameterError(f"temperature is {t!r}: pass a finite number above 0")

    @classmethod
    def fit(cls, proba: ArrayLike, y: ArrayLike, *, sample_weight: ArrayLike | None = None) -> Self:
        """Return the scaling with the smallest log loss on these rows, which training must not have seen.

        As with Platt's targets, one row in n + 2 counts as wrong: its label's share 1 / (n + 2) goes to the other
        classes. So rows that are all right do not ask for certainty: n rows of one odds end at those of the rule
        of succession. The loss is convex in 1 / temperature, so its slope changes sign once; bisection on log
        temperature finds where.

        Parameters
        ----------
        proba : array_like, shape (n, C)
            For logits, pass their softmax.
        y : array_like of int, shape (n,)
            Class indices.
        sample_weight : array_like, shape (n,), optional

        Raises
        ------
        DataError
            If an input cannot be used; see :mod:`l0gm.metrics.classification`.
        """
        p = check_proba(proba)
        labels = check_labels(y, p)
        weight = effective(check_weight(sample_weight, len(p)))
        logit = _log(p)
        of_label = logit[np.arange(len(p)), labels]
        of_others = (logit.sum(axis=1) - of_label) / (p.shape[1] - 1)
        wrong = 1 / (weight.sum() + 2)
        observed = (1 - wrong) * of_label + wrong * of_others

        def slope(temperature: float) -> float:
            """Derivative of the mean loss by 1 / temperature: positive where it should be warmer."""
            expected = (_softmax(logit / temperature) * logit).sum(axis=1)
            return float(np.average(expected - observed, weights=weight))

        if slope(1.0) == 0:  # already best; the only answer for rows that are all uniform
            return cls(1.0)
        low, high = (math.log(bound) for bound in cls.bounds)
        for _ in range(50):
            middle = (low + high) / 2
            if slope(math.exp(middle)) > 0:
                low = middle
            else:
                high = middle
        return cls(math.exp((low + high) / 2))

    def apply(self, proba: ArrayLike) -> NDArray[np.floating[Any]]:
        """Return the scaled probabilities, shape (n, C): float32 for float32, float64 otherwise.

        Raises
        ------
        DataError
            If ``proba`` cannot be used; see :func:`l0gm.metrics.classification.check_proba`.
        """
        p = check_proba(proba)
        return _softmax(_log(p) / self.temperature).astype(p.dtype)

    @property
    def n_classes(self) -> None:
        """None: a temperature suits any number of classes."""

    def to_dict(self) -> dict[str, Any]:
        """Return ``kind`` and ``temperature``, ready for JSON."""
        return {"kind": self.kind, "temperature": self.temperature}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Rebuild the scaling.

        Raises
        ------
        ParameterError
            If ``values`` is not in the form that :meth:`to_dict` writes.
        """
        check_keys("temperature scaling", values, {"kind", "temperature"})
        if values["kind"] != cls.kind:
            raise ParameterError(f"temperature scaling is of kind {cls.kind!r}, not {values['kind']!r}")
        return cls(values["temperature"])

    def __str__(self) -> str:
        return f"temperature {self.temperature:.4f}"


def _log(p: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Log-probabilities in float64, shifted so that each row's largest is 0."""
    logit = np.log(np.maximum(p, _FLOOR, dtype=np.float64))
    shifted: NDArray[np.float64] = logit - logit.max(axis=1, keepdims=True)
    return shifted


def _softmax(logit: NDArray[np.float64]) -> NDArray[np.float64]:
    """Softmax of rows whose largest entry is 0."""
    exp = np.exp(logit)
    normalised: NDArray[np.float64] = exp / exp.sum(axis=1, keepdims=True)
    return normalised
