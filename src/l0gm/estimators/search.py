"""``active="auto"``: the smallest model that the validation rows cannot tell from the dense one."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["FRACTIONS", "Fitted", "Trial", "smallest"]

FRACTIONS = (0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.22, 0.32, 0.45, 0.65)
"""What is tried: each about half as large again as the one before."""

Model = TypeVar("Model")


@dataclass(frozen=True)
class Fitted(Generic[Model]):
    """A model with its log loss on each validation row, float64 (n,)."""

    model: Model
    n_open: int
    losses: NDArray[np.float64]


@dataclass(frozen=True)
class Trial:
    """One model beside the dense one.

    Parameters
    ----------
    active : float
        Fraction asked for; 1 is the dense model itself.
    n_open : int
    log_loss : float
        Mean over the validation rows.
    excess : float
        How far that is above the dense model's.
    standard_error : float
        Of ``excess``, from the rows' differences.
    """

    active: float
    n_open: int
    log_loss: float
    excess: float
    standard_error: float

    @property
    def good(self) -> bool:
        """Whether the log loss is within one standard error of the dense model's."""
        return self.excess <= self.standard_error

    def to_dict(self) -> dict[str, Any]:
        """Return the figures and whether they are good."""
        return {**asdict(self), "good": self.good}


def smallest(
    dense: Fitted[Model],
    fit: Callable[[float], Fitted[Model]],
    counts: Callable[[float], int],
    weight: ArrayLike | None = None,
) -> tuple[Model, list[Trial]]:
    """Return the smallest model within one standard error of the dense one, and what was tried, in order.

    The one-standard-error rule (Breiman et al. 1984, section 3.4.3) with the standard error of the DIFFERENCE
    between two models on the same rows: that of one model's own loss is mostly the noise of the labels, which both
    share, and would let much worse models pass. The fractions are bisected, so that about four models are fitted
    beside the dense one; where the loss does not fall with the size, a smaller model may be overlooked.

    Parameters
    ----------
    dense : Fitted
    fit : callable
        From a fraction to the fitted model.
    counts : callable
        From a fraction to how many dimensions it leaves open; fractions of equal counts are tried once.
    weight : array_like (n,), optional
        Of the validation rows.
    """
    fractions = list({counts(fraction): fraction for fraction in reversed(FRACTIONS)}.values())[::-1]
    best = dense.model
    trials = [_compare(1.0, dense, dense, weight)]
    low, high = 0, len(fractions)  # the first good one lies in [low, high]
    while low < high:
        middle = (low + high) // 2
        fitted = fit(fractions[middle])
        trials.append(_compare(fractions[middle], fitted, dense, weight))
        if trials[-1].good:
            best, high = fitted.model, middle
        else:
            low = middle + 1
    return best, trials


def _compare(active: float, fitted: Fitted[Any], dense: Fitted[Any], weight: ArrayLike | None) -> Trial:
    difference = fitted.losses - dense.losses
    w = np.ones(len(difference)) if weight is None else np.asarray(weight, dtype=np.float64)
    excess = float(np.average(difference, weights=w))
    error = math.sqrt(float((w**2 * (difference - excess) ** 2).sum())) / float(w.sum())
    return Trial(active, fitted.n_open, float(np.average(fitted.losses, weights=w)), excess, error)
