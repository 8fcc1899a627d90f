"""Paths of a sweep: all values of a seed in one training, from dense to sparse, and how far from independent fits."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from l0gm.experiments.crew import Task
from l0gm.experiments.machine import versions
from l0gm.experiments.points import Point, Points, Record, Unit, canonical_json
from l0gm.experiments.rows import _Rows
from l0gm.experiments.seeds import CHECKPOINT, HISTORY, MODEL, ship
from l0gm.metrics import DIRECTION

__all__ = ["FOLDER", "SeedPath", "cost", "distances", "train_path", "write_points"]

FOLDER = "paths"
"""Where the records of paths are, beside those of points."""
SHARED = ("n_open", "n_dimensions", "n_parameters", "model_bytes", "epochs", "notes", "hardware")


@dataclass(frozen=True)
class SeedPath(Unit):
    """The values of a seed, in one training.

    Parameters
    ----------
    values : tuple of float
        Fractions, ascending.
    seed : int
    """

    values: tuple[float, ...]
    seed: int

    @classmethod
    def of(cls, values: Sequence[float], seed: int, settings: Mapping[str, Any]) -> SeedPath:
        """Return the path of these settings, which need not name values and seed."""
        whole = {**settings, "path": list(values), "active": None, "random_state": seed}
        return cls(canonical_json(whole), tuple(values), seed)

    @property
    def points(self) -> list[Point]:
        """The points of the path: their configuration says that they are on one, and on which."""
        settings = json.loads(self.configuration)
        return [Point.of("active", value, self.seed, settings) for value in self.values]

    def about(self) -> Record:
        """Return the values and the seed."""
        return {"values": list(self.values), "seed": self.seed}

    def lacking(self, record: Record) -> str | None:
        """Return what the records of its points lack."""
        found = record.get("points")
        if not isinstance(found, list) or len(found) != len(self.values):
            return f"the record has to hold {len(self.values)} points"
        return next((why for point, one in zip(self.points, found, strict=True) if (why := point.lacking(one))), None)

    def told(self, record: Record) -> str:
        """Return the measures of each point, a line each."""
        lines = (f"{p.value:g}: {p.told(one)}" for p, one in zip(self.points, record["points"], strict=True))
        return "\n  ".join([f"{record['seconds']:.0f} s", *lines])

    def __str__(self) -> str:
        return f"path of {len(self.values)} values, seed {self.seed}"


def train_path(task: Task, path: SeedPath, folder: Path) -> dict[str, Any]:
    """Fit a path, and compact, save and measure its models; one that was cut short goes on from its checkpoint."""
    assert isinstance(task.subject, _Rows)  # run_sweep makes no other
    folder.mkdir(parents=True, exist_ok=True)
    files = {"history_path": folder / HISTORY, "checkpoint_path": folder / CHECKPOINT}
    model = task.subject.make({**task.parameters, "active": None, "random_state": path.seed, **files})
    points = []
    for value, made in zip(path.values, task.subject.fit_path(model, path.values), strict=True):
        history, own = made.history_, folder / f"active-{value:g}"
        end, whole = history.last("end"), history.last("path")
        own.mkdir(exist_ok=True)
        seconds = end["seconds"] + whole["seconds"] / len(path.values)
        fit = {"hardening": history.last("harden"), "fit_seconds": round(seconds, 3), "epochs": end["epochs"]}
        record = ship(task.subject, made, own, task.about, {**fit, "conditions": json.loads(path.configuration)})
        points.append(
            {
                "validation": made.metrics_.get("validation"),
                "test": record["test"],
                **{name: record[name] for name in SHARED},
                "seconds": seconds,
                "model": str((own / MODEL).relative_to(folder.parent.parent)),
                "versions": versions(),
                "path": path.digest,
            }
        )
    (folder / CHECKPOINT).unlink(missing_ok=True)
    return {"points": points, "seconds": sum(point["seconds"] for point in points), "versions": versions()}


def write_points(folder: Path, paths: Sequence[SeedPath]) -> None:
    """Write a file for each point of the paths that are finished, where it is not there yet."""
    store, whole = Points(folder), Points(folder, FOLDER)
    for path in paths:
        record = whole.found(path)
        for point, one in zip(path.points, record["points"] if record is not None else (), strict=False):
            if store.found(point) is None:
                store.set_aside(point)
                store.write(point, one)


def distances(entry: Record, own: Sequence[Record], independent: Sequence[Record]) -> dict[str, Any] | None:
    """Return by how much the measures of a value's points on paths exceed those of independent fits; None without any.

    Parameters
    ----------
    entry : dict
        Of the value.
    own, independent : sequence of dict
        Records of points, of any value and seed.
    """
    alone = {record["seed"]: record for record in independent if record["value"] == entry["value"]}
    pairs = [(r, alone[r["seed"]]) for r in own if r["value"] == entry["value"] and r["seed"] in alone]
    if not pairs:
        return None
    found: dict[str, Any] = {"seeds": [here["seed"] for here, _ in pairs]}
    for part in ("validation", "test"):
        both = [(here[part] or {}, there[part] or {}) for here, there in pairs]
        shared = [name for name in DIRECTION if all(name in here and name in there for here, there in both)]
        differences = {name: [here[name] - there[name] for here, there in both] for name in shared}
        found[part] = {name: {"mean": float(np.mean(each)), "seeds": each} for name, each in differences.items()}
    return found


def cost(own: Sequence[Record], independent: Sequence[Record]) -> dict[str, Any]:
    """Return the seconds that each seed's path took, and those of each independent fit that there is."""
    seeds = dict.fromkeys(record["seed"] for record in own)
    return {
        "seconds": [sum(record["seconds"] for record in own if record["seed"] == seed) for seed in seeds],
        "independent_seconds": [record["seconds"] for record in independent],
    }
