"""What a condition does to the columns of a table, whatever library the table is of.

missing p
    Each cell is lost with probability p, independently of all others.
noise s
    x' = x + s * std * e with e standard normal, in numeric columns; std is that of the training rows.
quantisation b
    2**b levels at equal distances span the training range, both ends among them; each number moves to the nearest,
    and one beyond the range to its end. Numeric columns only.
occlusion r
    A contiguous block of the columns, r of them to the nearest whole number and at least one, is lost in each row; its
    first column is drawn anew for each row, uniformly from those at which the block fits.

Cells that are missing or not finite get no noise. The conditions are those of the paper's Appendix B; masking each cell
by itself, clipping to the range, and blocks in the order of columns are this library's reading of it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from l0gm.data.frames import Table
from l0gm.robustness.conditions import Condition
from l0gm.robustness.statistics import InputStatistics, NumericColumn
from l0gm.robustness.streams import normals, uniforms
from l0gm.robustness.texts import drop_spans, drop_words, width

__all__ = ["Change", "Lost", "Numbers", "Words", "blocks", "changes", "lost_cells", "moved"]


@dataclass(frozen=True, eq=False)
class Lost:
    """Rows (n,) whose cell becomes missing."""

    rows: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Numbers:
    """A column's new numbers, float64 (n,), NaN where they are missing."""

    values: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Words:
    """A column's new texts, n of them; None leaves what was there."""

    values: list[str | None]


Change = Lost | Numbers | Words


def changes(
    table: Table, condition: Condition, statistics: InputStatistics, seed: int, text: Collection[str]
) -> dict[int, Change]:
    """Return what becomes of each column that changes, by its place.

    Parameters
    ----------
    table : Table (n, columns)
    condition : Condition
    statistics : InputStatistics
        Of the training rows.
    seed : int
    text : collection of str
        Columns that lose words; they count in no block of columns.

    Raises
    ------
    DataError
        If the table's columns are not those of the training rows, or one of the numeric ones holds no numbers.
    """
    known = statistics.of(table)
    if condition.needs_numbers:
        return {
            j: Numbers(moved(table.numbers(name), condition, column, seed, j))
            for j, (name, column) in enumerate(zip(table.names, known, strict=True))
            if column is not None and name not in text
        }
    found: dict[int, Change] = {}
    drop = drop_words if condition.family == "missing" else drop_spans
    cells = [j for j, name in enumerate(table.names) if name not in text]
    lost = blocks(len(table), len(cells), condition.level, seed) if condition.family == "occlusion" else None
    for place, j in enumerate(cells):
        rows = lost_cells(len(table), condition.level, seed, j) if lost is None else lost.covers(place)
        found[j] = Lost(rows)
    for j, name in enumerate(table.names):
        if name in text:
            found[j] = Words(drop(table.texts(name), condition.level, seed, j))
    return found


def lost_cells(n: int, share: float, seed: int, column: int) -> NDArray[np.bool_]:
    """Return which cells of a column are lost, bool (n,)."""
    return uniforms(n, seed, "missing", column) < share


@dataclass(frozen=True, eq=False)
class Blocks:
    """A block of columns for each row: its first column (n,), and how many they are."""

    first: NDArray[np.int64]
    width: int

    def covers(self, place: int) -> NDArray[np.bool_]:
        """Return which rows' blocks hold this column, bool (n,)."""
        return (self.first <= place) & (place < self.first + self.width)


def blocks(n: int, columns: int, share: float, seed: int) -> Blocks:
    """Draw a block for each of n rows."""
    size = width(share, columns)
    first = uniforms(n, seed, "occlusion") * (columns - size + 1)
    return Blocks(first.astype(np.int64), size)


def moved(
    x: NDArray[np.float64], condition: Condition, column: NumericColumn, seed: int, place: int
) -> NDArray[np.float64]:
    """Return numbers (n,) with noise, or quantised; NaN stays, and infinite ones stay or go to the range's end."""
    if condition.family == "noise":
        return _with_noise(x, condition.level * column.std, normals(len(x), seed, "noise", place))
    return _quantised(x, column, int(condition.level))


def _with_noise(x: NDArray[np.float64], std: float, e: NDArray[np.float64]) -> NDArray[np.float64]:
    most = np.finfo(np.float64).max
    with np.errstate(over="ignore", invalid="ignore"):
        return np.where(np.isfinite(x), np.clip(x + std * e, -most, most), x)


def _quantised(x: NDArray[np.float64], column: NumericColumn, bits: int) -> NDArray[np.float64]:
    steps = 2**bits - 1
    half = column.high / 2 - column.low / 2  # halves: the whole range may not be finite
    if half == 0.0:
        return np.where(np.isnan(x), x, column.low)
    with np.errstate(over="ignore", invalid="ignore"):
        nearest = np.rint(np.clip((x / 2 - column.low / 2) / half, 0.0, 1.0) * steps)
        levels = np.clip(2.0 * (column.low / 2 + nearest * (half / steps)), column.low, column.high)
    return np.where(nearest == steps, column.high, levels)
