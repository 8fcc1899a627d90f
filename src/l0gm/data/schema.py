"""What each column is, and how its values become table rows: the part of the model that meets raw data.

Every field maps a column to ``(code, fraction)``. The code picks a row of the field's embedding table; the
fraction is the position inside a numeric bin, 0 elsewhere. Code 0 is the missing slot of every field, and code 1
of a categorical field is the slot for rare and unseen values. Decisions are taken in float64 (bin edges decide
alike in training, the runtime and exports). Nothing here needs PyTorch or scikit-learn: the runtime uses it.
"""

from __future__ import annotations

import itertools
import math
import re
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from l0gm.data.frames import Table
from l0gm.data.ragged import Ragged
from l0gm.data.texts import TextField, text_field_from
from l0gm.data.values import TIME_PARTS, canonical, time_part
from l0gm.errors import ArtifactError, DataError, ParameterError

__all__ = ["PREFIX", "CategoricalField", "Columns", "Encoded", "Field", "HashedField", "NumericField", "Schema"]

PREFIX = "schema.text."
"""Of the names of a schema's arrays."""
MISSING = 0
UNSEEN = 1
_WHOLE = re.compile(r"-?[0-9]+(\.0)?")
BOOLEANS = {
    **{"1": "True", "1.0": "True", "true": "True", "TRUE": "True"},
    **{"0": "False", "0.0": "False", "false": "False", "FALSE": "False"},
}


@dataclass(frozen=True)
class Encoded:
    """Rows as the encoder reads them: ``codes`` int32 (n, m), ``fractions`` float32 (n, m), and each text's numbers."""

    codes: NDArray[np.int32]
    fractions: NDArray[np.float32]
    texts: tuple[Ragged, ...] = ()

    def __len__(self) -> int:
        return len(self.codes)

    def take(self, rows: NDArray[np.int64]) -> Encoded:
        """Return these rows."""
        return Encoded(self.codes[rows], self.fractions[rows], tuple(text.take(rows) for text in self.texts))

    @classmethod
    def joined(cls, parts: Sequence[Encoded]) -> Encoded:
        """Return the rows of all parts, one part after the other; at least one part."""
        if len(parts) == 1:
            return parts[0]
        texts = zip(*(part.texts for part in parts), strict=True)
        return cls(
            np.concatenate([part.codes for part in parts]),
            np.concatenate([part.fractions for part in parts]),
            tuple(map(Ragged.joined, texts)),
        )


@dataclass(frozen=True)
class Columns:
    """Rows before numbers are put into bins.

    Parameters
    ----------
    numbers : float64 (n, numeric fields)
        NaN where missing; fields in the schema's order.
    codes : int32 (n, other fields)
        The row of each field's table.
    texts : tuple of Ragged
    """

    numbers: NDArray[np.float64]
    codes: NDArray[np.int32]
    texts: tuple[Ragged, ...] = ()

    def __len__(self) -> int:
        return len(self.codes)

    @classmethod
    def joined(cls, parts: Sequence[Columns]) -> Columns:
        """Return the rows of all parts, one part after the other; at least one part."""
        if len(parts) == 1:
            return parts[0]
        texts = zip(*(part.texts for part in parts), strict=True)
        return cls(
            np.concatenate([part.numbers for part in parts]),
            np.concatenate([part.codes for part in parts]),
            tuple(map(Ragged.joined, texts)),
        )


@dataclass(frozen=True)
class CategoricalField:
    """A vocabulary of values in their canonical spelling; rows: missing, unseen or rare, then the vocabulary.

    Where the vocabulary is True and False, their other usual spellings (1 and 0, true and false) count too. A whole
    number is also known with ``.0`` behind it, or without: a csv file writes it so beside missing ones. The values of
    ``missing`` are missing ones, beside those that are so in every column.
    """

    kind: ClassVar[str] = "categorical"
    name: str
    source: str
    vocabulary: tuple[str, ...]
    missing: tuple[str, ...] = ()
    _index: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        index = {value: i + 2 for i, value in enumerate(self.vocabulary)}
        if len(index) < len(self.vocabulary) or not all(isinstance(value, str) for value in index):
            raise ParameterError(f"field {self.name!r}: a vocabulary is made of distinct strings")
        if index and index.keys() <= {"True", "False"}:
            index |= {other: index[value] for other, value in BOOLEANS.items() if value in index}
        for value in filter(_WHOLE.fullmatch, self.vocabulary):
            index.setdefault(value.removesuffix(".0") if value.endswith(".0") else f"{value}.0", index[value])
        object.__setattr__(self, "_index", index)

    @property
    def n_rows(self) -> int:
        """Rows of the field's table."""
        return len(self.vocabulary) + 2

    @cached_property
    def known(self) -> dict[str | None, int]:
        """The rows of what needs no further look: missing values, and texts of the vocabulary."""
        known: dict[str | None, int] = {None: MISSING}
        known |= {text: row for text, row in self._index.items() if text not in self.missing and canonical(text)}
        return known

    def encode(self, table: Table) -> NDArray[np.int32]:
        """Return the codes (n,) of the column ``source``."""
        return table.coded(self.source, self.known, self._row)

    def _row(self, text: str | None) -> int:
        """Return the row of a value in its canonical spelling."""
        return MISSING if text is None or text in self.missing else self._index.get(text, UNSEEN)


@dataclass(frozen=True)
class HashedField:
    """An identifier of too many values for a vocabulary, hashed (CRC-32 of UTF-8) into ``buckets`` rows.

    The values of ``missing`` are missing ones, beside those that are so in every column.
    """

    kind: ClassVar[str] = "hashed"
    name: str
    source: str
    buckets: int
    missing: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.buckets, int) or self.buckets < 1:
            raise ParameterError(f"field {self.name!r}: buckets={self.buckets!r}, a whole number above 0 is needed")

    @property
    def n_rows(self) -> int:
        """Rows of the field's table."""
        return self.buckets + 1

    def encode(self, table: Table) -> NDArray[np.int32]:
        """Return the codes (n,) of the column ``source``."""
        return table.coded(self.source, self.known, self._row)

    @property
    def known(self) -> dict[str | None, int] | int:
        """The number of buckets, into which texts are hashed without a further look; no rows where some are missing."""
        return {} if self.missing else self.buckets

    def _row(self, text: str | None) -> int:
        """Return the row of a value in its canonical spelling."""
        return MISSING if text is None or text in self.missing else 1 + checksum(text) % self.buckets


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
    missing : tuple of str
        Values that are missing ones, beside those that are so in every column.
    """

    kind: ClassVar[str] = "numeric"
    name: str
    source: str
    edges: tuple[float, ...]
    part: str | None = None
    infinite: str = "error"
    missing: tuple[str, ...] = ()

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

    def values(self, table: Table) -> NDArray[np.float64]:
        """Return the numbers (n,) of the column ``source`` that are binned, NaN where missing."""
        if self.part is None:
            x = table.numbers(self.source, self.missing)
        else:
            x = time_part(table.times(self.source, self.missing), self.part)
        return check_finite(x, self.source, self.infinite)

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
        Those of a table: each value of one is a row of the field's table.
    columns : tuple of str
        All columns that fit saw, in their order.
    texts : tuple of TextField
        Those of texts. There is at least one of either.
    """

    fields: tuple[Field, ...]
    columns: tuple[str, ...]
    texts: tuple[TextField, ...] = ()

    @property
    def sources(self) -> tuple[str, ...]:
        """The columns that prediction reads."""
        return tuple(dict.fromkeys(f.source for f in (*self.fields, *self.texts)))

    @property
    def text_sources(self) -> tuple[str, ...]:
        """The columns that are read as text: of categories, identifiers and texts."""
        return tuple(f.source for f in (*self.fields, *self.texts) if not isinstance(f, NumericField))

    @cached_property
    def numeric(self) -> list[int]:
        """Numbers of the numeric fields."""
        return [i for i, f in enumerate(self.fields) if isinstance(f, NumericField)]

    @cached_property
    def coded(self) -> list[int]:
        """Numbers of the other fields of a table."""
        return [i for i, f in enumerate(self.fields) if not isinstance(f, NumericField)]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the fields, then those of the texts."""
        return tuple(f.name for f in (*self.fields, *self.texts))

    @property
    def n_rows(self) -> tuple[int, ...]:
        """The number of table rows of each field of a table."""
        return tuple(f.n_rows for f in self.fields)

    def encode(
        self, data: object, keep: Iterable[int] | None = None, keep_texts: Iterable[int] | None = None
    ) -> Encoded:
        """Encode a table; columns that no field reads are ignored, their order does not matter.

        Where neither this table nor that of fit has names (arrays), the columns are those of fit, in their order.

        Parameters
        ----------
        data : table (n, columns)
        keep, keep_texts : iterable of int, optional
            Numbers of the fields and of the texts to read; the others are missing, or empty, in every row, and their
            columns may be absent or hold anything. Default: all.

        Raises
        ------
        DataError
            If a column is missing or holds values of another kind than in fit, or a table without names has another
            number of columns than that of fit.
        """
        table, chosen, texts = self._opened(data, keep, keep_texts)
        codes = np.full((len(table), len(self.fields)), MISSING, dtype=np.int32)
        fractions = np.zeros((len(table), len(self.fields)), dtype=np.float32)
        for i in chosen:  # the numbers of one field at a time: all of them would take twice the memory of the result
            f = self.fields[i]
            if isinstance(f, NumericField):
                codes[:, i], fractions[:, i] = f.bin(f.values(table))
            else:
                codes[:, i] = f.encode(table)
        return Encoded(codes, fractions, texts)

    def read(self, data: object, keep: Iterable[int] | None = None, keep_texts: Iterable[int] | None = None) -> Columns:
        """Read what :meth:`encode` does, and leave the numbers as they are.

        Parameters, errors: as :meth:`encode`.
        """
        table, chosen, texts = self._opened(data, keep, keep_texts)
        numbers = np.full((len(self.numeric), len(table)), np.nan)  # each field's values lie together
        codes = np.full((len(self.coded), len(table)), MISSING, dtype=np.int32)
        place = {i: j for places in (self.numeric, self.coded) for j, i in enumerate(places)}
        for i in chosen:
            f = self.fields[i]
            if isinstance(f, NumericField):
                numbers[place[i]] = f.values(table)
            else:
                codes[place[i]] = f.encode(table)
        return Columns(numbers.T, codes.T, texts)

    def binned(self, columns: Columns) -> Encoded:
        """Return rows with their numbers put into bins."""
        codes = np.full((len(columns), len(self.fields)), MISSING, dtype=np.int32)
        fractions = np.zeros((len(columns), len(self.fields)), dtype=np.float32)
        codes[:, self.coded] = columns.codes
        for x, i in zip(columns.numbers.T, self.numeric, strict=True):
            codes[:, i], fractions[:, i] = self.fields[i].bin(x)  # type: ignore[union-attr]  # numeric
        return Encoded(codes, fractions, columns.texts)

    def _opened(
        self, data: object, keep: Iterable[int] | None, keep_texts: Iterable[int] | None
    ) -> tuple[Table, list[int], tuple[Ragged, ...]]:
        """Return the table, the numbers of the fields to read, and the texts."""
        table = self.placed(Table(data))
        chosen = list(range(len(self.fields))) if keep is None else sorted(keep)
        read = set(range(len(self.texts)) if keep_texts is None else keep_texts)
        needed = [*(self.fields[i].source for i in chosen), *(self.texts[i].source for i in sorted(read))]
        absent = [name for name in dict.fromkeys(needed) if name not in table]
        if absent:
            have = ", ".join(map(repr, table.names[:20])) + (", ..." if len(table.names) > 20 else "")
            unnamed = "this table has no names and that of fit had: pass one with names"
            raise DataError(
                f"column{'s' * (len(absent) > 1)} {', '.join(map(repr, absent))} missing: the model reads "
                f"{'them' if len(absent) > 1 else 'it'} (the table has {have}); "
                f"{'add what is missing, empty where it is not known' if table.named else unnamed}"
            )
        nothing = Ragged(np.zeros(len(table) + 1, np.int64), np.zeros(0, np.int32))
        return table, chosen, tuple(f.encode(table) if i in read else nothing for i, f in enumerate(self.texts))

    def placed(self, table: Table) -> Table:
        """Return a table without names under the names of fit, where that one had none either.

        Texts alone, without a table around them, are the one column that is read, whatever its name.
        """
        if table.texts_alone and len(self.sources) == 1:
            return table.renamed(self.sources)
        if table.named or not (_numbered(table.names) and _numbered(self.columns)):
            return table
        if len(table.names) != len(self.columns):
            raise DataError(
                f"X has {len(table.names)} features, but l0gm is expecting {len(self.columns)} features as input: "
                "a table without column names has to have all columns of fit, in their order"
            )
        return table if table.names == list(self.columns) else table.renamed(self.columns)

    def restrict(self, keep: Iterable[int], texts: Iterable[int] = ()) -> Schema:
        """Return the schema of the fields and texts with these numbers."""
        return Schema(tuple(self.fields[i] for i in keep), self.columns, tuple(self.texts[i] for i in texts))

    def to_dict(self) -> dict[str, Any]:
        """Return a form that json can hold, with :meth:`arrays` beside it; floats survive the trip exactly."""
        entries = []
        for f in self.fields:
            values = {x.name: getattr(f, x.name) for x in fields(f) if x.init and (f.missing or x.name != "missing")}
            lists = {name: list(value) for name, value in values.items() if isinstance(value, tuple)}
            entries.append({"kind": f.kind, **values, **lists})
        texts = {"texts": [f.to_dict() for f in self.texts]} if self.texts else {}
        return {"fields": entries, "columns": list(self.columns), **texts}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays of :meth:`to_dict`'s form, by name."""
        return {f"{PREFIX}{i}.{name}": a for i, f in enumerate(self.texts) for name, a in f.arrays().items()}

    @classmethod
    def from_dict(cls, data: dict[str, Any], arrays: Mapping[str, NDArray[Any]] | None = None) -> Schema:
        """Read :meth:`to_dict`'s form, and that of :meth:`arrays`.

        Raises
        ------
        ArtifactError
            If it is damaged.
        """
        try:
            texts = []
            for i, entry in enumerate({"texts": (), **data}["texts"]):
                start = f"{PREFIX}{i}."
                own = {k.removeprefix(start): a for k, a in (arrays or {}).items() if k.startswith(start)}
                texts.append(text_field_from(entry, own))
            return cls(tuple(map(_field, data["fields"])), tuple(map(str, data["columns"])), tuple(texts))
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


def _numbered(names: Sequence[str]) -> bool:
    """Return whether these are the names of columns without one: x0, x1, ..., or 0, 1, ... as pandas has it."""
    return any(list(names) == [f"{letter}{j}" for j in range(len(names))] for letter in ("x", ""))


def _field(entry: dict[str, Any]) -> Field:
    values = dict(entry)
    kind = _KINDS[values.pop("kind")]
    if not (isinstance(values["name"], str) and isinstance(values["source"], str)):
        raise TypeError("a field's name and source are strings")
    if "vocabulary" in values:
        values["vocabulary"] = tuple(values["vocabulary"])
    if "edges" in values:
        values["edges"] = tuple(map(float, values["edges"]))
    if "missing" in values:
        values["missing"] = tuple(values["missing"])
        if not values["missing"] or not all(isinstance(text, str) for text in values["missing"]):
            raise TypeError("missing is a list of strings")
    made: Field = kind(**values)
    return made
