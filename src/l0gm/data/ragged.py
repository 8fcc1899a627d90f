"""Rows of different lengths in two arrays: what a text is once it has been read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Ragged"]


@dataclass(frozen=True)
class Ragged:
    """Rows of whole numbers: row i is ``ids[starts[i]:starts[i + 1]]``.

    Parameters
    ----------
    starts : int64 (n + 1,)
        Rising from 0 to the number of ids.
    ids : int32
    """

    starts: NDArray[np.int64]
    ids: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def lengths(self) -> NDArray[np.int64]:
        """How many numbers each row has, int64 (n,)."""
        return np.diff(self.starts)

    @classmethod
    def of(cls, rows: Sequence[Iterable[int]]) -> Ragged:
        """Return the rows of a list of lists."""
        listed = [np.fromiter(row, dtype=np.int32) for row in rows]
        starts = np.cumsum([0, *map(len, listed)], dtype=np.int64)
        return cls(starts, np.concatenate([np.zeros(0, np.int32), *listed]))

    @classmethod
    def joined(cls, parts: Sequence[Ragged]) -> Ragged:
        """Return the rows of all parts, one part after the other."""
        lengths = np.concatenate([np.zeros(1, np.int64), *(part.lengths for part in parts)])
        return cls(np.cumsum(lengths), np.concatenate([np.zeros(0, np.int32), *(part.ids for part in parts)]))

    def take(self, rows: NDArray[np.int64]) -> Ragged:
        """Return these rows, in this order."""
        lengths = self.lengths[rows]
        starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
        places = np.repeat(self.starts[rows] - starts[:-1], lengths) + np.arange(starts[-1])
        return Ragged(starts, self.ids[places])
