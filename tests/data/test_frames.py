import datetime as dt
import subprocess
import sys
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from tables import columns, spellings

from l0gm.data.frames import Table, canonical, parse_number, parse_time
from l0gm.errors import DataError

FORMS = list(spellings(columns(4)))


def texts(table: Table, name: str) -> list[str | None]:
    """What factorize says about each row, in the spelling of categories."""
    codes, values = table.factorize(name)
    assert codes.dtype == np.int64
    assert set(codes) - {-1} == set(range(len(values)))
    return [None if code < 0 else canonical(values[code]) for code in codes]


# ---- one value -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1, "1"),
        (1.0, "1"),
        ("1", "1"),
        (np.int8(1), "1"),
        (np.float32(1), "1"),
        (Decimal("1.00"), "1"),
        (True, "True"),
        (np.True_, "True"),
        ("True", "True"),
        ("1.0", "1.0"),
        ("007", "007"),
        (-0.0, "0"),
        (0.1, "0.1"),
        (np.float32(0.1), "0.10000000149011612"),
        (2**53 + 1, "9007199254740993"),
        (float(10**16), "10000000000000000"),
        (10**16, "10000000000000000"),
        (Decimal(2**53 + 1), "9007199254740993"),
        (Decimal("0.1"), "0.1"),
        (Fraction(1, 4), "0.25"),
        (np.str_("a"), "a"),
        (b"a", "a"),
        (" a ", " a "),
        ("\U0001f600", "\U0001f600"),
        (dt.date(2020, 1, 2), "2020-01-02"),
        (dt.datetime(2020, 1, 2, 3, 4), "2020-01-02 03:04:00"),
        (pd.Timestamp("2020-01-02T03:04"), "2020-01-02 03:04:00"),
        (np.datetime64("2020-01-02T03:04", "m"), "2020-01-02 03:04:00"),
        (pd.Timestamp("2020-01-02T03:04", tz="Asia/Kolkata"), "2020-01-01 21:34:00"),
        (dt.datetime.min.replace(tzinfo=dt.timezone(dt.timedelta(hours=14))), "0000-12-31 10:00:00"),
        (dt.timedelta(minutes=1), "60"),
        (pd.Timedelta("1min"), "60"),
        (np.timedelta64(60, "s"), "60"),
        (dt.time(12, 30), "12:30:00"),
        (pd.Interval(0, 1), "(0, 1]"),
    ],
)
def test_a_category_has_one_spelling(value, expected):
    assert canonical(value) == expected
    assert type(canonical(value)) is str


MISSING = [None, float("nan"), np.nan, np.float32("nan"), pd.NA, pd.NaT, np.datetime64("NaT"), "", " ", "\t\n"]
MISSING += [np.timedelta64("NaT", "s"), Decimal("NaN"), Decimal("sNaN"), b""]


@pytest.mark.parametrize("value", MISSING, ids=repr)
def test_every_spelling_of_missing(value):
    assert canonical(value) is None
    assert np.isnan(parse_number(value))
    assert np.isnat(parse_time(value))


def test_numbers_too_long_to_print_are_still_categories():
    assert canonical(10**5000) == hex(10**5000)
    assert canonical(Decimal("1e999999")) == "inf"


@pytest.mark.parametrize(
    ("value", "expected"),
    [("3", 3.0), (" 3.5 ", 3.5), (Decimal("0.1"), 0.1), (True, 1.0), (dt.timedelta(0, 1, 5), 1.000005)],
)
def test_numbers_are_parsed(value, expected):
    assert parse_number(value) == expected


@pytest.mark.parametrize("value", ["abc", "1_000", "3,5", dt.date(2020, 1, 1), np.datetime64(5, "ns"), 1j, [1]])
def test_other_things_are_no_numbers(value):
    with pytest.raises((TypeError, ValueError)):
        parse_number(value)


def test_times_are_parsed_to_utc_and_microseconds():
    expected = np.datetime64("1969-12-31T22:30:00.000001", "us")
    for value in (
        "1969-12-31T22:30:00.000001",
        " 1969-12-31 22:30:00.000001 ",
        "1970-01-01T00:00:00.000001+01:30",
        dt.datetime(1969, 12, 31, 22, 30, 0, 1),
        pd.Timestamp("1970-01-01T00:00:00.000001", tz="Europe/Paris") - pd.Timedelta("30min"),
        pd.Timestamp("1969-12-31T22:30:00.000001999"),
        np.datetime64("1969-12-31T22:30:00.000001999", "ns"),
    ):
        assert parse_time(value) == expected
    assert parse_time(dt.date(1600, 2, 29)) == np.datetime64("1600-02-29", "us")


@pytest.mark.parametrize("value", [5, 2.5, True, "yesterday", dt.timedelta(1), dt.time(1)])
def test_other_things_are_no_times(value):
    with pytest.raises((TypeError, ValueError)):
        parse_time(value)


# ---- the same table, whatever its library ----------------------------------------------------------------------


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


# ---- numbers ---------------------------------------------------------------------------------------------------


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
    assert Table(pa.table({"x0": pa.array([1.5], pa.float16())})).numbers("x0") == 1.5
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


def test_dates_that_microseconds_cannot_hold():
    with pytest.raises(DataError, match="'when' holds dates beyond"):
        Table({"when": np.array(["400000-01-01"], dtype="datetime64[D]")}).times("when")
    assert Table({"when": np.array(["NaT", "9999"], dtype="datetime64[Y]")}).times("when")[1] == np.datetime64("9999")


# ---- what is no table ------------------------------------------------------------------------------------------


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
        ([[1, 2], [3, 4]], "list is no table"),
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

    with pytest.raises(DataError, match="'a' holds values that are no numbers, text or dates"):
        Table({"a": [Unhashable()]}).factorize("a")


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
