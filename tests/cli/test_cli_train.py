import json

import pandas as pd
import pytest

from l0gm import load
from l0gm.datasets import path
from l0gm.errors import DatasetError

MEASURES = ("accuracy", "auc", "log_loss", "brier", "ece")
KEYS = ("ece_null_p95", "active_fraction", "n_open", "n_dimensions", "n_parameters", "dense")


def test_json_is_the_summary_file(trained):
    assert json.loads((trained.folder / "summary.json").read_text()) == trained.summary
    assert set(KEYS) <= set(trained.summary)
    for part in (trained.summary, trained.summary["dense"]):
        for name in MEASURES:
            assert set(part[name]) == {"mean", "std", "worst", "seeds"}
            assert len(part[name]["seeds"]) == 2
    assert (trained.summary["data"], trained.summary["target"]) == (str(trained.people), "churned")
    assert trained.summary["rows"] == {"train": 400, "test": 100}


def test_each_fit_is_a_line_on_standard_error(trained):
    lines = trained.stderr.splitlines()
    assert [line.partition(":")[0] for line in lines] == [
        f"seed {seed}, {role}" for seed in (0, 1) for role in ("gated", "dense")
    ]


def test_options_reach_the_model(trained):
    options = trained.summary["options"]
    asked = {"active": 0.3, "epochs": 2, "deep": [8], "cin": [2], "embedding_dim": 4}
    assert {name: options[name] for name in asked} == asked
    model = load(trained.model)
    assert "id" not in model.schema.columns
    assert trained.summary["n_open"] == round(0.3 * trained.summary["n_dimensions"])


def test_the_table_for_people(l0gm, people, quick, tmp_path):
    args = ["train", people / "people.parquet", "--target", "churned", "--out", tmp_path, "--no-dense", *quick]
    result = l0gm(*args, "--progress", "--mask", "batch", "--linear", "off", "--class-weight", "balanced")
    assert result.exit_code == 0, result.stderr
    assert "100 %" in result.stderr  # the bar
    assert "400 training and 100 test rows, 1 seed" in result.stdout
    assert "dense" not in result.stdout
    assert f"l0gm show {tmp_path}/seed-0/model.l0gm" in result.stdout
    options = json.loads((tmp_path / "summary.json").read_text())["options"]
    assert (options["mask"], options["linear"], options["class_weight"]) == ("batch", "off", "balanced")


def test_the_same_command_again_fits_nothing(l0gm, trained, quick):
    before = trained.model.stat().st_mtime_ns
    args = ["--target", "churned", "--drop", "id", "--active", "0.3", "--seeds", "2", "--out", trained.folder]
    result = l0gm("train", trained.people, *args, *quick)
    assert trained.model.stat().st_mtime_ns == before
    assert f"{trained.summary['accuracy']['mean']:.4f}" in result.stdout
    assert "accuracy, gated minus dense" in result.stdout


def test_other_settings_in_the_same_folder(refuses, trained, quick):
    args = ["--target", "churned", "--drop", "id", "--active", "0.4", "--out", trained.folder]
    line = refuses("train", trained.people, *args, *quick)
    assert "active: 0.3 there, 0.4 now" in line
    assert "overwrite" in line


def test_a_registered_data_set_goes_to_runs(l0gm, quick, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = l0gm("train", "synthetic:multiclass", "--no-dense", "--overwrite", *quick)
    assert result.exit_code == 0, result.stderr
    summary = json.loads((tmp_path / "runs" / "synthetic-multiclass" / "summary.json").read_text())
    assert (summary["data"], summary["split"]) == ("synthetic:multiclass", "holdout")
    assert "ECE, positive class" not in result.stdout


def test_a_file_of_test_rows(l0gm, trained, quick, tmp_path):
    trained.frame.iloc[:300].to_csv(tmp_path / "train.csv", index=False)
    trained.frame.iloc[300:].drop(columns="id").to_csv(tmp_path / "test.csv", index=False)
    args = ["--target", "churned", "--test", tmp_path / "test.csv", "--drop", "id", "--out", tmp_path / "run"]
    result = l0gm("train", tmp_path / "train.csv", *args, "--gate", "none", "--deep", "none", *quick, "--json")
    assert result.exit_code == 0, result.stderr
    summary = json.loads(result.stdout)
    assert summary["rows"] == {"train": 300, "test": 200}
    assert summary["split"] == "test file test.csv"
    assert summary["dense"] is None


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["people.csv"], "--target: name the column"),
        (["people.csv", "--target", "churnd"], "did you mean 'churned'?"),
        (["people.csv", "--target", "churned", "--drop", "idd"], "--drop idd: there is no such column"),
        (["people.csv", "--target", "churned", "--drop", "churned"], "it is the target"),
        (["people.csv", "--target", "churned", "--categorical", "ag"], "--categorical ag"),
        (["people.csv", "--target", "churned", "--split", "openml"], "--split openml"),
        (["people.csv", "--target", "churned", "--test-size", "1.5"], "test_size=1.5"),
        (["people.csv", "--target", "churned", "--test-size", "0.1", "--test", "people.csv"], "one of the two"),
        (["people.csv", "--target", "churned", "--active", "0.1", "--penalty", "1"], "one of the two"),
        (["people.csv", "--target", "churned", "--active", "1.5"], "active=1.5"),
        (["people.csv", "--target", "churned", "--deep", "8,x"], "--deep '8,x'"),
        (["people.csv", "--target", "churned", "--device", "abacus"], "device='abacus'"),
        (["people.csv", "--target", "id"], "class 1000 has 1 row"),
        (["none.csv", "--target", "churned"], "none.csv: no such file"),
        (["synthetic:mixd"], "did you mean 'synthetic:mixed'?"),
        (["synthetic:mixed", "--split", "uci"], "it has: holdout"),
        (["synthetic:mixed", "--target", "age"], "the target of synthetic:mixed is churned"),
        (["synthetic:mixed", "--test-size", "0.1"], "--test-size 0.1: it is for files"),
    ],
)
def test_a_users_errors(refuses, people, tmp_path, monkeypatch, args, message):
    monkeypatch.chdir(people)
    assert message in refuses("train", *args, "--out", tmp_path)


def test_a_folder_that_cannot_be_written(refuses, people, tmp_path):
    (tmp_path / "file").write_text("")
    line = refuses("train", people / "people.csv", "--target", "churned", "--out", tmp_path / "file" / "run")
    assert str(tmp_path) in line


def test_a_target_with_gaps(refuses, trained, tmp_path):
    frame: pd.DataFrame = trained.frame.copy()
    frame.loc[3, "churned"] = None
    frame.to_csv(tmp_path / "gaps.csv", index=False)
    assert "the target is missing in 1 of 500 rows" in refuses("train", tmp_path / "gaps.csv", "--target", "churned")


@pytest.mark.data
def test_adult(l0gm, tmp_path):
    try:
        path("adult")
    except DatasetError as error:
        pytest.skip(str(error))
    args = ["--split", "openml", "--seeds", "1", "--epochs", "2", "--out", tmp_path, "--json"]
    result = l0gm("train", "adult", *args)
    assert result.exit_code == 0, result.stderr
    summary = json.loads(result.stdout)
    assert summary["rows"] == {"train": 39_073, "test": 9_769}
    assert (summary["n_open"], summary["n_dimensions"]) == (34, 224)
    assert summary["auc"]["mean"] > 0.89
    assert summary["accuracy"]["mean"] > 0.83
