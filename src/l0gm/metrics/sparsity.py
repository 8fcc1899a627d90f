"""How much of the gated representation stays: counts over the open/shut mask of a gate."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from l0gm.errors import ParameterError

__all__ = ["active_fraction", "n_open", "open_by_group"]


def n_open(mask: ArrayLike) -> int:
    """Number of open dimensions.

    Parameters
    ----------
    mask : array_like of bool, shape (d,)
        True where the gate is open.

    Raises
    ------
    ParameterError
        If ``mask`` is not a non-empty one-dimensional boolean array.
    """
    return int(np.count_nonzero(_check_mask(mask)))


def active_fraction(mask: ArrayLike) -> float:
    """Open dimensions over all dimensions, between 0 and 1; parameters and errors as in :func:`n_open`."""
    return float(_check_mask(mask).mean())


def open_by_group(mask: ArrayLike, groups: Sequence[str]) -> dict[str, int]:
    """Open dimensions of each group (a field, a channel), fully shut groups included with 0.

    Parameters
    ----------
    mask : array_like of bool, shape (d,)
    groups : sequence of str, length d
        The group that each dimension belongs to; the result keeps the order of first appearance.

    Raises
    ------
    ParameterError
        If ``mask`` cannot be used or ``groups`` is not of its length.
    """
    is_open = _check_mask(mask)
    if len(groups) != len(is_open):
        raise ParameterError(f"groups names {len(groups)} dimensions and mask has {len(is_open)}: name each")
    counts = dict.fromkeys(groups, 0)
    for group, one in zip(groups, is_open.tolist(), strict=True):
        counts[group] += one
    return counts


def _check_mask(mask: ArrayLike) -> NDArray[np.bool_]:
    array = np.asarray(mask)
    if array.dtype != np.bool_ or array.ndim != 1 or array.size == 0:
        raise ParameterError(
            f"mask has dtype {array.dtype} and shape {array.shape}: pass a boolean vector, one entry a dimension"
        )
    return array
