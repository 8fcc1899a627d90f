"""Every way in gives the same answer: a table, arrays, one row as a dict."""

import datetime
import math
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from l0gm.data.probes import probe_rows
from l0gm.data.schema import CategoricalField, NumericField, Schema
from l0gm.errors import DataError, ParameterError
from l0gm.runtime import folded, predictor
from l0gm.testing.sound import SCHEMA, sound_model, sound_models

PLAIN = Schema(tuple(f for f in SCHEMA.fields if getattr(f, "part", None) is None), SCHEMA.columns)
ROW = {"age": 41, "job": "nurse", "account": "a-17", "gain": 0.2, "member": "True", "seen": "2024-02-03"}


@pytest.fixture(params=["folded", "unfolded"])
def any_model(request, monkeypatch):
    """A model of fields without dates, with the kernel and without it."""
    if request.param == "unfolded":
        monkeypatch.setattr(folded, "native", None)
        monkeypatch.setattr(predictor, "native", None)
    model = sound_model(cin=(3,), schema=PLAIN)
    assert request.param == "folded" or model.predictor.folded is None
    return model


def test_arrays_are_answered_as_the_table_that_they_were_read_from():
    for model in sound_models():
        table = pd.DataFrame(probe_rows(model.schema, 70, 3))
        columns = model.read(table)
        if model.schema.texts:
            with pytest.raises(ParameterError, match="no texts"):
                model.predict_arrays(columns.numbers, columns.codes)
            continue
        for calibrated in (False, True):
            expected = model.predict_proba(table, calibrated=calibrated)
            got = model.predict_arrays(columns.numbers, columns.codes, calibrated=calibrated, threads=2)
            np.testing.assert_array_equal(got, expected)


def test_arrays_of_other_types(any_model):
    columns = any_model.read(probe_rows(PLAIN, 20, 1))
    expected = any_model.predict_arrays(columns.numbers, columns.codes)
    got = any_model.predict_arrays(columns.numbers.tolist(), columns.codes.astype(np.int8))
    np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x, c: (x[:, :1], c), r"numbers has shape \(20, 1\).*age, gain"),
        (lambda x, c: (x, c[:, 0]), r"codes has shape \(20,\).*job, account, member"),
        (lambda x, c: (x, c.astype(float)), "codes has shape .* of float64"),
        (lambda x, c: (x.astype(str), c), "numbers has shape"),
        (lambda x, c: (x[:5], c), "numbers has 5 rows and codes 20"),
        (lambda x, c: (x, np.where(c == c.max(), 40, c)), "no row of its field's table"),
        (lambda x, c: (x, c - 5), "no row of its field's table"),
        (lambda x, c: (np.where(x > 0, np.inf, x), c), "infinite"),
    ],
)
def test_arrays_that_do_not_fit(any_model, change, message):
    columns = any_model.read(probe_rows(PLAIN, 20, 1))
    with pytest.raises(ParameterError, match=message):
        any_model.predict_arrays(*change(np.array(columns.numbers), np.array(columns.codes)))


def test_threads_are_a_number(any_model):
    columns = any_model.read(probe_rows(PLAIN, 20, 1))
    for threads in (0, -1, 1.5, True):
        with pytest.raises(ParameterError, match="threads"):
            any_model.predict_arrays(columns.numbers, columns.codes, threads=threads)
        with pytest.raises(ParameterError, match="threads"):
            any_model.predict_proba([ROW], threads=threads)


MESSY = {
    "age": [None, math.nan, np.float64(30.5), np.int64(18), " 44 ", "n/a", True, Decimal("30.5"), 10**400, -0.0, 1e308],
    "job": [None, math.nan, "", "  ", "größe", "never seen", 7, b"nurse", True, np.str_("clerk"), "nurse "],
    "account": [None, 17, 17.0, "17", "x" * 300, "\udcff", math.nan],
    "gain": [np.inf, -np.inf, None, "0.1", np.float32(0.3), 0.1 + 0.2, datetime.timedelta(seconds=1)],
    "member": [True, False, 1, 0, "true", "FALSE", 1.0, "yes", None, np.bool_(True)],
}


def outcome(predict):
    """What comes of it: probabilities, or what it complains of."""
    try:
        return predict()
    except DataError as error:
        return str(error)


@pytest.mark.parametrize("column", MESSY)
def test_one_row_is_answered_as_a_table_of_one_row(any_model, column):
    for value in MESSY[column]:
        row = {**ROW, column: value}
        expected = outcome(lambda row=row: any_model.predict_proba([row])[0])
        got = outcome(lambda row=row: any_model.predict_one(row))
        np.testing.assert_array_equal(got, expected)


def test_one_row_of_every_model():
    for model in sound_models():
        table = pd.DataFrame(probe_rows(model.schema, 12, 2)).astype(object)
        for row in table.to_dict("records"):
            got = model.predict_one(row)
            np.testing.assert_array_equal(got, model.predict_proba([row])[0])
            assert got.shape == (len(model.classes_),)


def test_one_row_may_be_any_mapping(any_model):
    class Row(dict):
        pass

    np.testing.assert_array_equal(any_model.predict_one(Row(ROW)), any_model.predict_one(ROW))


def test_one_row_that_lacks_a_column(any_model):
    with pytest.raises(DataError, match="column 'job' missing"):
        any_model.predict_one({name: value for name, value in ROW.items() if name != "job"})


def test_values_that_fit_was_told_are_missing():
    schema = Schema(
        (
            NumericField("x", "x", (0.0, 1.0, 2.0), missing=("999",)),
            CategoricalField("c", "c", ("a", "none"), missing=("none",)),
        ),
        ("x", "c"),
    )
    model = sound_model_of(schema)
    for row in ({"x": 999, "c": "a"}, {"x": 1.5, "c": "none"}, {"x": 999.0, "c": None}):
        np.testing.assert_array_equal(model.predict_one(row), model.predict_proba([row])[0])
    table = pd.DataFrame({"x": [1.0, 1.0], "c": pd.Series(["none", None], dtype=object)})
    assert len(np.unique(model.predict_proba(table)[:, 1])) == 1


def sound_model_of(schema):
    from l0gm.runtime import Certificate, CompactModel
    from l0gm.runtime.tabular import FieldArrays, TabularProgram

    rng = np.random.default_rng(0)

    def table(field):
        rows = rng.normal(size=(field.n_rows, 1)).astype(np.float32)
        return FieldArrays(rows, rows if isinstance(field, NumericField) else None)

    none = np.zeros(0, np.int32)
    fields = tuple(map(table, schema.fields))
    program = TabularProgram(fields, none, np.zeros(len(fields), np.int32), np.zeros(1, np.float32), linear=True)
    answers = np.zeros((1, 2), np.float32)
    return CompactModel(
        schema=schema, program=program, classes_=("no", "yes"), certificate=Certificate(1, 0, 1e-5, 0.0, answers)
    )
