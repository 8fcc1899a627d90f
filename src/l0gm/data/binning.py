"""Bin edges for numeric columns: target-aware (leaves of a small decision tree) or by quantiles."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["constant_edges", "quantile_edges", "tree_edges"]

LARGEST = 2.0**1022
"""Edges are no larger, so that the difference of any two is finite; values beyond fall into the outer bins."""


def tree_edges(
    x: NDArray[np.float64], y: NDArray[np.int64], max_bins: int, min_rows: int, seed: int = 0
) -> tuple[float, ...]:
    """Return edges at the splits of a decision tree on one column (Gorishniy et al. 2022, target-aware bins).

    Quantiles waste bins on columns that are mostly one value; a tree puts them where the target changes.

    Parameters
    ----------
    x : float64 (n,)
        Finite values, at least two of them different.
    y : int (n,)
        Class indices.
    max_bins : int
        At most this many bins.
    min_rows : int
        Least number of rows a bin.

    Returns
    -------
    tuple of float
        Strictly increasing; the outer two are the least and the largest value, as far as ``LARGEST`` allows.
    """
    from sklearn.tree import DecisionTreeClassifier

    values, rank = np.unique(x, return_inverse=True)
    # the tree compares float32: ranks are exact there, timestamps and large counts are not
    tree = DecisionTreeClassifier(
        max_leaf_nodes=max(max_bins, 2),
        min_samples_leaf=min(min_rows, max(len(x) // 2, 1)),
        random_state=seed,
    ).fit(rank.reshape(-1, 1).astype(np.float32), y)
    below = np.floor(tree.tree_.threshold[tree.tree_.feature >= 0]).astype(np.int64)
    return _edges(values, np.minimum(below, len(values) - 2))  # ranks above 2**24 are rounded


def quantile_edges(x: NDArray[np.float64], max_bins: int) -> tuple[float, ...]:
    """Return edges at the quantiles of one column; equal quantiles are merged.

    Parameters and result are those of :func:`tree_edges`.
    """
    values = np.unique(x)
    quantiles = np.quantile(x, np.linspace(0.0, 1.0, max_bins + 1)[1:-1], method="lower")
    below = np.searchsorted(values, quantiles)
    return _edges(values, below[below + 1 < len(values)])


def constant_edges(value: float) -> tuple[float, ...]:
    """Return the edges of the one bin of a column that holds one value only."""
    low = min(max(float(value), -LARGEST), LARGEST)
    return low, float(np.nextafter(low, np.inf))


def _edges(values: NDArray[np.float64], below: NDArray[np.int64]) -> tuple[float, ...]:
    """Return the edges between ``values[i]`` and ``values[i + 1]`` for each i of ``below``; values ascend."""
    low, high = values[below], values[below + 1]
    middle = low / 2.0 + high / 2.0  # their sum may be too large
    middle = np.where((low <= middle) & (middle < high), middle, low)
    edges = np.unique(np.clip([values[0], *middle, values[-1]], -LARGEST, LARGEST))
    return tuple(edges.tolist()) if len(edges) > 1 else constant_edges(edges[0])
