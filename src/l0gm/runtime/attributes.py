"""What a graph model reads of a node by itself: a row of numbers, made from an array or from columns of any kind."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from l0gm.data.frames import Table
from l0gm.data.probes import probe_rows
from l0gm.data.schema import PREFIX, Schema
from l0gm.errors import ArtifactError, DataError
from l0gm.runtime.tabular import FieldArrays
from l0gm.runtime.texts import TextPart, parts_from_arrays

__all__ = ["MOST_COLUMNS", "SCALINGS", "ArrayAttributes", "Attributes", "TableAttributes", "attributes_from"]

Floats = NDArray[np.float32]
SCALINGS = ("none", "rows", "columns")
ROWS_AT_ONCE = 2**18
MOST_COLUMNS = 2**20
"""Of an array of attributes."""
TURN = np.uint32(7919)


class Attributes(ABC):
    """From a graph's nodes, as users have them, to float32 (n, k)."""

    kind: ClassVar[str]

    @property
    @abstractmethod
    def names(self) -> tuple[str, ...]:
        """The units of meaning that columns belong to: columns of an array, fields of a table."""

    @property
    @abstractmethod
    def groups(self) -> NDArray[np.int64]:
        """For each column its place in :attr:`names`, (k,)."""

    @abstractmethod
    def matrix(self, nodes: Floats | Table) -> Floats:
        """Return the rows, float32 (n, k).

        Raises
        ------
        DataError
            If the nodes are not of the kind and the columns that fit saw.
        """

    @abstractmethod
    def restrict(self, columns: NDArray[np.int64]) -> Attributes:
        """Return what makes these columns alone."""

    @abstractmethod
    def probe(self, n: int, seed: int) -> Floats | Table:
        """Return n nodes that are made up, to compare two models on."""

    @abstractmethod
    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return every array by name."""

    @abstractmethod
    def structure(self) -> dict[str, Any]:
        """Return what is needed beside the arrays, as json can hold it."""

    @property
    def width(self) -> int:
        """Number of columns."""
        return len(self.groups)


@dataclass(frozen=True)
class ArrayAttributes(Attributes):
    """Columns of an array of numbers.

    Parameters
    ----------
    total : int
        Columns of the array.
    columns : int32 (k,)
        Those that are read.
    scaling : {"none", "rows", "columns"}
        As they are; divided by the sum of the row's absolute values, over all columns and not only those that are
        read; or centred and scaled.
    center, scale : float32 (k,)
        value = (x - center) * scale, with ``scaling="columns"``.
    """

    kind: ClassVar[str] = "array"
    total: int
    columns: NDArray[np.int32]
    scaling: str
    center: Floats
    scale: Floats

    @property
    def names(self) -> tuple[str, ...]:
        """``x0``, ``x1``, and so on."""
        return tuple(f"x{column}" for column in self.columns.tolist())

    @property
    def groups(self) -> NDArray[np.int64]:
        """Each column is its own."""
        return np.arange(len(self.columns))

    def matrix(self, nodes: Floats | Table) -> Floats:
        """Return the rows, float32 (n, k)."""
        if isinstance(nodes, Table):
            raise DataError("the nodes are a table, and those of fit were an array: pass an array")
        if nodes.shape[1] != self.total:
            raise DataError(f"the nodes have {nodes.shape[1]} attributes, and those of fit had {self.total}")
        every = len(self.columns) == self.total
        if every and self.scaling == "none":
            return nodes
        made = np.empty((len(nodes), len(self.columns)), np.float32)
        for first in range(0, len(nodes), ROWS_AT_ONCE):
            part = nodes[first : first + ROWS_AT_ONCE]
            chosen = part if every else part[:, self.columns]
            out = made[first : first + ROWS_AT_ONCE]
            with np.errstate(over="ignore"):  # what becomes infinite is refused where it is used
                if self.scaling == "columns":
                    np.subtract(chosen, self.center, out=out)
                    out *= self.scale
                elif self.scaling == "rows":
                    sums = np.abs(part).sum(1, keepdims=True)
                    np.divide(chosen, np.where(sums > 0, sums, 1.0), out=out)
                else:
                    out[:] = chosen
        return made

    def restrict(self, columns: NDArray[np.int64]) -> ArrayAttributes:
        """Return what makes these columns alone."""
        center, scale = (a[columns] if self.scaling == "columns" else a for a in (self.center, self.scale))
        return replace(self, columns=self.columns[columns], center=center, scale=scale)

    def probe(self, n: int, seed: int) -> Floats:
        """Return normal numbers of the size that fit saw, float32 (n, total).

        Each column is turned by what its center and scale are: of numbers that only follow them, nothing would tell
        that they were altered.
        """
        raw = np.random.PCG64([seed, 2]).random_raw(2 * n * self.total)
        uniform = ((raw >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53
        first, second = uniform.reshape(2, n, self.total)
        x = np.sqrt(-2.0 * np.log(first)) * np.cos(2.0 * np.pi * second)
        if self.scaling == "columns":
            spread = np.where(self.scale > 0, 1.0 / np.maximum(self.scale, 1e-30), 0.0)
            turns = (self.center.view(np.uint32) * TURN + self.scale.view(np.uint32)) % np.uint32(n)
            rows = (np.arange(n)[:, None] + turns) % n
            x[:, self.columns] = x[rows, self.columns] * spread + self.center
        return (np.abs(x) if self.scaling == "rows" else x).astype(np.float32)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return every array by name."""
        return {"columns": self.columns, "center": self.center, "scale": self.scale}

    def structure(self) -> dict[str, Any]:
        """Return what is needed beside the arrays."""
        return {"kind": self.kind, "total": self.total, "scaling": self.scaling}

    @classmethod
    def read(cls, arrays: Mapping[str, NDArray[Any]], structure: Mapping[str, Any]) -> ArrayAttributes:
        """Put them together again.

        Raises
        ------
        ArtifactError
            If an array is missing, left over or does not fit.
        """
        if arrays.keys() != {"columns", "center", "scale"}:
            raise ArtifactError("the attributes have not the arrays that they need")
        made = cls(structure["total"], arrays["columns"], structure["scaling"], arrays["center"], arrays["scale"])
        k = (len(made.columns) if made.scaling == "columns" else 0,)
        sound = (
            type(made.total) is int
            and made.total <= MOST_COLUMNS
            and made.scaling in SCALINGS
            and made.columns.dtype == np.int32
            and made.columns.ndim == 1
            and bool((np.diff(made.columns) > 0).all())
            and (not len(made.columns) or 0 <= made.columns[0] <= made.columns[-1] < made.total)
            and made.center.shape == made.scale.shape == k
            and made.center.dtype == made.scale.dtype == np.float32
            and bool(np.isfinite(made.center).all() and np.isfinite(made.scale).all())
        )
        if not sound:
            raise ArtifactError("the attributes' arrays do not fit each other")
        return made


@dataclass(frozen=True)
class TableAttributes(Attributes):
    """Fields of a table as fixed numbers, and what is made of texts.

    A numeric field counts the bins below the value, the last one in part; a category is 1 in its own column. A linear
    layer behind them is the field's embedding. A text is the sum of its n-grams' rows.

    Parameters
    ----------
    schema : Schema
    fields : tuple of FieldArrays (m)
        Row and slope of each code of each field, as in a tabular model.
    texts : tuple of TextPart
    """

    kind: ClassVar[str] = "table"
    schema: Schema
    fields: tuple[FieldArrays, ...]
    texts: tuple[TextPart, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the fields, then those of the texts."""
        return self.schema.names

    @property
    def groups(self) -> NDArray[np.int64]:
        """For each column its field or text, (k,)."""
        widths = [f.rows.shape[1] for f in self.fields] + [text.width for text in self.texts]
        return np.repeat(np.arange(len(widths)), widths)

    def matrix(self, nodes: Floats | Table) -> Floats:
        """Return the rows, float32 (n, k)."""
        if not isinstance(nodes, Table):
            raise DataError("the nodes are an array, and those of fit were a table: pass a table with its columns")
        made = np.empty((len(nodes), self.width), np.float32)
        for first in range(0, len(nodes), ROWS_AT_ONCE):
            last = min(first + ROWS_AT_ONCE, len(nodes))
            part = nodes if last - first == len(nodes) else nodes.select(np.arange(first, last))
            rows, at = self.schema.encode(part), 0
            for i, f in enumerate(self.fields):
                out = made[first:last, at : at + f.rows.shape[1]]
                out[:] = f.rows[rows.codes[:, i]]
                if f.slopes is not None:
                    out += rows.fractions[:, i, None] * f.slopes[rows.codes[:, i]]
                at += f.rows.shape[1]
            for part_of_text, read in zip(self.texts, rows.texts, strict=True):
                made[first:last, at : at + part_of_text.width] = part_of_text.values(read)
                at += part_of_text.width
        return made

    def restrict(self, columns: NDArray[np.int64]) -> TableAttributes:
        """Return what makes these columns alone; a field or text without one leaves."""
        chosen = np.zeros(self.width, bool)
        chosen[columns] = True
        by_name = [chosen[self.groups == i] for i in range(len(self.names))]
        m = len(self.fields)
        keep = [i for i in range(m) if by_name[i].any()]
        keep_texts = [i for i in range(len(self.texts)) if by_name[m + i].any()]
        fields = tuple(
            FieldArrays(
                np.ascontiguousarray(self.fields[i].rows[:, by_name[i]]),
                None if self.fields[i].slopes is None else np.ascontiguousarray(self.fields[i].slopes[:, by_name[i]]),  # type: ignore[index]
            )
            for i in keep
        )
        texts = tuple(self.texts[i].restrict(by_name[m + i]) for i in keep_texts)
        return TableAttributes(self.schema.restrict(keep, keep_texts), fields, texts)

    def probe(self, n: int, seed: int) -> Table:
        """Return rows made from the schema."""
        columns = probe_rows(self.schema, n, seed)
        return Table(columns or {"unread": np.zeros(n)})

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return every array by name."""
        named = dict(self.schema.arrays())
        for i, f in enumerate(self.fields):
            named[f"field.{i}.rows"] = f.rows
            if f.slopes is not None:
                named[f"field.{i}.slopes"] = f.slopes
        for i, text in enumerate(self.texts):
            named |= {f"text.{i}.{name}": array for name, array in text.arrays().items()}
        return named

    def structure(self) -> dict[str, Any]:
        """Return what is needed beside the arrays."""
        texts = [text.structure() for text in self.texts]
        return {"kind": self.kind, "schema": self.schema.to_dict(), "texts": texts}

    @classmethod
    def read(cls, arrays: Mapping[str, NDArray[Any]], structure: Mapping[str, Any]) -> TableAttributes:
        """Put them together again.

        Raises
        ------
        ArtifactError
            If an array is missing, left over or does not fit.
        """
        left = dict(arrays)
        own = {name: left.pop(name) for name in list(left) if name.startswith(PREFIX)}
        schema = Schema.from_dict(structure["schema"], own)
        if own.keys() != schema.arrays().keys() or schema.to_dict() != structure["schema"]:
            raise ArtifactError("the schema is not in the form in which it is written")
        texts = parts_from_arrays(left, structure["texts"], schema)
        fields = []
        for i, rows in enumerate(schema.n_rows):
            f = FieldArrays(left.pop(f"field.{i}.rows"), left.pop(f"field.{i}.slopes", None))
            for a in (f.rows, *([] if f.slopes is None else [f.slopes])):
                if a.dtype != np.float32 or a.ndim != 2 or a.shape[0] != rows or a.shape != f.rows.shape:
                    raise ArtifactError("a field's table does not fit the schema")
                if not np.isfinite(a).all():
                    raise ArtifactError("a field's table is not finite")
            fields.append(f)
        if left:
            raise ArtifactError(f"the attributes have no place for the arrays {sorted(left)}")
        return cls(schema, tuple(fields), texts)


def attributes_from(arrays: Mapping[str, NDArray[Any]], structure: Mapping[str, Any]) -> Attributes:
    """Return the attributes of a model file.

    Raises
    ------
    ArtifactError, KeyError, TypeError
        If something is missing or does not fit.
    """
    kinds: Sequence[type[ArrayAttributes] | type[TableAttributes]] = (ArrayAttributes, TableAttributes)
    for cls in kinds:
        if structure["kind"] == cls.kind:
            return cls.read(arrays, structure)
    raise ArtifactError(f"no kind of attributes is called {structure['kind']!r}")
