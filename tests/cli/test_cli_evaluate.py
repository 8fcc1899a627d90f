import json

import pytest

from l0gm import load
from l0gm.datasets import load as load_data


def test_measures_are_those_of_the_library(l0gm, trained):
    result = l0gm("evaluate", trained.model, trained.people, "--json")
    expected = load(trained.model).evaluate(trained.frame, trained.frame["churned"])
    got = json.loads(result.stdout)
    assert {name: got[name] for name in expected} == expected
    assert (got["n_rows"], got["calibrated"]) == (500, False)


@pytest.mark.parametrize(("part", "count"), [(None, 1000), ("test", 1000), ("train", 3000), ("all", 4000)])
def test_parts_of_a_registered_data_set(l0gm, trained, part, count):
    asked = [] if part is None else ["--part", part]
    got = json.loads(l0gm("evaluate", trained.model, "synthetic:mixed", *asked, "--json").stdout)
    assert got["n_rows"] == count
    data = load_data("synthetic:mixed")
    if part == "train":
        rows, _ = data.split("holdout")
        expected = load(trained.model).evaluate(data.features.iloc[rows], data.labels.iloc[rows])
        assert got["log_loss"] == expected["log_loss"]


def test_the_table_for_people(l0gm, trained, people):
    result = l0gm("evaluate", trained.model, people / "people.parquet", "--target", "churned", "--calibrated")
    expected = load(trained.model).evaluate(trained.frame, trained.frame["churned"], calibrated=True)
    assert f"{expected['log_loss']:.4f}" in result.stdout
    assert f"below {expected['ece_null_p95']:.4f}" in result.stdout
    assert "500 rows, temperature" in result.stdout


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["people.csv", "--target", "churn"], "did you mean 'churned'?"),
        (["people.csv", "--target", "member"], "none of the model's classes ['no', 'yes']"),
        (["people.csv", "--split", "holdout"], "--split holdout: it is for registered data sets"),
        (["people.csv", "--part", "test"], "--part test: it is for registered data sets"),
        (["people.csv", "--part", "some"], "--part some: choose one of test, train, all"),
        (["synthetic:mixed", "--part", "all", "--split", "holdout"], "with --part all there is none"),
        (["people"], "neither a file"),
    ],
)
def test_a_users_errors(refuses, trained, people, monkeypatch, args, message):
    monkeypatch.chdir(people)
    assert message in refuses("evaluate", trained.model, *args)


def test_a_model_that_does_not_know_its_target(refuses, trained, people, tmp_path):
    model = load(trained.model)
    del model.information["target"]
    path = model.save(tmp_path / "other.l0gm")
    assert "--target: name the column" in refuses("evaluate", path, people / "people.csv")
