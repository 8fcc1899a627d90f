import numpy as np
import pandas as pd
from tables import assert_same, columns

from l0gm.data.fitting import SchemaFitter
from l0gm.data.probes import probe_rows
from l0gm.data.schema import CategoricalField, HashedField, NumericField, Schema

EDGES = (-3.0, 0.0, 0.1, 1e6)
AGE = NumericField("age", "age", EDGES)
CITY = CategoricalField("city", "city", ("Lima", "Oslo", "1"))
USER = HashedField("user", "user", 64)
WHEN = [NumericField(f"when:{part}", "when", (0.0, 5.0, 31.0), part=part) for part in ("day", "hour")]
SCHEMA = Schema((AGE, CITY, USER, *WHEN), ("age", "city", "user", "when"))


def test_every_value_edge_missing_and_unseen_one_is_there():
    rows = probe_rows(SCHEMA, 2048)
    assert list(rows) == ["age", "city", "user", "when"]
    assert all(column.shape == (2048,) for column in rows.values())
    for edge in EDGES:
        for value in (edge, np.nextafter(edge, -np.inf), np.nextafter(edge, np.inf)):
            assert (rows["age"] == value).any()
    assert np.isnan(rows["age"]).any()
    assert np.nanmin(rows["age"]) < 2 * EDGES[0]
    assert np.nanmax(rows["age"]) > 1.9 * EDGES[-1]
    assert {*CITY.vocabulary, None} < set(rows["city"])
    assert len(set(rows["city"])) == len(CITY.vocabulary) + 2
    assert len(set(rows["user"])) > 1000
    assert None in set(rows["user"])
    assert np.isnat(rows["when"]).any()
    assert (rows["when"] == rows["when"].astype("datetime64[D]")).any()
    assert rows["when"][~np.isnat(rows["when"])].min() < np.datetime64("1970")


def test_the_widest_edges():
    """What lies beyond them is finite still: an infinite number would be refused."""
    schema = Schema((NumericField("x", "x", (-8e307, 0.0, 8e307)),), ("x",))
    x = probe_rows(schema)["x"]
    assert np.nanmin(x) < -8e307
    assert np.nanmax(x) > 8e307
    schema.encode({"x": x})


def test_every_row_of_every_table_is_reached():
    encoded = SCHEMA.encode(probe_rows(SCHEMA))
    for i, n_rows in enumerate(SCHEMA.n_rows):
        assert set(encoded.codes[:, i]) == set(range(n_rows))
    inside = (encoded.fractions[:, 0] > 0) & (encoded.fractions[:, 0] < 1)
    assert set(encoded.codes[inside, 0]) == {1, 2, 3}


def test_a_large_vocabulary_is_gone_through_as_far_as_the_rows_go():
    words = CategoricalField("w", "w", tuple(f"{i:05}" for i in range(2000)))
    schema = Schema((words,), ("w",))
    assert set(schema.encode(probe_rows(schema)).codes[:, 0]) == set(range(2002))
    assert len(probe_rows(schema, 100)["w"]) == 100
    assert len(probe_rows(schema, 0)["w"]) == 0


def test_columns_do_not_depend_on_the_other_fields():
    whole = probe_rows(SCHEMA, 300, seed=5)
    for keep in ([0], [1], [2], [3], [4], [4, 1], [2, 0]):
        part = probe_rows(SCHEMA.restrict(keep), 300, seed=5)
        for name, column in part.items():
            pd.testing.assert_series_equal(pd.Series(column), pd.Series(whole[name]))
    fitted = SchemaFitter(min_bin_rows=2, min_count=2).fit(columns(), np.arange(48) % 3 // 2)[0]
    keep = [0, 2, 5, 7]
    part = fitted.restrict(keep)
    got, expected = part.encode(probe_rows(part)), fitted.encode(probe_rows(fitted))
    np.testing.assert_array_equal(got.codes, expected.codes[:, keep])
    np.testing.assert_array_equal(got.fractions, expected.fractions[:, keep])


def test_the_same_seed_gives_the_same_rows_on_every_machine():
    one, again, other = (probe_rows(SCHEMA, 64, seed) for seed in (1, 1, 2))
    assert_same(SCHEMA.encode(one), SCHEMA.encode(again))
    assert not np.array_equal(SCHEMA.encode(one).codes, SCHEMA.encode(other).codes)
    assert SCHEMA.encode(one).codes[:4].tolist() == [
        [1, 1, 29, 2, 2],
        [2, 0, 31, 2, 2],
        [3, 1, 20, 2, 1],
        [3, 0, 53, 2, 2],
    ]


def test_infinite_values_are_probed_where_they_are_missing_ones():
    lenient = NumericField("x", "x", (0.0, 1.0), infinite="missing")
    rows = probe_rows(Schema((lenient,), ("x",)))
    assert np.isinf(rows["x"]).any()
    assert not np.isinf(probe_rows(SCHEMA)["age"]).any()


def test_the_widest_bins_do_not_overflow():
    field = NumericField("x", "x", (-(2.0**1022), 0.0, 5e-324, 2.0**1022))
    schema = Schema((field,), ("x",))
    encoded = schema.encode(probe_rows(schema))
    assert np.isfinite(encoded.fractions).all()
    assert np.isfinite(probe_rows(schema)["x"][~np.isnan(probe_rows(schema)["x"])]).all()
