"""Texts that stand for missing numbers and dates, and values that the user says are missing."""

import datetime as dt
import json

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from tables import assert_same, codes

from l0gm.data.fitting import SchemaFitter
from l0gm.data.frames import Table
from l0gm.data.schema import CategoricalField, HashedField, NumericField, Schema
from l0gm.data.values import MISSING_TEXTS, canonical, is_missing_text, parse_number, parse_time
from l0gm.errors import ArtifactError, DataError, ParameterError

AGE = NumericField("age", "age", (0.0, 1.0, 3.0), missing=("-999", "unknown"))


def fit(table, **options):
    rows = len(next(iter(table.values())))
    return SchemaFitter(**{"min_bin_rows": 1, "min_count": 1, **options}).fit(table, np.arange(rows) % 2)


# ---- texts that are missing among numbers and dates ----------------------------------------------------------


def test_they_hold_what_pandas_reads_so():
    """The default of pandas.read_csv, but for the empty text, which is missing everywhere."""
    from pandas._libs.parsers import STR_NA_VALUES

    assert {text.casefold() for text in STR_NA_VALUES} - {""} <= MISSING_TEXTS
    assert all(text == text.casefold().strip() for text in MISSING_TEXTS)


@pytest.mark.parametrize("text", [*sorted(MISSING_TEXTS), "NA", " n/a ", "Null"])
def test_they_are_missing_numbers_and_dates_and_categories_of_their_own(text):
    assert is_missing_text(text)
    assert np.isnan(parse_number(text))
    assert np.isnat(parse_time(text))
    assert canonical(text) == text
    assert codes(NumericField("a", "a", (0.0, 1.0)), ["1", text]) == [1, 0]
    assert codes(CategoricalField("a", "a", (text,)), ["1", text]) == [1, 2]


@pytest.mark.parametrize("value", ["0", "-1", "nano", "no", "- -", "?!", None, float("nan"), 0, b"NA"])
def test_other_values_are_none_of_them(value):
    assert not is_missing_text(value)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, "NA", 2.5], "number"),
        ([dt.date(2020, 1, 1), "?", None], "time"),
        ([dt.timedelta(1), "-"], "duration"),
        ([1, "NA", "x"], "object"),
        ([1, True, "NA"], "object"),
        ([True, "NA"], "object"),
        (["NA", "?"], "text"),
        (["x", "NA"], "text"),
    ],
)
def test_the_kind_of_a_column_is_that_of_its_other_values(values, kind):
    assert Table({"a": values}).kind("a") == kind
    assert Table(pd.DataFrame({"a": pd.Series(values, dtype=object)})).kind("a") == kind


def test_text_that_a_missing_number_made_is_numbers():
    plain, notes = fit({"a": [1.5, None, 2.5, 1.5]})
    assert notes == []
    told = ["a: text of numbers and of what stands for none, read as numbers"]
    read = ["a: '?' read as missing; name the column in `categorical` to keep it"]
    for values, expected in (
        ([1.5, "?", 2.5, 1.5], read),
        (["1.5", "?", "2.5", " 1.5"], told + read),
        (pl.Series(["1.5", "?", "2.5", "1.5"]), told + read),
        (pa.array(["1.5", "?", "2.5", "1.5"]), told + read),
    ):
        assert fit({"a": values}) == (plain, expected)


def test_text_of_numbers_alone_and_codes_stay_categories():
    note = "a: text that reads as numbers, kept as categories; convert it if it is a quantity"
    for values in (["1", "2", None], ["1", "2", "007", "NA"], ["00501", "?"]):
        schema, notes = fit({"a": values})
        assert isinstance(schema.fields[0], CategoricalField)
        assert note in notes
    assert isinstance(fit({"a": ["0", "0.5", "-0.5", "?"]})[0].fields[0], NumericField)


def test_dates_beside_missing_ones():
    schema, notes = fit({"a": ["2020-01-01", "n/a", "2020-03-05", "NaT"]})
    assert {f.part for f in schema.fields} == {"month", "day", "weekday", "elapsed_days"}
    assert "a: text in ISO date format, read as dates" in notes
    assert "a: 'NaT', 'n/a' read as missing; name the column in `categorical` to keep it" in notes
    expected = schema.encode({"a": ["2020-01-01", None, "2020-03-05", None]})
    assert_same(schema.encode({"a": ["2020-01-01", "n/a", "2020-03-05", "NaT"]}), expected)
    assert_same(schema.encode({"a": [dt.date(2020, 1, 1), "?", dt.date(2020, 3, 5), ""]}), expected)


def test_a_column_named_categorical_keeps_them():
    schema, notes = fit({"a": ["1", "?", "2"]}, categorical=["a"])
    assert schema.fields == (CategoricalField("a", "a", ("1", "2", "?")),)
    assert notes == []


# ---- values that are said to be missing ----------------------------------------------------------------------


def test_numbers_that_are_said_to_be_missing():
    for values in (
        [-999, 2, "unknown"],
        ["-999", "2", "unknown"],
        ["-999.0", 2.0, None],
        np.array([-999.0, 2.0, np.nan]),
        np.array([-999, 2, -999]),
        pl.Series([-999, 2, None]),
        pa.array([-999, 2, None], pa.float32()),
        pd.array([-999, 2, None], dtype="Int64"),
        pd.Categorical([-999, 2, "unknown"]),
    ):
        assert codes(AGE, values) == [0, 2, 0]
    with pytest.raises(DataError, match=r"'age': 'Unknown' .*is no number"):
        codes(AGE, ["Unknown"])


def test_dates_that_are_said_to_be_missing():
    when = NumericField("t:year", "t", (1900.0, 2020.0), part="year", missing=("1900-01-01", "never"))
    for values in (
        ["1900-01-01", "2020-05-05", "never"],
        [dt.date(1900, 1, 1), dt.date(2020, 5, 5), None],
        np.array(["1900-01-01", "2020-05-05", "NaT"], dtype="datetime64[s]"),
        pl.Series([dt.datetime(1900, 1, 1), dt.datetime(2020, 5, 5), None]),
    ):
        assert codes(when, values) == [0, 1, 0]
    assert codes(when, ["1900-01-02"]) == [1]


def test_categories_that_are_said_to_be_missing():
    for field in (
        CategoricalField("a", "a", ("x", "y"), ("3", "unknown")),
        HashedField("a", "a", 50, ("3", "unknown")),
    ):
        for values in (
            ["x", "unknown", "3"],
            ["x", None, 3],
            ["x", "unknown", 3.0],
            pd.Categorical(["x", "unknown", 3]),
        ):
            got = codes(field, values)
            assert (got[0] > 0, got[1:]) == (True, [0, 0])


def test_fit_counts_them_as_missing():
    table = {
        "n": [1, -999, 3, 2],
        "c": ["x", "none such", "y", "x"],
        "d": ["2020-01-01", "none such", "2021-02-03", ""],
    }
    nothing = {"n": [1, None, 3, 2], "c": ["x", None, "y", "x"], "d": ["2020-01-01", None, "2021-02-03", ""]}
    options = {"missing_values": [-999, "none such", "", " "]}
    schema, notes = fit(table, **options)
    assert fit(nothing, **options) == (schema, notes)
    assert {f.missing for f in schema.fields} == {("-999", "none such")}
    assert schema.fields[0].edges[0] == 1.0
    assert_same(schema.encode(table), schema.encode(nothing))
    without = fit(nothing)[0]
    assert_same(schema.encode(table), without.encode(nothing))


def test_a_number_that_is_said_to_be_missing_leaves_a_constant():
    schema, notes = fit({"a": [5, -1, 5], "b": [1, 2, 3]}, missing_values=[-1])
    assert schema.fields[0].edges[0] == 5.0
    assert notes == []
    assert fit({"a": [-1, -1, -1], "b": [1, 2, 3]}, missing_values=[-1.0])[1] == ["a: all values missing, dropped"]


def test_they_are_kept_with_the_schema():
    schema, _ = fit({"n": [1, -9, 3, 2], "c": ["x", "-9", "y", "x"]}, missing_values=["-9"])
    form = schema.to_dict()
    assert [entry["missing"] for entry in form["fields"]] == [["-9"], ["-9"]]
    again = Schema.from_dict(json.loads(json.dumps(form)))
    assert again == schema
    assert again.to_dict() == form
    assert all("missing" not in entry for entry in fit({"n": [1, 2]})[0].to_dict()["fields"])


@pytest.mark.parametrize("missing", [[], "x", [1], [None], None, 5])
def test_a_damaged_schema_is_refused(missing):
    entry = {"kind": "hashed", "name": "h", "source": "h", "buckets": 5, "missing": missing}
    data = {"fields": [entry], "columns": ["h"]}
    try:
        again = Schema.from_dict(data).to_dict()
    except ArtifactError:
        return
    assert again != data  # which the file's reader looks at


@pytest.mark.parametrize("given", ["unknown", 5, None, [None], [["a"]], [True], [b"x"]])
def test_arguments_that_cannot_be_used(given):
    with pytest.raises(ParameterError, match="missing_values"):
        SchemaFitter(missing_values=given)


# ---- whole numbers as categories -----------------------------------------------------------------------------


@pytest.mark.parametrize("values", [["501", "7", "-3"], ["501.0", "7.0", "-3.0"]])
def test_whole_numbers_are_the_same_categories_with_a_decimal_point(values):
    """As pandas writes a column that has missing values: 501.0 in the file, 501 in a table without them."""
    field = CategoricalField("zip", "zip", tuple(values))
    for spelled in ([501, 7, -3], [501.0, 7.0, -3.0], ["501", "7", "-3"], ["501.0", "7.0", "-3.0"]):
        assert codes(field, spelled) == [2, 3, 4]
    assert codes(field, ["0501", "501.00", "5e2", "501.5"]) == [1] * 4
    both = CategoricalField("version", "version", ("1", "1.0", "2"))
    assert codes(both, ["1", "1.0", "2.0", 1.0]) == [2, 3, 4, 2]
    assert codes(CategoricalField("c", "c", ("007", "a")), ["007", "007.0", 7, "a.0"]) == [2, 2, 1, 1]


# ---- the fields that are read --------------------------------------------------------------------------------


def test_fields_that_are_not_read_are_missing_and_their_columns_may_hold_anything():
    schema, _ = fit({"n": [1.0, 2.0, 3.0], "c": ["x", "y", "x"], "d": ["2020-01-01", "2020-02-02", ""]})
    whole = schema.encode({"n": [1.0, 2.0, 3.0], "c": ["x", "y", "x"], "d": ["2020-01-01", "2020-02-02", ""]})
    for table in ({"n": [1.0, 2.0, 3.0]}, {"n": [1.0, 2.0, 3.0], "c": [[1]] * 3, "d": ["soon"] * 3}):
        part = schema.encode(table, keep=[0])
        np.testing.assert_array_equal(part.codes[:, 0], whole.codes[:, 0])
        np.testing.assert_array_equal(part.fractions[:, 0], whole.fractions[:, 0])
        assert not part.codes[:, 1:].any()
        assert not part.fractions[:, 1:].any()
    assert not schema.encode({"other": [1, 2]}, keep=()).codes.any()
    with pytest.raises(DataError, match="column 'c' missing"):
        schema.encode({"n": [1.0]}, keep=[1, 0])
