import datetime as dt
import subprocess
import sys
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from tables import MISSING, columns, spellings, texts

from l0gm.data.frames import Table
from l0gm.errors import DataError

FORMS = list(spellings(columns(4)))


@pytest.mark.parametrize("form", FORMS)
def test_every_library_gives_the_same_columns(form):
    table = columns()
    reference, other = Table(table), Table(spellings(table)[form])
    assert other.names == list(table)
    assert len(other) == other.n_rows == reference.n_rows
    for name in table:
        assert other.kind(name) == reference.kind(name)
        assert texts(other, name) == texts(reference, name)
    for name in ("count", "ratio", "member", "stay"):
        np.testing.assert_array_equal(other.numbers(name), reference.numbers(name))
    for name in ("born", "seen"):
        assert other.times(name).dtype == "datetime64[us]"
        np.testing.assert_array_equal(other.times(name), reference.times(name))


@pytest.mark.parametrize("form", FORMS)
def test_selected_rows_are_those_rows(form):
    table = columns()
    rows = np.array([5, 0, 0, 31], dtype=np.int64)
    whole, part = Table(spellings(table)[form]), Table(spellings(table)[form]).select(rows)
    assert len(part) == 4
    for name in table:
        assert texts(part, name) == [texts(whole, name)[i] for i in rows]
    np.testing.assert_array_equal(part.numbers("ratio"), whole.numbers("ratio")[rows])
    np.testing.assert_array_equal(part.times("born"), whole.times("born")[rows])
    assert len(part.select(np.empty(0, dtype=np.int64))) == 0


@pytest.mark.parametrize("form", FORMS)
def test_no_rows_are_no_trouble(form):
    if form == "list of dicts":
        with pytest.raises(DataError, match="list is no table"):
            Table([])
        return
    table = Table(spellings(columns(4))[form])
    none = table.select(np.empty(0, dtype=np.int64))
    for name in table.names:
        assert none.factorize(name)[1] == []
        assert none.numbers(name).shape == none.times(name).shape == (0,)


def test_kinds_of_untyped_columns_are_those_of_their_values():
    table = Table(
        {
            "text": ["a", None, ""],
            "numbers": [1, 2.5, Decimal("3")],
            "booleans": [True, None, np.False_],
            "times": [dt.date(2020, 1, 1), dt.datetime(2020, 1, 1), np.datetime64("2020")],
            "durations": [dt.timedelta(1), None, np.timedelta64(1, "s")],
            "mixed": ["a", 1, None],
            "truth and number": [True, 1, None],
            "nothing": [None, float("nan"), " "],
            "clock": [dt.time(1), None, None],
        }
    )
    assert {name: table.kind(name) for name in table.names} == {
        "text": "text",
        "numbers": "number",
        "booleans": "boolean",
        "times": "time",
        "durations": "duration",
        "mixed": "object",
        "truth and number": "object",
        "nothing": "number",
        "clock": "text",
    }


def test_a_kind_shows_beyond_the_first_rows_of_an_object_column():
    frame = pd.DataFrame({"a": pd.Series(["x"] * 500 + [1], dtype=object)})
    assert Table(frame).kind("a") == "object"
    assert texts(Table(frame), "a")[-2:] == ["x", "1"]


def test_equal_values_of_different_types_are_told_apart():
    values = [1, True, 1.0, "1", Decimal(1), False, 0, 0.0, -0.0, "0"]
    expected = ["1", "True", "1", "1", "1", "False", "0", "0", "0", "0"]
    assert texts(Table({"a": values}), "a") == expected
    assert texts(Table(pd.DataFrame({"a": pd.Series(values, dtype=object)})), "a") == expected


@pytest.mark.parametrize("missing", [value for value in MISSING if str(value) != "sNaN"], ids=repr)
def test_missing_values_of_every_spelling_in_an_object_column(missing):
    frame = Table(pd.DataFrame({"a": pd.Series(["x", missing, "y"], dtype=object)}))
    assert texts(frame, "a") == ["x", None, "y"]
    frame = Table(pd.DataFrame({"a": pd.Series([1, missing, 2.5], dtype=object)}))
    np.testing.assert_array_equal(frame.numbers("a"), [1.0, np.nan, 2.5])
    assert frame.kind("a") == "number"


def test_blank_texts_are_missing_in_every_library():
    values = ["x", "", "  ", None]
    for data in (
        {"a": values},
        pd.DataFrame({"a": values}),
        pd.DataFrame({"a": values}, dtype="string[python]"),
        pd.DataFrame({"a": values}, dtype="category"),
        pl.DataFrame({"a": values}),
        pl.DataFrame({"a": values}, schema={"a": pl.Categorical}),
        pa.table({"a": values}),
        pa.table({"a": pa.array(values).dictionary_encode()}),
    ):
        assert texts(Table(data), "a") == ["x", None, None, None]


def test_columns_without_any_value():
    for data in (
        {"a": [None, None]},
        pd.DataFrame({"a": [None, None]}),
        pd.DataFrame({"a": [np.nan, np.nan]}),
        pd.DataFrame({"a": pd.array([None, None], dtype=pd.ArrowDtype(pa.null()))}),
        pl.DataFrame({"a": [None, None]}),
        pl.DataFrame({"a": [None, None]}, schema={"a": pl.Categorical}),
        pa.table({"a": pa.nulls(2)}),
    ):
        table = Table(data)
        assert texts(table, "a") == [None, None]
        assert np.isnan(table.numbers("a")).all()
        assert np.isnat(table.times("a")).all()


def test_names_become_text():
    frame = pd.DataFrame([[1, "x"]], columns=[0, 1])
    assert Table(frame).names == ["0", "1"]
    assert Table(frame).numbers("0") == 1.0
    levels = pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([("a", 1), ("a", 2)]))
    assert Table(levels).names == ["('a', 1)", "('a', 2)"]
    assert Table(levels).numbers("('a', 2)") == 2.0
    assert Table(np.eye(2)).names == ["x0", "x1"]
    assert Table([{"a": 1}, {"b": 2}]).names == ["a", "b"]
    assert "a" in Table([{"a": 1}, {"b": 2}])
    assert "c" not in Table([{"a": 1}, {"b": 2}])


def test_a_table_of_a_table_is_the_same():
    table = Table({"a": [1, 2]})
    again = Table(table)
    assert (again.names, len(again)) == (["a"], 2)
    assert again.numbers("a").tolist() == [1.0, 2.0]


def test_the_room_needs_neither_torch_nor_scikit_learn_nor_pandas():
    code = (
        "import sys, l0gm.data.schema, l0gm.data.probes, l0gm.data.labels\n"
        "loaded = {'torch', 'sklearn', 'pandas', 'polars', 'pyarrow'} & set(sys.modules)\n"
        "assert not loaded, loaded\n"
        "from l0gm.data.frames import Table\n"
        "assert Table({'a': ['x', None]}).factorize('a')[1] == ['x']\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
