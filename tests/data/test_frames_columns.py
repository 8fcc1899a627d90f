import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from tables import texts

from l0gm.data.frames import Table, canonical
from l0gm.errors import DataError


def test_integers_beyond_the_exact_floats_round_to_the_nearest():
    values = [2**53 + 1, 2**53 + 3, -(2**62) - 1, None]
    expected = [float(value) for value in values[:3]] + [np.nan]
    for data in (
        {"a": values},
        pd.DataFrame({"a": pd.array(values, dtype="Int64")}),
        pd.DataFrame({"a": pd.array(values, dtype=pd.ArrowDtype(pa.int64()))}),
        pl.DataFrame({"a": values}),
        pa.table({"a": values}),
        {"a": [*list(map(str, values[:3])), ""]},
    ):
        np.testing.assert_array_equal(Table(data).numbers("a"), expected)
        assert texts(Table(data), "a") == [*map(str, values[:3]), None]
    assert Table({"a": [10**30, 1]}).numbers("a").tolist() == [1e30, 1.0]
    assert Table(pl.DataFrame({"a": [2**100]}, schema={"a": pl.Int128})).numbers("a") == 2.0**100
    assert Table(pd.DataFrame({"a": np.array([2**64 - 1], dtype=np.uint64)})).numbers("a") == 2.0**64


def test_single_precision_is_widened_not_printed():
    wide = float(np.float32(0.1))
    assert wide != 0.1
    for data in (
        np.array([[0.1]], dtype=np.float32),
        pd.DataFrame({"x0": np.array([0.1], dtype=np.float32)}),
        pd.DataFrame({"x0": pd.array([0.1], dtype="Float32")}),
        pl.DataFrame({"x0": [0.1]}, schema={"x0": pl.Float32}),
        pa.table({"x0": pa.array([0.1], pa.float32())}),
        {"x0": [np.float32(0.1)]},
    ):
        assert Table(data).numbers("x0").tolist() == [wide]
        assert texts(Table(data), "x0") == [repr(wide)]
    assert Table(pa.table({"x0": pa.array([np.float16(1.5)], pa.float16())})).numbers("x0") == 1.5
    assert Table({"x0": np.array([0.1], dtype=np.longdouble)}).numbers("x0") == 0.1


def test_decimals_are_rounded_once():
    values = [Decimal("0.1"), Decimal("123456789012345678.55"), None]
    expected = [0.1, float(values[1]), np.nan]
    for data in (
        {"a": values},
        pd.DataFrame({"a": pd.Series(values, dtype=object)}),
        pd.DataFrame({"a": pd.array(values, dtype=pd.ArrowDtype(pa.decimal128(30, 2)))}),
        pl.DataFrame({"a": values}, schema={"a": pl.Decimal(30, 2)}),
        pa.table({"a": pa.array(values, pa.decimal128(30, 2))}),
    ):
        assert Table(data).kind("a") == "number"
        np.testing.assert_array_equal(Table(data).numbers("a"), expected)


def test_strings_booleans_and_categories_read_as_numbers():
    for data in (
        {"a": ["3", " 2.5", "", "1e3", None]},
        pd.DataFrame({"a": ["3", "2.50", None, "1e3", ""]}),
        pd.DataFrame({"a": ["3", "2.50", None, "1e3", ""]}, dtype="category"),
        pd.DataFrame({"a": [3, 2.5, None, 1e3, None]}, dtype="category"),
        pl.DataFrame({"a": ["3", "2.5", None, "1000", " "]}),
        pa.table({"a": pa.array([3, 2.5, None, 1e3, None]).dictionary_encode()}),
    ):
        np.testing.assert_array_equal(Table(data).numbers("a"), [3.0, 2.5, np.nan, 1e3, np.nan])
    for data in (
        {"a": [True, False, None]},
        pd.DataFrame({"a": [True, False, None]}),
        pd.DataFrame({"a": pd.array([True, False, None], dtype="boolean")}),
        pl.DataFrame({"a": [True, False, None]}),
        pa.table({"a": [True, False, None]}),
    ):
        np.testing.assert_array_equal(Table(data).numbers("a"), [1.0, 0.0, np.nan])


def test_what_is_no_number_is_named_with_its_column_and_the_remedy():
    for data in (
        {"age": ["3", "abc", "abc"]},
        pd.DataFrame({"age": ["3", "abc", "abc"]}),
        pd.DataFrame({"age": ["3", "abc", "abc"]}, dtype="category"),
        pl.DataFrame({"age": ["3", "abc", "abc"]}),
        pa.table({"age": ["3", "abc", "abc"]}),
    ):
        with pytest.raises(DataError, match=r"'age': 'abc' \(in 2 of 3 rows\) is no number.*correct it"):
            Table(data).numbers("age")
    with pytest.raises(DataError, match=r"'age'.*is no number") as caught:
        Table({"age": ["x" * 2**20]}).numbers("age")
    assert len(str(caught.value)) < 250
    with pytest.raises(DataError, match=r"'age': a value of type int"):
        Table({"age": [10**5000]}).numbers("age")
    with pytest.raises(DataError, match=r"'age'.*is no number"):
        Table({"age": np.array(["2020"], dtype="datetime64[ns]")}).numbers("age")
    with pytest.raises(DataError, match=r"'age': 5.* is no date"):
        Table({"age": np.array([5])}).times("age")


def test_categories_that_no_row_uses_do_not_count():
    column = pd.Categorical(["1", "2"], categories=["abc", "2", "1", "0"])
    table = Table(pd.DataFrame({"a": column}))
    np.testing.assert_array_equal(table.numbers("a"), [1.0, 2.0])
    assert sorted(table.factorize("a")[1]) == ["1", "2"]
    assert Table(pa.table({"a": pa.array(["x", "y"]).dictionary_encode()}).slice(1)).factorize("a")[1] == ["y"]


def test_dictionaries_that_differ_by_chunk():
    chunks = [pa.array(["a", "b"]).dictionary_encode(), pa.array(["c", None, "a"]).dictionary_encode()]
    assert texts(Table(pa.table({"a": pa.chunked_array(chunks)})), "a") == ["a", "b", "c", None, "a"]
    small = pa.DictionaryArray.from_arrays(pa.array([1, None, 0], pa.uint8()), pa.array(["a", "b"]))
    assert texts(Table(pa.table({"a": small})), "a") == ["b", None, "a"]


def test_masked_sparse_and_other_arrays():
    masked = np.ma.masked_array([1.0, 2.0, 3.0], mask=[False, True, False])
    np.testing.assert_array_equal(Table({"a": masked}).numbers("a"), [1.0, np.nan, 3.0])
    sparse = pd.DataFrame({"a": pd.arrays.SparseArray([0.0, 0.0, 5.0])})
    assert Table(sparse).kind("a") == "number"
    np.testing.assert_array_equal(Table(sparse).numbers("a"), [0.0, 0.0, 5.0])
    assert Table({"a": range(3)}).numbers("a").tolist() == [0.0, 1.0, 2.0]
    assert texts(Table({"a": pd.Categorical(["x", None])}), "a") == ["x", None]
    assert texts(Table({"a": pd.Index(["x", "y"])}), "a") == ["x", "y"]
    assert texts(Table({"a": np.array(["x", "y"])}), "a") == ["x", "y"]
    assert texts(Table({"a": np.array([b"x", b"y"])}), "a") == ["x", "y"]
    assert texts(Table(pd.DataFrame({"a": pd.period_range("2020-01", periods=2, freq="M")})), "a") == [
        "2020-01",
        "2020-02",
    ]
    assert texts(Table(pd.DataFrame({"a": pd.interval_range(0, 1)})), "a") == ["(0, 1]"]


def test_bytes_clock_times_and_objects_are_text_everywhere():
    clock, raw = [dt.time(1, 2), None], [b"x", None]
    for data in (
        {"clock": clock, "raw": raw},
        pd.DataFrame({"clock": clock, "raw": raw}),
        pl.DataFrame({"clock": clock, "raw": raw}),
        pa.table({"clock": clock, "raw": raw}),
        pa.table({"clock": clock, "raw": raw}).to_pandas(types_mapper=pd.ArrowDtype),
    ):
        table = Table(data)
        assert table.kind("clock") == table.kind("raw") == "text"
        assert texts(table, "clock") == ["01:02:00", None]
        assert texts(table, "raw") == ["x", None]
    assert texts(Table(pl.DataFrame({"a": pl.Series([1, "x"], dtype=pl.Object)})), "a") == ["1", "x"]


def test_what_microseconds_cannot_hold():
    for values in (np.array(["400000-01-01"], dtype="datetime64[D]"), np.array([2**40], dtype="timedelta64[h]")):
        with pytest.raises(DataError, match="'when' holds more than 290,000 years from 1970: correct it"):
            Table({"when": values}).factorize("when")
        assert canonical(values[0]) == str(values[0])
    with pytest.raises(DataError, match=r"'when': .*datetime64\(.* is too large for a date"):
        Table({"when": [np.datetime64("400000"), "x"]}).times("when")
    assert Table({"when": np.array(["NaT", "9999"], dtype="datetime64[Y]")}).times("when")[1] == np.datetime64("9999")
