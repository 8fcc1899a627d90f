"""``train`` on parquet files that are read in batches."""

import json

import numpy as np
import pandas as pd
import pytest

from l0gm import load
from l0gm.cli import sources


@pytest.fixture
def parts(people, tmp_path):
    """The rows of people.parquet in a folder of three files."""
    frame = pd.read_parquet(people / "people.parquet")
    (tmp_path / "people").mkdir()
    for i, low in enumerate((0, 120, 350)):
        part = frame.iloc[low : (120, 350, 500)[i]]
        part.to_parquet(tmp_path / "people" / f"{i}.parquet", index=False)
    return tmp_path / "people"


def train(l0gm, quick, out, *args):
    result = l0gm("train", *args, "--target", "churned", "--drop", "id", "--out", out, "--json", *quick)
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def measured(summary):
    names = ("accuracy", "auc", "log_loss", "ece")
    both = [{name: part[name] for name in names} for part in (summary, summary["dense"])]
    return both, {name: summary[name] for name in ("n_open", "support", "rows", "split")}


def test_files_in_batches_give_the_models_of_files_in_memory(l0gm, quick, people, parts, tmp_path):
    plain = train(l0gm, quick, tmp_path / "a", people / "people.parquet")
    whole = train(l0gm, quick, tmp_path / "b", people / "people.parquet", "--out-of-core")
    folder = train(l0gm, quick, tmp_path / "c", parts)
    assert measured(plain) == measured(whole) == measured(folder)
    frame = pd.read_parquet(people / "people.parquet")
    answers = [load(tmp_path / run / "seed-0" / "model.l0gm").predict_proba(frame) for run in "abc"]
    assert np.array_equal(answers[0], answers[1])
    assert np.array_equal(answers[0], answers[2])


def test_test_rows_from_another_file(l0gm, quick, people, parts, tmp_path):
    plain = train(l0gm, quick, tmp_path / "a", people / "people.parquet", "--test", people / "people.csv")
    folder = train(l0gm, quick, tmp_path / "b", parts, "--test", people / "people.parquet", "--out-of-core")
    assert plain["rows"] == folder["rows"] == {"train": 500, "test": 500}
    assert plain["accuracy"] == folder["accuracy"]


def test_the_same_command_again_fits_nothing(l0gm, quick, parts, tmp_path):
    first = train(l0gm, quick, tmp_path / "run", parts)
    model = tmp_path / "run" / "seed-0" / "model.l0gm"
    before = model.stat().st_mtime_ns
    assert train(l0gm, quick, tmp_path / "run", parts) == first
    assert model.stat().st_mtime_ns == before


def test_other_rows_are_another_run(l0gm, refuses, quick, parts, tmp_path):
    train(l0gm, quick, tmp_path / "run", parts)
    frame = pd.read_parquet(parts / "2.parquet")
    frame.assign(age=frame["age"] + 1).to_parquet(parts / "2.parquet", index=False)
    again = ["train", parts, "--target", "churned", "--drop", "id", "--out", tmp_path / "run", *quick]
    assert "training rows: 400 (sha256" in refuses(*again)


@pytest.mark.parametrize(("size", "batches"), [(1, True), (10**9, False)])
def test_large_files_are_read_in_batches(monkeypatch, people, size, batches):
    monkeypatch.setattr(sources, "LARGE", size)
    for out_of_core in (None, True, False):
        task = sources.read_task(str(people / "people.parquet"), "churned", None, None, None, out_of_core)
        expected = batches if out_of_core is None else out_of_core
        assert isinstance(task.train, sources.FilePart) is expected
        assert (len(task.train.frame), len(task.test.frame)) == (400, 100)


def test_what_cannot_be_read_in_batches(refuses, people, parts):
    assert "people.csv is read whole" in refuses("train", people / "people.csv", "--target", "churned", "--out-of-core")
    assert "adult is held in memory" in refuses("train", "adult", "--out-of-core")
    assert "folders are read in batches" in refuses("train", parts, "--target", "churned", "--in-memory")


def test_errors_name_the_option_and_what_there_is(refuses, parts, tmp_path):
    line = refuses("train", parts, "--target", "churn")
    assert "--target churn: there is no such column; did you mean 'churned'?" in line
    assert "--drop idd" in refuses("train", parts, "--target", "churned", "--drop", "idd")
    (tmp_path / "none").mkdir()
    assert "holds no parquet file" in refuses("train", tmp_path / "none", "--target", "churned")
    empty = pd.read_parquet(parts / "0.parquet").iloc[:0]
    empty.to_parquet(tmp_path / "none" / "empty.parquet", index=False)
    assert "has no rows" in refuses("train", tmp_path / "none", "--target", "churned")
