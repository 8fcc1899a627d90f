"""From nodes as users have them to fixed numbers, decided on the training nodes."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l0gm.data.fitting import SchemaFitter
from l0gm.data.graphs import Graph
from l0gm.data.ragged import Ragged
from l0gm.data.schema import NumericField
from l0gm.data.texts import NgramField
from l0gm.errors import DataError, ParameterError
from l0gm.runtime.attributes import MOST_COLUMNS, SCALINGS, ArrayAttributes, Attributes, TableAttributes
from l0gm.runtime.tabular import FieldArrays
from l0gm.runtime.texts import BagTable

__all__ = ["fit_attributes"]

Floats = NDArray[np.float32]
SPARSE = 0.5
LEAST_SPREAD = 1e-6
"""Of a column's largest value: what float32 cannot tell from a constant."""
MOST_TEXTS = 50_000
LEAST_SIZE = 0.01
"""Of the first axis of n-grams: along less there is nothing but rounding, which would be blown up."""


def fit_attributes(
    graph: Graph,
    train: NDArray[np.int64],
    labels: NDArray[np.int64],
    fitter: SchemaFitter,
    *,
    scaling: str,
    most_columns: int,
    text_dim: int,
    exclude: Collection[str] = (),
    seed: int = 0,
) -> tuple[Attributes, list[str]]:
    """Return what makes numbers of nodes, and notes on what was decided.

    Parameters
    ----------
    graph : Graph
    train : int64 (k,)
        The training nodes; what nodes are like is learned of them alone.
    labels : int64 (k,)
        Their class indices, for the bins of numeric columns.
    fitter : SchemaFitter
    scaling : {"auto", "none", "rows", "columns"}
        Of an array: ``rows`` for counts and the like, mostly zero and never negative, else ``columns``.
    most_columns : int
        Categories of a field that have a column of their own: those in the most training nodes.
    text_dim : int
        Dimensions of a text.
    exclude : collection of str
        Columns of a table that are no attributes.
    seed : int

    Raises
    ------
    ParameterError
        If an argument is out of range.
    DataError
        If a column cannot be used.
    """
    if isinstance(graph.nodes, np.ndarray):
        return _of_array(graph.nodes, train, scaling)
    table = graph.nodes
    if exclude:
        table = table.only([name for name in table.names if name not in exclude])
    schema, notes = fitter.fit(table.select(train), labels)
    encoded = schema.encode(table.select(train))
    fields = []
    for i, f in enumerate(schema.fields):
        counts = np.bincount(encoded.codes[:, i], minlength=f.n_rows)
        fields.append(_bins(f, counts) if isinstance(f, NumericField) else _categories(counts, most_columns))
        if not isinstance(f, NumericField) and int((counts > 0).sum()) > most_columns:
            notes.append(
                f"{f.name}: its {most_columns} most frequent of {int((counts > 0).sum())} values are told apart"
            )
    texts = []
    for text, read in zip(schema.texts, encoded.texts, strict=True):
        assert isinstance(text, NgramField)  # of the fitter's reader
        texts.append(_ngrams(text, read, text_dim, seed))
    return TableAttributes(schema, tuple(fields), tuple(texts)), notes


def _of_array(nodes: Floats, train: NDArray[np.int64], scaling: str) -> tuple[ArrayAttributes, list[str]]:
    if scaling not in ("auto", *SCALINGS):
        raise ParameterError(f"scaling={scaling!r}: choose one of auto, {', '.join(SCALINGS)}")
    total = nodes.shape[1]
    if total > MOST_COLUMNS:
        raise DataError(f"the nodes have {total:,} attributes, more than {MOST_COLUMNS:,}: leave some out")
    seen = nodes[np.sort(train)]
    notes = []
    if scaling == "auto":
        counts = bool(seen.min() >= 0.0) and float((seen == 0.0).mean()) > SPARSE
        scaling = "rows" if counts else "columns"
        notes.append(f"attributes scaled by {scaling}")
    center = scale = np.zeros(0, np.float32)
    if scaling == "columns":
        center, spread = seen.mean(0, dtype=np.float64), seen.std(0, dtype=np.float64)
        varies = spread > np.maximum(LEAST_SPREAD * np.maximum(seen.max(0), -seen.min(0)), 1e-30)
        scale = np.where(varies, 1.0 / np.maximum(spread, 1e-30), 0.0)
        if not varies.all():
            notes.append(f"{(~varies).sum()} of {total} attributes are the same in all training nodes and say nothing")
    made = ArrayAttributes(
        total, np.arange(total, dtype=np.int32), scaling, np.asarray(center, np.float32), np.asarray(scale, np.float32)
    )
    return made, notes


def _bins(f: NumericField, counts: NDArray[np.int64]) -> FieldArrays:
    """Return a column for each bin, which is 1 from its upper edge on and rises within it; and one for missing ones."""
    rows = np.tril(np.ones((f.n_rows, f.n_bins), np.float32), -2)
    slopes = np.eye(f.n_rows, f.n_bins, -1, dtype=np.float32)
    if counts[0]:
        missing = np.zeros((f.n_rows, 1), np.float32)
        missing[0] = 1.0
        rows, slopes = np.hstack([rows, missing]), np.hstack([slopes, np.zeros_like(missing)])
    return FieldArrays(np.ascontiguousarray(rows), np.ascontiguousarray(slopes))


def _categories(counts: NDArray[np.int64], most: int) -> FieldArrays:
    """Return a column for each of the most frequent codes; others, unseen ones among them, are zero in all."""
    kept = np.sort(np.argsort(-counts, kind="stable")[:most])
    kept = kept[counts[kept] > 0]
    rows = np.zeros((len(counts), len(kept)), np.float32)
    rows[kept, np.arange(len(kept))] = 1.0
    return FieldArrays(rows)


def _ngrams(f: NgramField, read: Ragged, dim: int, seed: int) -> BagTable:
    """Return rows whose sums are the texts' coordinates along their n-grams' main axes (latent semantic analysis).

    An n-gram counts by how rare it is. A dimension's spread is the root of its share, between none and all the same.
    """
    from scipy.sparse import csr_array
    from sklearn.decomposition import TruncatedSVD

    if len(read) > MOST_TEXTS:
        chosen = np.sort(np.random.PCG64([seed, 4]).random_raw(len(read)).argsort(kind="stable")[:MOST_TEXTS])
        read = read.take(chosen)
    in_texts = np.bincount(read.ids, minlength=f.n_rows)
    rarity = np.log((1.0 + len(read)) / (1.0 + in_texts))
    rarity[0] = 0.0
    lengths = np.maximum(read.lengths, 1)
    values = (rarity[read.ids] / np.sqrt(np.repeat(lengths, read.lengths))).astype(np.float32)
    matrix = csr_array((values, read.ids, read.starts), shape=(len(read), f.n_rows))
    k = max(1, min(dim, min(matrix.shape) - 1))
    found: Any = TruncatedSVD(k, n_iter=2, random_state=seed).fit(matrix)
    sizes = found.singular_values_
    kept = sizes > LEAST_SIZE * sizes[0]
    kept[0] = True
    sizes = np.maximum(sizes[kept], 1e-30)
    scale = np.sqrt(sizes / sizes[0]) / (sizes / np.sqrt(len(read)))
    return BagTable(np.ascontiguousarray(rarity[:, None] * found.components_[kept].T * scale, dtype=np.float32))
