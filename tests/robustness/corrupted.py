"""Tables for the tests of corruption, and pandas' own reading of what is missing in them."""

import numpy as np
import pandas as pd

from l0gm.robustness import Condition

HARDEST = [
    Condition("missing", 0.5),
    Condition("noise", 0.2),
    Condition("quantisation", 4),
    Condition("occlusion", 0.3),
]


def mixed(rows=60):
    """A table with a column of every type, a text among them, and an index that is no range."""
    rng = np.random.default_rng(3)
    numbers = rng.normal(50, 10, rows)
    whole = rng.integers(0, 100, rows)
    index = pd.Index(np.arange(rows) * 3 + 7, name="key")
    frame = pd.DataFrame(
        {
            "amount": np.where(rng.random(rows) < 0.1, np.nan, numbers),
            "single": numbers.astype(np.float32),
            "count": whole,
            "nullable": pd.array(np.where(whole < 5, None, whole), dtype="Int64"),
            "arrow": pd.array(whole, dtype="int64[pyarrow]"),
            "objects": pd.Series(whole.tolist(), dtype=object).to_numpy(),
            "sparse": pd.arrays.SparseArray(np.where(whole < 80, 0.0, numbers)),
            "true": whole > 50,
            "maybe": pd.array(whole > 50, dtype="boolean"),
            "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(whole, unit="D"),
            "zoned": (pd.Timestamp("2024-01-01", tz="Europe/Vienna") + pd.to_timedelta(whole, unit="D")),
            "waited": pd.to_timedelta(whole, unit="h"),
            "colour": pd.Categorical(
                rng.choice(["red", "green", "blue"], rows), categories=["red", "green", "blue", "x"]
            ),
            "city": pd.Series(rng.choice(["Linz", "Graz"], rows), dtype="string").array,
            "plain": rng.choice(["a", "b"], rows).astype(object),
            "review": [f"word{i} and some more words of row {i}" for i in range(rows)],
        }
    )
    return frame.set_axis(index)


def lost(before, after):
    """Which cells are missing after, and were not before, bool (n, columns)."""
    return after.isna().to_numpy() & ~before.isna().to_numpy()
