"""Spread and range of training rows: numpy's own, from any table, and stored as plain values."""

import json

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from corrupted import mixed
from hypothesis import given
from hypothesis import strategies as st

from l0gm.data.frames import Table
from l0gm.errors import DataError
from l0gm.robustness import InputStatistics


def test_they_are_those_of_numpy():
    frame = mixed()
    statistics = InputStatistics.fit(frame)
    assert list(statistics.numeric) == ["amount", "single", "count", "nullable", "arrow", "objects", "sparse"]
    for name, column in statistics.numeric.items():
        values = frame[name].dropna().to_numpy(dtype=float)
        assert column.std == pytest.approx(values.std(ddof=0), rel=1e-12)
        assert (column.low, column.high) == (values.min(), values.max())
    assert statistics.columns == tuple(frame.columns)
    assert statistics.n_rows == 60


def test_any_table_gives_the_same():
    columns = {"a": [1.0, 2.5, None], "b": [3, 4, 9], "c": ["x", "y", "x"]}
    tables = [pd.DataFrame(columns), pl.DataFrame(columns), pa.table(columns), columns]
    tables.append([dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)])
    first, *others = map(InputStatistics.fit, tables)
    assert all(other == first for other in others)
    array = InputStatistics.fit(pd.DataFrame(columns)[["a", "b"]].to_numpy())
    assert list(array.numeric.values()) == list(first.numeric.values())


@given(st.lists(st.floats(allow_subnormal=False), min_size=1, max_size=8))
def test_any_numbers(values):
    (column,) = InputStatistics.fit({"x": values}).numeric.values() or (None,)
    finite = [x for x in values if np.isfinite(x)]
    assert (column is None) == (not finite)
    if column is not None:
        assert (column.low, column.high) == (min(finite), max(finite))
        assert 0 <= column.std <= column.high / 2 - column.low / 2 < np.inf
        assert (column.std == 0) or column.low < column.high


def test_they_survive_json():
    statistics = InputStatistics.fit(mixed())
    assert InputStatistics.from_dict(json.loads(json.dumps(statistics.to_dict()))) == statistics


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"columns": ["a"], "numeric": {"a": {"std": 1}}, "named": True, "n_rows": 1},
        {"columns": ["a"], "numeric": {"b": {"std": 1, "low": 0, "high": 1}}, "named": True, "n_rows": 1},
        {"columns": ["a"], "numeric": {"a": {"std": -1, "low": 0, "high": 1}}, "named": True, "n_rows": 1},
        {"columns": ["a"], "numeric": {"a": {"std": 1, "low": 2, "high": 1}}, "named": True, "n_rows": 1},
        {"columns": ["a"], "numeric": {"a": {"std": float("nan"), "low": 0, "high": 1}}, "named": True, "n_rows": 1},
        {"columns": ["a"], "numeric": [], "named": True, "n_rows": 1},
    ],
)
def test_what_is_none_of_them_is_refused(content):
    with pytest.raises(DataError, match="no statistics of inputs"):
        InputStatistics.from_dict(content)


def test_no_rows():
    with pytest.raises(DataError, match="X_train has no rows"):
        InputStatistics.fit(mixed().iloc[:0])


def test_columns_are_found_by_name_or_by_place():
    frame = mixed()[["amount", "city", "count"]]
    statistics = InputStatistics.fit(frame)
    amount, count = statistics.numeric.values()
    assert statistics.of(Table(frame[["count", "amount"]])) == [count, amount]
    assert statistics.of(Table(frame.to_numpy())) == [amount, None, count]
    with pytest.raises(DataError, match="column 'other' is not in the statistics"):
        statistics.of(Table(frame.assign(other=1)))
    with pytest.raises(DataError, match="2 columns without names, and the statistics are of 3"):
        statistics.of(Table(frame.to_numpy()[:, :2]))
