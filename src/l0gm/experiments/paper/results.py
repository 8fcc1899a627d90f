"""What a method came to over its seeds, and how far two methods are apart."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from l0gm.experiments.paper.runs import answers_of
from l0gm.metrics import DIRECTION, Summary, summarise
from l0gm.metrics.bootstrap import RESAMPLED, Interval, draw, interval, resampled, seed_error

__all__ = ["HIGHER", "Difference", "Result", "Variant", "best", "difference"]

HIGHER = {**DIRECTION, "rob_mu": True, "active": None, "weights": None, "us_a_row": False}
"""For each measure: whether higher is better, None where neither end is."""
Record = Mapping[str, Any]
MOST_CELLS = 2_000_000  # probabilities of a seed, above which the AUC of drawn rows takes hours


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
        """Whether the interval excludes 0; never where it is a single point, which knows of no spread."""
        return Interval(self.low, self.high).decided


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
        """Return the 95 % interval of the mean: over rows and seeds, or over seeds where rows cannot be drawn again."""
        values = self.values(measure)
        moved = None if values is None else self.moved(measure, self.seeds)
        if values is None or (moved is None and len(values) < 2):
            return None
        moved = None if moved is None else moved.mean(axis=1)
        return interval(float(np.mean(values)), moved, seed_error(values), len(values) - 1)

    def moved(self, measure: str, seeds: Sequence[int]) -> NDArray[np.float64] | None:
        """Return a measure of these seeds on rows drawn again, (B, S); None where rows cannot be drawn again."""
        if measure not in RESAMPLED or self.values(measure) is None:
            return None
        n_rows, n_classes = next(iter(self._answers.values())).shape
        if measure == "auc" and n_rows * n_classes > MOST_CELLS:
            return None
        if measure not in self._kept:
            answers = [self._answers[seed] for seed in self.seeds]
            self._kept[measure] = resampled(self.labels, answers, measure, draw(n_rows))
        return self._kept[measure][:, [self.seeds.index(seed) for seed in seeds]]

    @cached_property
    def _kept(self) -> dict[str, NDArray[np.float64]]:
        return {}

    @cached_property
    def _answers(self) -> dict[int, NDArray[np.float64]]:
        return {int(record["seed"]): answers_of(self.out, record)[1] for record in self.records}

    @cached_property
    def labels(self) -> NDArray[np.int64]:
        """The class index of each test row, (n,)."""
        return answers_of(self.out, self.records[0])[0]


def difference(a: Result, b: Result, measure: str) -> Difference | None:
    """Return how far ``a`` is above ``b``; None where it cannot be said: of one seed, or of a measure without values.

    Seeds that both have are compared one by one. Where one has more, as the random mask has, whose masks are not the
    other's seeds, it is the difference of two means (Welch). Test rows are drawn again, the same for both, where a
    measure allows that; of ECE, Rob mu and fractions the interval is over seeds alone.
    """
    here, there = a.values(measure), b.values(measure)
    if here is None or there is None or min(len(here), len(there)) < 2:
        return None
    mean = float(np.mean(here) - np.mean(there))
    if a.seeds == b.seeds:
        error, df = seed_error(np.subtract(here, there).tolist()), float(len(here) - 1)
    else:
        parts = [seed_error(values) ** 2 for values in (here, there)]
        error = math.sqrt(sum(parts))
        freedom = sum(part**2 / (len(values) - 1) for part, values in zip(parts, (here, there), strict=True))
        df = sum(parts) ** 2 / freedom if freedom > 0.0 else float(min(len(here), len(there)) - 1)
    rows = [result.moved(measure, result.seeds) for result in (a, b)]
    moved = None if rows[0] is None or rows[1] is None else rows[0].mean(axis=1) - rows[1].mean(axis=1)
    return Difference(mean, *interval(mean, moved, error, df))


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
    if measure == "weights":
        found = record.get("open_weights")
        return None if not found else found[0] / found[1]
    if measure == "rob_mu":
        return None if record["robustness"] is None else record["robustness"]["rob_mu"]
    if measure == "seconds":
        return float(record["seconds"])
    value = record["test"].get(measure)
    return None if value is None else float(value)
