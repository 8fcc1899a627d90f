"""Strategies for tables as they turn up: columns of any kind, missing values of any spelling, names of any sort.

A column is a small pool of drawn values, dealt out to rows by a seeded generator: so an example is small for
hypothesis, and a table of 60 rows takes milliseconds.
"""

from __future__ import annotations

import datetime as dt
import enum
import random
import uuid
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import strategies as st

__all__ = ["KINDS", "Table", "junk", "labels", "shown", "tables"]


def shown(value: object) -> str:
    """A text for a report, whatever the value."""
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(shown, value))}]"
    try:
        text = repr(value)
    except Exception:
        text = f"<{type(value).__name__}>"
    return text if len(text) < 200 else f"{text[:60]}...{text[-60:]} ({len(text)} characters)"


@dataclass(frozen=True, repr=False)
class Table:
    """Columns of Python values: names of any type, which may repeat, and lists of one length."""

    names: tuple[Any, ...]
    columns: tuple[list[Any], ...]

    def __repr__(self) -> str:
        lines = [f"    {shown(name)}: {shown(column)}" for name, column in zip(self.names, self.columns, strict=True)]
        return "\n".join(["Table(", *lines, ")"])

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # hypothesis would print the values by itself
        printer.text(repr(self))

    @property
    def is_unnamed(self) -> bool:
        """Whether the names are those of columns without one: the columns then count by their places."""
        return self.names == tuple(range(len(self.names)))

    @property
    def n_rows(self) -> int:
        return len(self.columns[0])

    @property
    def texts(self) -> tuple[str, ...]:
        """The names as l0gm spells them."""
        return tuple(str(name) for name in self.names)

    @property
    def has_duplicates(self) -> bool:
        return len(set(self.texts)) < len(self.texts)

    def take(self, rows: list[int]) -> Table:
        return Table(self.names, tuple([column[i] for i in rows] for column in self.columns))

    def replace(self, j: int, column: list[Any]) -> Table:
        return Table(self.names, (*self.columns[:j], column, *self.columns[j + 1 :]))

    def drop(self, j: int) -> Table:
        return Table(self.names[:j] + self.names[j + 1 :], self.columns[:j] + self.columns[j + 1 :])

    def add(self, name: Any, column: list[Any]) -> Table:
        return Table((*self.names, name), (*self.columns, column))


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


class Unhashable:
    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return "Unhashable()"


class Unspeakable:
    """Fails whenever it is looked at."""

    def __repr__(self) -> str:
        raise RuntimeError("no text for this")

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("not comparable")

    def __hash__(self) -> int:
        return 7


NOTHING = [None, float("nan"), np.float32("nan"), pd.NA, pd.NaT, np.datetime64("NaT"), "", " ", "\t\n", Decimal("NaN")]

whole = st.integers(-9, 99)
huge = st.one_of(
    st.integers(),
    st.sampled_from([2**53 - 1, 2**53, 2**53 + 1, 2**63 - 1, 2**63, -(2**63), 2**64, 10**40, -(10**308), 10**19]),
)
finite = st.floats(allow_nan=False, allow_infinity=False)
extreme = st.sampled_from(
    [0.0, -0.0, 5e-324, -5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, -1.7976931348623157e308, 1e308, 0.1,
     1.7e9, 1.7e9 + 2**-20, 1e16, 1e-17]
)  # fmt: skip
single = st.floats(width=32, allow_nan=False, allow_infinity=False).map(np.float32)
exact = st.one_of(
    st.decimals(allow_nan=False, allow_infinity=False, places=3),
    st.fractions(),
    st.integers(-128, 127).map(np.int8),
    st.integers(0, 2**64 - 1).map(np.uint64),
)
infinite = st.sampled_from([float("inf"), float("-inf"), 1.0, 2.0, 3.0])
truths = st.one_of(st.booleans(), st.booleans().map(np.bool_))
days = st.one_of(st.dates(), st.sampled_from([dt.date.min, dt.date.max, dt.date(1970, 1, 1), dt.date(2024, 2, 29)]))
naive = st.one_of(
    st.datetimes(), st.datetimes(dt.datetime(1990, 1, 1), dt.datetime(2030, 1, 1)), st.just(dt.datetime.max)
)
zones = st.sampled_from(
    [dt.UTC, dt.timezone(dt.timedelta(hours=-11, minutes=-30)), dt.timezone(dt.timedelta(hours=14))]
)
aware = st.one_of(
    st.datetimes(timezones=zones),
    st.just(dt.datetime.min.replace(tzinfo=dt.timezone(dt.timedelta(hours=14)))),
    st.just(dt.datetime.max.replace(tzinfo=dt.timezone(dt.timedelta(hours=-12)))),
)
stamps = st.one_of(
    st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2200, 1, 1)).map(pd.Timestamp),
    days.map(np.datetime64),
    st.integers(-(2**62), 2**62).map(lambda n: np.datetime64(n, "ns")),
    st.sampled_from([np.datetime64("400000-01-01"), np.datetime64("0001-01-01"), np.datetime64("-5000", "Y")]),
)
durations = st.one_of(
    st.timedeltas(),
    st.sampled_from([dt.timedelta.max, dt.timedelta.min, np.timedelta64(2**62, "D"), np.timedelta64(3, "h")]),
    st.integers(-(10**9), 10**9).map(lambda n: np.timedelta64(n, "ms")),
    st.integers(-(10**9), 10**9).map(lambda n: pd.Timedelta(n, "ms")),
)
words = st.sampled_from(["red", "green", "blue", "Zürich", "東京", "São Paulo", "a,b", 'say "so"', "yes", "no"])
texts = st.one_of(
    st.text(max_size=12),
    st.text(st.characters(categories=["Cs", "Lu"]), max_size=3),
    st.sampled_from(["a\x00b", "\x00", " padded ", "\u202eabc", "e\u0301", "\u00e9", "\ufeff", "\U0001f9ee", "\ud800"]),
    st.sampled_from(["x" * 70_000, "y" * 70_000 + "z"]),
)
lookalikes = st.sampled_from(
    ["3", "2.5", "1e5", "007", "1_000", "1,5", "١٢", " 4 ", "0x1f", "inf", "-Infinity", "nan", "NaN", "NA", "N/A", "?",
     "-", "None", "null", "NaT", "<NA>", "True", "false", "TRUE", "0", "1", "1e999", "2020-01-01", "12%", "$3"]
)  # fmt: skip
written = st.one_of(st.integers(-99, 99).map(str), finite.map(repr), st.sampled_from(["1", "2", "3.5", "?", "NA", "-"]))
iso = st.one_of(st.dates().map(str), st.datetimes().map(str), aware.map(lambda t: t.isoformat()), st.just("NA"))
strange = st.one_of(
    st.binary(max_size=5),
    st.times(),
    st.uuids(),
    st.complex_numbers(),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=2), st.integers(), max_size=2),
    st.builds(set),
    st.builds(tuple),
    st.builds(object),
    st.builds(Unhashable),
    st.builds(Unspeakable),
    st.just(np.array([1.0])),
    st.just(np.array(5)),
    st.just(len),
    st.just(int),
    st.sampled_from(list(Colour)),
    st.just(pd.Period("2020-01", "M")),
    st.just(pd.Interval(0, 1)),
    st.just(pd.Timestamp("2020-01-01", tz="Asia/Kolkata")),
    st.just(uuid.UUID(int=5)),
    st.just(bytearray(b"x")),
    st.just(memoryview(b"x")),
    st.just(Decimal("sNaN")),
    st.just(Decimal("Infinity")),
    st.just(Decimal("1e999999")),
    st.just(10**5000),
    st.just(Fraction(10**400, 3)),
)

KINDS: dict[str, st.SearchStrategy[Any]] = {
    "whole": whole,
    "huge": huge,
    "finite": finite,
    "extreme": st.one_of(extreme, finite),
    "single": single,
    "exact": exact,
    "numbers": st.one_of(whole, huge, finite, exact, single),
    "infinite": infinite,
    "truths": truths,
    "days": days,
    "naive": naive,
    "aware": aware,
    "stamps": stamps,
    "times": st.one_of(days, naive, aware, stamps),
    "durations": durations,
    "words": words,
    "texts": texts,
    "lookalikes": lookalikes,
    "written": written,
    "iso": iso,
    "mixed": st.one_of(whole, finite, words, texts, truths, days, durations),
    "strange": strange,
}
TYPICAL = ["whole", "finite", "truths", "naive", "words", "words", "normal", "normal", "counts", "serial"]
names = st.one_of(
    st.sampled_from(["age", "city", "x", "", " ", '"', "a\nb", "a\x00b", "東京", "a|b", "x0", "kind", "\ud800", "1"]),
    st.text(max_size=6),
    st.integers(-1, 3),
    st.sampled_from([None, 1.5, float("nan"), ("a", 1), True, dt.date(2020, 1, 1), b"raw"]),
)


def _dealt(rng: random.Random, pool: list[Any], n_rows: int) -> list[Any]:
    """Values of the pool in random order, each at least once where there is room."""
    column = (pool + rng.choices(pool, k=max(n_rows - len(pool), 0)))[:n_rows]
    rng.shuffle(column)
    return column


def _made(rng: random.Random, kind: str, n_rows: int) -> list[Any]:
    """Columns of many values, as measurements and identifiers have."""
    if kind == "normal":
        scale, digits = 10.0 ** rng.randint(-12, 12), rng.choice([1, 3, 17])
        return [round(rng.gauss(0.0, 1.0), digits) * scale for _ in range(n_rows)]
    if kind == "counts":
        return [int(rng.expovariate(0.3)) for _ in range(n_rows)]
    return [f"id-{i}" for i in range(n_rows)]


@st.composite
def _columns(draw: st.DrawFn, n_rows: int, kinds: list[str]) -> list[Any]:
    kind = draw(st.sampled_from(kinds))
    rng = random.Random(draw(st.integers(0, 2**32)))
    if kind in KINDS:
        pool = draw(st.lists(KINDS[kind], min_size=1, max_size=8))
        column = _dealt(rng, pool, n_rows)
    else:
        column = _made(rng, kind, n_rows)
    share = draw(st.sampled_from([0.0, 0.0, 0.1, 0.5, 1.0]))
    if share:
        spellings = draw(st.lists(st.sampled_from(NOTHING), min_size=1, max_size=3))
        column = [rng.choice(spellings) if rng.random() < share else value for value in column]
    return column


def columns(n_rows: int) -> st.SearchStrategy[list[Any]]:
    """A column: half of them of the usual kinds, a few of values that no column may hold."""
    every = [kind for kind in KINDS if kind != "strange"]
    return st.integers(0, 19).flatmap(
        lambda n: _columns(n_rows, TYPICAL if n < 10 else every if n < 19 else ["strange"])
    )


@st.composite
def tables(draw: st.DrawFn, min_rows: int = 1, max_rows: int = 60) -> Table:
    """Tables of one to six columns; a few have two columns of one name."""
    n_rows = draw(st.one_of(st.integers(12, max_rows), st.integers(12, max_rows), st.integers(min_rows, max_rows)))
    oddly_named = draw(st.booleans())
    width = draw(st.integers(1, 6))
    chosen: list[Any] = [f"c{j}" for j in range(width)]
    if oddly_named:
        chosen = draw(st.lists(names, min_size=width, max_size=width, unique_by=str))
        if width > 1 and draw(st.integers(0, 39)) == 0:
            chosen[-1] = chosen[0]
    return Table(tuple(chosen), tuple(draw(columns(n_rows)) for _ in range(width)))


@st.composite
def labels(draw: st.DrawFn, n_rows: int) -> list[Any]:
    """A target: most of two to four classes, some of which cannot be used."""
    pools: list[list[Any]] = [
        ["no", "yes"],
        [0, 1],
        [False, True],
        [-1.0, 2.0, 7.0],
        ["\x00", "\ud800", "東京", "x\x00"],
        [np.int8(1), np.int8(2)],
        [2**70, 5],
        [Decimal(1), Decimal(2)],
        ["a", 1],
        [None, "a", "b"],
        [0.5, 1.5],
        [("a",), ("b",)],
        ["only"],
        [dt.date(2020, 1, 1), dt.date(2021, 1, 1)],
        [float("inf"), 1.0],
        [" ", "a"],
    ]
    pool = draw(st.sampled_from(pools[:7] * 6 + pools[7:]))
    rng = random.Random(draw(st.integers(0, 2**32)))
    return _dealt(rng, pool * 3, n_rows)


@st.composite
def junk(draw: st.DrawFn, n_rows: int) -> list[Any]:
    """A column to put in another's place."""
    column: list[Any] = draw(columns(n_rows))
    return column
