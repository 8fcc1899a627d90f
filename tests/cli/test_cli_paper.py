"""``l0gm paper``: a table of one's own rows, and one line for what it refuses."""

import json

import pytest


@pytest.fixture(scope="module")
def asked(people):
    """The arguments of a small table, but for its name and the folder."""
    return ["--data", people / "people.csv", "--target", "churned", "--quick", "--seeds", "2"]


def test_a_table_of_the_users_own_rows(l0gm, asked, tmp_path):
    done = l0gm("paper", "table2", *asked, "--out", tmp_path)
    assert done.exit_code == 0, done.stderr
    assert "Table 2: the data sets" in done.stdout
    assert json.loads((tmp_path / "table2.json").read_text())["rows"][0]["rows or nodes"]["count"] == 500


def test_what_cannot_be_asked_for(l0gm, asked, people, tmp_path):
    for arguments, said in (
        (["tabel3"], "did you mean table3?"),
        (["table3", *asked, "--methods", "logistc"], "did you mean logistic?"),
        (["table3", *asked, "--methods", "nb-svm"], "method='nb-svm': there are logistic"),
        (["table8", *asked, "--methods", "logistic"], "--methods: methods are chosen in table3 and table7"),
        (["table3", "--data", "adlt", "--modality", "tabular"], "did you mean 'adult'?"),
        (["table3", "--data", "adult", "--target", "income"], "--target income: it is for files"),
        (["table3", "--data", people / "people.csv", "--modality", "tabular"], "--target: name the column"),
        (["table3", "--settings", tmp_path / "none.json", "--modality", "tabular"], "is no table7.json"),
        (["table3", *asked, "--active", "1.5"], "active=1.5"),
    ):
        done = l0gm("paper", *arguments, "--out", tmp_path)
        assert done.exit_code == 2, arguments
        assert said in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "models").exists()
