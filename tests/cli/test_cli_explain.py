import json

import numpy as np
import pandas as pd
import pytest

from l0gm import load


@pytest.fixture(scope="module")
def model(trained):
    return load(trained.model)


def found(l0gm, *args):
    result = l0gm("explain", *args, "--json")
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def test_the_figures_are_those_of_the_library(l0gm, trained, model):
    got = found(l0gm, trained.model, trained.people, "--rows", 7)
    c, proba = model.contributions(trained.frame[:7]), model.predict_proba(trained.frame[:7])
    assert [row["row"] for row in got["rows"]] == list(range(7))
    assert got["exact"] is c.exact is False
    for r, row in enumerate(got["rows"]):
        assert row["prediction"] == model.predict(trained.frame[:7])[r]
        assert row["probability"] == proba[r].max()
        pushes = {push["column"]: push["contribution"] for push in row["contributions"]}
        assert pushes == dict(zip(c.names, c.towards(row["prediction"])[r].tolist(), strict=True))
        assert row["base"] + sum(pushes.values()) == pytest.approx(row["log_odds"], abs=1e-4)
        assert row["log_odds"] == pytest.approx(np.log(proba[r].max() / proba[r].min()), abs=1e-4)
        sizes = [abs(push["contribution"]) for push in row["contributions"]]
        assert sizes == sorted(sizes, reverse=True)


def test_values_are_shown_as_they_were_read(l0gm, trained, model, tmp_path):
    rows = trained.frame[:3].copy()
    text = next(f.source for f in model.schema.fields if f.kind == "categorical")
    number = next(f.source for f in model.schema.fields if f.kind == "numeric" and f.part is None)
    rows[text] = ["never seen before", None, rows[text].dropna().iloc[0]]
    rows[number] = [1.5, None, 3.0]
    rows.to_csv(tmp_path / "rows.csv", index=False)
    shown = []
    for row in found(l0gm, trained.model, tmp_path / "rows.csv")["rows"]:
        shown.append({push["column"]: (push["value"], push["read"]) for push in row["contributions"]})
    assert [s[text][1] for s in shown] == ["unseen", "missing", "value"]
    assert shown[0][text][0] == "never seen before"
    assert [s[number] for s in shown] == [("1.5", "value"), (None, "missing"), ("3.0", "value")]  # as in the file
    printed = l0gm("explain", trained.model, tmp_path / "rows.csv", "--top", 99).stdout
    assert "never seen before (unseen)" in printed
    assert "(missing)" in printed


def test_as_text(l0gm, trained, model):
    result = l0gm("explain", trained.model, trained.people, "--rows", 2, "--top", 1)
    assert result.exit_code == 0
    blocks = result.stdout.strip().split("\n\n")
    assert len(blocks) == 3
    head, *lines = blocks[0].splitlines()
    assert head.startswith("row 0: ")
    assert f"{len(model.feature_names_in_) - 1} other column" in lines[1]
    *parts, total = [float(line.split()[-1]) for line in lines]
    assert sum(parts) == pytest.approx(total, abs=0.02)
    assert "integrated gradients" in blocks[-1]
    assert "other column" not in l0gm("explain", trained.model, trained.people, "--top", 99).stdout


def test_fewer_rows_than_asked_and_a_registered_data_set(l0gm, trained, tmp_path):
    trained.frame[:2].to_csv(tmp_path / "two.csv", index=False)
    assert len(found(l0gm, trained.model, tmp_path / "two.csv")["rows"]) == 2
    assert len(found(l0gm, trained.model, "synthetic:mixed", "--rows", 3)["rows"]) == 3


def test_several_classes(l0gm, quick, tmp_path):
    rng = np.random.default_rng(0)
    x = rng.normal(size=300)
    frame = pd.DataFrame({"x": x, "z": rng.normal(size=300), "y": np.digitize(x, [-0.5, 0.5])})
    frame.to_csv(tmp_path / "train.csv", index=False)
    out = tmp_path / "run"
    done = l0gm("train", tmp_path / "train.csv", "--target", "y", "--active", 0.9, "--no-dense", "--out", out, *quick)
    assert done.exit_code == 0, done.stderr
    path = out / "seed-0" / "model.l0gm"
    for row in found(l0gm, path, tmp_path / "train.csv", "--rows", 20)["rows"]:
        assert row["prediction"] in (0, 1, 2)
        pushes = [push["contribution"] for push in row["contributions"]]
        assert row["base"] + sum(pushes) == pytest.approx(row["log_odds"], abs=1e-4)
    log_p = np.log(load(path).predict_proba(frame[:1], calibrated=False)[0])
    best = int(log_p.argmax())
    expected = log_p[best] - np.delete(log_p, best).mean()
    assert found(l0gm, path, tmp_path / "train.csv", "--rows", 1)["rows"][0]["log_odds"] == pytest.approx(
        expected, abs=1e-4
    )


def test_errors(refuses, trained, tmp_path):
    trained.frame[["id"]].to_csv(tmp_path / "few.csv", index=False)
    assert "missing: the model reads" in refuses("explain", trained.model, tmp_path / "few.csv")
