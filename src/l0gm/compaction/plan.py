"""What compaction will cut, before it is done."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from l0gm.data.schema import Schema
from l0gm.encoders.rows import RowEncoder
from l0gm.errors import CompactionError
from l0gm.gates import Gate, ReadGate
from l0gm.heads import IntegratedHead
from l0gm.model import GatedModel

__all__ = ["CompactionPlan", "hidden_gates", "open_weights", "plan"]


@dataclass(frozen=True)
class CompactionPlan:
    """Which fields, texts, dimensions and hidden units stay.

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
    hidden : tuple of int
        Units of each hidden layer of the deep branch before compaction; empty where hidden units have no gates.
    open_hidden : tuple of tuple of int
        For each of these layers the units that are open. Where a layer has none, the branch gives every row the same,
        and no unit of it stays.
    weights : (int, int), optional
        Where the weights of the first layer have gates: how many are open, and of how many.
    """

    fields: tuple[str, ...]
    width: int
    open_dimensions: tuple[tuple[int, ...], ...]
    texts: tuple[str, ...]
    text_dims: tuple[int, ...]
    open_in_texts: tuple[tuple[int, ...], ...]
    reads_raw: bool
    n_parameters: int
    hidden: tuple[int, ...] = ()
    open_hidden: tuple[tuple[int, ...], ...] = ()
    weights: tuple[int, int] | None = None

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

    @property
    def hidden_units(self) -> tuple[tuple[int, int], ...]:
        """For each hidden layer whose units have gates how many stay, and of how many."""
        return tuple((len(opened), width) for opened, width in zip(self.open_hidden, self.hidden, strict=True))

    @property
    def without_deep(self) -> bool:
        """Whether the deep branch leaves as a whole, since its gates let nothing through."""
        return bool(self.hidden) and not any(self.open_hidden)

    def __str__(self) -> str:
        kept, names = len(self.kept) + len(self.kept_texts), self.fields + self.texts
        first = f"keep {self.n_open} of {self.n_dimensions} dimensions, {kept} of {len(names)} fields"
        if self.fields:
            first += f", {len(self.coordinates)} of {self.width} coordinates of the interaction maps"
        if self.weights:
            first += f", {self.weights[0]} of {self.weights[1]} weights that read them"
        if self.hidden:
            first += f", {' and '.join(f'{opened} of {width}' for opened, width in self.hidden_units)} hidden units"
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
    units = [_where(gate.open_mask().cpu().numpy()) for gate in hidden_gates(head)]
    gated = model.gate_parameters()
    return CompactionPlan(
        fields=tuple(f.name for f in schema.fields),
        width=encoder.width,
        open_dimensions=tuple(map(_where, fields)),
        texts=tuple(f.name for f in schema.texts),
        text_dims=tuple(encoder.text_dims),
        open_in_texts=tuple(map(_where, texts)),
        reads_raw=head.linear is not None and not head.linear.gated,
        n_parameters=sum(p.numel() for p in model.parameters() if p not in gated),
        hidden=tuple(gate.dim for gate in hidden_gates(head)),
        open_hidden=tuple(units) if all(units) else ((),) * len(units),
        weights=open_weights(model.gate),
    )


def open_weights(gate: Gate) -> tuple[int, int] | None:
    """Return how many weights behind the interface are open, and of how many; None where they have no gates."""
    return (gate.targeted.n_open, gate.targeted.dim) if isinstance(gate, ReadGate) else None


def hidden_gates(head: IntegratedHead) -> list[Gate]:
    """Return the gates of the deep branch's hidden layers, first to last; none where hidden units have no gates."""
    return [] if head.deep is None else [module for module in head.deep if isinstance(module, Gate)]


def _where(mask: NDArray[np.bool_]) -> tuple[int, ...]:
    return tuple(int(d) for d in np.flatnonzero(mask))
