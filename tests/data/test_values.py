import datetime as dt
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from tables import MISSING

from l0gm.data.values import canonical, kind_of_value, parse_number, parse_time, seconds


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
        (dt.timedelta.max, "86400000000000"),
        (pd.Timedelta("1min"), "60"),
        (np.timedelta64(60, "s"), "60"),
        (dt.time(12, 30), "12:30:00"),
        (pd.Interval(0, 1), "(0, 1]"),
    ],
)
def test_a_category_has_one_spelling(value, expected):
    assert canonical(value) == expected
    assert type(canonical(value)) is str


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


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("3", "text"),
        (np.True_, "boolean"),
        (np.int8(1), "number"),
        (Decimal(1), "number"),
        (np.timedelta64(1, "s"), "duration"),
        (pd.Timedelta(1), "duration"),
        (pd.Timestamp(1), "time"),
        (dt.date(2020, 1, 1), "time"),
        (np.datetime64("2020"), "time"),
        (dt.time(1), "text"),
        (b"a", "text"),
    ],
)
def test_kinds_of_values(value, kind):
    assert kind_of_value(value) == kind


def test_durations_of_every_unit_are_the_same_seconds():
    for unit, count in (("ns", 1_500_000_999), ("us", 1_500_000), ("ms", 1500)):
        assert seconds(np.array([count, "NaT"], dtype=f"timedelta64[{unit}]"))[0] == 1.5
    assert np.isnan(seconds(np.array(["NaT"], dtype="timedelta64[s]"))).all()
    long = np.timedelta64(2**62 + 12345, "us")
    assert seconds(np.array([long]))[0] == parse_number(long) == parse_number(long.astype(object))
