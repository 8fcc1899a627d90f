import json

import pytest

from l0gm import load


@pytest.fixture(scope="module")
def shifted(trained, tmp_path_factory):
    """The rows of people.csv, of which every fifth has lost a value that the model reads."""
    column = load(trained.model).feature_names_in_[0]
    path = tmp_path_factory.mktemp("shifted") / "shifted.csv"
    trained.frame.assign(**{column: trained.frame[column].where(trained.frame.index % 5 > 0)}).to_csv(path, index=False)
    return path, column


def test_nothing_changed(l0gm, trained):
    result = l0gm("monitor", trained.model, trained.people, "--fail")
    assert result.exit_code == 0
    assert "changed: nothing" in result.stdout
    assert result.stdout == f"{load(trained.model).drift(trained.frame)}\n"


def test_something_changed(l0gm, trained, shifted):
    path, column = shifted
    for options, code in (([], 0), (["--fail"], 1), (["--fail", "--json"], 1), (["--fail", "--level", 0], 0)):
        result = l0gm("monitor", trained.model, path, *options)
        assert result.exit_code == code
        assert result.stderr == ""
    assert f"changed: {column}" in l0gm("monitor", trained.model, path).stdout


def test_as_json(l0gm, trained, shifted):
    path, column = shifted
    found = json.loads(l0gm("monitor", trained.model, path, "--json", "--min-rate", 0.05, "--min-psi", 0.3).stdout)
    assert found["changed"][0] == column
    assert (found["min_rate"], found["min_psi"], found["level"]) == (0.05, 0.3, 0.01)
    field = next(f for f in found["fields"] if f["column"] == column)
    assert field["changed"] == ["missing"]
    assert field["missing"]["now"] - field["missing"]["fit"] > 0.15


def test_errors_have_their_own_exit_code(refuses, trained, tmp_path):
    trained.frame[["id"]].to_csv(tmp_path / "few.csv", index=False)
    assert "missing: the model reads" in refuses("monitor", trained.model, tmp_path / "few.csv", "--fail")
    assert "level=3.0" in refuses("monitor", trained.model, trained.people, "--level", 3)
