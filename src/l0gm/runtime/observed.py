"""Rows at prediction in counts and sums, as far as they have been read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from l0gm.data.frames import Table
from l0gm.data.parquet import batches_of
from l0gm.data.schema import NumericField
from l0gm.runtime.reference import required

if TYPE_CHECKING:
    from l0gm.runtime.model import CompactModel

__all__ = ["Observed"]

ROWS_AT_ONCE = 65_536


class Observed:
    """Counts that grow with each table that is added; they take the room of the model, whatever the rows.

    Parameters
    ----------
    model : CompactModel

    Attributes
    ----------
    n_rows : int
    counts : list of int64 (rows of the field's table,)
        For each field how many rows have each code.
    empty : int64 (texts,)
        For each text how many rows hold nothing that is known.
    below, above : int64 (m,)
        Rows in which a number is outside of the range that was seen in fit.
    probabilities : float64 (classes,)
        Sum of the raw probabilities.

    Raises
    ------
    ArtifactError
        If the model keeps no summary of its training rows, with which these could be compared.
    """

    def __init__(self, model: CompactModel) -> None:
        self.model = model
        self.reference = required(model.reference, "which rows are compared with")
        self.n_rows = 0
        self.counts: list[NDArray[np.int64]] = [np.zeros(n, np.int64) for n in model.schema.n_rows]
        self.empty = np.zeros(len(model.schema.texts), np.int64)
        self.below = np.zeros(len(self.counts), np.int64)
        self.above = np.zeros(len(self.counts), np.int64)
        self.probabilities = np.zeros(len(model.classes_))

    def add(self, X: object) -> None:
        """Count the rows of a table, or of parquet files, a part at a time.

        Raises
        ------
        DataError
            As :meth:`l0gm.CompactModel.predict_proba`.
        """
        schema = self.model.schema
        for part in _parts(X, schema.sources):
            table = schema.placed(part)
            rows = schema.encode(table)
            self.n_rows += len(rows)
            self.probabilities += self.model.program.probabilities(rows).sum(0)
            for i, (text, read) in enumerate(zip(schema.texts, rows.texts, strict=True)):
                self.empty[i] += text.is_empty(read).sum()
            for i, f in enumerate(schema.fields):
                self.counts[i] += np.bincount(rows.codes[:, i], minlength=f.n_rows)
                if isinstance(f, NumericField):
                    x = f.values(table)
                    self.below[i] += int((x < f.edges[0]).sum())
                    self.above[i] += int((x > f.edges[-1]).sum())


def _parts(X: object, columns: tuple[str, ...]) -> Iterator[Table]:
    for table in batches_of(X, columns):
        if len(table) <= ROWS_AT_ONCE:
            yield table
        else:
            for start in range(0, len(table), ROWS_AT_ONCE):
                yield table.select(np.arange(start, min(start + ROWS_AT_ONCE, len(table))))
