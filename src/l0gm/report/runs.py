"""One run as a report sees it, whatever command has left it, and the runs of one method over its seeds."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from l0gm.metrics import Summary, summarise
from l0gm.metrics.seeds import two_sided_t

__all__ = ["Interval", "Method", "Run", "clean", "methods_of"]

Record = Mapping[str, Any]

_UNFIT = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]+")
_TEXTS = ("method", "title", "data", "split")


@dataclass(frozen=True)
class Interval:
    """A mean over seeds and the bounds of its 95 % interval (Student's t), which are None for a single seed."""

    mean: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Run:
    """One method, fitted and measured once.

    Parameters
    ----------
    method, title : str
        Its name in commands and for people.
    data, split : str
    seed : int
    source : str
        The file that says so, relative to the folder.
    group, modality : str
    active : float or None
        The fraction that was asked for.
    settings : dict
        All that tells runs of one title apart, but for the seed.
    test, validation : dict
        Measures by name, finite numbers only.
    n_open, n_dimensions, n_parameters, seconds : float or None
    reliability : dict
        From ``top_label`` and ``positive`` to the bins of :func:`l0gm.metrics.breakdown`.
    confusion : dict or None
        Of the same.
    history : tuple of dict
        The records of :class:`l0gm.training.History`.
    support : dict from str to int
        Open dimensions by field.
    robustness : dict from str to dict
        From each condition, and ``clean``, to measures by name.
    rob_mu : float or None
        The mean accuracy over conditions.
    latency : dict from str to dict
        From what was timed to ``p10``, ``p50``, ``p99`` in microseconds a row, as far as they are known.
    hardware, versions : dict
    """

    method: str
    title: str
    data: str
    split: str
    seed: int
    source: str
    group: str = ""
    modality: str = ""
    active: float | None = None
    settings: Record = field(default_factory=dict)
    test: Mapping[str, float] = field(default_factory=dict)
    validation: Mapping[str, float] = field(default_factory=dict)
    n_open: float | None = None
    n_dimensions: float | None = None
    n_parameters: float | None = None
    seconds: float | None = None
    reliability: Mapping[str, Record] = field(default_factory=dict)
    confusion: Record | None = None
    history: tuple[Record, ...] = ()
    support: Mapping[str, int] = field(default_factory=dict)
    robustness: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    rob_mu: float | None = None
    latency: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    hardware: Record = field(default_factory=dict)
    versions: Record = field(default_factory=dict)

    @classmethod
    def of(cls, record: Record, source: str) -> Run:
        """Return the run of a record as ``l0gm paper`` writes it; parts that cannot be read are left out.

        Raises
        ------
        ValueError
            If it does not say which method, data and seed it is of, or has no measure; the message says what is amiss.
        """
        record = clean(record)
        lacking = [name for name in ("method", "data") if not isinstance(record.get(name), str)]
        if lacking:
            raise ValueError(f"it does not say {' and '.join(lacking)}")
        if not isinstance(record.get("seed"), int):
            raise ValueError("it does not say seed")
        test = _measures(record.get("test"))
        if not test:
            raise ValueError("it has no measure on test rows")
        texts: dict[str, Any] = {name: str(record.get(name) or "") for name in ("split", "group", "modality")}
        counts: dict[str, Any] = {
            name: _number(record.get(name)) for name in ("n_open", "n_dimensions", "n_parameters", "seconds")
        }
        parts = _object(record.get("breakdown"))
        reliability = {kind: bins for kind, bins in _object(parts.get("reliability")).items() if _are_bins(bins)}
        confusion = parts.get("confusion")
        robustness = _object(record.get("robustness"))
        history = record.get("history")
        return cls(
            method=record["method"],
            title=str(record.get("title") or record["method"]),
            data=record["data"],
            seed=record["seed"],
            source=source,
            active=_number(record.get("active")),
            settings=_object(record.get("settings")),
            test=test,
            validation=_measures(record.get("validation")),
            reliability=reliability,
            confusion=confusion if _is_confusion(confusion) else None,
            history=tuple(r for r in history if isinstance(r, dict)) if isinstance(history, list) else (),
            support={name: int(n) for name, n in _measures(record.get("support")).items()},
            robustness={
                name: found
                for name, values in _object(robustness.get("conditions")).items()
                if (found := _measures(values))
            },
            rob_mu=_number(robustness.get("rob_mu")),
            latency=_latencies(record.get("latency")),
            hardware=_object(record.get("hardware")),
            versions=_object(record.get("versions")),
            **texts,
            **counts,
        )

    @property
    def open_fraction(self) -> float | None:
        """Open dimensions over all; None where there is no gate to count."""
        return self.n_open / self.n_dimensions if self.n_open is not None and self.n_dimensions else None

    @property
    def n_rows(self) -> int | None:
        """Test rows, where the measures say it."""
        return int(self.test["n_rows"]) if "n_rows" in self.test else None

    @property
    def dataset(self) -> str:
        """Data and split."""
        return f"{self.data} ({self.split})" if self.split else self.data


@dataclass(frozen=True)
class Method:
    """Runs that differ in their seed alone, under the name by which figures show them."""

    label: str
    runs: tuple[Run, ...]

    @property
    def seeds(self) -> list[int]:
        """Of the runs, in order."""
        return [run.seed for run in self.runs]

    @property
    def is_gated(self) -> bool:
        """Whether some of its dimensions are shut."""
        return any(run.open_fraction is not None and run.open_fraction < 1 for run in self.runs)

    def values(self, measure: str, part: str = "test") -> dict[int, float]:
        """Return the measure by seed, as far as the runs have it; ``part`` is test or validation."""
        return {run.seed: getattr(run, part)[measure] for run in self.runs if measure in getattr(run, part)}

    def interval(self, measure: str, part: str = "test") -> Interval | None:
        """Return the mean of a measure with its interval; None where no run has it."""
        return interval(list(self.values(measure, part).values()))

    def summary(self, measure: str, higher_is_better: bool | None) -> Summary | None:
        """Return mean, standard deviation and worst seed; None where no run has the measure."""
        values = list(self.values(measure).values())
        return summarise(values, higher_is_better=higher_is_better) if values else None

    def mean(self, name: str) -> float | None:
        """Return the mean of a number that runs have as an attribute, such as ``open_fraction``."""
        values = [value for run in self.runs if (value := getattr(run, name)) is not None]
        return float(np.mean(values)) if values else None

    def part(self, name: str) -> list[Run]:
        """Return the runs that have something there, such as ``history``."""
        return [run for run in self.runs if getattr(run, name)]


def methods_of(runs: Iterable[Run]) -> list[Method]:
    """Return runs by method, in the order of their first one; runs of one title that differ in settings are told apart.

    Of two records of one method and seed the first one counts.
    """
    grouped: dict[tuple[str, str, str], dict[int, Run]] = {}
    for run in runs:
        text = json.dumps({"active": run.active, **run.settings}, sort_keys=True, default=str)
        grouped.setdefault((run.title, run.method, text), {}).setdefault(run.seed, run)
    found = [[own[seed] for seed in sorted(own)] for own in grouped.values()]
    titles: dict[str, list[list[Run]]] = {}
    for own in found:
        titles.setdefault(own[0].title, []).append(own)
    labels: dict[int, str] = {}
    for title, variants in titles.items():
        variants.sort(key=lambda own: _knob(own[0]))
        told = _told_apart([variant[0] for variant in variants])
        labels.update({id(variant): f"{title}{text}" for variant, text in zip(variants, told, strict=True)})
    return [Method(labels[id(own)], tuple(own)) for variants in titles.values() for own in variants]


def interval(values: Sequence[float]) -> Interval | None:
    """Return the mean of values over seeds with its 95 % interval; None where there is none."""
    if not values:
        return None
    mean, n = float(np.mean(values)), len(values)
    if n == 1:
        return Interval(mean, None, None)
    half = two_sided_t(0.95, n - 1) * float(np.std(values, ddof=1)) / math.sqrt(n)
    return Interval(mean, mean - half, mean + half)


def clean(value: Any) -> Any:
    """Return what JSON held without what no page can show: characters of control become spaces, NaN None."""
    if isinstance(value, Mapping):
        return {clean(str(key)): clean(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [clean(item) for item in value]
    if isinstance(value, str):
        return _UNFIT.sub(" ", value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _knob(run: Run) -> tuple[float, float]:
    """Return what puts the runs of one title in order: from few open dimensions to many."""
    penalty = _number(run.settings.get("penalty"))
    return (math.inf if run.active is None else run.active, 0.0 if penalty is None else -penalty)


def _told_apart(variants: Sequence[Run]) -> list[str]:
    """Return for each of several runs of one title what only it has, or has otherwise."""
    if len(variants) == 1:
        return [""]
    every = [{**run.settings, **({} if run.active is None else {"active": run.active})} for run in variants]
    names = [
        name
        for name in dict.fromkeys(name for own in every for name in own)
        if len({json.dumps(own.get(name), sort_keys=True, default=str) for own in every}) > 1
    ]
    names.sort(key=lambda name: ("active", "penalty").index(name) if name in ("active", "penalty") else 2)
    texts = [
        ", " + ", ".join(f"{name} {_plain(own.get(name))}" for name in names[:3]) if names else "" for own in every
    ]
    repeated = len(set(texts)) < len(texts)
    return [f"{text} [{i + 1}]" if repeated else text for i, text in enumerate(texts)]


def _plain(value: Any) -> str:
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _number(value: Any) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _measures(value: Any) -> dict[str, float]:
    return {name: item for name, item in _object(value).items() if _number(item) is not None}


def _are_bins(value: Any) -> bool:
    """Return whether it is one kind of reliability of :func:`l0gm.metrics.breakdown`."""
    columns = ("lower", "upper", "count", "confidence", "frequency", "low", "high")
    if not isinstance(value, dict) or not all(isinstance(value.get(name), list) for name in columns):
        return False
    if len({len(value[name]) for name in columns}) != 1 or not value["count"]:
        return False
    filled = [i for i, count in enumerate(value["count"]) if count]
    whole = all(_number(count) is not None for count in value["count"])
    numbers = [value[name][i] for name in columns for i in filled]
    return whole and bool(filled) and all(_number(number) is not None for number in numbers)


def _is_confusion(value: Any) -> bool:
    if not isinstance(value, dict) or not isinstance(value.get("classes"), list):
        return False
    size, counts = len(value["classes"]), value.get("counts")
    return (
        isinstance(counts, list)
        and len(counts) == size > 0
        and all(
            isinstance(row, list) and len(row) == size and all(_number(count) is not None for count in row)
            for row in counts
        )
    )


def _latencies(value: Any, path: tuple[str, ...] = ()) -> dict[str, dict[str, float]]:
    """Return what was timed, by its place: wherever ``us_a_row`` is, at whatever depth."""
    found: dict[str, dict[str, float]] = {}
    node = _object(value)
    times = _measures(node.get("us_a_row"))
    if "p50" in times:
        found[", ".join(path) or "a row"] = times
    for name, child in node.items():
        if name != "us_a_row":
            found.update(_latencies(child, (*path, name)))
    return found
