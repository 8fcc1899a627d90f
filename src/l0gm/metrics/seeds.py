"""One number a seed becomes mean, spread and worst seed; two methods are compared seed by seed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple, NotRequired, TypedDict

import numpy as np

from l0gm.errors import ParameterError

__all__ = [
    "DIRECTION",
    "PairedInterval",
    "Summary",
    "paired_interval",
    "summarise",
    "summarise_runs",
    "two_sided_t",
]

DIRECTION: Mapping[str, bool] = {
    "accuracy": True,
    "auc": True,
    "macro_f1": True,
    "log_loss": False,
    "brier": False,
    "ece": False,
    "ece_adaptive": False,
    "ece_positive": False,
}
"""For each metric with a good and a bad end: whether higher is better."""


class Summary(TypedDict):
    """A metric over seeds; ``worst`` is absent where neither end is the bad one."""

    mean: float
    std: float
    worst: NotRequired[float]
    seeds: list[float]


class PairedInterval(NamedTuple):
    """Mean difference between two methods and the bounds of its confidence interval."""

    mean: float
    low: float
    high: float


def summarise(values: Sequence[float], *, higher_is_better: bool | None) -> Summary:
    """Mean, standard deviation (ddof 1; 0 for a single seed), worst seed, and the values themselves.

    Parameters
    ----------
    values : sequence of float
        One value a seed.
    higher_is_better : bool or None
        Which end is the bad one; None where there is no such end, and then no ``worst``.

    Raises
    ------
    ParameterError
        If ``values`` is empty or holds a value that is not finite.
    """
    seeds = _finite("values", values)
    summary = Summary(
        mean=float(np.mean(seeds)),
        std=float(np.std(seeds, ddof=1)) if len(seeds) > 1 else 0.0,
        seeds=seeds,
    )
    if higher_is_better is not None:
        summary["worst"] = min(seeds) if higher_is_better else max(seeds)
    return summary


def summarise_runs(runs: Sequence[Mapping[str, float]]) -> dict[str, Summary]:
    """Summarise each metric over runs that differ in their seed.

    Parameters
    ----------
    runs : sequence of mapping
        What :func:`~l0gm.metrics.evaluate` returned, one for each seed. A name that :data:`DIRECTION` does
        not list (a null band, a number of rows) gets no ``worst``.

    Raises
    ------
    ParameterError
        If there is no run, if the runs do not name the same metrics, or if a value is not finite.
    """
    if not runs:
        raise ParameterError("runs is empty: pass the metrics of at least one seed")
    for i, run in enumerate(runs):
        if run.keys() != runs[0].keys():
            differing = sorted(run.keys() ^ runs[0].keys())
            raise ParameterError(f"runs[{i}] and runs[0] differ in {differing}: pass the same metrics for each")
    return {name: summarise([run[name] for run in runs], higher_is_better=DIRECTION.get(name)) for name in runs[0]}


def paired_interval(a: Sequence[float], b: Sequence[float], confidence: float = 0.95) -> PairedInterval:
    """Interval for the mean of ``a - b`` over seeds, by Student's t on the paired differences.

    Parameters
    ----------
    a, b : sequence of float, length n >= 2
        The two methods' values; position i is the same seed (and split) in both.
    confidence : float
        Coverage, strictly between 0 and 1.

    Raises
    ------
    ParameterError
        If the lengths differ, there are fewer than two pairs, a value is not finite, or ``confidence`` is
        out of range.
    """
    n = len(a)
    if n < 2 or len(b) != n:
        raise ParameterError(f"a has {n} values and b {len(b)}: pass the same two or more seeds of each")
    difference = np.subtract(_finite("a", a), _finite("b", b))
    mean = float(difference.mean())
    half = two_sided_t(confidence, n - 1) * float(difference.std(ddof=1)) / math.sqrt(n)
    return PairedInterval(mean, mean - half, mean + half)


def two_sided_t(confidence: float, df: int) -> float:
    """The t for which a Student variable with ``df`` degrees of freedom lies in [-t, t] as often as asked.

    For whole degrees of freedom that probability is a finite sum in theta = atan(t / sqrt(df)) (Abramowitz
    and Stegun, 26.7.3 and 26.7.4); theta is found by bisection down to the last bits.

    Parameters
    ----------
    confidence : float
        Strictly between 0 and 1.
    df : int
        At least 1.

    Raises
    ------
    ParameterError
        If either is out of range.
    """
    if not 0 < confidence < 1:
        raise ParameterError(f"confidence is {confidence}: pass a share strictly between 0 and 1")
    if df < 1:
        raise ParameterError(f"df is {df}: at least one degree of freedom is needed")
    low, high = 0.0, math.pi / 2
    for _ in range(60):
        middle = (low + high) / 2
        if _mass_within(middle, df) < confidence:
            low = middle
        else:
            high = middle
    return math.sqrt(df) * math.tan((low + high) / 2)


def _mass_within(theta: float, df: int) -> float:
    """P(|T| <= sqrt(df) * tan(theta)) for Student's T."""
    sine, cosine = math.sin(theta), math.cos(theta)
    odd = df % 2
    term = cosine if odd else 1.0
    total = term if df > 1 else 0.0
    for k in range(2 + odd, df - 1, 2):
        term *= (k - 1) / k * cosine**2
        total += term
    return 2 / math.pi * (theta + sine * total) if odd else sine * total


def _finite(name: str, values: Sequence[float]) -> list[float]:
    numbers = [float(value) for value in values]
    if not numbers:
        raise ParameterError(f"{name} is empty: pass one value a seed")
    for i, number in enumerate(numbers):
        if not math.isfinite(number):
            raise ParameterError(f"{name}[{i}] is {number}: a run without a finite value cannot be averaged")
    return numbers
