"""Files of any size, answered piece by piece, as if they had been read whole."""

import gzip
import io
import os
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.feather
import pyarrow.parquet
import pytest

from l0gm import load
from l0gm.cli import streams
from l0gm.cli.progress import showing
from l0gm.errors import DataError
from l0gm.testing.sound import sound_model

HEADER = "age,job,account,gain,member,seen,note,code"


def lines(n, seed=0):
    """Return csv rows with every kind of cell that is read: plain and odd numbers, text, dates, gaps."""
    rng = np.random.default_rng(seed)
    ages = [f"{x:.1f}" for x in rng.normal(45, 20, n)]
    for i, odd in enumerate([" 40", "+33", "1e1", "NA", "", "inf", ".5", "1_0"[:1]]):
        ages[i * 7 + 3] = odd
    ages[38] = ""
    jobs = rng.choice(["clerk", "nurse", '"größe"', "NA", "01", ""], n)
    gains = rng.choice(["0", "-1", "inf", "1e400", "nan", "0.1"], n)
    days = rng.choice(["2024-02-03", "2023-12-31T23:59:59.5", "2024-05-06 07:08:09+02:00", ""], n)
    notes = rng.choice(["plain", '"two\nlines"', '"a ""quoted"" word"', "NA"], n)
    return [
        f"{ages[i]},{jobs[i]},a{i % 50},{gains[i]},{'True' if i % 3 else 'false'},{days[i]},{notes[i]},{i:04d}"
        for i in range(n)
    ]


def write(path, rows):
    path.write_text("\n".join([HEADER, *rows]) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return sound_model(("maybe", "no", "yes")).save(tmp_path_factory.mktemp("model") / "sound.l0gm")


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    return write(tmp_path_factory.mktemp("rows") / "rows.csv", lines(400))


@pytest.fixture
def small_pieces(monkeypatch):
    """Pieces of a few rows."""
    monkeypatch.setattr(streams, "BLOCK", 400)
    monkeypatch.setattr(streams, "BATCH_ROWS", 7)


def output(result):
    assert result.exit_code == 0, result.stderr
    return result.stdout


def test_the_pieces_do_not_matter(l0gm, model, table, small_pieces, monkeypatch):
    assert len(list(streams.open_stream(str(table)).batches(["age"]))) > 50
    pieces = output(l0gm("predict", model, table, "--keep", "code,age,note"))
    monkeypatch.setattr(streams, "BLOCK", 1 << 20)
    assert len(list(streams.open_stream(str(table)).batches(["age"]))) == 1
    assert output(l0gm("predict", model, table, "--keep", "code,age,note")) == pieces


def test_the_answers_are_those_to_the_whole_table(l0gm, model, table, small_pieces):
    got = pd.read_csv(io.StringIO(output(l0gm("predict", model, table))))
    whole = pd.read_csv(table, dtype=dict.fromkeys(["job", "account", "member"], "str"))
    served = load(model)
    np.testing.assert_array_equal(got.filter(like="p("), served.predict_proba(whole))
    assert got["prediction"].tolist() == served.predict(whole).tolist()


@pytest.mark.parametrize("kind", ["csv", "csv.gz"])
def test_the_share_that_is_told_grows_with_the_rows(small_pieces, table, tmp_path, kind):
    path = tmp_path / f"rows.{kind}"
    path.write_bytes(gzip.compress(table.read_bytes()) if kind == "csv.gz" else table.read_bytes())
    shares = [share for share, _ in streams.open_stream(str(path)).batches(["age"])]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    if kind == "csv":  # of a compressed file only what has been read is known, which is ahead
        assert shares[len(shares) // 2] == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize("kind", ["parquet", "feather"])
def test_typed_files_in_pieces(l0gm, model, small_pieces, tmp_path, kind):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "age": np.where(rng.random(50) < 0.2, np.nan, rng.normal(40, 20, 50)),
            "job": pd.Categorical(rng.choice(["clerk", "diver"], 50)),
            "account": rng.integers(0, 90, 50),
            "gain": rng.integers(-1, 2, 50),
            "member": rng.random(50) < 0.5,
            "seen": pd.date_range("2024-01-01", periods=50, freq="7h"),
        }
    )
    path = tmp_path / f"rows.{kind}"
    getattr(frame, f"to_{kind}")(path)
    got = pd.read_csv(io.StringIO(output(l0gm("predict", model, path, "--keep", "seen,member"))))
    np.testing.assert_array_equal(got.filter(like="p("), load(model).predict_proba(frame))
    assert pd.to_datetime(got["seen"]).tolist() == frame["seen"].tolist()
    assert got["member"].tolist() == frame["member"].tolist()


def test_a_folder_of_parquet_files(l0gm, model, tmp_path):
    frame = pd.DataFrame({name: [None] * 3 for name in ("age", "job", "account", "gain", "member", "seen")})
    for name in ("a", "b"):
        (tmp_path / "rows").mkdir(exist_ok=True)
        frame.assign(id=name).to_parquet(tmp_path / "rows" / f"{name}.parquet")
    got = output(l0gm("predict", model, tmp_path / "rows", "--keep", "id")).splitlines()
    assert [line[0] for line in got[1:]] == list("aaabbb")


def test_compressed_files(l0gm, model, table, small_pieces, tmp_path):
    (tmp_path / "rows.csv.gz").write_bytes(gzip.compress(table.read_bytes()))
    assert output(l0gm("predict", model, tmp_path / "rows.csv.gz")) == output(l0gm("predict", model, table))


def test_kept_cells_are_repeated_as_they_are_written(l0gm, model, table):
    got = output(l0gm("predict", model, table, "--keep", "code,age,note"))
    expected = pd.read_csv(table, dtype="str", keep_default_na=False)
    kept = pd.read_csv(io.StringIO(got), dtype="str", keep_default_na=False)
    for name in ("code", "age", "note"):
        assert kept[name].tolist() == expected[name].replace(["NA", "nan"], "").tolist()


def test_types_of_kept_columns_in_parquet_hold_for_the_whole_file(l0gm, model, small_pieces, tmp_path):
    """The first pieces do not tell."""
    rows = [f"{i},clerk,a,0,True,,{'1.5' if i == 90 else i},{'x' if i == 90 else i}" for i in range(100)]
    path = write(tmp_path / "rows.csv", rows)
    out = tmp_path / "out.parquet"
    output(l0gm("predict", model, path, "--keep", "age,note,code", "--out", out))
    got = pd.read_parquet(out)
    assert got["age"].tolist() == list(range(100))
    assert got["note"].tolist() == [1.5 if i == 90 else i for i in range(100)]
    assert got["code"].tolist() == ["x" if i == 90 else str(i) for i in range(100)]
    kept = pyarrow.parquet.ParquetFile(out)
    assert [str(t) for t in kept.schema_arrow.types] == ["int64", "double", "string", "string", *["double"] * 3]
    assert kept.num_row_groups > 5


@pytest.mark.parametrize("cells", [["007", "8"], ["12345678901234567890", "8"], ["1", "0012"]])
def test_codes_stay_text_in_parquet(l0gm, model, tmp_path, cells):
    path = write(tmp_path / "rows.csv", [f"1,clerk,a,0,True,,n,{cell}" for cell in cells])
    output(l0gm("predict", model, path, "--keep", "code", "--out", tmp_path / "out.parquet"))
    assert pd.read_parquet(tmp_path / "out.parquet")["code"].tolist() == cells


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ("oldish,clerk,a,0,True,,n,c", "row 123: column 'age': 'oldish' is no number"),
        ("inf,clerk,a,0,True,,n,c", "row 123: column 'age': 1 infinite value"),
        ("1_0,clerk,a,0,True,,n,c", "row 123: column 'age': '1_0' is no number"),
        ("nan(1),clerk,a,0,True,,n,c", "row 123: column 'age': 'nan(1)' is no number"),
        ("1,clerk,a,0,True,soon,n,c", "row 123: column 'seen': 'soon' is no date"),
        ("1,clerk,a,0,True,,n", "row 123 has 7 cells, and the header has 8"),
        ("1,clerk,a,0,True,,n,c,d", "row 123 has 9 cells, and the header has 8"),
        ("1,cl\xe4erk,a,0,True,,n,c", "row 123 is not in UTF-8"),
        ('1,"clerk', "a quote is never closed"),
    ],
)
def test_a_row_that_cannot_be_answered_is_named(refuses, model, small_pieces, tmp_path, cells, message):
    rows = ["1,clerk,a,0,True,,n,c"] * 200
    rows[122] = cells
    text = "\n".join([HEADER, *rows]) + "\n"
    path = tmp_path / "rows.csv"
    path.write_bytes(text.encode("latin-1"))
    out = tmp_path / "out.csv"
    out.write_text("mine")
    line = refuses("predict", model, path, "--out", out)
    assert message in line
    assert str(path) in line
    assert out.read_text() == "mine"
    assert {p.name for p in tmp_path.iterdir()} == {"rows.csv", "out.csv"}


def test_a_row_of_a_typed_file_is_named(refuses, model, small_pieces, tmp_path):
    frame = pd.DataFrame({name: ["1"] * 30 for name in HEADER.split(",")}).assign(seen="2024-01-01", age=1.0)
    frame.loc[17, "age"] = np.inf
    frame.to_parquet(tmp_path / "rows.parquet")
    assert "rows.parquet, row 18: column 'age': 1 infinite" in refuses("predict", model, tmp_path / "rows.parquet")


def test_columns_without_a_name_and_of_the_same_name(l0gm, refuses, model, tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text(",age,job,account,gain,member,seen,x,x\n5,1,clerk,a,0,True,,7,8\n")
    got = output(l0gm("predict", model, path, "--keep", "Unnamed: 0,x,x.1"))
    assert got.splitlines()[1].startswith("5,7,8,")
    assert pd.read_csv(path).columns.tolist()[-2:] == ["x", "x.1"]  # pandas calls them the same
    frame = pyarrow.table([[1], [2], [3]], names=["age", "seen", "age"])
    pyarrow.feather.write_feather(frame, tmp_path / "rows.feather")
    stream = streams.open_stream(str(tmp_path / "rows.feather"))
    with pytest.raises(DataError, match="duplicate column names"):
        list(stream.batches(["age"]))


@pytest.mark.parametrize("end", ["", "\n", "\n\n\n"])
def test_a_header_alone(refuses, model, tmp_path, end):
    (tmp_path / "rows.csv").write_text(HEADER + end)
    assert "has no rows" in refuses("predict", model, tmp_path / "rows.csv", "--out", tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize(
    "text",
    ["\ufeff{header}\r\n{row}\r\n", "\n\n{header}\n\n{row}\n\n", '"more\n""quoted"" names",{header}\n0,{row}'],
    ids=["marked, as of Windows", "blank lines", "quoted"],
)
def test_headers_of_all_sorts(l0gm, model, tmp_path, text):
    row = "41,clerk,a,0,True,2024-01-01,n,c"
    plain = write(tmp_path / "plain.csv", [row])
    (tmp_path / "rows.csv").write_text(text.format(header=HEADER, row=row), newline="")
    assert output(l0gm("predict", model, tmp_path / "rows.csv")) == output(l0gm("predict", model, plain))


def test_a_missing_column_is_told_before_anything_is_read(refuses, model, tmp_path):
    (tmp_path / "rows.csv").write_text("age,job,broken\n1,2,3\n1,2\n")
    line = refuses("predict", model, tmp_path / "rows.csv")
    assert "'account', 'gain', 'member', 'seen' missing" in line
    assert "'broken'" in line


def command(*args, before=""):
    """Return a command that runs the command line in a process of its own."""
    return [sys.executable, "-c", f"{before}\nfrom l0gm.cli import main\nmain()", *map(str, args)]


def test_without_pyarrow_pandas_reads_the_same(l0gm, model, table):
    expected = output(l0gm("predict", model, table, "--keep", "code,note"))
    without = command(
        "predict", model, table, "--keep", "code,note", before="import sys; sys.modules['pyarrow'] = None"
    )
    assert subprocess.run(without, check=True, timeout=600, capture_output=True, text=True).stdout == expected


# ---- what is written ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["out.csv", "out.parquet"])
def test_a_disk_that_is_full_leaves_what_was_there(refuses, model, table, small_pieces, tmp_path, name):
    out = tmp_path / name
    out.write_text("mine")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (3000, before[1]))
        line = refuses("predict", model, table, "--out", out)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "cannot be written" in line
    assert "what was there is unchanged" in line
    assert out.read_text() == "mine"
    assert [p.name for p in tmp_path.iterdir()] == [name]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_is_not_writable(refuses, model, table, tmp_path):
    tmp_path.chmod(0o500)
    try:
        assert "Permission denied" in refuses("predict", model, table, "--out", tmp_path / "out.csv")
    finally:
        tmp_path.chmod(0o700)


def test_killed_while_writing(model, table, tmp_path):
    """What was there stays; what was written so far lies beside it, hidden."""
    out = tmp_path / "out.csv"
    out.write_text("mine")
    die = "import os, pathlib; pathlib.Path.replace = lambda *a: os._exit(9)"
    killed = command("predict", model, table, "--out", out, before=die)
    assert subprocess.run(killed, check=False, timeout=600).returncode == 9
    assert out.read_text() == "mine"
    (left,) = {p.name for p in tmp_path.iterdir()} - {"out.csv"}
    assert left.startswith(".out.csv.")
    assert left.endswith(".part")


def test_a_reader_that_has_seen_enough(model, table):
    """As in ``l0gm predict ... | head``."""
    many = table.with_name("many.csv")
    many.write_text(f"{HEADER}\n" + "1,clerk,a,0,True,,n,c\n" * 200_000)
    with subprocess.Popen(
        command("predict", model, many), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "prediction,p(maybe),p(no),p(yes)\n"
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(600) == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a disk that is always full")
@pytest.mark.parametrize("rows", [1, 20_000])
def test_standard_output_on_a_full_disk(model, tmp_path, rows):
    """A few rows are written when the command ends, many before."""
    many = tmp_path / "many.csv"
    many.write_text(f"{HEADER}\n" + "1,clerk,a,0,True,,n,c\n" * rows)
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            command("predict", model, many), stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=600
        )
    assert done.returncode == 2
    assert done.stderr == ("l0gm: error: standard output cannot be written ([Errno 28] No space left on device)\n")


def test_what_is_read_is_not_replaced(refuses, model, table, tmp_path):
    before = table.read_bytes()
    link = tmp_path / "link.csv"
    link.symlink_to(table)
    for out in (table, link):
        line = refuses("predict", model, table, "--out", out)
        assert line == f"l0gm: error: --out {out}: it would replace {table}, which is read; choose another place"
    assert table.read_bytes() == before


def peak(model, path, out):
    """Return how many kB of memory a prediction took."""
    status = "print(next(line for line in open('/proc/self/status') if line.startswith('VmHWM')))"
    before = (
        "import atexit\n"
        f"atexit.register(lambda: {status})\n"
        "from l0gm.cli import streams\n"
        "streams.BLOCK = 65_536  # pyarrow reads some dozens of blocks ahead"
    )
    run = command("predict", model, path, "--out", out, before=before)
    done = subprocess.run(run, check=True, timeout=600, capture_output=True, text=True)
    return int(done.stdout.split()[-2])


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks the system for the process' memory")
def test_memory_does_not_grow_with_the_file(model, tmp_path):
    sizes = []
    for megabytes in (4, 40):
        path = tmp_path / f"{megabytes}.csv"
        row = f"1,clerk,a,0,True,2024-02-03,{'n' * 9_970},c\n"
        path.write_text(f"{HEADER}\n" + row * (100 * megabytes))
        sizes.append(peak(model, path, tmp_path / "out.csv"))
        path.unlink()
    assert sizes[1] - sizes[0] < 20_000


# ---- what is shown -----------------------------------------------------------------------------------------


def test_nothing_is_shown_unless_wanted(capsys):
    with showing("predict", False) as show:
        show(10, 0.5)
    assert capsys.readouterr() == ("", "")


def test_a_bar(capsys):
    with showing("predict", True) as show:
        show(1_000, 0.25)
        show(4_000, 1.0)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "4,000 rows" in shown.err
    assert "100 %" in shown.err


def test_a_line_where_rich_is_not_installed(capsys, monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "rich"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "rich", None)
    with showing("predict", True) as show:
        show(1_000, 0.25)
        show(4_000, 1.0)
    assert capsys.readouterr().err == "\rpredict  25% 1,000 rows\x1b[K\rpredict 100% 4,000 rows\x1b[K\n"
