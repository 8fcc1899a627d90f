"""Corrupted copies of tables and of representations: the same for every method, given inputs, condition and seed."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from l0gm.data.frames import Table
from l0gm.errors import DataError, ParameterError
from l0gm.robustness.changes import blocks, changes, lost_cells, moved
from l0gm.robustness.conditions import Condition
from l0gm.robustness.containers import rebuilt
from l0gm.robustness.statistics import InputStatistics
from l0gm.robustness.streams import check_seed

__all__ = ["applies", "perturb", "perturb_array"]


def perturb(X: Any, condition: Condition, statistics: InputStatistics, seed: int, *, text: Collection[str] = ()) -> Any:
    """Return a corrupted copy of a table (see :mod:`l0gm.robustness.changes` for what each condition does).

    The copy depends on the table, the condition and the seed alone, and the first k rows of it on the table's first k
    rows alone. Which numbers are drawn depends on the places of rows and columns, not on types or names.

    Parameters
    ----------
    X : table (n, columns)
        pandas, polars, pyarrow, a dict of columns, a list of dicts or of rows, or an array; or texts, as a list, an
        array or a pandas series. It is not modified.
    condition : Condition
    statistics : InputStatistics
        Of the training rows: units of the noise, range of the bits, and which columns are numeric.
    seed : int
        Not negative.
    text : collection of str
        Columns that are texts: they lose words where others lose cells, and noise and quantisation leave them alone.

    Returns
    -------
    table (n, columns)
        Of the same kind; missingness and occlusion may reach every column, noise and quantisation the numeric ones.

    Raises
    ------
    DataError
        If the columns are not those of the training rows, or the kind of table cannot be written.
    ParameterError
        If the seed is no whole number from 0, or ``text`` names no column.
    """
    table = Table(X)
    return rebuilt(X, table, changes(table, condition, statistics, check_seed(seed), _texts(table, text)))


def applies(condition: Condition, X: Any, statistics: InputStatistics, *, text: Collection[str] = ()) -> bool:
    """Return whether the condition has a form for such inputs: noise and quantisation need a numeric column."""
    table = Table(X)
    texts = _texts(table, text)
    known = zip(table.names, statistics.of(table), strict=True)
    return not condition.needs_numbers or any(column is not None and name not in texts for name, column in known)


def perturb_array(
    h: ArrayLike, condition: Condition, statistics: InputStatistics, seed: int
) -> NDArray[np.floating[Any]]:
    """Return a corrupted copy of representations: pooled vectors of texts, node states, images' features.

    What is lost becomes 0, the paper's neutral value; blocks are contiguous dimensions. Otherwise as :func:`perturb`.

    Parameters
    ----------
    h : float array (n, d)
    condition : Condition
    statistics : InputStatistics
        Of the training rows' representations: ``InputStatistics.fit(h_train)``.
    seed : int
        Not negative.

    Returns
    -------
    float array (n, d)
        Of the same type.

    Raises
    ------
    DataError
        If ``h`` is no such array, or the statistics are of another width.
    ParameterError
        If the seed is no whole number from 0.
    """
    given = np.asarray(h)
    if given.ndim != 2 or given.dtype.kind != "f" or not given.shape[1]:
        raise DataError(f"h is {given.dtype} of shape {given.shape}: pass floats of shape (n, d)")
    check_seed(seed)
    n, d = given.shape
    changed = given.copy()
    most = np.finfo(given.dtype).max
    known = statistics.of(Table(given))
    where = blocks(n, d, condition.level, seed) if condition.family == "occlusion" else None
    for j, column in enumerate(known):
        if where is not None:
            changed[where.covers(j), j] = 0.0
        elif condition.family == "missing":
            changed[lost_cells(n, condition.level, seed, j), j] = 0.0
        elif column is not None:
            x = moved(given[:, j].astype(np.float64), condition, column, seed, j)
            changed[:, j] = np.where(np.isfinite(x), np.clip(x, -most, most), x)
    return changed


def _texts(table: Table, text: Collection[str]) -> frozenset[str]:
    """Return the columns that are texts: those that are named, or the texts that come without a table."""
    if table.texts_alone:
        return frozenset(table.names)
    if isinstance(text, str):
        raise ParameterError(f"text={text!r}: give a collection of names, as ({text!r},)")
    for name in text:
        if name not in table:
            near = difflib.get_close_matches(name, table.names, n=1, cutoff=0.5)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ParameterError(f"text names {name!r}, and there is no such column{hint}")
    return frozenset(text)
