"""Logistic regression on one or two features whose slopes must not be negative: the core of Platt and beta."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

__all__ = ["logistic", "sigmoid"]

_RIDGE = 1e-6  # of one row, on standardised slopes: decides only where the rows do not


def logistic(
    features: NDArray[np.float64], event: NDArray[np.bool_], weight: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float]:
    """Return (slopes (k,), intercept) of the smallest log loss among slopes that are not negative.

    Targets are those of Platt (1999), (N+ + 1) / (N+ + 2) and 1 / (N- + 2) in place of 1 and 0, N being summed
    weights: what one more row of each kind would make certain. With them the minimum exists even where the
    features separate the rows. The loss is convex, so its minimum over slopes >= 0 is the best of the free minima
    on the faces of that cone that lie in it.

    Parameters
    ----------
    features : float64 (n, k)
    event : bool (n,)
        Some true, some false.
    weight : float64 (n,)
    """
    inside, outside = weight[event].sum(), weight[~event].sum()
    target = np.where(event, (inside + 1) / (inside + 2), 1 / (outside + 2))
    mean = np.average(features, axis=0, weights=weight)
    spread = np.sqrt(np.average((features - mean) ** 2, axis=0, weights=weight))
    scale = np.where(spread > 1e-12, spread, np.inf)  # a feature that does not vary says nothing
    design = np.column_stack([np.ones(len(features)), (features - mean) / scale])
    best, least = np.zeros(design.shape[1]), np.inf
    for used in itertools.product((True, False), repeat=features.shape[1]):
        free = np.array([True, *used])
        answer = np.zeros(len(free))
        answer[free], loss = _newton(design[:, free], target, weight)
        if (answer[1:] >= 0).all() and loss < least:
            best, least = answer, loss
    slopes = best[1:] / scale
    return slopes, float(best[0] - slopes @ mean)


def sigmoid(logit: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return 1 / (1 + exp(-logit)), without overflow."""
    positive: NDArray[np.float64] = np.exp(-np.logaddexp(0.0, -logit))
    return positive


def _newton(
    design: NDArray[np.float64], target: NDArray[np.float64], weight: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float]:
    """Return the coefficients of the smallest loss, and the loss; the first one is the intercept."""
    ridge = np.full(design.shape[1], _RIDGE)
    ridge[0] = 0.0

    def loss(coefficients: NDArray[np.float64]) -> float:
        logit = design @ coefficients
        return float(weight @ (np.logaddexp(0.0, logit) - target * logit) + ridge @ coefficients**2 / 2)

    at = np.zeros(design.shape[1])
    value = loss(at)
    for _ in range(100):
        p = sigmoid(design @ at)
        slope = design.T @ (weight * (p - target)) + ridge * at
        curvature = (design.T * (weight * p * (1 - p))) @ design + np.diag(ridge + 1e-12)
        step = np.linalg.solve(curvature, slope)
        if float(slope @ step) <= 1e-13 * weight.sum():
            break
        length = 1.0
        while (ahead := loss(at - length * step)) > value - 0.25 * length * float(slope @ step) and length > 1e-6:
            length /= 2
        at, value = at - length * step, min(ahead, value)
    return at, value
