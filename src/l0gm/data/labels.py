"""Targets: labels of any type as class indices, and the weights of their rows."""

from __future__ import annotations

import numbers
from collections.abc import Mapping, Sequence, Sized
from decimal import Decimal
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from l0gm.data.frames import Table
from l0gm.errors import DataError, ParameterError

__all__ = ["encode_labels", "encode_target", "row_weights"]

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
    if n_rows == 0:
        raise DataError("the table has no rows: give some of each class")
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


def encode_labels(y: object, classes: Sequence[Any]) -> NDArray[np.int64]:
    """Return the class index of each label of ``y``, int64 (n,); ``y`` may be whatever :func:`encode_target` takes.

    Raises
    ------
    DataError
        If a label is missing or is none of ``classes``.
    """
    table, name = _table(y)
    codes, values = table.factorize(name)
    index = {label: i for i, label in enumerate(classes)}
    found = [index.get(_label(value)) for value in values]
    for value, place, used in zip(values, found, np.bincount(codes[codes >= 0], minlength=len(values)), strict=True):
        if place is None and used:
            raise DataError(f"label {value!r} is none of the model's classes {list(classes)}")
    if (codes < 0).any():
        raise DataError(f"label {None!r} is none of the model's classes {list(classes)}: a label is missing")
    indices: NDArray[np.int64] = np.array([-1 if place is None else place for place in found], dtype=np.int64)[codes]
    return indices


def _table(y: Any) -> tuple[Table, str]:
    """Return the target as a table and the name of its one column."""
    if y is None:
        raise DataError("requires y to be passed, but the target y is None: give one label a row")
    if hasattr(y, "__array__") and not isinstance(y, Sized):
        y = np.asarray(y)
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


def row_weights(
    sample_weight: Any,
    class_weight: Literal["balanced"] | Mapping[Any, float] | None,
    labels: NDArray[np.int64],
    classes: tuple[Any, ...],
) -> NDArray[np.float32] | None:
    """Return the product of the rows' own weights and their classes', float32 (n,); ``None`` where neither is given.

    Parameters
    ----------
    sample_weight : sequence (n,), optional
        Not negative.
    class_weight : "balanced" or mapping, optional
        From label to weight; "balanced" gives every class the same total.
    labels : int64 (n,)
        Class indices.
    classes : tuple (C,)

    Raises
    ------
    DataError
        If ``sample_weight`` is not n finite numbers, none negative, not all zero.
    ParameterError
        If ``class_weight`` is neither, names no class, or has a weight that cannot be used.
    """
    weight = None
    if sample_weight is not None:
        try:
            weight = np.asarray(sample_weight, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise DataError(f"sample_weight: {error}") from error
        if weight.shape != labels.shape or not np.isfinite(weight).all() or (weight < 0).any():
            raise DataError(f"sample_weight: {len(labels)} finite numbers are needed, none of them negative")
        if not weight.any():
            raise DataError("sample_weight: all weights are zero")
    if class_weight is None:
        by_class = np.ones(len(classes))
    elif isinstance(class_weight, str):
        if class_weight != "balanced":
            raise ParameterError(f"class_weight={class_weight!r}: 'balanced' or a mapping from label to weight")
        counts = np.bincount(labels, minlength=len(classes))
        by_class = len(labels) / (np.count_nonzero(counts) * np.maximum(counts, 1))  # a class may have no row
    elif not isinstance(class_weight, Mapping):
        raise ParameterError(f"class_weight={class_weight!r}: 'balanced' or a mapping from label to weight")
    else:
        strange = [label for label in class_weight if label not in classes]
        if strange:
            raise ParameterError(f"class_weight names {strange}, none of the classes {list(classes)}")
        by_class = np.array([float(class_weight.get(label, 1.0)) for label in classes])
        if not np.isfinite(by_class).all() or (by_class < 0).any() or not by_class.any():
            raise ParameterError(f"class_weight={class_weight}: finite, not negative, and not all zero")
    if weight is None and class_weight is None:
        return None
    combined = by_class[labels] if weight is None else by_class[labels] * (weight / weight.max())
    if not combined.any():
        raise DataError("class_weight and sample_weight: together all weights are zero")
    return np.asarray(combined / combined.max(), dtype=np.float32)
