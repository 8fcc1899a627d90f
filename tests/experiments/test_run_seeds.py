import json

import numpy as np
import pytest

from l0gm import L0GMClassifier, load
from l0gm.errors import DataError, ParameterError
from l0gm.experiments import run_seeds
from l0gm.metrics import evaluate, paired_interval

MEASURES = ("accuracy", "auc", "log_loss", "brier", "ece")


@pytest.fixture(scope="module")
def run(rows, options, tmp_path_factory):
    """A finished run of two seeds: its folder and its summary."""
    out = tmp_path_factory.mktemp("run")
    about = {"data": "mixed", "split": "holdout", "target": "churned"}
    return out, run_seeds(*rows, seeds=[0, 3], out=out, active=0.3, about=about, **options)


@pytest.fixture
def no_fit(monkeypatch):
    """Make any fit an error."""

    def fit(self, X, y):
        raise AssertionError("fitted again")

    monkeypatch.setattr(L0GMClassifier, "fit", fit)


def read(path):
    return json.loads(path.read_text())


def test_summary_is_the_file(run):
    out, summary = run
    assert read(out / "summary.json") == summary


def test_summary_of_each_measure(run):
    _, summary = run
    for part in (summary, summary["dense"]):
        for name in MEASURES:
            seeds = part[name]["seeds"]
            worst = min(seeds) if name in ("accuracy", "auc") else max(seeds)
            assert len(seeds) == 2
            assert part[name]["mean"] == pytest.approx(np.mean(seeds))
            assert part[name]["std"] == pytest.approx(np.std(seeds, ddof=1))
            assert part[name]["worst"] == worst
    gap = paired_interval(*(part["accuracy"]["seeds"] for part in (summary, summary["dense"])))
    assert summary["accuracy_minus_dense"] == pytest.approx(gap._asdict())


def test_counts_are_those_of_the_model_files(run, options):
    out, summary = run
    models = [load(out / f"seed-{seed}" / "model.l0gm") for seed in summary["seeds"]]
    assert summary["seeds"] == [0, 3]
    assert summary["n_open"] == 6  # 0.3 of 5 fields of 4 dimensions
    assert summary["n_dimensions"] == 20
    assert summary["active_fraction"] == pytest.approx(0.3)
    assert summary["n_parameters"] == pytest.approx(np.mean([model.n_parameters for model in models]))
    assert summary["n_parameters"] < summary["dense"]["n_parameters"]
    assert summary["model_bytes"] == [(out / f"seed-{seed}" / "model.l0gm").stat().st_size for seed in summary["seeds"]]
    for i, model in enumerate(models):
        assert {name: opened[i] for name, opened in summary["support"].items()} == model.information["support"]
    assert summary["options"]["epochs"] == options["epochs"]
    assert summary["rows"] == {"train": 375, "test": 125}
    assert set(summary["versions"]) == {"python", "numpy", "torch", "l0gm"}
    assert {"cpu", "cores"} <= set(summary["hardware"])
    assert all(event["n_open"] == 6 for event in summary["hardening"])
    assert summary["data"] == "mixed"


def test_measures_are_those_of_the_shipped_file(run, rows):
    out, summary = run
    _, _, X, y = rows
    for i, seed in enumerate(summary["seeds"]):
        folder = out / f"seed-{seed}"
        model = load(folder / "model.l0gm")
        measured = model.evaluate(X, y)
        assert measured == read(folder / "metrics.json")["test"] == model.information["metrics"]["test"]
        assert {name: summary[name]["seeds"][i] for name in MEASURES} == {name: measured[name] for name in MEASURES}
        events = [json.loads(line)["event"] for line in (folder / "history.jsonl").read_text().splitlines()]
        assert events[-1] == "end"
        assert model.information["target"] == "churned"
    assert summary["ece_null_p95"] == pytest.approx(
        np.mean([read(out / f"seed-{seed}" / "metrics.json")["test"]["ece_null_p95"] for seed in (0, 3)])
    )


def test_dense_is_the_same_fit_without_a_gate(run, rows, options):
    _, summary = run
    X_train, y_train, X_test, y_test = rows
    dense = L0GMClassifier(gate="none", random_state=3, **options).fit(X_train, y_train)
    assert dense.evaluate(X_test, y_test)["log_loss"] == pytest.approx(
        summary["dense"]["log_loss"]["seeds"][1], abs=1e-5
    )


def test_scaled_measures_stand_apart(run, rows):
    out, summary = run
    _, _, X, y = rows
    scaled = load(out / "seed-0" / "model.l0gm").evaluate(X, y, calibrated=True)
    assert summary["scaled"]["log_loss"]["seeds"][0] == pytest.approx(scaled["log_loss"])
    assert summary["log_loss"]["seeds"][0] != summary["scaled"]["log_loss"]["seeds"][0]


def test_a_finished_run_is_not_repeated(run, rows, options, no_fit):
    out, summary = run
    about = {name: summary[name] for name in ("data", "split", "target")}
    assert run_seeds(*rows, seeds=[0, 3], out=out, active=0.3, about=about, **options) == summary


def test_goes_on_where_it_was_stopped(rows, options, tmp_path):
    seen = []
    settings = {"active": 0.3, "on_fit": lambda seed, role, record: seen.append((seed, role)), **options}
    first = run_seeds(*rows, seeds=[0], out=tmp_path, **settings)
    times = {path: path.stat().st_mtime_ns for path in tmp_path.glob("seed-0/**/*") if path.is_file()}
    (tmp_path / "seed-0" / "dense" / "metrics.json").unlink()  # as if it had been killed there

    second = run_seeds(*rows, seeds=[0, 1], out=tmp_path, **settings)
    assert seen[2:] == [(0, "gated"), (0, "dense"), (1, "gated"), (1, "dense")]
    again = {path for path, time in times.items() if path.stat().st_mtime_ns != time}
    assert {path.parent.name for path in again} == {"dense"}
    assert second["log_loss"]["seeds"][0] == first["log_loss"]["seeds"][0]
    assert second["dense"]["log_loss"]["seeds"][0] == first["dense"]["log_loss"]["seeds"][0]  # bit for bit


def test_a_damaged_model_is_made_again(rows, options, tmp_path):
    first = run_seeds(*rows, seeds=[0], out=tmp_path, dense=False, **options)
    model = tmp_path / "seed-0" / "model.l0gm"
    model.write_bytes(model.read_bytes()[:-1])
    assert run_seeds(*rows, seeds=[0], out=tmp_path, dense=False, **options)["auc"] == first["auc"]
    load(model).verify()


def test_other_settings_are_refused_by_name(run, rows, options, no_fit):
    out, summary = run
    with pytest.raises(ParameterError, match=r"active: 0\.3 there, 0\.5 now\)"):
        run_seeds(*rows, seeds=[0], out=out, active=0.5, **options)
    X_train, y_train, X_test, y_test = rows
    with pytest.raises(ParameterError, match=r"training rows: 375 .* there, 374 .* now\)"):
        run_seeds(X_train[1:], y_train[1:], X_test, y_test, seeds=[7], out=out, active=0.3, **options)
    assert read(out / "summary.json") == summary


def test_overwrite_discards_what_a_run_wrote_and_nothing_else(rows, options, tmp_path):
    run_seeds(*rows, seeds=[0, 1], out=tmp_path, **options)
    (tmp_path / "seed-0" / "notes.txt").write_text("mine")
    summary = run_seeds(*rows, seeds=[0], out=tmp_path, active=0.5, dense=False, overwrite=True, **options)
    assert summary["options"]["active"] == 0.5
    files = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    own = {f"seed-0/{name}" for name in ("model.l0gm", "history.jsonl", "metrics.json", "notes.txt")}
    assert files == {"summary.json"} | own


def test_one_seed_has_no_spread_and_no_interval(rows, options, tmp_path):
    summary = run_seeds(*rows, seeds=[5], out=tmp_path, calibrated=True, gate="none", **options)
    assert summary["auc"]["std"] == 0.0
    assert summary["dense"] is None  # it is the dense model
    assert summary["accuracy_minus_dense"] is None
    assert summary["hardening"] == [None]
    assert summary["active_fraction"] == 1.0
    assert summary["log_loss"] == summary["scaled"]["log_loss"]  # calibrated


def test_several_classes(classes, options, tmp_path):
    summary = run_seeds(*classes, seeds=[0], out=tmp_path, **options)
    assert "ece_positive" not in summary
    assert set(MEASURES) <= set(summary)
    model = load(tmp_path / "seed-0" / "model.l0gm")
    codes = np.searchsorted(model.classes_, classes[3].to_numpy())
    assert evaluate(codes, model.predict_proba(classes[2]))["auc"] == summary["auc"]["seeds"][0]


def test_test_rows_are_checked_before_training(classes, options, tmp_path, no_fit):
    X_train, y_train, X_test, y_test = classes
    some = (y_test != "rim").to_numpy()
    with pytest.raises(DataError, match="hold none of class 'rim'"):
        run_seeds(X_train, y_train, X_test[some], y_test[some], seeds=[0], out=tmp_path / "run", **options)
    with pytest.raises(DataError, match="'elsewhere' is none of"):
        run_seeds(X_train, y_train, X_test, ["elsewhere"] * len(y_test), seeds=[0], out=tmp_path / "run")
    with pytest.raises(DataError, match="125 labels for 124 rows"):
        run_seeds(X_train, y_train, X_test[1:], y_test, seeds=[0], out=tmp_path / "run")
    with pytest.raises(DataError, match="the test rows lack shape"):
        run_seeds(X_train, y_train, X_test[["y", "x"]], y_test, seeds=[0], out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("seeds", [[], [1, 1], [-1]])
def test_seeds_that_mean_nothing(rows, seeds, tmp_path):
    with pytest.raises(ParameterError, match="seeds="):
        run_seeds(*rows, seeds=seeds, out=tmp_path)


def test_an_overwrite_that_fails_leaves_what_was_there(rows, options, tmp_path):
    run_seeds(*rows, seeds=[0], out=tmp_path, dense=False, **options)
    before = {
        path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and path.name != "history.jsonl"
    }
    with pytest.raises(ParameterError, match="device"):
        run_seeds(*rows, seeds=[0], out=tmp_path, dense=False, overwrite=True, device="nonsense", **options)
    assert {path: path.read_bytes() for path in before} == before
