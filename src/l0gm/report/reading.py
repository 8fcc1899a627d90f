"""What a folder holds of the things that commands leave, found by the names of files."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from l0gm.errors import DataError
from l0gm.experiments.records import read_json
from l0gm.experiments.seeds import HISTORY, METRICS, SUMMARY
from l0gm.report.commands import Command, command_of
from l0gm.report.formats import bench_runs, paper_times, point_run, robustness_run, trained_run
from l0gm.report.runs import Method, Run, clean, methods_of

__all__ = ["Found", "read"]

Record = dict[str, Any]

NAMES = (METRICS, SUMMARY, "front.json", "bench.json", "robustness.json")
MODELS = "models"  # of a sweep: they are shown through its points
NOTHING = (
    "holds nothing that l0gm report knows: give the folder of l0gm train, l0gm sweep, l0gm bench, l0gm robustness or "
    "l0gm paper (their --out), or one above them"
)


@dataclass(frozen=True)
class Found:
    """What is in a folder.

    Parameters
    ----------
    folder : Path
    runs : list of Run
    fronts : dict from str to dict
        ``front.json`` of sweeps, by their path.
    tables : list of dict
        ``tableN.json`` of ``l0gm paper``.
    commands : list of Command
        How to repeat what is there.
    notes : list of str
        What could not be read, and why.
    """

    folder: Path
    runs: list[Run] = field(default_factory=list)
    fronts: dict[str, Record] = field(default_factory=dict)
    tables: list[Record] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def datasets(self) -> dict[str, list[Method]]:
        """The methods by data and split, and number of test rows where there are several, in the order of the files."""
        sizes: dict[str, dict[int, None]] = {}
        for run in self.runs:
            sizes.setdefault(run.dataset, {}).update({} if run.n_rows is None else {run.n_rows: None})
        grouped: dict[str, list[Run]] = {}
        for run in self.runs:
            known = sizes[run.dataset]
            rows = run.n_rows if run.n_rows is not None else next(iter(known), None)
            measured_on = f", {rows:,} test rows" if len(known) > 1 else ""
            grouped.setdefault(f"{run.dataset}{measured_on}", []).append(run)
        named = [name for table in self.tables for row in table["rows"] for name in _names(row)]
        place = {name: i for i, name in reversed(list(enumerate(named)))}
        for runs in grouped.values():
            runs.sort(key=lambda run: (place.get(run.title, len(named)), run.group))  # what is alike stays in its order
        return {name: methods_of(runs) for name, runs in grouped.items()}


def read(folder: str | Path) -> Found:
    """Return the runs and tables in a folder and those below it.

    Files that are not whole, or lack what they should say, are left out and named in ``notes``.

    Raises
    ------
    DataError
        If there is no such folder, or nothing of the kind in it.
    """
    root = Path(folder)
    if not root.is_dir():
        raise DataError(f"{root} is no folder: give one that l0gm train, sweep, bench, robustness or paper has written")
    reader = _Reader(Found(root))
    for path in _files(root):
        reader.read(path)
    reader.join()
    found = reader.found
    if not (found.runs or found.tables):
        amiss = f" ({'; '.join(found.notes[:3])})" if found.notes else ""
        raise DataError(f"{root} {NOTHING}{amiss}")
    return found


class _Reader:
    """Reads one file after the other; what it makes of them is ``found``."""

    def __init__(self, found: Found) -> None:
        self.found = found
        self.corrupted: list[tuple[Run, str]] = []
        self.timed: dict[str, dict[str, dict[str, float]]] = {}

    def read(self, path: Path) -> None:
        """Read a file, if its name or place says what it is."""
        name, above = path.name, path.parent.name
        kinds: list[tuple[bool, Callable[[Path, Record], None]]] = [
            (name == METRICS, self._trained),
            (name == SUMMARY, self._summary),
            (above == "points", self._point),
            (name == "front.json", self._front),
            (above == "runs" and name not in NAMES, self._paper_run),
            (name == "bench.json", self._bench),
            (name == "robustness.json", self._robustness),
            (name.startswith("latency-"), self._timed),
            (name.startswith(("table", "masks")), self._table),
        ]
        take = next((take for is_it, take in kinds if is_it), None)
        if take is None:
            return
        record = read_json(path)
        if record is None:
            self._note(path, "it is no whole JSON object, as of a run that was killed")
            return
        try:
            take(path, clean(record))
        except (ValueError, TypeError, KeyError, AttributeError, IndexError) as error:
            what = str(error) if type(error) is ValueError else f"it is not as l0gm writes it ({error!r})"
            self._note(path, what)

    def join(self) -> None:
        """Give what was measured of saved models to the runs that they are of."""
        runs = self.found.runs
        for point, times in self.timed.items():
            places = [i for i, run in enumerate(runs) if Path(run.source).stem == point]
            for i in places:
                runs[i] = replace(runs[i], latency={**runs[i].latency, **times})
        for run, model in self.corrupted:
            place = next((i for i, own in enumerate(runs) if self._is_of(own, model)), None)
            if place is None:
                runs.append(run)
            else:
                runs[place] = replace(runs[place], robustness=run.robustness, rob_mu=run.rob_mu)

    def _is_of(self, run: Run, model: str) -> bool:
        return bool(model) and Path(model).resolve().parent == (self.found.folder / run.source).resolve().parent

    def _trained(self, path: Path, record: Record) -> None:
        if MODELS in path.relative_to(self.found.folder).parts[:-1] and "points" in os.listdir(_above(path, MODELS)):
            return
        is_dense = path.parent.name == "dense"
        folder = path.parent.parent.parent if is_dense else path.parent.parent
        about = clean(read_json(folder / SUMMARY)) or {}
        about = about if about.get("data") else {"data": folder.resolve().name}
        self._add(trained_run(record, about, is_dense, _history(path.parent / HISTORY), self._source(path)))

    def _summary(self, path: Path, record: Record) -> None:
        if "options" in record and MODELS not in path.relative_to(self.found.folder).parts:
            self._command(command_of("train", record, path.parent))

    def _point(self, path: Path, record: Record) -> None:
        folder = path.parent.parent
        model = folder / str(record.get("model") or MODELS)
        summary = clean(read_json(model.parent.parent / SUMMARY)) or {}
        about = clean(read_json(folder / "front.json")) or summary
        about = about if about.get("data") else {"data": folder.resolve().name}
        details = clean(read_json(model.parent / METRICS)) or {}
        self._add(point_run(record, about, details, _history(model.parent / HISTORY), self._source(path)))

    def _front(self, path: Path, record: Record) -> None:
        models = sorted((path.parent / MODELS).glob(f"*/{SUMMARY}"))
        changed = (clean(read_json(models[0])) or {}).get("changed") if models else None
        self._command(command_of("sweep", {**record, "changed": changed}, path.parent))
        self.found.fronts[self._source(path)] = record

    def _paper_run(self, path: Path, record: Record) -> None:
        self._add(Run.of(record, self._source(path)))

    def _bench(self, path: Path, record: Record) -> None:
        for run in bench_runs(record, self._source(path)):
            self._add(run)
        self._command(command_of("bench", record, path.parent))

    def _robustness(self, path: Path, record: Record) -> None:
        run = robustness_run(record, self._source(path))
        self.corrupted.append((run, str(record.get("model") or "")))
        self._command(command_of("robustness", record, path.parent))

    def _timed(self, path: Path, record: Record) -> None:
        for point, times in paper_times(record).items():
            self.timed.setdefault(point, {}).update(times)

    def _table(self, path: Path, record: Record) -> None:
        if not isinstance(record.get("columns"), list) or not isinstance(record.get("rows"), list):
            raise ValueError("it has no columns and rows")
        self.found.tables.append(record)
        self._command(command_of("paper", record, path.parent))

    def _add(self, run: Run) -> None:
        self.found.runs.append(run)

    def _command(self, command: Command | None) -> None:
        if command is not None:
            self.found.commands.append(command)

    def _note(self, path: Path, what: str) -> None:
        self.found.notes.append(clean(f"{self._source(path)} is left out: {what}"))

    def _source(self, path: Path) -> str:
        return path.relative_to(self.found.folder).as_posix()


def _names(row: Any) -> list[str]:
    """Return the cells of a table's row that are texts: one of them is its method."""
    cells = list(row.values()) if isinstance(row, dict) else row if isinstance(row, list) else []
    return [cell for cell in cells if isinstance(cell, str)]


def _files(root: Path) -> Iterator[Path]:
    """Yield the JSON files below a folder, those of one folder by name; hidden folders are left alone."""
    for at, folders, names in os.walk(root):
        folders[:] = sorted((name for name in folders if not name.startswith(".")), key=_natural)
        yield from (Path(at, name) for name in sorted(names) if name.endswith(".json") and not name.startswith("."))


def _natural(name: str) -> tuple[str, int]:
    """Return what sorts seed-2 before seed-10."""
    head, _, tail = name.rpartition("-")
    return (head, int(tail)) if tail.isdecimal() else (name, 0)


def _above(path: Path, name: str) -> Path:
    """Return the folder that holds the one of this name that the path goes through."""
    return next(parent.parent for parent in path.parents if parent.name == name)


def _history(path: Path) -> list[Record]:
    """Return the records of a history file that are whole; none where there is no file."""
    records = []
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    for line in lines:
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict):
            records.append(clean(record))
    return records
