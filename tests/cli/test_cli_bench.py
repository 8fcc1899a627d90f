import json

import pytest

from l0gm import datasets
from l0gm.cli import bench
from l0gm.errors import DatasetError

QUICK = ["--quick", "--repeats", "1", "--threads", "1", "--peers", "histgb"]


@pytest.fixture(scope="module")
def done(l0gm, people, tmp_path_factory):
    """The benchmark of people.csv, and where it was written."""
    folder = tmp_path_factory.mktemp("bench") / "people"
    asked = ["--data", people / "people.csv", "--target", "churned", "--batch", "1,all", "--out", folder]
    return l0gm("bench", *asked, *QUICK), folder


def test_a_file_of_ones_own(done):
    result, folder = done
    assert result.exit_code == 0, result.stderr
    for part in ("HistGradientBoosting", "fastest peer", "bytes a row", "bench.json", "the figures mean nothing"):
        assert part in result.stdout
    assert {path.name for path in folder.iterdir()} >= {"bench.json", "bench.md", "bench.csv", "l0gm.l0gm"}
    record = json.loads((folder / "bench.json").read_text())
    assert record["target"] == "churned"
    assert record["rows"]["test"] == 100
    assert {entry["threads"] for entry in record["latency"]} == {1}
    assert {entry["batch"] for entry in record["latency"]} == {1, "all"}


def test_progress_is_on_standard_error(done):
    result, _ = done
    assert "l0gm: fitted in" in result.stderr
    assert "prepared arrays, 1 row, 1 thread" in result.stderr


def test_generated_rows_as_json(l0gm, tmp_path):
    asked = ["bench", "synthetic:mixed", "--rows", "600", "--batch", "all", "--out", tmp_path, "--json"]
    result = l0gm(*asked, *QUICK)
    assert result.exit_code == 0, result.stderr
    record = json.loads(result.stdout)
    assert record["data"] == "synthetic:mixed of 600 rows"
    assert record["rows_given"] == 450


def test_many_generated_rows_are_fitted_on_a_part(l0gm, tmp_path, monkeypatch):
    monkeypatch.setattr(bench, "QUICK_ROWS", 400)
    asked = ["bench", "synthetic:mixed", "--rows", "1000", "--batch", "all", "--out", tmp_path]
    result = l0gm(*asked, *QUICK)
    assert "fitted on a part of the 750 training rows" in result.stdout


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ([], "DATA and --data: give one of the two"),
        (["adult", "--data", "people.csv"], "DATA and --data: give one of the two"),
        (["adult", "--peers", "cat"], "--peers cat: there is no such peer"),
        (["adult", "--threads", "two"], "--threads 'two': give whole numbers"),
        (["adult", "--batch", "0"], "--batch '0': give whole numbers"),
        (["adult", "--teacher", "me"], "--teacher me: choose one of average, trees, none"),
        (["cora"], "cora is a graph"),
        (["nowhere.csv"], "nowhere.csv"),
    ],
)
def test_arguments_that_mean_nothing(refuses, args, message):
    assert message in refuses("bench", *args)


@pytest.mark.data
def test_adult(l0gm, tmp_path):
    try:
        datasets.path("adult")
    except DatasetError as error:
        pytest.skip(str(error))
    result = l0gm("bench", "adult", "--batch", "256", "--out", tmp_path, *QUICK)
    assert result.exit_code == 0, result.stderr
    record = json.loads((tmp_path / "bench.json").read_text())
    assert record["rows"]["test"] == 9769
    assert record["columns"] == {"numbers": 6, "text": 8}
    assert min(found["auc"] for found in record["quality"].values()) > 0.75
