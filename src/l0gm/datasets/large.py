"""Generated tables of a million rows: one of many columns, and one with identifiers of many values."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l0gm.data.splits import stratified_split
from l0gm.datasets.dataset import Dataset, Entry, require
from l0gm.errors import ParameterError

__all__ = ["ENTRIES", "IDENTIFIERS", "identifiers", "wide"]

ROWS = 1_000_000
MIN_ROWS = 1000
TEST_FRACTION = 0.25

NUMBERS, CATEGORIES = 120, 80
INFORMATIVE_NUMBERS, INFORMATIVE_CATEGORIES = 12, 8
MISSING_FRACTION = 0.05

IDENTIFIERS = {"user": 1_000_000, "item": 100_000, "shop": 10_000}
"""How many values each identifier of ``synthetic:identifiers`` can have."""
ZIPF = 1.05
"""The k-th most popular value is drawn in proportion to 1 / (k + 10) ** ZIPF."""


def wide(home: Path | None = None, *, rows: int = ROWS, seed: int = 0) -> Dataset:
    """Generate a binary task over 120 columns of numbers and 80 of text, with missing values in each.

    The log-odds depend on the first 12 numbers (lines, bumps and steps), on the first 8 columns of text (an effect of
    each value) and on three products of two numbers; all other columns are noise. Text columns have 2 to 100 values of
    uneven popularity.

    Parameters
    ----------
    home : Path, optional
        Not used: there is no file.
    rows : int
        At least 1000.
    seed : int
        Not negative; the same seed gives the same rows.

    Raises
    ------
    ParameterError
        Too few rows, or a seed that is not a whole number from 0.
    MissingExtraError
        pandas is not installed.
    """
    rng = _generator(rows, seed)
    columns: dict[str, Any] = {}
    odds = np.full(rows, -1.0)
    numbers = []
    for j in range(NUMBERS):
        x = (rng.normal, rng.exponential)[j % 2](size=rows)
        if j < INFORMATIVE_NUMBERS:
            odds += (0.5 * x, 1.5 * np.exp(-((x - 0.7) ** 2)) - 0.7, 0.8 * (x > 1.0) - 0.3)[j % 3]
            numbers.append(x)
        columns[f"x{j:03d}"] = np.where(rng.random(rows) < MISSING_FRACTION, np.nan, x).round(4)
    for i, j in ((0, 2), (4, 6), (8, 10)):
        odds += 0.4 * numbers[i] * numbers[j]
    for j in range(CATEGORIES):
        n = 2 + 98 * j * j // CATEGORIES**2 if j >= INFORMATIVE_CATEGORIES else 3 + 5 * j
        codes = _popular(rng, n, rows)
        if j < INFORMATIVE_CATEGORIES:
            odds += rng.normal(0.0, 0.5, n)[codes]
        names = np.array([*(f"c{j}v{k}" for k in range(n)), None], dtype=object)
        columns[f"c{j:03d}"] = names[np.where(rng.random(rows) < MISSING_FRACTION, n, codes)]
    return _dataset("synthetic:wide", columns, odds, rng, {"rows": rows, "seed": seed})


def identifiers(home: Path | None = None, *, rows: int = ROWS, seed: int = 0) -> Dataset:
    """Generate a binary task in the shape of clicks: identifiers of up to a million values, and few numbers.

    ``user``, ``item`` and ``shop`` can have 1,000,000, 100,000 and 10,000 values, few of them popular (Zipf) and most
    of them rare. Each value has an effect on the log-odds of its own; the rest depends on ``price``, ``hour``,
    ``device`` and on how close ``age`` is to what the item is for.

    Parameters and errors are those of ``wide``.
    """
    rng = _generator(rows, seed)
    columns: dict[str, Any] = {}
    odds = np.full(rows, -1.6)
    codes = {}
    for (name, n), spread in zip(IDENTIFIERS.items(), (0.8, 0.7, 0.5), strict=True):
        codes[name] = _popular(rng, n, rows)
        odds += rng.normal(0.0, spread, n)[codes[name]]
        width = len(str(n - 1))
        values, places = np.unique(codes[name], return_inverse=True)
        columns[name] = np.array([f"{name[0]}{k:0{width}d}" for k in values.tolist()], dtype=object)[places]
    age = rng.gamma(9.0, 4.0, rows).round() + 14
    aimed = rng.normal(45.0, 12.0, IDENTIFIERS["item"])[codes["item"]]
    price = rng.lognormal(3.0, 0.9, rows).round(2)
    hour = rng.integers(0, 24, rows)
    device = rng.choice(3, rows, p=(0.6, 0.3, 0.1))
    odds += np.exp(-(((age - aimed) / 12.0) ** 2)) - 0.3 * np.log(price / 20.0) + 0.3 * (hour >= 19)
    odds += np.array([0.2, -0.2, 0.0])[device]
    columns |= {"age": age, "price": price, "hour": hour}
    columns["device"] = np.array(["phone", "desktop", "tablet"], dtype=object)[device]
    return _dataset("synthetic:identifiers", columns, odds, rng, {"rows": rows, "seed": seed})


def _popular(rng: np.random.Generator, n: int, rows: int) -> NDArray[np.int64]:
    """Return codes below ``n`` (rows,), of Zipf popularity; which of them are popular is drawn, too."""
    shares = np.cumsum((np.arange(n) + 10.0) ** -ZIPF)
    ranks = np.searchsorted(shares, rng.random(rows) * shares[-1]).clip(max=n - 1)
    codes: NDArray[np.int64] = rng.permutation(n)[ranks]
    return codes


def _generator(rows: int, seed: int) -> np.random.Generator:
    for argument, value, least in (("rows", rows, MIN_ROWS), ("seed", seed, 0)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
            raise ParameterError(f"{argument}={value!r}: give a whole number of at least {least}")
    require("pandas")
    return np.random.default_rng(seed)


def _dataset(
    name: str, columns: dict[str, Any], odds: NDArray[np.float64], rng: np.random.Generator, options: dict[str, int]
) -> Dataset:
    import pandas as pd

    said = ", ".join(f"{key}={value}" for key, value in options.items())
    drawn = rng.random(len(odds)) < 1.0 / (1.0 + np.exp(-odds))
    columns[TARGET] = np.array(["no", "yes"], dtype=object)[drawn.astype(int)]
    text = {column: pd.Series(values, dtype=object) for column, values in columns.items() if values.dtype == object}
    frame = pd.DataFrame({**columns, **text})
    return Dataset(
        name=name,
        frame=frame,
        target=TARGET,
        task="binary",
        description=f"Generated rows ({said}). {SUMMARIES[name].capitalize()}.",
        source=f"generated ({said})",
        splitters={"holdout": partial(stratified_split, drawn, TEST_FRACTION, 0)},
    )


TARGET = "clicked"
SUMMARIES = {
    "synthetic:wide": "generated: two classes; 120 columns of numbers and 80 of text, most of them noise, with gaps",
    "synthetic:identifiers": "generated: two classes; identifiers of 1,000,000, 100,000 and 10,000 values, few numbers",
}

ENTRIES = tuple(
    Entry(
        name=name,
        summary=SUMMARIES[name],
        task="binary",
        rows=ROWS,
        target=TARGET,
        splits=("holdout",),
        load=load,
        options=("rows", "seed"),
    )
    for name, load in (("synthetic:wide", wide), ("synthetic:identifiers", identifiers))
)
