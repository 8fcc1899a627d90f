"""From what a user passes to fit to rows that can be trained on: labels, weights, parts and schema."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from l0gm.data.fitting import SchemaFitter
from l0gm.data.frames import Table
from l0gm.data.labels import encode_target, row_weights
from l0gm.data.schema import Schema
from l0gm.data.splits import MIN_ROWS_PER_CLASS, three_way
from l0gm.encoders.tabular import TabularBatch
from l0gm.errors import DataError
from l0gm.training.rows import Rows

__all__ = ["Part", "Prepared", "prepare"]


@dataclass(frozen=True)
class Part:
    """Some of the rows that fit was given.

    Parameters
    ----------
    table : Table (n, columns)
    labels : int64 (n,)
        Class indices.
    weight : float32 (n,), optional
        Not all zero.
    """

    table: Table
    labels: NDArray[np.int64]
    weight: NDArray[np.float32] | None

    def __len__(self) -> int:
        return len(self.labels)

    def rows(self, schema: Schema, device: torch.device) -> Rows:
        """Return the rows as the trainer takes them."""
        return Rows(
            TabularBatch.of(schema.encode(self.table), device),
            torch.from_numpy(self.labels).to(device),
            None if self.weight is None else torch.from_numpy(self.weight).to(device),
        )


@dataclass(frozen=True)
class Prepared:
    """Rows that can be trained on.

    Parameters
    ----------
    classes : tuple (C,)
        Labels in ascending order.
    schema : Schema
        Fitted on the training part alone.
    train, validation, calibration : Part
        Disjoint; the last two may be empty.
    notes : list of str
        What was decided about columns.
    """

    classes: tuple[Any, ...]
    schema: Schema
    train: Part
    validation: Part
    calibration: Part
    notes: list[str]

    @property
    def held_out(self) -> dict[str, Part]:
        """The parts that training does not learn weights from, where they have rows."""
        parts = {"validation": self.validation, "calibration": self.calibration}
        return {name: part for name, part in parts.items() if len(part)}

    def has_every_class(self, part: Part) -> bool:
        """Return whether each class has a row in ``part``, as most measures need."""
        return len(np.unique(part.labels)) == len(self.classes)


def prepare(
    X: Any,
    y: Any,
    sample_weight: Any,
    *,
    fitter: SchemaFitter,
    class_weight: Literal["balanced"] | Mapping[Any, float] | None,
    validation_fraction: float,
    calibration_fraction: float,
    seed: int,
) -> Prepared:
    """Check, split and describe the rows; see :meth:`l0gm.L0GMClassifier.fit` for the arguments.

    Raises
    ------
    DataError
        If the table or the target cannot be used; the message names the column.
    ParameterError
        If a fraction or a class weight is out of range.
    """
    table = Table(X)
    classes, labels = encode_target(y, len(table))
    weight = row_weights(sample_weight, class_weight, labels, classes)
    counts = np.bincount(labels)
    if counts.min() < MIN_ROWS_PER_CLASS:
        raise DataError(
            f"class {classes[counts.argmin()]!r} has {counts.min()} row, and at least {MIN_ROWS_PER_CLASS} are "
            "needed: merge it with another class, drop it, or bring more rows"
        )
    chosen = three_way(labels, validation_fraction, calibration_fraction, seed)
    counted = chosen[0] if weight is None else chosen[0][weight[chosen[0]] > 0]
    if len(counted) == 0:
        raise DataError(f"all of the {len(chosen[0])} training rows have weight zero: give more rows a weight")
    schema, notes = fitter.fit(table.select(counted), labels[counted])
    train, validation, calibration = (
        Part(table.select(rows), labels[rows], None if weight is None or not weight[rows].any() else weight[rows])
        for rows in chosen
    )
    return Prepared(classes, schema, train, validation, calibration, notes)
