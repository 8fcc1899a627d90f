"""The points of a sweep as one front: quality against the open fraction, over seeds."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from l0gm.experiments.records import write_json
from l0gm.files import replacing
from l0gm.metrics import DIRECTION, summarise, summarise_runs

__all__ = ["METRICS", "SHOWN", "cells", "falling", "falls", "pareto", "summarise_values", "write_front"]

Record = Mapping[str, Any]

METRICS = ("log_loss", "auc", "accuracy", "brier", "ece")
"""Measures of quality that a front may be drawn by."""
SHOWN = {"accuracy": "accuracy", "auc": "AUC", "log_loss": "log loss", "ece": "ECE"}
LOW, HIGH, DISTINCT = 0.02, 0.98, 3


def pareto(costs: Sequence[tuple[float, float]]) -> list[bool]:
    """Return for each pair, both numbers better when lower, whether no other is as good in both and better in one."""
    return [not any(a <= x and b <= y and (a < x or b < y) for a, b in costs) for x, y in costs]


def falls(fractions: Sequence[float]) -> bool:
    """Return whether open fractions, from the least penalty to the largest, fall as a knob should make them.

    They never rise, and at least three different ones lie strictly between 2 and 98 %: below and above, nothing is left
    to close, or nothing has closed.
    """
    inside = {fraction for fraction in fractions if LOW < fraction < HIGH}
    return all(low <= high for high, low in pairwise(fractions)) and len(inside) >= DISTINCT


def falling(values: Sequence[float], records: Iterable[Record]) -> dict[str, Any] | None:
    """Return in which share of the seeds the open fraction falls (:func:`falls`); None where no seed has all values."""
    found: dict[int, dict[float, float]] = {}
    for record in records:
        found.setdefault(record["seed"], {})[record["value"]] = record["n_open"] / record["n_dimensions"]
    order = sorted(values)
    whole = {seed: [path[value] for value in order] for seed, path in sorted(found.items()) if len(path) == len(order)}
    if not whole:
        return None
    good = [seed for seed, path in whole.items() if falls(path)]
    return {"share": len(good) / len(whole), "seeds": list(whole), "falling": good}


def summarise_values(
    values: Sequence[float], seeds: Sequence[int], records: Iterable[Record], metric: str
) -> list[dict[str, Any]]:
    """Return an entry for each value of the knob: its measures over the seeds, and whether it is on the front.

    A value is on the front where no other is at least as good in the mean of ``metric`` over the VALIDATION rows and in
    the mean open fraction, and better in one of them. Values that lack a seed or a validation measure are not compared.

    Parameters
    ----------
    values : sequence of float
    seeds : sequence of int
    records : iterable of dict
        Of finished points.
    metric : str
        One of :data:`METRICS`.
    """
    found = {(record["value"], record["seed"]): record for record in records}
    entries = []
    for value in sorted(values):
        own = [found[value, seed] for seed in seeds if (value, seed) in found]
        if not own:
            continue
        fractions = [record["n_open"] / record["n_dimensions"] for record in own]
        entries.append(
            {
                "value": value,
                "seeds": [record["seed"] for record in own],
                "lacking": [seed for seed in seeds if (value, seed) not in found],
                "on_front": False,
                "open_fraction": summarise(fractions, higher_is_better=False),
                "n_open": [record["n_open"] for record in own],
                "n_dimensions": own[0]["n_dimensions"],
                "validation": _measures([record["validation"] for record in own]),
                "test": _measures([record["test"] for record in own]),
                "seconds": [record["seconds"] for record in own],
                "points": [record["point"] for record in own],
            }
        )
    compared = [entry for entry in entries if not entry["lacking"] and metric in entry["validation"]]
    sign = -1.0 if DIRECTION[metric] else 1.0
    costs = [(sign * entry["validation"][metric]["mean"], entry["open_fraction"]["mean"]) for entry in compared]
    for entry, best in zip(compared, pareto(costs), strict=True):
        entry["on_front"] = best
    return entries


def cells(front: Record) -> list[list[str]]:
    """Return the front as a table: a head, then a line for each value; what is on the front has a star."""
    metric = front["metric"]
    several = len(front["seeds"]) > 1
    heads = [front["knob"], "front", "open, %", f"validation {SHOWN.get(metric, metric)}"]
    heads += [f"test {label}" for label in SHOWN.values()]
    compared = any(entry.get("independent") for entry in front["values"])
    if compared:
        heads += ["difference, validation", "difference, test"]
    table = [heads]
    for entry in front["values"]:
        shown = [_spread(entry["validation"].get(metric), several)]
        shown += [_spread(entry["test"].get(name), several) for name in SHOWN]
        if compared:
            found = entry["independent"] or {}
            shown += [_signed(found.get(part, {}).get(metric)) for part in ("validation", "test")]
        share = {name: 100 * entry["open_fraction"][name] for name in ("mean", "std")}
        lacking = f" (lacks seed {', '.join(map(str, entry['lacking']))})" if entry["lacking"] else ""
        star = "*" if entry["on_front"] else ""
        table.append([f"{entry['value']:g}{lacking}", star, _spread(share, several, 1), *shown])
    return table


def write_front(front: Record, folder: Path) -> list[Path]:
    """Write ``front.json``, ``front.csv`` and ``front.md``, each whole or not at all; return their paths."""
    paths = [folder / f"front.{kind}" for kind in ("json", "csv", "md")]
    write_json(paths[0], front)
    for path, text in zip(paths[1:], (_csv(front), _markdown(front)), strict=True):
        with replacing(path) as beside:
            beside.write_text(text, encoding="utf-8")
    return paths


def _measures(found: Sequence[Record | None]) -> dict[str, Any]:
    """Summarise the measures that all runs have; nothing where one has none."""
    if not all(found):
        return {}
    shared = [name for name in DIRECTION if all(name in run for run in found if run)]
    return dict(summarise_runs([{name: run[name] for name in shared} for run in found if run]))


def _spread(summary: Record | None, several: bool, digits: int = 4) -> str:
    if summary is None:
        return ""
    return f"{summary['mean']:.{digits}f}" + (f" ± {summary['std']:.{digits}f}" if several else "")


def _signed(difference: Record | None) -> str:
    return "" if difference is None else f"{difference['mean']:+.4f}"


def _csv(front: Record) -> str:
    names = list(
        dict.fromkeys(name for entry in front["values"] for part in ("validation", "test") for name in entry[part])
    )
    columns = [(part, name) for part in ("validation", "test") for name in names]
    spread = ("mean", "std", "worst")
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    heads = [f"open_fraction_{kind}" for kind in spread]
    heads += [f"{part}_{name}_{kind}" for part, name in columns for kind in spread]
    writer.writerow([front["knob"], "seeds", "on_front", *heads])
    for entry in front["values"]:
        found = [entry["open_fraction"], *(entry[part].get(name, {}) for part, name in columns)]
        numbers = [summary.get(kind, "") for summary in found for kind in spread]
        writer.writerow([entry["value"], len(entry["seeds"]), int(entry["on_front"]), *numbers])
    return text.getvalue()


def _markdown(front: Record) -> str:
    table = [f"| {' | '.join(row)} |" for row in cells(front)]
    table.insert(1, "|---" * len(cells(front)[0]) + "|")
    title = f"# {front.get('data', 'A sweep')}: quality and open fraction"
    lines = [title, "", *front["notes"], "", *table]
    return "\n".join(lines) + "\n"
