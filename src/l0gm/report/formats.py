"""The records of each command as runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from l0gm.report.commands import part_of
from l0gm.report.runs import Run

__all__ = ["bench_runs", "paper_times", "point_run", "robustness_run", "trained_run"]

Record = Mapping[str, Any]

CONDITIONS = ("training rows", "test rows", "training nodes", "validation nodes", "test nodes", "graph", "smooth")
NOT_SETTINGS = {*CONDITIONS, "active", "random_state", "l0gm", "numpy", "python", "torch"}


def trained_run(record: Record, about: Record, is_dense: bool, history: Sequence[Record], source: str) -> Run:
    """Return the run of a ``metrics.json`` of ``l0gm train``; ``about`` says which data."""
    settings = record.get("conditions") or {}
    return Run.of(
        {
            **_of_model(record, about, settings),
            "method": "dense" if is_dense else "l0gm",
            "title": "l0gm, dense" if is_dense else _title(settings),
            "active": None if is_dense else settings.get("active"),
            "settings": _telling(settings, frozenset({"active", "penalty"}) if is_dense else frozenset()),
            "seconds": record.get("fit_seconds"),
            "breakdown": record.get("breakdown"),
            "history": list(history),
            "support": {} if is_dense else record.get("support"),
        },
        source,
    )


def point_run(record: Record, about: Record, details: Record, history: Sequence[Record], source: str) -> Run:
    """Return the run of a point of ``l0gm sweep``; ``details`` is the ``metrics.json`` of its model, if it is there."""
    settings = record.get("configuration") or {}
    return Run.of(
        {
            **_of_model(record, about, settings),
            "method": "l0gm",
            "title": "l0gm sweep",
            "active": settings.get("active"),
            "settings": _telling(settings),
            "seconds": record.get("seconds"),
            "validation": record.get("validation"),
            "breakdown": details.get("breakdown"),
            "history": list(history),
            "support": details.get("support"),
        },
        source,
    )


def bench_runs(record: Record, source: str) -> Iterator[Run]:
    """Yield a run for each contestant of ``l0gm bench``, with its times."""
    timed: dict[str, dict[str, Any]] = {}
    for entry in record["latency"]:
        threads = f"{entry['threads']} thread{'s' * (entry['threads'] != 1)}"
        rows = f"{entry['rows']:,} row{'s' * (entry['rows'] != 1)}"
        place = f"{entry['form']}, {rows} a call, {threads}"
        for name, found in entry["contestants"].items():
            timed.setdefault(name, {})[place] = {"us_a_row": found["us_a_row"]}
    for name, quality in record["quality"].items():
        yield Run.of(
            {
                **_of_model(quality, record, {}),
                "method": name,
                "title": name,
                "seed": record["plan"]["seed"],
                "test": {**quality, "n_rows": record["rows"]["test"]},
                "seconds": quality.get("fit_seconds"),
                "latency": timed.get(name),
                "settings": {"command": "bench"},
                "hardware": record.get("hardware"),
                "versions": record.get("versions"),
            },
            source,
        )


def paper_times(record: Record) -> dict[str, dict[str, dict[str, float]]]:
    """Return the times of a ``latency-*.json`` of ``l0gm paper`` by the run they are of, in microseconds a row."""
    found: dict[str, dict[str, dict[str, float]]] = {}
    for title, point in record["models"].items():
        columns = record["columns"].get(title, {})
        for name, value in columns.items():
            place, _, what = name.rpartition(", ")
            quantile = {"us a row": "p50", "p99": "p99"}.get(what)
            if quantile is not None and isinstance(value, int | float):
                found.setdefault(str(point), {}).setdefault(f"{place}, 1 thread", {})[quantile] = value
    return {
        point: {place: times for place, times in places.items() if "p50" in times} for point, places in found.items()
    }


def robustness_run(record: Record, source: str) -> Run:
    """Return the run of a ``robustness.json``: the measures of a saved model, clean and corrupted."""
    measures = record["measures"]
    clean = measures["clean"]
    conditions = {
        name: {measure: float(np.mean([one[measure] for one in found])) for measure in found[0] if _all(found, measure)}
        for name, found in measures.items()
        if name != "clean" and found
    }
    data, _, split = part_of(str(record["data"]))
    accuracies = [values["accuracy"] for values in conditions.values() if "accuracy" in values]
    return Run.of(
        {
            "method": str(record["model"]),
            "title": str(record["model"]),
            "data": data,
            "split": split,
            "seed": 0,
            "test": {**clean, "n_rows": record["n_rows"]},
            "robustness": {
                "rob_mu": float(np.mean(accuracies)) if accuracies else None,
                "conditions": {"clean": clean, **conditions},
            },
        },
        source,
    )


def _of_model(record: Record, about: Record, settings: Record) -> dict[str, Any]:
    """Return what all records of models say by the same names."""
    names = ("test", "n_open", "n_dimensions", "n_parameters", "hardware")
    versions = {name: settings[name] for name in ("l0gm", "python", "numpy", "torch") if name in settings}
    return {
        **{name: record.get(name) for name in names},
        "seed": record.get("seed"),
        "modality": "graph" if "gate_at" in settings else "",
        "data": about.get("data"),
        "split": about.get("split"),
        "versions": versions,
    }


def _title(settings: Record) -> str:
    """Return l0gm with what makes the model sparse."""
    gate = settings.get("gate", "hard_concrete")
    kind = "" if gate == "hard_concrete" else f", {gate} gate"
    knob = next((f", {n} {settings[n]}" for n in ("active", "penalty") if settings.get(n) is not None), "")
    return f"l0gm{kind}{knob}"


def _telling(settings: Record, but: frozenset[str] = frozenset()) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if name not in NOT_SETTINGS and name not in but}


def _all(found: Sequence[Record], measure: str) -> bool:
    return all(isinstance(one.get(measure), int | float) for one in found)
