"""Made-up rows and graphs that baselines are tried on: small, easily learned, and with every kind of column."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from l0gm.data.graphs import Graph

__all__ = ["mixed_rows", "random_graph", "strange_rows"]

KINDS = np.array(["a", "b", "c", None], dtype=object)


def mixed_rows(n: int, seed: int, n_classes: int) -> tuple[pd.DataFrame, NDArray[np.int64]]:
    """Return rows of numbers, text, truth values, dates, and what else turns up in tables, and their classes.

    Parameters
    ----------
    n, seed, n_classes : int

    Returns
    -------
    DataFrame (n, columns)
        One of them is empty, one constant, one mixes numbers and text, and names hold brackets and quotes.
    int64 (n,)
        They depend on a number with missing values, a category and a truth value.
    """
    rng = np.random.default_rng([seed, n])
    x, kind, member = rng.normal(size=n), rng.integers(0, 4, n), rng.random(n) < 0.5
    score = 2.0 * x + np.array([-2.0, 0.0, 2.0, 0.0])[kind] + member + 0.3 * rng.normal(size=n)
    codes = np.digitize(score, [0.5] if n_classes == 2 else [-1.0, 2.0])
    codes[: 2 * n_classes] = np.arange(2 * n_classes) % n_classes  # every class has rows
    frame = pd.DataFrame(
        {
            "x": np.where(rng.random(n) < 0.1, np.nan, x),
            'a "[count]", <noise>': rng.integers(0, 9, n),
            "kind": KINDS[kind],
            "member": member,
            "since": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 700, n), unit="D"),
            "mixed": pd.Series([("1", 2, "two", None)[k] for k in rng.integers(0, 4, n)], dtype=object),
            "empty": np.full(n, np.nan),
            "constant": "same",
        }
    )
    return frame, codes.astype(np.int64)


def strange_rows(X: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of :func:`mixed_rows` with what no training row had; the first one has no value at all."""
    worn = X.astype(object)
    worn.loc[worn.index[0], :] = None
    worn.loc[worn.index[1::5], "kind"] = "never seen"
    worn.loc[worn.index[2::5], "x"] = "1e9"  # a number, as text, beyond all others
    worn.loc[worn.index[3::5], "member"] = None
    worn.loc[worn.index[4::5], "since"] = pd.NaT
    worn["mixed"] = 3.5
    worn["empty"] = 1.0
    return worn


def random_graph(n: int, seed: int, n_classes: int) -> tuple[Graph, NDArray[np.int64]]:
    """Return a graph whose edges mostly join nodes of one class, and the classes.

    Parameters
    ----------
    n, seed, n_classes : int

    Returns
    -------
    Graph
        Of n nodes with 6 attributes, which tell something of the class, and 4 n edges; the last node has none.
    int64 (n,)
    """
    rng = np.random.default_rng([seed, n])
    codes = rng.integers(0, n_classes, n)
    attributes = rng.normal(size=(n, 6))
    attributes[np.arange(n), codes] += 1.5
    sources = rng.integers(0, n - 1, 4 * n)
    alike = [np.flatnonzero(codes[:-1] == code) for code in range(n_classes)]
    near = np.array([rng.choice(alike[code]) for code in codes[sources]])
    targets = np.where(rng.random(4 * n) < 0.8, near, rng.integers(0, n - 1, 4 * n))
    return Graph(attributes.astype(np.float32), np.stack([sources, targets])), codes.astype(np.int64)
