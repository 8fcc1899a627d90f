import json

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tables import assert_same, columns, csv, records, spellings

from l0gm.data.fitting import SchemaFitter
from l0gm.data.frames import Table
from l0gm.data.schema import CategoricalField, HashedField, NumericField, Schema
from l0gm.errors import ArtifactError, DataError

FORMS = list(spellings(columns(4)))
CITY = CategoricalField("city", "city", ("Lima", "Oslo"))
AGE = NumericField("age", "age", (0.0, 1.0, 3.0))


def fitted(table: dict[str, list]) -> Schema:
    y = np.arange(len(table["city"])) % 3 // 2
    return SchemaFitter(min_bin_rows=2, min_count=2).fit(table, y)[0]


@pytest.mark.parametrize("form", FORMS)
def test_every_library_is_encoded_alike(form):
    table = columns()
    schema = fitted(table)
    assert {f.source for f in schema.fields} == set(table)
    assert_same(schema.encode(spellings(table)[form]), schema.encode(table))


@pytest.mark.parametrize("form", FORMS)
def test_every_library_is_fitted_alike(form):
    table = columns()
    assert fitted(table).to_dict() == fitted_form(table, form).to_dict()


def fitted_form(table: dict[str, list], form: str) -> Schema:
    y = np.arange(len(table["city"])) % 3 // 2
    return SchemaFitter(min_bin_rows=2, min_count=2).fit(spellings(table)[form], y)[0]


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_a_trip_through_csv_changes_nothing(library):
    table = columns()
    del table["stay"]  # no library reads its own durations back
    schema = fitted(table)
    read = csv(table, library)
    assert_same(schema.encode(read), schema.encode(table))
    assert_same(schema.encode(read.astype("category")), schema.encode(table))
    assert_same(schema.encode(pl.from_pandas(read)), schema.encode(table))


@pytest.mark.parametrize("form", ["pandas", "pandas category", "polars", "pyarrow, dictionaries", "list of dicts"])
def test_rows_do_not_depend_on_each_other(form):
    table = columns()
    schema, data = fitted(table), spellings(table)[form]
    whole = schema.encode(data)
    for i in range(whole.codes.shape[0]):
        one = data.iloc[i : i + 1] if isinstance(data, pd.DataFrame) else data[i : i + 1]
        assert_same(schema.encode(one), whole.take(np.array([i])))


@pytest.mark.parametrize("form", [form for form in FORMS if form != "list of dicts"])
def test_no_rows(form):
    table = columns()
    schema = fitted(table)
    none = schema.encode(Table(spellings(table)[form]).select(np.empty(0, dtype=np.int64)))
    assert none.codes.shape == none.fractions.shape == (0, len(schema.fields))
    assert len(none) == 0


def test_types_and_shapes():
    encoded = Schema((CITY, AGE), ("city", "age")).encode({"city": ["Oslo", None], "age": [0.5, 2.0]})
    assert (encoded.codes.dtype, encoded.fractions.dtype) == (np.int32, np.float32)
    assert encoded.codes.tolist() == [[3, 1], [0, 2]]
    assert encoded.fractions.tolist() == [[0.0, 0.5], [0.0, 0.5]]
    assert encoded.take(np.array([1])).codes.tolist() == [[0, 2]]
    assert Schema((), ("a",)).encode({"b": [1, 2]}).codes.shape == (2, 0)


def test_order_and_extra_columns_do_not_matter():
    table = columns()
    schema = fitted(table)
    shuffled = {name: table[name] for name in reversed(table)} | {"more": [[1]] * len(table["city"])}
    assert_same(schema.encode(shuffled), schema.encode(table))


def test_a_missing_column_is_named():
    schema = Schema((CITY, AGE), ("city", "age"))
    with pytest.raises(DataError, match=r"column 'age' missing: the model reads it \(the table has 'city', 'x'\)"):
        schema.encode({"city": ["Oslo"], "x": [1]})
    with pytest.raises(DataError, match=r"columns 'city', 'age' missing: the model reads them"):
        schema.encode(pd.DataFrame({"x": [1]}))


def test_a_part_of_the_schema_reads_its_own_columns_only():
    table = columns()
    schema = fitted(table)
    whole = schema.encode(table)
    keep = [1, 4, 0]
    part = schema.restrict(keep)
    assert part.names == tuple(schema.names[i] for i in keep)
    assert part.n_rows == tuple(schema.n_rows[i] for i in keep)
    assert part.columns == schema.columns
    got = part.encode({name: table[name] for name in part.sources})
    np.testing.assert_array_equal(got.codes, whole.codes[:, keep])
    np.testing.assert_array_equal(got.fractions, whole.fractions[:, keep])
    assert schema.restrict([]).sources == ()


def through_json(schema: Schema) -> Schema:
    return Schema.from_dict(json.loads(json.dumps(schema.to_dict(), allow_nan=False)))


def test_json_and_back_is_exact():
    table = columns()
    schema = fitted(table)
    again = through_json(schema)
    assert again == schema
    assert again.to_dict() == schema.to_dict()
    assert_same(again.encode(table), schema.encode(table))
    assert_same(again.encode(records(table)), schema.encode(table))


@settings(deadline=None)
@given(
    st.lists(st.floats(-(2.0**1022), 2.0**1022), min_size=2, max_size=9, unique=True), st.lists(st.text(), unique=True)
)
def test_floats_and_texts_survive_json(edges, words):
    schema = Schema(
        (
            NumericField("n", "n", tuple(sorted(edges)), part="hour", infinite="missing"),
            CategoricalField("c", "c", tuple(words)),
            HashedField("h", "h", 17),
        ),
        ("n", "c", "h", "x"),
    )
    assert through_json(schema) == schema


def damaged(**changes) -> dict:
    number = {"kind": "numeric", "name": "n", "source": "n", "edges": [0.0, 1.0], "part": None, "infinite": "error"}
    return {"fields": [{**number, **changes}], "columns": ["n"]}


@pytest.mark.parametrize(
    "data",
    [
        {},
        [],
        {"fields": 5, "columns": []},
        {"fields": ["x"], "columns": []},
        {"fields": [], "columns": None},
        damaged(kind="other"),
        damaged(kind=[]),
        damaged(name=5),
        damaged(source=None),
        damaged(edges=[0.0]),
        damaged(edges=[1.0, 0.0]),
        damaged(edges=[0.0, 0.0]),
        damaged(edges=[0.0, float("inf")]),
        damaged(edges=[float("nan"), 1.0]),
        damaged(edges=[-1.7e308, 1.7e308]),
        damaged(edges=["a", "b"]),
        damaged(edges=[0, 10**400]),
        damaged(edges=None),
        damaged(part="minute"),
        damaged(infinite="maybe"),
        damaged(strange=1),
        damaged(_index={}),
        {"fields": [{"kind": "categorical", "name": "c", "source": "c", "vocabulary": ["a", "a"]}], "columns": []},
        {"fields": [{"kind": "categorical", "name": "c", "source": "c", "vocabulary": [1]}], "columns": []},
        {"fields": [{"kind": "categorical", "name": "c", "source": "c", "vocabulary": [["a"]]}], "columns": []},
        {"fields": [{"kind": "categorical", "name": "c", "source": "c"}], "columns": []},
        {"fields": [{"kind": "hashed", "name": "h", "source": "h", "buckets": 0}], "columns": []},
        {"fields": [{"kind": "hashed", "name": "h", "source": "h", "buckets": 2.5}], "columns": []},
    ],
)
def test_a_damaged_schema_is_refused(data):
    with pytest.raises(ArtifactError, match="the schema is damaged"):
        Schema.from_dict(data)


def test_schemas_know_their_size():
    schema = Schema((AGE, CITY, HashedField("id", "id", 9), NumericField("age:2", "age", (0.0, 1.0))), ("id",))
    assert schema.n_rows == (3, 4, 10, 2)
    assert schema.names == ("age", "city", "id", "age:2")
    assert schema.sources == ("age", "city", "id")
