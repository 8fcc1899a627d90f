"""How long the models of a table take to answer, all of them in turn in one run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from l0gm.baselines.threads import pinned
from l0gm.experiments.machine import hardware, versions
from l0gm.experiments.paper.cases import Case
from l0gm.experiments.paper.claims import Claim, untested
from l0gm.experiments.paper.results import Result
from l0gm.experiments.paper.runner import Outcome, Settings
from l0gm.experiments.paper.runs import model_of
from l0gm.experiments.records import read_json, write_json
from l0gm.metrics.latency import Latencies, Ratio, measure

__all__ = ["Timed", "time_models"]

BATCHES: tuple[int | None, ...] = (1, 256, None)
REPEATS, ROW_REPEATS, QUICK_REPEATS, WARMUP = 11, 101, 3, 2
FORWARD = (
    " Baselines read columns by way of l0gm; the forward pass is that of prepared rows. l0gm bench times each library "
    "by its fastest calls."
)


@dataclass(frozen=True)
class Timed:
    """What was measured.

    Parameters
    ----------
    record : dict
        As it is kept in a file.
    """

    record: dict[str, Any]

    @property
    def leading(self) -> str:
        """The column that stands beside the paper's figure: a row's share of a call with all rows."""
        return "all rows, us a row"

    @property
    def note(self) -> str:
        """What was measured, and how."""
        timed = any("forward pass" in name for found in self.record["columns"].values() for name in found)
        return (
            f"latency of the models of seed 0, from the user's rows to probabilities, {self.record['threads']} thread, "
            f"{self.record['repeats']} rounds in turn after {WARMUP} calls, median.{FORWARD if timed else ''}"
        )

    def of(self, result: Result) -> dict[str, float]:
        """Return the columns of a method."""
        return dict(self.record["columns"].get(result.variant.title, {}))

    def claim(self, claim: str, paper: str, ours: Result | None, others: Sequence[Result]) -> Claim:
        """Return whether ours is faster than the fastest of the others, by the rounds' ratios."""
        own = None if ours is None else self.record["ratios"].get(ours.variant.title)
        rivals = {o.variant.title: self.of(o)[self.leading] for o in others if self.leading in self.of(o)}
        if ours is None or own is None or not rivals:
            return untested(claim, paper, "nothing to compare was timed")
        fastest = min(rivals, key=lambda name: rivals[name])
        ratio = Ratio(*own[fastest])
        text = (
            f"{self.of(ours)[self.leading]:.3g} us a row against {rivals[fastest]:.3g} ({fastest}): {ratio.p50:.2f} "
            f"times as long [{ratio.p10:.2f}, {ratio.p90:.2f}: 10th and 90th percentile of the rounds]"
        )
        if ratio.p50 >= 1.0:
            return Claim(claim, paper, text, "does not hold here")
        return Claim(claim, paper, text, "holds" if ratio.p90 < 1.0 else "holds weakly")


def time_models(outcome: Outcome, settings: Settings) -> Timed:
    """Time the models of seed 0 of the second block, unless a file says what the same models took on this machine."""
    results = {r.variant.title: r for r in outcome.blocks["Q2"] if r.records and r.seeds[0] == 0}
    asked = {
        "models": {title: result.records[0]["point"] for title, result in results.items()},
        "quick": settings.quick,
        "hardware": hardware(),
        "versions": versions(),
    }
    path = settings.out / f"latency-{outcome.case.modality}.json"
    kept = read_json(path)
    if kept is not None and all(kept.get(name) == value for name, value in asked.items()):
        return Timed(kept)
    if settings.told is not None:
        settings.told(f"{outcome.case.modality}: timing {len(results)} models")
    models = {title: model_of(settings.out, result.records[0]) for title, result in results.items()}
    with pinned(1):
        record = {**asked, **_timed(outcome.case, models, settings.quick)}
    write_json(path, record)
    return Timed(record)


def _timed(case: Case, models: dict[str, Any], quick: bool) -> dict[str, Any]:
    repeats = QUICK_REPEATS if quick else REPEATS
    columns: dict[str, dict[str, float]] = {title: {} for title in models}
    every: Latencies | None = None
    for rows in (None,) if case.modality == "graph" else BATCHES:
        X, count = case.asked(rows)
        name = "all rows" if rows is None else f"{count} row{'s' if count > 1 else ''}"
        rounds = ROW_REPEATS if rows == 1 and not quick else repeats
        found = measure(
            {title: _call(model, X) for title, model in models.items()}, rows=count, repeats=rounds, warmup=WARMUP
        )
        for title in models:
            columns[title][f"{name}, us a row"] = found.us_a_row(title)
            if rows == 1 and not quick:  # few calls have no 99th percentile
                columns[title][f"{name}, p99"] = found.us_a_row(title, 0.99)
        if rows is None:
            every = found
            forward = {title: call for title, model in models.items() if (call := _forward(model, X)) is not None}
            if forward:
                passes = measure(forward, rows=count, repeats=repeats, warmup=WARMUP)
                for title in forward:
                    columns[title]["forward pass, us a row"] = passes.us_a_row(title)
    assert every is not None  # all rows are always measured
    ratios = {a: {b: list(every.ratio(a, b)) for b in models if b != a} for a in models}
    return {"threads": 1, "repeats": repeats, "columns": columns, "ratios": ratios}


def _call(model: Any, X: Any) -> Callable[[], object]:
    return lambda: model.predict_proba(X)


def _forward(model: Any, X: Any) -> Callable[[], object] | None:
    """Return a call that starts from prepared arrays, None where a model has none."""
    if hasattr(model, "predict_arrays"):
        if model.schema.texts:
            return None
        columns = model.read(X)
        return lambda: model.predict_arrays(columns.numbers, columns.codes)
    if hasattr(model, "prepared"):
        ready = model.prepared(X)
        return lambda: model.answer_prepared(ready)
    return None
