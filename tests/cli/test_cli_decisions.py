"""Calibration methods, thresholds, prediction sets, groups and the diagram from the command line."""

import io
import json

import numpy as np
import pandas as pd
import pytest

from l0gm import load
from l0gm.calibration import METHODS
from l0gm.cli.train_options import Calibration
from l0gm.decisions import best_threshold, threshold_for_precision


def labels_of(model, frame):
    return np.array([model.classes_.index(label) for label in frame["churned"]])


def test_the_methods_are_those_of_the_library():
    assert [method.value for method in Calibration] == list(METHODS)


def test_train_with_another_method(l0gm, quick, people, tmp_path):
    asked = ["--target", "churned", "--no-dense", "--calibration", "platt", "--calibrated", "--out", tmp_path / "run"]
    result = l0gm("train", people / "people.csv", *asked, "--json", *quick)
    assert result.exit_code == 0, result.stderr
    path = tmp_path / "run" / "seed-0" / "model.l0gm"
    model = load(path)
    assert model.calibrator.kind == "platt"
    assert model.calibrated
    assert json.loads(result.stdout)["scaled"]["calibrator"] == [str(model.calibrator)]
    shown = l0gm("show", path).stdout
    assert f"{model.calibrator}; on by default" in shown
    assert "up to" in shown
    assert json.loads(l0gm("show", path, "--json").stdout)["coverage"] == model.conformal.most
    assert f"500 rows, {model.calibrator}" in l0gm("evaluate", path, people / "people.csv").stdout


def test_groups(l0gm, trained):
    model = load(trained.model)
    result = l0gm("evaluate", trained.model, trained.people, "--by", "member", "--by", "age", "--json")
    got = json.loads(result.stdout)["by"]
    assert list(got) == ["member", "age"]
    for column, parts in got.items():
        expected = model.evaluate_by(trained.frame, trained.frame["churned"], column)
        assert parts == {"(missing)" if name is None else name: found for name, found in expected.items()}
    text = l0gm("evaluate", trained.model, trained.people, "--by", "member").stdout
    assert "by member" in text
    for found in got["member"].values():
        assert f"{found['log_loss']:.4f}" in text
        assert f"{found['ece_null_p95']:.4f}" in text
    assert "by" not in json.loads(l0gm("evaluate", trained.model, trained.people, "--json").stdout)


@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
def test_the_diagram(l0gm, trained, tmp_path, kind):
    pytest.importorskip("matplotlib")
    path = tmp_path / "new" / f"reliability.{kind}"
    assert l0gm("evaluate", trained.model, trained.people, "--plot", path).exit_code == 0
    start = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}[kind]
    assert path.read_bytes().startswith(start)
    assert [p.name for p in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("aim", [["--cost", "1,4"], ["--precision", "0.6", "--confidence", "0.8"]])
def test_a_threshold_and_the_model_that_has_it(l0gm, trained, tmp_path, aim):
    model, out = load(trained.model), tmp_path / "careful.l0gm"
    labels, proba = labels_of(model, trained.frame), model.predict_proba(trained.frame)
    expected = (
        best_threshold(labels, proba, cost_false_positive=1, cost_false_negative=4)
        if aim[0] == "--cost"
        else threshold_for_precision(labels, proba, 0.6, confidence=0.8)
    )
    result = l0gm("threshold", trained.model, trained.people, *aim, "--out", out, "--json")
    assert result.exit_code == 0, result.stderr
    got = json.loads(result.stdout)
    assert {name: got[name] for name in expected.to_dict()} == expected.to_dict()
    assert got["label"] == "yes"
    assert "written to" in result.stderr
    careful = load(out)
    assert careful.decision_threshold == expected.value
    assert load(trained.model).decision_threshold is None
    text = l0gm("threshold", trained.model, trained.people, *aim).stdout
    assert f"yes from a probability of {expected.value:.4g} on" in text
    assert f"{expected.precision_low:.4f}" in text
    assert f"yes from a probability of {expected.value:.4g} on" in l0gm("show", out).stdout
    measured = json.loads(l0gm("evaluate", out, trained.people, "--json").stdout)["decision"]
    assert measured["accuracy"] == pytest.approx(np.mean(careful.predict(trained.frame) == trained.frame["churned"]))
    assert f"accuracy {measured['accuracy']:.4f}" in l0gm("evaluate", out, trained.people).stdout


def test_predictions_obey_the_threshold_on_its_own_scale(l0gm, trained, tmp_path):
    model = load(trained.model)
    careful = model.with_threshold(float(np.median(model.predict_proba(trained.frame)[:, 1])))
    path = careful.save(tmp_path / "careful.l0gm")
    expected = careful.predict(trained.frame).tolist()
    assert expected.count("yes") == 250
    for scale in ([], ["--raw"], ["--calibrated"]):
        got = pd.read_csv(io.StringIO(l0gm("predict", path, trained.people, *scale).stdout))
        assert got["prediction"].tolist() == expected
    scaled = model.predict_proba(trained.frame, calibrated=True)
    np.testing.assert_array_equal(got["p(yes)"], scaled[:, 1])


def test_sets(l0gm, trained):
    model = load(trained.model)
    result = l0gm("predict", trained.model, trained.people, "--coverage", "0.8", "--calibrated")
    got = pd.read_csv(io.StringIO(result.stdout))
    assert list(got.columns) == ["prediction", "p(no)", "p(yes)", "in(no)", "in(yes)"]
    np.testing.assert_array_equal(got[["in(no)", "in(yes)"]], model.predict_set(trained.frame, 0.8))


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["threshold", "people.csv"], "--cost and --precision: give one of the two"),
        (["threshold", "people.csv", "--cost", "1,2", "--precision", "0.9"], "give one of the two"),
        (["threshold", "people.csv", "--cost", "1"], "--cost '1': give 2 numbers"),
        (["threshold", "people.csv", "--cost", "1,x"], "--cost '1,x': give 2 numbers"),
        (["threshold", "people.csv", "--precision", "0.9999"], "cannot be promised"),
        (["threshold", "people.csv", "--precision", "0.9", "--target", "churn"], "did you mean 'churned'?"),
        (["evaluate", "people.csv", "--by", "agee"], "--by agee: there is no such column; did you mean 'age'?"),
        (["evaluate", "people.csv", "--plot", "x.gif"], "--plot x.gif: unknown kind of file"),
        (["predict", "people.csv", "--coverage", "0.999"], "calibration rows allow for"),
        (["predict", "people.csv", "--coverage", "90"], "a share from 0.5 to below 1"),
    ],
)
def test_a_users_errors(refuses, trained, people, monkeypatch, args, message):
    monkeypatch.chdir(people)
    command, *rest = args
    assert message in refuses(command, trained.model, *rest)
    assert not (people / "x.gif").exists()
