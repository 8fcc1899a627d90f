"""``l0gm sweep``: a table, files, exit codes, and one line for what it refuses."""

import csv
import json

import pytest

from l0gm.cli.sweep import _fractions
from l0gm.experiments import sweeps


@pytest.fixture(scope="module")
def asked(people, quick):
    """The arguments of a small sweep, but for the knob and the folder."""
    return ["sweep", people / "people.csv", "--target", "churned", "--drop", "id", "--seeds", "1", *quick]


def test_a_front(l0gm, asked, tmp_path):
    arguments = [*asked, "--active", "0.1:0.4:3", "--out", tmp_path]
    done = l0gm(*arguments)
    assert done.exit_code == 0, done.stderr
    assert len(done.stderr.splitlines()) == 3
    assert done.stderr.startswith("active 0.1, seed 0: accuracy ")
    for part in ("400 training and 100 test rows", "validation log loss", "test ECE", "front.md"):
        assert part in done.stdout
    assert len(list((tmp_path / "points").glob("*.json"))) == 3

    again = l0gm(*arguments, "--json", "--metric", "auc")
    assert again.stderr.splitlines() == ["3 of 3 points are there"]
    front = json.loads(again.stdout)
    assert front == json.loads((tmp_path / "front.json").read_text())
    assert front["metric"] == "auc"
    assert [entry["value"] for entry in front["values"]] == [0.1, 0.2, 0.4]
    assert any(entry["on_front"] for entry in front["values"])
    assert front["falling"] is None
    with (tmp_path / "front.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert [float(line["active"]) for line in lines] == [0.1, 0.2, 0.4]
    for line, entry in zip(lines, front["values"], strict=True):
        assert float(line["test_auc_mean"]) == entry["test"]["auc"]["mean"]
        assert bool(int(line["on_front"])) == entry["on_front"]
    assert "| 0.2 |" in (tmp_path / "front.md").read_text()


def test_penalties(l0gm, asked, tmp_path):
    done = l0gm(*asked, "--penalty", "1e-3,1e-1", "--out", tmp_path, "--json")
    assert done.exit_code == 0, done.stderr
    front = json.loads(done.stdout)
    assert front["falling"] == {"share": 0.0, "seeds": [0], "falling": []}  # two values are too few
    assert "in 0 of 1 seeds" in " ".join(front["notes"])


def test_paths(l0gm, asked, tmp_path):
    arguments = [*asked, "--active", "0.1:0.4:3", "--out", tmp_path]
    done = l0gm(*arguments, "--path")
    assert done.exit_code == 0, done.stderr
    assert done.stderr.startswith("path of 3 values, seed 0: ")
    assert "All values of a seed are of one training" in done.stdout
    assert "difference" not in done.stdout
    assert len(list((tmp_path / "points").glob("*.json"))) == 3
    assert l0gm(*arguments).exit_code == 0
    again = l0gm(*arguments, "--path", "--json")
    front = json.loads(again.stdout)
    assert [entry["independent"]["seeds"] for entry in front["values"]] == [[0]] * 3
    assert "| difference, validation | difference, test |" in (tmp_path / "front.md").read_text()


def test_points_that_fail(l0gm, asked, tmp_path):
    done = l0gm(*asked, "--active", "0.2,0.4", "--lr", "1e30", "--out", tmp_path)
    assert done.exit_code == 1
    assert "2 of 2 models failed, the first (active 0.2, seed 0): " in done.stderr
    assert "lower lr" in done.stderr


def test_ctrl_c_says_how_to_go_on(l0gm, asked, tmp_path, monkeypatch):
    def interrupted(*args, **options):
        raise KeyboardInterrupt("seed 0, gated, epoch 3; 1 of 2 points are there")

    monkeypatch.setattr(sweeps, "run_sweep", interrupted)
    done = l0gm(*asked, "--active", "0.1,0.2", "--out", tmp_path)
    assert done.exit_code == 130
    (line,) = done.stderr.splitlines()
    points = "seed 0, gated, epoch 3; 1 of 2 points are there"
    assert line == f"l0gm: interrupted: {points}; the same command goes on from there"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.1", [0.1]),
        ("0.1, 0.3", [0.1, 0.3]),
        ("0.1:0.4:3", [0.1, 0.2, 0.4]),
        ("0.05:0.6:8", [0.05, 0.0713081, 0.101697, 0.145036, 0.206845, 0.294994, 0.42071, 0.6]),
        ("0.5:1:2", [0.5, 1.0]),
    ],
)
def test_values(text, expected):
    assert _fractions("--active", text) == expected


@pytest.mark.parametrize(
    "text", ["", "auto", "0.1:0.5", "0.1:0.5:1", "0.5:0.1:3", "0:0.5:3", "0.1:2:3", "a:b:c", "nan"]
)
def test_no_values(refuses, asked, tmp_path, text):
    assert f"--active {text!r}: give " in refuses(*asked, "--active", text, "--out", tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "--active and --penalty: give the values of one of the two"),
        (["--active", "0.1", "--penalty", "0.1"], "--active and --penalty: give the values of one of the two"),
        (["--penalty", "0.1", "--path"], "--path: it goes through open fractions; give --active, not --penalty"),
        (["--active", "0.1", "--path", "--gate", "random"], "a path needs a gate that learns"),
        (["--penalty", "1:2:3"], "--penalty '1:2:3': give numbers, separated by commas"),
        (["--penalty=-1"], "penalty=-1: a number that is not negative"),
        (["--active", "0.1,0.1"], "active=[0.1, 0.1]: give one or more different numbers"),
        (["--active", "0.1", "--gate", "none"], "gate='none': it has nothing that active could close"),
        (["--active", "0.1", "--encoder", "gcn"], "--encoder gcn: "),
        (["--active", "0.1", "--drop", "nothing"], "--drop"),
    ],
)
def test_what_is_refused(refuses, asked, tmp_path, arguments, message):
    assert message in refuses(*asked, *arguments, "--out", tmp_path)


def test_a_graph(l0gm, refuses, tmp_path):
    graph = ["sweep", "synthetic:products", "--scale", "0.0005", "--active", "0.1,0.5", "--seeds", "1"]
    small = ["--encoder", "sign", "--epochs", "2", "--out", tmp_path]
    done = l0gm(*graph, *small)
    assert done.exit_code == 0, done.stderr
    front = json.loads((tmp_path / "front.json").read_text())
    assert [entry["n_open"] for entry in front["values"]] == [[6], [32]]
    assert {"train", "test"} <= front["rows"].keys()
    assert "paths are of tables and texts" in refuses(*graph, *small, "--path")
    assert "--deep: synthetic:products is a graph" in refuses(*graph, *small, "--deep", "8")
    assert "gate='none'" in refuses(*graph, *small, "--gate", "none")
