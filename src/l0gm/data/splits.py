"""Stratified splits: exact sizes, and the same rows on every machine and with every numpy version.

Rows are ordered by the raw 64-bit output of ``PCG64``. numpy promises never to change that stream, while
``Generator.permutation`` and scikit-learn's splitters may shuffle differently in a later release.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from l0gm.errors import DataError, ParameterError

__all__ = ["MIN_ROWS_PER_CLASS", "stratified_split", "three_way"]

IntArray = npt.NDArray[np.int64]

MIN_ROWS_PER_CLASS = 2
"""A class needs a row to learn from and one that may be held out."""


def stratified_split(y: npt.ArrayLike, test_size: float, seed: int) -> tuple[IntArray, IntArray]:
    """Split rows in two so that each class keeps its share of both parts.

    Parameters
    ----------
    y : array-like of shape (n,)
        Class labels: integers, strings or booleans, without missing values.
    test_size : int or float
        Rows in the second part (int), or its fraction of all rows (float below 1, rounded to whole rows).
    seed : int
        Not negative. The same seed gives the same rows, always.

    Returns
    -------
    train, test : int64 arrays of shape (n - n_test,) and (n_test,)
        Row positions in ascending order. Every class has at least one row in ``train``.

    Raises
    ------
    DataError
        Fewer than two classes, a class with too few rows, or no room for a part of the size asked for.
    ParameterError
        A size or seed that means nothing.
    """
    codes, classes = _classes(y)
    train, test = _parts(codes, classes, [_rows(test_size, len(codes), "test_size")], seed)
    return train, test


def three_way(
    y: npt.ArrayLike, validation: float, calibration: float, seed: int
) -> tuple[IntArray, IntArray, IntArray]:
    """Split rows into a training, a validation and a calibration part, stratified by class.

    A small class stays in training first: it has at least one row there, and may be absent elsewhere.

    Parameters
    ----------
    y : array-like of shape (n,)
        Class labels: integers, strings or booleans, without missing values.
    validation, calibration : int or float
        Rows (int) or fraction of all rows (float below 1); 0 leaves the part empty.
    seed : int
        Not negative. The same seed gives the same rows, always.

    Returns
    -------
    train, validation, calibration : int64 arrays
        Disjoint row positions, each in ascending order; together they are all rows.

    Raises
    ------
    DataError
        Fewer than two classes, a class with too few rows, or no room for parts of the sizes asked for.
    ParameterError
        A size or seed that means nothing.
    """
    codes, classes = _classes(y)
    n = len(codes)
    sizes = [_rows(validation, n, "validation"), _rows(calibration, n, "calibration")]
    train, validating, calibrating = _parts(codes, classes, sizes, seed)
    return train, validating, calibrating


def _classes(y: npt.ArrayLike) -> tuple[IntArray, npt.NDArray[Any]]:
    """Integer codes of the rows (n,) and the labels (k,) that they stand for."""
    labels = np.asarray(y)
    if labels.ndim != 1:
        raise DataError(f"y must have one dimension, not shape {labels.shape}")
    if labels.size == 0:
        raise DataError("y has no rows: there is nothing to split")
    classes, codes = np.unique(labels, return_inverse=True)
    counts = np.bincount(codes)
    if len(classes) < 2:
        raise DataError(f"y holds one class only, {classes[0]!s} ({counts[0]} rows): two or more are needed")
    rarest = int(counts.argmin())
    if counts[rarest] < MIN_ROWS_PER_CLASS:
        raise DataError(
            f"class {classes[rarest]!s} has {counts[rarest]} row(s), and at least {MIN_ROWS_PER_CLASS} are "
            "needed: merge it with another class, drop it, or bring more rows"
        )
    return codes.astype(np.int64), classes


def _rows(size: float, n: int, argument: str) -> int:
    """Turn a size, a count (int) or a fraction (float), into a number of rows: at least 1 unless it is 0."""
    if isinstance(size, int | np.integer) and not isinstance(size, bool):
        rows = int(size)
    elif isinstance(size, float | np.floating) and 0.0 <= size < 1.0:
        rows = max(round(float(size) * n), int(size > 0.0))
    else:
        raise ParameterError(f"{argument}={size!r}: give a number of rows (int) or a fraction from 0 to below 1")
    if rows < 0:
        raise ParameterError(f"{argument}={size!r}: a part cannot have fewer than 0 rows")
    return rows


def _parts(codes: IntArray, classes: npt.NDArray[Any], sizes: list[int], seed: int) -> list[IntArray]:
    """Deal each class out to parts of the given sizes; what is left of it comes first in the answer."""
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise ParameterError(f"seed={seed!r}: give an integer that is not negative")
    counts = np.bincount(codes)
    room = counts - 1
    if sum(sizes) > room.sum():
        rarest = int(counts.argmin())
        raise DataError(
            f"{len(codes)} rows in {len(counts)} classes (the smallest: class {classes[rarest]!s}, "
            f"{counts[rarest]} rows) leave room for {room.sum()} rows outside the training part, and "
            f"{sum(sizes)} are asked for: ask for smaller parts or bring more rows"
        )
    takes = []
    for size in sizes:
        takes.append(_apportion(counts, size, room))
        room = room - takes[-1]

    part = np.zeros(len(codes), dtype=np.int64)
    keys = np.random.PCG64(int(seed)).random_raw(len(codes))
    by_class = np.split(np.lexsort((keys, codes)), np.cumsum(counts)[:-1])
    for members, *shares in zip(by_class, *takes, strict=True):
        part[members] = np.repeat(np.arange(len(sizes) + 1), [len(members) - sum(shares), *shares])
    return [np.flatnonzero(part == which) for which in range(len(sizes) + 1)]


def _apportion(counts: IntArray, size: int, room: IntArray) -> IntArray:
    """Share ``size`` rows out as ``counts`` (k,) are, by largest remainder and within ``room`` (k,)."""
    floors, remainders = np.divmod(counts * size, counts.sum())
    take = np.minimum(floors, room)
    order = np.argsort(-remainders, kind="stable")
    left = size - int(take.sum())
    while left:
        open_classes = order[take[order] < room[order]][:left]
        take[open_classes] += 1
        left -= len(open_classes)
    return take
