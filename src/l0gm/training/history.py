"""What happened in training: one record an evaluation, kept in memory and appended to a file as it goes."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from l0gm.errors import ParameterError

__all__ = ["History"]


class History:
    """Records of training, in order: flat, of strings, numbers, booleans and ``None``.

    Parameters
    ----------
    path : path, optional
        A JSON-lines file that each record is appended to at once, so that a killed run leaves its history. An
        existing file is started anew. Numbers that are not finite, which JSON does not know, are ``null`` there.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.records: list[dict[str, Any]] = []
        self.path = path
        if path is not None:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text("")
            except OSError as error:
                raise ParameterError(f"history_path={str(path)!r} cannot be written ({error})") from error

    def append(self, **record: Any) -> None:
        """Add a record."""
        self.records.append(record)
        if self.path is not None:
            written = {name: None if _unknown(value) else value for name, value in record.items()}
            with self.path.open("a") as file:
                file.write(json.dumps(written, allow_nan=False) + "\n")

    def last(self, event: str) -> dict[str, Any] | None:
        """Return the latest record of this event (``epoch``, ``harden``, ``end``)."""
        return next((r for r in reversed(self.records) if r["event"] == event), None)


def _unknown(value: object) -> bool:
    return isinstance(value, float) and not math.isfinite(value)
