"""What a method came to over its seeds, and how far two methods are apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from l0gm.experiments.paper.runs import answers_of
from l0gm.metrics import DIRECTION, Summary, paired_interval, summarise
from l0gm.metrics.bootstrap import RESAMPLED, Draws, Interval, draw, interval, resampled

__all__ = ["HIGHER", "Difference", "Result", "Variant", "best", "difference"]

HIGHER = {**DIRECTION, "rob_mu": True, "active": None, "us_a_row": False}
"""For each measure: whether higher is better, None where neither end is."""
Record = Mapping[str, Any]


@dataclass(frozen=True)
class Variant:
    """A line of a table before it has been run: a method with its settings.

    Parameters
    ----------
    title : str
    method : str
    active : float, optional
        The fraction of the interface to keep.
    settings : mapping
    paper : mapping from measure to float
        What the paper reports, in this table's measures.
    seeds : int, optional
        How many seeds, where it needs more than the others.
    """

    title: str
    method: str
    active: float | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    paper: Mapping[str, float] = field(default_factory=dict)
    seeds: int | None = None


class Difference(NamedTuple):
    """The mean of a measure of one method less that of another, with its 95 % interval."""

    mean: float
    low: float
    high: float

    @property
    def decided(self) -> bool:
        """Whether the interval excludes 0."""
        return self.low > 0.0 or self.high < 0.0


@dataclass(frozen=True)
class Result:
    """The runs of a variant.

    Parameters
    ----------
    variant : Variant
    records : tuple of dict
        One a seed.
    out : Path
        The folder that they are in.
    """

    variant: Variant
    records: tuple[Record, ...]
    out: Path

    @property
    def seeds(self) -> list[int]:
        """The seeds of the runs."""
        return [int(record["seed"]) for record in self.records]

    def values(self, measure: str, seeds: Sequence[int] | None = None) -> list[float] | None:
        """Return a measure of each seed; None where a run has none."""
        wanted = self.seeds if seeds is None else seeds
        found = [_value(record, measure) for record in self.records if int(record["seed"]) in wanted]
        return None if not found or None in found else [float(value) for value in found if value is not None]

    def summary(self, measure: str) -> Summary | None:
        """Return mean, standard deviation and worst seed; None where a run has no such measure."""
        values = self.values(measure)
        return None if values is None else summarise(values, higher_is_better=HIGHER.get(measure))

    def interval(self, measure: str) -> Interval | None:
        """Return the 95 % interval of the mean: over rows and seeds, or over seeds where rows cannot be resampled."""
        if measure in RESAMPLED and self.values(measure) is not None:
            return interval(self._resampled(measure, self.seeds))
        values = self.values(measure)
        if values is None or len(values) < 2:
            return None
        found = paired_interval(values, [0.0] * len(values))
        return Interval(found.low, found.high)

    def _resampled(self, measure: str, seeds: Sequence[int]) -> NDArray[np.float64]:
        key = (measure, tuple(seeds))
        if key not in self._kept:
            chosen = [self._answers[seed] for seed in seeds]
            self._kept[key] = resampled(self.labels, chosen, measure, _draws(len(self.labels), len(seeds)))
        return self._kept[key]

    @cached_property
    def _kept(self) -> dict[tuple[str, tuple[int, ...]], NDArray[np.float64]]:
        return {}

    @cached_property
    def _answers(self) -> dict[int, NDArray[np.float64]]:
        return {int(record["seed"]): answers_of(self.out, record)[1] for record in self.records}

    @cached_property
    def labels(self) -> NDArray[np.int64]:
        """The class index of each test row, (n,)."""
        return answers_of(self.out, self.records[0])[0]


def difference(a: Result, b: Result, measure: str) -> Difference | None:
    """Return how far ``a`` is above ``b``, over the seeds that both have; None where it cannot be said.

    Test rows and seeds are drawn again, the same for both, and where a measure does not allow that (ECE, Rob mu,
    fractions), it is Student's t over the seeds' differences.
    """
    seeds = [seed for seed in a.seeds if seed in b.seeds]
    here, there = a.values(measure, seeds), b.values(measure, seeds)
    if here is None or there is None or len(seeds) < 2:
        return None
    mean = float(np.mean(here) - np.mean(there))
    if measure in RESAMPLED:
        found = interval(a._resampled(measure, seeds) - b._resampled(measure, seeds))
        return Difference(mean, found.low, found.high)
    paired = paired_interval(here, there)
    return Difference(mean, paired.low, paired.high)


def best(results: Sequence[Result], measure: str) -> Result | None:
    """Return the one with the best mean; None where none has the measure."""
    higher = HIGHER[measure]
    known = [(summary["mean"], result) for result in results if (summary := result.summary(measure)) is not None]
    if not known or higher is None:
        return None
    return (max if higher else min)(known, key=lambda pair: pair[0])[1]


def _value(record: Record, measure: str) -> float | None:
    if measure == "active":
        return None if not record["n_dimensions"] else record["n_open"] / record["n_dimensions"]
    if measure == "rob_mu":
        return None if record["robustness"] is None else record["robustness"]["rob_mu"]
    if measure == "seconds":
        return float(record["seconds"])
    found = record["test"].get(measure)
    return None if found is None else float(found)


def _draws(n_rows: int, n_seeds: int) -> Draws:
    return draw(n_rows, n_seeds)
