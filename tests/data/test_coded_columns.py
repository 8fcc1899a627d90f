"""Categories become codes alike by the compiled lookup and without it, from every kind of column."""

import math

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from l0gm.data import columns, frames
from l0gm.data.frames import Table
from l0gm.data.schema import MISSING, UNSEEN, CategoricalField, HashedField, checksum
from l0gm.data.values import spellings
from l0gm.errors import DataError
from l0gm.native import native

FIELD = CategoricalField("c", "c", ("a", "größe", "7", "3.0", "none", "nan"), missing=("none",))
VALUES = ["a", None, "größe", "b", "7", 7, 7.0, "7.0", 3, "none", "", " ", math.nan, True, b"a", "nan", "a "]
CODES = [2, MISSING, 3, UNSEEN, 4, 4, 4, 4, 5, MISSING, MISSING, MISSING, MISSING, UNSEEN, 2, 7, UNSEEN]


@pytest.fixture(params=["compiled", "not compiled"], autouse=True)
def lookup(request, monkeypatch):
    if request.param == "not compiled":
        monkeypatch.setattr(frames, "native", None)
        monkeypatch.setattr(columns, "native", None)
    elif native is None:
        pytest.skip("l0gm was installed without a compiler")


def test_objects():
    column = np.fromiter(VALUES * 3, dtype=object)
    np.testing.assert_array_equal(FIELD.encode(Table({"c": column})), CODES * 3)
    wide = np.array([column, column]).T  # not contiguous
    np.testing.assert_array_equal(FIELD.encode(Table(pd.DataFrame(wide, columns=["b", "c"]))), CODES * 3)


def test_identifiers_are_hashed_alike():
    field = HashedField("c", "c", 977)
    values = [*VALUES, "größe", "\udcff", "\u2003", "\u2003x", "x" * 1000, "0", 0, -5, "été"]
    expected = [0 if text is None else 1 + checksum(text) % 977 for text in spellings(values)]
    column = np.fromiter(values, dtype=object)
    np.testing.assert_array_equal(field.encode(Table({"c": column})), expected)
    spelled = HashedField("c", "c", 977, missing=("a",)).encode(Table({"c": column}))
    assert spelled[0] == 0
    assert expected[0] > 0


TEXTS = ["a", None, "größe", "b", "7", "", "none", "a"]
TEXT_CODES = [2, MISSING, 3, UNSEEN, 4, MISSING, MISSING, 2]


@pytest.mark.parametrize(
    "make",
    [
        lambda x: pd.DataFrame({"c": pd.Series(x, dtype=object)}),
        lambda x: pd.DataFrame({"c": pd.Series(x, dtype="str")}),
        lambda x: pd.DataFrame({"c": pd.Series(x, dtype="category")}),
        lambda x: pd.DataFrame({"c": pd.Categorical(x, categories=["z", "b", "a", "größe", "7", "", "none", "y"])}),
        lambda x: pd.DataFrame({"c": pd.Series(x, dtype=pd.ArrowDtype(pa.string()))}),
        lambda x: pl.DataFrame({"c": x}),
        lambda x: pl.DataFrame({"c": pl.Series(x, dtype=pl.Categorical)}),
        lambda x: pa.table({"c": x}),
        lambda x: pa.table({"c": pa.array(x).dictionary_encode()}),
        lambda x: pa.table({"c": pa.chunked_array([x[:3], x[3:]])}),
        lambda x: {"c": x},
        lambda x: [{"c": value} for value in x],
    ],
)
def test_texts_of_every_library(make):
    np.testing.assert_array_equal(FIELD.encode(Table(make(TEXTS))), TEXT_CODES)
    assert FIELD.encode(Table(make(TEXTS))).dtype == np.int32


def test_a_column_that_knows_many_more_categories_than_it_has_rows():
    many = pd.Categorical.from_codes([99_999, -1, 5], categories=[f"c{i}" for i in range(99_999)] + ["a"])
    table = Table(pd.DataFrame({"c": many}))
    np.testing.assert_array_equal(FIELD.encode(table), [2, MISSING, UNSEEN])
    assert table.factorize("c")[1] == ["c5", "a"]
    np.testing.assert_array_equal(table.factorize("c")[0], [1, -1, 0])
    np.testing.assert_array_equal(FIELD.encode(Table(pd.DataFrame({"c": many[1:2]}))), [MISSING])
    np.testing.assert_array_equal(FIELD.encode(Table(pd.DataFrame({"c": many[:1]}))), [2])


def test_what_has_no_text_is_refused():
    for value in (["a"], {"a": 1}, object()):
        column = np.empty(3, dtype=object)
        column[:] = ["a", None, value]
        with pytest.raises(DataError, match="column 'c' holds values of type"):
            FIELD.encode(Table({"c": column}))


def test_no_rows():
    assert FIELD.encode(Table({"c": np.empty(0, dtype=object)})).shape == (0,)
    assert FIELD.encode(Table(pd.DataFrame({"c": pd.Categorical([])}))).shape == (0,)
