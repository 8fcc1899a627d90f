"""What compaction will cut, before it is done."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from l0gm.data.schema import Schema
from l0gm.encoders.tabular import TabularEncoder
from l0gm.errors import CompactionError
from l0gm.heads import IntegratedHead
from l0gm.model import GatedModel

__all__ = ["CompactionPlan", "plan"]


@dataclass(frozen=True)
class CompactionPlan:
    """Which fields and dimensions stay.

    Parameters
    ----------
    fields : tuple of str
        All fields of the gated model, in order.
    width : int
        Dimensions a field before compaction (the paper's D).
    open_dimensions : tuple of tuple of int
        For each field the coordinates that are open, 0 to width - 1.
    reads_raw : bool
        Whether the linear term reads every field around the gate, so that none can leave.
    n_parameters : int
        Of the gated model, gates left out.
    """

    fields: tuple[str, ...]
    width: int
    open_dimensions: tuple[tuple[int, ...], ...]
    reads_raw: bool
    n_parameters: int

    @property
    def kept(self) -> tuple[int, ...]:
        """Numbers of the fields that stay."""
        return tuple(i for i, d in enumerate(self.open_dimensions) if d or self.reads_raw)

    @property
    def dropped(self) -> tuple[str, ...]:
        """Names of the fields that leave."""
        return tuple(name for i, name in enumerate(self.fields) if i not in self.kept)

    @property
    def coordinates(self) -> tuple[int, ...]:
        """The coordinates of X(0) in which any field is open; the CIN is cut to them."""
        return tuple(sorted({d for dims in self.open_dimensions for d in dims}))

    @property
    def n_open(self) -> int:
        """Open dimensions."""
        return sum(map(len, self.open_dimensions))

    @property
    def support(self) -> dict[str, int]:
        """Open dimensions of each field."""
        return {name: len(d) for name, d in zip(self.fields, self.open_dimensions, strict=True)}

    def __str__(self) -> str:
        total = len(self.fields) * self.width
        lines = [
            f"keep {self.n_open} of {total} dimensions, {len(self.kept)} of {len(self.fields)} fields, "
            f"{len(self.coordinates)} of {self.width} coordinates of the interaction maps"
        ]
        longest = max(map(len, self.fields))
        for i, (name, dims) in enumerate(zip(self.fields, self.open_dimensions, strict=True)):
            stays = f"{len(dims):3d} of {self.width} dimensions" if i in self.kept else "dropped"
            lines.append(f"  {name:<{longest}}  {stays}")
        return "\n".join(lines)


def plan(model: GatedModel, schema: Schema) -> CompactionPlan:
    """Return what :func:`l0gm.compaction.apply` will cut out of ``model``.

    Raises
    ------
    CompactionError
        If the model is not one of tables with an integrated head.
    """
    encoder, head = model.encoder, model.head
    if not isinstance(encoder, TabularEncoder) or not isinstance(head, IntegratedHead):
        raise CompactionError(
            f"{type(encoder).__name__} with {type(head).__name__}: compaction knows TabularEncoder with IntegratedHead"
        )
    mask = model.gate.open_mask().cpu().numpy().reshape(encoder.n_fields, encoder.width)
    return CompactionPlan(
        fields=schema.names,
        width=encoder.width,
        open_dimensions=tuple(tuple(int(d) for d in np.flatnonzero(row)) for row in mask),
        reads_raw=head.linear is not None and not head.linear.gated,
        n_parameters=sum(p.numel() for part in (encoder, head) for p in part.parameters()),
    )
