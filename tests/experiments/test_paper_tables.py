"""Tables run what is missing, share runs, leave out what cannot be had, and say so."""

import json
import sys
from dataclasses import replace

import numpy as np
import pytest

from l0gm.datasets import load
from l0gm.errors import ParameterError
from l0gm.experiments.paper import Settings, check_table, row_case, run_table, settings_found, usual_case, write_table
from l0gm.experiments.paper.latency import time_models
from l0gm.experiments.paper.runner import run_blocks
from l0gm.experiments.paper.runs import run_once
from l0gm.experiments.paper.table3 import blocks3

OPTIONS = {"epochs": 2, "deep": (8,), "cin": (2,), "embedding_dim": 4}
SMALL = dict.fromkeys(("l0gm", "l0gm-q1", "dense", "static", "random", "top-k"), OPTIONS)
SMALL["l0gm-q1"] = {name: value for name, value in OPTIONS.items() if name != "cin"}
DENSER = {**SMALL, "l0gm": {**OPTIONS, "penalty": 1e-6}}  # a penalty that was searched for takes no budget away


@pytest.fixture(scope="module")
def case():
    data = load("synthetic:mixed", rows=500)
    train, test = data.split()
    X, y = data.features[["age", "balance", "occupation", "region", "member"]], data.labels
    return row_case("tabular", "mixed", "default", (X.iloc[train], y.iloc[train]), (X.iloc[test], y.iloc[test]))


@pytest.fixture
def settings(tmp_path):
    return Settings(tmp_path, seeds=2, methods=("logistic",), chosen=SMALL, quick=True)


def counting(monkeypatch):
    """Return the list that every run is noted in."""
    made = []

    def noted(case, run, folder):
        made.append(str(run))
        return run_once(case, run, folder)

    monkeypatch.setattr("l0gm.experiments.paper.runner.run_once", noted)
    return made


def test_table_3_from_nothing_and_again(case, settings, monkeypatch):
    made = counting(monkeypatch)
    table = run_table("table3", {"tabular": case}, settings)
    assert len(made) == 6  # one baseline for both blocks, and ours of each
    blocks = [(row.names["block"], row.names["method"]) for row in table.rows]
    assert [block for block, _ in blocks] == ["Q1", "Q1", "Q2", "Q2"]
    for row in table.rows:
        assert 0.5 < row.values["accuracy"].numbers["mean"] < 1.0
        assert 0.3 < row.values["Rob mu"].numbers["mean"] < 1.0
        assert ("all rows, us a row" in row.values) == (row.names["block"] == "Q2")
    ours = table.rows[-1].values
    assert ours["accuracy"].numbers["paper"] is None  # the paper has no figure on this data
    assert all(c.claim.endswith(", on mixed (default)") and c.paper.endswith(", on adult") for c in table.claims)
    assert ours["forward pass, us a row"].numbers["us_a_row"] < ours["all rows, us a row"].numbers["us_a_row"]
    assert "not run: MLP, XGBoost, LightGBM, CatBoost" in table.claims[0].ours
    assert {claim.verdict for claim in table.claims} <= {"holds weakly", "does not hold here"}
    assert len(table.claims) == 9
    write_table(table, settings.out)
    record = json.loads((settings.out / "table3.json").read_text())
    assert record["hardware"]["cpu"]

    again = run_table("table3", {"tabular": case}, settings)
    assert len(made) == 6
    assert again.markdown() == table.markdown()  # the latency, too, was kept

    more = run_table("masks", {"tabular": case}, Settings(settings.out, 2, chosen=DENSER, quick=True, active=0.15))
    assert not any("l0gm," in name for name in made[6:])  # shared with table 3
    assert len([name for name in made[6:] if "random" in name]) == 3  # a mask each
    assert {row.names["budget"] for row in more.rows} == {"15 %"}
    assert all(row.values["open fraction"].numbers["mean"] < 0.2 for row in more.rows)


def test_half_written_and_robbed_runs_are_made_again(case, settings, monkeypatch):
    blocks = {"": [variant for variant in blocks3("tabular", settings)["Q1"] if variant.method == "logistic"]}
    first = run_blocks(case, blocks, settings)
    whole = [record["test"] for record in first.blocks[""][0].records]
    one, other = sorted((settings.out / "runs").glob("*.json"))
    one.write_text(one.read_text()[:100])
    folder = json.loads(other.read_text())["folder"]
    (settings.out / folder / "model.pickle").unlink()
    made = counting(monkeypatch)
    again = run_blocks(case, blocks, settings)
    assert len(made) == 2
    assert [record["test"] for record in again.blocks[""][0].records] == whole
    assert one.with_suffix(".damaged").is_file()


def test_a_run_that_fails_is_named_and_the_others_stay(case, settings):
    def failing(case, run, folder):
        if run.seed == 1:
            raise ValueError("too bad")
        return run_once(case, run, folder)

    blocks = {"": [variant for variant in blocks3("tabular", settings)["Q1"] if variant.method == "logistic"]}
    outcome = run_blocks(case, blocks, settings, trainer=failing)
    assert len(outcome.blocks[""][0].records) == 1
    assert any("lacks seeds" in note and "seed 1: ValueError: too bad" in note for note in outcome.notes())


def test_what_needs_a_package_that_is_absent_is_left_out(case, settings, monkeypatch):
    monkeypatch.setattr(sys.modules["l0gm.baselines.methods"], "find_spec", lambda name: None)
    blocks = blocks3("tabular", Settings(settings.out, methods=("catboost",)))
    outcome = run_blocks(case, {"": [v for v in blocks["Q1"] if v.method == "catboost"]}, settings)
    assert outcome.blocks[""] == []
    assert "pip install" in outcome.notes()[1]


def test_names_that_do_not_exist_suggest_the_nearest(case, tmp_path):
    with pytest.raises(ParameterError, match="did you mean table3"):
        check_table("tabel3")
    with pytest.raises(ParameterError, match="did you mean catboost"):
        run_table("table3", {"tabular": case}, Settings(tmp_path, methods=("catbost",)))
    with pytest.raises(ParameterError, match=r"active=1\.5"):
        Settings(tmp_path, active=1.5)


def test_a_case_of_texts_and_one_of_nodes(tmp_path):
    texts = ["a good film", "very good", "a bad film", "really bad", "good", "bad"] * 20
    labels = np.array([0, 0, 1, 1, 0, 1] * 20)
    import pandas as pd

    frame = pd.DataFrame({"review": texts})
    case = row_case("text", "films", "none", (frame[:80], labels[:80]), (frame[80:], labels[80:]))
    small = Settings(tmp_path, seeds=2, chosen={"l0gm": {"epochs": 2}, "dense": {"epochs": 2}}, quick=True)
    table = run_table("table3", {"text": case}, Settings(**{**vars(small), "methods": ("dense",)}))
    assert all(row.values["accuracy"].numbers["mean"] > 0.9 for row in table.rows)
    worst = [claim for claim in table.claims if "worst" in claim.claim]
    assert {claim.verdict for claim in worst} == {"cannot be tested here"}


def test_one_seed_marks_and_decides_nothing(case, settings):
    table = run_table("table3", {"tabular": case}, replace(settings, seeds=1))
    assert not any(value.marked for row in table.rows for value in row.values.values())
    judged = {claim.verdict for claim in table.claims if "latency" not in claim.claim}
    assert judged == {"cannot be tested here"}


def test_the_search_goes_on_in_its_study(case, tmp_path, monkeypatch):
    pytest.importorskip("optuna")
    from l0gm.experiments.paper import tuning

    space = {"C": (0.5, 0.1, 0.01)}
    find = tuning.find
    monkeypatch.setattr(tuning, "find", lambda modality, name: replace(find(modality, name), space=space))
    fits = []
    real = case.subject.fit

    def fit(model):
        if len(fits) == 2:
            fits.append("lost")
            raise KeyboardInterrupt
        fits.append(model.get_params()["C"])
        return real(model)

    monkeypatch.setattr(type(case.subject), "fit", lambda self, model: fit(model))
    settings = Settings(tmp_path, trials=4, methods=("logistic",))
    monkeypatch.setattr(tuning, "OURS", ())
    with pytest.raises(KeyboardInterrupt):
        run_table("table7", {"tabular": case}, settings)
    default = find("tabular", "logistic").make(seed=0, active=None, threads=1).get_params()["C"]
    assert default not in space["C"]
    assert fits[0] == default  # what it is without settings comes first
    table = run_table("table7", {"tabular": case}, settings)
    assert len([value for value in fits if value != "lost"]) == 4
    row = table.rows[0]
    assert row.values["tuned"].numbers["log_loss"] <= row.values["validation log loss, default"].numbers["log_loss"]
    write_table(table, tmp_path)
    found = settings_found(tmp_path / "table7.json")
    assert found["tabular"]["logistic"].get("C", default) in (default, *space["C"])
    with pytest.raises(ParameterError, match="no table7"):
        settings_found(tmp_path / "none.json")


def test_tables_without_runs(case, tmp_path):
    table = run_table("table2", {"tabular": case}, Settings(tmp_path))
    assert table.rows[0].values["rows or nodes"].numbers["count"] == 500
    assert table.claims[0].verdict == "cannot be tested here"  # it is not Adult
    assert any(row.names["entry"] == "torch" for row in run_table("table4", {}, Settings(tmp_path)).rows)


@pytest.mark.data
def test_the_papers_data_has_its_sizes(tmp_path):
    table = run_table("table2", {"tabular": usual_case("tabular")}, Settings(tmp_path))
    assert [claim.verdict for claim in table.claims] == ["holds"]


def test_other_models_are_timed_again(case, settings):
    blocks = blocks3("tabular", settings)
    outcome = run_blocks(case, blocks, settings)
    first = time_models(outcome, settings)
    assert time_models(outcome, settings).record == first.record
    fewer = {"Q2": outcome.blocks["Q2"][:1]}
    again = time_models(replace(outcome, blocks=fewer), settings)
    assert list(again.record["models"]) == [fewer["Q2"][0].variant.title]
