"""The model file: one safetensors file whose header carries the JSON document and the model card. Never pickle."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from l0gm.errors import ArtifactError
from l0gm.files import replacing

__all__ = ["FORMAT", "read", "write"]

FORMAT = 2


def write(path: str | os.PathLike[str], arrays: dict[str, NDArray[Any]], document: dict[str, Any], card: str) -> Path:
    """Write a model file beside ``path`` and rename it into place, so that a failure leaves what was there.

    Raises
    ------
    ArtifactError
        If the folder cannot be written to, the disk is full, or JSON cannot hold ``document``.
    """
    path = Path(path)
    try:
        arrays = {name: np.ascontiguousarray(a) for name, a in arrays.items()}
        text = _encodable(json.dumps({"format": FORMAT, **document}, ensure_ascii=False, allow_nan=False))
        card = _encodable(card)
        metadata = {"l0gm": text, "card": card, "sha256": _digest(arrays, text, card)}
        with replacing(path, ArtifactError) as beside:
            beside.touch()
            mode = beside.stat().st_mode
            save_file(arrays, beside, metadata)
            _order_header(beside)
            beside.chmod(mode)  # as any other file; safetensors makes its own private
    except (SafetensorError, TypeError, ValueError) as error:
        raise ArtifactError(f"{path} cannot be written: {error}; what was there is unchanged") from error
    return path


def read(path: str | os.PathLike[str]) -> tuple[dict[str, NDArray[Any]], dict[str, Any], str]:
    """Return (arrays, document, card) of a model file.

    Raises
    ------
    ArtifactError
        If the file is missing, no model file, damaged, or of a newer format than this version reads.
    """
    path = Path(path)
    try:
        if not path.is_file():
            raise ArtifactError(f"{path}: {'a folder' if path.is_dir() else 'no such file'}; give a .l0gm file")
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            if "l0gm" not in metadata:
                raise ArtifactError(f"{path} is a safetensors file but not one of l0gm's")
            document = json.loads(metadata["l0gm"])
            version = document.get("format") if isinstance(document, dict) else None
            if not isinstance(version, int) or isinstance(version, bool) or version < 1:
                raise ArtifactError(f"{path} is damaged: it states no format version")
            if version > FORMAT:
                raise ArtifactError(
                    f"{path} has format {version}, and this version of l0gm reads up to {FORMAT}: upgrade l0gm"
                )
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # not a dict
    except (OSError, SafetensorError, ValueError, RecursionError, TypeError, AttributeError) as error:
        # the last two: types that numpy lacks
        raise ArtifactError(f"{path} is no l0gm model or is damaged: {error}") from error
    card = metadata.get("card", "")
    if metadata.get("sha256") != _digest(arrays, metadata["l0gm"], card):
        raise ArtifactError(f"{path} is damaged: its content does not match its checksum")
    return arrays, document, card


def _order_header(path: Path) -> None:
    """Put the entries of the metadata, whose order is an accident, into one: equal models are equal files."""
    with path.open("r+b") as file:
        size = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(size))
        header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
        ordered = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode().ljust(size)
        if len(ordered) == size:
            file.seek(8)
            file.write(ordered)


def _encodable(text: str) -> str:
    """Return ``text`` with lone surrogates, which UTF-8 lacks, as JSON's escapes of them."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _digest(arrays: dict[str, NDArray[Any]], text: str, card: str) -> str:
    digest = hashlib.sha256(json.dumps([text, card]).encode())
    for name in sorted(arrays):
        a = arrays[name]
        digest.update(f"{name} {a.dtype.str} {a.shape}".encode())
        digest.update(np.ascontiguousarray(a).tobytes())
    return digest.hexdigest()
