"""The benchmark: fit everything on the same rows, measure the quality of what was fitted, then time the very same."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from l0gm.data.labels import encode_labels, encode_target
from l0gm.data.splits import stratified_split, three_way
from l0gm.errors import DataError
from l0gm.experiments.bench.contestant import Contestant, as_probabilities, pinned
from l0gm.experiments.bench.inputs import FORMS, Coder, Form, Rows, cycled, plain_frame
from l0gm.experiments.bench.matrices import MOST_CODES
from l0gm.experiments.bench.ours import MAIN, OURS, Compacted, compacted
from l0gm.experiments.bench.peers import PACKAGES, chosen_peers, fit_peers
from l0gm.experiments.bench.plan import MOST_COLUMNS, Batch, Plan
from l0gm.experiments.bench.roofline import roofline, traffic
from l0gm.experiments.machine import hardware, versions, versions_of
from l0gm.metrics import evaluate
from l0gm.metrics.latency import Latencies, measure

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["run_bench"]

SAMPLES = 256
"""Different rows, one after the other, that a batch of 1 is asked about; of larger batches there are fewer."""
ALIKE = 1e-4
"""By how much the probabilities of one model may differ between forms: single and double precision."""
WORDS = (*PACKAGES, "pandas", "scikit-learn", "numba", "llvmlite", "threadpoolctl")
QUICK = {"epochs": 2, "deep": (16,), "embedding_dim": 4}

Told = Callable[[str], None]


@dataclass
class _Bench:
    """Rows and what was fitted on them."""

    plan: Plan
    told: Told
    test: Rows
    coder: Coder
    contestants: dict[str, Contestant] = field(default_factory=dict)

    @cached_property
    def categories(self) -> pd.DataFrame:
        """The test rows with categories in the place of text."""
        return self.coder.as_categories(self.test.frame)

    def frame(self, form: Form) -> pd.DataFrame:
        """Return the test rows as contestants take them for this form."""
        return self.categories if form == "category" else self.test.frame


def run_bench(
    X_train: pd.DataFrame,
    y_train: Any,
    X_test: pd.DataFrame,
    y_test: Any,
    *,
    out: Path,
    plan: Plan | None = None,
    about: Mapping[str, Any] | None = None,
    told: Told = lambda line: None,
) -> dict[str, Any]:
    """Run the benchmark.

    All models are fitted on the same rows and stopped early on the same validation rows: those that l0gm holds out with
    this seed. The compacted models are saved to ``out``, read back, measured and timed; each peer's quality is that of
    the calls that are timed, and all forms of a model have to give the same probabilities. Columns of a single value in
    the training rows are left out for all.

    Parameters
    ----------
    X_train, X_test : pandas.DataFrame (n, columns)
    y_train, y_test : sequence (n,)
    out : Path
        A folder for the model files.
    plan : Plan, optional
    about : mapping, optional
        Entries on the data for the record.
    told : callable
        Called with a line on each step.

    Returns
    -------
    dict
        ``quality`` by contestant; ``latency``, an entry a form, batch and number of threads; ``roofline``;
        ``left_out``; and on what it ran. Of JSON's types alone.

    Raises
    ------
    DataError
        If the rows cannot be used, or a model gives other probabilities in another form.
    """
    plan = Plan() if plan is None else plan
    classes, codes = encode_target(y_train, len(X_train))
    test = Rows(plain_frame(X_test), np.asarray(encode_labels(y_test, classes), np.int64))
    rows = Rows(plain_frame(X_train), np.asarray(codes, np.int64))
    if plan.most_rows is not None and plan.most_rows < len(rows):
        rows = rows.take(stratified_split(rows.labels, plan.most_rows, plan.seed)[1])
    fit_rows, valid_rows, calibration_rows = three_way(rows.labels, 0.1, 0.1, plan.seed)
    telling = [name for name in rows.frame if len(rows.frame[name].unique()) > 1]
    rows, test = (Rows(part.frame[telling], part.labels) for part in (rows, test))
    train, valid = rows.take(fit_rows), rows.take(valid_rows)
    coder = Coder.fit(train.frame)
    bench = _Bench(plan, told, test, coder)
    plain = coder.n_columns <= MOST_COLUMNS and max(coder.n_codes, default=0) <= MOST_CODES
    teacher = plan.teacher or ("none" if plan.quick else "average" if plain else "trees")

    quality, left_out = _fit(bench, rows, train, valid, list(classes), teacher, out)
    load = [_load()]
    latency = [
        _measured(bench, form, batch, threads)
        for threads in plan.threads
        for form in plan.forms
        for batch in plan.batches
        if form != "dict" or (batch == 1 and threads == plan.threads[0])
    ]
    return {
        **(about or {}),
        "plan": asdict(plan),
        "rows": {
            "train": len(train), "validation": len(valid), "calibration": len(calibration_rows), "test": len(test),
        },
        "teacher": teacher,
        "columns": {"numbers": len(coder.numeric), "text": len(coder.known)},
        "quality": quality,
        "inputs": {name: dict(contestant.inputs) for name, contestant in bench.contestants.items()},
        "latency": latency,
        "roofline": _roofline(bench, latency),
        "left_out": left_out,
        "load": [*load, _load()],
        "hardware": hardware(),
        "versions": {**versions(), **versions_of(*WORDS)},
    }  # fmt: skip


def _load() -> float | None:
    """Return how many processes wanted to run in the last minute; None where the system does not tell."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def _fit(
    bench: _Bench, rows: Rows, train: Rows, valid: Rows, classes: list[Any], teacher: str, out: Path
) -> tuple[dict[str, Any], dict[str, str]]:
    """Fit all contestants and return their quality, and why others were left out."""
    from l0gm.baselines.averaged_trees import averaged_trees

    plan, told = bench.plan, bench.told
    seconds: dict[str, float] = {}
    out.mkdir(parents=True, exist_ok=True)
    shared = {"active": plan.active, "random_state": plan.seed, **(QUICK if plan.quick else {})}
    teachers: dict[str, Callable[[], Any]] = {
        "average": lambda: averaged_trees(plan.seed, plan.training_threads, plan.most_trees),
        "trees": lambda: "trees",
        "none": lambda: None,
    }
    shared["teacher"] = teachers[teacher]()
    for name, own in OURS.items():
        started = time.perf_counter()
        path = out / f"{name.replace(',', '').replace(' ', '-')}.l0gm"
        bench.contestants[name] = compacted(name, {**shared, **own}, rows, classes, path)
        seconds[name] = time.perf_counter() - started
        told(f"{name}: fitted in {seconds[name]:.0f} s")
    fitted, left_out = fit_peers(
        chosen_peers(plan.peers), train, valid, len(classes), coder=bench.coder, seed=plan.seed,
        threads=plan.training_threads, most=min(plan.most_trees, 50) if plan.quick else plan.most_trees, told=told,
    )  # fmt: skip
    for peer, spent in fitted.items():
        bench.contestants[peer.name], seconds[peer.name] = peer, spent
    quality = {}
    for name, contestant in bench.contestants.items():
        proba = contestant.probabilities(bench.test.frame)
        quality[name] = {
            **evaluate(bench.test.labels, proba, seed=plan.seed),
            **contestant.size(),
            "fit_seconds": round(seconds[name], 3),
            "largest_difference_between_forms": _alike(bench, contestant, proba),
            "ours": isinstance(contestant, Compacted),
        }
    return quality, left_out


def _alike(bench: _Bench, contestant: Contestant, proba: NDArray[np.float64]) -> float:
    """Return the largest difference between the probabilities of all forms, after a look at it."""
    largest = 0.0
    for form in bench.plan.forms:
        some = bench.frame(form).iloc[: 4 * SAMPLES]
        if form == "dict":
            answer = contestant.answer(form, 1)
            rows = [some.iloc[[i]] for i in range(min(50, len(some)))]
            found = np.concatenate([as_probabilities(answer(contestant.ready(form, row))) for row in rows])
        else:
            with pinned(bench.plan.threads[-1]):
                found = contestant.probabilities(some, form, bench.plan.threads[-1])
        largest = max(largest, float(np.abs(found - proba[: len(found)]).max()))
    if not largest <= ALIKE:
        raise DataError(f"{contestant.name}: its probabilities differ by {largest:.2g} between forms of the same rows")
    return largest


def _measured(bench: _Bench, form: Form, batch: Batch, threads: int) -> dict[str, Any]:
    """Time all contestants in one form."""
    frame, plan = bench.frame(form), bench.plan
    size = len(frame) if batch == "all" else min(batch, len(frame))
    parts = _parts(len(frame), size)
    calls = {}
    bench.told(f"{FORMS[form]}, {size:,} row{'s' * (size > 1)}, {threads} thread{'s' * (threads > 1)}")
    with pinned(threads):
        for name, contestant in bench.contestants.items():
            given = [contestant.ready(form, frame.iloc[part].reset_index(drop=True)) for part in parts]
            calls[name] = cycled(contestant.answer(form, threads), given)
        found = measure(
            calls, rows=size, repeats=plan.repeats, warmup=min(len(parts), 20), seed=plan.seed,
            pause=0.0 if threads == 1 else 0.002,
        )  # fmt: skip
    return {"form": form, "batch": batch, "threads": threads, **found.to_dict(), **_ratios(bench, found)}


def _parts(n: int, size: int) -> list[slice]:
    """Return slices of so many rows: as many as hold :data:`SAMPLES` rows, at least 4 where there are so many."""
    number = max(1, min(n // size, max(SAMPLES // size, 4)))
    return [slice(i * size, (i + 1) * size) for i in range(number)]


def _ratios(bench: _Bench, found: Latencies) -> dict[str, Any]:
    """Return how many times as long as the main model the others take, and which peer is the fastest."""
    peers = [name for name, contestant in bench.contestants.items() if not isinstance(contestant, Compacted)]
    others = [name for name in bench.contestants if name != MAIN]
    return {
        "fastest_peer": found.fastest(peers) if peers else None,
        "times_as_long_as_l0gm": {name: found.ratio(name, MAIN)._asdict() for name in others},
    }


def _roofline(bench: _Bench, latency: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Return the roofline of the main model: prepared arrays, one thread, the largest batch that was measured."""
    entries = [entry for entry in latency if entry["form"] == "prepared" and entry["threads"] == 1]
    ours = bench.contestants[MAIN]
    if not entries or not isinstance(ours, Compacted):
        return None
    largest = max(entries, key=lambda entry: int(entry["rows"]))
    us = largest["contestants"][MAIN]["us_a_row"]["p50"]
    with pinned(1):
        found = partial(roofline, traffic(ours.model), us)(hardware()["caches"])
    return {"rows": largest["rows"], **found}
