"""What compaction will cut, before it is done."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from l0gm.data.schema import Schema
from l0gm.encoders.rows import RowEncoder
from l0gm.errors import CompactionError
from l0gm.heads import IntegratedHead
from l0gm.model import GatedModel

__all__ = ["CompactionPlan", "plan"]


@dataclass(frozen=True)
class CompactionPlan:
    """Which fields, texts and dimensions stay.

    Parameters
    ----------
    fields : tuple of str
        All fields of a table, in order.
    width : int
        Dimensions a field before compaction (the paper's D).
    open_dimensions : tuple of tuple of int
        For each field the coordinates that are open, 0 to width - 1.
    texts : tuple of str
        All texts, in order.
    text_dims : tuple of int
        Dimensions of each before compaction.
    open_in_texts : tuple of tuple of int
        For each text the coordinates that are open.
    reads_raw : bool
        Whether the linear term reads every field around the gate, so that none can leave.
    n_parameters : int
        Of the gated model, gates left out.
    """

    fields: tuple[str, ...]
    width: int
    open_dimensions: tuple[tuple[int, ...], ...]
    texts: tuple[str, ...]
    text_dims: tuple[int, ...]
    open_in_texts: tuple[tuple[int, ...], ...]
    reads_raw: bool
    n_parameters: int

    @property
    def kept(self) -> tuple[int, ...]:
        """Numbers of the fields that stay."""
        return tuple(i for i, d in enumerate(self.open_dimensions) if d or self.reads_raw)

    @property
    def kept_texts(self) -> tuple[int, ...]:
        """Numbers of the texts that stay."""
        return tuple(i for i, d in enumerate(self.open_in_texts) if d)

    @property
    def dropped(self) -> tuple[str, ...]:
        """Names of the fields and texts that leave."""
        fields = [name for i, name in enumerate(self.fields) if i not in self.kept]
        return (*fields, *(name for i, name in enumerate(self.texts) if i not in self.kept_texts))

    @property
    def coordinates(self) -> tuple[int, ...]:
        """The coordinates of X(0) in which any field is open; the CIN is cut to them."""
        return tuple(sorted({d for dims in self.open_dimensions for d in dims}))

    @property
    def n_open(self) -> int:
        """Open dimensions."""
        return sum(map(len, self.open_dimensions + self.open_in_texts))

    @property
    def n_dimensions(self) -> int:
        """Dimensions of the interface, before compaction."""
        return len(self.fields) * self.width + sum(self.text_dims)

    @property
    def support(self) -> dict[str, int]:
        """Open dimensions of each field and text."""
        opened = self.open_dimensions + self.open_in_texts
        return {name: len(d) for name, d in zip(self.fields + self.texts, opened, strict=True)}

    def __str__(self) -> str:
        kept, names = len(self.kept) + len(self.kept_texts), self.fields + self.texts
        first = f"keep {self.n_open} of {self.n_dimensions} dimensions, {kept} of {len(names)} fields"
        if self.fields:
            first += f", {len(self.coordinates)} of {self.width} coordinates of the interaction maps"
        lines = [first]
        longest = max(map(len, names))
        sizes = (self.width,) * len(self.fields) + self.text_dims
        for (name, count), size in zip(self.support.items(), sizes, strict=True):
            stays = "dropped" if name in self.dropped else f"{count:3d} of {size} dimensions"
            lines.append(f"  {name:<{longest}}  {stays}")
        return "\n".join(lines)


def plan(model: GatedModel, schema: Schema) -> CompactionPlan:
    """Return what :func:`l0gm.compaction.apply` will cut out of ``model``.

    Raises
    ------
    CompactionError
        If the model is not one of rows with an integrated head.
    """
    encoder, head = model.encoder, model.head
    if not isinstance(encoder, RowEncoder) or not isinstance(head, IntegratedHead):
        raise CompactionError(
            f"{type(encoder).__name__} with {type(head).__name__}: compaction knows RowEncoder with IntegratedHead"
        )
    mask = model.gate.open_mask().cpu().numpy()
    fields = mask[: encoder.field_dim].reshape(encoder.n_fields, encoder.width)
    texts = np.split(mask[encoder.field_dim :], np.cumsum(encoder.text_dims)[:-1]) if encoder.text_dims else []
    return CompactionPlan(
        fields=tuple(f.name for f in schema.fields),
        width=encoder.width,
        open_dimensions=tuple(map(_where, fields)),
        texts=tuple(f.name for f in schema.texts),
        text_dims=tuple(encoder.text_dims),
        open_in_texts=tuple(map(_where, texts)),
        reads_raw=head.linear is not None and not head.linear.gated,
        n_parameters=sum(p.numel() for part in (encoder, head) for p in part.parameters()),
    )


def _where(mask: NDArray[np.bool_]) -> tuple[int, ...]:
    return tuple(int(d) for d in np.flatnonzero(mask))
