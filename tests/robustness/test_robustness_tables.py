"""Corrupted tables: of the same kind, the same for every library, and decided by inputs, condition and seed alone."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from corrupted import HARDEST, lost, mixed
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from l0gm.errors import DataError, ParameterError
from l0gm.robustness import CONDITIONS, Condition, InputStatistics, applies, perturb

MISSING, NOISE, BITS, OCCLUSION = HARDEST
NUMERIC = ["amount", "single", "count", "nullable", "arrow", "objects", "sparse"]


@pytest.mark.parametrize("condition", HARDEST, ids=lambda c: c.name)
def test_the_original_stays(condition):
    frame, same = mixed(), mixed()
    perturb(frame, condition, InputStatistics.fit(frame), 0, text=("review",))
    pd.testing.assert_frame_equal(frame, same)
    array = np.arange(12.0).reshape(4, 3)
    perturb(array, condition, InputStatistics.fit(array), 0)
    np.testing.assert_array_equal(array, np.arange(12.0).reshape(4, 3))


def test_it_depends_on_inputs_condition_and_seed_alone():
    frame = mixed()
    statistics = InputStatistics.fit(frame)
    for condition in HARDEST:
        first = perturb(frame, condition, statistics, 1)
        np.random.seed(4)  # noqa: NPY002  # the global stream, which must not matter
        pd.testing.assert_frame_equal(perturb(frame, condition, statistics, 1), first)
        if condition is not BITS:
            assert not perturb(frame, condition, statistics, 2).equals(first)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.differing_executors])
@given(st.sampled_from(CONDITIONS), st.integers(0, 60), st.integers(0, 2**40))
def test_rows_that_follow_change_nothing(condition, rows, seed):
    frame = mixed()
    statistics = InputStatistics.fit(frame)
    whole = perturb(frame, condition, statistics, seed, text=("review",))
    part = perturb(frame.iloc[:rows], condition, statistics, seed, text=("review",))
    pd.testing.assert_frame_equal(part, whole.iloc[:rows])


def test_columns_by_themselves_are_corrupted_as_their_types_need_not_know():
    """The same cells are lost, and the same noise is added, whatever a column's type and name."""
    whole = np.arange(40)
    types = ["int64", "float32", "Int64", "int16", "int64[pyarrow]", "object", "float64"]
    for condition in (MISSING, NOISE, OCCLUSION):
        every = []
        for dtype in types:
            frame = pd.DataFrame({f"{dtype} {j}": pd.Series(whole, dtype=dtype) for j in range(3)})
            got = perturb(frame, condition, InputStatistics.fit(frame), 0)
            every.append(got.astype(float).to_numpy())
        for other in every:
            np.testing.assert_allclose(other, every[-1], rtol=1e-6, atol=1e-6)
    words = pd.DataFrame({f"w{j}": ["some"] * 40 for j in range(3)})
    gone = perturb(words, MISSING, InputStatistics.fit(words), 0).isna().to_numpy()
    numbers = pd.DataFrame({f"n{j}": whole for j in range(3)})
    np.testing.assert_array_equal(perturb(numbers, MISSING, InputStatistics.fit(numbers), 0).isna().to_numpy(), gone)


@pytest.mark.parametrize("condition", HARDEST, ids=lambda c: c.name)
def test_types_of_pandas(condition):
    frame = mixed()
    got = perturb(frame, condition, InputStatistics.fit(frame), 0, text=("review",))
    pd.testing.assert_index_equal(got.index, frame.index)
    pd.testing.assert_index_equal(got.columns, frame.columns)
    before, after = ({name: str(dtype) for name, dtype in one.dtypes.items()} for one in (frame, got))
    floats = {"count": "float64", "sparse": "float64"}
    if condition.needs_numbers:
        floats |= {"nullable": "Float64", "arrow": "double[pyarrow]", "objects": "float64"}
        untouched = [name for name in frame if name not in NUMERIC]
        pd.testing.assert_frame_equal(got[untouched], frame[untouched])
        assert (got[NUMERIC].isna() == frame[NUMERIC].isna()).all(axis=None)
        assert (got["single"] != frame["single"]).any()
    else:
        floats |= {"true": "object"}
        gone = lost(frame, got)
        assert gone[:, : frame.columns.get_loc("review")].any(axis=0).all()
        kept = ~gone & frame.notna().to_numpy()
        for j, name in enumerate(frame.columns[:-1]):
            assert got[name][kept[:, j]].tolist() == frame[name][kept[:, j]].tolist()
    assert after == before | floats
    assert list(got["colour"].cat.categories) == ["red", "green", "blue", "x"]


def test_a_type_does_not_depend_on_the_draw():
    frame = pd.DataFrame({"i": [1, 2], "b": [True, False]})
    statistics = InputStatistics.fit(frame)
    for level in (0.0, 1.0):
        assert perturb(frame, Condition("missing", level), statistics, 0).dtypes.map(str).tolist() == [
            "float64",
            "object",
        ]


def plain():
    """A table that every library holds alike, but for its words for what is missing."""
    rows = range(50)
    return {
        "a": [None if i % 9 == 0 else i / 3 for i in rows],
        "b": [i * i for i in rows],
        "c": [f"city {i % 4}" for i in rows],
        "d": [i % 2 == 0 for i in rows],
        "t": [f"one two three {i} four" for i in rows],
    }


def listed(table):
    """The columns of any table as lists, None where missing."""
    if isinstance(table, list):
        table = {name: [row[name] for row in table] for name in table[0]}
    if isinstance(table, pl.DataFrame):
        table = table.to_dict(as_series=False)
    elif isinstance(table, pa.Table):
        table = table.to_pydict()
    return {name: [None if pd.isna(value) else value for value in table[name]] for name in plain()}


@pytest.mark.parametrize("condition", HARDEST, ids=lambda c: c.name)
def test_every_library_alike(condition):
    columns = plain()
    tables = [
        pd.DataFrame(columns),
        pl.DataFrame(columns),
        pa.table(columns),
        columns,
        {name: np.array(values, dtype=float if name in "ab" else object) for name, values in columns.items()},
        {name: pd.Series(values) for name, values in columns.items()},
        [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)],
    ]
    found = []
    for table in tables:
        got = perturb(table, condition, InputStatistics.fit(table), 0, text=("t",))
        assert type(got) is type(table)
        found.append(listed(got))
    assert all(other == found[0] for other in found)


def test_types_of_polars_and_pyarrow():
    columns = plain()
    frame = pl.DataFrame(columns).with_columns(
        pl.col("b").cast(pl.Int16), pl.col("c").cast(pl.Categorical), day=pl.lit("2024-02-03").str.to_date()
    )
    for table in (frame, frame.to_arrow()):
        got = perturb(table, MISSING, InputStatistics.fit(table), 0)
        schemas = (got.schema, table.schema)
        assert schemas[0] == schemas[1]
        moved = perturb(table, NOISE, InputStatistics.fit(table), 0)
        assert str(moved.schema.field("b").type if isinstance(moved, pa.Table) else moved.schema["b"]) in (
            "double",
            "Float64",
        )
    nulls = perturb(frame, NOISE, InputStatistics.fit(frame), 0)["a"]
    assert (nulls.null_count(), nulls.is_nan().sum()) == (frame["a"].null_count(), 0)


def test_arrays_stay_arrays():
    floats, whole = np.arange(60.0).reshape(20, 3), np.arange(60).reshape(20, 3)
    for condition in HARDEST:
        got = perturb(floats, condition, InputStatistics.fit(floats), 0)
        frame = pd.DataFrame(floats)
        np.testing.assert_array_equal(got, perturb(frame, condition, InputStatistics.fit(frame), 0).to_numpy())
        for other in (whole, floats.astype(np.float32), floats.astype(object)):
            same = perturb(other, condition, InputStatistics.fit(other), 0)
            assert same.dtype == (np.float64 if other is whole else other.dtype)
            np.testing.assert_allclose(same.astype(float), got, rtol=1e-6)
    rows = perturb(floats.tolist(), MISSING, InputStatistics.fit(floats), 0)
    np.testing.assert_array_equal(np.array(rows, dtype=float), perturb(floats, MISSING, InputStatistics.fit(floats), 0))
    words = np.array([["a", "b"]] * 9)
    gone = perturb(words, MISSING, InputStatistics.fit(words), 0)
    assert {value for value in gone.ravel() if value == value} == {"a", "b"}
    truths = perturb(np.ones((9, 2), dtype=bool), MISSING, InputStatistics.fit(words), 0)
    assert np.isnan(truths).any()
    assert set(truths[~np.isnan(truths)]) == {1.0}


def test_numpy_dates():
    days = np.array([["2024-01-01"], ["2024-01-02"]] * 9, dtype="datetime64[D]")
    gone = perturb(days, MISSING, InputStatistics.fit(days), 0)
    assert gone.dtype == days.dtype
    assert 0 < np.isnat(gone).sum() < 18


@pytest.mark.parametrize("condition", CONDITIONS, ids=lambda c: c.name)
def test_small_and_empty_tables(condition):
    frame = mixed()
    statistics = InputStatistics.fit(frame)
    assert perturb(frame.iloc[:0], condition, statistics, 0, text=("review",)).shape == (0, frame.shape[1])
    assert perturb(pl.DataFrame({"amount": []}, schema={"amount": pl.Float64}), condition, statistics, 0).shape == (
        0,
        1,
    )
    assert perturb(frame[["count"]], condition, statistics, 0).shape == (60, 1)
    nothing = pd.DataFrame({"x": [np.nan, np.nan], "y": [None, None]})
    assert perturb(nothing, condition, InputStatistics.fit(nothing), 0).isna().all(axis=None)


def test_rows_of_one_name():
    frame = mixed().set_axis(["same"] * 60)
    for condition in HARDEST:
        got = perturb(frame, condition, InputStatistics.fit(frame), 0)
        other = perturb(mixed(), condition, InputStatistics.fit(frame), 0)
        pd.testing.assert_frame_equal(got.reset_index(drop=True), other.reset_index(drop=True))


def test_odd_names():
    frame = pd.DataFrame([[1.0, 2.0], [3.0, 4.0]], columns=[0, ("a", 1)])
    got = perturb(frame, NOISE, InputStatistics.fit(frame), 0)
    assert list(got.columns) == list(frame.columns)
    assert (got != frame).all(axis=None)


def test_where_a_condition_has_no_form():
    frame = mixed()
    words = frame[["city", "colour", "true", "day"]]
    statistics = InputStatistics.fit(words)
    assert [applies(condition, words, statistics) for condition in HARDEST] == [True, False, False, True]
    pd.testing.assert_frame_equal(perturb(words, NOISE, statistics, 0), words)
    assert all(applies(condition, frame, InputStatistics.fit(frame)) for condition in CONDITIONS)


def test_errors():
    frame = mixed()
    statistics = InputStatistics.fit(frame)
    with pytest.raises(ParameterError, match="seed=-1: give an integer"):
        perturb(frame, MISSING, statistics, -1)
    with pytest.raises(ParameterError, match=r"text names 'reviews'.*did you mean 'review'"):
        perturb(frame, MISSING, statistics, 0, text=("reviews",))
    with pytest.raises(ParameterError, match="give a collection of names"):
        perturb(frame, MISSING, statistics, 0, text="review")
    with pytest.raises(DataError, match="column 'amount': 'many'"):
        perturb(frame.assign(amount="many"), NOISE, statistics, 0)
    record = np.array([(1.0, 2)], dtype=[("a", float), ("b", int)])
    with pytest.raises(DataError, match="pass a pandas, polars or pyarrow table"):
        perturb(record, MISSING, InputStatistics.fit(record), 0)
    masked = np.ma.masked_array([[1.0, 2.0]], mask=[[True, False]])
    with pytest.raises(DataError, match="a corrupted MaskedArray cannot be made"):
        perturb(masked, MISSING, InputStatistics.fit(masked), 0)
