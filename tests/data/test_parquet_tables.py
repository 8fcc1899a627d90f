import os
import re

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tables import arrow, columns

from l0gm.data.parquet import ParquetTable, batches_of, column_of, open_table, open_with
from l0gm.errors import DataError, ParameterError

ROWS = 100


@pytest.fixture
def table():
    return arrow(columns(ROWS))


@pytest.fixture
def path(table, tmp_path):
    pq.write_table(table, tmp_path / "rows.parquet", row_group_size=30)
    return tmp_path / "rows.parquet"


def native(rows):
    """The pyarrow table of these rows, whole."""
    return pa.concat_tables(list(rows.tables(rows.names)))


# ---- rows and columns ----------------------------------------------------------------------------------------


def test_a_file_gives_what_it_holds(path, table):
    rows = ParquetTable.open(path)
    assert (len(rows), rows.n_rows, rows.names) == (ROWS, ROWS, table.column_names)
    assert "city" in rows
    assert "town" not in rows
    assert native(rows).equals(table)
    assert rows.read().n_rows == ROWS


@pytest.mark.parametrize("size", [1, 7, 30, 99, 100, 1000])
def test_batches_have_the_size_asked_for_whatever_the_row_groups(path, table, size):
    batches = list(ParquetTable.open(path).tables(["count", "city"], size))
    assert [len(batch) for batch in batches[:-1]] == [size] * (len(batches) - 1)
    assert 0 < len(batches[-1]) <= size
    assert pa.concat_tables(batches).equals(table.select(["count", "city"]))


def test_row_groups_without_rows(table, tmp_path):
    with pq.ParquetWriter(tmp_path / "gaps.parquet", table.schema) as writer:
        for start, length in ((0, 0), (0, 10), (10, 0), (10, ROWS - 10), (0, 0)):
            writer.write_table(table.slice(start, length))
    assert native(ParquetTable.open(tmp_path / "gaps.parquet")).equals(table)


def test_a_file_without_rows_is_one_empty_batch(table, tmp_path):
    pq.write_table(table.slice(0, 0), tmp_path / "none.parquet")
    (batch,) = ParquetTable.open(tmp_path / "none.parquet").batches()
    assert (len(batch), batch.names) == (0, table.column_names)


@pytest.mark.parametrize("chosen", [[], [0], [ROWS - 1], [29, 30, 31], range(ROWS), range(0, ROWS, 7)])
def test_chosen_rows(path, table, chosen):
    rows = ParquetTable.open(path).select(np.array(chosen, dtype=np.int64))
    assert len(rows) == len(chosen)
    assert native(rows).equals(table.take(pa.array(chosen, pa.int64())))


def test_rows_of_chosen_rows(path, table):
    rows = ParquetTable.open(path).select(np.arange(10, 60)).select(np.array([0, 3, 49]))
    assert native(rows).equals(table.take([10, 13, 59]))


@pytest.mark.parametrize("wrong", [[1, 0], [0, 0], [-1, 0], [0, ROWS]])
def test_positions_ascend(path, wrong):
    with pytest.raises(ParameterError, match="ascending"):
        ParquetTable.open(path).select(np.array(wrong))


def test_only_the_columns_asked_for_are_read(path):
    rows = ParquetTable.open(path)
    (batch,) = rows.batches(["count", "city", "unknown"])
    assert batch.names == ["city", "count"]
    assert rows.without(["city", "born"]).names == ["count", "ratio", "member", "seen", "stay"]


def test_rows_of_no_column_have_a_number(path):
    assert [len(batch) for batch in ParquetTable.open(path).batches([], 60)] == [60, 40]


def test_one_column(path, table):
    rows = ParquetTable.open(path)
    assert rows.column("count").equals(table.column("count"))
    assert rows.column("city").to_pylist() == table.column("city").to_pylist()
    assert pa.types.is_dictionary(rows.column("city").type)
    chosen = rows.select(np.array([2, 50]))
    assert chosen.column("ratio").to_pylist() == table.column("ratio").take([2, 50]).to_pylist()


def test_a_column_that_is_not_there(path):
    with pytest.raises(DataError, match=r"no column 'citi': did you mean 'city'\? It has city, count"):
        ParquetTable.open(path).column("citi")


# ---- several files -------------------------------------------------------------------------------------------


@pytest.fixture
def folder(table, tmp_path):
    parts = tmp_path / "parts"
    (parts / "more").mkdir(parents=True)
    pq.write_table(table.slice(0, 33), parts / "a.parquet")
    pq.write_table(table.slice(33, 0), parts / "b.parquet")
    pq.write_table(table.slice(33), parts / "more" / "c.parquet")
    for name in ("_metadata.parquet", ".d.parquet.crc", "_SUCCESS"):
        (parts / name).write_text("not rows")
    return parts


def test_a_folder_is_its_files_in_order_of_their_names(folder, table):
    assert native(ParquetTable.open(folder)).equals(table)


def test_a_list_keeps_its_order(folder, table):
    rows = ParquetTable.open([folder / "more", str(folder / "a.parquet")])
    assert native(rows).equals(pa.concat_tables([table.slice(33), table.slice(0, 33)]))
    assert str(rows).endswith("c.parquet and 1 more")
    assert native(rows.select(np.array([0, 66, 67, 99]))).equals(table.take([33, 99, 0, 32]))


@pytest.mark.parametrize(
    ("first", "second", "common"),
    [
        (pa.array([1, None]), pa.array([0.5, 1.5]), pa.float64()),
        (pa.array([1, 2], pa.int8()), pa.array([1, 2], pa.int64()), pa.int64()),
        (pa.nulls(2), pa.array(["a", "b"]), pa.string()),
        (pa.array(["a", "b"]).dictionary_encode(), pa.array(["b", None]), pa.string()),
        (pa.array(["a", "b"]).dictionary_encode(), pa.array(["b", "c"]).dictionary_encode(), None),
        (pa.array([0, 1], pa.timestamp("s")), pa.array([0, 1], pa.timestamp("us")), pa.timestamp("us")),
    ],
)
def test_files_of_types_that_go_together(first, second, common, tmp_path):
    for name, column in (("1", first), ("2", second)):
        pq.write_table(pa.table({"x": column, "other": [0, 0]}), tmp_path / f"{name}.parquet")
    found = native(ParquetTable.open(tmp_path)).column("x")
    values = first.to_pylist() + second.to_pylist()
    assert found.to_pylist() == [value if common is None else pa.scalar(value, common).as_py() for value in values]
    assert common in (None, found.type)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (pa.array([1]), pa.array(["a"])),
        (pa.array([True]), pa.array([1])),
        (pa.array([1.5]), pa.array([0], pa.date32())),
    ],
)
def test_files_of_types_that_do_not(first, second, tmp_path):
    for name, column in (("1", first), ("2", second)):
        pq.write_table(pa.table({"x": column}), tmp_path / f"{name}.parquet")
    told = re.escape(f"column 'x' is {first.type} in {tmp_path}/1.parquet and {second.type} in {tmp_path}/2.parquet")
    with pytest.raises(DataError, match=told):
        ParquetTable.open(tmp_path)


def test_files_of_other_columns(tmp_path):
    pq.write_table(pa.table({"x": [1], "y": [2]}), tmp_path / "1.parquet")
    pq.write_table(pa.table({"y": [1], "z": [2]}), tmp_path / "2.parquet")
    with pytest.raises(DataError, match=r"2.parquet and .*1.parquet do not have the same columns .*: x, z\)"):
        ParquetTable.open(tmp_path)


def test_a_files_columns_may_stand_in_another_order(tmp_path):
    pq.write_table(pa.table({"x": [1], "y": ["a"]}), tmp_path / "1.parquet")
    pq.write_table(pa.table({"y": ["b"], "x": [2]}), tmp_path / "2.parquet")
    assert native(ParquetTable.open(tmp_path)).to_pydict() == {"x": [1, 2], "y": ["a", "b"]}


# ---- what other libraries write --------------------------------------------------------------------------------


def test_pandas_index_is_no_column(tmp_path):
    frame = pd.DataFrame({"x": [1.0, 2.0, 3.0], "kind": pd.Categorical(["b", None, "a"])}, index=[5, 3, 9])
    frame.to_parquet(tmp_path / "a.parquet")
    frame.rename_axis("customer").to_parquet(tmp_path / "b.parquet")
    frame.reset_index(drop=True).to_parquet(tmp_path / "c.parquet")
    for name, index in (("a", ("__index_level_0__",)), ("b", ("customer",)), ("c", ())):
        rows = ParquetTable.open(tmp_path / f"{name}.parquet")
        assert (rows.names, rows.index) == (["x", "kind"], index)
        assert native(rows).column("kind").to_pylist() == ["b", None, "a"]


def test_polars_types(tmp_path):
    frame = pl.DataFrame({"kind": ["b", None, "a"], "x": [1, None, 3]}, schema={"kind": pl.Categorical, "x": pl.UInt8})
    frame.write_parquet(tmp_path / "a.parquet")
    assert native(ParquetTable.open(tmp_path / "a.parquet")).to_pydict() == frame.to_dict(as_series=False)


def test_a_column_name_with_a_dot_and_one_that_begins_alike(tmp_path):
    table = pa.table({"a.b": [1, 2], "a": ["x", "y"], "nested": [{"a": 1}, {"a": 2}]})
    pq.write_table(table, tmp_path / "a.parquet")
    rows = ParquetTable.open(tmp_path / "a.parquet")
    for name in table.column_names:
        assert native(rows.without(set(table.column_names) - {name})).equals(table.select([name]))


# ---- what cannot be read ---------------------------------------------------------------------------------------


def test_no_file(tmp_path):
    with pytest.raises(DataError, match=r"gone\.parquet: no such file or folder"):
        ParquetTable.open(tmp_path / "gone.parquet")
    with pytest.raises(DataError, match="holds no parquet file"):
        ParquetTable.open(tmp_path)


@pytest.mark.parametrize("content", [b"", b"x,y\n1,2\n", b"PAR1 and no more"])
def test_another_kind_of_file(content, tmp_path):
    (tmp_path / "people.csv").write_bytes(content)
    with pytest.raises(DataError, match=r"people\.csv is no parquet file .*write them as parquet"):
        ParquetTable.open(tmp_path / "people.csv")


def test_a_file_cut_short_after_it_was_opened(path):
    rows = ParquetTable.open(path)
    os.truncate(path, 200)
    with pytest.raises(DataError, match=r"rows\.parquet cannot be read"):
        rows.read()


def test_a_damaged_page(tmp_path):
    pq.write_table(pa.table({"x": np.random.default_rng(0).random(5000)}), tmp_path / "a.parquet", compression="zstd")
    content = bytearray((tmp_path / "a.parquet").read_bytes())
    content[4:60] = bytes(56)
    (tmp_path / "a.parquet").write_bytes(content)
    with pytest.raises(DataError, match=r"a\.parquet cannot be read"):
        ParquetTable.open(tmp_path / "a.parquet").read()


def test_two_columns_of_one_name(tmp_path):
    pq.write_table(pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["x", "x"]), tmp_path / "a.parquet")
    with pytest.raises(DataError, match=r"duplicate column names \['x'\]"):
        ParquetTable.open(tmp_path / "a.parquet")


def test_a_column_in_the_name_of_a_folder(table, tmp_path):
    (tmp_path / "year=2020").mkdir()
    pq.write_table(table, tmp_path / "year=2020" / "a.parquet")
    with pytest.raises(DataError, match="name of a folder"):
        ParquetTable.open(tmp_path)
    assert len(ParquetTable.open(tmp_path / "year=2020" / "a.parquet")) == ROWS


# ---- identity --------------------------------------------------------------------------------------------------


def test_the_digest_knows_content_rows_and_columns(path, table, tmp_path):
    rows = ParquetTable.open(path)
    (tmp_path / "copy.parquet").write_bytes(path.read_bytes())
    assert ParquetTable.open(tmp_path / "copy.parquet").digest == rows.digest
    altered = table.set_column(1, "count", pa.array([*table.column("count").to_pylist()[:-1], 3]))
    pq.write_table(altered, tmp_path / "altered.parquet", row_group_size=30)
    others = [
        ParquetTable.open(tmp_path / "altered.parquet"),
        ParquetTable.open([path, path]),
        rows.without(["city"]),
        rows.select(np.arange(99)),
        rows.select(np.arange(1, 100)),
    ]
    assert len({rows.digest, *(other.digest for other in others)}) == 6


# ---- where tables are taken --------------------------------------------------------------------------------------


def test_paths_are_opened_and_tables_stay(path, table):
    for data in (path, str(path), [path, str(path)], ParquetTable.open(path)):
        assert isinstance(open_table(data), ParquetTable)
    for data in (table, {"x": [1]}, [{"x": 1}], np.zeros((2, 2))):
        assert not isinstance(open_table(data), ParquetTable)
        assert len(list(batches_of(data, ["x"]))) == 1


def test_columns_by_name_leave_the_table(path, table):
    rows, target, weight = open_with(path, "city", "ratio")
    assert rows.names == ["count", "member", "born", "seen", "stay"]
    assert target.to_pylist() == table.column("city").to_pylist()
    assert weight.to_pylist() == table.column("ratio").to_pylist()
    rows, target, weight = open_with(path, list(range(ROWS)), None)
    assert (rows.names, target, weight) == (table.column_names, list(range(ROWS)), None)
    assert open_with(table, "city")[1] == "city"
    assert column_of(path, "count").to_pylist() == table.column("count").to_pylist()
    assert column_of(table, "count") == "count"
