"""The points of a sweep as files: one a configuration, claimed by one process at a time, whole or not there."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import socket
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from l0gm.errors import ParameterError
from l0gm.experiments.records import plain, read_json, write_json
from l0gm.files import remove_unfinished

__all__ = ["Point", "Points", "Unit", "canonical_json"]

Record = dict[str, Any]

PROCESSES = Path("/proc")
BOOT = PROCESSES / "sys" / "kernel" / "random" / "boot_id"
STATE, STARTED = 0, 19  # of what follows the name in /proc/PID/stat
PARTS: Mapping[str, Any] = {
    "validation": dict,
    "test": dict,
    "n_open": int,
    "n_dimensions": int,
    "seconds": int | float,
}
"""What a record has to hold, beside what names the point."""
TOLD = (("accuracy", "accuracy"), ("AUC", "auc"), ("log loss", "log_loss"))


@dataclass(frozen=True)
class Unit(ABC):
    """What is done once and leaves one record: a point of a sweep, a run of a table.

    Parameters
    ----------
    configuration : str
        All that decides the result (parameters, rows, seed, versions), as :func:`canonical_json` writes it.
    """

    configuration: str

    @property
    def digest(self) -> str:
        """The sha256 of the configuration, which names the unit's files."""
        return _digest(self.configuration)

    @abstractmethod
    def about(self) -> Record:
        """Return what a record says of its unit, beside the configuration."""

    @abstractmethod
    def lacking(self, record: Record) -> str | None:
        """Return what a record has to hold and does not; None where it is whole."""

    @abstractmethod
    def told(self, record: Record) -> str:
        """Return a finished record in a line."""


@dataclass(frozen=True)
class Point(Unit):
    """One fit of a sweep.

    Parameters
    ----------
    knob : {"active", "penalty"}
    value : float
        Of the knob.
    seed : int
    """

    knob: str
    value: float
    seed: int

    @classmethod
    def of(cls, knob: str, value: float, seed: int, settings: Mapping[str, Any]) -> Point:
        """Return the point of these settings, which need not name knob and seed."""
        return cls(canonical_json({**settings, knob: value, "random_state": seed}), knob, value, seed)

    def about(self) -> Record:
        """Return the value and the seed."""
        return {"knob": self.knob, "value": self.value, "seed": self.seed}

    def lacking(self, record: Record) -> str | None:
        """Return what the record lacks."""
        parts = {**record, "validation": record.get("validation") or {}}  # none where a class lacks validation rows
        if not all(isinstance(parts.get(name), kind) for name, kind in PARTS.items()):
            return f"the record has to hold {', '.join(PARTS)}, and it holds {sorted(record)}"
        measures = [*parts["validation"].values(), *parts["test"].values()]
        if record["n_dimensions"] > 0 and all(isinstance(measure, int | float) for measure in measures):
            return None
        return "a measure is no number"

    def told(self, record: Record) -> str:
        """Return the measures in a line."""
        shown = ", ".join(f"{name} {record['test'][key]:.4f}" for name, key in TOLD if key in record["test"])
        return f"{shown}, {record['n_open']} of {record['n_dimensions']} open, {record['seconds']:.0f} s"

    def __str__(self) -> str:
        return f"{self.knob} {self.value:g}, seed {self.seed}"


class Points:
    """The points of a folder, which several processes and sweeps may share.

    Parameters
    ----------
    folder : path
        Of the sweep.
    name : str
        Of the folder in it that has the points' files, ``HASH.json``.

    Raises
    ------
    ParameterError
        If it cannot be written to.
    """

    def __init__(self, folder: str | Path, name: str = "points") -> None:
        self.folder = Path(folder) / name
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with self._alone():
                pass
        except OSError as error:
            raise ParameterError(f"{folder} cannot be written to ({error}): choose another place") from error

    def path(self, point: Unit) -> Path:
        """Return the point's file, whether or not it is there."""
        return self.folder / f"{point.digest}.json"

    def lock(self, point: Unit) -> Path:
        """Return the file that says who works on the point."""
        return self.folder / f"{point.digest}.lock"

    def found(self, point: Unit) -> Record | None:
        """Return the record of a finished point; None where there is none that is whole."""
        record = read_json(self.path(point))
        return record if record is not None and _is_whole(record, point) else None

    def write(self, point: Unit, record: Mapping[str, Any]) -> None:
        """Write the record of a finished point, whole or not at all.

        Raises
        ------
        ParameterError
            If the record lacks something, or the file cannot be written.
        """
        known = {"point": point.digest, **point.about()}
        whole = plain({**known, **record, "configuration": json.loads(point.configuration)})
        lacking = point.lacking(whole)
        if lacking is not None:
            raise ParameterError(f"{point}: {lacking}")
        write_json(self.path(point), whole)

    def set_aside(self, point: Unit) -> Path | None:
        """Rename what stands at the point's place and is no whole record; return its new path, or None.

        Call it while the point is claimed.
        """
        path = self.path(point)
        remove_unfinished(path)
        if not path.exists() or self.found(point) is not None:
            return None
        aside = path.with_suffix(".damaged")
        path.replace(aside)
        return aside

    @contextmanager
    def claimed(self, point: Unit) -> Iterator[str | None]:
        """Hold the point while the block runs; yield None, or who holds it, and then it is not ours.

        The claim is a file with process, host and time. The claim of a process that is gone is taken over; whether one
        on another host is gone cannot be known, and its claim stays until its file is deleted.
        """
        path = self.lock(point)
        own = {**_self(), "since": datetime.now(UTC).isoformat(timespec="seconds")}
        with self._alone():
            holder = read_json(path)
            if holder is not None and _is_there(holder):
                own = {}
            else:
                path.unlink(missing_ok=True)  # whoever wrote it is gone: others write while they are alone
                with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644), "w") as file:
                    json.dump(own, file)
        if not own:
            assert holder is not None  # it is there
            yield f"process {holder['pid']} on {holder['host']} since {holder['since']} ({path})"
            return
        try:
            yield None
        finally:
            with self._alone():
                if read_json(path) == own:
                    path.unlink(missing_ok=True)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Let one process of this host at a time look at claims and change them; it ends with the process."""
        with (self.folder / ".guard").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def canonical_json(value: Any) -> str:
    """Return the one text of JSON for equal values: sorted keys, no spaces, what is not plain as its text."""
    return json.dumps(plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _is_whole(record: Record, unit: Unit) -> bool:
    named = record.get("point") == unit.digest == _digest(canonical_json(record.get("configuration")))
    return named and unit.lacking(record) is None


def _self() -> Record:
    return {"pid": os.getpid(), "host": socket.gethostname(), "started": _started(os.getpid())}


def _is_there(holder: Record) -> bool:
    """Return whether the process that made a claim is still there, as far as this host can tell."""
    if not {"pid", "host", "started", "since"} <= holder.keys():
        return False
    return bool(holder["host"] != socket.gethostname() or _started(int(holder["pid"])) == holder["started"])


def _started(pid: int) -> str | None:
    """Return a text that no other process with this number has had; None where there is no such process."""
    if not BOOT.is_file():  # not Linux: its number has to do
        with suppress(PermissionError):
            try:
                os.kill(pid, 0)
            except ProcessLookupError:
                return None
        return "running"
    try:
        parts = (PROCESSES / str(pid) / "stat").read_text().rpartition(")")[2].split()
        return None if parts[STATE] in ("Z", "X") else f"{BOOT.read_text().strip()} {parts[STARTED]}"
    except (OSError, IndexError):
        return None
