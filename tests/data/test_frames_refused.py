import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from l0gm.data.frames import Table
from l0gm.errors import DataError


@pytest.mark.parametrize(
    "data",
    [
        pd.DataFrame([[1, 2, 3]], columns=["a", "b", "a"]),
        pd.DataFrame([[1, 2, 3]], columns=[1, "b", "1"]).rename(columns={"b": "a"}).iloc[:, [0, 0]],
        pa.table([pa.array([1]), pa.array([2])], names=["a", "a"]),
        {1: [1], "1": [2]},
        [{1: 1, "1": 2}],
        pd.DataFrame([[1, 2]], columns=[1, "1"]),
    ],
    ids=["pandas", "pandas slice", "pyarrow", "dict", "list of dicts", "pandas, as text"],
)
def test_duplicate_names_are_refused(data):
    with pytest.raises(DataError, match=r"duplicate column names \['(a|1)'\]: rename or drop"):
        Table(data)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (None, "NoneType is no table"),
        ("abc", "str is no table"),
        ([], "list is no table"),
        ([1, 2], "list is no table"),
        (5, "int is no table"),
        (pd.Series([1, 2]), "Series is no table"),
        (pl.Series([1, 2]), "Series is no table"),
        (pl.LazyFrame({"a": [1]}), r"LazyFrame is no table: collect\(\) it"),
        (np.arange(3), r"shape \(3,\) is no table: Reshape your data"),
        (np.zeros((2, 2, 2)), r"shape \(2, 2, 2\)"),
        ({}, "no columns"),
        (pd.DataFrame(index=range(3)), "no columns"),
        (pl.DataFrame(), "no columns"),
        (np.zeros((3, 0)), "no columns"),
        ({"a": [1], "b": [1, 2]}, "columns of different lengths: {'a': 1, 'b': 2}"),
        ({"a": 5}, "'a' is 5: give a list"),
        ({"a": "text"}, "'a' is 'text': give a list"),
        ({"a": np.array(5)}, "'a' is array"),
        ({"a": np.zeros((2, 2))}, "'a' is array"),
    ],
)
def test_what_is_no_table_is_said_so(data, message):
    with pytest.raises(DataError, match=message):
        Table(data)


@pytest.mark.parametrize(
    "data",
    [
        {"a": [[1], [2]]},
        {"a": [[1, 2], [3]]},
        {"a": [{"x": 1}, None]},
        {"a": [(1, 2), None]},
        {"a": [np.array([1]), None]},
        pd.DataFrame({"a": [[1], [2]]}),
        pd.DataFrame({"a": pd.array([[1], [2]], dtype=pd.ArrowDtype(pa.list_(pa.int64())))}),
        pl.DataFrame({"a": [[1], [2]]}),
        pl.DataFrame({"a": [{"x": 1}, {"x": 2}]}),
        pl.DataFrame({"a": [[1], [2]]}, schema={"a": pl.Array(pl.Int64, 1)}),
        pa.table({"a": [[1], [2]]}),
        pa.table({"a": [{"x": 1}, {"x": 2}]}),
        pd.DataFrame({"a": [1j, 2.0]}),
        {"a": [1j, 2.0, "x"]},
    ],
)
def test_nested_and_complex_columns_are_refused_by_name(data):
    for ask in (Table.kind, Table.factorize, Table.numbers, Table.times):
        with pytest.raises(DataError, match="'a'"):
            ask(Table(data), "a")


def test_columns_that_nobody_reads_may_hold_anything():
    for data in ({"a": [1], "b": [[1]]}, pl.DataFrame({"a": [1], "b": [[1]]}), {"a": [1], "b": {5}}):
        assert Table(data).numbers("a") == 1.0


def test_sets_and_unhashable_values():
    with pytest.raises(DataError, match=r"'b' is \{5\}: give a list"):
        Table({"a": [1], "b": {5}}).kind("b")

    class Unhashable:
        __hash__ = None

        def __str__(self):
            return "text"

    with pytest.raises(DataError, match="'a' holds values that are no numbers, text or dates"):
        Table({"a": [Unhashable()]}).factorize("a")


def test_values_whose_text_would_be_an_address():
    """Another one in every process: no category could be found again."""
    for ask in (Table.kind, Table.factorize, Table.numbers, Table.times):
        with pytest.raises(DataError, match="'a' holds values of type object, which have no text"):
            ask(Table({"a": [object()] * 2}), "a")
