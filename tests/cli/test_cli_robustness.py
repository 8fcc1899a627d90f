import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from l0gm import L0GMClassifier, load
from l0gm.datasets import load as load_data
from l0gm.robustness import InputStatistics, robustness


@pytest.fixture(scope="module")
def halves(trained, tmp_path_factory):
    """The rows of people.csv in two files: train.csv and test.csv."""
    folder = tmp_path_factory.mktemp("halves")
    trained.frame[:300].to_csv(folder / "train.csv", index=False)
    trained.frame[300:].to_csv(folder / "test.csv", index=False)
    return folder


def test_figures_are_those_of_the_library(l0gm, trained, halves):
    asked = ["--target", "churned", "--train", halves / "train.csv", "--seed", 5, "--metric", "log_loss", "--json"]
    result = l0gm("robustness", trained.model, halves / "test.csv", *asked)
    assert result.stderr == ""
    got = json.loads(result.stdout)
    train, test = (pd.read_csv(halves / name) for name in ("train.csv", "test.csv"))
    drop = {"columns": "churned"}
    model, X = load(trained.model), test.drop(**drop)
    found = robustness(model, X, test["churned"], X_train=train.drop(**drop), seeds=(5,), metric="log_loss")
    assert {name: got[name] for name in found.to_dict()} == json.loads(json.dumps(found.to_dict()))
    assert (got["n_conditions"], got["n_rows"], got["calibrated"]) == (12, 200, False)
    assert got["statistics_of"] == str(halves / "train.csv")


def test_without_training_rows_it_says_so(l0gm, trained, halves):
    result = l0gm("robustness", trained.model, halves / "test.csv")
    (said,) = result.stderr.splitlines()
    assert said.startswith("no --train: spread and range are those of ")
    assert "Rob mu is the mean over 12 of 12 conditions and 1 seed of corruption; 200 rows." in result.stdout
    assert "| occlusion 0.3        |" in result.stdout


def test_a_registered_data_set_knows_its_training_rows(l0gm, trained):
    result = l0gm("robustness", trained.model, "synthetic:mixed", "--calibrated", "--json")
    assert result.stderr == ""
    got = json.loads(result.stdout)
    assert (got["n_rows"], got["calibrated"]) == (1000, True)
    assert "train rows" in got["statistics_of"]
    data = load_data("synthetic:mixed")
    train, test = data.split()
    X, y = data.features, data.labels

    class Calibrated:
        classes_ = load(trained.model).classes_

        def predict_proba(self, rows):
            return load(trained.model).predict_proba(rows, calibrated=True)

    found = robustness(Calibrated(), X.iloc[test], y.iloc[test], statistics=InputStatistics.fit(X.iloc[train]))
    assert got["measures"] == json.loads(json.dumps(found.to_dict()["measures"]))
    assert l0gm("robustness", trained.model, "synthetic:mixed", "--part", "all").stderr.startswith("no --train")


def test_files_are_written(l0gm, trained, halves, tmp_path):
    result = l0gm("robustness", trained.model, halves / "test.csv", "--out", tmp_path / "new")
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["robustness.json", "robustness.md"]
    assert (tmp_path / "new" / "robustness.md").read_text() == result.stdout
    record = json.loads((tmp_path / "new" / "robustness.json").read_text())
    assert f"{record['rob_mu']:.4f}" in result.stdout


def test_numbers_written_as_text_and_codes_for_missing_ones(l0gm, tmp_path):
    """Words among numbers, and a number that means missing, are missing before anything is corrupted."""
    rng = np.random.default_rng(0)
    x = np.round(rng.normal(50, 10, 600), 3)
    y = np.where(x + rng.normal(0, 3, 600) > 50, "up", "down")
    text = pd.Series(x).astype(str).where(rng.random(600) > 0.1, "-")
    code = pd.Series(x).where(rng.random(600) > 0.1, -999.0)
    frame = pd.DataFrame({"text": text, "code": code, "y": y})
    frame.to_csv(tmp_path / "odd.csv", index=False)
    model = L0GMClassifier(active=0.9, epochs=3, missing_values=[-999]).fit(frame[["text", "code"]], y)
    path = model.compact().with_information(target="y").save(tmp_path / "odd.l0gm")
    assert {field.kind for field in load(path).schema.fields} == {"numeric"}
    got = json.loads(l0gm("robustness", path, tmp_path / "odd.csv", "--json").stdout)
    clean = pd.DataFrame({"text": pd.to_numeric(text, errors="coerce"), "code": code.where(code > 0)})
    found = robustness(load(path), clean, y, X_train=clean)
    assert got["conditions"] == found.conditions
    assert got["conditions"]["noise 0.05"] < got["clean"] + 0.05


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["test.csv", "--target", "churn"], "did you mean 'churned'?"),
        (["test.csv", "--metric", "f1"], "metric='f1': choose one of accuracy, auc, log_loss, ece"),
        (["test.csv", "--train", "none.csv"], "none.csv"),
        (["test.csv", "--train", "adult"], "--train adult: give a table file"),
        (["test.csv", "--train", "few.csv"], "is not in the statistics"),
        (["test.csv", "--out", "test.csv"], "cannot be written"),
        (["none.csv"], "none.csv"),
    ],
)
def test_a_users_errors(l0gm, trained, halves, monkeypatch, args, message):
    pd.read_csv(halves / "train.csv")[["id"]].to_csv(halves / "few.csv", index=False)
    monkeypatch.chdir(halves)
    result = l0gm("robustness", trained.model, *args)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert message in result.stderr.splitlines()[-1]


BLOCK = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "sklearn", "pandas"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Absent())
from l0gm.cli import main
main()
"""


def test_without_torch_and_pandas(trained, halves):
    """The command needs neither; pyarrow reads the file."""
    command = [sys.executable, "-c", BLOCK, "robustness", str(trained.model), str(halves / "test.csv"), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    test = pd.read_csv(halves / "test.csv")
    X = test.drop(columns="churned")
    found = robustness(load(trained.model), X, test["churned"], X_train=X)
    assert json.loads(done.stdout)["conditions"] == pytest.approx(found.conditions)


def test_rows_that_the_model_refuses(refuses, trained, halves):
    pd.read_csv(halves / "test.csv").assign(age="old").to_csv(halves / "old.csv", index=False)
    assert "column 'age': 'old'" in refuses(
        "robustness", trained.model, halves / "old.csv", "--train", halves / "old.csv"
    )
