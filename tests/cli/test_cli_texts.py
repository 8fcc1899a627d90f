"""Texts on the command line, in csv and parquet files."""

import json

import numpy as np
import pandas as pd
import pytest

N = 240


def reviews(seed):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, N)
    filler = ["the", "film", "was", "a", "story", "of", "people", "music"]
    texts = [
        " ".join([*rng.choice(filler, 8), "rather awful" if k else "truly lovely", *rng.choice(filler, 2)]) for k in y
    ]
    return pd.DataFrame(
        {"id": np.arange(N), "subject": texts, "stars": rng.integers(1, 6, N), "verdict": np.where(y, "no", "yes")}
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory, l0gm):
    place = tmp_path_factory.mktemp("texts")
    reviews(0).to_csv(place / "old.csv", index=False)
    new = reviews(1)
    new.loc[::9, "subject"] = None
    new.loc[1, "subject"] = 'quoted "text", with a comma\nand <br /> a second line 😀'
    new.to_csv(place / "new.csv", index=False)
    new.to_parquet(place / "new.parquet")
    options = ["--target", "verdict", "--drop", "id", "--epochs", "6", "--embedding-dim", "4", "--active", "0.3"]
    result = l0gm("train", place / "old.csv", *options, "--out", place / "run")
    assert result.exit_code == 0, result.output
    return place


def test_train_reads_the_text_column(folder):
    summary = json.loads((folder / "run" / "summary.json").read_text())
    assert summary["accuracy"]["mean"] > 0.9
    assert summary["support"]["subject"][0] > 0


def test_show_names_the_ngrams(folder, l0gm):
    model = folder / "run" / "seed-0" / "model.l0gm"
    text = l0gm("show", model).stdout
    (towards_no,) = [line for line in text.splitlines() if line.startswith("  towards no: ")]
    assert "awful" in towards_no
    assert "lovely" not in towards_no
    known = json.loads(l0gm("show", model, "--json").stdout)
    assert known["ngrams"]["subject"][0][0]


def test_predict_evaluate_explain_and_monitor(folder, l0gm):
    model = folder / "run" / "seed-0" / "model.l0gm"
    answers = {}
    for kind in ("csv", "parquet"):
        out = folder / f"answers-{kind}.csv"
        result = l0gm("predict", model, folder / f"new.{kind}", "--out", out)
        assert result.exit_code == 0, result.output
        answers[kind] = pd.read_csv(out)
    pd.testing.assert_frame_equal(answers["csv"], answers["parquet"])
    assert l0gm("evaluate", model, folder / "new.csv").exit_code == 0
    explained = json.loads(l0gm("explain", model, folder / "new.csv", "--rows", "2", "--json").stdout)
    assert "subject" in json.dumps(explained["rows"][0])
    assert "subject" in l0gm("monitor", model, folder / "new.csv").stdout
    again = folder / "again.l0gm"
    assert l0gm("compact", model, "--out", again).exit_code == 0
    assert again.stat().st_size > 0


def test_what_is_refused(folder, refuses):
    line = refuses("train", folder / "old.csv", "--target", "verdict", "--text", "body", "--out", folder / "x")
    assert "--text" in line
    assert "no such column" in line
    line = refuses("train", folder / "old.csv", "--target", "verdict", "--encoder", "ngramz", "--out", folder / "x")
    assert "encoder='ngramz'" in line
