import json

import pandas as pd
import pytest

from l0gm import load


@pytest.fixture
def newer(trained, tmp_path):
    """More rows of the same kind."""
    trained.frame.sample(300, random_state=0).to_csv(tmp_path / "newer.csv", index=False)
    return tmp_path / "newer.csv"


def test_training_goes_on(l0gm, trained, newer, tmp_path):
    """The target is the model's own, and there is no dense model to compare with."""
    result = l0gm("train", newer, "--from", trained.model, "--out", tmp_path / "run", "--epochs", 2, "--json")
    assert result.exit_code == 0, result.stderr
    summary = json.loads(result.stdout)
    assert summary["dense"] is None
    assert summary["target"] == "churned"
    assert summary["options"]["initial_model"].startswith("sha256 ")
    old, new = load(trained.model), load(tmp_path / "run" / "seed-0" / "model.l0gm")
    assert new.schema.fields == old.schema.fields
    assert new.information["support"] == old.information["support"]
    assert not (tmp_path / "run" / "seed-0" / "dense").exists()


def test_a_run_that_is_there_goes_on_from_the_same_model_alone(l0gm, refuses, trained, newer, tmp_path):
    args = ["train", newer, "--out", tmp_path / "run", "--epochs", 1, "--from"]
    copy = tmp_path / "copy.l0gm"
    copy.write_bytes(trained.model.read_bytes())
    assert l0gm(*args, trained.model).exit_code == 0
    written = (tmp_path / "run" / "seed-0" / "model.l0gm").stat().st_mtime_ns
    assert l0gm(*args, copy).exit_code == 0
    assert (tmp_path / "run" / "seed-0" / "model.l0gm").stat().st_mtime_ns == written
    line = refuses(*args, trained.folder / "seed-1" / "model.l0gm")
    assert "initial_model: sha256" in line


@pytest.mark.parametrize(
    "option",
    [("--active", "0.2"), ("--deep", "none"), ("--gate", "none"), ("--categorical", "age"), ("--missing", "x"),
     ("--penalty", "0.1"), ("--hidden-cost", "0.2"), ("--embedding-dim", "3")],
    ids=lambda o: o[0],
)  # fmt: skip
def test_what_stays_cannot_be_asked_for(refuses, trained, newer, tmp_path, option):
    line = refuses("train", newer, "--from", trained.model, "--out", tmp_path / "run", *option)
    assert f"{option[0]}: it stays that of --from" in line
    assert not (tmp_path / "run").exists()


def test_a_label_that_the_model_does_not_know(refuses, trained, tmp_path):
    frame = pd.read_csv(trained.people).assign(churned=lambda t: t["churned"].replace("no", "perhaps"))
    frame.to_csv(tmp_path / "other.csv", index=False)
    line = refuses("train", tmp_path / "other.csv", "--from", trained.model, "--out", tmp_path / "run")
    assert "'perhaps' is none of the model's classes" in line
    assert "fit without initial_model" in line


def test_codes_are_read_as_text_as_the_model_does(l0gm, quick, tmp_path):
    rows = [f"{code},{i % 7},{'a' if code == '01' else 'b'}" for i, code in enumerate(["01", "02", "X9"] * 100)]
    (tmp_path / "first.csv").write_text("\n".join(["code,x,y", *rows]) + "\n")
    (tmp_path / "newer.csv").write_text("\n".join(["code,x,y", *[r for r in rows if "X9" not in r]]) + "\n")
    run = ["--no-dense", "--out", tmp_path / "first", *quick]
    assert l0gm("train", tmp_path / "first.csv", "--target", "y", "--active", 1, *run).exit_code == 0
    model = tmp_path / "first" / "seed-0" / "model.l0gm"
    result = l0gm("train", tmp_path / "newer.csv", "--from", model, "--out", tmp_path / "newer", "--epochs", 1)
    assert result.exit_code == 0, result.stderr
    counts = load(tmp_path / "newer" / "seed-0" / "model.l0gm").reference
    assert counts is None or sum(counts.counts[0][:2]) == 0  # none missing, none unseen
