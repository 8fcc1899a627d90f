"""Split conformal prediction: sets of labels that hold the true one as often as was asked."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from l0gm.errors import ParameterError
from l0gm.metrics.classification import check_labels, check_proba, check_weight

__all__ = ["COVERAGES", "ConformalSets"]

COVERAGES: tuple[float, ...] = (*(k / 200 for k in range(100, 200)), 0.999)
"""The coverages that have a threshold: from 50 % to 99.5 % in steps of half a per cent, and 99.9 %."""

SLACK = 1e-5
"""Probabilities this much below a threshold still count: a compacted model may be off by as much."""


@dataclass(frozen=True)
class ConformalSets:
    """All labels whose probability reaches a threshold, which was set on rows that training has not seen.

    The score of a row is 1 less the probability of its true label (Sadinle, Lei and Wasserman, 2019). With n
    calibration rows the set for coverage c takes every label whose score is at most the ceil((n + 1) c)-th smallest
    one. Then a new row's label is in its set with a probability of at least c, and of at most c + 1 / (n + 1) where
    no scores are equal, **on average over rows**, whatever the model: if calibration rows and new rows are
    exchangeable, that is come from one place and time. It is no statement on single rows, groups or classes; a rare
    class is often covered less. At coverages below the accuracy a set may be empty: then no label is as probable as
    true ones usually are.

    Probabilities are to be such as do not depend on the calibration rows: raw ones, not those of a calibrator that
    was fitted on the same rows.

    Attributes
    ----------
    n_rows : int
        Calibration rows.
    thresholds : tuple of float
        Probabilities, for as many of :data:`COVERAGES` as n_rows suffice for; they do not rise.

    Raises
    ------
    ParameterError
        If the two do not fit together.
    """

    n_rows: int
    thresholds: tuple[float, ...]

    def __post_init__(self) -> None:
        if type(self.n_rows) is not int or not 0 <= self.n_rows <= 2**53:
            raise ParameterError(f"n_rows is {self.n_rows!r}: a number of rows is needed")
        t = self.thresholds
        if not isinstance(t, tuple) or any(type(x) not in (int, float) or not 0 <= x <= 1.001 for x in t):
            raise ParameterError("thresholds are numbers from 0 to 1")
        if len(t) != len(_attainable(self.n_rows)) or any(a < b for a, b in pairwise(t)):
            raise ParameterError(f"{self.n_rows} rows give {len(_attainable(self.n_rows))} thresholds that do not rise")

    @classmethod
    def fit(cls, proba: ArrayLike, y: ArrayLike, *, sample_weight: ArrayLike | None = None) -> Self:
        """Return the thresholds that these rows set.

        Parameters
        ----------
        proba : array_like, shape (n, C)
        y : array_like of int, shape (n,)
            Class indices.
        sample_weight : array_like, shape (n,), optional
            Rows of weight 0 are left out; all others count alike, since the coverage counts rows.

        Raises
        ------
        DataError
            If an input cannot be used; see :mod:`l0gm.metrics.classification`.
        """
        p = check_proba(proba)
        labels = check_labels(y, p)
        counted = check_weight(sample_weight, len(p)) > 0
        of_label = -np.sort(-p[np.arange(len(p)), labels][counted].astype(np.float64))
        n = len(of_label)
        return cls(n, tuple(float(of_label[_rank(n, c) - 1]) for c in _attainable(n)))

    def threshold(self, coverage: float) -> float:
        """Return the probability that a label of the set has to reach.

        Parameters
        ----------
        coverage : float
            From 0.5; one that :data:`COVERAGES` does not list counts as the next higher one, which it implies.

        Raises
        ------
        ParameterError
            If it is out of range, or the calibration rows are too few for it.
        """
        if isinstance(coverage, bool) or not isinstance(coverage, int | float) or not 0.5 <= coverage < 1:
            raise ParameterError(f"coverage={coverage!r}: a share from 0.5 to below 1 is needed")
        place = int(np.searchsorted(COVERAGES, coverage - 1e-12))
        if place < len(self.thresholds):
            return self.thresholds[place]
        if not self.thresholds:
            raise ParameterError(f"coverage={coverage}: {self.n_rows} calibration rows are too few for any coverage")
        raise ParameterError(
            f"coverage={coverage}: {self.n_rows} calibration rows allow for {COVERAGES[len(self.thresholds) - 1]:g} at "
            "most; ask for less, or calibrate on more rows"
        )

    def sets(self, proba: ArrayLike, coverage: float = 0.9) -> NDArray[np.bool_]:
        """Return which labels are in each row's set, bool (n, C).

        Raises
        ------
        DataError
            If ``proba`` cannot be used.
        ParameterError
            See :meth:`threshold`.
        """
        least = self.threshold(coverage) - SLACK
        p = np.asarray(proba)
        chosen: NDArray[np.bool_] = (check_proba(p) if len(p) else p) >= least
        return chosen

    def to_dict(self) -> dict[str, Any]:
        """Return what :meth:`from_dict` needs, ready for JSON."""
        return {"n_rows": self.n_rows, "thresholds": list(self.thresholds)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Rebuild the sets.

        Raises
        ------
        ParameterError
            If ``values`` is not in the form that :meth:`to_dict` writes.
        """
        if not isinstance(values, Mapping) or values.keys() != {"n_rows", "thresholds"}:
            raise ParameterError("conformal sets have n_rows and thresholds, and nothing else")
        thresholds = values["thresholds"]
        return cls(values["n_rows"], tuple(thresholds) if isinstance(thresholds, list) else thresholds)

    @property
    def most(self) -> float | None:
        """The highest coverage that the calibration rows suffice for; None where there is none."""
        return COVERAGES[len(self.thresholds) - 1] if self.thresholds else None


def _rank(n: int, coverage: float) -> int:
    return math.ceil((n + 1) * coverage - 1e-9)


def _attainable(n: int) -> tuple[float, ...]:
    """Return the coverages whose rank does not exceed ``n``."""
    return tuple(coverage for coverage in COVERAGES if _rank(n, coverage) <= n)
