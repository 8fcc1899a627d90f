"""What each column is, and how its values become table rows: the part of the model that meets raw data.

Every field maps a column to ``(code, fraction)``. The code picks a row of the field's embedding table; the
fraction is the position inside a numeric bin, 0 elsewhere. Code 0 is the missing slot of every field, and code 1
of a categorical field is the slot for rare and unseen values. Decisions are taken in float64 (bin edges decide
alike in training, the runtime and exports). Nothing here needs PyTorch or scikit-learn: the runtime uses it.
"""

from __future__ import annotations

import itertools
import math
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from l0gm.data.frames import Table, canonical
from l0gm.data.values import TIME_PARTS, time_part
from l0gm.errors import ArtifactError, DataError, ParameterError

__all__ = ["CategoricalField", "Encoded", "Field", "HashedField", "NumericField", "Schema"]

MISSING = 0
UNSEEN = 1
BOOLEANS = {"1": "True", "0": "False", "true": "True", "false": "False", "TRUE": "True", "FALSE": "False"}


@dataclass(frozen=True)
class Encoded:
    """Rows as the encoder reads them: ``codes`` int32 (n, m) and ``fractions`` float32 (n, m)."""

    codes: NDArray[np.int32]
    fractions: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.codes)

    def take(self, rows: NDArray[np.int64]) -> Encoded:
        """Return these rows."""
        return Encoded(self.codes[rows], self.fractions[rows])


@dataclass(frozen=True)
class CategoricalField:
    """A vocabulary of values in their canonical spelling; rows: missing, unseen or rare, then the vocabulary.

    Where the vocabulary is True and False, their other usual spellings (1 and 0, true and false) count too.
    """

    kind: ClassVar[str] = "categorical"
    name: str
    source: str
    vocabulary: tuple[str, ...]
    _index: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        index = {value: i + 2 for i, value in enumerate(self.vocabulary)}
        if len(index) < len(self.vocabulary) or not all(isinstance(value, str) for value in index):
            raise ParameterError(f"field {self.name!r}: a vocabulary is made of distinct strings")
        if index and index.keys() <= {"True", "False"}:
            index |= {other: index[value] for other, value in BOOLEANS.items() if value in index}
        object.__setattr__(self, "_index", index)

    @property
    def n_rows(self) -> int:
        """Rows of the field's table."""
        return len(self.vocabulary) + 2

    def encode(self, table: Table) -> tuple[NDArray[np.int32], None]:
        """Return the codes (n,) of the column ``source``."""
        codes, values = table.factorize(self.source)
        return _lookup(codes, values, lambda text: self._index.get(text, UNSEEN)), None


@dataclass(frozen=True)
class HashedField:
    """An identifier of too many values for a vocabulary, hashed (CRC-32 of UTF-8) into ``buckets`` rows."""

    kind: ClassVar[str] = "hashed"
    name: str
    source: str
    buckets: int

    def __post_init__(self) -> None:
        if not isinstance(self.buckets, int) or self.buckets < 1:
            raise ParameterError(f"field {self.name!r}: buckets={self.buckets!r}, a whole number above 0 is needed")

    @property
    def n_rows(self) -> int:
        """Rows of the field's table."""
        return self.buckets + 1

    def encode(self, table: Table) -> tuple[NDArray[np.int32], None]:
        """Return the codes (n,) of the column ``source``."""
        codes, values = table.factorize(self.source)
        return _lookup(codes, values, lambda text: 1 + checksum(text) % self.buckets), None


@dataclass(frozen=True)
class NumericField:
    """Bins with a ramp inside each.

    Bin b holds the values with ``edges[b] < x <= edges[b + 1]``; the first and the last one also take whatever
    lies outside. The fraction is (x - lower edge) / width, clipped to [0, 1].

    Parameters
    ----------
    edges : float64 (n_bins + 1,)
        Strictly increasing; the outer two are the least and the largest value seen in fit.
    part : str, optional
        For a date column, which part of it this field reads: one of year, month, day, weekday, hour,
        elapsed_days (since 1970-01-01, UTC).
    infinite : {"error", "missing"}
        What an infinite value is.
    """

    kind: ClassVar[str] = "numeric"
    name: str
    source: str
    edges: tuple[float, ...]
    part: str | None = None
    infinite: str = "error"

    def __post_init__(self) -> None:
        rising = all(low < high for low, high in itertools.pairwise(self.edges))
        if len(self.edges) < 2 or not rising or not math.isfinite(self.edges[-1] - self.edges[0]):
            raise ParameterError(f"field {self.name!r}: edges are two or more finite numbers, each above the last")
        if self.part is not None and self.part not in TIME_PARTS:
            raise ParameterError(f"field {self.name!r}: part={self.part!r}, choose one of {', '.join(TIME_PARTS)}")
        if self.infinite not in ("error", "missing"):
            raise ParameterError(f"field {self.name!r}: infinite={self.infinite!r}, choose 'error' or 'missing'")

    @property
    def n_bins(self) -> int:
        """Number of bins."""
        return len(self.edges) - 1

    @property
    def n_rows(self) -> int:
        """Rows of the field's table."""
        return self.n_bins + 1

    def encode(self, table: Table) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Return codes (n,) and fractions (n,) of the column ``source``."""
        x = table.numbers(self.source) if self.part is None else time_part(table.times(self.source), self.part)
        return self.bin(check_finite(x, self.source, self.infinite))

    def bin(self, x: NDArray[np.float64]) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Return codes and fractions of numbers, NaN where missing."""
        edges = np.asarray(self.edges, dtype=np.float64)
        missing = np.isnan(x)
        b = np.searchsorted(edges[1:-1], x, side="left")
        b[missing] = 0
        with np.errstate(over="ignore", invalid="ignore"):  # beyond every bin, and NaN
            fractions = np.clip((x - edges[b]) / (edges[b + 1] - edges[b]), 0.0, 1.0)
        fractions[missing] = 0.0
        codes = b + 1
        codes[missing] = MISSING
        return codes.astype(np.int32), fractions.astype(np.float32)


Field = CategoricalField | HashedField | NumericField
_KINDS: dict[str, type[Any]] = {cls.kind: cls for cls in (CategoricalField, HashedField, NumericField)}


@dataclass(frozen=True)
class Schema:
    """The fields of a model, in order, and what was decided about columns that are not among them.

    Parameters
    ----------
    fields : tuple of Field
        At least one.
    columns : tuple of str
        All columns that fit saw, in their order.
    """

    fields: tuple[Field, ...]
    columns: tuple[str, ...]

    @property
    def sources(self) -> tuple[str, ...]:
        """The columns that prediction reads."""
        return tuple(dict.fromkeys(f.source for f in self.fields))

    @property
    def text_sources(self) -> tuple[str, ...]:
        """The columns that are read as text: of categories and identifiers."""
        return tuple(f.source for f in self.fields if not isinstance(f, NumericField))

    @property
    def names(self) -> tuple[str, ...]:
        """The fields' names."""
        return tuple(f.name for f in self.fields)

    @property
    def n_rows(self) -> tuple[int, ...]:
        """The number of table rows of each field."""
        return tuple(f.n_rows for f in self.fields)

    def encode(self, data: object) -> Encoded:
        """Encode a table; columns that no field reads are ignored, their order does not matter.

        Raises
        ------
        DataError
            If a column is missing or holds values of another kind than in fit.
        """
        table = Table(data)
        absent = [name for name in self.sources if name not in table]
        if absent:
            have = ", ".join(map(repr, table.names[:20])) + (", ..." if len(table.names) > 20 else "")
            raise DataError(
                f"column{'s' * (len(absent) > 1)} {', '.join(map(repr, absent))} missing: the model reads "
                f"{'them' if len(absent) > 1 else 'it'} (the table has {have})"
            )
        codes = np.empty((len(table), len(self.fields)), dtype=np.int32)
        fractions = np.zeros((len(table), len(self.fields)), dtype=np.float32)
        for i, f in enumerate(self.fields):
            c, x = f.encode(table)
            codes[:, i] = c
            if x is not None:
                fractions[:, i] = x
        return Encoded(codes, fractions)

    def restrict(self, keep: Iterable[int]) -> Schema:
        """Return the schema of the fields with these numbers."""
        return Schema(tuple(self.fields[i] for i in keep), self.columns)

    def to_dict(self) -> dict[str, Any]:
        """Return a form that json can hold; floats survive the trip exactly."""
        entries = []
        for f in self.fields:
            values = {x.name: getattr(f, x.name) for x in fields(f) if x.init}
            lists = {name: list(value) for name, value in values.items() if isinstance(value, tuple)}
            entries.append({"kind": f.kind, **values, **lists})
        return {"fields": entries, "columns": list(self.columns)}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Schema:
        """Read :meth:`to_dict`'s form.

        Raises
        ------
        ArtifactError
            If it is damaged.
        """
        try:
            return cls(tuple(map(_field, data["fields"])), tuple(map(str, data["columns"])))
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise ArtifactError(f"the schema is damaged: {error!r}") from error


def check_finite(x: NDArray[np.float64], column: str, infinite: str) -> NDArray[np.float64]:
    """Return ``x`` with infinite values as NaN where ``infinite`` is "missing".

    Raises
    ------
    DataError
        If there are any and ``infinite`` is "error".
    """
    bad = np.isinf(x)
    if not bad.any():
        return x
    if infinite == "missing":
        return np.where(bad, np.nan, x)
    count = int(bad.sum())
    raise DataError(
        f"column {column!r}: {count} infinite value{'s' * (count > 1)}; correct what is infinite, or fit with "
        "infinite='missing' to treat it as missing"
    )


def checksum(text: str) -> int:
    """Return the CRC-32 of a text's UTF-8 form: the same on every machine."""
    return zlib.crc32(text.encode("utf-8", "surrogatepass"))


def _field(entry: dict[str, Any]) -> Field:
    values = dict(entry)
    kind = _KINDS[values.pop("kind")]
    if not (isinstance(values["name"], str) and isinstance(values["source"], str)):
        raise TypeError("a field's name and source are strings")
    if "vocabulary" in values:
        values["vocabulary"] = tuple(values["vocabulary"])
    if "edges" in values:
        values["edges"] = tuple(map(float, values["edges"]))
    made: Field = kind(**values)
    return made


def _lookup(codes: NDArray[np.int64], values: Sequence[object], code_of: Any) -> NDArray[np.int32]:
    table = np.full(len(values) + 1, MISSING, dtype=np.int32)  # the last entry serves code -1
    for i, value in enumerate(values):
        table[i] = code_of(canonical(value))
    return table[codes]
