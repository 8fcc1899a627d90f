import csv
import json
from dataclasses import replace

import numpy as np
import pytest

import l0gm
from l0gm.datasets import load
from l0gm.errors import DataError, ParameterError
from l0gm.experiments.bench import Plan, run, run_bench
from l0gm.experiments.bench.ours import MAIN, OURS
from l0gm.experiments.bench.report import headline_table, latency_tables, markdown, quality_table, write_report
from l0gm.experiments.bench.roofline import bandwidth, roofline, traffic
from l0gm.experiments.records import plain

TREES = "HistGradientBoosting"
PLAN = Plan(repeats=2, batches=(1, 16, "all"), peers=("histgb",), quick=True)


@pytest.fixture(scope="module")
def parts():
    data = load("synthetic:mixed", rows=600)
    train, test = data.split()
    X = data.features.drop(columns=["account"])
    return X.iloc[train], data.labels.iloc[train], X.iloc[test], data.labels.iloc[test]


@pytest.fixture(scope="module")
def lines():
    return []


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("bench")


@pytest.fixture(scope="module")
def record(parts, folder, lines):
    about = {"data": "mixed", "split": "holdout", "rows_given": 450}
    return run_bench(*parts, out=folder, plan=PLAN, about=about, told=lines.append)


def test_everything_that_was_asked_for_is_measured(record):
    asked = [(entry["form"], entry["batch"], entry["threads"]) for entry in record["latency"]]
    tables = [(form, b, t) for t in (1, 2) for form in ("prepared", "object", "category") for b in (1, 16, "all")]
    assert sorted(asked, key=str) == sorted([*tables, ("dict", 1, 1)], key=str)
    for entry in record["latency"]:
        assert list(entry["contestants"]) == [*OURS, TREES]
        assert entry["rows"] == {1: 1, 16: 16, "all": 150}[entry["batch"]]
        assert entry["fastest_peer"] == TREES
        assert list(entry["times_as_long_as_l0gm"]) == [*list(OURS)[1:], TREES]


def test_columns_of_a_single_value_are_left_out(record):
    assert record["columns"] == {"numbers": 7, "text": 2}  # without the columns constant and empty


def test_all_are_fitted_on_the_same_rows(record, lines, folder):
    assert record["rows"] == {"train": 360, "validation": 45, "calibration": 45, "test": 150}
    assert l0gm.load(folder / "l0gm.l0gm").information["training_rows"] == 360
    assert [line.split(":")[0] for line in lines[:4]] == [*OURS, TREES]


def test_the_quality_is_that_of_the_files_that_are_timed(record, folder, parts):
    _, _, X, y = parts
    for name, found in record["quality"].items():
        if found["ours"]:
            model = l0gm.load(folder / f"{name.replace(',', '').replace(' ', '-')}.l0gm")
            measures = model.evaluate(X, y)
            assert {key: found[key] for key in ("accuracy", "auc")} == {k: measures[k] for k in ("accuracy", "auc")}
            assert found["n_parameters"] == model.n_parameters
        assert found["largest_difference_between_forms"] < 1e-5
    assert record["quality"][TREES]["trees"] == 50 or record["quality"][TREES]["trees"] < 50


def test_the_record_is_plain_and_says_on_what_it_ran(record):
    assert json.loads(json.dumps(plain(record)))["hardware"]["cpu"]
    assert {"caches", "simd"} <= set(record["hardware"])
    assert {"l0gm", "numpy", "pandas", "scikit-learn"} <= set(record["versions"])
    assert record["plan"]["quick"] is True
    assert len(record["load"]) == 2


def test_the_roofline_is_that_of_the_main_model(record, folder):
    found = record["roofline"]
    assert found["bytes"] == traffic(l0gm.load(folder / "l0gm.l0gm"))
    assert found["rows"] == 150
    assert {"model", "memory"} <= set(found["bandwidth"])
    assert found["times_bound"] == pytest.approx(found["measured_us"] / found["bound_us"])


def test_tables(record):
    assert [line[0] for line in quality_table(record)[1:]] == [*OURS, TREES]
    assert len(headline_table(record)) == 1 + len(record["latency"])
    tables = latency_tables(record)
    assert len(tables) == 7
    for _, cells in tables:
        assert {len(line) for line in cells} == {len(cells[0])}
        assert [line[0] for line in cells[1:]] == [*OURS, TREES]
    text = markdown(record)
    assert "the figures mean nothing" in text
    assert "## Roofline" in text
    assert "fitted on a part" not in text
    assert "## Left out" not in text
    left = markdown({**record, "left_out": {"Fast": "it is not installed"}, "rows_given": 10_000, "roofline": None})
    assert "- Fast: it is not installed" in left
    assert "fitted on a part of the 10,000 training rows" in left
    assert "## Roofline" not in left


def test_files(record, tmp_path):
    written = write_report(record, tmp_path / "report")
    assert [path.name for path in written] == ["bench.json", "bench.md", "bench.csv"]
    assert sorted(path.name for path in (tmp_path / "report").iterdir()) == sorted(path.name for path in written)
    with written[2].open() as file:
        table = list(csv.DictReader(file))
    assert len(table) == 4 * len(record["latency"])
    assert {row["times_as_long_as_l0gm_p50"] for row in table if row["contestant"] == MAIN} == {"1"}


def test_fewer_rows_are_drawn_for_all(parts, tmp_path):
    plan = replace(PLAN, most_rows=200, batches=("all",), forms=("prepared",), threads=(1,))
    record = run_bench(*parts, out=tmp_path, plan=plan)
    assert sum(record["rows"][part] for part in ("train", "validation", "calibration")) == 200


def test_forms_that_disagree_are_an_error(parts, tmp_path, monkeypatch):
    from l0gm.experiments.bench.boosters import HistGB

    monkeypatch.setattr(HistGB, "ready", lambda self, form, frame: self.coder.matrix(frame, np.float64, "C") * 0.5)
    monkeypatch.setattr(HistGB, "answer", lambda self, form, threads: lambda X: np.full(len(X), 0.1 * len(form)))
    with pytest.raises(DataError, match=r"HistGradientBoosting: its probabilities differ by 0\.2 between forms"):
        run_bench(*parts, out=tmp_path, plan=replace(PLAN, forms=("prepared", "object")))


@pytest.mark.parametrize("wrong", [{"threads": (0,)}, {"batches": (0,)}, {"repeats": 0}, {"peers": ("cat",)}])
def test_plans_that_mean_nothing(wrong):
    with pytest.raises(ParameterError):
        Plan(**wrong)


def test_parts_of_the_test_rows():
    assert run._parts(10_000, 1)[-1] == slice(255, 256)
    assert len(run._parts(10_000, 256)) == 4
    assert run._parts(100, 100) == [slice(0, 100)]


def test_bandwidth_is_bytes_over_seconds_less_what_a_call_takes():
    now = [0.0]

    def clock():
        now[0] += 1e-3
        return now[0]

    found = bandwidth(2**20, clock, 0.01)
    assert found["bytes"] == 2**20
    assert found["read"] == found["copy"] == pytest.approx(2**20 / (1e-3 - 1e-6))


def test_the_bound_counts_tables_at_the_models_speed_and_the_rest_at_the_memorys():
    touched = {"input": 30, "tables": 1000, "weights": 500, "output": 20, "model": 4096}
    speeds = {2**28: 10.0, 4096: 100.0, 512: 7.0}
    measured = {size: {"bytes": size, "read": speed, "copy": speed} for size, speed in speeds.items()}
    found = roofline(touched, 30e6, {"L1d": 1024}, measured.__getitem__)
    assert found["bound_us"] == pytest.approx((1000 / 100 + 50 / 10) * 1e6)
    assert found["times_bound"] == pytest.approx(2.0)
