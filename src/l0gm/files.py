"""Writing files whole or not at all."""

from __future__ import annotations

import glob
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from l0gm.errors import L0GMError, ParameterError

__all__ = ["cache_dir", "remove_unfinished", "replacing"]


def cache_dir() -> Path:
    """Return the folder for what can be had again: ``l0gm`` under ``$XDG_CACHE_HOME`` or ``~/.cache``."""
    root = os.environ.get("XDG_CACHE_HOME", "")
    # The XDG convention: a relative path counts as unset.
    return (Path(root) if os.path.isabs(root) else Path.home() / ".cache") / "l0gm"


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
    if os.path.isdir(path):  # told now, and not after hours of writing
        raise error(f"{path} is a folder: {remedy}")
    beside = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield beside
            with beside.open("rb+") as file:
                os.fsync(file.fileno())  # first the content, then the name, whenever the power fails
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as cause:
        raise error(f"{path} cannot be written ({cause}): {remedy}; what was there is unchanged") from cause


def remove_unfinished(path: Path) -> None:
    """Remove what writers of ``path`` that were killed have left beside it."""
    for left in path.parent.glob(f".{glob.escape(path.name)}.{'[0-9a-f]' * 32}.part"):
        left.unlink(missing_ok=True)
