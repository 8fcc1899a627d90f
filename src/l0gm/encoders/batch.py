"""Rows as encoders read them: tensors that can be taken by index."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from l0gm.data.ragged import Ragged
from l0gm.data.schema import Encoded

__all__ = ["RowBatch", "TextBatch"]


class TextBatch(NamedTuple):
    """Rows of different lengths: row i is ``ids[starts[i]:starts[i + 1]]``.

    Parameters
    ----------
    starts : int64 Tensor (n + 1,)
    ids : int32 Tensor
    offset : float32 Tensor (n, k), optional
        What an encoder adds to the first coordinates of these rows; only rows to train on have some.
    """

    starts: Tensor
    ids: Tensor
    offset: Tensor | None = None

    @classmethod
    def of(cls, rows: Ragged, device: torch.device | str = "cpu") -> TextBatch:
        """Return the tensors of ragged rows."""
        return cls(torch.from_numpy(rows.starts).to(device), torch.from_numpy(rows.ids).to(device))

    def to(self, device: torch.device | str) -> TextBatch:
        """Return the same rows on a device."""
        offset = None if self.offset is None else self.offset.to(device)
        return TextBatch(self.starts.to(device), self.ids.to(device), offset)

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.starts) - 1

    @property
    def lengths(self) -> Tensor:
        """How many numbers each row has, int64 (n,)."""
        return self.starts.diff()

    @property
    def owners(self) -> Tensor:
        """For each number the row that it belongs to, int64."""
        return torch.repeat_interleave(self.lengths)

    def take(self, rows: Tensor) -> TextBatch:
        """Return these rows, in this order."""
        lengths = self.lengths[rows]
        starts = torch.cat([lengths.new_zeros(1), lengths.cumsum(0)])
        places = torch.repeat_interleave(self.starts[rows] - starts[:-1], lengths)
        ids = self.ids[places + torch.arange(len(places), device=places.device)]
        return TextBatch(starts, ids, None if self.offset is None else self.offset[rows])


class RowBatch(NamedTuple):
    """Rows of a schema's fields.

    Parameters
    ----------
    codes : int64 Tensor (n, m)
    fractions : float32 Tensor (n, m)
    texts : tuple of TextBatch or float32 Tensor (n, k)
        For each text its numbers, or a vector that a frozen encoder has made of them.
    """

    codes: Tensor
    fractions: Tensor
    texts: tuple[TextBatch | Tensor, ...] = ()

    @classmethod
    def of(cls, encoded: Encoded, device: torch.device | str = "cpu") -> RowBatch:
        """Return the tensors of encoded rows."""
        codes = torch.from_numpy(encoded.codes.astype(np.int64)).to(device)
        texts = tuple(TextBatch.of(text, device) for text in encoded.texts)
        return cls(codes, torch.from_numpy(encoded.fractions).to(device), texts)

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.codes)

    @property
    def lengths(self) -> Tensor:
        """How many numbers the texts of each row have together, int64 (n,); vectors count as none."""
        lengths = torch.zeros(self.n_rows, dtype=torch.int64, device=self.codes.device)
        for text in self.texts:
            lengths = lengths if isinstance(text, Tensor) else lengths + text.lengths
        return lengths

    def take(self, rows: Tensor) -> RowBatch:
        """Return these rows."""
        rows = rows.to(self.codes.device)
        texts = tuple(
            text.index_select(0, rows) if isinstance(text, Tensor) else text.take(rows) for text in self.texts
        )
        return RowBatch(self.codes.index_select(0, rows), self.fractions.index_select(0, rows), texts)

    def counts(self, n_rows: Sequence[int]) -> list[Tensor]:
        """Return how often each row of each field's table is used, int64 (rows,) a field."""
        return [torch.bincount(self.codes[:, i], minlength=n) for i, n in enumerate(n_rows)]
