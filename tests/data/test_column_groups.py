"""Any column becomes a few groups with names that people read."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest

from l0gm.data.groups import OTHER, group_rows
from l0gm.errors import DataError


def test_few_values_are_groups_in_their_order():
    for X in (pd.DataFrame, pl.DataFrame, dict):
        rows, order = group_rows(X({"n": [10, 2, 2, 1]}), "n")
        assert (rows, order) == (["10", "2", "2", "1"], ["1", "2", "10"])
    rows, order = group_rows({"s": ["b", None, " ", "a", "b"]}, "s")
    assert (rows, order) == (["b", None, None, "a", "b"], ["a", "b", None])
    assert group_rows({"b": [True, False, None]}, "b")[1] == ["False", "True", None]
    assert set(group_rows({"m": [1, "x", None, True]}, "m")[1]) == {"1", "x", "True", None}
    assert group_rows({"e": [None, None]}, "e") == ([None, None], [None])


def test_many_numbers_are_quarters():
    values = np.random.default_rng(0).permutation(np.r_[np.arange(100.0), [np.nan] * 7])
    rows, order = group_rows({"x": values}, "x")
    assert order == ["0 to 24", "25 to 49", "50 to 74", "75 to 99", None]
    for value, group in zip(values, rows, strict=True):
        assert group == (None if np.isnan(value) else order[int(value // 25)])


def test_skewed_and_infinite_numbers():
    assert group_rows({"x": [0] * 300 + list(range(1, 21))}, "x")[1] == ["0", "1 to 20"]
    x = [-np.inf, np.inf, *range(30)]
    rows, order = group_rows({"x": x}, "x")
    assert order[0].startswith("-inf to ")
    assert order[-1].endswith(" to inf")
    assert len(rows) == 32


def test_dates_and_durations():
    days = pd.date_range("2024-01-01", periods=40)
    assert group_rows(pd.DataFrame({"t": days}), "t")[1][0] == "2024-01-01 to 2024-01-10"
    assert len(group_rows(pd.DataFrame({"t": days - days[0]}), "t")[1]) == 4
    written = [*map(str, days), "n/a"]
    rows, order = group_rows({"t": written}, "t")
    assert order == [*group_rows(pd.DataFrame({"t": days}), "t")[1], None]
    assert rows[-1] is None
    assert group_rows({"t": [*written, "someday"]}, "t")[1][-1] == OTHER


def test_many_texts_keep_the_frequent_ones():
    values = [f"v{i}" for i in range(30) for _ in range(i + 1)]
    rows, order = group_rows({"s": values}, "s")
    assert order == [*(f"v{i}" for i in range(29, 18, -1)), OTHER]
    assert rows.count(OTHER) == sum(i + 1 for i in range(19))


def test_groups_of_ones_own():
    X = {"x": [1, 2, 3]}
    assert group_rows(X, ["a", "b", "a"])[0] == ["a", "b", "a"]
    assert group_rows(X, pd.Series(["a", pd.NA, "a"], index=[7, 8, 9]))[0] == ["a", None, "a"]
    assert group_rows(X, np.array([0, 1, 0]))[1] == ["0", "1"]


def test_what_is_not_there():
    with pytest.raises(DataError, match="by='agee': there is no such column; did you mean 'age'"):
        group_rows({"age": [1]}, "agee")
    with pytest.raises(DataError, match="by has 2 values for 1 rows"):
        group_rows({"age": [1]}, ["a", "b"])
