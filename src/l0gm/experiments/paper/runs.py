"""One run of a table: a method is fitted with one seed, and measured on the test part once."""

from __future__ import annotations

import pickle
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l0gm.baselines import Method, Modality, find
from l0gm.baselines.threads import pinned
from l0gm.experiments.machine import hardware, versions, versions_of
from l0gm.experiments.paper.cases import Case
from l0gm.experiments.points import Record, Unit, canonical_json
from l0gm.experiments.records import plain
from l0gm.files import replacing
from l0gm.metrics import breakdown, evaluate
from l0gm.runtime import load

__all__ = ["RUNS", "Run", "answers_of", "model_of", "run_once", "whole"]

RUNS = "runs"
"""The folder of the records."""
PROTOCOL = 2
"""Another number, and runs are made again: it stands for what is measured, and how."""
LIBRARIES = ("catboost", "lightgbm", "xgboost")  # any of which may be a teacher
ANSWERS, SHIPPED, PICKLED, HISTORY, CHECKPOINT = (
    "answers.npz", "model.l0gm", "model.pickle", "history.jsonl", "checkpoint.pt"
)  # fmt: skip


@dataclass(frozen=True)
class Run(Unit):
    """A method with one seed on one case.

    Parameters
    ----------
    modality, method : str
    seed : int
    active : float, optional
        The fraction of the interface to keep, where the method keeps one.
    settings : tuple of (str, value)
        Others of the method.
    """

    modality: Modality
    method: str
    seed: int
    active: float | None
    settings: tuple[tuple[str, Any], ...]

    @classmethod
    def of(cls, case: Case, method: Method, seed: int, active: float | None, settings: Mapping[str, Any]) -> Run:
        """Return the run of a method on a case."""
        kept = active if method.budgeted and "penalty" not in settings else None
        made = method.make(seed=seed, active=kept, threads=1, **settings)
        decides = {
            **case.conditions(),
            "method": method.name,
            "modality": method.modality,
            "parameters": {name: value for name, value in made.get_params(deep=False).items() if name != "threads"},
            "protocol": PROTOCOL,
            **versions(),
            **versions_of("scikit-learn", *LIBRARIES, *(package.replace("_", "-") for package in method.packages)),
        }
        return cls(canonical_json(decides), method.modality, method.name, seed, kept, tuple(sorted(settings.items())))

    def about(self) -> Record:
        """Return method, seed and settings."""
        return {
            "modality": self.modality,
            "method": self.method,
            "seed": self.seed,
            "active": self.active,
            "settings": dict(self.settings),
        }

    def lacking(self, record: Record) -> str | None:
        """Return what the record lacks."""
        parts = ("test", "seconds", "robustness", "breakdown", "n_open", "n_dimensions")
        absent = [name for name in parts if name not in record]
        return f"the record lacks {', '.join(absent)}" if absent else None

    def told(self, record: Record) -> str:
        """Return the measures in a line."""
        test, rob = record["test"], record["robustness"]
        shown = [f"accuracy {test['accuracy']:.4f}", f"log loss {test['log_loss']:.4f}", f"ECE {test['ece']:.4f}"]
        shown += [f"Rob mu {rob['rob_mu']:.4f}"] if rob else []
        shown += [f"{record['n_open']} of {record['n_dimensions']} open"] if record["n_dimensions"] else []
        return ", ".join([*shown, f"{record['seconds']:.0f} s"])

    def __str__(self) -> str:
        chosen = [f"{name} {value}" for name, value in self.settings]
        chosen += [] if self.active is None else [f"active {self.active:g}"]
        return ", ".join([f"{self.modality} {self.method}", *chosen, f"seed {self.seed}"])


def run_once(case: Case, run: Run, folder: Path) -> dict[str, Any]:
    """Fit, measure and keep a run, with one thread; what was cut short goes on from its checkpoint.

    Parameters
    ----------
    case : Case
    run : Run
    folder : Path
        Of the run alone: the model and its answers stay there.
    """
    with pinned(1):
        return _run(case, run, folder)


def _run(case: Case, run: Run, folder: Path) -> dict[str, Any]:
    method = find(run.modality, run.method)
    model = method.make(seed=run.seed, active=run.active, threads=1, **dict(run.settings))
    folder.mkdir(parents=True, exist_ok=True)
    known = model.get_params(deep=False)
    own = {"history_path": folder / HISTORY, "checkpoint_path": folder / CHECKPOINT}
    model.set_params(**{name: path for name, path in own.items() if name in known})
    started = time.perf_counter()
    case.subject.fit(model)
    seconds = time.perf_counter() - started
    (folder / CHECKPOINT).unlink(missing_ok=True)

    shipped, n_bytes = _kept(model, folder)
    proba = case.answers(shipped)
    with replacing(folder / ANSWERS) as beside, beside.open("wb") as file:
        np.savez_compressed(file, proba=proba, labels=case.labels)
    every = len(np.unique(case.labels)) == proba.shape[1]
    history = getattr(model, "history_", None)
    end = None if history is None else history.last("end")
    return {
        "title": method.title,
        "group": method.group,
        "data": case.data,
        "split": case.split,
        "test": evaluate(case.labels, proba, absent="error" if every else "skip"),
        "validation": dict(getattr(model, "metrics_", {}).get("validation") or {}),
        "robustness": case.robustness(shipped),
        "breakdown": breakdown(case.labels, proba, classes=case.classes[: proba.shape[1]]),
        **_sizes(model, shipped),
        "model_bytes": n_bytes,
        "seconds": round(seconds if end is None else max(seconds, end["seconds"]), 3),
        "history": None if history is None else plain(history.records),
        "support": shipped.information["support"] if hasattr(shipped, "information") else None,
        "folder": f"{folder.parent.name}/{folder.name}",
        "hardware": hardware(),
        "versions": {**versions(), **versions_of(*method.packages)},
    }


def whole(out: Path, record: Mapping[str, Any]) -> bool:
    """Return whether the files that a record vouches for are there; a record of something else vouches for none."""
    if "folder" not in record:
        return True
    folder = out / record["folder"]
    return (folder / ANSWERS).is_file() and any((folder / name).is_file() for name in (SHIPPED, PICKLED))


def answers_of(out: Path, record: Mapping[str, Any]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the test labels (n,) and the probabilities (n, C) that a run gave."""
    with np.load(out / record["folder"] / ANSWERS) as kept:
        return kept["labels"], kept["proba"]


def model_of(out: Path, record: Mapping[str, Any]) -> Any:
    """Return the model of a run. It may be a pickle: read only what you have written."""
    folder = out / record["folder"]
    if (folder / SHIPPED).is_file():
        return load(folder / SHIPPED)
    with (folder / PICKLED).open("rb") as file:
        return pickle.load(file)


def _kept(model: Any, folder: Path) -> tuple[Any, int]:
    """Write the model as it ships, and return it read back, with its size in bytes."""
    if hasattr(model, "compact"):
        path = folder / SHIPPED
        model.compact().save(path)
        return load(path), path.stat().st_size
    path = folder / PICKLED
    with replacing(path) as beside:
        beside.write_bytes(pickle.dumps(model))
    return model, path.stat().st_size


def _sizes(model: Any, shipped: Any) -> dict[str, int | None]:
    """Return the open dimensions of the interface, all of them, and the numbers that the model holds."""
    if hasattr(model, "size"):
        return dict(model.size()._asdict())
    told = shipped.information
    return {
        "n_open": told["n_open"],
        "n_dimensions": told["n_dimensions"],
        "n_parameters": shipped.n_parameters,
        **({"open_weights": told["open_weights"]} if "open_weights" in told else {}),
    }
