"""Targets: labels of any type as class indices."""

from __future__ import annotations

import numbers
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l0gm.data.frames import Table
from l0gm.errors import DataError

__all__ = ["encode_target"]

MAX_CLASSES = 1000


def encode_target(y: object, n_rows: int) -> tuple[tuple[Any, ...], NDArray[np.int64]]:
    """Return (classes in ascending order, class index of each row).

    Parameters
    ----------
    y : sequence (n,) of str, int, bool or whole floats
        A list, an array, a series of any library, or a table of one column.
    n_rows : int
        Rows of the table that ``y`` belongs to.

    Returns
    -------
    classes : tuple of str, of int or of bool
    labels : int64 (n,)

    Raises
    ------
    DataError
        If the length is not ``n_rows``, a label is missing, there is one class only, or the target is a quantity.
    """
    table, name = _table(y)
    if len(table) != n_rows:
        raise DataError(f"the target has {len(table)} labels for {n_rows} rows")
    codes, values = table.factorize(name)
    missing = int((codes < 0).sum())
    if missing:
        raise DataError(f"the target is missing in {missing} of {n_rows} rows: drop those rows before fit")
    labels = [_label(value) for value in values]
    kinds = {type(label).__name__ for label in labels}
    if len(kinds) > 1:
        raise DataError(f"the target mixes {' and '.join(sorted(kinds))}: make all labels of one type")
    classes = tuple(sorted(set(labels)))
    if len(classes) < 2:
        raise DataError(f"the target has one class only ({', '.join(map(repr, classes))}): two or more are needed")
    if len(classes) > MAX_CLASSES:
        raise DataError(f"the target has {len(classes)} distinct values, more than {MAX_CLASSES}: is it a quantity?")
    index = {label: i for i, label in enumerate(classes)}
    return classes, np.array([index[label] for label in labels], dtype=np.int64)[codes]


def _table(y: Any) -> tuple[Table, str]:
    """Return the target as a table and the name of its one column."""
    if y is None:
        raise DataError("requires y to be passed, but the target y is None: give one label a row")
    shape: tuple[int, ...] = getattr(y, "shape", (0,))
    if len(shape) == 1:
        return Table({"target": y}), "target"
    if len(shape) == 2 and shape[1] == 1:
        table = Table(y)
        return table, table.names[0]
    raise DataError(f"the target has shape {tuple(shape)}: one label a row is needed")


def _label(value: object) -> str | int | bool:
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, numbers.Integral) and not isinstance(value, np.timedelta64):
        return int(value)
    if isinstance(value, (numbers.Real, Decimal)) and not isinstance(value, np.timedelta64):
        number = float(value)
        if not number.is_integer():
            raise DataError(
                f"Unknown label type: continuous. The target holds {value}, and this is a classifier: give classes"
            )
        return int(number)
    raise DataError(f"labels of type {type(value).__name__} are not supported: use str, int or bool")
