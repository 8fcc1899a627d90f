"""active auto, costs and a teacher from the command line."""

import json

import numpy as np
import pandas as pd
import pytest

from l0gm import load
from l0gm.assembly import GATES
from l0gm.cli.parsing import amounts, fraction
from l0gm.cli.train_options import Gate
from l0gm.errors import ParameterError


def test_auto_cost_and_teacher_reach_the_model(l0gm, people, quick, tmp_path):
    args = ["train", people / "people.parquet", "--target", "churned", "--drop", "id", "--out", tmp_path, *quick]
    asked = ["--active", "auto", "--cost", "age=10", "--teacher", "trees", "--teacher-weight", "0.3", "--json"]
    columns = json.loads(l0gm(*args, "--no-dense", "--json").stdout)["support"]
    first = next(iter(columns)).partition(":")[0]
    asked[3] = f"{first}=10"
    result = l0gm(*args, *asked, "--overwrite")
    assert result.exit_code == 0, result.stderr
    summary = json.loads(result.stdout)
    options = summary["options"]
    assert (options["active"], options["teacher"], options["teacher_weight"]) == ("auto", "trees", 0.3)
    assert options["cost"] == {first: 10.0}
    events = [json.loads(line) for line in (tmp_path / "seed-0" / "history.jsonl").read_text().splitlines()]
    trials = [event for event in events if event["event"] == "trial"]
    assert summary["n_open"] == min(trial["n_open"] for trial in trials if trial["good"])
    assert summary["dense"]["n_parameters"] > 0  # without the cost, which a dense model cannot have


@pytest.mark.parametrize(("text", "value"), [("0.2", 0.2), ("auto", "auto"), (" AUTO ", "auto"), ("1", 1.0)])
def test_a_fraction_is_a_number_or_auto(text, value):
    assert fraction("--active", text) == value


def test_what_is_no_fraction():
    with pytest.raises(ParameterError, match="--active 'some'"):
        fraction("--active", "some")


def test_amounts_by_name():
    assert amounts("--cost", "scan=10, a=b=0.5,") == {"scan": 10.0, "a=b": 0.5}
    assert amounts("--cost", "") == {}


@pytest.mark.parametrize("text", ["scan", "scan=", "=3", "scan=dear", "3"])
def test_what_are_no_amounts(text):
    with pytest.raises(ParameterError, match="--cost"):
        amounts("--cost", text)


def test_a_column_that_is_not_there_cannot_cost(l0gm, people, quick, tmp_path):
    args = ["train", people / "people.parquet", "--target", "churned", "--out", tmp_path, *quick]
    result = l0gm(*args, "--cost", "agee=10")
    assert result.exit_code == 2
    assert "agee" in result.stderr


def test_columns_of_categories_are_trained_on_as_they_will_be_read(l0gm, quick, tmp_path):
    """00501 in the file is the category 00501, not the number 501, as in the files that are answered."""
    zips, labels = np.tile(["00501", "10001"], 100), np.tile(["no", "yes"], 100)
    path = tmp_path / "towns.csv"
    pd.DataFrame({"zip": zips, "y": labels}).to_csv(path, index=False)
    result = l0gm("train", path, "--target", "y", "--categorical", "zip", "--no-dense", "--out", tmp_path, *quick)
    assert result.exit_code == 0, result.stderr
    model = tmp_path / "seed-0" / "model.l0gm"
    assert load(model).schema.fields[0].vocabulary == ("00501", "10001")
    evaluated = json.loads(l0gm("evaluate", model, path, "--json").stdout)
    assert evaluated["n_rows"] == 200
    assert l0gm("monitor", model, path).exit_code == 0


def test_hidden_units_close_in_the_sparse_model_alone(l0gm, people, quick, tmp_path):
    args = ["train", people / "people.parquet", "--target", "churned", "--drop", "id", "--out", tmp_path, *quick]
    result = l0gm(*args, "--deep", "16,8", "--epochs", 8, "--active", 0.3, "--hidden-cost", 0.2, "--json")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["options"]["hidden_cost"] == 0.2
    small, dense = (load(tmp_path / "seed-0" / name) for name in ("model.l0gm", "dense/model.l0gm"))
    widths = [len(bias) for _, bias in small.program.deep[:-1]]
    assert small.information["hidden_units"] == [[widths[0], 16], [widths[1], 8]]
    assert sum(widths) < 24
    assert [len(bias) for _, bias in dense.program.deep] == [16, 8, 1]
    shown = l0gm("show", tmp_path / "seed-0" / "model.l0gm").stdout
    assert f"hidden units that stayed: {widths[0]} of 16 and {widths[1]} of 8" in shown


def test_a_hidden_cost_is_for_tables_and_above_0(refuses, people, tmp_path):
    args = ["train", people / "people.parquet", "--target", "churned", "--out", tmp_path]
    assert "hidden_cost=0.0: a finite number above 0" in refuses(*args, "--hidden-cost", 0)
    assert "hidden_cost=0.2: deep=() leaves no hidden units" in refuses(*args, "--hidden-cost", 0.2, "--deep", "none")
    line = refuses("train", "cora", "--hidden-cost", 0.2, "--out", tmp_path)
    assert "--hidden-cost: cora is a graph, and this option is for tables; leave it out" in line


def test_the_command_line_knows_every_gate():
    assert {gate.value for gate in Gate} == {*GATES}


def test_a_gate_reaches_the_model(l0gm, people, quick, tmp_path):
    args = ["train", people / "people.parquet", "--target", "churned", "--drop", "id", "--out", tmp_path, *quick]
    result = l0gm(*args, "--active", "0.2", "--gate", "weights", "--deep", "8", "--no-dense")
    assert result.exit_code == 0, result.stderr
    opened, total = load(tmp_path / "seed-0" / "model.l0gm").information["open_weights"]
    assert opened == round(0.2 * total)
    refused = l0gm(*args, "--gate", "weights", "--active", "auto", "--overwrite")
    assert refused.exit_code != 0
    assert "counts weights" in refused.stderr


@pytest.mark.parametrize("gate", ["pruned", "n:m"])
def test_pruned_weights_and_calibration_coupling_reach_the_model(l0gm, people, quick, tmp_path, gate):
    args = ["train", people / "people.parquet", "--target", "churned", "--drop", "id", "--out", tmp_path, *quick]
    asked = ["--active", "0.25", "--gate", gate, "--deep", "8", "--calibration-coupling", "0.3", "--json"]
    result = l0gm(*args, *asked)
    assert result.exit_code == 0, result.stderr
    options = json.loads(result.stdout)["options"]
    assert (options["gate"], options["calibration_coupling"]) == (gate, 0.3)
    opened, total = load(tmp_path / "seed-0" / "model.l0gm").information["open_weights"]
    assert opened == round(0.25 * total)


def test_a_coupling_is_not_negative(refuses, people, tmp_path):
    args = ["train", people / "people.parquet", "--target", "churned", "--out", tmp_path]
    assert "calibration_coupling=-1.0: a finite number, not negative" in refuses(*args, "--calibration-coupling=-1")
