"""One model for each seed, measured as the file that ships, beside the dense model of the same seed."""

from __future__ import annotations

import hashlib
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from l0gm.errors import ParameterError
from l0gm.experiments.machine import hardware, versions
from l0gm.experiments.records import differences, plain, read_json, write_json
from l0gm.experiments.summary import summarise_records
from l0gm.files import remove_unfinished
from l0gm.runtime import load

__all__ = ["OnFit", "Subject", "fit_seeds", "measured_twice", "ship"]

MODEL, HISTORY, METRICS, SUMMARY = "model.l0gm", "history.jsonl", "metrics.json", "summary.json"
CHECKPOINT = "checkpoint.pt"
FOLDERS = {"gated": "seed-{}", "dense": "seed-{}/dense"}
DENSE = {"gate": "none", "active": None, "penalty": None, "cost": None, "hidden_cost": None}
NOT_SETTINGS = ("random_state", "progress", "history_path", "checkpoint_path")

OnFit = Callable[[int, str, dict[str, Any]], None]
"""Called with (seed, "gated" or "dense", record) whenever a fit is there, new or found."""


class Subject(ABC):
    """What models are fitted on and measured on, whatever it is."""

    @abstractmethod
    def make(self, parameters: Mapping[str, Any]) -> Any:
        """Return the estimator that has these parameters."""

    @abstractmethod
    def fit(self, model: Any) -> None:
        """Fit it on the training part."""

    @abstractmethod
    def measured(self, model: Any) -> dict[str, dict[str, Any]]:
        """Return the measures of a compacted model on the test part, by the entry of the record that they are."""

    @abstractmethod
    def conditions(self) -> dict[str, str]:
        """Return what tells this data from other data."""

    @abstractmethod
    def counts(self) -> dict[str, Any]:
        """Return the summary's entries on how much data there is."""


def fit_seeds(
    subject: Subject,
    parameters: Mapping[str, Any],
    known: Mapping[str, Any],
    *,
    seeds: Sequence[int],
    out: str | Path,
    dense: bool,
    overwrite: bool,
    about: Mapping[str, Any] | None,
    progress: bool,
    on_fit: OnFit | None,
) -> dict[str, Any]:
    """Fit, compact, save and measure one model for each seed, and summarise them.

    See :func:`l0gm.experiments.run_seeds`, whose arguments these are.

    Parameters
    ----------
    subject : Subject
    parameters : mapping
        All those of the estimator.
    known : mapping
        What stands in the settings for parameters that are no plain values.
    """
    out, seeds, about = Path(out), _distinct(seeds), dict(about or {})
    settings = plain({name: value for name, value in {**parameters, **known}.items() if name not in NOT_SETTINGS})
    conditions = {**settings, **subject.conditions(), **versions()}
    if not overwrite:
        _refuse_others(out, conditions)

    roles: dict[str, dict[str, Any]] = {"gated": dict(parameters)}
    if dense and parameters["gate"] != "none":
        roles["dense"] = {name: DENSE.get(name, value) for name, value in parameters.items()}
    records: dict[str, list[dict[str, Any]]] = {role: [] for role in roles}
    for seed in seeds:
        for role, chosen in roles.items():
            folder = out / FOLDERS[role].format(seed)
            record = None if overwrite else _finished(folder)
            if record is None:
                own = {"random_state": seed, "progress": progress}
                paths = {"history_path": folder / HISTORY, "checkpoint_path": folder / CHECKPOINT}
                _prepare(folder, overwrite)
                try:
                    record = _fit(subject, subject.make({**chosen, **own, **paths}), folder, about, conditions)
                except KeyboardInterrupt as interruption:
                    where = KeyboardInterrupt(", ".join([f"seed {seed}", role, *map(str, interruption.args)]))
                    where.add_note(
                        f"The same call without overwrite goes on from there, unless {out} still holds another run."
                        if overwrite
                        else "The same call goes on from there."
                    )
                    raise where from None
            (folder / CHECKPOINT).unlink(missing_ok=True)
            records[role].append(record)
            if on_fit is not None:
                on_fit(seed, role, record)
    summary: dict[str, Any] = plain(
        {
            **summarise_records(records["gated"], records.get("dense")),
            **about,
            **subject.counts(),
            "options": settings,
            "changed": _changed(settings, subject),
            "versions": versions(),
        }
    )
    write_json(out / SUMMARY, summary)
    if overwrite:
        _discard(out, {out / FOLDERS[role].format(seed) for role in roles for seed in seeds})
    return summary


def measured_twice(
    model: Any,
    raw: NDArray[Any],
    measures: Callable[[NDArray[Any]], dict[str, float]],
    parts: Callable[[NDArray[Any]], dict[str, Any]],
) -> dict[str, dict[str, Any]]:
    """Return a record's measures of raw probabilities (n, C): those of the answers as shipped, and the scaled ones.

    ``parts`` are what a report draws of the answers as shipped, see :func:`l0gm.metrics.breakdown`.
    """
    scaled = measures(model.calibrator.apply(raw))
    return {
        "test": scaled if model.calibrated else measures(raw),
        "scaled": {**scaled, "calibrator": str(model.calibrator)},
        "breakdown": parts(model.scaled(raw)),
    }


def _fit(
    subject: Subject, model: Any, folder: Path, about: Mapping[str, Any], conditions: Mapping[str, Any]
) -> dict[str, Any]:
    """Fit, compact, save and measure one model; the record is written last, so that it vouches for the rest."""
    started = time.perf_counter()
    subject.fit(model)
    seconds, end = time.perf_counter() - started, model.history_.last("end")
    return ship(
        subject,
        model,
        folder,
        about,
        {
            "hardening": model.history_.last("harden"),
            "fit_seconds": round(seconds if end is None else max(seconds, end["seconds"]), 3),  # if it was cut short
            "epochs": None if end is None else end["epochs"],
            "conditions": conditions,
        },
    )


def ship(
    subject: Subject, model: Any, folder: Path, about: Mapping[str, Any], fit: Mapping[str, Any]
) -> dict[str, Any]:
    """Compact, save and measure a fitted model; ``fit`` are entries of the record on the fit itself."""
    path = folder / MODEL
    model.compact().with_information(**about).save(path)

    shipped = load(path)
    information = shipped.information
    measures = subject.measured(shipped)
    shipped.with_information(metrics={**information["metrics"], "test": measures["test"]}).save(path)

    record: dict[str, Any] = plain(
        {
            "seed": model.random_state,
            **measures,
            "n_open": information["n_open"],
            "n_dimensions": information["n_dimensions"],
            "n_parameters": shipped.n_parameters,
            "n_parameters_gated": information["n_parameters_gated"],
            "model_bytes": path.stat().st_size,
            "model_sha256": _sha256(path),
            "support": information["support"],
            "notes": information["notes"],
            "hardware": hardware(),
            **fit,
        }
    )
    write_json(folder / METRICS, record)
    return record


def _prepare(folder: Path, overwrite: bool) -> None:
    """Find out before training whether the folder can be written to, and remove what is of no use in it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / HISTORY).touch()
        for name in (MODEL, HISTORY, METRICS):
            remove_unfinished(folder / name)
        if overwrite:
            (folder / CHECKPOINT).unlink(missing_ok=True)
    except OSError as error:
        raise ParameterError(f"{folder} cannot be written to ({error}): choose another place") from error


def _finished(folder: Path) -> dict[str, Any] | None:
    """Return the record of a fit that has left all of its files."""
    record, model = read_json(folder / METRICS), folder / MODEL
    if record is None or not model.is_file() or not (folder / HISTORY).is_file():
        return None
    return record if record.get("model_sha256") == _sha256(model) else None


def _refuse_others(out: Path, conditions: Mapping[str, Any]) -> None:
    for path in _left(out, METRICS):
        record = read_json(path)
        found = [] if record is None else differences(record.get("conditions", {}), conditions)
        if found:
            more = f"; and {len(found) - 4} more" if len(found) > 4 else ""
            raise ParameterError(
                f"{out} holds a run under other conditions ({'; '.join(found[:4])}{more}): choose another folder, "
                "or discard the run there with overwrite"
            )


def _discard(out: Path, keep: set[Path]) -> None:
    """Remove the files of fits that are not in the folders to keep, and nothing else."""
    for path in (path for name in (METRICS, MODEL, HISTORY, CHECKPOINT) for path in _left(out, name)):
        if path.parent not in keep:
            path.unlink(missing_ok=True)


def _left(out: Path, name: str) -> list[Path]:
    return [path for folder in FOLDERS.values() for path in sorted(out.glob(f"{folder.format('*')}/{name}"))]


def _changed(settings: Mapping[str, Any], subject: Subject) -> dict[str, Any]:
    """Return the settings that are not the estimator's defaults: what a command has to say to repeat the run."""
    defaults = plain(subject.make({}).get_params(deep=False))
    return {name: value for name, value in settings.items() if value != defaults.get(name)}


def _distinct(seeds: Sequence[int]) -> list[int]:
    listed = [int(seed) for seed in seeds]
    if not listed or len(set(listed)) < len(listed) or min(listed) < 0:
        raise ParameterError(f"seeds={listed}: give one or more different whole numbers, none of them negative")
    return listed


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
