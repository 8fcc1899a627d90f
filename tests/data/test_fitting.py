import datetime as dt

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from tables import columns

from l0gm.data.fitting import SchemaFitter
from l0gm.data.schema import CategoricalField, HashedField, Schema
from l0gm.errors import DataError, ParameterError


def fit(table: object, **options) -> tuple[Schema, list[str]]:
    """A schema with as little as possible cut off, and its notes."""
    n_rows = len(next(iter(table.values()))) if isinstance(table, dict) else len(table)
    return SchemaFitter(**{"min_bin_rows": 1, "min_count": 1, **options}).fit(table, np.arange(n_rows) % 2)


def fields(table: object, **options) -> tuple:
    return fit(table, **options)[0].fields


def test_a_table_of_every_kind():
    schema, notes = SchemaFitter(min_bin_rows=2, min_count=2).fit(columns(), np.arange(48) % 3 // 2)
    kinds = {f.name: f.kind for f in schema.fields}
    assert kinds["city"] == kinds["member"] == "categorical"
    assert kinds["count"] == kinds["ratio"] == kinds["stay"] == "numeric"
    assert "born:year" in kinds
    assert "born:hour" not in kinds
    assert "seen:hour" in kinds
    assert schema.columns == tuple(columns())
    assert any(note.startswith("born: date, read as year, month, day, weekday") for note in notes)


def test_the_vocabulary_is_sorted_and_spelled_once():
    (field,) = fields({"a": ["b", "a", 3, 3.0, "3", None, True, ""]})
    assert field == CategoricalField("a", "a", ("3", "True", "a", "b"))
    assert fields({"a": [True, None, False]})[0].vocabulary == ("False", "True")


def test_rare_values_share_a_slot():
    schema, notes = fit({"a": ["x"] * 5 + ["y"] * 4 + ["z"]}, min_count=5)
    assert schema.fields[0].vocabulary == ("x",)
    assert notes == ["a: 2 of 3 values seen in fewer than 5 rows share the slot of unseen values"]
    assert schema.encode({"a": ["x", "y", "?"]}).codes.ravel().tolist() == [2, 1, 1]


def test_the_cut_is_lowered_where_no_value_reaches_it():
    assert fields({"a": ["x", "x", "y", "y", "z"]}, min_count=5)[0].vocabulary == ("x", "y")
    assert fields({"a": ["x", "y", "z"]}, min_count=5)[0].vocabulary == ("x", "y", "z")


def test_another_value_in_every_row_says_nothing():
    names = [f"name {i}" for i in range(60)]
    schema, notes = fit({"name": names, "x": list(range(60))}, min_count=5)
    assert schema.sources == ("x",)
    assert notes == ["name: another value in every row, dropped; name it in `categorical` to keep its values"]
    schema, notes = fit({"name": [*names, None]}, min_count=5)
    assert schema.fields == (CategoricalField("name", "name", ()),)
    assert schema.encode({"name": ["who", None, "name 1"]}).codes.ravel().tolist() == [1, 0, 1]
    assert "only the missing ones" in notes[0]
    assert len(fields({"name": names}, min_count=5, categorical=["name"])[0].vocabulary) == 60


def test_too_many_values_are_hashed():
    ids = [f"user {i // 2}" for i in range(100)]
    schema, notes = fit({"id": ids}, max_categories=49, hash_buckets=16)
    assert schema.fields == (HashedField("id", "id", 16),)
    assert notes == ["id: 50 distinct values, hashed into 16 buckets"]
    assert fields({"id": ids}, max_categories=50)[0].kind == "categorical"
    assert fields({"id": ids}, max_categories=49, categorical=("id",)) == (HashedField("id", "id", 4096),)


@pytest.mark.parametrize(
    ("values", "note"),
    [
        ([5, 5, 5], "a: constant (5), dropped"),
        (["x", "x", "x"], "a: constant (x), dropped"),
        ([True, True, True], "a: constant (True), dropped"),
        ([None, None, None], "a: all values missing, dropped"),
        (["", " ", None], "a: all values missing, dropped"),
        ([dt.date(2020, 1, 1)] * 3, "a: dates all equal, dropped"),
        (["2020-01-01"] * 3, "a: dates all equal, dropped"),
    ],
)
def test_columns_that_say_nothing_are_dropped_and_noted(values, note):
    schema, notes = fit({"a": values, "b": [1, 2, 3]})
    assert schema.sources == ("b",)
    assert schema.columns == ("a", "b")
    assert note in notes
    with pytest.raises(DataError, match="no column is usable: a: "):
        fit({"a": values})


def test_whether_a_constant_is_missing_is_kept():
    schema, _ = fit({"n": [5, None, 5], "c": ["x", None, "x"], "d": [dt.date(2020, 1, 1), None, dt.date(2020, 1, 1)]})
    assert schema.names == ("n", "c", "d:elapsed_days")
    encoded = schema.encode({"n": [5, None, 6], "c": ["x", None, "y"], "d": ["2020-01-01", None, "2021-01-01"]})
    assert encoded.codes.tolist() == [[1, 2, 1], [0, 0, 0], [1, 1, 1]]
    assert encoded.fractions[:, 0].tolist() == [0.0, 0.0, 1.0]


def test_a_part_of_a_date_does_not_take_the_name_of_a_column():
    """Names tell fields apart: in the counts of open dimensions, and in the table that a teacher sees."""
    days = [dt.date(2020 + i % 2, 1 + i % 3, 1) for i in range(6)]
    schema, _ = fit({"d": days, "d:year": range(6), "d::month": list("abcabc"), "e": days})
    assert len(set(schema.names)) == len(schema.names)
    assert {"d:year", "d:::year", "e:year"} <= set(schema.names)


def test_columns_may_be_forced_to_be_categories():
    schema, _ = fit({"zip": [123, 45, 123], 7: [1.5, 2.0, 1.5]}, categorical=["zip", 7])
    assert [f.vocabulary for f in schema.fields] == [("123", "45"), ("1.5", "2")]
    days = [dt.date(2020, 1, 1), dt.date(2020, 1, 2), None]
    for values in (days, pl.Series(days), pd.Series(days, dtype="datetime64[ns]"), ["2020-01-01", "2020-01-02", ""]):
        assert fields({"d": values}, categorical=["d"])[0].vocabulary == ("2020-01-01", "2020-01-02")
    waits = [dt.timedelta(seconds=90), None, dt.timedelta(seconds=30)]
    for values in (waits, pl.Series(waits), pa.array(waits)):
        assert fields({"d": values}, categorical=["d"])[0].vocabulary == ("30", "90")
    with pytest.raises(DataError, match=r"categorical names columns that the table lacks: \['town'\]"):
        fit({"city": ["a", "b"]}, categorical=["town"])


def test_mixed_types_are_text_and_noted():
    schema, notes = fit({"a": [1, "x", 2.5, True, None, dt.date(2020, 1, 1)]})
    assert schema.fields[0].vocabulary == ("1", "2.5", "2020-01-01", "True", "x")
    assert notes[0] == "a: values of several types, read as text"


def test_text_of_dates_and_of_numbers():
    schema, notes = fit(
        {"a": ["2020-01-01", "", "2020-02-03T04:05"], "b": ["1", "2.5", None], "c": ["20200101", "x", ""]}
    )
    assert {f.source: f.kind for f in schema.fields} == {"a": "numeric", "b": "categorical", "c": "categorical"}
    assert "a: text in ISO date format, read as dates" in notes
    assert "b: text that reads as numbers, kept as categories; convert it if it is a quantity" in notes
    for bad in ("2020-13-01", "2020-01-01 or so", "20-1-2020 10:00"):
        assert fields({"a": ["2020-01-01", bad]})[0].kind == "categorical"
    unused = pd.Categorical(["2020-01-01", "2020-01-02"], categories=["2020-01-01", "2020-01-02", "n/a"])
    assert fields(pd.DataFrame({"a": unused}))[0].part == "day"


def test_infinite_numbers():
    with pytest.raises(DataError, match="'a': 2 infinite values"):
        fit({"a": [1.0, np.inf, -np.inf, 2.0]})
    schema, notes = fit({"a": [1.0, np.inf, -np.inf, 2.0]}, infinite="missing")
    assert notes == ["a: 2 infinite values, read as missing"]
    assert schema.encode({"a": [np.inf, 1.0]}).codes.ravel().tolist() == [0, 1]
    with pytest.raises(DataError, match="all values missing"):
        fit({"a": [np.inf, np.inf]}, infinite="missing")


def test_bins_follow_the_target_or_the_quantiles():
    x = np.arange(200.0)
    y = (x > 150).astype(np.int64)
    tree, _ = SchemaFitter().fit({"x": x}, y)
    assert tree.fields[0].edges == (0.0, 150.5, 199.0)
    quantile, _ = SchemaFitter(bins="quantile", max_bins=4).fit({"x": x}, y)
    assert quantile.fields[0].edges == (0.0, 49.5, 99.5, 149.5, 199.0)


def test_only_the_given_rows_are_seen():
    frame = pd.DataFrame({"c": pd.Categorical(["a", "b", "c"] * 4), "x": [1.0, 2.0, 900.0] * 4})
    train = frame[frame["x"] < 100]
    schema, _ = fit(train)
    assert schema.fields[0].vocabulary == ("a", "b")
    assert schema.fields[1].edges[-1] == 2.0


def test_two_thousand_columns():
    wide = pd.DataFrame(np.random.default_rng(0).integers(0, 9, (20, 2000)))
    schema, _ = fit(wide, bins="quantile")
    assert len(schema.fields) == 2000
    assert schema.encode(wide).codes.shape == (20, 2000)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bins": "equal"}, "bins='equal': choose"),
        ({"infinite": "drop"}, "infinite='drop': choose"),
        ({"max_bins": 1}, "max_bins=1: a whole number, at least 2"),
        ({"max_bins": 2.5}, r"max_bins=2\.5: a whole number"),
        ({"min_bin_rows": 0}, "min_bin_rows=0"),
        ({"min_count": "5"}, "min_count='5'"),
        ({"max_categories": None}, "max_categories=None"),
        ({"hash_buckets": 1}, "hash_buckets=1"),
        ({"categorical": "zip"}, "categorical='zip': give a list"),
    ],
)
def test_arguments_out_of_range(options, message):
    with pytest.raises(ParameterError, match=message):
        SchemaFitter(**options)


@pytest.mark.parametrize("table", [{"a": []}, pd.DataFrame({"a": []}), pl.DataFrame({"a": []}), pa.table({"a": []})])
def test_an_empty_table(table):
    with pytest.raises(DataError, match="the table has no rows"):
        SchemaFitter().fit(table, np.zeros(0, dtype=np.int64))
