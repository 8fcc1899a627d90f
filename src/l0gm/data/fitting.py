"""Fitting a schema: from a table of training rows to fields, with a note for each decision that it takes."""

from __future__ import annotations

import numbers
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from l0gm.data.binning import constant_edges, quantile_edges, tree_edges
from l0gm.data.frames import Table, canonical, parse_number, parse_time
from l0gm.data.schema import (
    CategoricalField,
    Field,
    HashedField,
    NumericField,
    Schema,
    check_finite,
)
from l0gm.data.values import TIME_PARTS, time_part
from l0gm.errors import DataError, ParameterError

__all__ = ["SchemaFitter"]


@dataclass(frozen=True)
class SchemaFitter:
    """How columns become fields.

    Parameters
    ----------
    bins : {"tree", "quantile"}
        Where the edges of numeric bins lie.
    max_bins : int
        Most bins a numeric field.
    min_bin_rows : int
        Least number of training rows a tree bin.
    min_count : int
        Values seen in fewer training rows share the slot of unseen values.
    max_categories : int
        A column of more distinct values than this is hashed.
    hash_buckets : int
        Rows of a hashed column's table.
    infinite : {"error", "missing"}
        What an infinite number is.
    categorical : collection of str
        Columns to read as categories whatever their type (codes, zip numbers).
    """

    bins: Literal["tree", "quantile"] = "tree"
    max_bins: int = 48
    min_bin_rows: int = 20
    min_count: int = 5
    max_categories: int = 2000
    hash_buckets: int = 4096
    infinite: Literal["error", "missing"] = "error"
    categorical: Collection[str] = ()

    def __post_init__(self) -> None:
        if self.bins not in ("tree", "quantile"):
            raise ParameterError(f"bins={self.bins!r}: choose 'tree' or 'quantile'")
        if self.infinite not in ("error", "missing"):
            raise ParameterError(f"infinite={self.infinite!r}: choose 'error' or 'missing'")
        for name, least in (
            ("max_bins", 2),
            ("min_bin_rows", 1),
            ("min_count", 1),
            ("max_categories", 1),
            ("hash_buckets", 2),
        ):
            value = getattr(self, name)
            if not isinstance(value, numbers.Integral) or value < least:
                raise ParameterError(f"{name}={value!r}: a whole number, at least {least}")
        if isinstance(self.categorical, str):
            raise ParameterError(f"categorical={self.categorical!r}: give a list of column names")

    def fit(self, data: object, y: NDArray[np.int64]) -> tuple[Schema, list[str]]:
        """Return the schema of these training rows and the notes on what was decided.

        Parameters
        ----------
        data : table (n, columns)
            Training rows only: bins and vocabularies must not see others.
        y : int (n,)
            Class indices.

        Raises
        ------
        DataError
            If the table is empty, ``categorical`` names a column that it lacks, or no column is usable.
        """
        table = Table(data)
        if len(table) == 0:
            raise DataError("the table has no rows")
        unknown = [name for name in self.categorical if str(name) not in table]
        if unknown:
            raise DataError(f"categorical names columns that the table lacks: {unknown}")
        notes: list[str] = []
        fields: list[Field] = []
        for name in table.names:
            fields += self._column(table, name, y, notes)
        if not fields:
            raise DataError("no column is usable: " + "; ".join(notes))
        return Schema(tuple(fields), tuple(table.names)), notes

    def _column(self, table: Table, name: str, y: NDArray[np.int64], notes: list[str]) -> list[Field]:
        forced = name in map(str, self.categorical)
        kind = "text" if forced else table.kind(name)
        if kind in ("number", "duration"):
            x = table.numbers(name)
            finite = check_finite(x, name, self.infinite)
            if finite is not x:
                notes.append(f"{name}: {int(np.isinf(x).sum())} infinite values, read as missing")
            found = self._numeric(name, finite, y, notes)
            return [] if found is None else [found]
        if kind == "time":
            return self._time(table, name, y, notes)
        codes, values = table.factorize(name)
        if kind == "object":
            notes.append(f"{name}: values of several types, read as text")
        elif kind == "text" and not forced and values and all(map(_is_date, values)):
            notes.append(f"{name}: text in ISO date format, read as dates")
            return self._time(table, name, y, notes)
        elif kind == "text" and not forced and values and all(map(_is_number, values)):
            notes.append(f"{name}: text that reads as numbers, kept as categories; convert it if it is a quantity")
        return self._categorical(name, codes, values, forced, notes)

    def _numeric(
        self, name: str, x: NDArray[np.float64], y: NDArray[np.int64], notes: list[str], **where: Any
    ) -> NumericField | None:
        seen = ~np.isnan(x)
        label = where.get("label", name)
        if not seen.any():
            notes.append(f"{label}: all values missing, dropped")
            return None
        low, high = float(x[seen].min()), float(x[seen].max())
        if low == high and seen.all():
            notes.append(f"{label}: constant ({low:g}), dropped")
            return None
        if low == high:  # missing or not is the information
            edges = constant_edges(low)
        elif self.bins == "tree":
            edges = tree_edges(x[seen], y[seen], self.max_bins, self.min_bin_rows)
        else:
            edges = quantile_edges(x[seen], self.max_bins)
        return NumericField(label, name, edges, part=where.get("part"), infinite=self.infinite)

    def _time(self, table: Table, name: str, y: NDArray[np.int64], notes: list[str]) -> list[Field]:
        times = table.times(name)
        parts = {part: time_part(times, part) for part in TIME_PARTS}
        varying = [part for part, x in parts.items() if len(np.unique(x[~np.isnan(x)])) > 1]
        fields = [
            self._numeric(name, parts[part], y, [], label=f"{name}:{part}", part=part)
            for part in varying or ["elapsed_days"]
        ]
        kept = [f for f in fields if f is not None]
        if kept:
            notes.append(f"{name}: date, read as {', '.join(f.part or '' for f in kept)}")
        else:
            notes.append(f"{name}: dates all missing or all equal, dropped")
        return list(kept)

    def _categorical(
        self, name: str, codes: NDArray[np.int64], values: list[Any], forced: bool, notes: list[str]
    ) -> list[Field]:
        counts: Counter[str] = Counter()
        rows = np.bincount(codes + 1, minlength=len(values) + 1)[1:].tolist()
        for value, count in zip(values, rows, strict=True):
            counts[canonical(value) or ""] += count
        present = counts.total()
        if not counts:
            notes.append(f"{name}: all values missing, dropped")
            return []
        if len(counts) == 1 and present == len(codes):
            notes.append(f"{name}: constant ({_shorten(next(iter(counts)))}), dropped")
            return []
        if len(counts) == present > 10 * self.min_count and not forced:
            notes.append(
                f"{name}: another value in every row, "
                f"{'dropped' if present == len(codes) else 'of which only the missing ones are told apart'}; "
                "name it in `categorical` to keep its values"
            )
            return [] if present == len(codes) else [CategoricalField(name, name, ())]
        if len(counts) > self.max_categories:
            notes.append(f"{name}: {len(counts)} distinct values, hashed into {self.hash_buckets} buckets")
            return [HashedField(name, name, int(self.hash_buckets))]
        for least in (self.min_count, 2, 1):  # where rows are too few for the cut, it is lowered
            kept = sorted(value for value, count in counts.items() if count >= least)
            if kept:
                break
        if len(kept) < len(counts):
            notes.append(
                f"{name}: {len(counts) - len(kept)} of {len(counts)} values seen in fewer than {least} "
                "rows share the slot of unseen values"
            )
        return [CategoricalField(name, name, tuple(kept))]


def _is_date(value: object) -> bool:
    if not isinstance(value, str):
        return False
    text = value.strip()
    if len(text) < 10 or text[4] != "-" or text[7] != "-":  # not compact forms, which look like numbers
        return False
    try:
        parse_time(text)
    except (ValueError, OverflowError):
        return False
    return True


def _is_number(value: object) -> bool:
    try:
        parse_number(value)
    except (TypeError, ValueError, OverflowError):
        return False
    return True


def _shorten(text: str) -> str:
    return text if len(text) <= 40 else text[:37] + "..."
