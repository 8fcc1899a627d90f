"""One model for each seed, measured as the file that ships, beside the dense model of the same seed."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import l0gm
from l0gm.data.labels import encode_labels, encode_target
from l0gm.data.parquet import ParquetTable, open_with
from l0gm.errors import DataError, ParameterError
from l0gm.experiments.machine import hardware, versions
from l0gm.experiments.records import differences, fingerprint, plain, read_json, write_json
from l0gm.experiments.summary import summarise_records
from l0gm.files import remove_unfinished
from l0gm.metrics import evaluate
from l0gm.runtime import CompactModel, load

if TYPE_CHECKING:
    from l0gm.estimators import L0GMClassifier

__all__ = ["run_seeds"]

MODEL, HISTORY, METRICS, SUMMARY = "model.l0gm", "history.jsonl", "metrics.json", "summary.json"
CHECKPOINT = "checkpoint.pt"
FOLDERS = {"gated": "seed-{}", "dense": "seed-{}/dense"}
DENSE = {"gate": "none", "active": None, "penalty": None, "cost": None}
NOT_SETTINGS = ("random_state", "progress", "history_path", "checkpoint_path")


@dataclass(frozen=True)
class _Rows:
    """Rows with their labels ``y``, which are ``classes[codes]``."""

    X: Any
    y: Any
    classes: tuple[Any, ...]
    codes: NDArray[np.int64]

    def __str__(self) -> str:
        if isinstance(self.X, ParquetTable):
            known = f"{self.X.digest} {self.classes}".encode() + self.codes.tobytes()
            return f"{len(self.codes)} (sha256 {hashlib.sha256(known).hexdigest()[:16]})"
        labels = [self.classes[code] for code in self.codes.tolist()]
        return f"{len(labels)} (sha256 {fingerprint(self.X, labels)})"


def run_seeds(
    X_train: Any,
    y_train: Any,
    X_test: Any,
    y_test: Any,
    *,
    seeds: Sequence[int],
    out: str | Path,
    dense: bool = True,
    overwrite: bool = False,
    about: Mapping[str, Any] | None = None,
    progress: bool = False,
    on_fit: Callable[[int, str, dict[str, Any]], None] | None = None,
    **options: Any,
) -> dict[str, Any]:
    """Fit, compact, save and measure one model for each seed, and summarise them.

    Each seed leaves ``seed-<s>/`` with ``model.l0gm``, ``history.jsonl`` and ``metrics.json``, and the same three
    of the dense model (``gate="none"``, all else equal) in ``seed-<s>/dense/``. A fit that has left its files is
    not repeated, and one that was cut short goes on from its ``checkpoint.pt``, so that the same call goes on where
    an earlier one was stopped, even killed, and ends with the same model files. The measures are those of the model
    file, read back; a model reads the test rows once, after all that concerns it has been decided.

    Parameters
    ----------
    X_train, X_test : table (n, columns)
        Or parquet files, as :meth:`l0gm.L0GMClassifier.fit` takes them.
    y_train, y_test : sequence (n,)
        Labels; with files, or the name of their column.
    seeds : sequence of int
        The ``random_state`` of each fit, all different.
    out : path
        The folder; ``summary.json`` comes last.
    dense : bool
        Whether to fit the dense models; with an ``initial_model`` there are none.
    overwrite : bool
        Fit again whatever is in ``out``; what an earlier run left there is replaced as each fit ends.
    about : mapping, optional
        Entries on the data (``data``, ``split``, ``target``) for the summary and the model files.
    progress : bool
        Show a progress bar for each fit.
    on_fit : callable, optional
        Called with (seed, "gated" or "dense", record) whenever a fit is there, new or found.
    **options
        Of :class:`l0gm.L0GMClassifier`.

    Returns
    -------
    dict
        The content of ``summary.json``.

    Raises
    ------
    ParameterError
        If ``out`` holds a run with other settings or on other rows; the message names what differs.
    DataError
        If a class has no test row, or the data cannot be used.
    KeyboardInterrupt
        If it is interrupted (Ctrl-C); the message says in which seed, fit and epoch.
    """
    chosen = l0gm.L0GMClassifier(**options).get_params(deep=False)
    from l0gm.estimators.start import fingerprint, starting_model  # after what names a missing package

    out, seeds, about = Path(out), _distinct(seeds), dict(about or {})
    start = starting_model(chosen["initial_model"])
    train, test = _rows(X_train, y_train, X_test, y_test, start)
    known = {"initial_model": None if start is None else fingerprint(start)}
    settings = plain({name: value for name, value in (chosen | known).items() if name not in NOT_SETTINGS})
    conditions = {**settings, "training rows": str(train), "test rows": str(test), **versions()}
    if not overwrite:
        _refuse_others(out, conditions)

    roles: dict[str, dict[str, Any]] = {"gated": chosen}
    if dense and chosen["gate"] != "none" and start is None:
        roles["dense"] = chosen | DENSE
    records: dict[str, list[dict[str, Any]]] = {role: [] for role in roles}
    for seed in seeds:
        for role, parameters in roles.items():
            folder = out / FOLDERS[role].format(seed)
            record = None if overwrite else _finished(folder)
            if record is None:
                own = {"random_state": seed, "progress": progress}
                paths = {"history_path": folder / HISTORY, "checkpoint_path": folder / CHECKPOINT}
                _prepare(folder, overwrite)
                try:
                    model = l0gm.L0GMClassifier(**(parameters | own | paths))
                    record = _fit(model, train, test, folder, about, conditions)
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
            "rows": {"train": len(train.codes), "test": len(test.codes)},
            "options": settings,
            "versions": versions(),
        }
    )
    write_json(out / SUMMARY, summary)
    if overwrite:
        _discard(out, {out / FOLDERS[role].format(seed) for role in roles for seed in seeds})
    return summary


def _fit(
    model: L0GMClassifier,
    train: _Rows,
    test: _Rows,
    folder: Path,
    about: Mapping[str, Any],
    conditions: Mapping[str, Any],
) -> dict[str, Any]:
    """Fit, compact, save and measure one model; the record is written last, so that it vouches for the rest."""
    path = folder / MODEL
    started = time.perf_counter()
    model.fit(train.X, train.y)
    seconds = time.perf_counter() - started
    model.compact().with_information(**about).save(path)

    shipped = load(path)
    information = shipped.information
    raw = shipped.predict_proba(test.X, calibrated=False)
    scaled = evaluate(test.codes, shipped.calibrator.apply(raw))
    measures = scaled if shipped.calibrated else evaluate(test.codes, raw)
    shipped.with_information(metrics={**information["metrics"], "test": measures}).save(path)

    end = model.history_.last("end")
    record: dict[str, Any] = plain(
        {
            "seed": model.random_state,
            "test": measures,
            "scaled": {**scaled, "calibrator": str(shipped.calibrator)},
            "n_open": information["n_open"],
            "n_dimensions": information["n_dimensions"],
            "n_parameters": shipped.n_parameters,
            "n_parameters_gated": information["n_parameters_gated"],
            "model_bytes": path.stat().st_size,
            "model_sha256": _sha256(path),
            "support": information["support"],
            "hardening": model.history_.last("harden"),
            "fit_seconds": round(seconds if end is None else max(seconds, end["seconds"]), 3),  # if it was cut short
            "epochs": None if end is None else end["epochs"],
            "notes": information["notes"],
            "hardware": hardware(),
            "conditions": conditions,
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


def _distinct(seeds: Sequence[int]) -> list[int]:
    listed = [int(seed) for seed in seeds]
    if not listed or len(set(listed)) < len(listed) or min(listed) < 0:
        raise ParameterError(f"seeds={listed}: give one or more different whole numbers, none of them negative")
    return listed


def _rows(X_train: Any, y_train: Any, X_test: Any, y_test: Any, start: CompactModel | None) -> tuple[_Rows, _Rows]:
    """Return both parts, checked before hours of training: the test rows must be fit to measure on."""
    seen, y_train = open_with(X_train, y_train)
    held_out, y_test = open_with(X_test, y_test)
    X_train = seen if isinstance(seen, ParquetTable) else X_train
    X_test = held_out if isinstance(held_out, ParquetTable) else X_test
    if start is None:
        classes, codes = encode_target(y_train, len(seen))
    else:
        from l0gm.estimators.start import known_labels

        classes, codes = start.classes_, known_labels(y_train, len(seen), start)
    test = _Rows(X_test, y_test, classes, encode_labels(y_test, classes))
    if len(test.codes) != len(held_out):
        raise DataError(f"the test rows have {len(test.codes)} labels for {len(held_out)} rows")
    lacking = [name for name in seen.names if name not in held_out]
    if lacking:
        raise DataError(f"the test rows lack {', '.join(lacking)}: bring these columns, or train without them")
    absent = sorted(set(range(len(classes))) - set(test.codes.tolist()))
    if absent:
        raise DataError(
            f"the {len(test.codes)} test rows hold none of class {', '.join(repr(classes[i]) for i in absent)}: "
            "every class is needed to measure on, so use more test rows"
        )
    return _Rows(X_train, y_train, classes, codes), test


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
