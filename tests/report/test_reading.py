"""Whatever a folder holds becomes runs of methods on data sets; what is not whole is named."""

from __future__ import annotations

import json

import pytest
from report_records import NASTY, paper_record, trained_record, write

from l0gm.errors import DataError
from l0gm.report import Run, read


def labels(found):
    return {name: [(method.label, method.seeds) for method in methods] for name, methods in found.datasets.items()}


def test_a_folder_of_the_paper(paper):
    found = read(paper)
    # in the order of the table
    assert labels(found) == {"adult (openml)": [(name, [0, 1, 2]) for name in ("L0GM-Q1", "MLP", "CATBOOST")]}
    ours, mlp, _ = found.datasets["adult (openml)"]
    assert ours.is_gated
    assert not mlp.is_gated
    assert ours.mean("open_fraction") == pytest.approx(0.15)
    values = [paper_record("l0gm-q1", seed)["test"]["accuracy"] for seed in range(3)]
    assert ours.interval("accuracy").mean == pytest.approx(sum(values) / 3)
    assert ours.interval("accuracy").low < min(values)
    assert list(ours.runs[0].latency) == ["all rows"]
    assert [table["title"] for table in found.tables] == ["Table 3: methods"]
    assert found.notes == []


def test_times_of_all_models_go_to_the_runs_that_they_are_of(paper):
    columns = {"L0GM-Q1": {"all rows, us a row": 2.5, "all rows, p99": 4.0, "1 row, p99": 9.0}}
    write(paper / "latency-tabular.json", {"models": {"L0GM-Q1": "l0gm-q10"}, "columns": columns})
    ours, mlp, _ = read(paper).datasets["adult (openml)"]
    assert ours.runs[0].latency["all rows, 1 thread"] == {"p50": 2.5, "p99": 4.0}
    assert "1 row, 1 thread" not in ours.runs[0].latency  # a 99th percentile alone
    assert "all rows, 1 thread" not in ours.runs[1].latency
    assert "all rows, 1 thread" not in mlp.runs[0].latency


def test_a_folder_of_training(trained):
    found = read(trained)
    assert labels(found) == {"adult (openml)": [("l0gm, active 0.15", [0, 1]), ("l0gm, dense", [0, 1])]}
    gated, dense = found.datasets["adult (openml)"]
    assert gated.runs[0].support == {"age": 4, "race": 0, "sex": 2}
    assert gated.runs[0].confusion["classes"] == ["<=50K", ">50K"]
    assert len(gated.runs[1].history) == 7
    assert not dense.runs[0].support
    (command,) = found.commands
    assert command.line == f"l0gm train adult --split openml --active 0.15 --deep 32 --seeds 2 --out {trained}"


def test_a_killed_training_shows_the_seeds_that_ended(trained):
    (trained / "summary.json").unlink()
    (trained / "seed-1" / "metrics.json").write_text('{"seed": 1, "te')
    with (trained / "seed-0" / "history.jsonl").open("a") as file:
        file.write('{"event": "epo')
    found = read(trained)
    assert labels(found) == {"trained": [("l0gm, active 0.15", [0]), ("l0gm, dense", [0, 1])]}
    assert found.notes == ["seed-1/metrics.json is left out: it is no whole JSON object, as of a run that was killed"]
    assert len(found.datasets["trained"][0].runs[0].history) == 7


def test_points_of_a_sweep_with_the_details_of_their_models(tmp_path):
    for value in (0.5, 0.1):
        point = f"p{value}"
        model = f"models/{point}/seed-0/model.l0gm"
        whole = trained_record(0)
        record = {
            "point": point,
            "knob": "active",
            "value": value,
            "model": model,
            "validation": whole["test"],
            **whole,
        }
        configuration = {"active": value, "random_state": 0, "lr": 0.001}
        write(tmp_path / "points" / f"{point}.json", {**record, "configuration": configuration, "breakdown": None})
        write(tmp_path / "models" / point / "seed-0" / "metrics.json", whole)
        write(tmp_path / "models" / point / "summary.json", {"data": "adult", "options": {}, "changed": {"epochs": 2}})
    values = [{"value": 0.1}, {"value": 0.5}]
    front = {"data": "adult", "split": "openml", "knob": "active", "metric": "auc", "seeds": [0], "values": values}
    write(tmp_path / "front.json", front)
    found = read(tmp_path)
    assert labels(found) == {"adult (openml)": [("l0gm sweep, active 0.1", [0]), ("l0gm sweep, active 0.5", [0])]}
    run = found.datasets["adult (openml)"][0].runs[0]
    assert run.reliability
    assert run.validation["accuracy"] == run.test["accuracy"]
    (command,) = found.commands
    asked = "l0gm sweep adult --split openml --epochs 2 --active 0.1,0.5 --seeds 1 --metric auc"
    assert command.line == f"{asked} --out {tmp_path}"


def test_robustness_goes_to_the_run_whose_model_was_measured(trained):
    measures = {"clean": {"accuracy": 0.8}, "missing 0.1": [{"accuracy": 0.7}, {"accuracy": 0.6}], "noise 1": None}
    record = {"model": str(trained / "seed-1" / "model.l0gm"), "data": "adult, test rows of split openml"}
    write(trained / "measured" / "robustness.json", {**record, "measures": measures, "n_rows": 300})
    gated, _ = read(trained).datasets["adult (openml)"]
    assert gated.runs[0].robustness == {}
    assert gated.runs[1].robustness == {"clean": {"accuracy": 0.8}, "missing 0.1": {"accuracy": pytest.approx(0.65)}}
    assert gated.runs[1].rob_mu == pytest.approx(0.65)
    # of a model that is not there, it is a method of its own on the same data
    write(trained / "measured" / "robustness.json", {**record, "model": "x.l0gm", "measures": measures, "n_rows": 300})
    assert [method.label for method in read(trained).datasets["adult (openml)"]][-1] == "x.l0gm"


def test_contestants_of_a_benchmark(tmp_path):
    times = {"us_a_row": {"p10": 1.0, "p50": 2.0, "p99": 3.0}}
    entry = {"form": "prepared", "rows": 1000, "threads": 1, "contestants": {"l0gm": times, "CatBoost": times}}
    quality = {name: {"test": {}, "accuracy": 0.8, "auc": 0.9, "fit_seconds": 3.0} for name in ("l0gm", "CatBoost")}
    about = {"data": "adult", "split": "openml", "plan": {"seed": 4}, "rows": {"test": 1000}}
    write(tmp_path / "bench.json", {**about, "quality": quality, "latency": [entry]})
    found = read(tmp_path)
    assert labels(found) == {"adult (openml)": [("l0gm", [4]), ("CatBoost", [4])]}
    run = found.runs[0]
    assert run.latency == {"prepared, 1,000 rows a call, 1 thread": times["us_a_row"]}
    assert run.test == {"accuracy": 0.8, "auc": 0.9, "fit_seconds": 3.0, "n_rows": 1000}


def test_runs_of_one_title_are_told_apart_by_what_differs(tmp_path):
    for value in (0.001, 0.01):
        for seed in (0, 1):
            record = paper_record("l0gm", seed, active=None, settings={"penalty": value, "same": 1})
            write(tmp_path / "runs" / f"{value}-{seed}.json", record)
    # the larger penalty leaves less
    assert labels(read(tmp_path)) == {
        "adult (openml)": [("L0GM, penalty 0.01", [0, 1]), ("L0GM, penalty 0.001", [0, 1])]
    }


def test_runs_on_other_test_rows_are_not_mixed(paper):
    """A quick run has fewer of them."""
    whole = paper_record("mlp", 0)
    quick = {**whole, "test": {**whole["test"], "n_rows": 40, "accuracy": 0.1}}
    write(paper / "runs" / "a-quick.json", quick)
    found = labels(read(paper))
    assert found["adult (openml), 40 test rows"] == [("MLP", [0])]
    assert [seeds for _, seeds in found["adult (openml), 300 test rows"]] == [[0, 1, 2]] * 3


def test_what_is_not_whole_is_named_and_what_is_odd_survives(messy):
    found = read(messy)
    assert [note.split(" ")[0] for note in found.notes] == [
        "bench.json", "runs/half.json", "runs/list.json", "runs/nothing.json",
    ]  # fmt: skip
    (methods,) = found.datasets.values()
    by_name = {method.runs[0].method: method.runs[0] for method in methods}
    assert sorted(by_name) == ["bare", "l0gm-odd", "plain", "wrong"]
    odd, wrong = by_name["l0gm-odd"], by_name["wrong"]
    assert "auc" not in odd.test
    assert "naïve lines " in odd.support
    assert odd.support[NASTY] == 3
    assert (wrong.reliability, wrong.confusion, wrong.support) == ({}, None, {})
    assert by_name["plain"].history[0]["penalty"] is None
    assert by_name["bare"].open_fraction is None


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"method": None}, "it does not say method"),
        ({"seed": "0"}, "it does not say seed"),
        ({"test": {"accuracy": "high"}}, "it has no measure on test rows"),
    ],
)
def test_a_record_has_to_say_what_it_is(changes, what):
    with pytest.raises(ValueError, match=what):
        Run.of({**paper_record("mlp", 0), **changes}, "x.json")


def test_a_folder_without_anything(tmp_path):
    with pytest.raises(DataError, match="is no folder"):
        read(tmp_path / "none")
    with pytest.raises(DataError, match=r"holds nothing that l0gm report knows: give the folder of l0gm train"):
        read(tmp_path)
    (tmp_path / "bench.json").write_text(json.dumps({"a": 1}))
    with pytest.raises(DataError, match=r"bench\.json is left out"):
        read(tmp_path)
