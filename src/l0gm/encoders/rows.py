"""Rows that may mix tables and texts: the vectors of all fields and of all texts, one after the other."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from l0gm.encoders.base import Encoder
from l0gm.encoders.batch import RowBatch
from l0gm.encoders.tabular import TabularEncoder
from l0gm.encoders.text import TextEncoder

__all__ = ["RowEncoder"]


class RowEncoder(Encoder):
    """The field embeddings of Eq. 1, then the vector of each text.

    Parameters
    ----------
    fields : TabularEncoder, optional
        None for rows without any field of a table.
    texts : sequence of TextEncoder
    """

    def __init__(self, fields: TabularEncoder | None, texts: Sequence[TextEncoder] = ()) -> None:
        super().__init__()
        self.fields = fields
        self.texts = nn.ModuleList(texts)
        self.n_fields = 0 if fields is None else fields.n_fields
        self.width = 0 if fields is None else fields.width
        self.field_dim = self.n_fields * self.width
        self.text_dims = [text.dim for text in texts]
        self.dim = self.field_dim + sum(self.text_dims)
        sizes = torch.tensor([self.width] * self.n_fields + self.text_dims)
        self.register_buffer("groups", torch.repeat_interleave(sizes), persistent=False)

    def forward(self, batch: RowBatch) -> Tensor:
        """Return h, (n, dim)."""
        return self._joined(batch, [] if self.fields is None else [self.fields(batch)])

    def masked(self, batch: RowBatch, z: Tensor) -> Tensor:
        """Return z * h, (n, dim), for one mask z (dim,): tables are multiplied, not the rows."""
        first = [] if self.fields is None else [self.fields.masked(batch, z[: self.field_dim])]
        scales = z[self.field_dim :].split(self.text_dims)
        return self._joined(batch, first, scales)

    def _joined(self, batch: RowBatch, parts: list[Tensor], scales: Sequence[Tensor] | None = None) -> Tensor:
        for i, (encoder, text) in enumerate(zip(self.texts, batch.texts, strict=True)):
            h: Tensor = encoder(text)
            parts.append(h if scales is None else scales[i] * h)
        return parts[0] if len(parts) == 1 else torch.cat(parts, 1)
