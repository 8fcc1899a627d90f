"""What every method of calibration offers, and the checks that they share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from l0gm.errors import ParameterError

__all__ = ["Calibrator", "check_keys", "check_number", "check_numbers", "effective"]

LARGEST = 1e100


class Calibrator(ABC):
    """A map from probabilities to probabilities that was fitted on rows which training has not seen."""

    kind: ClassVar[str]
    """The method's name, in arguments and in files."""

    @classmethod
    @abstractmethod
    def fit(cls, proba: ArrayLike, y: ArrayLike, *, sample_weight: ArrayLike | None = None) -> Self:
        """Return the map that suits these rows.

        Parameters
        ----------
        proba : array_like, shape (n, C)
        y : array_like of int, shape (n,)
            Class indices.
        sample_weight : array_like, shape (n,), optional
            Only ratios matter; rows of weight 0 count as absent.

        Raises
        ------
        DataError
            If an input cannot be used; see :mod:`l0gm.metrics.classification`.
        """

    @abstractmethod
    def apply(self, proba: ArrayLike) -> NDArray[Any]:
        """Return the calibrated probabilities, shape (n, C): float32 for float32, float64 otherwise.

        Raises
        ------
        DataError
            If ``proba`` cannot be used, or has another number of classes than the rows of fit.
        """

    @property
    @abstractmethod
    def n_classes(self) -> int | None:
        """The number of classes that it was fitted for; None where any will do."""

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """Return ``kind`` and what :meth:`from_dict` needs, ready for JSON; floats come back to the last bit."""

    @classmethod
    @abstractmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Rebuild the map.

        Raises
        ------
        ParameterError
            If ``values`` is not in the form that :meth:`to_dict` writes.
        """

    @abstractmethod
    def __str__(self) -> str:
        """Return the method and its numbers in a few words."""


def check_number(name: str, value: Any) -> None:
    """Raise ParameterError unless ``value`` is a number, and so small that no later product overflows."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= LARGEST:
        raise ParameterError(f"{name} is {value!r}: a number of at most {LARGEST:g} is needed")


def check_numbers(name: str, values: Any) -> None:
    """Raise ParameterError unless ``values`` is a tuple of such numbers."""
    if not isinstance(values, tuple):
        raise ParameterError(f"{name} is {values!r}: a list of numbers is needed")
    for value in values:
        check_number(f"one of {name}", value)


def check_keys(what: str, values: Any, keys: set[str]) -> None:
    """Raise ParameterError unless ``values`` is a mapping with these keys and no other."""
    if not isinstance(values, Mapping) or values.keys() != keys:
        found = sorted(map(str, values)) if isinstance(values, Mapping) else repr(values)
        raise ParameterError(f"{what} has the keys {sorted(keys)}, not {found}")


def effective(weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scale weights so that they sum to the number of equal rows of the same precision (Kish, 1965)."""
    scaled = weight / weight.max()
    worth: NDArray[np.float64] = scaled * (scaled.sum() / (scaled**2).sum())
    return worth
