"""What happened in training: one record an evaluation, kept in memory and appended to a file as it goes."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from l0gm.errors import ParameterError
from l0gm.files import replacing

__all__ = ["History"]


class History:
    """Records of training, in order: flat, of strings, numbers, booleans and ``None``.

    Parameters
    ----------
    path : path, optional
        A JSON-lines file that each record is appended to at once, so that a killed run leaves its history. An
        existing file is started anew with the first record. Numbers that are not finite, which JSON does not know,
        are ``null`` there.

    Raises
    ------
    ParameterError
        If the file cannot be written; no half record is left there.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.records: list[dict[str, Any]] = []
        self.path = path
        if path is not None:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch()
            except OSError as error:
                raise self._refusal(error) from error

    def append(self, **record: Any) -> None:
        """Add a record."""
        line = _line(record)
        if self.path is not None:
            try:
                _append(self.path, line, anew=not self.records)
            except OSError as error:
                raise self._refusal(error) from error
        self.records.append(record)

    def last(self, event: str) -> dict[str, Any] | None:
        """Return the latest record of this event (``epoch``, ``harden``, ``end``)."""
        return next((r for r in reversed(self.records) if r["event"] == event), None)

    def state_dict(self) -> dict[str, Any]:
        """Return the records."""
        return {"records": self.records}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Have these records and no others, in the file as well."""
        self.records = list(state["records"])
        if self.path is not None:
            with replacing(self.path) as beside:
                beside.write_bytes(b"".join(map(_line, self.records)))

    def _refusal(self, error: OSError) -> ParameterError:
        return ParameterError(f"history_path={str(self.path)!r} cannot be written ({error}): choose another place")


def _line(record: dict[str, Any]) -> bytes:
    written = {name: None if _unknown(value) else value for name, value in record.items()}
    return json.dumps(written, allow_nan=False).encode() + b"\n"


def _append(path: Path, line: bytes, anew: bool) -> None:
    """Write the whole line or nothing of it."""
    with path.open("wb" if anew else "ab", buffering=0) as file:
        end = file.tell()
        try:
            while line:
                line = line[file.write(line) :]
        except OSError:
            file.truncate(end)
            raise


def _unknown(value: object) -> bool:
    return isinstance(value, float) and not math.isfinite(value)
