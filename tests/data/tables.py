"""One table in the types of every library, and the comparison of what becomes of it."""

import datetime as dt
import io
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa

from l0gm.data.frames import Table, canonical
from l0gm.data.schema import Encoded, Field, Schema

ROWS = 48
MISSING = [None, float("nan"), np.nan, np.float32("nan"), pd.NA, pd.NaT, np.datetime64("NaT"), "", " ", "\t\n"]
MISSING += [np.timedelta64("NaT", "s"), Decimal("NaN"), Decimal("sNaN"), b""]


def columns(rows: int = ROWS) -> dict[str, list]:
    """A column of each kind, each with missing values (None)."""
    steps = np.arange(rows)
    table = {
        "city": [("Oslo", "São Paulo", "東京", "  padded ")[i % 4] for i in steps],
        "count": [int(i * i % 17) for i in steps],
        "ratio": [float(i % 13) / 7.0 for i in steps],
        "member": [bool(i % 3 == 0) for i in steps],
        "born": [dt.date(1960, 1, 1) + dt.timedelta(days=int(i) * 200) for i in steps],
        "seen": [dt.datetime(1969, 12, 30, 21, 5) + dt.timedelta(hours=int(i) * 7) for i in steps],
        "stay": [dt.timedelta(seconds=int(i % 11) * 90 + 0.25) for i in steps],
    }
    for k, values in enumerate(table.values()):
        for i in range(k, rows, 9):
            values[i] = None
    return table


def records(table: dict[str, list]) -> list[dict]:
    return [dict(zip(table, row, strict=True)) for row in zip(*table.values(), strict=True)]


def arrow(table: dict[str, list]) -> pa.Table:
    types = {"born": pa.date32(), "seen": pa.timestamp("us"), "stay": pa.duration("us")}
    return pa.table({name: pa.array(values, types.get(name)) for name, values in table.items()})


def spellings(table: dict[str, list]) -> dict[str, object]:
    """The same table, by the name of its form."""
    typed = arrow(table)
    objects = pd.DataFrame({name: pd.Series(values, dtype=object) for name, values in table.items()})
    default = typed.to_pandas()
    text = [name for name, values in table.items() if any(isinstance(value, str) for value in values)]
    polars = pl.from_arrow(typed)
    enum = {name: pl.Enum(sorted({v for v in table[name] if v is not None}, reverse=True)) for name in text}
    coded = typed
    for name in text:
        at = typed.column_names.index(name)
        coded = coded.set_column(at, name, typed[name].dictionary_encode())
    half = len(typed) // 2
    chunks = pa.concat_tables([typed.slice(0, half), typed.slice(half)])
    levels = pd.MultiIndex.from_arrays([np.zeros(len(default)), np.zeros(len(default))])
    return {
        "dict of lists": table,
        "list of dicts": records(table),
        "dict of object arrays": {name: objects[name].to_numpy() for name in table},
        "dict of series": {name: polars[name] for name in table},
        "dict of arrow arrays": {name: typed[name].combine_chunks() for name in table},
        "pandas object": objects,
        "pandas": default,
        "pandas string[python]": default.astype(dict.fromkeys(text, "string[python]")),
        "pandas string[pyarrow]": default.astype(dict.fromkeys(text, "string[pyarrow]")),
        "pandas category": default.astype(dict.fromkeys(text, "category")),
        "pandas nullable": default.convert_dtypes(),
        "pandas arrow": typed.to_pandas(types_mapper=pd.ArrowDtype),
        "pandas arrow categories": coded.to_pandas(types_mapper=pd.ArrowDtype),
        "pandas, index of one value": default.set_axis([7] * len(default)),
        "pandas, index of levels": default.set_axis(levels),
        "pandas, nanoseconds": default.astype({"seen": "datetime64[ns]", "stay": "timedelta64[ns]"}),
        "pandas, time zone": default.assign(seen=default["seen"].dt.tz_localize("UTC").dt.tz_convert("Asia/Kolkata")),
        "polars": polars,
        "polars categories": polars.with_columns(pl.col(text).cast(pl.Categorical)),
        "polars enum": polars.with_columns(*(pl.col(name).cast(of) for name, of in enum.items())),
        "polars, time zone": polars.with_columns(
            pl.col("seen").dt.replace_time_zone("UTC").dt.convert_time_zone("Asia/Kolkata")
        ),
        "pyarrow": typed,
        "pyarrow, chunks": chunks,
        "pyarrow, dictionaries": coded,
        "pyarrow, chunks of dictionaries": pa.concat_tables([coded.slice(half), coded.slice(0, half)])
        .take([*range(len(coded) - half, len(coded)), *range(len(coded) - half)])
        .combine_chunks(),
        "pyarrow, uint32 dictionaries": polars.with_columns(pl.col(text).cast(pl.Categorical)).to_arrow(),
        "pyarrow, large strings": polars.to_arrow(),
        "pyarrow, seconds": typed.set_column(5, "seen", typed["seen"].cast(pa.timestamp("s"))),
    }


def csv(table: dict[str, list], library: str) -> pd.DataFrame:
    """The table after a trip through a csv file, all of it as text."""
    typed = arrow(table)
    written = typed.to_pandas().to_csv(index=False) if library == "pandas" else pl.from_arrow(typed).write_csv()
    return pd.read_csv(io.StringIO(written), dtype=str, keep_default_na=False)


def assert_same(got: Encoded, expected: Encoded) -> None:
    np.testing.assert_array_equal(got.codes, expected.codes)
    np.testing.assert_array_equal(got.fractions, expected.fractions)


def texts(table: Table, name: str) -> list[str | None]:
    """What factorize says about each row, in the spelling of categories."""
    codes, values = table.factorize(name)
    assert codes.dtype == np.int64
    assert set(codes) - {-1} == set(range(len(values)))
    return [None if code < 0 else canonical(values[code]) for code in codes]


def codes(field: Field, values: object) -> list[int]:
    """The codes of a field for one column of values."""
    return Schema((field,), (field.source,)).encode({field.source: values}).codes[:, 0].tolist()
