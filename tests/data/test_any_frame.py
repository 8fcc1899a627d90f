"""Whatever is in a frame, it is refused with our own error, or encoded soundly and alike in every library."""

import contextlib
import datetime as dt
import json
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tables import assert_same

from l0gm.data.fitting import SchemaFitter
from l0gm.data.schema import NumericField, Schema
from l0gm.errors import DataError

NOTHING = st.sampled_from([None, None, float("nan"), "", " ", pd.NA, pd.NaT, np.datetime64("NaT"), Decimal("NaN")])
NUMBERS = st.one_of(
    st.integers(),
    st.integers(-3, 3),
    st.floats(),
    st.floats(width=32).map(np.float32),
    st.sampled_from([0.0, -0.0, 5e-324, -5e-324, 1.7976931348623157e308, 2**53 + 1, 10**40, 1.7e9, 1.7e9 + 2**-20]),
    st.decimals(allow_nan=False),
    st.fractions(),
    st.integers(-128, 127).map(np.int8),
)
TIMES = st.one_of(
    st.dates(),
    st.datetimes(),
    st.datetimes(timezones=st.sampled_from([dt.UTC, dt.timezone(dt.timedelta(hours=-11, minutes=-30))])),
    st.dates().map(np.datetime64),
    st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2200, 1, 1)).map(pd.Timestamp),
)
DURATIONS = st.one_of(st.timedeltas(), st.integers(-(10**9), 10**9).map(lambda n: np.timedelta64(n, "ms")))
TEXTS = st.one_of(
    st.text(),
    st.text(st.characters(categories=["Cs", "Lu"]), max_size=3),
    st.sampled_from(["a", "b", "3", "2.5", "nan", "inf", "True", "false", "1e5"]),
)
ISO = st.one_of(st.dates().map(str), st.datetimes().map(str))
TRUTHS = st.one_of(st.booleans(), st.booleans().map(np.bool_))
STRANGE = st.one_of(st.binary(), st.times(), st.lists(st.integers(), max_size=2), st.complex_numbers(), st.uuids())
KINDS = [NUMBERS, NUMBERS, TIMES, DURATIONS, TEXTS, TEXTS, ISO, TRUTHS, st.one_of(NUMBERS, TEXTS, TRUTHS, TIMES)]


@st.composite
def frames(draw) -> dict[str, list]:
    """Columns of any kind, a tenth of them with values that no column may hold."""
    rows = draw(st.integers(1, 12))
    kinds = [draw(st.sampled_from(KINDS)) for _ in range(draw(st.integers(1, 3)))]
    if draw(st.integers(0, 9)) == 0:
        kinds.append(STRANGE)
    cells = [st.one_of(kind, kind, kind, NOTHING) if draw(st.booleans()) else kind for kind in kinds]
    return {f"c{j}": [draw(cell) for _ in range(rows)] for j, cell in enumerate(cells)}


def natives(table: dict[str, list]) -> list[object]:
    """The table in each library that can hold the very same values."""
    made: list[object] = [
        [dict(zip(table, row, strict=True)) for row in zip(*table.values(), strict=True)],
        pd.DataFrame({name: pd.Series(values, dtype=object) for name, values in table.items()}),
        pl.DataFrame({name: pl.Series(values, dtype=pl.Object) for name, values in table.items()}),
    ]
    if all(type(v) in (str, type(None)) for values in table.values() for v in values):
        with contextlib.suppress(UnicodeEncodeError):  # surrogates, which they cannot hold
            made += [pl.DataFrame(table), pa.table(table), pd.DataFrame(table), pd.DataFrame(table, dtype="category")]
    return made


OPTIONS = st.fixed_dictionaries(
    {
        "bins": st.sampled_from(["tree", "quantile"]),
        "max_bins": st.integers(2, 6),
        "min_bin_rows": st.integers(1, 3),
        "min_count": st.integers(1, 3),
        "max_categories": st.integers(1, 8),
        "hash_buckets": st.integers(2, 50),
        "infinite": st.sampled_from(["error", "missing", "missing"]),
        "categorical": st.sampled_from([(), (), ("c0",)]),
    }
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(frames(), OPTIONS)
def test_any_frame_is_refused_by_name_or_encoded_soundly(table, options):
    y = np.arange(len(table["c0"])) % 2
    try:
        schema, notes = SchemaFitter(**options).fit(table, y)
    except DataError as error:
        refused = str(error)
    else:
        refused = ""
    if refused:
        assert any(name in refused for name in table)
        return
    assert {f.source for f in schema.fields} | {note.split(":")[0] for note in notes} >= set(table)
    whole = schema.encode(table)
    assert (whole.codes >= 0).all()
    assert (whole.codes < np.array(schema.n_rows)).all()
    assert np.isfinite(whole.fractions).all()
    assert ((whole.fractions >= 0) & (whole.fractions <= 1)).all()
    for i in range(len(y)):
        one = schema.encode({name: [values[i]] for name, values in table.items()})
        assert_same(one, whole.take(np.array([i])))
    again = Schema.from_dict(json.loads(json.dumps(schema.to_dict(), allow_nan=False)))
    assert again == schema
    assert_same(again.encode(table), whole)
    for native in natives(table):
        assert_same(schema.encode(native), whole)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(frames(), frames())
def test_any_other_frame_is_refused_or_encoded_soundly(table, other):
    y = np.arange(len(table["c0"])) % 2
    try:
        schema, _ = SchemaFitter(min_bin_rows=1, min_count=1).fit(table, y)
        encoded = schema.encode(other)
    except DataError:
        return
    assert (encoded.codes < np.array(schema.n_rows)).all()
    assert np.isfinite(encoded.fractions).all()
    assert ((encoded.fractions >= 0) & (encoded.fractions <= 1)).all()
    for native in natives(other):
        assert_same(schema.encode(native), encoded)


def fit(table: object) -> Schema:
    y = np.arange(len(table["x"])) % 2
    return SchemaFitter(min_bin_rows=1, min_count=1).fit(table, y)[0]


FLOATS = st.lists(st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False)), min_size=2, max_size=12)


@settings(deadline=None)
@given(FLOATS)
def test_any_floats_are_the_same_in_every_library(values):
    table = {"x": values}
    try:
        schema = fit(table)
    except DataError:
        assert len({x for x in values if x is not None}) < 2
        return
    expected = schema.encode(table)
    for native in (
        pd.DataFrame(table, dtype="float64"),
        pd.DataFrame(table, dtype="Float64"),
        pd.DataFrame(table, dtype=pd.ArrowDtype(pa.float64())),
        pd.DataFrame(table, dtype="category"),
        pl.DataFrame(table, schema={"x": pl.Float64}),
        pa.table({"x": pa.array(values, pa.float64())}),
        {"x": [None if x is None else repr(x) for x in values]},
    ):
        assert_same(schema.encode(native), expected)
        assert fit(native) == schema or not isinstance(schema.fields[0], NumericField) or _is_text(native)


def _is_text(native: object) -> bool:
    if isinstance(native, dict):
        return True
    return isinstance(native, pd.DataFrame) and isinstance(native["x"].dtype, pd.CategoricalDtype)
