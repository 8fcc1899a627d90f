"""Writing files whole or not at all."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from l0gm.errors import L0GMError, ParameterError

__all__ = ["replacing"]


@contextmanager
def replacing(
    path: Path, error: type[L0GMError] = ParameterError, remedy: str = "choose another place"
) -> Iterator[Path]:
    """Yield a path beside ``path`` to write to; at the end it takes its place, after an error it is removed.

    Raises
    ------
    L0GMError
        ``error``, if the folder or the file cannot be written or the disk is full; what was there stays.
    """
    beside = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield beside
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as cause:
        raise error(f"{path} cannot be written ({cause}): {remedy}; what was there is unchanged") from cause
