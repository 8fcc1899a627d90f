"""Features that a frozen network has made, on disk by content: the same text is encoded once."""

from __future__ import annotations

import contextlib
import hashlib
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from l0gm.data.ragged import Ragged
from l0gm.errors import ParameterError
from l0gm.files import cache_dir, replacing

__all__ = ["MOST_BYTES", "FeatureCache"]

MOST_BYTES = 4 * 2**30
"""What the cache of one network may take, then its oldest files go: 2.8 million texts at 384 dimensions."""
AT_ONCE = 1024
KEY = np.dtype("V16")


class FeatureCache:
    """The features of one network under one pooling, by a digest of each text's tokens.

    Files of up to AT_ONCE texts each are added whole or not at all, so that what was computed before a kill stays,
    and several processes can share the folder. What cannot be read is left out, and computed again. A text takes 4
    bytes a dimension and 16 more; the folder may be deleted at any time.

    Parameters
    ----------
    name : str
        A text that is the same for networks that give the same features.
    dim : int
    root : path, optional
        Default: ``features`` in :func:`l0gm.files.cache_dir`.
    """

    def __init__(self, name: str, dim: int, root: Path | None = None) -> None:
        self.dim = dim
        self.folder = (cache_dir() / "features" if root is None else root) / hashlib.sha256(name.encode()).hexdigest()

    def features(self, texts: Ragged, compute: Callable[[Ragged], NDArray[np.float32]]) -> NDArray[np.float32]:
        """Return the features of texts, float32 (n, dim); ``compute`` makes those that are not there yet.

        Raises
        ------
        ParameterError
            If the folder cannot be written to.
        """
        keys = np.array([hashlib.sha256(row.tobytes()).digest()[:16] for row in _rows(texts)], dtype=KEY)
        distinct, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
        values = np.zeros((len(distinct), self.dim), dtype=np.float32)
        missing = self._fill(distinct, values)
        # of like length together, so that little is padding
        missing = missing[np.argsort(texts.lengths[first[missing]], kind="stable")]
        for start in range(0, len(missing), AT_ONCE):
            some = missing[start : start + AT_ONCE]
            values[some] = compute(texts.take(first[some]))
            self._add(distinct[some], values[some])
        return np.asarray(values[inverse.reshape(-1)])

    def _fill(self, keys: NDArray[np.void], values: NDArray[np.float32]) -> NDArray[np.int64]:
        """Put what is there into ``values``; return the places of the others. ``keys`` are distinct and sorted."""
        found = np.zeros(len(keys), dtype=bool)
        for file in sorted(self.folder.glob("*.safetensors")) if len(keys) else ():
            try:
                with safe_open(file, framework="numpy") as held:  # the keys first: a file without any of them is passed
                    own = held.get_tensor("keys").view(KEY)[:, 0]
                    place = np.searchsorted(keys, own).clip(max=len(keys) - 1)
                    hit = keys[place] == own
                    if not hit.any():
                        continue
                    rows = held.get_tensor("values")
            except (OSError, SafetensorError, KeyError, ValueError, IndexError, TypeError):
                continue
            if rows.shape != (len(own), self.dim) or rows.dtype != np.float32:
                continue
            values[place[hit]] = rows[hit]
            found[place[hit]] = True
        return np.flatnonzero(~found)

    def _add(self, keys: NDArray[np.void], values: NDArray[np.float32]) -> None:
        path = self.folder / f"{uuid.uuid4().hex}.safetensors"
        with replacing(path, ParameterError, "set XDG_CACHE_HOME to a folder that can be written") as beside:
            save_file({"keys": keys.view(np.uint8).reshape(-1, 16), "values": values}, beside)
        with contextlib.suppress(OSError):  # another process may be at it
            files = sorted(self.folder.glob("*.safetensors"), key=lambda file: file.stat().st_mtime)
            total = sum(file.stat().st_size for file in files)
            for file in files[:-1]:
                if total <= MOST_BYTES:
                    break
                total -= file.stat().st_size
                file.unlink(missing_ok=True)


def _rows(texts: Ragged) -> Iterator[NDArray[np.int32]]:
    for start, end in zip(texts.starts[:-1].tolist(), texts.starts[1:].tolist(), strict=True):
        yield texts.ids[start:end]
