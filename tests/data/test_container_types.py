"""One table in every type that a library has for its values: the same schema, notes and codes from each."""

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from tables import assert_same

from l0gm.data.fitting import SchemaFitter
from l0gm.data.frames import Table
from l0gm.errors import DataError

ROWS = 60
FITTER = SchemaFitter(min_bin_rows=2, min_count=1)
Y = np.arange(ROWS) % 2
CITIES = ["Oslo", "São Paulo", "東京", " padded "]
HOUR = dt.timedelta(hours=1)


def values() -> dict[str, list]:
    steps = range(ROWS)
    table = {
        "city": [CITIES[i % 4] for i in steps],
        "whole": [i * i % 17 for i in steps],
        "count": [i * i % 13 for i in steps],
        "ratio": [i % 13 / 8 for i in steps],  # eighths: exact in single precision, too
        "member": [i % 3 == 0 for i in steps],
        "born": [dt.date(1960, 1, 1) + 200 * i * 24 * HOUR for i in steps],
        "seen": [dt.datetime(1969, 12, 30, 21, 5) + 7 * i * HOUR for i in steps],
        "logged": [dt.datetime(2020, 1, 1, tzinfo=dt.UTC) + 7 * i * HOUR for i in steps],
        "stay": [dt.timedelta(seconds=i % 11 * 90 + 0.25) for i in steps],
        "price": [Decimal(i % 9) / 4 for i in steps],
        "empty": [None] * ROWS,
    }
    for k, column in enumerate(table.values()):
        if k != 1:  # the one without a missing value
            column[k::11] = [None] * len(column[k::11])
    return table


def arrow() -> pa.Table:
    kinds = {
        "born": pa.date32(), "seen": pa.timestamp("us"), "logged": pa.timestamp("us", tz="UTC"),
        "stay": pa.duration("us"), "price": pa.decimal128(10, 2), "empty": pa.null(),
    }  # fmt: skip
    return pa.table({name: pa.array(column, kinds.get(name)) for name, column in values().items()})


def put(table: pa.Table, name: str, column) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, column)


def arrow_forms() -> dict[str, pa.Table]:
    """Types of Arrow, which pandas and polars take over."""
    table = arrow()
    forms = {"plain": table}
    kinds = {
        "city": [pa.large_string(), pa.string_view(), pa.binary(), pa.large_binary(), pa.binary_view(),
                 pa.dictionary(pa.int32(), pa.string()), pa.dictionary(pa.uint8(), pa.large_string())],
        "whole": [pa.int8(), pa.int16(), pa.int32(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64(), pa.float32(),
                  pa.float64(), pa.decimal128(20, 0)],
        "count": [pa.int8(), pa.int64(), pa.uint64(), pa.float32(), pa.float64()],
        "ratio": [pa.float16(), pa.float32(), pa.decimal128(20, 4)],
        "born": [pa.date64(), pa.timestamp("s"), pa.timestamp("ns")],
        "seen": [pa.timestamp(unit) for unit in ("s", "ms", "ns")],
        "logged": [pa.timestamp(unit, tz=zone) for unit in ("s", "ms", "us", "ns") for zone in ("Asia/Kolkata", "UTC")],
        "stay": [pa.duration("ms"), pa.duration("ns")],
        "price": [pa.decimal256(40, 6), pa.float64(), pa.float32()],
        "empty": [pa.string(), pa.float64(), pa.int8(), pa.bool_(), pa.timestamp("ms"),
                  pa.dictionary(pa.int8(), pa.string())],
    }  # fmt: skip
    for name, others in kinds.items():
        for kind in others:
            forms[f"{name}: {kind}"] = put(table, name, table[name].cast(kind))
    text = table["city"].combine_chunks().dictionary_encode()
    forms["city: dictionary with unused values"] = put(
        table,
        "city",
        pa.DictionaryArray.from_arrays(text.indices, pa.concat_arrays([text.dictionary, pa.array(["x"])])),
    )
    forms["city: run ends"] = put(table, "city", pc.run_end_encode(table["city"].combine_chunks()))
    forms["whole: run ends"] = put(table, "whole", pc.run_end_encode(table["whole"].combine_chunks()))
    forms["member: dictionary"] = put(table, "member", table["member"].dictionary_encode())
    return forms


def natives() -> dict[str, object]:
    table = values()
    forms: dict[str, object] = {}
    for name, made in arrow_forms().items():
        forms[f"pyarrow, {name}"] = made
        forms[f"pyarrow in chunks, {name}"] = pa.concat_tables([made.slice(0, 7), made.slice(7, 0), made.slice(7)])
        forms[f"pandas of Arrow, {name}"] = made.to_pandas(types_mapper=pd.ArrowDtype)
        forms[f"pandas, {name}"] = made.to_pandas()
        forms[f"nullable pandas, {name}"] = made.to_pandas().convert_dtypes()
        if "decimal256" not in name and "run ends" not in name:  # polars has neither
            forms[f"polars, {name}"] = pl.from_arrow(made)
    frame, polar = arrow().to_pandas(), pl.from_arrow(arrow())
    for kind in (
        object, "str", "string[python]", "string[pyarrow]", "category", pd.StringDtype("pyarrow", na_value=np.nan),
        pd.StringDtype("python", na_value=np.nan), pd.ArrowDtype(pa.string()), pd.ArrowDtype(pa.large_string()),
    ):  # fmt: skip
        forms[f"pandas, city: {kind!r}"] = frame.assign(city=frame["city"].astype(kind))
    forms["pandas, ordered categories"] = frame.assign(
        city=pd.Categorical(table["city"], categories=[*CITIES[::-1], "unused"], ordered=True)
    )
    forms["pandas, categories of Arrow text"] = frame.assign(
        city=frame["city"].astype("string[pyarrow]").astype("category")
    )
    forms["pandas, categories of booleans"] = frame.assign(member=pd.Categorical(table["member"]))
    forms["pandas, nullable types"] = frame.assign(
        whole=frame["whole"].astype("Int8"), count=pd.array(table["count"], dtype="UInt16"),
        ratio=frame["ratio"].astype("Float32"), member=pd.array(table["member"], dtype="boolean"),
    )  # fmt: skip
    for zone in ("Asia/Kolkata", "+05:30", "America/New_York"):
        forms[f"pandas, {zone}"] = frame.assign(logged=frame["logged"].dt.tz_convert(zone))
    forms["pandas, sparse"] = frame.assign(whole=pd.arrays.SparseArray(table["whole"]))
    forms["pandas, objects"] = pd.DataFrame({name: pd.Series(column, dtype=object) for name, column in table.items()})
    for kind in (pl.Categorical, pl.Enum([*CITIES[::-1], "unused"]), pl.Binary):
        forms[f"polars, city: {kind}"] = polar.with_columns(pl.col("city").cast(kind))
    for kind in (
        pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.Int128, pl.UInt8, pl.UInt16, pl.UInt32, pl.UInt64, pl.Float32,
        pl.Float64, pl.Decimal(20, 3),
    ):  # fmt: skip
        forms[f"polars, {kind}"] = polar.with_columns(pl.col("whole", "count").cast(kind))
    for unit in ("ms", "us", "ns"):
        forms[f"polars, {unit}"] = polar.with_columns(
            pl.col("seen").dt.cast_time_unit(unit),
            pl.col("logged").dt.convert_time_zone("Asia/Kolkata").dt.cast_time_unit(unit),
            pl.col("stay").dt.cast_time_unit(unit),
        )
    forms["polars, objects"] = pl.DataFrame(
        {name: pl.Series(column, dtype=pl.Object) for name, column in table.items()}
    )
    forms["rows of dicts"] = [dict(zip(table, row, strict=True)) for row in zip(*table.values(), strict=True)]
    forms["series of pandas"] = {name: frame[name] for name in table}
    forms["series of polars"] = {name: polar[name] for name in table}
    forms["arrays of Arrow"] = {name: arrow()[name] for name in table}
    forms["structured array"] = np.asarray(frame.to_records(index=False))
    return forms


NATIVES = natives()


@pytest.fixture(scope="module")
def reference():
    table = values()
    schema, notes = FITTER.fit(table, Y)
    assert {f.source for f in schema.fields} == set(table) - {"empty"}
    return schema, notes, schema.encode(table)


@pytest.mark.parametrize("form", NATIVES)
def test_schema_notes_and_codes_are_the_same(form, reference):
    schema, notes, encoded = reference
    assert_same(schema.encode(NATIVES[form]), encoded)
    assert FITTER.fit(NATIVES[form], Y) == (schema, notes)


# ---- numbers and dates that are declared as categories -----------------------------------------------------


@pytest.mark.parametrize("name", ["whole", "ratio", "born", "seen"])
def test_a_type_of_categories_makes_categories_of_numbers_and_dates(name, reference):
    """A dictionary of Arrow is pandas' category; read by a model that knows the column as numbers, they are these."""
    table = arrow()
    coded = put(table, name, table[name].dictionary_encode())
    forms = [coded, coded.to_pandas(), coded.to_pandas(types_mapper=pd.ArrowDtype)]
    forms += [table.to_pandas().assign(**{name: table.to_pandas()[name].astype("category")})] if name != "born" else []
    schema, notes = FITTER.fit(forms[0], Y)
    assert [f.kind for f in schema.fields if f.source == name] == ["categorical"]
    encoded = schema.encode(forms[0])
    assert_same(schema.encode(values()), encoded)  # the plain values, too, are found among the categories
    for form in forms:
        assert FITTER.fit(form, Y) == (schema, notes)
        assert_same(schema.encode(form), encoded)
        assert_same(reference[0].encode(form), reference[2])


# ---- single precision --------------------------------------------------------------------------------------


def test_single_precision_is_the_double_of_the_same_value():
    """Not the decimal that it prints as: float32(0.1) is 0.10000000149011612 wherever it comes from."""
    single = np.linspace(0.1, 7.3, ROWS, dtype=np.float32)
    wide = single.astype(np.float64)
    schema, _ = FITTER.fit({"x": wide}, Y)
    forms = [
        {"x": single},
        pd.DataFrame({"x": single}),
        pd.DataFrame({"x": pd.array(single, dtype="Float32")}),
        pd.DataFrame({"x": pd.array(single, dtype=pd.ArrowDtype(pa.float32()))}),
        pl.DataFrame({"x": single}),
        pa.table({"x": single}),
        {"x": list(single)},
    ]
    for form in forms:
        assert FITTER.fit(form, Y)[0] == schema
        assert_same(schema.encode(form), schema.encode({"x": wide}))
        np.testing.assert_array_equal(Table(form).numbers("x"), wide)
    assert (np.linspace(0.1, 7.3, ROWS) != wide).any()


# ---- tables without names ----------------------------------------------------------------------------------


class ArrayLike:
    def __init__(self, array):
        self.array = array

    def __array__(self, dtype=None, copy=None):
        return self.array


def unnamed(X) -> dict[str, object]:
    torch = pytest.importorskip("torch")
    return {
        "array": X,
        "Fortran order": np.asfortranarray(X),
        "read-only": np.frombuffer(X.tobytes()).reshape(X.shape),
        "masked": np.ma.masked_invalid(X),
        "lists": X.tolist(),
        "tuples": [tuple(row) for row in X.tolist()],
        "arrays": list(X),
        "tensor": torch.from_numpy(X),
        "array-like": ArrayLike(X),
        "objects": X.astype(object),
        "pandas": pd.DataFrame(X),
        "numbered dict": {j: X[:, j] for j in range(X.shape[1])},
    }


@pytest.fixture(scope="module")
def square():
    X = np.random.default_rng(0).normal(size=(ROWS, 3))
    X[::7, 1] = np.nan
    return X


def test_tables_without_names_are_the_same_by_place(square):
    forms = unnamed(square)
    expected = FITTER.fit(square, Y)[0].encode(square)
    for made in forms.values():
        assert not Table(made).named
        schema = FITTER.fit(made, Y)[0]
        for other in forms.values():
            assert_same(schema.encode(other), expected)


@pytest.mark.parametrize("form", ["array", "lists", "pandas", "array-like"])
def test_a_table_without_names_needs_as_many_columns_as_fit_had(form, square):
    schema = FITTER.fit(unnamed(square)[form], Y)[0]
    for columns in (1, 2, 4):
        X = np.zeros((5, columns))
        with pytest.raises(DataError, match=f"X has {columns} features, but l0gm is expecting 3 features as input"):
            schema.encode(unnamed(X)[form])


def test_names_count_where_either_table_has_some(square):
    named = pd.DataFrame(square, columns=["a", "b", "c"])
    schema = FITTER.fit(named, Y)[0]
    with pytest.raises(DataError, match=r"columns 'a', 'b', 'c' missing.* 'x0', 'x1', 'x2'\); this table has no names"):
        schema.encode(square)
    schema = FITTER.fit(square, Y)[0]
    with pytest.raises(DataError, match=r"columns 'x0', 'x1', 'x2' missing"):
        schema.encode(named)
    assert_same(schema.encode({f"x{j}": square[:, j] for j in (2, 1, 0)}), schema.encode(square))


def test_numbers_as_names_are_names_unless_they_only_count(square):
    frame = pd.DataFrame(square, columns=[7, 3, 5])
    schema = FITTER.fit(frame, Y)[0]
    assert schema.columns == ("7", "3", "5")
    assert_same(schema.encode(frame[[3, 5, 7]].assign(more=1)), schema.encode(frame))
    counted = pd.DataFrame(square)
    schema = FITTER.fit(counted, Y)[0]
    assert_same(schema.encode(counted[[2, 0, 1]]), schema.encode(counted))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([[1, 2], [3]], "rows of different lengths: 1 to 2 values"),
        ([[], []], r"0 feature\(s\) \(shape=\(2, 0\)\) while a minimum of 1 is required"),
        (np.empty((5, 0)), r"no columns: 0 feature\(s\) \(shape=\(5, 0\)\)"),
        ([1, 2, 3], "list is no table"),
        ([[[1], [2]]], "column 'x0' holds values of type list"),
    ],
)
def test_rows_that_are_no_table(rows, message):
    with pytest.raises(DataError, match=message):
        Table(rows).kind("x0")


@pytest.mark.filterwarnings("ignore:the matrix subclass")
def test_a_matrix_and_a_structured_array():
    assert Table(np.asmatrix([[1, 2], [3, 4]])).numbers("x1").tolist() == [2.0, 4.0]
    rows = np.array([(1.5, "a"), (2.5, "b")], dtype=[("x", float), ("t", "U1")])
    table = Table(rows)
    assert table.named
    assert (table.names, table.kind("x"), table.kind("t")) == (["x", "t"], "number", "text")
