import io

import numpy as np
import pandas as pd
import pytest

from l0gm import load


def table(result):
    assert result.exit_code == 0, result.stderr
    return pd.read_csv(io.StringIO(result.stdout))


def test_answers_are_those_of_the_library(l0gm, trained):
    got = table(l0gm("predict", trained.model, trained.people))
    model = load(trained.model)
    assert list(got.columns) == ["prediction", "p(no)", "p(yes)"]
    np.testing.assert_array_equal(got[["p(no)", "p(yes)"]], model.predict_proba(trained.frame))
    assert got["prediction"].tolist() == model.predict(trained.frame).tolist()


@pytest.mark.parametrize("kind", ["tsv", "parquet", "feather"])
def test_the_kind_of_file_does_not_matter(l0gm, trained, people, kind):
    expected = l0gm("predict", trained.model, trained.people).stdout
    assert l0gm("predict", trained.model, people / f"people.{kind}").stdout == expected


def test_files_out(l0gm, trained, tmp_path):
    expected = table(l0gm("predict", trained.model, trained.people, "--keep", "id, age"))
    assert expected["id"].tolist() == trained.frame["id"].tolist()
    for name, read in (("a.csv", pd.read_csv), ("a.parquet", pd.read_parquet)):
        result = l0gm("predict", trained.model, trained.people, "--keep", "id,age", "--out", tmp_path / name)
        assert (result.exit_code, result.stdout) == (0, "")
        assert "500 rows written" in result.stderr
        pd.testing.assert_frame_equal(read(tmp_path / name), expected, check_dtype=False, rtol=1e-12)
    assert {path.name for path in tmp_path.iterdir()} == {"a.csv", "a.parquet"}


def test_temperature_on_and_off(l0gm, trained):
    model = load(trained.model)
    raw = table(l0gm("predict", trained.model, trained.people, "--raw"))
    scaled = table(l0gm("predict", trained.model, trained.people, "--calibrated"))
    np.testing.assert_array_equal(scaled["p(yes)"], model.predict_proba(trained.frame, calibrated=True)[:, 1])
    assert (scaled["p(yes)"] != raw["p(yes)"]).any()


def test_a_registered_data_set(l0gm, trained):
    assert len(table(l0gm("predict", trained.model, "synthetic:mixed", "--keep", "churned"))) == 4000


def test_only_the_columns_that_are_read_are_needed(l0gm, trained, tmp_path):
    reads = list(load(trained.model).feature_names_in_)
    trained.frame[reads].to_csv(tmp_path / "some.csv", index=False)
    assert l0gm("predict", trained.model, tmp_path / "some.csv").stdout == (
        l0gm("predict", trained.model, trained.people).stdout
    )
    trained.frame[[*reads[1:], "id"]].to_csv(tmp_path / "few.csv", index=False)
    result = l0gm("predict", trained.model, tmp_path / "few.csv")
    assert result.exit_code == 2
    assert repr(reads[0]) in result.stderr


def test_what_was_there_stays_after_an_error(refuses, trained, tmp_path):
    out = tmp_path / "a.csv"
    out.write_text("mine")
    refuses("predict", trained.model, trained.people, "--keep", "nobody", "--out", out)
    assert out.read_text() == "mine"


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["people.csv", "--out", "a.xlsx"], "--out a.xlsx: unknown kind of file"),
        (["people.csv", "--keep", "ide"], "did you mean 'id'?"),
        (["people.csv", "--out", "people.csv/a.csv"], "cannot be written"),
        (["nobody.csv"], "no such file"),
    ],
)
def test_a_users_errors(refuses, trained, people, monkeypatch, args, message):
    monkeypatch.chdir(people)
    assert message in refuses("predict", trained.model, *args)


def test_a_kept_column_may_not_hide_an_answer(refuses, trained, tmp_path):
    trained.frame.assign(prediction=1).to_csv(tmp_path / "a.csv", index=False)
    line = refuses("predict", trained.model, tmp_path / "a.csv", "--keep", "prediction")
    assert "--keep prediction" in line


def test_a_row_of_a_csv_file_is_read_alike_alone_and_in_company(l0gm, quick, tmp_path):
    """Codes such as 01 look like numbers where no other row says otherwise."""
    rng = np.random.default_rng(0)
    code = rng.choice(["01", "02", "X9"], 400)
    frame = pd.DataFrame({"code": code, "x": rng.normal(size=400), "y": np.where(code == "01", "a", "b")})
    frame.to_csv(tmp_path / "train.csv", index=False)
    out = tmp_path / "run"
    assert l0gm("train", tmp_path / "train.csv", "--target", "y", "--no-dense", "--out", out, *quick).exit_code == 0
    (tmp_path / "alone.csv").write_text("code,x\n01,0.0\n")
    (tmp_path / "company.csv").write_text("code,x\n01,0.0\nX9,0.0\n")
    model = out / "seed-0" / "model.l0gm"
    alone = l0gm("predict", model, tmp_path / "alone.csv").stdout.splitlines()
    company = l0gm("predict", model, tmp_path / "company.csv").stdout.splitlines()
    assert alone[1] == company[1]
