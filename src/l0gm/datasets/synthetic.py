"""Generated tables: every kind of column, seeded, for tests, examples and first steps without a download."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from l0gm.data.splits import stratified_split
from l0gm.datasets.dataset import Dataset, Entry, Task, require
from l0gm.errors import ParameterError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ENTRIES", "MIXED_INFORMATIVE", "MULTICLASS_INFORMATIVE", "mixed", "multiclass"]

MIN_ROWS = 200
TEST_FRACTION = 0.25
MISSING_FRACTION = 0.05

MIXED_INFORMATIVE = frozenset({"age", "balance", "member", "occupation", "last_seen"})
"""The columns of ``synthetic:mixed`` that the target depends on; all others are noise."""

MULTICLASS_INFORMATIVE = frozenset({"x", "y", "shape"})
"""The columns of ``synthetic:multiclass`` that the target depends on; all others are noise."""

OCCUPATIONS = {
    "clerk": (0.30, -0.8),
    "driver": (0.22, 0.4),
    "nurse": (0.18, 1.0),
    "teacher": (0.14, -0.3),
    "cook": (0.10, 0.7),
    "farmer": (0.054, -1.2),
    "diver": (0.004, 1.5),
    "notary": (0.002, -1.5),
}
"""Each occupation's share of the rows and its effect on the log-odds."""


def mixed(home: Path | None = None, *, rows: int = 4000, seed: int = 0) -> Dataset:
    """Generate a binary task over numbers, categories, booleans, dates and identifiers.

    The log-odds are a bump over ``age``, a step where ``balance`` (mostly 0) is positive that ``member``
    turns around, an effect of each ``occupation``, and one of weekends in ``last_seen``. Values go missing
    at random, in each of these columns, after the target is drawn. ``constant`` and ``empty`` say nothing.

    Parameters
    ----------
    home : Path, optional
        Not used: there is no file.
    rows : int
        At least 200.
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
    import pandas as pd

    shares, effects = np.array(list(OCCUPATIONS.values())).T
    age = rng.gamma(9.0, 4.5, rows).round() + 16
    balance = np.where(rng.random(rows) < 0.85, 0.0, rng.lognormal(6.0, 1.2, rows).round(2))
    member = rng.random(rows) < 0.4
    occupation = rng.choice(len(OCCUPATIONS), rows, p=shares)
    last_seen = pd.Series(pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 730, rows), unit="D"))
    odds = (
        3.0 * np.exp(-(((age - 52.0) / 14.0) ** 2))
        + np.where(balance > 0, np.where(member, 2.0, -1.0), 0.0)
        + effects[occupation]
        + 0.8 * (last_seen.dt.day_of_week.to_numpy() >= 5)
        - 2.2
    )
    churned = rng.random(rows) < 1.0 / (1.0 + np.exp(-odds))

    frame = pd.DataFrame(
        {
            "age": age,
            "balance": balance,
            "height": rng.normal(171.0, 9.0, rows).round(1),
            "visits": rng.poisson(2.0, rows).astype(float),
            "occupation": np.array(list(OCCUPATIONS), dtype=object)[occupation],
            "region": np.array([f"region {k}" for k in range(30)], dtype=object)[rng.integers(0, 30, rows)],
            "account": np.array([f"a{k:07d}" for k in rng.integers(0, 10 * rows, rows)], dtype=object),
            "member": pd.array(member, dtype="boolean"),
            "newsletter": pd.array(rng.random(rows) < 0.5, dtype="boolean"),
            "last_seen": last_seen,
        }
    )
    frame = frame.mask(rng.random(frame.shape) < MISSING_FRACTION)
    frame["constant"] = "same"
    frame["empty"] = np.full(rows, np.nan)
    frame["churned"] = np.array(["no", "yes"], dtype=object)[churned.astype(int)]
    frame = _plain_text(frame, ("occupation", "region", "account", "constant", "churned"))
    return _dataset("synthetic:mixed", "binary", frame, "churned", {"rows": rows, "seed": seed})


def multiclass(home: Path | None = None, *, rows: int = 4000, seed: int = 0) -> Dataset:
    """Generate a task of four classes: rings and quadrants of a plane, turned by a category.

    The parameters and errors are those of ``mixed``.
    """
    rng = _generator(rows, seed)
    import pandas as pd

    x, y = rng.normal(size=(2, rows))
    shape = rng.integers(0, 3, rows)
    radius = np.hypot(x, y)
    turned = np.arctan2(y, x) + shape * (2.0 * np.pi / 3.0)
    scores = np.stack([4.0 * (1.0 - radius), 2.0 * np.cos(turned), 2.0 * np.sin(turned), 2.0 * (radius - 2.0)], axis=1)
    drawn = (scores + rng.gumbel(size=scores.shape)).argmax(axis=1)

    frame = pd.DataFrame(
        {
            "x": x,
            "y": y,
            "noise": rng.normal(size=rows),
            "shape": np.array(["disc", "square", "star"], dtype=object)[shape],
            "colour": np.array(["amber", "blue", "cyan", "drab"], dtype=object)[rng.integers(0, 4, rows)],
        }
    )
    frame = frame.mask(rng.random(frame.shape) < MISSING_FRACTION)
    frame["kind"] = np.array(["core", "east", "north", "rim"], dtype=object)[drawn]
    frame = _plain_text(frame, ("shape", "colour", "kind"))
    return _dataset("synthetic:multiclass", "multiclass", frame, "kind", {"rows": rows, "seed": seed})


def _generator(rows: int, seed: int) -> np.random.Generator:
    for argument, value, least in (("rows", rows, MIN_ROWS), ("seed", seed, 0)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
            raise ParameterError(f"{argument}={value!r}: give a whole number of at least {least}")
    require("pandas")
    return np.random.default_rng(seed)


def _plain_text(frame: pd.DataFrame, columns: tuple[str, ...]) -> pd.DataFrame:
    """Give text the form that it has in every data set here: object, with None for missing."""
    text = frame[list(columns)].astype(object)
    return frame.assign(**{name: text[name].where(text[name].notna(), None) for name in columns})


def _dataset(name: str, task: Task, frame: pd.DataFrame, target: str, options: Mapping[str, Any]) -> Dataset:
    said = ", ".join(f"{key}={value}" for key, value in options.items())
    return Dataset(
        name=name,
        frame=frame,
        target=target,
        task=task,
        description=f"Generated rows ({said}). {SUMMARIES[name].capitalize()}.",
        source=f"generated ({said})",
        splitters={"holdout": partial(stratified_split, frame[target].to_numpy(), TEST_FRACTION, 0)},
    )


SUMMARIES = {
    "synthetic:mixed": "generated: two classes; numbers, categories, booleans, dates, identifiers, gaps",
    "synthetic:multiclass": "generated: four classes; rings and quadrants of a plane, turned by a category",
}

ENTRIES = (
    Entry(
        name="synthetic:mixed",
        summary=SUMMARIES["synthetic:mixed"],
        task="binary",
        rows=4000,
        target="churned",
        splits=("holdout",),
        load=mixed,
        options=("rows", "seed"),
    ),
    Entry(
        name="synthetic:multiclass",
        summary=SUMMARIES["synthetic:multiclass"],
        task="multiclass",
        rows=4000,
        target="kind",
        splits=("holdout",),
        load=multiclass,
        options=("rows", "seed"),
    ),
)
