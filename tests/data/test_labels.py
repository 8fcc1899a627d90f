import datetime as dt
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from l0gm.data.labels import encode_target
from l0gm.errors import DataError

WORDS = ["no", "yes", "no", "maybe"]
NUMBERS = [3, 1, 3, -2]
TRUTHS = [True, False, False, True]


def forms(values: list) -> list[object]:
    return [
        values,
        tuple(values),
        np.array(values),
        np.array(values, dtype=object),
        np.array(values)[:, None],
        pd.Series(values),
        pd.Series(values, dtype=object),
        pd.Series(values, dtype="category"),
        pd.Series(values).convert_dtypes(),
        pd.Series(values, index=[5, 5, 5, 5]),
        pd.Categorical(values),
        pd.Index(values),
        pd.DataFrame({"y": values}),
        pd.Series(pa.array(values), dtype=pd.ArrowDtype(pa.array(values).type)),
        pl.Series(values),
        pl.DataFrame({"y": values}),
        pa.array(values),
        pa.chunked_array([values[:2], values[2:]]),
        pa.array(values).dictionary_encode(),
        pa.table({"y": values}),
    ]


@pytest.mark.parametrize(
    ("values", "classes", "labels"),
    [
        (WORDS, ("maybe", "no", "yes"), [1, 2, 1, 0]),
        (NUMBERS, (-2, 1, 3), [2, 1, 2, 0]),
        (TRUTHS, (False, True), [1, 0, 0, 1]),
    ],
)
def test_labels_of_every_type_and_library(values, classes, labels):
    for y in forms(values):
        got, codes = encode_target(y, 4)
        assert got == classes
        assert [type(label) for label in got] == [type(classes[0])] * len(classes)
        assert codes.dtype == np.int64
        assert codes.tolist() == labels


def test_text_labels_in_types_of_their_own():
    for y in (
        pd.Series(WORDS, dtype="string[python]"),
        pd.Series(WORDS, dtype="string[pyarrow]"),
        pl.Series(WORDS, dtype=pl.Categorical),
        pl.Series(WORDS, dtype=pl.Enum(["yes", "no", "maybe", "never"])),
        pd.Categorical(WORDS, categories=["yes", "no", "maybe", "never"]),
        [np.str_(word) for word in WORDS],
    ):
        classes, codes = encode_target(y, 4)
        assert classes == ("maybe", "no", "yes")
        assert all(type(label) is str for label in classes)
        assert codes.tolist() == [1, 2, 1, 0]


def test_whole_numbers_of_any_type_are_the_same_labels():
    for y in (
        [1.0, 0.0, 1.0],
        np.array([1.0, 0.0, 1.0], dtype=np.float32),
        pd.Series([1.0, 0.0, 1.0], dtype="Float64"),
        pl.Series([1.0, 0.0, 1.0]),
        [1, 0.0, np.int8(1)],
        [Decimal("1.0"), Decimal(0), 1],
        [Fraction(1), 0, np.float64(1)],
        np.array([1, 0, 1], dtype=np.uint8),
    ):
        classes, codes = encode_target(y, 3)
        assert classes == (0, 1)
        assert [type(label) for label in classes] == [int, int]
        assert codes.tolist() == [1, 0, 1]
    assert encode_target([2**53, 2**53 + 1], 2)[0] == (2**53, 2**53 + 1)


def test_classes_are_in_ascending_order_and_labels_stay_as_they_are():
    assert encode_target([10, 9, -1], 3)[0] == (-1, 9, 10)
    assert encode_target(["10", "9", " a", "a"], 4)[0] == (" a", "10", "9", "a")


@pytest.mark.parametrize("missing", [None, float("nan"), pd.NA, pd.NaT, "", " "], ids=repr)
def test_missing_labels(missing):
    for y in (["a", missing, "b"], np.array(["a", missing, "b"], dtype=object), pd.Series(["a", missing, "b"])):
        with pytest.raises(DataError, match="missing in 1 of 3 rows: drop those rows"):
            encode_target(y, 3)


def test_missing_labels_of_typed_columns():
    for y in (
        [1, None, 0],
        [1.0, np.nan, 0.0],
        pd.Series([1, None, 0], dtype="Int64"),
        pd.Series(["a", None, "b"], dtype="category"),
        pl.Series([1, None, 0]),
        pl.Series([1.0, float("nan"), 0.0]),
        pa.array(["a", None, "b"]),
    ):
        with pytest.raises(DataError, match="missing in 1 of 3 rows"):
            encode_target(y, 3)


@pytest.mark.parametrize(
    ("y", "n_rows", "message"),
    [
        ([0, 1], 3, "2 labels for 3 rows"),
        ([], 0, "the table has no rows"),
        (["a", "a"], 2, r"one class only \('a'\)"),
        (pd.Categorical(["a", "a"], categories=["a", "b"]), 2, "one class only"),
        ([0.5, 1.5], 2, "Unknown label type: continuous"),
        ([0.0, 0.5], 2, "continuous.*0.5"),
        ([0.0, np.inf], 2, "continuous.*inf"),
        (np.arange(2000), 2000, "2000 distinct values, more than 1000: is it a quantity"),
        (["a", 1], 2, "mixes int and str"),
        (["1", 1], 2, "mixes int and str"),
        ([True, 1, 0], 3, "mixes bool and int"),
        ([True, "True"], 2, "mixes bool and str"),
        ([dt.date(2020, 1, 1), dt.date(2021, 1, 1)], 2, "labels of type date"),
        (np.array(["2020", "2021"], dtype="datetime64[D]"), 2, "labels of type datetime64"),
        ([b"a", b"b"], 2, "labels of type bytes"),
        ([np.timedelta64(1, "s"), np.timedelta64(2, "s")], 2, "labels of type timedelta64"),
        ([["a"], ["b"]], 2, "'target' holds values of type list"),
        ([1j, 0], 2, "'target' holds values of type complex"),
        (np.zeros((3, 2)), 3, r"shape \(3, 2\)"),
        (pd.DataFrame({"a": [0, 1], "b": [0, 1]}), 2, r"shape \(2, 2\)"),
        (np.array(1), 1, r"shape \(\)"),
        ("abc", 3, "give a list"),
        (5, 3, "give a list"),
        ({0, 1}, 2, "give a list"),
        (None, 2, "requires y to be passed, but the target y is None"),
    ],
)
def test_targets_that_cannot_be_used(y, n_rows, message):
    with pytest.raises(DataError, match=message):
        encode_target(y, n_rows)


@settings(deadline=None)
@given(
    st.one_of(
        st.lists(st.integers(), min_size=2, unique=True),
        st.lists(st.text(min_size=1).filter(str.strip), min_size=2, unique=True),
        st.just([True, False]),
    ),
    st.randoms(use_true_random=False),
)
def test_labels_come_back(classes, random):
    y = [*classes, *random.choices(classes, k=20)]
    random.shuffle(y)
    found, codes = encode_target(y, len(y))
    assert list(found) == sorted(classes)
    assert [found[code] for code in codes] == y
