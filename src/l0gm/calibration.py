"""Post-hoc scaling: one temperature, fitted on held-out rows, that softens or sharpens probabilities."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from l0gm.errors import ParameterError
from l0gm.metrics.classification import check_labels, check_proba, check_weight

__all__ = ["TemperatureScaling"]

_FLOOR = float(np.finfo(np.float32).tiny)  # probabilities below 1.2e-38, 0 among them, count as this


@dataclass(frozen=True)
class TemperatureScaling:
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

    bounds: ClassVar[tuple[float, float]] = (0.05, 20.0)
    """Range of fitted temperatures: one end is reached when every row is right, or the model is worse than
    chance, where the loss has no minimum."""

    def __post_init__(self) -> None:
        t = self.temperature
        if isinstance(t, bool) or not isinstance(t, (int, float)) or not (math.isfinite(t) and t > 0):
            raise ParameterError(f"temperature is {t!r}: pass a finite number above 0")

    @classmethod
    def fit(cls, proba: ArrayLike, y: ArrayLike, *, sample_weight: ArrayLike | None = None) -> Self:
        """Return the scaling with the smallest log loss on these rows, which training must not have seen.

        The loss is convex in 1 / temperature, so its slope changes sign once; bisection on log temperature
        finds where. It starts from ``bounds``, which hold 1: the fitted loss never exceeds the raw one.

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
        weight = check_weight(sample_weight, len(p))
        logit = _log(p)
        of_label = logit[np.arange(len(p)), labels]

        def slope(temperature: float) -> float:
            """Derivative of the mean loss by 1 / temperature: positive where it should be warmer."""
            expected = (_softmax(logit / temperature) * logit).sum(axis=1)
            return float(np.average(expected - of_label, weights=weight))

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

    def to_dict(self) -> dict[str, float]:
        """Return what :meth:`from_dict` needs, ready for JSON."""
        return {"temperature": self.temperature}

    @classmethod
    def from_dict(cls, values: Mapping[str, float]) -> Self:
        """Rebuild the scaling.

        Raises
        ------
        ParameterError
            If ``temperature`` is missing, or the keys are not those of :meth:`to_dict`, or its value is bad.
        """
        if values.keys() != {"temperature"}:
            raise ParameterError(f"a temperature scaling has the key 'temperature' alone, not {sorted(values)}")
        return cls(values["temperature"])


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
