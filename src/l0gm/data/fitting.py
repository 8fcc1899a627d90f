"""Fitting a schema: from a table of training rows to fields, with a note for each decision that it takes."""

from __future__ import annotations

import numbers
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from l0gm.data.binning import constant_edges, quantile_edges, tree_edges
from l0gm.data.frames import Table, canonical, parse_number, parse_time
from l0gm.data.ngrams import fit_ngrams
from l0gm.data.schema import (
    CategoricalField,
    Field,
    HashedField,
    NumericField,
    Schema,
    check_finite,
)
from l0gm.data.texts import NgramField, TextField
from l0gm.data.values import TIME_PARTS, is_missing_text, time_part
from l0gm.data.words import n_words
from l0gm.errors import DataError, ParameterError

__all__ = ["NgramReader", "SchemaFitter", "TextReader", "least_count"]

LEAST_TEXTS = 10
LEAST_WORDS = 5
LOOKED_AT = 1000


class TextReader(Protocol):
    """Decides how a text column is read."""

    def field(
        self, name: str, source: str, texts: Sequence[str | None], missing: tuple[str, ...], notes: list[str]
    ) -> TextField | None:
        """Return the field of a column of these texts (n,), None for a missing one; None if it is of no use."""
        ...


@dataclass(frozen=True)
class NgramReader:
    """Reads texts as word n-grams: see :func:`l0gm.data.ngrams.fit_ngrams` and :meth:`NgramVocabulary.find`."""

    words: int = 3
    min_count: int = 2
    most: int = 1_000_000
    tail: float = 0.0

    def field(
        self, name: str, source: str, texts: Sequence[str | None], missing: tuple[str, ...], notes: list[str]
    ) -> NgramField | None:
        """Return the field, None if no n-gram is in ``min_count`` texts."""
        vocabulary = fit_ngrams(texts, words=self.words, min_count=self.min_count, most=self.most)
        if len(vocabulary) == 0:
            notes.append(f"{name}: text, no n-gram of which is in {self.min_count} rows, dropped")
            return None
        notes.append(f"{name}: text, {len(vocabulary):,} n-grams of up to {vocabulary.longest} words")
        return NgramField(name, source, vocabulary, self.tail, missing)


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
    missing_values : collection of str or numbers
        Values that are missing ones in every column, such as ``"unknown"`` or ``-999``. Among numbers and dates the
        usual texts for nothing (``NA``, ``?``, see :data:`l0gm.data.values.MISSING_TEXTS`) need not be named.
    text : collection of str
        Columns to read as text. Others of 10 or more different values are, where half of the rows that have a value
        have one of their own and these are of 5 words or more on average.
    reader : TextReader
        How texts are read.
    """

    bins: Literal["tree", "quantile"] = "tree"
    max_bins: int = 48
    min_bin_rows: int = 20
    min_count: int = 5
    max_categories: int = 2000
    hash_buckets: int = 4096
    infinite: Literal["error", "missing"] = "error"
    categorical: Collection[str] = ()
    missing_values: Collection[str | float] = ()
    text: Collection[str] = ()
    reader: TextReader = NgramReader()

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
        for name in ("categorical", "text"):
            if isinstance(getattr(self, name), str):
                raise ParameterError(f"{name}={getattr(self, name)!r}: give a list of column names")
        both = sorted({*map(str, self.categorical)} & {*map(str, self.text)})
        if both:
            raise ParameterError(f"categorical and text both name {both}: choose one of them")
        if isinstance(self.missing_values, str) or not isinstance(self.missing_values, Collection):
            raise ParameterError(f"missing_values={self.missing_values!r}: give a list of texts and numbers")
        for value in self.missing_values:
            if isinstance(value, bool) or not isinstance(value, (str, numbers.Real)):
                raise ParameterError(f"missing_values names {value!r}: give texts and numbers")

    @property
    def _missing(self) -> tuple[str, ...]:
        return tuple(sorted(text for text in set(map(canonical, self.missing_values)) if text is not None))

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
            If the table is empty, ``categorical`` or ``text`` names a column that it lacks, or no column is usable.
        """
        table = Table(data)
        if len(table) == 0:
            raise DataError("the table has no rows")
        for option in ("categorical", "text"):
            unknown = [name for name in getattr(self, option) if str(name) not in table]
            if unknown:
                raise DataError(f"{option} names columns that the table lacks: {unknown}")
        notes: list[str] = []
        fields: list[Field] = []
        texts: list[TextField] = []
        for name in table.names:
            if table.texts_alone or name in map(str, self.text) or self._holds_text(table, name):
                found = self.reader.field(name, name, table.texts(name, self._missing), self._missing, notes)
                texts += [] if found is None else [found]
            else:
                fields += self._column(table, name, y, notes)
        if not fields and not texts:
            raise DataError("no column is usable: " + "; ".join(notes))
        return Schema(tuple(fields), tuple(table.names), tuple(texts)), notes

    def _holds_text(self, table: Table, name: str) -> bool:
        if name in map(str, self.categorical) or table.kind(name, self._missing) != "text":
            return False
        codes, values = table.factorize(name, self._missing)
        told = [value for value in values[:LOOKED_AT] if isinstance(value, str)]
        return (
            len(values) >= max(LEAST_TEXTS, (codes >= 0).sum() / 2)
            and len(told) > 0
            and sum(map(n_words, told)) >= LEAST_WORDS * len(told)
        )

    def _column(self, table: Table, name: str, y: NDArray[np.int64], notes: list[str]) -> list[Field]:
        forced = name in map(str, self.categorical)
        kind = "text" if forced else table.kind(name, self._missing)
        if not forced and (kind == "text" or not table.typed(name)):
            kind = self._read_text(table, name, kind, notes)
        if kind in ("number", "duration"):
            x = table.numbers(name, self._missing)
            finite = check_finite(x, name, self.infinite)
            if finite is not x:
                notes.append(f"{name}: {int(np.isinf(x).sum())} infinite values, read as missing")
            found = self._numeric(name, finite, y, notes)
            return [] if found is None else [found]
        if kind == "time":
            return self._time(table, name, y, notes)
        if kind == "object":
            notes.append(f"{name}: values of several types, read as text")
        codes, values = table.factorize(name, self._missing)
        return self._categorical(name, codes, values, forced, notes)

    def _read_text(self, table: Table, name: str, kind: str, notes: list[str]) -> str:
        """Return what a column holds beside texts for nothing, which are its own where it holds text."""
        values = table.factorize(name, self._missing)[1]
        told = [value for value in values if not is_missing_text(value)]
        if kind == "text" and told and all(map(_is_date, told)):
            notes.append(f"{name}: text in ISO date format, read as dates")
            kind = "time"
        elif kind == "text" and told and all(map(_is_number, told)):
            if len(told) < len(values) and not any(map(_is_code, told)):  # they are why it came as text
                notes.append(f"{name}: text of numbers and of what stands for none, read as numbers")
                kind = "number"
            else:
                notes.append(f"{name}: text that reads as numbers, kept as categories; convert it if it is a quantity")
        if kind in ("number", "duration", "time") and len(told) < len(values):
            texts = sorted(repr(str(value)) for value in values if is_missing_text(value))
            notes.append(f"{name}: {', '.join(texts)} read as missing; name the column in `categorical` to keep it")
        return kind

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
        return NumericField(label, name, edges, where.get("part"), self.infinite, self._missing)

    def _time(self, table: Table, name: str, y: NDArray[np.int64], notes: list[str]) -> list[Field]:
        times = table.times(name, self._missing)
        parts = {part: time_part(times, part) for part in TIME_PARTS}
        varying = [part for part, x in parts.items() if len(np.unique(x[~np.isnan(x)])) > 1]
        mark = ":"
        while any(f"{name}{mark}{part}" in table for part in TIME_PARTS):  # a column's own name
            mark += ":"
        fields = [
            self._numeric(name, parts[part], y, [], label=f"{name}{mark}{part}", part=part)
            for part in varying or ["elapsed_days"]
        ]
        kept = [f for f in fields if f is not None]
        if kept:
            notes.append(f"{name}: date, read as {', '.join(f.part or '' for f in kept)}")
        else:
            notes.append(f"{name}: {'all values missing' if np.isnat(times).all() else 'dates all equal'}, dropped")
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
            return [] if present == len(codes) else [CategoricalField(name, name, (), self._missing)]
        if len(counts) > self.max_categories:
            notes.append(f"{name}: {len(counts)} distinct values, hashed into {self.hash_buckets} buckets")
            return [HashedField(name, name, int(self.hash_buckets), self._missing)]
        least = least_count(max(counts.values()), self.min_count)
        kept = sorted(value for value, count in counts.items() if count >= least)
        if len(kept) < len(counts):
            notes.append(
                f"{name}: {len(counts) - len(kept)} of {len(counts)} values seen in fewer than {least} "
                "rows share the slot of unseen values"
            )
        return [CategoricalField(name, name, tuple(kept), self._missing)]


def least_count(most: int, min_count: int) -> int:
    """Return in how many rows a value has to occur: ``min_count``, lowered if the most frequent one is in fewer."""
    return next((least for least in (min_count, 2) if least <= most), 1)


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
    if isinstance(value, (bool, np.bool_)):
        return False
    try:
        parse_number(value)
    except (TypeError, ValueError, OverflowError):
        return False
    return True


def _is_code(value: object) -> bool:
    """Return whether a text that reads as a number is written as a code is: with leading zeros."""
    text = str(value).strip()
    return len(text) > 1 and text[0] == "0" and text[1].isdigit()


def _shorten(text: str) -> str:
    return text if len(text) <= 40 else text[:37] + "..."
