"""What a compacted model makes of texts: the open dimensions of their vectors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from l0gm.compiled import compiled
from l0gm.data.ragged import Ragged
from l0gm.data.schema import Schema
from l0gm.data.texts import NgramField, TextField, TokenField
from l0gm.errors import ArtifactError
from l0gm.runtime.part import TextPart
from l0gm.runtime.transformers import TransformerPart

__all__ = ["BagTable", "TextPart", "parts_from_arrays"]

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class BagTable(TextPart):
    """A row an n-gram: the sum of those that a text holds, divided by the root of their number.

    Parameters
    ----------
    rows : float32 (n-grams + 1, width)
        Row 0 is that of texts without a known n-gram.
    """

    kind: ClassVar[str] = "bag"
    rows: Floats

    @property
    def width(self) -> int:
        """Values a text."""
        return int(self.rows.shape[1])

    def values(self, rows: Ragged) -> Floats:
        """Return float32 (n, width)."""
        out = np.empty((len(rows), self.width), np.float32)
        _pool(rows.starts, rows.ids, self.rows, out)
        return out

    def restrict(self, columns: NDArray[np.bool_]) -> BagTable:
        """Return the table of these columns."""
        return BagTable(np.ascontiguousarray(self.rows[:, columns]))

    def heaviest(self, field: TextField, out: Floats, most: int) -> list[tuple[str, list[float]]]:
        """Return the n-grams whose rows add most to a logit, before the division by the root of their number."""
        assert isinstance(field, NgramField)
        added = self.rows.astype(np.float64) @ out.T.astype(np.float64)
        order = np.argsort(-np.abs(added).max(1), kind="stable")[:most]
        return [(field.vocabulary.spelled(i), added[i].tolist()) for i in order.tolist()]

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the table."""
        return {"rows": self.rows}


def _part(arrays: Mapping[str, NDArray[Any]], structure: Mapping[str, Any], field: TextField) -> TextPart:
    """Put a part together again and check that it fits the field.

    Raises
    ------
    ArtifactError
        If an array is missing, left over, not finite or of another shape or type than the field asks for.
    """
    if structure.get("kind") == "bag" and isinstance(field, NgramField):
        rows = arrays.get("rows")
        if rows is None or len(arrays) != 1 or rows.dtype != np.float32 or rows.ndim != 2:
            raise ArtifactError("a table of n-grams is missing or has another form")
        if len(rows) != field.n_rows or rows.shape[1] < 1 or not np.isfinite(rows).all():
            raise ArtifactError("a table of n-grams does not fit their vocabulary")
        return BagTable(rows)
    if structure.get("kind") == TransformerPart.kind and isinstance(field, TokenField):
        return TransformerPart.read(arrays, structure)
    raise ArtifactError(f"a part of kind {structure.get('kind')!r} does not read a field of kind {field.kind!r}")


def parts_from_arrays(arrays: dict[str, NDArray[Any]], structure: Any, schema: Schema) -> tuple[TextPart, ...]:
    """Take the texts' arrays out of ``arrays`` and return the parts."""
    if not isinstance(structure, list) or len(structure) != len(schema.texts):
        raise ArtifactError("the program has not one part for each text")
    parts = []
    for i, (entry, field) in enumerate(zip(structure, schema.texts, strict=True)):
        start = f"text.{i}."
        own = {name.removeprefix(start): arrays.pop(name) for name in list(arrays) if name.startswith(start)}
        parts.append(_part(own, entry, field))
    return tuple(parts)


@compiled
def _pool(starts, ids, table, out):  # type: ignore[no-untyped-def]  # compiled for the array types it is called with
    width = table.shape[1]
    for r in range(len(starts) - 1):
        for j in range(width):
            out[r, j] = 0.0
        for i in range(starts[r], starts[r + 1]):
            row = table[ids[i]]
            for j in range(width):
                out[r, j] += row[j]
        share = np.float32(1.0) / np.sqrt(np.float32(max(starts[r + 1] - starts[r], 1)))
        for j in range(width):
            out[r, j] *= share
