import gzip
import sys

import numpy as np
import pytest

from l0gm.cli import streams
from l0gm.cli.files import check_columns, check_writable, read_table
from l0gm.data.frames import Table, canonical
from l0gm.errors import DataError, MissingExtraError, ParameterError

TEXT = """number,count,text,day,flag
0.1,1,a,2024-01-02,true
,2,NA,,false
12345678.901234567,3,None,2024-02-03,true
"""


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text(TEXT)
    return path


@pytest.fixture
def no_pandas(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)


def content(frame):
    """Each column's kind and its values as a model sees them."""
    table = Table(frame.to_native())
    found = {}
    for name in table.names:
        codes, values = table.factorize(name)
        texts = [*map(canonical, values), None]
        found[name] = (table.kind(name), [texts[code] for code in codes])
    return found


def test_numbers_are_read_to_the_last_bit(table):
    frame = read_table(table)
    assert frame["number"].to_list()[::2] == [0.1, 12345678.901234567]
    rng = np.random.default_rng(0)
    numbers = rng.random(2000) * 10.0 ** rng.integers(-10, 10, 2000)
    table.write_text("x\n" + "\n".join(map(repr, numbers.tolist())))
    assert read_table(table)["x"].to_list() == numbers.tolist()


def test_pandas_and_pyarrow_read_the_same(table, monkeypatch):
    expected = content(read_table(table))
    assert expected["text"] == ("text", ["a", None, None])
    assert expected["day"] == ("text", ["2024-01-02", None, "2024-02-03"])
    assert expected["flag"] == ("boolean", ["True", "False", "True"])
    monkeypatch.setitem(sys.modules, "pandas", None)
    frame = read_table(table)
    assert frame.implementation.is_pyarrow()
    assert content(frame) == expected


@pytest.mark.parametrize("kind", ["csv", "tsv", "parquet", "feather"])
def test_every_kind_without_pandas(people, no_pandas, kind):
    frame = read_table(people / f"people.{kind}")
    assert frame.implementation.is_pyarrow()
    assert len(frame) == 500


def test_commands_work_without_pandas(l0gm, trained, no_pandas, tmp_path):
    expected = trained.frame.assign(**{"p(yes)": 0})["id"]
    result = l0gm("predict", trained.model, trained.people, "--keep", "id", "--out", tmp_path / "a.parquet")
    assert result.exit_code == 0, result.stderr
    assert l0gm("evaluate", trained.model, trained.people).exit_code == 0
    import pyarrow.parquet as parquet

    assert parquet.read_table(tmp_path / "a.parquet")["id"].to_pylist() == expected.tolist()


def test_without_any_reader(table, no_pandas, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match="pandas or pyarrow"):
        read_table(table)


@pytest.mark.parametrize("engine", ["pandas", "pyarrow"])
@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.csv", b"", "is empty"),
        ("a.csv", b"a,b\n", "has no rows"),
        ("a.csv", b"a,b\n1,2,3\n1,2,3\n", "cannot be read as csv"),
        ("a.csv", b"a,b\n1,2\n1,2,3\n", "cannot be read as csv"),
        ("a.csv", b"a,b\n\xff\xfe\xe4,2\n", "cannot be read as csv"),
        ("a.parquet", b"PAR1 not really", "cannot be read as parquet"),
        ("a.feather", b"neither", "cannot be read as feather"),
        ("a.xlsx", b"x", "unknown kind of file; give one of .csv, .tsv"),
        ("a", b"x", "unknown kind of file"),
    ],
)
def test_files_that_cannot_be_read(tmp_path, monkeypatch, engine, name, text, message):
    if engine == "pyarrow":
        monkeypatch.setitem(sys.modules, "pandas", None)
    path = tmp_path / name
    path.write_bytes(text)
    with pytest.raises(DataError, match=message) as caught:
        read_table(path)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("engine", ["pandas", "pyarrow"])
@pytest.mark.parametrize("damage", ["cut short", "a byte changed"])
def test_compressed_files_that_are_damaged(tmp_path, monkeypatch, engine, damage):
    if engine == "pyarrow":
        monkeypatch.setitem(sys.modules, "pandas", None)
    whole = gzip.compress(b"a,b\n" + b"".join(b"%d,%d\n" % (i, i * i) for i in range(2000)), mtime=0)
    path = tmp_path / "a.csv.gz"
    for at in (20, len(whole) // 2, len(whole) - 5):
        path.write_bytes(
            whole[:at] if damage == "cut short" else whole[:at] + bytes([whole[at] ^ 255]) + whole[at + 1 :]
        )
        with pytest.raises(DataError, match=r"a\.csv\.gz cannot be read as csv"):
            read_table(path)
        with pytest.raises(DataError, match=r"a\.csv\.gz cannot be read as csv"):
            list(streams.open_stream(str(path)).batches(["a"]))


def test_what_is_no_file(tmp_path):
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(DataError, match="a folder"):
        read_table(tmp_path / "folder.csv")
    with pytest.raises(DataError, match="no such file"):
        read_table(tmp_path / "none.csv")


def test_a_column_that_is_not_there(table):
    frame = read_table(table)
    check_columns(frame, ["text", "day"], "--keep")
    with pytest.raises(DataError, match=r"--target txt: there is no such column; did you mean 'text'\?"):
        check_columns(frame, ["txt"], "--target")
    with pytest.raises(DataError, match="There are: number, count, text, day, flag"):
        check_columns(frame, ["zzz"], "--target")


def test_a_kind_that_is_not_written(tmp_path):
    check_writable(tmp_path / "a.parquet")
    with pytest.raises(ParameterError, match=r"give one of \.csv, \.parquet"):
        check_writable(tmp_path / "a.feather")
