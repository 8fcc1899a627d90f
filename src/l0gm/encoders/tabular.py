"""Tables: one embedding a field, X(0) of the paper's Eq. 8, read from codes and fractions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from l0gm.data.schema import NumericField, Schema
from l0gm.encoders.base import Encoder
from l0gm.encoders.batch import RowBatch

__all__ = ["FieldTables", "TabularEncoder"]


class FieldTables(nn.Module):
    """One table of ``width`` columns a field; numeric fields add a continuous piecewise-linear ramp.

    The value of field i is base_i[code], and for a numeric field in bin b also the sum of the slopes of the bins
    below b plus fraction * slope_b (the piecewise-linear encoding of Gorishniy et al. 2022, in another basis).

    Parameters
    ----------
    n_rows : sequence of int (m,)
        Rows of each field's table; row 0 is the missing slot.
    numeric : sequence of bool (m,)
        Which fields have a ramp.
    width : int
        Columns of every table.
    scale : float
        Standard deviation of the initial entries.
    """

    offsets: Tensor
    numeric_fields: Tensor
    numeric_offsets: Tensor
    numeric_start: Tensor
    numeric_bins: Tensor
    row_field: Tensor
    numeric_row_field: Tensor

    def __init__(self, n_rows: Sequence[int], numeric: Sequence[bool], width: int, scale: float) -> None:
        super().__init__()
        self.n_rows = tuple(n_rows)
        self.numeric = tuple(numeric)
        self.width = width
        sizes = torch.tensor(n_rows)
        where = torch.tensor([i for i, yes in enumerate(numeric) if yes], dtype=torch.int64)
        ramp_rows = sizes[where]
        starts = torch.cumsum(ramp_rows, 0) - ramp_rows
        self.register_buffer("offsets", torch.cumsum(sizes, 0) - sizes, persistent=False)
        self.register_buffer("numeric_fields", where, persistent=False)
        self.register_buffer("numeric_offsets", starts, persistent=False)
        self.register_buffer("numeric_start", torch.repeat_interleave(starts, ramp_rows), persistent=False)
        row_field = torch.repeat_interleave(torch.arange(len(sizes)), sizes)
        self.register_buffer("row_field", row_field, persistent=False)
        self.register_buffer("numeric_row_field", torch.repeat_interleave(where, ramp_rows), persistent=False)
        bins = torch.ones(int(ramp_rows.sum()), 1)
        bins[starts] = 0.0  # the missing slot has no slope
        self.register_buffer("numeric_bins", bins, persistent=False)
        self.base = nn.Parameter(torch.randn(int(sizes.sum()), width) * scale)
        self.slope = nn.Parameter(torch.zeros(int(ramp_rows.sum()), width))

    def ramp(self) -> tuple[Tensor, Tensor]:
        """Return the value at the lower edge of each numeric row and its slope, both (numeric rows, width)."""
        slope = self.slope * self.numeric_bins
        below = torch.cumsum(slope, 0) - slope
        return below - below[self.numeric_start], slope

    def forward(self, batch: RowBatch, scale: Tensor | None = None) -> Tensor:
        """Return the fields' values, (n, m, width), each multiplied by its row of ``scale`` (m, width) if given.

        The tables are scaled, not the values, unless they have more rows than the batch.
        """
        if scale is not None and len(self.base) > batch.codes.numel():
            return scale * self(batch)  # type: ignore[no-any-return]  # modules' calls are untyped
        base = self.base if scale is None else self.base * functional.embedding(self.row_field, scale)
        out = functional.embedding(batch.codes + self.offsets, base)
        if len(self.numeric_fields) == 0:
            return out
        ramps = torch.cat(self.ramp(), 1)
        if scale is not None:
            ramps = ramps * functional.embedding(self.numeric_row_field, torch.cat([scale, scale], 1))
        rows = batch.codes[:, self.numeric_fields] + self.numeric_offsets
        both = functional.embedding(rows, ramps)
        fractions = batch.fractions[:, self.numeric_fields, None]
        ramp = torch.addcmul(both[..., : self.width], fractions, both[..., self.width :])
        return out.index_add(1, self.numeric_fields, ramp)

    @torch.no_grad()
    def tables(self) -> list[tuple[NDArray[np.float32], NDArray[np.float32] | None]]:
        """Return for each field its rows (rows, width) and, for numeric ones, the slopes (rows, width).

        The value of a field is then rows[code] + fraction * slopes[code].
        """
        low, slope = self.ramp()
        ramps = dict(zip(self.numeric_fields.tolist(), self.numeric_offsets.tolist(), strict=True))
        result: list[tuple[NDArray[np.float32], NDArray[np.float32] | None]] = []
        for i, (n, start) in enumerate(zip(self.n_rows, self.offsets.tolist(), strict=True)):
            rows = self.base[start : start + n]
            if i in ramps:
                at = slice(ramps[i], ramps[i] + n)
                result.append(((rows + low[at]).cpu().numpy(), slope[at].cpu().numpy()))
            else:
                result.append((rows.cpu().numpy().copy(), None))
        return result

    @torch.no_grad()
    def set_tables(self, tables: Sequence[tuple[NDArray[np.float32], NDArray[np.float32] | None]]) -> None:
        """Take the values that :meth:`tables` returns, up to rounding; a numeric field without slopes has none."""
        numeric = [part for part, ramps in zip(tables, self.numeric, strict=True) if ramps]
        slopes = [np.zeros_like(rows) if slope is None else slope for rows, slope in numeric]
        if slopes:
            self.slope.copy_(torch.tensor(np.concatenate(slopes)) * self.numeric_bins)
        self.base.copy_(torch.tensor(np.concatenate([rows for rows, _ in tables])))
        place = (self.row_field[:, None] == self.numeric_fields).any(1)  # the rows of numeric fields
        self.base[place] -= self.ramp()[0]

    @torch.no_grad()
    def fill_unused(self, counts: Sequence[Tensor]) -> None:
        """Set the rows that no training row uses to the mean over those rows of their field that are used.

        A value that first turns up at prediction (a missing one, an unseen one) then stands for an average row.
        ``counts`` says for each field how many training rows use each row of its table, int64 (rows,).
        """
        tables = self.tables()
        for i, (n, start) in enumerate(zip(self.n_rows, self.offsets.tolist(), strict=True)):
            used = counts[i].to(self.base)
            unused = used == 0
            if unused.any() and self.numeric[i]:
                unused &= torch.arange(n, device=unused.device) == 0  # bins: only the missing slot
            if unused.any():
                rows, slopes = tables[i]
                middle = torch.as_tensor(rows if slopes is None else rows + 0.5 * slopes).to(self.base)
                average = (used[:, None] * middle).sum(0) / used.sum()
                self.base[start : start + n][unused] = average


class TabularEncoder(Encoder):
    """The concatenated field embeddings e = [e_1; ...; e_m] of Eq. 1, each of ``width`` dimensions.

    Parameters
    ----------
    schema : Schema
        The m fields.
    width : int
        The paper's D; h has m * D dimensions, field by field.
    scale : float, optional
        Standard deviation of the initial embeddings; default 1 / sqrt(D).
    """

    def __init__(self, schema: Schema, width: int, scale: float | None = None) -> None:
        super().__init__()
        numeric = [isinstance(f, NumericField) for f in schema.fields]
        self.width = width
        self.n_fields = len(schema.fields)
        self.dim = self.n_fields * width
        self.tables = FieldTables(schema.n_rows, numeric, width, width**-0.5 if scale is None else scale)
        self.register_buffer("groups", torch.arange(self.n_fields).repeat_interleave(width), persistent=False)

    def forward(self, batch: RowBatch) -> Tensor:
        """Return h, (n, m * width)."""
        values: Tensor = self.tables(batch)
        return values.flatten(1)

    def masked(self, batch: RowBatch, z: Tensor) -> Tensor:
        """Return z * h, (n, m * width), for one mask z (dim,): the tables are multiplied, not the rows."""
        values: Tensor = self.tables(batch, z.unflatten(0, (self.n_fields, self.width)))
        return values.flatten(1)
