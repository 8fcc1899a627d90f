"""From what a user passes to fit to rows that can be trained on: labels, weights, parts and schema."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from l0gm.data.fitting import SchemaFitter
from l0gm.data.frames import Table
from l0gm.data.labels import encode_target, row_weights
from l0gm.data.parquet import ParquetTable
from l0gm.data.schema import Encoded, Schema
from l0gm.data.splits import MIN_ROWS_PER_CLASS, three_way
from l0gm.encoders.batch import RowBatch, TextBatch
from l0gm.encoders.stored import StoredRows, store
from l0gm.encoders.text import TextEncoding
from l0gm.errors import DataError
from l0gm.estimators.start import known_labels, schema_for
from l0gm.runtime.model import CompactModel
from l0gm.training.rows import Rows

__all__ = ["Part", "Prepared", "batch_of", "prepare"]


@dataclass(frozen=True)
class Part:
    """Some of the rows that fit was given.

    Parameters
    ----------
    table : Table or ParquetTable (n, columns)
    labels : int64 (n,)
        Class indices.
    weight : float32 (n,), optional
        Not all zero.
    places : int64 (n,)
        Their positions in what fit was given.
    encoded : Encoded or StoredRows (n)
        The rows in numbers; stored where the table is not in memory.
    """

    table: Table | ParquetTable
    labels: NDArray[np.int64]
    weight: NDArray[np.float32] | None
    places: NDArray[np.int64]
    encoded: Encoded | StoredRows

    def __len__(self) -> int:
        return len(self.labels)

    def rows(self, schema: Schema, texts: TextEncoding, device: torch.device) -> Rows:
        """Return the rows as the trainer takes them."""
        return Rows(
            batch_of(schema, texts, self.encoded, device),
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
    seed : int
        Of the split, and of what follows.
    start : CompactModel, optional
        The model that training goes on from; classes and fields are its own.
    """

    classes: tuple[Any, ...]
    schema: Schema
    train: Part
    validation: Part
    calibration: Part
    notes: list[str]
    seed: int
    start: CompactModel | None = None

    @property
    def held_out(self) -> dict[str, Part]:
        """The parts that training does not learn weights from, where they have rows."""
        parts = {"validation": self.validation, "calibration": self.calibration}
        return {name: part for name, part in parts.items() if len(part)}

    def has_every_class(self, part: Part) -> bool:
        """Return whether each class has a row in ``part``, as most measures need."""
        return len(np.unique(part.labels)) == len(self.classes)


def batch_of(
    schema: Schema, texts: TextEncoding, rows: Encoded | StoredRows, device: torch.device
) -> RowBatch | StoredRows:
    """Return encoded rows as the model takes them."""
    if isinstance(rows, StoredRows):
        return rows.to(device)
    batch = RowBatch.of(replace(rows, texts=()), device)
    read = [TextBatch.of(text, device) for text in rows.texts]
    prepared = (texts.prepared(field, text) for field, text in zip(schema.texts, read, strict=True))
    return batch._replace(texts=tuple(prepared))


def prepare(
    table: Table | ParquetTable,
    y: Any,
    sample_weight: Any,
    *,
    fitter: SchemaFitter,
    schema_rows: int,
    class_weight: Literal["balanced"] | Mapping[Any, float] | None,
    validation_fraction: float,
    calibration_fraction: float,
    seed: int,
    start: CompactModel | None = None,
) -> Prepared:
    """Check, split and describe the rows; see :meth:`l0gm.L0GMClassifier.fit` for the arguments.

    With ``start``, a model to go on from, its classes and its fields are taken instead of the rows' own.

    Raises
    ------
    DataError
        If the table or the target cannot be used; the message names the column.
    ParameterError
        If a fraction or a class weight is out of range.
    """
    notes = []
    if isinstance(table, ParquetTable):
        notes += [f"{name}: pandas' index in the file, left out" for name in table.index]
    if start is None:
        classes, labels = encode_target(y, len(table))
    else:
        classes, labels = start.classes_, known_labels(y, len(table), start)
        rows = start.information.get("training_rows")
        known = "" if rows is None else f" of {rows:,} training rows"
        notes.append(f"started from a model{known}: its fields, bins, vocabularies and open dimensions stay")
    weight = row_weights(sample_weight, class_weight, labels, classes)
    counts = np.bincount(labels)
    counts[counts == 0] = MIN_ROWS_PER_CLASS  # only a model to start from knows a class without rows
    if counts.min() < MIN_ROWS_PER_CLASS:
        raise DataError(
            f"class {classes[counts.argmin()]!r} has {counts.min()} row, and at least {MIN_ROWS_PER_CLASS} are "
            "needed: merge it with another class, drop it, or bring more rows"
        )
    chosen = three_way(labels, validation_fraction, calibration_fraction, seed)
    counted = chosen[0] if weight is None else chosen[0][weight[chosen[0]] > 0]
    if len(counted) == 0:
        raise DataError(f"all of the {len(chosen[0])} training rows have weight zero: give more rows a weight")
    stored = None
    more: list[str] = []
    if start is not None:
        schema = schema_for(table, start)
    elif isinstance(table, ParquetTable):
        sample = _sample(counted, schema_rows, seed)
        if len(sample) < len(counted):
            notes.append(f"columns described by {len(sample):,} of the {len(counted):,} training rows, at random")
        schema, more = fitter.fit(table.select(sample).read(), labels[sample])
    else:
        schema, more = fitter.fit(table.select(counted), labels[counted])
    if isinstance(table, ParquetTable) and schema.texts:
        names = ", ".join(repr(f.source) for f in schema.texts)
        raise DataError(f"texts ({names}) are not read out of core: read {table} into a table, or leave them out")
    if isinstance(table, ParquetTable):
        stored = store(schema, table.batches(schema.sources))
    train, validation, calibration = (
        Part(
            table.select(rows),
            labels[rows],
            None if weight is None or not weight[rows].any() else weight[rows],
            rows,
            schema.encode(table.select(rows)) if stored is None else stored.select(rows),
        )
        for rows in chosen
    )
    return Prepared(classes, schema, train, validation, calibration, notes + more, seed, start)


def _sample(rows: NDArray[np.int64], size: int, seed: int) -> NDArray[np.int64]:
    """Return at most ``size`` of the rows at random, in their order."""
    keys = np.random.PCG64([seed, 1]).random_raw(len(rows))
    return np.sort(rows[np.argsort(keys, kind="stable")[:size]])
