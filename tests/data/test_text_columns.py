"""Which columns are text, how texts come in, and what becomes of strange ones."""

import json

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from l0gm.data.fitting import NgramReader, SchemaFitter
from l0gm.data.frames import Table
from l0gm.data.probes import probe_rows
from l0gm.data.schema import CategoricalField, Schema
from l0gm.data.texts import NgramField
from l0gm.errors import ArtifactError, DataError, ParameterError

RNG = np.random.default_rng(3)
SENTENCES = [" ".join(RNG.choice(["one", "two", "three", "four", "five", "six"], 8)) for _ in range(60)]
LABELS = np.arange(60) % 2


def fitted(data, **options):
    return SchemaFitter(**options).fit(data, LABELS[: len(Table(data))])


def test_sentences_are_text_and_short_or_repeated_values_are_not():
    table = {
        "review": SENTENCES,
        "city": ["Oslo", "Rome"] * 30,
        "motto": ["a phrase of five words", "another phrase of five words"] * 30,
        "code": [f"{i:08x}-{i:04x}" for i in range(60)],
    }
    schema, notes = fitted(table)
    assert [f.source for f in schema.texts] == ["review"]
    assert {f.source for f in schema.fields} == {"city", "motto"}
    assert any(note.startswith("review: text, ") for note in notes)


def test_what_is_text_can_be_said():
    table = {"review": SENTENCES, "city": ["Oslo east", "Rome west"] * 30}
    schema, _ = fitted(table, categorical=["review"], text=["city"], min_count=1)
    assert isinstance(schema.fields[0], CategoricalField)
    assert [f.source for f in schema.texts] == ["city"]
    with pytest.raises(ParameterError, match=r"categorical and text both name \['city'\]"):
        SchemaFitter(categorical=["city"], text=["city"])
    with pytest.raises(DataError, match="text names columns that the table lacks"):
        fitted(table, text=["town"])
    with pytest.raises(ParameterError, match="give a list"):
        SchemaFitter(text="city")


def test_numbers_can_be_read_as_text():
    schema, _ = fitted({"x": [float(i % 7) for i in range(60)]}, text=["x"])
    assert schema.texts[0].vocabulary.tokens == ("0", "1", "2", "3", "4", "5", "6")


FORMS = {
    "list": list,
    "tuple": tuple,
    "array": lambda texts: np.array(texts, dtype=object),
    "array of unicode": np.array,
    "pandas series": lambda texts: pd.Series(texts, index=range(7, 7 + len(texts))),
    "pandas object series": lambda texts: pd.Series(texts, dtype=object),
    "pandas category": lambda texts: pd.Series(texts, dtype="category"),
    "polars series": pl.Series,
    "arrow array": pa.array,
    "chunked": lambda texts: pa.chunked_array([texts[:9], texts[9:]]),
    "frame": lambda texts: pd.DataFrame({"text": texts}),
}


@pytest.mark.parametrize("form", FORMS)
def test_texts_without_a_table(form):
    schema, _ = fitted(SENTENCES)
    assert schema.columns == ("text",)
    expected, found = schema.encode(SENTENCES).texts[0], schema.encode(FORMS[form](SENTENCES)).texts[0]
    np.testing.assert_array_equal(found.ids, expected.ids)


def test_texts_alone_are_the_one_column_whatever_its_name():
    schema, _ = fitted(pd.Series(SENTENCES, name="review"))
    assert schema.columns == ("review",)
    assert len(schema.encode(["one two", None])) == 2
    mixed, _ = fitted({"review": SENTENCES, "x": np.arange(60.0)})
    with pytest.raises(DataError, match="columns 'x', 'review' missing"):
        mixed.encode(SENTENCES)


def test_missing_texts_in_every_spelling():
    schema, _ = fitted(SENTENCES, missing_values=["unknown"])
    strange = [None, "", "  \n", float("nan"), pd.NA, np.nan, "unknown", "\u2026", "zzz"]
    read = schema.encode({"text": strange}).texts[0]
    assert schema.texts[0].is_empty(read).all()
    assert read.lengths.tolist() == [1] * len(strange)


def test_a_column_of_nothing_in_common_is_dropped_by_name():
    unique = [" ".join(f"{chr(97 + k)}{i}" for k in range(6)) for i in range(60)]
    with pytest.raises(DataError, match=r"no column is usable: text: text, no n-gram of which is in 2 rows"):
        fitted(unique)


def test_a_schema_with_texts_is_written_and_read():
    schema, _ = fitted({"review": SENTENCES, "city": ["Oslo", "Rome"] * 30}, reader=NgramReader(tail=0.25))
    form, arrays = schema.to_dict(), schema.arrays()
    again = Schema.from_dict(json.loads(json.dumps(form)), arrays)
    assert again == schema
    assert again.texts[0].tail == 0.25
    for broken in (
        {**form, "texts": [{**form["texts"][0], "kind": "x"}]},
        {**form, "texts": [{**form["texts"][0], "tokens": "abc"}]},
        {**form, "texts": [{**form["texts"][0], "tail": 2.0}]},
        {**form, "texts": [{**form["texts"][0], "name": 3}]},
        {**form, "texts": 3},
    ):
        with pytest.raises(ArtifactError):
            Schema.from_dict(broken, arrays)
    with pytest.raises(ArtifactError):
        Schema.from_dict(form, {})


def test_restricting_leaves_texts_out():
    schema, _ = fitted({"review": SENTENCES, "city": ["Oslo", "Rome"] * 30})
    assert schema.restrict([0]).sources == ("city",)
    assert schema.restrict([], [0]).sources == ("review",)
    rows = schema.encode({"city": ["Oslo"]}, keep=[0], keep_texts=[])
    assert len(rows.texts[0]) == 1


def test_probes_are_texts_of_the_vocabulary_and_of_other_things():
    schema, _ = fitted(SENTENCES)
    column = probe_rows(schema, 512, 1)["text"]
    read = schema.encode({"text": column}).texts[0]
    assert len(np.unique(read.ids)) > 0.9 * schema.texts[0].n_rows
    assert schema.texts[0].is_empty(read).sum() > 20
    np.testing.assert_array_equal(column, probe_rows(schema, 512, 1)["text"])
    assert isinstance(schema.texts[0], NgramField)
