import datetime as dt
import os
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tables import codes

from l0gm.data.schema import CategoricalField, HashedField, NumericField, Schema
from l0gm.data.values import TIME_PARTS, time_part
from l0gm.errors import DataError, ParameterError

CITY = CategoricalField("city", "city", ("Lima", "Oslo"))
AGE = NumericField("age", "age", (0.0, 1.0, 3.0))
EDGES = (-1.5, 0.0, 0.1, 7.0, 1e9)


def test_missing_unseen_and_known_values():
    values = ["Lima", "Oslo", "Rome", None, "", " ", float("nan"), pd.NA, "oslo", "Oslo "]
    assert codes(CITY, values) == [2, 3, 1, 0, 0, 0, 0, 0, 1, 1]
    assert CITY.n_rows == 4


def test_numbers_as_categories_whatever_their_type():
    field = CategoricalField("zip", "zip", ("12", "3", "9007199254740993"))
    for values in (
        [12, 3, None, 9007199254740993],
        ["12", "3", "", "9007199254740993"],
        pd.array([12, 3, None, 9007199254740993], dtype="Int64"),
        pl.Series([12, 3, None, 9007199254740993]),
        pa.array([12, 3, None, 9007199254740993]),
        pd.Categorical([12, 3, None, 9007199254740993]),
    ):
        assert codes(field, values) == [2, 3, 0, 4]
    assert codes(field, [12.0, 3.0, np.nan]) == codes(field, np.array([12.0, 3.0, np.nan], dtype=np.float32))
    assert codes(field, [12.0, 3.0, np.nan]) == [2, 3, 0]


def test_the_spellings_of_true_and_false():
    field = CategoricalField("b", "b", ("False", "True"))
    for values in (
        [True, False, None],
        ["True", "False", ""],
        ["true", "false", None],
        ["TRUE", "FALSE", None],
        ["1", "0", " "],
        ["1.0", "0.0", None],  # a csv file of ones and zeros beside missing ones
        [1, 0, None],
        [1.0, 0.0, np.nan],
        [np.True_, np.False_, None],
        pd.array([True, False, None], dtype="boolean"),
        pl.Series([True, False, None]),
        pa.array([True, False, None]),
        pd.Categorical([True, False, None]),
    ):
        assert codes(field, values) == [3, 2, 0]
    assert codes(field, ["yes", 2, "T"]) == [1, 1, 1]
    assert codes(CategoricalField("b", "b", ("True",)), [1, 0, False]) == [2, 1, 1]
    assert codes(CategoricalField("b", "b", ("1", "True")), [1, True, "true"]) == [2, 3, 1]


def test_long_strange_and_unpaired_texts():
    long = "x" * 2**20
    values = [long, "\U0001f9ee", "e\u0301", "\u00e9", "\u202eabc", "a\x00b", "\ud800"]
    field = CategoricalField("t", "t", tuple(values))
    assert codes(field, values) == list(range(2, 9))
    assert codes(field, [long + "y", "\ud801"]) == [1, 1]
    assert codes(field, pl.Series(values[:6])) == list(range(2, 8))
    hashed = HashedField("t", "t", 1000)
    assert all(1 <= code <= 1000 for code in codes(hashed, values))
    assert codes(hashed, pl.Series(values[:6])) == codes(hashed, values)[:6]


def test_ten_thousand_categories():
    words = [f"word {i}" for i in range(10_000)]
    field = CategoricalField("w", "w", tuple(words))
    for values in (words, pd.Categorical(words), pl.Series(words, dtype=pl.Categorical)):
        assert codes(field, values) == list(range(2, 10_002))
    assert codes(field, pd.Categorical(words)[7:8]) == [9]


def test_hashes_are_the_same_in_every_process():
    field = HashedField("id", "id", 4096)
    assert field.n_rows == 4097
    # the checksum's published test value: CRC-32 of 123456789 is cbf43926
    assert codes(field, ["123456789", 123456789, "", None]) == [1 + 0xCBF43926 % 4096] * 2 + [0, 0]
    assert codes(field, ["abc", "Zürich", 7, "7"]) == [451, 2367, 2691, 2691]
    program = (
        "from l0gm.data.schema import HashedField, Schema\n"
        "s = Schema((HashedField('id', 'id', 4096),), ('id',))\n"
        "print(s.encode({'id': ['abc', 'Z\\u00fcrich']}).codes.tolist())"
    )
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", program], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True
        )
        assert done.stdout.split() == b"[[451], [2367]]".split()


def test_values_on_an_edge_belong_to_the_bin_below():
    field = NumericField("x", "x", EDGES)
    below, above = (np.nextafter(EDGES, to) for to in (-np.inf, np.inf))
    assert field.n_bins == 4
    assert field.n_rows == 5
    assert codes(field, np.array(EDGES)) == [1, 1, 2, 3, 4]
    assert codes(field, below) == [1, 1, 2, 3, 4]
    assert codes(field, above) == [1, 2, 3, 4, 4]


@settings(deadline=None)
@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False, width=32), min_size=2, max_size=9, unique=True),
    st.lists(st.floats(allow_infinity=False), max_size=20),
)
@example([0.0, 5e-324], [0.0, 5e-324, 1e-323, -5e-324])
@example([-(2.0**1022), 0.0, 2.0**1022], [1.7e308, -1.7e308, 2.0**1022])
@example([1.7e9, 1.7e9 + 2**-22], [1.7e9, 1.7e9 + 2**-22, 1.7e9 + 2**-21])
def test_bins_follow_their_definition(edges, values):
    edges = sorted(edges)
    field = NumericField("x", "x", tuple(edges))
    got, fractions = field.bin(np.array(values, dtype=np.float64))
    for x, code, fraction in zip(values, got.tolist(), fractions.tolist(), strict=True):
        if np.isnan(x):
            assert (code, fraction) == (0, 0.0)
            continue
        b = sum(edge < x for edge in edges[1:-1])
        assert code == b + 1
        assert edges[b] < x or b == 0
        assert x <= edges[b + 1] or b == field.n_bins - 1
        assert 0.0 <= fraction <= 1.0
        if edges[b] <= x <= edges[b + 1]:
            low, high = Fraction(edges[b]), Fraction(edges[b + 1])
            np.testing.assert_allclose(fraction, float((Fraction(x) - low) / (high - low)), rtol=1e-6, atol=1e-12)
        else:
            assert fraction == float(x > edges[b])


def test_single_and_double_precision_are_decided_in_double():
    wide = float(np.float32(0.1))
    field = NumericField("x", "x", (0.0, 0.1, 1.0))
    assert wide > 0.1
    assert codes(field, [0.1, wide, np.float32(0.1), "0.1"]) == [1, 2, 2, 1]
    assert codes(field, np.array([0.1], dtype=np.float32)) == codes(field, pl.Series([0.1], dtype=pl.Float32)) == [2]


def test_whole_numbers_floats_texts_and_booleans_are_the_same_numbers():
    for values in ([0, 1, 3], [0.0, 1.0, 3.0], ["0", "1.0", " 3"], np.array([0, 1, 3], dtype=np.uint8)):
        assert codes(AGE, values) == [1, 1, 2]
    assert codes(AGE, pd.Categorical(["0", "3", None])) == [1, 2, 0]
    assert codes(AGE, [True, False]) == [1, 1]
    assert codes(AGE, [-0.0, 2**60, None]) == [1, 2, 0]
    with pytest.raises(DataError, match=r"'age': 'abc' .*is no number"):
        Schema((AGE,), ("age",)).encode({"age": ["1", "abc"]})


@pytest.mark.parametrize("value", [np.inf, -np.inf, "inf", "1e999", np.float32(np.inf)])
def test_infinite_values(value):
    with pytest.raises(DataError, match=r"'age': 1 infinite value; correct .*infinite='missing'"):
        codes(AGE, [1.0, value])
    with pytest.raises(DataError, match="infinite"):
        codes(AGE, pl.Series([1.0, float(value)]))
    lenient = NumericField("age", "age", (0.0, 1.0, 3.0), infinite="missing")
    assert codes(lenient, [1.0, value]) == [1, 0]
    assert codes(lenient, pd.array([1.0, float(value)], dtype="Float64")) == [1, 0]


@settings(deadline=None)
@given(st.lists(st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2250, 1, 1)), min_size=1, max_size=20))
@example([dt.datetime(1969, 12, 31, 23, 59, 59, 999999), dt.datetime(1970, 1, 1), dt.datetime(1900, 2, 28, 23)])
def test_parts_are_those_of_pandas(moments):
    series = pd.Series(moments, dtype="datetime64[us]")
    times = np.array(moments, dtype="datetime64[us]")
    accessors = {"year": "year", "month": "month", "day": "day", "weekday": "day_of_week", "hour": "hour"}
    for part, accessor in accessors.items():
        expected = getattr(series.dt, accessor).to_numpy()
        np.testing.assert_array_equal(time_part(times, part), expected.astype(np.float64))
    days = [(moment - dt.datetime(1970, 1, 1)) / dt.timedelta(days=1) for moment in moments]
    np.testing.assert_array_equal(time_part(times, "elapsed_days"), days)


def test_parts_of_missing_dates_are_missing_and_parts_are_checked():
    for part in TIME_PARTS:
        assert np.isnan(time_part(np.array(["NaT"], dtype="datetime64[us]"), part)).all()
    with pytest.raises(ParameterError, match="'minute' is no part of a date: choose one of year, month"):
        time_part(np.array(["NaT"], dtype="datetime64[us]"), "minute")


def test_dates_of_every_unit_and_zone():
    field = NumericField("t:hour", "t", (0.0, 5.5, 11.5, 17.5, 23.0), part="hour")
    naive = ["1969-12-31T23:30:00", "1970-01-01T00:00:00", "2024-02-29T12:00:00", None]
    expected = [4, 1, 3, 0]
    moments = [None if text is None else dt.datetime.fromisoformat(text) for text in naive]
    assert codes(field, naive) == codes(field, moments) == expected
    for unit in ("s", "ms", "us", "ns"):
        assert codes(field, np.array(naive, dtype=f"datetime64[{unit}]")) == expected
        assert codes(field, pd.Series(moments, dtype=f"datetime64[{unit}]")) == expected
        assert codes(field, pa.array(moments, pa.timestamp(unit))) == expected
        zoned = pa.array(moments, pa.timestamp(unit, "America/New_York"))
        assert codes(field, zoned) == codes(field, zoned.to_pandas()) == codes(field, pl.Series(zoned)) == expected
    local = [f"{text}+00:00" if text else "" for text in naive]
    assert codes(field, local) == codes(field, pl.Series(local)) == expected
    day = NumericField("t:day", "t", (0.0, 1.0, 28.0, 31.0), part="day")
    dates = [dt.date(1969, 12, 31), dt.date(1970, 1, 1), dt.date(2024, 2, 28), None]
    for values in (dates, pl.Series(dates), pa.array(dates), pa.array(dates, pa.date64()), list(map(str, dates[:3]))):
        assert codes(day, values)[:3] == [3, 1, 2]
    assert codes(day, pd.Series(dates, dtype=pd.ArrowDtype(pa.date32()))) == [3, 1, 2, 0]
    with pytest.raises(DataError, match=r"'t': 'soon' \(in 1 of 2 rows\) is no date"):
        codes(day, ["soon", "2020-01-01"])


def test_zones_with_a_fixed_offset_and_mixed_ones():
    field = NumericField("t:hour", "t", (0.0, 11.5, 23.0), part="hour")
    east, west = (dt.timezone(dt.timedelta(hours=h)) for h in (9, -9))
    moments = [dt.datetime(2020, 1, 1, 8, tzinfo=east), dt.datetime(2020, 1, 1, 8, tzinfo=west)]
    assert codes(field, moments) == [2, 2]
    assert codes(field, pd.Series(moments, dtype=object)) == [2, 2]
    assert codes(field, pd.Series(moments[:1])) == [2]
