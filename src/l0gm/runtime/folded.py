"""The compacted program with everything linear in the gated embeddings folded into tables, for the compiled kernel.

What the first layer of the deep branch, the CIN and the linear term make of an embedding is linear in it, or the square
of something that is. So row v of a field's table can hold it, computed once: a prediction adds up one such row a field
(and, for a number, its place in the bin times a row of slopes), and what is left is small and dense.
"""

from __future__ import annotations

import itertools
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l0gm.data.schema import Columns, NumericField, Schema
from l0gm.errors import ParameterError
from l0gm.native import native
from l0gm.runtime.tabular import FieldArrays, TabularProgram

__all__ = ["FoldedProgram", "fold"]

Array = NDArray[Any]
LANES = 16
"""Rows of sums have a multiple of so many numbers: the widest vectors of the kernel."""
NARROW_ABOVE = 1024
"""Rows of a table above which they stay as they are, and are multiplied one by one: folded, they would be too large."""
MOST_SQUARES = 512
"""Columns of squares above which the CIN is not folded: as many classes would each need their own."""
NOTHING = 1e-9
"""Of the largest weight of a pair of dimensions: squares that count less are none."""
MOST_TAKEN = 4.0
"""How many times the largest weight of a pair may be taken out of a form to save a square."""
ROWS_A_THREAD = 2048
"""Below this, starting a thread takes longer than it saves."""


@dataclass(frozen=True)
class FoldedProgram:
    """A program as the kernel reads it (native/module.c says how).

    Parameters
    ----------
    plan : int64 (numbers,)
        Sizes, then fields, then layers; positions in the other two.
    floats : float32 (numbers,)
        Tables, matrices, weights.
    doubles : float64 (numbers,)
        Edges of the bins, their lower edges and widths.
    n_outputs : int
        C.
    width : int
        Numbers in a row of sums.
    row_bytes, shared_bytes : int
        Bytes of tables that one row of a prediction reads, and of weights that all rows share.
    """

    plan: NDArray[np.int64]
    floats: NDArray[np.float32]
    doubles: NDArray[np.float64]
    n_outputs: int
    width: int
    row_bytes: int
    shared_bytes: int

    def logits(self, rows: Columns, texts: NDArray[np.float32], threads: int = 1) -> NDArray[np.float32]:
        """Return logits (n, C).

        Parameters
        ----------
        rows : Columns
        texts : float32 (n, values of all texts)
        threads : int
            Rows are shared out among so many.

        Raises
        ------
        ParameterError
            If an array has another shape, or a code is no row of its field's table.
        """
        kernel = native
        assert kernel is not None  # fold() has looked
        out = np.empty((len(rows), self.n_outputs), np.float32)
        given = self.plan, self.floats, self.doubles, rows.numbers, rows.codes, texts, out
        shares = max(1, min(threads, len(rows) // ROWS_A_THREAD))

        def evaluate(share: int) -> None:
            kernel.evaluate(*given, len(rows) * share // shares, len(rows) * (share + 1) // shares)

        try:
            others = [_pool(shares - 1).submit(evaluate, share) for share in range(1, shares)]
            evaluate(0)
            for other in others:
                other.result()
        except ValueError as error:
            raise ParameterError(str(error)) from error
        return out


@lru_cache(maxsize=1)
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="l0gm")


if hasattr(os, "register_at_fork"):  # a child process has none of its parent's threads
    os.register_at_fork(after_in_child=_pool.cache_clear)


def fold(program: TabularProgram, schema: Schema) -> FoldedProgram | None:
    """Return the folded program; None without the kernel, or where the program has what does not fold.

    A CIN of several depths and a conditional gate do not fold; nor do weights of which a product is beyond single
    precision.
    """
    if native is None or len(program.cin) > 1 or program.conditioning is not None:
        return None
    squares = _squares(program, np.repeat([_is_free(f) for f in program.fields], program.open_per_field))
    if squares is None:
        return None
    with np.errstate(over="ignore", invalid="ignore"):
        made = _fold(program, schema, *squares)
    return made if np.isfinite(made.floats).all() else None


def _is_free(tables: FieldArrays) -> bool:
    """Return whether the square of a value can be a number of its own in the row: of a category in a folded table."""
    return tables.slopes is None and len(tables.rows) <= NARROW_ABOVE


def _fold(program: TabularProgram, schema: Schema, directions: Array, signs: Array, own: Array) -> FoldedProgram:
    """Fold; ``directions`` (K, R), ``signs`` (C, R) and ``own`` (C, K) are those of :func:`_squares`."""
    layers = [(weight.astype(np.float64), bias.astype(np.float64)) for weight, bias in program.deep]
    n_outputs, n_fields_open = program.n_outputs, len(program.coordinates)
    units = len(layers[0][1]) if len(layers) > 1 else 0
    first = layers[0][0].T if layers else np.zeros((n_fields_open + program.n_text_values, n_outputs))
    n_squares = directions.shape[1]
    width = -(-max(units + n_squares + n_outputs, 1) // LANES) * LANES
    last = slice(units + n_squares, units + n_squares + n_outputs)

    matrix = np.zeros((len(first), width))  # from open dimensions and texts to sums
    matrix[:, : first.shape[1]] = first if units else 0.0
    if not units:
        matrix[:, last] = first
    matrix[:n_fields_open, units : units + n_squares] = directions
    if program.text_out is not None:
        matrix[n_fields_open:, last] += program.text_out.T
    bias = np.zeros(width)
    bias[last] = program.bias
    if units:
        bias[:units] = layers[0][1]
    for _, of_outputs in layers[-1:]:
        bias[last] += of_outputs

    linear, square = np.zeros((n_outputs, width)), np.zeros((n_outputs, width))
    linear[:, last] = np.eye(n_outputs)
    square[:, units : units + n_squares] = signs

    floats, doubles = _Buffer(np.float32), _Buffer(np.float64)
    head = [floats.add(part) for part in (bias, matrix[n_fields_open:], linear, square)]
    fields, read = [], 0
    starts = np.cumsum([0, *program.open_per_field])
    for i in (*schema.numeric, *schema.coded):
        opened = slice(starts[i], starts[i + 1])
        reads = matrix[opened]
        if program.linear:
            reads = np.concatenate([reads, np.eye(n_outputs, width, units + n_squares)])
        squared = np.zeros((len(reads), width))
        squared[: opened.stop - opened.start, last] = own[:, opened].T
        entry, n_bytes = _field(program, schema, i, reads, squared, floats, doubles)
        fields.append(entry)
        read += n_bytes
    behind = [_layer(weight, own_bias, floats) for weight, own_bias in layers[1:-1]]
    outputs = np.zeros((n_outputs, 0))
    if units:
        outputs = np.zeros((n_outputs, -(-layers[-1][0].shape[1] // LANES) * LANES))
        outputs[:, : layers[-1][0].shape[1]] = layers[-1][0]
    counts = len(schema.numeric), len(schema.coded), program.n_text_values, n_outputs
    n_values = program.n_text_values + sum(entry[3] for entry in fields)
    sizes = width, units, len(behind), n_values
    plan = [*counts, *sizes, *head, floats.add(outputs), *itertools.chain(*fields, *behind)]
    shared = 4 * (sum(weight.size + bias.size for weight, bias in layers[1:]) + width * (1 + 2 * n_outputs))
    return FoldedProgram(
        np.array(plan, dtype=np.int64), floats.array(), doubles.array(), n_outputs, width, read, shared
    )


def _field(
    program: TabularProgram,
    schema: Schema,
    i: int,
    matrix: Array,
    squared: Array,
    floats: _Buffer,
    doubles: _Buffer,
) -> tuple[list[int], int]:
    """Add a field's tables to the buffers; return its entry of the plan, and the bytes that a row reads of them.

    ``matrix`` and ``squared`` (values, width) are what its row and the squares of its row are multiplied with.
    """
    field, tables = schema.fields[i], program.fields[i]
    n_rows, values = tables.rows.shape
    narrow = n_rows > NARROW_ABOVE
    parts = [part.astype(np.float64) for part in (tables.rows, tables.slopes) if part is not None]
    ready = parts if narrow else [part @ matrix for part in parts]
    if _is_free(tables):
        ready[0] += parts[0] ** 2 @ squared
    places = [floats.add(part) for part in ready]
    at = floats.add(matrix) if narrow else -1
    bins = [-1, 0, -1, -1]
    if isinstance(field, NumericField):
        edges = np.asarray(field.edges, dtype=np.float64)
        bins = [doubles.add(edges[1:-1]), len(edges) - 2, doubles.add(edges[:-1]), doubles.add(np.diff(edges))]
    slopes = places[1] if len(places) > 1 else -1
    return [n_rows, places[0], slopes, values if narrow else 0, at, *bins], 4 * ready[0].shape[1] * len(ready)


def _layer(weight: Array, bias: Array, floats: _Buffer) -> list[int]:
    """Add a hidden layer's weights (out, in) and return its entry of the plan."""
    n_out, n_in = weight.shape
    width = -(-n_out // LANES) * LANES
    filled, filled_bias = np.zeros((n_in, width)), np.zeros(width)
    filled[:, :n_out], filled_bias[:n_out] = weight.T, bias
    return [floats.add(filled), floats.add(filled_bias), n_out, width]


def _squares(program: TabularProgram, free: NDArray[np.bool_]) -> tuple[Array, Array, Array] | None:
    """Return a CIN of one depth as squares: directions (K, R), signs (C, R), own (C, K); None where they are too many.

    Its logits are quadratic forms x' Q_c x of the open dimensions, a block for each coordinate. With the eigenvectors
    u_r of Q_c that is the sum of sign_r * (sqrt|lambda_r| u_r' x)^2, and the u_r' x of a row are sums over its fields.
    The x_i^2 of a dimension that is ``free`` (K,) is a number of the field's row, so what it counts (``own``) may be
    taken out of Q_c: as much as makes the block singular saves a square.
    """
    n_open, n_outputs = len(program.coordinates), program.n_outputs
    forms = program.quadratic_forms()
    if not np.isfinite(forms).all():
        return None
    directions, signs, own = [np.zeros((n_open, 0))], [np.zeros((n_outputs, 0))], np.zeros((n_outputs, n_open))
    for c, coordinate in itertools.product(range(n_outputs), np.unique(program.coordinates)):
        here = np.flatnonzero(program.coordinates == coordinate)
        block = forms[c][np.ix_(here, here)]
        i, count = _saving(block, free[here])
        block[i, i] -= count
        own[c, here[i]] = count
        values, vectors = np.linalg.eigh(block)
        kept = np.abs(values) > NOTHING * np.abs(forms[c]).max(initial=0.0)
        found = np.zeros((n_open, int(kept.sum())))
        found[here] = vectors[:, kept] * np.sqrt(np.abs(values[kept]))
        directions.append(found)
        signs.append(np.zeros((n_outputs, found.shape[1])))
        signs[-1][c] = np.sign(values[kept])
    if sum(part.shape[1] for part in directions) > MOST_SQUARES:
        return None
    return np.concatenate(directions, axis=1), np.concatenate(signs, axis=1), own


def _saving(block: Array, free: NDArray[np.bool_]) -> tuple[int, float]:
    """Return a free place on the diagonal and what to take away there so that the block is singular; (0, 0) for none.

    It is the Schur complement of the others, the inverse's entry there to the power of -1; a large one is not worth the
    digits that the sums would lose.
    """
    try:
        inverse = np.diag(np.linalg.inv(block))
    except np.linalg.LinAlgError:  # singular already
        return 0, 0.0
    with np.errstate(divide="ignore"):
        counts = np.where(free, 1.0 / inverse, np.inf)
    best = int(np.argmin(np.abs(counts)))
    return (best, float(counts[best])) if abs(counts[best]) <= MOST_TAKEN * np.abs(block).max() else (0, 0.0)


class _Buffer:
    """Arrays one after the other, each from the beginning of a cache line on."""

    def __init__(self, dtype: Any) -> None:
        self.dtype = np.dtype(dtype)
        self.line = 64 // self.dtype.itemsize
        self.parts: list[Array] = []
        self.size = 0

    def add(self, part: Array) -> int:
        """Take an array and return its position."""
        at = self.size
        flat = np.ascontiguousarray(part, dtype=self.dtype).ravel()
        self.parts += [flat, np.zeros(-flat.size % self.line, self.dtype)]
        self.size += flat.size + self.parts[-1].size
        return at

    def array(self) -> Array:
        """Return all of them, from the beginning of a cache line on."""
        raw = np.zeros(self.size + self.line, self.dtype)
        start = -raw.ctypes.data % 64 // self.dtype.itemsize
        whole = raw[start : start + self.size]
        np.concatenate([np.zeros(0, self.dtype), *self.parts], out=whole)
        return whole
