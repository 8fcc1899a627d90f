"""What corruption made of measures: for one classifier, several side by side, and one over several training seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from l0gm.errors import DataError, ParameterError
from l0gm.metrics import DIRECTION, Summary, summarise
from l0gm.robustness.answers import METRICS, Measures
from l0gm.robustness.conditions import Condition

__all__ = ["Comparison", "OverSeeds", "Robustness"]

LABELS = {"accuracy": "accuracy", "auc": "AUC", "log_loss": "log loss", "ece": "ECE"}


@dataclass(frozen=True)
class Robustness:
    """Measures of one classifier under each condition; print it to read it.

    Parameters
    ----------
    metric : str
        What ``clean``, ``conditions``, ``families`` and ``rob_mu`` are of.
    seeds : tuple of int
        Of the corruption, not of training.
    n_rows : int
    measures_clean : dict
        From each of accuracy, auc, log_loss and ece to its value on the rows as they are; None where there is none.
    measures : dict
        From each condition to the measures under each seed; None where the condition has no form for such inputs.
    """

    metric: str
    seeds: tuple[int, ...]
    n_rows: int
    measures_clean: Measures
    measures: dict[Condition, tuple[Measures, ...] | None]

    def __post_init__(self) -> None:
        if self.metric not in METRICS:
            raise ParameterError(f"metric={self.metric!r}: choose one of {', '.join(METRICS)}")
        if self.measures_clean[self.metric] is None:
            raise DataError(
                f"metric={self.metric!r} has no value: it needs predict_proba"
                f"{' and rows of every class' if self.metric == 'auc' else ''}; choose another metric"
            )
        if not self.applied:
            raise DataError("no condition has a form for these inputs: choose others, or bring a numeric column")

    @property
    def applied(self) -> list[Condition]:
        """The conditions that are there, blank ones left out."""
        return [condition for condition, found in self.measures.items() if found is not None]

    @property
    def clean(self) -> float:
        """The metric on the rows as they are."""
        return _number(self.measures_clean[self.metric])

    @cached_property
    def conditions(self) -> dict[str, float | None]:
        """The metric under each condition, by its name: the mean over seeds; None where it is blank."""
        return {condition.name: _mean(self._values(condition)) for condition in self.measures}

    @cached_property
    def families(self) -> dict[str, float | None]:
        """The mean over the conditions of each family that are not blank; None where all are."""
        found: dict[str, list[float]] = {condition.family: [] for condition in self.measures}
        for condition in self.applied:
            found[condition.family] += self._values(condition)
        return {family: _mean(values) for family, values in found.items()}

    @cached_property
    def rob_mu(self) -> float:
        """The mean over the conditions that are not blank, and over seeds."""
        return _number(_mean([value for condition in self.applied for value in self._values(condition)]))

    @property
    def by_seed(self) -> list[float]:
        """Rob mu of each seed by itself: how much of it is the chance of the corruption."""
        values = np.array([self._values(condition) for condition in self.applied])
        return [float(value) for value in values.mean(axis=0)]

    def of(self, metric: str) -> Robustness:
        """Return the same for another metric: the classifier need not answer again."""
        return replace(self, metric=metric)

    def to_dict(self) -> dict[str, Any]:
        """Return everything, ready for JSON."""
        return {
            "metric": self.metric,
            "clean": self.clean,
            "rob_mu": self.rob_mu,
            "n_conditions": len(self.applied),
            "conditions": self.conditions,
            "families": self.families,
            "seeds": list(self.seeds),
            "rob_mu_by_seed": self.by_seed,
            "n_rows": self.n_rows,
            "measures": {
                "clean": self.measures_clean,
                **{c.name: None if found is None else list(found) for c, found in self.measures.items()},
            },
            "rob_mu_of": {metric: self.of(metric).rob_mu for metric in self._measured},
        }

    def __str__(self) -> str:
        """Return a Markdown table."""
        each = [self.of(metric) for metric in self._measured]
        rows = [["clean", *(_text(one.clean) for one in each)]]
        rows += [[c.name, *(_text(one.conditions[c.name]) for one in each)] for c in self.measures]
        rows += [[f"mean of {name}", *(_text(one.families[name]) for one in each)] for name in self.families]
        rows += [["Rob mu", *(_text(one.rob_mu) for one in each)]]
        return f"{_table(['condition', *(LABELS[one.metric] for one in each)], rows)}\n\n{_said(self)}"

    @property
    def _measured(self) -> list[str]:
        return [metric for metric in METRICS if self.measures_clean[metric] is not None]

    def _values(self, condition: Condition) -> list[float]:
        """Return the metric under each seed; none where the condition is blank."""
        return [_number(found[self.metric]) for found in self.measures[condition] or ()]


@dataclass(frozen=True)
class Comparison:
    """Several classifiers on the same corrupted inputs; print it to read it.

    Parameters
    ----------
    results : dict
        From the name of each to its :class:`Robustness`.
    """

    results: dict[str, Robustness]

    def __getitem__(self, name: str) -> Robustness:
        return self.results[name]

    def of(self, metric: str) -> Comparison:
        """Return the same for another metric."""
        return Comparison({name: result.of(metric) for name, result in self.results.items()})

    def to_dict(self) -> dict[str, Any]:
        """Return everything, ready for JSON."""
        return {name: result.to_dict() for name, result in self.results.items()}

    def __str__(self) -> str:
        """Return a Markdown table: the metric of each classifier, and the others' difference to the first."""
        names, every = list(self.results), list(self.results.values())
        lines: list[tuple[str, Sequence[float | None]]] = [("clean", [one.clean for one in every])]
        lines += [(name, [one.conditions[name] for one in every]) for name in every[0].conditions]
        lines += [(f"mean of {name}", [one.families[name] for one in every]) for name in every[0].families]
        lines += [("Rob mu", [one.rob_mu for one in every])]
        rows = [[name, *map(_text, values), *(_difference(v, values[0]) for v in values[1:])] for name, values in lines]
        head = [LABELS[every[0].metric], *names, *(f"{name} - {names[0]}" for name in names[1:])]
        return f"{_table(head, rows)}\n\n{_said(every[0])}"


@dataclass(frozen=True)
class OverSeeds:
    """One method, trained with several seeds: Rob mu and Worst of the paper's Appendix B; print it to read it.

    Parameters
    ----------
    results : dict
        From training seed to :class:`Robustness`, all of the same metric and the same conditions.

    Raises
    ------
    ParameterError
        If there is none, or they differ in their metric or conditions.
    """

    results: dict[int, Robustness]

    def __post_init__(self) -> None:
        if not self.results:
            raise ParameterError("there is no result: give one for each training seed")
        if len({(one.metric, tuple(one.measures), tuple(one.applied)) for one in self.results.values()}) > 1:
            raise ParameterError("the results differ in their metric or conditions: measure all seeds alike")

    @property
    def metric(self) -> str:
        """What was averaged."""
        return next(iter(self.results.values())).metric

    @property
    def rob_mu(self) -> float:
        """The mean over training seeds and conditions: sum over s and p of m(s, p), by |S| |P|."""
        return self.summary["mean"]

    @property
    def worst(self) -> float:
        """The bad end of the clean metric over training seeds: no measure of corruption."""
        return self.clean["worst"]

    @property
    def summary(self) -> Summary:
        """Rob mu over training seeds: mean, standard deviation (ddof 1), worst, each."""
        return self._summary([one.rob_mu for one in self.results.values()])

    @property
    def clean(self) -> Summary:
        """The clean metric over training seeds."""
        return self._summary([one.clean for one in self.results.values()])

    @property
    def conditions(self) -> dict[str, Summary | None]:
        """The metric under each condition over training seeds; None where it is blank."""
        first = next(iter(self.results.values()))
        values = {name: [one.conditions[name] for one in self.results.values()] for name in first.conditions}
        return {
            name: None if None in found else self._summary([_number(value) for value in found])
            for name, found in values.items()
        }

    def of(self, metric: str) -> OverSeeds:
        """Return the same for another metric."""
        return OverSeeds({seed: result.of(metric) for seed, result in self.results.items()})

    def to_dict(self) -> dict[str, Any]:
        """Return everything, ready for JSON."""
        first = next(iter(self.results.values()))
        return {
            "metric": self.metric,
            "rob_mu": self.rob_mu,
            "worst": self.worst,
            "n_conditions": len(first.applied),
            "over_seeds": self.summary,
            "clean": self.clean,
            "conditions": self.conditions,
            "seeds": {str(seed): result.to_dict() for seed, result in self.results.items()},
        }

    def __str__(self) -> str:
        """Return a Markdown table of means and standard deviations over training seeds."""
        lines = [("clean", self.clean), *self.conditions.items(), ("Rob mu", self.summary)]
        rows = [[name, *(["", ""] if s is None else [_text(s["mean"]), _text(s["std"])])] for name, s in lines]
        seeds = f"{len(self.results)} training seed{'s' * (len(self.results) != 1)}"
        said = f"Worst of {seeds}, clean: {_text(self.worst)}. {_said(next(iter(self.results.values())))}"
        return f"{_table([LABELS[self.metric], 'mean', 'std'], rows)}\n\n{said}"

    def _summary(self, values: list[float]) -> Summary:
        return summarise(values, higher_is_better=DIRECTION[self.metric])


def _said(result: Robustness) -> str:
    """Return the sentence below a table: what Rob mu is the mean of."""
    seeds = f"{len(result.seeds)} seed{'s' * (len(result.seeds) != 1)} of corruption"
    of = f"{len(result.applied)} of {len(result.measures)} conditions"
    return f"Rob mu is the mean over {of} and {seeds}; {result.n_rows:,} rows."


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None


def _number(value: float | None) -> float:
    assert value is not None  # a metric that is there on clean rows is there on corrupted ones
    return value


def _text(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _difference(value: float | None, first: float | None) -> str:
    return "" if value is None or first is None else f"{value - first:+.4f}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table whose columns are aligned, the first to the left and the others to the right."""
    cells = [[cell.replace("|", "\\|") for cell in row] for row in (head, *rows)]
    widths = [max(3, *map(len, column)) for column in zip(*cells, strict=True)]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    lines = [
        [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        for row in cells
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in (lines[0], rule, *lines[1:]))
