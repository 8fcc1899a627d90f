"""Records of single fits as one summary: mean, spread and worst seed of every measure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from l0gm.metrics import DIRECTION, paired_interval, summarise_runs

__all__ = ["summarise_records"]

HARDENING = ("n_open_before", "n_open", "auc_before", "auc_after", "decided")

Record = dict[str, Any]


def summarise_records(gated: Sequence[Record], dense: Sequence[Record] | None = None) -> dict[str, Any]:
    """Summarise the records that :func:`l0gm.experiments.run_seeds` keeps, one for each seed.

    Parameters
    ----------
    gated, dense : sequence of dict
        Records of the same seeds, in the same order; None where no dense model was fitted.

    Returns
    -------
    dict
        Each measure as ``{"mean", "std", "worst", "seeds"}``; counts as one int where all seeds agree, else as
        their mean; what differs from seed to seed as a list.
    """
    gap = None
    if dense is not None and len(gated) > 1:
        gap = paired_interval(_accuracies(gated), _accuracies(dense))._asdict()
    fields = dict.fromkeys(name for record in gated for name in record["support"])
    return {
        "seeds": [record["seed"] for record in gated],
        **_measures(gated, "test"),
        "active_fraction": float(np.mean([r["n_open"] / r["n_dimensions"] for r in gated])),
        **{name: _agreed(gated, name) for name in ("n_open", "n_dimensions", "n_parameters")},
        "n_parameters_gated": _agreed(gated, "n_parameters_gated"),
        "dense": None
        if dense is None
        else {
            **_measures(dense, "test"),
            **_smoothed(dense),
            "n_parameters": _agreed(dense, "n_parameters"),
            "model_bytes": [record["model_bytes"] for record in dense],
            "fit_seconds": [record["fit_seconds"] for record in dense],
        },
        "accuracy_minus_dense": gap,
        "scaled": {**_measures(gated, "scaled"), "calibrator": [r["scaled"]["calibrator"] for r in gated]},
        **_smoothed(gated),
        "hardening": [_hardening(record) for record in gated],
        "support": {name: [record["support"].get(name) for record in gated] for name in fields},
        "model_bytes": [record["model_bytes"] for record in gated],
        "fit_seconds": [record["fit_seconds"] for record in gated],
        "epochs": [record["epochs"] for record in gated],
        "hardware": _same([record["hardware"] for record in gated]),
    }


def _measures(records: Sequence[Record], rows: str) -> dict[str, Any]:
    """Summarise every measure that has a bad end, with the mean of the null band's upper end beside the ECE."""
    runs = [{k: v for k, v in record[rows].items() if k in DIRECTION} for record in records]
    nulls = [f"{name}_null_p95" for name in ("ece", "ece_adaptive", "ece_positive") if name in runs[0]]
    return {
        **summarise_runs(runs),
        **{name: float(np.mean([record[rows][name] for record in records])) for name in nulls},
    }


def _smoothed(records: Sequence[Record]) -> dict[str, Any]:
    """Return the measures after Correct and Smooth, where there are some."""
    return {"smoothed": _measures(records, "smoothed")} if "smoothed" in records[0] else {}


def _accuracies(records: Sequence[Record]) -> list[float]:
    return [record["test"]["accuracy"] for record in records]


def _agreed(records: Sequence[Record], name: str) -> int | float:
    counts = [int(record[name]) for record in records]
    return counts[0] if len(set(counts)) == 1 else float(np.mean(counts))


def _hardening(record: Record) -> Record | None:
    event = record["hardening"]
    return None if event is None else {name: event[name] for name in HARDENING}


def _same(values: list[Any]) -> Any:
    """Return what all values are, or the values themselves where they differ."""
    return values[0] if all(value == values[0] for value in values) else values
